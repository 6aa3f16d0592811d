"""From bytes to upright sRGB pixels of the size wanted: three bands, eight bits, transparency laid on a colour.

libvips reads JPEG, PNG and WebP, the first and the last in one stream with the shrinking; libheif and Pillow read the
rest. The loader is always named by us, never guessed from the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_heif
from PIL import Image as Pillow

from mmscontent.codecs.image import vips
from mmscontent.codecs.image.header import Header, decoding, is_icc, is_srgb, open_with_pillow, wbmp_head
from mmscontent.errors import DamagedMedia

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = ["DecodedImage", "PixelCache", "decode", "resize", "scale_image", "scale_to_fit"]

_BACKGROUND_SIDE_PX = 256
_MIN_OPAQUE = 250
_TWELVE_BITS = 4096
_WHITE = (255, 255, 255)
# Decoded and scaled in one stream, so that decoding again costs no more than the first time.
_STREAMED = frozenset(("image/jpeg", "image/webp"))
_MOST_HELD_PX = 24_000_000
_MOST_LOOKED_AT_PX = 6_000_000


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """Pixels ready to be scaled and encoded.

    Attributes:
        pixels: Rows, columns and three bands of eight bits: sRGB, upright.
        background: The colour transparency was laid on; None for an opaque picture.
        notes: Colours that were converted, oddities.
    """

    pixels: Pixels
    background: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> Any:  # noqa: ANN401 - pyvips has no types
        """The pixels as libvips sees them, not copied."""
        return vips.image_from(self.pixels)


@dataclass(slots=True)
class PixelCache:
    """One picture at any size: streamed anew for each, or decoded once, held, and scaled from memory.

    Attributes:
        most_px: Long side nothing is ever wanted larger than; a very large picture is held no larger.
    """

    data: bytes
    header: Header
    most_px: int
    _held: Any = None
    _native: Pixels | None = None
    _background: tuple[int, int, int] | None = None

    def take(self, box_px: tuple[int, int]) -> DecodedImage:
        """Pixels no larger than a box of long and short side, whichever way it lies, and never enlarged.

        Raises:
            DamagedMedia: Pixels are missing or broken.
        """
        header = self.header
        with decoding(header.media_type, len(self.data)):
            if header.media_type in _STREAMED:
                image, background = _opaque(_LOADERS[header.media_type](self.data, header, box_px))
            else:
                image, background = self._hold(), self._background
            return _finish(image, background, header, box_px)

    def native(self) -> Pixels | None:
        """The pixels as they are in the source, when they are held, not too many, and of three bands of eight bits.

        Screenshots are recognised by what scaling takes away. Neither upright nor sRGB.
        """
        return self._native

    def _hold(self) -> Any:  # noqa: ANN401
        if self._held is None:
            load = _LOADERS.get(self.header.media_type, _load_by_pillow)
            image, self._background = _opaque(load(self.data, self.header, (self.most_px, self.most_px)))
            if image.width * image.height > _MOST_HELD_PX:
                image = scale_image(image, scale_to_fit(image.width, image.height, (self.most_px, self.most_px)))
            is_plain = image.bands == 3 and image.format == "uchar" and image.interpretation == "srgb"  # noqa: PLR2004
            if is_plain and image.width * image.height <= _MOST_LOOKED_AT_PX:
                self._native = _in_memory(image)
                self._held = vips.image_from(self._native)
                if image.get_typeof("icc-profile-data"):
                    self._held = self._held.copy()
                    self._held.set_type(vips.BLOB, "icc-profile-data", image.get("icc-profile-data"))
            else:
                self._held = image.copy_memory()
        return self._held


def decode(data: bytes, header: Header, box_px: tuple[int, int]) -> DecodedImage:
    """Decode a picture once; no larger than a box of long and short side, whichever way it lies, and never enlarged.

    Raises:
        DamagedMedia: Pixels are missing or broken.
    """
    return PixelCache(data, header, max(box_px)).take(box_px)


def scale_to_fit(width: int, height: int, box_px: tuple[int, int]) -> float:
    """Factor, at most 1, that brings sides into a box of long and short side."""
    return min(1.0, box_px[0] / max(width, height), box_px[1] / min(width, height))


def _load_jpeg(data: bytes, header: Header, box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    # DCT scaling by half costs detail unless the rest of the way down is at least as far again.
    factor = 1 / scale_to_fit(header.width, header.height, box_px)
    shrink = next((s for s in (8, 4, 2) if factor >= 2 * s), 1)
    return vips.Image.jpegload_buffer(data, shrink=shrink, access="sequential", fail_on="error")


def _load_png(data: bytes, _header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    return vips.Image.pngload_buffer(data, access="sequential", fail_on="error")


def _load_webp(data: bytes, _header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    return vips.Image.webpload_buffer(data, access="sequential", fail_on="error")


def _load_wbmp(data: bytes, _header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401

    width, height, at = wbmp_head(data)
    row_bytes = -(-width // 8)
    if len(data) - at < row_bytes * height:
        raise DamagedMedia(f"image/vnd.wap.wbmp of {width}×{height} ends before its last row; take another copy")
    rows = np.frombuffer(data, np.uint8, row_bytes * height, at).reshape(height, row_bytes)
    return vips.image_from(np.unpackbits(rows, axis=1)[:, :width] * np.uint8(255), "b-w")


def _load_heif(data: bytes, header: Header, box_px: tuple[int, int]) -> Any:  # noqa: ANN401
    # Straight from libheif: Pillow would copy a phone's 12 megapixels twice.
    opened = pillow_heif.open_heif(data)
    if opened.mode not in ("RGB", "RGBA"):
        return _load_by_pillow(data, header, box_px)
    return _with_colours(vips.image_from(np.asarray(opened)), opened.info)


def _load_by_pillow(data: bytes, header: Header, _box_px: tuple[int, int]) -> Any:  # noqa: ANN401

    with open_with_pillow(data, header.media_type) as opened:
        opened.load()
        simple = _simple_mode(opened)
        return _with_colours(vips.image_from(np.asarray(simple), _INTERPRETATIONS[simple.mode]), opened.info)


def _with_colours(image: Any, info: Mapping[Any, Any]) -> Any:  # noqa: ANN401
    """With what the file says of its colours: a profile, or P3 by its numbers."""
    icc = info.get("icc_profile")
    if icc:
        image = image.copy()
        image.set_type(vips.BLOB, "icc-profile-data", icc)
    elif (info.get("nclx_profile") or {}).get("color_primaries") in (11, 12):  # H.273: P3 with DCI or D65 white
        image = image.icc_transform("srgb", input_profile="p3")
    return image


_INTERPRETATIONS = {"L": "b-w", "LA": "b-w", "RGB": "srgb", "RGBA": "srgb", "CMYK": "cmyk"}


def _simple_mode(image: Pillow.Image) -> Pillow.Image:
    """One of L, LA, RGB, RGBA, CMYK with eight bits a sample."""
    if image.mode.startswith("I;16"):
        samples = np.asarray(image)
        # Twelve bits in words of sixteen would come out black: what no sample reaches is not part of the scale.
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

# EXIF value → (turn clockwise, mirror afterwards left to right).
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


def _opaque(image: Any) -> tuple[Any, tuple[int, int, int] | None]:  # noqa: ANN401
    """The picture laid on a colour where it is transparent, and that colour."""
    if not image.hasalpha():
        return image, None
    image = image.copy_memory()
    background = _edge_colour(image) if _is_translucent(image) else None
    return _flattened(image, background or _WHITE), background


def _finish(
    image: Any,  # noqa: ANN401
    background: tuple[int, int, int] | None,
    header: Header,
    box_px: tuple[int, int],
) -> DecodedImage:
    """Scale, convert to sRGB, turn upright; the costly steps last, on fewer pixels."""
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
    """Pixels made smaller by a factor, as `scaled` does it."""
    return _in_memory(scale_image(vips.image_from(pixels), scale))


def scale_image(image: Any, scale: float) -> Any:  # noqa: ANN401
    """A picture made smaller by a factor, low-pass filtered (Lanczos, three lobes), sides rounded to whole pixels."""
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
        except vips.VipsError:
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


def _flattened(image: Any, background: tuple[int, int, int]) -> Any:  # noqa: ANN401
    deep = 257 if image.format == "ushort" else 1
    if image.bands <= 2:  # noqa: PLR2004 - grey and alpha
        return image.flatten(background=[deep * sum(background) // 3])
    return image.flatten(background=[deep * v for v in background])


def _edge_colour(image: Any) -> tuple[int, int, int]:  # noqa: ANN401
    """What transparency is laid on: white, unless the opaque picture's own edge is so light that it would vanish.

    A light drawing on nothing was made for a dark ground; everything else reads best on white.
    """
    small = image.thumbnail_image(_BACKGROUND_SIDE_PX, size="down")
    small = small.colourspace("srgb") if small.interpretation != "srgb" else small
    pixels = small.cast("uchar").numpy()
    alpha, colour = pixels[..., -1], pixels[..., :3]
    edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    edge_colour = np.concatenate([colour[0], colour[-1], colour[:, 0], colour[:, -1]])
    if (edge >= _MIN_OPAQUE).mean() > 0.5:  # noqa: PLR2004 - the picture has a ground of its own: carry it on
        red, green, blue = (int(v) for v in np.median(edge_colour[edge >= _MIN_OPAQUE], axis=0))
        return red, green, blue
    visible = colour[alpha >= _MIN_OPAQUE // 2]
    if visible.size and np.percentile(visible.mean(axis=-1), 10) > 200:  # noqa: PLR2004 - nine tenths nearly white
        return 0, 0, 0
    return _WHITE
