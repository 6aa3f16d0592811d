"""What would make a message fit that does not, each with its price, before anything is encoded in full.

One function a remedy; each says what it would give in the ledger's words and, so that a caller's policy can make it
happen, which parts would go in which message. Pure arithmetic over surveys; compose.py carries a remedy out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.errors import DoesNotFit
from mmscontent.ledger import Option
from mmscontent.pipeline.plan import ProbedPart, Transcode, make_plan, minimum_bytes
from mmscontent.pipeline.trim_estimate import estimate_trim
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mmscontent.codecs.base import Survey
    from mmscontent.message import Message
    from mmscontent.pipeline.plan import Plan

__all__ = ["Remedy", "best_remedy", "remedies_for", "slide_groups"]

Parts = tuple[ProbedPart, ...]
_LINK_BYTES = 160  # a text with an address in it, its headers included
_MOST_PAIRS = 16  # parts up to which every pair is tried, before parts go one by one
_LEAST_MS, _STEP_MS = 1000, 500
_WORTH_A_CUT = 40.0  # a film or sound is cut until it is at least this good, where that leaves a second of it
_TIMED = ("video", "audio")


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out.

    Attributes:
        option: As the ledger tells it.
        messages: What would go in each message, as it would be planned; a part to be cut has its `trim_ms`.
        value: Weighted quality of all that arrives, to choose among alike.
    """

    option: Option
    messages: tuple[Parts, ...]
    value: float


def slide_groups(message: Message) -> tuple[tuple[int, ...], ...]:
    """Which parts belong together, by their place in `Message.parts`: those of a slide; an attachment stands alone."""
    places = itertools.count()
    slides = [tuple(next(places) for _ in slide.parts) for slide in message.slides]
    return (*slides, *((next(places),) for _ in message.attachments))


def remedies_for(
    probed: Sequence[ProbedPart],
    available_bytes: int,
    groups: Sequence[tuple[int, ...]] = (),
    posters: Mapping[int, ProbedPart] | None = None,
) -> tuple[Remedy, ...]:
    """Everything that would make it fit, what keeps most of the message first.

    Args:
        probed: Its parts with their surveys; those the receiver takes in no form say so in `refused`.
        available_bytes: What all bodies may have together.
        groups: What belongs together when it is split (`slide_groups`); each part alone when empty.
        posters: A still for each part that moves, by its place.
    """
    whole = tuple(probed)
    alone = tuple((i,) for i in range(len(whole)))
    found = [
        *_trims(whole, available_bytes),
        *_posters(whole, available_bytes, posters or {}),
        *_lower(whole, available_bytes),
        *_split(whole, available_bytes, tuple(groups) or alone),
        *_drops(whole, available_bytes),
        *_links(whole, available_bytes),
    ]
    return tuple(found)


def best_remedy(remedies: Iterable[Remedy], do: str) -> Remedy | None:
    """Of one kind the remedy that keeps most; None when there is none."""
    return max((r for r in remedies if r.option.do == do), key=lambda r: r.value, default=None)


# --- what a plan is worth --------------------------------------------------------------------------------------


def _planned(parts: Sequence[ProbedPart], available_bytes: int) -> Plan | None:
    """The plan when all of it may go and fits."""
    if not parts or any(p.refused for p in parts):
        return None
    try:
        return make_plan(parts, available_bytes)
    except DoesNotFit:
        return None


def _qualities(parts: Sequence[ProbedPart], plan: Plan) -> dict[str, float]:
    pairs = zip(parts, plan.decisions, strict=True)
    return {one.label: round(_quality(one.survey, d), 1) for one, d in pairs if one.survey is not None}


def _quality(survey: Survey, decision: object) -> float:
    return survey.curve.quality_at(decision.limit_bytes) if isinstance(decision, Transcode) else survey.keep_quality


def _value(parts: Sequence[ProbedPart], plan: Plan) -> float:
    pairs = zip(parts, plan.decisions, strict=True)
    return sum(one.policy.weight * (_quality(one.survey, d) if one.survey else 100.0) for one, d in pairs)


def _body_bytes(parts: Sequence[ProbedPart], plan: Plan) -> int:
    """What the bodies would have together; a part that goes as it is has its own size."""
    pairs = zip(parts, plan.decisions, strict=True)
    return sum(d.limit_bytes if isinstance(d, Transcode) else _kept_bytes(one) for one, d in pairs)


def _kept_bytes(one: ProbedPart) -> int:
    return one.survey.keep_bytes or 0 if one.survey is not None else len(one.part.data)


# --- drop ------------------------------------------------------------------------------------------------------


def _drops(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """Each part whose leaving is enough; when none is, the fewest that are."""
    refused = tuple(i for i, one in enumerate(whole) if one.refused)
    if refused and (remedy := _dropping(whole, refused, available_bytes)) is not None:
        yield remedy
        return
    others = [i for i in range(len(whole)) if i not in refused]
    singles = [r for i in others if (r := _dropping(whole, (*refused, i), available_bytes)) is not None]
    if singles:
        yield from sorted(singles, key=lambda r: -r.value)
        return
    several = _dropping_several(whole, refused, others, available_bytes)
    if several is not None:
        yield several


def _dropping_several(whole: Parts, refused: tuple[int, ...], others: list[int], available_bytes: int) -> Remedy | None:
    if len(others) <= _MOST_PAIRS:
        pairs = (_dropping(whole, (*refused, *pair), available_bytes) for pair in itertools.combinations(others, 2))
        best = max((r for r in pairs if r is not None), key=lambda r: r.value, default=None)
        if best is not None:
            return best
    # What needs most bytes for a point of its worth goes first; words go last.
    gone = list(refused)
    for index in sorted(others, key=lambda i: -minimum_bytes(whole[i]) / whole[i].policy.weight):
        gone.append(index)
        remedy = _dropping(whole, tuple(gone), available_bytes)
        if remedy is not None:
            return remedy
    return None


def _dropping(whole: Parts, gone: tuple[int, ...], available_bytes: int) -> Remedy | None:
    rest = tuple(one for i, one in enumerate(whole) if i not in gone)
    plan = _planned(rest, available_bytes)
    if plan is None:
        return None
    names = [whole[i].label for i in gone]
    gives: tuple[tuple[str, object], ...] = (("qualities", _qualities(rest, plan)), ("bytes", _body_bytes(rest, plan)))
    more = (("parts", names),) if len(names) > 1 else ()
    return Remedy(Option("drop", names[0] if len(names) == 1 else "", (*more, *gives)), (rest,), _value(rest, plan))


# --- poster ----------------------------------------------------------------------------------------------------


def _posters(whole: Parts, available_bytes: int, posters: Mapping[int, ProbedPart]) -> Iterator[Remedy]:
    """Each part whose still is enough; when none is, all stills together."""
    singles = [r for i in posters if (r := _as_stills(whole, {i: posters[i]}, available_bytes)) is not None]
    if not singles and len(posters) > 1:
        singles = [r for r in (_as_stills(whole, posters, available_bytes),) if r is not None]
    yield from sorted(singles, key=lambda r: -r.value)


def _as_stills(whole: Parts, posters: Mapping[int, ProbedPart], available_bytes: int) -> Remedy | None:
    changed = tuple(posters.get(i, one) for i, one in enumerate(whole))
    plan = _planned(changed, available_bytes)
    if plan is None:
        return None
    names = [whole[i].label for i in posters]
    first = next(iter(posters))
    decision, survey = plan.decisions[first], changed[first].survey
    assert survey is not None
    gives: list[tuple[str, object]] = [("parts", names)] if len(names) > 1 else []
    if len(names) == 1:
        size = decision.limit_bytes if isinstance(decision, Transcode) else survey.keep_bytes or 0
        gives += [("bytes", min(size, survey.curve.most_bytes)), ("quality", round(_quality(survey, decision), 1))]
    gives.append(("qualities", _qualities(changed, plan)))
    return Remedy(
        Option("poster", names[0] if len(names) == 1 else "", tuple(gives)), (changed,), _value(changed, plan)
    )


# --- trim ------------------------------------------------------------------------------------------------------


def _trims(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """Each film or sound that a cut makes small enough; when none is, all of them cut alike."""
    timed = [i for i, one in enumerate(whole) if one.survey and one.info.kind in _TIMED and _length(one)]
    singles = [r for i in timed if (r := _trimming(whole, (i,), available_bytes)) is not None]
    if not singles and len(timed) > 1:
        singles = [r for r in (_trimming(whole, tuple(timed), available_bytes),) if r is not None]
    yield from sorted(singles, key=lambda r: -r.value)


def _trimming(whole: Parts, cut: tuple[int, ...], available_bytes: int) -> Remedy | None:
    spare = available_bytes - sum(minimum_bytes(one) for i, one in enumerate(whole) if i not in cut)
    least, decent = (sum(bytes_for(whole[i]) for i in cut) for bytes_for in (minimum_bytes, _decent_bytes))
    if spare >= least:
        return None
    lengths, quality = _lengths(whole, cut, spare / decent), _WORTH_A_CUT
    if min(lengths.values()) < _LEAST_MS:
        lengths, quality = _lengths(whole, cut, spare / least), 0.0
    if min(lengths.values()) < _LEAST_MS:
        return None
    changed = tuple(_shortened(one, lengths[i], quality) if i in cut else one for i, one in enumerate(whole))
    plan = _planned(changed, available_bytes)
    if plan is None:
        return None
    names = [whole[i].label for i in cut]
    first = cut[0]
    decision, survey = plan.decisions[first], changed[first].survey
    assert survey is not None
    gives: list[tuple[str, object]] = [("duration_ms", lengths[first])]
    if len(names) > 1:
        gives = [("parts", names), ("durations_ms", {whole[i].label: lengths[i] for i in cut})]
    elif survey.info.kind == "video":
        assert isinstance(decision, Transcode)
        width, height = estimate_trim(survey.info, decision.limit_bytes).whole
        gives += [("width_px", width), ("height_px", height)]
        gives.append(("why", estimate_trim(whole[first].info, max(spare, 1)).text))
    if len(names) == 1:
        gives.append(("quality", round(_quality(survey, decision), 1)))
    gives.append(("qualities", _qualities(changed, plan)))
    return Remedy(Option("trim", names[0] if len(names) == 1 else "", tuple(gives)), (changed,), _value(changed, plan))


def _lengths(whole: Parts, cut: tuple[int, ...], share: float) -> dict[int, int]:
    return {i: int(_length(whole[i]) * share) // _STEP_MS * _STEP_MS for i in cut}


def _decent_bytes(one: ProbedPart) -> int:
    """What the whole of it would need to be worth a cut."""
    assert one.survey is not None
    return max(minimum_bytes(one), one.survey.curve.size_for(_WORTH_A_CUT))


def _length(one: ProbedPart) -> int:
    return (one.survey.info.duration_ms if one.survey else one.info.duration_ms) or 0


def _shortened(one: ProbedPart, duration_ms: int, least_quality: float) -> ProbedPart:
    """The part as it would be surveyed when cut: bytes go with the time, and are not taken from it again."""
    survey = one.survey
    assert survey is not None
    share = duration_ms / _length(one)
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


def _lower(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """Everything at what its codec can still do, under what its kind needs to be of use."""
    lowered = tuple(replace(one, policy=replace(one.policy, least_quality=0.0)) for one in whole)
    plan = _planned(lowered, available_bytes)
    if plan is None or _planned(whole, available_bytes) is not None:
        return
    qualities = _qualities(lowered, plan)
    short = {one.label: one.policy.least_quality - qualities[one.label] for one in whole if one.label in qualities}
    worst = max(short, key=lambda name: short[name])
    gives = (("quality", qualities[worst]), ("qualities", qualities))
    yield Remedy(Option("accept_quality", worst, gives), (lowered,), _value(lowered, plan))


def _split(whole: Parts, available_bytes: int, groups: tuple[tuple[int, ...], ...]) -> Iterator[Remedy]:
    """The fewest messages, in order, and of those the sharing that keeps most quality."""
    units = [u for group in groups for u in _split_units(whole, group, available_bytes)]
    if len(whole) < 2 or any(_planned([whole[i] for i in u], available_bytes) is None for u in units):  # noqa: PLR2004
        return
    rows = _shared_out(whole, units, available_bytes)
    if len(rows) < 2:  # noqa: PLR2004 - it fits as it is
        return
    messages = tuple(tuple(whole[i] for i in row) for row in rows)
    plans = [make_plan(parts, available_bytes) for parts in messages]
    qualities: dict[str, float] = {}
    for parts, plan in zip(messages, plans, strict=True):
        qualities |= _qualities(parts, plan)
    contents = [[one.label for one in parts] for parts in messages]
    gives = (("messages", len(messages)), ("contents", contents), ("qualities", qualities))
    value = sum(_value(parts, plan) for parts, plan in zip(messages, plans, strict=True))
    yield Remedy(Option("split", "", gives), messages, value)


def _split_units(whole: Parts, group: tuple[int, ...], available_bytes: int) -> list[tuple[int, ...]]:
    """A slide as it is when it fits alone, else its media one by one, its words with each."""
    words = tuple(i for i in group if whole[i].info.kind == "text")
    media = [i for i in group if i not in words]
    if len(media) < 2 or _planned([whole[i] for i in group], available_bytes) is not None:  # noqa: PLR2004
        return [group]
    return [tuple(sorted((i, *words))) for i in media]


def _shared_out(whole: Parts, units: list[tuple[int, ...]], available_bytes: int) -> list[tuple[int, ...]]:
    """Neighbouring units in as few messages as can be: the best way to end after each unit, from the first on."""
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]  # messages, minus their value, where the last one begins
    for end in range(1, len(units) + 1):
        ways = []
        for start in range(end - 1, -1, -1):
            parts = [whole[i] for i in _merge_units(units[start:end])]
            plan = _planned(parts, available_bytes)
            if plan is None:
                break
            count, value, _ = best[start]
            ways.append((count + 1, value - _value(parts, plan), start))
        best.append(min(ways))
    rows: list[tuple[int, ...]] = []
    end = len(units)
    while end:
        start = best[end][2]
        rows.insert(0, _merge_units(units[start:end]))
        end = start
    return rows


def _merge_units(units: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted({i for unit in units for i in unit}))


def _links(whole: Parts, available_bytes: int) -> Iterator[Remedy]:
    """An address in place of the part that needs most; always something, for a caller that can host a file."""
    largest = max(range(len(whole)), key=lambda i: minimum_bytes(whole[i]), default=None)
    if largest is None:
        return
    rest = tuple(one for i, one in enumerate(whole) if i != largest)
    plan = _planned(rest, available_bytes - _LINK_BYTES)
    gives: tuple[tuple[str, object], ...] = (
        ("limit_bytes_needed", sum(minimum_bytes(one) for one in whole)),
        ("limit_bytes_given", max(available_bytes, 0)),
    )
    if plan is not None:
        gives = (("bytes_of_link", _LINK_BYTES), ("qualities", _qualities(rest, plan)))
    name = whole[largest].label if plan is not None or len(whole) == 1 else ""
    yield Remedy(Option("link", name, gives), (), 0.0)
