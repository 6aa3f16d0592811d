"""MM7 status codes (3GPP TS 23.140 section 8.7.8.4) and whether trying again makes sense: one row a code."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "Retry", "StatusRow", "status_row"]

# done: it was taken · fix: the same request fails again · later: the other side is in trouble · route: our account
# or the interface must be put right first
Retry = Literal["done", "fix", "later", "route"]


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status code."""

    code: int
    text: str
    retry: Retry


_ROWS = (
    StatusRow(1000, "Success", "done"),
    StatusRow(1100, "Partial success", "done"),
    StatusRow(2000, "Client error", "fix"),
    StatusRow(2001, "Operation restricted", "route"),
    StatusRow(2002, "Address error", "fix"),
    StatusRow(2003, "Address not found", "fix"),
    StatusRow(2004, "Multimedia content refused", "fix"),
    StatusRow(2005, "Message ID not found", "fix"),
    StatusRow(2006, "LinkedID not found", "fix"),
    StatusRow(2007, "Message format corrupt", "fix"),
    StatusRow(2008, "Application ID not found", "fix"),
    StatusRow(2009, "Reply application ID not found", "fix"),
    StatusRow(3000, "Server error", "later"),
    StatusRow(3001, "Not possible", "fix"),
    StatusRow(3002, "Message rejected", "fix"),
    StatusRow(3003, "Multiple addresses not supported", "fix"),
    StatusRow(3004, "Application addressing not supported", "fix"),
    StatusRow(4000, "General service error", "later"),
    StatusRow(4001, "Improper identification", "route"),
    StatusRow(4002, "Unsupported version", "route"),
    StatusRow(4003, "Unsupported operation", "route"),
    StatusRow(4004, "Validation error", "fix"),
    StatusRow(4005, "Service error", "later"),
    StatusRow(4006, "Service unavailable", "later"),
    StatusRow(4007, "Service denied", "route"),
    StatusRow(4008, "Application denied", "route"),
    # vendors' own, seen in Sinch's and Korean operators' pages
    StatusRow(2503, "Multiple recipients not supported", "fix"),
    StatusRow(2560, "Message too large", "fix"),
    StatusRow(3510, "Throughput exceeded", "later"),
    StatusRow(6102, "Operator restricted", "route"),
)
STATUSES: Mapping[int, StatusRow] = MappingProxyType({row.code: row for row in _ROWS})

_CLASSES: Mapping[int, tuple[str, Retry]] = MappingProxyType(
    {1: ("Success", "done"), 2: ("Client error", "fix"), 3: ("Server error", "later"), 4: ("Service error", "later")}
)


def status_row(code: int) -> StatusRow:
    """The row of a status code; one that is not in the table is judged by its first digit, as 23.140 asks."""
    text, retry = _CLASSES.get(code // 1000, ("Unknown status", "fix"))
    return STATUSES.get(code) or StatusRow(code, text, retry)
