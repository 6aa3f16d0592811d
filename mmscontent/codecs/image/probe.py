"""Measures a picture: whether it is a photograph or a graphic, and how many bytes its encoded samples need.

Flat areas and hard edges in tiles of the unscaled pixels tell a photograph, a screenshot, line art and a QR code apart;
a thumbnail loses both. Encoded samples then predict the size and the score of the whole, by scale and quality: strips
of sixteen rows (one macroblock) taken from top to bottom of the view need as many bits per pixel as the whole. They are
encoded at four qualities, and at half their size at two; a fitted table interpolates between them. Some tiles are
decoded again and scored, because pictures differ more in how they take compression than any feature can tell. Before
the whole is encoded, strips of the same scale are encoded at the same quality.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmscontent.codecs.image.decode import resize, vips_image
from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg, encoder_input
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

# Written by benchmarks/train_stills.py; read at import, before the sandbox takes file access away. Under "size", by
# encoder: the qualities that are encoded (knots), those of the table (grid), and rows of the table: one for all, then
# one per knot, to add at each quality of the grid to a straight line between the knots.
JPEG_MODELS: dict[str, Any] = json.loads(
    resources.files("mmscontent.codecs.image").joinpath("jpeg_models.json").read_bytes()
)

# By encoder: the qualities at which tiles are scored and half the view is encoded, and the one that textures are
# compared at.
_SCORE_QUALITIES = {"tuned": np.array([48.0, 78.0]), "trellis": np.array([40.0, 86.0])}
_HALF_QUALITIES = {"tuned": np.array([44.0, 84.0]), "trellis": np.array([35.0, 90.0])}
_REFERENCE_QUALITY = {"tuned": 60.0, "trellis": 65.0}
# Octaves by which halved strips are larger than half the picture: two share a macroblock.
_HALF_BIAS = 0.1
# Markers and tables around the coded data.
HEADER_BYTES = 330
# The height of a macroblock at 4:2:0; strips of 32 rows or tiles predicted worse: docs/fitting.md.
_STRIP_ROWS = 16
# Along the short side, along the long.
_TILE_PX, _TILES = 64, (3, 4)
# Without the finest scale, which costs most of the time and tells least.
_METRIC_SCALES = (2, 3, 4)
# Share of the pixels that strips cover, and the least and most of them: in the survey, and before an encode.
_SURVEY_SHARE, _SURVEY_PX = 1 / 6, (100_000, 150_000)
_ENCODE_SHARE, _ENCODE_PX = 1 / 4, (120_000, 300_000)
# At most 6 × 6 tiles of 48 pixels: about 80,000 pixels.
_FEATURE_TILE_PX, _FEATURE_TILES = 48, 6
# Steps of 255 between neighbours.
_HARD_STEP, _SOFT_STEP = 48, 12
# Rows scanned for the marks of a QR code, and the green values that count as dark and light.
_MAX_SCAN_ROWS = 128
_DARK, _LIGHT = 80, 176


@dataclass(frozen=True, slots=True)
class SampleStatistics:
    """What the samples say of one encoder setting.

    Attributes:
        view_px: Long side of the view.
        knots: Logarithm to base 2 of bits per pixel of the view, at the knots of the size model.
        half_excess: By how much that logarithm is larger for half the view, at two qualities.
        scores: Scores of the view at the two qualities of `_SCORE_QUALITIES`.
    """

    settings: JpegSettings
    view_px: int
    knots: Numbers
    half_excess: Numbers
    scores: tuple[float, float]

    def bits_per_pixel(self, log_long: Numbers, quality: Numbers) -> Numbers:
        """Predict the logarithm to base 2 per scale (rows) and quality (columns), linear in both logarithms."""
        view = _between(self.settings.encoder, self.knots, quality)
        first, second = self.settings.coarseness(_HALF_QUALITIES[self.settings.encoder])
        slope = (self.half_excess[1] - self.half_excess[0]) / (second - first)
        excess = self.half_excess[0] + slope * (self.settings.coarseness(quality) - first)
        return np.asarray(view + (np.log2(self.view_px) - log_long)[:, None] * excess, float)

    def score(self, quality: Numbers) -> Numbers:
        """Predict the score of the view at a quality, linear in the coarseness of the tables."""
        first, second = self.settings.coarseness(_SCORE_QUALITIES[self.settings.encoder])
        slope = (self.scores[1] - self.scores[0]) / (second - first)
        return np.asarray(self.scores[0] + slope * (self.settings.coarseness(quality) - first), float)


@dataclass(slots=True)
class Probe:
    """Samples one picture for any encoder setting.

    Attributes:
        pixels: Pixels decoded so far, at least the receiver's view unless the source is smaller.
        long_px: Largest long side the picture may be encoded with.
        enlarge: Decodes the picture with a longer long side, for a rendition larger than the view.
    """

    pixels: Pixels
    view_long_px: int
    long_px: int
    enlarge: Callable[[int], Pixels]
    _statistics: dict[JpegSettings, SampleStatistics] = field(default_factory=dict)
    _scores: dict[tuple[JpegSettings, float], float] = field(default_factory=dict)
    _samples: _ViewSamples | None = None
    _last: tuple[int, Pixels] | None = None
    _strips: tuple[int, JpegSettings, Pixels, Any] | None = None  # side, settings, rows, and the rows as encoder input

    @property
    def view_px(self) -> int:
        """Long side at which the picture is judged: the receiver's view, or its own side when that is smaller."""
        return min(self.view_long_px, self.long_px)

    @property
    def base_px(self) -> int:
        """Long side of the pixels decoded so far."""
        return int(max(self.pixels.shape[:2]))

    def at(self, long_px: int) -> Any:  # noqa: ANN401 - pyvips has no types
        """Return the picture at a long side, as a libvips image."""
        return vips_image(self.pixels_at(long_px))

    def pixels_at(self, long_px: int) -> Pixels:
        """Return the picture at a long side; decodes the source again when there are not enough pixels."""
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
        """Estimate the bytes at one scale and quality from encoded strips: within two per cent at the median."""
        pixels = self.pixels_at(long_px)
        if self._strips is None or self._strips[:2] != (long_px, settings):
            strips = _strips(pixels, _ENCODE_SHARE, _ENCODE_PX)
            self._strips = long_px, settings, strips, encoder_input(strips, settings)
        _, _, strips, ready = self._strips
        # At least 40 bytes: HEADER_BYTES is an estimate and may exceed a tiny file.
        size = len(encode_jpeg(ready, quality, settings)) - HEADER_BYTES
        return HEADER_BYTES + max(size, 40) * len(pixels) / len(strips)

    def sample_scores(self, settings: JpegSettings) -> tuple[float, float]:
        """Score the tiles at the two qualities of `_SCORE_QUALITIES`."""
        low, high = (self._sample_score(settings, float(q)) for q in _SCORE_QUALITIES[settings.encoder])
        return low, high

    def chroma_gain(self, settings: JpegSettings, over: JpegSettings) -> float:
        """Return by how much one setting scores higher than another of its encoder, at the finer quality."""
        finer = float(_SCORE_QUALITIES[settings.encoder][1])
        return self._sample_score(settings, finer) - self._sample_score(over, finer)

    def _sample_score(self, settings: JpegSettings, quality: float) -> float:
        if (settings, quality) not in self._scores:
            samples = self.samples()
            if settings.encoder not in samples.ready:
                samples.ready[settings.encoder] = encoder_input(samples.tiles, settings)
            data = encode_jpeg(samples.ready[settings.encoder], quality, settings)
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
                self._scores[settings, quality] = samples.metric.score(np.asarray(opened.convert("RGB")))
        return self._scores[settings, quality]

    def samples(self) -> _ViewSamples:
        """Samples of the view, cut when first asked for."""
        if self._samples is None:
            base = self.base_px
            shown = self.pixels if self.view_px >= base else resize(self.pixels, self.view_px / base)
            self._samples = _ViewSamples.of(shown)
        return self._samples

    def statistics(self, settings: JpegSettings) -> SampleStatistics:
        """Measure one encoder setting on the samples, when first asked for."""
        if settings not in self._statistics:
            self._statistics[settings] = _measure(self.samples(), settings, self.view_px, self.sample_scores(settings))
        return self._statistics[settings]


@dataclass(frozen=True, slots=True)
class _ViewSamples:
    """The view, strips of it and of half of it, and tiles with the metric that scores them."""

    pixels: Pixels
    strips: Pixels
    half_strips: Pixels
    tiles: Pixels
    metric: Ssimulacra2Approx
    ready: dict[str, Any] = field(default_factory=dict)  # the tiles as input of each encoder

    @property
    def shown(self) -> Any:  # noqa: ANN401
        """The view as a libvips image."""
        return vips_image(self.pixels)

    @classmethod
    def of(cls, pixels: Pixels) -> _ViewSamples:
        strips, tiles = _strips(pixels, _SURVEY_SHARE, _SURVEY_PX), _tiles(pixels)
        half = np.asarray(Image.fromarray(strips).reduce(2))
        return cls(pixels, strips, half, tiles, Ssimulacra2Approx(tiles, _METRIC_SCALES))


def _strips(pixels: Pixels, share: float, bounds_px: tuple[int, int]) -> Pixels:
    """Cut strips of sixteen rows at even distances, enough of them to cover a share of the pixels."""
    height, width, _ = pixels.shape
    there = height // _STRIP_ROWS
    wanted = round(min(max(width * height * share, bounds_px[0]), bounds_px[1]) / (width * _STRIP_ROWS))
    if wanted >= there:
        return pixels
    places = ((np.arange(max(wanted, 1)) + 0.5) * there / max(wanted, 1)).astype(int) * _STRIP_ROWS
    return np.concatenate([pixels[top : top + _STRIP_ROWS] for top in places])


def _tiles(pixels: Pixels) -> Pixels:
    """Put tiles from all over the picture side by side; a small picture is returned whole."""
    height, width, _ = pixels.shape
    down, across = _TILES if height <= width else _TILES[::-1]
    if height < down * _TILE_PX or width < across * _TILE_PX or height * width <= 1.5 * down * across * _TILE_PX**2:
        return pixels
    tops = np.linspace(0, height - _TILE_PX, down).astype(int)
    lefts = np.linspace(0, width - _TILE_PX, across).astype(int)
    rows = [np.concatenate([pixels[y : y + _TILE_PX, x : x + _TILE_PX] for x in lefts], axis=1) for y in tops]
    return np.concatenate(rows)


def _measure(
    samples: _ViewSamples, settings: JpegSettings, view_px: int, scores: tuple[float, float]
) -> SampleStatistics:
    knots, halves = np.array(_size_model(settings.encoder)["knots"], float), _HALF_QUALITIES[settings.encoder]
    bits = bits_per_pixel(samples.strips, settings, knots)
    halved = bits_per_pixel(samples.half_strips, settings, halves)
    excess = halved - _between(settings.encoder, bits, halves) - _HALF_BIAS
    return SampleStatistics(settings, view_px, bits, excess, scores)


def texture(sample: SampleStatistics) -> tuple[float, float]:
    """Return log2 of bits per pixel of the view at a middling quality, and by how much half the view is below it."""
    sides = np.log2(np.array([sample.view_px, sample.view_px / 2]))
    view, half = sample.bits_per_pixel(sides, np.array([_REFERENCE_QUALITY[sample.settings.encoder]]))[:, 0]
    return float(view), float(view - half)


def bits_per_pixel(sample: Pixels, settings: JpegSettings, qualities: Numbers) -> Numbers:
    """Return log2 of the bits per pixel of an encoded sample at some qualities."""
    ready = encoder_input(sample, settings)
    sizes = [max(len(encode_jpeg(ready, q, settings)) - HEADER_BYTES, 40) for q in qualities]
    return np.asarray(np.log2(np.array(sizes, float) * 8 / (sample.shape[0] * sample.shape[1])), float)


def _between(encoder: str, bits: Numbers, quality: Numbers) -> Numbers:
    """Interpolate bits per pixel at other qualities than the knots."""
    model = _size_model(encoder)
    grid, table = np.array(model["grid"], float), np.array(model["between"])
    return np.asarray(
        np.interp(quality, grid, np.interp(grid, model["knots"], bits) + table[0] + bits @ table[1:]), float
    )


def _size_model(encoder: str) -> dict[str, Any]:
    model: dict[str, Any] = JPEG_MODELS["size"][encoder]
    return model


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """Measured features of a picture, and its traits as the ledger names them.

    Attributes:
        flat: Share of pixels equal to their right neighbour.
        soft: Share of pixels that differ a little from it, as sensors, lenses and gradients make them.
        hard: Share of pixels that differ from it by a hard step.
    """

    flat: float
    soft: float
    hard: float
    traits: tuple[str, ...]

    @property
    def is_graphic(self) -> bool:
        """The picture must stay sharp and may be sent with a palette."""
        return "photograph" not in self.traits


def detect_features(pixels: Pixels) -> ImageFeatures:
    """Measure the features and traits of a picture given as (height, width, 3)."""
    tiles = _feature_tiles(pixels)
    left, right = tiles[:, :, :-1], tiles[:, :, 1:]
    steps = (np.maximum(left, right) - np.minimum(left, right)).transpose(3, 0, 1, 2)
    step = np.maximum(np.maximum(steps[0], steps[1]), steps[2])
    flat, soft, hard = (float(np.count_nonzero(s) / s.size) for s in (step == 0, step <= _SOFT_STEP, step > _HARD_STEP))
    soft -= flat
    return ImageFeatures(flat, soft, hard, _traits(pixels, tiles, (flat, soft, hard)))


def _feature_tiles(pixels: Pixels) -> Pixels:
    """Cut tiles on a grid over the whole picture, as one array (tile, row, column, channel)."""
    height, width, _ = pixels.shape
    side_y, side_x = min(_FEATURE_TILE_PX, height), min(_FEATURE_TILE_PX, width)
    tops = np.unique(np.linspace(0, height - side_y, min(_FEATURE_TILES, -(-height // side_y))).astype(int))
    lefts = np.unique(np.linspace(0, width - side_x, min(_FEATURE_TILES, -(-width // side_x))).astype(int))
    return np.stack([pixels[y : y + side_y, x : x + side_x] for y in tops for x in lefts])


def _colour_counts(tiles: Pixels) -> NDArray[np.int64]:
    # Five bits per channel, so that noise does not count as colours.
    coarse = (tiles >> 3).astype(np.int32)
    index = (coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]).ravel()
    counts = np.bincount(index, minlength=1 << 15)
    return counts[counts > 0]


def _traits(pixels: Pixels, tiles: Pixels, steps: tuple[float, float, float]) -> tuple[str, ...]:
    # The thresholds separate the real pictures of benchmarks/pictures.py; see docs/fitting.md.
    flat, soft, hard = steps
    # A sensor leaves soft steps everywhere; a drawing has them only where it shades or was scaled.
    if hard < 0.005 or hard < 0.12 * soft:  # noqa: PLR2004
        return ("photograph",)
    if _is_two_tone(pixels) and _finder_rows(pixels) >= 3:  # noqa: PLR2004 - rows through the corner marks
        return ("qr code", "line art")
    if flat < 0.45:  # noqa: PLR2004
        return ("photograph",)
    counts = _colour_counts(tiles)
    top_share = float(np.sort(counts)[::-1][:16].sum() / counts.sum())  # of pixels in the sixteen commonest colours
    if top_share > 0.95 and len(counts) <= 96:  # noqa: PLR2004
        return ("line art",)
    return ("screenshot",)


def _is_two_tone(pixels: Pixels) -> bool:
    """Whether nearly all pixels are dark or light, with a fair share of each."""
    step = max(1, len(pixels) // _MAX_SCAN_ROWS)
    green = pixels[::step, ::2, 1]
    dark, light = float((green < _DARK).mean()), float((green > _LIGHT).mean())
    return dark + light > 0.85 and min(dark, light) > 0.08  # noqa: PLR2004


def _finder_rows(pixels: Pixels) -> int:
    """Count rows through the corner marks of a QR code."""
    rows = pixels[:: max(1, len(pixels) // _MAX_SCAN_ROWS), :, 1] < 128  # noqa: PLR2004 - dark
    return sum(_has_finder(row) for row in rows)


def _has_finder(dark: NDArray[np.bool_]) -> bool:
    changes = np.flatnonzero(np.diff(dark)) + 1
    if len(changes) < 6:  # noqa: PLR2004 - five runs lie between six changes
        return False
    fives = np.lib.stride_tricks.sliding_window_view(np.diff(changes).astype(float), 5)
    unit = fives.sum(axis=1, keepdims=True) / 7
    # ISO/IEC 18004, 6.3.3: a finder pattern alternates dark and light as 1:1:3:1:1 along any row through its middle.
    near = np.abs(fives / unit - (1, 1, 3, 1, 1)) < (0.5, 0.5, 1, 0.5, 0.5)
    starts_dark = dark[changes[: len(fives)]]
    return bool(np.any(near.all(axis=1) & starts_dark & (unit[:, 0] >= 2)))  # noqa: PLR2004 - pixels a module


def edge_energy(grey: NDArray[np.float32]) -> float:
    """Measure how strong the edges of a grey picture are; poster frames are chosen by it."""
    if grey.size <= 1:
        return 0.0
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())
