"""A remedy as the request of one message: which parts go in it, which do not, and every word of it in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent.message import select_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.ledger import Option
    from mmscontent.message import Envelope
    from mmscontent.pipeline.plan import ProbedPart
    from mmscontent.pipeline.remedies import Remedy
    from mmscontent.pipeline.request import ComposeRequest

__all__ = ["apply_remedy", "summarize_options"]


def apply_remedy(
    request: ComposeRequest, probed: Sequence[ProbedPart], remedy: Remedy, at: int
) -> tuple[ComposeRequest, tuple[ProbedPart, ...]]:
    """The request of one of a remedy's messages, and its parts."""
    parts, count = remedy.messages[at], len(remedy.messages)
    chosen = {_place(one, probed): one.part for one in parts}
    message = select_parts(request.message, chosen)
    whole = len(parts) == len(probed) and all(one.form == "" for one in parts)
    smil_lost = request.smil is not None and not whole
    warnings = [*request.warnings, *_remedy_warnings(remedy, at, probed)]
    if smil_lost:
        warnings.append("the presentation was written anew, for what is left of the message")
    changed = replace(
        request,
        message=replace(message, subject=_numbered(request, at, count)),
        envelope=_numbered_envelope(request.envelope, at),
        smil=None if smil_lost else request.smil,
        warnings=tuple(warnings),
        left_out=_left_out(request, probed, remedy, at),
        remedy=remedy.option,
        number=at + 1,
        count=count,
    )
    return changed, parts


def _place(one: ProbedPart, probed: Sequence[ProbedPart]) -> int:
    return next(i for i, other in enumerate(probed) if other.label == one.label)


def _numbered(request: ComposeRequest, at: int, count: int) -> str:
    """The subject with its number, where there is one and it still fits."""
    subject = request.message.subject
    numbered = f"{subject} ({at + 1}/{count})"
    most = request.profile.subject_max_chars
    return numbered if subject and count > 1 and (most is None or len(numbered) <= most) else subject


def _numbered_envelope(envelope: Envelope, at: int) -> Envelope:
    """No two messages go under one id; derived ids differ by themselves."""
    if at == 0:
        return envelope
    ids = (f"{value}-{at + 1}" if value else "" for value in (envelope.transaction_id, envelope.message_id))
    return replace(envelope, transaction_id=next(ids), message_id=next(ids))


def _left_out(
    request: ComposeRequest, probed: Sequence[ProbedPart], remedy: Remedy, at: int
) -> tuple[tuple[ProbedPart, str], ...]:
    here = {one.label for one in remedy.messages[at]}
    return tuple((one, _why_not_here(request, one, remedy)) for one in probed if one.label not in here)


def _why_not_here(request: ComposeRequest, one: ProbedPart, remedy: Remedy) -> str:
    count = len(remedy.messages)
    if count > 1:
        there = next(i for i, parts in enumerate(remedy.messages) if one.label in {p.label for p in parts})
        return f"it goes in message {there + 1} of {count}"
    if one.refused:
        return f"{one.refused}; left out, as the caller allowed (if_not_fit={request.if_not_fit})"
    return f"left out so that the rest fits, as the caller allowed (if_not_fit={request.if_not_fit})"


def _remedy_warnings(remedy: Remedy, at: int, probed: Sequence[ProbedPart]) -> list[str]:
    """What the remedy took away, as warnings."""
    here = {one.label: one for one in remedy.messages[at]}
    count = len(remedy.messages)
    if count > 1:
        return [f"this is message {at + 1} of {count}; each holds some of the parts, the words go with each of theirs"]
    said = [f"{one.label} was left out so that the message can go" for one in probed if one.label not in here]
    said += [f"{one.label} is sent as a still picture" for one in here.values() if one.form == "poster"]
    said += [
        f"{one.label} was cut to its first {one.trim_ms / 1000:g} s" for one in here.values() if one.trim_ms is not None
    ]
    if remedy.option.do == "accept_quality":
        said.append(f"{remedy.option.part} is sent at a quality under what its kind needs to be of use")
    return said


_ADVICE = {
    "trim": "it would fit with {part} cut to {seconds:g} s",
    "poster": "it would fit with a still of {part}",
    "accept_quality": "it would fit at a lower quality",
    "split": "it would fit as {messages} messages",
    "drop": "it would fit without {part}",
    "link": "send a link or allow a larger message",
}


def summarize_options(options: Sequence[Option]) -> str:
    """The first way out, in a few words."""
    if not options:
        return "allow a larger message"
    gives = dict(options[0].gives)
    names = gives.get("parts")
    listed = ", ".join(str(n) for n in names) if isinstance(names, list) else ""
    length = gives.get("duration_ms")
    seconds = length / 1000 if isinstance(length, int) else 0.0
    return _ADVICE[options[0].do].format(
        part=options[0].part or listed, seconds=seconds, messages=gives.get("messages", 0)
    )
