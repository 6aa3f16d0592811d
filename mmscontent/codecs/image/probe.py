"""A few small encodes of a picture that stand for the large ones: bits per pixel and looks, by scale and quality.

Tiles from all over the picture are put side by side, at the receiver's view and at half of it. Each mosaic is encoded
at a few qualities; bits per pixel run straight through both in logarithms. Some of the tiles are decoded again and
looked at (eye.py), because how a picture takes compression differs more between pictures than any feature tells.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmscontent.codecs.image import vips
from mmscontent.codecs.image.decode import scaled
from mmscontent.codecs.image.encode import JpegWay, encode_jpeg, ready_for
from mmscontent.codecs.image.eye import Eye

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["HEADER_BYTES", "REFERENCE_QUALITY", "Probe", "Seen"]

# By encoder: where the size is probed, where the looks.
_SIZE_QUALITIES = {
    "tuned": np.array([24.0, 46, 64, 80, 93, 104]),
    "trellis": np.array([12.0, 35, 60, 80, 91, 97]),
}
_HALF_QUALITIES = {"tuned": np.array([42.0, 84.0]), "trellis": np.array([35.0, 91.0])}
_EYE_QUALITIES = {"tuned": np.array([48.0, 78.0]), "trellis": np.array([40.0, 86.0])}
REFERENCE_QUALITY = {"tuned": 60.0, "trellis": 65.0}  # where pictures are compared with each other
_TILE_PX, _TILES = 64, 5
HEADER_BYTES = 330  # markers and tables around the coded data


@dataclass(frozen=True, slots=True)
class Seen:
    """What one way of writing does to the picture.

    Attributes:
        scales: Logarithms to base 2 of the two long sides probed, rising.
        bits: Logarithm to base 2 of bits per pixel, one row a scale, one column a quality probed.
        looks: Scores of the view at the qualities looked at.
    """

    way: JpegWay
    scales: Numbers
    bits: Numbers
    looks: tuple[float, float]

    def bits_per_pixel(self, log_long: Numbers, quality: Numbers) -> Numbers:
        """Predicted logarithm to base 2, for each scale (rows) and quality (columns)."""
        knots, wanted = (-self.way.coarseness(q) for q in (_SIZE_QUALITIES[self.way.encoder], quality))
        by_scale = np.stack([np.interp(wanted, knots, row) for row in self.bits])
        share = (log_long - self.scales[0]) / (self.scales[1] - self.scales[0])
        return np.asarray(by_scale[0] + share[:, None] * (by_scale[1] - by_scale[0]), float)

    def look(self, quality: Numbers) -> Numbers:
        """Score of the view at a quality, straight in the logarithm of the tables' coarseness."""
        first, second = self.way.coarseness(_EYE_QUALITIES[self.way.encoder])
        slope = (self.looks[1] - self.looks[0]) / (second - first)
        return np.asarray(self.looks[0] + slope * (self.way.coarseness(quality) - first), float)


@dataclass(slots=True)
class Probe:
    """One picture, ready to be asked what each way of writing does to it.

    Attributes:
        image: Pixels decoded so far, at least the receiver's view unless the source is smaller.
        long_px: Long side it could be written with; nothing is ever written larger.
        enlarge: Decodes it again with a longer long side, when a larger rendition is worth it.
    """

    image: Any
    view_long_px: int
    long_px: int
    enlarge: Callable[[int], Any]
    _seen: dict[JpegWay, Seen] = field(default_factory=dict)
    _samples: _Samples | None = None

    @property
    def view_px(self) -> int:
        """Long side at which it is looked at: the receiver's, or its own when that is smaller."""
        return min(self.view_long_px, self.long_px)

    @property
    def base_px(self) -> int:
        """Long side of the pixels decoded so far."""
        return int(max(self.image.width, self.image.height))

    def at(self, long_px: int) -> Any:  # noqa: ANN401 - pyvips has no types
        """The picture at a long side, in memory; decoded again when there are not enough pixels."""
        if long_px > self.base_px:
            self.image = self.enlarge(long_px)
        base = self.base_px
        if long_px == self.view_px and base > long_px:
            return self.samples().shown
        return self.image if long_px >= base else scaled(self.image, long_px / base).copy_memory()

    def glance(self, shown: NDArray[np.uint8]) -> float:
        """Score of a rendition brought to the view, by the watched tiles alone."""
        samples = self.samples()
        if samples.tiles is samples.shown:
            return samples.eye.score(shown)
        return samples.eye.score(_every_other_row(_mosaic(vips.image_from(shown))).numpy())

    def samples(self) -> _Samples:
        """Small pieces of the view, made when first asked for."""
        if self._samples is None:
            base = self.base_px
            shown = self.image if self.view_px >= base else scaled(self.image, self.view_px / base).copy_memory()
            self._samples = _Samples.of(shown)
        return self._samples

    def seen(self, way: JpegWay) -> Seen:
        """What a way of writing does; probed when first asked for."""
        if way not in self._seen:
            self._seen[way] = _probed(self.samples(), way, self.view_px)
        return self._seen[way]


@dataclass(frozen=True, slots=True)
class _Samples:
    """The view, half of it, tiles of both, and an eye on some of the tiles."""

    shown: Any
    half: Any
    tiles: Any
    half_tiles: Any
    watched: Any
    eye: Eye

    @classmethod
    def of(cls, shown: Any) -> _Samples:  # noqa: ANN401
        tiles = _mosaic(shown)
        half_tiles = scaled(tiles, 0.5).copy_memory()
        half = half_tiles if tiles is shown else scaled(shown, 0.5).copy_memory()
        watched = tiles if tiles is shown else _every_other_row(tiles)
        return cls(shown, half, tiles, half_tiles, watched, Eye(watched.numpy()))


def _probed(samples: _Samples, way: JpegWay, view_px: int) -> Seen:
    qualities, ends = _SIZE_QUALITIES[way.encoder], _HALF_QUALITIES[way.encoder]
    view = _bits(samples.tiles, way, qualities)
    # Half the view is taken at two qualities; between them it runs beside the view.
    coarse, coarse_ends = way.coarseness(qualities), way.coarseness(ends)
    lower = _bits(samples.half_tiles, way, ends) - np.interp(ends, qualities, view)
    slope = (lower[1] - lower[0]) / (coarse_ends[1] - coarse_ends[0])
    half = view + lower[0] + slope * (coarse - coarse_ends[0])
    # How much heavier the whole is than its tiles, seen at half the view.
    tilt = 0.0
    if samples.half is not samples.half_tiles:
        middle = np.array([REFERENCE_QUALITY[way.encoder]])
        tilt = float((_bits(samples.half, way, middle) - _bits(samples.half_tiles, way, middle))[0])
    watched = ready_for(samples.watched, way)
    low, high = (samples.eye.score(_decoded(encode_jpeg(watched, q, way))) for q in _EYE_QUALITIES[way.encoder])
    scales = np.log2(np.array([view_px / 2, view_px]))
    return Seen(way, scales, np.stack([half, view]) + tilt, (low, high))


def _bits(sample: Any, way: JpegWay, qualities: Numbers) -> Numbers:  # noqa: ANN401 - pyvips has no types
    ready = ready_for(sample, way)
    sizes = [max(len(encode_jpeg(ready, q, way)) - HEADER_BYTES, 40) for q in qualities]
    return np.asarray(np.log2(np.array(sizes, float) * 8 / (sample.width * sample.height)), float)


def _decoded(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        return np.asarray(opened.convert("RGB"))


def _mosaic(image: Any) -> Any:  # noqa: ANN401
    """Tiles from all over the picture side by side, or the whole of a small one."""
    across, down = (min(_TILES, side // _TILE_PX) for side in (image.width, image.height))
    if across * down == 0 or image.width * image.height <= 1.5 * (_TILE_PX * _TILES) ** 2:
        return image
    lefts = np.linspace(0, image.width - _TILE_PX, across).astype(int)
    tops = np.linspace(0, image.height - _TILE_PX, down).astype(int)
    pixels = image.numpy()
    rows = [np.concatenate([pixels[y : y + _TILE_PX, x : x + _TILE_PX] for x in lefts], axis=1) for y in tops]
    return vips.image_from(np.concatenate(rows))


def _every_other_row(tiles: Any) -> Any:  # noqa: ANN401
    """Half of the tiles, from top to bottom of the picture: enough to look at, and looking takes time."""
    pixels = tiles.numpy()
    rows = [pixels[top : top + _TILE_PX] for top in range(0, len(pixels), 2 * _TILE_PX)]
    return vips.image_from(np.concatenate(rows))
