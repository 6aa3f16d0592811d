"""Walks the chunks of a PNG file, and says which of them are metadata (PNG third edition, sections 5 and 11)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmscontent.containers.octets import Chunk, be
from mmscontent.errors import OverLimits

if TYPE_CHECKING:
    from mmscontent.containers.metadata_words import MetadataWord

SIGNATURE = b"\x89PNG\r\n\x1a\n"  # section 5.2
_MOST_CHUNKS = 200_000
_MOST_ICC_BYTES = 4_000_000  # a profile that inflates to more is an attack
# Section 11.3.3: keywords of textual chunks.
_KEYWORDS: dict[bytes, MetadataWord] = {
    b"author": "author",
    b"xml:com.adobe.xmp": "XMP",
    b"copyright": "copyright",
    b"software": "software",
}


def chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks in their order up to and with IEND; a run of IDAT, of which there may be thousands, is one.

    Raises:
        OverLimits: There are more of them than any picture has.
    """
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        # Section 5.3: length of the data, type, data, CRC; the length counts the data alone.
        length, kind = be(data, at, 4), data[at + 4 : at + 8]
        after = at + 12 + length
        # Section 5.6: IDAT chunks are consecutive.
        while kind == b"IDAT" == data[after + 4 : after + 8]:
            after += 12 + be(data, after, 4)
        yield Chunk(kind, at, at + 8, min(after - 4, len(data)), min(after, len(data)))
        if kind == b"IEND":  # section 5.6: it is the last; what follows is no part of the picture
            return
        at = after
    raise OverLimits(f"image/png has over {_MOST_CHUNKS:,} chunks")


def icc_profile(data: bytes) -> bytes:
    """Inflate the embedded colour profile; b"" when there is none, or it is broken."""
    chunk = next((c for c in chunks(data) if c.kind == b"iCCP"), None)
    if chunk is None:
        return b""
    # Section 11.3.2: profile name, NUL, compression method, then the profile, deflated.
    _, ended, rest = data[chunk.body : chunk.end].partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _MOST_ICC_BYTES) if ended else b""
    except zlib.error:
        return b""


def metadata_of(kind: bytes, body: bytes) -> list[MetadataWord]:
    """Say what a chunk gives away; EXIF is read by `tiff_exif`."""
    if kind == b"tIME":  # section 11.3.5: time of the last modification
        return ["date taken"]
    if kind not in (b"tEXt", b"zTXt", b"iTXt"):
        return []
    keyword = body[:80].partition(b"\0")[0].lower()  # section 11.3.3: 1 to 79 octets, then NUL
    # QUIRK: ImageMagick and ExifTool wrote EXIF and IPTC as hexadecimal text before eXIf existed.
    if keyword.startswith(b"raw profile type"):
        return ["IPTC" if b"iptc" in keyword else "EXIF"]
    return [_KEYWORDS.get(keyword, "comment")]
