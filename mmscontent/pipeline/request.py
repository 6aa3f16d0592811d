"""The values one run of the path carries from step to step; nothing outside the path sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mmscontent.codecs.base import Effort
    from mmscontent.ledger import Option, SlideEntry
    from mmscontent.message import Content, Envelope, Message
    from mmscontent.pack.registry import Packed
    from mmscontent.pipeline.plan import Plan, ProbedPart
    from mmscontent.pipeline.transcode import TranscodedPart
    from mmscontent.profiles.model import Profile

__all__ = ["POLICIES", "ComposeRequest", "IfNotFit", "PackedMessage", "RenderedPresentation"]

IfNotFit = Literal["fail", "drop", "poster", "trim", "accept_quality", "split"]
POLICIES: tuple[IfNotFit, ...] = ("fail", "drop", "poster", "trim", "accept_quality", "split")

# Routes that count something else than the form we hand over; the rest count what is written.
_COUNTED_AS = {"mime": "mime-binary", "base64": "mime"}


@dataclass(frozen=True, slots=True)
class ComposeRequest:
    """What one call was asked for, or one of the messages that came of it.

    Attributes:
        message: What is to be sent: long texts on pages, without what was left out.
        warnings: What was given up so far, as sentences.
        notes: What is worth knowing and took nothing away.
        if_not_fit: Which remedy may be taken when it does not fit.
        remedy: What was done so that it fits; None when nothing had to be.
        left_out: Parts of the caller's that do not go in this message, each with the reason.
        number, count: Which of the messages it is, when it takes several.
    """

    message: Message
    profile: Profile
    envelope: Envelope
    encoding: str
    effort: Effort
    measure: bool = False
    smil: bytes | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if_not_fit: IfNotFit = "fail"
    left_out: tuple[tuple[ProbedPart, str], ...] = ()
    remedy: Option | None = None
    number: int = 1
    count: int = 1

    @property
    def counted_as(self) -> str:
        """The wire form whose bytes the limit means: the one written, unless the route says what it counts."""
        return _COUNTED_AS.get(self.profile.counts, self.encoding)


@dataclass(frozen=True, slots=True)
class RenderedPresentation:
    """Parts in order with the presentation that plays them."""

    content: Content
    slides: tuple[SlideEntry, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackedMessage:
    """A message that fits, before it is looked at once more."""

    content: Content
    packed: Packed
    counted_bytes: int
    slides: tuple[SlideEntry, ...]
    plan: Plan
    made: tuple[TranscodedPart, ...]
    warnings: tuple[str, ...]
