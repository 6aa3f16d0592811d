"""Walks the chunks of a PNG file, and says which of them are metadata (PNG third edition, section 5)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from mmscontent.containers.metadata_words import MetadataWord
from mmscontent.containers.octets import Chunk, be
from mmscontent.errors import OverLimits

# Section 5.2: the top bit of the first octet shows a transfer in seven bits, CR LF and LF one that rewrites line ends.
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 200_000
_MOST_ICC_BYTES = 4_000_000  # a profile that inflates to more is an attack
# Keywords of the textual chunks tEXt, zTXt and iTXt, in lower case
_KEYWORDS: dict[bytes, MetadataWord] = {
    b"author": "author",
    b"xml:com.adobe.xmp": "XMP",
    b"copyright": "copyright",
    b"software": "software",
}


def chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks up to and with IEND, a run of IDAT as one; OverLimits when there are more than any picture has."""
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        # Section 5.3: length of the data, type, data, CRC; the length counts the data alone.
        length, kind = be(data, at, 4), data[at + 4 : at + 8]
        # Twelve octets around the data: four each of length, type and CRC.
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
    # iCCP: profile name, NUL, one octet of compression method (0: deflate), then the profile, deflated.
    _, ended, rest = data[chunk.body : chunk.end].partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _MOST_ICC_BYTES) if ended else b""
    except zlib.error:
        return b""


def metadata_of(kind: bytes, body: bytes) -> list[MetadataWord]:
    """Say what a chunk gives away; EXIF is read by `tiff_exif`."""
    # tIME: the last modification as year, month, day, hour, minute and second.
    if kind == b"tIME":
        return ["date taken"]
    if kind not in (b"tEXt", b"zTXt", b"iTXt"):
        return []
    # All three begin with the keyword, 1 to 79 octets of Latin-1, and NUL.
    keyword = body[:80].partition(b"\0")[0].lower()
    # QUIRK: ImageMagick and ExifTool wrote EXIF and IPTC as hexadecimal text before eXIf existed.
    if keyword.startswith(b"raw profile type"):
        return ["IPTC" if b"iptc" in keyword else "EXIF"]
    # Title, Description, Comment and every private keyword: somebody's text about the picture.
    return [_KEYWORDS.get(keyword, "comment")]
