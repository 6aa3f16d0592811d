"""A few small encodes of a picture that stand for the large ones: bits per pixel and looks, by scale and quality.

Strips of sixteen rows, one macroblock high, from top to bottom of the view weigh per pixel what the whole does. They
are encoded at three qualities, at half their size at two; a fitted table knows what lies between. Some tiles are
decoded again and looked at (eye.py), because how a picture takes compression differs more between pictures than any
feature tells. Before a picture is written, strips of the very scale are weighed at the very quality.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmscontent.codecs.image import vips
from mmscontent.codecs.image.decode import resize
from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg, encoder_input
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx
from mmscontent.codecs.image.size_model import BETWEEN, GRIDS, KNOTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

__all__ = ["HEADER_BYTES", "Probe", "SampleStatistics", "bits_per_pixel", "texture"]

# By encoder: where the looks are taken, where half the view is weighed, and where pictures are compared.
_EYE_QUALITIES = {"tuned": np.array([48.0, 78.0]), "trellis": np.array([40.0, 86.0])}
_HALF_QUALITIES = {"tuned": np.array([44.0, 84.0]), "trellis": np.array([35.0, 90.0])}
_REFERENCE_QUALITY = {"tuned": 60.0, "trellis": 65.0}
_HALF_BIAS = 0.1  # by which half the strips are heavier than half the picture: two share a macroblock
HEADER_BYTES = 330  # markers and tables around the coded data
_STRIP_ROWS = 16
_TILE_PX, _TILES = 64, (3, 4)  # along the short side, along the long
_EYE_SCALES = (2, 3, 4)
# Of the pixels: how many are weighed, in the survey and before writing, at least and at most.
_SURVEYED, _SURVEYED_PX = 1 / 6, (100_000, 150_000)
_WEIGHED, _WEIGHED_PX = 1 / 4, (120_000, 300_000)


@dataclass(frozen=True, slots=True)
class SampleStatistics:
    """What one way of writing does to the picture.

    Attributes:
        view_px: Long side of the view.
        knots: Logarithm to base 2 of bits per pixel of the view, at the qualities of size_model.KNOTS.
        heavier: By how much half the view is over it, at two qualities.
        looks: Scores of the view at the qualities looked at.
    """

    settings: JpegSettings
    view_px: int
    knots: Numbers
    heavier: Numbers
    looks: tuple[float, float]

    def bits_per_pixel(self, log_long: Numbers, quality: Numbers) -> Numbers:
        """Predicted logarithm to base 2, for each scale (rows) and quality (columns); straight in both logarithms."""
        view = _between(self.settings.encoder, self.knots, quality)
        first, second = self.settings.coarseness(_HALF_QUALITIES[self.settings.encoder])
        slope = (self.heavier[1] - self.heavier[0]) / (second - first)
        heavier = self.heavier[0] + slope * (self.settings.coarseness(quality) - first)
        return np.asarray(view + (np.log2(self.view_px) - log_long)[:, None] * heavier, float)

    def look(self, quality: Numbers) -> Numbers:
        """Score of the view at a quality, straight in the logarithm of the tables' coarseness."""
        first, second = self.settings.coarseness(_EYE_QUALITIES[self.settings.encoder])
        slope = (self.looks[1] - self.looks[0]) / (second - first)
        return np.asarray(self.looks[0] + slope * (self.settings.coarseness(quality) - first), float)


@dataclass(slots=True)
class Probe:
    """One picture, ready to be asked what each way of writing does to it.

    Attributes:
        pixels: Decoded so far, at least the receiver's view unless the source is smaller.
        long_px: Long side it could be written with; nothing is ever written larger.
        enlarge: Takes it with a longer long side, when a larger rendition is worth it.
    """

    pixels: Pixels
    view_long_px: int
    long_px: int
    enlarge: Callable[[int], Pixels]
    _seen: dict[JpegSettings, SampleStatistics] = field(default_factory=dict)
    _looks: dict[tuple[JpegSettings, float], float] = field(default_factory=dict)
    _samples: _Samples | None = None
    _last: tuple[int, Pixels] | None = None
    _strips: tuple[int, JpegSettings, Pixels, Any] | None = (
        None  # of which side and way, rows, as the encoder takes them
    )

    @property
    def view_px(self) -> int:
        """Long side at which it is looked at: the receiver's, or its own when that is smaller."""
        return min(self.view_long_px, self.long_px)

    @property
    def base_px(self) -> int:
        """Long side of the pixels decoded so far."""
        return int(max(self.pixels.shape[:2]))

    def at(self, long_px: int) -> Any:  # noqa: ANN401 - pyvips has no types
        """The picture at a long side, as libvips sees it."""
        return vips.image_from(self.pixels_at(long_px))

    def pixels_at(self, long_px: int) -> Pixels:
        """The picture at a long side; taken from the source again when there are not enough pixels."""
        if self._last is None or self._last[0] != long_px:
            if long_px > self.base_px:
                self.pixels = self.enlarge(long_px)
            base = self.base_px
            if long_px == self.view_px and base > long_px:
                self._last = long_px, self.samples().pixels
            else:
                self._last = long_px, self.pixels if long_px >= base else resize(self.pixels, long_px / base)
        return self._last[1]

    def sample_size(self, long_px: int, quality: float, settings: JpegSettings) -> float:
        """Bytes at one scale and quality, by strips of it: within two per cent at the median."""
        pixels = self.pixels_at(long_px)
        if self._strips is None or self._strips[:2] != (long_px, settings):
            strips = _strips(pixels, _WEIGHED, _WEIGHED_PX)
            self._strips = long_px, settings, strips, encoder_input(strips, settings)
        _, _, strips, ready = self._strips
        size = len(encode_jpeg(ready, quality, settings)) - HEADER_BYTES
        return HEADER_BYTES + max(size, 40) * len(pixels) / len(strips)

    def sample_scores(self, settings: JpegSettings) -> tuple[float, float]:
        """Scores of the watched tiles at the two qualities looked at."""
        low, high = (self._sample_score(settings, float(q)) for q in _EYE_QUALITIES[settings.encoder])
        return low, high

    def chroma_gain(self, settings: JpegSettings, over: JpegSettings) -> float:
        """By how much one way looks better than another of its encoder at the finer of the qualities looked at."""
        finer = float(_EYE_QUALITIES[settings.encoder][1])
        return self._sample_score(settings, finer) - self._sample_score(over, finer)

    def _sample_score(self, settings: JpegSettings, quality: float) -> float:
        if (settings, quality) not in self._looks:
            samples = self.samples()
            if settings.encoder not in samples.ready:
                samples.ready[settings.encoder] = encoder_input(samples.tiles, settings)
            data = encode_jpeg(samples.ready[settings.encoder], quality, settings)
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
                self._looks[settings, quality] = samples.metric.score(np.asarray(opened.convert("RGB")))
        return self._looks[settings, quality]

    def samples(self) -> _Samples:
        """Small pieces of the view, made when first asked for."""
        if self._samples is None:
            base = self.base_px
            shown = self.pixels if self.view_px >= base else resize(self.pixels, self.view_px / base)
            self._samples = _Samples.of(shown)
        return self._samples

    def seen(self, settings: JpegSettings) -> SampleStatistics:
        """What a way of writing does; probed when first asked for."""
        if settings not in self._seen:
            self._seen[settings] = _probed(self.samples(), settings, self.view_px, self.sample_scores(settings))
        return self._seen[settings]


@dataclass(frozen=True, slots=True)
class _Samples:
    """The view, strips of it and of half of it, tiles, and an eye on the tiles."""

    pixels: Pixels
    strips: Pixels
    half_strips: Pixels
    tiles: Pixels
    metric: Ssimulacra2Approx
    ready: dict[str, Any] = field(default_factory=dict)  # the tiles, as each encoder takes them

    @property
    def shown(self) -> Any:  # noqa: ANN401
        """The view as libvips sees it."""
        return vips.image_from(self.pixels)

    @classmethod
    def of(cls, pixels: Pixels) -> _Samples:
        strips, tiles = _strips(pixels, _SURVEYED, _SURVEYED_PX), _tiles(pixels)
        half = np.asarray(Image.fromarray(strips).reduce(2))
        return cls(pixels, strips, half, tiles, Ssimulacra2Approx(tiles, _EYE_SCALES))


def _strips(pixels: Pixels, share: float, bounds_px: tuple[int, int]) -> Pixels:
    """Every so many rows sixteen of them, from the middle of as many bands as it takes."""
    height, width, _ = pixels.shape
    there = height // _STRIP_ROWS
    wanted = round(min(max(width * height * share, bounds_px[0]), bounds_px[1]) / (width * _STRIP_ROWS))
    if wanted >= there:
        return pixels
    places = ((np.arange(max(wanted, 1)) + 0.5) * there / max(wanted, 1)).astype(int) * _STRIP_ROWS
    return np.concatenate([pixels[top : top + _STRIP_ROWS] for top in places])


def _tiles(pixels: Pixels) -> Pixels:
    """Tiles from all over the picture side by side, or the whole of a small one."""
    height, width, _ = pixels.shape
    down, across = _TILES if height <= width else _TILES[::-1]
    if height < down * _TILE_PX or width < across * _TILE_PX or height * width <= 1.5 * down * across * _TILE_PX**2:
        return pixels
    tops = np.linspace(0, height - _TILE_PX, down).astype(int)
    lefts = np.linspace(0, width - _TILE_PX, across).astype(int)
    rows = [np.concatenate([pixels[y : y + _TILE_PX, x : x + _TILE_PX] for x in lefts], axis=1) for y in tops]
    return np.concatenate(rows)


def _probed(samples: _Samples, settings: JpegSettings, view_px: int, looks: tuple[float, float]) -> SampleStatistics:
    knots, halves = (np.array(of[settings.encoder], float) for of in (KNOTS, _HALF_QUALITIES))
    bits = bits_per_pixel(samples.strips, settings, knots)
    heavier = (
        bits_per_pixel(samples.half_strips, settings, halves) - _between(settings.encoder, bits, halves) - _HALF_BIAS
    )
    return SampleStatistics(settings, view_px, bits, heavier, looks)


def texture(seen: SampleStatistics) -> tuple[float, float]:
    """How heavy a view is, and how much heavier than half of it: logarithms of bits per pixel at a middling quality."""
    sides = np.log2(np.array([seen.view_px, seen.view_px / 2]))
    view, half = seen.bits_per_pixel(sides, np.array([_REFERENCE_QUALITY[seen.settings.encoder]]))[:, 0]
    return float(view), float(view - half)


def bits_per_pixel(sample: Pixels, settings: JpegSettings, qualities: Numbers) -> Numbers:
    """Logarithm to base 2 of what a sample weighs at some qualities."""
    ready = encoder_input(sample, settings)
    sizes = [max(len(encode_jpeg(ready, q, settings)) - HEADER_BYTES, 40) for q in qualities]
    return np.asarray(np.log2(np.array(sizes, float) * 8 / (sample.shape[0] * sample.shape[1])), float)


def _between(encoder: str, bits: Numbers, quality: Numbers) -> Numbers:
    """Bits per pixel at other qualities than those weighed."""
    grid = np.array(GRIDS[encoder], float)
    table = np.array(BETWEEN[encoder])
    return np.asarray(
        np.interp(quality, grid, np.interp(grid, KNOTS[encoder], bits) + table[0] + bits @ table[1:]), float
    )
