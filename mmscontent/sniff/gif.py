"""GIF: the blocks, counted without decoding a pixel.

A frame's delay under 20 ms counts as 100 ms, because that is how phones and browsers play it.
`profile` is the version, `GIF87a` or `GIF89a`. Source: CompuServe GIF89a specification, sections 17 to 27.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DamagedMedia
from mmscontent.sniff.reader import be, frame_rate, le, unique

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo
    from mmscontent.sniff.reader import Source

__all__ = ["read"]

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_MOST_BLOCKS = 2_000_000  # sub-blocks; a file of 256 MB in whole ones has a million
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF


@dataclass(slots=True)
class _Seen:
    frames: int = 0
    delay_ms: int = 0
    duration_ms: int = 0
    extent_px: tuple[int, int] = (0, 0)
    ended: bool = False
    blocks: int = 0
    words: list[str] = field(default_factory=list)


def read(source: Source) -> MediaInfo | None:
    """A GIF file, animated or not."""
    data = source.data
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    width, height = le(data, 6, 2), le(data, 8, 2)
    seen = _walk(data, 13 + _palette(be(data, 10, 1)), source.limits.max_frames)
    notes: tuple[str, ...] = () if seen.ended else ("it has no trailer, the animation may be cut short",)
    extent = max(width, seen.extent_px[0]), max(height, seen.extent_px[1])
    if extent != (width, height):
        notes += (f"a frame reaches outside its {width} × {height} px canvas, to {extent[0]} × {extent[1]} px",)
    if not seen.frames:
        raise DamagedMedia("image/gif holds no picture")
    moving = seen.frames > 1
    return replace(
        source.info("image/gif"),
        width_px=extent[0],
        height_px=extent[1],
        frames=seen.frames,
        duration_ms=seen.duration_ms if moving else None,
        fps=frame_rate(seen.frames, seen.duration_ms) if moving else None,
        profile=data[:6].decode("ascii"),
        notes=notes,
        metadata=unique(seen.words),
    )


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _walk(data: bytes, at: int, most_frames: int) -> _Seen:
    """Count frames up to one more than allowed; a cut file ends the walk quietly."""
    seen = _Seen()
    try:
        while at < len(data) and seen.frames <= most_frames:
            block = data[at]
            if block == _IMAGE:
                at = _frame(data, at, seen)
            elif block == _EXTENSION:
                at = _extension(data, at, seen)
            else:
                seen.ended = block == _TRAILER
                break
    except DamagedMedia:
        seen.ended = False
    return seen


def _frame(data: bytes, at: int, seen: _Seen) -> int:
    left, top, width, height, flags = (le(data, at + 1 + i, n) for i, n in ((0, 2), (2, 2), (4, 2), (6, 2), (8, 1)))
    seen.extent_px = max(seen.extent_px[0], left + width), max(seen.extent_px[1], top + height)
    seen.frames += 1
    seen.duration_ms += seen.delay_ms if seen.delay_ms >= 20 else 100  # see the header
    seen.delay_ms = 0
    return _after_blocks(data, at + 10 + _palette(flags) + 1, seen)


def _extension(data: bytes, at: int, seen: _Seen) -> int:
    label = be(data, at + 1, 1)
    if label == _CONTROL:
        seen.delay_ms = le(data, at + 4, 2) * 10
    elif label == _COMMENT:
        seen.words.append("comment")
    elif label == _APPLICATION and data[at + 3 : at + 11] == b"XMP Data":
        seen.words.append("XMP")
    return _after_blocks(data, at + 2, seen)


def _after_blocks(data: bytes, at: int, seen: _Seen) -> int:
    """Where a chain of sub-blocks ends."""
    size = len(data)
    while at < size and seen.blocks < _MOST_BLOCKS:
        step = data[at]
        at += step + 1
        seen.blocks += 1
        if not step:
            return at
    raise DamagedMedia("a chain of sub-blocks runs past the end")
