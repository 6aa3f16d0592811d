"""Fits a JPEG into a limit: predicts sizes and scores, encodes strips, encodes the whole, corrects by its size.

The probe measures sizes and the score at the receiver's view. A fitted polynomial extends the score to other scales,
and from tiles to the whole picture: benchmarks/train_stills.py fits it, docs/fitting.md describes it. The first encode
lands within a few per cent of its target, which is enough two times in three; the second nearly always is. There are
never more than five.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg, encoder_input
from mmscontent.codecs.image.probe import HEADER_BYTES, JPEG_MODELS, Probe, texture

if TYPE_CHECKING:
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
MAX_ENCODES = 5
# Targets as shares of the limit: below it by how much strips scatter about the whole, before and after the first encode
# has shown how much larger the whole is.
_FIRST_AIM, _NEXT_AIM = 0.978, 0.99
# For the last encode, when nothing was small enough yet.
_SAFE_AIM = 0.9
_ENOUGH = 0.955
# Where time does not matter.
_CAREFUL_AIM, _CAREFULLY_ENOUGH = 0.992, 0.985
# Before each encode of the whole, at most.
_STRIP_ENCODES = 3
# A known size this near to the target needs no further strips.
_NEAR = 0.03
# A prediction off by more than this may have chosen the wrong scale.
_FAR_OFF = 0.15
# Bytes grow with about this power of the long side.
_SIDE_POWER = 1.5


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


@dataclass(slots=True)
class FittedJpeg:
    """Result of a search; *data* is None when nothing was small enough. *encodes* counts full encodes."""

    data: bytes | None = None
    setting: EncodeSetting | None = None
    sides_px: tuple[int, int] = (0, 0)
    encodes: int = 0
    tries: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _KnownSizes:
    """Sizes measured so far.

    Attributes:
        known: Each setting as predicted, with the bytes estimated from its strips.
        whole_per_strips: Size of the whole over the estimate from strips, as the last encode showed.
    """

    probe: Probe
    tables: list[SizeQualityTable]
    known: list[tuple[EncodeSetting, float]] = field(default_factory=list)
    whole_per_strips: float = 1.0

    def add(self, setting: EncodeSetting, size: float) -> None:
        """Record the size of a setting beside its first prediction."""
        raw = next(f for f in self.tables if f.settings == setting.settings).size_at(setting.long_px, setting.quality)
        self.known = [(c, w) for c, w in self.known if _key(c) != _key(setting)]
        self.known.append((replace(setting, size_bytes=raw), size / self.whole_per_strips))

    def find(self, setting: EncodeSetting, step: float = 0.0) -> float | None:
        """Return the known size of a setting, or of its neighbour in quality."""
        key = _key(replace(setting, quality=setting.quality + step))
        return next((w * self.whole_per_strips for c, w in self.known if _key(c) == key), None)

    def is_near(self, setting: EncodeSetting, aim_bytes: float) -> bool:
        """Whether a known size at the setting's scale is near the target."""
        here = [
            w * self.whole_per_strips
            for c, w in self.known
            if (c.settings, c.long_px) == (setting.settings, setting.long_px)
        ]
        return any(abs(float(np.log(size / aim_bytes))) <= _NEAR for size in here)

    def corrected(self, like: EncodeSetting | None) -> list[SizeQualityTable]:
        """Correct the tables by the known sizes: all of them, or that of one setting at one scale."""
        pairs: dict[JpegSettings, list[tuple[float, float]]] = {f.settings: [] for f in self.tables}
        for setting, estimate in self.known:
            if like is None or _scale_key(setting) == _scale_key(like):
                pairs[setting.settings].append((setting.size_bytes, estimate * self.whole_per_strips))
        wanted = [f for f in self.tables if like is None or f.settings == like.settings]
        return [f.corrected(pairs[f.settings]) if pairs[f.settings] else f for f in wanted]


def fit_jpeg(
    probe: Probe,
    tables: list[SizeQualityTable],
    limit_bytes: int,
    max_encodes: int = MAX_ENCODES,
    *,
    careful: bool = False,
) -> FittedJpeg:
    """Encode the picture with as much quality as a limit allows, with the settings of the given tables.

    Args:
        probe: The picture.
        tables: Predictions, one per encoder setting.
        limit_bytes: Largest size.
        max_encodes: Largest number of full encodes.
        careful: Fill the limit to the last per cent, at the cost of one more encode.
    """
    fit, known_sizes = FittedJpeg(), _KnownSizes(probe, tables)
    encoded: list[EncodeSetting] = []
    aim, enough = (_CAREFUL_AIM, _CAREFULLY_ENOUGH) if careful else (_FIRST_AIM, _ENOUGH)
    while fit.encodes < max_encodes:
        setting = _next_setting(known_sizes, limit_bytes * aim, encoded[-1] if encoded else None)
        if setting is None or any(_key(c) == _key(setting) for c in encoded):
            break
        encoded.append(setting)
        size = _encode(probe, setting, limit_bytes, fit)
        if enough * limit_bytes <= size <= limit_bytes:
            break
        # The factor of the whole over its strips is assumed to hold for other qualities.
        known_sizes.whole_per_strips *= size / (known_sizes.find(setting) or setting.size_bytes)
        known_sizes.add(setting, size)
        # With the last encode something must fit, so it aims well below the limit.
        last_chance = fit.data is None and fit.encodes == max_encodes - 1
        aim = _SAFE_AIM if last_chance else _NEXT_AIM - 0.005 * (fit.encodes - 1)
    return fit


def _encode(probe: Probe, setting: EncodeSetting, limit_bytes: int, fit: FittedJpeg) -> int:
    """Encode once and keep the result if it fits and is the largest so far; returns its size."""
    pixels = probe.pixels_at(setting.long_px)
    data = encode_jpeg(encoder_input(pixels, setting.settings), setting.quality, setting.settings)
    sides = pixels.shape[1], pixels.shape[0]
    fit.encodes += 1
    fit.tries.append(f"{sides[0]}×{sides[1]} q{setting.quality:g} {setting.settings.label} → {len(data):,} bytes")
    if len(data) <= limit_bytes and (fit.data is None or len(data) > len(fit.data)):
        fit.data, fit.setting, fit.sides_px = data, setting, sides
    return len(data)


def _next_setting(known_sizes: _KnownSizes, aim_bytes: float, last: EncodeSetting | None) -> EncodeSetting | None:
    """Choose the next setting, its size refined by a few encodes of strips; None when there is none left."""
    setting = (
        best_setting(known_sizes.tables, aim_bytes) if last is None else _at_same_scale(known_sizes, last, aim_bytes)
    )
    setting = setting or min((f.least() for f in known_sizes.tables), key=lambda c: c.size_bytes)
    for count in range(_STRIP_ENCODES):
        if known_sizes.find(setting) is not None or (last is None and known_sizes.is_near(setting, aim_bytes)):
            break
        estimate = known_sizes.whole_per_strips * known_sizes.probe.sample_size(
            setting.long_px, setting.quality, setting.settings
        )
        is_far = last is None and count == 0 and abs(float(np.log(estimate / setting.size_bytes))) > _FAR_OFF
        known_sizes.add(setting, estimate)
        following = (
            best_setting(known_sizes.corrected(None), aim_bytes)
            if is_far
            else _at_same_scale(known_sizes, setting, aim_bytes)
        )
        if following is None:
            break
        setting = following
    return setting


def _at_same_scale(known_sizes: _KnownSizes, setting: EncodeSetting, aim_bytes: float) -> EncodeSetting | None:
    """Choose the quality that meets the target at the same scale, or a slightly smaller scale between two qualities."""
    table = known_sizes.corrected(setting)[0]
    wanted = table.fullest_at(setting.long_px, aim_bytes)
    if wanted is None:
        return best_setting(known_sizes.corrected(None), aim_bytes)
    size, step = known_sizes.find(wanted), wanted.settings.step
    if size is None or size >= _ENOUGH * aim_bytes or wanted.quality >= wanted.settings.grid[-1]:
        return wanted
    finer, over = replace(wanted, quality=wanted.quality + step), known_sizes.find(wanted, step)
    if over is None:
        return replace(finer, size_bytes=table.size_at(finer.long_px, finer.quality))
    side = round(setting.long_px * (aim_bytes / over) ** (1 / _SIDE_POWER))
    return replace(finer, long_px=side, size_bytes=aim_bytes)


def _key(setting: EncodeSetting) -> tuple[int, float, JpegSettings]:
    return setting.long_px, setting.quality, setting.settings


def _scale_key(setting: EncodeSetting) -> tuple[JpegSettings, int]:
    return setting.settings, setting.long_px
