"""Decodes a picture to upright sRGB pixels of a wanted size: three bands of eight bits, transparency flattened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscontent.codecs.image.formats import FORMATS
from mmscontent.codecs.image.header import Header, decoding, is_icc, is_srgb
from mmscontent.codecs.image.loaders import VipsError, scale_to_fit, vips_image, with_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

# A picture of this side is enough to judge the edge; from this alpha on a pixel counts as opaque.
_BACKGROUND_SIDE_PX = 256
_MIN_OPAQUE = 250
_WHITE = (255, 255, 255)
# A larger picture is cached scaled down: 24 megapixels of RGB are 72 MB.
_MAX_CACHED_PX = 24_000_000
# The unscaled pixels serve to recognise screenshots; one of 1440×3200 has 4.6 megapixels.
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
            if FORMATS[header.media_type].is_streamed:
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
        load = FORMATS[self.header.media_type].load
        return load(self.data, (self.header.width, self.header.height), box_px)

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
