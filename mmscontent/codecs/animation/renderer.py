"""Renders one animation at any setting of the ladders, and estimates a rendition from a sample of four tiles.

Work that several settings share (scaled animations, palettes, quality metrics) is done once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmscontent.codecs.animation.frame_diff import DeltaFrame, frame_diff
from mmscontent.codecs.animation.frames import Animation, animation_from_frames
from mmscontent.codecs.animation.gif_file import coded_bytes, write_gif
from mmscontent.codecs.animation.lossless import lossless_frames
from mmscontent.codecs.animation.palette import Indexer, choose_palette
from mmscontent.codecs.image.quality_metric import Ssimulacra2Approx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmscontent.codecs.animation.quality_ladder import LadderSetting

    Pixels = NDArray[np.uint8]

# Of the playing time; uneven, so that dropped frames are hit, too.
_JUDGED_AT = (0.11, 0.35, 0.58, 0.87)
# No side is scaled below this.
_LEAST_SIDE_PX = 8
# Of scaled animations, beside the animation itself.
_MAX_CACHED_PX = 12_000_000
# An animation with more changed pixels is estimated from tiles.
_SAMPLED_PX = 800_000
# Image descriptor, graphic control extension and terminators.
_FRAME_BYTES = 22
_LEAST_TILE_PX = 32
# Of the sides; above it the whole animation is the sample.
_WORTH_SAMPLING = 0.75


@dataclass(frozen=True, slots=True)
class RenderedAnimation:
    """An animation rendered at one setting."""

    setting: LadderSetting
    data: bytes
    width: int
    height: int
    frames: int
    quality: float

    @property
    def label(self) -> str:
        """The try as the ledger lists it."""
        return f"{self.setting.describe(self.width, self.height)} → {len(self.data):,} bytes"


@dataclass(slots=True)
class AnimationRenderer:
    """Renders an animation at settings and caches what they share.

    Attributes:
        judged_scale: Share of the animation's own sides at which quality is judged, at most 1.
        own_palettes: Each frame draws at most 256 colours, as the frames of a GIF do.
    """

    animation: Animation
    judged_scale: float
    own_palettes: bool = False
    _scaled_animations: dict[tuple[int, int, int], Animation] = field(default_factory=dict)
    _indexers: dict[tuple[int, bool], Indexer] = field(default_factory=dict)
    _metrics: list[Ssimulacra2Approx] = field(default_factory=list)

    def render(self, setting: LadderSetting) -> RenderedAnimation:
        """Render it; the same setting gives the same bytes."""
        exact = self.lossless(setting)
        if exact is not None:
            animation = self.animation
            data = write_gif(animation.width, animation.height, np.zeros((0, 3), np.uint8), exact, animation.loops)
            return RenderedAnimation(setting, data, animation.width, animation.height, len(exact), 100.0)
        drawn, indexer, animation = self.delta_frames(setting)
        data = write_gif(animation.width, animation.height, indexer.palette, drawn, animation.loops)
        quality = self.quality(drawn, indexer.palette, animation)
        return RenderedAnimation(setting, data, animation.width, animation.height, len(drawn), quality)

    def lossless(self, setting: LadderSetting) -> list[DeltaFrame] | None:
        """Return the frames without loss, if the setting gives nothing up and one palette is not enough; else None."""
        if not self.own_palettes or not setting.gives_nothing_up or self._indexer(self.animation, setting).exact:
            return None
        return lossless_frames(self.animation)

    def delta_frames(self, setting: LadderSetting) -> tuple[list[DeltaFrame], Indexer, Animation]:
        """Return the frames to write, their palette, and the scaled animation that they show."""
        animation = self._scaled(setting)
        indexer = self._indexer(animation, setting)
        return list(frame_diff(animation, indexer, setting.distance**2)), indexer, animation

    def _scaled(self, setting: LadderSetting) -> Animation:
        every = setting.step.every
        width = max(min(_LEAST_SIDE_PX, self.animation.width), round(self.animation.width * setting.scale))
        height = max(min(_LEAST_SIDE_PX, self.animation.height), round(self.animation.height * setting.scale))
        key = (width, height, every)
        if key not in self._scaled_animations:
            # Scaled animations are cached until they hold too many pixels.
            while sum(f.changed_px for f in self._scaled_animations.values()) > _MAX_CACHED_PX:
                self._scaled_animations.pop(next(iter(self._scaled_animations)))  # the oldest
            self._scaled_animations[key] = self.animation.drop_frames(every).scale(width, height)
        return self._scaled_animations[key]

    def _indexer(self, animation: Animation, setting: LadderSetting) -> Indexer:
        # Scaling blends colours, so a scaled animation needs another palette; one serves every scale.
        key = setting.step.colours, animation.width < self.animation.width
        if key not in self._indexers:
            palette, exact = choose_palette(animation, setting.step.colours)
            self._indexers[key] = Indexer(palette, exact and not key[1])
        return self._indexers[key]

    def quality(self, drawn: Sequence[DeltaFrame], palette: Pixels, animation: Animation) -> float:
        """Return the mean score of some frames, each against the source's frame of that time."""
        times_ms = frame_times(self.animation)
        if not self._metrics:
            self._metrics = [
                Ssimulacra2Approx(picture) for picture in frames_at(self.animation, times_ms, self.judged_scale)
            ]
        shown = rendered_frames_at(drawn, palette, animation, times_ms)
        scores = [
            metric.score(resample_to(picture, metric.pixels.shape[1::-1]))
            for metric, picture in zip(self._metrics, shown, strict=True)
        ]
        return float(np.mean(scores))


def frame_times(animation: Animation) -> list[int]:
    """Return the milliseconds at which quality is judged, spread over the playing time."""
    return [round(share * animation.duration_ms) for share in _JUDGED_AT]


def frames_at(animation: Animation, times_ms: Sequence[int], scale: float = 1.0) -> list[Pixels]:
    """Return the frames shown at given times; transparent pixels are white."""
    sides = max(1, round(animation.width * scale)), max(1, round(animation.height * scale))
    pictures: list[Pixels] = []
    start = 0
    for frame, duration in zip(animation.frames(), animation.durations_ms, strict=True):
        count = sum(start <= m < start + duration for m in times_ms)
        if count:
            shown = np.where(frame[..., 3:] > 0, frame[..., :3], np.uint8(255))
            pictures.extend([resample_to(shown, sides)] * count)
        start += duration
    return pictures


def rendered_frames_at(
    drawn: Sequence[DeltaFrame], palette: Pixels, animation: Animation, times_ms: Sequence[int]
) -> list[Pixels]:
    """Return the rendered frames shown at given times; transparent pixels are white, as in the source."""
    colours = np.concatenate([palette, np.full((1, 3), 255, np.uint8)])
    nothing = np.uint8(len(palette))
    canvas = np.full((animation.height, animation.width), nothing, np.uint8)
    pictures: list[Pixels] = []
    start = 0
    for frame in drawn:
        height, width = frame.indices.shape
        where = np.s_[frame.y : frame.y + height, frame.x : frame.x + width]
        canvas[where] = np.where(frame.indices == nothing, canvas[where], frame.indices)
        end = start + frame.duration_ms
        pictures.extend(colours[canvas] for moment in times_ms if start <= moment < end)
        start = end
        if frame.clears:
            canvas[where] = nothing
    return pictures


def resample_to(pixels: Pixels, sides: tuple[int, ...]) -> Pixels:
    """Resample a picture to other sides, (width, height)."""
    if pixels.shape[1::-1] == tuple(sides):
        return pixels.copy()
    return np.asarray(Image.fromarray(pixels).resize((sides[0], sides[1]), Image.Resampling.LANCZOS))


# --- estimating -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class SampleEstimator:
    """Estimates size and quality at settings, from tiles of an animation over its whole duration."""

    renderer: AnimationRenderer
    times: float  # how many times more pixels change in the whole animation

    @classmethod
    def of(cls, animation: Animation, judged_scale: float, *, own_palettes: bool) -> SampleEstimator:
        """Cut the sample of an animation; a small one is taken whole."""
        sample, times = _sample_of(animation)
        return cls(AnimationRenderer(sample, judged_scale, own_palettes), times)

    def estimate(self, setting: LadderSetting) -> tuple[float, float]:
        """Estimate bytes and quality."""
        exact = self.renderer.lossless(setting)
        if exact is not None:
            tables = sum(3 * len(frame.palette) for frame in exact if frame.palette is not None)
            return self._pixel_bytes(exact) + _FRAME_BYTES * len(exact) + tables, 100.0
        drawn, indexer, animation = self.renderer.delta_frames(setting)
        quality = self.renderer.quality(drawn, indexer.palette, animation)
        return self._pixel_bytes(drawn) + _FRAME_BYTES * len(drawn) + 3 * len(indexer.palette), quality

    def _pixel_bytes(self, drawn: Sequence[DeltaFrame]) -> float:
        # The LZW table is reset with each frame, so tiles of several frames are coded together like one whole frame.
        together = max(1, round(self.times))
        groups = (drawn[at : at + together] for at in range(0, len(drawn), together))
        return self.times * sum(coded_bytes([frame.indices for frame in group]) for group in groups)


def _sample_of(animation: Animation) -> tuple[Animation, float]:
    """Return four tiles of an animation over its whole duration, and how many times more pixels the whole has."""
    share = (_SAMPLED_PX / max(animation.changed_px, 1)) ** 0.5
    if share >= _WORTH_SAMPLING:
        return animation, 1.0
    rows, columns = _tile_places(animation.height, share), _tile_places(animation.width, share)
    tiles = np.ix_(rows, columns)
    sample = animation_from_frames(
        (frame[tiles] for frame in animation.frames()), animation.durations_ms, animation.loops
    )
    return sample, animation.changed_px / sample.changed_px


def _tile_places(side: int, share: float) -> NDArray[np.intp]:
    """Return two ranges of a side, each around the middle of one half."""
    length = min(max(_LEAST_TILE_PX, round(side * share / 2)), side // 2)
    return np.concatenate([np.arange(length) + round(side * at - length / 2) for at in (0.28, 0.72)])
