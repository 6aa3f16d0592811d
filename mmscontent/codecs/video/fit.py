"""From a choice to a film of the wanted size: at most two encodes by plan, each told by the one before.

H.264: an encode that reads the analysis' statistics lands within a few per cent; where the analysis saw other frames (a
lower rate, a long film in pieces), a quick pass makes them. The older codecs:
two encodes by quantiser, the second corrected by the first. A film that needs less than it may have: one encode at the
finest quantiser that is of use.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import log2
from typing import TYPE_CHECKING

from mmscontent.codecs.video.encode import (
    ANALYSIS_PASS,
    FIRST_PASS,
    EncodeTarget,
    encode_video,
    first_pass,
    picture_bytes,
)
from mmscontent.codecs.video.model import BEST_FACTOR, VideoRequest, VideoSetting, best_setting, picture_quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.video.encode import AudioInput
    from mmscontent.codecs.video.formats import FrameSize
    from mmscontent.ffmpeg import FfmpegSession, VideoTrack

__all__ = ["EncodedVideo", "VideoFitter"]

# Parts of the limit that are aimed at: by a choice, by statistics, and the second time.
_AIM, _AIM_STUDIED, _AIM_AGAIN = 0.955, 0.96, 0.965
_ENOUGH, _ENOUGH_STUDIED = 0.92, 0.88
_COARSEST = {"h264": 51.0, "mpeg4": 39.0, "h263": 39.0}  # the codecs end there
_SLOPE = {"h264": 1.2, "mpeg4": 1.3, "h263": 1.3}  # how much faster bits fall on short steps than between the probes
_FEW_FRAMES = 90  # a rate needs some seconds to be met; shorter clips are made by quantiser
_ENCODES = 3  # two by plan; a third only when nothing fits yet, or what does is poor; statistics are no encode
_POOR, _LOWER = 0.75, 0.02  # so little use is poor; with each try less is aimed at
_A_STEP = 0.3  # of the factor; less tells no slope
_FAR_OFF = 4.0  # an encode this many times larger or smaller than predicted: another frame size may be better


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """An encode that was made."""

    data: bytes
    setting: VideoSetting
    picture_bytes: int
    rate: int | None


@dataclass(slots=True)
class VideoFitter:
    """Makes films of one source.

    Attributes:
        capped_fps: Frames a second where the rule allows fewer than the source has.
        sound_for: How a choice's sound is made; None when it has none.
        tries: What was tried, in words.
    """

    session: FfmpegSession
    track: VideoTrack
    request: VideoRequest
    effort: Effort
    capped_fps: float | None
    sound_for: Callable[[VideoSetting], AudioInput | None]
    tries: list[str] = field(default_factory=list)
    _first_pass_of: tuple[FrameSize, float | None] | None = None

    def fit(self, setting: VideoSetting, limit: int) -> list[EncodedVideo]:
        """Encodes from a first choice on, until one is near enough under *limit*."""
        made: list[EncodedVideo] = []
        while not self._enough(made, limit):
            if made:
                setting = self._next_setting(setting, made, limit)
            made.append(self._encode(setting, self._rate_for(setting, made, limit)))
        return made

    def aimed(self, limit: int) -> VideoSetting | None:
        """The best choice that is likely to keep the limit."""
        return best_setting(self.request, int(limit * _AIM)) or best_setting(self.request, limit)

    def _enough(self, made: list[EncodedVideo], limit: int) -> bool:
        """Whether the last encode is to be sent, or nothing more may be tried."""
        if not made:
            return False
        last, enough = made[-1], _ENOUGH_STUDIED if made[-1].rate else _ENOUGH
        if len(last.data) <= limit and (len(last.data) >= enough * limit or last.setting.is_finest):
            return True
        used = max((len(m.data) for m in made if len(m.data) <= limit), default=0)
        return len(made) >= _ENCODES or (len(made) > 1 and used >= _POOR * limit)

    def _next_setting(self, setting: VideoSetting, made: list[EncodedVideo], limit: int) -> VideoSetting:
        """The choice for another encode, now that one told how far the prediction was off."""
        last = made[-1]
        if last.rate:
            return setting  # the encoder's own error
        correction = last.picture_bytes / max(1, setting.picture_bytes)
        if len(made) > 1 or (1 / _FAR_OFF < correction < _FAR_OFF and not setting.is_finest):
            return self._adjusted(setting, made, limit)
        cost = self.request.cost
        self.request = replace(self.request, cost=replace(cost, bits_per_frame=cost.bits_per_frame * correction))
        return best_setting(self.request, int(limit * _AIM)) or self._adjusted(setting, made, limit)

    def _adjusted(self, setting: VideoSetting, made: list[EncodedVideo], limit: int) -> VideoSetting:
        """The same frame, rate and sound, coarser or finer by as much as the last encode was off."""
        last, aimed = made[-1], int(limit * (_AIM_AGAIN - _LOWER * (len(made) - 1)))
        room_bytes = max(1, aimed - (len(last.data) - last.picture_bytes))
        factor = setting.factor - log2(room_bytes / last.picture_bytes) / self._slope(made)
        factor = min(max(factor, BEST_FACTOR), _COARSEST[self.request.wanted.codec])
        seen = picture_quality(self.request, setting.frame, factor)
        return replace(setting, factor=factor, picture_bytes=room_bytes, size_bytes=aimed, picture_quality=seen)

    def _slope(self, made: list[EncodedVideo]) -> float:
        """Octaves by which the bits fall a step: as the last two encodes say, else as the analysis does."""
        steps = made[-1].setting.factor - made[-2].setting.factor if len(made) > 1 else 0.0
        if abs(steps) > _A_STEP and made[-1].setting.frame == made[-2].setting.frame:
            return min(max(log2(made[-2].picture_bytes / made[-1].picture_bytes) / steps, 0.05), 0.6)
        return self.request.cost.octaves_per_step * _SLOPE[self.request.wanted.codec]

    def _rate_for(self, setting: VideoSetting, made: list[EncodedVideo], limit: int) -> int | None:
        """Bits a second that should fill the limit, by statistics; None for an encode by quantiser."""
        if self.request.wanted.codec != "h264" or not self._is_long:
            return None
        last = made[-1] if made else None
        if last is None and setting.is_finest:
            return None
        if last is not None and last.rate:
            room_bytes = limit * _AIM_AGAIN - (len(last.data) - last.picture_bytes)
            return max(1000, int(last.rate * room_bytes / last.picture_bytes))
        rest = setting.size_bytes - setting.picture_bytes
        return max(1000, int((limit * _AIM_STUDIED - rest) * 8000 / self.request.cost.duration_ms))

    @property
    def _is_long(self) -> bool:
        return self.request.cost.frames >= _FEW_FRAMES

    def _aim(self, setting: VideoSetting, rate: int | None) -> EncodeTarget:
        fps = setting.fps or self.capped_fps
        return EncodeTarget(setting.frame, fps, None if rate else setting.factor, rate or 0)

    def _statistics(self, setting: VideoSetting, target: EncodeTarget) -> str:
        """Whose an encode at a rate reads: the analysis' where it saw the same pictures, else a pass of its own."""
        if setting.fps is None and self.request.cost.counted:
            return ANALYSIS_PASS
        if self._first_pass_of != (setting.frame, setting.fps):
            self._first_pass_of = setting.frame, setting.fps
            first_pass(self.session, self.track, self.request.wanted, target, effort=self.effort)
            self.tries.append(f"{target}: statistics")
        return FIRST_PASS

    def _encode(self, setting: VideoSetting, rate: int | None) -> EncodedVideo:
        target = self._aim(setting, rate)
        statistics = self._statistics(setting, target) if rate else ""
        sound = self.sound_for(setting)
        data = encode_video(
            self.session,
            self.track,
            self.request.wanted,
            target,
            effort=self.effort,
            sound=sound,
            statistics=statistics,
        )
        self.tries.append(f"{target} → {len(data):,} bytes, {setting.size_bytes:,} predicted")
        return EncodedVideo(data, setting, max(1, picture_bytes(data)), rate)
