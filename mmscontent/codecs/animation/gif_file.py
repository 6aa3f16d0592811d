"""Writes GIF89a: header, loop count, frames with their delays and disposals.

Pillow's C coder does the LZW. This module writes everything around it, because Pillow would choose palettes,
rectangles and transparency by itself. Source: CompuServe GIF89a specification, sections 18 to 27.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import GifImagePlugin, Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.animation.frame_diff import DeltaFrame

# Section 23: transparent colour flag; disposal "do not dispose" and "restore to background".
_TRANSPARENT, _KEEP, _CLEAR = 1, 1 << 2, 2 << 2
_DESCRIPTOR_BYTES = 10
# Width of the picture that several tiles are coded as; LZW does not see rows.
_ROW_PX = 256
# Viewers show a shorter frame for 10.
_MIN_CS = 2


def write_gif(width: int, height: int, palette: NDArray[np.uint8], frames: Sequence[DeltaFrame], loops: int) -> bytes:
    """Write the file. The palette is (n, 3) with n at most 255; index n means transparent; 0 *loops* play for ever."""
    pieces = [_header(width, height, palette), _loop(loops)]
    for frame, delay in zip(frames, delays_cs(f.duration_ms for f in frames), strict=True):
        transparent = len(palette if frame.palette is None else frame.palette)
        flags = _TRANSPARENT | (_CLEAR if frame.clears else _KEEP)
        pieces.append(b"!\xf9\x04" + struct.pack("<BHBB", flags, delay, transparent, 0))
        pieces.append(_picture(frame))
    return b"".join((*pieces, b";"))


def delays_cs(durations_ms: Iterable[int]) -> tuple[int, ...]:
    """Round durations to hundredths of a second so that their running sum stays within half a hundredth."""
    delays: list[int] = []
    wanted_ms = written_cs = 0
    for duration in durations_ms:
        wanted_ms += duration
        delay = min(max(_MIN_CS, round(wanted_ms / 10) - written_cs), 0xFFFF)
        delays.append(delay)
        written_cs += delay
    return tuple(delays)


def _header(width: int, height: int, palette: NDArray[np.uint8]) -> bytes:
    bits, table = _table(palette)
    # Section 18: the flags say global colour table, 8 bits of colour resolution, table size.
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF0 | bits - 1, 0, 0) + table


def _table(palette: NDArray[np.uint8]) -> tuple[int, bytes]:
    """Return the bits of an index and the colour table (section 19), with one more entry for transparent pixels."""
    bits = max(1, len(palette).bit_length())
    table = np.zeros((1 << bits, 3), np.uint8)
    table[: len(palette)] = palette
    return bits, table.tobytes()


def _loop(loops: int) -> bytes:
    if loops == 1:
        return b""
    # Application extension (section 26) NETSCAPE2.0 counts repetitions after the first loop; 0 repeats for ever.
    return b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", min(max(loops - 1, 0), 0xFFFF)) + b"\0"


def coded_bytes(pieces: Sequence[NDArray[np.uint8]]) -> int:
    """Return the coded size of several small pictures as if they were one."""
    flat = np.concatenate([piece.ravel() for piece in pieces])
    rows = -(-flat.size // _ROW_PX)
    flat = np.pad(flat, (0, rows * _ROW_PX - flat.size), mode="edge")
    return sum(map(len, GifImagePlugin.getdata(Image.fromarray(flat.reshape(rows, _ROW_PX)))))


def _picture(frame: DeltaFrame) -> bytes:
    height, width = frame.indices.shape
    coded = b"".join(GifImagePlugin.getdata(Image.fromarray(frame.indices)))
    bits, table = (0, b"") if frame.palette is None else _table(frame.palette)
    flags = 0x80 | bits - 1 if table else 0
    # Section 20: image descriptor. Pillow's own one has neither our position on the canvas nor our palette.
    return b"," + struct.pack("<HHHHB", frame.x, frame.y, width, height, flags) + table + coded[_DESCRIPTOR_BYTES:]
