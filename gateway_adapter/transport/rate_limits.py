"""Limits how fast sending goes: submissions per second on a connection, and none while many requests come in.

The rate of a connection is limited in one process, or together with all that share a Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import math

from dramatiq.rate_limits import RateLimiterBackend, WindowRateLimiter

from gateway_adapter.connectors.base import Connection
from gateway_adapter.schedule import TokenBuckets

_BUSY_REQUESTS = 16  # from this many requests in flight on, sending pauses
# Between two attempts at a window that is full; windows last a second or longer.
_MIN_PAUSE_S, _MAX_PAUSE_S = 0.02, 0.5


class ProcessRateLimiter:
    """Spaces the submissions of each connection evenly, within this process."""

    def __init__(self, buckets: TokenBuckets | None = None) -> None:
        self._buckets = buckets or TokenBuckets()

    async def wait(self, connection: Connection) -> None:
        """Wait for this submission's turn."""
        if connection.per_second:
            wait_s = self._buckets.reserve(connection.name, 1, connection.per_second, burst=1)
            if wait_s:
                await asyncio.sleep(wait_s)


class RedisRateLimiter:
    """Limits the submissions of each connection over all processes together.

    dramatiq's window limiter counts in whole seconds: a rate is rounded down to whole submissions, and a rate of less
    than one per second is one submission in so many seconds. If Redis loses the counts, one window may exceed the rate.
    """

    def __init__(self, backend: RateLimiterBackend) -> None:
        self._backend = backend

    async def wait(self, connection: Connection) -> None:
        """Wait for this submission's turn."""
        if not connection.per_second:
            return
        # A rate below one a second is one submission in a longer window.
        window = max(1, math.ceil(1 / connection.per_second))
        limit = max(1, math.floor(connection.per_second * window))
        key = f"mms-gateway/{connection.name}"
        limiter = WindowRateLimiter(self._backend, key, limit=limit, window=window)  # type: ignore[no-untyped-call]
        pause = _MIN_PAUSE_S
        while not await asyncio.to_thread(_acquire, limiter):
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_S)


def _acquire(limiter: WindowRateLimiter) -> bool:
    with limiter.acquire(raise_on_failure=False) as acquired:
        return bool(acquired)


def rate_limiter_for(broker_url: str) -> ProcessRateLimiter | RedisRateLimiter:
    """The rate limiter of a process: shared if its broker is Redis, else its own."""
    if broker_url.partition("://")[0] not in ("redis", "rediss"):
        return ProcessRateLimiter()
    from dramatiq.rate_limits.backends import RedisBackend  # noqa: PLC0415 - its client is installed with the broker

    return RedisRateLimiter(RedisBackend(url=broker_url))


class InflightLimiter:
    """Counts requests in flight, one per `with` block, and lets senders wait; belongs to one event loop.

    A request that was answered is durable, one that waits for its answer is not yet: accepting has priority.
    """

    def __init__(self) -> None:
        self._count = 0
        self._below = asyncio.Event()
        self._below.set()

    def __enter__(self) -> None:
        self._count += 1
        if self._count >= _BUSY_REQUESTS:
            self._below.clear()

    def __exit__(self, *_exception: object) -> None:
        self._count -= 1
        if self._count < _BUSY_REQUESTS:
            self._below.set()

    async def wait_below(self, timeout_s: float) -> None:
        """Wait until fewer than 16 requests are in flight, but no longer than *timeout_s*."""
        if not self._below.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._below.wait(), timeout_s)
