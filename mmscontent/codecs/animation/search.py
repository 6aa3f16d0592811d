"""Where on the ladder to stop: the first place whose file keeps within a limit, found in few encodes.

Sizes fall along a ladder, near enough to a straight line of logarithms between places that are known; guesses
come from the sample, and every real encode corrects them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mmscontent.codecs.animation.make import Made

__all__ = ["Found", "Guess", "find_place"]

_AIM = 0.985
_NO_NEWS = 0.004  # two places nearer than this give the same file, or nearly


@dataclass(frozen=True, slots=True)
class Guess:
    """What a place of the ladder is thought to give."""

    place: float
    size_bytes: float
    quality: float


@dataclass(slots=True)
class Found:
    """What a search tried; `best` is None when even the last place is over the limit."""

    best: Made | None = None
    tried: list[Made] = field(default_factory=list)


def find_place(
    make: Callable[[float], Made], guesses: Sequence[Guess], limit_bytes: int, *, use: float, encodes: int
) -> Found:
    """Search a ladder for the largest file within a limit.

    The guesses are in order of place, from the ladder's top to its end. It stops when *use* of the limit is used, or
    after so many encodes, one more when none of them fitted.
    """
    found = Found()
    low, high = guesses[0].place, guesses[-1].place
    place = _place_for(guesses, found.tried, limit_bytes * _AIM, (low, high))
    while len(found.tried) < encodes:
        made = make(place)
        found.tried.append(made)
        if len(made.data) <= limit_bytes:
            if found.best is None or len(made.data) > len(found.best.data):
                found.best = made
            high = min(high, place)
            if place == guesses[0].place or len(made.data) >= use * limit_bytes:
                return found
        elif place == guesses[-1].place:
            return found
        else:
            low = max(low, place)
        place = _place_for(guesses, found.tried, limit_bytes * _AIM, (low, high))
        if any(abs(place - t.place) < _NO_NEWS for t in found.tried):
            break
    if found.best is None:
        made = make(guesses[-1].place)
        found.tried.append(made)
        found.best = made if len(made.data) <= limit_bytes else None
    return found


def _place_for(guesses: Sequence[Guess], tried: Sequence[Made], aim_bytes: float, within: tuple[float, float]) -> float:
    """Where the corrected curve of sizes meets the aim, kept inside what is not yet ruled out."""
    places = np.array(sorted({g.place for g in guesses} | {m.place for m in tried}))
    logs = np.interp(places, [g.place for g in guesses], [math.log(max(g.size_bytes, 1)) for g in guesses])
    if tried:
        known = sorted(tried, key=lambda m: m.place)
        raw = np.interp([m.place for m in known], places, logs)
        logs = logs + np.interp(places, [m.place for m in known], np.log([len(m.data) for m in known]) - raw)
    logs = np.minimum.accumulate(logs)
    low, high = within
    place = float(np.interp(-math.log(aim_bytes), -logs, places))
    if not tried:
        return min(max(place, low), high)
    # Stay off the ends that are known to be over or under, but for the ladder's own.
    margin = 0.04 * (high - low)
    ends = guesses[0].place, guesses[-1].place
    seen = {m.place for m in tried}
    least = low if low == ends[0] and low not in seen else low + margin
    most = high if high == ends[1] and high not in seen else high - margin
    return min(max(place, least), most)
