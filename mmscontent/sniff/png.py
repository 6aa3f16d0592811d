"""PNG and APNG: the chunks' names and lengths, and the few that say something.

`profile` is depth and colour type, as `8-bit rgb`, `4-bit palette`; `codec` is `apng` when it moves.
Sources: PNG third edition (W3C, 2025) sections 5, 11 and 13.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DamagedMedia
from mmscontent.sniff.reader import be, frame_rate, unique
from mmscontent.sniff.tiff import TiffHeader, read_exif

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.message import MediaInfo
    from mmscontent.sniff.reader import Source

__all__ = ["read"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 200_000
_COLOURS = {0: "grey", 2: "rgb", 3: "palette", 4: "grey alpha", 6: "rgb alpha"}
_KEYWORDS = {b"author": "author", b"xml:com.adobe.xmp": "XMP", b"copyright": "copyright", b"software": "software"}


@dataclass(slots=True)
class _Seen:
    exif: TiffHeader = field(default_factory=TiffHeader)
    frames: int = 1
    announced: bool = False
    duration_ms: float = 0.0
    pixels: bool = False
    ended: bool = False
    words: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(source: Source) -> MediaInfo | None:
    """A PNG file, animated or not."""
    data = source.data
    if data[:8] != _SIGNATURE:
        return None
    if data[12:16] != b"IHDR" or len(data) < 8 + 25:
        raise DamagedMedia("image/png does not begin with a header chunk (IHDR)")
    seen = _Seen()
    for kind, start, end in _chunks(data):
        if kind in _CHUNKS:
            _CHUNKS[kind](seen, data[start : min(end, start + 65_536 if kind != b"eXIf" else end)])
    if not seen.ended:
        seen.notes.append("it has no end chunk, the picture may be cut short")
    moving = seen.frames > 1 and seen.duration_ms > 0
    return replace(
        source.info("image/png"),
        width_px=be(data, 16, 4),
        height_px=be(data, 20, 4),
        orientation=seen.exif.orientation or 1,
        frames=seen.frames,
        duration_ms=round(seen.duration_ms) if moving else None,
        fps=frame_rate(seen.frames, seen.duration_ms) if moving else None,
        codec="apng" if seen.frames > 1 else None,
        profile=f"{data[24]}-bit {_COLOURS.get(data[25], 'unknown')}",
        notes=(*seen.exif.notes, *seen.notes),
        metadata=unique([*seen.exif.metadata, *seen.words]),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        length = be(data, at, 4)
        yield data[at + 4 : at + 8], at + 8, min(at + 8 + length, len(data))
        at += 12 + length


def _actl(seen: _Seen, body: bytes) -> None:
    if seen.pixels or len(body) < 8:  # frame count and play count
        return  # 11.3.6.1: only in front of the pixels
    seen.announced = True
    seen.frames = be(body, 0, 4)
    if not seen.frames:
        seen.frames = 1
        seen.notes.append("it announces an animation of no frames, it is a still")


def _fctl(seen: _Seen, body: bytes) -> None:
    if seen.announced and len(body) >= 24:  # the delay is octets 20 to 23
        seen.duration_ms += be(body, 20, 2) * 1000 / (be(body, 22, 2) or 100)  # 0 means hundredths


def _exif(seen: _Seen, body: bytes) -> None:
    seen.exif = read_exif(body)


def _text(seen: _Seen, body: bytes) -> None:
    keyword = body[:80].partition(b"\0")[0].lower()
    if keyword.startswith(b"raw profile type"):
        seen.words.append("EXIF" if b"iptc" not in keyword else "IPTC")
    else:
        seen.words.append(_KEYWORDS.get(keyword, "comment"))


def _pixels(seen: _Seen, _: bytes) -> None:
    seen.pixels = True


def _time(seen: _Seen, _: bytes) -> None:
    seen.words.append("date taken")


def _end(seen: _Seen, _: bytes) -> None:
    seen.ended = True


_CHUNKS = {
    b"acTL": _actl,
    b"fcTL": _fctl,
    b"eXIf": _exif,
    b"tEXt": _text,
    b"zTXt": _text,
    b"iTXt": _text,
    b"tIME": _time,
    b"IDAT": _pixels,
    b"IEND": _end,
}
