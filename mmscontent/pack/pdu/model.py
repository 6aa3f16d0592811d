"""The value of a binary MMS message: its type, its fields in wire order, its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent.message import Content
from mmscontent.pack.assigned import FIELDS, MESSAGE_TYPE_CODES

if TYPE_CHECKING:
    from mmscontent.pack.pdu.values import Value

# section 7: "the order of the fields is not significant, except that X-Mms-Message-Type,
# X-Mms-Transaction-ID (when present) and X-Mms-MMS-Version MUST be at the beginning of the message
# headers, in that order"
# in this order after the message type, MMS-ENC section 7
_FIRST = ("X-Mms-Transaction-ID", "X-Mms-MMS-Version")
# written from `message_type` and `content`, never from the list of headers
_NOT_HEADERS = frozenset(row.name.lower() for row in FIELDS.values() if row.kind in ("body", "message-type"))


@dataclass(frozen=True, slots=True)
class Pdu:
    """One MMS PDU.

    Attributes:
        message_type: As MMS-ENC names it, lower case: `m-send-req`, `m-notification-ind`, …
        headers: (name, value), all but the message type and the content type; transaction id and version are moved
            to the front, the others keep their order. Names are those of MMS-ENC (`X-Mms-Transaction-ID`, `To`, …);
            others go as application headers with text values.
        content: Presentation and parts, for the types that carry a body.
    """

    message_type: str
    headers: tuple[tuple[str, Value], ...] = ()
    content: Content | None = None

    def __post_init__(self) -> None:
        if self.message_type not in MESSAGE_TYPE_CODES:
            raise ValueError(f"{self.message_type!r} is no MMS message type")
        # the two fields that have a place move to the front, the others keep their order
        first: list[tuple[str, Value]] = []
        rest: list[tuple[str, Value]] = []
        for row in self.headers:
            (first if row[0] in _FIRST else rest).append(row)
            if row[0].lower() in _NOT_HEADERS:
                raise ValueError(f"{row[0]} is written from the message itself, not from its headers")
        if len(first) > 1:
            first.sort(key=_rank)
        object.__setattr__(self, "headers", (*first, *rest))

    def get(self, name: str) -> Value | None:
        """The first value of a field, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def get_all(self, name: str) -> tuple[Value, ...]:
        """Every value of a field, in wire order."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


def _rank(header: tuple[str, Value]) -> int:
    return _FIRST.index(header[0])
