"""Encodes a whole video once: picture in the chosen codec, audio beside it, header in front.

An encode at a bit rate reads statistics that x264 left in the session's folder: those of the analysis at another size
(x264 scales them) or those of a first pass (`first_pass`). It lands near a wanted size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.base import Effort
from mmscontent.codecs.video.filter_graph import SMALL_COLOURS_PX, filter_graph
from mmscontent.containers.isobmff import boxes, child, top_boxes
from mmscontent.ffmpeg import FfmpegSession, RunLimits, VideoTrack
from mmscontent.profiles.model import VideoFormat

if TYPE_CHECKING:
    from mmscontent.codecs.video.formats import FrameSize

MUXERS = {"video/mp4": "mp4", "video/3gpp": "3gp", "video/3gpp2": "3g2", "video/quicktime": "mov"}
_PRESETS: dict[str, str] = {"fast": "medium", "best": "slow"}
_X264_PROFILES = {"constrained-baseline": "baseline", "baseline": "baseline", "main": "main", "high": "high"}
# Names of the passes whose statistics an encode may read.
ANALYSIS_PASS, FIRST_PASS = "analysed", "studied"
_OUT = "video"
# Seeking in a clip of seconds does not justify key frames.
_KEYFRAMES_S = 8


# A node, and the options of its encoder.
AudioInput = tuple[Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EncodeTarget:
    """What an encode aims at: a rate factor, or a bit rate by the statistics of an earlier pass."""

    frame: FrameSize
    fps: float | None
    factor: float | None = None
    bits_per_second: int = 0

    def __str__(self) -> str:
        rate = f"{self.fps:g} frames per second" if self.fps else "its own frame rate"
        how = f"rate factor {self.factor:.1f}" if self.factor is not None else f"{self.bits_per_second / 1000:.0f} kb/s"
        return f"{self.frame} at {rate}, {how}"


def encode_video(
    session: FfmpegSession,
    track: VideoTrack,
    wanted: VideoFormat,
    target: EncodeTarget,
    *,
    effort: Effort,
    audio: AudioInput | None = None,
    statistics: str = "",
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """Encode; the same source, target, effort and statistics give the same bytes.

    Args:
        session: The session that holds the video.
        track: Its video track.
        wanted: The format to encode.
        target: Frame size, frame rate, and rate factor or bit rate.
        effort: How long the encoder may search for savings.
        audio: The audio input, None for none.
        statistics: The pass whose statistics an encode at a bit rate reads, `ANALYSED` or `STUDIED`.
        progress: Called with the milliseconds written so far.

    Raises:
        EngineFailed, EngineTimeout: FFmpeg failed.
    """
    options = picture_options(wanted, effort)
    if target.factor is None:
        rate = min(target.bits_per_second, wanted.max_bit_rate_bps or target.bits_per_second)
        options |= {"passlogfile": statistics, "pass": 2, "b:v": rate}
    else:
        options |= _by_factor(wanted, target.factor)
    # H.264 states its colours in the VUI (ITU-T H.264 Annex E).
    if wanted.codec == "h264":
        options |= _x264_colours(target)
    else:
        options["g"] = round((target.fps or 15) * _KEYFRAMES_S)
    if wanted.max_bit_rate_bps:
        options |= {"maxrate": wanted.max_bit_rate_bps, "bufsize": 2 * wanted.max_bit_rate_bps}
    nodes = [filter_graph(session.source_node()[str(track.index)], track, target.frame, fps=target.fps)]
    if audio is not None:
        nodes.append(audio[0])
        options |= audio[1]
    options |= {
        "f": MUXERS[wanted.media_type],
        "fps_mode": "passthrough" if target.fps is None else "cfr",
        "movflags": "+faststart",
        "map_metadata": -1,
        "map_chapters": -1,
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
    }
    session.run(ffmpeg.output(*nodes, _OUT, **options), limits=RunLimits(wall_s=600, cpu_s=1200), progress=progress)
    return session.read(_OUT)


def first_pass(
    session: FfmpegSession, track: VideoTrack, wanted: VideoFormat, target: EncodeTarget, *, effort: Effort
) -> None:
    """Run a quick x264 pass that leaves its statistics in the folder, for an encode with the same target."""
    picture = filter_graph(session.source_node()[str(track.index)], track, target.frame, fps=target.fps)
    options = picture_options(wanted, effort)
    options |= {"b:v": target.bits_per_second, "passlogfile": FIRST_PASS, "pass": 1}
    options |= {"f": "null", "fps_mode": "passthrough" if target.fps is None else "cfr"}
    session.run(ffmpeg.output(picture, "-", **options), limits=RunLimits(wall_s=600, cpu_s=1200))


def picture_options(wanted: VideoFormat, effort: Effort) -> dict[str, Any]:
    """Return the encoder and the options that all its passes share."""
    if wanted.codec == "h264":
        return _x264(wanted, effort)
    # MPEG-4 simple profile and H.263 profile 0: no B frames, decisions by rate and distortion.
    options: dict[str, Any] = {"c:v": wanted.codec, "mbd": "rd", "trellis": 1, "cmp": 2, "subcmp": 2, "bf": 0}
    return options | {"qmax": 31, "threads": 1}


def _by_factor(wanted: VideoFormat, factor: float) -> dict[str, Any]:
    if wanted.codec == "h264":
        return {"crf": f"{factor:.2f}"}
    # H.264's quantiser step is 2 ** ((factor - 4) / 6); in MPEG-4 and H.263 the step is twice the quantiser.
    options: dict[str, Any] = {"q:v": f"{min(31.0, max(1.0, 2 ** ((factor - 10) / 6))):.2f}"}
    if wanted.max_bit_rate_bps:
        options["b:v"] = wanted.max_bit_rate_bps  # unused, but the encoder checks it against the maximum
    return options


def _x264(wanted: VideoFormat, effort: Effort) -> dict[str, Any]:
    options: dict[str, Any] = {
        "c:v": "libx264",
        "preset": _PRESETS[effort],
        "profile:v": _X264_PROFILES.get(wanted.profile or "main", "main"),
        "bsf:v": "filter_units=remove_types=6",  # the SEI with the encoder's settings as text, 600 bytes
        "g": 250,
        "threads": 1,  # with two, rate control sees frames in flight: one run in fourteen differed
    }
    if wanted.level:
        options["level:v"] = wanted.level
    return options


def _x264_colours(target: EncodeTarget) -> dict[str, Any]:
    small = min(target.frame.width_px, target.frame.height_px) <= SMALL_COLOURS_PX
    colours = "smpte170m" if small else "bt709"
    return {"colorspace": colours, "color_trc": colours, "color_primaries": colours, "color_range": "tv"}


def picture_bytes(data: bytes) -> int:
    """Return the bytes of all samples of the video track of a file we encoded (ISO/IEC 14496-12 section 8.7.3)."""
    movie = next((box for box in top_boxes(data) if box.kind == b"moov"), None)
    for track in boxes(data, movie.start, movie.end) if movie else ():
        handler = child(data, track, b"mdia", b"hdlr") if track.kind == b"trak" else None
        sizes = child(data, track, b"mdia", b"minf", b"stbl", b"stsz")
        if handler and sizes and data[handler.start + 8 : handler.start + 12] == b"vide":
            each, count = struct.unpack_from(">II", data, sizes.start + 4)
            return int(each * count or sum(struct.unpack_from(f">{count}I", data, sizes.start + 12)))
    return 0
