"""Writes frames without loss, each with its own palette, for animations with more colours than one palette holds.

Many tools give each frame of a GIF its own palette; the changed pixels of such a frame never exceed 256 colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.animation.frame_diff import DeltaFrame
from mmscontent.codecs.animation.frames import Animation, bounding_box
from mmscontent.codecs.animation.palette import packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.animation.frames import Pixels


_MOST_COLOURS = 255


def lossless_frames(animation: Animation) -> list[DeltaFrame] | None:
    """Return all frames with their own palettes; None when one has too many colours or clears pixels."""
    before = np.zeros((animation.height, animation.width, 4), np.uint8)
    frames: list[DeltaFrame] = []
    for frame, duration in zip(animation.frames(), animation.durations_ms, strict=True):
        if ((before[..., 3] > 0) & (frame[..., 3] == 0)).any():
            return None
        must = (before.view(np.uint32) != frame.view(np.uint32))[..., 0]
        drawn = _lossless_frame(frame, must, duration)
        if drawn is None:
            return None
        frames.append(drawn)
        before = frame.copy()
    return frames


def _lossless_frame(frame: Pixels, must: NDArray[np.bool_], duration_ms: int) -> DeltaFrame | None:
    left, top, right, bottom = bounding_box(must)
    if right == 0:
        return DeltaFrame(0, 0, np.zeros((1, 1), np.uint8), duration_ms, palette=np.zeros((0, 3), np.uint8))
    must = must[top:bottom, left:right]
    numbers = packed(frame[top:bottom, left:right])
    colours = np.unique(numbers[must])
    if len(colours) > _MOST_COLOURS:
        return None
    indices = np.searchsorted(colours, numbers)
    indices[~must] = len(colours)
    palette = np.stack([colours & 255, colours >> 8 & 255, colours >> 16], axis=1).astype(np.uint8)
    return DeltaFrame(left, top, indices.astype(np.uint8), duration_ms, palette=palette)
