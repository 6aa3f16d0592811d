"""The codec of audio: predicts what one audio source can become within a limit, and encodes that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mmscontent.codecs.audio.decode import decode, encode
from mmscontent.codecs.audio.encoders import (
    ENCODERS,
    AudioEncoder,
    AudioSetting,
    aac_setting,
    encoder_settings,
    quality_of,
)
from mmscontent.codecs.audio.samples import AudioAnalysis, Samples, analyse_audio
from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.strip_location import without_location
from mmscontent.errors import DamagedMedia, DoesNotFit, NotAllowed
from mmscontent.ffmpeg import FfmpegSession, probe
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import AudioRule, Rule
from mmscontent.rate_quality import Curve
from mmscontent.sniff import sniff

SCALE = "sound-table"
# AAC does not keep its rate exactly, so it aims a little below the limit and is encoded again when it missed by more.
_AIM, _ENOUGH = 0.985, 0.97
# The latter only while nothing fits.
_TRIES, _MAX_TRIES = 3, 5
# At its lowest rates the encoder exceeds the rate; 12 % more are reserved.
_MIN_AAC_BPS, _AAC_LOOSENESS = 8_000, 1.12


@dataclass(frozen=True, slots=True)
class _EncodeOption:
    """An encoder with a setting, and its predicted size and quality."""

    encoder: AudioEncoder
    setting: AudioSetting
    size_bytes: int
    quality: float

    @property
    def sure_bytes(self) -> int:
        """The size it needs at most: AAC exceeds its lowest rates."""
        return self.size_bytes if self.encoder.codec != "aac" else round(self.size_bytes * _AAC_LOOSENESS)


class AudioSource:
    """One audio source; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._info = info
        self._kept, self._stripped = without_location(data)
        self._rule = AudioRule()
        self._session: FfmpegSession | None = None
        self._samples, self._decode_errors = Samples(b"", 8000, 1), ""
        self._analysis = AudioAnalysis("music", 0.0, -120.0, -120.0, stereo=False, lead_ms=0, trail_ms=0)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Delete the working folder; garbage collection of the source does the same."""
        session = getattr(self, "_session", None)
        if session is not None:
            session.close()

    def survey(self, rule: Rule, effort: Effort) -> Survey:  # noqa: ARG002 - audio is quick with either effort
        """Decode and analyse; see codecs/base.py.

        Raises:
            DamagedMedia, OverLimits, UnknownMedia: The source cannot be used.
            NotAllowed: The receiver plays no format that can be written.
        """
        assert isinstance(rule, AudioRule)
        self._rule = rule
        accepted = any(
            f.media_type == self._info.media_type and f.codec in (self._info.codec, "") for f in rule.formats
        )
        if self._only_carried():
            return self._carried(accepted=accepted)
        self._decode()
        reasons = () if accepted else (f"the receiver does not play {self._info.media_type} ({self._info.codec})",)
        if self._decode_errors:
            accepted, reasons = False, (*reasons, "it does not decode without errors")
        options = self._options(0)
        if not options and not accepted:
            raise NotAllowed(
                f"{self._info.media_type} ({self._info.codec}): no format that the receiver plays can be written"
                f" ({', '.join(f'{f.media_type} {f.codec}' for f in rule.formats) or 'nothing'})"
            )
        points = [(w.size_bytes, w.quality) for w in options] or [(len(self._kept), 100.0)]
        least = min((w.sure_bytes for w in self._options(self._silence_ms())), default=len(self._kept))
        return Survey(
            self._facts(),
            Curve.through(points),
            least,
            keep_bytes=len(self._kept) if accepted else None,
            scale=f"{self._analysis.kind} table",
            reasons=reasons,
            traits=(self._analysis.kind, f"speech score {self._analysis.speech_score:.2f}"),
            stripped=self._stripped,
        )

    def keep(self) -> Rendition:
        """Return the source without its location metadata, its coded audio unchanged."""
        counted = self._samples.duration_ms or self._info.duration_ms
        info = replace(sniff(self._kept), notes=(), duration_ms=counted)
        return Rendition(self._kept, info, 0, stripped=self._stripped)

    def render(self, limit_bytes: int) -> Rendition:
        """Return the best rendition of at most *limit_bytes*; see codecs/base.py.

        Raises:
            DoesNotFit: Even the lowest rate is larger.
        """
        limit = self._useful_limit(limit_bytes)
        trimmed = False
        options = [w for w in self._options(0) if w.size_bytes <= limit]
        if not options and self._silence_ms():
            trimmed = True
            options = [w for w in self._options(self._silence_ms()) if w.size_bytes <= limit]
        if not options:
            raise self._too_large(limit_bytes)
        best = max(options, key=lambda w: w.quality)  # of equals the first one: a rule names the best format first
        samples = self._processed(best.setting, trimmed=trimmed)
        return self._encode(best, samples, limit, trimmed=trimmed)

    def measure(self, data: bytes) -> float | None:
        """Return None: the scale is a table, there is nothing to measure."""

    def _only_carried(self) -> bool:
        return self._info.codec in ("midi", "imelody")

    def _carried(self, *, accepted: bool) -> Survey:
        if not accepted:
            raise NotAllowed(f"{self._info.media_type} can only pass through, and the receiver does not play it")
        size = len(self._kept)
        return Survey(self._info, Curve.through([(size, 100.0)]), size, keep_bytes=size, scale=SCALE, traits=("notes",))

    def _decode(self) -> None:
        if self._samples.frames:
            return
        self._session = FfmpegSession(self._data, self._info.media_type)
        probed = probe(self._session)
        if probed.audio is None:
            raise DamagedMedia("it has no audio track")
        longest = max(probed.duration_ms, self._info.duration_ms or 0)
        self._samples, self._decode_errors = decode(self._session, probed.audio, longest)
        self._analysis = analyse_audio(self._samples)

    def _facts(self) -> MediaInfo:
        """Return the source's facts with the decoded duration."""
        info, counted = self._info, self._samples.duration_ms
        said = info.duration_ms
        notes = info.notes
        if said is not None and abs(said - counted) > max(500, counted // 20):
            notes = (*notes, f"its header says {said:,} ms, but {counted:,} ms were decoded")
        return replace(info, duration_ms=counted, notes=notes)

    def _silence_ms(self) -> int:
        """Silence that can be trimmed at both ends; 100 ms are kept on each side."""
        spare = max(0, self._analysis.lead_ms - 100) + max(0, self._analysis.trail_ms - 100)
        return spare if spare < self._samples.duration_ms else 0

    def _options(self, without_ms: int) -> tuple[_EncodeOption, ...]:
        return tuple(self._each_option(without_ms))

    def _each_option(self, without_ms: int) -> Iterator[_EncodeOption]:
        for wanted in self._rule.formats:
            encoder = ENCODERS.get((wanted.media_type, wanted.codec))
            if encoder is None:
                continue
            stereo = self._analysis.stereo and self._analysis.kind == "music"
            for setting in encoder_settings(encoder.codec, self._samples.rate_hz, stereo=stereo):
                size = encoder.size_of(setting, self._samples.frames_at(setting.sample_rate_hz, without_ms))
                yield _EncodeOption(encoder, setting, size, round(quality_of(setting, self._analysis.kind), 1))

    def _useful_limit(self, limit_bytes: int) -> int:
        """Return the limit, but no more than the source's size unless every option is larger."""
        least = min((w.size_bytes for w in self._options(0)), default=0)
        return min(limit_bytes, max(len(self._data), least))

    def _too_large(self, limit_bytes: int) -> DoesNotFit:
        options = self._options(self._silence_ms())
        smallest = min(options, key=lambda w: w.size_bytes)
        return DoesNotFit(
            f"{self._samples.duration_ms / 1000:.1f} s of audio need at least {smallest.size_bytes:,} bytes"
            f" ({smallest.setting}), {limit_bytes:,} are left; trim it",
            limit_bytes=limit_bytes,
            smallest_bytes=smallest.size_bytes,
            tries=[f"{w.setting} → {w.size_bytes:,} bytes" for w in options],
        )

    def _processed(self, setting: AudioSetting, *, trimmed: bool) -> Samples:
        analysis, mono = self._analysis, setting.channels == 1
        lead, trail = (max(0, ms - 100) if trimmed else 0 for ms in (analysis.lead_ms, analysis.trail_ms))
        return self._samples.processed(gain_db=analysis.gain_db, mono=mono, lead_ms=lead, trail_ms=trail)

    def _encode(self, option: _EncodeOption, samples: Samples, limit: int, *, trimmed: bool) -> Rendition:
        """Encode; AAC takes any rate, so it aims at the limit and is corrected."""
        assert self._session is not None
        tries: list[str] = []
        best, chosen, factor, before = b"", option.setting, 1.0, 0
        while len(tries) < (_TRIES if best else _MAX_TRIES):
            setting = self._aac_setting_for(option, samples, limit, factor)
            if best and setting.rate_bps <= chosen.rate_bps:
                break
            predicted = round(option.encoder.size_of(setting, samples.frames_at(setting.sample_rate_hz)) * factor)
            data = encode(self._session, samples, option.encoder, setting)
            tries.append(f"{setting} → {len(data):,} bytes, {predicted:,} predicted")
            if len(best) < len(data) <= limit:
                best, chosen = data, setting
            if option.encoder.codec != "aac" or _ENOUGH * limit <= len(data) <= limit or len(data) == before:
                break  # exact, close enough, or the audio needs no more bits
            factor *= len(data) / predicted
            before = len(data)
        if not best:
            raise self._too_large(limit)
        return Rendition(
            best,
            replace(sniff(best), notes=()),
            len(tries),
            predicted_quality=round(quality_of(chosen, self._analysis.kind), 1),
            stripped=self._info.metadata,
            tries=tuple(tries),
            notes=tuple(self._notes(chosen, trimmed=trimmed)),
        )

    def _aac_setting_for(self, option: _EncodeOption, samples: Samples, limit: int, factor: float) -> AudioSetting:
        """Choose the AAC rate that should just fit; *factor* is actual over predicted size so far."""
        if option.encoder.codec != "aac":
            return option.setting
        highest = max(w.setting.rate_bps for w in self._options(0) if w.encoder is option.encoder)
        stereo = self._analysis.stereo and self._analysis.kind == "music"
        trial = option.setting
        for _ in range(4):
            size = option.encoder.size_of(trial, samples.frames_at(trial.sample_rate_hz)) * factor
            overhead = size - trial.rate_bps * samples.duration_ms / 8000 * factor
            rate = int((limit * _AIM - overhead) * 8000 / max(1, samples.duration_ms) / factor)
            rate = max(_MIN_AAC_BPS, min(rate, highest))
            setting = aac_setting(rate, self._samples.rate_hz, stereo=stereo)
            # Sampling rate and channels stay those of the option: the size depends on them.
            trial = replace(setting, sample_rate_hz=option.setting.sample_rate_hz, channels=option.setting.channels)
        return trial

    def _notes(self, setting: AudioSetting, *, trimmed: bool) -> Iterator[str]:
        analysis = self._analysis
        yield f"detected as {analysis.kind} (score {analysis.speech_score:.2f} of 1, speech from 0.5 on)"
        if analysis.gain_db:
            yield f"its level of {analysis.level_dbfs:.0f} dBFS was changed by {analysis.gain_db:+.1f} dB"
        if self._samples.channels > setting.channels:
            yield "mixed to one channel"
        if trimmed:
            yield f"{self._silence_ms():,} ms of silence at its ends were trimmed so that it fits"
