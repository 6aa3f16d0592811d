"""Reads MP3 and ADTS AAC: chains of frames whose headers must agree, behind tags and garbage.

Sources: ISO/IEC 11172-3 2.4.1.3, ISO/IEC 13818-7 6.2, ID3v2.4 section 3.1, the Xing and VBRI headers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmscontent.containers import id3
from mmscontent.containers.octets import be
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, bit_rate, milliseconds

_GARBAGE_BYTES, _MOST_STARTS = 500_000, 50_000  # how far into garbage, and how often, a chain of frames is looked for
_SURE_FRAMES, _LIKELY_FRAMES = 8, 2
_MOST_WALKED = 200_000  # frames counted one by one; the rest is taken in proportion
# ISO/IEC 11172-3 2.4.2.3 and 13818-3 2.4.2.3: bit rate index
_BIT_RATES = {  # kbit/s by (MPEG-1?, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
# ISO/IEC 11172-3 2.4.2.3: sampling frequency of MPEG-1; MPEG-2 has half of it, MPEG-2.5 a quarter
_RATES = (44100, 48000, 32000)
# ISO/IEC 14496-3 table 1.18: sampling frequency index
_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


@dataclass(frozen=True, slots=True)
class _MpegFrame:
    size: int
    rate_hz: int
    layer: int
    mpeg1: bool
    channels: int
    bit_rate_bps: int

    @property
    def samples(self) -> int:
        """PCM samples it decodes to, per channel."""
        # ISO/IEC 11172-3: 384 in layer I, 1152 in II and III; 13818-3 halves layer III.
        return {1: 384, 2: 1152, 3: 1152 if self.mpeg1 else 576}[self.layer]

    @property
    def family(self) -> tuple[int, int, bool]:
        """What stays the same from frame to frame."""
        return self.rate_hz, self.layer, self.mpeg1


def read_mp3(source: SniffInput) -> MediaInfo | None:
    """MPEG audio that begins where it should: at the start, or right behind an ID3 tag and padding."""
    data = source.data
    start, _ = id3.frames_range(data)
    near = range(start, min(start + (4096 if start else 1), len(data)))  # padding may follow a tag
    at = next((i for i in near if data[i] == 0xFF and _chain(data, i, _LIKELY_FRAMES)), None)
    return _described(source, at) if at is not None else None


def read_garbled_mp3(source: SniffInput) -> MediaInfo | None:
    """MPEG audio behind garbage: only a long chain of agreeing frames is believed."""
    data = source.data
    # FF is the first octet of every sync word.
    at = data.find(b"\xff", 0, _GARBAGE_BYTES)
    for _ in range(_MOST_STARTS):
        if at < 0:
            break
        if _chain(data, at, _SURE_FRAMES):
            info = _described(source, at)
            return replace(info, notes=(*info.notes, f"its first {at:,} bytes are no MPEG audio and are skipped"))
        at = data.find(b"\xff", at + 1, _GARBAGE_BYTES)
    return None


def _frame(data: bytes, at: int) -> _MpegFrame | None:
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:  # the sync word
        return None
    head = be(data, at, 4)
    # ISO/IEC 11172-3 2.4.1.3: sync word, version, layer, protection, bit rate, frequency, padding, private bit,
    # mode, mode extension, copyright, original, emphasis.
    version, layer = head >> 19 & 3, 4 - (head >> 17 & 3)
    index, rate, padding = head >> 12 & 15, head >> 10 & 3, head >> 9 & 1
    # Reserved version, layer and frequency, free and forbidden bit rate, reserved emphasis.
    if version == 1 or layer == 4 or rate == 3 or index in (0, 15) or head & 3 == 2:  # reserved values
        return None
    # Version 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5.
    rate_hz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BIT_RATES[version == 3, layer][index] * 1000
    # Octets are an eighth of the samples a frame: 1152 / 8 = 144, 576 / 8 = 72; layer I has 384 / 8 = 12 slots of 4.
    if layer == 1:
        # A slot has four octets in layer I and one in the others.
        size = (12 * bits // rate_hz + padding) * 4
    else:
        size = (144 if version == 3 or layer == 2 else 72) * bits // rate_hz + padding
    return _MpegFrame(size, rate_hz, layer, version == 3, 1 if head >> 6 & 3 == 3 else 2, bits)


def _chain(data: bytes, at: int, wanted: int) -> bool:
    """*wanted* frames in a row agree, or all there are up to the end of the data (at least one whole)."""
    first = _frame(data, at)
    if first is None:
        return False
    # The size of a frame is computed, not stated: a chance sync word leads to where no other frame begins.
    for done in range(wanted):
        frame = _frame(data, at)
        if frame is None or frame.family != first.family:
            # An ID3v1 tag may follow the last frame.
            return bool(done) and data[at : at + 3] == b"TAG"
        at += frame.size
        if at >= len(data):
            return wanted < _SURE_FRAMES and (at == len(data) or done > 0)
    return True


def _described(source: SniffInput, at: int) -> MediaInfo:
    data = source.data
    frame = _frame(data, at)
    assert frame is not None
    _, end = id3.frames_range(data)
    # Encoders of variable bit rate write the count of frames; without it the first frame's rate stands for all.
    frames = _counted_frames(data, at, frame)
    if frames:
        duration_ms = milliseconds(frames * frame.samples, frame.rate_hz)
        rate = bit_rate(end - at, duration_ms)
    else:
        duration_ms, rate = milliseconds((end - at) * 8, frame.bit_rate_bps), frame.bit_rate_bps
    return replace(
        source.info("audio/mpeg"),
        codec=f"mp{frame.layer}",
        channels=frame.channels,
        sample_rate_hz=frame.rate_hz,
        bit_rate_bps=rate,
        duration_ms=duration_ms,
        metadata=("ID3 tag",) if id3.has_tag(data) else (),
    )


def _counted_frames(data: bytes, at: int, frame: _MpegFrame) -> int:
    """Frame count of a Xing, Info or VBRI header in the first frame; 0 when there is none."""
    # The headers of Xing and LAME stand where the side information ends, VBRI always 32 octets in.
    side = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}[frame.mpeg1, frame.channels]
    xing, vbri = at + 4 + side, at + 36
    # Offset 0: name; 4: flags, bit 0 announces the count of frames; 8: that count.
    if data[xing : xing + 4] in (b"Xing", b"Info") and len(data) >= xing + 12 and data[xing + 7] & 1:
        return be(data, xing + 8, 4)
    # Offset 0: name; 4: version; 6: delay; 8: quality; 10: size; 14: count of frames.
    if data[vbri : vbri + 4] == b"VBRI" and len(data) >= vbri + 18:
        return be(data, vbri + 14, 4)
    return 0


def read_adts(source: SniffInput) -> MediaInfo | None:
    """AAC in ADTS frames, behind an ID3 tag or not."""
    data = source.data
    start = at = id3.frames_range(data)[0]
    head = data[at : at + 7]
    if not _adts_size(data, at):
        return None
    frames = 0
    while frames < _MOST_WALKED and (size := _adts_size(data, at)):
        frames, at = frames + 1, at + size
    # The sync word of ADTS has twelve bits: in other data it occurs by chance.
    if frames < 3 and at < len(data):  # one or two frames are believed only when nothing else is there
        return None
    if frames == _MOST_WALKED:
        frames = frames * (len(data) - start) // (at - start)
    # Third octet: two bits of profile, four of frequency index, a private bit, the first bit of the channels.
    rate = _ADTS_RATES[head[2] >> 2 & 15]
    # 13818-7: a frame has 1,024 samples a channel.
    duration_ms = milliseconds(frames * 1024, rate)
    return replace(
        source.info("audio/aac"),
        codec="aac",
        profile=("main", "lc", "ssr", "ltp")[head[2] >> 6],
        # Channel configuration 0 leaves the count to the audio data: not known here.
        channels=(head[2] & 1) << 2 | head[3] >> 6 or None,
        sample_rate_hz=rate,
        duration_ms=duration_ms,
        bit_rate_bps=bit_rate(len(data) - start, duration_ms),
        metadata=("ID3 tag",) if start else (),
    )


def _adts_size(data: bytes, at: int) -> int:
    """Size of the frame at *at*, 0 when there is none."""
    if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:  # sync word, layer 0
        return 0
    # ISO/IEC 13818-7 6.2: profile, frequency index, private bit, channels, four flags, 13 bits of frame length.
    if data[at + 2] >> 2 & 15 >= len(_ADTS_RATES):
        return 0
    # The length counts the header itself: seven octets, nine with a checksum.
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return size if size >= 7 else 0  # the header itself
