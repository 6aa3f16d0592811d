"""Decodes audio to samples and encodes samples to a file; only this module of the codec runs FFmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.samples import Samples
from mmscontent.errors import DamagedMedia, EngineFailed, OverLimits
from mmscontent.ffmpeg import AudioTrack, FfmpegSession, RunLimits

if TYPE_CHECKING:
    from mmscontent.codecs.audio.encoders import AudioEncoder, AudioSetting

# An hour in AMR's lowest mode is 2.3 MB, more than any MMS.
MAX_DURATION_MS = 3_600_000
_MAX_RATE_HZ = 48_000
# Longer audio is decoded to one channel at 16 kHz: more would cost memory and never fit.
_LONG_MS = 600_000
# Names of the files in the session's folder.
_SAMPLES, _PCM, _OUT = "samples", "pcm", "sound"


def check_duration(duration_ms: int) -> None:
    """Refuse audio that no message can hold, before it is decoded.

    Raises:
        OverLimits: It lasts longer than an hour.
    """
    if duration_ms > MAX_DURATION_MS:
        raise OverLimits(
            f"the audio lasts {duration_ms // 1000:,} s, {MAX_DURATION_MS // 1000:,} s are accepted; trim it first"
        )


@dataclass(frozen=True, slots=True)
class DecodeOutput:
    """An output for `FfmpegSession.run` that holds samples, with their rate and channels."""

    output: Any
    rate_hz: int
    channels: int

    def read(self, session: FfmpegSession) -> Samples:
        """Return the samples after the output was run; empty when nothing could be decoded."""
        return Samples(session.read(_SAMPLES), self.rate_hz, self.channels)


def decode_output(session: FfmpegSession, track: AudioTrack, duration_ms: int) -> DecodeOutput:
    """Plan how a track is decoded: at most two channels at 48 kHz, long audio in one channel at 16 kHz.

    Raises:
        OverLimits: It lasts longer than an hour.
    """
    check_duration(duration_ms)
    long = duration_ms > _LONG_MS
    rate = 16_000 if long else min(track.sample_rate_hz, _MAX_RATE_HZ)
    channels = 1 if long else min(track.channels, 2)
    most_s = MAX_DURATION_MS / 1000 if long else _LONG_MS / 1000 + 60
    sound = session.source_node()[str(track.index)]
    output = ffmpeg.output(sound, _SAMPLES, f="s16le", ar=rate, ac=channels, t=most_s)
    return DecodeOutput(output, rate, channels)


def decode(session: FfmpegSession, track: AudioTrack, duration_ms: int) -> tuple[Samples, str]:
    """Decode all samples of a track; also returns FFmpeg's error messages, "" when there are none.

    Raises:
        DamagedMedia: The track holds no audio that can be decoded.
        OverLimits: It lasts longer than an hour.
    """
    plan = decode_output(session, track, duration_ms)
    try:
        errors = session.run(plan.output, limits=RunLimits(wall_s=120)).strip()
    except EngineFailed as exc:
        if exc.status is None:
            raise  # FFmpeg never ran
        if not session.size(_SAMPLES):
            raise DamagedMedia(f"its audio cannot be decoded: {last_line(exc)}") from exc
        errors = last_line(exc)
    samples = plan.read(session)
    if not samples.frames:
        raise DamagedMedia("its audio track holds no sample that can be decoded")
    return samples, errors


def last_line(exc: EngineFailed) -> str:
    """Return the last line that FFmpeg wrote before it failed."""
    return exc.last_lines.splitlines()[-1][:200] if exc.last_lines else str(exc)


def encode_input(
    session: FfmpegSession, samples: Samples, encoder: AudioEncoder, setting: AudioSetting
) -> tuple[Any, dict[str, Any]]:
    """Write samples into the session; returns a node and the options that encode them in an output."""
    session.write(_PCM, samples.data)
    rate = setting.sample_rate_hz
    sound = session.input_node(_PCM, "s16le", ar=samples.rate_hz, ac=samples.channels)
    # Resampling gives a few samples more or fewer; trim to the number that sizes are computed with.
    sound = sound.filter("aresample", rate).filter("atrim", end_sample=samples.frames_at(rate))
    options = {"c:a": encoder.encoder, "b:a": setting.rate_bps, "ar": rate, "ac": setting.channels}
    return sound, {**options, "flags:a": "+bitexact"}


def encode(session: FfmpegSession, samples: Samples, encoder: AudioEncoder, setting: AudioSetting) -> bytes:
    """Encode samples; the same samples and setting give the same bytes.

    Raises:
        EngineFailed, EngineTimeout: FFmpeg failed.
    """
    sound, options = encode_input(session, samples, encoder, setting)
    options |= {"f": encoder.muxer, "map_metadata": -1, "fflags": "+bitexact", "threads": 1, **dict(encoder.options)}
    session.run(ffmpeg.output(sound, _OUT, **options))
    return session.read(_OUT)
