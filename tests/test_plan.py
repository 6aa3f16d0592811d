"""Decisions: what is kept, what is transcoded with how many bytes, what is refused, and what would fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.codecs.base import Survey
from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.message import MediaInfo, Part
from mmscontent.pipeline.examine import mark_refused
from mmscontent.pipeline.plan import Keep, ProbedPart, Transcode, make_plan, raise_if_refused, relabel
from mmscontent.profiles.model import AudioFormat, AudioRule, CalendarRule, ImageRule, Profile
from mmscontent.rate_quality import Curve

PROFILE = Profile(300_000, 300_000)


def picture(name: str, size: int = 2_000_000, *, floor: int = 5_000, keep: int | None = None) -> ProbedPart:
    info = MediaInfo("image/jpeg", "image", size, width_px=4000, height_px=3000)
    top = min(size, 800_000)
    curve = Curve.through([(floor, 30.0), (40_000, 70.0), (150_000, 85.0), (top, 92.0)])
    return ProbedPart(Part(b"", "image/jpeg", name=name), info, Survey(info, curve, floor, keep_bytes=keep))


def carried(name: str, media_type: str, size: int) -> ProbedPart:
    part = Part(b"x" * size, media_type, name=name)
    return ProbedPart(part, MediaInfo(media_type, part.kind, size))


PLANS = [
    # parts, available, decisions as words
    ([picture("a")], 290_000, ["transcode"]),
    ([picture("a", 90_000, keep=89_000)], 290_000, ["keep"]),
    ([picture("a", 300_000, keep=299_000)], 290_000, ["transcode"]),
    ([picture("a", 90_000, keep=89_000), picture("b")], 290_000, ["keep", "transcode"]),
    ([picture("a", 90_000, keep=89_000), picture("b", 90_000, keep=90_000)], 290_000, ["keep", "keep"]),
    ([carried("c", "text/x-vcard", 900), picture("b")], 290_000, ["keep", "transcode"]),
]


@pytest.mark.parametrize(("parts", "available", "expected"), PLANS)
def test_decisions(parts: list[ProbedPart], available: int, expected: list[str]) -> None:
    plan = make_plan(parts, available)

    assert [type(d).__name__.lower() for d in plan.decisions] == expected
    assert _promised(plan.decisions, parts) <= available


def _promised(decisions, parts: list[ProbedPart]) -> int:
    total = 0
    for decision, one in zip(decisions, parts, strict=True):
        if isinstance(decision, Transcode):
            total += decision.limit_bytes
        else:
            assert isinstance(decision, Keep)
            total += (one.survey.keep_bytes or 0) if one.survey else len(one.part.data)
    return total


def _least(parts: list[ProbedPart]) -> int:
    floors = (
        min(e.survey.minimum_bytes, e.survey.keep_bytes or 10**9) if e.survey else len(e.part.data) for e in parts
    )
    return sum(floors)


PROBED_PARTS = st.one_of(
    st.builds(picture, st.just("p"), st.integers(50_000, 9_000_000)),
    st.builds(lambda n: picture("k", n, keep=n - 100), st.integers(20_000, 900_000)),
    st.builds(lambda n: carried("c", "text/x-vcard", n), st.integers(0, 50_000)),
)


@given(st.lists(PROBED_PARTS, min_size=1, max_size=6), st.integers(0, 1_200_000))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_what_is_promised_never_passes_the_budget(parts: list[ProbedPart], available: int) -> None:
    least = _least(parts)
    if least > available:
        with pytest.raises(DoesNotFit) as caught:
            make_plan(parts, available)
        assert caught.value.smallest_bytes == least
        return
    plan = make_plan(parts, available)

    assert len(plan.decisions) == len(parts)
    assert _promised(plan.decisions, parts) <= available


REFUSED = [
    (carried("a", "video/webm", 9), PROFILE, "video/webm: the receiver plays no video"),
    (carried("a", "audio/flac", 9), replace(PROFILE, audio=AudioRule(())), "plays no audio"),
    (carried("a", "application/pdf", 9), PROFILE, "application/pdf"),
    (carried("a", "text/calendar", 9), replace(PROFILE, calendar=CalendarRule(())), "opens no calendar entries"),
    (carried("a", "image/svg+xml", 9), PROFILE, "draw it as PNG"),
    (carried("a", "image/png", 9), replace(PROFILE, image=ImageRule(media_types=())), "accepts no images"),
]
TAKEN = [
    (carried("a", "audio/amr", 9), PROFILE),
    (carried("a", "text/x-vcard", 9), PROFILE),
    (carried("a", "text/x-vcalendar", 9), PROFILE),
    (carried("a", "text/calendar", 9), PROFILE),
    (carried("a", "audio/flac", 9), PROFILE),
    (carried("a", "audio/flac", 9), replace(PROFILE, audio=AudioRule((AudioFormat("audio/flac", "flac"),)))),
    (carried("a", "application/pdf", 9), replace(PROFILE, extra_media_types=("application/pdf",))),
    (carried("a", "text/plain", 9), PROFILE),
]


@pytest.mark.parametrize(("part", "profile", "why"), REFUSED)
def test_what_the_receiver_does_not_take_is_refused_by_name(part: ProbedPart, profile: Profile, why: str) -> None:
    with pytest.raises(NotAllowed, match=why) as caught:
        raise_if_refused(mark_refused((part,), profile))
    assert caught.value.part == "a"


@pytest.mark.parametrize(("part", "profile"), TAKEN)
def test_what_the_receiver_takes_passes(part: ProbedPart, profile: Profile) -> None:
    raise_if_refused(mark_refused((part,), profile))


def test_labels_never_coincide() -> None:
    assert [e.label for e in relabel([picture("a"), picture("a"), picture("b")])] == ["a", "a (2)", "b"]
