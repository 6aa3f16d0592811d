"""One way of writing pixels each: JPEG by three encoders, PNG, PNG with a palette, GIF. No choices are made here.

All of them give the same bytes for the same pixels, and write nothing but what a decoder needs.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from mmscontent.codecs.image.jpeg_file import with_jfif
from mmscontent.errors import EngineMissing

try:
    import pyjpegli
except ImportError:  # small and young, so it stays optional; libvips takes its place
    pyjpegli = None
try:
    import imagequant
except ImportError:
    imagequant = None

__all__ = [
    "ENCODERS",
    "Encoder",
    "JpegWay",
    "encode_gif",
    "encode_jpeg",
    "encode_palette_png",
    "encode_png",
    "has_jpegli",
]

Encoder = Literal["jpegli", "plain", "trellis"]
ENCODERS: tuple[Encoder, ...] = ("jpegli", "plain", "trellis")


@dataclass(frozen=True, slots=True)
class JpegWay:
    """How to write a JPEG, but for its quality.

    Attributes:
        encoder: `jpegli` (always 4:2:0 and baseline), `plain` or `trellis` (libvips with mozjpeg).
        full_chroma: 4:4:4 rather than 4:2:0.
    """

    encoder: Encoder
    full_chroma: bool = False
    progressive: bool = False

    def __post_init__(self) -> None:
        if self.encoder == "jpegli" and (self.full_chroma or self.progressive):
            raise ValueError("jpegli as we have it writes baseline 4:2:0 only")

    @property
    def label(self) -> str:
        """Chroma and coding in the ledger's words."""
        return ("4:4:4" if self.full_chroma else "4:2:0") + (" progressive" if self.progressive else "")


def has_jpegli() -> bool:
    """The optional fast encoder is installed."""
    return pyjpegli is not None


def encode_jpeg(image: Any, quality: int, way: JpegWay) -> bytes:  # noqa: ANN401 - pyvips has no types
    """Write a three-band picture as JPEG at a quality of 1 to 100 on the encoder's own scale."""
    if way.encoder == "jpegli":
        return with_jfif(pyjpegli.encode(image.write_to_memory(), image.width, image.height, quality=quality))
    trellis = way.encoder == "trellis"
    return bytes(
        image.jpegsave_buffer(
            Q=quality,
            keep="none",
            optimize_coding=True,
            interlace=way.progressive,
            subsample_mode="off" if way.full_chroma else "on",
            # Table 3 gives more at 4:2:0 and less at 4:4:4, measured: docs/fitting.md.
            quant_table=0 if way.full_chroma else 3,
            trellis_quant=trellis,
            overshoot_deringing=trellis,
            optimize_scans=trellis and way.progressive,
        )
    )


def encode_png(image: Any) -> bytes:  # noqa: ANN401
    """Write a picture as PNG without loss."""
    return bytes(image.pngsave_buffer(compression=9, keep="none", filter="all"))


def encode_palette_png(image: Any, colours: int) -> bytes:  # noqa: ANN401
    """Write a picture as PNG with a palette of at most *colours*.

    Raises:
        EngineMissing: The quantiser is not installed.
    """
    return _saved(_quantised(image, colours), "PNG", optimize=True)


def encode_gif(image: Any, colours: int) -> bytes:  # noqa: ANN401
    """Write a picture as a GIF of one frame with at most *colours*."""
    return _saved(_quantised(image, colours), "GIF", optimize=True)


def _quantised(image: Any, colours: int) -> Image.Image:  # noqa: ANN401
    if imagequant is None:
        raise EngineMissing("imagequant is missing, so no palette can be made; install imagequant")
    picture = Image.frombytes("RGB", (image.width, image.height), image.write_to_memory()).convert("RGBA")
    return imagequant.quantize_pil_image(picture, dithering_level=1.0, max_colors=colours)  # type: ignore[no-any-return]


def _saved(picture: Image.Image, form: str, **options: bool) -> bytes:
    target = io.BytesIO()
    picture.info.clear()
    picture.save(target, form, **options)
    return target.getvalue()
