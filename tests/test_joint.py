"""One call with everything in it, at three sizes; and any list of parts: all accounted for, never over the limit."""

from __future__ import annotations

import base64
import functools
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import mmscontent as mms
from mmscontent.compose import compose_all
from mmscontent.pipeline.request import POLICIES
from tests.codecs.clips import video_clip, wav
from tests.conftest import ROOT

FIXTURES = ROOT / "fixtures"


@functools.cache
def photo(number: int, width: int = 1600, height: int = 1200) -> mms.Part:
    """A picture with soft shades and fine detail, some hundred kilobytes as JPEG."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = np.sin(x / (9 + 7 * number)) + np.cos(y / 13) + np.sin((x + y) / (41 + number))
    noise = np.random.default_rng(number).normal(0, 0.35, (height, width))
    shades = [(waves * (0.6 + 0.2 * i) + noise) * 40 + 128 for i in range(3)]
    return _jpeg(np.clip(np.dstack(shades), 0, 255).astype(np.uint8), f"photo-{number}.jpg")


def _jpeg(pixels: np.ndarray, name: str) -> mms.Part:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=92)
    return mms.Part(target.getvalue(), "image/jpeg", name=name)


@functools.cache
def animation() -> mms.Part:
    frames = [Image.open(io.BytesIO(photo(n, 320, 240).data)).quantize(64) for n in range(1, 7)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0)
    return mms.Part(target.getvalue(), "image/gif", name="dance.gif")


@functools.cache
def voice(seconds: int = 6) -> mms.Part:
    t = np.arange(16_000 * seconds) / 16_000
    spoken = np.sin(2 * np.pi * 180 * t) * (np.sin(2 * np.pi * 3 * t) > 0) * 0.4
    return mms.Part(wav(spoken, 16_000), "audio/wav", name="voice.wav")


@functools.cache
def card() -> mms.Part:
    coded = base64.b64encode(photo(9, 640, 640).data).decode()
    lines = "\r\n ".join(coded[at : at + 70] for at in range(0, len(coded), 70))
    rows = ["BEGIN:VCARD", "VERSION:3.0", "N:Lovelace;Ada;;;", "FN:Ada Lovelace", "TEL:+12065550100"]
    rows += [f"PHOTO;ENCODING=b;TYPE=JPEG:{lines}", "END:VCARD", ""]
    return mms.Part("\r\n".join(rows).encode(), "text/x-vcard", name="ada.vcf")


@functools.cache
def everything() -> mms.Message:
    receipt = mms.read_parts(FIXTURES.glob("png-screenshot-receipt*.png"))
    clip = mms.Part(video_clip(640, 360, 10), "video/mp4", name="clip.mp4")
    photos = [photo(n) for n in (1, 2, 3)]
    return mms.Message.of([*photos, *receipt, animation(), voice(), clip, card()], text="All of it", subject="Joint")


@pytest.mark.parametrize("limit", [300_000, 600_000, 1_000_000])
def test_everything_in_one_call_fits_uses_its_room_and_is_told(limit: int) -> None:
    message = everything()
    composed = mms.compose(message, mms.load_profile(device="apple/iphone", max_message_bytes=limit))
    ledger = composed.ledger

    assert 0.95 * limit <= len(composed.data) <= limit
    assert [p.name for p in ledger.parts if p.kind != "text"] == [p.name for p in message.parts if p.kind != "text"]
    assert len(ledger.parts) == len(message.parts)
    assert all(p.predicted is None or p.predicted >= 15 for p in ledger.parts)
    told = ledger.explain()
    assert all(part.name in told for part in ledger.parts)
    assert "of the target of" in told


def test_more_room_is_never_worse_for_the_whole() -> None:
    totals = []
    for limit in (300_000, 1_000_000):
        ledger = mms.check(everything(), mms.load_profile(device="apple/iphone", max_message_bytes=limit))
        totals.append(sum(p.predicted or 0 for p in ledger.parts))

    assert totals[1] >= totals[0]


PARTS = st.sampled_from(
    [
        lambda: photo(1, 400, 300),
        lambda: photo(2, 800, 600),
        lambda: mms.read_parts([min(FIXTURES.glob("gif-anim*.gif"))])[0],
        lambda: mms.read_parts([min(FIXTURES.glob("png-palette-alpha*.png"))])[0],
        lambda: mms.read_parts([min(FIXTURES.glob("amr-nb-1s*"))])[0],
        card,
        lambda: mms.Part.of_text("Words of their own. " * 30, name="words.txt"),
        lambda: mms.read_parts([min(FIXTURES.glob("icalendar-20.ics"))])[0],
        lambda: mms.read_parts([FIXTURES / "paper.pdf"])[0],
    ]
)


@given(st.lists(PARTS, min_size=1, max_size=5), st.integers(1_500, 120_000), st.sampled_from(POLICIES))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_any_parts_are_accounted_for_and_never_over_the_limit(some: list, limit: int, policy: str) -> None:
    message = mms.Message.of([make() for make in some])
    profile = mms.load_profile(max_message_bytes=limit)

    outcome = mms.attempt(message, profile, if_not_fit=policy)

    for ledger in [one.ledger for one in outcome.messages] or [outcome.ledger]:
        assert [p.source.size_bytes for p in ledger.parts] == [len(p.data) for p in message.parts]
        assert all(p.reasons for p in ledger.parts if p.decision == "drop")
    for one in outcome.messages:
        assert len(one.data) <= limit
        sent = [p for p in one.ledger.parts if p.decision != "drop"]
        assert len(mms.unpack(one.data).content.parts) == len(sent)
    if outcome.messages:
        told = [{i for i, p in enumerate(one.ledger.parts) if p.decision != "drop"} for one in outcome.messages]
        lost = set(range(len(message.parts))) - set().union(*told)
        assert not lost or policy == "drop"
    else:
        assert outcome.ledger.options
        with pytest.raises(type(outcome.refusal)):
            compose_all(message, profile, if_not_fit=policy)
