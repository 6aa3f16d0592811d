"""Detects whether a picture is a photograph, a screenshot, line art or a QR code, which decides how it is encoded.

It measures some tiles of the unscaled pixels: flat areas and hard edges decide, and a thumbnail loses both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# At most 6 × 6 tiles of 48 pixels: about 80,000 pixels.
_TILE_PX, _TILES_ACROSS = 48, 6
# Steps of 255 between neighbours.
_HARD_STEP, _SOFT_STEP = 48, 12
# Rows scanned for the marks of a QR code, and the green values that count as dark and light.
_MAX_SCAN_ROWS = 128
_DARK, _LIGHT = 80, 176


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """Measured features of a picture, and its traits as the ledger names them.

    Attributes:
        flat: Share of pixels equal to their right neighbour.
        soft: Share of pixels that differ a little from it, as sensors, lenses and gradients make them.
        hard: Share of pixels that differ from it by a hard step.
    """

    flat: float
    soft: float
    hard: float
    traits: tuple[str, ...]

    @property
    def is_graphic(self) -> bool:
        """The picture must stay sharp and may be sent with a palette."""
        return "photograph" not in self.traits


def detect_features(pixels: NDArray[np.uint8]) -> ImageFeatures:
    """Measure the features and traits of a picture given as (height, width, 3)."""
    tiles = _tiles(pixels)
    left, right = tiles[:, :, :-1], tiles[:, :, 1:]
    steps = (np.maximum(left, right) - np.minimum(left, right)).transpose(3, 0, 1, 2)
    step = np.maximum(np.maximum(steps[0], steps[1]), steps[2])
    flat, soft, hard = (float(np.count_nonzero(s) / s.size) for s in (step == 0, step <= _SOFT_STEP, step > _HARD_STEP))
    soft -= flat
    return ImageFeatures(flat, soft, hard, _traits(pixels, tiles, (flat, soft, hard)))


def _tiles(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut tiles on a grid over the whole picture, as one array (tile, row, column, channel)."""
    height, width, _ = pixels.shape
    side_y, side_x = min(_TILE_PX, height), min(_TILE_PX, width)
    tops = np.unique(np.linspace(0, height - side_y, min(_TILES_ACROSS, -(-height // side_y))).astype(int))
    lefts = np.unique(np.linspace(0, width - side_x, min(_TILES_ACROSS, -(-width // side_x))).astype(int))
    return np.stack([pixels[y : y + side_y, x : x + side_x] for y in tops for x in lefts])


def _colour_counts(tiles: NDArray[np.uint8]) -> NDArray[np.int64]:
    # Five bits per channel, so that noise does not count as colours.
    coarse = (tiles >> 3).astype(np.int32)
    index = (coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]).ravel()
    counts = np.bincount(index, minlength=1 << 15)
    return counts[counts > 0]


def _traits(pixels: NDArray[np.uint8], tiles: NDArray[np.uint8], steps: tuple[float, float, float]) -> tuple[str, ...]:
    # The thresholds separate the real pictures of benchmarks/pictures.py; see docs/fitting.md.
    flat, soft, hard = steps
    # A sensor leaves soft steps everywhere; a drawing has them only where it shades or was scaled.
    if hard < 0.005 or hard < 0.12 * soft:  # noqa: PLR2004
        return ("photograph",)
    if _is_two_tone(pixels) and _finder_rows(pixels) >= 3:  # noqa: PLR2004 - rows through the corner marks
        return ("qr code", "line art")
    if flat < 0.45:  # noqa: PLR2004
        return ("photograph",)
    counts = _colour_counts(tiles)
    top_share = float(np.sort(counts)[::-1][:16].sum() / counts.sum())  # of pixels in the sixteen commonest colours
    if top_share > 0.95 and len(counts) <= 96:  # noqa: PLR2004
        return ("line art",)
    return ("screenshot",)


def _is_two_tone(pixels: NDArray[np.uint8]) -> bool:
    """Whether nearly all pixels are dark or light, with a fair share of each."""
    step = max(1, len(pixels) // _MAX_SCAN_ROWS)
    green = pixels[::step, ::2, 1]
    dark, light = float((green < _DARK).mean()), float((green > _LIGHT).mean())
    return dark + light > 0.85 and min(dark, light) > 0.08  # noqa: PLR2004


def _finder_rows(pixels: NDArray[np.uint8]) -> int:
    """Count rows through the corner marks of a QR code."""
    rows = pixels[:: max(1, len(pixels) // _MAX_SCAN_ROWS), :, 1] < 128  # noqa: PLR2004 - dark
    return sum(_has_finder(row) for row in rows)


def _has_finder(dark: NDArray[np.bool_]) -> bool:
    changes = np.flatnonzero(np.diff(dark)) + 1
    if len(changes) < 6:  # noqa: PLR2004 - five runs lie between six changes
        return False
    fives = np.lib.stride_tricks.sliding_window_view(np.diff(changes).astype(float), 5)
    unit = fives.sum(axis=1, keepdims=True) / 7
    # ISO/IEC 18004, 6.3.3: a finder pattern alternates dark and light as 1:1:3:1:1 along any row through its middle.
    near = np.abs(fives / unit - (1, 1, 3, 1, 1)) < (0.5, 0.5, 1, 0.5, 0.5)
    starts_dark = dark[changes[: len(fives)]]
    return bool(np.any(near.all(axis=1) & starts_dark & (unit[:, 0] >= 2)))  # noqa: PLR2004 - pixels a module


def edge_energy(grey: NDArray[np.float32]) -> float:
    """Measure how strong the edges of a grey picture are; poster frames are chosen by it."""
    if grey.size <= 1:
        return 0.0
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())
