"""Decodes a picture to upright sRGB pixels of a wanted size: three bands of eight bits, transparency flattened.

libvips reads JPEG, PNG and WebP, and shrinks JPEG and WebP while it reads them; libheif and Pillow read the rest. The
caller names the loader by media type; it is never guessed from the data. This module is the only one that sets up
libvips: hardened, on one thread, without a cache between pictures.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_heif
from PIL import Image as Pillow

# libvips reads it when it is loaded. One thread is as fast as two at phone sizes and leaves none behind in a worker.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips  # only after its setting

from mmscontent.codecs.image.header import Header, decoding, is_icc, is_srgb, open_with_pillow, wbmp_head
from mmscontent.errors import DamagedMedia

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = [
    "DecodedImage",
    "PixelCache",
    "Vips",
    "VipsError",
    "decode",
    "resize",
    "scale_image",
    "scale_to_fit",
    "vips_image",
]

pyvips.block_untrusted_set(True)  # no loader that libvips marks as untrusted: ImageMagick, PDF, SVG and the like
pyvips.cache_set_max(0)

Vips: Any = pyvips.Image
VipsError: type[Exception] = pyvips.Error

_BACKGROUND_SIDE_PX = 256
_MIN_OPAQUE = 250
_TWELVE_BITS = 4096
_WHITE = (255, 255, 255)
# libvips decodes and scales these in one stream, so decoding again costs no more than the first time.
_STREAMED = frozenset(("image/jpeg", "image/webp"))
_MAX_CACHED_PX = 24_000_000
_MAX_NATIVE_PX = 6_000_000


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """Pixels ready to be scaled and encoded: rows, columns and three bands of eight bits, sRGB, upright.

    Attributes:
        background: The colour behind transparent pixels; None for an opaque picture.
        notes: What was converted or found odd, for the ledger.
    """

    pixels: Pixels
    background: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> Any:  # noqa: ANN401 - pyvips has no types
        """The pixels as a libvips image, not copied."""
        return vips_image(self.pixels)


@dataclass(slots=True)
class PixelCache:
    """Gives one picture at any size: streamed anew for each size, or decoded once, cached and scaled from memory.

    Attributes:
        most_px: The longest side anyone will ask for; a very large picture is cached no larger.
    """

    data: bytes
    header: Header
    most_px: int
    _cached: Any = None
    _native: Pixels | None = None
    _background: tuple[int, int, int] | None = None

    def pixels_within(self, box_px: tuple[int, int]) -> DecodedImage:
        """Return the picture within a box of long and short side, in either orientation and never enlarged.

        Raises:
            DamagedMedia: Pixels are missing or broken.
        """
        header = self.header
        with decoding(header.media_type, len(self.data)):
            if header.media_type in _STREAMED:
                image, background = _without_alpha(_LOADERS[header.media_type](self.data, header, box_px))
            else:
                image, background = self._decode_once(), self._background
            return _finish(image, background, header, box_px)

    def native(self) -> Pixels | None:
        """The unscaled pixels of the source, when they are cached, few enough, and of three bands of eight bits.

        Screenshots are recognised by details that scaling removes. These pixels are neither upright nor sRGB.
        """
        return self._native

    def _decode_once(self) -> Any:  # noqa: ANN401
        if self._cached is None:
            load = _LOADERS.get(self.header.media_type, _load_by_pillow)
            image, self._background = _without_alpha(load(self.data, self.header, (self.most_px, self.most_px)))
            if image.width * image.height > _MAX_CACHED_PX:
                image = scale_image(image, scale_to_fit(image.width, image.height, (self.most_px, self.most_px)))
            is_plain = image.bands == 3 and image.format == "uchar" and image.interpretation == "srgb"  # noqa: PLR2004
            if is_plain and image.width * image.height <= _MAX_NATIVE_PX:
                self._native = _in_memory(image)
                self._cached = vips_image(self._native)
                if image.get_typeof("icc-profile-data"):
                    self._cached = self._cached.copy()
                    self._cached.set_type(pyvips.GValue.blob_type, "icc-profile-data", image.get("icc-profile-data"))
            else:
                self._cached = image.copy_memory()
        return self._cached


def vips_image(pixels: Any, interpretation: str = "srgb") -> Any:  # noqa: ANN401 - pyvips has no types
    """Wrap an array of rows, columns and bands as a libvips image."""
    return Vips.new_from_array(pixels, interpretation=interpretation)


def decode(data: bytes, header: Header, box_px: tuple[int, int]) -> DecodedImage:
    """Decode a picture once, within a box of long and short side, in either orientation and never enlarged.

    Raises:
        DamagedMedia: Pixels are missing or broken.
    """
    return PixelCache(data, header, max(box_px)).pixels_within(box_px)


def scale_to_fit(width: int, height: int, box_px: tuple[int, int]) -> float:
    """Return the factor, at most 1, that scales sides into a box of long and short side."""
    return min(1.0, box_px[0] / max(width, height), box_px[1] / min(width, height))


def _load_jpeg(data: bytes, header: Header, box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    # libjpeg's DCT scaling loses detail unless the picture is scaled down at least by half once more.
    factor = 1 / scale_to_fit(header.width, header.height, box_px)
    shrink = next((s for s in (8, 4, 2) if factor >= 2 * s), 1)
    return Vips.jpegload_buffer(data, shrink=shrink, access="sequential", fail_on="error")


def _load_png(data: bytes, _header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    return Vips.pngload_buffer(data, access="sequential", fail_on="error")


def _load_webp(data: bytes, _header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    return Vips.webpload_buffer(data, access="sequential", fail_on="error")


def _load_wbmp(data: bytes, _header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    width, height, at = wbmp_head(data)
    row_bytes = -(-width // 8)
    if len(data) - at < row_bytes * height:
        raise DamagedMedia(f"image/vnd.wap.wbmp of {width}×{height} ends before its last row; take another copy")
    rows = np.frombuffer(data, np.uint8, row_bytes * height, at).reshape(height, row_bytes)
    return vips_image(np.unpackbits(rows, axis=1)[:, :width] * np.uint8(255), "b-w")


def _load_heif(data: bytes, header: Header, box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    # libheif directly: Pillow would copy the 12 megapixels of a phone's photo twice.
    opened = pillow_heif.open_heif(data)
    if opened.mode not in ("RGB", "RGBA"):
        return _load_by_pillow(data, header, box_px)
    return _with_colours(vips_image(np.asarray(opened)), opened.info)


def _load_by_pillow(data: bytes, header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    with open_with_pillow(data, header.media_type) as opened:
        opened.load()
        simple = _simple_mode(opened)
        return _with_colours(vips_image(np.asarray(simple), _INTERPRETATIONS[simple.mode]), opened.info)


def _with_colours(image: Any, info: Mapping[Any, Any]) -> Any:  # noqa: ANN401
    """Apply the file's colour description: attach its ICC profile, or convert P3 given by code points."""
    icc = info.get("icc_profile")
    if icc:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    elif (info.get("nclx_profile") or {}).get("color_primaries") in (11, 12):  # H.273: P3 with DCI or D65 white
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


_LOADERS: dict[str, Callable[[bytes, Header, tuple[int, int]], Any]] = {
    "image/heic": _load_heif,
    "image/heif": _load_heif,
    "image/jpeg": _load_jpeg,
    "image/png": _load_png,
    "image/webp": _load_webp,
    "image/vnd.wap.wbmp": _load_wbmp,
}

# EXIF orientation (Exif 2.32, 4.6.4, tag 0x0112) → (turn clockwise, then mirror left to right).
_UPRIGHT: dict[int, tuple[str | None, bool]] = {
    1: (None, False),
    2: (None, True),
    3: ("d180", False),
    4: ("d180", True),
    5: ("d90", True),
    6: ("d90", False),
    7: ("d270", True),
    8: ("d270", False),
}


def _without_alpha(image: Any) -> tuple[Any, tuple[int, int, int] | None]:  # noqa: ANN401
    """Flatten transparency onto a background colour; returns the picture and that colour."""
    if not image.hasalpha():
        return image, None
    image = image.copy_memory()
    background = _edge_colour(image) if _is_translucent(image) else None
    return _flatten(image, background or _WHITE), background


def _finish(
    image: Any,  # noqa: ANN401
    background: tuple[int, int, int] | None,
    header: Header,
    box_px: tuple[int, int],
) -> DecodedImage:
    """Scale, convert to sRGB, turn upright: the costly steps last, on fewer pixels."""
    scale = scale_to_fit(image.width, image.height, box_px)
    if scale < 1:
        image = scale_image(image, scale)
    image, notes = _to_srgb(image)
    turn, mirror = _UPRIGHT[header.orientation]
    if turn or mirror:
        image = image.copy_memory()
        image = image.rot(turn) if turn else image
        image = image.fliphor() if mirror else image
    return DecodedImage(_in_memory(image), background, notes)


def _in_memory(image: Any) -> Pixels:  # noqa: ANN401
    return np.frombuffer(image.write_to_memory(), np.uint8).reshape(image.height, image.width, image.bands)


def resize(pixels: Pixels, scale: float) -> Pixels:
    """Scale pixels down by a factor, as `scale_image` does."""
    return _in_memory(scale_image(vips_image(pixels), scale))


def scale_image(image: Any, scale: float) -> Any:  # noqa: ANN401
    """Scale a picture down with a low-pass filter (Lanczos, three lobes); sides are rounded to whole pixels."""
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")


def _to_srgb(image: Any) -> tuple[Any, tuple[str, ...]]:  # noqa: ANN401
    notes: tuple[str, ...] = ()
    icc = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else b""
    if icc and not is_icc(icc):
        notes = ("the embedded colour profile is broken and was not used",)
    elif icc and not is_srgb(icc):
        try:
            image = image.icc_transform("srgb", embedded=True, intent="relative", black_point_compensation=True)
            notes = ("colours converted to sRGB by the embedded profile",)
        except VipsError:
            notes = ("the embedded colour profile is broken and was not used",)
    if image.interpretation == "cmyk":
        image = image.icc_transform("srgb", input_profile="cmyk", embedded=False)
        notes = ("colours converted from CMYK",)
    image = image.colourspace("srgb") if image.interpretation != "srgb" else image
    image = image.cast("uchar") if image.format != "uchar" else image
    if image.bands == 1:
        image = image.bandjoin([image, image])
    return image.extract_band(0, n=3) if image.bands > 3 else image, notes  # noqa: PLR2004 - red, green, blue


def _is_translucent(image: Any) -> bool:  # noqa: ANN401
    top = 65535 if image.format == "ushort" else 255
    return bool(image.extract_band(image.bands - 1).min() < top)


def _flatten(image: Any, background: tuple[int, int, int]) -> Any:  # noqa: ANN401
    deep = 257 if image.format == "ushort" else 1
    if image.bands <= 2:  # noqa: PLR2004 - grey and alpha
        return image.flatten(background=[deep * sum(background) // 3])
    return image.flatten(background=[deep * v for v in background])


def _edge_colour(image: Any) -> tuple[int, int, int]:  # noqa: ANN401
    """Choose the background for transparent pixels.

    It is the colour of an opaque edge, black for a nearly white drawing (made for a dark page), white for the rest.
    """
    small = image.thumbnail_image(_BACKGROUND_SIDE_PX, size="down")
    small = small.colourspace("srgb") if small.interpretation != "srgb" else small
    pixels = small.cast("uchar").numpy()
    alpha, colour = pixels[..., -1], pixels[..., :3]
    edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    edge_colour = np.concatenate([colour[0], colour[-1], colour[:, 0], colour[:, -1]])
    if (edge >= _MIN_OPAQUE).mean() > 0.5:  # noqa: PLR2004 - the picture has its own background: continue it
        red, green, blue = (int(v) for v in np.median(edge_colour[edge >= _MIN_OPAQUE], axis=0))
        return red, green, blue
    visible = colour[alpha >= _MIN_OPAQUE // 2]
    if visible.size and np.percentile(visible.mean(axis=-1), 10) > 200:  # noqa: PLR2004 - nine tenths nearly white
        return 0, 0, 0
    return _WHITE
