"""The one analysis pass: small encodes of the picture say what it costs at any size and quantiser.

The source is decoded once for all of them. The first is made as x264 makes a first pass, so its statistics serve the
real encode, whatever its size. Long films are looked at in three places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import log2, log10
from typing import TYPE_CHECKING, Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.video.encode import ANALYSIS_PASS, picture_options
from mmscontent.codecs.video.filter_graph import filter_graph
from mmscontent.codecs.video.formats import FrameSize
from mmscontent.errors import DamagedMedia, EngineFailed
from mmscontent.ffmpeg import RunLimits
from mmscontent.profiles.model import VideoFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.codecs.base import Effort
    from mmscontent.ffmpeg import FfmpegSession, VideoTrack

__all__ = ["AnalysisRequest", "PictureCost", "analyse"]

# Sides and rate factors of the probes; the first is the anchor. Its long side is half the film's, within these.
_ANCHOR = 24
_PROBES = ((1.0, _ANCHOR), (1.0, 34), (0.5, _ANCHOR))
_LEAST_PX, _MOST_PX = 160, 320
# What is not written is priced as this.
_PRICED_AS = VideoFormat("video/mp4", "h264", "main")
# What the real encoder's frames are larger by at the anchor, in octaves, and how much more slowly they fall with the
# factor, against the probes': fitted on 260 encodes of 14 clips, within an eighth of an octave for half of them.
_MORE, _FLATTER = -0.12, 0.82
_WHOLE_PX = 2_000_000_000  # frames × area decoded in full: half a minute of 1080p30
_WHOLE_FRAMES = 40_000  # twenty minutes of the smallest pictures
_WINDOW_S = 4.0
_TIMES = "times"
_MOST_FPS = 480.0
_WRONG = re.compile(r"^(?:\[[^\]]*\] )?\[(?:error|fatal|panic)\]", re.MULTILINE)
_LIKENESS = re.compile(r"SSIM Mean Y:([\d.]+)")
_STEEPER = 1.4  # under the anchor's factor the bits grow faster


@dataclass(frozen=True, slots=True)
class PictureCost:
    """What a picture track costs.

    Attributes:
        frames, duration_ms: As decoded; of a long film as its header says.
        counted: They were decoded, all of them, and x264's statistics of them are left in the session's folder.
        clean: The decoder had nothing to complain of.
        likeness_db: SSIM of the anchor to what it was made of, as −10 · log10(1 − SSIM): noise and fine detail are lost
            first.
        octaves_of_change: By how much a predicted picture of the anchor is larger than one coded alone; below nought.
        bits_per_frame: At the anchor: its area and rate factor.
        octaves_per_step: How often the bits halve with each step of the rate factor.
        octaves_per_area: How the bits grow with the area, 1.0 = in proportion.
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
        """Frames a second on average."""
        return self.frames * 1000 / max(1, self.duration_ms)

    def bits_at(self, area_px: int, rate_factor: float) -> float:
        """Predicted bits of one frame for the probe's own encoder."""
        octaves = self.octaves_per_area * log2(area_px / self.anchor_px)
        steps = rate_factor - _ANCHOR
        return float(
            self.bits_per_frame * 2 ** (octaves - self.octaves_per_step * steps * (_STEEPER if steps < 0 else 1))
        )

    def factor_for(self, area_px: int, bits_per_frame: float) -> float:
        """The rate factor that makes frames of so many bits."""
        steps = -log2(max(bits_per_frame, 1.0) / self.bits_at(area_px, _ANCHOR)) / self.octaves_per_step
        return _ANCHOR + (steps / _STEEPER if steps < 0 else steps)


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What is looked at, and what for.

    Attributes:
        duration_ms: As the header says; 0 when it does not.
        fps: Frames a second to make, None for the film's own.
        wanted: What will be made of it.
    """

    track: VideoTrack
    duration_ms: int
    fps: float | None
    wanted: VideoFormat
    effort: Effort


def analyse(session: FfmpegSession, request: AnalysisRequest, beside: Sequence[Any] = ()) -> PictureCost:
    """Decode the film once and encode it small in a few ways.

    Args:
        session: Where the film lies.
        request: What to analyse.
        beside: Other outputs to make in the same run; the picture is looked at without them when they fail.

    Raises:
        DamagedMedia: Not one picture can be decoded.
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
        said = session.run(*outputs, *beside, limits=RunLimits(wall_s=150), loglevel="level+info")
        wrong = _WRONG.search(said) is not None
    except EngineFailed as exc:
        if exc.status is None:
            raise  # the program never ran
        if not session.size(probes[0][2]):
            if beside:
                return analyse(session, request)
            raise DamagedMedia(f"its picture cannot be decoded: {_last(exc)}", part=exc.part) from exc
        said, wrong = "", True
    cost = _cost(session, probes, request.duration_ms if len(spans) > 1 else 0, track)
    return replace(_with_encoder_log(cost, said), clean=not wrong or not cost.counted)


def _with_encoder_log(cost: PictureCost, said: str) -> PictureCost:
    """What x264 says of the anchor, whose encoder is closed first; what it does not say stays as is usual."""
    likeness = _LIKENESS.search(said)
    alone, later = (re.search(rf"frame {kind}:\d+ .*size: *(\d+)", said) for kind in "IP")
    if likeness is not None:
        cost = replace(cost, likeness_db=-10 * log10(max(1e-5, 1 - float(likeness[1]))))
    if alone is not None and later is not None:
        cost = replace(cost, octaves_of_change=log2(max(1, int(later[1])) / max(1, int(alone[1]))))
    return cost


def _spans(track: VideoTrack, duration_ms: int) -> list[dict[str, float]]:
    """Where to look: everywhere, or at the start, in the middle and before the end of what is long."""
    frames = duration_ms / 1000 * (track.fps or 30)
    whole = frames <= _WHOLE_FRAMES and frames * track.width_px * track.height_px <= _WHOLE_PX
    if whole or duration_ms < 4000 * _WINDOW_S:
        return [{}]
    last = duration_ms / 1000 - _WINDOW_S - 1
    return [{"ss": round(at, 3), "t": _WINDOW_S} for at in (0.0, last / 2, last)]


def _small(track: VideoTrack, share: float) -> FrameSize:
    long_px = max(track.width_px, track.height_px)
    scale = min(1.0, share * min(_MOST_PX, max(_LEAST_PX, long_px / 2)) / long_px)
    width, height = (max(16, round(side * scale / 2) * 2) for side in (track.width_px, track.height_px))
    return FrameSize(width, height, (width, height))


def _probe(node: Any, request: AnalysisRequest, frame: FrameSize, factor: int, name: str, largest: FrameSize) -> Any:  # noqa: ANN401 - ffmpeg-python has no types
    if frame != largest:
        node = node.filter("scale", frame.width_px, frame.height_px, flags="area")
    options = picture_options(request.wanted if request.wanted.codec == "h264" else _PRICED_AS, request.effort)
    # As a first pass, which is quick; of the anchor's, the first output, the statistics are used.
    options |= {"crf": factor, "pass": 1, "passlogfile": ANALYSIS_PASS, "x264-params": "ssim=1"}
    return ffmpeg.output(node, name, f="h264", fps_mode="passthrough", **options)


def _clock(node: Any) -> Any:  # noqa: ANN401 - as above
    """Every picture's time, as a line of text each."""
    return ffmpeg.output(
        node.filter("scale", 16, 16, flags="fast_bilinear"), _TIMES, f="framecrc", fps_mode="passthrough"
    )


def _times(text: str) -> list[float]:
    """Milliseconds at which each picture is shown, and at which the last one ends."""
    base = re.search(r"^#tb 0: (\d+)/(\d+)", text, re.MULTILINE)
    rows = [line.split(",") for line in text.splitlines() if line.startswith("0,")]
    if base is None or not rows:
        return []
    unit = 1000 * int(base[1]) / int(base[2])
    shown = [int(row[2]) for row in rows]
    return [ticks * unit for ticks in (*shown, shown[-1] + int(rows[-1][3]))]


def _last(exc: EngineFailed) -> str:
    return exc.last_lines.splitlines()[-1][:200] if exc.last_lines else str(exc)


def _cost(
    session: FfmpegSession, probes: list[tuple[FrameSize, int, str]], whole_ms: int, track: VideoTrack
) -> PictureCost:
    times = _times(session.read(_TIMES).decode("ascii", "replace"))
    pictures = len(times) - 1
    if pictures < 1:
        raise DamagedMedia("its picture track holds not one picture that can be decoded")
    seen_ms = max(1, round(times[-1] - times[0]))
    if seen_ms < 1000 * pictures / _MOST_FPS:
        seen_ms = round(1000 * pictures / (track.fps or 25))  # times that stand still
    sizes = [max(1.0, session.size(name) * 8 / pictures) for _, _, name in probes]
    (frame_a, factor_a, _), (_, factor_b, _), (frame_c, _, _) = probes
    steps = _FLATTER * log2(sizes[0] / sizes[1]) / (factor_b - factor_a)
    areas = log2(frame_a.area_px / frame_c.area_px)
    growth = log2(sizes[0] / sizes[2]) / areas if areas > 0.5 else 0.75  # noqa: PLR2004 - too near to tell
    return PictureCost(
        round(pictures * whole_ms / seen_ms) if whole_ms else pictures,
        whole_ms or seen_ms,
        frame_a.area_px,
        sizes[0] * 2**_MORE,
        min(0.30, max(0.06, steps)),
        min(1.1, max(0.35, growth)),
        counted=not whole_ms,
    )
