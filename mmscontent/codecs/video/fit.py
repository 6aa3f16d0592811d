"""Encodes a video to a wanted size: usually in at most two encodes, the second corrected by the first.

H.264: an encode with the statistics of the analysis lands within a few per cent; where the analysis saw other frames
(another frame rate, or only parts of a long video), a quick first pass makes new statistics. MPEG-4 and H.263: two
encodes by quantiser. A video that needs less than the limit: one encode at the finest useful quantiser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import log2
from typing import TYPE_CHECKING

from mmscontent.codecs.base import Effort
from mmscontent.codecs.video.encode import (
    ANALYSIS_PASS,
    FIRST_PASS,
    AudioInput,
    EncodeTarget,
    encode_video,
    first_pass,
    picture_bytes,
)
from mmscontent.codecs.video.model import BEST_FACTOR, VideoRequest, VideoSetting, best_setting, picture_quality

if TYPE_CHECKING:
    from mmscontent.codecs.video.formats import FrameSize
    from mmscontent.ffmpeg import FfmpegSession, VideoTrack

# Targets as shares of the limit: by quantiser, by statistics, and in the second encode.
_AIM, _AIM_BY_STATISTICS, _AIM_AGAIN = 0.955, 0.96, 0.965
_ENOUGH, _ENOUGH_BY_STATISTICS = 0.92, 0.88
# The coarsest factor of each codec.
_COARSEST = {"h264": 51.0, "mpeg4": 39.0, "h263": 39.0}
# How much faster bits fall over short steps than between the probes.
_SLOPE = {"h264": 1.2, "mpeg4": 1.3, "h263": 1.3}
# A bit rate needs some seconds to be met; shorter clips are encoded by quantiser.
_FEW_FRAMES = 90
# A third only when nothing fits or the best uses little; a first pass does not count.
_ENCODES = 3
# A lower use of the limit is poor; each further target is lower by this.
_POOR, _LOWER = 0.75, 0.02
# A smaller change of the factor gives no reliable slope.
_MIN_STEP = 0.3
# When an encode is this many times off, another frame size may be better.
_FAR_OFF = 4.0


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """One encode; *rate* is its bit rate, None when it was encoded by quantiser."""

    data: bytes
    setting: VideoSetting
    picture_bytes: int
    rate: int | None


@dataclass(slots=True)
class VideoFitter:
    """Encodes one source until a result fits.

    Attributes:
        capped_fps: Frames per second, where the rule allows fewer than the source has.
        audio_for: Returns the audio input of a setting; None for no audio.
        tries: What was tried, as the ledger lists it.
    """

    session: FfmpegSession
    track: VideoTrack
    request: VideoRequest
    effort: Effort
    capped_fps: float | None
    audio_for: Callable[[VideoSetting], AudioInput | None]
    tries: list[str] = field(default_factory=list)
    _first_pass_of: tuple[FrameSize, float | None] | None = None

    def fit(self, setting: VideoSetting, limit: int) -> list[EncodedVideo]:
        """Encode, starting with a setting, until a result is close enough below *limit*; returns all encodes."""
        encodes: list[EncodedVideo] = []
        while not self._enough(encodes, limit):
            if encodes:
                setting = self._next_setting(setting, encodes, limit)
            encodes.append(self._encode(setting, self._rate_for(setting, encodes, limit)))
        return encodes

    def aimed(self, limit: int) -> VideoSetting | None:
        """Return the best setting that is likely to fit."""
        return best_setting(self.request, int(limit * _AIM)) or best_setting(self.request, limit)

    def _enough(self, encodes: list[EncodedVideo], limit: int) -> bool:
        """Whether the last encode is good enough, or no further one is allowed."""
        if not encodes:
            return False
        last, enough = encodes[-1], _ENOUGH_BY_STATISTICS if encodes[-1].rate else _ENOUGH
        if len(last.data) <= limit and (len(last.data) >= enough * limit or last.setting.is_finest):
            return True
        used = max((len(m.data) for m in encodes if len(m.data) <= limit), default=0)
        return len(encodes) >= _ENCODES or (len(encodes) > 1 and used >= _POOR * limit)

    def _next_setting(self, setting: VideoSetting, encodes: list[EncodedVideo], limit: int) -> VideoSetting:
        """Choose the setting of the next encode, corrected by the last one."""
        last = encodes[-1]
        if last.rate:
            return setting  # the encoder missed its bit rate
        correction = last.picture_bytes / max(1, setting.picture_bytes)
        if len(encodes) > 1 or (1 / _FAR_OFF < correction < _FAR_OFF and not setting.is_finest):
            return self._adjusted(setting, encodes, limit)
        cost = self.request.cost
        self.request = replace(self.request, cost=replace(cost, bits_per_frame=cost.bits_per_frame * correction))
        return best_setting(self.request, int(limit * _AIM)) or self._adjusted(setting, encodes, limit)

    def _adjusted(self, setting: VideoSetting, encodes: list[EncodedVideo], limit: int) -> VideoSetting:
        """Keep frame size, rate and audio, and change the factor by as much as the last encode was off."""
        last, aimed = encodes[-1], int(limit * (_AIM_AGAIN - _LOWER * (len(encodes) - 1)))
        available_bytes = max(1, aimed - (len(last.data) - last.picture_bytes))
        factor = setting.factor - log2(available_bytes / last.picture_bytes) / self._slope(encodes)
        factor = min(max(factor, BEST_FACTOR), _COARSEST[self.request.wanted.codec])
        quality = picture_quality(self.request, setting.frame, factor)
        return replace(setting, factor=factor, picture_bytes=available_bytes, size_bytes=aimed, picture_quality=quality)

    def _slope(self, encodes: list[EncodedVideo]) -> float:
        """Return by how many octaves the bits fall per step, by the last two encodes or else by the analysis."""
        steps = encodes[-1].setting.factor - encodes[-2].setting.factor if len(encodes) > 1 else 0.0
        if abs(steps) > _MIN_STEP and encodes[-1].setting.frame == encodes[-2].setting.frame:
            return min(max(log2(encodes[-2].picture_bytes / encodes[-1].picture_bytes) / steps, 0.05), 0.6)
        return self.request.cost.octaves_per_step * _SLOPE[self.request.wanted.codec]

    def _rate_for(self, setting: VideoSetting, encodes: list[EncodedVideo], limit: int) -> int | None:
        """Return the bit rate that should fill the limit; None for an encode by quantiser."""
        if self.request.wanted.codec != "h264" or not self._is_long:
            return None
        last = encodes[-1] if encodes else None
        if last is None and setting.is_finest:
            return None
        if last is not None and last.rate:
            available_bytes = limit * _AIM_AGAIN - (len(last.data) - last.picture_bytes)
            return max(1000, int(last.rate * available_bytes / last.picture_bytes))
        rest = setting.size_bytes - setting.picture_bytes
        return max(1000, int((limit * _AIM_BY_STATISTICS - rest) * 8000 / self.request.cost.duration_ms))

    @property
    def _is_long(self) -> bool:
        return self.request.cost.frames >= _FEW_FRAMES

    def _aim(self, setting: VideoSetting, rate: int | None) -> EncodeTarget:
        fps = setting.fps or self.capped_fps
        return EncodeTarget(setting.frame, fps, None if rate else setting.factor, rate or 0)

    def _statistics(self, setting: VideoSetting, target: EncodeTarget) -> str:
        """Choose the statistics: those of the analysis if it saw the same frames, else of a new first pass."""
        if setting.fps is None and self.request.cost.counted:
            return ANALYSIS_PASS
        if self._first_pass_of != (setting.frame, setting.fps):
            self._first_pass_of = setting.frame, setting.fps
            first_pass(self.session, self.track, self.request.wanted, target, effort=self.effort)
            self.tries.append(f"{target}: first pass")
        return FIRST_PASS

    def _encode(self, setting: VideoSetting, rate: int | None) -> EncodedVideo:
        target = self._aim(setting, rate)
        statistics = self._statistics(setting, target) if rate else ""
        audio = self.audio_for(setting)
        data = encode_video(
            self.session,
            self.track,
            self.request.wanted,
            target,
            effort=self.effort,
            audio=audio,
            statistics=statistics,
        )
        self.tries.append(f"{target} → {len(data):,} bytes, {setting.size_bytes:,} predicted")
        return EncodedVideo(data, setting, max(1, picture_bytes(data)), rate)
