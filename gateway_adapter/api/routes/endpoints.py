"""Endpoints as rows: an `EndpointTable` collects a module's endpoints, each with what the OpenAPI says of it.

A request passes through `authenticated`: key, rate, the endpoint itself; errors become refusals in the path's shape.
The endpoint is a function of a `RequestContext`; the first line of its docstring is the summary in the OpenAPI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import mmscontent as mms
from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.routes.http_responses import error_response, json_response
from gateway_adapter.api.routes.request_context import RequestContext
from gateway_adapter.errors import Throttled
from gateway_adapter.model import Account
from gateway_adapter.schedule import TokenBuckets, now_ms

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gateway_adapter.api.responses import ResponseBody
    from gateway_adapter.api.routes.request_body import BodyReader
    from gateway_adapter.messages.service import Service

    Handler = Callable[[RequestContext], Awaitable[ResponseBody | Response]]

OCTETS: Mapping[str, Any] = MappingProxyType({"type": "string", "format": "binary"})


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests a second of one account to the endpoints of a name, *burst* of them at once."""

    name: str
    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint and its documentation.

    Attributes:
        response: Shape of the 200; None for a response without a body, or one described by *responses*.
        bodies: Request body by content type: a model, or a schema (which may hold models).
        responses: Other successes, as OpenAPI.
        refusals: HTTP statuses beside those that every endpoint has, and those of a query or body.
        xml: The response is XML on request.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    response: Any = None
    bodies: Mapping[str, Any] = field(default_factory=dict)
    responses: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()
    query: type[BaseModel] | None = None
    rate: RateLimit | None = None
    xml: bool = False
    deprecated: bool = False


class EndpointTable:
    """The endpoints of one module."""

    def __init__(self) -> None:
        self.rows: list[Endpoint] = []

    def add(self, route: str, tag: str, response: Any = None, **more: Any) -> Callable[[Handler], Handler]:  # noqa: ANN401
        """Decorate the handler of an endpoint: `GET /path`, its tag and attributes of `Endpoint`."""
        method, path = route.split()

        def register(handler: Handler) -> Handler:
            self.rows.append(Endpoint(method, path, handler, tag, response, **more))
            return handler

        return register


def header(name: str, text: str, schema: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    """The OpenAPI of a header."""
    return {"name": name, "in": "header", "required": required, "description": text, "schema": dict(schema)}


def in_path(name: str, text: str) -> dict[str, Any]:
    """The OpenAPI of a path value."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def authenticated(
    endpoint: Endpoint, service: Service, bodies: BodyReader, rates: TokenBuckets
) -> Callable[[Request], Awaitable[Response]]:
    """The HTTP handler of an endpoint: authenticates, counts, calls, and turns errors into refusals."""

    async def handle(request: Request) -> Response:
        try:
            account = service.authenticate(request.headers.get("authorization"))
            if account is None:
                raise HttpRefusal(401, "Invalid login details", headers={"WWW-Authenticate": "App, Basic, Bearer"})
            if endpoint.rate is not None:
                _take(rates, account, endpoint.rate)
            answer = await endpoint.handler(RequestContext(request, account, service, bodies, now_ms()))
            return answer if isinstance(answer, Response) else json_response(answer)
        except mms.MMSContentError as exc:
            return error_response(request, exc)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return handle


def _take(rates: TokenBuckets, account: Account, rate: RateLimit) -> None:
    wait = rates.take((account.id, rate.name), 1, rate.per_s, rate.burst)
    if wait:
        text = f"this endpoint takes {rate.per_s * 60:g} requests a minute; try again in {wait:.1f} s"
        raise Throttled(text, after_s=wait)
