"""Submissions a second: no more than so many go, in one process or in several together."""

from __future__ import annotations

import asyncio
import time

import pytest
from dramatiq.rate_limits.backends import StubBackend

from gateway_adapter.connectors.base import Connection
from gateway_adapter.transport.rate_limits import ProcessRateLimiter, RedisRateLimiter, rate_limiter_for


def passed(rates: list[ProcessRateLimiter] | list[RedisRateLimiter], per_second: float, seconds: float) -> int:
    """How many get through when many ask at once for a while."""
    connection = Connection("acme", "mm7", per_second=per_second)

    async def work() -> int:
        count = 0

        async def one(at: int) -> None:
            nonlocal count
            await rates[at % len(rates)].wait(connection)
            count += 1

        tasks = [asyncio.ensure_future(one(n)) for n in range(60)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return count

    return asyncio.run(work())


def test_a_connection_without_a_rate_waits_for_nothing() -> None:
    started = time.monotonic()

    assert passed([ProcessRateLimiter()], 0, 0.01) == 60
    assert passed([RedisRateLimiter(StubBackend())], 0, 0.01) == 60
    assert time.monotonic() - started < 2


def test_one_process_keeps_its_rate_evenly() -> None:
    assert 4 <= passed([ProcessRateLimiter()], 10, 0.5) <= 7


def test_processes_that_share_a_counter_keep_the_rate_together() -> None:
    backend = StubBackend()

    assert 10 <= passed([RedisRateLimiter(backend), RedisRateLimiter(backend)], 10, 0.9) <= 20


def test_less_than_one_a_second_is_one_in_several() -> None:
    assert passed([RedisRateLimiter(StubBackend())], 0.1, 0.6) == 1


@pytest.mark.parametrize(
    ("url", "kind"),
    [("", ProcessRateLimiter), ("amqp://x", ProcessRateLimiter), ("redis://127.0.0.1:1/0", RedisRateLimiter)],
)
def test_a_redis_counts_for_all(url: str, kind: type) -> None:
    assert isinstance(rate_limiter_for(url), kind)
