"""Reads GIF; frames are counted without decoding a pixel.

`profile` is the version, `GIF87a` or `GIF89a`. Source: CompuServe GIF89a specification, sections 17 to 27.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from mmscontent.containers import gif
from mmscontent.containers.octets import Chunk, has_data, le
from mmscontent.errors import DamagedMedia, OverLimits
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, frame_rate, unique

# Phones and browsers play a frame that asks for less than 20 ms as 100 ms.
_SHORTEST_MS, _INSTEAD_MS = 20, 100


@dataclass(slots=True)
class _GifFacts:
    """What the blocks have said so far."""

    extent_px: tuple[int, int]
    frames: int = 0
    delay_ms: int = 0
    duration_ms: int = 0
    has_trailer: bool = False
    words: list[str] = field(default_factory=list)


def read(source: SniffInput) -> MediaInfo | None:
    """A GIF file, animated or not."""
    data = source.data
    if data[:6] not in (b"GIF87a", b"GIF89a"):  # section 17
        return None
    canvas = le(data, 6, 2), le(data, 8, 2)  # section 18: the logical screen
    facts = _read_blocks(data, canvas, source.limits.max_frames)
    notes: tuple[str, ...] = () if facts.has_trailer else ("it has no trailer, the animation may be cut short",)
    width, height = facts.extent_px
    if facts.extent_px != canvas:
        notes += (f"a frame reaches outside its {canvas[0]} × {canvas[1]} px canvas, to {width} × {height} px",)
    if not facts.frames:
        raise DamagedMedia("image/gif holds no picture")
    moves = facts.frames > 1
    return replace(
        source.info("image/gif"),
        width_px=width,
        height_px=height,
        frames=facts.frames,
        duration_ms=facts.duration_ms if moves else None,
        fps=frame_rate(facts.frames, facts.duration_ms) if moves else None,
        profile=data[:6].decode("ascii"),
        notes=notes,
        metadata=unique(facts.words),
    )


def _read_blocks(data: bytes, canvas: tuple[int, int], most_frames: int) -> _GifFacts:
    """Count frames up to one more than allowed; a cut file ends the count quietly."""
    facts = _GifFacts(canvas)
    with suppress(DamagedMedia, OverLimits):
        for block in gif.blocks(data):
            _note(facts, data, block)
            if facts.frames > most_frames:
                break
    return facts


def _note(facts: _GifFacts, data: bytes, block: Chunk) -> None:
    if block.kind == gif.IMAGE:
        # Section 20: left, top, width, height; a frame may reach outside the canvas, and decoders let it.
        left, top, width, height = (le(data, block.start + 1 + 2 * i, 2) for i in range(4))
        facts.extent_px = max(facts.extent_px[0], left + width), max(facts.extent_px[1], top + height)
        facts.frames += 1
        facts.duration_ms += facts.delay_ms if facts.delay_ms >= _SHORTEST_MS else _INSTEAD_MS
        facts.delay_ms = 0
    elif block.kind == gif.CONTROL:
        # Behind the label: a size of 4, flags, delay, transparent colour.
        facts.delay_ms = le(data, block.body + 2, 2) * 10  # section 23: hundredths of a second, for the next image
    elif block.kind == gif.TRAILER:
        facts.has_trailer = True
        facts.words += ["trailing data"] if has_data(data, block.after) else []
    facts.words += gif.metadata_of(data, block)
