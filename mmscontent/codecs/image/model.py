"""How large a picture would be, and how good it would look, written at a size and quality: predicted, not tried.

Size: a mosaic of tiles is encoded at the source's own scale and the whole picture at a small one, at a few
qualities; between them bits per pixel run straight in logarithms. Quality: docs/fitting.md tells how the
numbers of quality_model.py were fitted, benchmarks/train_stills.py does it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscontent.codecs.image import vips
from mmscontent.codecs.image.decode import scaled
from mmscontent.codecs.image.encode import JpegWay, encode_jpeg
from mmscontent.codecs.image.quality_model import WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PROBE_QUALITIES", "Probe", "distance", "predicted_quality"]

PROBE_QUALITIES = (10, 25, 45, 65, 80, 90, 95, 99)
_SMALL_LONG_PX = 400
_TILE_PX = 96
_MOSAIC_TILES = 5  # across and down, at most
_HEADER_BYTES = 340  # markers and tables around the coded data, as measured on one grey pixel


@dataclass(slots=True)
class Probe:
    """Predicted bytes of one picture, at any long side and quality, for the ways of writing asked about."""

    image: Any
    _tables: dict[JpegWay, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    _samples: tuple[Any, Any] | None = None

    @property
    def long_px(self) -> int:
        """Long side of the picture as decoded; nothing is ever written larger."""
        return int(max(self.image.width, self.image.height))

    def bits_per_pixel(self, long_px: float, quality: float, way: JpegWay) -> float:
        """Predicted, as a logarithm to base 2."""
        small, native = self._table(way)
        at_small, at_native = (float(np.interp(quality, PROBE_QUALITIES, row)) for row in (small, native))
        span = np.log2(self.long_px / self._small_long_px)
        share = np.log2(long_px / self._small_long_px) / span if span > 0.05 else 1.0  # noqa: PLR2004 - the same scale
        return at_small + float(share) * (at_native - at_small)

    def size_bytes(self, long_px: float, quality: float, way: JpegWay) -> float:
        """Predicted size of the file."""
        area = self.image.width * self.image.height * (long_px / self.long_px) ** 2
        return float(_HEADER_BYTES + area * 2 ** self.bits_per_pixel(long_px, quality, way) / 8)

    @property
    def _small_long_px(self) -> int:
        return min(_SMALL_LONG_PX, self.long_px)

    def _table(self, way: JpegWay) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if way not in self._tables:
            if self._samples is None:
                small = (
                    scaled(self.image, self._small_long_px / self.long_px) if self.long_px > _SMALL_LONG_PX else None
                )
                mosaic = _mosaic(self.image)
                self._samples = (small.copy_memory() if small else mosaic, mosaic)
            small_row, native_row = (_bits(sample, way) for sample in self._samples)
            self._tables[way] = small_row, native_row
        return self._tables[way]


def _bits(sample: Any, way: JpegWay) -> NDArray[np.float64]:  # noqa: ANN401
    sizes = [max(len(encode_jpeg(sample, q, way)) - _HEADER_BYTES, 40) for q in PROBE_QUALITIES]
    return np.log2(np.array(sizes, float) * 8 / (sample.width * sample.height))


def _mosaic(image: Any) -> Any:  # noqa: ANN401
    """Tiles from all over the picture side by side, or the whole of a small one."""
    if image.width * image.height <= (_TILE_PX * _MOSAIC_TILES) ** 2 * 1.5:
        return image
    across, down = (min(_MOSAIC_TILES, side // _TILE_PX) for side in (image.width, image.height))
    lefts = np.linspace(0, image.width - _TILE_PX, across).astype(int) // 16 * 16
    tops = np.linspace(0, image.height - _TILE_PX, down).astype(int) // 16 * 16
    pixels = image.numpy()
    rows = [np.concatenate([pixels[y : y + _TILE_PX, x : x + _TILE_PX] for x in lefts], axis=1) for y in tops]
    return vips.image_from(np.concatenate(rows))


def distance(quality: float) -> float:
    """Butteraugli distance that a JPEG quality of 1 to 100 stands for (libjxl, `JpegQualityToDistance`)."""
    if quality >= 30:  # noqa: PLR2004 - where the two branches meet
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def predicted_quality(probe: Probe, long_px: float, quality: float, way: JpegWay, view_long_px: int) -> float:
    """SSIMULACRA2 at the receiver's view that a picture written so would have."""
    view = min(view_long_px, probe.long_px)
    scale = float(np.log2(long_px / view))
    less, more = min(scale, 0.0), max(scale, 0.0)
    coarse = float(np.log(distance(quality)))
    bits = probe.bits_per_pixel(long_px, quality, way)
    at_view = probe.bits_per_pixel(view, 75, way)
    fine = at_view - probe.bits_per_pixel(view / 2, 75, way)
    spread = probe.bits_per_pixel(view, 25, way) - probe.bits_per_pixel(view, 90, way)
    terms = (
        (1, coarse, coarse**2, coarse**3, less, less**2, more, more**2, at_view, at_view**2, fine, fine**2, spread)
        + (coarse * at_view, coarse * fine, coarse * spread, coarse**2 * at_view, coarse**2 * fine)
        + (less * at_view, less * fine, less * coarse, less * coarse**2, more * coarse, more * at_view, more * fine)
        + (bits, bits**2, bits * coarse, bits * less, bits * more, bits * fine)
    )
    return float(np.dot(WEIGHTS, terms))
