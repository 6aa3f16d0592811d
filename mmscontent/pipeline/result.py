"""The results of the pipeline: a packed message with its ledger, or a refusal with its ledger."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmscontent.errors import MMSContentError
from mmscontent.ledger import Ledger
from mmscontent.message import Content


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
