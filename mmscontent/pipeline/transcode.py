"""Step 4: executes a plan. Each part is encoded by its codec within its share, checked and, if asked, measured.

`MediaTranscoder` is what the pipeline calls. `SandboxTranscoder` here does the work in sandbox workers; the Estimator
(estimate.py) predicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mmscontent.codecs.base import Effort, Rendition
from mmscontent.message import MediaInfo, Part
from mmscontent.pipeline.plan import Decision, Keep, Parts, Plan, ProbedPart, Transcode
from mmscontent.pipeline.survey import Surveyor, error_context, map_parallel
from mmscontent.profiles.model import Profile

# One part may be encoded once more when others left this share of its own limit unused, for this much quality.
_MIN_LEFT_SHARE = 0.02
_MIN_GAIN = 0.2
_MOST_OFFERS = 3  # a picture with a palette has a few sizes only, whatever its curve says in between

SurveyStage = Callable[[Parts], Parts | None]


@dataclass(frozen=True, slots=True)
class TranscodedPart:
    """One part as it will be sent."""

    part: Part
    # Facts of the result.
    info: MediaInfo
    # What the codec returned; None for a part that is sent as it came.
    rendition: Rendition | None = None
    # Its share of the budget, or None.
    limit_bytes: int | None = None

    @classmethod
    def unchanged(cls, one: ProbedPart) -> TranscodedPart:
        """A part that no codec handles."""
        return cls(one.part, replace(one.info, size_bytes=len(one.part.data)))

    @classmethod
    def of(cls, one: ProbedPart, rendition: Rendition, limit_bytes: int | None = None) -> TranscodedPart:
        """A part with the bytes of its rendition."""
        part = replace(one.part, data=rendition.data, media_type=rendition.info.media_type)
        return cls(part, rendition.info, rendition, limit_bytes)


class MediaTranscoder(Protocol):
    """Surveys the parts of one message and turns a plan into the parts to send; closing it ends its sessions."""

    @property
    def survey_stages(self) -> tuple[SurveyStage, ...]:
        """Ways to survey the parts; each one is tried when the message does not fit by the stage before it.

        A stage takes the parts of the last stage and returns None when it finds nothing new.
        """

    def posters(self, parts: Parts) -> dict[int, ProbedPart]:
        """A still for each part that moves, by its place in *parts*."""

    def trim(self, part: ProbedPart) -> ProbedPart:
        """A part cut to its `trim_ms`."""

    def execute(
        self, plan: Plan, parts: Parts, before: Sequence[TranscodedPart] | None = None
    ) -> tuple[TranscodedPart, ...]:
        """Every part as the plan decides."""

    def verify(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> None:
        """Check every result."""

    def measure(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> tuple[TranscodedPart, ...]:
        """The same results with their quality measured."""

    def close(self) -> None:
        """End all sessions."""


class SandboxTranscoder:
    """The transcoder that encodes."""

    def __init__(self, profile: Profile, effort: Effort) -> None:
        surveyor = self._surveyor = Surveyor(profile, effort)
        self.survey_stages: tuple[SurveyStage, ...] = (surveyor.survey, surveyor.as_videos)
        self.posters, self.trim, self.close = surveyor.posters, surveyor.trim, surveyor.close

    def execute(
        self, plan: Plan, parts: Parts, before: Sequence[TranscodedPart] | None = None
    ) -> tuple[TranscodedPart, ...]:
        """Encode every part as decided, then give the bytes left over to the part that gains most.

        Args:
            plan: One decision per part.
            parts: The parts, in the plan's order.
            before: Results of an earlier, larger plan; a part whose limit did not change is taken from them.

        Raises:
            DoesNotFit: A codec could not go as low as its share; `part` and `smallest_bytes` say which and how low.
        """

        def transcode(index: int) -> TranscodedPart:
            decision = plan.decisions[index]
            # Encoding is the expensive step: a limit that did not change gives the same bytes.
            if before is not None and before[index].limit_bytes == getattr(decision, "limit_bytes", None):
                return before[index]
            return self._transcode(parts[index], decision)

        transcoded = map_parallel(transcode, range(len(parts)))
        return tuple(self._spend_rest(plan, parts, transcoded))

    def _transcode(self, one: ProbedPart, decision: Decision) -> TranscodedPart:
        if one.survey is None:
            return TranscodedPart.unchanged(one)
        if isinstance(decision, Keep):
            with error_context(one):
                return TranscodedPart.of(one, self._surveyor.session_of(one).keep())
        assert isinstance(decision, Transcode)
        return TranscodedPart.of(one, self._render(one, decision.limit_bytes), decision.limit_bytes)

    def _render(self, one: ProbedPart, limit_bytes: int) -> Rendition:
        with error_context(one):
            return self._surveyor.session_of(one).render(limit_bytes)

    def _spend_rest(self, plan: Plan, parts: Parts, transcoded: list[TranscodedPart]) -> list[TranscodedPart]:
        """Offer the bytes left over to the part that gains most, then to the next if that one has no use for them."""
        rest = plan.available_bytes - sum(len(one.part.data) for one in transcoded)
        gains = [_gain(part, one, rest) for part, one in zip(parts, transcoded, strict=True)]
        for best in sorted(range(len(parts)), key=gains.__getitem__, reverse=True)[:_MOST_OFFERS]:
            if gains[best] < _MIN_GAIN:
                break
            first = transcoded[best]
            again = self._render(parts[best], len(first.part.data) + rest)
            # A rendition that did not grow (a palette has few sizes) leaves the bytes to the next part.
            if len(again.data) > len(first.part.data):
                encodes = again.encodes + (first.rendition.encodes if first.rendition else 0)
                transcoded[best] = TranscodedPart.of(parts[best], replace(again, encodes=encodes), first.limit_bytes)
                break
        return transcoded

    def verify(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> None:
        """Decode every result with a second decoder.

        Raises:
            EngineFailed: A result is not what its codec said it is.
        """

        def check(index: int) -> None:
            rendition = transcoded[index].rendition
            if rendition is not None:
                with error_context(parts[index]):
                    self._surveyor.session_of(parts[index]).verify(rendition.data, rendition.info)

        map_parallel(check, range(len(parts)))

    def measure(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> tuple[TranscodedPart, ...]:
        """The same results with their quality measured, where a measuring tool is installed."""

        def measure(index: int) -> TranscodedPart:
            result = transcoded[index]
            if result.rendition is None:
                return result
            score = self._surveyor.session_of(parts[index]).measure(result.rendition.data)
            return replace(result, rendition=replace(result.rendition, measured_quality=score))

        return tuple(map_parallel(measure, range(len(parts))))


def _gain(one: ProbedPart, result: TranscodedPart, rest_bytes: int) -> float:
    """The quality that the bytes left over by the other parts would buy this part."""
    if one.survey is None or result.limit_bytes is None:
        return 0.0
    largest = len(result.part.data) + rest_bytes
    # The others left too little for a second encode to matter.
    if largest - result.limit_bytes < _MIN_LEFT_SHARE * result.limit_bytes:
        return 0.0
    curve = one.survey.curve
    return one.policy.weight * (curve.quality_at(largest) - curve.quality_at(result.limit_bytes))
