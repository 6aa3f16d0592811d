"""Submits messages to operators over HTTP or SMTP, or to a simulated operator in this process.

Operators are configured by whoever runs the gateway, so no URL policy applies; their responses have a size limit.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

from gateway_adapter.connectors.base import (
    Connection,
    OperatorRequest,
    OperatorResponse,
    SubmitRequest,
    SubmitResult,
    Upload,
)
from gateway_adapter.connectors.registry import connector_of
from gateway_adapter.errors import Unreachable
from gateway_adapter.metrics import SUBMIT_SECONDS, SUBMITTED

Transport: TypeAlias = Callable[[OperatorRequest, Connection], Awaitable[OperatorResponse]]

_MAX_ANSWER = 1_000_000
_MAX_UPLOADS = 2000
_UPLOAD_REUSED_S = 24 * 3600.0  # an upload is referred to for a day; the operator keeps it for three
_LARGE_BYTES = 100_000  # packing more than this would block the event loop for too long
_SUCCESS = range(200, 300)


class OperatorClient:
    """Submits to operators; belongs to one event loop.

    Args:
        inside: Simulated operators of this process, by connection name.
        mail: Sends a request whose method is MAIL.
        wait: Waits until the connection's rate limit allows another submission.
    """

    def __init__(
        self,
        *,
        inside: Mapping[str, Callable[[OperatorRequest], Awaitable[OperatorResponse]]],
        mail: Transport,
        wait: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._inside = inside
        self._mail = mail
        self._wait = wait
        self._client = httpx.AsyncClient(
            # Operators are called directly: proxies of the environment and redirects could lead elsewhere.
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=500, keepalive_expiry=15.0),
        )
        # One of each per connection of the file, kept until the process ends.
        self._digests: dict[str, httpx.DigestAuth] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._uploaded: OrderedDict[tuple[str, str], tuple[bytes, float]] = OrderedDict()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def submit(self, submit: SubmitRequest, connection: Connection) -> SubmitResult:
        """Submit a message and read the operator's answer.

        Raises:
            Refused: The operator's protocol cannot express the message.
            Unreachable: The operator did not answer.
        """
        connector = connector_of(connection)
        size = sum(len(part.data) for part in submit.content.parts)
        if size > _LARGE_BYTES:
            request = await asyncio.to_thread(connector.write_submit, submit, connection)
        else:
            request = connector.write_submit(submit, connection)
        # The slot is taken first, so that at most `concurrency` submissions wait for their rate.
        slot = self._slots.setdefault(connection.name, asyncio.Semaphore(connection.concurrency))
        async with slot:
            await self._wait(connection)
            started = time.perf_counter()
            response = await self._send_whole(request, connection)
            SUBMIT_SECONDS.labels(connection.name).observe(time.perf_counter() - started)
        answer = connector.read_answer(response, connection)
        SUBMITTED.labels(connection.name, answer.outcome).inc()
        return answer

    async def _send_whole(self, request: OperatorRequest, connection: Connection) -> OperatorResponse:
        """Send the uploads of a request, then the request; a refused upload is the answer to the whole."""
        body = request.body
        for upload in request.uploads:
            value = await self._upload(upload, connection)
            if isinstance(value, OperatorResponse):
                return value
            # The request refers to the upload by a placeholder until the operator has given its id.
            body = body.replace(upload.place, value)
        return await self._send(replace(request, body=body, uploads=()) if request.uploads else request, connection)

    async def _upload(self, upload: Upload, connection: Connection) -> bytes | OperatorResponse:
        """The id of an upload as JSON, or the response that refused it."""
        key = (connection.name, upload.key)
        known, since = self._uploaded.get(key, (b"", 0.0))
        if known and time.monotonic() - since < _UPLOAD_REUSED_S:
            return known
        response = await self._send(upload.request, connection)
        if response.status not in _SUCCESS:
            return response
        try:
            value = json.loads(response.body)[upload.member]
        except (ValueError, KeyError, TypeError, RecursionError):
            value = None
        if not isinstance(value, str) or not value:
            raise Unreachable(f"connection {connection.name} answered an upload without its id")
        self._uploaded[key] = (json.dumps(value).encode(), time.monotonic())
        while len(self._uploaded) > _MAX_UPLOADS:
            self._uploaded.popitem(last=False)
        return self._uploaded[key][0]

    async def _send(self, request: OperatorRequest, connection: Connection) -> OperatorResponse:
        try:
            async with asyncio.timeout(connection.timeout_s):
                return await self._transport(connection)(request, connection)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            detail = str(error) or type(error).__name__
            raise Unreachable(f"connection {connection.name} did not answer: {detail}") from error

    def _transport(self, connection: Connection) -> Transport:
        if not connection.url:
            operator = self._inside[connection.name]
            return lambda request, _connection: operator(request)
        return self._mail if urlsplit(connection.url).scheme == "smtp" else self._http

    def _digest(self, connection: Connection) -> httpx.DigestAuth | None:
        """Digest authorization, if the connection has it; the challenge is kept, so that it is requested once only."""
        if connection.options.get("auth") != "digest":
            return None
        user = connection.options.get("user", "")
        return self._digests.setdefault(connection.name, httpx.DigestAuth(user, connection.secret))

    async def _http(self, request: OperatorRequest, connection: Connection) -> OperatorResponse:
        waits = httpx.Timeout(connection.timeout_s)
        asked = self._client.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.body, timeout=waits
        )
        response = await self._client.send(asked, stream=True, auth=self._digest(connection))
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_ANSWER:
                    raise Unreachable(f"connection {connection.name} answered with more than {_MAX_ANSWER:,} bytes")
        finally:
            await response.aclose()
        return OperatorResponse(response.status_code, dict(response.headers), bytes(body))
