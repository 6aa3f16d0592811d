"""Chooses one palette for an animation, and finds the nearest entry for every pixel.

libimagequant chooses the colours from a sample of the changed pixels; an animation with few colours keeps each of them
exactly. Only with one palette for all frames does an unchanged pixel keep its colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import imagequant
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.animation.frames import Animation

    Pixels = NDArray[np.uint8]

# Weight of a squared error in red, green and blue.
WEIGHTS = np.array([0.9, 1.2, 0.6], np.float32)
# The changed pixels are thinned to about this many for libimagequant, which bounds its time.
_SAMPLE_PX = 60_000
# Colours are looked up per cell of 4 × 4 × 4 values.
_CELL_BITS = 6
# Cells computed at once: 4,096 × 256 distances are 4 MB.
_CHUNK = 4_096


def choose_palette(animation: Animation, colours: int) -> tuple[Pixels, bool]:
    """Choose at most so many colours, as (n, 3); the flag says whether they are all the colours there are."""
    exact = _all_colours(animation, colours)
    if exact is not None:
        return exact, True
    pixels = np.concatenate([_opaque(p.rgba) for p in animation.rects])
    rgba = np.ascontiguousarray(pixels[:: max(1, len(pixels) // _SAMPLE_PX)])
    _, chosen = imagequant.quantize_raw_rgba_bytes(
        rgba.tobytes(), len(rgba), 1, dithering_level=0.0, max_colors=colours
    )
    table = np.array(chosen, np.uint8).reshape(-1, 4)[:colours, :3]
    return np.unique(table, axis=0), False


def _opaque(rgba: Pixels) -> Pixels:
    return rgba[rgba[..., 3] > 0]


def _all_colours(animation: Animation, most: int) -> Pixels | None:
    seen = np.zeros(0, np.uint32)
    for rect in animation.rects:
        seen = np.union1d(seen, packed(_opaque(rect.rgba)))
        if len(seen) > most:
            return None
    return np.stack([seen & 255, seen >> 8 & 255, seen >> 16], axis=1).astype(np.uint8)


def packed(rgba: Pixels) -> NDArray[np.uint32]:
    """Pack each colour into one number: red in the lowest byte, without alpha."""
    return np.ascontiguousarray(rgba).view("<u4")[..., 0] & np.uint32(0xFFFFFF)


@dataclass(slots=True)
class Indexer:
    """Maps pixels to the index of their nearest colour; results are cached per cell of the colour cube."""

    palette: Pixels
    exact: bool
    _table: NDArray[np.int16] | None = None

    def __call__(self, rgba: Pixels) -> NDArray[np.uint8]:
        """Return palette indices as (height, width)."""
        cells = packed(rgba) if self.exact else _cells(rgba)
        if self._table is None:
            self._table = np.full(1 << (24 if self.exact else 3 * _CELL_BITS), -1, np.int16)
            if self.exact:
                numbers = np.array([1, 1 << 8, 1 << 16])
                self._table[self.palette @ numbers] = np.arange(len(self.palette))
        found = self._table[cells]
        if not self.exact and (found < 0).any():
            self._learn(np.unique(cells[found < 0]))
            found = self._table[cells]
        return found.astype(np.uint8)

    def _learn(self, cells: NDArray[np.int32]) -> None:
        assert self._table is not None
        mask, half = (1 << _CELL_BITS) - 1, 1 << (7 - _CELL_BITS)
        parts = [(cells >> _CELL_BITS * i & mask) << (8 - _CELL_BITS) for i in (2, 1, 0)]
        centres = np.stack(parts, axis=1).astype(np.float32) + np.float32(half)
        root = np.sqrt(WEIGHTS)
        entries = self.palette.astype(np.float32) * root
        norms = np.square(entries).sum(1)
        for at in range(0, len(cells), _CHUNK):
            some = centres[at : at + _CHUNK] * root
            self._table[cells[at : at + _CHUNK]] = (norms - 2 * some @ entries.T).argmin(1)


def _cells(rgba: Pixels) -> NDArray[np.int32]:
    shift = 8 - _CELL_BITS
    cut = (rgba >> shift).astype(np.int32)
    result: NDArray[np.int32] = cut[..., 0] << 2 * _CELL_BITS | cut[..., 1] << _CELL_BITS | cut[..., 2]
    return result
