"""Submissions per second: no more than the rate go, in one process or in several together."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from dramatiq.rate_limits.backends import StubBackend

from gateway_adapter.connectors.base import Connection
from gateway_adapter.schedule import TokenBuckets
from gateway_adapter.transport import rate_limits
from gateway_adapter.transport.rate_limits import ProcessRateLimiter, RedisRateLimiter, rate_limiter_for

if TYPE_CHECKING:
    from collections.abc import Sequence


def connection(per_second: float) -> Connection:
    return Connection("acme", "mm7", per_second=per_second)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that limiters make; none of them takes time."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(round(seconds, 6))

    monkeypatch.setattr(rate_limits.asyncio, "sleep", sleep)
    return found


def wait_often(limiter: ProcessRateLimiter | RedisRateLimiter, per_second: float, times: int) -> None:
    async def work() -> None:
        for _ in range(times):
            await limiter.wait(connection(per_second))

    asyncio.run(work())


@pytest.mark.parametrize("limiter", [ProcessRateLimiter(), RedisRateLimiter(StubBackend())], ids=["own", "shared"])
def test_a_connection_without_a_rate_waits_for_nothing(
    limiter: ProcessRateLimiter | RedisRateLimiter, pauses: list[float]
) -> None:
    wait_often(limiter, 0, 60)

    assert pauses == []


def test_one_process_spaces_submissions_evenly(pauses: list[float]) -> None:
    limiter = ProcessRateLimiter(TokenBuckets(lambda: 0.0))

    wait_often(limiter, 10, 5)

    assert pauses == [0.1, 0.2, 0.3, 0.4]  # the clock stands still: each waits for its own turn


def passed(limiters: Sequence[RedisRateLimiter], per_second: float, window_s: int, seconds: float) -> tuple[int, int]:
    """How many get through when many ask at once for a while, and in how many windows of the counter."""

    async def work() -> tuple[int, int]:
        count, first = 0, int(time.time()) // window_s

        async def one(index: int) -> None:
            nonlocal count
            await limiters[index % len(limiters)].wait(connection(per_second))
            count += 1

        tasks = [asyncio.ensure_future(one(n)) for n in range(60)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return count, int(time.time()) // window_s - first + 1

    return asyncio.run(work())


def test_processes_that_share_a_counter_keep_the_rate_together() -> None:
    backend = StubBackend()

    count, windows = passed([RedisRateLimiter(backend), RedisRateLimiter(backend)], 10, 1, 0.9)

    assert 10 <= count <= 10 * windows


def test_less_than_one_a_second_is_one_in_several() -> None:
    count, windows = passed([RedisRateLimiter(StubBackend())], 0.1, 10, 0.3)

    assert 1 <= count <= windows


@pytest.mark.parametrize(
    ("url", "kind"),
    [("", ProcessRateLimiter), ("amqp://x", ProcessRateLimiter), ("redis://127.0.0.1:1/0", RedisRateLimiter)],
)
def test_a_redis_counts_for_all(url: str, kind: type) -> None:
    assert isinstance(rate_limiter_for(url), kind)
