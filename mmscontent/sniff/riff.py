"""RIFF: WebP, WAV, AVI, QCELP and MIDI in RIFF, by their chunks.

`profile` of a WebP says `lossy`, `lossless` or `extended`. Sources: RFC 9649 (WebP), RFC 2361 (WAVE codecs),
Microsoft's AVI RIFF reference, RFC 3625 (QCP).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mmscontent.errors import DamagedMedia
from mmscontent.sniff.reader import frame_rate, le, milliseconds, printable, unique
from mmscontent.sniff.tiff import TiffHeader, read_exif

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.message import MediaInfo
    from mmscontent.sniff.reader import Source

__all__ = ["read"]

_MOST_CHUNKS = 100_000
_WAVE_CODECS = {
    1: "pcm",
    2: "adpcm-ms",
    3: "pcm-float",
    6: "alaw",
    7: "ulaw",
    0x11: "adpcm-ima",
    0x31: "gsm",
    0x45: "g726",
    0x50: "mp2",
    0x55: "mp3",
    0xFF: "aac",
    0x161: "wma",
    0x2000: "ac3",
}
_AVI_CODECS = {
    b"h264": "h264",
    b"avc1": "h264",
    b"x264": "h264",
    b"mjpg": "mjpeg",
    b"xvid": "mpeg4",
    b"divx": "mpeg4",
    b"dx50": "mpeg4",
    b"fmp4": "mpeg4",
    b"mp4v": "mpeg4",
    b"h263": "h263",
    b"hevc": "hevc",
    b"vp80": "vp8",
}


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int


def read(source: Source) -> MediaInfo | None:
    """Whatever RIFF form we know."""
    data = source.data
    form = _FORMS.get(data[8:12]) if data[:4] == b"RIFF" else None
    if form is None:
        return None
    info = form(source)
    announced = le(data, 4, 4) + 8
    if announced > len(data):
        missing = f"it announces {announced:,} bytes and has {len(data):,}, it is cut short"
        info = replace(info, notes=(*info.notes, missing))
    return info


def _chunks(data: bytes, at: int, end: int) -> Iterator[_Chunk]:
    for _ in range(_MOST_CHUNKS):
        if at + 8 > end:
            return
        size = le(data, at + 4, 4)
        yield _Chunk(data[at : at + 4], at + 8, min(at + 8 + size, end))
        at += 8 + size + (size & 1)


def _webp(source: Source) -> MediaInfo:
    data = source.data
    chunks = [c for c, _ in zip(_chunks(data, 12, len(data)), range(source.limits.max_frames + 50), strict=False)]
    first = next((c for c in chunks if c.kind in _WEBP_SIDES), None)
    if first is None:
        raise DamagedMedia("image/webp holds no picture chunk")
    width, height = _WEBP_SIDES[first.kind](data, first.start)
    delays = [
        le(data, c.start + 12, 3) for c in chunks if c.kind == b"ANMF" and c.end - c.start >= 16
    ]  # the frame header
    exif = next((read_exif(data[c.start : c.end]) for c in chunks if c.kind == b"EXIF"), TiffHeader())
    words = [*exif.metadata, *("XMP" for c in chunks if c.kind == b"XMP ")]
    total = sum(delays)
    return replace(
        source.info("image/webp"),
        width_px=width,
        height_px=height,
        orientation=exif.orientation or 1,
        frames=max(1, len(delays)),
        duration_ms=total if len(delays) > 1 else None,
        fps=frame_rate(len(delays), total) if len(delays) > 1 else None,
        codec="vp8l" if any(c.kind == b"VP8L" for c in chunks) else "vp8",
        profile={b"VP8X": "extended", b"VP8L": "lossless", b"VP8 ": "lossy"}[first.kind],
        notes=exif.notes,
        metadata=unique(words),
    )


def _vp8x_sides(data: bytes, at: int) -> tuple[int, int]:
    return le(data, at + 4, 3) + 1, le(data, at + 7, 3) + 1


def _vp8_sides(data: bytes, at: int) -> tuple[int, int]:
    if data[at + 3 : at + 6] != b"\x9d\x01\x2a":
        raise DamagedMedia("image/webp: its VP8 picture has no start code")
    return le(data, at + 6, 2) & 0x3FFF, le(data, at + 8, 2) & 0x3FFF


def _vp8l_sides(data: bytes, at: int) -> tuple[int, int]:
    if le(data, at, 1) != 0x2F:  # RFC 9649 3.4
        raise DamagedMedia("image/webp: its VP8L picture has no signature")
    bits = le(data, at + 1, 4)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


_WEBP_SIDES = {b"VP8X": _vp8x_sides, b"VP8 ": _vp8_sides, b"VP8L": _vp8l_sides}


def _wave(source: Source) -> MediaInfo:
    data = source.data
    chunks = {c.kind: c for c in _chunks(data, 12, len(data))}
    fmt = chunks.get(b"fmt ")
    if fmt is None or fmt.end - fmt.start < 16:  # WAVEFORMAT
        raise DamagedMedia("audio/wav has no format chunk")
    tag, channels, rate, byte_rate = (le(data, fmt.start + i, n) for i, n in ((0, 2), (2, 2), (4, 4), (8, 4)))
    if tag == 0xFFFE and fmt.end - fmt.start >= 26:  # WAVE_FORMAT_EXTENSIBLE: the tag is in the GUID
        tag = le(data, fmt.start + 24, 2)
    body = chunks.get(b"data", _Chunk(b"data", 0, 0))
    words = ["author" for c in chunks.values() if c.kind == b"LIST" and b"IART" in data[c.start : c.start + 4096]]
    words += ["ID3 tag" for kind in chunks if kind.lower() == b"id3 "]
    return replace(
        source.info("audio/wav"),
        codec=_WAVE_CODECS.get(tag, f"wave 0x{tag:04x}"),
        profile=f"{le(data, fmt.start + 14, 2)}-bit",
        channels=channels,
        sample_rate_hz=rate,
        bit_rate_bps=byte_rate * 8,
        duration_ms=milliseconds(body.end - body.start, byte_rate),
        metadata=unique(words),
    )


def _avi(source: Source) -> MediaInfo:
    data = source.data
    header = next((c for c in _chunks(data, 12, len(data)) if data[c.start : c.start + 4] == b"hdrl"), None)
    if header is None:
        raise DamagedMedia("video/x-msvideo has no header list")
    info = source.info("video/x-msvideo")
    for chunk in _chunks(data, header.start + 4, header.end):
        if chunk.kind == b"avih":
            per_frame_us, frames = le(data, chunk.start, 4), le(data, chunk.start + 16, 4)
            info = replace(
                info,
                width_px=le(data, chunk.start + 32, 4),
                height_px=le(data, chunk.start + 36, 4),
                fps=frame_rate(1, per_frame_us / 1000),
                duration_ms=milliseconds(per_frame_us * frames, 1_000_000),
            )
        elif chunk.kind == b"LIST" and data[chunk.start : chunk.start + 4] == b"strl":
            info = _avi_stream(info, data, {c.kind: c for c in _chunks(data, chunk.start + 4, chunk.end)})
    return info


def _avi_stream(info: MediaInfo, data: bytes, chunks: dict[bytes, _Chunk]) -> MediaInfo:
    head, form = chunks.get(b"strh"), chunks.get(b"strf")
    if head is None or form is None:
        return info
    if data[head.start : head.start + 4] == b"vids":
        compression = data[form.start + 16 : form.start + 20]
        return replace(info, codec=_AVI_CODECS.get(compression.lower(), printable(compression).lower() or "raw"))
    if data[head.start : head.start + 4] != b"auds":
        return info
    tag = le(data, form.start, 2)
    return replace(
        info,
        audio_codec=_WAVE_CODECS.get(tag, f"wave 0x{tag:04x}"),
        channels=le(data, form.start + 2, 2),
        sample_rate_hz=le(data, form.start + 4, 4),
    )


def _qcelp(source: Source) -> MediaInfo:
    # RFC 3625 3: fmt holds major, minor, GUID, version, an 80 octet name, then average bits per second
    data = source.data
    rate = le(data, 12 + 8 + 2 + 16 + 2 + 80, 2) if len(data) > 122 else 0
    chunk = next((c for c in _chunks(data, 12, len(data)) if c.kind == b"data"), None)
    return replace(
        source.info("audio/qcelp"),
        codec="qcelp",
        channels=1,
        sample_rate_hz=8000,
        bit_rate_bps=rate or None,
        duration_ms=milliseconds((chunk.end - chunk.start) * 8, rate) if chunk else None,
    )


def _midi(source: Source) -> MediaInfo:
    return replace(source.info("audio/midi"), codec="midi", notes=("its notes lie in a RIFF file",))


_FORMS = {b"WEBP": _webp, b"WAVE": _wave, b"AVI ": _avi, b"QLCM": _qcelp, b"RMID": _midi}
