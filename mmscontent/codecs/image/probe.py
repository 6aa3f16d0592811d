"""A few small encodes of a picture that stand for the large ones: bits per pixel and looks, by scale and quality.

Tiles from all over the picture are put side by side, at the receiver's view, at half of it and at the picture's own
scale. Each mosaic is encoded at a few qualities; bits per pixel run straight between them in logarithms. The one
at the view is decoded again and looked at (eye.py), because how a picture takes compression differs more between
pictures than anything a feature of the source tells.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmscontent.codecs.image import vips
from mmscontent.codecs.image.decode import scaled
from mmscontent.codecs.image.encode import JpegWay, encode_jpeg
from mmscontent.codecs.image.eye import Eye

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["HEADER_BYTES", "REFERENCE_QUALITY", "Probe", "Seen"]

# By encoder: where the size is probed, where the looks.
_SIZE_QUALITIES = {
    "tuned": np.array([22.0, 42, 58, 72, 84, 94, 104]),
    "trellis": np.array([12.0, 35, 60, 80, 91, 97]),
}
_TILT_QUALITIES = {"tuned": np.array([65.0]), "trellis": np.array([65.0])}
_EYE_QUALITIES = {"tuned": np.array([48.0, 78.0]), "trellis": np.array([40.0, 86.0])}
REFERENCE_QUALITY = {"tuned": 60.0, "trellis": 65.0}  # where pictures are compared with each other
_TILE_PX, _TILES = 64, 5
_NATIVE_APART = 1.15  # times the view, before the picture's own scale is probed too
HEADER_BYTES = 330  # markers and tables around the coded data


@dataclass(frozen=True, slots=True)
class Seen:
    """What one way of writing does to the picture.

    Attributes:
        scales: Logarithms to base 2 of the long sides probed, rising.
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
        if len(self.scales) == 1:
            return np.repeat(by_scale, len(log_long), axis=0)
        upper = np.clip(np.searchsorted(self.scales, log_long), 1, len(self.scales) - 1)
        lower = upper - 1
        share = (log_long - self.scales[lower]) / (self.scales[upper] - self.scales[lower])
        return np.asarray(by_scale[lower] + share[:, None] * (by_scale[upper] - by_scale[lower]), float)

    def look(self, quality: Numbers) -> Numbers:
        """Score of the view at a quality, straight in the logarithm of the tables' coarseness."""
        first, second = self.way.coarseness(_EYE_QUALITIES[self.way.encoder])
        slope = (self.looks[1] - self.looks[0]) / (second - first)
        return np.asarray(self.looks[0] + slope * (self.way.coarseness(quality) - first), float)


@dataclass(slots=True)
class Probe:
    """One picture, ready to be asked what each way of writing does to it."""

    image: Any
    view_long_px: int
    _seen: dict[JpegWay, Seen] = field(default_factory=dict)
    _samples: list[tuple[float, Any]] = field(default_factory=list)
    _eye: Eye | None = None
    _whole: Any = None

    @property
    def long_px(self) -> int:
        """Long side of the picture as decoded; nothing is ever written larger."""
        return int(max(self.image.width, self.image.height))

    @property
    def view_px(self) -> int:
        """Long side at which it is looked at: the receiver's, or its own when that is smaller."""
        return min(self.view_long_px, self.long_px)

    def seen(self, way: JpegWay) -> Seen:
        """What a way of writing does; probed when first asked for."""
        if way not in self._seen:
            self._prepare()
            bits = np.stack(
                [_bits(sample, way, _SIZE_QUALITIES[way.encoder]) for _, sample in self._samples]
            ) + self._tilt(way)
            scales = np.array([scale for scale, _ in self._samples])
            self._seen[way] = Seen(way, scales, bits, self._looks(way))
        return self._seen[way]

    def _prepare(self) -> None:
        if self._samples:
            return
        shown = self.image if self.view_px == self.long_px else scaled(self.image, self.view_px / self.long_px)
        shown = shown.copy_memory()
        view = _mosaic(shown)
        self._whole = scaled(shown, 0.5).copy_memory()
        self._samples = [(np.log2(self.view_px), view)]
        if min(view.width, view.height) >= _TILE_PX:
            self._samples.insert(0, (np.log2(self.view_px / 2), scaled(view, 0.5).copy_memory()))
        if self.long_px > self.view_px * _NATIVE_APART:
            self._samples.append((np.log2(self.long_px), _mosaic(self.image)))
        self._eye = Eye(view.numpy())

    def _tilt(self, way: JpegWay) -> float:
        """How much heavier the whole is than its tiles: one encode of each at half the view."""
        if len(self._samples) < 2:  # noqa: PLR2004 - too small for tiles
            return 0.0
        whole, tiles = (
            _bits(sample, way, _TILT_QUALITIES[way.encoder]) for sample in (self._whole, self._samples[0][1])
        )
        return float((whole - tiles).mean())

    def _looks(self, way: JpegWay) -> tuple[float, float]:
        view = next(sample for scale, sample in self._samples if scale == np.log2(self.view_px))
        assert self._eye is not None
        low, high = (self._eye.score(_decoded(encode_jpeg(view, q, way))) for q in _EYE_QUALITIES[way.encoder])
        return low, high


def _bits(sample: Any, way: JpegWay, qualities: Numbers) -> Numbers:  # noqa: ANN401 - pyvips has no types
    sizes = [max(len(encode_jpeg(sample, q, way)) - HEADER_BYTES, 40) for q in qualities]
    return np.asarray(np.log2(np.array(sizes, float) * 8 / (sample.width * sample.height)), float)


def _decoded(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        return np.asarray(opened.convert("RGB"))


def _mosaic(image: Any) -> Any:  # noqa: ANN401
    """Tiles from all over the picture side by side, or the whole of a small one."""
    image = image.copy_memory()
    across, down = (min(_TILES, side // _TILE_PX) for side in (image.width, image.height))
    if across * down == 0 or image.width * image.height <= 1.5 * (_TILE_PX * _TILES) ** 2:
        return image
    lefts = np.linspace(0, image.width - _TILE_PX, across).astype(int)
    tops = np.linspace(0, image.height - _TILE_PX, down).astype(int)
    pixels = image.numpy()
    rows = [np.concatenate([pixels[y : y + _TILE_PX, x : x + _TILE_PX] for x in lefts], axis=1) for y in tops]
    return vips.image_from(np.concatenate(rows))
