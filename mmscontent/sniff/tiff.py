"""TIFF directories, and EXIF, which is TIFF inside other files: orientation, sides, and what would leave with them.

Knows tags and directories, no pixels. Sources: TIFF 6.0 sections 2 and 8, BigTIFF, EXIF 2.32 sections 4.6.4 to 4.6.6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DamagedMedia
from mmscontent.sniff.reader import be, le, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mmscontent.message import MediaInfo
    from mmscontent.sniff.reader import Source

__all__ = ["TiffHeader", "read", "read_directories", "read_exif"]

_MOST_TAGS = 1_000  # of one directory; real ones have under a hundred

_ORIENTATION, _GPS, _EXIF, _THUMBNAIL = 0x0112, 0x8825, 0x8769, 0x0201
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SUBFILE = 0x0100, 0x0101, 0x0102, 0x0103, 0x00FE
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}

# What a tag gives away, in the words of the ledger (the directory does not matter: numbers do not collide).
_WORDS: dict[int, str] = {
    0x010E: "description",
    0x010F: "camera model",
    0x0110: "camera model",
    0x0131: "software",
    0x0132: "date taken",
    0x013B: "author",
    0x02BC: "XMP",
    0x8298: "copyright",
    0x83BB: "IPTC",
    0x9003: "date taken",
    0x927C: "maker note",
    0x9286: "comment",
    0x9C9C: "comment",
    0x9C9D: "author",
    0xA420: "image id",
    0xA430: "author",
    0xA431: "serial number",
    0xA435: "serial number",
    0xC62F: "serial number",
}

_COMPRESSIONS = {
    1: "none",
    2: "ccitt rle",
    3: "ccitt g3",
    4: "ccitt g4",
    5: "lzw",
    6: "jpeg",
    7: "jpeg",
    8: "deflate",
    32773: "packbits",
    32946: "deflate",
    34925: "lzma",
    50000: "zstd",
    50001: "webp",
}


@dataclass(frozen=True, slots=True)
class TiffHeader:
    """What the directories of a TIFF or EXIF block say.

    Attributes:
        orientation: 1 to 8, or None when it is absent or nonsense.
        pages: Pictures in the chain of directories; in EXIF the second one is the thumbnail.
        metadata: What would leave with it, in the ledger's words.
        notes: Oddities, as sentences.
    """

    orientation: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    bits: int | None = None
    compression: str | None = None
    pages: int = 0
    metadata: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order, and the field widths in which BigTIFF differs from TIFF."""

    number: Callable[[bytes, int, int], int]
    count_size: int = 2
    entry_size: int = 12
    value_size: int = 4


def read(source: Source) -> MediaInfo | None:
    """A TIFF file."""
    if _layout(source.data) is None:
        return None
    header = read_directories(source.data, source.limits.max_frames)
    if header.width_px is None or header.height_px is None:
        raise DamagedMedia("image/tiff has no directory with the sides of a picture")
    return replace(
        source.info("image/tiff"),
        width_px=header.width_px,
        height_px=header.height_px,
        orientation=header.orientation or 1,
        frames=max(1, header.pages),
        codec=header.compression,
        profile=f"{header.bits}-bit" if header.bits else None,
        notes=header.notes,
        metadata=header.metadata,
    )


def read_exif(block: bytes) -> TiffHeader:
    """An EXIF block, with or without the `Exif` prefix; a broken one gives what could be read and a note."""
    if block[:4] == b"Exif":
        block = block[6:]
    if _layout(block) is None:
        return TiffHeader(metadata=("EXIF",), notes=("the EXIF block is not a TIFF header, it is ignored",))
    header = read_directories(block, most_pages=2)
    words = [*header.metadata, "thumbnail"] if header.pages > 1 else list(header.metadata)
    return replace(header, metadata=unique(words or ["EXIF"]))


def read_directories(data: bytes, most_pages: int) -> TiffHeader:
    """Walk the chain of directories, at most *most_pages* + 1 of them; what cannot be read is noted, not raised."""
    layout = _layout(data)
    assert layout is not None
    tags: dict[int, int] = {}
    words: list[str] = []
    notes: list[str] = []
    pages = 0
    try:
        at = layout.number(
            data, layout.value_size if layout.value_size == 4 else 8, layout.value_size
        )  # TIFF's offset is at 4, BigTIFF's at 8
        seen: set[int] = set()
        while at and at not in seen and pages <= most_pages:
            seen.add(at)
            found, at = _directory(data, at, layout, most_tags=_MOST_TAGS if pages < 2 else 0)
            words += _words(data, found, layout)
            tags = tags or found
            pages += 1
    except DamagedMedia:
        notes.append("its TIFF directories run past the end, some of the metadata cannot be read")
    return _summary(tags, pages, words, notes)


def _summary(tags: dict[int, int], pages: int, words: list[str], notes: list[str]) -> TiffHeader:
    orientation = tags.get(_ORIENTATION)
    if orientation is not None and not 1 <= orientation <= 8:  # EXIF 4.6.4 A
        if orientation:
            notes.append(f"EXIF orientation {orientation} does not exist, it is taken as 1")
        orientation = None
    return TiffHeader(
        orientation=orientation,
        width_px=tags.get(_WIDTH),
        height_px=tags.get(_HEIGHT),
        bits=tags.get(_BITS),
        compression=_COMPRESSIONS.get(tags.get(_COMPRESSION, 1)),
        pages=pages,
        metadata=unique(words),
        notes=tuple(notes),
    )


def _layout(data: bytes) -> _Layout | None:
    match data[:4]:
        case b"II*\0":
            return _Layout(le)
        case b"MM\0*":
            return _Layout(be)
        case b"II+\0":
            return _Layout(le, 8, 20, 8)
        case b"MM\0+":
            return _Layout(be, 8, 20, 8)
    return None


def _directory(data: bytes, at: int, layout: _Layout, most_tags: int = _MOST_TAGS) -> tuple[dict[int, int], int]:
    """Tags of one directory with their first value, and where the next directory is."""
    count = layout.number(data, at, layout.count_size)
    entries = at + layout.count_size
    tags = dict(_entries(data, entries, min(count, most_tags), layout))
    after = entries + count * layout.entry_size
    if after + layout.value_size > len(data):
        return tags, 0  # QUIRK: several phones leave the last link out
    return tags, layout.number(data, after, layout.value_size)


def _entries(data: bytes, at: int, count: int, layout: _Layout) -> Iterator[tuple[int, int]]:
    for entry in range(at, at + count * layout.entry_size, layout.entry_size):
        tag = layout.number(data, entry, 2)
        size = _SIZES.get(layout.number(data, entry + 2, 2), 0)
        values = layout.number(data, entry + 4, layout.value_size)
        where = entry + 4 + layout.value_size
        if not values:
            continue
        if size * values > layout.value_size and size <= layout.value_size:
            where = layout.number(data, where, layout.value_size)
            if where + size > len(data):
                continue
        yield tag, layout.number(data, where, min(size or layout.value_size, layout.value_size))


def _words(data: bytes, tags: dict[int, int], layout: _Layout) -> list[str]:
    """What the tags of a directory, and of the EXIF and GPS directories it points to, give away."""
    words = [_WORDS[tag] for tag in tags if tag in _WORDS]
    if _THUMBNAIL in tags:
        words.append("thumbnail")
    if _GPS in tags:
        gps = _pointed(data, tags[_GPS], layout)
        words += ["GPS position"] if any(tag > 0 for tag in gps) else []
    if _EXIF in tags:
        words += [_WORDS[tag] for tag in _pointed(data, tags[_EXIF], layout) if tag in _WORDS]
    return words


def _pointed(data: bytes, at: int, layout: _Layout) -> dict[int, int]:
    try:
        return _directory(data, at, layout)[0]
    except DamagedMedia:
        return {}
