"""Carries a plan out with the codecs it is given: looks at sources, encodes them to their shares, checks them.

Every source sits in one jailed worker from the first look to the last encode, so it crosses the wall and is
decoded once. Several parts are worked on at the same time; the result does not depend on who is first.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from mmscontent.codecs.registry import CODECS, codec_for
from mmscontent.codecs.worker import HANDLERS, REGISTRY
from mmscontent.errors import MMSContentError, NotAllowed, SourceError
from mmscontent.pipeline.plan import Keep, ProbedPart, Transcode, minimum_bytes
from mmscontent.pipeline.quality_weights import policy_for
from mmscontent.sandbox import pool
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from mmscontent.codecs.base import Effort, MediaSource, Rendition, Survey
    from mmscontent.message import MediaInfo, Part
    from mmscontent.pipeline.plan import Decision, Plan
    from mmscontent.profiles.model import Profile, Rule

__all__ = ["SandboxTranscoder", "TranscodedPart"]

WORKER_MODULE = "mmscontent.codecs.worker"
_THREADS = 8
# One part may be encoded once more when others left this share of its own room over, for this much quality.
_WORTH_BYTES = 0.02
_WORTH_QUALITY = 0.2
_MOST_OFFERS = 3  # a picture with a palette has a few sizes only, whatever its curve says in between

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class TranscodedPart:
    """One part as it will be sent.

    Attributes:
        info: Facts of the result.
        rendition: What the codec said; None for a part that is carried as it came.
        limit_bytes: What it was allowed, or None.
    """

    part: Part
    info: MediaInfo
    rendition: Rendition | None = None
    limit_bytes: int | None = None


def _nothing() -> None:
    """What a source that holds nothing but memory does when it is left."""


class LocalSession:
    """A session in this process, for codecs whose decoders are programs that are jailed run by run."""

    def __init__(self) -> None:
        self._state: dict[str, MediaSource] = {}

    def call(self, function: str, *args: object, part: str = "") -> object:  # noqa: ARG002 - as a jailed session is called
        return HANDLERS[function](self._state, *args)

    def close(self) -> None:
        for source in self._state.values():
            getattr(source, "close", _nothing)()  # a folder goes now, not when the last traceback lets go of it
        self._state.clear()


class SandboxTranscoder:
    """Sessions in the jail for the parts of one message; leaving it gives them back."""

    def __init__(self) -> None:
        self._pool = pool.shared_pool(WORKER_MODULE, classes=REGISTRY)
        self._sessions: dict[tuple[str, str], pool.Session | LocalSession] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    # --- looking -----------------------------------------------------------------------------------------------

    def survey(self, probed: Sequence[ProbedPart], profile: Profile, effort: Effort) -> tuple[ProbedPart, ...]:
        """Let each codec look at its source and predict; parts without a codec come back as they are.

        A part that its codec can make nothing of for this receiver says so in `refused`.

        Raises:
            SourceError: A source cannot be used; the message names it.
            EngineError: A worker failed or was ended.
        """

        def look(one: ProbedPart) -> ProbedPart:
            return self._look(one, profile, effort)

        for one in probed:
            self._open_session(one)
        return tuple(_each(look, probed))

    def _open_session(self, one: ProbedPart) -> None:
        codec = codec_for(one.info)
        if codec is not None and not one.refused:
            self._sessions[_key(one)] = self._pool.open_session() if CODECS[codec].sandboxed else LocalSession()

    def _look(self, one: ProbedPart, profile: Profile, effort: Effort) -> ProbedPart:
        codec = codec_for(one.info)
        if codec is None or one.refused:
            return one
        session = self._sessions[_key(one)]
        rule: Rule = getattr(profile, CODECS[codec].rule)
        try:
            with _naming(one):
                session.call("open", codec, one.part.data, one.info, part=one.label)
                survey = cast("Survey", session.call("survey", rule, effort, part=one.label))
        except NotAllowed as error:
            return replace(one, refused=str(error).removeprefix(f"{one.label}: "))
        return replace(one, survey=survey, policy=policy_for(one.info.kind, survey.traits))

    def resurvey(self, probed: Sequence[ProbedPart], profile: Profile, effort: Effort) -> tuple[ProbedPart, ...] | None:
        """What another look shows when it does not fit by the first: animations as films; None when there is none."""
        films = _each(lambda one: self._film_of(one, profile, effort), probed)
        if not any(films):
            return None
        return tuple(film or one for film, one in zip(films, probed, strict=True))

    def _film_of(self, one: ProbedPart, profile: Profile, effort: Effort) -> ProbedPart | None:
        """An animated GIF as a film, the last rung on which it moves; None where none is smaller, or played."""
        if one.form or one.survey is None or codec_for(one.info) != "animation" or one.info.media_type != "image/gif":
            return None
        info = replace(one.survey.info, kind="video", frames=None)
        film = replace(one, info=info, form="video", survey=None)
        if not profile.video.formats or not profile.image.animated:
            return None
        self._open_session(film)
        looked = self._look(film, profile, effort)
        if looked.survey is None or minimum_bytes(looked) >= minimum_bytes(one):
            return None
        needs = f"a GIF in which something can be told needs {minimum_bytes(one):,} bytes"
        reasons = (f"{needs}, a film {minimum_bytes(looked):,}; it is sent as a film, which plays once",)
        return replace(looked, survey=replace(looked.survey, keep_bytes=None, reasons=reasons))

    # --- what a remedy makes of a source ---

    def stills_of(self, probed: Sequence[ProbedPart], profile: Profile, effort: Effort) -> dict[int, ProbedPart]:
        """A still for each part that moves, by its place."""
        found = _each(lambda one: self._still_of(one, profile, effort), probed)
        return {index: still for index, still in enumerate(found) if still is not None}

    def _still_of(self, one: ProbedPart, profile: Profile, effort: Effort) -> ProbedPart | None:
        """A part that moves as a still, surveyed; None for what does not move or has no picture to show."""
        if one.info.kind == "video":
            try:
                png = cast("bytes", LocalSession().call("poster_frame", one.part.data, one.info))
            except SourceError:
                return None
            still = replace(one, part=replace(one.part, data=png, media_type="image/png"), info=sniff(png))
        elif codec_for(one.info) == "animation" and profile.image.animated:
            still, profile = one, replace(profile, image=replace(profile.image, animated=False))
        else:
            return None
        still = replace(still, refused="", form="poster", survey=None)
        self._open_session(still)
        looked = self._look(still, profile, effort)
        if looked.survey is None:
            return None
        facts = one.survey.info if one.survey else one.info
        survey = replace(looked.survey, info=facts, keep_bytes=None, reasons=("sent as a still, its best picture",))
        return replace(looked, survey=survey)

    def trim(self, one: ProbedPart, profile: Profile, effort: Effort) -> ProbedPart:
        """A part whose plan is to be cut, cut and surveyed anew.

        Raises:
            NotAllowed: Its container is not written here.
            DamagedMedia: Nothing could be copied.
        """
        assert one.trim_ms is not None
        with _naming(one):
            data = cast("bytes", LocalSession().call("trim", one.part.data, one.info, one.trim_ms))
        info = sniff(data)
        part = replace(one.part, data=data, media_type=info.media_type)
        short = replace(one, part=part, info=info, form="trimmed", survey=None)
        self._open_session(short)
        looked = self._look(short, profile, effort)
        assert one.survey is not None
        if looked.survey is None:
            return looked
        whole = one.survey.info.duration_ms or 0
        why = f"cut to the first {one.trim_ms / 1000:g} of its {whole / 1000:.1f} s"
        facts = replace(one.survey.info, duration_ms=whole)
        survey = replace(looked.survey, info=facts, keep_bytes=None, reasons=(why,))
        return replace(looked, survey=survey, policy=one.policy)

    # --- making ------------------------------------------------------------------------------------------------

    def execute(
        self, plan: Plan, probed: Sequence[ProbedPart], before: Sequence[TranscodedPart] | None = None
    ) -> tuple[TranscodedPart, ...]:
        """Make every part as decided, then give what was left over to the part that gains most.

        Args:
            plan: One decision a part.
            probed: The parts, in the plan's order.
            before: What an earlier, larger plan made; a part whose allowance did not change is taken from it.

        Raises:
            DoesNotFit: A codec could not go as low as its share; `part` and `smallest_bytes` tell.
        """

        def make(item: tuple[int, ProbedPart, Decision]) -> TranscodedPart:
            index, one, decision = item
            if before is not None and before[index].limit_bytes == _limit(decision):
                return before[index]
            return self._make(one, decision)

        jobs = [(i, e, d) for i, (e, d) in enumerate(zip(probed, plan.decisions, strict=True))]
        made = _each(make, jobs)
        return tuple(self._spend_rest(plan, probed, made))

    def _make(self, one: ProbedPart, decision: Decision) -> TranscodedPart:
        if one.survey is None:
            return TranscodedPart(one.part, replace(one.info, size_bytes=len(one.part.data)))
        if isinstance(decision, Keep):
            return _made(one, self._call("keep", one), None)
        assert isinstance(decision, Transcode)
        return _made(one, self._call("render", one, decision.limit_bytes), decision.limit_bytes)

    def _call(self, function: str, one: ProbedPart, *args: object) -> Rendition:
        with _naming(one):
            return cast("Rendition", self._sessions[_key(one)].call(function, *args, part=one.label))

    def _spend_rest(self, plan: Plan, probed: Sequence[ProbedPart], made: list[TranscodedPart]) -> list[TranscodedPart]:
        """What was left over to the part that gains most; to the next when it turns out to have no use for it."""
        rest = plan.available_bytes - sum(len(m.part.data) for m in made)
        gains = [_gain(e, m, rest) for e, m in zip(probed, made, strict=True)]
        for best in sorted(range(len(made)), key=gains.__getitem__, reverse=True)[:_MOST_OFFERS]:
            if gains[best] < _WORTH_QUALITY:
                break
            again = self._call("render", probed[best], len(made[best].part.data) + rest)
            if len(again.data) > len(made[best].part.data):
                first = made[best].rendition
                encodes = again.encodes + (first.encodes if first else 0)
                made[best] = _made(probed[best], replace(again, encodes=encodes), made[best].limit_bytes)
                break
        return made

    # --- checking ----------------------------------------------------------------------------------------------

    def verify(self, probed: Sequence[ProbedPart], made: Sequence[TranscodedPart]) -> None:
        """Decode every result with a second decoder.

        Raises:
            EngineFailed: A result is not what its codec said it is.
        """

        def look(item: tuple[ProbedPart, TranscodedPart]) -> None:
            one, result = item
            if result.rendition is not None:
                data, info = result.rendition.data, result.rendition.info
                with _naming(one):
                    self._sessions[_key(one)].call("verify", codec_for(one.info), data, info, part=one.label)

        _each(look, list(zip(probed, made, strict=True)))

    def measure(self, probed: Sequence[ProbedPart], made: Sequence[TranscodedPart]) -> tuple[TranscodedPart, ...]:
        """The same results with their quality measured, where a measuring tool is installed."""

        def look(item: tuple[ProbedPart, TranscodedPart]) -> TranscodedPart:
            one, result = item
            if result.rendition is None:
                return result
            score = self._sessions[_key(one)].call("measure", result.rendition.data, part=one.label)
            return replace(result, rendition=replace(result.rendition, measured_quality=cast("float | None", score)))

        return tuple(_each(look, list(zip(probed, made, strict=True))))


@contextmanager
def _naming(one: ProbedPart) -> Iterator[None]:
    """A codec knows no names: what it raises is about this part."""
    try:
        yield
    except MMSContentError as error:
        error.part = one.label
        if one.label not in str(error):
            error.args = (f"{one.label}: {error}", *error.args[1:])
        raise


def _key(one: ProbedPart) -> tuple[str, str]:
    """Whose session it is: the part's own, that of its still, or that of what was cut from it."""
    return one.label, one.form


def _limit(decision: Decision) -> int | None:
    return decision.limit_bytes if isinstance(decision, Transcode) else None


def _made(one: ProbedPart, rendition: Rendition, limit_bytes: int | None) -> TranscodedPart:
    part = replace(one.part, data=rendition.data, media_type=rendition.info.media_type)
    return TranscodedPart(part, rendition.info, rendition, limit_bytes)


def _gain(one: ProbedPart, made: TranscodedPart, rest_bytes: int) -> float:
    """What the room left over by others would buy this part."""
    if one.survey is None or made.limit_bytes is None:
        return 0.0
    has = len(made.part.data)
    others = has + rest_bytes - made.limit_bytes
    if others < _WORTH_BYTES * made.limit_bytes:
        return 0.0
    curve = one.survey.curve
    return one.policy.weight * (curve.quality_at(has + rest_bytes) - curve.quality_at(made.limit_bytes))


def _each(function: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
    """Apply to all, several at a time; results in order, the first error in order is raised."""
    if len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(len(items), _THREADS)) as pool:
        return list(pool.map(function, items))
