"""Where on the ladder to stop: the first place whose file keeps within a limit, found in few encodes.

Sizes fall along a ladder, near enough to a straight line of logarithms between places that are known; guesses
come from the sample, and every real encode corrects them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mmscontent.codecs.animation.renderer import RenderedAnimation

__all__ = ["LadderEstimate", "LadderSearch", "search_ladder"]

_AIM = 0.985
_NO_NEWS = 0.004  # two places nearer than this give the same file, or nearly


@dataclass(frozen=True, slots=True)
class LadderEstimate:
    """What a place of the ladder is thought to give."""

    place: float
    size_bytes: float
    quality: float


class LadderTry(NamedTuple):
    """What was made at a place."""

    place: float
    made: RenderedAnimation

    @property
    def size_bytes(self) -> int:
        """Of its file."""
        return len(self.made.data)


@dataclass(slots=True)
class LadderSearch:
    """What a search tried; `best` is None when even the last place is over the limit."""

    best: RenderedAnimation | None = None
    tried: list[LadderTry] = field(default_factory=list)


def search_ladder(
    make: Callable[[float], RenderedAnimation],
    estimates: Sequence[LadderEstimate],
    limit_bytes: int,
    *,
    use: float,
    encodes: int,
) -> LadderSearch:
    """Search a ladder for the largest file within a limit.

    The guesses are in order of place, from the ladder's top to its end. It stops when *use* of the limit is used, or
    after so many encodes, one more when none of them fitted.
    """
    found = LadderSearch()
    top, end = estimates[0].place, estimates[-1].place
    low, high = top, end
    place = _place_for(estimates, found.tried, limit_bytes * _AIM, (low, high))
    while len(found.tried) < encodes:
        size = _try(found, make, place, limit_bytes)
        if size <= limit_bytes:
            high = min(high, place)
            if place == top or size >= use * limit_bytes:
                return found
        elif place == end:
            return found
        else:
            low = max(low, place)
        place = _place_for(estimates, found.tried, limit_bytes * _AIM, (low, high))
        known = [t for t in found.tried if abs(place - t.place) < _NO_NEWS]
        if known or len({t.size_bytes for t in found.tried}) < len(found.tried):
            break  # the same file again: sizes go in steps here
    if found.best is None:
        _try(found, make, end, limit_bytes)
    return found


def _try(found: LadderSearch, make: Callable[[float], RenderedAnimation], place: float, limit_bytes: int) -> int:
    made = make(place)
    found.tried.append(LadderTry(place, made))
    size = len(made.data)
    if size <= limit_bytes and (found.best is None or size > len(found.best.data)):
        found.best = made
    return size


def _place_for(
    estimates: Sequence[LadderEstimate], tried: Sequence[LadderTry], aim_bytes: float, within: tuple[float, float]
) -> float:
    """Where the corrected curve of sizes meets the aim, kept inside what is not yet ruled out."""
    places = np.array(sorted({g.place for g in estimates} | {t.place for t in tried}))
    logs = np.interp(places, [g.place for g in estimates], [math.log(max(g.size_bytes, 1)) for g in estimates])
    if tried:
        known = sorted(tried, key=lambda t: t.place)
        raw = np.interp([t.place for t in known], places, logs)
        logs = logs + np.interp(places, [t.place for t in known], np.log([t.size_bytes for t in known]) - raw)
    logs = np.minimum.accumulate(logs)
    low, high = within
    place = float(np.interp(-math.log(aim_bytes), -logs, places))
    if not tried:
        return min(max(place, low), high)
    # Stay off the ends that are known to be over or under, but for the ladder's own.
    margin = 0.04 * (high - low)
    ends = estimates[0].place, estimates[-1].place
    seen = {t.place for t in tried}
    least = low if low == ends[0] and low not in seen else low + margin
    most = high if high == ends[1] and high not in seen else high - margin
    return min(max(place, least), most)
