"""Measures what a video's picture costs at any size and quantiser, with small encodes from one decode.

The first encode is an x264 first pass, so its statistics serve the real encode, whatever its size. A long video is
analysed in three places only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2, log10
from typing import Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.decode import last_line
from mmscontent.codecs.base import Effort
from mmscontent.codecs.video.encode import ANALYSIS_PASS, picture_options
from mmscontent.codecs.video.filter_graph import filter_graph
from mmscontent.codecs.video.formats import FrameSize
from mmscontent.errors import DamagedMedia, EngineFailed
from mmscontent.ffmpeg import FfmpegSession, RunLimits, VideoTrack
from mmscontent.profiles.model import VideoFormat

# Scales and rate factors of the probe encodes; the first is the anchor. Its long side is half the video's, within
# these bounds.
_ANCHOR = 24
_PROBES = ((1.0, _ANCHOR), (1.0, 34), (0.5, _ANCHOR))
_MIN_PX, _MAX_PX = 160, 320
# The probes of MPEG-4 and H.263 are encoded as this.
_PRICED_AS = VideoFormat("video/mp4", "h264", "main")
# By how many octaves the frames of the real encoder are larger at the anchor than the probe's, and by which share of
# the probe's slope they fall with the factor: fitted on 260 encodes of 14 clips, half within an eighth of an octave.
_OFFSET_OCTAVES, _SLOPE_SHARE = -0.12, 0.82
# Frames × area that are analysed in full: half a minute of 1080p30.
_WHOLE_PX = 2_000_000_000
# Twenty minutes of the smallest pictures.
_WHOLE_FRAMES = 40_000
# Seconds of each of the three spans of a long video.
_WINDOW_S = 4.0
_TIMES = "times"
# More frames per second than this mean that the timestamps do not advance.
_MAX_FPS = 480.0
_ERROR_LINE = re.compile(r"^(?:\[[^\]]*\] )?\[(?:error|fatal|panic)\]", re.MULTILINE)
_SSIM = re.compile(r"SSIM Mean Y:([\d.]+)")
# Below the anchor's factor the bits grow this many times faster.
_STEEPER = 1.4


@dataclass(frozen=True, slots=True)
class PictureCost:
    """What a video track's picture costs to encode.

    Attributes:
        frames, duration_ms: As decoded; for a long video as its header says.
        counted: All frames were decoded, and x264's statistics of them are in the session.
        clean: The decoder reported no error.
        likeness_db: SSIM of the anchor to its source as −10 · log10(1 − SSIM); low for noise and fine detail.
        octaves_of_change: Size of a predicted frame of the anchor over that of a key frame; below 0.
        bits_per_frame: Bits at the anchor's area and rate factor.
        octaves_per_step: How often the bits halve with each step of the rate factor.
        octaves_per_area: How the bits grow with the area; 1.0 is proportional.
    """

    frames: int
    duration_ms: int
    anchor_px: int
    bits_per_frame: float
    octaves_per_step: float
    octaves_per_area: float
    counted: bool = True
    clean: bool = True
    likeness_db: float = 14.0
    octaves_of_change: float = -2.5

    @property
    def fps(self) -> float:
        """Average frames per second."""
        return self.frames * 1000 / max(1, self.duration_ms)

    def bits_at(self, area_px: int, rate_factor: float) -> float:
        """Predict the bits of one frame for the probe's encoder."""
        octaves = self.octaves_per_area * log2(area_px / self.anchor_px)
        steps = rate_factor - _ANCHOR
        return float(
            self.bits_per_frame * 2 ** (octaves - self.octaves_per_step * steps * (_STEEPER if steps < 0 else 1))
        )

    def factor_for(self, area_px: int, bits_per_frame: float) -> float:
        """Return the rate factor that gives frames of so many bits."""
        steps = -log2(max(bits_per_frame, 1.0) / self.bits_at(area_px, _ANCHOR)) / self.octaves_per_step
        return _ANCHOR + (steps / _STEEPER if steps < 0 else steps)


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What is analysed.

    Attributes:
        duration_ms: Duration stated by the header; 0 when it states none.
        fps: Frames per second to encode; None for the video's own.
        wanted: The format it will be encoded in.
    """

    track: VideoTrack
    duration_ms: int
    fps: float | None
    wanted: VideoFormat
    effort: Effort


def analyse(session: FfmpegSession, request: AnalysisRequest, beside: Sequence[Any] = ()) -> PictureCost:
    """Decode the video once and encode it at a few small sizes.

    Args:
        session: The session that holds the video.
        request: What to analyse.
        beside: Other outputs of the same run; when they fail, the picture is analysed without them.

    Raises:
        DamagedMedia: No frame can be decoded.
    """
    track = request.track
    spans = _spans(track, request.duration_ms)
    sources = [session.source_node(**span)[str(track.index)] for span in spans]
    probes = [(_small(track, share), factor, f"probe{i}") for i, (share, factor) in enumerate(_PROBES)]
    largest = probes[0][0]
    parts = [filter_graph(node, track, largest, fps=request.fps, flags="area") for node in sources]
    whole = ffmpeg.concat(*parts, v=1, a=0) if len(parts) > 1 else parts[0]
    copies = whole.filter_multi_output("split", len(probes) + 1)
    outputs = [_probe(copies.stream(i), request, *probe, largest) for i, probe in enumerate(probes)]
    outputs.append(_clock(copies.stream(len(probes))))
    try:
        log = session.run(*outputs, *beside, limits=RunLimits(wall_s=150), loglevel="level+info")
        has_errors = _ERROR_LINE.search(log) is not None
    except EngineFailed as exc:
        if exc.status is None:
            raise  # FFmpeg never ran
        if not session.size(probes[0][2]):
            if beside:
                return analyse(session, request)
            raise DamagedMedia(f"its picture cannot be decoded: {last_line(exc)}", part=exc.part) from exc
        log, has_errors = "", True
    cost = _cost(session, probes, request.duration_ms if len(spans) > 1 else 0, track)
    return replace(_with_encoder_log(cost, log), clean=not has_errors or not cost.counted)


def _with_encoder_log(cost: PictureCost, log: str) -> PictureCost:
    """Add what x264 logs about the anchor, whose encoder is closed first; the defaults stay where it logs nothing."""
    likeness = _SSIM.search(log)
    alone, later = (re.search(rf"frame {kind}:\d+ .*size: *(\d+)", log) for kind in "IP")
    if likeness is not None:
        cost = replace(cost, likeness_db=-10 * log10(max(1e-5, 1 - float(likeness[1]))))
    if alone is not None and later is not None:
        cost = replace(cost, octaves_of_change=log2(max(1, int(later[1])) / max(1, int(alone[1]))))
    return cost


def _spans(track: VideoTrack, duration_ms: int) -> list[dict[str, float]]:
    """Choose the spans to analyse: everything, or the start, the middle and the end of a long video."""
    frames = duration_ms / 1000 * (track.fps or 30)
    whole = frames <= _WHOLE_FRAMES and frames * track.width_px * track.height_px <= _WHOLE_PX
    if whole or duration_ms < 4000 * _WINDOW_S:
        return [{}]
    last = duration_ms / 1000 - _WINDOW_S - 1
    return [{"ss": round(at, 3), "t": _WINDOW_S} for at in (0.0, last / 2, last)]


def _small(track: VideoTrack, share: float) -> FrameSize:
    long_px = max(track.width_px, track.height_px)
    scale = min(1.0, share * min(_MAX_PX, max(_MIN_PX, long_px / 2)) / long_px)
    width, height = (max(16, round(side * scale / 2) * 2) for side in (track.width_px, track.height_px))
    return FrameSize(width, height, (width, height))


def _probe(node: Any, request: AnalysisRequest, frame: FrameSize, factor: int, name: str, largest: FrameSize) -> Any:  # noqa: ANN401 - ffmpeg-python has no types
    if frame != largest:
        node = node.filter("scale", frame.width_px, frame.height_px, flags="area")
    options = picture_options(request.wanted if request.wanted.codec == "h264" else _PRICED_AS, request.effort)
    # As a first pass, which is quick; the statistics of the anchor, the first output, are used later.
    options |= {"crf": factor, "pass": 1, "passlogfile": ANALYSIS_PASS, "x264-params": "ssim=1"}
    return ffmpeg.output(node, name, f="h264", fps_mode="passthrough", **options)


def _clock(node: Any) -> Any:  # noqa: ANN401 - as above
    """Output the time of every frame as a line of text."""
    return ffmpeg.output(
        node.filter("scale", 16, 16, flags="fast_bilinear"), _TIMES, f="framecrc", fps_mode="passthrough"
    )


def _times(text: str) -> list[float]:
    """Return the milliseconds at which each frame is shown, and at which the last one ends."""
    base = re.search(r"^#tb 0: (\d+)/(\d+)", text, re.MULTILINE)
    rows = [line.split(",") for line in text.splitlines() if line.startswith("0,")]
    if base is None or not rows:
        return []
    unit = 1000 * int(base[1]) / int(base[2])
    shown = [int(row[2]) for row in rows]
    return [ticks * unit for ticks in (*shown, shown[-1] + int(rows[-1][3]))]


def _cost(
    session: FfmpegSession, probes: list[tuple[FrameSize, int, str]], whole_ms: int, track: VideoTrack
) -> PictureCost:
    times = _times(session.read(_TIMES).decode("ascii", "replace"))
    frames = len(times) - 1
    if frames < 1:
        raise DamagedMedia("its video track holds no frame that can be decoded")
    analysed_ms = max(1, round(times[-1] - times[0]))
    if analysed_ms < 1000 * frames / _MAX_FPS:
        analysed_ms = round(1000 * frames / (track.fps or 25))  # the timestamps do not advance
    sizes = [max(1.0, session.size(name) * 8 / frames) for _, _, name in probes]
    (frame_a, factor_a, _), (_, factor_b, _), (frame_c, _, _) = probes
    steps = _SLOPE_SHARE * log2(sizes[0] / sizes[1]) / (factor_b - factor_a)
    areas = log2(frame_a.area_px / frame_c.area_px)
    growth = log2(sizes[0] / sizes[2]) / areas if areas > 0.5 else 0.75  # noqa: PLR2004 - the sizes are too close to tell
    return PictureCost(
        round(frames * whole_ms / analysed_ms) if whole_ms else frames,
        whole_ms or analysed_ms,
        frame_a.area_px,
        sizes[0] * 2**_OFFSET_OCTAVES,
        min(0.30, max(0.06, steps)),
        min(1.1, max(0.35, growth)),
        counted=not whole_ms,
    )
