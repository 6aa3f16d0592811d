"""MM7 status codes (3GPP TS 23.140 section 8.7.8.4) and whether trying again makes sense: one row a code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

# done: it was taken · fix: the same request fails again · later: the other side is in trouble · route: our account
# or the interface must be put right first
Retry = Literal["done", "fix", "later", "route"]


@dataclass(frozen=True, slots=True)
class Mm7StatusCode:
    """One status code."""

    code: int
    text: str
    retry: Retry


_ROWS = (
    # class 1: success
    Mm7StatusCode(1000, "Success", "done"),
    Mm7StatusCode(1100, "Partial success", "done"),
    # class 2: the request is at fault; it fails again as it is
    Mm7StatusCode(2000, "Client error", "fix"),
    # our account may not do this, whatever the message
    Mm7StatusCode(2001, "Operation restricted", "route"),
    Mm7StatusCode(2002, "Address error", "fix"),
    Mm7StatusCode(2003, "Address not found", "fix"),
    Mm7StatusCode(2004, "Multimedia content refused", "fix"),
    Mm7StatusCode(2005, "Message ID not found", "fix"),
    Mm7StatusCode(2006, "LinkedID not found", "fix"),
    Mm7StatusCode(2007, "Message format corrupt", "fix"),
    Mm7StatusCode(2008, "Application ID not found", "fix"),
    Mm7StatusCode(2009, "Reply application ID not found", "fix"),
    # class 3: the server cannot do what is asked
    Mm7StatusCode(3000, "Server error", "later"),
    Mm7StatusCode(3001, "Not possible", "fix"),
    Mm7StatusCode(3002, "Message rejected", "fix"),
    Mm7StatusCode(3003, "Multiple addresses not supported", "fix"),
    Mm7StatusCode(3004, "Application addressing not supported", "fix"),
    # class 4: the service refuses or fails
    Mm7StatusCode(4000, "General service error", "later"),
    Mm7StatusCode(4001, "Improper identification", "route"),
    Mm7StatusCode(4002, "Unsupported version", "route"),
    Mm7StatusCode(4003, "Unsupported operation", "route"),
    Mm7StatusCode(4004, "Validation error", "fix"),
    # the operator's own trouble: the same message may pass later
    Mm7StatusCode(4005, "Service error", "later"),
    Mm7StatusCode(4006, "Service unavailable", "later"),
    Mm7StatusCode(4007, "Service denied", "route"),
    Mm7StatusCode(4008, "Application denied", "route"),
    # vendors' own, seen in Sinch's and Korean operators' pages
    Mm7StatusCode(2503, "Multiple recipients not supported", "fix"),
    Mm7StatusCode(2560, "Message too large", "fix"),
    Mm7StatusCode(3510, "Throughput exceeded", "later"),
    Mm7StatusCode(6102, "Operator restricted", "route"),
)
STATUSES: Mapping[int, Mm7StatusCode] = MappingProxyType({row.code: row for row in _ROWS})

# 8.7.8.4: what a code means that is not in the table
_CLASSES: Mapping[int, tuple[str, Retry]] = MappingProxyType(
    {1: ("Success", "done"), 2: ("Client error", "fix"), 3: ("Server error", "later"), 4: ("Service error", "later")}
)


def status_row(code: int) -> Mm7StatusCode:
    """The row of a status code; one that is not in the table is judged by its first digit, as 23.140 asks."""
    # 8.7.8.4: the first digit is the class; a code of a vendor is handled like its class
    text, retry = _CLASSES.get(code // 1000, ("Unknown status", "fix"))
    return STATUSES.get(code) or Mm7StatusCode(code, text, retry)
