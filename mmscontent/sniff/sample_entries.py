"""Reads sample descriptions of ISO base media files: what a track is coded in, with profile and level.

Sources: ISO/IEC 14496-12 8.5.2, 14496-15 (avcC, hvcC), 14496-1 7.2.6 (esds), 3GPP TS 26.244 6 (d263, damr),
QuickTime File Format (sound versions 1 and 2), VP codec ISO binding 1.0, AV1-ISOBMFF 1.2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from mmscontent.containers.isobmff import Box, boxes, child
from mmscontent.containers.octets import be
from mmscontent.sniff.reader import printable

# Octets in front of the inner boxes: 14496-12 8.5.2 (visual), QuickTime's sound descriptions of version 0, 1, 2
_VISUAL_HEAD, _SOUND_HEADS = 78, {0: 28, 1: 44, 2: 64}

# Sample entries: 14496-12 8.5.2, 14496-15 for h264 and hevc, 3GPP TS 26.244 6 for h263 and AMR, QuickTime for the rest.
_CODECS = {b"avc1": "h264", b"avc3": "h264", b"s263": "h263", b"h263": "h263", b"H263": "h263", b"mp4v": "mpeg4"}
_CODECS |= dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe"), "hevc")
_CODECS |= {b"vp08": "vp8", b"vp09": "vp9", b"av01": "av1", b"jpeg": "mjpeg", b"mjpa": "mjpeg", b"tx3g": "text"}
_CODECS |= {b"mp4a": "aac", b"samr": "amr-nb", b"sawb": "amr-wb", b"sevc": "evrc", b"sqcp": "qcelp", b"Qclp": "qcelp"}
_CODECS |= {b"alac": "alac", b"Opus": "opus", b"fLaC": "flac", b"ac-3": "ac3", b"ec-3": "eac3", b".mp3": "mp3"}
_CODECS |= dict.fromkeys((b"sowt", b"twos", b"lpcm", b"in24"), "pcm") | {b"ulaw": "ulaw", b"alaw": "alaw"}
# Object type indications (14496-1 7.2.6.6; MP4RA)
_OBJECTS = {0x20: "mpeg4", 0x40: "aac", 0x60: "mpeg2", 0x61: "mpeg2", 0x66: "aac", 0x67: "aac", 0x68: "aac"}
_OBJECTS |= {0x69: "mp3", 0x6A: "mpeg1", 0x6B: "mp3", 0x6C: "mjpeg", 0xA5: "ac3", 0xDD: "vorbis", 0xE1: "qcelp"}

# H.264 A.2: profile_idc
_H264_PROFILES = {66: "baseline", 77: "main", 88: "extended", 100: "high", 110: "high 10", 122: "high 4:2:2"}
# H.265 A.3: general_profile_idc
_HEVC_PROFILES = {1: "main", 2: "main 10", 3: "main still", 4: "range extensions"}
# 14496-3 table 1.17: audio object types; table 1.18: sampling frequency index
_AAC_OBJECTS = {1: "main", 2: "lc", 3: "ssr", 4: "ltp", 5: "he", 23: "ld", 29: "he-v2", 39: "eld", 42: "xhe"}
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


@dataclass(frozen=True, slots=True)
class Coding:
    """What one track is coded in; None where the entry does not say."""

    codec: str
    width_px: int | None = None
    height_px: int | None = None
    profile: str | None = None
    level: str | None = None
    channels: int | None = None
    sample_rate_hz: int | None = None
    bit_rate_bps: int | None = None


def read_sample_entry(data: bytes, box: Box, handler: bytes) -> Coding:
    """One entry of a sample description box; *handler* says whether it is audio or video."""
    coding = Coding(_CODECS.get(box.kind, printable(box.kind).lower()))
    if handler in (b"vide", b"pict"):
        # 8.5.2: six octets reserved, reference index, sixteen octets predefined, then width and height.
        coding = replace(coding, width_px=be(data, box.start + 24, 2), height_px=be(data, box.start + 26, 2))
        # The inner boxes follow the name of the compressor and the depth.
        head = _VISUAL_HEAD
    elif handler == b"soun":
        coding, head = _audio(data, box, coding)
    else:
        return coding
    # The inner boxes are the codec's configuration: avcC, hvcC, esds and the like.
    for inner in boxes(data, min(box.start + head, box.end), box.end):
        if inner.kind in _DETAILS:
            coding = _DETAILS[inner.kind](data, inner, coding)
    return coding


def _audio(data: bytes, box: Box, coding: Coding) -> tuple[Coding, int]:
    version = be(data, box.start + 8, 2)
    # 8.5.2: channel count at 16, sampling rate as 16.16 at 24.
    channels, rate = be(data, box.start + 16, 2), be(data, box.start + 24, 4) >> 16
    # QuickTime: version 2 writes the rate as a double at 32 and the channels at 40.
    if version == 2:  # QuickTime sound description version 2
        rate = _whole(struct.unpack(">d", be(data, box.start + 32, 8).to_bytes(8, "big"))[0])
        channels = be(data, box.start + 40, 4)
    # TS 26.244 6.5: AMR always has one channel at 8 or 16 kHz.
    if coding.codec in ("amr-nb", "amr-wb"):
        channels, rate = 1, 16000 if coding.codec == "amr-wb" else 8000  # QUIRK: muxers write 2 channels (26.244 6.5)
    return replace(coding, channels=channels or None, sample_rate_hz=rate or None), _SOUND_HEADS.get(version, 28)


def _whole(value: float) -> int:
    return int(value) if 0 < value < 1e7 else 0  # no sampling rate is higher


def _avcc(data: bytes, box: Box, coding: Coding) -> Coding:
    # AVCDecoderConfigurationRecord: version, AVCProfileIndication, profile_compatibility, AVCLevelIndication.
    idc, flags, level = (be(data, box.start + i, 1) for i in (1, 2, 3))
    profile = _H264_PROFILES.get(idc, f"profile {idc}")
    # H.264 A.2.1.1: constraint_set1_flag makes Baseline constrained.
    if idc == 66 and flags & 0x40:
        profile = "constrained baseline"
    # The level is written ten times as large.
    is_1b = level == 9 or (level == 11 and flags & 0x10 and idc in (66, 77, 88))  # H.264 A.3.4.1
    return replace(coding, profile=profile, level="1b" if is_1b else _level(level / 10))


def _hvcc(data: bytes, box: Box, coding: Coding) -> Coding:
    # HEVCDecoderConfigurationRecord: version, profile space, tier and idc, ten octets of flags, general_level_idc.
    profile, level = be(data, box.start + 1, 1) & 31, be(data, box.start + 12, 1)
    # The level is written thirty times as large.
    return replace(coding, profile=_HEVC_PROFILES.get(profile, f"profile {profile}"), level=_level(level / 30))


def _level(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _av1c(data: bytes, box: Box, coding: Coding) -> Coding:
    octet = be(data, box.start + 1, 1)  # AV1-ISOBMFF 2.3: three bits of profile, five of level index
    profile = ("main", "high", "professional")[min(octet >> 5, 2)]
    # Level index: four to a major level, from 2.0 on.
    return replace(coding, profile=profile, level=f"{2 + (octet & 31) // 4}.{octet & 3}")


def _vpcc(data: bytes, box: Box, coding: Coding) -> Coding:
    # VP codec ISO binding: version and flags, profile, level times ten.
    return replace(coding, profile=str(be(data, box.start + 4, 1)), level=_level(be(data, box.start + 5, 1) / 10))


def _d263(data: bytes, box: Box, coding: Coding) -> Coding:
    # TS 26.244 6.8: vendor, decoder version, level, profile.
    return replace(coding, level=str(be(data, box.start + 5, 1)), profile=str(be(data, box.start + 6, 1)))


def _wave(data: bytes, box: Box, coding: Coding) -> Coding:
    inner = child(data, box, b"esds")  # QuickTime wraps the description of audio once more
    return _esds(data, inner, coding) if inner is not None else coding


def _esds(data: bytes, box: Box, coding: Coding) -> Coding:
    """Elementary stream descriptor: tags 3, 4 and 5 lie inside each other (14496-1 7.2.6)."""
    # Version and flags of the box, then descriptors: tag, size, fields.
    at, end = box.start + 4, box.end
    while at + 2 <= end:
        # 14496-1 7.2.2.1: tag 3 ES_Descriptor, 4 DecoderConfigDescriptor, 5 DecoderSpecificInfo.
        tag, at, size = _descriptor(data, at)
        if tag == 3:  # ES_Descriptor: id, flags, and what the flags announce
            flags = be(data, at + 2, 1)
            # 7.2.6.5: a dependency of two octets, an URL with its length, a clock reference of two octets.
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            at += 1 + be(data, at, 1) if flags & 0x40 else 0
        elif tag == 4:  # DecoderConfigDescriptor
            kind = be(data, at, 1)
            # 7.2.6.6: object type, stream type, buffer size, maximum and average bit rate.
            rate = be(data, at + 9, 4) or be(data, at + 5, 4)
            coding = replace(coding, codec=_OBJECTS.get(kind, coding.codec), bit_rate_bps=rate or None)
            at += 13
        elif tag == 5:  # DecoderSpecificInfo
            return _specific(data[at : min(at + size, end)], coding)
        else:
            at += size
    return coding


def _descriptor(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start and size of a descriptor."""
    # 14496-1 8.3.3: the size has one to four octets of seven bits, of which the top bit says that another one follows.
    tag, at, size = be(data, at, 1), at + 1, 0
    for _ in range(4):
        octet = be(data, at, 1)
        at += 1
        size = size << 7 | octet & 0x7F
        if not octet & 0x80:
            break
    return tag, at, size


def _specific(body: bytes, coding: Coding) -> Coding:
    # 14496-2 6.2.2: the visual object sequence start code is followed by profile and level.
    if coding.codec == "mpeg4" and body[:4] == b"\0\0\1\xb0" and len(body) > 4:
        profile, level = _mpeg4_profile(body[4])
        return replace(coding, profile=profile, level=level)
    if coding.codec != "aac" or len(body) < 2:
        return coding
    return read_audio_specific(body, coding)


def _mpeg4_profile(indication: int) -> tuple[str, str | None]:
    """Profile and level of MPEG-4 pictures (14496-2 table G.1)."""
    if indication >> 4 == 0:
        # Table G.1: the upper half of the octet is the profile, the lower the level.
        return "simple", {8: "0", 9: "0b", 1: "1", 2: "2", 3: "3", 4: "4a", 5: "5", 6: "6"}.get(indication)
    if indication >> 4 == 15:
        return "advanced simple", "3b" if indication == 0xF7 else str(indication & 7)
    return f"0x{indication:02x}", None


def read_audio_specific(body: bytes, coding: Coding) -> Coding:
    """AudioSpecificConfig (14496-3 1.6.2.1): object type, rate and channels, with explicit SBR and PS."""
    bits = int.from_bytes(body[:8].ljust(8, b"\0"), "big")
    kind, left = bits >> 59, 59
    # 14496-3 1.6.2.1: five bits of object type, four of frequency index, four of channel configuration.
    if kind == 31:  # escape: six bits more
        kind, left = 32 + (bits >> 53 & 63), 53
    index, left = bits >> left - 4 & 15, left - 4
    rate = 0
    if index == 15:  # escape: 24 bits
        rate, left = bits >> left - 24 & 0xFFFFFF, left - 24
    elif index < len(_AAC_RATES):
        rate = _AAC_RATES[index]
    channels = bits >> left - 4 & 15
    return replace(
        coding,
        profile=_AAC_OBJECTS.get(kind, f"object {kind}"),
        # Table 1.19: 0 leaves the channels to a program config element, 7 stands for eight.
        channels={0: coding.channels, 7: 8}.get(channels, channels),
        sample_rate_hz=coding.sample_rate_hz if kind in (5, 29) else rate or coding.sample_rate_hz,
    )


def _dops(data: bytes, box: Box, coding: Coding) -> Coding:
    # Opus in ISOBMFF 4.3.2: version, channel count; it always decodes to 48 kHz.
    return replace(coding, channels=be(data, box.start + 1, 1), sample_rate_hz=48000)


_DETAILS = {b"avcC": _avcc, b"hvcC": _hvcc, b"av1C": _av1c, b"vpcC": _vpcc, b"d263": _d263}
_DETAILS |= {b"esds": _esds, b"wave": _wave, b"dOps": _dops}
