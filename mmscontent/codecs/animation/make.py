"""One film, made at any place of its ladder; what several places share is done once.

Also guesses: a sample of horizontal bands shows what a place would cost, for a fraction of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.animation.draw import draw
from mmscontent.codecs.animation.film import Film, film_of
from mmscontent.codecs.animation.gif_file import write_gif
from mmscontent.codecs.animation.ladder import setting_at
from mmscontent.codecs.animation.palette import Indexer, choose_palette
from mmscontent.codecs.image.eye import Eye

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mmscontent.codecs.animation.draw import Drawn
    from mmscontent.codecs.animation.ladder import Rung, Setting

    Pixels = NDArray[np.uint8]

__all__ = ["Made", "Maker", "brought_to", "frames_at", "moments_of", "pictures_at", "sample_of"]

_JUDGED_FRAMES = 4
_LEAST_SIDE_PX = 8
_SAMPLED_PX = 2_000_000  # films with more changed pixels are guessed at from bands
_BANDS = 4
_LEAST_BAND_PX = 24


@dataclass(frozen=True, slots=True)
class Made:
    """A film written at one place of the ladder."""

    place: float
    setting: Setting
    data: bytes
    width: int
    height: int
    frames: int
    quality: float

    @property
    def words(self) -> str:
        """For the ledger."""
        return f"{self.setting.describe(self.width, self.height)} → {len(self.data):,} bytes"


@dataclass(slots=True)
class Maker:
    """Makes a film at places of its ladder.

    Attributes:
        judged_scale: At which part of the film's own sides quality is judged, at most 1.
        indexers: Palettes chosen so far, by number of colours and whether the film was shrunk; ladders share them.
    """

    film: Film
    ladder: tuple[Rung, ...]
    judged_scale: float
    indexers: dict[tuple[int, bool], Indexer] = field(default_factory=dict)
    _films: dict[tuple[int, int, int], Film] = field(default_factory=dict)
    _eyes: list[Eye] = field(default_factory=list)

    def make(self, place: float) -> Made:
        """Write it; the same place gives the same bytes."""
        setting = setting_at(self.ladder, place)
        film = self._scaled(setting)
        indexer = self._indexer(film, setting)
        drawn = list(draw(film, indexer, setting.distance**2))
        data = write_gif(film.width, film.height, indexer.palette, drawn, film.loops)
        quality = self._quality(drawn, indexer.palette, film)
        return Made(place, setting, data, film.width, film.height, len(drawn), quality)

    def _scaled(self, setting: Setting) -> Film:
        every = setting.rung.every
        width = max(min(_LEAST_SIDE_PX, self.film.width), round(self.film.width * setting.scale))
        height = max(min(_LEAST_SIDE_PX, self.film.height), round(self.film.height * setting.scale))
        key = (width, height, every)
        if key not in self._films:
            self._films.clear()  # one at a time: a film is large, and a search rarely comes back
            thin = self.film.thinned(every)
            self._films[key] = thin.scaled(width, height)
        return self._films[key]

    def _indexer(self, film: Film, setting: Setting) -> Indexer:
        # Shrinking blends colours, so a shrunk film has a palette of its own; one serves every size.
        key = setting.rung.colours, film.width < self.film.width
        if key not in self.indexers:
            palette, exact = choose_palette(film, setting.rung.colours)
            self.indexers[key] = Indexer(palette, exact and not key[1])
        return self.indexers[key]

    # --- how good it looks ---

    def _quality(self, drawn: Sequence[Drawn], palette: Pixels, film: Film) -> float:
        """Mean over some frames, each against the source's frame of that moment."""
        moments = moments_of(self.film)
        if not self._eyes:
            self._eyes = [Eye(picture) for picture in frames_at(self.film, moments, self.judged_scale)]
        shown = pictures_at(drawn, palette, film, moments)
        scores = [
            eye.score(brought_to(picture, eye.pixels.shape[1::-1]))
            for eye, picture in zip(self._eyes, shown, strict=True)
        ]
        return max(0.0, float(np.mean(scores)))


def moments_of(film: Film) -> list[int]:
    """Milliseconds at which quality is judged: spread over the playing time."""
    return [round((i + 0.5) * film.duration_ms / _JUDGED_FRAMES) for i in range(_JUDGED_FRAMES)]


def frames_at(film: Film, moments: Sequence[int], scale: float = 1.0) -> list[Pixels]:
    """What a viewer of the film sees at given moments; transparency as white."""
    sides = max(1, round(film.width * scale)), max(1, round(film.height * scale))
    pictures: list[Pixels] = []
    start = 0
    for frame, duration in zip(film.frames(), film.durations_ms, strict=True):
        count = sum(start <= m < start + duration for m in moments)
        if count:
            shown = np.where(frame[..., 3:] > 0, frame[..., :3], np.uint8(255))
            pictures.extend([brought_to(shown, sides)] * count)
        start += duration
    return pictures


def pictures_at(drawn: Sequence[Drawn], palette: Pixels, film: Film, moments: Sequence[int]) -> list[Pixels]:
    """What a viewer sees at given milliseconds; transparency as white, as the source is judged."""
    colours = np.concatenate([palette, np.full((1, 3), 255, np.uint8)])
    nothing = np.uint8(len(palette))
    canvas = np.full((film.height, film.width), nothing, np.uint8)
    pictures: list[Pixels] = []
    start = 0
    for frame in drawn:
        height, width = frame.indices.shape
        where = np.s_[frame.y : frame.y + height, frame.x : frame.x + width]
        canvas[where] = np.where(frame.indices == nothing, canvas[where], frame.indices)
        end = start + frame.duration_ms
        pictures.extend(colours[canvas] for moment in moments if start <= moment < end)
        start = end
        if frame.clears:
            canvas[where] = nothing
    return pictures


def brought_to(pixels: Pixels, sides: tuple[int, ...]) -> Pixels:
    """A picture at other sides, (width, height)."""
    if pixels.shape[1::-1] == tuple(sides):
        return pixels.copy()
    return np.asarray(Image.fromarray(pixels).resize((sides[0], sides[1]), Image.Resampling.LANCZOS))


# --- guessing --------------------------------------------------------------------------------------------------


def sample_of(film: Film) -> tuple[Film, float]:
    """Bands of a film, all along its time, and how many times more the whole would cost."""
    share = _SAMPLED_PX / max(film.changed_px, 1)
    band = max(_LEAST_BAND_PX, round(film.height * share / _BANDS))
    if share >= 1 or band * _BANDS >= film.height:
        return film, 1.0
    tops = [round((i + 0.5) * film.height / _BANDS - band / 2) for i in range(_BANDS)]
    rows = np.concatenate([np.arange(top, top + band) for top in tops])
    sample = film_of((frame[rows] for frame in film.frames()), film.durations_ms, film.loops)
    return sample, film.changed_px / sample.changed_px
