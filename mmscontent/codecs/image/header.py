"""Reads what a picture's header says, for every type we open; no pixels are decoded here.

The bounds of limits.py are checked on what the header announces, before a decoder sees the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from mmscontent.codecs.image.formats import FORMATS
from mmscontent.codecs.image.loaders import open_with_pillow
from mmscontent.containers.isobmff import top_boxes
from mmscontent.containers.jpeg import FrameHeader, frame_header
from mmscontent.containers.tiff_exif import read_exif
from mmscontent.errors import DamagedMedia, MMSContentError, OverLimits, SourceError, UnknownMedia
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.sniff.reader import SniffInput


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before its pixels.

    Attributes:
        width, height: As stored, before orientation.
        orientation: EXIF value 1 to 8 that a decoder of this type has not applied by itself.
        icc: Embedded colour profile, or b"" (also when the container names its colours otherwise).
        metadata: What would leave with the file, in the words of `containers.metadata_words`.
        jpeg: The frame header of a JPEG.
    """

    media_type: str
    width: int
    height: int
    orientation: int = 1
    frames: int = 1
    icc: bytes = b""
    metadata: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    jpeg: FrameHeader | None = None

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
        header = _read(data, media_type, limits)
    _check(header, limits)
    return header


def _read(data: bytes, media_type: str, limits: InputLimits) -> Header:
    row = FORMATS.get(media_type)
    if row is None:
        raise UnknownMedia(f"{media_type} is not a picture we open; save it as JPEG or PNG first")
    try:
        info = row.read(SniffInput(data, declared_type=media_type, limits=limits))
    except SourceError as exc:
        raise exc if media_type in str(exc) else type(exc)(f"{media_type}: it {exc}") from exc
    if info is None:
        raise DamagedMedia(f"{media_type}: the data does not begin like one; save it again or take another copy")
    if row.pillow:
        return _read_with_pillow(data, media_type, info.metadata)
    return Header(
        media_type,
        info.width_px or 0,
        info.height_px or 0,
        info.orientation,
        info.frames or 1,
        row.icc_profile(data) if row.icc_profile is not None else b"",
        info.metadata,
        jpeg=frame_header(data) if media_type == "image/jpeg" else None,
    )


def _read_with_pillow(data: bytes, media_type: str, metadata: tuple[str, ...]) -> Header:
    with open_with_pillow(data, FORMATS[media_type].pillow) as image:
        width, height = image.size
        count = int(getattr(image, "n_frames", 1))
        # HEIF and TIFF hold several pictures, and an icon several sizes of one; none of them moves.
        is_still = media_type in ("image/heic", "image/heif", "image/tiff", "image/x-icon")
        is_collection = is_still and count > 1 and media_type != "image/x-icon"
        return Header(
            media_type,
            width,
            height,
            _orientation_left(image, data, media_type),
            1 if is_still else count,
            image.info.get("icc_profile") or b"",
            metadata,
            ("it holds several pictures; the first is taken",) if is_collection else (),
        )


def _orientation_left(image: Image.Image, data: bytes, media_type: str) -> int:
    """What the reader has not applied: Pillow turns a TIFF by itself, libheif by the boxes `irot` and `imir`."""
    if media_type == "image/tiff":
        return 1
    if media_type in ("image/heic", "image/heif"):
        # ISO/IEC 23008-12 counts the boxes only; where there are none, a file that says 6 in EXIF still means it.
        meta = next((data[b.start : b.end] for b in top_boxes(data) if b.kind == b"meta"), b"")
        return 1 if b"irot" in meta or b"imir" in meta else int(image.info.get("original_orientation") or 1)
    return read_exif(image.info.get("exif") or b"").orientation or 1


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
