"""HTTP responses: a body as JSON or XML, and an error as the refusal its path promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.responses import Response

from gateway_adapter.api.error_responses import error_body, error_texts_of
from gateway_adapter.api.errors import HttpRefusal, InvalidRequest
from gateway_adapter.api.responses import to_json, to_members
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
