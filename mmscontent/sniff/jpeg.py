"""JPEG: the marker segments in front of the first scan, and what hangs behind the last one.

`codec` is the coding process (`baseline`, `extended`, `progressive`, `lossless`, `arithmetic`), `profile` depth,
colour model and chroma sampling, as `8-bit ycbcr 4:2:0`. Sources: ITU-T T.81 annex B, CIPA DC-007 (MPF),
Adobe TN 5116, Google's Motion Photo and Ultra HDR formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DamagedMedia
from mmscontent.sniff.reader import be, unique
from mmscontent.sniff.tiff import TiffHeader, read_exif

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.message import MediaInfo
    from mmscontent.sniff.reader import Source

__all__ = ["read"]

_MOST_SEGMENTS = 2_000
_SOS, _EOI, _COM, _APP1, _APP2, _APP13, _APP14 = 0xDA, 0xD9, 0xFE, 0xE1, 0xE2, 0xED, 0xEE
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_PROCESSES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless"} | dict.fromkeys(
    (0xC5, 0xC6, 0xC7), "hierarchical"
)
_PROCESSES |= dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic")
_SAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1", (4, 2): "4:1:0"}
_GAIN_MAP_WORDS = (b"hdrgm:", b"HDRGainMap", b"ns.adobe.com/hdr-gain-map")


@dataclass(slots=True)
class _Seen:
    """What the walk has met so far."""

    exif: TiffHeader = field(default_factory=TiffHeader)
    frame: bytes = b""
    process: str = ""
    adobe: int | None = None
    scan_at: int = 0
    words: list[str] = field(default_factory=list)


def read(source: Source) -> MediaInfo | None:
    """A JPEG file, MPO, Ultra HDR and motion photos included."""
    data = source.data
    if data[:3] != b"\xff\xd8\xff":
        return None
    seen = _Seen()
    for marker, start, end in _segments(data):
        _note(seen, marker, data, start, end)
    if not seen.frame:
        raise DamagedMedia("image/jpeg has no frame header before its first scan")
    notes = seen.exif.notes
    if not seen.scan_at or data.rfind(b"\xff\xd9", seen.scan_at) < 0:
        notes += ("it has no end marker, the picture may be cut short",)
    return replace(
        source.info("image/jpeg"),
        width_px=be(seen.frame, 3, 2),
        height_px=be(seen.frame, 1, 2),
        orientation=seen.exif.orientation or 1,
        frames=1,
        codec=seen.process,
        profile=_profile(seen),
        notes=notes,
        metadata=unique([*seen.exif.metadata, *seen.words, *_trailer(data, seen.scan_at)]),
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment, the first scan's header being the last one."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 1 >= len(data):
            return
        if data[at] != 0xFF:
            found = data.find(b"\xff", at)  # QUIRK: cameras pad between segments; decoders skip to the next marker
            if found < 0:
                return
            at = found
        while at < len(data) and data[at] == 0xFF:
            at += 1
        if at >= len(data) or data[at] == _EOI:
            return
        marker = data[at]
        at += 1
        if marker in _BARE or marker == 0:
            continue
        length = be(data, at, 2)
        yield marker, at + 2, min(at + length, len(data))
        if marker == _SOS:
            return
        at += max(length, 2)


def _note(seen: _Seen, marker: int, data: bytes, start: int, end: int) -> None:
    if marker in _PROCESSES:
        if end - start >= 6:  # depth, height, width, component count (T.81 B.2.2)
            seen.frame, seen.process = data[start:end], _PROCESSES[marker]
    elif marker == _SOS:
        seen.scan_at = end
    elif marker == _COM:
        seen.words.append("comment")
    elif marker in _APPS:
        _APPS[marker](seen, data[start:end])


def _app1(seen: _Seen, body: bytes) -> None:
    if body[:4] == b"Exif" and not seen.exif.metadata:
        seen.exif = read_exif(body)
    elif b"ns.adobe.com/x" in body[:40]:
        seen.words.append("XMP")
        _known_words(seen, body)


def _app2(seen: _Seen, body: bytes) -> None:
    if body[:4] == b"MPF\0":
        seen.words.append("further pictures")
    _known_words(seen, body[:64])


def _app13(seen: _Seen, body: bytes) -> None:
    if body[:13] == b"Photoshop 3.0":
        seen.words.append("IPTC" if b"8BIM\x04\x04" in body else "Photoshop data")


def _app14(seen: _Seen, body: bytes) -> None:
    if body[:5] == b"Adobe" and len(body) >= 12:  # the transform flag is octet 11 (Adobe TN 5116)
        seen.adobe = body[11]


_APPS = {_APP1: _app1, _APP2: _app2, _APP13: _app13, _APP14: _app14}


def _known_words(seen: _Seen, body: bytes) -> None:
    if any(word in body for word in _GAIN_MAP_WORDS):
        seen.words.append("gain map")


def _profile(seen: _Seen) -> str:
    """Depth, colour model and chroma sampling of the frame header."""
    frame = seen.frame
    components = frame[5]
    colour = {
        1: "grey",
        3: "rgb" if seen.adobe == 0 else "ycbcr",
        4: "ycck" if seen.adobe == 2 else "cmyk",
    }.get(  # Adobe transform 2 is YCCK
        components, f"{components} components"
    )
    words = f"{frame[0]}-bit {colour}"
    if components == 3 and len(frame) >= 6 + 9:  # three octets a component
        sampling = frame[7]
        ratio = (sampling >> 4) // max(1, frame[10] >> 4), (sampling & 15) // max(1, frame[10] & 15)
        words += f" {_SAMPLINGS.get(ratio, 'unusual sampling')}"
    return words


def _trailer(data: bytes, scan_at: int) -> list[str]:
    """What is appended behind the picture: a film (motion photos) is an ISO file, its `ftyp` box is looked for."""
    at = data.find(b"ftyp", scan_at) if scan_at else -1
    while at >= 0:
        if (
            16 <= int.from_bytes(data[at - 4 : at], "big") <= 256 and data[at + 4 : at + 7].isalnum()
        ):  # sane sizes of an ftyp box
            return ["motion photo video"]
        at = data.find(b"ftyp", at + 4)
    return []
