"""One decoded picture and all ways to write it for one receiver: surveyed once, written to any limit.

Chooses between JPEG and the sharp ways, and between what is quick and what is best; decode.py, search.py and
graphics.py do the work.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg
from mmscontent.codecs.image.graphics import PaletteVariant, palette_variants
from mmscontent.codecs.image.model import SizeQualityTable, best_setting, predict_table
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx
from mmscontent.codecs.image.search import MAX_ENCODES, fit_jpeg
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.image.decode import DecodedImage
    from mmscontent.codecs.image.detect import ImageFeatures
    from mmscontent.codecs.image.probe import Probe
    from mmscontent.profiles.model import ImageRule

__all__ = ["EncodedImage", "ImageRenderer"]

_CURVE_FROM_BYTES, _CURVE_STEP, _CURVE_POINTS = 2_000, 1.3, 30
# The smallest rendition worth sending: a third of the view, at a quality that still shows what it is.
_FLOOR_OF_VIEW, _FLOOR_QUALITY = 1 / 3, 30
# Lettering needs pixels: a JPEG of a drawing or screenshot has at least this share of the view's long side. How much
# worse than predicted it looks is seen at that size, and grows with every halving.
_LEGIBLE_OF_VIEW, _LOOKED_AT_QUALITY = 1 / 2, 64
# A sharp way that looks this good leaves nothing for a JPEG to win.
_VARIANT_IS_ENOUGH = 90.0
# Full chroma is looked at where 4:2:0 has come to its end: from this quality on, when at the finer quality looked at
# it is under this score (a little higher for each step of quality), and 4:4:4 over it by this much.
_FULL_CHROMA_FROM_QUALITY, _FULL_CHROMA_GAIN = 68, 1.5
_FULL_CHROMA_BELOW_SCORE, _FULL_CHROMA_RISE, _FULL_CHROMA_MOST = 92.5, 0.16, 94.0
_TRELLIS_BELOW_SCORE = 76.0  # over it trellis wins less than it takes: docs/fitting.md
_PLAIN, _FULL = JpegSettings("tuned"), JpegSettings("tuned", full_chroma=True)
_READERS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """One rendition and how it came about."""

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
        """It is a JPEG of 4:4:4."""
        return self.settings is not None and self.settings.full_chroma


@dataclass(slots=True)
class ImageRenderer:
    """One decoded picture under one rule."""

    decoded: DecodedImage
    look: ImageFeatures
    rule: ImageRule
    effort: Effort
    probe: Probe
    _tables: dict[JpegSettings, SizeQualityTable] = field(default_factory=dict)
    _metric: Ssimulacra2Approx | None = None
    _quick_metric: Ssimulacra2Approx | None = None
    _scored_variants: list[tuple[PaletteVariant, float]] | None = None

    def curve(self) -> Curve:
        """Predicted quality against bytes, concave."""
        tables = self._quick_tables(None)
        most = max(table.most_bytes for table in tables)
        sizes = np.asarray(_CURVE_FROM_BYTES * _CURVE_STEP ** np.arange(_CURVE_POINTS), float)
        sizes = np.append(sizes[sizes < most], most)
        scores = np.stack([table.frontier(sizes) for table in tables]).max(axis=0)
        pairs = zip(sizes.tolist(), scores.tolist(), strict=True)
        points = [(round(size), float(np.clip(score, 0.0, 100.0))) for size, score in pairs if score > -np.inf]
        points += [(len(sharp.data), float(np.clip(score, 0.0, 100.0))) for sharp, score in self._variants()]
        return Curve.through(points or [(self.minimum_bytes(), 0.0)])

    def minimum_bytes(self) -> int:
        """Predicted size of the smallest rendition worth sending."""
        table = self._table(_PLAIN)
        share = _LEGIBLE_OF_VIEW if self.look.is_graphic else _FLOOR_OF_VIEW
        long_px = min(float(self.probe.long_px), max(self.probe.view_px * share, float(table.long_px[0])))
        sizes = [len(sharp.data) for sharp, _ in self._variants()]
        return min([round(table.size_at(long_px, _FLOOR_QUALITY)), *sizes])

    def write(self, limit_bytes: int) -> EncodedImage | None:
        """The best rendition within a limit; None when there is none."""
        fitting = [pair for pair in self._variants() if len(pair[0].data) <= limit_bytes]
        sharp, seen = max(fitting, key=lambda pair: pair[1], default=(None, -math.inf))
        taken = "image/jpeg" in self.rule.media_types and seen < _VARIANT_IS_ENOUGH
        jpeg = self._jpeg(limit_bytes, MAX_ENCODES - bool(sharp)) if taken else None
        tries, encodes = (jpeg.tries, jpeg.encodes) if jpeg else ((), 0)
        if sharp is None:
            return jpeg
        tries, encodes = (*tries, f"{sharp.label} → {len(sharp.data):,} bytes"), encodes + 1
        if jpeg is not None and self.measured_score(jpeg.data) > seen:
            return replace(jpeg, tries=tries, encodes=encodes)
        score = 100.0 if sharp.label == "PNG" else seen
        return EncodedImage(sharp.data, sharp.media_type, sharp.sides_px, score, encodes, tries)

    def measured_score(self, data: bytes) -> float:
        """Score of a rendition by a look at it, at the receiver's view."""
        if self._metric is None:
            self._metric = Ssimulacra2Approx(self.probe.samples().shown.numpy())
        with Image.open(io.BytesIO(data), formats=_READERS) as opened:
            shown = np.asarray(opened.convert("RGB"))
        height, width, _ = self._metric.pixels.shape
        return self._metric.score(_with_sides(shown, (width, height)))

    def _jpeg(self, limit_bytes: int, max_encodes: int) -> EncodedImage | None:
        """As JPEG by the quick encoder; when the best is wanted also in slower ways, of which the eye chooses."""
        quick = self._fit(self._quick_tables(limit_bytes), limit_bytes, max_encodes)
        if self.effort == "fast" or quick is None:
            return quick
        made = [
            quick,
            *(w for settings in self._slow_tables(quick) if (w := self._fit([settings], limit_bytes, 3, careful=True))),
        ]
        looks = [self._quick_score(one.data) for one in made]
        best = max(range(len(made)), key=looks.__getitem__)
        won = looks[best] - looks[0]
        tries, encodes = tuple(t for one in made for t in one.tries), sum(one.encodes for one in made)
        note = f"best effort looked {won:.1f} points better than fast"
        return replace(made[best], score=quick.score + won, tries=tries, encodes=encodes, notes=(note,))

    def _slow_tables(self, quick: EncodedImage) -> list[SizeQualityTable]:
        """The quick encoder once more, progressive where that is shown; trellis where it is worth its time."""
        ways = [JpegSettings("tuned", full_chroma=quick.full_chroma, progressive=self.rule.progressive)]
        if quick.score < _TRELLIS_BELOW_SCORE and not quick.full_chroma:
            ways.append(JpegSettings("trellis", progressive=self.rule.progressive))
        return [self._table(settings) for settings in ways]

    def _quick_score(self, data: bytes) -> float:
        """Score of a rendition at the view, without the finest scale."""
        pixels = self.probe.samples().pixels
        if self._quick_metric is None:
            self._quick_metric = Ssimulacra2Approx(pixels, (2, 3, 4))
        with Image.open(io.BytesIO(data), formats=_READERS) as opened:
            shown = np.asarray(opened.convert("RGB"))
        return self._quick_metric.score(_with_sides(shown, (pixels.shape[1], pixels.shape[0])))

    def _fit(
        self, tables: list[SizeQualityTable], limit_bytes: int, max_encodes: int, *, careful: bool = False
    ) -> EncodedImage | None:
        fit = fit_jpeg(self.probe, tables, limit_bytes, max_encodes, careful=careful)
        if fit.data is None or fit.choice is None:
            return None
        choice, tries = fit.choice, tuple(fit.tries)
        return EncodedImage(
            fit.data, "image/jpeg", fit.sides_px, choice.score, fit.encodes, tries, settings=choice.settings
        )

    def _quick_tables(self, limit_bytes: int | None) -> list[SizeQualityTable]:
        """Quick ways worth looking at, for one limit; for a curve over all, the one that most of it is made of."""
        first = self._table(_PLAIN)
        if self.look.is_graphic or (limit_bytes is not None and self._wants_full_chroma(first, limit_bytes)):
            return [first, self._table(_FULL)]
        return [first]

    def _wants_full_chroma(self, plain: SizeQualityTable, limit_bytes: int) -> bool:
        choice = best_setting([plain], limit_bytes)
        if choice is None or choice.quality < _FULL_CHROMA_FROM_QUALITY:
            return False
        below = _FULL_CHROMA_BELOW_SCORE + _FULL_CHROMA_RISE * (choice.quality - _FULL_CHROMA_FROM_QUALITY)
        if self.probe.seen(_PLAIN).looks[1] > min(below, _FULL_CHROMA_MOST):
            return False
        return self.probe.chroma_gain(_FULL, _PLAIN) >= _FULL_CHROMA_GAIN

    def _table(self, settings: JpegSettings) -> SizeQualityTable:
        if settings not in self._tables:
            table = predict_table(self.probe, settings)
            self._tables[settings] = self._legible(table) if self.look.is_graphic else table
        return self._tables[settings]

    def _legible(self, table: SizeQualityTable) -> SizeQualityTable:
        """The forecast of a picture that is read: no smaller than legible, and as bad as it was seen to be there."""
        long_px = table.long_px
        least = min(self.probe.view_px * _LEGIBLE_OF_VIEW, float(long_px[-1]))
        first = int(np.searchsorted(long_px, least * 0.99))
        side = int(long_px[first])
        data = encode_jpeg(self.probe.at(side), _LOOKED_AT_QUALITY, table.settings)
        missed = table.score_at(side, _LOOKED_AT_QUALITY) - self.measured_score(data)
        halvings = np.log2(table.view_px / long_px[first:])
        less = missed * np.clip(halvings / max(math.log2(table.view_px / side), 1e-6), 0, None)
        scores = np.clip(table.scores[first:] - less[:, None], -50, 99.5)
        return replace(table, long_px=long_px[first:], sizes=table.sizes[first:], scores=scores)

    def _variants(self) -> list[tuple[PaletteVariant, float]]:
        """Every sharp way with its score, for what is read, and where the receiver takes no JPEG; made once."""
        if self._scored_variants is None:
            wanted = self.look.is_graphic or "image/jpeg" not in self.rule.media_types
            ways = palette_variants(self.probe.at, self.probe.long_px, self.rule.media_types) if wanted else ()
            self._scored_variants = [(settings, self.measured_score(settings.data)) for settings in ways]
        return self._scored_variants


def _with_sides(pixels: NDArray[np.uint8], sides: tuple[int, int]) -> NDArray[np.uint8]:
    if pixels.shape[:2] == sides[::-1]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(sides, Image.Resampling.LANCZOS))
