"""PackedMessage media without their message: words, subject and numbers are cast with them as often as wanted.

The path's steps 1, 5, 6 and 8 again, without its encoders: media come from a message that went the whole path, were
decoded by two decoders there, and go out byte for byte. Every cast is counted and read back as any message is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent.compose import Composed
from mmscontent.errors import DoesNotFit
from mmscontent.files import identify
from mmscontent.ledger import PartEntry
from mmscontent.message import Envelope
from mmscontent.pipeline import part_naming
from mmscontent.pipeline.examine import examine_part, fit_subject, paginate, sms_equivalence_notes
from mmscontent.pipeline.plan import Keep, Plan, ProbedPart, relabel
from mmscontent.pipeline.present import present_and_pack, read_back
from mmscontent.pipeline.report import build_ledger
from mmscontent.pipeline.request import ComposeRequest, PackedMessage
from mmscontent.pipeline.transcode import TranscodedPart
from mmscontent.smil.template import is_template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mmscontent.ledger import Ledger
    from mmscontent.message import Message, Part
    from mmscontent.profiles.model import Profile

__all__ = ["Mould", "MouldPart", "blank_of", "cast", "mould_of", "overhead_bytes"]


@dataclass(frozen=True, slots=True)
class MouldPart:
    """One fitted medium: its bytes as they go out, and what the ledger says of it."""

    part: Part = field(repr=False)
    entry: PartEntry


@dataclass(frozen=True, slots=True)
class Mould:
    """What a message's media became, by their place in `Message.parts`; None where a text stands."""

    parts: tuple[MouldPart | None, ...]

    @property
    def size_bytes(self) -> int:
        """All media together."""
        return sum(len(p.part.data) for p in self.parts if p is not None)


def mould_of(ledger: Ledger, parts: Iterable[Part]) -> Mould:
    """What can be cast with again, from a message that fitted.

    Args:
        ledger: Of the message; nothing in it was left out.
        parts: Its parts as packed (`composed.content.parts`).

    Raises:
        ValueError: A part of the ledger is not there, so it is no message that went out whole.
    """
    by_id = {part.content_id: part for part in parts}
    found: list[MouldPart | None] = []
    for entry in ledger.parts:
        if entry.kind == "text":
            found.append(None)
        elif entry.content_id in by_id and entry.result is not None:
            found.append(MouldPart(by_id[entry.content_id], entry))
        else:
            raise ValueError(f"{entry.name} was left out of the message; a mould has every medium")
    return Mould(tuple(found))


def cast(
    mould: Mould,
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    smil: bytes | None = None,
) -> Composed:
    """Pack a message whose media are in the mould; its texts and subject are its own.

    Args:
        mould: PackedMessage media, from `mould_of`.
        message: Of the shape the mould was made for. Its media are not looked at.
        profile: The receiver; one that accepts what the mould was made for.
        envelope: As for `compose`, like the two after it.
        encoding: The wire form the mould was made for.
        smil: Your own presentation.

    Raises:
        DoesNotFit: Its words make it larger than the receiver takes.
        ValueError: The message has another number of parts, or a text where the mould has a medium.
    """
    request, probed = _examined(mould, message, profile, envelope, encoding, smil)
    made = tuple(_made(mould, one) for one in probed)
    plan = Plan(tuple(_decided(mould, one) for one in probed), sum(len(m.part.data) for m in made))
    fitted = _within(present_and_pack(request, plan, made), request)
    read_back(fitted)
    told = build_ledger(request, probed, fitted)
    ledger = replace(told, parts=tuple(_entry(mould, i, e) for i, e in enumerate(told.parts)))
    return Composed(fitted.packed.data, fitted.packed.content_type, ledger, fitted.content)


def blank_of(message: Message) -> Mould:
    """A mould whose media have no bytes yet: it tells what a message has besides them (`overhead_bytes`).

    Raises:
        SourceError: A medium is empty, unknown or damaged.
    """
    return Mould(tuple(None if part.kind == "text" else _blank(part) for part in message.parts))


def _blank(part: Part) -> MouldPart:
    info = identify(part.data, name=part.name, declared=part.media_type)
    return MouldPart(replace(part, data=b""), PartEntry(part.name, info.kind, "keep", info, result=info))


def overhead_bytes(
    blank: Mould,
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    smil: bytes | None = None,
) -> int:
    """What a message has besides its media, packed and counted as the limit is: words, SMIL and headers."""
    request, probed = _examined(blank, message, profile, envelope, encoding, smil)
    made = tuple(_made(blank, one) for one in probed)
    return present_and_pack(request, Plan((Keep(),) * len(made), 0), made).counted_bytes


def _examined(
    mould: Mould, message: Message, profile: Profile, envelope: Envelope | None, encoding: str, smil: bytes | None
) -> tuple[ComposeRequest, tuple[ProbedPart, ...]]:
    """Step 1, as the path has it, but that media are known."""
    message, warnings = fit_subject(_filled(mould, message), profile)
    notes = sms_equivalence_notes(message, profile)
    work = paginate(message, profile, keep=smil is not None and not is_template(smil))
    request = ComposeRequest(
        work.message, profile, envelope or Envelope(), encoding, "fast", False, smil, warnings, notes
    )
    named = zip(part_naming.name_parts(work.message.parts), work.origins, strict=True)
    return request, relabel([_known(mould, part, index, profile) for part, index in named])


def _known(mould: Mould, part: Part, index: int, profile: Profile) -> ProbedPart:
    fitted = mould.parts[index]
    if fitted is None:
        return replace(examine_part(part, profile), index=index)
    assert fitted.entry.result is not None
    return ProbedPart(part, fitted.entry.result, index=index)


def _filled(mould: Mould, message: Message) -> Message:
    """The message with the mould's media in place of its own."""
    own = message.parts
    if len(own) != len(mould.parts):
        raise ValueError(f"the mould was made for {len(mould.parts)} parts, the message has {len(own)}")
    for part, fitted in zip(own, mould.parts, strict=True):
        if (part.kind == "text") != (fitted is None):
            raise ValueError(f"{part.name or part.media_type} stands where the mould has another kind")
    filled = [part if fitted is None else fitted.part for part, fitted in zip(own, mould.parts, strict=True)]
    return part_naming.with_parts(message, filled)


def _made(mould: Mould, one: ProbedPart) -> TranscodedPart:
    fitted = mould.parts[one.index]
    if fitted is None:
        return TranscodedPart(one.part, replace(one.info, size_bytes=len(one.part.data)))
    assert fitted.entry.result is not None
    return TranscodedPart(replace(one.part, media_type=fitted.part.media_type), fitted.entry.result)


def _decided(mould: Mould, one: ProbedPart) -> Keep:
    fitted = mould.parts[one.index]
    return Keep(one.reasons if fitted is None else fitted.entry.reasons)


def _entry(mould: Mould, index: int, told: PartEntry) -> PartEntry:
    """Of a medium, what was told when it was fitted; of a text, what is told now."""
    fitted = mould.parts[index]
    return told if fitted is None else replace(fitted.entry, content_id=told.content_id)


def _within(fitted: PackedMessage, request: ComposeRequest) -> PackedMessage:
    counted, profile = fitted.counted_bytes, request.profile
    if counted > profile.limit_bytes:
        raise DoesNotFit(
            f"with these words the message has {counted:,} bytes packed as {request.counted_as},"
            f" {profile.limit_bytes:,} are allowed; make the media for the longest words",
            limit_bytes=profile.limit_bytes,
            smallest_bytes=counted,
        )
    if counted <= profile.target_bytes:
        return fitted
    warning = f"the message has {counted:,} bytes: over the {profile.target_bytes:,} aimed at, under the limit"
    return replace(fitted, warnings=(*fitted.warnings, warning))
