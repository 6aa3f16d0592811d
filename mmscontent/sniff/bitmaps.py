"""Reads old bitmaps: BMP and ICO (Microsoft), WBMP (WAP-190), TGA (Truevision TGA 2.0) and TIFF 6.0."""

from __future__ import annotations

from dataclasses import replace

from mmscontent.containers import wbmp
from mmscontent.containers.octets import be, le
from mmscontent.containers.tiff_exif import is_tiff, read_directories
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput

# Sizes of the headers of OS/2 1.x (12) and 2.x (16, 64) and of Windows (40 to 124)
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
# Values of biCompression in a BITMAPINFOHEADER
_BMP_COMPRESSIONS = {0: "none", 1: "rle8", 2: "rle4", 3: "bitfields", 4: "jpeg", 5: "png", 6: "bitfields"}
# TGA 2.0: the signature at the end of the footer; image types without and with run lengths
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_TGA_TYPES = {1: "none", 2: "none", 3: "none", 9: "rle", 10: "rle", 11: "rle"}


def read_bmp(source: SniffInput) -> MediaInfo | None:
    """A Windows or OS/2 bitmap."""
    data = source.data
    # BITMAPFILEHEADER: "BM", size of the file, reserved, offset of the pixels.
    if data[:2] != b"BM" or len(data) < 26 or le(data, 14, 4) not in _BMP_HEADERS:  # both headers
        return None
    # The file header has 14 octets; the size of the second header tells which one it is.
    size = le(data, 14, 4)
    if size == 12:  # OS/2 1.x
        # BITMAPCOREHEADER: sides of 16 bits, planes, bits a pixel.
        width, height, depth, compression = le(data, 18, 2), le(data, 20, 2), le(data, 24, 2), 0
    else:
        # BITMAPINFOHEADER: signed sides; a negative height means that the first row is the upper one.
        width, height = _signed(le(data, 18, 4)), abs(_signed(le(data, 22, 4)))
        depth, compression = le(data, 28, 2), le(data, 30, 4)
    # Rows may be stored from below, columns not from the right.
    if width < 0:
        raise DamagedMedia(f"image/bmp says it is {width} px wide")
    return replace(
        source.info("image/bmp"),
        width_px=width,
        height_px=height,
        frames=1,
        codec=_BMP_COMPRESSIONS.get(compression, "unknown"),
        profile=f"{depth}-bit",
    )


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


def read_ico(source: SniffInput) -> MediaInfo | None:
    """A Windows icon; the largest of its pictures counts."""
    data = source.data
    # ICONDIR: reserved 0, type 1, count; then sixteen octets an entry.
    count = le(data, 4, 2) if data[:4] == b"\0\0\1\0" and len(data) >= 22 else 0  # header and one entry
    if not 0 < count <= 1000 or 6 + 16 * count > len(data):  # no icon has that many
        return None
    entries = [data[at : at + 16] for at in range(6, 6 + 16 * count, 16)]
    # ICONDIRENTRY: octet 3 is reserved, size of the picture at 8, its offset at 12, behind all entries.
    if any(e[3] or le(e, 12, 4) < 6 + 16 * count or le(e, 8, 4) + le(e, 12, 4) > len(data) for e in entries):
        return None
    # A side of 0 stands for 256.
    width, height = max((e[0] or 256, e[1] or 256) for e in entries)
    return replace(source.info("image/x-icon"), width_px=width, height_px=height, frames=1)


def read_wbmp(source: SniffInput) -> MediaInfo | None:
    """A wireless bitmap of type 0: nothing but two zeros, the sides and one bit a pixel, so the size must agree."""
    try:
        header = wbmp.read_header(source.data)
    except DamagedMedia:
        return None
    if header is None:
        return None
    # QUIRK: converters pad the last row or leave some of it out.
    wanted, size = header.pixels_at + header.pixel_bytes, len(source.data)
    # Only a file that is claimed to be one may be off, by a quarter at most.
    if wanted != size and not (source.is_claimed("image/vnd.wap.wbmp") and abs(size - wanted) <= size // 4):
        return None
    notes = () if wanted == size else (f"its sides need {wanted:,} bytes and it has {size:,}",)
    info = source.info("image/vnd.wap.wbmp")
    return replace(info, width_px=header.width, height_px=header.height, frames=1, profile="1-bit grey", notes=notes)


def read_tga(source: SniffInput) -> MediaInfo | None:
    """A Truevision bitmap."""
    data = source.data
    # TGA 2.0: length of the identification, colour map type 0 or 1, image type; bits a pixel at 16.
    if len(data) < 18 or data[1] > 1 or data[2] not in _TGA_TYPES or data[16] not in (8, 15, 16, 24, 32):
        return None
    # TGA has next to no magic number: without the footer the sizes must agree, and name or declaration must say so.
    if data[-18:] != _TGA_FOOTER and not (source.is_claimed("image/x-tga") and _tga_agrees(data)):
        return None
    return replace(
        source.info("image/x-tga"),
        # Offset 12: width; 14: height; 16: bits a pixel.
        width_px=le(data, 12, 2),
        height_px=le(data, 14, 2),
        frames=1,
        codec=_TGA_TYPES[data[2]],
        profile=f"{data[16]}-bit",
    )


def _tga_agrees(data: bytes) -> bool:
    """The sides and depth need about the bytes there are."""
    # The header, the identification, then a colour map of so many entries of so many bits.
    head = 18 + data[0] + (le(data, 5, 2) * ((be(data, 7, 1) + 7) // 8) if data[1] else 0)
    # Run lengths: five octets stand for at most 128 pixels of four, so a 200th of the pixels is the least there can be.
    raw = le(data, 12, 2) * le(data, 14, 2) * ((data[16] + 7) // 8)
    return head < len(data) and (raw <= len(data) - head if _TGA_TYPES[data[2]] == "none" else raw // 200 < len(data))


def read_tiff(source: SniffInput) -> MediaInfo | None:
    """A TIFF or BigTIFF file (TIFF 6.0 section 8)."""
    if not is_tiff(source.data):
        return None
    header = read_directories(source.data, source.limits.max_frames)
    if header.width_px is None or header.height_px is None:
        raise DamagedMedia("image/tiff has no directory with the sides of a picture")
    return replace(
        source.info("image/tiff"),
        width_px=header.width_px,
        height_px=header.height_px,
        orientation=header.orientation or 1,
        # Every directory of the chain is a page.
        frames=max(1, header.pages),
        codec=header.compression,
        profile=f"{header.bits}-bit" if header.bits else None,
        notes=header.notes,
        metadata=header.metadata,
    )
