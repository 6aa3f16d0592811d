"""The segments of a JPEG file: what they say, and the file again without what need not leave.

Source: ITU-T T.81 annex B; JFIF 1.02; Adobe TN 5116 (APP14); CIPA DC-007 (MPF). Entropy data is never decoded.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NamedTuple

from mmscontent.codecs.image.exif import read_exif
from mmscontent.errors import DamagedMedia

__all__ = ["JpegFile", "read_jpeg", "strip_jpeg"]

_SOI, _EOI, _SOS, _DHT, _COM = 0xD8, 0xD9, 0xDA, 0xC4, 0xFE
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_APP0, _APP1, _APP2, _APP13, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
# A marker that is neither a stuffed byte, nor a restart, nor fill: where entropy data ends too.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


class _Segment(NamedTuple):
    marker: int
    start: int  # of the marker
    body: int
    end: int  # of the entropy data after it, for a scan


@dataclass(frozen=True, slots=True)
class JpegFile:
    """Facts of the first picture in a JPEG file.

    Attributes:
        coding: Marker of its frame header: 0xC0 baseline, 0xC1 extended, 0xC2 progressive.
        bits: Sample precision.
        icc: The colour profile, put together from its pieces; b"" when there is none.
        labels: What would leave with the file.
        is_whole: An end marker was found.
    """

    width: int
    height: int
    coding: int
    bits: int
    components: int
    orientation: int
    icc: bytes
    labels: tuple[str, ...]
    is_whole: bool

    @property
    def is_baseline(self) -> bool:
        """Every decoder ever shipped in a phone reads it."""
        return self.coding == 0xC0  # noqa: PLR2004 - SOF0


def read_jpeg(data: bytes) -> JpegFile:
    """Facts of a JPEG.

    Raises:
        DamagedMedia: There is no frame header.
    """
    segments = _segments(data)
    frame = next((s for s in segments if s.marker in _FRAMES), None)
    if frame is None or frame.end - frame.body < 6:  # noqa: PLR2004 - precision, sides, component count
        raise DamagedMedia("image/jpeg: no frame header before the data ends; the file is not a whole JPEG")
    bits, height, width, components = struct.unpack_from(">BHHB", data, frame.body)
    whole = segments[-1].marker == _EOI
    orientation, labels = _told(data, segments)
    labels |= _trailer_labels(data[segments[-1].end :]) if whole else set()
    pieces = sorted(data[s.body + 12 : s.end] for s in segments if _is_icc(data, s))  # each starts with its number
    icc = b"".join(piece[2:] for piece in pieces)
    return JpegFile(width, height, frame.marker, bits, components, orientation, icc, tuple(sorted(labels)), whole)


def _told(data: bytes, segments: list[_Segment]) -> tuple[int, set[str]]:
    """Orientation and labels from the application segments."""
    labels: set[str] = set()
    orientation = 1
    for segment in segments:
        body = data[segment.body : segment.end]
        if segment.marker == _APP1 and body[:4] == b"Exif":
            exif = read_exif(body)
            labels.update(exif.labels or ("EXIF",))
            orientation = exif.orientation if orientation == 1 else orientation
        elif (label := _label(segment.marker, body)) is not None:
            labels.add(label)
    return orientation, labels


def strip_jpeg(data: bytes) -> bytes:
    """The first picture with everything a decoder needs and nothing else; its coded data is not touched."""
    pieces = [b"\xff\xd8"]
    for segment in _segments(data):
        body = data[segment.body : segment.body + 14]
        if segment.marker == _APP0:
            if body[:5] == b"JFIF\0":
                pieces.append(_JFIF[:11] + data[segment.body + 7 : segment.body + 12] + b"\0\0")
        elif (segment.marker == _APP14 and body[:5] == b"Adobe") or not (
            _APP0 <= segment.marker <= _APP15 or segment.marker == _COM
        ):
            pieces.append(data[segment.start : segment.end])
    return b"".join(pieces)


def _segments(data: bytes) -> list[_Segment]:
    """Segments of the first picture, from after SOI to EOI; stops where the data stops."""
    if data[:2] != b"\xff\xd8":
        raise DamagedMedia("image/jpeg: the data does not start with a JPEG marker")
    segments: list[_Segment] = []
    at = 2
    while (at := _marker_at(data, at)) >= 0:
        segment = _segment_at(data, at)
        at = segment.end
        if segment.marker not in _STANDALONE:
            segments.append(segment)
        if segment.marker == _EOI:
            break
    if not segments:
        raise DamagedMedia("image/jpeg: nothing after the first marker; the file is empty or cut short")
    return segments


def _marker_at(data: bytes, at: int) -> int:
    """Offset of the next marker, over stray and fill bytes as decoders go; -1 when there is none."""
    found = _NEXT_MARKER.search(data, at)
    return found.start() if found else -1


def _segment_at(data: bytes, at: int) -> _Segment:
    marker = data[at + 1]
    if marker == _EOI or marker in _STANDALONE:
        return _Segment(marker, at, at + 2, at + 2)
    end = min(at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big")), len(data))
    body = min(at + 4, end)
    if marker == _SOS:
        following = _NEXT_MARKER.search(data, end)
        end = following.start() if following else len(data)
    return _Segment(marker, at, body, end)


def _is_icc(data: bytes, segment: _Segment) -> bool:
    return segment.marker == _APP2 and data[segment.body : segment.body + 12] == b"ICC_PROFILE\0"


def _label(marker: int, body: bytes) -> str | None:
    if marker == _COM:
        return "comment"
    if marker == _APP1:
        return "XMP"
    if marker == _APP13:
        return "IPTC"
    if marker == _APP2 and body[:4] == b"MPF\0":
        return "further pictures"
    if marker == _APP0 and body[:5] == b"JFXX\0":
        return "thumbnail"
    return None


def _trailer_labels(trailer: bytes) -> set[str]:
    """What is hung on behind the picture."""
    if b"ftyp" in trailer[:4096] or b"MotionPhoto_Data" in trailer or b"\0\0\0\x18ftyp" in trailer:
        return {"motion photo"}
    if b"hdrgm" in trailer or b"urn:iso:std:iso:ts:21496" in trailer:
        return {"gain map"}
    if trailer[:2] == b"\xff\xd8":
        return {"further pictures"}
    return {"trailing data"} if trailer.strip(b"\0") else set()
