"""Fitted media that are reused with other text: a message is packed with them as often as there are recipients.

Packing runs steps 1, 5, 6 and 8 of the pipeline and no encoder: the media come from a message that went through the
whole pipeline and go out byte for byte. Each packed message is counted and read back as any other message is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from mmscontent.compose import Composed
from mmscontent.errors import DoesNotFit
from mmscontent.files import identify
from mmscontent.ledger import Ledger, PartEntry
from mmscontent.message import Envelope, Message, Part, replace_parts
from mmscontent.part_names import assign_part_names
from mmscontent.pipeline.examine import examine_part, fit_subject, paginate, sms_equivalence_notes
from mmscontent.pipeline.plan import Keep, Plan, ProbedPart, relabel
from mmscontent.pipeline.present import PackedMessage, present_and_pack, read_back
from mmscontent.pipeline.report import build_ledger
from mmscontent.pipeline.request import ComposeRequest
from mmscontent.pipeline.transcode import TranscodedPart
from mmscontent.profiles.model import Profile
from mmscontent.smil.compose import PRESENTATION_NAMES
from mmscontent.smil.template import is_template


@dataclass(frozen=True, slots=True)
class FittedPart:
    """One fitted part: its bytes as they are sent, and its entry in the ledger."""

    part: Part = field(repr=False)
    entry: PartEntry


@dataclass(frozen=True, slots=True)
class FittedMedia:
    """The fitted parts of a message, in the order of `Message.parts`; None at the place of a text."""

    parts: tuple[FittedPart | None, ...]

    @property
    def size_bytes(self) -> int:
        """All media together."""
        return sum(len(p.part.data) for p in self.parts if p is not None)

    @classmethod
    def from_ledger(cls, ledger: Ledger, parts: Iterable[Part]) -> Self:
        """Collect the fitted media of a composed message.

        Args:
            ledger: The ledger of the message; no part of it was left out.
            parts: The parts as packed (`composed.content.parts`).

        Raises:
            ValueError: A part of the ledger is missing from *parts*.
        """
        by_id = {part.content_id: part for part in parts}
        found: list[FittedPart | None] = []
        for entry in ledger.parts:
            if entry.kind == "text":
                found.append(None)
            elif entry.content_id in by_id and entry.result is not None:
                found.append(FittedPart(by_id[entry.content_id], entry))
            else:
                raise ValueError(f"{entry.name} was left out of the message; fitted media hold every part")
        return cls(tuple(found))

    @classmethod
    def placeholder(cls, message: Message) -> Self:
        """Build media of zero bytes, to measure what a message has besides its media (`overhead_bytes`).

        Raises:
            SourceError: A part is empty, unknown or damaged.
        """
        return cls(tuple(None if part.kind == "text" else _empty_part(part) for part in message.parts))


def _empty_part(part: Part) -> FittedPart:
    info = identify(part.data, name=part.name, declared=part.media_type)
    return FittedPart(replace(part, data=b""), PartEntry(part.name, info.kind, "keep", info, result=info))


def compose_with(
    media: FittedMedia,
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    smil: bytes | None = None,
) -> Composed:
    """Pack a message with media that are fitted already; text and subject are the message's own.

    Args:
        media: What `FittedMedia.from_ledger` collected.
        message: A message with the same kinds of parts in the same order. The bytes of its media are not used.
        profile: The receiver; it accepts what the media were fitted for.
        envelope: As for `compose`, like the two after it.
        encoding: The wire form the media were fitted for.
        smil: Your own presentation.

    Raises:
        DoesNotFit: The text makes the message larger than the receiver accepts.
        ValueError: The message has another number of parts, or a text where the media have a part of another kind.
    """
    request, probed = _examined(media, message, profile, envelope, encoding, smil)
    made = tuple(_made(media, one) for one in probed)
    plan = Plan(tuple(_decided(media, one) for one in probed), sum(len(m.part.data) for m in made))
    result = _check_size(present_and_pack(request, plan, made), request)
    read_back(result)
    ledger = build_ledger(request, probed, result)
    # The report knows packed parts only; sources, reasons and quality are those of the fitting.
    ledger = replace(ledger, parts=tuple(_entry(media, i, e) for i, e in enumerate(ledger.parts)))
    return Composed(result.wire.data, result.wire.content_type, ledger, result.content)


def overhead_bytes(
    placeholder: FittedMedia,
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    smil: bytes | None = None,
) -> int:
    """Count what a message has besides its media, packed and counted as the limit is: text, SMIL and headers."""
    request, probed = _examined(placeholder, message, profile, envelope, encoding, smil)
    made = tuple(_made(placeholder, one) for one in probed)
    return present_and_pack(request, Plan((Keep(),) * len(made), 0), made).counted_bytes


def _examined(
    media: FittedMedia, message: Message, profile: Profile, envelope: Envelope | None, encoding: str, smil: bytes | None
) -> tuple[ComposeRequest, tuple[ProbedPart, ...]]:
    """Step 1 of the pipeline; the media are known and are not read."""
    message, warnings = fit_subject(_filled(media, message), profile)
    notes = sms_equivalence_notes(message, profile)
    work = paginate(message, profile, keep=smil is not None and not is_template(smil))
    sent = envelope or Envelope()
    request = ComposeRequest(work.message, profile, sent, encoding, smil=smil, warnings=warnings, notes=notes)
    named = zip(assign_part_names(work.message.parts, PRESENTATION_NAMES), work.origins, strict=True)
    return request, relabel([_known(media, part, index, profile) for part, index in named])


def _known(media: FittedMedia, part: Part, index: int, profile: Profile) -> ProbedPart:
    known = media.parts[index]
    if known is None:
        return replace(examine_part(part, profile), index=index)
    assert known.entry.result is not None
    return ProbedPart(part, known.entry.result, index=index)


def _filled(media: FittedMedia, message: Message) -> Message:
    """Put the fitted media into the message, in place of its own."""
    own = message.parts
    if len(own) != len(media.parts):
        raise ValueError(f"the media were fitted for {len(media.parts)} parts, the message has {len(own)}")
    for part, known in zip(own, media.parts, strict=True):
        if (part.kind == "text") != (known is None):
            raise ValueError(f"{part.name or part.media_type} stands where the fitted media have another kind of part")
    filled = [part if known is None else known.part for part, known in zip(own, media.parts, strict=True)]
    return replace_parts(message, filled)


def _made(media: FittedMedia, one: ProbedPart) -> TranscodedPart:
    known = media.parts[one.index]
    if known is None:
        return TranscodedPart(one.part, replace(one.info, size_bytes=len(one.part.data)))
    assert known.entry.result is not None
    return TranscodedPart(replace(one.part, media_type=known.part.media_type), known.entry.result)


def _decided(media: FittedMedia, one: ProbedPart) -> Keep:
    known = media.parts[one.index]
    return Keep(one.reasons if known is None else known.entry.reasons)


def _entry(media: FittedMedia, index: int, entry: PartEntry) -> PartEntry:
    """Keep the entry written when a part was fitted; a text has the entry of this message."""
    known = media.parts[index]
    return entry if known is None else replace(known.entry, content_id=entry.content_id)


def _check_size(message: PackedMessage, request: ComposeRequest) -> PackedMessage:
    counted, profile = message.counted_bytes, request.profile
    if counted > profile.limit_bytes:
        raise DoesNotFit(
            f"with this text the message has {counted:,} bytes packed as {request.counted_as},"
            f" {profile.limit_bytes:,} are allowed; fit the media for the longest text",
            limit_bytes=profile.limit_bytes,
            smallest_bytes=counted,
        )
    if counted <= profile.target_bytes:
        return message
    warning = f"the message has {counted:,} bytes: over the {profile.target_bytes:,} aimed at, under the limit"
    return replace(message, warnings=(*message.warnings, warning))
