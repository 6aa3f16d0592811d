"""One decoded picture and all ways to write it for one receiver: surveyed once, written to any limit.

Chooses between JPEG and the sharp ways, and between what is quick and what is best; decode.py, search.py and
graphics.py do the work.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.image.encode import JpegWay
from mmscontent.codecs.image.eye import Eye
from mmscontent.codecs.image.graphics import Sharp, sharp_ways
from mmscontent.codecs.image.model import Forecast, best_choice, forecast
from mmscontent.codecs.image.search import MAX_ENCODES, fit_jpeg
from mmscontent.curve import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.image.decode import Decoded
    from mmscontent.codecs.image.detect import Look
    from mmscontent.codecs.image.probe import Probe
    from mmscontent.profile import ImageRule

__all__ = ["Still", "Written"]

_CURVE_FROM_BYTES, _CURVE_STEP, _CURVE_POINTS = 2_000, 1.3, 30
# The smallest rendition worth sending: a third of the view, at a quality that still shows what it is.
_FLOOR_OF_VIEW, _FLOOR_QUALITY = 1 / 3, 30
# Full chroma is looked at where 4:2:0 has come to its end: from this quality on, when it looks worse than this at the
# finest quality that was looked at.
_FULL_CHROMA_FROM_QUALITY, _FULL_CHROMA_BELOW_SCORE = 68, 90.0
_PLAIN, _FULL = JpegWay("tuned"), JpegWay("tuned", full_chroma=True)
_READERS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")


@dataclass(frozen=True, slots=True)
class Written:
    """One rendition and how it came about."""

    data: bytes
    media_type: str
    sides_px: tuple[int, int]
    score: float
    encodes: int
    tries: tuple[str, ...]
    notes: tuple[str, ...] = ()
    way: JpegWay | None = None

    @property
    def full_chroma(self) -> bool:
        """It is a JPEG of 4:4:4."""
        return self.way is not None and self.way.full_chroma


@dataclass(slots=True)
class Still:
    """One decoded picture under one rule."""

    decoded: Decoded
    look: Look
    rule: ImageRule
    effort: Effort
    probe: Probe
    _forecasts: dict[JpegWay, Forecast] = field(default_factory=dict)
    _eye: Eye | None = None

    def curve(self) -> Curve:
        """Predicted quality against bytes, concave."""
        forecasts = self._ways(None)
        points: list[tuple[int, float]] = []
        size = float(_CURVE_FROM_BYTES)
        for _ in range(_CURVE_POINTS):
            choice = best_choice(forecasts, size)
            if choice is not None:
                points.append((round(choice.size_bytes), float(np.clip(choice.score, 0.0, 100.0))))
            size *= _CURVE_STEP
        return Curve.through(points or [(self.floor_bytes(), 0.0)])

    def floor_bytes(self) -> int:
        """Predicted size of the smallest rendition worth sending."""
        table = self._forecast(_PLAIN)
        long_px = min(float(self.probe.long_px), max(self.probe.view_px * _FLOOR_OF_VIEW, float(table.long_px[0])))
        return round(table.size_at(long_px, _FLOOR_QUALITY))

    def write(self, limit_bytes: int) -> Written | None:
        """The best rendition within a limit; None when there is none."""
        sharp = self._sharp(limit_bytes)
        jpeg = self._jpeg(limit_bytes, MAX_ENCODES - len(sharp)) if "image/jpeg" in self.rule.media_types else None
        tries = (*(jpeg.tries if jpeg else ()), *(f"{s.label} → {len(s.data):,} bytes" for s in sharp))
        encodes = len(sharp) + (jpeg.encodes if jpeg else 0)
        if sharp and len(sharp[-1].data) <= limit_bytes:
            best = sharp[-1]
            score = 100.0 if best.label == "PNG" else self.seen_score(best.data)
            if jpeg is None or score >= self.seen_score(jpeg.data):
                return Written(best.data, best.media_type, best.sides_px, score, encodes, tries)
        return None if jpeg is None else replace(jpeg, tries=tries, encodes=encodes)

    def seen_score(self, data: bytes) -> float:
        """Score of a rendition by a look at it, at the receiver's view."""
        if self._eye is None:
            self._eye = Eye(self.probe.samples().shown.numpy())
        with Image.open(io.BytesIO(data), formats=_READERS) as opened:
            shown = np.asarray(opened.convert("RGB"))
        height, width, _ = self._eye.pixels.shape
        return self._eye.score(_with_sides(shown, (width, height)))

    def _jpeg(self, limit_bytes: int, max_encodes: int) -> Written | None:
        """As JPEG: by the quick encoder, and when the best is wanted by the slow one too; the eye decides."""
        quick = self._fit(self._ways(limit_bytes), limit_bytes, max_encodes)
        if self.effort == "fast" or quick is None:
            return quick
        slow_way = JpegWay("trellis", full_chroma=quick.full_chroma, progressive=self.rule.progressive)
        slow = self._fit([self._forecast(slow_way)], limit_bytes, 2)
        if slow is None:
            return quick
        won = self._glance(slow.data) - self._glance(quick.data)
        best = slow if won > 0 else quick
        note = f"best effort looked {max(won, 0.0):.1f} points better than fast"
        tries, encodes = (*quick.tries, *slow.tries), quick.encodes + slow.encodes
        return replace(best, score=quick.score + max(won, 0.0), tries=tries, encodes=encodes, notes=(note,))

    def _glance(self, data: bytes) -> float:
        shown = self.probe.samples().shown
        with Image.open(io.BytesIO(data), formats=_READERS) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        return self.probe.glance(_with_sides(pixels, (shown.width, shown.height)))

    def _fit(self, forecasts: list[Forecast], limit_bytes: int, max_encodes: int) -> Written | None:
        fit = fit_jpeg(self.probe, forecasts, limit_bytes, max_encodes)
        if fit.data is None or fit.choice is None:
            return None
        choice, tries = fit.choice, tuple(fit.tries)
        return Written(fit.data, "image/jpeg", fit.sides_px, choice.score, fit.encodes, tries, way=choice.way)

    def _ways(self, limit_bytes: int | None) -> list[Forecast]:
        """Quick ways worth looking at, for one limit or for all."""
        first = self._forecast(_PLAIN)
        wanted = self.look.is_graphic or self.probe.seen(_PLAIN).looks[1] < _FULL_CHROMA_BELOW_SCORE
        if wanted and limit_bytes is not None and not self.look.is_graphic:
            choice = best_choice([first], limit_bytes)
            wanted = choice is not None and choice.quality >= _FULL_CHROMA_FROM_QUALITY
        return [first, self._forecast(_FULL)] if wanted else [first]

    def _forecast(self, way: JpegWay) -> Forecast:
        if way not in self._forecasts:
            self._forecasts[way] = forecast(self.probe, way)
        return self._forecasts[way]

    def _sharp(self, limit_bytes: int) -> list[Sharp]:
        if self.look.is_graphic or "image/jpeg" not in self.rule.media_types:
            whole = self.probe.at(self.probe.long_px)
            return sharp_ways(whole, self.rule.media_types, limit_bytes)
        return []


def _with_sides(pixels: NDArray[np.uint8], sides: tuple[int, int]) -> NDArray[np.uint8]:
    if pixels.shape[:2] == sides[::-1]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(sides, Image.Resampling.LANCZOS))
