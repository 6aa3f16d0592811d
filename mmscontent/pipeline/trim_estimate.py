"""Estimates from header facts alone what frame size a video reaches in a number of bytes, and what a cut would give."""

from __future__ import annotations

from dataclasses import dataclass

from mmscontent.message import MediaInfo
from mmscontent.rate_quality import Curve

# The largest frame whose pixels get this many bits is mostly the one that the video codec chooses (0.026 to 0.035
# between 20 and 190 kb/s of picture; docs/budget.md).
_BITS_PER_PIXEL = 0.03
_AUDIO_BPS = 24_000
_LONG_SIDES = (160, 240, 320, 480, 640, 854, 960, 1280, 1920)
_LEAST_MS, _STEP_MS = 1000, 500
_GOOD = 60.0  # VMAF from which a phone's screen shows no loss at first sight; under it the ledger says what a cut gives


@dataclass(frozen=True, slots=True)
class TrimEstimate:
    """The largest frame for the whole video, and as a sentence what a cut would give."""

    whole: tuple[int, int]
    text: str


def estimate_trim(info: MediaInfo, limit_bytes: int) -> TrimEstimate:
    """What *limit_bytes* give a video at its whole length, and how short it must be for the next larger frame."""
    duration_ms = max(1, info.duration_ms or 1)
    rate = limit_bytes * 8000 // duration_ms
    frames = _frame_sizes(info)
    at = max((i for i, frame in enumerate(frames) if rate >= _needed_bps(info, frame)), default=0)
    whole = frames[at]
    given = f"{duration_ms / 1000:g} s at {limit_bytes / 1000:g} KB is {rate / 1000:.0f} kb/s"
    text = f"{given}: {whole[0]}×{whole[1]} at best"
    if rate < _needed_bps(info, whole):
        better, text = whole, f"{given}: too little even for {whole[0]}×{whole[1]}"
    elif at + 1 < len(frames):
        better = frames[at + 1]
    else:
        return TrimEstimate(whole, f"{text}, its own size")
    trim_ms = int(limit_bytes * 8000 / _needed_bps(info, better))
    if trim_ms >= _LEAST_MS:
        text += f"; {trim_ms // _STEP_MS * _STEP_MS / 1000:g} s would give {better[0]}×{better[1]}"
    return TrimEstimate(whole, text)


def trim_advice(info: MediaInfo, curve: Curve, result: MediaInfo) -> str:
    """What a video came to, and how much of it would look good in the same bytes; "" when all of it does."""
    quality, length_ms = curve.quality_at(result.size_bytes), info.duration_ms or 0
    trim_ms = int(length_ms * result.size_bytes / max(1, curve.size_for(_GOOD))) // _STEP_MS * _STEP_MS
    if quality >= _GOOD or curve.qualities[-1] < _GOOD or not _LEAST_MS <= trim_ms < length_ms:
        return ""
    rate = result.size_bytes * 8 / length_ms
    return (
        f"{length_ms / 1000:g} s at {result.size_bytes / 1000:.0f} KB is {rate:.0f} kb/s:"
        f" {result.width_px}×{result.height_px} at quality {quality:.0f};"
        f" its first {trim_ms / 1000:g} s would reach {_GOOD:.0f}"
    )


def upright_size(info: MediaInfo, *, default: tuple[int, int]) -> tuple[int, int]:
    """Width and height once orientation is applied."""
    width, height = info.width_px or default[0], info.height_px or default[1]
    # EXIF orientation: 5 to 8 are stored on their side.
    return (height, width) if info.orientation >= 5 else (width, height)  # noqa: PLR2004


def _needed_bps(info: MediaInfo, frame: tuple[int, int]) -> float:
    audio = _AUDIO_BPS if info.audio_codec else 0
    return _BITS_PER_PIXEL * frame[0] * frame[1] * min(info.fps or 30.0, 30.0) + audio


def _frame_sizes(info: MediaInfo) -> list[tuple[int, int]]:
    """Its shape at the usual sizes, upright, none larger than itself; itself last. All sides are even."""
    width, height = upright_size(info, default=(640, 360))
    long = max(width, height)
    scaled = [(round(width * s / long / 2) * 2, round(height * s / long / 2) * 2) for s in _LONG_SIDES if s < long]
    return [*scaled, (width // 2 * 2 or 2, height // 2 * 2 or 2)]
