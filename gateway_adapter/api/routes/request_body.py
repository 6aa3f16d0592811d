"""Reads request bodies: streamed or buffered, within limits of size, time and memory."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from gateway_adapter.api.errors import HttpRefusal

if TYPE_CHECKING:
    from starlette.requests import Request

_T = TypeVar("_T")
_BUFFERED_BYTES = 64_000_000  # all buffered bodies (JSON, XML) of all requests together
_UNANNOUNCED_BYTES = 4_000_000  # a buffered body without Content-Length
_SMALL_BYTES = 64_000  # smaller bodies are not counted: as many as there may be requests do no harm
_QUICK_BYTES = 200_000  # parsing a larger body would keep the event loop from other requests
_PAUSE_S = 20.0  # between two chunks of a body
_BODY_S = 300.0  # the whole body


class BodyReader:
    """Reads bodies up to a size, with one memory budget for those it buffers."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_bytes = max_body_bytes
        self._memory = _MemoryBudget(_BUFFERED_BYTES)

    def stream(self, request: Request, max_bytes: int | None = None) -> AsyncIterator[bytes]:
        """Yield a body's chunks as they arrive.

        Raises:
            HttpRefusal: The body is too large (413), too slow (408) or compressed (415).
        """
        _refuse_encoded(request)
        max_bytes = min(self._max_bytes, max_bytes or sys.maxsize)
        announced = request.headers.get("content-length", "")
        # RFC 9110 section 15.5.14: 413 before the body is read
        if announced.isdecimal() and int(announced) > max_bytes:
            raise _too_large(max_bytes)
        return _timed(request.stream(), max_bytes)

    @asynccontextmanager
    async def buffered(self, request: Request) -> AsyncIterator[bytes]:
        """A whole body, which counts against the memory budget for as long as the block runs.

        Raises:
            HttpRefusal: As `stream`.
        """
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdecimal() else _UNANNOUNCED_BYTES
        if size <= _SMALL_BYTES:
            yield await _small(request)
            return
        stream = self.stream(request, None if announced else _UNANNOUNCED_BYTES)
        # The whole size is reserved before the first byte, so that two bodies never wait for each other
        async with self._memory.reserve(size):
            yield b"".join([chunk async for chunk in stream])


class _MemoryBudget:
    """Bytes that may be held at once; a request that does not fit waits for its turn."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def reserve(self, size: int) -> AsyncIterator[None]:
        wanted = min(size, self._total)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            async with self._changed:
                self._free += wanted
                self._changed.notify_all()


def _refuse_encoded(request: Request) -> None:
    # The size of a compressed body is known only after unpacking it.
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise HttpRefusal(415, f"Content-Encoding {encoding[:40]!r} is not supported; send the body uncompressed")


async def _small(request: Request) -> bytes:
    _refuse_encoded(request)
    try:
        async with asyncio.timeout(_PAUSE_S):
            return await request.body()  # the server cuts off what goes beyond the announced length
    except TimeoutError as exc:
        raise _too_slow() from exc


async def _timed(stream: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    size, deadline = 0, time.monotonic() + _BODY_S
    while True:
        try:
            async with asyncio.timeout(min(_PAUSE_S, deadline - time.monotonic())):
                chunk = await anext(stream, None)
        except TimeoutError as exc:
            raise _too_slow() from exc
        if chunk is None:
            return
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if chunk:
            yield chunk


def _too_slow() -> HttpRefusal:
    return HttpRefusal(408, "the body did not arrive in time")


def _too_large(max_bytes: int) -> HttpRefusal:
    return HttpRefusal(413, f"the body has more than {max_bytes:,} bytes; upload the content first, or send links")


async def run_in_thread_if_large(size: int, read: Callable[[], _T]) -> _T:
    """Call *read*, in a thread when parsing *size* bytes would keep the event loop from other requests."""
    return read() if size <= _QUICK_BYTES else await asyncio.to_thread(read)
