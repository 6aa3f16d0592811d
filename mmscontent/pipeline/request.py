"""What goes into a run of the pipeline and what comes out: the request, and the message or the refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from mmscontent.codecs.base import Effort
from mmscontent.errors import MMSContentError
from mmscontent.ledger import Ledger, Option
from mmscontent.message import Content, Envelope, Message
from mmscontent.profiles.model import Profile

if TYPE_CHECKING:
    from mmscontent.pipeline.plan import ProbedPart

IfNotFit = Literal["fail", "drop", "poster", "trim", "accept_quality", "split"]
POLICIES: tuple[IfNotFit, ...] = get_args(IfNotFit)

# Routes that count another wire form than the one we hand over; the rest count what is written.
_COUNTED_AS = {"mime": "mime-binary", "base64": "mime"}


@dataclass(frozen=True, slots=True)
class ComposeRequest:
    """What one call of `compose` asks for, or one of the messages that a remedy makes of it.

    Raises:
        ValueError: There is no such policy.
    """

    message: Message
    profile: Profile
    envelope: Envelope
    encoding: str
    effort: Effort = "fast"
    # The remedy that may be applied when it does not fit.
    if_not_fit: IfNotFit = "fail"
    measure: bool = False
    # The sender's own presentation, or a template of one.
    smil: bytes | None = None
    # What was given up so far, as sentences.
    warnings: tuple[str, ...] = ()
    # What is worth knowing although nothing was given up.
    notes: tuple[str, ...] = ()
    # Parts of the caller's that are not in this message, each with the reason.
    left_out: tuple[tuple[ProbedPart, str], ...] = ()
    # The remedy that was applied; None when none was needed.
    remedy: Option | None = None
    # number, count: Which of the messages it is, when it was split.
    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if self.if_not_fit not in POLICIES:
            raise ValueError(f"if_not_fit is one of {', '.join(POLICIES)}, got {self.if_not_fit!r}")

    @property
    def counted_as(self) -> str:
        """The wire form whose bytes the limit means: the one written, unless the route counts another."""
        return _COUNTED_AS.get(self.profile.counts, self.encoding)


@dataclass(frozen=True, slots=True)
class Composed:
    """A packed message and what became of its parts.

    Attributes:
        data: The wire form.
        content_type: Its media type with parameters, for a transport's header.
        content: What was packed: the presentation and the parts, before packing.
    """

    data: bytes = field(repr=False)
    content_type: str
    ledger: Ledger
    content: Content = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt: a composed message, or a refusal that still has its ledger.

    Attributes:
        ledger: Of the message; of the first one when there are several.
        more: The messages after the first, when it was split.
    """

    ledger: Ledger
    composed: Composed | None = None
    refusal: MMSContentError | None = None
    more: tuple[Composed, ...] = ()

    @property
    def messages(self) -> tuple[Composed, ...]:
        """Every message, in order; none for a refusal."""
        return () if self.composed is None else (self.composed, *self.more)
