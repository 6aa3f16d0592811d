"""Reads RIFF files: WebP (RFC 9649), WAVE (RFC 2361), Microsoft's AVI, QCELP (RFC 3625), and MIDI in RIFF."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from mmscontent.containers.octets import Chunk, has_data, le
from mmscontent.containers.riff import FORM_BYTES, chunks, webp_chunks
from mmscontent.containers.tiff_exif import TiffHeader, read_exif
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, frame_rate, milliseconds, printable, unique

# WAVEFORMATEX format tags (RFC 2361 annex A)
_WAVE_CODECS = {1: "pcm", 2: "adpcm-ms", 3: "pcm-float", 6: "alaw", 7: "ulaw", 0x11: "adpcm-ima", 0x31: "gsm"}
_WAVE_CODECS |= {0x45: "g726", 0x50: "mp2", 0x55: "mp3", 0xFF: "aac", 0x161: "wma", 0x2000: "ac3"}
# BITMAPINFOHEADER compressions, in lower case
_AVI_CODECS = {b"h264": "h264", b"avc1": "h264", b"x264": "h264", b"h263": "h263", b"hevc": "hevc", b"mjpg": "mjpeg"}
_AVI_CODECS |= dict.fromkeys((b"xvid", b"divx", b"dx50", b"fmp4", b"mp4v"), "mpeg4") | {b"vp80": "vp8"}


def read(source: SniffInput) -> MediaInfo | None:
    """Whatever RIFF form we know."""
    data = source.data
    # The form type stands behind "RIFF" and the size.
    form = _FORMS.get(data[8:12]) if data[:4] == b"RIFF" else None
    if form is None:
        return None
    info = form(source)
    announced = le(data, 4, 4) + 8  # the size counts what follows it
    if announced > len(data):
        missing = f"it announces {announced:,} bytes and has {len(data):,}, it is cut short"
        info = replace(info, notes=(*info.notes, missing))
    return info


def _webp(source: SniffInput) -> MediaInfo:
    data = source.data
    found = list(islice(webp_chunks(data), source.limits.max_frames + 50))
    # RFC 9649 2.5 to 2.7: a simple file is one VP8 or VP8L chunk; an extended one begins with VP8X and its canvas.
    first = next((c for c in found if c.kind in _WEBP_SIDES), None)
    if first is None:
        raise DamagedMedia("image/webp holds no picture chunk")
    width, height = _WEBP_SIDES[first.kind](data, first.body)
    # RFC 9649 2.7.1.1: a frame's position and sides take twelve octets, then 24 bits of milliseconds.
    delays = [le(data, c.body + 12, 3) for c in found if c.kind == b"ANMF" and c.end - c.body >= 16]
    # RFC 9649 2.7.1.5: metadata lies in chunks of its own, "EXIF" and "XMP ".
    exif = next((read_exif(data[c.body : c.end]) for c in found if c.kind == b"EXIF"), TiffHeader())
    words = [*exif.metadata, *("XMP" for c in found if c.kind == b"XMP ")]
    if has_data(data, 8 + le(data, 4, 4)):
        words.append("trailing data")
    total = sum(delays)
    return replace(
        source.info("image/webp"),
        width_px=width,
        height_px=height,
        orientation=exif.orientation or 1,
        frames=max(1, len(delays)),
        duration_ms=total if len(delays) > 1 else None,
        fps=frame_rate(len(delays), total) if len(delays) > 1 else None,
        codec="vp8l" if any(c.kind == b"VP8L" for c in found) else "vp8",
        # The first chunk tells which of the three forms of file it is.
        profile={b"VP8X": "extended", b"VP8L": "lossless", b"VP8 ": "lossy"}[first.kind],
        notes=exif.notes,
        metadata=unique(words),
    )


def _vp8x_sides(data: bytes, at: int) -> tuple[int, int]:
    # RFC 9649 2.7: flags and reserved bits, then width and height less one, 24 bits each.
    return le(data, at + 4, 3) + 1, le(data, at + 7, 3) + 1


def _vp8_sides(data: bytes, at: int) -> tuple[int, int]:
    # RFC 6386 9.1: a frame tag of three octets, a start code, then 14 bits a side with two bits of scaling on top.
    if data[at + 3 : at + 6] != b"\x9d\x01\x2a":
        raise DamagedMedia("image/webp: its VP8 picture has no start code")
    return le(data, at + 6, 2) & 0x3FFF, le(data, at + 8, 2) & 0x3FFF


def _vp8l_sides(data: bytes, at: int) -> tuple[int, int]:
    # RFC 9649 3.4: a signature octet, then 14 bits each of width and height less one.
    if le(data, at, 1) != 0x2F:
        raise DamagedMedia("image/webp: its VP8L picture has no signature")
    # Width is the lower 14 bits, height the next 14; alpha hint and version lie above.
    bits = le(data, at + 1, 4)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


_WEBP_SIDES = {b"VP8X": _vp8x_sides, b"VP8 ": _vp8_sides, b"VP8L": _vp8l_sides}


def _wave(source: SniffInput) -> MediaInfo:
    data = source.data
    found = {c.kind: c for c in chunks(data, FORM_BYTES, len(data))}
    fmt = found.get(b"fmt ")
    if fmt is None or fmt.end - fmt.body < 16:
        raise DamagedMedia("audio/wav has no format chunk")
    # WAVEFORMATEX: tag, channels, sampling rate, octets a second, block size, bits a sample.
    tag, channels, rate, byte_rate = (le(data, fmt.body + i, n) for i, n in ((0, 2), (2, 2), (4, 4), (8, 4)))
    if tag == 0xFFFE and fmt.end - fmt.body >= 26:  # WAVE_FORMAT_EXTENSIBLE: the tag begins the GUID at octet 24
        tag = le(data, fmt.body + 24, 2)
    # Octets a second hold for compressed codecs, too, so the `fact` chunk with the count of samples is not needed.
    body = found.get(b"data")
    # A LIST of the type INFO holds texts under four-letter names; IART is the artist.
    words = ["author" for c in found.values() if c.kind == b"LIST" and b"IART" in data[c.body : c.body + 4096]]
    words += ["ID3 tag" for kind in found if kind.lower() == b"id3 "]
    return replace(
        source.info("audio/wav"),
        codec=_WAVE_CODECS.get(tag, f"wave 0x{tag:04x}"),
        # Offset 14: bits a sample.
        profile=f"{le(data, fmt.body + 14, 2)}-bit",
        channels=channels,
        sample_rate_hz=rate,
        bit_rate_bps=byte_rate * 8,
        duration_ms=milliseconds(body.end - body.body, byte_rate) if body is not None else None,
        metadata=unique(words),
    )


def _avi(source: SniffInput) -> MediaInfo:
    data = source.data
    # AVI RIFF reference: the list `hdrl` holds the main header `avih` and a list `strl` for each stream.
    header = next((c for c in chunks(data, FORM_BYTES, len(data)) if data[c.body : c.body + 4] == b"hdrl"), None)
    if header is None:
        raise DamagedMedia("video/x-msvideo has no header list")
    info = source.info("video/x-msvideo")
    for chunk in chunks(data, header.body + 4, header.end):
        if chunk.kind == b"avih":
            # AVIMAINHEADER: microseconds a frame first, count of frames at 16, width and height at 32.
            per_frame_us, frames = le(data, chunk.body, 4), le(data, chunk.body + 16, 4)
            info = replace(
                info,
                width_px=le(data, chunk.body + 32, 4),
                height_px=le(data, chunk.body + 36, 4),
                fps=frame_rate(1, per_frame_us / 1000),
                duration_ms=milliseconds(per_frame_us * frames, 1_000_000),
            )
        # A list: "LIST", size, list type, then chunks; `strl` holds a header `strh` and a format `strf`.
        elif chunk.kind == b"LIST" and data[chunk.body : chunk.body + 4] == b"strl":
            info = _with_avi_stream(info, data, {c.kind: c for c in chunks(data, chunk.body + 4, chunk.end)})
    return info


def _with_avi_stream(info: MediaInfo, data: bytes, found: dict[bytes, Chunk]) -> MediaInfo:
    header, form = found.get(b"strh"), found.get(b"strf")
    if header is None or form is None:
        return info
    # AVISTREAMHEADER begins with the type of the stream: `vids`, `auds`, `mids` or `txts`.
    kind = data[header.body : header.body + 4]
    if kind == b"vids":
        # BITMAPINFOHEADER: the compression is the four-character code at 16.
        compression = data[form.body + 16 : form.body + 20]
        return replace(info, codec=_AVI_CODECS.get(compression.lower(), printable(compression).lower() or "raw"))
    if kind != b"auds":
        return info
    # The format of an audio stream is a WAVEFORMATEX: tag, channels at 2, rate at 4.
    tag = le(data, form.body, 2)
    return replace(
        info,
        audio_codec=_WAVE_CODECS.get(tag, f"wave 0x{tag:04x}"),
        channels=le(data, form.body + 2, 2),
        sample_rate_hz=le(data, form.body + 4, 4),
    )


def _qcelp(source: SniffInput) -> MediaInfo:
    data = source.data
    # RFC 3625 3: fmt holds major, minor, GUID, version, an 80 octet name, then average bits per second.
    rate = le(data, FORM_BYTES + 8 + 2 + 16 + 2 + 80, 2) if len(data) > 122 else 0
    chunk = next((c for c in chunks(data, FORM_BYTES, len(data)) if c.kind == b"data"), None)
    return replace(
        source.info("audio/qcelp"),
        codec="qcelp",
        channels=1,
        sample_rate_hz=8000,
        bit_rate_bps=rate or None,
        duration_ms=milliseconds((chunk.end - chunk.body) * 8, rate) if chunk else None,
    )


def _midi(source: SniffInput) -> MediaInfo:
    # The chunk `data` of the form RMID holds a whole Standard MIDI File.
    return replace(source.info("audio/midi"), codec="midi", notes=("its notes lie in a RIFF file",))


_FORMS = {b"WEBP": _webp, b"WAVE": _wave, b"AVI ": _avi, b"QLCM": _qcelp, b"RMID": _midi}
