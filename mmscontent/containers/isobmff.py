"""Walks the boxes of ISO base media files: where each begins and ends, nothing about what they mean.

Sources: ISO/IEC 14496-12 section 4.2, QuickTime File Format.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from mmscontent.containers.octets import be

_MOST_BOXES = 2_000  # siblings of one level
_MOST_TOP_BOXES = 50_000  # a video of four hours in fragments of two seconds has some 15,000
_MOST_NESTED_BOXES = 100_000  # of a whole file
_MOST_LEVELS = 8  # moov, trak, mdia, udta, meta and ilst are the deepest nesting of descriptions
# Boxes that hold boxes on the way to a position: 14496-12 8.2.1, 8.3.1, 8.4.1, 8.10.1, 8.11.1; QuickTime's ilst
_PARENTS = frozenset((b"moov", b"trak", b"udta", b"meta", b"ilst", b"mdia"))
# QUIRK: QuickTime files from before `ftyp` existed begin with any of these.
FIRST_KINDS = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))


class Box(NamedTuple):
    """One box: its payload is data[start:end], its header begins at `header`."""

    kind: bytes
    start: int
    end: int
    header: int
    whole: bool = True  # False when it announces more than there is


def top_boxes(data: bytes) -> Iterator[Box]:
    """The boxes of the file itself."""
    return boxes(data, 0, len(data), _MOST_TOP_BOXES)


def boxes(data: bytes, at: int, end: int, most: int = _MOST_BOXES) -> Iterator[Box]:
    """The boxes between *at* and *end*, in order, at most so many; one that runs past the end is clipped."""
    for _ in range(most):
        if at + 8 > end:
            return
        # 4.2: size and type, four octets each; size 1 means that 64 bits follow, size 0 that it reaches to the end.
        size, kind, head = be(data, at, 4), data[at + 4 : at + 8], 8
        if size == 1 and at + 16 <= end:
            size, head = be(data, at + 8, 8), 16
        # Only the last box of a file has it: a recorder that streams does not know the size yet.
        elif size == 0:
            size = end - at
        size = max(size, head)  # QUIRK: `free` boxes with a size under 8 occur; players step over their header
        # A box that is cut short is given, too, so that a broken download can still be described.
        yield Box(kind, min(at + head, end), min(at + size, end), at, at + size <= end)
        at += size


def nested_boxes(data: bytes) -> Iterator[Box]:
    """Every box of the file, those inside movie, track, user data and metadata boxes included, parents first."""
    return islice(_nested(data, top_boxes(data), _MOST_LEVELS), _MOST_NESTED_BOXES)


def _nested(data: bytes, siblings: Iterator[Box], levels: int) -> Iterator[Box]:
    for box in siblings:
        yield box
        # Only these are entered: any other payload is fields or media data and no list of boxes.
        if box.kind in _PARENTS and levels > 1:
            inner = meta_boxes(data, box) if box.kind == b"meta" else boxes(data, box.start, box.end)
            yield from _nested(data, inner, levels - 1)


def meta_boxes(data: bytes, meta: Box) -> Iterator[Box]:
    """The boxes inside a metadata box, of either kind."""
    # QUIRK: QuickTime's meta is a plain box that begins with a handler; 14496-12 8.11.1 has version and flags there.
    start = meta.start + (0 if data[meta.start + 4 : meta.start + 8] == b"hdlr" else 4)
    return boxes(data, start, meta.end)


def child(data: bytes, parent: Box | None, *path: bytes) -> Box | None:
    """The first box down a path of kinds, or None."""
    for kind in path:
        # A missing parent has no child, so that a path can be asked for in one go.
        if parent is None:
            return None
        parent = next((b for b in boxes(data, parent.start, parent.end) if b.kind == kind), None)
    return parent


def full_box(data: bytes, box: Box) -> tuple[int, int, int]:
    """Version, flags, and where the payload behind them begins (4.2: FullBox)."""
    # Offset 0: version, one octet; 1: flags, three octets; 4: the payload.
    return be(data, box.start, 1), be(data, box.start + 1, 3), box.start + 4
