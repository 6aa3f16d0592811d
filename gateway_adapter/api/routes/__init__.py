"""The HTTP endpoints of the customers' side, and the one function that puts them into an application."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.routing import Match

from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.routes import messages, reports, send, uploads
from gateway_adapter.api.routes.openapi import EndpointRegistry
from gateway_adapter.api.routes.openapi_page import reference_page, reference_page_policy
from gateway_adapter.api.routes.request_context import RequestGate, error_response

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from gateway_adapter.messages.service import Service

__all__ = ["CollapseSlashes", "install"]


def install(app: FastAPI, service: Service) -> None:
    """Serve the customers' side: its endpoints, refusals in the form of their path, the OpenAPI and a page of it."""
    gate = RequestGate(service)
    registry = EndpointRegistry(app.router)
    for module in (send, uploads, reports, messages):
        module.serve(registry, gate)
    app.add_exception_handler(HTTPException, _plain_fault)
    app.add_middleware(CollapseSlashes)
    registry.describe(app)
    app.router.add_route("/docs", _book, methods=["GET"])


async def _book(request: Request) -> Response:
    """What is served, to read."""
    headers = {"Content-Security-Policy": reference_page_policy()}
    return HTMLResponse(reference_page(request.app.openapi()), headers=headers)


async def _plain_fault(request: Request, exc: Exception) -> Response:
    """What the framework refuses itself: a path or method nobody serves."""
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
    """`//mms/1/single` is `/mms/1/single`: clients whose base URL ends in a slash send it so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Pass a request on with single slashes."""
        if scope["type"] == "http" and "//" in scope["path"]:
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"])}
        await self._app(scope, receive, send_)
