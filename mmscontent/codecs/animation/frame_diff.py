"""Computes delta frames: each frame draws only the pixels whose change can be seen.

A pixel close enough to what the canvas already shows stays transparent. That is most of the saving in a GIF and the
least visible one (docs/animation.md has the measurements). Pixels that must become transparent again are cleared by the
disposal of the frame before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.animation.frames import Animation, DirtyRect, bounding_box
from mmscontent.codecs.animation.palette import WEIGHTS, Indexer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.animation.frames import Box, Pixels

    Indices = NDArray[np.uint8]


@dataclass(slots=True)
class DeltaFrame:
    """One frame as it is written, with its left upper corner on the canvas.

    Attributes:
        indices: Palette indices; the length of the palette means transparent.
        clears: Its rectangle becomes transparent before the next frame.
        palette: Its own colours; None when it uses the palette of the animation.
    """

    x: int
    y: int
    indices: Indices
    duration_ms: int
    clears: bool = False
    palette: Pixels | None = None


class _Canvas:
    """What a viewer shows so far: palette indices, and where anything is drawn."""

    def __init__(self, animation: Animation, indexer: Indexer, tolerance: float) -> None:
        self.shown = np.zeros((animation.height, animation.width), np.uint8)
        self.filled = np.zeros((animation.height, animation.width), bool)
        self.indexer = indexer
        self.tolerance = tolerance
        self.colours = indexer.palette.astype(np.float32)

    def disappearing(self, rgba: Pixels, box: Box) -> Box | None:
        """Return the box of pixels that are drawn and must become transparent."""
        left, top, right, bottom = box
        found = bounding_box(self.filled[top:bottom, left:right] & (rgba[top:bottom, left:right, 3] == 0))
        if found[2] == 0:
            return None
        return found[0] + left, found[1] + top, found[2] + left, found[3] + top

    def clear(self, box: Box) -> None:
        """Apply the disposal of a frame."""
        left, top, right, bottom = box
        self.filled[top:bottom, left:right] = False

    def paint(self, rgba: Pixels, box: Box) -> DeltaFrame | None:
        """Update a part of the canvas to a frame; None when nothing has to be drawn."""
        left, top, right, bottom = box
        where = np.s_[top:bottom, left:right]
        wanted, shown, filled = rgba[where], self.shown[where], self.filled[where]
        nearest = self.indexer(wanted)
        # Pixels whose palette index changes or that show nothing yet must be drawn, if they are opaque.
        must = ((nearest != shown) | ~filled) & (wanted[..., 3] > 0)
        if self.tolerance > 0:
            unsure = must & filled
            error = np.square(self.colours[shown[unsure]] - wanted[unsure][:, :3]) @ WEIGHTS
            must[unsure] = error > self.tolerance
        shown[must] = nearest[must]
        filled[must] = True
        x0, y0, x1, y1 = bounding_box(must)
        if x1 == 0:
            return None
        indices = np.where(must, nearest, np.uint8(len(self.colours)))[y0:y1, x0:x1]
        return DeltaFrame(left + x0, top + y0, indices, 0)


def frame_diff(animation: Animation, indexer: Indexer, tolerance: float) -> Iterator[DeltaFrame]:
    """Yield the frames to write, in order.

    *tolerance* is the weighted squared colour distance up to which a change is not drawn; 0 draws every change.
    """
    nothing = np.full((1, 1), len(indexer.palette), np.uint8)
    canvas = _Canvas(animation, indexer, tolerance)
    held: DeltaFrame | None = None
    for rect, duration, rgba in zip(animation.rects, animation.durations_ms, animation.frames(), strict=True):
        box = _box(rect)
        gone = canvas.disappearing(rgba, box)
        if held is not None and gone is not None:
            held = _clearing(held, gone, nothing)
            canvas.clear(_box(held))
            box = _joined(box, _box(held))
        now = canvas.paint(rgba, box)
        # Nothing changed: the frame before is shown longer.
        if held is not None and now is None and not held.clears:
            held.duration_ms += duration
            continue
        if held is not None:
            yield held
        held = now or DeltaFrame(0, 0, nothing, 0)
        held.duration_ms = duration
    if held is not None:
        yield held


def _clearing(frame: DeltaFrame, gone: Box, nothing: Indices) -> DeltaFrame:
    """Enlarge a frame so that its disposal clears a box."""
    left, top, right, bottom = _joined(_box(frame), gone)
    indices = np.full((bottom - top, right - left), nothing[0, 0], np.uint8)
    height, width = frame.indices.shape
    indices[frame.y - top : frame.y - top + height, frame.x - left : frame.x - left + width] = frame.indices
    return DeltaFrame(left, top, indices, frame.duration_ms, clears=True)


def _box(piece: DeltaFrame | DirtyRect) -> Box:
    height, width = (piece.indices if isinstance(piece, DeltaFrame) else piece.rgba).shape[:2]
    return piece.x, piece.y, piece.x + width, piece.y + height


def _joined(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
