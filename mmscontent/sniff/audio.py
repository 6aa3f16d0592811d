"""Reads audio files that have a magic number: AMR, FLAC, AIFF-C, Apple's CAF, Sun's AU and Standard MIDI Files."""

from __future__ import annotations

import struct
from dataclasses import replace

from mmscontent.containers.octets import be
from mmscontent.containers.riff import chunks
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.midi import midi_milliseconds
from mmscontent.sniff.reader import SniffInput, bit_rate, milliseconds, printable

_MOST_WALKED = 200_000  # frames counted one by one (over an hour); the rest is taken in proportion
# Speech octets behind the frame header, by frame type (RFC 4867 tables 1a, 1b; 26.101, 26.201); -1 is reserved.
# Type 8 of narrow and 9 of wide band is comfort noise, 14 a lost frame (wide band), 15 no data.
_AMR_NB = (12, 13, 15, 17, 19, 20, 26, 31, 5, -1, -1, -1, -1, -1, -1, 0)
_AMR_WB = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, -1, -1, -1, -1, 0, 0)
# 3GPP TS 26.101: bits a second of the eight narrow-band modes
_AMR_NB_RATES = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)
# 3GPP TS 26.201: bits a second of the nine wide-band modes
_AMR_WB_RATES = (6600, 8850, 12650, 14250, 15850, 18250, 19850, 23050, 23850)
# Four-character codes of Apple's format description and of AIFF-C's common chunk
_CAF_CODECS = {b"lpcm": "pcm", b"aac ": "aac", b"alac": "alac", b"opus": "opus", b".mp3": "mp3", b"ima4": "adpcm-ima"}
_AIFC_CODECS = {b"NONE": "pcm", b"sowt": "pcm", b"twos": "pcm", b"fl32": "pcm-float", b"ima4": "adpcm-ima"}
# Sun's encoding numbers: the codec, and octets of a sample
_AU_CODECS = {1: "ulaw", 2: "pcm", 3: "pcm", 4: "pcm", 5: "pcm", 6: "pcm-float", 27: "alaw"}
_AU_OCTETS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}


def read_amr(source: SniffInput) -> MediaInfo | None:
    """AMR in the single-channel storage format, narrow or wide band; the frames are walked for the length."""
    data = source.data
    # RFC 4867 5.1: the magic number of one channel is followed by the frames.
    if data.startswith(b"#!AMR-WB\n"):
        return _amr(source, 9, wide=True)
    if data.startswith(b"#!AMR\n"):
        return _amr(source, 6, wide=False)
    # RFC 4867 5.2: of several channels by 32 bits, of which the last four count the channels.
    if data.startswith((b"#!AMR_MC1.0\n", b"#!AMR-WB_MC1.0\n")):
        wide = data.startswith(b"#!AMR-WB")
        channels = be(data, 15 if wide else 12, 4) & 15
        info = source.info("audio/amr-wb" if wide else "audio/amr")
        return replace(info, codec="amr-wb" if wide else "amr-nb", channels=channels)
    return None


def _amr(source: SniffInput, start: int, *, wide: bool) -> MediaInfo:
    data, sizes, rates = source.data, _AMR_WB if wide else _AMR_NB, _AMR_WB_RATES if wide else _AMR_NB_RATES
    notes: tuple[str, ...] = ()
    at, frames, best = start, 0, -1
    while at < len(data) and frames < _MOST_WALKED:
        # RFC 4867 5.3: each frame begins with an octet: padding bit, four bits of frame type, quality bit, padding.
        mode = data[at] >> 3 & 15
        # A reserved type has no size, so the frame behind it cannot be found.
        if sizes[mode] < 0:
            notes = (f"its frame at byte {at:,} has the reserved type {mode}, the audio ends there",)
            break
        # The mode may change with every frame; the file is named by the highest one.
        best = max(best, mode) if mode < len(rates) else best
        at += 1 + sizes[mode]
        frames += 1
    if not frames:
        raise DamagedMedia("AMR without a single frame")
    if frames == _MOST_WALKED:
        frames = frames * (len(data) - start) // (at - start)
    return replace(
        source.info("audio/amr-wb" if wide else "audio/amr"),
        codec="amr-wb" if wide else "amr-nb",
        channels=1,
        sample_rate_hz=16000 if wide else 8000,
        # AMR codes 20 ms in each frame, silence and lost frames included.
        duration_ms=frames * 20,
        bit_rate_bps=rates[best] if best >= 0 else None,
        notes=notes,
    )


def read_flac(source: SniffInput) -> MediaInfo | None:
    """Native FLAC."""
    data = source.data
    if data[:4] != b"fLaC":
        return None
    # RFC 9639 8.2: the stream information block begins at octet 8; ten octets of block and frame sizes,
    # then 20 bits of rate, 3 of channels less one, 5 of depth less one, 36 of samples in all.
    bits = be(data, 18, 8)
    rate, channels, samples = bits >> 44, (bits >> 41 & 7) + 1, bits & (1 << 36) - 1
    duration_ms = milliseconds(samples, rate)
    words, at = [], 4
    for _ in range(100):
        if at + 4 > len(data):
            break
        # RFC 9639 8.1: one bit says "last", seven give the type: 4 is a Vorbis comment, 6 a picture.
        kind, size = data[at], be(data, at + 1, 3)
        words += {4: ["tags"], 6: ["cover picture"]}.get(kind & 0x7F, [])
        at += 4 + size
        if kind & 0x80:
            break
    return replace(
        source.info("audio/flac"),
        codec="flac",
        profile=f"{(bits >> 36 & 31) + 1}-bit",
        channels=channels,
        sample_rate_hz=rate,
        duration_ms=duration_ms,
        bit_rate_bps=bit_rate(len(data), duration_ms),
        metadata=tuple(words),
    )


def read_aiff(source: SniffInput) -> MediaInfo | None:
    """AIFF and AIFF-C."""
    data = source.data
    if data[:4] != b"FORM" or data[8:12] not in (b"AIFF", b"AIFC"):
        return None
    # "FORM", size and form type take twelve octets; a chunk of odd size is padded to an even one.
    common = next((c.body for c in chunks(data, 12, len(data), number=be) if c.kind == b"COMM"), None)
    if common is None:
        raise DamagedMedia("audio/aiff has no common chunk")
    # AIFF-C: channels, count of sample frames, bits a sample, sampling rate as an 80-bit number, compression.
    rate = _extended(data, common + 8)
    # Plain AIFF ends in front of the compression type and is always PCM.
    code = data[common + 18 : common + 22] if data[8:12] == b"AIFC" else b"NONE"
    return replace(
        source.info("audio/aiff"),
        codec=_AIFC_CODECS.get(code, printable(code).lower()),
        profile=f"{be(data, common + 6, 2)}-bit",
        channels=be(data, common, 2),
        sample_rate_hz=rate,
        duration_ms=milliseconds(be(data, common + 2, 4), rate),
    )


def _extended(data: bytes, at: int) -> int:
    """An 80-bit IEEE number, as a whole one (no sampling rate needs more)."""
    # IEEE 754 extended: 15 bits of exponent with a bias of 16383, 64 bits of mantissa with the point behind the first.
    exponent, mantissa = be(data, at, 2) - 16383, be(data, at + 2, 8)
    return mantissa >> 63 - exponent if 0 <= exponent < 32 else 0  # up to 4 GHz


def read_caf(source: SniffInput) -> MediaInfo | None:
    """Apple's Core Audio Format."""
    data = source.data
    if data[:6] != b"caff\0\1":
        return None
    # "caff", version and flags take eight octets; the size of a chunk has eight, and nothing is padded.
    found = {c.kind: c.body for c in chunks(data, 8, len(data), number=be, width=8, even=False)}
    if b"desc" not in found:
        raise DamagedMedia("audio/x-caf has no description chunk")
    # CAF: sampling rate as a double, format, flags, octets a packet, frames a packet, channels, bits.
    at = found[b"desc"]
    rate = struct.unpack(">d", be(data, at, 8).to_bytes(8, "big"))[0]
    rate = rate if 0 < rate < 1e7 else 0.0  # no sampling rate is higher
    code = data[at + 8 : at + 12]
    packet_bytes, packet_frames, channels = (be(data, at + 16 + 4 * i, 4) for i in range(3))
    frames = 0
    if b"pakt" in found:
        # CAF: count of packets, then count of valid frames.
        frames = be(data, found[b"pakt"] + 8, 8)
    elif packet_bytes and b"data" in found:
        # A constant bit rate needs no packet table; `data` begins with four octets of edit count.
        frames = (len(data) - found[b"data"] - 4) // packet_bytes * packet_frames
    return replace(
        source.info("audio/x-caf"),
        codec=_CAF_CODECS.get(code, printable(code).lower()),
        channels=channels,
        sample_rate_hz=round(rate) or None,
        duration_ms=milliseconds(frames, rate),
    )


def read_au(source: SniffInput) -> MediaInfo | None:
    """Sun's and NeXT's .au."""
    data = source.data
    if data[:4] != b".snd":
        return None
    # Offset of the data, its size, encoding, sampling rate, channels.
    start, size, code, rate, channels = (be(data, 4 + 4 * i, 4) for i in range(5))
    left = max(0, len(data) - start)
    # A size of all ones is not known: whoever streamed the file did not know it either.
    octets = left if size == 0xFFFFFFFF else min(size, left)
    return replace(
        source.info("audio/basic"),
        codec=_AU_CODECS.get(code, f"encoding {code}"),
        channels=channels,
        sample_rate_hz=rate,
        duration_ms=milliseconds(octets / (_AU_OCTETS.get(code, 1) * max(1, channels)), rate),
    )


def read_midi(source: SniffInput) -> MediaInfo | None:
    """A Standard MIDI File; its length comes from its own tempo changes."""
    data = source.data
    # SMF 1.0: the header chunk has six octets: format, count of tracks, division.
    if data[:8] != b"MThd\0\0\0\6":
        return None
    be(data, 8, 6)
    return replace(source.info("audio/midi"), codec="midi", duration_ms=midi_milliseconds(data))
