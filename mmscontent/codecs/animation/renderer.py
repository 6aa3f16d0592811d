"""One film, made at any setting of the ladders; what several settings share is done once.

Also guesses: a sample of four tiles shows what a setting would cost, for a fraction of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.animation.frame_diff import draw
from mmscontent.codecs.animation.frames import Film, film_of
from mmscontent.codecs.animation.gif_file import coded_bytes, write_gif
from mmscontent.codecs.animation.lossless import exact_frames
from mmscontent.codecs.animation.palette import Indexer, choose_palette
from mmscontent.codecs.image.quality_metric import Eye

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mmscontent.codecs.animation.frame_diff import Drawn
    from mmscontent.codecs.animation.quality_ladder import Setting

    Pixels = NDArray[np.uint8]

__all__ = ["Made", "Maker", "Sampler", "brought_to", "frames_at", "moments_of", "pictures_at"]

_JUDGED_AT = (0.11, 0.35, 0.58, 0.87)  # of the playing time; uneven, so that frames left out are met too
_LEAST_SIDE_PX = 8
_KEPT_PX = 12_000_000  # of shrunk films, beside the film itself
_SAMPLED_PX = 800_000  # films with more changed pixels are guessed at from tiles
_FRAME_BYTES = 22  # descriptor, control block and ends
_LEAST_TILE_PX = 32
_WORTH_SAMPLING = 0.75  # of the sides; with more the whole is taken


@dataclass(frozen=True, slots=True)
class Made:
    """A film written at one setting."""

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
    """Makes a film at settings; what several settings share is kept.

    Attributes:
        judged_scale: At which part of the film's own sides quality is judged, at most 1.
        own_palettes: Each frame draws at most 256 colours, as those of a GIF do.
    """

    film: Film
    judged_scale: float
    own_palettes: bool = False
    _films: dict[tuple[int, int, int], Film] = field(default_factory=dict)
    _indexers: dict[tuple[int, bool], Indexer] = field(default_factory=dict)
    _eyes: list[Eye] = field(default_factory=list)

    def make(self, setting: Setting) -> Made:
        """Write it; the same setting gives the same bytes."""
        exact = self.exact(setting)
        if exact is not None:
            film = self.film
            data = write_gif(film.width, film.height, np.zeros((0, 3), np.uint8), exact, film.loops)
            return Made(setting, data, film.width, film.height, len(exact), 100.0)
        drawn, indexer, film = self.drawn(setting)
        data = write_gif(film.width, film.height, indexer.palette, drawn, film.loops)
        quality = self.quality(drawn, indexer.palette, film)
        return Made(setting, data, film.width, film.height, len(drawn), quality)

    def exact(self, setting: Setting) -> list[Drawn] | None:
        """The frames without any loss, where the setting gives nothing up and one palette does not hold the film."""
        if not self.own_palettes or not setting.gives_nothing_up or self._indexer(self.film, setting).exact:
            return None
        return exact_frames(self.film)

    def drawn(self, setting: Setting) -> tuple[list[Drawn], Indexer, Film]:
        """The frames to write, their colours, and the film they show."""
        film = self._scaled(setting)
        indexer = self._indexer(film, setting)
        return list(draw(film, indexer, setting.distance**2)), indexer, film

    def _scaled(self, setting: Setting) -> Film:
        every = setting.rung.every
        width = max(min(_LEAST_SIDE_PX, self.film.width), round(self.film.width * setting.scale))
        height = max(min(_LEAST_SIDE_PX, self.film.height), round(self.film.height * setting.scale))
        key = (width, height, every)
        if key not in self._films:
            while sum(f.changed_px for f in self._films.values()) > _KEPT_PX:
                self._films.pop(next(iter(self._films)))  # the oldest
            self._films[key] = self.film.thinned(every).scaled(width, height)
        return self._films[key]

    def _indexer(self, film: Film, setting: Setting) -> Indexer:
        # Shrinking blends colours, so a shrunk film has a palette of its own; one serves every size.
        key = setting.rung.colours, film.width < self.film.width
        if key not in self._indexers:
            palette, exact = choose_palette(film, setting.rung.colours)
            self._indexers[key] = Indexer(palette, exact and not key[1])
        return self._indexers[key]

    # --- how good it looks ---

    def quality(self, drawn: Sequence[Drawn], palette: Pixels, film: Film) -> float:
        """Mean over some frames, each against the source's frame of that moment."""
        moments = moments_of(self.film)
        if not self._eyes:
            self._eyes = [Eye(picture) for picture in frames_at(self.film, moments, self.judged_scale)]
        shown = pictures_at(drawn, palette, film, moments)
        scores = [
            eye.score(brought_to(picture, eye.pixels.shape[1::-1]))
            for eye, picture in zip(self._eyes, shown, strict=True)
        ]
        return float(np.mean(scores))


def moments_of(film: Film) -> list[int]:
    """Milliseconds at which quality is judged: spread over the playing time."""
    return [round(share * film.duration_ms) for share in _JUDGED_AT]


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


@dataclass(slots=True)
class Sampler:
    """Guesses what settings would give, from tiles of a film all along its time."""

    maker: Maker
    times: float  # how many times more pixels change in the whole film

    @classmethod
    def of(cls, film: Film, judged_scale: float, *, own_palettes: bool) -> Sampler:
        """A sample of a film; the whole of a small one."""
        sample, times = _sample_of(film)
        return cls(Maker(sample, judged_scale, own_palettes), times)

    def guess(self, setting: Setting) -> tuple[float, float]:
        """Bytes and quality."""
        exact = self.maker.exact(setting)
        if exact is not None:
            tables = sum(3 * len(frame.palette) for frame in exact if frame.palette is not None)
            return self._pixel_bytes(exact) + _FRAME_BYTES * len(exact) + tables, 100.0
        drawn, indexer, film = self.maker.drawn(setting)
        quality = self.maker.quality(drawn, indexer.palette, film)
        return self._pixel_bytes(drawn) + _FRAME_BYTES * len(drawn) + 3 * len(indexer.palette), quality

    def _pixel_bytes(self, drawn: Sequence[Drawn]) -> float:
        # The coder starts anew with each frame, so tiles of several frames are coded together as one frame would be.
        together = max(1, round(self.times))
        groups = (drawn[at : at + together] for at in range(0, len(drawn), together))
        return self.times * sum(coded_bytes([frame.indices for frame in group]) for group in groups)


def _sample_of(film: Film) -> tuple[Film, float]:
    """Four tiles of a film, all along its time, and how many times more the whole would cost."""
    share = (_SAMPLED_PX / max(film.changed_px, 1)) ** 0.5
    if share >= _WORTH_SAMPLING:
        return film, 1.0
    rows, columns = _spread(film.height, share), _spread(film.width, share)
    tiles = np.ix_(rows, columns)
    sample = film_of((frame[tiles] for frame in film.frames()), film.durations_ms, film.loops)
    return sample, film.changed_px / sample.changed_px


def _spread(side: int, share: float) -> NDArray[np.intp]:
    """Two stretches of a side, each about the middle of its half."""
    length = min(max(_LEAST_TILE_PX, round(side * share / 2)), side // 2)
    return np.concatenate([np.arange(length) + round(side * at - length / 2) for at in (0.28, 0.72)])
