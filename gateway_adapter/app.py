"""The HTTP application: customers' API, operators' callbacks, hosted media, health, metrics and status page."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import AsyncIterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import mmscontent as mms
from gateway_adapter.api.routes import install
from gateway_adapter.api.routes.http_responses import error_response
from gateway_adapter.api.routes.request_body import BodyReader
from gateway_adapter.connectors.base import OperatorRequest
from gateway_adapter.gateway import Gateway
from gateway_adapter.ingress import operator_callbacks
from gateway_adapter.ingress.header_timeout import header_timeout_protocol
from gateway_adapter.metrics import REQUESTS
from gateway_adapter.settings import Settings
from gateway_adapter.simulator.control_api import simulator_routes
from gateway_adapter.status_page.routes import status_page_routes

_STALE_S = 30.0  # a sweep that has not come round for this long is stuck
_READ_S = 5.0
_BACKLOG = 2048
_IDLE_S = 30  # a connection that asks nothing for this long is closed
_GRACE_S = 10


def make_app(gateway: Gateway) -> Starlette:
    """The application of a gateway, which it starts and stops."""

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        await gateway.start()
        await gateway.listen()
        try:
            yield
        finally:
            await gateway.stop()

    app = Starlette(lifespan=life)
    install(app, gateway.service)
    endpoints = SystemEndpoints(gateway, BodyReader(gateway.settings.max_body_bytes))
    for path, method, endpoint in (
        ("/operators/{name}", "POST", endpoints.operator),
        ("/media/{message_id}/{index}", "GET", endpoints.media),
        ("/healthz", "GET", endpoints.health),
        ("/readyz", "GET", endpoints.ready),
        ("/metrics", "GET", endpoints.metrics),
        *simulator_routes(gateway.operators, endpoints.is_allowed),
    ):
        app.router.routes.append(Route(path, endpoint, methods=[method]))
    app.router.routes.extend(status_page_routes(gateway.service))
    app.add_middleware(SecurityHeadersMiddleware, gateway=gateway)
    return app


def make_server(app: object, settings: Settings) -> uvicorn.Server:
    """The HTTP server of an application."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type] # any ASGI application
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=header_timeout_protocol(settings.head_s),
        backlog=_BACKLOG,
        limit_concurrency=settings.max_requests,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_GRACE_S,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    return uvicorn.Server(config)


class SystemEndpoints:
    """Endpoints outside the customers' API: operators, hosted media, health, metrics."""

    def __init__(self, gateway: Gateway, bodies: BodyReader) -> None:
        self._gateway = gateway
        self._bodies = bodies

    async def operator(self, request: Request) -> Response:
        """Receive an operator's request."""
        connection = self._gateway.router.connection(request.path_params["name"])
        address = request.client.host if request.client else ""
        authorization = request.headers.get("authorization", "")
        if connection is None or not operator_callbacks.is_authorized_operator(connection, address, authorization):
            return JSONResponse({"error": "this network or user is not authorised for the connection"}, 403)
        try:
            async with self._bodies.buffered(request) as body:
                asked = OperatorRequest(request.method, str(request.url), dict(request.headers), body)
                answer = await operator_callbacks.receive_operator_request(
                    self._gateway.service, connection, asked, self._gateway.fetcher
                )
        except mms.MMSContentError as error:
            return error_response(request, error)
        return Response(answer.body, answer.status, dict(answer.headers))

    async def media(self, request: Request) -> Response:
        """Serve a part of a message from a phone; the URL's key is the authorization."""
        index = request.path_params["index"]
        key = request.query_params.get("key", "")
        service = self._gateway.service
        # -1 is no part; a longer number could not be one either.
        number = int(index) if index.isdecimal() and len(index) < 4 else -1  # noqa: PLR2004 - as many as parts
        part = await service.inbound_part(request.path_params["message_id"], number, key)
        if part is None:
            return JSONResponse({"error": "there is no such content"}, 404)
        # A browser must save it: it is a stranger's content
        headers = {"Content-Disposition": f'attachment; filename="part{number}"'}
        if not part.blob:
            return Response(part.text or "", 200, headers, "text/plain; charset=utf-8")
        return FileResponse(service.media_path(part.blob), 200, headers, part.media_type)

    async def health(self, _request: Request) -> Response:
        """Whether the process runs."""
        return JSONResponse({"status": "ok", "version": mms.__version__})

    async def ready(self, _request: Request) -> Response:
        """It can do its work: the store answers, the sweep comes round."""
        store, housekeeping = self._gateway.store, self._gateway.housekeeping
        try:
            async with asyncio.timeout(_READ_S):
                await store.ping()
            reads = True
        except Exception:  # noqa: BLE001 - whatever it is, the answer is no
            reads = False
        checks = {"store": reads, "sweep": time.monotonic() - housekeeping.last_run_at < _STALE_S}
        return JSONResponse({"ready": all(checks.values()), **checks}, 200 if all(checks.values()) else 503)

    async def metrics(self, request: Request) -> Response:
        """Prometheus metrics, for this machine and for holders of an API key."""
        if not self.is_allowed(request):
            return JSONResponse({"error": "metrics are only for this machine, or with an API key"}, 401)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def is_allowed(self, request: Request) -> bool:
        """Whether a request comes from this very machine, past no proxy, or has a key."""
        if self._gateway.service.authenticate(request.headers.get("authorization")) is not None:
            return True
        # Behind a proxy on this machine every request comes from loopback
        forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
        host = request.client.host if request.client else ""
        with contextlib.suppress(ValueError):
            return not forwarded and ipaddress.ip_address(host).is_loopback
        return False


# --- security headers -------------------------------------------------------------------------------------------------

_STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CLOSED = "default-src 'none'; frame-ancestors 'none'; sandbox"


class SecurityHeadersMiddleware:
    """Adds strict headers to every response, and measures its duration."""

    def __init__(self, app: ASGIApp, *, gateway: Gateway) -> None:
        self._app = app
        self._inflight = gateway.inflight
        hsts = {"Strict-Transport-Security": "max-age=31536000"} if gateway.settings.tls_cert else {}
        self._headers = {**_STRICT, **hsts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its response with headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if "Content-Security-Policy" not in headers:  # the response's own policy covers framing, too
                    headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("Content-Security-Policy", _CLOSED)
            await send(message)

        try:
            with self._inflight:
                await self._app(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            REQUESTS.labels(route, status).observe(time.perf_counter() - started)
