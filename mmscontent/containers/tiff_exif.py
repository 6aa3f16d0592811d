"""Walks TIFF directories, and EXIF, which is TIFF inside other files: orientation, sides, and what the tags give away.

Sources: TIFF 6.0, BigTIFF, Exif 2.32 (CIPA DC-008), TIFF/EP and DNG for single tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mmscontent.containers.metadata_words import MetadataWord
from mmscontent.containers.octets import be, le
from mmscontent.errors import DamagedMedia

_MOST_TAGS = 1_000  # of one directory; real ones have under a hundred
# TIFF 6.0 section 8, and Exif 4.6.3 for the two directories that tags of the first one point to.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ORIENTATION = 0x0100, 0x0101, 0x0102, 0x0103, 0x0112
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
# Octets of one value by field type: TIFF 6.0 section 2, Exif 4.6.2; 13 is IFD, 16 to 18 are BigTIFF's.
_VALUE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}

# What a tag gives away. The directory does not matter: numbers of the first and of the Exif directory do not collide.
TAG_WORDS: dict[int, MetadataWord] = {
    # TIFF 6.0 section 8, Exif 4.6.4
    0x010E: "description",  # ImageDescription
    0x010F: "camera model",  # Make
    0x0110: "camera model",  # Model
    0x0131: "software",  # Software
    0x0132: "date taken",  # DateTime
    0x013B: "author",  # Artist
    0x0201: "thumbnail",  # JPEGInterchangeFormat
    0x8298: "copyright",  # Copyright
    # blocks of other standards inside a TIFF
    0x02BC: "XMP",
    0x83BB: "IPTC",
    # Exif 4.6.5
    0x9003: "date taken",  # DateTimeOriginal
    0x9004: "date taken",  # DateTimeDigitized
    0x927C: "maker note",  # MakerNote
    0x9286: "comment",  # UserComment
    0xA420: "image id",  # ImageUniqueID
    0xA430: "author",  # CameraOwnerName
    0xA431: "serial number",  # BodySerialNumber
    0xA435: "serial number",  # LensSerialNumber
    # Windows and DNG
    0x9C9C: "comment",  # XPComment
    0x9C9D: "author",  # XPAuthor
    0xC62F: "serial number",  # CameraSerialNumber
}

# TIFF 6.0 sections 8 to 11 and 22; the larger numbers are libtiff's.
_COMPRESSIONS = {1: "none", 2: "ccitt rle", 3: "ccitt g3", 4: "ccitt g4", 5: "lzw", 6: "jpeg", 7: "jpeg", 8: "deflate"}
_COMPRESSIONS |= {32773: "packbits", 32946: "deflate", 34925: "lzma", 50000: "zstd", 50001: "webp"}


@dataclass(frozen=True, slots=True)
class TiffHeader:
    """What the directories of a TIFF or EXIF block say."""

    orientation: int | None = None  # 1 to 8; None when it is absent or nonsense
    width_px: int | None = None
    height_px: int | None = None
    bits: int | None = None
    compression: str | None = None
    pages: int = 0  # pictures in the chain of directories
    metadata: tuple[MetadataWord, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order, and the field widths in which BigTIFF differs from TIFF."""

    number: Callable[[bytes, int, int], int]
    count_size: int = 2
    entry_size: int = 12
    value_size: int = 4
    first_at: int = 4


# TIFF 6.0 section 2: byte order, then 42; BigTIFF has 43, and the offset of the first directory behind its widths.
_LAYOUTS = {
    # "II" is little-endian, "MM" big-endian; two octets of 42; at 4 the offset of the first directory.
    b"II*\0": _Layout(le),
    b"MM\0*": _Layout(be),
    # BigTIFF counts and points with eight octets; at 4 their width and a zero, at 8 the first directory.
    b"II+\0": _Layout(le, 8, 20, 8, 8),
    b"MM\0+": _Layout(be, 8, 20, 8, 8),
}


def is_tiff(data: bytes) -> bool:
    """Whether the data begins with a TIFF or BigTIFF header."""
    return data[:4] in _LAYOUTS


def read_exif(block: bytes) -> TiffHeader:
    """Read an EXIF block, with or without its `Exif` prefix of six octets (Exif 4.7.2)."""
    # JPEG's APP1 has "Exif" and two zeros in front of the TIFF header, PNG's eXIf has not.
    # QUIRK: some writers of WebP put the prefix there, too.
    if block[:4] == b"Exif":
        block = block[6:]
    if not is_tiff(block):
        return TiffHeader(metadata=("EXIF",), notes=("the EXIF block is not a TIFF header, it is ignored",))
    header = read_directories(block, most_pages=2)
    words: tuple[MetadataWord, ...] = (*header.metadata, "thumbnail") if header.pages > 1 else header.metadata
    return replace(header, metadata=tuple(dict.fromkeys(words)) or ("EXIF",))


def read_directories(data: bytes, most_pages: int) -> TiffHeader:
    """Walk the chain of directories, at most *most_pages* + 1 of them; what cannot be read is noted, not raised."""
    layout = _LAYOUTS[data[:4]]
    first: dict[int, int] = {}
    words: list[MetadataWord] = []
    notes: list[str] = []
    pages, is_whole = 0, True
    visited: set[int] = set()  # a chain may lead back into itself
    try:
        at = layout.number(data, layout.first_at, layout.value_size)
        # An offset of 0 ends the chain.
        while at and at not in visited and pages <= most_pages:
            visited.add(at)
            # The picture and its thumbnail say something; the rest of a chain is only counted.
            tags, at, is_whole = _directory(data, at, layout, _MOST_TAGS if pages < 2 else 0)
            words += _words_of(data, tags, layout)
            # The second directory is the thumbnail of an EXIF block, with sides of its own.
            first = first or tags
            pages += 1 if tags or is_whole else 0
    except DamagedMedia:
        # A damaged block gives what can be read: pictures are worth more than what describes them.
        is_whole = False
    if not is_whole:
        notes.append("its TIFF directories run past the end, some of the metadata cannot be read")
    return _header(first, pages, words, notes)


def _header(tags: dict[int, int], pages: int, words: list[MetadataWord], notes: list[str]) -> TiffHeader:
    orientation = tags.get(_ORIENTATION)
    # Eight values: four turns by quarters, each of them also mirrored.
    if orientation is not None and not 1 <= orientation <= 8:  # Exif 4.6.4 A
        if orientation:  # QUIRK: some cameras write 0 for "not known"
            notes.append(f"EXIF orientation {orientation} does not exist, it is taken as 1")
        orientation = None
    return TiffHeader(
        orientation=orientation,
        width_px=tags.get(_WIDTH),
        height_px=tags.get(_HEIGHT),
        bits=tags.get(_BITS),
        compression=_COMPRESSIONS.get(tags.get(_COMPRESSION, 1)),
        pages=pages,
        metadata=tuple(dict.fromkeys(words)),
        notes=tuple(notes),
    )


def _directory(data: bytes, at: int, layout: _Layout, most_tags: int = _MOST_TAGS) -> tuple[dict[int, int], int, bool]:
    """Tags of a directory with their first value, where the next one is, and whether every tag could be read."""
    # Section 2: the count of entries, two octets (BigTIFF: eight); the entries, twelve octets each (twenty); then the
    # offset of the next directory, or 0.
    count = layout.number(data, at, layout.count_size)
    entries = at + layout.count_size
    tags: dict[int, int] = {}
    try:
        tags.update(_entries(data, entries, min(count, most_tags), layout))
    except DamagedMedia:
        return tags, 0, False
    after = entries + count * layout.entry_size
    if after + layout.value_size > len(data):
        return tags, 0, True  # QUIRK: several phones leave the last link out
    return tags, layout.number(data, after, layout.value_size), True


def _entries(data: bytes, at: int, count: int, layout: _Layout) -> Iterator[tuple[int, int]]:
    """Tag and first value of each entry."""
    for entry in range(at, at + count * layout.entry_size, layout.entry_size):
        # Section 2: tag, two octets; field type, two; count of values, four (BigTIFF: eight); then, in four (eight),
        # the values themselves when they fit, left-justified, else their offset.
        tag = layout.number(data, entry, 2)
        size = _VALUE_SIZES.get(layout.number(data, entry + 2, 2), 0)
        values = layout.number(data, entry + 4, layout.value_size)
        where = entry + 4 + layout.value_size
        if not values:
            continue
        if size * values > layout.value_size and size <= layout.value_size:
            where = layout.number(data, where, layout.value_size)
            # An offset past the end spoils one tag, not the directory.
            if where + size > len(data):
                continue
        # The first value is enough: for texts and blocks the tag alone says what they give away.
        yield tag, layout.number(data, where, min(size or layout.value_size, layout.value_size))


def _words_of(data: bytes, tags: dict[int, int], layout: _Layout) -> list[MetadataWord]:
    """What the tags of a directory, and of the Exif and GPS directories it points to, give away (Exif 4.6.3)."""
    words = [TAG_WORDS[tag] for tag in tags if tag in TAG_WORDS]
    # Exif 4.6.6: tag 0 is the version of the GPS directory, which cameras write without a position, too.
    if _GPS_DIRECTORY in tags and any(tag > 0 for tag in _tags_at(data, tags[_GPS_DIRECTORY], layout)):
        words.append("GPS position")
    # The values of tags 8769 and 8825 are offsets of directories of their own.
    if _EXIF_DIRECTORY in tags:
        words += [TAG_WORDS[tag] for tag in _tags_at(data, tags[_EXIF_DIRECTORY], layout) if tag in TAG_WORDS]
    return words


def _tags_at(data: bytes, at: int, layout: _Layout) -> dict[int, int]:
    try:
        return _directory(data, at, layout)[0]
    except DamagedMedia:
        return {}
