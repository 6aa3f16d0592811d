"""When a message may go: sending speed, delivery window, retries. Pure arithmetic on milliseconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_adapter.model import SpeedLimit, Window

__all__ = ["after_speed", "next_open", "retry_after_s"]

_MINUTE = 60_000
_DAY = 24 * 60
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, Monday is 0


def after_speed(index: int, speed: SpeedLimit | None) -> int:
    """How many milliseconds after the first message the one of this index may go."""
    return 0 if speed is None else index * speed.per_s * 1000 // speed.amount


def next_open(at_ms: int, window: Window | None) -> int:
    """The first moment not before *at_ms* that lies in the window."""
    if window is None or not window.days:
        return at_ms
    day = at_ms // (_DAY * _MINUTE)
    best: int | None = None
    for offset in range(-1, 8):  # a window may have opened yesterday and last over midnight
        weekday = (day + offset + _EPOCH_WEEKDAY) % 7
        if weekday not in window.days:
            continue
        opens, closes = _bounds(day + offset, window)
        if at_ms < closes and (best is None or max(opens, at_ms) < best):
            best = max(opens, at_ms)
    assert best is not None
    return best


def _bounds(day: int, window: Window) -> tuple[int, int]:
    lasts = window.to_minute - window.from_minute
    if lasts <= 0:
        lasts += _DAY
    opens = (day * _DAY + window.from_minute) * _MINUTE
    return opens, opens + lasts * _MINUTE


def retry_after_s(attempt: int, unit_s: float) -> float:
    """How long after failed try *attempt* (from 1) the next one comes: unit + unit × n², as the aggregator does."""
    return unit_s + unit_s * attempt * attempt
