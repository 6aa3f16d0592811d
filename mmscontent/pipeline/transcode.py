"""Steps 3 and 4: a codec surveys each part in a session, then encodes it within its share, checked and maybe measured.

Several parts are handled at the same time; the result does not depend on which one is first. A form of a part (its
poster, a trimmed copy, an animation as video) has a session of its own. `MediaTranscoder` is what the pipeline calls.
`SandboxTranscoder` here does the work in sandbox workers; the Estimator (estimate.py) predicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.registry import CODECS, codec_for
from mmscontent.codecs.session import CodecSession
from mmscontent.errors import MMSContentError, NotAllowed, SourceError
from mmscontent.message import MediaInfo, Part
from mmscontent.pipeline.allocation import policy_for
from mmscontent.pipeline.plan import Decision, Keep, Parts, Plan, ProbedPart, Transcode, minimum_bytes
from mmscontent.profiles.model import Profile
from mmscontent.sniff import sniff

_THREADS = 8
# One part may be encoded once more when others left this share of its own limit unused, for this much quality.
_MIN_LEFT_SHARE = 0.02
_MIN_GAIN = 0.2
_MOST_OFFERS = 3  # a picture with a palette has a few sizes only, whatever its curve says in between

SurveyStage = Callable[[Parts], Parts | None]
In = TypeVar("In")
Out = TypeVar("Out")


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


class MediaTranscoder:
    """Surveys the parts of one message and turns a plan into the parts to send; closing it ends its sessions."""

    def __init__(self, profile: Profile, effort: Effort) -> None:
        self._profile, self._effort = profile, effort
        self._sessions: dict[tuple[str, str], CodecSession] = {}

    @property
    def survey_stages(self) -> tuple[SurveyStage, ...]:
        """Ways to survey the parts; each one is tried when the message does not fit by the stage before it.

        A stage takes the parts of the last stage and returns None when it finds nothing new.
        """
        return (self.survey, self.as_videos)

    def execute(
        self, plan: Plan, parts: Parts, before: Sequence[TranscodedPart] | None = None
    ) -> tuple[TranscodedPart, ...]:
        """Every part as the plan decides."""
        raise NotImplementedError

    def verify(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> None:
        """Check every result."""
        raise NotImplementedError

    def measure(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> tuple[TranscodedPart, ...]:
        """The same results with their quality measured."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all sessions."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def session_of(self, part: ProbedPart) -> CodecSession:
        """The session that holds the source of a part, or of one of its forms."""
        return self._sessions[part.label, part.form]

    def survey(self, parts: Sequence[ProbedPart]) -> Parts:
        """Let each codec analyse its source; parts without a codec come back as they are.

        A part that its codec cannot fit for this receiver says so in `refused`.

        Raises:
            SourceError: A source cannot be used; the message names it.
            EngineError: A worker failed or was ended.
        """
        for part in parts:  # one after the other, so that the parts are spread over the workers in a fixed order
            self._open_session(part)
        return tuple(map_parallel(lambda part: self._survey(part, self._profile), parts))

    def as_videos(self, parts: Parts) -> Parts | None:
        """The parts with animated GIFs as video where that is smaller, the last step on which they move; else None."""
        videos = map_parallel(self._as_video, parts)
        return tuple(video or part for video, part in zip(videos, parts, strict=True)) if any(videos) else None

    def posters(self, parts: Parts) -> dict[int, ProbedPart]:
        """A still, surveyed, for each part that moves and has a picture to show; by its place in *parts*."""
        found = map_parallel(self._poster, parts)
        return {index: poster for index, poster in enumerate(found) if poster is not None}

    def trim(self, part: ProbedPart) -> ProbedPart:
        """Cut a video or audio to its `trim_ms` and survey what is left.

        Raises:
            NotAllowed: Its container is not written here.
            DamagedMedia: Nothing could be copied.
        """
        from mmscontent.codecs.trim import trim  # noqa: PLC0415 - its engine loads when it is needed

        assert part.trim_ms is not None
        assert part.survey is not None
        with error_context(part):
            data = trim(part.part.data, part.info, part.trim_ms)
        info = sniff(data)
        source = replace(part.part, data=data, media_type=info.media_type)
        trimmed = self._survey_form(replace(part, part=source, info=info, form="trimmed", survey=None), self._profile)
        if trimmed.survey is None:
            return trimmed
        whole_ms = part.survey.info.duration_ms or 0
        why = f"cut to the first {part.trim_ms / 1000:g} of its {whole_ms / 1000:.1f} s"
        # The ledger describes the whole source; *part* has the shortened survey of its remedy.
        facts = replace(part.survey.info, duration_ms=whole_ms)
        survey = replace(trimmed.survey, info=facts, keep_bytes=None, reasons=(why,))
        return replace(trimmed, survey=survey, policy=part.policy)

    def _open_session(self, part: ProbedPart) -> None:
        codec = codec_for(part.info)
        if codec is not None and not part.refused:
            self._sessions[part.label, part.form] = CodecSession(codec, part.label)

    def _survey(self, part: ProbedPart, profile: Profile) -> ProbedPart:
        codec = codec_for(part.info)
        if codec is None or part.refused:
            return part
        session = self.session_of(part)

        def survey() -> Survey:
            session.open(part.part.data, part.info)
            return session.survey(getattr(profile, CODECS[codec].rule), self._effort)

        return _with_survey(part, survey)

    def _survey_form(self, part: ProbedPart, profile: Profile) -> ProbedPart:
        self._open_session(part)
        return self._survey(part, profile)

    def _as_video(self, part: ProbedPart) -> ProbedPart | None:
        """An animated GIF as video; None where no video is smaller, or none is played."""
        if part.form or part.survey is None or part.info.media_type != "image/gif" or not part.info.is_animation:
            return None
        if not self._profile.video.formats or not self._profile.image.animated:
            return None
        # The media type stays image/gif: the video codec reads the GIF itself.
        info = replace(part.survey.info, kind="video", frames=None)
        video = self._survey_form(replace(part, info=info, form="video", survey=None), self._profile)
        if video.survey is None or minimum_bytes(video) >= minimum_bytes(part):
            return None
        reason = (
            f"a GIF that can still be recognised needs {minimum_bytes(part):,} bytes, a video"
            f" {minimum_bytes(video):,}; it is sent as video, which plays once"
        )
        return replace(video, survey=replace(video.survey, keep_bytes=None, reasons=(reason,)))

    def _poster(self, part: ProbedPart) -> ProbedPart | None:
        from mmscontent.codecs.trim import poster_frame  # noqa: PLC0415 - its engine loads when it is needed

        poster, profile = part, self._profile
        if part.info.kind == "video":
            # A video without a picture that can be decoded has no poster; that is no fault of the message.
            try:
                png = poster_frame(part.part.data, part.info)
            except SourceError:
                return None
            poster = replace(part, part=replace(part.part, data=png, media_type="image/png"), info=sniff(png))
        # A receiver that plays no animation gets the best frame from the codec anyway; a poster would be the same.
        elif part.info.is_animation and profile.image.animated:
            profile = replace(profile, image=replace(profile.image, animated=False))
        else:
            return None
        poster = self._survey_form(replace(poster, refused="", form="poster", survey=None), profile)
        if poster.survey is None:
            return None
        # The ledger describes what the caller gave, not the frame that was taken from it.
        facts = part.survey.info if part.survey else part.info
        survey = replace(poster.survey, info=facts, keep_bytes=None, reasons=("sent as a still: its best picture",))
        return replace(poster, survey=survey)


class SandboxTranscoder(MediaTranscoder):
    """The transcoder that encodes."""

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
                return TranscodedPart.of(one, self.session_of(one).keep())
        assert isinstance(decision, Transcode)
        return TranscodedPart.of(one, self._render(one, decision.limit_bytes), decision.limit_bytes)

    def _render(self, one: ProbedPart, limit_bytes: int) -> Rendition:
        with error_context(one):
            return self.session_of(one).render(limit_bytes)

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
                    self.session_of(parts[index]).verify(rendition.data, rendition.info)

        map_parallel(check, range(len(parts)))

    def measure(self, parts: Parts, transcoded: Sequence[TranscodedPart]) -> tuple[TranscodedPart, ...]:
        """The same results with their quality measured, where a measuring tool is installed."""

        def measure(index: int) -> TranscodedPart:
            result = transcoded[index]
            if result.rendition is None:
                return result
            score = self.session_of(parts[index]).measure(result.rendition.data)
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


def estimate_from_header(part: ProbedPart, profile: Profile) -> ProbedPart:
    """A part with a survey that is estimated from its header alone."""
    codec = codec_for(part.info)
    assert codec is not None
    rule = getattr(profile, CODECS[codec].rule)
    with CodecSession(codec, part.label) as session:
        return _with_survey(part, lambda: session.estimate_from_header(part.part.data, part.info, rule))


def _with_survey(part: ProbedPart, survey_source: Callable[[], Survey]) -> ProbedPart:
    """The part with its survey and the policy of what it was recognised as, or with the reason of its refusal."""
    try:
        with error_context(part):
            survey = survey_source()
    except NotAllowed as error:
        return replace(part, refused=str(error).removeprefix(f"{part.label}: "))
    return replace(part, survey=survey, policy=policy_for(part.info.kind, survey.traits))


@contextmanager
def error_context(part: ProbedPart) -> Iterator[None]:
    """Name the part in every error: a codec knows no names."""
    try:
        yield
    except MMSContentError as error:
        error.part = part.label
        if part.label not in str(error):
            error.args = (f"{part.label}: {error}", *error.args[1:])
        raise


def map_parallel(function: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
    """Apply a function to all items, several at a time; results in order, the first error in order is raised."""
    if len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(len(items), _THREADS)) as threads:
        return list(threads.map(function, items))
