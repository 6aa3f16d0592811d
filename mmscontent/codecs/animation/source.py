"""The codec of animations: one source, decoded once, rendered as a GIF at the best place of a quality ladder.

It knows one animation and one rule. Where the receiver shows no animation, its best frame is sent as a still picture.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from mmscontent.codecs.animation.frames import Animation, decode
from mmscontent.codecs.animation.quality_ladder import LADDERS, QualityStep, setting_at
from mmscontent.codecs.animation.renderer import (
    AnimationRenderer,
    RenderedAnimation,
    SampleEstimator,
    frame_times,
    frames_at,
    resample_to,
)
from mmscontent.codecs.animation.search import LadderEstimate, search_ladder
from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.image.header import kept_bytes, read_header
from mmscontent.codecs.image.probe import edge_energy
from mmscontent.codecs.image.quality_metric import measured_ssimulacra2
from mmscontent.codecs.image.source import StillSource
from mmscontent.errors import DoesNotFit
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule, Rule
from mmscontent.rate_quality import Curve

# Share of the limit that is enough, encodes per ladder at most, ladders tried.
_TRIES = {"fast": (0.95, 5, 1), "best": (0.97, 5, 3)}
_LADDERS = {"fast": ("standing", "grainy", "drawn", "stepwise"), "best": tuple(LADDERS)}
# The estimated quality of a ladder on which nothing fits.
_HOPELESS = -1_000.0
# Below this estimate nothing can be read, so frames are given up rather than size.
_LEGIBLE = 5.0
# Smaller differences of quality do not count.
_BETTER = 0.5
# Another ladder is tried when its estimate is at most this much worse than the best.
_CLOSE = 8.0


@dataclass(slots=True)
class _LadderOption:
    """One ladder with the estimates for this animation, from the ladder's top to its end."""

    name: str
    estimates: list[LadderEstimate]

    def best_from(self, limit_bytes: int) -> int:
        """Return the index of the estimate to start at: the best that fits, when a smaller file scores higher."""
        fitting = [i for i, estimate in enumerate(self.estimates) if estimate.size_bytes <= limit_bytes]
        best = max(fitting, key=lambda i: self.estimates[i].quality, default=0)
        return best if fitting and self.estimates[best].quality > self._at(limit_bytes) + _BETTER else 0

    def quality_at(self, limit_bytes: int) -> float:
        """Estimate the best quality of the ladder within a limit."""
        fitting = [estimate.quality for estimate in self.estimates if estimate.size_bytes <= limit_bytes]
        return max(*fitting, self._at(limit_bytes)) if fitting else _HOPELESS

    def _at(self, size_bytes: int) -> float:
        falling = self.estimates[::-1]
        logs = np.log([g.size_bytes for g in falling])
        return float(np.interp(np.log(size_bytes), logs, [g.quality for g in falling]))


@dataclass(slots=True)
class _SurveyedAnimation:
    rule: ImageRule
    effort: Effort
    animation: Animation
    renderer: AnimationRenderer
    options: list[_LadderOption]


class AnimationSource:
    """One animation; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._header = read_header(data, info.media_type)
        self._sides = self._header.width, self._header.height
        self._declared = info
        self._work: _SurveyedAnimation | None = None
        self._still: StillSource | None = None

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Decode, sample and predict; remembers rule and effort for render.

        Raises:
            DamagedMedia: No frame can be decoded.
            NotAllowed: The receiver takes neither animations nor a picture that this codec encodes.
        """
        assert isinstance(rule, ImageRule)
        animation = decode(self._data, self._header.media_type, (rule.max_long_px, rule.max_short_px))
        self._still = None
        why_still = _why_still(animation, rule)
        if why_still is not None:
            return self._survey_still(animation, rule, effort, why_still)
        scale = min(1.0, rule.view_long_px / max(animation.width, animation.height))
        is_gif = self._header.media_type == "image/gif" and (animation.width, animation.height) == self._sides
        options = _options(SampleEstimator.of(animation, scale, own_palettes=is_gif), _LADDERS[effort])
        self._work = _SurveyedAnimation(rule, effort, animation, AnimationRenderer(animation, scale, is_gif), options)
        reasons = self._passthrough_blockers(rule)
        estimates = [g for option in options for g in option.estimates]
        minimum = min(round(min(g.size_bytes for g in estimates)), len(self._data))
        return Survey(
            info=self._info(animation),
            curve=Curve.through([(max(1, round(g.size_bytes)), max(0.0, min(100.0, g.quality))) for g in estimates]),
            minimum_bytes=max(1, minimum),
            keep_bytes=None if reasons else len(kept_bytes(self._data, self._header)),
            scale=f"ssimulacra2@{rule.view_long_px}",
            reasons=reasons,
            traits=("animation", f"{len(animation.rects)} frames that differ"),
            stripped=self._header.metadata,
        )

    def _survey_still(self, animation: Animation, rule: ImageRule, effort: Effort, why: str) -> Survey:
        png = _poster(animation)
        info = MediaInfo("image/png", "image", len(png), animation.width, animation.height, frames=1)
        self._still = StillSource(png, info)
        survey = self._still.survey(rule, effort)
        return replace(
            survey,
            info=self._info(animation),
            keep_bytes=None,
            reasons=(why, "its best frame is sent as a still picture"),
            traits=("animation", *survey.traits),
            stripped=self._header.metadata,
        )

    def keep(self) -> Rendition:
        """Return the source without its metadata, its frames unchanged."""
        data = kept_bytes(self._data, self._header)
        animation = None if self._work is None else self._work.animation
        info = replace(self._info(animation), size_bytes=len(data), metadata=())
        return Rendition(data, info, 0, 100.0, stripped=self._header.metadata, tries=("passed through",))

    def render(self, limit_bytes: int) -> Rendition:
        """Return the best GIF of at most *limit_bytes*, never larger than a source that may pass through.

        Raises:
            DoesNotFit: Even the end of the ladder is larger.
        """
        if self._still is not None:
            made = self._still.render(limit_bytes)
            note = f"the animation of {self._header.frames} frames is sent as a still picture of its best frame"
            return replace(made, stripped=self._header.metadata, notes=(*made.notes, note))
        assert self._work is not None, "survey() comes first"
        work = self._work
        # A source that fits and may pass through is better than any rendition.
        kept = None if self._passthrough_blockers(work.rule) else len(kept_bytes(self._data, self._header))
        if kept is not None and kept <= limit_bytes:
            return self.keep()
        tried = [one for option in _best_options(work, limit_bytes) for one in _search_one(work, option, limit_bytes)]
        tries = tuple(one.label for one in tried)
        fitting = [one for one in tried if len(one.data) <= limit_bytes]
        if not fitting:
            least = min(len(one.data) for one in tried)
            raise DoesNotFit(
                f"the animation needs at least {least:,} bytes, {limit_bytes:,} are left;"
                " allow more, or send its best frame as a still picture",
                limit_bytes=limit_bytes,
                smallest_bytes=least,
                tries=tries,
            )
        # Of renditions of nearly equal quality the largest is sent.
        least_quality = max(one.quality for one in fitting) - _BETTER
        best = max((one for one in fitting if one.quality >= least_quality), key=lambda one: len(one.data))
        return self._rendition(best, len(tried), tries)

    def measure(self, data: bytes) -> float | None:
        """Return SSIMULACRA2, mean over frames at the receiver's view; None without the ssimulacra2 package."""
        if self._still is not None:
            return self._still.measure(data)
        assert self._work is not None, "survey() comes first"
        animation, scale = self._work.animation, self._work.renderer.judged_scale
        long_px, short_px = max(animation.width, animation.height), min(animation.width, animation.height)
        rendered = decode(data, "image/gif", (long_px, short_px))
        times_ms = frame_times(animation)
        pairs = zip(frames_at(animation, times_ms, scale), frames_at(rendered, times_ms), strict=False)
        scores = [measured_ssimulacra2(wanted, resample_to(shown, wanted.shape[1::-1])) for wanted, shown in pairs]
        known = [score for score in scores if score is not None]
        return float(np.mean(known)) if known else None

    def _passthrough_blockers(self, rule: ImageRule) -> tuple[str, ...]:
        header, reasons = self._header, []
        if header.media_type != "image/gif":
            reasons.append(f"phones do not reliably play animated {header.media_type}; they play GIF")
        long_px, short_px = max(header.width, header.height), min(header.width, header.height)
        if long_px > rule.max_long_px or short_px > rule.max_short_px:
            box = f"{rule.max_long_px}×{rule.max_short_px}"
            reasons.append(f"{header.width}×{header.height} pixels exceed the receiver's {box}")
        return tuple(reasons)

    def _info(self, animation: Animation | None) -> MediaInfo:
        header = self._header
        return replace(
            self._declared,
            size_bytes=len(self._data),
            width_px=header.width,
            height_px=header.height,
            frames=header.frames,
            duration_ms=self._declared.duration_ms if animation is None else animation.duration_ms,
            metadata=header.metadata,
        )

    def _rendition(self, made: RenderedAnimation, encodes: int, tries: tuple[str, ...]) -> Rendition:
        assert self._work is not None
        animation = self._work.animation
        info = MediaInfo(
            "image/gif",
            "image",
            len(made.data),
            made.width,
            made.height,
            frames=made.frames,
            duration_ms=animation.duration_ms,
            fps=round(made.frames * 1000 / animation.duration_ms, 3),
            profile="GIF89a",
        )
        notes = (
            () if made.setting.step.every == 1 else (f"{made.frames} of {self._header.frames} frames, total time kept",)
        )
        return Rendition(
            made.data,
            info,
            encodes,
            round(max(0.0, made.quality), 1),
            None,
            self._header.metadata,
            tries,
            (made.setting.step.gives_up, *notes),
        )


def _why_still(animation: Animation, rule: ImageRule) -> str | None:
    if not rule.animated:
        return "the receiver does not play animations"
    if "image/gif" not in rule.media_types:
        return "the receiver takes no GIF, the one animation format that phones share"
    if len(animation.rects) == 1:
        return "all its frames are the same"
    return None


def _options(sampler: SampleEstimator, names: tuple[str, ...]) -> list[_LadderOption]:
    """Estimate the animation at places of each ladder."""
    seen: dict[tuple[object, ...], tuple[float, float]] = {}
    options = []
    for name in names:
        ladder, estimates = LADDERS[name], []
        for place in _guessed_places(ladder):
            setting = setting_at(ladder, place)
            key = (setting.step.colours, setting.step.every, setting.scale, setting.distance)
            if key not in seen:
                seen[key] = sampler.estimate(setting)
            estimates.append(LadderEstimate(place, *seen[key]))
        options.append(_LadderOption(name, estimates))
    return options


def _best_options(work: _SurveyedAnimation, limit_bytes: int) -> list[_LadderOption]:
    """Return the ladders with the best estimates at a size, best first."""
    ranked = sorted(work.options, key=lambda option: -option.quality_at(limit_bytes))
    if ranked[0].quality_at(limit_bytes) < _LEGIBLE:
        # So few bytes that dropping frames may cost less than size, even by a metric that counts late frames as wrong.
        return [*ranked[:2], *(option for option in ranked[2:] if option.name == "stepwise")]
    least = ranked[0].quality_at(limit_bytes) - _CLOSE
    return [option for option in ranked[: _TRIES[work.effort][2]] if option.quality_at(limit_bytes) >= least]


def _search_one(work: _SurveyedAnimation, option: _LadderOption, limit_bytes: int) -> list[RenderedAnimation]:
    """Search one ladder; returns all renditions made."""
    use, encodes, _ = _TRIES[work.effort]
    ladder = LADDERS[option.name]

    def make(place: float) -> RenderedAnimation:
        return work.renderer.render(setting_at(ladder, place))

    estimates = option.estimates[option.best_from(limit_bytes) :]
    found = search_ladder(make, estimates, limit_bytes, use=use, encodes=encodes)
    return [one.made for one in found.tried]


def _guessed_places(ladder: tuple[QualityStep, ...]) -> list[float]:
    """Places to estimate: the start of each step, the middle of those that scale, and the ladder's end."""
    middles = [i + 0.5 for i, step in enumerate(ladder) if step.every == 1 and step.scale[1] < step.scale[0]]
    steep = [0.25] if ladder[0].colours == 255 else []  # noqa: PLR2004 - sizes fall fast near lossless
    return sorted([*range(len(ladder) + 1), *middles, *steep])


def _poster(animation: Animation) -> bytes:
    """Return the frame with the strongest edges as PNG."""
    best, most = None, -1.0
    for frame in animation.frames():
        energy = edge_energy(frame[::2, ::2, :3].astype(np.float32).mean(-1)) * float((frame[..., 3] > 0).mean())
        if energy > most * 1.02:  # of nearly equal frames the first
            best, most = frame.copy(), energy
    assert best is not None
    target = io.BytesIO()
    Image.fromarray(best).save(target, "PNG", compress_level=1)
    return target.getvalue()
