"""The values one run of the path carries from step to step; nothing outside the path sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmscontent.adapt import Made
    from mmscontent.codecs.base import Effort
    from mmscontent.ledger import SlideEntry
    from mmscontent.message import Content, Envelope, Message
    from mmscontent.pack.table import Packed
    from mmscontent.plan import Plan
    from mmscontent.profile import Profile

__all__ = ["Fitted", "Job", "Shown"]

# Routes that count something else than the form we hand over; the rest count what is written.
_COUNTED_AS = {"mime": "mime-binary", "base64": "mime"}


@dataclass(frozen=True, slots=True)
class Job:
    """What one call was asked for."""

    message: Message
    profile: Profile
    envelope: Envelope
    encoding: str
    effort: Effort
    measure: bool
    smil: bytes | None
    warnings: tuple[str, ...]

    @property
    def counted_as(self) -> str:
        """The wire form whose bytes the limit means: the one written, unless the route says what it counts."""
        return _COUNTED_AS.get(self.profile.counts, self.encoding)


@dataclass(frozen=True, slots=True)
class Shown:
    """Parts in order with the presentation that plays them."""

    content: Content
    slides: tuple[SlideEntry, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A message that fits, before it is looked at once more."""

    content: Content
    packed: Packed
    counted_bytes: int
    slides: tuple[SlideEntry, ...]
    plan: Plan
    made: tuple[Made, ...]
    warnings: tuple[str, ...]
