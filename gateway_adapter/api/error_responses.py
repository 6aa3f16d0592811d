"""The bodies of refused requests: the path decides the shape, the HTTP status the texts.

Three shapes are in use, and clients parse all three: `/mms/1/single` and `/mms/1/content` answer like a send that took
nothing, the other `/mms/1` paths with a `requestError`, all newer paths with an `errorCode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway_adapter.api.responses import (
    ApiErrorResponse,
    RequestErrorBody,
    RequestErrorResponse,
    SendV1Response,
    ServiceExceptionResponse,
    ViolationResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_adapter.api.errors import Violation
    from gateway_adapter.api.responses import ResponseBody

__all__ = ["HTTP_ERRORS", "ErrorTexts", "error_body", "error_shape", "error_texts_of"]


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
