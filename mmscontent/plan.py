"""Pure decisions: keep, transcode or drop each part, with how many bytes, and why.

Nothing here encodes. What a part could become comes in as its survey; what becomes of it goes out as a
decision that adapt.py carries out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.budget import Want, share_room
from mmscontent.curve import Curve
from mmscontent.errors import DoesNotFit, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mmscontent.codecs.base import Survey
    from mmscontent.mediatypes import Kind
    from mmscontent.message import MediaInfo, Part
    from mmscontent.profile import Profile

__all__ = [
    "Decision",
    "Drop",
    "Examined",
    "Keep",
    "Option",
    "Plan",
    "Transcode",
    "make_plan",
    "options_for",
    "refuse_unwanted",
    "relabel",
    "why_refused",
]


@dataclass(frozen=True, slots=True)
class Examined:
    """A part and what is known of it before anything is encoded.

    Attributes:
        part: Text parts are fitted already; others are as they came.
        info: From sniffing.
        survey: From its codec; None for kinds that are carried as they are.
        reasons: What was decided about it so far, as sentences.
    """

    part: Part
    info: MediaInfo
    survey: Survey | None = None
    reasons: tuple[str, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision a part, in the parts' order; `room_bytes` is what all bodies may have together."""

    decisions: tuple[Decision, ...]
    room_bytes: int


@dataclass(frozen=True, slots=True)
class Option:
    """Something that would make the message fit, and what it would give."""

    do: str
    part: str
    gives: tuple[tuple[str, object], ...]

    def as_json(self) -> dict[str, object]:
        """The ledger's form."""
        return {"do": self.do, "part": self.part or None, "gives": dict(self.gives)}


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


def refuse_unwanted(examined: Sequence[Examined], profile: Profile) -> None:
    """Stop when a part cannot be sent to this receiver in any form.

    Raises:
        NotAllowed: Names the part and what is taken.
    """
    for one in examined:
        why = why_refused(one.info, profile)
        if why is not None:
            raise NotAllowed(f"{one.label}: {why}; leave it out or choose another profile", part=one.label)


# --- who gets how much? ----------------------------------------------------------------------------------------


def make_plan(examined: Sequence[Examined], room_bytes: int) -> Plan:
    """Decide for every part; *room_bytes* is what all bodies may have together.

    Raises:
        DoesNotFit: Even the floors do not fit.
    """
    fixed = sum(len(e.part.data) for e in examined if e.survey is None)
    media = [(i, e, e.survey) for i, e in enumerate(examined) if e.survey is not None]
    room = room_bytes - fixed
    if not media:
        _refuse_overflow(examined, room_bytes, fixed)
    kept = _choose_kept([s for _, _, s in media], [e.label for _, e, _ in media], room, fixed)
    left = room - sum(s.keep_bytes or 0 for (_, _, s), k in zip(media, kept, strict=True) if k)
    made = [(e, s) for (_, e, s), k in zip(media, kept, strict=True) if not k]
    shares = iter(share_room(left, [_want(e.label, s) for e, s in made]))
    decisions: list[Decision] = [Keep(e.reasons) for e in examined]
    for (index, one, survey), keep in zip(media, kept, strict=True):
        decisions[index] = _keep(one, survey) if keep else _transcode(one, survey, next(shares))
    return Plan(tuple(decisions), room_bytes)


def _refuse_overflow(examined: Sequence[Examined], room_bytes: int, fixed: int) -> None:
    if fixed > room_bytes:
        biggest = max(examined, key=lambda e: len(e.part.data))
        raise DoesNotFit(
            f"the parts have {fixed:,} bytes, {max(room_bytes, 0):,} are left for them;"
            f" the largest is {biggest.label} with {len(biggest.part.data):,}",
            limit_bytes=max(room_bytes, 0),
            smallest_bytes=fixed,
            part=biggest.label,
        )


def _choose_kept(surveys: Sequence[Survey], labels: Sequence[str], room: int, fixed: int) -> list[bool]:
    """Which sources go as they are.

    The shares are made with the untouched source as the last knot of its curve; where the share holds it, it goes.
    """
    wants = [
        _want_with_keep(label, s) if s.keep_bytes is not None else _want(label, s)
        for label, s in zip(labels, surveys, strict=True)
    ]
    try:
        shares = share_room(room, wants)
    except DoesNotFit as error:
        error.smallest_bytes += fixed
        error.limit_bytes += fixed
        raise
    return [s.keep_bytes is not None and share >= s.keep_bytes for s, share in zip(surveys, shares, strict=True)]


def _want(label: str, survey: Survey) -> Want:
    return Want(label, survey.floor_bytes, survey.curve, cap_bytes=survey.info.size_bytes)


def _want_with_keep(label: str, survey: Survey) -> Want:
    assert survey.keep_bytes is not None
    points = [
        *zip(survey.curve.sizes_bytes, survey.curve.qualities, strict=True),
        (survey.keep_bytes, survey.keep_quality),
    ]
    usable = [(s, q) for s, q in points if s <= survey.keep_bytes]
    least = min(survey.floor_bytes, survey.keep_bytes)
    return Want(label, least, Curve.through(usable), cap_bytes=survey.keep_bytes)


def _keep(one: Examined, survey: Survey) -> Keep:
    taken_out = (f"taken out: {', '.join(survey.stripped)}",) if survey.stripped else ()
    return Keep((*one.reasons, "accepted as it is, and it fits", *taken_out))


def _transcode(one: Examined, survey: Survey, limit_bytes: int) -> Transcode:
    why = survey.reasons
    if survey.keep_bytes is not None:
        why = (*why, f"{survey.keep_bytes:,} bytes as it is, its share is {limit_bytes:,}")
    return Transcode(limit_bytes, (*one.reasons, *why))


# --- what would fit? -------------------------------------------------------------------------------------------


def options_for(examined: Sequence[Examined], room_bytes: int) -> tuple[Option, ...]:
    """What would make an infeasible message fit, each with what it would give; at least one when parts exist."""
    found = [o for index in range(len(examined)) if (o := _dropping(examined, index, room_bytes)) is not None]
    if len(examined) > 1:
        found.extend(_splitting(examined, room_bytes))
    return tuple(found) or (_larger_limit(examined, room_bytes),)


def _dropping(examined: Sequence[Examined], index: int, room_bytes: int) -> Option | None:
    rest = [e for i, e in enumerate(examined) if i != index]
    if not rest:
        return None
    try:
        plan = make_plan(rest, room_bytes)
    except DoesNotFit:
        return None
    return Option("drop", examined[index].label, (("qualities", _qualities(rest, plan)),))


def _qualities(examined: Sequence[Examined], plan: Plan) -> dict[str, float]:
    return {
        one.label: round(_quality(one.survey, decision), 1)
        for one, decision in zip(examined, plan.decisions, strict=True)
        if one.survey is not None
    }


def _quality(survey: Survey, decision: Decision) -> float:
    return survey.curve.quality_at(decision.limit_bytes) if isinstance(decision, Transcode) else survey.keep_quality


def _splitting(examined: Sequence[Examined], room_bytes: int) -> list[Option]:
    """One message a part, when each part fits alone."""
    qualities: dict[str, float] = {}
    for one in examined:
        try:
            qualities |= _qualities([one], make_plan([one], room_bytes))
        except DoesNotFit:
            return []
    return [Option("split", "", (("messages", len(examined)), ("qualities", qualities)))]


def _larger_limit(examined: Sequence[Examined], room_bytes: int) -> Option:
    least = sum(e.survey.floor_bytes if e.survey else len(e.part.data) for e in examined)
    return Option("link", "", (("limit_bytes_needed", least), ("limit_bytes_given", max(room_bytes, 0))))


def relabel(examined: Sequence[Examined]) -> tuple[Examined, ...]:
    """The same parts with labels that differ, so that an option or error names exactly one."""
    seen: dict[str, int] = {}
    out = []
    for one in examined:
        count = seen[one.label] = seen.get(one.label, 0) + 1
        out.append(one if count == 1 else replace(one, part=replace(one.part, name=f"{one.label} ({count})")))
    return tuple(out)
