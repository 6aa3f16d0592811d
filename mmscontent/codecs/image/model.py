"""Predicts the size and the score of a JPEG at any scale and quality: one table per encoder setting.

The probe measures sizes and the score at the receiver's view. A fitted polynomial extends the score to other scales,
and from tiles to the whole picture: benchmarks/train_stills.py fits it, docs/fitting.md describes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.probe import HEADER_BYTES, JPEG_MODELS, Probe, texture

if TYPE_CHECKING:
    from mmscontent.codecs.image.encode import JpegSettings
    from mmscontent.codecs.image.probe import Numbers

    Pair = tuple[float | Numbers, float | Numbers]

# No smaller scale is predicted.
_MIN_LONG_PX = 96
# Between neighbouring scales of a table.
_SCALE_STEP = 0.85
# Of the view's long side: more pixels than this add nothing a phone shows.
MAX_VIEWS = 2.4
# Points by which a rendition larger than the view must win, because its pixels have to be decoded anew; more points
# where the rendition at the view already scores as high as one that cannot be told from the original.
_LARGER_MARGIN, _LARGER_MARGIN_WHEN_FINE, _FINE = 0.8, 2.5, 90.0
_WEIGHTS = JPEG_MODELS["quality_weights"]


@dataclass(frozen=True, slots=True)
class EncodeSetting:
    """Encoder settings with a scale and a quality, and the size and score predicted for them."""

    long_px: int
    quality: float
    settings: JpegSettings
    size_bytes: float
    score: float


@dataclass(frozen=True, slots=True)
class SizeQualityTable:
    """Predicted sizes and scores for one encoder setting.

    Attributes:
        view_px: Long side at which scores are judged.
        long_px: Scales, rising; the last is the picture's own.
        sizes: Bytes, a row per scale and a column per quality of the setting's grid; rising with quality.
        scores: Scores in the same layout.
    """

    settings: JpegSettings
    view_px: int
    long_px: Numbers
    sizes: Numbers
    scores: Numbers

    def corrected(self, known: list[tuple[float, float]]) -> SizeQualityTable:
        """Correct the sizes by measured ones: log-linear between them, in proportion outside.

        Args:
            known: Pairs of predicted and measured bytes.
        """
        # Corrections must keep the order of sizes: a pair that would turn it around is dropped.
        rising: list[tuple[float, float]] = []
        for predicted, real in sorted((float(np.log(p)), float(np.log(r))) for p, r in known):
            if not rising or (predicted > rising[-1][0] and real > rising[-1][1]):
                rising.append((predicted, real))
        before, after = (np.array(column) for column in zip(*rising, strict=True))
        sizes = np.log(self.sizes)
        inside = np.interp(sizes, before, after)
        outside = np.minimum(sizes - before[0], 0) + np.maximum(sizes - before[-1], 0)
        return replace(self, sizes=np.exp(inside + outside))

    def fullest(self, row: int, limit_bytes: float) -> EncodeSetting | None:
        """Return the highest quality of one scale within a limit; None when none fits."""
        return self._choice(int(self.long_px[row]), self.sizes[row], self.scores[row], limit_bytes)

    def fullest_at(self, long_px: int, limit_bytes: float) -> EncodeSetting | None:
        """Return the same for a scale that need not be in the table."""
        sizes = np.exp(self._row(np.log(self.sizes), long_px))
        return self._choice(long_px, sizes, self._row(self.scores, long_px), limit_bytes)

    def least(self) -> EncodeSetting:
        """Return the setting with the smallest size."""
        quality, size, score = float(self.settings.grid[0]), float(self.sizes[0, 0]), float(self.scores[0, 0])
        return EncodeSetting(int(self.long_px[0]), quality, self.settings, size, score)

    def frontier(self, limits: Numbers) -> Numbers:
        """Return the best score within each limit; minus infinity where nothing fits."""
        logs, near = np.log(limits), self.long_px <= self.view_px
        scores = np.stack(
            [np.interp(logs, np.log(s), q, left=-np.inf) for s, q in zip(self.sizes, self.scores, strict=True)]
        )
        best_near = scores[near].max(axis=0)
        best = scores.max(axis=0)
        return np.asarray(np.where(best > _beaten_by(best_near), best, best_near), float)

    @property
    def most_bytes(self) -> float:
        """Size of the setting with the best score of all."""
        near = self.long_px <= self.view_px
        larger_wins = self.scores[:, -1].max() > _beaten_by(self.scores[near, -1].max())
        return float(self.sizes[:, -1].max() if larger_wins else self.sizes[near, -1].max())

    def size_at(self, long_px: float, quality: float) -> float:
        """Interpolate the bytes at a scale and quality."""
        return float(np.exp(np.interp(quality, self.settings.grid, self._row(np.log(self.sizes), long_px))))

    def score_at(self, long_px: float, quality: float) -> float:
        """Interpolate the score at a scale and quality."""
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
    """Predict a picture's sizes and scores for one encoder setting, at all scales and qualities worth trying."""
    sample = probe.statistics(settings)
    long_px = _scales(probe.long_px, probe.view_px)
    quality = settings.grid
    # More quality never takes fewer bytes nor scores lower; the fitted tables may say so between knots.
    bits = np.maximum.accumulate(sample.bits_per_pixel(np.log2(long_px), quality), axis=1)
    area = probe.pixels.shape[0] * probe.pixels.shape[1] * (long_px / probe.base_px) ** 2
    scores = np.tensordot(
        terms(
            np.log2(long_px / probe.view_px)[:, None],
            settings.coarseness(quality)[None, :],
            sample.score(quality)[None, :],
            sample.scores,
            texture(sample),
        ),
        _WEIGHTS,
        axes=([0], [0]),
    )
    scores = np.maximum.accumulate(scores, axis=1)
    return SizeQualityTable(
        settings, probe.view_px, long_px, HEADER_BYTES + area[:, None] * 2**bits / 8, np.clip(scores, -50, 99.5)
    )


def terms(scale: Numbers, coarse: Numbers, score: Numbers, scores: Pair, texture: Pair) -> Numbers:
    """Compute the terms of the score polynomial, stacked.

    Args:
        scale: Logarithm to base 2 of the long side over the view's.
        coarse: `JpegSettings.coarseness` of the quality.
        score: Score of the probe's tiles at that quality, at the view.
        scores: Score of the tiles at the two qualities that the probe decoded.
        texture: What `probe.texture` says of the picture.
    """
    less, more = np.minimum(scale, 0.0), np.maximum(scale, 0.0)
    weight, fine = texture
    low, high = scores
    one = np.ones(np.broadcast_shapes(scale.shape, coarse.shape, score.shape))
    parts = (
        *(one, score, score**2 / 100, score**3 / 10_000, coarse, coarse**2, score * coarse),
        *(
            less,
            less**2,
            less * score,
            less * score**2 / 100,
            less * coarse,
            less**2 * score,
            less * weight,
            less * fine,
        ),
        *(more, more**2, more * score, more * score**2 / 100, more * coarse, more * weight, more * fine),
        *(weight, fine, low, high, low * low / 100, high * high / 100, low * high / 100),
        *(low * coarse, high * coarse, low * coarse**2 / 10, high * coarse**2 / 10, coarse**3),
    )
    return np.stack([one * part for part in parts])


def best_setting(tables: list[SizeQualityTable], limit_bytes: float) -> EncodeSetting | None:
    """Return the setting with the best predicted score within a limit; None when nothing fits."""
    rows = ((each, row) for each in tables for row in range(len(each.long_px)))
    found = [choice for each, row in rows if (choice := each.fullest(row, limit_bytes)) is not None]
    near = [c for c in found if c.long_px <= tables[0].view_px]
    best, best_near = (max(some, key=lambda c: (c.score, c.size_bytes), default=None) for some in (found, near))
    if best is None or best_near is None or best.score > _beaten_by(best_near.score):
        return best
    return best_near


def _beaten_by(score: Numbers | float) -> Numbers | float:
    """Return the score that a rendition larger than the view must exceed to win over one of this score."""
    return score + np.where(np.asarray(score) < _FINE, _LARGER_MARGIN, _LARGER_MARGIN_WHEN_FINE)


def _scales(native_px: int, view_px: int) -> Numbers:
    """Long sides to predict for: the picture's own, the view's, and steps from the view in both directions."""
    sides = {native_px, view_px}
    side = view_px * _SCALE_STEP
    # Towards smaller scales, down to the smallest picture worth sending.
    while side >= min(_MIN_LONG_PX, view_px * 0.6):
        sides.add(round(side))
        side *= _SCALE_STEP
    side = view_px / _SCALE_STEP
    # Towards larger scales; within 7 % of the native side the native side itself is taken.
    while side < min(native_px * 0.93, view_px * MAX_VIEWS):
        sides.add(round(side))
        side /= _SCALE_STEP
    return np.array(sorted(sides), float)
