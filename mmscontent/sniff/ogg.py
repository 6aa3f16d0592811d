"""Reads Ogg (RFC 3533): the first packet of each stream says what it is, the last page how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mmscontent.containers.octets import be, le
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, bit_rate, milliseconds

_MOST_STREAMS = 32
_TAIL_BYTES = 1_000_000
_NO_GRANULE = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class _Stream:
    serial: bytes
    codec: str
    per_second: float = 0.0
    skip: int = 0
    width_px: int | None = None
    height_px: int | None = None
    rate_hz: int | None = None
    channels: int | None = None
    bit_rate_bps: int | None = None


def read(source: SniffInput) -> MediaInfo | None:
    """An Ogg file: Opus, Vorbis, Speex or FLAC, or Theora with one of them."""
    data = source.data
    if data[:4] != b"OggS":
        return None
    packets = list(_first_packets(data))
    streams = [_READERS[mark](*packet) for packet in packets for mark in _READERS if packet[1].startswith(mark)]
    if not streams:
        raise DamagedMedia("an Ogg file holds no stream we know")
    # Only Theora has sides.
    video = next((s for s in streams if s.width_px is not None), None)
    audio = next((s for s in streams if s.width_px is None), None)
    first = video or streams[0]
    # Granules of audio count samples; those of Theora join two frame counts, so audio gives the length.
    timed = audio or first
    # Opus decodes the pre-skip and throws it away.
    duration_ms = milliseconds(_last_granule(data, timed.serial) - timed.skip, timed.per_second)
    info = replace(
        source.info("video/ogg" if video else "audio/ogg"),
        width_px=first.width_px,
        height_px=first.height_px,
        fps=round(video.per_second, 3) or None if video else None,
        codec=first.codec,
        duration_ms=duration_ms,
        bit_rate_bps=first.bit_rate_bps or bit_rate(len(data), duration_ms),
    )
    if audio is None:
        return info
    return replace(info, channels=audio.channels, sample_rate_hz=audio.rate_hz, audio_codec=audio.codec)


def _first_packets(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Serial number and body of the pages that begin a stream; they come before all others (RFC 3533 4)."""
    at = 0
    for _ in range(_MOST_STREAMS):
        # RFC 3533 6: capture pattern, version, header type (2: first page of a stream), granule position at 6,
        # serial number at 14, sequence, checksum, count of segments at 26, then the segment table.
        if data[at : at + 4] != b"OggS" or not be(data, at + 5, 1) & 2:
            return
        count = be(data, at + 26, 1)
        start = at + 27 + count
        # The segment table has one octet of length a segment; the first packet of a stream is alone on its page.
        size = sum(data[at + 27 : start])
        yield data[at + 14 : at + 18], data[start : start + size]
        at = start + size


def _opus(serial: bytes, packet: bytes) -> _Stream:
    # RFC 7845 5.1: version, channels at 9, pre-skip at 10; granules always count 48 kHz (4).
    # The rate in the header is only that of the original.
    return _Stream(serial, "opus", 48000, le(packet, 10, 2), rate_hz=48000, channels=be(packet, 9, 1))


def _vorbis(serial: bytes, packet: bytes) -> _Stream:
    # Vorbis I 4.2.2: version at 7, channels at 11, rate at 12, then maximum, nominal and minimum bit rate.
    rate, nominal = le(packet, 12, 4), le(packet, 20, 4)
    # The rates are signed: 0 and negative ones are not set.
    nominal_rate = nominal if 0 < nominal < 1 << 31 else None
    return _Stream(serial, "vorbis", rate, rate_hz=rate, channels=be(packet, 11, 1), bit_rate_bps=nominal_rate)


def _speex(serial: bytes, packet: bytes) -> _Stream:
    # Speex header: sampling rate at 36, channels at 48.
    rate = le(packet, 36, 4)
    return _Stream(serial, "speex", rate, rate_hz=rate, channels=le(packet, 48, 4))


def _flac(serial: bytes, packet: bytes) -> _Stream:
    # 7F "FLAC", version and count of headers, then at 9 "fLaC" and a block header of four octets.
    # The stream information follows at 17: ten octets of sizes, then 20 bits of rate and 3 of channels less one.
    bits = be(packet, 27, 4)
    rate = bits >> 12
    return _Stream(serial, "flac", rate, rate_hz=rate, channels=(bits >> 9 & 7) + 1)


def _theora(serial: bytes, packet: bytes) -> _Stream:
    # Theora 6.2: picture sides of 24 bits at 14 and 17, frame rate as a fraction at 22 and 26.
    width, height = be(packet, 14, 3), be(packet, 17, 3)
    per_second = be(packet, 22, 4) / (be(packet, 26, 4) or 1)
    return _Stream(serial, "theora", per_second, width_px=width, height_px=height)


_READERS = {b"OpusHead": _opus, b"\x01vorbis": _vorbis, b"Speex   ": _speex, b"\x7fFLAC": _flac, b"\x80theora": _theora}


def _last_granule(data: bytes, serial: bytes) -> int:
    """Position at the end of the stream's last page; 0 when none is found near the end."""
    end = len(data)
    earliest = max(0, end - _TAIL_BYTES)
    # RFC 3533 6: a granule position of all ones says that no packet ends on the page.
    while (at := data.rfind(b"OggS", earliest, end)) >= 0:
        # Pages of several streams are interleaved: the last page of the file may belong to another one.
        if data[at + 14 : at + 18] == serial and (granule := le(data, at + 6, 8)) != _NO_GRANULE:
            return granule
        end = at
    return 0
