"""Pure decisions: keep, transcode or drop each part, with how many bytes, and why. What would fit: options.py.

Nothing here encodes. What a part could become comes in as its survey; what becomes of it goes out as a
decision that adapt.py carries out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mmscontent.errors import DoesNotFit, NotAllowed
from mmscontent.pipeline.allocation import PartDemand, allocate_bytes
from mmscontent.pipeline.quality_weights import DEFAULT_POLICY, QualityPolicy
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mmscontent.codecs.base import Survey
    from mmscontent.media_types import Kind
    from mmscontent.message import MediaInfo, Part
    from mmscontent.profiles.model import Profile

__all__ = [
    "Decision",
    "Drop",
    "Keep",
    "Plan",
    "ProbedPart",
    "Transcode",
    "make_plan",
    "mark_unwanted",
    "minimum_bytes",
    "refuse_unwanted",
    "relabel",
    "why_refused",
]


@dataclass(frozen=True, slots=True)
class ProbedPart:
    """A part and what is known of it before anything is encoded.

    Attributes:
        part: Text parts are fitted already; others are as they came.
        info: From sniffing.
        survey: From its codec; None for kinds that are carried as they are.
        reasons: What was decided about it so far, as sentences.
        policy: What its quality is worth, and how little is too little (worth.py).
        index: Which of the caller's parts it is; pages of one text share theirs.
        refused: Why the receiver takes it in no form; "" when it does.
        trim_ms: It is to be cut to this length first; None for all of it.
        form: What it is made of: the part as it came (""), a `video` or `poster` made of it, or a `trimmed` copy.
    """

    part: Part
    info: MediaInfo
    survey: Survey | None = None
    reasons: tuple[str, ...] = ()
    policy: QualityPolicy = DEFAULT_POLICY
    index: int = -1
    refused: str = ""
    trim_ms: int | None = None
    form: Literal["", "video", "poster", "trimmed"] = ""

    @property
    def label(self) -> str:
        """What to call it in an error or a ledger."""
        return self.part.name or self.part.content_location or self.info.media_type


@dataclass(frozen=True, slots=True)
class Keep:
    """It goes as it is, but for metadata."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcode:
    """It is made anew in at most so many bytes."""

    limit_bytes: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """It does not go."""

    reasons: tuple[str, ...]


Decision = Keep | Transcode | Drop
# A source that never was good is held to this share of its best, not to its kind's least quality.
_OF_ITS_BEST = 0.7


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision a part, in the parts' order; `available_bytes` is what all bodies may have together."""

    decisions: tuple[Decision, ...]
    available_bytes: int


# --- is it taken at all? ---------------------------------------------------------------------------------------


def why_refused(info: MediaInfo, profile: Profile) -> str | None:
    """Why a profile takes no such part even after fitting; None when it does."""
    if info.media_type in profile.extra_media_types:
        return None
    return _REFUSALS.get(info.kind, _refuse_other)(info, profile)


def _refuse_image(info: MediaInfo, profile: Profile) -> str | None:
    if info.media_type == "image/svg+xml":
        return "image/svg+xml is not opened; draw it as PNG first"
    return None if profile.image.media_types else "the receiver takes no pictures"


def _refuse_video(info: MediaInfo, profile: Profile) -> str | None:
    return None if profile.video.formats else f"{info.media_type}: the receiver plays no films"


def _refuse_audio(info: MediaInfo, profile: Profile) -> str | None:
    return None if profile.audio.formats else f"{info.media_type}: the receiver plays no sound"


def _refuse_contact(info: MediaInfo, profile: Profile) -> str | None:
    return None if profile.contact.versions else f"{info.media_type}: the receiver opens no cards"


def _refuse_calendar(info: MediaInfo, profile: Profile) -> str | None:
    return None if profile.calendar.versions else f"{info.media_type}: the receiver opens no calendar entries"


def _refuse_text(info: MediaInfo, profile: Profile) -> str | None:  # noqa: ARG001 - rows are called alike
    return None


def _refuse_other(info: MediaInfo, profile: Profile) -> str | None:
    return _not_in(info.media_type, set(profile.extra_media_types))


def _not_in(media_type: str, taken: set[str]) -> str:
    return f"{media_type} is not among what the receiver takes ({', '.join(sorted(taken)) or 'nothing of this kind'})"


_REFUSALS: Mapping[Kind, Callable[[MediaInfo, Profile], str | None]] = {
    "image": _refuse_image,
    "video": _refuse_video,
    "audio": _refuse_audio,
    "text": _refuse_text,
    "contact": _refuse_contact,
    "calendar": _refuse_calendar,
}


def mark_unwanted(probed: Sequence[ProbedPart], profile: Profile) -> tuple[ProbedPart, ...]:
    """The same parts; those that cannot be sent to this receiver in any form say why in `refused`."""
    return tuple(replace(one, refused=why_refused(one.info, profile) or "") for one in probed)


def refuse_unwanted(probed: Sequence[ProbedPart]) -> None:
    """Stop when a part cannot be sent to this receiver in any form.

    Raises:
        NotAllowed: Names the part and what is taken.
    """
    for one in probed:
        if one.refused:
            raise NotAllowed(f"{one.label}: {one.refused}; leave it out or choose another profile", part=one.label)


# --- who gets how much? ----------------------------------------------------------------------------------------


def make_plan(probed: Sequence[ProbedPart], available_bytes: int) -> Plan:
    """Decide for every part; *available_bytes* is what all bodies may have together.

    Raises:
        DoesNotFit: Even the floors do not fit.
    """
    fixed = sum(len(e.part.data) for e in probed if e.survey is None)
    media = [(i, e, e.survey) for i, e in enumerate(probed) if e.survey is not None]
    room = available_bytes - fixed
    if not media:
        _refuse_overflow(probed, available_bytes, fixed)
    kept = _choose_kept([e for _, e, _ in media], room, fixed)
    left = room - sum(s.keep_bytes or 0 for (_, _, s), k in zip(media, kept, strict=True) if k)
    made = [(e, s) for (_, e, s), k in zip(media, kept, strict=True) if not k]
    shares = iter(allocate_bytes(left, [_want(e, s) for e, s in made]))
    decisions: list[Decision] = [Keep(e.reasons) for e in probed]
    for (index, one, survey), keep in zip(media, kept, strict=True):
        decisions[index] = _keep(one, survey) if keep else _transcode(one, survey, next(shares))
    return Plan(tuple(decisions), available_bytes)


def _refuse_overflow(probed: Sequence[ProbedPart], available_bytes: int, fixed: int) -> None:
    if fixed > available_bytes:
        biggest = max(probed, key=lambda e: len(e.part.data))
        raise DoesNotFit(
            f"the parts have {fixed:,} bytes, {max(available_bytes, 0):,} are left for them;"
            f" the largest is {biggest.label} with {len(biggest.part.data):,}",
            limit_bytes=max(available_bytes, 0),
            smallest_bytes=fixed,
            part=biggest.label,
        )


def _choose_kept(probed: Sequence[ProbedPart], room: int, fixed: int) -> list[bool]:
    """Which sources go as they are.

    The shares are made with the untouched source as the last knot of its curve; where the share holds it, it goes.
    """
    media = [(e, e.survey) for e in probed if e.survey is not None]
    wants = [_want_with_keep(e, s) if s.keep_bytes is not None else _want(e, s) for e, s in media]
    try:
        shares = allocate_bytes(room, wants)
    except DoesNotFit as error:
        error.smallest_bytes += fixed
        error.limit_bytes += fixed
        raise
    return [s.keep_bytes is not None and share >= s.keep_bytes for (_, s), share in zip(media, shares, strict=True)]


def minimum_bytes(one: ProbedPart) -> int:
    """The fewest bytes it is worth sending in: its codec's floor, or what the least quality of its kind takes."""
    survey = one.survey
    if survey is None:
        return len(one.part.data)
    least = min(one.policy.least_quality, _OF_ITS_BEST * survey.curve.qualities[-1])
    floor = max(survey.minimum_bytes, survey.curve.size_for(least)) if least > 0 else survey.minimum_bytes
    return floor if survey.keep_bytes is None else min(floor, survey.keep_bytes)


def _want(one: ProbedPart, survey: Survey) -> PartDemand:
    floor = minimum_bytes(one)
    return PartDemand(one.label, floor, survey.curve, max(floor, survey.info.size_bytes), one.policy.weight)


def _want_with_keep(one: ProbedPart, survey: Survey) -> PartDemand:
    assert survey.keep_bytes is not None
    points = [
        *zip(survey.curve.sizes_bytes, survey.curve.qualities, strict=True),
        (survey.keep_bytes, survey.keep_quality),
    ]
    usable = [(s, q) for s, q in points if s <= survey.keep_bytes]
    return PartDemand(one.label, minimum_bytes(one), Curve.through(usable), survey.keep_bytes, one.policy.weight)


def _keep(one: ProbedPart, survey: Survey) -> Keep:
    taken_out = (f"taken out: {', '.join(survey.stripped)}",) if survey.stripped else ()
    return Keep((*one.reasons, "accepted as it is, and it fits", *taken_out))


def _transcode(one: ProbedPart, survey: Survey, limit_bytes: int) -> Transcode:
    why = survey.reasons
    if survey.keep_bytes is not None:
        why = (*why, f"{survey.keep_bytes:,} bytes as it is, its share is {limit_bytes:,}")
    return Transcode(limit_bytes, (*one.reasons, *why))


def relabel(probed: Sequence[ProbedPart]) -> tuple[ProbedPart, ...]:
    """The same parts with labels that differ, so that an option or error names exactly one."""
    seen: dict[str, int] = {}
    out = []
    for one in probed:
        count = seen[one.label] = seen.get(one.label, 0) + 1
        out.append(one if count == 1 else replace(one, part=replace(one.part, name=f"{one.label} ({count})")))
    return tuple(out)
