"""The bodies of refused requests: the path decides the shape, the HTTP status the texts.

Three shapes are in use, and clients parse all three: `/mms/1/single` and `/mms/1/content` answer like a send that took
nothing, the other `/mms/1` paths with a `requestError`, all newer paths with an `errorCode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_adapter.api.responses import (
    ApiErrorResponse,
    RequestErrorBody,
    RequestErrorResponse,
    ResponseBody,
    SendV1Response,
    ServiceExceptionResponse,
    ViolationResponse,
)

if TYPE_CHECKING:
    from gateway_adapter.api.errors import Violation


@dataclass(frozen=True, slots=True)
class ErrorTexts:
    """The texts of one HTTP status in the older and in the newer bodies."""

    code: str
    word: str
    description: str
    action: str


# HTTP status -> word of the older bodies, description and action of the newer ones
_ROWS = {
    400: ("BAD_REQUEST", "Request cannot be processed.", "Correct what the violations name."),
    401: ("UNAUTHORIZED", "Authentication failed.", "Check the Authorization header."),
    403: ("FORBIDDEN", "Access is not allowed.", "Use an account that may do this."),
    404: ("NOT_FOUND", "Requested resource was not found.", "Check the path and the id in it."),
    405: ("METHOD_NOT_ALLOWED", "Method is not allowed here.", "Use a method of the Allow header."),
    408: ("REQUEST_TIMEOUT", "Request did not arrive in time.", "Send the body without pauses."),
    409: ("CONFLICT", "Request conflicts with an earlier one.", "Use another key, or the same body."),
    413: ("PAYLOAD_TOO_LARGE", "Request is too large.", "Send less, or upload the content first."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Content type is not supported.", "Use one that the path lists."),
    429: ("TOO_MANY_REQUESTS", "Too many requests.", "Wait as long as Retry-After says."),
    500: ("GENERAL_ERROR", "Something went wrong.", "Try again; contact support if it persists."),
    502: ("BAD_GATEWAY", "The other server did not answer.", "Try again later."),
    503: ("SERVICE_UNAVAILABLE", "Service is not available now.", "Try again later."),
}
HTTP_ERRORS: Mapping[int, ErrorTexts] = {http: ErrorTexts(f"E{http}", *row) for http, row in _ROWS.items()}

_SEND_PATHS = ("/mms/1/single", "/mms/1/content")
# Statuses about the request's content; the others are a requestError on the send paths, too.
_CONTENT_STATUSES = frozenset({400, 408, 409, 413, 415})


def error_texts_of(http: int) -> ErrorTexts:
    """The texts of a status; one without a row has those of its class."""
    return HTTP_ERRORS.get(http) or HTTP_ERRORS[500 if http >= 500 else 400]  # noqa: PLR2004  # server errors


def error_shape(path: str, http: int) -> type[ResponseBody]:
    """The shape of a refusal on *path*."""
    if path.startswith(_SEND_PATHS) and http in _CONTENT_STATUSES:
        return SendV1Response
    return RequestErrorResponse if path.startswith("/mms/1/") else ApiErrorResponse


def error_body(path: str, http: int, text: str, violations: tuple[Violation, ...] = ()) -> ResponseBody:
    """The body of a refusal on *path*."""
    shape = error_shape(path, http)
    if shape is SendV1Response:
        return SendV1Response(bulk_id="", messages=[], error_message=text)
    texts = error_texts_of(http)
    if shape is RequestErrorResponse:
        by_field: dict[str, list[str]] = {}
        for violation in violations:
            by_field.setdefault(violation.field, []).append(violation.text)
        exception = ServiceExceptionResponse(message_id=texts.word, text=text, validation_errors=by_field or None)
        return RequestErrorResponse(request_error=RequestErrorBody(service_exception=exception))
    return ApiErrorResponse(
        error_code=texts.code,
        description=text or texts.description,
        action=texts.action,
        violations=[ViolationResponse.of(violation) for violation in violations],
        resources=[],
    )
