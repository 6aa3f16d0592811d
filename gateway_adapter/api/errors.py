"""The bodies a customer's request is refused with: their shape goes by the path, their words by the HTTP status.

Three shapes are in use: `/mms/1/single` and `/mms/1/content` answer a malformed request like a send that took nothing,
the other `/mms/1` paths answer with a `requestError`, all newer paths with an `errorCode`. Clients parse all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway_adapter.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "HTTP_ERRORS",
    "ErrorTexts",
    "HttpRefusal",
    "InvalidRequest",
    "Violation",
    "error_body",
    "error_texts_of",
]


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a request: which field, and what is wrong with it."""

    field: str
    text: str


class InvalidRequest(Refused):
    """The request says something that can not be; all that is wrong with it is told at once."""

    code = "refused/malformed"

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        first = violations[0]
        super().__init__(f"{first.field}: {first.text}" if first.field else first.text, field=first.field)
        self.violations = violations


class HttpRefusal(Refused):
    """The request is refused for another reason than its content; *http* is the answer's status."""

    code = "refused/denied"

    def __init__(self, http: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.http = http
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class ErrorTexts:
    """How one HTTP status is told in the older and in the newer bodies."""

    word: str
    code: str
    description: str
    action: str


HTTP_ERRORS: Mapping[int, ErrorTexts] = MappingProxyType(
    {
        400: ErrorTexts("BAD_REQUEST", "E400", "Request cannot be processed.", "Correct what the violations name."),
        401: ErrorTexts("UNAUTHORIZED", "E401", "Authentication failed.", "Check the Authorization header."),
        403: ErrorTexts("FORBIDDEN", "E403", "Access is not allowed.", "Use an account that may do this."),
        404: ErrorTexts("NOT_FOUND", "E404", "Requested resource was not found.", "Check the path and the id in it."),
        405: ErrorTexts(
            "METHOD_NOT_ALLOWED", "E405", "Method is not allowed here.", "Use a method of the Allow header."
        ),
        408: ErrorTexts("REQUEST_TIMEOUT", "E408", "Request did not arrive in time.", "Send the body without pauses."),
        409: ErrorTexts(
            "CONFLICT", "E409", "Request conflicts with an earlier one.", "Use another key, or the same body."
        ),
        413: ErrorTexts(
            "PAYLOAD_TOO_LARGE", "E413", "Request is too large.", "Send less, or upload the content first."
        ),
        415: ErrorTexts("UNSUPPORTED_MEDIA_TYPE", "E415", "Content type is not taken.", "Use one that the path lists."),
        429: ErrorTexts("TOO_MANY_REQUESTS", "E429", "Too many requests.", "Wait as long as Retry-After says."),
        500: ErrorTexts("GENERAL_ERROR", "E500", "Something went wrong.", "Try again; tell support if it stays."),
        502: ErrorTexts("BAD_GATEWAY", "E502", "The other side did not answer.", "Try again later."),
        503: ErrorTexts("SERVICE_UNAVAILABLE", "E503", "Service is not available now.", "Try again later."),
    }
)

_AS_SEND_RESULT = ("/mms/1/single", "/mms/1/content")
# Statuses that speak of the request's content; the others are told as a requestError even on these paths.
_OF_THE_CONTENT = frozenset({400, 408, 409, 413, 415})


def error_texts_of(http: int) -> ErrorTexts:
    """The words of a status; one without a row is told as its class."""
    return HTTP_ERRORS.get(http) or HTTP_ERRORS[500 if http >= 500 else 400]  # noqa: PLR2004  # where the server errors begin


def error_body(path: str, http: int, text: str, violations: tuple[Violation, ...] = ()) -> dict[str, object]:
    """The body for a refused request on *path*."""
    if path.startswith(_AS_SEND_RESULT) and http in _OF_THE_CONTENT:
        return {"bulkId": "", "messages": [], "errorMessage": text}
    if path.startswith("/mms/1/"):
        return _request_error(http, text, violations)
    return _api_error(http, text, violations)


def _request_error(http: int, text: str, violations: tuple[Violation, ...]) -> dict[str, object]:
    exception: dict[str, object] = {"messageId": error_texts_of(http).word, "text": text}
    if violations:
        by_field: dict[str, list[str]] = {}
        for violation in violations:
            by_field.setdefault(violation.field, []).append(violation.text)
        exception["validationErrors"] = by_field
    return {"requestError": {"serviceException": exception}}


def _api_error(http: int, text: str, violations: tuple[Violation, ...]) -> dict[str, object]:
    words = error_texts_of(http)
    return {
        "errorCode": words.code,
        "description": text or words.description,
        "action": words.action,
        "violations": [{"property": violation.field, "violation": violation.text} for violation in violations],
        "resources": [],
    }
