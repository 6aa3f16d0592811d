"""A sound to samples, and back to a file: the only calls of the codec into the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.samples import Samples
from mmscontent.engines.ffmpeg import Bounds
from mmscontent.errors import DamagedMedia, EngineFailed, OverLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmscontent.codecs.audio.coders import Coder, Setting
    from mmscontent.engines.ffmpeg import Room, SoundTrack

__all__ = ["MAX_DURATION_MS", "decode", "encode", "refuse_long"]

MAX_DURATION_MS = 3_600_000  # an hour in AMR's lowest mode has 2.3 MB, more than any MMS
_MOST_RATE_HZ = 48_000
_LONG_MS = 600_000  # from here on one channel at 16 kHz is kept: memory, and nothing more would fit
_SAMPLES, _PCM, _OUT = "samples", "pcm", "sound"


def refuse_long(duration_ms: int) -> None:
    """Stop before decoding what no message can hold.

    Raises:
        OverLimits: It lasts longer than an hour.
    """
    if duration_ms > MAX_DURATION_MS:
        raise OverLimits(
            f"the sound lasts {duration_ms // 1000:,} s, {MAX_DURATION_MS // 1000:,} s are opened; cut it first"
        )


def decode(room: Room, track: SoundTrack, duration_ms: int, *, damaged_is_error: bool = True) -> Samples:
    """All samples of a track: at most two channels, at most 48 kHz.

    Raises:
        DamagedMedia: It holds no sound that can be decoded.
        OverLimits: It lasts longer than its header says, and too long.
    """
    refuse_long(duration_ms)
    long = duration_ms > _LONG_MS
    rate = 16_000 if long else min(track.sample_rate_hz, _MOST_RATE_HZ)
    channels = 1 if long else min(track.channels, 2)
    sound = room.source()[str(track.index)]
    most_s = MAX_DURATION_MS / 1000 if long else _LONG_MS / 1000 + 60
    try:
        room.run(ffmpeg.output(sound, _SAMPLES, f="s16le", ar=rate, ac=channels, t=most_s), bounds=Bounds(wall_s=120))
    except EngineFailed as exc:
        if not room.size(_SAMPLES):
            raise DamagedMedia(f"its sound cannot be decoded: {_last(exc)}") from exc
    samples = Samples(room.read(_SAMPLES), rate, channels)
    if not samples.frames and damaged_is_error:
        raise DamagedMedia("its sound track holds not one sample that can be decoded")
    return samples


def _last(exc: EngineFailed) -> str:
    return exc.last_lines.splitlines()[-1][:200] if exc.last_lines else str(exc)


def encode(
    room: Room, samples: Samples, coder: Coder, setting: Setting, *, progress: Callable[[int], None] | None = None
) -> bytes:
    """Encode samples; the same samples and setting give the same bytes.

    Raises:
        EngineFailed, EngineTimeout: The program failed.
    """
    room.write(_PCM, samples.data)
    rate = setting.sample_rate_hz
    sound = room.made(_PCM, "s16le", ar=samples.rate_hz, ac=samples.channels)
    # A change of rate leaves a few samples more or fewer; cut to the number that sizes are reckoned with.
    sound = sound.filter("aresample", rate).filter("atrim", end_sample=samples.frames_at(rate))
    options = {
        "f": coder.muxer,
        "c:a": coder.encoder,
        "b:a": setting.rate_bps,
        "ar": rate,
        "ac": setting.channels,
        "map_metadata": -1,
        "fflags": "+bitexact",
        "flags:a": "+bitexact",
        "threads": 1,
        **dict(coder.options),
    }
    room.run(ffmpeg.output(sound, _OUT, **options), progress=progress)
    return room.read(_OUT)
