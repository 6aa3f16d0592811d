"""THE ONE PATH: a message and a profile become packed bytes and a ledger.

    examine → room → plan → adapt → present → pack → verify → ledger

The library's face, the command, the batch and the service call `compose`, `check`, `adapt` or `attempt`
and nothing beside them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DoesNotFit, JailKilled, MMSContentError, NotAllowed
from mmscontent.message import Content, Envelope, Message
from mmscontent.pack import registry as pack
from mmscontent.pipeline import part_naming
from mmscontent.pipeline.apply_remedy import advice, taken
from mmscontent.pipeline.estimate import Foresight
from mmscontent.pipeline.examine import examine, fit_subject, lone_text_notes, paged
from mmscontent.pipeline.plan import Examined, make_plan, refuse_unwanted
from mmscontent.pipeline.present import present_and_pack, present_parts, read_back
from mmscontent.pipeline.remedies import best_remedy, groups_of, remedies_for
from mmscontent.pipeline.report import ledger_of, refused_ledger
from mmscontent.pipeline.request import POLICIES, Fitted, IfNotFit, Job
from mmscontent.pipeline.transcode import Made, Workshop
from mmscontent.smil.resolve import message_of
from mmscontent.smil.template import is_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mmscontent.codecs.base import Effort
    from mmscontent.ledger import Ledger
    from mmscontent.pipeline.remedies import Remedy
    from mmscontent.profiles.model import Profile

__all__ = ["Composed", "Outcome", "adapt", "attempt", "check", "compose", "compose_all"]

_MOST_PACKINGS = 4  # the first and three corrections
_CAREFUL = (1.0, 0.9, 0.75)  # of the room: a remedy is planned by prediction, and again with less when that was wrong


@dataclass(frozen=True, slots=True)
class Composed:
    """A packed message and what became of its parts.

    Attributes:
        data: The wire form.
        content_type: Its media type with parameters, for a transport's header.
        content: What was packed: the presentation and the parts, before packing.
    """

    data: bytes = field(repr=False)
    content_type: str
    ledger: Ledger
    content: Content = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt: a composed message, or a refusal that still has its ledger.

    Attributes:
        ledger: Of the message; of the first one when there are several.
        more: The messages after the first, when it was split.
    """

    ledger: Ledger
    composed: Composed | None = None
    refusal: MMSContentError | None = None
    more: tuple[Composed, ...] = ()

    @property
    def messages(self) -> tuple[Composed, ...]:
        """Every message, in order; none for a refusal."""
        return () if self.composed is None else (self.composed, *self.more)


def compose(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
    if_not_fit: IfNotFit = "fail",
) -> Composed:
    """Fit a message to a receiver and pack it.

    Args:
        message: Slides and attachments.
        profile: What the receiver accepts (`load_profile`).
        envelope: Who sends to whom; an empty one when None.
        encoding: `pdu`, `mime` or another row of `pack.table.ENCODINGS`.
        effort: `fast`, or `best` for up to four times the time and the last point of quality.
        measure: Measure the quality of each result, not only predict it.
        smil: A presentation that plays these parts by their names; it is kept with its sources renamed where it
            plays without a fault, and written anew, with a warning, where it does not. One with places such as
            `{{0}}` and `{{text}}` is a template that is filled (smil/template.py).
        if_not_fit: What may be given up when it does not fit: `fail` nothing; `drop` parts; `poster` sends a still in
            place of what moves; `trim` cuts films and sounds; `accept_quality` goes under what a kind needs to be of
            use; `split` is for `compose_all`. What was done is in the ledger: `remedy`, decisions and warnings.

    Raises:
        SourceError: A part is at fault; it is named.
        DoesNotFit: No rendition is small enough; `options` says what would be.
        NotAllowed: The receiver takes no such part.
        EngineError: One of our own tools is missing or failed.
    """
    made = compose_all(
        message,
        profile,
        envelope=envelope,
        encoding=encoding,
        effort=effort,
        measure=measure,
        smil=smil,
        if_not_fit=if_not_fit,
    )
    if len(made) > 1:
        first = made[0].ledger
        raise DoesNotFit(
            f"the message takes {len(made)} messages; compose_all() gives them",
            limit_bytes=profile.limit_bytes,
            smallest_bytes=sum(len(one.data) for one in made),
            options=[first.remedy.as_json()] if first.remedy else (),
        )
    return made[0]


def compose_all(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
    if_not_fit: IfNotFit = "split",
) -> tuple[Composed, ...]:
    """`compose`, as several messages where one does not hold it: each complete in itself, in order.

    A slide's words go with each of its media; the subject is numbered; each ledger lists every part, those of the
    other messages as left out of this one.

    Args:
        message: As for `compose`, and so are the others.
        profile: As for `compose`.
        envelope: Ids in it get the number of the message after the first.
        encoding: As for `compose`.
        effort: As for `compose`.
        measure: As for `compose`.
        smil: As for `compose`; a message that holds not all parts is presented anew.
        if_not_fit: As for `compose`; any other policy than `split` gives one message.

    Raises:
        MMSContentError: As `compose`.
    """
    outcome = attempt(
        message,
        profile,
        envelope=envelope,
        encoding=encoding,
        effort=effort,
        measure=measure,
        smil=smil,
        if_not_fit=if_not_fit,
    )
    if outcome.refusal is not None:
        raise outcome.refusal
    return outcome.messages


def check(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    if_not_fit: IfNotFit = "fail",
) -> Ledger:
    """What `compose` would do, as a ledger; a refusal is a ledger with `fits` false and options.

    Nothing is encoded in full: sizes, sides and qualities of results are predicted, decisions and limits are those of
    `compose`. Stills are judged by their headers where these leave no doubt, so damage among their pixels shows only
    when they are composed.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    job = _job(message, profile, envelope, encoding, effort, if_not_fit)
    return _run(job, lambda: Foresight(profile)).ledger


def adapt(
    message: bytes | Content,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "mime",
    effort: Effort = "fast",
    if_not_fit: IfNotFit = "fail",
) -> Composed:
    """Fit an existing MMS to another receiver: its slides, order and timing stay, its parts are fitted anew.

    Args:
        message: Any wire form `unpack` reads, or its content.
        profile: The new receiver.
        envelope: Who sends to whom; the message's own when None.
        encoding: Wire form to write.
        effort: As for `compose`.
        if_not_fit: As for `compose`.

    Raises:
        MalformedContent: The message cannot be read.
        MMSContentError: As `compose`.
    """
    if isinstance(message, bytes):
        unpacked = pack.unpack(message)
        message, envelope = unpacked.content, envelope or unpacked.envelope
    return compose(
        message_of(message),
        profile,
        envelope=envelope,
        encoding=encoding,
        effort=effort,
        smil=message.presentation.data if message.presentation is not None else None,
        if_not_fit=if_not_fit,
    )


def attempt(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
    if_not_fit: IfNotFit = "fail",
) -> Outcome:
    """`compose_all`, with a refusal handed back beside its ledger instead of raised.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    job = _job(message, profile, envelope, encoding, effort, if_not_fit)
    return _run(replace(job, measure=measure, smil=smil), Workshop)


def _job(
    message: Message,
    profile: Profile,
    envelope: Envelope | None,
    encoding: str,
    effort: Effort,
    if_not_fit: IfNotFit,
) -> Job:
    if if_not_fit not in POLICIES:
        raise ValueError(f"if_not_fit is one of {', '.join(POLICIES)}, got {if_not_fit!r}")
    message, warnings = fit_subject(message, profile)
    return Job(
        message,
        profile,
        envelope or Envelope(),
        encoding,
        effort,
        warnings=warnings,
        notes=lone_text_notes(message, profile),
        if_not_fit=if_not_fit,
    )


def _run(job: Job, workshop: Callable[[], Workshop]) -> Outcome:
    """The whole path, in a workshop that makes things or in one that foresees them."""
    started = time.perf_counter()
    try:
        outcome = _attempt(job, workshop)
    except JailKilled as killed:
        # The worker was ended by somebody else's source; ours did nothing wrong and gets a new one, once.
        if not killed.retryable:
            raise
        outcome = _attempt(job, workshop)
    return _timed(outcome, round((time.perf_counter() - started) * 1000))


def _timed(outcome: Outcome, elapsed_ms: int) -> Outcome:
    if outcome.composed is None:
        return replace(outcome, ledger=replace(outcome.ledger, elapsed_ms=elapsed_ms))
    made = [replace(one, ledger=replace(one.ledger, elapsed_ms=elapsed_ms)) for one in outcome.messages]
    return Outcome(made[0].ledger, made[0], more=tuple(made[1:]))


# --- 1 examine -------------------------------------------------------------------------------------------------


def _attempt(job: Job, made_in: Callable[[], Workshop]) -> Outcome:
    work = paged(job.message, job.profile, keep=job.smil is not None and not is_template(job.smil))
    examined = examine(work, job.profile)
    job = replace(job, message=work.message)
    with made_in() as workshop:
        try:
            _refuse_call(job, examined)
        except NotAllowed as refusal:
            return _refused(job, examined, refusal, ())
        looked: tuple[Examined, ...] | None = workshop.survey(examined, job.profile, job.effort)
        while looked is not None:
            examined = looked
            try:
                refuse_unwanted(examined)
                made = _finish(job, examined, workshop)
            except (DoesNotFit, NotAllowed) as refusal:
                last = refusal
                looked = workshop.closer(examined, job.profile, job.effort)
                job = replace(job, warnings=(*job.warnings, *_now_films(looked or ())))
            else:
                return Outcome(made.ledger, made)
        return _remedied(job, examined, last, workshop)


def _now_films(looked: Sequence[Examined]) -> list[str]:
    return [
        f"{one.label} is sent as a film, which plays once: no GIF of it fits" for one in looked if one.form == "film"
    ]


def _refuse_call(job: Job, examined: Sequence[Examined]) -> None:
    _refuse_misplaced(job.message, examined)
    most = job.profile.max_recipients
    count = len((*job.envelope.to, *job.envelope.cc, *job.envelope.bcc))
    if most is not None and count > most:
        raise NotAllowed(f"{count} recipients are named, the profile takes {most}; send in groups of {most}")


def _refuse_misplaced(message: Message, examined: Sequence[Examined]) -> None:
    """A slide's place must hold what it is for."""
    places = [place for slide in message.slides for place in part_naming.places(slide)]
    for place, one in zip(places, examined, strict=False):
        if one.info.kind != place:
            raise NotAllowed(
                f"{one.label} stands in the {place} place of a slide, its bytes are {one.info.media_type};"
                " put it where it belongs",
                part=one.label,
            )


# --- when it does not fit --------------------------------------------------------------------------------------


def _remedied(
    job: Job, examined: tuple[Examined, ...], refusal: DoesNotFit | NotAllowed, workshop: Workshop
) -> Outcome:
    """The remedy that the caller's policy allows, carried out; else the refusal with all remedies, priced."""
    room = _room(job, examined, job.profile.limit_bytes)
    posters = workshop.stills_of(examined, job.profile, job.effort)
    groups = groups_of(job.message)
    for share in _CAREFUL if job.if_not_fit != "fail" else ():
        remedy = best_remedy(remedies_for(examined, int(room * share), groups, posters), job.if_not_fit)
        if remedy is None:
            break
        try:
            made = [_finish(*_drawn_up(job, examined, remedy, at, workshop), workshop) for at in _places(remedy)]
        except (DoesNotFit, NotAllowed):
            continue
        return Outcome(made[0].ledger, made[0], more=tuple(made[1:]))
    return _refused(job, examined, refusal, remedies_for(examined, room, groups, posters))


def _places(remedy: Remedy) -> range:
    return range(len(remedy.messages))


def _drawn_up(
    job: Job, examined: tuple[Examined, ...], remedy: Remedy, at: int, workshop: Workshop
) -> tuple[Job, tuple[Examined, ...]]:
    """One message of a remedy, its films cut where that is the remedy."""
    parts = tuple(
        workshop.cut(one, job.profile, job.effort) if one.cut_ms is not None else one for one in remedy.messages[at]
    )
    refuse_unwanted(parts)
    return taken(
        job, examined, replace(remedy, messages=(*remedy.messages[:at], parts, *remedy.messages[at + 1 :])), at
    )


def _refused(
    job: Job, examined: tuple[Examined, ...], refusal: DoesNotFit | NotAllowed, remedies: Sequence[Remedy]
) -> Outcome:
    options = tuple(remedy.option for remedy in remedies)
    if isinstance(refusal, DoesNotFit):
        refusal = DoesNotFit(
            f"{refusal}; {advice(options)}",
            limit_bytes=refusal.limit_bytes,
            smallest_bytes=refusal.smallest_bytes,
            tries=refusal.tries,
            options=[option.as_json() for option in options],
            part=refusal.part,
        )
    room = _room(job, examined, job.profile.limit_bytes)
    return Outcome(refused_ledger(job, examined, refusal, room, options), refusal=refusal)


def _finish(job: Job, examined: tuple[Examined, ...], workshop: Workshop) -> Composed:
    """Steps 2 to 8 for one message.

    Raises:
        DoesNotFit: Nothing worth sending is small enough.
    """
    fitted = _fit(job, examined, workshop)
    _verify(fitted, examined, workshop)
    if job.measure:
        fitted = replace(fitted, made=workshop.measure(examined, fitted.made))
    ledger = ledger_of(job, examined, fitted)
    return Composed(fitted.packed.data, fitted.packed.content_type, ledger, fitted.content)


# --- 2 room, 3 plan, 4 adapt, 5 present, 6 pack ----------------------------------------------------------------


def _fit(job: Job, examined: tuple[Examined, ...], workshop: Workshop) -> Fitted:
    """Aim at the target; when even the floors pass it, at the limit, and say so."""
    profile = job.profile
    try:
        return _fit_to(job, examined, workshop, profile.target_bytes)
    except DoesNotFit:
        if profile.target_bytes >= profile.limit_bytes:
            raise
    fitted = _fit_to(job, examined, workshop, profile.limit_bytes)
    warning = (
        f"the message has {fitted.counted_bytes:,} bytes: over the {profile.target_bytes:,} aimed at,"
        f" under the limit of {profile.limit_bytes:,}"
    )
    return replace(fitted, warnings=(*fitted.warnings, warning))


def _fit_to(job: Job, examined: tuple[Examined, ...], workshop: Workshop, aim_bytes: int) -> Fitted:
    """Plan, make, present and pack until the packed bytes are within the aim; each correction only shrinks."""
    room = _room(job, examined, aim_bytes)
    made: tuple[Made, ...] | None = None
    tries: list[str] = []
    smallest = 0
    for _ in range(_MOST_PACKINGS):
        try:
            plan = make_plan(examined, room)
            made = workshop.carry_out(plan, examined, made)
        except DoesNotFit as error:
            smallest = aim_bytes - room + error.smallest_bytes
            tries.append(str(error))
            lowered = _with_floor(examined, error)
            if lowered is None:
                break
            examined, made = lowered, None
            continue
        fitted = present_and_pack(job, plan, made)
        smallest = fitted.counted_bytes
        if smallest <= aim_bytes:
            return fitted
        tries.append(f"room for bodies {room:,} → packed {smallest:,}")
        room -= smallest - aim_bytes
    raise DoesNotFit(
        f"the message needs at least {smallest:,} bytes packed as {job.counted_as}, {aim_bytes:,} are allowed",
        limit_bytes=aim_bytes,
        smallest_bytes=smallest,
        tries=tries,
    )


def _room(job: Job, examined: Sequence[Examined], aim_bytes: int) -> int:
    """What all bodies may have together: the aim less the same content packed with empty bodies."""
    content = present_parts(job, [e.part for e in examined], [e.info for e in examined]).content
    empty = replace(content, parts=tuple(replace(p, data=b"") for p in content.parts))
    return pack.body_budget(aim_bytes, empty, job.envelope, job.counted_as)


def _with_floor(examined: tuple[Examined, ...], error: DoesNotFit) -> tuple[Examined, ...] | None:
    """The parts with the floor of one raised to what its codec reached; None when no single codec is to blame."""
    at = next((i for i, e in enumerate(examined) if e.survey is not None and e.label == error.part), None)
    if at is None:
        return None
    one = examined[at]
    assert one.survey is not None
    if error.smallest_bytes <= one.survey.floor_bytes:
        return None
    raised = replace(one, survey=replace(one.survey, floor_bytes=error.smallest_bytes))
    return (*examined[:at], raised, *examined[at + 1 :])


# --- 7 verify --------------------------------------------------------------------------------------------------


def _verify(fitted: Fitted, examined: Sequence[Examined], workshop: Workshop) -> None:
    """Unpack what was packed, and decode each result with a second decoder."""
    read_back(fitted)
    workshop.verify(examined, fitted.made)
