"""How fast submissions may go on a connection: within one process, or counted together by all that share a Redis."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from dramatiq.rate_limits import WindowRateLimiter

if TYPE_CHECKING:
    from dramatiq.rate_limits import RateLimiterBackend

    from gateway_adapter.connectors.base import Connection

__all__ = ["ProcessRateLimiter", "RedisRateLimiter", "rate_limiter_for"]

_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.02, 0.5


class ProcessRateLimiter:
    """So many submissions a second on each connection, evenly, within this process."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    async def wait(self, connection: Connection) -> None:
        """Wait for this submission's turn."""
        if not connection.per_second:
            return
        now = time.monotonic()
        turn = max(now, self._next.get(connection.name, 0.0))
        self._next[connection.name] = turn + 1 / connection.per_second
        if turn > now:
            await asyncio.sleep(turn - now)


class RedisRateLimiter:
    """So many submissions a second on each connection, by all processes together.

    Counted in whole seconds by dramatiq's window limiter; parts of a submission are rounded down, and a rate of less
    than one a second is one in so many seconds. What is counted is lost with the Redis, at worst for one window.
    """

    def __init__(self, backend: RateLimiterBackend) -> None:
        self._backend = backend

    async def wait(self, connection: Connection) -> None:
        """Wait for this submission's turn."""
        if not connection.per_second:
            return
        window = max(1, math.ceil(1 / connection.per_second))
        limit = max(1, math.floor(connection.per_second * window))
        key = f"mms-gateway/{connection.name}"
        limiter = WindowRateLimiter(self._backend, key, limit=limit, window=window)  # type: ignore[no-untyped-call]
        pause = _LEAST_PAUSE_S
        while not await asyncio.to_thread(_counted, limiter):
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MOST_PAUSE_S)


def _counted(limiter: WindowRateLimiter) -> bool:
    with limiter.acquire(raise_on_failure=False) as acquired:
        return bool(acquired)


def rate_limiter_for(broker_url: str) -> ProcessRateLimiter | RedisRateLimiter:
    """The rates of a process: shared where its broker is a Redis; any other counts its own."""
    if broker_url.partition("://")[0] not in ("redis", "rediss"):
        return ProcessRateLimiter()
    from dramatiq.rate_limits.backends import RedisBackend  # noqa: PLC0415 - its client is there with the broker

    return RedisRateLimiter(RedisBackend(url=broker_url))
