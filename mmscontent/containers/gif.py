"""Walks the blocks of a GIF file, and says which of them are metadata (CompuServe GIF89a, sections 15 to 27)."""

from __future__ import annotations

from collections.abc import Iterator

from mmscontent.containers.metadata_words import MetadataWord
from mmscontent.containers.octets import Chunk
from mmscontent.errors import DamagedMedia, OverLimits

# Section 20: an image begins with a comma; section 27: the file ends with a semicolon. Extensions begin with an
# exclamation mark and a label: graphic control (23), comment (24), application (26).
IMAGE, TRAILER, CONTROL, COMMENT, APPLICATION = b",", b";", b"!\xf9", b"!\xfe", b"!\xff"
_MOST_SUB_BLOCKS = 2_000_000  # a file of 256 MB in whole ones has a million


def header_bytes(data: bytes) -> int:
    """Size of signature, screen descriptor and global colour table (sections 17 to 19); DamagedMedia when cut."""
    # Section 17: signature and version, six octets. Section 18: width and height, two octets each, little-endian; then
    # flags, background colour index and pixel aspect ratio, one octet each: 13 in all.
    if len(data) < 13:
        raise DamagedMedia(f"image/gif: {len(data)} bytes are too few for a header; the file is not a whole GIF")
    # Offset 10: the flags of the screen; its colour table follows the 13 octets.
    return 13 + _colour_table_bytes(data[10])


def blocks(data: bytes) -> Iterator[Chunk]:
    """Blocks behind the header up to and with the trailer; `body` is where the sub-blocks of each begin.

    It ends where the data ends or something else than a block stands; a block that is cut short is the last one.
    Raises DamagedMedia for a header that is not whole, OverLimits for more sub-blocks than any picture has.
    """
    at, left = header_bytes(data), _MOST_SUB_BLOCKS
    while at < len(data):
        # Sections 20, 23 to 27: the first octet tells an image, an extension and the trailer apart.
        kind = data[at : at + 1]
        if kind == TRAILER:
            yield Chunk(TRAILER, at, at + 1, at + 1, at + 1)
            return
        # An extension: exclamation mark, label, then its sub-blocks.
        if kind == b"!" and at + 2 <= len(data):
            kind, body = data[at : at + 2], at + 2
        elif kind == IMAGE and at + 10 <= len(data):
            # Offset 0: comma; 1: left; 3: top; 5: width; 7: height; 9: flags.
            # Section 20: position, sides and flags; then a local colour table (21) and the LZW code size (22).
            body = at + 10 + _colour_table_bytes(data[at + 9]) + 1
        else:
            # No block begins so; what was read up to here counts.
            return
        after, left = _after_sub_blocks(data, body, left)
        yield Chunk(kind, at, min(body, after), after, after)
        at = after


def _colour_table_bytes(flags: int) -> int:
    # The lower three bits are the exponent less one: 2 to 256 colours of red, green and blue, one octet each.
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0  # sections 18 and 20: bit 7 says that there is one


def _after_sub_blocks(data: bytes, at: int, left: int) -> tuple[int, int]:
    """Where a chain of sub-blocks ends, and how many more there may be (section 15: a size of 0 ends it)."""
    size = len(data)
    # A sub-block is one octet of size, 1 to 255, and so many octets; no total is announced, so the chain is walked.
    while at < size and data[at]:
        at += 1 + data[at]
        left -= 1
        if left <= 0:
            raise OverLimits(f"image/gif has over {_MOST_SUB_BLOCKS:,} sub-blocks")
    return min(at + 1, size), left - 1


def metadata_of(data: bytes, block: Chunk) -> list[MetadataWord]:
    """Say what a block gives away."""
    if block.kind == COMMENT:
        return ["comment"]
    # Section 26: a size of 11, an identifier of eight octets and a code of three. XMP: "XMP Data", "XMP".
    if block.kind == APPLICATION and data[block.body + 1 : block.body + 9] == b"XMP Data":
        return ["XMP"]
    return []
