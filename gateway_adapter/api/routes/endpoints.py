"""Endpoints as rows: an `EndpointTable` collects a module's endpoints, each with what the OpenAPI says of it.

A request passes through `authenticated`: key, rate, the endpoint itself; errors become refusals in the path's shape.
The endpoint is a function of a `RequestContext`; the first line of its docstring is the summary in the OpenAPI.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import mmscontent as mms
from gateway_adapter.api.errors import HttpRefusal, invalid_field
from gateway_adapter.api.fields import read_text_values
from gateway_adapter.api.routes.http_responses import error_response, json_response
from gateway_adapter.errors import Throttled
from gateway_adapter.model import Account
from gateway_adapter.schedule import TokenBuckets, now_ms

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gateway_adapter.api.responses import ResponseBody
    from gateway_adapter.api.routes.request_body import BodyReader
    from gateway_adapter.messages.service import Service

    Handler = Callable[["RequestContext"], Awaitable[ResponseBody | Response]]

_Model = TypeVar("_Model", bound="BaseModel")
OCTETS: Mapping[str, Any] = MappingProxyType({"type": "string", "format": "binary"})


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request of a known account, and the service that answers it."""

    request: Request
    account: Account
    service: Service
    bodies: BodyReader
    now_ms: int

    @property
    def base_url(self) -> str:
        """The URL by which the customer reaches this gateway."""
        return self.service.settings.public_url.rstrip("/") or str(self.request.base_url).rstrip("/")

    def query(self, model: type[_Model]) -> _Model:
        """Parse the query string; lists come as repeated keys or with commas.

        Raises:
            InvalidRequest: A value does not match the model.
        """
        lists = _list_members(model)
        given: dict[str, object] = {}
        for name in self.request.query_params:
            values = self.request.query_params.getlist(name)
            if any("\0" in value for value in values):
                raise invalid_field(name, "holds a NUL character")
            many = [one.strip() for value in values for one in value.split(",") if one.strip()]
            given[name] = many if name in lists else values[-1]
        return read_text_values(model, given)

    def path_value(self, name: str) -> str:
        """A value of the path.

        Raises:
            HttpRefusal: It holds a NUL character, so nothing can have it as its id (404).
        """
        value: str = self.request.path_params[name]
        if "\0" in value:
            raise HttpRefusal(404, f"{name} holds a NUL character")
        return value

    async def store_media(self, chunks: AsyncIterator[bytes], media_type: str) -> str:
        """Put bytes into the media store; returns their SHA-256.

        Raises:
            HttpRefusal: There are too many (413).
        """
        return await self.service.put_media(chunks, media_type, self.service.settings.max_media_bytes)


@cache
def _list_members(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        field.alias or name for name, field in model.model_fields.items() if get_origin(field.annotation) is tuple
    )


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
