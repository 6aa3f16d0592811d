"""The HTTP endpoints of the customers' API, and the function that adds them to an application."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route

from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.routes import configurations, messages, reports, send, uploads
from gateway_adapter.api.routes.endpoints import authenticated
from gateway_adapter.api.routes.http_responses import error_response
from gateway_adapter.api.routes.openapi import openapi_document
from gateway_adapter.api.routes.openapi_page import reference_page, reference_page_policy
from gateway_adapter.api.routes.request_body import BodyReader
from gateway_adapter.schedule import TokenBuckets

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from gateway_adapter.messages.service import Service

__all__ = ["CollapseSlashes", "install"]

_ROWS = [row for module in (send, uploads, reports, configurations, messages) for row in module.endpoints.rows]


def install(app: Starlette, service: Service) -> None:
    """Add the customers' API: its endpoints, refusals in the shape of their path, the OpenAPI and its page."""
    bodies, rates = BodyReader(service.settings.max_body_bytes), TokenBuckets()
    for row in _ROWS:
        route = Route(row.path, authenticated(row, service, bodies, rates), methods=[row.method])
        route.methods = {row.method}  # no HEAD: a GET of reports hands each out once
        app.router.routes.append(route)
    app.add_route("/openapi.json", _openapi)
    app.add_route("/docs", _reference_page)
    app.add_exception_handler(HTTPException, _framework_refusal)
    # before routing, for clients whose base URL ends in a slash
    app.add_middleware(CollapseSlashes)


@cache
def _document() -> dict[str, Any]:
    return openapi_document(_ROWS, reports.WEBHOOKS)


async def _openapi(_request: Request) -> Response:
    return JSONResponse(_document())


async def _reference_page(_request: Request) -> Response:
    return HTMLResponse(reference_page(_document()), headers={"Content-Security-Policy": reference_page_policy()})


async def _framework_refusal(request: Request, exc: Exception) -> Response:
    """The response where the framework itself refuses: no such path, or no such method."""
    assert isinstance(exc, HTTPException)
    headers = dict(exc.headers or {})
    if exc.status_code == 405:  # noqa: PLR2004  # RFC 9110 15.5.6: all methods of the path, not those of one route
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return error_response(request, HttpRefusal(exc.status_code, exc.detail, headers=headers))


def _methods(request: Request) -> set[str]:
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] != Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found


_SLASHES = re.compile(r"/{2,}")


class CollapseSlashes:
    """Serves `//mms/1/single` as `/mms/1/single`: clients whose base URL ends in a slash send it so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Pass a request on with single slashes."""
        if scope["type"] == "http" and "//" in scope["path"]:
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"])}
        await self._app(scope, receive, send_)
