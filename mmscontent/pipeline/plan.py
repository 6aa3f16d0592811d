"""Step 3: decides for every part whether to keep, transcode or refuse it, with how many bytes, and why.

Pure decisions: nothing here encodes. A survey says what a part could become; the decision is executed by transcode.py.
What would fit when a message does not: remedies.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmscontent.codecs.base import Survey
from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.message import MediaInfo, Part
from mmscontent.pipeline.allocation import DEFAULT_POLICY, PartDemand, QualityPolicy, allocate_bytes
from mmscontent.rate_quality import Curve


@dataclass(frozen=True, slots=True)
class ProbedPart:
    """A part and what is known of it before anything is encoded."""

    # Text parts are already in their final charset; others are as they came.
    part: Part
    # From sniffing.
    info: MediaInfo
    # From its codec; None for kinds that are sent as they are.
    survey: Survey | None = None
    # What was decided about it so far, as sentences.
    reasons: tuple[str, ...] = ()
    # How much its quality counts, and how little is too little (allocation.py).
    policy: QualityPolicy = DEFAULT_POLICY
    # Which of the caller's parts it is; pages of one text share theirs.
    index: int = -1
    # Why the receiver accepts it in no form; "" when it does.
    refused: str = ""
    # It is to be cut to this length first; None for all of it.
    trim_ms: int | None = None
    # The part as it came (""), a `video` or `poster` made of it, or a `trimmed` copy.
    form: Literal["", "video", "poster", "trimmed"] = ""

    @property
    def label(self) -> str:
        """Its name in errors and ledgers."""
        return self.part.name or self.part.content_location or self.info.media_type

    @property
    def kept_bytes(self) -> int:
        """Its size when it is sent as it is."""
        return len(self.part.data) if self.survey is None else self.survey.keep_bytes or 0


Parts = tuple[ProbedPart, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """The part is sent as it is, without its metadata."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcode:
    """The part is encoded anew in at most *limit_bytes*."""

    limit_bytes: int
    reasons: tuple[str, ...] = ()


Decision = Keep | Transcode
# A source that was never good is held to this share of its best, not to the minimum quality of its kind.
_SHARE_OF_BEST = 0.7


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision per part, in the parts' order; *available_bytes* is for all bodies together."""

    decisions: tuple[Decision, ...]
    available_bytes: int


def raise_if_refused(parts: Sequence[ProbedPart]) -> None:
    """Stop when a part cannot be sent to this receiver in any form.

    Raises:
        NotAllowed: Names the part and what is accepted.
    """
    for one in parts:
        if one.refused:
            raise NotAllowed(f"{one.label}: {one.refused}; leave it out or choose another profile", part=one.label)


def make_plan(parts: Sequence[ProbedPart], available_bytes: int) -> Plan:
    """Decide for every part; *available_bytes* is for all bodies together.

    Raises:
        DoesNotFit: Even the smallest renditions do not fit.
    """
    # Texts and media without a codec are not fitted: their bytes are taken off before the rest is allocated.
    fixed = sum(len(one.part.data) for one in parts if one.survey is None)
    media = [(i, one, one.survey) for i, one in enumerate(parts) if one.survey is not None]
    if not media:
        _refuse_overflow(parts, available_bytes, fixed)
    kept = _choose_kept([(one, survey) for _, one, survey in media], available_bytes - fixed, fixed)
    left = available_bytes - fixed - sum(s.keep_bytes or 0 for (_, _, s), keep in zip(media, kept, strict=True) if keep)
    # Allocated a second time without the kept sources, whose bytes are known exactly.
    demands = [_demand(one, survey) for (_, one, survey), keep in zip(media, kept, strict=True) if not keep]
    shares = iter(allocate_bytes(left, demands))
    decisions: list[Decision] = [Keep(one.reasons) for one in parts]
    for (index, one, survey), keep in zip(media, kept, strict=True):
        decisions[index] = _keep(one, survey) if keep else _transcode(one, survey, next(shares))
    return Plan(tuple(decisions), available_bytes)


def _refuse_overflow(parts: Sequence[ProbedPart], available_bytes: int, fixed: int) -> None:
    if fixed > available_bytes:
        biggest = max(parts, key=lambda one: len(one.part.data))
        raise DoesNotFit(
            f"the parts have {fixed:,} bytes, {max(available_bytes, 0):,} are available for them;"
            f" the largest is {biggest.label} with {len(biggest.part.data):,}",
            limit_bytes=max(available_bytes, 0),
            smallest_bytes=fixed,
            part=biggest.label,
        )


def _choose_kept(media: Sequence[tuple[ProbedPart, Survey]], available_bytes: int, fixed: int) -> list[bool]:
    """Which sources are sent as they are.

    Bytes are allocated with the untouched source as the last knot of its curve; where the share holds it, it is kept.
    """
    demands = [_demand(e, s) if s.keep_bytes is None else _demand_with_source(e, s, s.keep_bytes) for e, s in media]
    try:
        shares = allocate_bytes(available_bytes, demands)
    except DoesNotFit as error:
        # The caller counts all bodies, the allocation only those that it may change.
        error.smallest_bytes += fixed
        error.limit_bytes += fixed
        raise
    return [s.keep_bytes is not None and share >= s.keep_bytes for (_, s), share in zip(media, shares, strict=True)]


def minimum_bytes(one: ProbedPart) -> int:
    """The fewest bytes worth sending: the codec's minimum, or what the minimum quality of the policy needs."""
    survey = one.survey
    if survey is None:
        return len(one.part.data)
    # A poor source must not be refused because it never reached the minimum of its kind.
    quality = min(one.policy.least_quality, _SHARE_OF_BEST * survey.curve.qualities[-1])
    least = max(survey.minimum_bytes, survey.curve.size_for(quality)) if quality > 0 else survey.minimum_bytes
    return least if survey.keep_bytes is None else min(least, survey.keep_bytes)


def _demand(one: ProbedPart, survey: Survey) -> PartDemand:
    least = minimum_bytes(one)
    return PartDemand(one.label, least, survey.curve, max(least, survey.info.size_bytes), one.policy.weight)


def _demand_with_source(one: ProbedPart, survey: Survey, keep_bytes: int) -> PartDemand:
    # Knots above the source's own size are left out: more bytes than the source has gain nothing.
    points = [*zip(survey.curve.sizes_bytes, survey.curve.qualities, strict=True), (keep_bytes, survey.keep_quality)]
    curve = Curve.through((size, quality) for size, quality in points if size <= keep_bytes)
    return PartDemand(one.label, minimum_bytes(one), curve, keep_bytes, one.policy.weight)


def _keep(one: ProbedPart, survey: Survey) -> Keep:
    removed = (f"removed: {', '.join(survey.stripped)}",) if survey.stripped else ()
    return Keep((*one.reasons, "accepted as it is, and it fits", *removed))


def _transcode(one: ProbedPart, survey: Survey, limit_bytes: int) -> Transcode:
    why = survey.reasons
    if survey.keep_bytes is not None:
        why = (*why, f"{survey.keep_bytes:,} bytes as it is, its share is {limit_bytes:,}")
    return Transcode(limit_bytes, (*one.reasons, *why))


def relabel(parts: Sequence[ProbedPart]) -> Parts:
    """The same parts with labels that differ, so that an option or error names exactly one."""
    seen: dict[str, int] = {}
    out = []
    for one in parts:
        count = seen[one.label] = seen.get(one.label, 0) + 1
        out.append(one if count == 1 else replace(one, part=replace(one.part, name=f"{one.label} ({count})")))
    return tuple(out)
