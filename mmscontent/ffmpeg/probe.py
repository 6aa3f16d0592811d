"""What the program itself sees in a source, read from the lines it prints on opening it; there is no ffprobe.

`probe` opens the demuxer and decodes next to nothing. Headers lie: what an analysis counts stands above this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.errors import DamagedMedia, EngineFailed, UnknownMedia
from mmscontent.ffmpeg.program import RunLimits

if TYPE_CHECKING:
    from mmscontent.ffmpeg.session import FfmpegSession

__all__ = ["AudioTrack", "ProbeResult", "VideoTrack", "probe"]

_PROBE_LIMITS = RunLimits(wall_s=30, cpu_s=20)
_STREAM = re.compile(r"^ *Stream #0:(\d+)\S*: (Video|Audio): (.*)$")
_SIZE = re.compile(r"[ ,](\d{1,5})x(\d{1,5})[ ,]")
_SAR = re.compile(r"SAR (\d+):(\d+)")
_RATE = re.compile(r" ([\d.]+)(k?) (fps|tbr)")
_PIXELS = re.compile(r", ((?:yuv|rgb|bgr|gray|nv|p0|gbr|pal|ya|argb|abgr|mono)\w*)(?:\(([^)]*)\))?")
_TURN = re.compile(r"[Rr]otation of (-?[\d.]+) degrees")
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_SOUND = re.compile(r" (\d+) Hz, ([\w. ()]+)")
_CHANNELS = {"mono": 1, "stereo": 2, "2.1": 3, "3.0": 3, "4.0": 4, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
_MOST_FPS = 240.0


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A picture track as the decoder will show it.

    Attributes:
        index: Its number among the streams.
        width_px, height_px: Upright and with square pixels.
        fps: As the container says; 0.0 when it says nothing usable.
        transfer: `arib-std-b67` (HLG), `smpte2084` (PQ), … or "".
        turned: The container asks for a turn or a mirror.
        square: Its pixels are square as stored.
    """

    index: int
    codec: str
    width_px: int
    height_px: int
    fps: float
    pixel_format: str = ""
    transfer: str = ""
    turned: bool = False
    square: bool = True

    @property
    def is_hdr(self) -> bool:
        """Its light is coded for brighter screens than phones of MMS have."""
        return self.transfer in _HDR_TRANSFERS


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound track."""

    index: int
    codec: str
    sample_rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The tracks that would be used, and how long the container says it lasts (0: it does not)."""

    video: VideoTrack | None
    audio: AudioTrack | None
    duration_ms: int = 0


def probe(session: FfmpegSession) -> ProbeResult:
    """Open a source and read what it holds.

    Raises:
        DamagedMedia: It cannot be opened, or holds neither picture nor sound.
    """
    node = session.source_node()
    nothing = ffmpeg.output(node["v?"], node["a?"], "-", f="null", c="copy", t=0)
    try:
        said = session.run(nothing, limits=_PROBE_LIMITS, loglevel="info")
    except EngineFailed as exc:
        if exc.status is None:
            raise  # the program never ran
        raise DamagedMedia(f"it cannot be opened as {session.demuxer.name}: {_reason(exc)}", part=exc.part) from exc
    seen = parse_banner(said.partition("\nOutput #0")[0])
    if seen.video is None and seen.audio is None:
        raise UnknownMedia("it holds no picture or sound in a form we decode")
    return seen


def _reason(exc: EngineFailed) -> str:
    """The first line that says why, without the program's own addresses."""
    lines = [re.sub(r"^\[[^\]]*\] ", "", line) for line in exc.last_lines.splitlines()]
    return lines[0][:200] if lines else str(exc)


def parse_banner(text: str) -> ProbeResult:
    """The tracks in the program's own words: of pictures the largest, of sounds the first."""
    videos: list[VideoTrack] = []
    sounds: list[AudioTrack] = []
    for line in text.splitlines():
        match = _STREAM.match(line)
        if match and match[2] == "Video" and "(attached pic)" not in line:
            videos += _video(int(match[1]), match[3])
        elif match and match[2] == "Audio":
            sounds += _sound(int(match[1]), match[3])
        elif videos and not match and (turn := _TURN.search(line)):
            videos[-1] = _turned(videos[-1], float(turn[1]))
    video = max(videos, key=lambda v: v.width_px * v.height_px, default=None)
    return ProbeResult(video, sounds[0] if sounds else None, _duration_ms(text))


def _video(index: int, text: str) -> list[VideoTrack]:
    size = _SIZE.search(text)
    if size is None or text.startswith("none"):
        return []
    width, height = int(size[1]), int(size[2])
    shapes = [Fraction(int(a), int(b)) for a, b in _SAR.findall(text) if int(a) and int(b)]
    shape = shapes[-1] if shapes else Fraction(1)  # the container's word stands behind the codec's, and above it
    if shape > 1:
        width = round(width * shape)
    elif shape < 1:
        height = round(height / shape)
    pixels = _PIXELS.search(text)
    colours = (pixels[2] or "").split("/") if pixels else []
    return [
        VideoTrack(
            index,
            text.split(maxsplit=1)[0].rstrip(","),
            width,
            height,
            _fps(text),
            pixels[1] if pixels else "",
            colours[-1].partition(",")[0].strip() if len(colours) > 1 else "",
            square=shape == 1,
        )
    ]


def _fps(text: str) -> float:
    rates = {unit: float(n) * (1000 if k else 1) for n, k, unit in _RATE.findall(text)}
    usable = [rates[unit] for unit in ("fps", "tbr") if 0 < rates.get(unit, 0) <= _MOST_FPS]
    return usable[0] if usable else 0.0


def _turned(track: VideoTrack, degrees: float) -> VideoTrack:
    sideways = round(degrees / 90) % 2 == 1
    width, height = (track.height_px, track.width_px) if sideways else (track.width_px, track.height_px)
    return replace(track, width_px=width, height_px=height, turned=True)


def _sound(index: int, text: str) -> list[AudioTrack]:
    match = _SOUND.search(text)
    if match is None or text.startswith("none"):
        return []
    layout = match[2].strip()
    channels = _CHANNELS.get(layout.partition("(")[0].strip()) or _count(layout)
    return [AudioTrack(index, text.split(maxsplit=1)[0].rstrip(","), int(match[1]), channels)]


def _duration_ms(text: str) -> int:
    match = _DURATION.search(text)
    return round((int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])) * 1000) if match else 0


def _count(layout: str) -> int:
    """Channels of a layout without a name (`3 channels (FL+FR+LFE)`)."""
    match = re.match(r"\d+", layout)
    return max(1, int(match[0])) if match else 2
