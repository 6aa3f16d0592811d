"""One encode of the whole film: picture by the chosen codec, the sound made beforehand copied in, header in front.

`study_film` leaves the encoder's statistics in the room; an encode at a rate reads them and lands near a wanted size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.video.picture import SMALL_COLOURS_PX, shaped
from mmscontent.engines.ffmpeg import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.video.formats import Frame
    from mmscontent.engines.ffmpeg import Room, VideoTrack
    from mmscontent.profile import VideoFormat

__all__ = ["MUXERS", "Aim", "encode_film", "payload_bytes", "study_film"]

MUXERS = {"video/mp4": "mp4", "video/3gpp": "3gp", "video/3gpp2": "3g2", "video/quicktime": "mov"}
_PRESETS: dict[str, str] = {"fast": "medium", "best": "slow"}
_X264_PROFILES = {"constrained-baseline": "baseline", "baseline": "baseline", "main": "main", "high": "high"}
_OUT, _STATS = "film", "stats"
_KEYFRAMES_S = 8  # seeking in a clip of seconds is not worth key frames


@dataclass(frozen=True, slots=True)
class Aim:
    """What an encode aims at: a rate factor, or bits a second by the statistics of the one before."""

    frame: Frame
    fps: float | None
    factor: float | None = None
    bits_per_second: int = 0

    def __str__(self) -> str:
        rate = f"{self.fps:g} frames a second" if self.fps else "its own frame rate"
        how = f"rate factor {self.factor:.1f}" if self.factor is not None else f"{self.bits_per_second / 1000:.0f} kb/s"
        return f"{self.frame} at {rate}, {how}"


def encode_film(
    room: Room,
    track: VideoTrack,
    wanted: VideoFormat,
    aim: Aim,
    *,
    effort: Effort,
    sound: str = "",
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """Encode; the same source, aim and effort give the same bytes.

    Args:
        room: Where the film lies.
        track: Its picture track.
        wanted: What to make of it.
        aim: Frame, rate and coarseness.
        effort: How long the encoder may look for savings.
        progress: Called with the milliseconds written so far.
        sound: File in the room that holds the sound, made for the same format; "" for none.

    Raises:
        EngineFailed, EngineTimeout: The program failed.
    """
    options = _picture_options(wanted, aim, effort)
    nodes = [shaped(room.source()[str(track.index)], track, aim.frame, fps=aim.fps)]
    if sound:
        nodes.append(room.made(sound, "mov")["a:0"])
        options["c:a"] = "copy"
    options |= {
        "f": MUXERS[wanted.media_type],
        "fps_mode": "passthrough" if aim.fps is None else "cfr",
        "movflags": "+faststart",
        "map_metadata": -1,
        "map_chapters": -1,
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
        "threads": 1,  # with two, the rate control of x264 sees frames in flight and one run in fourteen differs
    }
    room.run(ffmpeg.output(*nodes, _OUT, **options), bounds=Bounds(wall_s=600, cpu_s=1200), progress=progress)
    return room.read(_OUT)


def study_film(
    room: Room, track: VideoTrack, wanted: VideoFormat, aim: Aim, *, effort: Effort, beside: Sequence[Any] = ()
) -> None:
    """Let x264 go through the film quickly and leave its statistics in the room, for an encode with the same aim.

    *beside* are other outputs that are made in the same run.
    """
    picture = shaped(room.source()[str(track.index)], track, aim.frame, fps=aim.fps)
    options = _picture_options(wanted, aim, effort) | {"pass": 1, "fastfirstpass": 1}
    options |= {"f": "null", "fps_mode": "passthrough" if aim.fps is None else "cfr", "threads": 1}
    room.run(ffmpeg.output(picture, "-", **options), *beside, bounds=Bounds(wall_s=600, cpu_s=1200))


def _picture_options(wanted: VideoFormat, aim: Aim, effort: Effort) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if aim.factor is None:
        options |= {
            "passlogfile": _STATS,
            "pass": 2,
            "b:v": min(aim.bits_per_second, wanted.max_bit_rate_bps or aim.bits_per_second),
        }
    elif wanted.max_bit_rate_bps and wanted.codec != "h264":
        options["b:v"] = wanted.max_bit_rate_bps  # not used, but the encoder compares it with the bound
    if wanted.codec == "h264":
        options |= _x264(wanted, aim, effort)
    else:
        options |= _simple(wanted, aim)
    if wanted.max_bit_rate_bps:
        options |= {"maxrate": wanted.max_bit_rate_bps, "bufsize": 2 * wanted.max_bit_rate_bps}
    return options


def _x264(wanted: VideoFormat, aim: Aim, effort: Effort) -> dict[str, Any]:
    small = min(aim.frame.width_px, aim.frame.height_px) <= SMALL_COLOURS_PX
    colours = "smpte170m" if small else "bt709"
    options: dict[str, Any] = {
        "c:v": "libx264",
        "preset": _PRESETS[effort],
        "profile:v": _X264_PROFILES.get(wanted.profile or "main", "main"),
        "colorspace": colours,
        "color_trc": "smpte170m" if small else "bt709",
        "color_primaries": colours,
        "color_range": "tv",
        "bsf:v": "filter_units=remove_types=6",  # the encoder's settings in words, 600 bytes
        "g": 250,
    }
    if wanted.level:
        options["level:v"] = wanted.level
    if aim.factor is not None:
        options["crf"] = f"{aim.factor:.2f}"
    return options


def _simple(wanted: VideoFormat, aim: Aim) -> dict[str, Any]:
    """MPEG-4 simple profile and H.263 profile 0: no B frames, long groups, decisions by rate and distortion."""
    options: dict[str, Any] = {
        "c:v": wanted.codec,
        "g": round((aim.fps or 15) * _KEYFRAMES_S),
        "mbd": "rd",
        "trellis": 1,
        "cmp": 2,
        "subcmp": 2,
        "bf": 0,
        "qmax": 31,
    }
    if aim.factor is not None:
        # H.264's step doubles every 6, being 2 ** ((factor - 4) / 6); here it is twice the quantiser.
        options["q:v"] = f"{min(31.0, max(1.0, 2 ** ((aim.factor - 10) / 6))):.2f}"
    return options


def payload_bytes(data: bytes) -> int:
    """What pictures and sound take of a file of ours, the container's own left out."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"mdat":
            return size - 8
        at += max(size, 8)
    return len(data)
