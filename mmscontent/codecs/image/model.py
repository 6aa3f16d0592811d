"""What a picture would weigh and how it would look, written at any scale and quality: one table a way of writing.

The size comes straight from the probe. The look of the view does too; a fitted polynomial carries it to other
scales, and from the tiles to the whole: benchmarks/train_stills.py makes its numbers, docs/fitting.md tells them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.probe import HEADER_BYTES, texture
from mmscontent.codecs.image.quality_model import WEIGHTS

if TYPE_CHECKING:
    from mmscontent.codecs.image.encode import JpegSettings
    from mmscontent.codecs.image.probe import Numbers, Probe

    Ends = tuple[float | Numbers, float | Numbers]

__all__ = ["EncodeSetting", "SizeQualityTable", "best_setting", "predict_table", "terms"]

_MIN_LONG_PX = 96
_STEP = 0.85  # between the scales looked at
_MOST_VIEWS = 2.4  # more pixels than this add nothing a phone shows
# Points by which more pixels than the view must win, for they have to be taken from the source anew; and where the
# view's own cannot be told from the original.
_WORTH_LARGER, _WORTH_LARGER_WHEN_FINE, _FINE = 0.8, 2.5, 90.0


@dataclass(frozen=True, slots=True)
class EncodeSetting:
    """A way of writing with its scale and quality, and what is predicted of it."""

    long_px: int
    quality: float
    settings: JpegSettings
    size_bytes: float
    score: float


@dataclass(frozen=True, slots=True)
class SizeQualityTable:
    """All choices of one way of writing.

    Attributes:
        view_px: Long side at which scores are meant.
        long_px: Scales, rising; the last is the picture's own.
        sizes: Bytes, one row a scale, one column a quality of the way's grid; rising with quality.
        scores: Of the common scale, likewise.
    """

    settings: JpegSettings
    view_px: int
    long_px: Numbers
    sizes: Numbers
    scores: Numbers

    def corrected(self, seen: list[tuple[float, float]]) -> SizeQualityTable:
        """The same by what is known: straight between what was weighed, in proportion outside.

        Args:
            seen: Bytes as predicted and as they are, of each that is known.
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

    def fullest(self, row: int, limit_bytes: float) -> EncodeSetting | None:
        """The highest quality of one scale that stays within a limit; None when none does."""
        return self._choice(int(self.long_px[row]), self.sizes[row], self.scores[row], limit_bytes)

    def fullest_at(self, long_px: int, limit_bytes: float) -> EncodeSetting | None:
        """The same at a scale that need not be of the table."""
        sizes = np.exp(self._row(np.log(self.sizes), long_px))
        return self._choice(long_px, sizes, self._row(self.scores, long_px), limit_bytes)

    def least(self) -> EncodeSetting:
        """The smallest there is."""
        quality, size, score = float(self.settings.grid[0]), float(self.sizes[0, 0]), float(self.scores[0, 0])
        return EncodeSetting(int(self.long_px[0]), quality, self.settings, size, score)

    def frontier(self, limits: Numbers) -> Numbers:
        """The best score within each limit; minus infinity where nothing is so small."""
        logs, near = np.log(limits), self.long_px <= self.view_px
        scores = np.stack(
            [np.interp(logs, np.log(s), q, left=-np.inf) for s, q in zip(self.sizes, self.scores, strict=True)]
        )
        best_near = scores[near].max(axis=0)
        best = scores.max(axis=0)
        return np.asarray(np.where(best > _beaten_by(best_near), best, best_near), float)

    @property
    def most_bytes(self) -> float:
        """What its best choice of all comes to."""
        near = self.long_px <= self.view_px
        worth = self.scores[:, -1].max() > _beaten_by(self.scores[near, -1].max())
        return float(self.sizes[:, -1].max() if worth else self.sizes[near, -1].max())

    def size_at(self, long_px: float, quality: float) -> float:
        """Bytes at a scale and quality between those of the table."""
        return float(np.exp(np.interp(quality, self.settings.grid, self._row(np.log(self.sizes), long_px))))

    def score_at(self, long_px: float, quality: float) -> float:
        """Score at a scale and quality between those of the table."""
        return float(np.interp(quality, self.settings.grid, self._row(self.scores, long_px)))

    def _row(self, table: Numbers, long_px: float) -> Numbers:
        place = float(np.interp(np.log(long_px), np.log(self.long_px), np.arange(len(self.long_px))))
        above = min(int(place) + 1, len(table) - 1)
        return np.asarray(table[int(place)] + (place - int(place)) * (table[above] - table[int(place)]), float)

    def _choice(self, long_px: int, sizes: Numbers, scores: Numbers, limit_bytes: float) -> EncodeSetting | None:
        if limit_bytes < sizes[0]:
            return None
        grid, step = self.settings.grid, self.settings.step
        quality = float(np.interp(np.log(limit_bytes), np.log(sizes), grid))
        quality = max(float(np.floor(quality / step) * step), float(grid[0]))
        size = float(np.exp(np.interp(quality, grid, np.log(sizes))))
        return EncodeSetting(long_px, quality, self.settings, size, float(np.interp(quality, grid, scores)))


def predict_table(probe: Probe, settings: JpegSettings) -> SizeQualityTable:
    """Sizes and scores of a picture for one way of writing, at all scales and qualities worth looking at."""
    seen = probe.seen(settings)
    long_px = _scales(probe.long_px, probe.view_px)
    quality = settings.grid
    bits = np.maximum.accumulate(seen.bits_per_pixel(np.log2(long_px), quality), axis=1)
    area = probe.pixels.shape[0] * probe.pixels.shape[1] * (long_px / probe.base_px) ** 2
    scores = np.tensordot(
        terms(
            np.log2(long_px / probe.view_px)[:, None],
            settings.coarseness(quality)[None, :],
            seen.look(quality)[None, :],
            seen.looks,
            texture(seen),
        ),
        WEIGHTS,
        axes=([0], [0]),
    )
    scores = np.maximum.accumulate(scores, axis=1)
    return SizeQualityTable(
        settings, probe.view_px, long_px, HEADER_BYTES + area[:, None] * 2**bits / 8, np.clip(scores, -50, 99.5)
    )


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


def best_setting(tables: list[SizeQualityTable], limit_bytes: float) -> EncodeSetting | None:
    """The most predicted quality within a limit; None when nothing is so small."""
    rows = ((each, row) for each in tables for row in range(len(each.long_px)))
    found = [choice for each, row in rows if (choice := each.fullest(row, limit_bytes)) is not None]
    near = [c for c in found if c.long_px <= tables[0].view_px]
    best, best_near = (max(some, key=lambda c: (c.score, c.size_bytes), default=None) for some in (found, near))
    if best is None or best_near is None or best.score > _beaten_by(best_near.score):
        return best
    return best_near


def _beaten_by(score: Numbers | float) -> Numbers | float:
    """What a rendition larger than the view has to look like, when this is the best that is not."""
    return score + np.where(np.asarray(score) < _FINE, _WORTH_LARGER, _WORTH_LARGER_WHEN_FINE)


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
