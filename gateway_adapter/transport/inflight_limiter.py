"""How many requests are at the door: a burst is taken in before it is worked on.

What was answered is safe; what waits for an answer is not yet.
"""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["Crowd"]

_MANY = 16  # requests under way at once


class Crowd:
    """Counts requests under way; belongs to one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._thin = asyncio.Event()
        self._thin.set()

    def enter(self) -> None:
        """A request has come."""
        self._count += 1
        if self._count >= _MANY:
            self._thin.clear()

    def leave(self) -> None:
        """A request was answered."""
        self._count -= 1
        if self._count < _MANY:
            self._thin.set()

    async def thinned(self, most_s: float) -> None:
        """Wait until there are few, but not long."""
        if not self._thin.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._thin.wait(), most_s)
