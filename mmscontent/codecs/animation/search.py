"""Searches a ladder for the first place whose file is within a limit, with few encodes.

Sizes fall along a ladder, nearly log-linearly between known places. Estimates come from the sample, and every real
encode corrects them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from mmscontent.codecs.animation.renderer import RenderedAnimation

# Share of the limit that the search aims at, so that the next file is rather below it than above.
_AIM = 0.985
# Two places nearer than this give nearly the same file.
_SAME_PLACE = 0.004


@dataclass(frozen=True, slots=True)
class LadderEstimate:
    """Size and quality estimated for a place of the ladder."""

    place: float
    size_bytes: float
    quality: float


class LadderTry(NamedTuple):
    """A rendition made at a place."""

    place: float
    made: RenderedAnimation

    @property
    def size_bytes(self) -> int:
        """Size of its file."""
        return len(self.made.data)


@dataclass(slots=True)
class LadderSearch:
    """What a search tried; *best* is None when even the last place exceeds the limit."""

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

    The estimates are in order of place, from the ladder's top to its end. It stops when *use* of the limit is used, or
    after so many encodes; one more is made when none of them fits.
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
        known = [t for t in found.tried if abs(place - t.place) < _SAME_PLACE]
        if known or len({t.size_bytes for t in found.tried}) < len(found.tried):
            break  # the same file again: sizes change in steps here
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
    """Return where the corrected size curve meets the target, within the places not ruled out yet."""
    places = np.array(sorted({g.place for g in estimates} | {t.place for t in tried}))
    logs = np.interp(places, [g.place for g in estimates], [math.log(max(g.size_bytes, 1)) for g in estimates])
    if tried:
        known = sorted(tried, key=lambda t: t.place)
        raw = np.interp([t.place for t in known], places, logs)
        logs = logs + np.interp(places, [t.place for t in known], np.log([t.size_bytes for t in known]) - raw)
    # Sizes never rise along a ladder.
    logs = np.minimum.accumulate(logs)
    low, high = within
    place = float(np.interp(-math.log(aim_bytes), -logs, places))
    if not tried:
        return min(max(place, low), high)
    # Keep a margin to places known to be too large or small enough, except at the ends of the ladder.
    margin = 0.04 * (high - low)
    ends = estimates[0].place, estimates[-1].place
    seen = {t.place for t in tried}
    least = low if low == ends[0] and low not in seen else low + margin
    most = high if high == ends[1] and high not in seen else high - margin
    return min(max(place, least), most)
