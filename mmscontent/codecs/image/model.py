"""What a picture would weigh and how it would look, written at any scale and quality: one table a way of writing.

The size comes straight from the probe. The look of the view does too; a fitted polynomial carries it to other
scales, and from the tiles to the whole: benchmarks/train_stills.py makes its numbers, docs/fitting.md tells them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.probe import HEADER_BYTES, REFERENCE_QUALITY
from mmscontent.codecs.image.quality_model import WEIGHTS

if TYPE_CHECKING:
    from mmscontent.codecs.image.encode import JpegWay
    from mmscontent.codecs.image.probe import Numbers, Probe

    Ends = tuple[float | Numbers, float | Numbers]

__all__ = ["Choice", "Forecast", "best_choice", "forecast", "terms"]

_MIN_LONG_PX = 96
_STEP = 0.85  # between the scales looked at
_MOST_VIEWS = 2.4  # more pixels than this add nothing a phone shows
_WORTH_LARGER = 0.8  # points by which more pixels than the view must win: they have to be decoded anew


@dataclass(frozen=True, slots=True)
class Choice:
    """A way of writing with its scale and quality, and what is predicted of it."""

    long_px: int
    quality: float
    way: JpegWay
    size_bytes: float
    score: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """All choices of one way of writing.

    Attributes:
        view_px: Long side at which scores are meant.
        long_px: Scales, rising; the last is the picture's own.
        sizes: Bytes, one row a scale, one column a quality of the way.
        scores: Of the common scale, likewise.
    """

    way: JpegWay
    view_px: int
    long_px: Numbers
    sizes: Numbers
    scores: Numbers

    def corrected(self, seen: list[tuple[float, int]]) -> Forecast:
        """The same after some encodes: straight between what they weighed, in proportion outside.

        Args:
            seen: Predicted and real bytes of each encode.
        """
        rising: list[tuple[float, float]] = []
        for predicted, real in sorted((float(np.log(p)), float(np.log(r))) for p, r in seen):
            if not rising or (predicted > rising[-1][0] and real > rising[-1][1]):
                rising.append((predicted, real))
        before, after = (np.array(column) for column in zip(*rising, strict=True))
        sizes = np.log(self.sizes)
        inside = np.interp(sizes, before, after)
        outside = np.minimum(sizes - before[0], 0) + np.maximum(sizes - before[-1], 0)
        return replace(self, sizes=np.exp(inside + outside))

    def at(self, row: int, column: int) -> Choice:
        """One of its choices."""
        size, score = float(self.sizes[row, column]), float(self.scores[row, column])
        return Choice(int(self.long_px[row]), float(self.way.qualities[column]), self.way, size, score)

    def size_at(self, long_px: float, quality: float) -> float:
        """Bytes at a scale between those of the table."""
        column = self.sizes[:, int(np.searchsorted(self.way.qualities, quality))]
        return float(np.exp(np.interp(np.log(long_px), np.log(self.long_px), np.log(column))))

    def score_at(self, long_px: float, quality: float) -> float:
        """Score at a scale between those of the table."""
        column = self.scores[:, int(np.searchsorted(self.way.qualities, quality))]
        return float(np.interp(np.log(long_px), np.log(self.long_px), column))


def forecast(probe: Probe, way: JpegWay) -> Forecast:
    """Sizes and scores of a picture for one way of writing, at all scales and qualities worth looking at."""
    seen = probe.seen(way)
    long_px = _scales(probe.long_px, probe.view_px)
    quality = way.qualities
    bits = seen.bits_per_pixel(np.log2(long_px), quality)
    area = probe.image.width * probe.image.height * (long_px / probe.base_px) ** 2
    at_view = seen.bits_per_pixel(
        np.log2(np.array([probe.view_px, probe.view_px / 2])), np.array([REFERENCE_QUALITY[way.encoder]])
    )[:, 0]
    scores = np.tensordot(
        terms(
            np.log2(long_px / probe.view_px)[:, None],
            way.coarseness(quality)[None, :],
            seen.look(quality)[None, :],
            seen.looks,
            (float(at_view[0]), float(at_view[0] - at_view[1])),
        ),
        WEIGHTS,
        axes=([0], [0]),
    )
    scores = np.maximum.accumulate(scores, axis=1)
    return Forecast(way, probe.view_px, long_px, HEADER_BYTES + area[:, None] * 2**bits / 8, np.clip(scores, -50, 99.5))


def terms(scale: Numbers, coarse: Numbers, look: Numbers, looks: Ends, texture: Ends) -> Numbers:
    """The terms the polynomial weighs, stacked.

    Args:
        scale: Logarithm to base 2 of the long side over the view's.
        coarse: Logarithm of how coarse the tables are.
        look: Score of the probe's tiles at that quality, at the view.
        looks: That score at the two qualities that were looked at.
        texture: Logarithm of bits per pixel at the view and a middling quality, and how much that is over the one at
            half the view.
    """
    less, more = np.minimum(scale, 0.0), np.maximum(scale, 0.0)
    weight, fine = texture
    low, high = looks
    one = np.ones(np.broadcast_shapes(scale.shape, coarse.shape, look.shape))
    parts = (
        *(one, look, look**2 / 100, look**3 / 10_000, coarse, coarse**2, look * coarse),
        *(less, less**2, less * look, less * look**2 / 100, less * coarse, less**2 * look, less * weight, less * fine),
        *(more, more**2, more * look, more * look**2 / 100, more * coarse, more * weight, more * fine),
        *(weight, fine, low, high, low * low / 100, high * high / 100, low * high / 100),
        *(low * coarse, high * coarse, low * coarse**2 / 10, high * coarse**2 / 10, coarse**3),
    )
    return np.stack([one * part for part in parts])


def best_choice(forecasts: list[Forecast], limit_bytes: float) -> Choice | None:
    """The most predicted quality within a limit; None when nothing is so small."""
    found = [choice for each in forecasts for choice in _within(each, limit_bytes)]
    if not found:
        return None
    near = [c for c in found if c.long_px <= forecasts[0].view_px]
    best, best_near = (max(some, key=lambda c: c.score, default=None) for some in (found, near))
    if best is None or best_near is None or best.score > best_near.score + _WORTH_LARGER:
        return best
    return best_near


def _within(each: Forecast, limit_bytes: float) -> list[Choice]:
    """The highest quality of each scale that stays within a limit."""
    count = (each.sizes <= limit_bytes).sum(axis=1)  # sizes rise with quality
    return [each.at(row, int(n) - 1) for row, n in enumerate(count) if n > 0]


def _scales(native_px: int, view_px: int) -> Numbers:
    """Long sides to look at: the picture's own, the view's, and steps from the view both ways."""
    sides = {native_px, view_px}
    side = view_px * _STEP
    while side >= min(_MIN_LONG_PX, view_px * 0.6):
        sides.add(round(side))
        side *= _STEP
    side = view_px / _STEP
    while side < min(native_px * 0.93, view_px * _MOST_VIEWS):
        sides.add(round(side))
        side /= _STEP
    return np.array(sorted(sides), float)
