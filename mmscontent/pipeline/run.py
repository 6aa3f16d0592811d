"""One run of the pipeline: a request becomes packed messages with their ledgers, or a refusal with its ledger.

    prepare → examine → survey → plan → transcode → present and pack → verify → ledger

The same run serves `compose` and `check`; they differ in the transcoder that is opened for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.codecs.base import Effort
from mmscontent.errors import DoesNotFit, JailKilled, NotAllowed
from mmscontent.message import slide_roles
from mmscontent.pack import registry as pack
from mmscontent.pipeline.examine import examine, fit_subject, paginate, sms_equivalence_notes
from mmscontent.pipeline.plan import Parts, make_plan, raise_if_refused
from mmscontent.pipeline.present import PackedMessage, present_and_pack, present_parts, read_back
from mmscontent.pipeline.remedies import (
    Remedy,
    apply_remedy,
    best_remedy,
    remedies_for,
    slide_groups,
    summarize_options,
)
from mmscontent.pipeline.report import build_ledger, build_refusal_ledger
from mmscontent.pipeline.request import Composed, Outcome
from mmscontent.profiles.model import Profile
from mmscontent.smil.template import is_template

if TYPE_CHECKING:
    from mmscontent.pipeline.request import ComposeRequest
    from mmscontent.pipeline.transcode import MediaTranscoder, TranscodedPart

_MOST_PACKINGS = 4  # the first and three corrections
# Shares of the budget that a remedy is planned with: it is planned from predictions, so it is tried with less when it
# did not fit.
_REMEDY_SHARES = (1.0, 0.9, 0.75)


def run(request: ComposeRequest, open_transcoder: Callable[[Profile, Effort], MediaTranscoder]) -> Outcome:
    """Run the whole pipeline with a transcoder that encodes, or with one that predicts.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    started = time.perf_counter()
    try:
        outcome = _attempt(request, open_transcoder)
    except JailKilled as killed:
        # The worker was ended because of another message's source; ours is tried once more, in a new worker.
        if not killed.retryable:
            raise
        outcome = _attempt(request, open_transcoder)
    return _with_elapsed_ms(outcome, round((time.perf_counter() - started) * 1000))


def _with_elapsed_ms(outcome: Outcome, elapsed_ms: int) -> Outcome:
    if outcome.composed is None:
        return replace(outcome, ledger=replace(outcome.ledger, elapsed_ms=elapsed_ms))
    return _outcome([replace(one, ledger=replace(one.ledger, elapsed_ms=elapsed_ms)) for one in outcome.messages])


def _outcome(composed: Sequence[Composed]) -> Outcome:
    return Outcome(composed[0].ledger, composed[0], more=tuple(composed[1:]))


def _attempt(request: ComposeRequest, open_transcoder: Callable[[Profile, Effort], MediaTranscoder]) -> Outcome:
    """Survey and fit, stage by stage; when no stage fits, apply the remedy that the caller allows."""
    request, parts = _prepare(request)
    with closing(open_transcoder(request.profile, request.effort)) as transcoder:
        refusal: DoesNotFit | NotAllowed | None = None
        try:
            _refuse_request(request, parts)
        except NotAllowed as error:
            return _refused(request, parts, error, ())
        # A later stage costs more or gives up more (an animation becomes a video), so it runs only when the stages
        # before it did not fit.
        for survey in transcoder.survey_stages:
            surveyed = survey(parts)
            if surveyed is None:
                continue
            request, parts = replace(request, warnings=(*request.warnings, *_video_warnings(surveyed))), surveyed
            try:
                raise_if_refused(parts)
                return _outcome([_compose(request, parts, transcoder)])
            except (DoesNotFit, NotAllowed) as error:
                refusal = error
        assert refusal is not None, "the first stage surveys every message"
        return _apply_allowed_remedy(request, parts, refusal, transcoder)


# --- 1 examine -------------------------------------------------------------------------------------------------


def _prepare(request: ComposeRequest) -> tuple[ComposeRequest, Parts]:
    """The message with a subject and texts as the receiver shows them, and its parts, recognised by their bytes."""
    message, warnings = fit_subject(request.message, request.profile)
    notes = sms_equivalence_notes(message, request.profile)
    # The sender's own presentation refers to the slides as they are, so their texts are not divided.
    own_smil = request.smil is not None and not is_template(request.smil)
    pages = paginate(message, request.profile, keep=own_smil)
    return replace(request, message=pages.message, warnings=warnings, notes=notes), examine(pages, request.profile)


def _video_warnings(parts: Parts) -> list[str]:
    return [
        f"{one.label} is sent as video, which plays once, because no GIF of it fits"
        for one in parts
        if one.form == "video"
    ]


def _refuse_request(request: ComposeRequest, parts: Parts) -> None:
    """Stop when a part has another kind than its place in the slide, or there are too many recipients."""
    # Parts come in the order of `Message.parts`: first those of the slides, then attachments, which have no place.
    places = [place for slide in request.message.slides for place in slide_roles(slide)]
    for place, one in zip(places, parts, strict=False):
        if one.info.kind != place:
            raise NotAllowed(
                f"{one.label} is in the {place} place of a slide, its bytes are {one.info.media_type};"
                " move it to the place of its kind",
                part=one.label,
            )
    most = request.profile.max_recipients
    count = len((*request.envelope.to, *request.envelope.cc, *request.envelope.bcc))
    if most is not None and count > most:
        raise NotAllowed(f"the message has {count} recipients, the profile allows {most}; send it in groups of {most}")


# --- when it does not fit --------------------------------------------------------------------------------------


def _apply_allowed_remedy(
    request: ComposeRequest, parts: Parts, refusal: DoesNotFit | NotAllowed, transcoder: MediaTranscoder
) -> Outcome:
    """The message with the remedy that the caller's policy allows; else the refusal with all remedies."""
    # A remedy may use the hard limit: something is given up already.
    available = _available_bytes(request, parts, request.profile.limit_bytes)
    posters, groups = transcoder.posters(parts), slide_groups(request.message)
    for share in _REMEDY_SHARES if request.if_not_fit != "fail" else ():
        remedies = remedies_for(parts, int(available * share), groups, posters)
        remedy = best_remedy(remedies, request.if_not_fit)
        if remedy is None:
            break
        try:
            return _outcome(
                [_compose_remedy(request, parts, remedy, at, transcoder) for at in range(len(remedy.messages))]
            )
        except (DoesNotFit, NotAllowed):
            continue
    return _refused(request, parts, refusal, remedies_for(parts, available, groups, posters))


def _compose_remedy(
    request: ComposeRequest, whole: Parts, remedy: Remedy, at: int, transcoder: MediaTranscoder
) -> Composed:
    """One message of a remedy."""
    parts = tuple(one if one.trim_ms is None else transcoder.trim(one) for one in remedy.messages[at])
    raise_if_refused(parts)
    # What was really cut replaces what was predicted, so that the ledger reports the former.
    remedy = replace(remedy, messages=(*remedy.messages[:at], parts, *remedy.messages[at + 1 :]))
    return _compose(apply_remedy(request, whole, remedy, at), parts, transcoder)


def _refused(
    request: ComposeRequest, parts: Parts, refusal: DoesNotFit | NotAllowed, remedies: Sequence[Remedy]
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
    available = _available_bytes(request, parts, request.profile.limit_bytes)
    return Outcome(build_refusal_ledger(request, parts, refusal, available, options), refusal=refusal)


# --- 2 budget, 3 plan, 4 transcode, 5 present, 6 pack, 7 verify, 8 report ---------------------------------------


def _compose(request: ComposeRequest, parts: Parts, transcoder: MediaTranscoder) -> Composed:
    """Steps 2 to 8 for one message.

    Raises:
        DoesNotFit: Nothing worth sending is small enough.
    """
    packed = _fit(request, parts, transcoder)
    # An engine that returned without an error proves nothing: both the packed bytes and each body are read again.
    read_back(packed)
    transcoder.verify(parts, packed.transcoded)
    if request.measure:
        packed = replace(packed, transcoded=transcoder.measure(parts, packed.transcoded))
    ledger = build_ledger(request, parts, packed)
    return Composed(packed.wire.data, packed.wire.content_type, ledger, packed.content)


def _fit(request: ComposeRequest, parts: Parts, transcoder: MediaTranscoder) -> PackedMessage:
    """Aim at the target; when even the smallest renditions pass it, at the limit, with a warning."""
    profile = request.profile
    try:
        return _fit_to(request, parts, transcoder, profile.target_bytes)
    except DoesNotFit:
        if profile.target_bytes >= profile.limit_bytes:
            raise
    packed = _fit_to(request, parts, transcoder, profile.limit_bytes)
    warning = (
        f"the message has {packed.counted_bytes:,} bytes, more than the target of {profile.target_bytes:,}"
        f" and less than the limit of {profile.limit_bytes:,}"
    )
    return replace(packed, warnings=(*packed.warnings, warning))


def _fit_to(request: ComposeRequest, parts: Parts, transcoder: MediaTranscoder, aim_bytes: int) -> PackedMessage:
    """Plan, transcode, present and pack until the packed bytes are within the aim; each correction only shrinks."""
    available = _available_bytes(request, parts, aim_bytes)
    transcoded: tuple[TranscodedPart, ...] | None = None
    tries: list[str] = []
    smallest = 0
    # Part names, SMIL and headers depend on the results, so the budget is only known to be right once they are packed.
    for _ in range(_MOST_PACKINGS):
        try:
            plan = make_plan(parts, available)
            transcoded = transcoder.execute(plan, parts, transcoded)
        except DoesNotFit as error:
            smallest = aim_bytes - available + error.smallest_bytes
            tries.append(str(error))
            # A codec's minimum is a prediction too; with the size that it really reached the plan is made anew.
            corrected = _with_minimum(parts, error)
            if corrected is None:
                break
            parts, transcoded = corrected, None
            continue
        packed = present_and_pack(request, plan, transcoded)
        smallest = packed.counted_bytes
        if smallest <= aim_bytes:
            return packed
        tries.append(f"{available:,} bytes available for bodies → packed {smallest:,}")
        # The results stay valid for parts whose share does not change by this; execute() encodes only the others.
        available -= smallest - aim_bytes
    raise DoesNotFit(
        f"the message needs at least {smallest:,} bytes packed as {request.counted_as}, {aim_bytes:,} are allowed",
        limit_bytes=aim_bytes,
        smallest_bytes=smallest,
        tries=tries,
    )


def _available_bytes(request: ComposeRequest, parts: Parts, aim_bytes: int) -> int:
    """The budget of all bodies together: the aim less the same content packed with empty bodies."""
    content = present_parts(request, [one.part for one in parts], [one.info for one in parts]).content
    # Everything but the bodies is packed once; body_budget knows what each wire form adds to a body.
    empty = replace(content, parts=tuple(replace(part, data=b"") for part in content.parts))
    return pack.body_budget(aim_bytes, empty, request.envelope, request.counted_as)


def _with_minimum(parts: Parts, error: DoesNotFit) -> Parts | None:
    """The parts with the minimum of one raised to what its codec reached; None when no single codec is to blame."""
    for at, one in enumerate(parts):
        if one.survey is not None and one.label == error.part:
            if error.smallest_bytes <= one.survey.minimum_bytes:
                return None
            raised = replace(one, survey=replace(one.survey, minimum_bytes=error.smallest_bytes))
            return (*parts[:at], raised, *parts[at + 1 :])
    return None
