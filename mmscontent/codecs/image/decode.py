"""Decodes a picture to upright sRGB pixels of a wanted size: three bands of eight bits, transparency flattened.

libvips reads JPEG, PNG and WebP, and shrinks JPEG and WebP while it reads them; libheif and Pillow read the rest. The
loader is named by media type, never guessed from the data. This module is the only one that sets up the decoders:
libvips hardened, on one thread, without a cache between pictures.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_heif
from PIL import Image as Pillow

# libvips reads it when it is loaded. One thread is as fast as two at phone sizes and leaves none behind in a worker.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips  # only after its setting

from mmscontent.containers import wbmp
from mmscontent.errors import DamagedMedia, MMSContentError, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.containers.jpeg import FrameHeader

    Pixels = NDArray[np.uint8]

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
# A picture of this side is enough to judge the edge; from this alpha on a pixel counts as opaque.
_BACKGROUND_SIDE_PX = 256
_MIN_OPAQUE = 250
_WHITE = (255, 255, 255)
# A larger picture is cached scaled down: 24 megapixels of RGB are 72 MB.
_MAX_CACHED_PX = 24_000_000
# The unscaled pixels serve to recognise screenshots; one of 1440×3200 has 4.6 megapixels.
_MAX_NATIVE_PX = 6_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before its pixels.

    Attributes:
        width, height: As stored, before orientation.
        orientation: EXIF value 1 to 8 that a decoder of this type has not applied by itself.
        icc: Embedded colour profile, or b"" (also when the container names its colours otherwise).
        metadata: What would leave with the file, in the words of `containers.metadata_words`.
        jpeg: The frame header of a JPEG.
        load: Loads the pixels.
        is_streamed: Decoded and scaled in one stream, so that decoding again costs no more than the first time.
    """

    media_type: str
    width: int
    height: int
    load: Load
    orientation: int = 1
    frames: int = 1
    icc: bytes = b""
    metadata: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    jpeg: FrameHeader | None = None
    is_streamed: bool = False

    @property
    def is_srgb(self) -> bool:
        """The embedded profile is sRGB by its own description, or there is none."""
        return not self.icc or is_srgb(self.icc)


@contextmanager
def decoding(media_type: str, size_bytes: int) -> Iterator[None]:
    """Whatever a decoder raises inside becomes DamagedMedia that names the subject."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders warn about harmless oddities of files; we refuse or accept
            yield
    except MMSContentError:
        raise
    except Pillow.DecompressionBombError as exc:  # its own header check, before ours could see the sides
        raise OverLimits(f"{media_type} announces too many pixels to be opened ({exc}); scale it down first") from exc
    except Exception as exc:  # decoders raise anything, struct.error and SyntaxError included
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise DamagedMedia(
            f"{media_type} of {size_bytes:,} bytes cannot be decoded ({said}); save it again or take another copy"
        ) from exc


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
            if header.is_streamed:
                image, background = _without_alpha(self._load(box_px))
            else:
                image, background = self._decode_once(), self._background
            return _finish(image, background, header, box_px)

    def native(self) -> Pixels | None:
        """The unscaled pixels of the source, when they are cached, few enough, and of three bands of eight bits.

        Screenshots are recognised by details that scaling removes. These pixels are neither upright nor sRGB.
        """
        return self._native

    def _load(self, box_px: tuple[int, int]) -> Any:  # noqa: ANN401
        return self.header.load(self.data, (self.header.width, self.header.height), box_px)

    def _decode_once(self) -> Any:  # noqa: ANN401
        if self._cached is None:
            image, self._background = _without_alpha(self._load((self.most_px, self.most_px)))
            if image.width * image.height > _MAX_CACHED_PX:
                image = scale_image(image, scale_to_fit(image.width, image.height, (self.most_px, self.most_px)))
            is_plain = image.bands == 3 and image.format == "uchar" and image.interpretation == "srgb"  # noqa: PLR2004
            if is_plain and image.width * image.height <= _MAX_NATIVE_PX:
                self._native = _in_memory(image)
                self._cached = vips_image(self._native)
                if image.get_typeof("icc-profile-data"):
                    self._cached = with_profile(self._cached, image.get("icc-profile-data"))
            else:
                self._cached = image.copy_memory()
        return self._cached


def decode(data: bytes, header: Header, box_px: tuple[int, int]) -> DecodedImage:
    """Decode a picture once, within a box of long and short side, in either orientation and never enlarged.

    Raises:
        DamagedMedia: Pixels are missing or broken.
    """
    return PixelCache(data, header, max(box_px)).pixels_within(box_px)


# EXIF orientation (tag 0x0112) → (turn clockwise, then mirror left to right).
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
    # Sixteen-bit samples: 257 × 255 = 65535.
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


def is_icc(icc: bytes) -> bool:
    """It has the signature of a colour profile (ICC.1:2022 section 7.2), so that it is worth reading."""
    return len(icc) > 128 and icc[36:40] == b"acsp"  # noqa: PLR2004 - its header


def is_srgb(icc: bytes) -> bool:
    """By its description; profiles called sRGB differ in their numbers too little to see."""
    return b"sRGB" in icc or b"s\0R\0G\0B" in icc


# --- loaders: stored pixels of one format each, not yet upright and in the colours of the file ---


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
