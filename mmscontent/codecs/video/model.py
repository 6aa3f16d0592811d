"""Predicts a video's quality from its cost, and chooses frame size, frame rate, quantiser and audio together.

Pure arithmetic. The constants were fitted on a grid of real clips (benchmarks/motion.py fits them again; docs/motion.md
has the numbers). Qualities are VMAF at a view of 480 lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, log2
from typing import TYPE_CHECKING

from mmscontent.codecs.video.formats import FrameSize, frames_for
from mmscontent.profiles.model import VideoFormat

if TYPE_CHECKING:
    from mmscontent.codecs.video.analyse import PictureCost

# Short side of the view the picture is judged at; a larger picture gains little.
_VIEW_PX, _LARGER_VIEW_PX = 480, 720
_LARGER_GAIN = 3.0
# The quality that settings are chosen by, from size and rate factor: 160 encodes of 8 clips, relative to each clip.
_TOP, _SMALLER, _SMALLER_POWER, _COARSER, _COARSER_POWER, _FROM = 104.0, 20.3, 1.2, 0.455, 1.5, 16.0
_SATURATED, _SOFT = 94.0, 5.0
# The quality that is reported of a setting: a logistic curve between −3 and 103. Its terms: a level, lower where x264's
# probe differs from its source; the size against the video's own and against the view; the coarseness, less visible
# where the probe is like its source and where little changes. 268 encodes of 19 clips (benchmarks/film_level.py).
_LEVEL, _UNLIKE = 3.232, 2.381
_SIZE, _SIZE_AREA, _ENLARGED = 0.339, 1.189, 0.915
_FALL, _FALL_DB, _FALL_CHANGE = 3.142, 0.049, 0.072
_LEAST_SLOPE = 0.2
# No clip of the grid was below the first; below it an average video is assumed.
_UNKNOWN_DB, _KNOWN_DB = 9.0, 11.0
_SPAN = 106.0
# Octaves by which the other encoders' frames are larger than the probe's at the same coarseness.
_GAIN: dict[str, float] = {"h264": 0.0, "mpeg4": 0.2, "h263": 0.35}
# A finer one makes no visible difference.
BEST_FACTOR = 16.0
# Quantiser 31 is the coarsest.
_WORST_FACTOR: dict[str, float] = {"h264": 42.0, "mpeg4": 39.0, "h263": 39.0}
# A frame that is shown longer differs more from the next one.
# Octaves per halving of the frame rate.
_RARER_BITS = 0.35
_RATES = (1.0, 0.5, 1 / 3)
# VMAF points.
# What a lower frame rate costs in VMAF points, which VMAF itself does not see.
_RARER_COST = {1.0: 0.0, 0.5: 14.0, 1 / 3: 22.0}
# Lower frame rates are not tried.
_LEAST_FPS = 5.0
# Share of the audio in the quality of a video; the rest is the picture's.
_AUDIO_WEIGHT = 0.1
# Bytes of the container, once and per frame.
CONTAINER_BYTES, FRAME_BYTES = 1500, 15


@dataclass(frozen=True, slots=True)
class AudioOption:
    """One way to encode the audio; *key* belongs to the caller."""

    size_bytes: int
    quality: float
    key: int


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What is to be encoded, for `settings_within`."""

    wanted: VideoFormat
    width_px: int
    height_px: int
    fps: float
    cost: PictureCost
    audio: Sequence[AudioOption] = ()


@dataclass(frozen=True, slots=True)
class VideoSetting:
    """Frame size, frame rate, rate factor and audio, with the predicted size and quality.

    Attributes:
        fps: Frames per second to encode; None keeps the source's own times.
        factor: x264's rate factor; MPEG-4 and H.263 use a quantiser of the same coarseness.
        picture_bytes: Predicted bytes of the picture without the container.
        size_bytes: Predicted bytes of the file.
        quality: What settings are chosen by: picture and audio of an average video, less for a lower frame rate.
        picture_quality: VMAF predicted for the frames of this video that are shown; dropped frames do not count.
    """

    frame: FrameSize
    fps: float | None
    factor: float
    picture_bytes: int
    size_bytes: int
    quality: float
    picture_quality: float
    audio: AudioOption | None

    @property
    def is_finest(self) -> bool:
        """Whether more bytes would bring no visible gain."""
        return self.factor <= BEST_FACTOR


def settings_within(request: VideoRequest, limit_bytes: int) -> Iterator[VideoSetting]:
    """Yield the settings that fit *limit_bytes*, one per frame size, frame rate and audio option."""
    frames = frames_for(request.wanted, request.width_px, request.height_px, request.fps)
    for audio, (share, fps) in itertools.product(request.audio or (None,), _rates(request)):
        pictures = max(1, round(request.cost.duration_ms / 1000 * fps))
        fixed = CONTAINER_BYTES + FRAME_BYTES * pictures + (audio.size_bytes if audio else 0)
        available_bytes = min(limit_bytes, most_bytes(request)) - fixed
        if available_bytes <= 0:
            continue
        for frame in frames:
            setting = _fitted(request, frame, share, fps, available_bytes / pictures * 8)
            if setting is not None:
                yield _with_audio(setting, audio, fixed, pictures)


def most_bytes(request: VideoRequest) -> int:
    """Return the largest size the rule's bit rate allows: the duration, plus one second of decoder buffer."""
    rate = request.wanted.max_bit_rate_bps
    return CONTAINER_BYTES + rate * (request.cost.duration_ms + 1000) // 8000 if rate else 1 << 60


def best_setting(request: VideoRequest, limit_bytes: int, *, like: VideoSetting | None = None) -> VideoSetting | None:
    """Return the best setting within a limit, with the frame size and rate of *like* if given; None when none fits."""
    found = settings_within(request, limit_bytes)
    alike = (c for c in found if like is None or (c.frame, c.fps) == (like.frame, like.fps))
    return max(alike, key=lambda c: (c.quality, -c.size_bytes), default=None)


def _rates(request: VideoRequest) -> list[tuple[float, float]]:
    """Return the shares of the full frame rate worth trying, with the rates they give."""
    full = min(request.fps, request.wanted.max_fps or request.fps)
    return [(share, full * share) for share in _RATES if share == 1.0 or full * share >= _LEAST_FPS]


def _fitted(request: VideoRequest, frame: FrameSize, share: float, fps: float, bits: float) -> VideoSetting | None:
    """Choose the finest quantiser whose frames have at most so many bits."""
    gain = _GAIN[request.wanted.codec] + _RARER_BITS * log2(max(1.0, request.cost.fps / fps))
    factor = request.cost.factor_for(frame.area_px, bits / 2**gain)
    if factor > _WORST_FACTOR[request.wanted.codec]:
        return None
    factor = max(factor, BEST_FACTOR)
    needed = min(bits, request.cost.bits_at(frame.area_px, factor) * 2**gain)
    shown = picture_quality(request, frame, factor)
    source_px = min(request.width_px, request.height_px)
    typical = max(1.0, _typical_quality(frame.short_px, factor, source_px) - _RARER_COST[share])
    own = fps >= request.fps * 0.98 and request.wanted.codec == "h264"
    return VideoSetting(frame, None if own else round(fps, 3), factor, int(needed / 8), 0, typical, shown, None)


def _with_audio(setting: VideoSetting, audio: AudioOption | None, fixed: int, pictures: int) -> VideoSetting:
    picture = setting.picture_bytes * pictures
    quality = video_quality(setting.quality, audio.quality if audio else None)
    size = picture + fixed
    return replace(setting, picture_bytes=picture, size_bytes=size, quality=quality, audio=audio)


def video_quality(picture: float, audio: float | None) -> float:
    """Combine the quality of picture and audio."""
    return picture if audio is None else (1 - _AUDIO_WEIGHT) * picture + _AUDIO_WEIGHT * audio


def picture_quality(request: VideoRequest, frame: FrameSize, factor: float) -> float:
    """Predict VMAF at the phone's view for a frame size and rate factor, from the video's own probes."""
    cost, source_px = request.cost, min(request.width_px, request.height_px)
    whole = min(_VIEW_PX, source_px)
    smaller, enlarged = log2(max(1.0, whole / frame.short_px)), log2(max(1.0, _VIEW_PX / whole))
    size = (_SIZE + _SIZE_AREA * cost.octaves_per_area) * smaller + _ENLARGED * enlarged
    fall = max(_LEAST_SLOPE, _FALL - _FALL_DB * cost.likeness_db + _FALL_CHANGE * cost.octaves_of_change)
    coarser = max(0.0, factor - _FROM) ** _COARSER_POWER / 100
    odds = _LEVEL - _UNLIKE * 10 ** (-cost.likeness_db / 20) - size - fall * coarser
    seen = _SPAN / (1 + exp(-odds)) - (_SPAN - 100) / 2 - _larger(frame.short_px, source_px)
    known = min(1.0, max(0.0, (cost.likeness_db - _UNKNOWN_DB) / (_KNOWN_DB - _UNKNOWN_DB)))
    seen = known * seen + (1 - known) * _typical_quality(frame.short_px, factor, source_px)
    return min(100.0, max(1.0, seen))


def _typical_quality(short_px: int, factor: float, source_short_px: int) -> float:
    """Predict the same for an average video: right in how size and factor compare, so settings are chosen by it."""
    smaller = log2(max(1.0, min(_VIEW_PX, source_short_px) / short_px))
    raw: float = _TOP - _SMALLER * smaller**_SMALLER_POWER - _COARSER * max(0.0, factor - _FROM) ** _COARSER_POWER
    raw -= _larger(short_px, source_short_px)
    if raw > _SATURATED:
        raw = _SATURATED + _SOFT * (1 - exp((_SATURATED - raw) / _SOFT))
    return max(1.0, raw)


def _larger(short_px: int, source_short_px: int) -> float:
    """Return the points missing at a larger view."""
    whole = min(_VIEW_PX, source_short_px)
    return _LARGER_GAIN * log2(max(1.0, min(_LARGER_VIEW_PX, source_short_px) / max(short_px, whole)))
