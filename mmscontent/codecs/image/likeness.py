"""How alike two pictures of the same sides look: structural similarity over small blocks, in a few milliseconds.

It settles a choice between two results of different kinds (a palette against a JPEG), where a prediction made for
one kind says nothing about the other. Source: Wang et al. 2004; blocks side by side instead of a sliding window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = ["unlikeness"]

_BLOCK = 6
_C1, _C2 = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
# Luma and two colour differences; the eye forgives more in colour (weights as in SSIMULACRA2's spirit, rounded).
_PLANES = np.array([[0.299, 0.587, 0.114], [-0.17, -0.33, 0.5], [0.5, -0.42, -0.08]], np.float32)
_WEIGHTS = np.array([0.8, 0.1, 0.1])


def unlikeness(a: Pixels, b: Pixels) -> float:
    """0 for equal pictures, 1 for unrelated ones; both (height, width, 3)."""
    first, second = _blocks(a), _blocks(b)
    mean_a, mean_b = first.mean(axis=(2, 4)), second.mean(axis=(2, 4))
    var_a = np.square(first).mean(axis=(2, 4)) - mean_a**2
    var_b = np.square(second).mean(axis=(2, 4)) - mean_b**2
    covariance = (first * second).mean(axis=(2, 4)) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    alike = alike * (2 * covariance + _C2) / (var_a + var_b + _C2)
    lost = 1 - alike.clip(0, 1)
    # The mean of all blocks and the root mean square, which minds a few that are badly hit.
    per_plane = 0.5 * lost.mean(axis=(1, 2)) + 0.5 * np.sqrt(np.square(lost).mean(axis=(1, 2)))
    return float(np.dot(_WEIGHTS, per_plane))


def _blocks(pixels: Pixels) -> NDArray[np.float32]:
    """As (plane, block row, row, block column, column); what does not fill a block at the edges is left out."""
    height, width = (max(side // _BLOCK, 1) for side in pixels.shape[:2])
    cut = pixels[: height * _BLOCK, : width * _BLOCK].astype(np.float32)
    planes = np.tensordot(_PLANES, cut, axes=([1], [2]))
    side_y, side_x = planes.shape[1] // height, planes.shape[2] // width
    return planes[:, : height * side_y, : width * side_x].reshape(3, height, side_y, width, side_x)
