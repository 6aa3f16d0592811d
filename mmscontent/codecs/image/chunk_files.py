"""PNG, GIF and WebP as chunks: what they say, and the files again without what need not leave.

Sources: PNG (W3C, third edition) section 11; GIF89a; WebP container specification. Pixels are never decoded.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mmscontent.codecs.image.exif import read_exif
from mmscontent.errors import DamagedMedia

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ChunkFile", "chunk_reader", "chunk_stripper"]


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """Facts of a file made of chunks.

    Attributes:
        width, height: Of the canvas.
        frames: Pictures in it; 1 for a still.
        icc: Its colour profile; b"" when there is none.
        labels: What would leave with the file.
    """

    width: int
    height: int
    frames: int = 1
    orientation: int = 1
    icc: bytes = b""
    labels: tuple[str, ...] = ()


class _Chunk(NamedTuple):
    name: bytes
    start: int
    body: int
    end: int  # padding and checksum included


# --- PNG ---

_MAX_ICC_BYTES = 4_000_000
_PNG_CHUNK = struct.Struct(">I4s")
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS sRGB gAMA cHRM sBIT bKGD pHYs cICP acTL fcTL fdAT".split()  # the last three move
)
_PNG_READ = frozenset((b"eXIf", b"iTXt", b"acTL", b"tEXt", b"zTXt", b"tIME"))
_PNG_LABELS = {b"eXIf": "EXIF", b"tEXt": "comment", b"zTXt": "comment", b"tIME": "capture time"}


def _png_chunks(data: bytes) -> Iterator[_Chunk]:
    """Chunks in their order; a run of pixels, of which there may be thousands, is one."""
    at = len(_PNG_HEAD)
    while at + 12 <= len(data):
        length, name = _PNG_CHUNK.unpack_from(data, at)
        end = at + 12 + length
        while name == b"IDAT" == data[end + 4 : end + 8]:
            end += 12 + int.from_bytes(data[end : end + 4], "big")
        yield _Chunk(name, at, at + 8, min(end, len(data)))
        if name == b"IEND":
            return
        at = end


def _read_png(data: bytes) -> ChunkFile:
    chunks = list(_png_chunks(data))
    if not chunks or chunks[0].name != b"IHDR" or len(data) < chunks[0].body + 8:
        raise DamagedMedia("image/png: the header chunk is missing; the file is not a whole PNG")
    width, height = struct.unpack_from(">II", data, chunks[0].body)
    labels: set[str] = set()
    frames, orientation = 1, 1
    for chunk in chunks:
        if chunk.name not in _PNG_READ:
            continue
        body = data[chunk.body : chunk.end - 4]
        if chunk.name == b"eXIf":
            exif = read_exif(body)
            orientation = exif.orientation
            labels.update(exif.labels or ("EXIF",))
        elif chunk.name == b"iTXt":
            labels.add("XMP" if body.startswith(b"XML:com.adobe.xmp") else "comment")
        elif chunk.name == b"acTL" and len(body) >= 4:  # noqa: PLR2004 - a frame count
            frames = max(1, int.from_bytes(body[:4], "big"))
        elif chunk.name in _PNG_LABELS:
            labels.add(_PNG_LABELS[chunk.name])
    if data[chunks[-1].end :].strip(b"\0"):
        labels.add("trailing data")
    icc = next((_png_icc(data[c.body : c.end - 4]) for c in chunks if c.name == b"iCCP"), b"")
    return ChunkFile(width, height, frames, orientation, icc, tuple(sorted(labels)))


def _png_icc(body: bytes) -> bytes:
    """Name, method, then a deflated profile; bounded, because a profile of a megabyte is an attack."""
    try:
        return zlib.decompressobj().decompress(body[body.index(b"\0") + 2 :], _MAX_ICC_BYTES)
    except (ValueError, zlib.error):
        return b""


def _strip_png(data: bytes) -> bytes:
    return _PNG_HEAD + b"".join(data[c.start : c.end] for c in _png_chunks(data) if c.name in _PNG_KEPT)


# --- GIF ---

_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B
_GIF_CONTROL, _GIF_APPLICATION = 0xF9, 0xFF
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif_blocks(data: bytes) -> Iterator[_Chunk]:
    """Blocks after the head, each named by its two first bytes; stops where the data stops."""
    at = _gif_head_bytes(data)
    while at < len(data):
        kind = data[at]
        if kind == _GIF_END:
            yield _Chunk(b";", at, at + 1, at + 1)
            return
        if kind == _GIF_EXTENSION and at + 2 <= len(data):
            body = at + 2
        elif kind == _GIF_IMAGE and at + 10 <= len(data):
            flags = data[at + 9]
            body = at + 10 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0) + 1
        else:
            return
        end = _after_sub_blocks(data, body)
        yield _Chunk(data[at : at + 2] if kind == _GIF_EXTENSION else b",", at, body, end)
        at = end


def _gif_head_bytes(data: bytes) -> int:
    if len(data) < 13:  # noqa: PLR2004 - signature and screen descriptor
        raise DamagedMedia(f"image/gif: {len(data)} bytes are too few for a header; the file is not a whole GIF")
    return 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)


def _after_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


def _read_gif(data: bytes) -> ChunkFile:
    blocks = list(_gif_blocks(data))
    width, height = struct.unpack_from("<HH", data, 6)
    labels = {label for b in blocks if (label := _gif_label(data, b)) is not None}
    if blocks and data[blocks[-1].end :].strip(b"\0"):
        labels.add("trailing data")
    frames = sum(b.name == b"," for b in blocks)
    return ChunkFile(width, height, max(1, frames), labels=tuple(sorted(labels)))


def _gif_label(data: bytes, block: _Chunk) -> str | None:
    if block.name == b"!\xfe":
        return "comment"
    if block.name == b"!\xff" and data[block.body + 1 : block.body + 12] == b"XMP DataXMP":
        return "XMP"
    return None


def _strip_gif(data: bytes) -> bytes:
    pieces = [data[: _gif_head_bytes(data)]]
    for block in _gif_blocks(data):
        is_loop = data[block.body + 1 : block.body + 12] in _GIF_LOOPS
        if block.name in (b",", b";", b"!\xf9") or (block.name == b"!\xff" and is_loop):
            pieces.append(data[block.start : block.end])
    return b"".join(pieces)


# --- WebP ---

_WEBP_LABELS = {b"XMP ": "XMP"}
_WEBP_FLAG_ICC, _WEBP_FLAG_EXIF, _WEBP_FLAG_XMP = 0x20, 0x08, 0x04


def _webp_chunks(data: bytes) -> Iterator[_Chunk]:
    at, stop = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= stop:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield _Chunk(data[at : at + 4], at, at + 8, min(at + 8 + length + length % 2, len(data)))
        at += 8 + length + length % 2


def _read_webp(data: bytes) -> ChunkFile:
    labels: set[str] = set()
    width = height = frames = 0
    orientation, icc = 1, b""
    for chunk in _webp_chunks(data):
        body = data[chunk.body : chunk.end]
        if chunk.name == b"VP8X" and len(body) >= 10:  # noqa: PLR2004 - flags, then two 24-bit sides less one
            width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
        elif chunk.name == b"VP8 " and not width and len(body) >= 10:  # noqa: PLR2004 - frame tag, start code, sides
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        elif chunk.name == b"VP8L" and not width and len(body) >= 5:  # noqa: PLR2004 - signature, sides less one
            bits = int.from_bytes(body[1:5], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif chunk.name == b"EXIF":
            exif = read_exif(body)
            orientation = exif.orientation
            labels.update(exif.labels or ("EXIF",))
        elif chunk.name in _WEBP_LABELS:
            labels.add(_WEBP_LABELS[chunk.name])
        frames += chunk.name == b"ANMF"
        icc = body if chunk.name == b"ICCP" else icc
    if not width or not height:
        raise DamagedMedia("image/webp: no picture chunk before the data ends; the file is not a whole WebP")
    return ChunkFile(width, height, max(1, frames), orientation, icc, tuple(sorted(labels)))


def _strip_webp(data: bytes) -> bytes:
    pieces: list[bytes] = []
    for chunk in _webp_chunks(data):
        if chunk.name in (b"EXIF", b"XMP ", b"ICCP"):
            continue
        piece = bytearray(data[chunk.start : chunk.end])
        if chunk.name == b"VP8X":
            piece[8] &= ~(_WEBP_FLAG_ICC | _WEBP_FLAG_EXIF | _WEBP_FLAG_XMP) & 0xFF
        pieces.append(bytes(piece))
    body = b"WEBP" + b"".join(pieces)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_READERS: dict[str, tuple[Callable[[bytes], ChunkFile], Callable[[bytes], bytes]]] = {
    "image/png": (_read_png, _strip_png),
    "image/gif": (_read_gif, _strip_gif),
    "image/webp": (_read_webp, _strip_webp),
}


def chunk_reader(media_type: str) -> Callable[[bytes], ChunkFile] | None:
    """What reads the facts of a file of that type, or None."""
    row = _READERS.get(media_type)
    return row[0] if row else None


def chunk_stripper(media_type: str) -> Callable[[bytes], bytes] | None:
    """What takes the metadata out of a file of that type, or None."""
    row = _READERS.get(media_type)
    return row[1] if row else None
