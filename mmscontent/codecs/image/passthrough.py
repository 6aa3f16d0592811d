"""Decides whether a picture may pass as it is, and writes what passes: all of it but its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmscontent.codecs.image.formats import FORMATS
from mmscontent.profiles.model import ImageRule

if TYPE_CHECKING:
    from mmscontent.codecs.image.header import Header

_EIGHT_BITS, _CMYK_BANDS = 8, 4


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
