"""Gives accepting priority over sending: counts HTTP requests in flight and lets senders wait while there are many.

A request that was answered is durable; one that waits for its answer is not yet.
"""

from __future__ import annotations

import asyncio
import contextlib

_BUSY_REQUESTS = 16  # from this many requests in flight on, sending pauses


class InflightLimiter:
    """Counts requests in flight, one per `with` block; belongs to one event loop."""

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
