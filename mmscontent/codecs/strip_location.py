"""Takes out of a film or sound that goes as it is what tells about its owner: positions, and the tags of an MP3.

Positions go without moving a byte: boxes of ISO base media files that hold one become free space. An MP3's tags (names,
comments, a picture) stand before and behind its frames, which stay as they are (ID3v2.4 section 3, ID3v1).
Since no box changes its size, every offset in the file stays right and nothing has to be written anew. Sources:
QuickTime File Format (©xyz, mdta keys), 3GPP TS 26.244 8.10 (loci), ISO/IEC 14496-12 8.1.2 (free).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["without_location"]

_CONTAINERS = frozenset((b"moov", b"trak", b"udta", b"meta", b"ilst", b"mdia"))
_PLACES = frozenset((b"\xa9xyz", b"loci"))
_KEY = b"com.apple.quicktime.location."
_MOST_BOXES = 20_000
_HEADER = 8
_TAG_HEAD, _OLD_TAG = 10, 128
_TAG_HAS_FOOTER = 0x10


def without_location(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The same file without positions, and what was taken out in words; untouched when it holds none."""
    if data[:3] == b"ID3" or data[-_OLD_TAG:][:3] == b"TAG":
        return _without_tags(data)
    if data[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return data, ()
    changed = bytearray(data)
    found = False
    for kind, start, end in _boxes(data, 0, len(data), [_MOST_BOXES]):
        if kind in _PLACES:
            _blank(changed, start, end)
            found = True
        elif kind == b"keys":
            found |= _blank_keys(changed, data, start, end)
        elif kind == b"uuid" and b"GPSL" in data[start:end]:
            _blank(changed, start, end)
            found = True
    return (bytes(changed), ("GPS position",)) if found else (data, ())


def _without_tags(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The frames alone; untouched when nothing would be left."""
    start, end = 0, len(data)
    if data[:3] == b"ID3" and end > _TAG_HEAD:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
        start = _TAG_HEAD + size + (_TAG_HEAD if data[5] & _TAG_HAS_FOOTER else 0)
    if data[-_OLD_TAG:][:3] == b"TAG":
        end -= _OLD_TAG
    return (data[start:end], ("ID3 tag",)) if start < end else (data, ())


def _boxes(data: bytes, at: int, end: int, left: list[int]) -> Iterator[tuple[bytes, int, int]]:
    """Every box from *at* on, those inside movie, track and user data included: (kind, body start, end)."""
    while at + _HEADER <= end and left[0] > 0:
        left[0] -= 1
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], _HEADER
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or end - at
        if size < head or at + head > end:
            return
        stop = min(at + size, end)
        yield kind, at + head, stop
        if kind in _CONTAINERS:
            yield from _boxes(data, at + head + _full_header(data, kind, at + head), stop, left)
        at += size


def _full_header(data: bytes, kind: bytes, at: int) -> int:
    """`meta` has a version in MP4 and none in QuickTime; a handler box follows either way."""
    return 4 if kind == b"meta" and data[at + 4 : at + 8] != b"hdlr" else 0


def _blank(changed: bytearray, start: int, end: int) -> None:
    changed[start - 4 : start] = b"free"
    changed[start:end] = bytes(end - start)


def _blank_keys(changed: bytearray, data: bytes, start: int, end: int) -> bool:
    """Keys of the mdta kind name places by words; the key's name goes, and the values under its number."""
    at, number, found = start + 8, 0, False
    numbers: list[int] = []
    while at + _HEADER <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < _HEADER:
            break
        number += 1
        if data[at + 8 : at + size].startswith(_KEY):
            changed[at + 8 : at + size] = b"-" * (size - 8)
            numbers.append(number)
            found = True
        at += size
    for kind, value_start, value_end in _values_after(data, end):
        if int.from_bytes(kind, "big") in numbers:
            changed[value_start + 16 : value_end] = bytes(max(0, value_end - value_start - 16))
    return found


def _values_after(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """The items of the list that follows the keys."""
    for kind, start, end in _boxes(data, at, len(data), [8]):
        if kind == b"ilst":
            yield from _boxes(data, start, end, [1000])
            return
