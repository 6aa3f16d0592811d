"""What the service itself raises, beside the library's own errors; what each is called on the wire is in statuses.py.

MMSContentError
└─ GatewayError
   ├─ Refused       the request, or the other side, says no for good
   ├─ Throttled     not now: a quota or a rate; retryable, after_s says when
   ├─ Unreachable   the other side did not answer, or answered nonsense; retryable
   └─ Misconfigured a setting or the connections file is wrong; file, key and value are named
"""

from __future__ import annotations

import mmscontent as mms

__all__ = ["GatewayError", "Misconfigured", "Refused", "Throttled", "Unreachable"]


class GatewayError(mms.MMSContentError):
    """Anything the service refuses or fails at."""

    code = "gateway"


class Refused(GatewayError):
    """A final no.

    Attributes:
        field: Which field of the request is at fault, "" when none is.
        error: Id of statuses.py for a message's error, 0 when it is the request that is refused.
    """

    code = "refused"

    def __init__(self, message: str, *, field: str = "", error: int = 0) -> None:
        super().__init__(message)
        self.field = field
        self.error = error


class Throttled(GatewayError):
    """Too many for now; *after_s* is when to try again."""

    code = "throttled"
    retryable = True

    def __init__(self, message: str, *, after_s: float = 1.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class Unreachable(GatewayError):
    """The other side could not be reached, broke off, or answered what makes no sense."""

    code = "unreachable"
    retryable = True


class Misconfigured(GatewayError):
    """Something the operator of this service wrote is wrong.

    Attributes:
        file: Of which file, or the environment variable.
        key: Dotted key inside it, or "".
        value: The offending value as text, or "".
    """

    code = "misconfigured"

    def __init__(self, message: str, *, file: str = "", key: str = "", value: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.key = key
        self.value = value
