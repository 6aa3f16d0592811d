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
from mmscontent.message import Content, Envelope, Message, slide_roles
from mmscontent.pack import registry as pack
from mmscontent.pipeline.apply_remedy import apply_remedy, summarize_options
from mmscontent.pipeline.estimate import Estimator
from mmscontent.pipeline.examine import examine, fit_subject, paginate, sms_equivalence_notes
from mmscontent.pipeline.plan import ProbedPart, make_plan, refuse_unwanted
from mmscontent.pipeline.present import present_and_pack, present_parts, read_back
from mmscontent.pipeline.remedies import best_remedy, remedies_for, slide_groups
from mmscontent.pipeline.report import build_ledger, build_refusal_ledger
from mmscontent.pipeline.request import POLICIES, ComposeRequest, IfNotFit, PackedMessage
from mmscontent.pipeline.transcode import SandboxTranscoder, TranscodedPart
from mmscontent.smil.resolve import message_of
from mmscontent.smil.template import is_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mmscontent.codecs.base import Effort
    from mmscontent.ledger import Ledger
    from mmscontent.pipeline.remedies import Remedy
    from mmscontent.profiles.model import Profile

    Parts = tuple[ProbedPart, ...]

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
    request = _job(message, profile, envelope, encoding, effort, if_not_fit)
    return _run(request, lambda: Estimator(profile)).ledger


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
    request = _job(message, profile, envelope, encoding, effort, if_not_fit)
    return _run(replace(request, measure=measure, smil=smil), SandboxTranscoder)


def _job(
    message: Message,
    profile: Profile,
    envelope: Envelope | None,
    encoding: str,
    effort: Effort,
    if_not_fit: IfNotFit,
) -> ComposeRequest:
    if if_not_fit not in POLICIES:
        raise ValueError(f"if_not_fit is one of {', '.join(POLICIES)}, got {if_not_fit!r}")
    message, warnings = fit_subject(message, profile)
    return ComposeRequest(
        message,
        profile,
        envelope or Envelope(),
        encoding,
        effort,
        warnings=warnings,
        notes=sms_equivalence_notes(message, profile),
        if_not_fit=if_not_fit,
    )


def _run(request: ComposeRequest, transcoder: Callable[[], SandboxTranscoder]) -> Outcome:
    """The whole path, in a transcoder that makes things or in one that foresees them."""
    started = time.perf_counter()
    try:
        outcome = _attempt(request, transcoder)
    except JailKilled as killed:
        # The worker was ended by somebody else's source; ours did nothing wrong and gets a new one, once.
        if not killed.retryable:
            raise
        outcome = _attempt(request, transcoder)
    return _timed(outcome, round((time.perf_counter() - started) * 1000))


def _timed(outcome: Outcome, elapsed_ms: int) -> Outcome:
    if outcome.composed is None:
        return replace(outcome, ledger=replace(outcome.ledger, elapsed_ms=elapsed_ms))
    made = [replace(one, ledger=replace(one.ledger, elapsed_ms=elapsed_ms)) for one in outcome.messages]
    return Outcome(made[0].ledger, made[0], more=tuple(made[1:]))


# --- 1 examine -------------------------------------------------------------------------------------------------


def _attempt(request: ComposeRequest, open_transcoder: Callable[[], SandboxTranscoder]) -> Outcome:
    work = paginate(request.message, request.profile, keep=request.smil is not None and not is_template(request.smil))
    probed = examine(work, request.profile)
    request = replace(request, message=work.message)
    with open_transcoder() as transcoder:
        try:
            _refuse_call(request, probed)
        except NotAllowed as refusal:
            return _refused(request, probed, refusal, ())
        looked: Parts | None = transcoder.survey(probed, request.profile, request.effort)
        while looked is not None:
            probed = looked
            try:
                refuse_unwanted(probed)
                made = _finish(request, probed, transcoder)
            except (DoesNotFit, NotAllowed) as refusal:
                last = refusal
                looked = transcoder.resurvey(probed, request.profile, request.effort)
                request = replace(request, warnings=(*request.warnings, *_now_films(looked or ())))
            else:
                return Outcome(made.ledger, made)
        return _remedied(request, probed, last, transcoder)


def _now_films(looked: Parts) -> list[str]:
    return [
        f"{one.label} is sent as a film, which plays once: no GIF of it fits" for one in looked if one.form == "video"
    ]


def _refuse_call(request: ComposeRequest, probed: Parts) -> None:
    _refuse_misplaced(request.message, probed)
    most = request.profile.max_recipients
    count = len((*request.envelope.to, *request.envelope.cc, *request.envelope.bcc))
    if most is not None and count > most:
        raise NotAllowed(f"{count} recipients are named, the profile takes {most}; send in groups of {most}")


def _refuse_misplaced(message: Message, probed: Parts) -> None:
    """A slide's place must hold what it is for."""
    places = [place for slide in message.slides for place in slide_roles(slide)]
    for place, one in zip(places, probed, strict=False):
        if one.info.kind != place:
            raise NotAllowed(
                f"{one.label} stands in the {place} place of a slide, its bytes are {one.info.media_type};"
                " put it where it belongs",
                part=one.label,
            )


# --- when it does not fit --------------------------------------------------------------------------------------


def _remedied(
    request: ComposeRequest,
    probed: Parts,
    refusal: DoesNotFit | NotAllowed,
    transcoder: SandboxTranscoder,
) -> Outcome:
    """The remedy that the caller's policy allows, carried out; else the refusal with all remedies, priced."""
    room = _available_bytes(request, probed, request.profile.limit_bytes)
    posters = transcoder.stills_of(probed, request.profile, request.effort)
    groups = slide_groups(request.message)
    for share in _CAREFUL if request.if_not_fit != "fail" else ():
        remedy = best_remedy(remedies_for(probed, int(room * share), groups, posters), request.if_not_fit)
        if remedy is None:
            break
        try:
            made = [_finish(*_drawn_up(request, probed, remedy, at, transcoder), transcoder) for at in _places(remedy)]
        except (DoesNotFit, NotAllowed):
            continue
        return Outcome(made[0].ledger, made[0], more=tuple(made[1:]))
    return _refused(request, probed, refusal, remedies_for(probed, room, groups, posters))


def _places(remedy: Remedy) -> range:
    return range(len(remedy.messages))


def _drawn_up(
    request: ComposeRequest,
    probed: Parts,
    remedy: Remedy,
    at: int,
    transcoder: SandboxTranscoder,
) -> tuple[ComposeRequest, Parts]:
    """One message of a remedy, its films cut where that is the remedy."""
    parts = tuple(
        transcoder.trim(one, request.profile, request.effort) if one.trim_ms is not None else one
        for one in remedy.messages[at]
    )
    refuse_unwanted(parts)
    return apply_remedy(
        request, probed, replace(remedy, messages=(*remedy.messages[:at], parts, *remedy.messages[at + 1 :])), at
    )


def _refused(
    request: ComposeRequest,
    probed: Parts,
    refusal: DoesNotFit | NotAllowed,
    remedies: Sequence[Remedy],
) -> Outcome:
    options = tuple(remedy.option for remedy in remedies)
    if isinstance(refusal, DoesNotFit):
        refusal = DoesNotFit(
            f"{refusal}; {summarize_options(options)}",
            limit_bytes=refusal.limit_bytes,
            smallest_bytes=refusal.smallest_bytes,
            tries=refusal.tries,
            options=[option.as_json() for option in options],
            part=refusal.part,
        )
    room = _available_bytes(request, probed, request.profile.limit_bytes)
    return Outcome(build_refusal_ledger(request, probed, refusal, room, options), refusal=refusal)


def _finish(request: ComposeRequest, probed: Parts, transcoder: SandboxTranscoder) -> Composed:
    """Steps 2 to 8 for one message.

    Raises:
        DoesNotFit: Nothing worth sending is small enough.
    """
    fitted = _fit(request, probed, transcoder)
    _verify(fitted, probed, transcoder)
    if request.measure:
        fitted = replace(fitted, made=transcoder.measure(probed, fitted.made))
    ledger = build_ledger(request, probed, fitted)
    return Composed(fitted.packed.data, fitted.packed.content_type, ledger, fitted.content)


# --- 2 room, 3 plan, 4 adapt, 5 present, 6 pack ----------------------------------------------------------------


def _fit(request: ComposeRequest, probed: Parts, transcoder: SandboxTranscoder) -> PackedMessage:
    """Aim at the target; when even the floors pass it, at the limit, and say so."""
    profile = request.profile
    try:
        return _fit_to(request, probed, transcoder, profile.target_bytes)
    except DoesNotFit:
        if profile.target_bytes >= profile.limit_bytes:
            raise
    fitted = _fit_to(request, probed, transcoder, profile.limit_bytes)
    warning = (
        f"the message has {fitted.counted_bytes:,} bytes: over the {profile.target_bytes:,} aimed at,"
        f" under the limit of {profile.limit_bytes:,}"
    )
    return replace(fitted, warnings=(*fitted.warnings, warning))


def _fit_to(request: ComposeRequest, probed: Parts, transcoder: SandboxTranscoder, aim_bytes: int) -> PackedMessage:
    """Plan, make, present and pack until the packed bytes are within the aim; each correction only shrinks."""
    room = _available_bytes(request, probed, aim_bytes)
    made: tuple[TranscodedPart, ...] | None = None
    tries: list[str] = []
    smallest = 0
    for _ in range(_MOST_PACKINGS):
        try:
            plan = make_plan(probed, room)
            made = transcoder.execute(plan, probed, made)
        except DoesNotFit as error:
            smallest = aim_bytes - room + error.smallest_bytes
            tries.append(str(error))
            lowered = _with_floor(probed, error)
            if lowered is None:
                break
            probed, made = lowered, None
            continue
        fitted = present_and_pack(request, plan, made)
        smallest = fitted.counted_bytes
        if smallest <= aim_bytes:
            return fitted
        tries.append(f"room for bodies {room:,} → packed {smallest:,}")
        room -= smallest - aim_bytes
    raise DoesNotFit(
        f"the message needs at least {smallest:,} bytes packed as {request.counted_as}, {aim_bytes:,} are allowed",
        limit_bytes=aim_bytes,
        smallest_bytes=smallest,
        tries=tries,
    )


def _available_bytes(request: ComposeRequest, probed: Parts, aim_bytes: int) -> int:
    """What all bodies may have together: the aim less the same content packed with empty bodies."""
    content = present_parts(request, [e.part for e in probed], [e.info for e in probed]).content
    empty = replace(content, parts=tuple(replace(p, data=b"") for p in content.parts))
    return pack.body_budget(aim_bytes, empty, request.envelope, request.counted_as)


def _with_floor(probed: Parts, error: DoesNotFit) -> Parts | None:
    """The parts with the floor of one raised to what its codec reached; None when no single codec is to blame."""
    at = next((i for i, e in enumerate(probed) if e.survey is not None and e.label == error.part), None)
    if at is None:
        return None
    one = probed[at]
    assert one.survey is not None
    if error.smallest_bytes <= one.survey.minimum_bytes:
        return None
    raised = replace(one, survey=replace(one.survey, minimum_bytes=error.smallest_bytes))
    return (*probed[:at], raised, *probed[at + 1 :])


# --- 7 verify --------------------------------------------------------------------------------------------------


def _verify(fitted: PackedMessage, probed: Parts, transcoder: SandboxTranscoder) -> None:
    """Unpack what was packed, and decode each result with a second decoder."""
    read_back(fitted)
    transcoder.verify(probed, fitted.made)
