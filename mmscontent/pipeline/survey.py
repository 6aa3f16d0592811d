"""Surveys of parts: a codec analyses each source in a session, which holds it until the last encode.

Several parts are surveyed at the same time; the result does not depend on which one is first. A form of a part (its
poster, a trimmed copy, an animation as video) is surveyed in a session of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from mmscontent.codecs.base import Effort, Survey
from mmscontent.codecs.registry import CODECS, codec_for
from mmscontent.codecs.session import CodecSession
from mmscontent.errors import MMSContentError, NotAllowed, SourceError
from mmscontent.pipeline.plan import Parts, ProbedPart, minimum_bytes
from mmscontent.pipeline.quality_weights import policy_for
from mmscontent.profiles.model import Profile
from mmscontent.sniff import sniff

_THREADS = 8

In = TypeVar("In")
Out = TypeVar("Out")


class Surveyor:
    """Surveys the parts of one message and keeps their sessions open until it is closed."""

    def __init__(self, profile: Profile, effort: Effort) -> None:
        self._profile, self._effort = profile, effort
        self._sessions: dict[tuple[str, str], CodecSession] = {}

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
