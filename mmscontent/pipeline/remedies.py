"""Remedies for a message that does not fit: what each would give, before anything is encoded, and how one is applied.

One function per remedy. Each says in its option (ledger.py) what it would give, and which parts would go in which
message, so that the caller's policy (`if_not_fit`) can have it applied. Pure arithmetic over surveys.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent import ledger
from mmscontent.errors import DoesNotFit
from mmscontent.ledger import Option
from mmscontent.message import Envelope, Message, select_parts
from mmscontent.pipeline.plan import Parts, Plan, ProbedPart, Transcode, make_plan, minimum_bytes
from mmscontent.pipeline.trim_estimate import estimate_trim
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from mmscontent.pipeline.request import ComposeRequest

_LINK_BYTES = 160  # a text with an address in it, its headers included
_MOST_PAIRS = 16  # parts up to which every pair is tried, before parts are dropped one by one
_LEAST_MS, _STEP_MS = 1000, 500
_DECENT_QUALITY = 40.0  # video or audio is cut until it is at least this good, where that leaves a second of it
_TIMED = ("video", "audio")


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to make the message fit."""

    # What it would give, for the ledger.
    option: Option
    # The parts of each message, as they would be planned; a part to be cut has its `trim_ms`.
    messages: tuple[Parts, ...]
    # Weighted quality of everything that arrives, to choose among remedies of one kind.
    value: float


@dataclass(frozen=True, slots=True)
class _PlannedMessage:
    """Parts that fit together, and their plan."""

    parts: Parts
    plan: Plan

    def quality_of(self, index: int) -> float:
        """Predicted quality of one part; a part without a survey is sent as it is."""
        survey, decision = self.parts[index].survey, self.plan.decisions[index]
        if survey is None:
            return 100.0
        return survey.curve.quality_at(decision.limit_bytes) if isinstance(decision, Transcode) else survey.keep_quality

    def bytes_of(self, index: int) -> int:
        decision = self.plan.decisions[index]
        return decision.limit_bytes if isinstance(decision, Transcode) else self.parts[index].kept_bytes

    @property
    def qualities(self) -> dict[str, float]:
        surveyed = [(i, one) for i, one in enumerate(self.parts) if one.survey is not None]
        return {one.label: round(self.quality_of(i), 1) for i, one in surveyed}

    @property
    def value(self) -> float:
        return sum(one.policy.weight * self.quality_of(i) for i, one in enumerate(self.parts))


def _try_plan(parts: Iterable[ProbedPart], available_bytes: int) -> _PlannedMessage | None:
    """The parts with their plan, when all of them may be sent and fit."""
    parts = tuple(parts)
    if not parts or any(one.refused for one in parts):
        return None
    try:
        return _PlannedMessage(parts, make_plan(parts, available_bytes))
    except DoesNotFit:
        return None


def slide_groups(message: Message) -> tuple[tuple[int, ...], ...]:
    """Which parts belong together, by their place in `Message.parts`: those of a slide; an attachment stands alone."""
    places = itertools.count()
    slides = [tuple(next(places) for _ in slide.parts) for slide in message.slides]
    return (*slides, *((next(places),) for _ in message.attachments))


def remedies_for(
    parts: Sequence[ProbedPart],
    available_bytes: int,
    groups: Sequence[tuple[int, ...]] = (),
    posters: Mapping[int, ProbedPart] | None = None,
) -> tuple[Remedy, ...]:
    """Every remedy that would make the message fit, what keeps most of it first.

    Args:
        parts: Its parts with their surveys; those that the receiver accepts in no form say so in `refused`.
        available_bytes: The budget of all bodies together.
        groups: Parts that belong together when it is split (`slide_groups`); each part alone when empty.
        posters: A still for each part that moves, by its place.
    """
    whole = tuple(parts)
    alone = tuple((i,) for i in range(len(whole)))
    return (
        *_trim(whole, available_bytes),
        *_send_posters(whole, available_bytes, posters or {}),
        *_accept_quality(whole, available_bytes),
        *_split(whole, available_bytes, tuple(groups) or alone),
        *_drop(whole, available_bytes),
        *_send_link(whole, available_bytes),
    )


def best_remedy(remedies: Iterable[Remedy], do: str) -> Remedy | None:
    """The remedy of one kind that keeps most; None when there is none."""
    return max((r for r in remedies if r.option.do == do), key=lambda r: r.value, default=None)


def _best_first(remedies: Iterable[Remedy | None]) -> list[Remedy]:
    return sorted((r for r in remedies if r is not None), key=lambda r: -r.value)


# --- drop ------------------------------------------------------------------------------------------------------


def _drop(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """Each part whose absence is enough; when none is, the fewest that are."""
    refused = tuple(i for i, one in enumerate(whole) if one.refused)
    if refused and (remedy := _drop_these(whole, refused, available_bytes)) is not None:
        yield remedy
        return
    others = [i for i in range(len(whole)) if i not in refused]
    # One part is tried before two: the fewest parts are given up.
    singles = _best_first(_drop_these(whole, (*refused, i), available_bytes) for i in others)
    yield from singles or _drop_several(whole, refused, others, available_bytes)


def _drop_several(whole: Parts, refused: tuple[int, ...], others: list[int], available_bytes: int) -> Iterator[Remedy]:
    if len(others) <= _MOST_PAIRS:
        pairs = itertools.combinations(others, 2)
        found = _best_first(_drop_these(whole, (*refused, *pair), available_bytes) for pair in pairs)
        if found:
            yield found[0]
            return
    # The part that needs most bytes for its weight is dropped first; texts, which need fewest, last.
    dropped = list(refused)
    for index in sorted(others, key=lambda i: -minimum_bytes(whole[i]) / whole[i].policy.weight):
        dropped.append(index)
        remedy = _drop_these(whole, tuple(dropped), available_bytes)
        if remedy is not None:
            yield remedy
            return


def _drop_these(whole: Parts, dropped: tuple[int, ...], available_bytes: int) -> Remedy | None:
    rest = _try_plan((one for i, one in enumerate(whole) if i not in dropped), available_bytes)
    if rest is None:
        return None
    size = sum(rest.bytes_of(i) for i in range(len(rest.parts)))
    return Remedy(ledger.DropOption(_labels(whole, dropped), rest.qualities, size), (rest.parts,), rest.value)


def _labels(whole: Parts, indexes: Iterable[int]) -> tuple[str, ...]:
    return tuple(whole[i].label for i in indexes)


# --- poster ----------------------------------------------------------------------------------------------------


def _send_posters(whole: Parts, available_bytes: int, posters: Mapping[int, ProbedPart]) -> list[Remedy]:
    """Each part whose still is enough; when none is, all stills together."""
    singles = _best_first(_send_these_posters(whole, {i: posters[i]}, available_bytes) for i in posters)
    if singles or len(posters) < 2:  # noqa: PLR2004 - one alone was tried above
        return singles
    return _best_first([_send_these_posters(whole, posters, available_bytes)])


def _send_these_posters(whole: Parts, posters: Mapping[int, ProbedPart], available_bytes: int) -> Remedy | None:
    changed = _try_plan((posters.get(i, one) for i, one in enumerate(whole)), available_bytes)
    if changed is None:
        return None
    first = next(iter(posters))
    survey = changed.parts[first].survey
    assert survey is not None
    size, quality = min(changed.bytes_of(first), survey.curve.most_bytes), round(changed.quality_of(first), 1)
    option = ledger.PosterOption(_labels(whole, posters), changed.qualities, size, quality)
    return Remedy(option, (changed.parts,), changed.value)


# --- trim ------------------------------------------------------------------------------------------------------


def _trim(whole: Parts, available_bytes: int) -> list[Remedy]:
    """Each video or audio that a cut makes small enough; when none is, all of them cut alike."""
    timed = tuple(i for i, one in enumerate(whole) if one.survey and one.info.kind in _TIMED and _length_ms(one))
    singles = _best_first(_trim_these(whole, (i,), available_bytes) for i in timed)
    if singles or len(timed) < 2:  # noqa: PLR2004 - one alone was tried above
        return singles
    return _best_first([_trim_these(whole, timed, available_bytes)])


def _trim_these(whole: Parts, cut: tuple[int, ...], available_bytes: int) -> Remedy | None:
    spare = available_bytes - sum(minimum_bytes(one) for i, one in enumerate(whole) if i not in cut)
    least, decent = (sum(bytes_for(whole[i]) for i in cut) for bytes_for in (minimum_bytes, _decent_bytes))
    if spare >= least:
        return None
    # Bytes go with time: the share of the bytes that are available is the share of the length that fits.
    lengths, quality = _lengths_ms(whole, cut, spare / decent), _DECENT_QUALITY
    if min(lengths.values()) < _LEAST_MS:
        lengths, quality = _lengths_ms(whole, cut, spare / least), 0.0
    if min(lengths.values()) < _LEAST_MS:
        return None
    shortened = (_shortened(one, lengths[i], quality) if i in cut else one for i, one in enumerate(whole))
    changed = _try_plan(shortened, available_bytes)
    if changed is None:
        return None
    first, frame, why = cut[0], None, ""
    survey = changed.parts[first].survey
    assert survey is not None
    if survey.info.kind == "video" and len(cut) == 1:
        frame = estimate_trim(survey.info, changed.bytes_of(first)).whole
        why = estimate_trim(whole[first].info, max(spare, 1)).text
    durations = {whole[i].label: lengths[i] for i in cut}
    quality = round(changed.quality_of(first), 1)
    option = ledger.TrimOption(_labels(whole, cut), changed.qualities, durations, quality, frame, why)
    return Remedy(option, (changed.parts,), changed.value)


def _lengths_ms(whole: Parts, cut: tuple[int, ...], share: float) -> dict[int, int]:
    return {i: int(_length_ms(whole[i]) * share) // _STEP_MS * _STEP_MS for i in cut}


def _decent_bytes(one: ProbedPart) -> int:
    """What the whole of it would need for a decent quality."""
    assert one.survey is not None
    return max(minimum_bytes(one), one.survey.curve.size_for(_DECENT_QUALITY))


def _length_ms(one: ProbedPart) -> int:
    return (one.survey.info.duration_ms if one.survey else one.info.duration_ms) or 0


def _shortened(one: ProbedPart, duration_ms: int, least_quality: float) -> ProbedPart:
    """The part as it would be surveyed when cut: its bytes shrink with its length."""
    survey = one.survey
    assert survey is not None
    share = duration_ms / _length_ms(one)
    knots = zip(survey.curve.sizes_bytes, survey.curve.qualities, strict=True)
    shorter = replace(
        survey,
        info=replace(survey.info, duration_ms=duration_ms),
        curve=Curve.through((max(1, round(size * share)), quality) for size, quality in knots),
        minimum_bytes=max(1, round(survey.minimum_bytes * share)),
        keep_bytes=None,
    )
    policy = replace(one.policy, least_quality=max(one.policy.least_quality, least_quality))
    return replace(one, survey=shorter, trim_ms=duration_ms, policy=policy)


# --- accept a lower quality, split, link -----------------------------------------------------------------------


def _accept_quality(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """Everything at the lowest quality of its codec, below the minimum quality of its kind."""
    lowered = _try_plan((replace(one, policy=replace(one.policy, least_quality=0.0)) for one in whole), available_bytes)
    if lowered is None or _try_plan(whole, available_bytes) is not None:
        return
    qualities = lowered.qualities
    short = {one.label: one.policy.least_quality - qualities[one.label] for one in whole if one.label in qualities}
    worst = max(short, key=lambda name: short[name])
    yield Remedy(ledger.AcceptQualityOption((worst,), qualities), (lowered.parts,), lowered.value)


def _split(whole: Parts, available_bytes: int, groups: tuple[tuple[int, ...], ...]) -> Iterator[Remedy]:
    """The fewest messages, in order, and of those the division that keeps most quality."""
    units = [unit for group in groups for unit in _split_units(whole, group, available_bytes)]
    if len(whole) < 2 or any(_try_plan((whole[i] for i in u), available_bytes) is None for u in units):  # noqa: PLR2004
        return
    messages = _fewest_messages(whole, units, available_bytes)
    if len(messages) < 2:  # noqa: PLR2004 - it fits as it is
        return
    qualities = {name: quality for message in messages for name, quality in message.qualities.items()}
    contents = tuple(tuple(one.label for one in message.parts) for message in messages)
    parts, value = tuple(message.parts for message in messages), sum(message.value for message in messages)
    yield Remedy(ledger.SplitOption((), qualities, contents), parts, value)


def _split_units(whole: Parts, group: tuple[int, ...], available_bytes: int) -> list[tuple[int, ...]]:
    """A slide as it is when it fits alone, else its media one by one, its text with each."""
    texts = tuple(i for i in group if whole[i].info.kind == "text")
    media = [i for i in group if i not in texts]
    if len(media) < 2 or _try_plan((whole[i] for i in group), available_bytes) is not None:  # noqa: PLR2004
        return [group]
    return [tuple(sorted((i, *texts))) for i in media]


def _fewest_messages(whole: Parts, units: list[tuple[int, ...]], available_bytes: int) -> list[_PlannedMessage]:
    """Neighbouring units in as few messages as possible: the best way to end after each unit, from the first on."""
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]  # messages, minus their value, where the last one begins
    planned: dict[tuple[int, int], _PlannedMessage] = {}
    for end in range(1, len(units) + 1):
        ways = []
        # Longer messages are tried until one does not fit; adding units to that one cannot make it fit again.
        for start in range(end - 1, -1, -1):
            message = _try_plan((whole[i] for i in _merge_units(units[start:end])), available_bytes)
            if message is None:
                break
            planned[start, end] = message
            count, value, _ = best[start]
            ways.append((count + 1, value - message.value, start))
        best.append(min(ways))
    messages: list[_PlannedMessage] = []
    end = len(units)
    while end:
        start = best[end][2]
        messages.insert(0, planned[start, end])
        end = start
    return messages


def _merge_units(units: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted({i for unit in units for i in unit}))


def _send_link(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """A link in place of the part that needs most; always an option, for a caller that can host a file."""
    largest = max(range(len(whole)), key=lambda i: minimum_bytes(whole[i]), default=None)
    if largest is None:
        return
    # The text with the address is counted as a part of its own, with its headers.
    rest = _try_plan((one for i, one in enumerate(whole) if i != largest), available_bytes - _LINK_BYTES)
    needed, given = sum(minimum_bytes(one) for one in whole), max(available_bytes, 0)
    name = (whole[largest].label,) if rest is not None or len(whole) == 1 else ()
    link_bytes, qualities = (None, {}) if rest is None else (_LINK_BYTES, rest.qualities)
    yield Remedy(ledger.LinkOption(name, qualities, link_bytes, needed, given), (), 0.0)


# --- applying a remedy -----------------------------------------------------------------------------------------


def summarize_options(options: Sequence[Option]) -> str:
    """The first option, for the end of an error text."""
    return f"to make it fit, {options[0].action}" if options else "allow a larger message"


def apply_remedy(request: ComposeRequest, whole: Parts, remedy: Remedy, at: int) -> ComposeRequest:
    """The request of one of a remedy's messages: its parts, its number, and what the ledger says was given up."""
    parts, count = remedy.messages[at], len(remedy.messages)
    places = {one.label: place for place, one in enumerate(whole)}
    message = select_parts(request.message, {places[one.label]: one.part for one in parts})
    # A presentation of the sender plays all parts by name; it cannot play a message that lacks one.
    complete = len(parts) == len(whole) and all(one.form == "" for one in parts)
    smil_lost = request.smil is not None and not complete
    warnings = [*request.warnings, *_remedy_warnings(remedy, at, whole)]
    if smil_lost:
        warnings.append("the presentation was written anew, because not all parts are in this message")
    here = {one.label for one in parts}
    return replace(
        request,
        message=replace(message, subject=_numbered_subject(request, at, count)),
        envelope=_numbered_envelope(request.envelope, at),
        smil=None if smil_lost else request.smil,
        warnings=tuple(warnings),
        left_out=tuple((one, _why_left_out(request, one, remedy)) for one in whole if one.label not in here),
        remedy=remedy.option,
        number=at + 1,
        count=count,
    )


def _numbered_subject(request: ComposeRequest, at: int, count: int) -> str:
    """The subject with its number, where there is one and it still fits."""
    subject = request.message.subject
    numbered = f"{subject} ({at + 1}/{count})"
    most = request.profile.subject_max_chars
    return numbered if subject and count > 1 and (most is None or len(numbered) <= most) else subject


def _numbered_envelope(envelope: Envelope, at: int) -> Envelope:
    """Ids of its own for each message after the first; derived ids differ by themselves."""
    if at == 0:
        return envelope
    ids = (f"{value}-{at + 1}" if value else "" for value in (envelope.transaction_id, envelope.message_id))
    return replace(envelope, transaction_id=next(ids), message_id=next(ids))


def _why_left_out(request: ComposeRequest, one: ProbedPart, remedy: Remedy) -> str:
    count = len(remedy.messages)
    if count > 1:
        there = next(i for i, parts in enumerate(remedy.messages) if one.label in {p.label for p in parts})
        return f"it is in message {there + 1} of {count}"
    why = f"{one.refused}; left out" if one.refused else "left out so that the rest fits"
    return f"{why}, as the caller allowed (if_not_fit={request.if_not_fit})"


def _remedy_warnings(remedy: Remedy, at: int, whole: Parts) -> list[str]:
    """What the remedy gave up, as sentences."""
    parts, count = remedy.messages[at], len(remedy.messages)
    if count > 1:
        return [f"this is message {at + 1} of {count}; each holds some of the parts; a slide's text is in each"]
    here = {one.label for one in parts}
    warnings = [f"{one.label} was left out so that the message can be sent" for one in whole if one.label not in here]
    warnings += [f"{one.label} is sent as a still picture" for one in parts if one.form == "poster"]
    warnings += [
        f"{one.label} was cut to its first {one.trim_ms / 1000:g} s" for one in parts if one.trim_ms is not None
    ]
    if remedy.option.do == "accept_quality":
        warnings.append(f"{remedy.option.part} is sent below the quality that its kind needs to be of use")
    return warnings
