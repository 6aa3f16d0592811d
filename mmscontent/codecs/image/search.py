"""Writes a picture so that it fills a limit: predict, write, learn from the size what the prediction missed.

The first writing lands within some per cent of the aim, the second on the spot; there are never more than five.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.encode import encode_jpeg
from mmscontent.codecs.image.model import Choice, Forecast, best_choice

if TYPE_CHECKING:
    from mmscontent.codecs.image.probe import Probe

__all__ = ["MAX_ENCODES", "Fit", "fit_jpeg"]

MAX_ENCODES = 5
_FIRST_AIM, _NEXT_AIM = 0.98, 0.99  # of the limit: what the prediction scatters before and after it was corrected
_SAFE_AIM = 0.9  # of the limit: for the last writing there may be, when nothing was small enough yet
_ENOUGH = 0.97
_NEARLY_ENOUGH = 0.95  # not worth a third writing
_FAR_OFF = 0.2  # a prediction missed by more than this may have chosen the wrong scale
_LARGEST_NUDGE = 0.12  # of the scale, to land between two steps of quality


@dataclass(slots=True)
class Fit:
    """What a search found; *data* is None when nothing was small enough.

    Attributes:
        written: Each choice as it was predicted, with the bytes it came to.
    """

    data: bytes | None = None
    choice: Choice | None = None
    sides_px: tuple[int, int] = (0, 0)
    written: list[tuple[Choice, int]] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)

    @property
    def encodes(self) -> int:
        """Full encodes it took."""
        return len(self.written)


def fit_jpeg(probe: Probe, forecasts: list[Forecast], limit_bytes: int, max_encodes: int = MAX_ENCODES) -> Fit:
    """Write the picture with as much quality as a limit allows, in ways whose forecasts are given."""
    fit = Fit()
    following: Choice | None = best_choice(forecasts, limit_bytes * _FIRST_AIM) or _least(forecasts)
    while following is not None and fit.encodes < max_encodes:
        size = _write(probe, following, limit_bytes, fit)
        if _ENOUGH * limit_bytes <= size <= limit_bytes:
            break
        last_chance = fit.data is None and fit.encodes == max_encodes - 1
        following = _next(forecasts, limit_bytes, fit, _SAFE_AIM if last_chance else _NEXT_AIM, probe.base_px)
    return fit


def _write(probe: Probe, choice: Choice, limit_bytes: int, fit: Fit) -> int:
    """Write once, keep it when it is within the limit and fuller than what there was; its size."""
    image = probe.at(choice.long_px)
    data = encode_jpeg(image, choice.quality, choice.way)
    fit.written.append((choice, len(data)))
    fit.tries.append(f"{image.width}×{image.height} q{choice.quality:g} {choice.way.label} → {len(data):,} bytes")
    if len(data) <= limit_bytes and (fit.data is None or len(data) > len(fit.data)):
        fit.data, fit.choice, fit.sides_px = data, choice, (image.width, image.height)
    return len(data)


def _next(forecasts: list[Forecast], limit_bytes: int, fit: Fit, aim: float, held_px: int) -> Choice | None:
    """What to write after sizes were seen; None when nothing promises more than what there is."""
    if fit.data is not None and fit.encodes >= 2 and len(fit.data) >= _NEARLY_ENOUGH * limit_bytes:  # noqa: PLR2004
        return None
    last, size = fit.written[-1]
    known = [(choice.size_bytes, real) for choice, real in fit.written if choice.way == last.way]
    raw = next(f for f in forecasts if f.way == last.way)
    tables = [(f, f.corrected(known)) for f in (forecasts if _is_far_off(last, size, fit) else [raw])]
    best = best_choice([table for _, table in tables], limit_bytes * aim)
    if best is None:
        options = [_least(forecasts)]
    else:
        raw, table = next(pair for pair in tables if pair[0].way == best.way)
        options = _near(raw, table, best, limit_bytes * aim, max(held_px, best.long_px))
    fresh = [c for c in options if _is_fresh(c, fit)]
    return max(fresh, key=lambda c: (c.size_bytes <= limit_bytes, c.score), default=None)


def _is_far_off(last: Choice, size: int, fit: Fit) -> bool:
    return fit.encodes == 1 and abs(float(np.log(size / last.size_bytes))) > _FAR_OFF


def _near(raw: Forecast, table: Forecast, best: Choice, aim_bytes: float, most_px: int) -> list[Choice]:
    """A choice and its neighbours in quality, the scale moved a little so that each meets the aim.

    Their `size_bytes` are as first predicted, so that they can be held against what they come to.
    """
    native = float(table.long_px[-1])
    found = [replace(best, size_bytes=raw.size_at(best.long_px, best.quality))]
    qualities = table.way.qualities
    middle = int(np.searchsorted(qualities, best.quality))
    for index in range(max(middle - 2, 0), min(middle + 3, len(qualities))):
        quality, column = float(qualities[index]), np.log(table.sizes[:, index])
        side = int(np.exp(np.interp(np.log(aim_bytes), column, np.log(table.long_px))))
        if best.long_px >= native and side < native:
            continue  # pixels as they are beat pixels moved by a hair
        side = min(side, most_px)  # decoding the source again is too much for a nudge
        if abs(np.log(side / best.long_px)) <= _LARGEST_NUDGE:
            found.append(Choice(side, quality, best.way, raw.size_at(side, quality), table.score_at(side, quality)))
    full = [c for c in found if table.size_at(c.long_px, c.quality) >= aim_bytes * _ENOUGH]
    return full or found


def _is_fresh(choice: Choice, fit: Fit) -> bool:
    """Not written before, and not sure to be emptier than what fits already."""
    if any((c.long_px, c.quality, c.way) == (choice.long_px, choice.quality, choice.way) for c, _ in fit.written):
        return False
    return fit.choice is None or choice.way != fit.choice.way or choice.size_bytes > fit.choice.size_bytes


def _least(forecasts: list[Forecast]) -> Choice:
    """The smallest there is."""
    return min((f.at(0, 0) for f in forecasts), key=lambda c: c.size_bytes)
