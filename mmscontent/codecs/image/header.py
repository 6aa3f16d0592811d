"""What a picture's header says, for every type we open; no pixels are decoded here.

The bounds of limits.py are checked on what the header announces, before a decoder sees the data.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pillow_heif
from PIL import Image

from mmscontent.codecs.image.chunk_files import chunk_reader
from mmscontent.codecs.image.exif import read_exif
from mmscontent.codecs.image.jpeg_file import JpegFile, read_jpeg
from mmscontent.errors import DamagedMedia, MMSContentError, OverLimits, UnknownMedia
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Header", "decoding", "is_icc", "is_srgb", "open_with_pillow", "read_header", "wbmp_head"]

pillow_heif.register_heif_opener(thumbnails=False)
Image.init()  # every reader is loaded now, a jailed worker may not find its files later
Image.MAX_IMAGE_PIXELS = DEFAULT_INPUT_LIMITS.max_image_px // 2  # twice of this is Pillow's error

# The only readers Pillow may use for a type; what is not here never reaches Pillow (peers' advisories: never more).
_PILLOW_FORMATS: dict[str, tuple[str, ...]] = {
    "image/avif": ("AVIF",),
    "image/bmp": ("BMP", "DIB"),
    "image/gif": ("GIF",),
    "image/heic": ("HEIF",),
    "image/heif": ("HEIF",),
    "image/tiff": ("TIFF",),
    "image/x-icon": ("ICO",),
    "image/x-tga": ("TGA",),
}
_TIFF_LABELS = {34853: "GPS position", 700: "XMP", 33723: "IPTC", 315: "author", 33432: "copyright", 270: "comment"}
_MOTION_MARKS = (b"MotionPhoto", b"MicroVideo", b"mpvd")


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before its pixels.

    Attributes:
        width, height: As stored, before orientation.
        orientation: EXIF value 1 to 8 that a decoder of this type has not applied by itself.
        icc: Embedded colour profile, or b"" (also when the container names its colours otherwise).
        labels: What would leave with the file, in the words of the ledger.
        jpeg: More about a JPEG.
    """

    media_type: str
    width: int
    height: int
    orientation: int = 1
    frames: int = 1
    icc: bytes = b""
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    jpeg: JpegFile | None = None

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
    except Image.DecompressionBombError as exc:  # its own header check, before ours could see the sides
        raise OverLimits(f"{media_type} announces too many pixels to be opened ({exc}); scale it down first") from exc
    except Exception as exc:  # decoders raise anything, struct.error and SyntaxError included
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise DamagedMedia(
            f"{media_type} of {size_bytes:,} bytes cannot be decoded ({said}); save it again or take another copy"
        ) from exc


def read_header(data: bytes, media_type: str, limits: InputLimits = DEFAULT_INPUT_LIMITS) -> Header:
    """Read and check the header of a picture.

    Raises:
        UnknownMedia: The type is not a picture we open.
        DamagedMedia: The header cannot be read.
        OverLimits: It announces more than we agree to open.
    """
    if len(data) > limits.max_part_bytes:
        raise OverLimits(f"{media_type}: {len(data):,} bytes are over the {limits.max_part_bytes:,} we open")
    with decoding(media_type, len(data)):
        header = _read(data, media_type)
    _check(header, limits)
    return header


def open_with_pillow(data: bytes, media_type: str) -> Image.Image:
    """The picture opened by the one Pillow reader of its type; its pixels are not decoded yet."""
    return Image.open(io.BytesIO(data), formats=_PILLOW_FORMATS[media_type])


def wbmp_head(data: bytes) -> tuple[int, int, int]:
    """Width, height and the offset of the pixels of a type 0 WBMP (WAP-237-WAEMT section 6)."""
    at, numbers = 0, []
    for _ in range(4):  # type, fixed header, width, height, each seven bits a byte
        value = 0
        while data[at] & 0x80:
            value, at = value << 7 | data[at] & 0x7F, at + 1
        numbers.append(value << 7 | data[at])
        at += 1
    if numbers[:2] != [0, 0]:
        raise DamagedMedia(f"image/vnd.wap.wbmp: type {numbers[0]} is not the type 0 that exists; it is no WBMP")
    return numbers[2], numbers[3], at


def _read(data: bytes, media_type: str) -> Header:
    if media_type == "image/jpeg":
        jpeg = read_jpeg(data)
        labels = _with_motion(data, jpeg.labels)
        return Header(media_type, jpeg.width, jpeg.height, jpeg.orientation, icc=jpeg.icc, labels=labels, jpeg=jpeg)
    if media_type == "image/vnd.wap.wbmp":
        width, height, _ = wbmp_head(data)
        return Header(media_type, width, height)
    reader = chunk_reader(media_type)
    if reader is not None:
        chunks = reader(data)
        return Header(
            media_type, chunks.width, chunks.height, chunks.orientation, chunks.frames, chunks.icc, chunks.labels
        )
    if media_type in _PILLOW_FORMATS:
        return _read_by_pillow(data, media_type)
    raise UnknownMedia(f"{media_type} is not a picture we open; save it as JPEG or PNG first")


def _read_by_pillow(data: bytes, media_type: str) -> Header:
    with open_with_pillow(data, media_type) as image:
        width, height = image.size
        exif = read_exif(image.info.get("exif") or b"")
        labels = {*exif.labels, *(_TIFF_LABELS[t] for t in getattr(image, "tag_v2", ()) if t in _TIFF_LABELS)}
        if image.info.get("xmp"):
            labels.add("XMP")
        orientation = _orientation_left(image, data, media_type, exif.orientation)
        frames = 1 if media_type in ("image/heic", "image/heif", "image/tiff", "image/x-icon") else _frames(image)
        icc = image.info.get("icc_profile") or b""
        notes = ("it holds several pictures; the first is taken",) if _is_collection(image, media_type) else ()
    return Header(media_type, width, height, orientation, frames, icc, _with_motion(data, tuple(sorted(labels))), notes)


def _orientation_left(image: Image.Image, data: bytes, media_type: str, exif_orientation: int) -> int:
    """What the reader has not applied: Pillow turns a TIFF by itself, libheif by the boxes `irot` and `imir`."""
    if media_type == "image/tiff":
        return 1
    if media_type in ("image/heic", "image/heif"):
        # ISO 23008-12 counts the boxes only; where there are none, a file that says 6 in EXIF still means it.
        boxes = _meta_box(data)
        told = int(image.info.get("original_orientation") or 1)
        return 1 if b"irot" in boxes or b"imir" in boxes else told
    return exif_orientation


def _meta_box(data: bytes) -> bytes:
    """The box that holds the properties (ISO 14496-12 section 8.11.1); of many tiles it grows long."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"meta":
            return data[at : at + size]
        if size < 8:  # noqa: PLR2004 - to the end of the file, or 64 bits long: media data, and no meta box after it
            break
        at += size
    return b""


def _frames(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _is_collection(image: Image.Image, media_type: str) -> bool:
    return media_type in ("image/heic", "image/heif", "image/tiff") and _frames(image) > 1


def _with_motion(data: bytes, labels: tuple[str, ...]) -> tuple[str, ...]:
    marked = any(mark in data for mark in _MOTION_MARKS)
    return tuple(sorted({*labels, "motion photo"})) if marked else labels


def _check(header: Header, limits: InputLimits) -> None:
    subject = f"{header.media_type} of {header.width:,}×{header.height:,} pixels"
    if header.width <= 0 or header.height <= 0:
        raise DamagedMedia(f"{subject} has no pixels; save it again or take another copy")
    if max(header.width, header.height) > limits.max_side_px:
        raise OverLimits(f"{subject} has a side over the {limits.max_side_px:,} we open; scale it down first")
    if header.width * header.height > limits.max_image_px:
        raise OverLimits(f"{subject} is over the {limits.max_image_px:,} pixels we open; scale it down first")
    if header.frames > limits.max_frames:
        raise OverLimits(f"{subject} has {header.frames:,} frames, over the {limits.max_frames:,} we open")
    if header.frames * header.width * header.height > limits.max_animation_px:
        raise OverLimits(f"{subject} in {header.frames:,} frames is over {limits.max_animation_px:,} pixels in all")


def is_icc(icc: bytes) -> bool:
    """It has the signature of a colour profile (ICC.1:2022 section 7.2), so that it is worth reading."""
    return len(icc) > 128 and icc[36:40] == b"acsp"  # noqa: PLR2004 - its header


def is_srgb(icc: bytes) -> bool:
    """By its description; profiles called sRGB differ in their numbers too little to see."""
    return b"sRGB" in icc or b"s\0R\0G\0B" in icc
