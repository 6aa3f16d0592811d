"""Which way to write a picture: scale, quality and chroma chosen together for the most quality within a limit.

Predict, write once, learn from the size what the prediction missed, write once more when that pays. The first
writing lands within a few per cent, the second on the spot; never more than five.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmscontent.codecs.image.decode import scaled
from mmscontent.codecs.image.encode import JpegWay, encode_jpeg
from mmscontent.codecs.image.model import Probe, predicted_quality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Choice", "Fit", "best_choice", "choices", "fit_jpeg", "smallest_bytes"]

MAX_ENCODES = 5
_AIM = 0.985  # of the limit: the prediction's scatter after one writing is about one per cent
_ENOUGH = 0.97
_MIN_QUALITY, _MAX_QUALITY = 12, 98
_MIN_LONG_PX = 96
_STEP = 0.84  # between the scales looked at
_PREFER_LARGER = 0.4  # points given up for a picture that can be looked at more closely


@dataclass(frozen=True, slots=True)
class Choice:
    """A way of writing with its scale and quality, and what is predicted of it."""

    long_px: int
    quality: int
    way: JpegWay
    size_bytes: float
    score: float


@dataclass(slots=True)
class Fit:
    """What a search found; *data* is None when nothing was small enough."""

    data: bytes | None = None
    choice: Choice | None = None
    sides_px: tuple[int, int] = (0, 0)
    encodes: int = 0
    tries: list[str] = field(default_factory=list)


def choices(probe: Probe, ways: Sequence[JpegWay], limit_bytes: float, view_long_px: int) -> Iterator[Choice]:
    """For each way and scale the highest quality predicted to stay within a limit."""
    for way in ways:
        for long_px in _scales(probe.long_px, view_long_px):
            quality = _quality_for(probe, long_px, way, limit_bytes)
            if quality is not None:
                yield _choice(probe, long_px, quality, way, view_long_px)


def best_choice(probe: Probe, ways: Sequence[JpegWay], limit_bytes: float, view_long_px: int) -> Choice | None:
    """The choice with the most predicted quality; of near equals the largest picture."""
    found = list(choices(probe, ways, limit_bytes, view_long_px))
    if not found:
        return None
    best = max(c.score for c in found)
    return max((c for c in found if c.score >= best - _PREFER_LARGER), key=lambda c: (c.long_px, c.score))


def fit_jpeg(probe: Probe, ways: Sequence[JpegWay], limit_bytes: int, view_long_px: int) -> Fit:
    """Write the picture so that it fills a limit, or say in `tries` how small it got."""
    fit = Fit()
    choice = best_choice(probe, ways, limit_bytes * _AIM, view_long_px)
    correction = 1.0
    while choice is not None and fit.encodes < MAX_ENCODES:
        image = _at(probe, choice.long_px)
        data = encode_jpeg(image, choice.quality, choice.way)
        fit.encodes += 1
        fit.tries.append(f"{image.width}×{image.height} q{choice.quality} {choice.way.label} → {len(data):,} bytes")
        if len(data) <= limit_bytes and (fit.data is None or len(data) > len(fit.data)):
            fit.data, fit.choice, fit.sides_px = data, choice, (image.width, image.height)
        if _ENOUGH * limit_bytes <= len(data) <= limit_bytes:
            break
        correction = len(data) / probe.size_bytes(choice.long_px, choice.quality, choice.way)
        following = _corrected(probe, choice, limit_bytes / correction, view_long_px, fit)
        choice = following
    return fit


def _corrected(probe: Probe, last: Choice, limit_bytes: float, view_long_px: int, fit: Fit) -> Choice | None:
    """The same scale at another quality; another scale when quality has no step left that helps."""
    quality = _quality_for(probe, last.long_px, last.way, limit_bytes * 0.995)
    if quality is None:
        smaller = [c for c in choices(probe, [last.way], limit_bytes * _AIM, view_long_px) if c.long_px < last.long_px]
        return max(smaller, key=lambda c: c.score, default=None)
    if quality == last.quality or (fit.data is not None and fit.choice is not None and quality <= fit.choice.quality):
        if fit.data is None and quality > _MIN_QUALITY:
            return _choice(probe, last.long_px, quality - 1, last.way, view_long_px)
        return None
    return _choice(probe, last.long_px, quality, last.way, view_long_px)


def _choice(probe: Probe, long_px: int, quality: int, way: JpegWay, view_long_px: int) -> Choice:
    score = predicted_quality(probe, long_px, quality, way, view_long_px)
    return Choice(long_px, quality, way, probe.size_bytes(long_px, quality, way), score)


def _scales(native_px: int, view_long_px: int) -> list[int]:
    """Long sides to look at: the source's own, the view's, and steps down from both."""
    found = [native_px]
    side = float(min(native_px, view_long_px * 2))
    while side >= min(native_px, _MIN_LONG_PX):
        found.append(round(side))
        side *= _STEP
    if view_long_px < native_px:
        found.append(view_long_px)
    return sorted(set(found))


def _quality_for(probe: Probe, long_px: int, way: JpegWay, limit_bytes: float) -> int | None:
    """Highest quality predicted to stay within a limit, by bisection; None when none does."""
    if probe.size_bytes(long_px, _MIN_QUALITY, way) > limit_bytes:
        return None
    low, high = _MIN_QUALITY, _MAX_QUALITY
    while low < high:
        middle = (low + high + 1) // 2
        if probe.size_bytes(long_px, middle, way) <= limit_bytes:
            low = middle
        else:
            high = middle - 1
    return low


def _at(probe: Probe, long_px: int) -> Any:  # noqa: ANN401 - pyvips has no types
    return probe.image if long_px >= probe.long_px else scaled(probe.image, long_px / probe.long_px).copy_memory()


def smallest_bytes(probe: Probe, ways: Sequence[JpegWay]) -> int:
    """The least a picture worth looking at could have: the smallest scale at the lowest quality."""
    return round(min(probe.size_bytes(min(_MIN_LONG_PX, probe.long_px), _MIN_QUALITY, way) for way in ways) * 1.1)
