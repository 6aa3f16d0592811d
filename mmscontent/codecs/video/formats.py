"""Checks a video against the formats of a receiver, and lists the frame sizes that may be encoded for it.

Sources: ITU-T H.264 table A-1, H.263 annex X, ISO/IEC 14496-2 annex N; 3GPP TS 26.140 section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent.message import MediaInfo
from mmscontent.profiles.model import VideoFormat

if TYPE_CHECKING:
    from mmscontent.ffmpeg import ProbeResult

# Level: macroblocks a frame, macroblocks a second (H.264 table A-1).
_H264: dict[str, tuple[int, int]] = {
    "1": (99, 1_485),
    "1b": (99, 1_485),
    "1.1": (396, 3_000),
    "1.2": (396, 6_000),
    "1.3": (396, 11_880),
    "2": (396, 11_880),
    "2.1": (792, 19_800),
    "2.2": (1_620, 20_250),
    "3": (1_620, 40_500),
    "3.1": (3_600, 108_000),
    "3.2": (5_120, 216_000),
    "4": (8_192, 245_760),
    "4.1": (8_192, 245_760),
    "4.2": (8_704, 522_240),
    "5": (22_080, 589_824),
    "5.1": (36_864, 983_040),
}
# From the least demanding up: a player of one level or profile plays those before it.
_LEVELS: dict[str, tuple[str, ...]] = {
    "h264": tuple(_H264),
    "h263": ("10", "45", "20", "30", "40", "50", "60", "70"),
    "mpeg4": ("0", "0b", "1", "2", "3", "4a", "5", "6"),
}
_PROFILES: dict[str, tuple[str, ...]] = {
    "h264": ("constrained-baseline", "baseline", "main", "high"),
    "h263": ("0", "3"),
    "mpeg4": ("simple", "advanced-simple"),
}
# H.263 clause 4.1: baseline has these frame sizes only.
_H263_FRAMES = ((128, 96), (176, 144), (352, 288))
# Frames are counted in macroblocks of 16 × 16.
_MACROBLOCK = 16
_MIN_SHORT_PX, _STEP = 96, 0.86
# Codecs that can be encoded.
_ENCODED = ("h264", "mpeg4", "h263")
# 15.02 frames per second count as 15.
_TOLERANCE = 1.02


@dataclass(frozen=True, slots=True)
class FrameSize:
    """A frame size to encode at; *picture_px* is smaller where a codec has fixed sizes and the rest is black."""

    width_px: int
    height_px: int
    picture_px: tuple[int, int]

    @property
    def area_px(self) -> int:
        """Area of the picture."""
        return self.picture_px[0] * self.picture_px[1]

    @property
    def short_px(self) -> int:
        """Short side of the picture."""
        return min(self.picture_px)

    def __str__(self) -> str:
        return f"{self.width_px}×{self.height_px}"


def choose_format(formats: Sequence[VideoFormat]) -> VideoFormat | None:
    """Return the best format that can be encoded; a rule names the best first."""
    return next((f for f in formats if f.codec in _ENCODED), None)


def audio_codec_of(wanted: VideoFormat) -> str:
    """Return the audio codec that goes with a video format."""
    return wanted.audio_codec or ("aac" if wanted.codec == "h264" else "amr-nb")


def frames_for(wanted: VideoFormat, width_px: int, height_px: int, fps: float) -> tuple[FrameSize, ...]:
    """Return the frame sizes for a video of these sides, largest first; never larger than it, at least one."""
    if wanted.codec == "h263":
        return _h263_frames(wanted, width_px, height_px)
    long, short = max(width_px, height_px), min(width_px, height_px)
    scale = min(1.0, (wanted.max_long_px or long) / long, (wanted.max_short_px or short) / short)
    frames: list[FrameSize] = []
    while True:
        frame = _even(width_px * scale, height_px * scale)
        if _within_level(wanted, frame, fps) and frame not in frames:
            frames.append(frame)
        if frames and min(width_px, height_px) * scale * _STEP < _MIN_SHORT_PX:
            return tuple(frames)
        scale *= _STEP


def _even(width: float, height: float) -> FrameSize:
    sides = max(2, int(width / 2 + 1e-9) * 2), max(2, int(height / 2 + 1e-9) * 2)
    return FrameSize(*sides, sides)


def _within_level(wanted: VideoFormat, frame: FrameSize, fps: float) -> bool:
    bound = _H264.get(_level(wanted.level)) if wanted.codec == "h264" and wanted.level else None
    if bound is None:
        return True
    blocks = -(-frame.width_px // _MACROBLOCK) * -(-frame.height_px // _MACROBLOCK)
    return blocks <= bound[0] and blocks * min(fps, wanted.max_fps or fps) <= bound[1] * _TOLERANCE


def _h263_frames(wanted: VideoFormat, width_px: int, height_px: int) -> tuple[FrameSize, ...]:
    """Fit the picture upright into each fixed frame size the rule allows; the smallest is always allowed."""
    frames = []
    for long, short in reversed(_H263_FRAMES):
        if long > (wanted.max_long_px or 176) and (long, short) != _H263_FRAMES[0]:
            continue
        scale = min(1.0, long / width_px, short / height_px)
        inner = _even(min(long, width_px * scale), min(short, height_px * scale))
        frames.append(FrameSize(long, short, inner.picture_px))
    fitting = [f for f in frames if f.picture_px != (width_px, height_px)]
    exact = [f for f in frames if f.picture_px == (width_px, height_px)]
    return (*exact[-1:], *fitting)


# --- pass-through ------------------------------------------------------------------------------------


def passthrough_blockers(info: MediaInfo, probed: ProbeResult, formats: Sequence[VideoFormat]) -> tuple[str, ...]:
    """Return why no format accepts the video unchanged, for the closest format; empty when one does."""
    assert probed.video is not None
    always = [*_always(info, probed)]
    tries = [(*always, *_against(info, probed, wanted)) for wanted in formats]
    return min(tries, key=len) if tries else ("the receiver plays no video",)


def _always(info: MediaInfo, probed: ProbeResult) -> list[str]:
    assert probed.video is not None
    reasons = []
    if probed.video.turned:
        reasons.append("it is stored rotated, which not every phone respects")
    if not probed.video.square:
        reasons.append("its pixels are not square")
    if probed.video.is_hdr:
        reasons.append("its colours are HDR")
    if any("tracks of other kinds" in note for note in info.notes):
        reasons.append("it has tracks other than video and audio")
    return reasons


def _against(info: MediaInfo, probed: ProbeResult, wanted: VideoFormat) -> list[str]:
    assert probed.video is not None
    reasons = []
    if info.media_type != wanted.media_type:
        reasons.append(f"{info.media_type} is not {wanted.media_type}")
    if info.codec != wanted.codec:
        reasons.append(f"{info.codec} is not {wanted.codec}")
    elif not _at_most(_PROFILES, wanted.codec, _profile(info.profile), _profile(wanted.profile)):
        reasons.append(f"{info.codec} profile {info.profile} is above {wanted.profile}")
    elif not _at_most(_LEVELS, wanted.codec, _level(info.level), _level(wanted.level)):
        reasons.append(f"{info.codec} level {info.level} is above {wanted.level}")
    long, short = max(probed.video.width_px, probed.video.height_px), min(probed.video.width_px, probed.video.height_px)
    if long > (wanted.max_long_px or long) or short > (wanted.max_short_px or short):
        reasons.append(f"{long}×{short} px exceed {wanted.max_long_px}×{wanted.max_short_px}")
    if wanted.max_fps and (info.fps or probed.video.fps) > wanted.max_fps * _TOLERANCE:
        reasons.append(f"{info.fps or probed.video.fps:g} frames per second exceed {wanted.max_fps:g}")
    if wanted.max_bit_rate_bps and (info.bit_rate_bps or 0) > wanted.max_bit_rate_bps * _TOLERANCE:
        reasons.append(f"{info.bit_rate_bps or 0:,} bit/s exceed {wanted.max_bit_rate_bps:,}")
    if probed.audio is not None and info.audio_codec != audio_codec_of(wanted):
        reasons.append(f"its audio is {info.audio_codec}, not {audio_codec_of(wanted)}")
    return reasons


def _profile(name: str | None) -> str:
    return (name or "").replace(" ", "-")


def _level(name: str | None) -> str:
    return (name or "").removesuffix(".0")


def _at_most(order: dict[str, tuple[str, ...]], codec: str, found: str, most: str) -> bool:
    """Whether a profile or level is at most another; one that header or rule does not state is no obstacle."""
    rows = order.get(codec, ())
    if not most or not found:
        return True
    return found in rows and most in rows and rows.index(found) <= rows.index(most)
