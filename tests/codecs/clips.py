"""Video and audio clips that FFmpeg makes for the tests; each is made once."""

from __future__ import annotations

import functools
import math
from typing import Any

import ffmpeg
import numpy as np

from mmscontent.ffmpeg import FfmpegSession

COLOURS = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv"}


def source(graph: str) -> Any:
    return ffmpeg.input(graph, f="lavfi")


def made(*nodes: Any, muxer: str, **options: Any) -> bytes:
    """One file from lavfi nodes."""
    with FfmpegSession(b"", "video/mp4") as session:
        session.run(ffmpeg.output(*nodes, "out", f=muxer, **options))
        return session.read("out")


@functools.cache
def video_clip(
    width: int = 320,
    height: int = 240,
    seconds: float = 2,
    fps: float = 25,
    *,
    sound: bool = True,
    muxer: str = "mp4",
    codec: str = "libx264",
    **more: Any,
) -> bytes:
    """A moving test picture with noise in it, and a chord."""
    picture = source(f"testsrc2=s={width}x{height}:r={fps}:d={seconds}").filter("noise", alls=12, allf="t")
    options: dict[str, Any] = {"c:v": codec, "pix_fmt": "yuv420p", "threads": 2}
    if codec == "libx264":
        options |= {"preset": "ultrafast", "crf": 20}
    nodes = [picture]
    if sound:
        nodes.append(source(f"sine=f=440:r=32000:d={seconds}"))
        options |= {"c:a": more.pop("audio", "aac"), "b:a": "48k"}
    return made(*nodes, muxer=muxer, **(options | more))


def wav(samples: np.ndarray, rate_hz: int) -> bytes:
    """A RIFF file around float samples of one or two channels."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    body = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    block = 2 * channels
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + (1).to_bytes(2, "little") + channels.to_bytes(2, "little")
    head += rate_hz.to_bytes(4, "little") + (rate_hz * block).to_bytes(4, "little") + block.to_bytes(2, "little")
    head += (16).to_bytes(2, "little") + b"data" + len(body).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(body)).to_bytes(4, "little") + head + body


@functools.cache
def speech_like(seconds: float = 6, rate_hz: int = 16_000, level: float = 0.3) -> bytes:
    """Syllables: voiced pulses and hiss in turn, four a second, with pauses between phrases."""
    random = np.random.default_rng(7)
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    pitch = 120 + 20 * np.sin(2 * math.pi * 0.5 * time)
    voice = sum(np.sin(2 * math.pi * n * np.cumsum(pitch) / rate_hz) / n for n in range(1, 20))
    hiss = np.diff(random.normal(size=len(time) + 1))
    voiced = (time * 4 % 1) < 0.65
    envelope = np.abs(np.sin(math.pi * (time * 4 % 1))) ** 2 * ((time % 2.2) < 1.6)
    return wav(level * envelope * np.where(voiced, 0.4 * voice, 0.5 * hiss), rate_hz)


@functools.cache
def music_like(seconds: float = 6, rate_hz: int = 44_100, level: float = 0.3, *, stereo: bool = True) -> bytes:
    """A held chord with a slow swell, spread over two channels."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    notes = [np.sin(2 * math.pi * f * time + i) for i, f in enumerate((220.0, 277.2, 329.6, 440.0, 659.3, 1318.5))]
    swell = 0.8 + 0.2 * np.sin(2 * math.pi * 0.3 * time)
    left, right = sum(notes[::2]) * swell, sum(notes[1::2]) * swell
    both = np.stack([left, right], axis=1) if stereo else left
    return wav(level * both / 3, rate_hz)
