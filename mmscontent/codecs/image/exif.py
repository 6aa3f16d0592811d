"""EXIF as far as it matters here: which way the picture lies, and what about its owner would leave with it.

Source: CIPA DC-008 (Exif 2.32) section 4.6. Tolerant: a damaged block says what it can and never raises.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["Exif", "read_exif"]

_ENTRY_BYTES = 12
_MAX_ENTRIES = 1000
_ORIENTATION, _EXIF_IFD, _GPS_IFD, _THUMBNAIL = 0x0112, 0x8769, 0x8825, 0x0201

# What a tag gives away, in the words of the ledger.
_LABELS: dict[int, str] = {
    0xA431: "serial number",  # BodySerialNumber
    0xA435: "serial number",  # LensSerialNumber
    0xC62F: "serial number",  # CameraSerialNumber
    0x927C: "maker note",
    0x013B: "author",  # Artist
    0x9C9D: "author",  # XPAuthor
    0xA430: "author",  # CameraOwnerName
    0x8298: "copyright",
    0x010E: "comment",  # ImageDescription
    0x9286: "comment",  # UserComment
    0x9C9C: "comment",  # XPComment
    0x0132: "capture time",
    0x9003: "capture time",
    0x9004: "capture time",
    0x010F: "camera model",
    0x0110: "camera model",
    0xA420: "picture identifier",
    _THUMBNAIL: "thumbnail",
}


@dataclass(frozen=True, slots=True)
class Exif:
    """Which way the picture lies (1 to 8), and labels of what the block holds, sorted."""

    orientation: int = 1
    labels: tuple[str, ...] = ()


def read_exif(block: bytes) -> Exif:
    """Read an EXIF block, with or without its own head of six bytes."""
    tiff = block[6:] if block[:6] in (b"Exif\0\0", b"Exif\0\xff") else block
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:  # noqa: PLR2004 - a TIFF head is eight bytes
        return Exif()
    labels: set[str] = set()
    orientation = 1
    first = int(struct.unpack_from(order + "I", tiff, 4)[0])
    for name, offset in _folders(tiff, order, first):
        for tag, value in _entries(tiff, order, offset):
            if name == "gps":
                labels.add("GPS position")
            elif tag in _LABELS:
                labels.add(_LABELS[tag])
            elif tag == _ORIENTATION and name == "first" and 1 <= value <= 8:  # noqa: PLR2004 - EXIF values
                orientation = value
    return Exif(orientation, tuple(sorted(labels)))


def _folders(tiff: bytes, order: str, first: int) -> list[tuple[str, int]]:
    """The directories worth reading: the first, what it points to, and the thumbnail's after it."""
    found = [("first", first)]
    found += [
        ("gps" if tag == _GPS_IFD else "exif", value)
        for tag, value in _entries(tiff, order, first)
        if tag in (_EXIF_IFD, _GPS_IFD)
    ]
    count = _unpack(tiff, order + "H", first)
    following = _unpack(tiff, order + "I", first + 2 + (count or 0) * _ENTRY_BYTES)
    return [*found, ("thumbnail", following)] if following else found


def _entries(tiff: bytes, order: str, offset: int) -> list[tuple[int, int]]:
    """Tag and inline value of each entry; a short value is read as such."""
    count = _unpack(tiff, order + "H", offset) or 0
    entries: list[tuple[int, int]] = []
    for at in range(offset + 2, offset + 2 + min(count, _MAX_ENTRIES) * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, kind = _unpack(tiff, order + "H", at), _unpack(tiff, order + "H", at + 2)
        value = _unpack(tiff, order + ("H" if kind == 3 else "I"), at + 8)  # noqa: PLR2004 - type 3 is SHORT
        if tag is None or value is None:
            break
        entries.append((tag, value))
    return entries


def _unpack(tiff: bytes, form: str, at: int) -> int | None:
    if not 0 <= at <= len(tiff) - struct.calcsize(form):
        return None
    return int(struct.unpack_from(form, tiff, at)[0])
