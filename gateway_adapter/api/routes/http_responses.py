"""HTTP responses: a body as JSON or XML, and the bodies of refused requests: the path decides the shape.

Three shapes are in use, and clients parse all three: `/mms/1/single` and `/mms/1/content` answer like a send that took
nothing, the other `/mms/1` paths with a `requestError`, all newer paths with an `errorCode`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from gateway_adapter.api.errors import HttpRefusal, InvalidRequest, Violation
from gateway_adapter.api.responses import (
    ApiErrorResponse,
    RequestErrorBody,
    RequestErrorResponse,
    ResponseBody,
    SendV1Response,
    ServiceExceptionResponse,
    ViolationResponse,
    to_json,
    to_members,
)
from gateway_adapter.api.webhook_bodies import JSON, XML
from gateway_adapter.api.xml_codec import to_xml
from gateway_adapter.errors import Refused, Throttled
from gateway_adapter.statuses import fault_of

if TYPE_CHECKING:
    from starlette.requests import Request

    import mmscontent as mms

_TOO_LARGE = 15022  # the error of statuses.py with which content is refused for its size


def media_type_of(request: Request) -> str:
    """The body's declared type without parameters, lower case; "" when none is declared."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def one_media_type_of(request: Request, *allowed: str) -> str:
    """The body's type, which is one of *allowed*; a body without a type is read as the first.

    Raises:
        HttpRefusal: The type is another (415).
    """
    media_type = media_type_of(request) or allowed[0]
    if media_type not in allowed:
        raise HttpRefusal(415, f"Content-Type {media_type!r} is not supported here; use {' or '.join(allowed)}")
    return media_type


def wants_xml(request: Request) -> bool:
    """Whether the client asks for XML, or sends XML and does not say what it accepts."""
    accept = request.headers.get("accept", "*/*").lower()
    if "json" in accept:
        return False
    return "xml" in accept or (media_type_of(request) in {XML, "text/xml"} and "*/*" in accept)


def json_response(
    body: object, shape: object = None, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response; *shape* is needed for a bare list."""
    return Response(to_json(body, shape), status, headers, JSON)


def error_response(request: Request, error: mms.MMSContentError) -> Response:
    """The response to a refused request, in the shape of its path."""
    http, headers = _status_of(error)
    violations = error.violations if isinstance(error, InvalidRequest) else ()
    # What went wrong inside is for our log, not for the customer.
    text = str(error) if http < 500 else error_texts_of(http).description  # noqa: PLR2004  # server errors begin there
    path = request.url.path
    if path.startswith("/mms/1/advanced") and wants_xml(request):  # field names are not always valid element names
        ((root, members),) = to_members(error_body(path, http, text)).items()
        return Response(to_xml(root, members), http, headers, XML)
    return json_response(error_body(path, http, text, violations), status=http, headers=headers)


def _status_of(error: mms.MMSContentError) -> tuple[int, dict[str, str]]:
    if isinstance(error, HttpRefusal):
        return error.http, error.headers
    # RFC 9110 section 10.2.3: Retry-After in whole seconds
    if isinstance(error, Throttled):
        return 429, {"Retry-After": str(max(1, math.ceil(error.after_s)))}
    # The key is known with other content
    if isinstance(error, Refused) and error.field == "Idempotency-Key" and not isinstance(error, InvalidRequest):
        return 409, {}
    if isinstance(error, Refused) and error.error == _TOO_LARGE:
        return 413, {}
    return fault_of(error).http, {}


# --- bodies of refused requests ---


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
