"""Analyses audio samples (speech or music, level, silence) and changes level, channels and length.

pydub works on samples that FFmpeg decoded in our sandbox; it never starts a program. Levels are in dBFS.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub looks for FFmpeg, which it is never asked to start
    from pydub import AudioSegment  # type: ignore[import-untyped,unused-ignore]
    from pydub.silence import detect_leading_silence  # type: ignore[import-untyped,unused-ignore]

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A level between these stays; one outside is brought to the wanted level, as far as the peaks allow.
_QUIETEST_DBFS, _LOUDEST_DBFS, _WANTED_DBFS = -26.0, -12.0, -19.0
# A gain leaves the peak 1 dB below full scale and never exceeds 15 dB.
_PEAK_DBFS, _MOST_GAIN_DB = -1.0, 15.0
# Levels are measured on windows of 50 ms.
_WINDOW_S = 0.05
# Windows this far below the mean are pauses and do not count (ITU-R BS.1770 gates likewise).
_GATE_DB = 10.0
# Silence is below the first, and this far below the audio's own level.
_SILENCE_DBFS, _SILENCE_BELOW_DB = -50.0, 30.0
_NOTHING_DBFS = -80.0
# Held notes are measured on two minutes at this rate; hops are 16 ms.
_LOW_HZ, _ANALYSED_S, _HOPS = 8000, 120, 8
# A difference of channels this far below their sum is not worth a second channel.
_STEREO_DB = -30.0


@dataclass(frozen=True, slots=True)
class AudioAnalysis:
    """Measurements of an audio track.

    Attributes:
        kind: `speech` or `music` (everything that is not speech).
        speech_score: From 0 to 1; *kind* is speech from 0.5 on.
        level_dbfs: Level of the loud windows.
        stereo: Whether the two channels differ by more than noise.
        lead_ms, trail_ms: Silence at the beginning and the end.
    """

    kind: str
    speech_score: float
    level_dbfs: float
    peak_dbfs: float
    stereo: bool
    lead_ms: int
    trail_ms: int

    @property
    def gain_db(self) -> float:
        """The gain that brings it to a usual level; 0.0 when it has one, or is silent."""
        if self.level_dbfs <= _NOTHING_DBFS or _QUIETEST_DBFS <= self.level_dbfs <= _LOUDEST_DBFS:
            return 0.0
        wanted = min(_WANTED_DBFS - self.level_dbfs, _MOST_GAIN_DB)
        return round(min(wanted, _PEAK_DBFS - self.peak_dbfs) if wanted > 0 else wanted, 1)


@dataclass(frozen=True, slots=True)
class Samples:
    """Signed 16-bit samples, channels interleaved."""

    data: bytes
    rate_hz: int
    channels: int

    @property
    def frames(self) -> int:
        """Samples of one channel."""
        return len(self.data) // (2 * self.channels)

    @property
    def duration_ms(self) -> int:
        """Playing time."""
        return round(self.frames * 1000 / self.rate_hz)

    def frames_at(self, rate_hz: int, without_ms: int = 0) -> int:
        """Count the samples of one channel after resampling, with some milliseconds removed."""
        kept = self.frames - round(without_ms * self.rate_hz / 1000)
        return -(-max(0, kept) * rate_hz // self.rate_hz)

    def processed(self, *, gain_db: float, mono: bool, lead_ms: int = 0, trail_ms: int = 0) -> Samples:
        """Change the level, mix to one channel, and trim both ends."""
        segment = self._segment()
        if lead_ms or trail_ms:
            segment = segment[lead_ms : len(segment) - trail_ms]
        if mono and self.channels > 1:
            segment = segment.set_channels(1)
        if gain_db:
            segment = segment.apply_gain(gain_db)
        return Samples(segment.raw_data, self.rate_hz, segment.channels)

    def _segment(self) -> Any:  # noqa: ANN401 - pydub has no types
        return AudioSegment(data=self.data, sample_width=2, frame_rate=self.rate_hz, channels=self.channels)

    def _array(self) -> NDArray[np.float32]:
        whole = np.frombuffer(self.data[: self.frames * 2 * self.channels], dtype="<i2")
        return np.asarray(whole.reshape(-1, self.channels) / 32768, dtype=np.float32)


def analyse_audio(samples: Samples) -> AudioAnalysis:
    """Measure an audio track."""
    sound = samples._array()  # noqa: SLF001 - of this module
    mono = sound.mean(axis=1)
    powers = _powers(mono, max(1, round(samples.rate_hz * _WINDOW_S)))
    score = _speech_score(mono, samples.rate_hz)
    segment = samples._segment()  # noqa: SLF001 - as above
    level = _gated_level(powers)
    silence = min(_SILENCE_DBFS, level - _SILENCE_BELOW_DB)
    return AudioAnalysis(
        "speech" if score >= 0.5 else "music",  # noqa: PLR2004 - the middle of the scale
        round(score, 2),
        level,
        float(segment.max_dBFS),
        _is_stereo(sound),
        int(detect_leading_silence(segment, silence)),
        int(detect_leading_silence(segment.reverse(), silence)) if powers.size else 0,
    )


def _powers(mono: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    whole = mono[: len(mono) // window * window].reshape(-1, window)
    return np.asarray(np.square(whole, dtype=np.float64).mean(axis=1), dtype=np.float64)


def _gated_level(powers: NDArray[np.float64]) -> float:
    if not powers.size or powers.mean() <= 0:
        return -120.0
    loud = powers[powers >= powers.mean() * 10 ** (-_GATE_DB / 10)]
    return round(float(10 * np.log10(loud.mean())), 1)


def _is_stereo(sound: NDArray[np.float32]) -> bool:
    if sound.shape[1] < 2:  # noqa: PLR2004 - one channel
        return False
    middle, sides = sound[:, 0] + sound[:, 1], sound[:, 0] - sound[:, 1]
    return bool(np.mean(sides**2) > np.mean(middle**2) * 10 ** (_STEREO_DB / 10))


def _speech_score(mono: NDArray[np.float32], rate_hz: int) -> float:
    """Return how much the audio is like speech, from 0 to 1.

    Speech is broken by pauses (Saunders 1996), beats at the rate of syllables (Scheirer and Slaney 1997), switches
    between hiss and voice, and holds no note. Each measure is mapped to 0 … 1; the score is their mean, with the last
    one counted twice.
    """
    window = max(1, round(rate_hz * 0.02))
    powers = _powers(mono, window)
    if len(powers) < 25 or powers.mean() <= 0:  # noqa: PLR2004 - half a second
        return 0.5
    quiet = float((powers < 0.5 * powers.mean()).mean())
    syllables = _syllable_share(powers)
    crossings = _crossings(mono, window)[powers > 0.01 * powers.mean()]
    hiss = float(crossings.std() / max(crossings.mean(), 1e-6)) if crossings.size else 0.0
    broken, beats, switches = _mapped(quiet, 0.3, 0.55), _mapped(syllables, 0.35, 0.7), _mapped(hiss, 0.3, 0.8)
    return (broken + beats + switches + 2 * _mapped(-_held(mono, rate_hz), -0.7, -0.45)) / 5


def _syllable_share(powers: NDArray[np.float64]) -> float:
    """Return the share of the loudness modulation between 2 and 8 Hz."""
    envelope = np.sqrt(powers)
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope)))) ** 2
    frequencies = np.fft.rfftfreq(len(envelope), 0.02)
    moving = spectrum[frequencies > 0.5].sum()  # noqa: PLR2004 - slower changes are those of the whole recording
    return float(spectrum[(frequencies >= 2) & (frequencies <= 8)].sum() / moving) if moving > 0 else 0.0  # noqa: PLR2004


def _held(mono: NDArray[np.float32], rate_hz: int) -> float:
    """Return how similar the spectrum up to 4 kHz is to that of an eighth of a second before: held notes."""
    step = max(1, rate_hz // _LOW_HZ)
    low = mono[: len(mono) // step * step].reshape(-1, step).mean(axis=1)
    rate, spare = rate_hz / step, max(0, len(low) - _ANALYSED_S * _LOW_HZ) // 2
    window, top = round(rate * 0.032), round(min(rate / 2, 4000) * 0.032)
    frames = np.lib.stride_tricks.sliding_window_view(low[spare : len(low) - spare], window)[:: window // 2]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1))[:, 3:top]
    powers = (spectra**2).sum(axis=1)
    logs = np.log(spectra + 1e-3 * spectra.max() + 1e-12)
    both = (powers > 0.1 * powers.mean())[:-_HOPS] & (powers > 0.1 * powers.mean())[_HOPS:]
    if not both.any():
        return 1.0
    before, after = (part[both] - part[both].mean(axis=1, keepdims=True) for part in (logs[:-_HOPS], logs[_HOPS:]))
    norms = np.sqrt((before**2).sum(axis=1) * (after**2).sum(axis=1))
    return float(np.median((before * after).sum(axis=1) / np.maximum(norms, 1e-9)))


def _crossings(mono: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    whole = mono[: len(mono) // window * window].reshape(-1, window)
    return np.asarray((np.diff(np.signbit(whole), axis=1) != 0).mean(axis=1), dtype=np.float64)


def _mapped(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
