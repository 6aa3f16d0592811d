"""What a cut would buy, told before anything is encoded. Pure arithmetic over the header's facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo
    from mmscontent.rate_quality import Curve

__all__ = ["TrimEstimate", "estimate_trim", "trim_advice"]

# The largest frame whose pixels get this many bits is what the codec of films mostly chooses (0.026 to 0.035 between 20
# and 190 kb/s of picture; docs/budget.md).
_BITS_PER_PIXEL = 0.03
_SOUND_BPS = 24_000
_LONG_SIDES = (160, 240, 320, 480, 640, 854, 960, 1280, 1920)
_LEAST_MS = 1000
_GOOD = 60.0  # VMAF from which a phone's screen shows no loss at a first look; a film under it is told what a cut gives


@dataclass(frozen=True, slots=True)
class TrimEstimate:
    """A cut, and what it would give.

    Attributes:
        whole: Frame at best for the whole film.
        trim_ms: Length that reaches the next larger frame; None when none does, or the whole is its own size already.
        better: That frame.
        text: All of it as a sentence.
    """

    bits_per_second: int
    whole: tuple[int, int]
    trim_ms: int | None
    better: tuple[int, int] | None
    text: str


def estimate_trim(info: MediaInfo, limit_bytes: int) -> TrimEstimate:
    """What *limit_bytes* give a film at its whole length, and how much shorter it must be for the next larger frame."""
    duration_ms = max(1, info.duration_ms or 1)
    rate = limit_bytes * 8000 // duration_ms
    sides = _frames(info)
    at = max((i for i, frame in enumerate(sides) if rate >= _needed_bps(info, frame)), default=0)
    whole, said = sides[at], f"{duration_ms / 1000:g} s at {limit_bytes / 1000:g} KB is {rate / 1000:.0f} kb/s"
    text = f"{said}: {whole[0]}×{whole[1]} at best"
    if rate < _needed_bps(info, whole):
        trim_ms, better = int(limit_bytes * 8000 / _needed_bps(info, whole)), whole
        text = f"{said}: too little even for {whole[0]}×{whole[1]}"
    elif at + 1 < len(sides):
        better = sides[at + 1]
        trim_ms = int(limit_bytes * 8000 / _needed_bps(info, better))
    else:
        return TrimEstimate(rate, whole, None, None, f"{text}, its own size")
    if trim_ms < _LEAST_MS:
        return TrimEstimate(rate, whole, None, None, text)
    trim_ms = trim_ms // 500 * 500
    return TrimEstimate(
        rate, whole, trim_ms, better, f"{text}; {trim_ms / 1000:g} s would give {better[0]}×{better[1]}"
    )


def trim_advice(info: MediaInfo, curve: Curve, made: MediaInfo) -> str:
    """What a film's share came to, and how much of it would look good in the same bytes; "" when all of it does."""
    quality, length_ms = curve.quality_at(made.size_bytes), info.duration_ms or 0
    trim_ms = int(length_ms * made.size_bytes / max(1, curve.size_for(_GOOD))) // 500 * 500
    if quality >= _GOOD or curve.qualities[-1] < _GOOD or not _LEAST_MS <= trim_ms < length_ms:
        return ""
    rate = made.size_bytes * 8 / length_ms
    return (
        f"{length_ms / 1000:g} s at {made.size_bytes / 1000:.0f} KB is {rate:.0f} kb/s:"
        f" {made.width_px}×{made.height_px} at quality {quality:.0f};"
        f" its first {trim_ms / 1000:g} s would reach {_GOOD:.0f}"
    )


def _needed_bps(info: MediaInfo, frame: tuple[int, int]) -> float:
    sound = _SOUND_BPS if info.audio_codec else 0
    return _BITS_PER_PIXEL * frame[0] * frame[1] * min(info.fps or 30.0, 30.0) + sound


def _frames(info: MediaInfo) -> list[tuple[int, int]]:
    """Its shape at the usual sizes, upright, none larger than itself; itself last."""
    width, height = info.width_px or 640, info.height_px or 360
    if info.orientation >= 5:  # noqa: PLR2004 - EXIF: 5 to 8 lie on their side
        width, height = height, width
    long = max(width, height)
    scaled = [(round(width * s / long / 2) * 2, round(height * s / long / 2) * 2) for s in _LONG_SIDES if s < long]
    return [*scaled, (width // 2 * 2 or 2, height // 2 * 2 or 2)]
