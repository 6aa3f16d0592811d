"""The loopback operator as an HTTP server of its own process."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from gateway_adapter.connectors.base import OperatorRequest, OperatorResponse
from gateway_adapter.simulator.control_api import simulator_routes
from gateway_adapter.simulator.operator import OperatorBehaviour, SimulatedOperator


def make_operator_app(
    gateway_url: str, connection: str, user: str, secret: str, behaviour: OperatorBehaviour
) -> Starlette:
    """An application that takes submissions at `/submit` and reports to the gateway's `/operators/{connection}`."""
    client = httpx.AsyncClient(trust_env=False, timeout=10, limits=httpx.Limits(max_connections=200))
    authorization = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()

    async def deliver(request: OperatorRequest) -> OperatorResponse:
        headers = {**request.headers, "Authorization": authorization}
        try:
            answer = await client.post(gateway_url.rstrip("/") + request.url, content=request.body, headers=headers)
        except httpx.HTTPError:
            return OperatorResponse(0)
        return OperatorResponse(answer.status_code)

    operator = SimulatedOperator(deliver, name=connection, behaviour=behaviour)

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        yield
        await operator.close()
        await client.aclose()

    routes = simulator_routes({connection: operator}, lambda _request: True, submissions=True)
    return Starlette(routes=[Route(path, end, methods=[method]) for path, method, end in routes], lifespan=life)
