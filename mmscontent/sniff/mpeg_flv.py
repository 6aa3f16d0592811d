"""Reads MPEG transport and program streams (ISO/IEC 13818-1), and FLV (Adobe FLV 10.1), by their first packets."""

from __future__ import annotations

import struct
from dataclasses import replace

from mmscontent.containers.octets import be
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, bit_rate, milliseconds

_SYNC = 0x47
_SURE_PACKETS = 5
_SEARCHED_PACKETS = 5_000
# Stream types of a program map; 80 and up are private, 81 is what ATSC uses for AC-3
_TS_VIDEO = {0x01: "mpeg1", 0x02: "mpeg2", 0x10: "mpeg4", 0x1B: "h264", 0x24: "hevc"}
_TS_AUDIO = {0x03: "mp2", 0x04: "mp2", 0x0F: "aac", 0x11: "aac", 0x81: "ac3"}
# FLV: lower half of a picture's first octet, upper half of a sound's
_FLV_VIDEO = {2: "h263", 4: "vp6", 5: "vp6", 7: "h264"}
_FLV_AUDIO = {0: "pcm", 2: "mp3", 3: "pcm", 10: "aac", 11: "speex"}
_PCR_HZ = 90_000


def read_transport_stream(source: SniffInput) -> MediaInfo | None:
    """MPEG-TS: packets of 188 octets, or of 192 with a time stamp in front (Blu-ray, AVCHD)."""
    data = source.data
    # Every packet begins with 47; cameras put a time stamp of four octets in front of each.
    for size, head in ((188, 0), (192, 4)):
        packets = min(_SURE_PACKETS, len(data) // size)
        if packets > 1 and all(data[head + i * size] == _SYNC for i in range(packets)):
            return _transport(source, size, head)
    return None


def _transport(source: SniffInput, size: int, head: int) -> MediaInfo:
    data = source.data
    programs, streams = set[int](), set[int]()
    first_pcr = None
    for at in range(head, min(len(data) - size + 1, size * _SEARCHED_PACKETS), size):
        # 13818-1 2.4.3.2: sync octet, three flags and 13 bits of packet id, scrambling, adaptation, counter.
        pid = be(data, at + 1, 2) & 0x1FFF
        first_pcr = _pcr(data, at) if first_pcr is None else first_pcr
        # Packet id 0 is the program association table, which names the packets of the program maps.
        if pid == 0:
            programs |= _sections(data, at, size - head, table=0)
        elif pid in programs:
            streams |= _sections(data, at, size - head, table=2)
            if streams and first_pcr is not None:
                break
    codec = next((_TS_VIDEO[s] for s in sorted(streams) if s in _TS_VIDEO), None)
    audio = next((_TS_AUDIO[s] for s in sorted(streams) if s in _TS_AUDIO), None)
    last = _last_pcr(data, size, head)
    # The clock has 33 bits: it starts again at 0 after 26.5 hours.
    length = (last - first_pcr) & (1 << 33) - 1 if last is not None and first_pcr is not None else 0
    duration_ms = milliseconds(length, _PCR_HZ)
    # Sides lie inside the coded pictures alone.
    return replace(
        source.info("video/mp2t"),
        codec=codec or audio,
        audio_codec=audio,
        duration_ms=duration_ms,
        bit_rate_bps=bit_rate(len(data), duration_ms),
    )


def _sections(data: bytes, at: int, size: int, *, table: int) -> set[int]:
    """Program numbers' packet ids of a PAT (table 0), or stream types of a PMT (table 2), of one packet."""
    # 2.4.3.4: bit 5 announces an adaptation field, which begins with its length.
    start = at + 4 + (1 + be(data, at + 4, 1) if be(data, at + 3, 1) & 0x20 else 0)
    # 2.4.3.2: bit 6 of the second octet says that a section begins in this packet.
    if not be(data, at + 1, 1) & 0x40 or start + 13 > at + size:
        return set()
    # 2.4.4.2: a section begins behind the pointer field.
    start += 1 + be(data, start, 1)
    if start + 13 > at + size or be(data, start, 1) != table:
        return set()
    # 2.4.4.3: twelve bits of section length, which counts the four octets of its CRC.
    end = min(start + 3 + (be(data, start + 1, 2) & 0xFFF) - 4, at + size)
    if table == 0:
        # 2.4.4.3: program number, then the packet id of its map.
        return {be(data, i + 2, 2) & 0x1FFF for i in range(start + 8, end - 3, 4)}
    # 2.4.4.8: twelve bits of program information length; then stream type, packet id, information length.
    found, i = set(), start + 12 + (be(data, start + 10, 2) & 0xFFF)
    while i + 5 <= end:
        found.add(be(data, i, 1))
        i += 5 + (be(data, i + 3, 2) & 0xFFF)
    return found


def _pcr(data: bytes, at: int) -> int | None:
    """The packet's clock reference in 90 kHz ticks."""
    # Offset 3, bit 5: there is an adaptation field; 4: its length, 7 with a clock; 5, bit 4: there is a clock; 6: it.
    if at + 12 > len(data) or not data[at + 3] & 0x20 or data[at + 4] < 7 or not data[at + 5] & 0x10:
        return None
    # 2.4.3.5: 33 bits of program clock reference base, in units of 90 kHz.
    return be(data, at + 6, 5) >> 7


def _last_pcr(data: bytes, size: int, head: int) -> int | None:
    whole = (len(data) - head) // size
    # A clock comes at least every tenth of a second, so few packets are asked.
    for i in range(whole - 1, max(0, whole - _SEARCHED_PACKETS), -1):
        clock = _pcr(data, head + i * size)
        if clock is not None:
            return clock
    return None


def read_program_stream(source: SniffInput) -> MediaInfo | None:
    """MPEG program streams, and bare MPEG-1 and 2 video, whose sequence header has sides and rate."""
    data = source.data
    # Start codes: BA begins a pack of a program stream, B3 is the sequence header of bare video.
    if data[:4] not in (b"\0\0\1\xba", b"\0\0\1\xb3"):
        return None
    info = source.info("video/mpeg")
    at = data.find(b"\0\0\1\xb3", 0, 1_000_000)
    if at < 0:
        return info
    # ISO/IEC 11172-2 2.4.2.3: sequence header: twelve bits a side, aspect ratio, picture rate.
    sides = be(data, at + 4, 3)
    # Picture rate codes 1 to 8; 0 is forbidden, the others are reserved.
    rates = (0.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0)
    rate = be(data, at + 7, 1) & 15
    # 13818-2 6.2.2.3: only MPEG-2 has a sequence extension behind the header.
    codec = "mpeg2" if data.find(b"\0\0\1\xb5", at, at + 200) >= 0 else "mpeg1"
    fps = rates[rate] if 0 < rate < len(rates) else None
    return replace(info, width_px=sides >> 12, height_px=sides & 0xFFF, fps=fps, codec=codec)


def read_flv(source: SniffInput) -> MediaInfo | None:
    """Flash video: the first tag of each kind, and its script data."""
    data = source.data
    if data[:4] != b"FLV\1":
        return None
    # FLV: signature, version, flags, offset of the body; each tag follows the size of the one before.
    info, at = source.info("video/x-flv"), be(data, 5, 4) + 4
    for _ in range(100):
        if at + 12 > len(data):
            break
        # A tag: type, size of the data, eleven octets of tag header.
        kind, size, body = data[at], be(data, at + 1, 3), at + 11
        if kind == 18:  # script data
            info = _flv_script(info, data[body : body + min(size, 65_536)])
        elif kind == 9 and info.codec is None:  # picture
            info = replace(info, codec=_FLV_VIDEO.get(data[body] & 15))
        elif kind == 8 and info.audio_codec is None:  # audio
            info = replace(info, audio_codec=_FLV_AUDIO.get(data[body] >> 4), channels=1 + (data[body] & 1))
        at = body + size + 4
    return info


def _flv_script(info: MediaInfo, body: bytes) -> MediaInfo:
    duration, width, height, fps = (_amf_number(body, key) for key in (b"duration", b"width", b"height", b"framerate"))
    return replace(
        info,
        duration_ms=round(duration * 1000) or None,
        width_px=int(width) or None,
        height_px=int(height) or None,
        fps=round(fps, 3) or None,
    )


def _amf_number(body: bytes, key: bytes) -> float:
    """The number an AMF0 script gives for *key* (marker 0, eight octets); 0.0 when it gives none."""
    # AMF0: the name of a property, marker 0 for "number", then a double, big-endian.
    at = body.find(key + b"\0")
    value = body[at + len(key) + 1 : at + len(key) + 9]
    number: float = struct.unpack(">d", value)[0] if at >= 0 and len(value) == 8 else 0.0
    return number if 0 < number < 1e9 else 0.0
