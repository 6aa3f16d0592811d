"""Takes out of a video or audio file that goes as it is what tells about its owner: positions, and the tags of an MP3.

Positions go without moving a byte: boxes of ISO base media files that hold one become free space. Since no box changes
its size, every offset in the file stays right and nothing has to be written anew. An MP3's tags (names, comments, a
picture) stand before and behind its frames, which stay as they are. Sources: QuickTime File Format (©xyz, mdta keys),
3GPP TS 26.244 8.10 (loci), ISO/IEC 14496-12 8.1.2 (free).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmscontent.containers import id3
from mmscontent.containers.isobmff import FIRST_KINDS, Box, boxes, nested_boxes

if TYPE_CHECKING:
    from mmscontent.containers.metadata_words import MetadataWord

_POSITION_BOXES = frozenset((b"\xa9xyz", b"loci"))
_POSITION_KEYS = b"com.apple.quicktime.location."
_MOST_KEYS = 1_000


def without_location(data: bytes) -> tuple[bytes, tuple[MetadataWord, ...]]:
    """The same file without positions or tags, and what was taken out; untouched when it holds none."""
    if id3.has_tag(data):
        start, end = id3.frames_range(data)
        return (data[start:end], ("ID3 tag",)) if start < end else (data, ())
    if data[4:8] != b"ftyp" and data[4:8] not in FIRST_KINDS:
        return data, ()
    changed = bytearray(data)
    key_numbers: set[int] = set()
    for box in nested_boxes(data):
        # A vendor's `uuid` box that holds a position names it in its payload.
        if box.kind in _POSITION_BOXES or (box.kind == b"uuid" and b"GPSL" in data[box.start : box.end]):
            changed[box.header + 4 : box.header + 8] = b"free"
            changed[box.start : box.end] = bytes(box.end - box.start)
        elif box.kind == b"keys":
            key_numbers = _blank_keys(changed, data, box)
        elif box.kind == b"ilst" and key_numbers:
            _blank_values(changed, data, box, key_numbers)
    return (bytes(changed), ("GPS position",)) if changed != data else (data, ())


def _blank_keys(changed: bytearray, data: bytes, keys: Box) -> set[int]:
    """Overwrite the names of keys that stand for positions; gives their numbers, counted from 1.

    QuickTime File Format, metadata item keys: version and flags, count, then for each key its size, namespace and name.
    """
    numbers = set()
    for number, key in enumerate(boxes(data, keys.start + 8, keys.end, _MOST_KEYS), 1):
        if data[key.start : key.end].startswith(_POSITION_KEYS):
            changed[key.start : key.end] = b"-" * (key.end - key.start)
            numbers.add(number)
    return numbers


def _blank_values(changed: bytearray, data: bytes, items: Box, numbers: set[int]) -> None:
    """Overwrite the values of those keys; an item's kind is the number of its key."""
    for item in boxes(data, items.start, items.end):
        if int.from_bytes(item.kind, "big") in numbers:
            # The value atom: size, `data`, type and locale, sixteen octets in all; then the value.
            changed[item.start + 16 : item.end] = bytes(max(0, item.end - item.start - 16))
