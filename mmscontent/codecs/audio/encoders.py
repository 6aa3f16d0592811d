"""Lists the audio encoders and computes the size and the quality of each setting.

Sizes: AMR-NB frames have fixed sizes (RFC 4867), MP3 at a constant rate is exact to a frame, AAC is predicted and
corrected once. Qualities are a table of rate and encoder (docs/motion.md says where they come from).
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass

AMR_MODES: tuple[tuple[int, int], ...] = (  # bit/s, octets of a frame with its header: RFC 4867 5.3
    (4750, 13), (5150, 14), (5900, 16), (6700, 18), (7400, 20), (7950, 21), (10200, 27), (12200, 32),
)  # fmt: skip
_AMR_OCTETS = dict(AMR_MODES)
# Kb/s, up to 24 kHz.
# Bit rates of MPEG-2 layer III (ISO/IEC 13818-3) up to 24 kHz, and of MPEG-1 (ISO/IEC 11172-3) above.
_MP3_RATES_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
_MP3_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192)
_AAC_RATES = (16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192)
# Sampling rates of AAC (ISO/IEC 14496-3).
_AAC_SAMPLING = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# Below it one channel sounds better than two.
_STEREO_FROM_BPS = 64_000
_MAX_MONO_BPS, _MAX_BPS = 128_000, 192_000

# Rate in kb/s of one channel to quality. Speech: PESQ of AMR's modes and of AAC on the same recordings, mapped so that
# its narrow-band ceiling is 75; beyond, and music: published listening tests of AAC-LC and MP3.
_TABLES: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {
    ("amr-nb", "speech"): ((4.75, 52), (5.9, 57), (6.7, 61), (7.4, 64), (7.95, 66), (10.2, 71), (12.2, 75)),
    ("amr-nb", "music"): ((4.75, 14), (7.4, 20), (10.2, 25), (12.2, 29)),
    ("aac", "speech"): ((8, 30), (12, 42), (16, 56), (24, 74), (32, 84), (48, 92), (64, 95), (128, 98)),
    ("aac", "music"): ((8, 10), (16, 28), (24, 42), (32, 55), (48, 70), (64, 80), (96, 91), (128, 96)),
    ("mp3", "speech"): ((8, 20), (16, 45), (24, 62), (32, 75), (48, 86), (64, 91), (128, 96)),
    ("mp3", "music"): ((8, 5), (16, 16), (24, 30), (32, 40), (48, 56), (64, 67), (96, 83), (128, 91)),
}
# Joint stereo needs this many times the rate of one channel for the same quality.
_TWO_CHANNELS = 1.6


@dataclass(frozen=True, slots=True)
class AudioSetting:
    """Settings of an audio encoder."""

    codec: str
    rate_bps: int
    sample_rate_hz: int
    channels: int = 1

    def __str__(self) -> str:
        channels = "mono" if self.channels == 1 else "stereo"
        return f"{self.codec} {self.rate_bps / 1000:g} kb/s {self.sample_rate_hz / 1000:g} kHz {channels}"


@dataclass(frozen=True, slots=True)
class AudioEncoder:
    """A media type and codec that can be written: FFmpeg's encoder and muxer, and the bytes of the container.

    Attributes:
        base_bytes, frame_bytes: Bytes of the container, once and per frame.
    """

    codec: str
    media_type: str
    encoder: str
    muxer: str
    base_bytes: int
    frame_bytes: int
    options: tuple[tuple[str, str], ...] = ()

    def size_of(self, setting: AudioSetting, frames_at_rate: int) -> int:
        """Predict the bytes; *frames_at_rate* are the samples of one channel at the setting's rate."""
        frames, payload = _PAYLOADS[self.codec](setting, frames_at_rate)
        return self.base_bytes + frames * self.frame_bytes + payload


def _amr(setting: AudioSetting, samples: int) -> tuple[int, int]:
    frames = (samples + 50) // 160 + 1  # the encoder adds 50 samples in front and flushes one frame of 20 ms
    return frames, frames * _AMR_OCTETS[setting.rate_bps]


def _mp3(setting: AudioSetting, samples: int) -> tuple[int, int]:
    low = setting.sample_rate_hz < 32000  # noqa: PLR2004 - an MPEG-2 frame is half as long; the encoder delays one more
    frame = 576 if low else 1152
    frames = -(-samples // frame) + (2 if low else 1)
    return frames, round(frames * setting.rate_bps * frame / 8 / setting.sample_rate_hz)


# An AAC-LC frame has 1,024 samples; the encoder adds one frame of delay.
def _aac(setting: AudioSetting, samples: int) -> tuple[int, int]:
    frames = -(-samples // 1024) + 1
    return frames, round(frames * 1024 / setting.sample_rate_hz * setting.rate_bps / 8)


_PAYLOADS = {"amr-nb": _amr, "mp3": _mp3, "aac": _aac}
_BRANDLESS = (("movflags", "+faststart"),)

ENCODERS: dict[tuple[str, str], AudioEncoder] = {
    (c.media_type, c.codec): c
    for c in (
        AudioEncoder("amr-nb", "audio/amr", "libopencore_amrnb", "amr", 6, 0),
        AudioEncoder("amr-nb", "audio/3gpp", "libopencore_amrnb", "3gp", 618, 0),
        AudioEncoder("amr-nb", "audio/3gpp2", "libopencore_amrnb", "3g2", 640, 0),
        AudioEncoder("aac", "audio/mp4", "aac", "ipod", 800, 4, _BRANDLESS),
        AudioEncoder("aac", "audio/3gpp", "aac", "3gp", 760, 4, _BRANDLESS),
        AudioEncoder("aac", "audio/aac", "aac", "adts", 0, 7),
        AudioEncoder("mp3", "audio/mpeg", "libmp3lame", "mp3", 0, 0, (("write_xing", "0"), ("id3v2_version", "0"))),
    )
}


def encoder_settings(codec: str, rate_hz: int, *, stereo: bool) -> tuple[AudioSetting, ...]:
    """Return the settings worth trying for a source of this sampling rate, cheapest first."""
    if codec == "amr-nb":
        return tuple(AudioSetting(codec, rate, 8000) for rate, _ in AMR_MODES)
    if codec == "mp3":
        return _mp3_settings(rate_hz, stereo=stereo)
    most = _MAX_BPS if stereo else _MAX_MONO_BPS
    return tuple(aac_setting(k * 1000, rate_hz, stereo=stereo) for k in _AAC_RATES if k * 1000 <= most)


def aac_setting(rate_bps: int, rate_hz: int, *, stereo: bool) -> AudioSetting:
    """Choose sampling rate and channels for AAC-LC at a rate; two channels only where it is high enough."""
    channels = 2 if stereo and rate_bps >= _STEREO_FROM_BPS else 1
    wanted = _sampling_for(rate_bps / (1 if channels == 1 else _TWO_CHANNELS))
    return AudioSetting("aac", rate_bps, _at_most(min(wanted, rate_hz), _AAC_SAMPLING), channels)


def _sampling_for(rate_bps: float) -> int:
    for below, sampling in ((22_000, 16000), (30_000, 22050), (44_000, 32000)):
        if rate_bps < below:
            return sampling
    return 48000


def _at_most(rate_hz: int, known: tuple[int, ...]) -> int:
    return known[max(0, bisect.bisect_right(known, rate_hz) - 1)]


def _mp3_settings(rate_hz: int, *, stereo: bool) -> tuple[AudioSetting, ...]:
    low = [(k, min(_at_most(rate_hz, (8000, 16000, 22050, 24000)), 16000 if k < 32 else 24000)) for k in _MP3_RATES_LOW]  # noqa: PLR2004
    high = [(k, _at_most(rate_hz, (32000, 44100, 48000))) for k in _MP3_RATES if k >= 48]  # noqa: PLR2004 - narrower below
    chosen = high if rate_hz >= 32000 else []  # noqa: PLR2004 - the lowest rate of MPEG-1
    first = chosen[0][0] if chosen else 1 << 30
    both = [(k, hz) for k, hz in low if k < first and (hz > 12000 or k <= 64)] + chosen  # noqa: PLR2004 - MPEG-2.5 ends there
    return tuple(AudioSetting("mp3", k * 1000, hz, 2 if stereo and k * 1000 >= 96_000 else 1) for k, hz in both)  # noqa: PLR2004


def quality_of(setting: AudioSetting, kind: str) -> float:
    """Look up the quality of a setting for `speech` or `music`."""
    rate = setting.rate_bps / 1000 / (1 if setting.channels == 1 else _TWO_CHANNELS)
    table = _TABLES[setting.codec, kind]
    if rate <= table[0][0]:
        return table[0][1] * rate / table[0][0]
    for (rate_a, quality_a), (rate_b, quality_b) in itertools.pairwise(table):
        if rate <= rate_b:
            share = math.log2(rate / rate_a) / math.log2(rate_b / rate_a)
            return quality_a + share * (quality_b - quality_a)
    return table[-1][1]
