"""THE ONE PATH: a message and a profile become packed bytes and a ledger.

    examine → room → plan → adapt → present → pack → verify → ledger

The library's face, the command, the batch and the service call `compose`, `check`, `adapt` or `attempt`
and nothing beside them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent import naming
from mmscontent.adapt import Made, Workshop
from mmscontent.codecs.text import fit_text
from mmscontent.errors import DoesNotFit, EngineFailed, JailKilled, MMSContentError, NotAllowed, OverLimits
from mmscontent.job import Fitted, Job
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import Content, Envelope, MediaInfo, Message
from mmscontent.pack import table as pack
from mmscontent.parts import identify
from mmscontent.plan import Examined, Plan, make_plan, options_for, refuse_unwanted, relabel
from mmscontent.presenting import present_parts
from mmscontent.reporting import ledger_of, refused_ledger
from mmscontent.smil.storyboard import message_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mmscontent.codecs.base import Effort
    from mmscontent.ledger import Ledger
    from mmscontent.message import Part
    from mmscontent.profile import Profile

__all__ = ["Composed", "Outcome", "adapt", "attempt", "check", "compose"]

_MOST_PACKINGS = 4  # the first and three corrections


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
    """The result of an attempt: a composed message, or a refusal that still has its ledger."""

    ledger: Ledger
    composed: Composed | None = None
    refusal: MMSContentError | None = None


def compose(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
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

    Raises:
        SourceError: A part is at fault; it is named.
        DoesNotFit: No rendition is small enough; `options` says what would be.
        NotAllowed: The receiver takes no such part.
        EngineError: One of our own tools is missing or failed.
    """
    outcome = attempt(message, profile, envelope=envelope, encoding=encoding, effort=effort, measure=measure, smil=smil)
    if outcome.composed is None:
        assert outcome.refusal is not None
        raise outcome.refusal
    return outcome.composed


def check(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
) -> Ledger:
    """What `compose` would do, as a ledger; a refusal is a ledger with `fits` false and options.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    return attempt(message, profile, envelope=envelope, encoding=encoding, effort=effort).ledger


def adapt(
    message: bytes | Content,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "mime",
    effort: Effort = "fast",
) -> Composed:
    """Fit an existing MMS to another receiver: its slides, order and timing stay, its parts are fitted anew.

    Args:
        message: Any wire form `unpack` reads, or its content.
        profile: The new receiver.
        envelope: Who sends to whom; the message's own when None.
        encoding: Wire form to write.
        effort: As for `compose`.

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
) -> Outcome:
    """`compose`, with a refusal handed back beside its ledger instead of raised.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    message, warnings = _fit_subject(message, profile)
    job = Job(message, profile, envelope or Envelope(), encoding, effort, measure, smil, warnings)
    try:
        return _attempt(job)
    except JailKilled as killed:
        # The worker was ended by somebody else's source; ours did nothing wrong and gets a new one, once.
        if not killed.retryable:
            raise
        return _attempt(job)


def _attempt(job: Job) -> Outcome:
    started = time.perf_counter()
    examined = _examine(job)
    with Workshop() as workshop:
        try:
            _refuse(job, examined)
            examined = workshop.survey(examined, job.profile, job.effort)
            fitted = _fit(job, examined, workshop)
        except (DoesNotFit, NotAllowed) as refusal:
            ledger = refused_ledger(job, examined, refusal, _room(job, examined, job.profile.limit_bytes))
            return Outcome(_timed(ledger, started), refusal=refusal)
        _verify(fitted, examined, workshop)
        if job.measure:
            fitted = replace(fitted, made=workshop.measure(examined, fitted.made))
    ledger = _timed(ledger_of(job, examined, fitted), started)
    return Outcome(ledger, Composed(fitted.packed.data, fitted.packed.content_type, ledger, fitted.content))


# --- 1 examine -------------------------------------------------------------------------------------------------


def _examine(job: Job) -> tuple[Examined, ...]:
    """Every part recognised by its bytes and named; text in its final charset."""
    parts = job.message.parts
    if len(parts) > DEFAULT_INPUT_LIMITS.max_parts:
        raise OverLimits(
            f"the message has {len(parts)} parts, {DEFAULT_INPUT_LIMITS.max_parts} are opened at most; send several"
        )
    return relabel([_examine_part(part, job.profile) for part in naming.name_parts(parts)])


def _examine_part(part: Part, profile: Profile) -> Examined:
    info = identify(part.data, name=part.name, declared=part.media_type)
    if part.kind == "text":
        fitted = fit_text(part, profile.text)
        fitted_info = MediaInfo("text/plain", "text", len(part.data), charset=part.charset or info.charset)
        return Examined(fitted.part, fitted_info, reasons=fitted.reasons)
    media_type = profile.contact.media_type if info.kind == "contact" else info.media_type
    reasons = (f"labelled {media_type}, as the receiver wants",) if media_type != info.media_type else ()
    return Examined(replace(part, media_type=media_type), info, reasons=reasons)


def _refuse(job: Job, examined: Sequence[Examined]) -> None:
    refuse_unwanted(examined, job.profile)
    _refuse_misplaced(job.message, examined)
    most = job.profile.max_recipients
    count = len((*job.envelope.to, *job.envelope.cc, *job.envelope.bcc))
    if most is not None and count > most:
        raise NotAllowed(f"{count} recipients are named, the profile takes {most}; send in groups of {most}")


def _refuse_misplaced(message: Message, examined: Sequence[Examined]) -> None:
    """A slide's place must hold what it is for."""
    places = [place for slide in message.slides for place in naming.places(slide)]
    for place, one in zip(places, examined, strict=False):
        if one.info.kind != place:
            raise NotAllowed(
                f"{one.label} stands in the {place} place of a slide, its bytes are {one.info.media_type};"
                " put it where it belongs",
                part=one.label,
            )


def _fit_subject(message: Message, profile: Profile) -> tuple[Message, tuple[str, ...]]:
    most = profile.subject_max_chars
    if most is None or len(message.subject) <= most:
        return message, ()
    if most == 0:
        return replace(message, subject=""), (f"the receiver shows no subject; “{message.subject}” is left out",)
    warning = f"the subject has {len(message.subject)} characters, {most} are shown; the rest is cut off"
    return replace(message, subject=message.subject[: most - 1].rstrip() + "…"), (warning,)


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
        fitted = _present_and_pack(job, plan, made)
        smallest = fitted.counted_bytes
        if smallest <= aim_bytes:
            return fitted
        tries.append(f"room for bodies {room:,} → packed {smallest:,}")
        room -= smallest - aim_bytes
    options = [o.as_json() for o in options_for(examined, _room(job, examined, aim_bytes))]
    raise DoesNotFit(
        f"the message needs at least {smallest:,} bytes packed as {job.counted_as}, {aim_bytes:,} are allowed;"
        f" {_advice(options)}",
        limit_bytes=aim_bytes,
        smallest_bytes=smallest,
        tries=tries,
        options=options,
    )


def _advice(options: Sequence[Mapping[str, object]]) -> str:
    first = options[0]
    if first["do"] == "drop":
        return f"it would fit without {first['part']}"
    return "it would fit as several messages" if first["do"] == "split" else "send a link or allow a larger message"


def _room(job: Job, examined: Sequence[Examined], aim_bytes: int) -> int:
    """What all bodies may have together: the aim less the same content packed with empty bodies."""
    content = present_parts(job, [e.part for e in examined], [e.info for e in examined]).content
    empty = replace(content, parts=tuple(replace(p, data=b"") for p in content.parts))
    return pack.room(aim_bytes, empty, job.envelope, job.counted_as)


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


def _present_and_pack(job: Job, plan: Plan, made: tuple[Made, ...]) -> Fitted:
    shown = present_parts(job, [m.part for m in made], [m.info for m in made])
    packed = pack.pack(shown.content, job.envelope, job.encoding)
    counted = len(packed.data)
    if job.counted_as != job.encoding:
        counted = pack.size(shown.content, job.envelope, job.counted_as)
    return Fitted(shown.content, packed, counted, shown.slides, plan, made, (*job.warnings, *shown.warnings))


# --- 7 verify --------------------------------------------------------------------------------------------------


def _verify(fitted: Fitted, examined: Sequence[Examined], workshop: Workshop) -> None:
    """Unpack what was packed, and decode each result with a second decoder."""
    read = pack.unpack(fitted.packed.data, fitted.packed.content_type).content
    wrote = [(p.media_type, p.content_id, p.data) for p in fitted.content.parts]
    if [(p.media_type, p.content_id, p.data) for p in read.parts] != wrote or read.subject != fitted.content.subject:
        raise EngineFailed(
            f"the packed message reads back with {len(read.parts)} parts that differ from the {len(wrote)} written;"
            " this is a fault of the packer, please report the message"
        )
    workshop.verify(examined, fitted.made)


def _timed(ledger: Ledger, started: float) -> Ledger:
    return replace(ledger, elapsed_ms=round((time.perf_counter() - started) * 1000))
