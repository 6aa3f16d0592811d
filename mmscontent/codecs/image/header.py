"""Reads a picture's header, and says by it alone whether the picture may pass and how large it gets when it may not.

The bounds of limits.py are checked on what the header announces, before a decoder sees the data. No pixels are decoded.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.codecs.base import Survey
from mmscontent.codecs.image.decode import Header, decoding, open_with_pillow, scale_to_fit
from mmscontent.codecs.image.formats import FORMATS
from mmscontent.containers.isobmff import top_boxes
from mmscontent.containers.jpeg import frame_header
from mmscontent.containers.tiff_exif import read_exif
from mmscontent.errors import DamagedMedia, OverLimits, SourceError, UnknownMedia
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule, Rule
from mmscontent.rate_quality import Curve
from mmscontent.sniff.reader import SniffInput

if TYPE_CHECKING:
    from PIL import Image

# The median of 54 real pictures (benchmarks/data/stills_grid.csv), about ten points off for any one of them: the
# logarithm to base 2 of bits per pixel of the view, and the median score of the best JPEG of as many bytes.
_TYPICAL = ((-3.0, 1), (-2.0, 34), (-1.0, 63), (0.0, 79), (1.0, 88), (2.0, 93), (3.0, 96))
# Bits per pixel of the view at which every picture of the grid scored 20 points, enough to be worth sending: for
# photographs (False), and for types that may hold lettering (True).
_SURE_BITS = {False: 0.7, True: 1.3}
_EIGHT_BITS, _CMYK_BANDS = 8, 4


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
        row.load,
        info.orientation,
        info.frames or 1,
        row.icc_profile(data) if row.icc_profile is not None else b"",
        info.metadata,
        jpeg=frame_header(data) if media_type == "image/jpeg" else None,
        is_streamed=row.is_streamed,
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
            FORMATS[media_type].load,
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


def passthrough_blockers(header: Header, rule: ImageRule) -> tuple[str, ...]:
    """Why the picture may not pass as it is, one sentence each; empty when it may."""
    reasons: list[str] = []
    if header.media_type not in rule.media_types:
        reasons.append(f"{header.media_type} is not among what the receiver shows ({', '.join(rule.media_types)})")
    long_px, short_px = max(header.width, header.height), min(header.width, header.height)
    if long_px > rule.max_long_px or short_px > rule.max_short_px:
        box = f"{rule.max_long_px}×{rule.max_short_px}"
        reasons.append(f"{header.width}×{header.height} pixels are over the receiver's {box}")
    if header.orientation != 1:
        reasons.append(f"it lies sideways or mirrored (EXIF orientation {header.orientation})")
    if header.icc and not header.is_srgb:
        reasons.append("its colours are not sRGB")
    if header.frames > 1 and not rule.animated:
        reasons.append("the receiver shows no animation")
    return (*reasons, *_jpeg_reasons(header, rule), *_metadata_reasons(header))


def kept_bytes(data: bytes, header: Header) -> bytes:
    """The picture without its metadata, its coded pixels byte for byte."""
    strip = FORMATS[header.media_type].strip
    return data if strip is None else strip(data)


def _jpeg_reasons(header: Header, rule: ImageRule) -> tuple[str, ...]:
    jpeg = header.jpeg
    if jpeg is None:
        return ()
    reasons = []
    if not jpeg.is_baseline and not rule.progressive:
        reasons.append("the receiver may not show JPEG that is not baseline")
    if jpeg.bits != _EIGHT_BITS or jpeg.process not in ("baseline", "extended", "progressive"):
        reasons.append("it is a kind of JPEG that phones do not show")
    if jpeg.components == _CMYK_BANDS:
        reasons.append("its colours are CMYK")
    return tuple(reasons)


def _metadata_reasons(header: Header) -> tuple[str, ...]:
    row = FORMATS[header.media_type]
    if row.strip is not None or row.has_no_metadata or not header.metadata:
        return ()
    return (f"its metadata ({', '.join(header.metadata)}) cannot be taken out of {header.media_type} as it is",)


def estimate_from_header(data: bytes, info: MediaInfo, rule: Rule) -> Survey:
    """Estimate a survey from the header, before anything is decoded: `curve` is typical, `minimum_bytes` is certain.

    Raises:
        SourceError: The data are over the limits or no picture.
    """
    assert isinstance(rule, ImageRule)
    header = read_header(data, info.media_type)
    reasons = passthrough_blockers(header, rule)
    box = min(rule.max_long_px, rule.view_long_px), min(rule.max_short_px, rule.view_long_px)
    scale = scale_to_fit(header.width, header.height, box)
    area = max(1.0, header.width * header.height * scale * scale)
    minimum = math.ceil(area * _SURE_BITS[FORMATS[header.media_type].may_be_lettering] / 8) + 1_000
    kept = None if reasons else len(kept_bytes(data, header))
    points = [(round(2**bits * area / 8) + 1, float(score)) for bits, score in _TYPICAL]
    return Survey(
        info=facts_of_header(header, info, len(data)),
        curve=Curve.through(points),
        minimum_bytes=minimum if kept is None else min(minimum, kept),
        keep_bytes=kept,
        scale=f"ssimulacra2@{rule.view_long_px}",
        reasons=reasons,
        traits=("estimated from its header",),
        stripped=header.metadata,
    )


def facts_of_header(header: Header, info: MediaInfo, size_bytes: int) -> MediaInfo:
    """Add what the header says to the facts known of a picture."""
    return replace(
        info,
        size_bytes=size_bytes,
        width_px=header.width,
        height_px=header.height,
        orientation=header.orientation,
        frames=header.frames,
        profile=None if header.jpeg is None else "baseline" if header.jpeg.is_baseline else "progressive",
        metadata=header.metadata,
        notes=tuple(dict.fromkeys((*info.notes, *header.notes))),
    )
