"""Writes a picture so that it fills a limit: predict, weigh strips of the very scale, write, learn from the size.

The first writing lands within some per cent of the aim, which is enough two times in three; the second on the spot.
There are never more than five.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mmscontent.codecs.image.encode import JpegSettings, encode_jpeg, encoder_input
from mmscontent.codecs.image.model import EncodeSetting, SizeQualityTable, best_setting

if TYPE_CHECKING:
    from mmscontent.codecs.image.probe import Probe

__all__ = ["MAX_ENCODES", "Fit", "fit_jpeg"]

MAX_ENCODES = 5
# Of the limit: what strips scatter about the whole before and after one writing told how much heavier it is.
_FIRST_AIM, _NEXT_AIM = 0.978, 0.99
_SAFE_AIM = 0.9  # of the limit: for the last writing there may be, when nothing was small enough yet
_ENOUGH = 0.955
_CAREFUL_AIM, _CAREFULLY_ENOUGH = 0.992, 0.985  # where time is no matter
_WEIGHINGS = 3  # before each writing, at most
_NEAR = 0.03  # what was weighed or written within this of the aim tells the rest of the way without another weighing
_FAR_OFF = 0.15  # a prediction missed by more than this may have chosen the wrong scale
_SIDE_POWER = 1.5  # bytes grow with the long side by about this power


@dataclass(slots=True)
class Fit:
    """What a search found; *data* is None when nothing was small enough.

    Attributes:
        encodes: Full encodes it took.
    """

    data: bytes | None = None
    choice: EncodeSetting | None = None
    sides_px: tuple[int, int] = (0, 0)
    encodes: int = 0
    tries: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _KnownSizes:
    """What was weighed so far.

    Attributes:
        known: Each choice as it was predicted, with the bytes its strips stand for.
        heavier: How much heavier the whole is than its strips, as the last writing showed.
    """

    probe: Probe
    tables: list[SizeQualityTable]
    known: list[tuple[EncodeSetting, float]] = field(default_factory=list)
    heavier: float = 1.0

    def add(self, choice: EncodeSetting, size: float) -> None:
        """Keep what a choice came to, beside what was first predicted of it."""
        raw = next(f for f in self.tables if f.settings == choice.settings).size_at(choice.long_px, choice.quality)
        self.known = [(c, w) for c, w in self.known if _key(c) != _key(choice)]
        self.known.append((replace(choice, size_bytes=raw), size / self.heavier))

    def find(self, choice: EncodeSetting, step: float = 0.0) -> float | None:
        """What it, or its neighbour in quality, comes to as far as is known."""
        key = _key(replace(choice, quality=choice.quality + step))
        return next((w * self.heavier for c, w in self.known if _key(c) == key), None)

    def is_near(self, choice: EncodeSetting, aim_bytes: float) -> bool:
        """Something at the scale of a choice is known to come near the aim."""
        here = [w * self.heavier for c, w in self.known if (c.settings, c.long_px) == (choice.settings, choice.long_px)]
        return any(abs(float(np.log(size / aim_bytes))) <= _NEAR for size in here)

    def corrected(self, like: EncodeSetting | None) -> list[SizeQualityTable]:
        """The forecasts by what is known: of all ways, or of one way at one scale."""
        ways: dict[JpegSettings, list[tuple[float, float]]] = {f.settings: [] for f in self.tables}
        for choice, weighed in self.known:
            if like is None or (choice.settings, choice.long_px) == (like.settings, like.long_px):
                ways[choice.settings].append((choice.size_bytes, weighed * self.heavier))
        wanted = [f for f in self.tables if like is None or f.settings == like.settings]
        return [f.corrected(ways[f.settings]) if ways[f.settings] else f for f in wanted]


def fit_jpeg(
    probe: Probe,
    tables: list[SizeQualityTable],
    limit_bytes: int,
    max_encodes: int = MAX_ENCODES,
    *,
    careful: bool = False,
) -> Fit:
    """Write the picture with as much quality as a limit allows, in ways whose forecasts are given.

    Args:
        probe: The picture.
        tables: Predictions, one per encoder setting.
        limit_bytes: What it may weigh.
        max_encodes: Writings at most.
        careful: Fill the limit to the last per cent, at the cost of a writing more.
    """
    fit, known_sizes = Fit(), _KnownSizes(probe, tables)
    written: list[EncodeSetting] = []
    aim, enough = (_CAREFUL_AIM, _CAREFULLY_ENOUGH) if careful else (_FIRST_AIM, _ENOUGH)
    while fit.encodes < max_encodes:
        choice = _next_setting(known_sizes, limit_bytes * aim, written[-1] if written else None)
        if choice is None or any(_key(c) == _key(choice) for c in written):
            break
        written.append(choice)
        size = _write(probe, choice, limit_bytes, fit)
        if enough * limit_bytes <= size <= limit_bytes:
            break
        known_sizes.heavier *= size / (known_sizes.find(choice) or choice.size_bytes)
        known_sizes.add(choice, size)
        last_chance = fit.data is None and fit.encodes == max_encodes - 1
        aim = _SAFE_AIM if last_chance else _NEXT_AIM - 0.005 * (fit.encodes - 1)
    return fit


def _write(probe: Probe, choice: EncodeSetting, limit_bytes: int, fit: Fit) -> int:
    """Write once, keep it when it is within the limit and fuller than what there was; its size."""
    pixels = probe.pixels_at(choice.long_px)
    data = encode_jpeg(encoder_input(pixels, choice.settings), choice.quality, choice.settings)
    sides = pixels.shape[1], pixels.shape[0]
    fit.encodes += 1
    fit.tries.append(f"{sides[0]}×{sides[1]} q{choice.quality:g} {choice.settings.label} → {len(data):,} bytes")
    if len(data) <= limit_bytes and (fit.data is None or len(data) > len(fit.data)):
        fit.data, fit.choice, fit.sides_px = data, choice, sides
    return len(data)


def _next_setting(known_sizes: _KnownSizes, aim_bytes: float, last: EncodeSetting | None) -> EncodeSetting | None:
    """What to write next, its size as well known as a few weighings make it; None when there is nothing."""
    choice = (
        best_setting(known_sizes.tables, aim_bytes) if last is None else _at_same_scale(known_sizes, last, aim_bytes)
    )
    choice = choice or min((f.least() for f in known_sizes.tables), key=lambda c: c.size_bytes)
    for count in range(_WEIGHINGS):
        if known_sizes.find(choice) is not None or (last is None and known_sizes.is_near(choice, aim_bytes)):
            break
        weighed = known_sizes.heavier * known_sizes.probe.sample_size(choice.long_px, choice.quality, choice.settings)
        is_far = last is None and count == 0 and abs(float(np.log(weighed / choice.size_bytes))) > _FAR_OFF
        known_sizes.add(choice, weighed)
        following = (
            best_setting(known_sizes.corrected(None), aim_bytes)
            if is_far
            else _at_same_scale(known_sizes, choice, aim_bytes)
        )
        if following is None:
            break
        choice = following
    return choice


def _at_same_scale(known_sizes: _KnownSizes, choice: EncodeSetting, aim_bytes: float) -> EncodeSetting | None:
    """The quality that meets the aim at the scale of a choice; where its steps are too coarse, a hair smaller."""
    table = known_sizes.corrected(choice)[0]
    wanted = table.fullest_at(choice.long_px, aim_bytes)
    if wanted is None:
        return best_setting(known_sizes.corrected(None), aim_bytes)
    size, step = known_sizes.find(wanted), wanted.settings.step
    if size is None or size >= _ENOUGH * aim_bytes or wanted.quality >= wanted.settings.grid[-1]:
        return wanted
    finer, over = replace(wanted, quality=wanted.quality + step), known_sizes.find(wanted, step)
    if over is None:
        return replace(finer, size_bytes=table.size_at(finer.long_px, finer.quality))
    side = round(choice.long_px * (aim_bytes / over) ** (1 / _SIDE_POWER))
    return replace(finer, long_px=side, size_bytes=aim_bytes)


def _key(choice: EncodeSetting) -> tuple[int, float, JpegSettings]:
    return choice.long_px, choice.quality, choice.settings
