"""One way of writing pixels each: JPEG by two encoders, PNG, PNG with a palette, GIF. No choices are made here.

All of them give the same bytes for the same pixels, and write nothing but what a decoder needs.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from mmscontent.codecs.image import vips
from mmscontent.errors import EngineMissing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

try:
    import imagequant
except ImportError:  # its absence is told when a palette is asked for
    imagequant = None

__all__ = [
    "JpegEncoder",
    "JpegSettings",
    "encode_gif",
    "encode_jpeg",
    "encode_palette_png",
    "encode_png",
    "encoder_input",
]

JpegEncoder = Literal["tuned", "trellis"]

# Quantisation tables at coarseness 1, in rows of eight. Luma, and chroma at half resolution: as jpegli writes them at
# quality 50 (github.com/google/jpegli, read from its output); they are tuned for the eye at the fine end too. Chroma
# at full resolution: T.81 table K.2, which spends less there. Measured against each other: docs/fitting.md.
_LUMA = """
    12 10 20 21 33 34 37 38
    10 14 20 23 34 31 39 39
    20 20 24 27 34 38 37 41
    21 23 27 33 41 42 42 45
    33 34 34 41 45 48 54 54
    34 31 38 42 48 53 50 59
    37 39 37 42 54 50 53 53
    38 39 41 45 54 59 53 43
"""
_HALF_CHROMA = """
    12  8 17 16 26 24 29  31
     8 13 17 17 24 21 27  28
    17 17 20 18 22 25 26  30
    16 17 18 21 27 24 26  31
    26 24 22 27 21 31 24  30
    24 21 25 24 31 27 31  46
    29 27 26 26 24 31 49  45
    31 28 30 31 30 46 45 255
"""
_FULL_CHROMA = """
    17 18 24 47 99 99 99 99
    18 21 26 66 99 99 99 99
    24 26 56 99 99 99 99 99
    47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99
    99 99 99 99 99 99 99 99
    99 99 99 99 99 99 99 99
    99 99 99 99 99 99 99 99
"""
_TABLES = {
    full_chroma: tuple(np.array(text.split(), float) for text in (_LUMA, chroma))
    for full_chroma, chroma in ((False, _HALF_CHROMA), (True, _FULL_CHROMA))
}
_MOST = 255  # of an entry, in baseline
_TUNED_QUALITIES = np.arange(15.0, 104.1, 0.5)
_TRELLIS_QUALITIES = np.arange(12.0, 99.0)
# A few of them, first and last among them, for tables between whose columns things run smoothly.
_TUNED_GRID, _TRELLIS_GRID = np.append(np.arange(15.0, 104.0, 2.5), 104.0), np.append(np.arange(12.0, 98.0, 4.0), 98.0)


@dataclass(frozen=True, slots=True)
class JpegSettings:
    """How to write a JPEG, but for its quality.

    Attributes:
        encoder: `tuned` (libjpeg-turbo with our tables, any fraction of quality) or `trellis` (mozjpeg).
        full_chroma: 4:4:4 rather than 4:2:0.
    """

    encoder: JpegEncoder
    full_chroma: bool = False
    progressive: bool = False

    @property
    def label(self) -> str:
        """Chroma and coding in the ledger's words."""
        return ("4:4:4" if self.full_chroma else "4:2:0") + (" progressive" if self.progressive else "")

    @property
    def qualities(self) -> Numbers:
        """Those it knows, rising; on the encoder's own scale."""
        return _TUNED_QUALITIES if self.encoder == "tuned" else _TRELLIS_QUALITIES

    @property
    def grid(self) -> Numbers:
        """A few of its qualities, first and last among them."""
        return _TUNED_GRID if self.encoder == "tuned" else _TRELLIS_GRID

    @property
    def step(self) -> float:
        """Qualities are multiples of this: a quarter where any fraction can be written."""
        return 0.25 if self.encoder == "tuned" else 1.0

    def coarseness(self, quality: Numbers) -> Numbers:
        """Natural logarithm of how coarse the tables are, 0 for those of quality 50."""
        if self.encoder == "tuned":
            return np.asarray((50 - quality) * np.log(2) / 10, float)  # ten steps halve the tables
        # As libjpeg and its kin scale theirs.
        return np.asarray(np.log(np.where(quality < 50, 50 / quality, np.maximum(2 - quality / 50, 0.01))), float)  # noqa: PLR2004


def encode_jpeg(image: Any, quality: float, settings: JpegSettings) -> bytes:  # noqa: ANN401 - pyvips has no types
    """Write a three-band picture as JPEG, baseline unless the way says progressive."""
    if settings.encoder == "trellis":
        return _encode_trellis(image, round(quality), settings)
    factor = float(np.exp(settings.coarseness(np.array(quality))))
    tables = [
        np.clip(np.rint(table * factor), 1, _MOST).astype(int).tolist() for table in _TABLES[settings.full_chroma]
    ]
    subsampling = "4:4:4" if settings.full_chroma else "4:2:0"
    picture = _picture(image)
    options = {"qtables": tables, "subsampling": subsampling, "progressive": settings.progressive}
    return _saved(picture, "JPEG", optimize=True, **options)


def _encode_trellis(image: Any, quality: int, settings: JpegSettings) -> bytes:  # noqa: ANN401
    return bytes(
        image.jpegsave_buffer(
            Q=quality,
            keep="none",
            optimize_coding=True,
            interlace=settings.progressive,
            subsample_mode="off" if settings.full_chroma else "on",
            # Table 3 gives more at 4:2:0 and less at 4:4:4, measured: docs/fitting.md.
            quant_table=0 if settings.full_chroma else 3,
            trellis_quant=True,
            overshoot_deringing=True,
            optimize_scans=settings.progressive,
        )
    )


def encode_png(image: Any) -> bytes:  # noqa: ANN401
    """Write a picture as PNG without loss."""
    return bytes(image.pngsave_buffer(compression=9, keep="none", filter="all"))


def encode_palette_png(image: Any, colours: int, *, dithered: bool = True) -> bytes:  # noqa: ANN401
    """Write a picture as PNG with a palette of at most *colours*.

    Raises:
        EngineMissing: The quantiser is not installed.
    """
    return _saved(_quantised(image, colours, dithered=dithered), "PNG", optimize=True)


def encode_gif(image: Any, colours: int, *, dithered: bool = True) -> bytes:  # noqa: ANN401
    """Write a picture as a GIF of one frame with at most *colours*."""
    return _saved(_quantised(image, colours, dithered=dithered), "GIF", optimize=True)


def _quantised(image: Any, colours: int, *, dithered: bool) -> Image.Image:  # noqa: ANN401
    if imagequant is None:
        raise EngineMissing("imagequant is missing, so no palette can be made; install imagequant")
    size = image.width, image.height
    rgba = _picture(image).convert("RGBA").tobytes()
    level = 1.0 if dithered else 0.0
    pixels, palette = imagequant.quantize_raw_rgba_bytes(rgba, *size, dithering_level=level, max_colors=colours)
    picture = Image.frombytes("P", size, bytes(pixels))
    opaque = np.array(palette, np.uint8).reshape(-1, 4)[: max(pixels) + 1, :3]
    picture.putpalette(opaque.tobytes(), "RGB")
    return picture


def encoder_input(pixels: NDArray[np.uint8], settings: JpegSettings) -> Any:  # noqa: ANN401
    """Pixels as the encoder takes them; worth having where they are encoded several times."""
    return vips.image_from(pixels) if settings.encoder == "trellis" else Image.fromarray(pixels)


def _picture(image: Any) -> Image.Image:  # noqa: ANN401
    if isinstance(image, Image.Image):
        return image
    return Image.fromarray(image.numpy())


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()
