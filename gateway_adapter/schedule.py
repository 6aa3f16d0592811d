"""Time: the clock, sending speed, delivery windows, retry delays and rates. Pure but for the clock itself.

Points in time are milliseconds since 1970, durations seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from gateway_adapter.model import SpeedLimit, Window

DAY_MS = 24 * 3600 * 1000
_MINUTE_MS = 60_000
_DAY_MINUTES = 24 * 60
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_MAX_SUBMISSION_RETRY_S = 300.0


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


# --- when a message may go --------------------------------------------------------------------------------------


def after_speed(index: int, speed: SpeedLimit | None) -> int:
    """How many milliseconds after the first message of a bulk the one of this index may go."""
    # Integer arithmetic, so that equal bulks have equal times.
    return 0 if speed is None else index * speed.per_s * 1000 // speed.amount


def next_open(at_ms: int, window: Window | None) -> int:
    """The first moment not before *at_ms* that lies in the window."""
    if window is None or not window.days:
        return at_ms
    today = at_ms // DAY_MS
    # From yesterday: its window may last over midnight. To next week: only today's weekday may be in the window.
    days = (day for day in range(today - 1, today + 8) if (day + _EPOCH_WEEKDAY) % 7 in window.days)
    bounds = (_bounds(day, window) for day in days)
    return min(max(opens, at_ms) for opens, closes in bounds if at_ms < closes)


def _bounds(day: int, window: Window) -> tuple[int, int]:
    minutes = window.to_minute - window.from_minute
    opens = (day * _DAY_MINUTES + window.from_minute) * _MINUTE_MS
    return opens, opens + (minutes if minutes > 0 else minutes + _DAY_MINUTES) * _MINUTE_MS


# --- when an attempt is repeated --------------------------------------------------------------------------------


def webhook_retry_s(failed: int, unit_s: float) -> float:
    """The delay after this many failed deliveries: unit + unit × n², as Infobip's platform does it."""
    return unit_s + unit_s * failed * failed


def submission_retry_s(failed: int, unit_s: float) -> float:
    """The delay after this many failed submissions: 1, 2, 4 … seconds, 5 minutes at most.

    A unit of less than a second, as tests set it, shortens all of them.
    """
    return min(2.0 ** (failed - 1) * min(1.0, unit_s), _MAX_SUBMISSION_RETRY_S)


# --- how many may go --------------------------------------------------------------------------------------------


class TokenBuckets:
    """Token buckets in this process's memory, one per key: each holds *burst* tokens and gains *rate* per second.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def _level(self, key: Hashable, rate: float, burst: float) -> tuple[float, float]:
        now = self._clock()
        level, at = self._levels.get(key, (burst, now))
        return min(burst, level + (now - at) * rate), now

    def take(self, key: Hashable, amount: float, rate: float, burst: float) -> float:
        """Take tokens, if they are there.

        Returns:
            0 when they were taken, else the seconds until they will be there. More than *burst* may be taken from a
            full bucket.
        """
        level, now = self._level(key, rate, burst)
        missing = min(amount, burst) - level
        if missing > 0:
            return missing / rate
        self._levels[key] = (level - amount, now)
        return 0.0

    def reserve(self, key: Hashable, amount: float, rate: float, burst: float) -> float:
        """Take tokens even if they are not there yet; gives the seconds to wait until they are."""
        level, now = self._level(key, rate, burst)
        self._levels[key] = (level - amount, now)
        return max(0.0, (amount - level) / rate)
