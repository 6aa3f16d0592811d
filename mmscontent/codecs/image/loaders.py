"""Loads the stored pixels of one still format each, not yet upright and in the colours of the file.

libvips reads JPEG, PNG and WebP, and shrinks JPEG and WebP while it reads them; libheif and Pillow read the rest. The
loader is named by media type, never guessed from the data. This module is the only one that sets up the decoders:
libvips hardened, on one thread, without a cache between pictures.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image as Pillow

# libvips reads it when it is loaded. One thread is as fast as two at phone sizes and leaves none behind in a worker.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips  # only after its setting

from mmscontent.containers import wbmp
from mmscontent.errors import DamagedMedia
from mmscontent.limits import DEFAULT_INPUT_LIMITS

pyvips.block_untrusted_set(True)  # no loader that libvips marks as untrusted: ImageMagick, PDF, SVG and the like
pyvips.cache_set_max(0)
pillow_heif.register_heif_opener(thumbnails=False)
Pillow.init()  # every reader is loaded now, a sandboxed worker may not find its files later
Pillow.MAX_IMAGE_PIXELS = DEFAULT_INPUT_LIMITS.max_image_px // 2  # twice of this is Pillow's error

Vips: Any = pyvips.Image
VipsError: type[Exception] = pyvips.Error
# Data, sides as stored, box of long and short side the pixels are wanted for; gives an image of libvips.
Load = Callable[[bytes, tuple[int, int], tuple[int, int]], Any]

_TWELVE_BITS = 4096


def with_profile(image: Any, icc: bytes) -> Any:  # noqa: ANN401
    """Return a copy of a libvips image that carries a colour profile."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    return image


def vips_image(pixels: Any, interpretation: str = "srgb") -> Any:  # noqa: ANN401 - pyvips has no types
    """Wrap an array of rows, columns and bands as a libvips image."""
    return Vips.new_from_array(pixels, interpretation=interpretation)


def scale_to_fit(width: int, height: int, box_px: tuple[int, int]) -> float:
    """Return the factor, at most 1, that scales sides into a box of long and short side."""
    return min(1.0, box_px[0] / max(width, height), box_px[1] / min(width, height))


def load_jpeg(data: bytes, sides_px: tuple[int, int], box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    """Load JPEG, shrunk while it is decoded where that costs no detail."""
    # libjpeg's DCT scaling loses detail unless the picture is scaled down at least by half once more.
    factor = 1 / scale_to_fit(*sides_px, box_px)
    shrink = next((s for s in (8, 4, 2) if factor >= 2 * s), 1)
    return Vips.jpegload_buffer(data, shrink=shrink, access="sequential", fail_on="error")


def load_png(data: bytes, _sides_px: tuple[int, int], _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    """Load PNG; of an animation its default picture."""
    return Vips.pngload_buffer(data, access="sequential", fail_on="error")


def load_webp(data: bytes, _sides_px: tuple[int, int], _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    """Load WebP; of an animation its first frame."""
    return Vips.webpload_buffer(data, access="sequential", fail_on="error")


def load_wbmp(data: bytes, _sides_px: tuple[int, int], _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    """Load WBMP; one bit a pixel, 1 is white."""
    header = wbmp.read_header(data)
    if header is None or len(data) - header.pixels_at < header.pixel_bytes:
        raise DamagedMedia("image/vnd.wap.wbmp ends before its last row; take another copy")
    rows = np.frombuffer(data, np.uint8, header.pixel_bytes, header.pixels_at).reshape(header.height, -1)
    return vips_image(np.unpackbits(rows, axis=1)[:, : header.width] * np.uint8(255), "b-w")


def load_heif(data: bytes, sides_px: tuple[int, int], box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    """Load HEIF by libheif directly: Pillow would copy the 12 megapixels of a phone's photo twice."""
    opened = pillow_heif.open_heif(data)
    if opened.mode not in ("RGB", "RGBA"):
        return pillow_loader(("HEIF",))(data, sides_px, box_px)
    return _with_colours(vips_image(np.asarray(opened)), opened.info)


def pillow_loader(readers: tuple[str, ...]) -> Load:
    """Return a loader by those readers of Pillow alone."""

    def load(data: bytes, _sides_px: tuple[int, int], _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
        with open_with_pillow(data, readers) as opened:
            opened.load()
            simple = _simple_mode(opened)
            return _with_colours(vips_image(np.asarray(simple), _INTERPRETATIONS[simple.mode]), opened.info)

    return load


def open_with_pillow(data: bytes, readers: tuple[str, ...]) -> Pillow.Image:
    """Open a picture by those readers of Pillow alone; its pixels are not decoded yet."""
    return Pillow.open(io.BytesIO(data), formats=readers)


def _with_colours(image: Any, info: Mapping[Any, Any]) -> Any:  # noqa: ANN401
    """Apply the file's colour description: attach its ICC profile, or convert P3 given by code points."""
    icc = info.get("icc_profile")
    if icc:
        return with_profile(image, icc)
    if (info.get("nclx_profile") or {}).get("color_primaries") in (11, 12):  # H.273: P3 with DCI or D65 white
        image = image.icc_transform("srgb", input_profile="p3")
    return image


_INTERPRETATIONS = {"L": "b-w", "LA": "b-w", "RGB": "srgb", "RGBA": "srgb", "CMYK": "cmyk"}


def _simple_mode(image: Pillow.Image) -> Pillow.Image:
    """Convert to one of the modes L, LA, RGB, RGBA, CMYK with eight bits a sample."""
    if image.mode.startswith("I;16"):
        samples = np.asarray(image)
        # Twelve-bit samples in sixteen-bit words would come out black, so the scale ends at the highest sample.
        bits = int(samples.max()).bit_length() if samples.max() < _TWELVE_BITS else 16
        return Pillow.fromarray((samples >> max(bits - 8, 0)).astype(np.uint8))
    if image.mode in ("I", "F"):
        samples = np.asarray(image, np.float64)
        top = max(float(samples.max()), 255.0)
        return Pillow.fromarray((samples.clip(0) * (255 / top)).astype(np.uint8))
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    has_alpha = "transparency" in image.info or image.mode in ("PA", "La", "RGBa")
    return image.convert("RGBA" if has_alpha else "L" if image.mode == "1" else "RGB")
