"""From a choice to a film of the wanted size: at most two encodes by plan, each told by the one before.

H.264: a quick pass writes statistics, a second encode reads them and lands within a few per cent. The older codecs:
two encodes by quantiser, the second corrected by the first. A film that needs less than it may have: one encode at the
finest quantiser that is of use.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mmscontent.codecs.video.encode import Aim, encode_film, payload_bytes, study_film
from mmscontent.codecs.video.model import Choice, Want, best_choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmscontent.codecs.base import Effort
    from mmscontent.engines.ffmpeg import Room, VideoTrack

__all__ = ["Film", "Fitter"]

# Parts of the limit that are aimed at: by a choice, by statistics, by quantiser, and by statistics the second time.
_AIM, _AIM_STUDIED, _AIM_SIMPLE, _AIM_AGAIN = 0.975, 0.975, 0.95, 0.96
_LOOSER, _LEAST_AIM = 1.2, 0.93  # by statistics a clip of few pictures lands less surely: this much over their number
_ENOUGH, _ENOUGH_STUDIED = 0.96, 0.9
_ENCODES = 3  # two by plan; a third only when the second is still over, or far under; statistics are no encode
_FAR_OFF = 1.6  # an encode this many times larger or smaller than predicted: another frame size may be better


@dataclass(frozen=True, slots=True)
class Film:
    """An encode that was made."""

    data: bytes
    choice: Choice
    picture_bytes: int
    rate: int | None


@dataclass(slots=True)
class Fitter:
    """Makes films of one source.

    Attributes:
        capped_fps: Frames a second where the rule allows fewer than the source has.
        sound_for: Makes a choice's sound, lays it in the room, and returns its bytes and file name.
        sound_outputs: What would make it, for a run that is made anyway; nothing when it is made already.
        tries: What was tried, in words.
    """

    room: Room
    track: VideoTrack
    want: Want
    effort: Effort
    capped_fps: float | None
    sound_for: Callable[[Choice], tuple[bytes, str]]
    sound_outputs: Callable[[Choice], list[Any]]
    tries: list[str] = field(default_factory=list)
    _studied: Choice | None = None

    def fit(self, choice: Choice, limit: int) -> list[Film]:
        """Encodes from a first choice on, until one is near enough under *limit*."""
        made: list[Film] = []
        while not self._enough(made, limit):
            if made:
                choice = self._again(choice, made[-1], limit)
            made.append(self._encode(choice, self._rate_for(choice, made, limit)))
        return made

    def aimed(self, limit: int) -> Choice | None:
        """The best choice that is likely to keep the limit."""
        return best_choice(self.want, int(limit * _AIM)) or best_choice(self.want, limit)

    def _enough(self, made: list[Film], limit: int) -> bool:
        """Whether the last encode is to be sent, or nothing more may be tried."""
        if not made:
            return False
        last, enough = made[-1], _ENOUGH_STUDIED if made[-1].rate else _ENOUGH
        if len(last.data) <= limit and (len(last.data) >= enough * limit or last.choice.is_finest):
            return True
        return len(made) >= _ENCODES or (len(made) > 1 and any(len(m.data) <= limit for m in made))

    def _again(self, choice: Choice, last: Film, limit: int) -> Choice:
        """The choice for another encode, now that one told how far the prediction was off."""
        if last.rate:
            return choice  # the encoder's own error
        correction = last.picture_bytes / max(1, choice.picture_bytes)
        cost = self.want.cost
        self.want = replace(self.want, cost=replace(cost, bits_per_frame=cost.bits_per_frame * correction))
        near = 1 / _FAR_OFF < correction < _FAR_OFF and not choice.is_finest
        aimed = int(limit * (_AIM if self.want.wanted.codec == "h264" else _AIM_SIMPLE))
        return best_choice(self.want, aimed, like=choice if near else None) or choice

    def _rate_for(self, choice: Choice, made: list[Film], limit: int) -> int | None:
        """Bits a second that should fill the limit, by statistics; None for an encode by quantiser."""
        if self.want.wanted.codec != "h264" or (choice.is_finest and not any(m.choice == choice for m in made)):
            return None
        last = made[-1] if made else None
        if last is not None and last.rate:
            room_bytes = limit * _AIM_AGAIN - (len(last.data) - last.picture_bytes)
            return max(1000, int(last.rate * room_bytes / last.picture_bytes))
        rest = choice.size_bytes - choice.picture_bytes
        aim = max(_LEAST_AIM, _AIM_STUDIED - _LOOSER / self.want.cost.frames)
        rate = max(1000, int((limit * aim - rest) * 8000 / self.want.cost.duration_ms))
        if self._studied != choice:
            beside = self.sound_outputs(choice)
            aimed = self._aim(choice, rate)
            study_film(self.room, self.track, self.want.wanted, aimed, effort=self.effort, beside=beside)
            self.tries.append(f"{self._aim(choice, rate)}: statistics")
            self._studied = choice
        return rate

    def _aim(self, choice: Choice, rate: int | None) -> Aim:
        fps = choice.fps or self.capped_fps
        return Aim(choice.frame, fps, None if rate else choice.factor, rate or 0)

    def _encode(self, choice: Choice, rate: int | None) -> Film:
        sound, file = self.sound_for(choice)
        aim = self._aim(choice, rate)
        data = encode_film(self.room, self.track, self.want.wanted, aim, effort=self.effort, sound=file)
        self.tries.append(f"{aim} → {len(data):,} bytes, {choice.size_bytes:,} predicted")
        return Film(data, choice, max(1, payload_bytes(data) - payload_bytes(sound)), rate)
