"""ISO-BMFF boxes: where each begins and ends, nothing about what they mean (ISO/IEC 14496-12 section 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mmscontent.sniff.reader import be

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Box", "boxes", "child", "full_box", "top_boxes"]

_MOST_BOXES = 2_000  # siblings of one level
_MOST_TOP_BOXES = 50_000  # a film of four hours in fragments of two seconds has some 15,000


class Box(NamedTuple):
    """One box: its payload is data[start:end]; `whole` is False when it announces more than there is."""

    kind: bytes
    start: int
    end: int
    whole: bool = True


def top_boxes(data: bytes) -> Iterator[Box]:
    """The boxes of the file itself."""
    return boxes(data, 0, len(data), _MOST_TOP_BOXES)


def boxes(data: bytes, at: int, end: int, most: int = _MOST_BOXES) -> Iterator[Box]:
    """The boxes between *at* and *end*, in order, at most so many; one that runs past the end is clipped."""
    for _ in range(most):
        if at + 8 > end:
            return
        size, kind, head = be(data, at, 4), data[at + 4 : at + 8], 8
        if size == 1 and at + 16 <= end:
            size, head = be(data, at + 8, 8), 16
        elif size == 0:
            size = end - at
        size = max(size, head)  # QUIRK: `free` boxes with a size under 8 occur; players step over their header
        yield Box(kind, min(at + head, end), min(at + size, end), at + size <= end)
        at += size


def child(data: bytes, parent: Box | None, *path: bytes) -> Box | None:
    """The first box down a path of kinds, or None."""
    for kind in path:
        if parent is None:
            return None
        parent = next((b for b in boxes(data, parent.start, parent.end) if b.kind == kind), None)
    return parent


def full_box(data: bytes, box: Box) -> tuple[int, int, int]:
    """Version, flags, and where the payload after them starts."""
    return be(data, box.start, 1), be(data, box.start + 1, 3), box.start + 4
