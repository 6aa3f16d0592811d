"""A sound to samples, and back to a file: the only calls of the codec into the door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.samples import Samples
from mmscontent.errors import DamagedMedia, EngineFailed, OverLimits
from mmscontent.ffmpeg import RunLimits

if TYPE_CHECKING:
    from mmscontent.codecs.audio.encoders import AudioEncoder, AudioSetting
    from mmscontent.ffmpeg import AudioTrack, FfmpegSession

__all__ = ["MAX_DURATION_MS", "DecodeOutput", "check_duration", "decode", "decode_output", "encode", "encode_input"]

MAX_DURATION_MS = 3_600_000  # an hour in AMR's lowest mode has 2.3 MB, more than any MMS
_MOST_RATE_HZ = 48_000
_LONG_MS = 600_000  # from here on one channel at 16 kHz is kept: memory, and nothing more would fit
_SAMPLES, _PCM, _OUT = "samples", "pcm", "sound"


def check_duration(duration_ms: int) -> None:
    """Stop before decoding what no message can hold.

    Raises:
        OverLimits: It lasts longer than an hour.
    """
    if duration_ms > MAX_DURATION_MS:
        raise OverLimits(
            f"the sound lasts {duration_ms // 1000:,} s, {MAX_DURATION_MS // 1000:,} s are opened; cut it first"
        )


@dataclass(frozen=True, slots=True)
class DecodeOutput:
    """A sound track on its way to samples: an output for `FfmpegSession.run`, and what it will hold."""

    output: Any
    rate_hz: int
    channels: int

    def read(self, session: FfmpegSession) -> Samples:
        """The samples, once the output was run; none when it could not be decoded."""
        return Samples(session.read(_SAMPLES), self.rate_hz, self.channels)


def decode_output(session: FfmpegSession, track: AudioTrack, duration_ms: int) -> DecodeOutput:
    """How a track is decoded: at most two channels, at most 48 kHz; what is long in one channel at 16 kHz.

    Raises:
        OverLimits: It lasts longer than an hour.
    """
    check_duration(duration_ms)
    long = duration_ms > _LONG_MS
    rate = 16_000 if long else min(track.sample_rate_hz, _MOST_RATE_HZ)
    channels = 1 if long else min(track.channels, 2)
    most_s = MAX_DURATION_MS / 1000 if long else _LONG_MS / 1000 + 60
    sound = session.source_node()[str(track.index)]
    output = ffmpeg.output(sound, _SAMPLES, f="s16le", ar=rate, ac=channels, t=most_s)
    return DecodeOutput(output, rate, channels)


def decode(session: FfmpegSession, track: AudioTrack, duration_ms: int) -> tuple[Samples, str]:
    """All samples of a track, by a run of its own, and what the program found wrong with it, "" for nothing.

    Raises:
        DamagedMedia: It holds no sound that can be decoded.
        OverLimits: It lasts longer than an hour.
    """
    way = decode_output(session, track, duration_ms)
    try:
        wrong = session.run(way.output, limits=RunLimits(wall_s=120)).strip()
    except EngineFailed as exc:
        if exc.status is None:
            raise  # the program never ran
        if not session.size(_SAMPLES):
            raise DamagedMedia(f"its sound cannot be decoded: {_last(exc)}") from exc
        wrong = _last(exc)
    samples = way.read(session)
    if not samples.frames:
        raise DamagedMedia("its sound track holds not one sample that can be decoded")
    return samples, wrong


def _last(exc: EngineFailed) -> str:
    return exc.last_lines.splitlines()[-1][:200] if exc.last_lines else str(exc)


def encode_input(
    session: FfmpegSession, samples: Samples, encoder: AudioEncoder, setting: AudioSetting
) -> tuple[Any, dict[str, Any]]:
    """How samples are encoded: a node and options for an output; the samples are laid in the session's folder."""
    session.write(_PCM, samples.data)
    rate = setting.sample_rate_hz
    sound = session.input_node(_PCM, "s16le", ar=samples.rate_hz, ac=samples.channels)
    # A change of rate leaves a few samples more or fewer; cut to the number that sizes are reckoned with.
    sound = sound.filter("aresample", rate).filter("atrim", end_sample=samples.frames_at(rate))
    options = {"c:a": encoder.encoder, "b:a": setting.rate_bps, "ar": rate, "ac": setting.channels}
    return sound, {**options, "flags:a": "+bitexact"}


def encode(session: FfmpegSession, samples: Samples, encoder: AudioEncoder, setting: AudioSetting) -> bytes:
    """Encode samples; the same samples and setting give the same bytes.

    Raises:
        EngineFailed, EngineTimeout: The program failed.
    """
    sound, options = encode_input(session, samples, encoder, setting)
    options |= {"f": encoder.muxer, "map_metadata": -1, "fflags": "+bitexact", "threads": 1, **dict(encoder.options)}
    session.run(ffmpeg.output(sound, _OUT, **options))
    return session.read(_OUT)
