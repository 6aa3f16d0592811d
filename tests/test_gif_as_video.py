"""The rung between the smallest GIF and a still: a video, where the receiver plays one; never silently."""

from __future__ import annotations

from dataclasses import replace

import pytest

import mmscontent as mms
from mmscontent.errors import DoesNotFit
from tests.codecs.clips import made, source


@pytest.fixture(scope="module")
def gif() -> mms.Message:
    """A second that moves all over."""
    picture = source("testsrc2=s=160x120:r=10:d=1").filter("noise", alls=30, allf="t")
    return mms.Message.of((mms.Part(made(picture, muxer="gif"), "image/gif", name="party.gif"),), text="Hi")


def profile(limit_bytes: int) -> mms.Profile:
    return mms.load_profile(content_class="generic/smartphone", max_message_bytes=limit_bytes)


def test_a_gif_that_fits_in_no_form_is_sent_as_video_and_that_is_said(gif: mms.Message) -> None:
    composed = mms.compose(gif, profile(9_000))
    ledger = composed.ledger.as_json()
    part, _ = ledger["parts"]
    content = mms.unpack(composed.data, composed.content_type).content

    assert len(composed.data) <= 9_000
    assert part["result"]["media_type"] == "video/mp4"
    assert abs(part["result"]["duration_ms"] - part["source"]["duration_ms"]) <= 100
    assert "it is sent as video, which plays once" in part["reasons"][0]
    assert any("party.gif is sent as video" in warning for warning in ledger["warnings"])
    assert content.presentation is not None
    assert b'<video src="party.mp4"' in content.presentation.data


def test_a_gif_that_fits_stays_one(gif: mms.Message) -> None:
    ledger = mms.compose(gif, profile(900_000)).ledger.as_json()

    assert ledger["parts"][0]["result"]["media_type"] == "image/gif"
    assert not any("video" in warning for warning in ledger["warnings"])


def test_a_receiver_without_films_is_told_what_else_there_is(gif: mms.Message) -> None:
    small = profile(9_000)
    with pytest.raises(DoesNotFit) as caught:
        mms.compose(gif, replace(small, video=replace(small.video, formats=())))

    assert any(option["do"] == "poster" for option in caught.value.options)


def test_a_still_is_sent_only_when_the_caller_allows_it_and_is_said(gif: mms.Message) -> None:
    small = profile(9_000)
    composed = mms.compose(gif, replace(small, video=replace(small.video, formats=())), if_not_fit="poster")
    ledger = composed.ledger.as_json()

    assert ledger["parts"][0]["result"]["frames"] == 1
    assert any("still" in warning for warning in ledger["warnings"])
