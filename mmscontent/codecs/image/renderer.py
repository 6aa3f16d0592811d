"""Chooses how one decoded picture is encoded for one receiver: JPEG or a palette variant, fast or best effort.

The picture is surveyed once and can then be encoded to any limit; jpeg_fit.py and encode.py do the encoding.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.base import Effort
from mmscontent.codecs.image.encode import JpegSettings, PaletteVariant, encode_jpeg, palette_variants
from mmscontent.codecs.image.jpeg_fit import MAX_ENCODES, SizeQualityTable, best_setting, fit_jpeg, predict_table
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx
from mmscontent.profiles.model import ImageRule
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from mmscontent.codecs.image.decode import DecodedImage
    from mmscontent.codecs.image.probe import ImageFeatures, Probe

# The curve has points from 2,000 bytes on, each 1.3 times the one before.
_CURVE_FROM_BYTES, _CURVE_STEP, _CURVE_POINTS = 2_000, 1.3, 30
# The smallest rendition worth sending: a third of the view, at a quality that still shows the subject.
_MINIMUM_OF_VIEW, _MINIMUM_QUALITY = 1 / 3, 30
# Lettering needs pixels: a JPEG of a drawing or screenshot has at least this share of the view's long side. One encode
# of that size shows by how much the prediction is too high; the error grows with every halving.
_LEGIBLE_OF_VIEW, _LEGIBLE_QUALITY = 1 / 2, 64
# A palette variant with this score cannot be beaten visibly by a JPEG.
_VARIANT_IS_ENOUGH = 90.0
# 4:4:4 is tried where 4:2:0 cannot get better: from this quality on, when the tiles score below this bound (a little
# higher for each step of quality), and 4:4:4 scores higher by this much.
_FULL_CHROMA_FROM_QUALITY, _FULL_CHROMA_GAIN = 68, 1.5
_FULL_CHROMA_BELOW_SCORE, _FULL_CHROMA_RISE, _FULL_CHROMA_MOST = 92.5, 0.16, 94.0
# Above it trellis gains too little for its time: docs/fitting.md.
_TRELLIS_BELOW_SCORE = 76.0
_PLAIN, _FULL = JpegSettings("tuned"), JpegSettings("tuned", full_chroma=True)
# What we encode or pass through; an MPO is found by the reader of JPEG.
_READERS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """One encoded picture, and how it was made."""

    data: bytes
    media_type: str
    sides_px: tuple[int, int]
    score: float
    encodes: int
    tries: tuple[str, ...]
    notes: tuple[str, ...] = ()
    settings: JpegSettings | None = None

    @property
    def full_chroma(self) -> bool:
        """Whether it is a JPEG of 4:4:4."""
        return self.settings is not None and self.settings.full_chroma


@dataclass(slots=True)
class ImageRenderer:
    """Encodes one decoded picture under one rule."""

    decoded: DecodedImage
    features: ImageFeatures
    rule: ImageRule
    effort: Effort
    probe: Probe
    _tables: dict[JpegSettings, SizeQualityTable] = field(default_factory=dict)
    _metric: Ssimulacra2Approx | None = None
    _quick_metric: Ssimulacra2Approx | None = None
    _scored_variants: list[tuple[PaletteVariant, float]] | None = None

    def curve(self) -> Curve:
        """Predict quality against bytes, as a concave curve."""
        tables = self._quick_tables(None)
        most = max(table.most_bytes for table in tables)
        sizes = np.asarray(_CURVE_FROM_BYTES * _CURVE_STEP ** np.arange(_CURVE_POINTS), float)
        sizes = np.append(sizes[sizes < most], most)
        scores = np.stack([table.frontier(sizes) for table in tables]).max(axis=0)
        pairs = zip(sizes.tolist(), scores.tolist(), strict=True)
        points = [(round(size), float(np.clip(score, 0.0, 100.0))) for size, score in pairs if score > -np.inf]
        points += [(len(variant.data), float(np.clip(score, 0.0, 100.0))) for variant, score in self._variants()]
        return Curve.through(points or [(self.minimum_bytes(), 0.0)])

    def minimum_bytes(self) -> int:
        """Predict the size of the smallest rendition worth sending."""
        table = self._table(_PLAIN)
        share = _LEGIBLE_OF_VIEW if self.features.is_graphic else _MINIMUM_OF_VIEW
        long_px = min(float(self.probe.long_px), max(self.probe.view_px * share, float(table.long_px[0])))
        sizes = [len(variant.data) for variant, _ in self._variants()]
        return min([round(table.size_at(long_px, _MINIMUM_QUALITY)), *sizes])

    def encode(self, limit_bytes: int) -> EncodedImage | None:
        """Return the best rendition within a limit; None when there is none."""
        fitting = [pair for pair in self._variants() if len(pair[0].data) <= limit_bytes]
        variant, score = max(fitting, key=lambda pair: pair[1], default=(None, -math.inf))
        try_jpeg = "image/jpeg" in self.rule.media_types and score < _VARIANT_IS_ENOUGH
        jpeg = self._jpeg(limit_bytes, MAX_ENCODES - bool(variant)) if try_jpeg else None
        tries, encodes = (jpeg.tries, jpeg.encodes) if jpeg else ((), 0)
        if variant is None:
            return jpeg
        tries, encodes = (*tries, f"{variant.label} → {len(variant.data):,} bytes"), encodes + 1
        if jpeg is not None and self.measured_score(jpeg.data) > score:
            return replace(jpeg, tries=tries, encodes=encodes)
        # PNG without a palette is lossless.
        score = 100.0 if variant.label == "PNG" else score
        return EncodedImage(variant.data, variant.media_type, variant.sides_px, score, encodes, tries)

    def measured_score(self, data: bytes) -> float:
        """Decode a rendition and score it at the receiver's view."""
        if self._metric is None:
            self._metric = Ssimulacra2Approx(self.probe.samples().shown.numpy())
        return _score_at_view(data, self._metric)

    def _jpeg(self, limit_bytes: int, max_encodes: int) -> EncodedImage | None:
        """Encode as JPEG with the fast encoder; for best effort also with slower settings, and keep the best score."""
        quick = self._fit(self._quick_tables(limit_bytes), limit_bytes, max_encodes)
        if self.effort == "fast" or quick is None:
            return quick
        slow = (self._fit([table], limit_bytes, 3, careful=True) for table in self._slow_tables(quick))
        encoded = [quick, *(one for one in slow if one)]
        scores = [self._quick_score(one.data) for one in encoded]
        best = max(range(len(encoded)), key=scores.__getitem__)
        gain = scores[best] - scores[0]
        tries, encodes = tuple(t for one in encoded for t in one.tries), sum(one.encodes for one in encoded)
        note = f"best effort scored {gain:.1f} points higher than fast effort"
        return replace(encoded[best], score=quick.score + gain, tries=tries, encodes=encodes, notes=(note,))

    def _slow_tables(self, quick: EncodedImage) -> list[SizeQualityTable]:
        """Return the fast encoder's table, progressive where the receiver shows that, and trellis where it pays."""
        slow = [JpegSettings("tuned", full_chroma=quick.full_chroma, progressive=self.rule.progressive)]
        if quick.score < _TRELLIS_BELOW_SCORE and not quick.full_chroma:
            slow.append(JpegSettings("trellis", progressive=self.rule.progressive))
        return [self._table(settings) for settings in slow]

    def _quick_score(self, data: bytes) -> float:
        """Score a rendition at the view, without the finest scale."""
        if self._quick_metric is None:
            self._quick_metric = Ssimulacra2Approx(self.probe.samples().pixels, (2, 3, 4))
        return _score_at_view(data, self._quick_metric)

    def _fit(
        self, tables: list[SizeQualityTable], limit_bytes: int, max_encodes: int, *, careful: bool = False
    ) -> EncodedImage | None:
        fit = fit_jpeg(self.probe, tables, limit_bytes, max_encodes, careful=careful)
        if fit.data is None or fit.setting is None:
            return None
        setting, tries = fit.setting, tuple(fit.tries)
        return EncodedImage(
            fit.data, "image/jpeg", fit.sides_px, setting.score, fit.encodes, tries, settings=setting.settings
        )

    def _quick_tables(self, limit_bytes: int | None) -> list[SizeQualityTable]:
        """Tables of the fast encoder worth trying for one limit, or for the whole curve when it is None."""
        first = self._table(_PLAIN)
        if self.features.is_graphic or (limit_bytes is not None and self._wants_full_chroma(first, limit_bytes)):
            return [first, self._table(_FULL)]
        return [first]

    def _wants_full_chroma(self, plain: SizeQualityTable, limit_bytes: int) -> bool:
        setting = best_setting([plain], limit_bytes)
        if setting is None or setting.quality < _FULL_CHROMA_FROM_QUALITY:
            return False
        below = _FULL_CHROMA_BELOW_SCORE + _FULL_CHROMA_RISE * (setting.quality - _FULL_CHROMA_FROM_QUALITY)
        if self.probe.statistics(_PLAIN).scores[1] > min(below, _FULL_CHROMA_MOST):
            return False
        return self.probe.chroma_gain(_FULL, _PLAIN) >= _FULL_CHROMA_GAIN

    def _table(self, settings: JpegSettings) -> SizeQualityTable:
        if settings not in self._tables:
            table = predict_table(self.probe, settings)
            self._tables[settings] = self._legible(table) if self.features.is_graphic else table
        return self._tables[settings]

    def _legible(self, table: SizeQualityTable) -> SizeQualityTable:
        """Correct the table of a graphic: no smaller than legible, scores lowered by the error one encode shows."""
        long_px = table.long_px
        least = min(self.probe.view_px * _LEGIBLE_OF_VIEW, float(long_px[-1]))
        first = int(np.searchsorted(long_px, least * 0.99))
        side = int(long_px[first])
        data = encode_jpeg(self.probe.at(side), _LEGIBLE_QUALITY, table.settings)
        error = table.score_at(side, _LEGIBLE_QUALITY) - self.measured_score(data)
        halvings = np.log2(table.view_px / long_px[first:])
        less = error * np.clip(halvings / max(math.log2(table.view_px / side), 1e-6), 0, None)
        scores = np.clip(table.scores[first:] - less[:, None], -50, 99.5)
        return replace(table, long_px=long_px[first:], sizes=table.sizes[first:], scores=scores)

    def _variants(self) -> list[tuple[PaletteVariant, float]]:
        """All palette variants with their scores, for graphics and for receivers without JPEG; encoded once."""
        if self._scored_variants is None:
            wanted = self.features.is_graphic or "image/jpeg" not in self.rule.media_types
            variants = palette_variants(self.probe.at, self.probe.long_px, self.rule.media_types) if wanted else ()
            self._scored_variants = [(one, self.measured_score(one.data)) for one in variants]
        return self._scored_variants


def _score_at_view(data: bytes, metric: Ssimulacra2Approx) -> float:
    with Image.open(io.BytesIO(data), formats=_READERS) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    height, width, _ = metric.pixels.shape
    if pixels.shape[:2] != (height, width):
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
    return metric.score(pixels)
