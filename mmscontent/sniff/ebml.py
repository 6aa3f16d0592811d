"""Reads WebM and Matroska by their EBML header, segment information and tracks. Source: RFC 8794, RFC 9559."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from mmscontent.containers.octets import be
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, bit_rate, frame_rate, milliseconds

# RFC 9559 5.1: element ids, with the mark of their length
_HEADER, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
# DocType of the header; TimestampScale and Duration of the segment information
_DOC_TYPE, _SCALE, _DURATION = 0x4282, 0x2AD7B1, 0x4489
# A track: type, codec, nanoseconds a frame, settings of video and of audio
_ENTRY, _TYPE, _CODEC, _FRAME_NS, _VIDEO, _AUDIO = 0xAE, 0x83, 0x86, 0x23E383, 0xE0, 0xE1
# Sides in pixels, sampling frequency, channels; time of a cluster
_WIDTH, _HEIGHT, _RATE, _CHANNELS, _TIMECODE = 0xB0, 0xBA, 0xB5, 0x9F, 0xE7
_MOST_ELEMENTS = 10_000
_MOST_TRACKS = 64
_CLUSTER_MARK = b"\x1f\x43\xb6\x75"
# RFC 9559 and the Matroska codec registry: CodecID
_CODECS = {"V_VP8": "vp8", "V_VP9": "vp9", "V_AV1": "av1", "V_MPEG4/ISO/AVC": "h264", "V_MPEGH/ISO/HEVC": "hevc"}
_CODECS |= {"V_THEORA": "theora", "V_MJPEG": "mjpeg", "A_OPUS": "opus", "A_VORBIS": "vorbis", "A_AAC": "aac"}
_CODECS |= {"A_MPEG/L3": "mp3", "A_FLAC": "flac", "A_AC3": "ac3", "A_PCM/INT/LIT": "pcm"}


class _Element(NamedTuple):
    id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _MatroskaTrack:
    kind: int = 0
    codec: str = ""
    fps: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    rate_hz: int | None = None
    channels: int | None = None


def read(source: SniffInput) -> MediaInfo | None:
    """A WebM or Matroska file."""
    data = source.data
    if data[:4] != _HEADER.to_bytes(4, "big"):
        return None
    # RFC 8794 8: the header comes first; its DocType says which format the segment is of.
    header, segment = None, None
    for element in _elements(data, 0, len(data)):
        header = element if element.id == _HEADER else header
        # The segment takes the rest of the file; what follows it is not needed.
        if element.id == _SEGMENT:
            segment = element
            break
    doc_type = _text(data, header, _DOC_TYPE) or "matroska"
    if segment is None or doc_type not in ("webm", "matroska"):
        raise DamagedMedia(f"an EBML file of type {doc_type!r} has no segment that can be read")
    duration_ms, tracks = _segment(data, segment)
    if not tracks:
        raise DamagedMedia("a Matroska file announces no tracks before its first cluster")
    return _described(source, doc_type, duration_ms or _last_cluster_ms(data, segment), tracks)


def _described(source: SniffInput, doc_type: str, duration_ms: int | None, tracks: list[_MatroskaTrack]) -> MediaInfo:
    # RFC 9559 5.1.4.1.3: track type 1 is video, 2 is audio.
    video = next((t for t in tracks if t.kind == 1), None)
    audio = next((t for t in tracks if t.kind == 2), None)  # RFC 9559 5.1.4.1.3
    major = "video" if video else "audio"
    info = source.info(f"{major}/webm" if doc_type == "webm" else f"{major}/x-matroska")
    if audio is not None:
        info = replace(info, channels=audio.channels, sample_rate_hz=audio.rate_hz, audio_codec=audio.codec)
    first = video or audio or tracks[0]
    return replace(
        info,
        width_px=first.width_px,
        height_px=first.height_px,
        codec=first.codec,
        fps=first.fps if video else None,
        duration_ms=duration_ms,
        bit_rate_bps=bit_rate(info.size_bytes, duration_ms),
    )


def _elements(data: bytes, at: int, end: int) -> Iterator[_Element]:
    for _ in range(_MOST_ELEMENTS):
        if at >= end:
            return
        # RFC 8794 5 and 6: the element id keeps its mark, the size of the data does not; all ones is an unknown size.
        name, at = _vint(data, at, keep_mark=True)
        size, at = _vint(data, at, keep_mark=False)
        stop = min(at + size, end) if size >= 0 else end
        yield _Element(name, at, stop)
        at = stop


def _vint(data: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """A variable-size integer (RFC 8794 4); -1 is the unknown size."""
    # RFC 8794 4: as many zeros as further octets, then a one as mark, then the value.
    first = be(data, at, 1)
    width = 9 - first.bit_length()
    if width > 8:  # no mark in the first octet
        raise DamagedMedia(f"ends its EBML structure at byte {at:,} with an impossible length")
    value = be(data, at, width)
    if not keep_mark:
        # The mark and the zeros in front of it are cut off; seven bits an octet are left.
        value &= (1 << 7 * width) - 1
        # Browsers that record live write segment and clusters with an unknown size.
        value = -1 if value == (1 << 7 * width) - 1 else value
    return value, at + width


def _segment(data: bytes, segment: _Element) -> tuple[int | None, list[_MatroskaTrack]]:
    duration_ms, tracks = None, []
    try:
        for element in _elements(data, segment.start, segment.end):
            if element.id == _INFO:
                # RFC 9559 5.1.2.9 and 5.1.2.10: nanoseconds a tick, by default a million; duration in ticks, a float.
                scale = _number(data, element, _SCALE) or 1_000_000
                duration_ms = milliseconds(_real(data, element, _DURATION) * scale, 1_000_000_000)
            elif element.id == _TRACKS:
                entries = (e for e in _elements(data, element.start, element.end) if e.id == _ENTRY)
                tracks = [_track(data, e) for e in islice(entries, _MOST_TRACKS)]
            # Clusters hold the frames; what describes them comes in front of the first.
            elif element.id == _CLUSTER and tracks:
                break
    except DamagedMedia:
        if not tracks:
            raise
    return duration_ms, tracks


def _track(data: bytes, entry: _Element) -> _MatroskaTrack:
    # RFC 9559 5.1.4.1: type, codec, nanoseconds a frame, then the settings of video or audio as elements of their own.
    per_frame_ns = _number(data, entry, _FRAME_NS)
    code = _text(data, entry, _CODEC)
    video, audio = _find(data, entry, _VIDEO), _find(data, entry, _AUDIO)
    return _MatroskaTrack(
        _number(data, entry, _TYPE),
        # An id may have a variant behind its last slash.
        _CODECS.get(code, _CODECS.get(code.rpartition("/")[0], code.lower())),
        frame_rate(1, per_frame_ns / 1e6),
        (_number(data, video, _WIDTH) if video else 0) or None,
        (_number(data, video, _HEIGHT) if video else 0) or None,
        # RFC 9559: the rate is 8000 Hz and there is one channel unless the elements say otherwise.
        (round(_real(data, audio, _RATE)) or 8000) if audio else None,
        (_number(data, audio, _CHANNELS) or 1) if audio else None,
    )


def _last_cluster_ms(data: bytes, segment: _Element) -> int | None:
    """Recorders in browsers leave the duration out: the time of the last cluster is the least it can be."""
    # The time counts ticks: milliseconds at the default scale, which browsers write.
    at = data.rfind(_CLUSTER_MARK, segment.start)
    try:
        cluster = next(_elements(data, at, segment.end), None) if at >= 0 else None
        return (_number(data, cluster, _TIMECODE) or None) if cluster else None
    except DamagedMedia:
        return None


def _find(data: bytes, parent: _Element, name: int) -> _Element | None:
    return next((e for e in _elements(data, parent.start, parent.end) if e.id == name), None)


def _number(data: bytes, parent: _Element, name: int) -> int:
    element = _find(data, parent, name)
    return be(data, element.start, min(element.end - element.start, 8)) if element else 0


def _real(data: bytes, parent: _Element, name: int) -> float:
    element = _find(data, parent, name)
    if element is None or element.end - element.start not in (4, 8):
        return 0.0
    body = data[element.start : element.end]
    # RFC 8794 7.3: a float of four or eight octets, big-endian.
    value: float = struct.unpack(">f" if len(body) == 4 else ">d", body)[0]
    return value if 0 < value < 1e15 else 0.0  # neither infinity nor nonsense


def _text(data: bytes, parent: _Element | None, name: int) -> str:
    element = _find(data, parent, name) if parent else None
    # A string may be filled up with zeros.
    return data[element.start : min(element.end, element.start + 100)].decode("latin-1").rstrip("\0") if element else ""
