"""The gateway's own exceptions, beside the library's; statuses.py maps each to the codes of every side.

MMSContentError
└─ GatewayError
   ├─ Refused       the request was refused for good, by the gateway or by the other side
   ├─ Throttled     a quota or a rate is used up for now; retryable, after_s says when
   ├─ Unreachable   the other side did not answer, or its answer makes no sense; retryable
   └─ Misconfigured a setting or the connections file is wrong; file, key and value are named
"""

from __future__ import annotations

import mmscontent as mms


class GatewayError(mms.MMSContentError):
    """Base of everything the gateway raises itself."""

    code = "gateway"


class Refused(GatewayError):
    """A final refusal.

    Attributes:
        field: The wrong field of the request, "" when none is.
        error: Id of a message's error in statuses.py, 0 when the request as a whole is refused.
    """

    code = "refused"

    def __init__(self, message: str, *, field: str = "", error: int = 0) -> None:
        super().__init__(message)
        self.field = field
        self.error = error


class Throttled(GatewayError):
    """Too many requests for now; *after_s* seconds later there is capacity again."""

    code = "throttled"
    retryable = True

    def __init__(self, message: str, *, after_s: float = 1.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class Unreachable(GatewayError):
    """The other side could not be reached, closed the connection, or sent an answer that makes no sense."""

    code = "unreachable"
    retryable = True


class Misconfigured(GatewayError):
    """A wrong setting, made by whoever runs this gateway.

    Attributes:
        file: The file, or the environment variable.
        key: Dotted key inside the file, or "".
        value: The wrong value as text, or "".
    """

    code = "misconfigured"

    def __init__(self, message: str, *, file: str = "", key: str = "", value: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.key = key
        self.value = value
