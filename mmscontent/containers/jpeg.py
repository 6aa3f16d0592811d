"""Walks the marker segments of a JPEG file, and says which of them are metadata.

Sources: ITU-T T.81 (ISO/IEC 10918-1) annex B, JFIF 1.02, CIPA DC-007 (MPF), Google's Motion Photo and Ultra HDR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mmscontent.containers.metadata_words import MetadataWord
from mmscontent.containers.octets import be, has_data
from mmscontent.errors import OverLimits

_MOST_SEGMENTS = 2_000  # in front of the first scan; a picture with a large profile has some 300
# T.81 table B.1
SOS, EOI, COM = 0xDA, 0xD9, 0xFE
APP0, APP1, APP2, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
# Not a marker: the data of a scan, which T.81 B.1.1.5 lays behind its header.
ENTROPY_DATA = 0x00
# T.81 B.1.1.3: TEM, RST0 to RST7 and SOI stand alone, without a length.
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
# T.81 B.1.1.2: any number of FF may fill up in front of a marker; B.1.1.5: FF 00 in entropy data is a stuffed byte,
# and restart markers belong to it. QUIRK: cameras pad between segments; decoders skip to the next marker, too.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# T.81 table B.1: SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC).
_PROCESSES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless"}
_PROCESSES |= dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical")
_PROCESSES |= dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic")
# Ultra HDR's XMP prefix, Apple's name, Adobe's namespace, and the URN of ISO 21496-1.
_GAIN_MAP_MARKS = (b"hdrgm:", b"HDRGainMap", b"ns.adobe.com/hdr-gain-map", b"urn:iso:std:iso:ts:21496")
# Names in the XMP of Google's two formats; MicroVideo is the older one.
_MOTION_MARKS = (b"MotionPhoto", b"MicroVideo")


class Segment(NamedTuple):
    """A marker with its parameters at data[body:end], or the entropy-coded data of a scan."""

    marker: int
    start: int
    body: int
    end: int


class FrameHeader(NamedTuple):
    """What the first frame header says (T.81 B.2.2); `bits` is the precision of a sample."""

    process: str  # a value of _PROCESSES
    bits: int
    height: int
    width: int
    components: int
    samplings: bytes  # one octet a component: horizontal and vertical factor

    @property
    def is_baseline(self) -> bool:
        """Every decoder ever shipped in a phone reads it."""
        return self.process == "baseline"


def segments(data: bytes) -> Iterator[Segment]:
    """Segments of the first picture from behind SOI up to EOI or the end; OverLimits for too many before a scan."""
    # SOI, FF D8, takes the first two octets and has no length.
    at, count, in_scans = 2, 0, False
    while (found := _NEXT_MARKER.search(data, at)) is not None:
        at = found.start()
        marker = data[at + 1]
        if marker in _STANDALONE:
            at += 2
            continue
        if marker == EOI:
            # What follows EOI is no part of this picture: further pictures, gain maps and motion videos lie there.
            yield Segment(EOI, at, at + 2, at + 2)
            return
        # B.1.1.4: the length counts its own two octets; one under 2 is nonsense and is stepped over.
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = min(at + 2 + max(2, length), len(data))
        yield Segment(marker, at, min(at + 4, end), end)
        at, count = end, count + 1
        if marker == SOS:
            # B.2.1: the scan's data, never decoded here, reaches up to the next marker that is no restart.
            following = _NEXT_MARKER.search(data, end)
            at = following.start() if following is not None else len(data)
            yield Segment(ENTROPY_DATA, end, end, at)
            in_scans = True
        elif count > _MOST_SEGMENTS and not in_scans:
            raise OverLimits(f"image/jpeg has over {_MOST_SEGMENTS:,} segments before its first scan")


def frame_header(data: bytes) -> FrameHeader | None:
    """Read the first frame header in front of the first scan; None when there is none."""
    for segment in segments(data):
        if segment.marker == SOS:
            break
        if segment.marker in _PROCESSES and segment.end - segment.body >= 6:  # up to the number of components
            # Offset 0: precision; 1: lines, two octets; 3: samples a line, two octets; 5: count of components.
            bits, height, width = (be(data, segment.body + i, n) for i, n in ((0, 1), (1, 2), (3, 2)))
            # Three octets a component: identifier, sampling factors, quantisation table.
            samplings = data[segment.body + 7 : segment.end : 3]
            return FrameHeader(_PROCESSES[segment.marker], bits, height, width, data[segment.body + 5], samplings)
    return None


def icc_profile(data: bytes) -> bytes:
    """Put the colour profile together from its pieces in APP2; b"" when there is none."""
    pieces = []
    for segment in segments(data):
        if segment.marker == SOS:  # decoders collect the profile while they read the header
            break
        # ICC.1 B.4: the name, the number of the piece from 1, the count of pieces, then the piece.
        if segment.marker == APP2 and data[segment.body : segment.body + 12] == b"ICC_PROFILE\0":
            # A profile over 65,519 octets is split, and the pieces may stand in any order.
            pieces.append(data[segment.body + 12 : segment.end])
    # Number and count are the first two octets of each piece, so plain sorting puts them in order.
    return b"".join(piece[2:] for piece in sorted(pieces))


def metadata_of(data: bytes, segment: Segment) -> list[MetadataWord]:
    """Say what a segment gives away; EXIF is read by `tiff_exif`."""
    if segment.marker == COM:
        return ["comment"]
    reader = _APP_READERS.get(segment.marker)
    return reader(data[segment.body : segment.end]) if reader is not None else []


def _app0(body: bytes) -> list[MetadataWord]:
    return ["thumbnail"] if body[:5] == b"JFXX\0" else []  # JFIF 1.02: the extension segment holds nothing else


def _app1(body: bytes) -> list[MetadataWord]:
    # APP1 begins with the name of what it holds: "Exif" and two zeros, or the URI of XMP and a zero.
    if body[:4] == b"Exif":
        return []
    # XMP is text; gain maps and motion videos are announced by their names in it.
    found: list[MetadataWord] = ["XMP"]
    if any(mark in body for mark in _GAIN_MAP_MARKS):
        found.append("gain map")
    if any(mark in body for mark in _MOTION_MARKS):
        found.append("motion photo video")
    return found


def _app2(body: bytes) -> list[MetadataWord]:
    found: list[MetadataWord] = ["further pictures"] if body[:4] == b"MPF\0" else []  # DC-007: the index of an MPO
    if any(mark in body[:64] for mark in _GAIN_MAP_MARKS):
        found.append("gain map")
    return found


def _app13(body: bytes) -> list[MetadataWord]:
    # Photoshop's image resources; number 0404 is the one that holds IPTC.
    # A resource: "8BIM", number, name, size, data.
    return ["IPTC" if b"8BIM\x04\x04" in body or body[:13] != b"Photoshop 3.0" else "Photoshop data"]


_APP_READERS = {APP0: _app0, APP1: _app1, APP2: _app2, APP13: _app13}


def trailer_metadata(trailer: bytes) -> list[MetadataWord]:
    """Say what is appended behind the end of the first picture."""
    if not has_data(trailer, 0):
        return []
    # A motion photo's video is an ISO file: a sane `ftyp` box is looked for, or Samsung's name for it.
    if _has_iso_file(trailer) or b"MotionPhoto_Data" in trailer:
        return ["motion photo video"]
    # Ultra HDR: the second picture says in its own XMP, or by the number of ISO 21496-1, that it is a gain map.
    if b"hdrgm" in trailer or b"urn:iso:std:iso:ts:21496" in trailer:
        return ["gain map"]
    # An MPO appends whole JPEG files; each begins with SOI, FF D8.
    return ["further pictures" if trailer[:2] == b"\xff\xd8" else "trailing data"]


def _has_iso_file(trailer: bytes) -> bool:
    # "ftyp" also occurs by chance in coded pictures; there size and brand do not fit.
    at = trailer.find(b"ftyp")
    while at >= 0:
        # ISO/IEC 14496-12 4.3: size, type, main brand; real ones list fewer than sixty brands.
        if 16 <= int.from_bytes(trailer[max(0, at - 4) : at], "big") <= 256 and trailer[at + 4 : at + 7].isalnum():
            return True
        at = trailer.find(b"ftyp", at + 4)
    return False
