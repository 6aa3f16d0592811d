"""Probes a source: which tracks ffmpeg finds, read from the lines it prints on opening a file; there is no ffprobe.

`probe` opens the demuxer and decodes next to nothing, so it tells what headers claim. What an analysis counts is
believed before that.
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

# Opening takes 20 ms; a damaged index may take a full read.
_PROBE_LIMITS = RunLimits(wall_s=30, cpu_s=20)
_STREAM = re.compile(r"^ *Stream #0:(\d+)\S*: (Video|Audio): (.*)$")
_SIZE = re.compile(r"[ ,](\d{1,5})x(\d{1,5})[ ,]")
_SAR = re.compile(r"SAR (\d+):(\d+)")
_RATE = re.compile(r" ([\d.]+)(k?) (fps|tbr)")
_PIXELS = re.compile(r", ((?:yuv|rgb|bgr|gray|nv|p0|gbr|pal|ya|argb|abgr|mono)\w*)(?:\(([^)]*)\))?")
_ROTATION = re.compile(r"[Rr]otation of (-?[\d.]+) degrees")
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_AUDIO = re.compile(r" (\d+) Hz, ([\w. ()]+)")
_CHANNELS = {"mono": 1, "stereo": 2, "2.1": 3, "3.0": 3, "4.0": 4, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}
# ITU-R BT.2100: PQ and HLG.
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
# QUIRK: for a container without a rate ffmpeg prints its time base, `1k fps` or `90k tbr`.
_MAX_FPS = 240.0


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A video track as it will be shown.

    Attributes:
        index: Its number among the streams.
        width_px, height_px: Upright and with square pixels.
        fps: As the container states; 0.0 when it states nothing usable.
        transfer: `arib-std-b67` (HLG), `smpte2084` (PQ), … or "".
        turned: The container asks for a rotation or a mirror.
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
        """Its transfer function is made for brighter screens than an MMS receiver can be assumed to have."""
        return self.transfer in _HDR_TRANSFERS


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An audio track; *index* is its number among the streams."""

    index: int
    codec: str
    sample_rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The tracks that would be used, and the container's duration (0: not stated)."""

    video: VideoTrack | None
    audio: AudioTrack | None
    duration_ms: int = 0


def probe(session: FfmpegSession) -> ProbeResult:
    """Open a source and read which tracks it has.

    Raises:
        DamagedMedia: It cannot be opened.
        UnknownMedia: It has neither video nor audio in a codec that we decode.
    """
    node = session.source_node()
    # Copying for no time: ffmpeg prints what it finds and decodes next to nothing.
    nothing = ffmpeg.output(node["v?"], node["a?"], "-", f="null", c="copy", t=0)
    try:
        banner = session.run(nothing, limits=_PROBE_LIMITS, loglevel="info")
    except EngineFailed as exc:
        if exc.status is None:
            raise  # the program never ran
        raise DamagedMedia(f"it cannot be opened as {session.demuxer}: {_reason(exc)}", part=exc.part) from exc
    found = parse_banner(banner.partition("\nOutput #0")[0])
    if found.video is None and found.audio is None:
        raise UnknownMedia("it holds no video or audio in a codec that we decode")
    return found


def _reason(exc: EngineFailed) -> str:
    """The first line that says why, without ffmpeg's prefix `[mov,mp4 @ 0x55d0…]`."""
    lines = [re.sub(r"^\[[^\]]*\] ", "", line) for line in exc.last_lines.splitlines()]
    return lines[0][:200] if lines else str(exc)


def parse_banner(text: str) -> ProbeResult:
    """The tracks that ffmpeg's lines about an input name: the largest video track and the first audio track."""
    videos: list[VideoTrack] = []
    audios: list[AudioTrack] = []
    for line in text.splitlines():
        match = _STREAM.match(line)
        if match and match[2] == "Video" and "(attached pic)" not in line:  # cover art is no video
            videos += _video(int(match[1]), match[3])
        elif match and match[2] == "Audio":
            audios += _audio(int(match[1]), match[3])
        # The display matrix is printed below its stream.
        elif videos and not match and (rotation := _ROTATION.search(line)):
            videos[-1] = _rotated(videos[-1], float(rotation[1]))
    video = max(videos, key=lambda v: v.width_px * v.height_px, default=None)
    return ProbeResult(video, audios[0] if audios else None, _duration_ms(text))


def _video(index: int, text: str) -> list[VideoTrack]:
    size = _SIZE.search(text)
    if size is None or text.startswith("none"):
        return []
    width, height = int(size[1]), int(size[2])
    # QUIRK: `[SAR 12:11 DAR 4:3]` is the codec's ratio; a second `SAR 1:1` after it is the container's and counts.
    ratios = [Fraction(int(a), int(b)) for a, b in _SAR.findall(text) if int(a) and int(b)]
    ratio = ratios[-1] if ratios else Fraction(1)
    if ratio > 1:
        width = round(width * ratio)
    elif ratio < 1:
        height = round(height / ratio)
    pixels = _PIXELS.search(text)
    # `yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67, progressive)`: matrix/primaries/transfer, or one for all.
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
            square=ratio == 1,
        )
    ]


def _fps(text: str) -> float:
    rates = {unit: float(n) * (1000 if k else 1) for n, k, unit in _RATE.findall(text)}
    usable = [rates[unit] for unit in ("fps", "tbr") if 0 < rates.get(unit, 0) <= _MAX_FPS]
    return usable[0] if usable else 0.0


def _rotated(track: VideoTrack, degrees: float) -> VideoTrack:
    sideways = round(degrees / 90) % 2 == 1
    width, height = (track.height_px, track.width_px) if sideways else (track.width_px, track.height_px)
    return replace(track, width_px=width, height_px=height, turned=True)


def _audio(index: int, text: str) -> list[AudioTrack]:
    match = _AUDIO.search(text)
    if match is None or text.startswith("none"):
        return []
    layout = match[2].strip()
    channels = _CHANNELS.get(layout.partition("(")[0].strip())
    # A layout without a name: `3 channels (FL+FR+LFE)`.
    if channels is None:
        count = re.match(r"\d+", layout)
        channels = max(1, int(count[0])) if count else 2
    return [AudioTrack(index, text.split(maxsplit=1)[0].rstrip(","), int(match[1]), channels)]


def _duration_ms(text: str) -> int:
    match = _DURATION.search(text)
    return round((int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])) * 1000) if match else 0
