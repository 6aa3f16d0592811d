"""Encodes pixels: JPEG with two encoders, PNG without loss, PNG or GIF with a palette. It makes no choices.

Every encoder gives the same bytes for the same pixels, and writes nothing but what a decoder needs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from mmscontent.codecs.image.decode import vips_image
from mmscontent.errors import EngineMissing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

try:
    import imagequant
except ImportError:  # reported when a palette is asked for
    imagequant = None

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
# T.81 B.2.4.1: a table entry of a baseline JPEG has eight bits.
_MAX_ENTRY = 255
_TUNED_QUALITIES = np.arange(15.0, 104.1, 0.5)
_TRELLIS_QUALITIES = np.arange(12.0, 99.0)
# Some of them, with the first and the last: the columns of the prediction tables, which are interpolated between.
_TUNED_GRID, _TRELLIS_GRID = np.append(np.arange(15.0, 104.0, 2.5), 104.0), np.append(np.arange(12.0, 98.0, 4.0), 98.0)


@dataclass(frozen=True, slots=True)
class JpegSettings:
    """Everything about encoding a JPEG except its quality.

    Attributes:
        encoder: `tuned` (libjpeg-turbo with our tables, any fraction of quality) or `trellis` (mozjpeg).
        full_chroma: 4:4:4 rather than 4:2:0.
    """

    encoder: JpegEncoder
    full_chroma: bool = False
    progressive: bool = False

    @property
    def label(self) -> str:
        """Chroma and coding as the ledger names them."""
        return ("4:4:4" if self.full_chroma else "4:2:0") + (" progressive" if self.progressive else "")

    @property
    def qualities(self) -> Numbers:
        """All qualities of the encoder, rising, on its own scale."""
        return _TUNED_QUALITIES if self.encoder == "tuned" else _TRELLIS_QUALITIES

    @property
    def grid(self) -> Numbers:
        """Some of its qualities, with the first and the last."""
        return _TUNED_GRID if self.encoder == "tuned" else _TRELLIS_GRID

    @property
    def step(self) -> float:
        """Qualities are multiples of this: a quarter for our own tables, which take any fraction."""
        return 0.25 if self.encoder == "tuned" else 1.0

    def coarseness(self, quality: Numbers) -> Numbers:
        """Natural logarithm of the factor on the quantisation tables; 0 at quality 50."""
        if self.encoder == "tuned":
            return np.asarray((50 - quality) * np.log(2) / 10, float)  # ten steps halve the tables
        # libjpeg's jpeg_quality_scaling, which mozjpeg kept.
        return np.asarray(np.log(np.where(quality < 50, 50 / quality, np.maximum(2 - quality / 50, 0.01))), float)  # noqa: PLR2004


def encode_jpeg(image: Any, quality: float, settings: JpegSettings) -> bytes:  # noqa: ANN401 - pyvips has no types
    """Encode a three-band picture as JPEG, baseline unless the settings say progressive."""
    if settings.encoder == "trellis":
        return _encode_trellis(image, round(quality), settings)
    factor = float(np.exp(settings.coarseness(np.array(quality))))
    tables = [
        np.clip(np.rint(table * factor), 1, _MAX_ENTRY).astype(int).tolist() for table in _TABLES[settings.full_chroma]
    ]
    subsampling = "4:4:4" if settings.full_chroma else "4:2:0"
    picture = _as_pillow(image)
    options = {"qtables": tables, "subsampling": subsampling, "progressive": settings.progressive}
    return _save(picture, "JPEG", optimize=True, **options)


def _encode_trellis(image: Any, quality: int, settings: JpegSettings) -> bytes:  # noqa: ANN401
    return bytes(
        image.jpegsave_buffer(
            Q=quality,
            keep="none",
            optimize_coding=True,
            interlace=settings.progressive,
            subsample_mode="off" if settings.full_chroma else "on",
            # mozjpeg's table 3 scored higher at 4:2:0 and lower at 4:4:4: docs/fitting.md.
            quant_table=0 if settings.full_chroma else 3,
            trellis_quant=True,
            overshoot_deringing=True,
            optimize_scans=settings.progressive,
        )
    )


def _quantise(image: Any, colours: int, *, dithered: bool) -> Image.Image:  # noqa: ANN401
    if imagequant is None:
        raise EngineMissing("imagequant is missing, so no palette can be made; install imagequant")
    size = image.width, image.height
    rgba = _as_pillow(image).convert("RGBA").tobytes()
    # libimagequant: 1.0 is full Floyd-Steinberg dithering.
    level = 1.0 if dithered else 0.0
    pixels, palette = imagequant.quantize_raw_rgba_bytes(rgba, *size, dithering_level=level, max_colors=colours)
    picture = Image.frombytes("P", size, bytes(pixels))
    # Entries after the highest index used are dropped, and the alpha of the entries is 255 anyway.
    opaque = np.array(palette, np.uint8).reshape(-1, 4)[: max(pixels) + 1, :3]
    picture.putpalette(opaque.tobytes(), "RGB")
    return picture


def encoder_input(pixels: NDArray[np.uint8], settings: JpegSettings) -> Any:  # noqa: ANN401
    """Wrap pixels as the encoder takes them; worth keeping where they are encoded several times."""
    return vips_image(pixels) if settings.encoder == "trellis" else Image.fromarray(pixels)


def _as_pillow(image: Any) -> Image.Image:  # noqa: ANN401
    if isinstance(image, Image.Image):
        return image
    return Image.fromarray(image.numpy())


def _save(picture: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()


# --- lossless and palette variants: pictures that must stay sharp ------------------------------------------------

# Flat pages with text are three to five times smaller with a palette than as JPEG of the same quality, and stay legible
# with four colours at half their size where a JPEG of as many bytes is a smear (docs/fitting.md). A sample cannot tell
# how large a variant is, so all of them are encoded when the picture is surveyed.


@dataclass(frozen=True, slots=True)
class PaletteSettings:
    """One lossless or palette encoding.

    Attributes:
        colours: Largest number of palette entries; 0 encodes without loss.
        share: Share of the picture's long side.
        dithered: Shades are mixed from dots; with few colours the dots cost more bytes than the shades are worth.
    """

    colours: int
    share: float
    dithered: bool


# The last one is the smallest in which a photographed receipt could still be read: four colours at half the size.
VARIANTS = (
    PaletteSettings(0, 1.0, dithered=False),
    PaletteSettings(256, 1.0, dithered=True),
    PaletteSettings(16, 1.0, dithered=False),
    PaletteSettings(16, 0.5, dithered=False),
    PaletteSettings(8, 0.5, dithered=False),
    PaletteSettings(4, 0.5, dithered=False),
)
# The quantiser takes a second for these.
_MAX_PALETTE_PX = 6_000_000
# A variant is not scaled down below this.
_MIN_LONG_PX = 320


@dataclass(frozen=True, slots=True)
class PaletteVariant:
    """One picture encoded without loss or with a palette; *label* names how in the ledger."""

    data: bytes
    media_type: str
    label: str
    sides_px: tuple[int, int]


def palette_variants(at: Callable[[int], Any], long_px: int, media_types: Sequence[str]) -> Iterator[PaletteVariant]:
    """Encode the picture in every variant the receiver shows, largest first.

    Args:
        at: Returns the picture scaled to a long side.
        long_px: Long side of the whole picture.
        media_types: What the receiver shows; PNG is preferred to GIF.

    Raises:
        EngineMissing: The quantiser is not installed.
    """
    has_png = "image/png" in media_types
    for variant in VARIANTS:
        side = round(long_px * variant.share)
        if (variant.colours == 0 and not has_png) or (variant.share < 1 and side < _MIN_LONG_PX):
            continue
        image = at(side)
        if variant.colours == 0 or image.width * image.height <= _MAX_PALETTE_PX:
            yield _encode_variant(image, variant, has_png=has_png)


def _encode_variant(image: Any, variant: PaletteSettings, *, has_png: bool) -> PaletteVariant:  # noqa: ANN401
    sides = image.width, image.height
    if variant.colours == 0:
        data = bytes(image.pngsave_buffer(compression=9, keep="none", filter="all"))
        return PaletteVariant(data, "image/png", "PNG", sides)
    picture = _quantise(image, variant.colours, dithered=variant.dithered)
    form, label = ("PNG", "PNG-8") if has_png else ("GIF", "GIF")
    label = f"{sides[0]}×{sides[1]} {label} of {variant.colours} colours"
    return PaletteVariant(_save(picture, form, optimize=True), f"image/{form.lower()}", label, sides)
