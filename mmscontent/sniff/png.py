"""Reads PNG and APNG (PNG third edition, W3C 2025)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mmscontent.containers import png
from mmscontent.containers.octets import be, has_data
from mmscontent.containers.tiff_exif import TiffHeader, read_exif
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, frame_rate, unique

_MOST_READ_BYTES = 65_536  # of one chunk
# Colour type of IHDR: 1 for a palette, 2 for colour and 4 for alpha, added up
_COLOURS = {0: "grey", 2: "rgb", 3: "palette", 4: "grey alpha", 6: "rgb alpha"}


@dataclass(slots=True)
class _PngFacts:
    """What the chunks have said so far."""

    exif: TiffHeader = field(default_factory=TiffHeader)
    frames: int = 1
    duration_ms: float = 0.0
    is_animated: bool = False
    has_pixels: bool = False
    has_end: bool = False
    words: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(source: SniffInput) -> MediaInfo | None:
    """A PNG file, animated or not."""
    data = source.data
    if data[:8] != png.SIGNATURE:
        return None
    if data[12:16] != b"IHDR" or len(data) < 8 + 25:  # section 5.6: IHDR is the first chunk; it has 13 octets
        raise DamagedMedia("image/png does not begin with a header chunk (IHDR)")
    facts = _PngFacts()
    for chunk in png.chunks(data):
        end = chunk.end if chunk.kind == b"eXIf" else min(chunk.end, chunk.body + _MOST_READ_BYTES)
        _note(facts, chunk.kind, data[chunk.body : end])
        # What stands behind the end is no part of the picture, yet would be sent with it.
        if chunk.kind == b"IEND" and has_data(data, chunk.after):
            facts.words.append("trailing data")
    if not facts.has_end:
        facts.notes.append("it has no end chunk, the picture may be cut short")
    # A still with a frame control chunk has a delay, but nothing to wait for.
    moves = facts.frames > 1 and facts.duration_ms > 0
    return replace(
        source.info("image/png"),
        # IHDR: width at 16 of the file, height at 20, bit depth at 24, colour type at 25.
        width_px=be(data, 16, 4),
        height_px=be(data, 20, 4),
        orientation=facts.exif.orientation or 1,
        frames=facts.frames,
        duration_ms=round(facts.duration_ms) if moves else None,
        fps=frame_rate(facts.frames, facts.duration_ms) if moves else None,
        # What moves is `apng`; `profile` is depth and colour type, as `8-bit rgb` or `4-bit palette`.
        codec="apng" if facts.frames > 1 else None,
        profile=f"{data[24]}-bit {_COLOURS.get(data[25], 'unknown')}",
        notes=(*facts.exif.notes, *facts.notes),
        metadata=unique([*facts.exif.metadata, *facts.words]),
    )


def _note(facts: _PngFacts, kind: bytes, body: bytes) -> None:
    match kind:
        case b"IDAT":
            facts.has_pixels = True
        case b"IEND":
            facts.has_end = True
        # acTL: count of frames, count of plays, four octets each; it counts only in front of the pixels.
        case b"acTL" if not facts.has_pixels and len(body) >= 8:
            _read_animation_control(facts, body)
        # fcTL: sequence number, width, height, x and y, four octets each; at 20 and 22 numerator and denominator of the
        # delay in seconds; a denominator of 0 means hundredths.
        case b"fcTL" if facts.is_animated and len(body) >= 24:
            facts.duration_ms += be(body, 20, 2) * 1000 / (be(body, 22, 2) or 100)
        case b"eXIf":
            facts.exif = read_exif(body)
    facts.words += png.metadata_of(kind, body)


def _read_animation_control(facts: _PngFacts, body: bytes) -> None:
    facts.is_animated = True
    facts.frames = be(body, 0, 4)
    if not facts.frames:
        facts.frames = 1
        facts.notes.append("it announces an animation of no frames, it is a still")
