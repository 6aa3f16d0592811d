"""Periodic housekeeping: wakes missed work, expires messages, deletes old rows and media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass

from gateway_adapter.logging import logger
from gateway_adapter.messages.operator_events import apply_raced_events
from gateway_adapter.messages.wakeups import WEBHOOKS_DUE
from gateway_adapter.metrics import DUE_AGE, HOUSEKEEPING, QUEUED
from gateway_adapter.schedule import DAY_MS, now_ms
from gateway_adapter.settings import Settings
from gateway_adapter.store import housekeeping as rows
from gateway_adapter.store import messages
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.reports import enqueue_reports
from gateway_adapter.store.transaction_queue import Transaction, TransactionQueue

_MAX_EXPIRED = 500  # messages that one round expires
_PURGE_EVERY_S = 3600.0
_FIRST_PURGE_S = 60.0
_LONGEST_WAIT_DAYS = 190  # a message may be scheduled 180 days ahead, and needs its media then


@dataclass(eq=False)
class Housekeeping:
    """Looks into the store every SWEEP_S seconds; belongs to one event loop.

    Attributes:
        names: Of all connections.
        wake: Wakes the workers of these names.
    """

    settings: Settings
    store: TransactionQueue
    media: MediaStore
    _: KW_ONLY
    names: set[str]
    wake: Callable[[Iterable[str]], None]

    def __post_init__(self) -> None:
        self._purge_at = time.monotonic() + _FIRST_PURGE_S
        self.last_run_at = time.monotonic()

    async def run(self) -> None:
        """Keep house until cancelled."""
        self.names |= set(await self.store.read(messages.waiting_connections))
        while True:
            try:
                await self._run_once()
                if time.monotonic() >= self._purge_at:
                    self._purge_at = time.monotonic() + _PURGE_EVERY_S
                    await self._purge()
            except Exception:  # noqa: BLE001 - the next round may succeed
                logger.exception("housekeeping failed")
            await asyncio.sleep(self.settings.sweep_s)

    async def _run_once(self) -> None:
        now = now_ms()
        due = await self.store.read(lambda t: rows.find_due_work(t, self.names, now))
        for name in self.names:
            _set_due_age(name, due.connections.get(name), now)
        _set_due_age("webhooks", due.webhooks_since_ms, now)
        # Write only when there is something to do: a write transaction would delay those that accept.
        webhooks_due = due.webhooks_since_ms is not None
        if due.has_expired:
            webhooks_due |= await self.store.write(lambda t: _expire(t, now)) > 0
        if due.has_unmatched:
            webhooks_due |= await self.store.write(lambda t: apply_raced_events(t, now))
        names = {*due.connections, *((WEBHOOKS_DUE,) if webhooks_due else ())}
        if names:
            self.wake(names)
        self.last_run_at = time.monotonic()

    async def _purge(self) -> None:
        keep_ms = round(self.settings.keep_days * DAY_MS)
        count = await self.store.write(lambda t: rows.purge_expired(t, now_ms(), keep_ms))
        HOUSEKEEPING.labels("forgotten").inc(count)
        # Reading a blob updates its time, so media of stored messages stay.
        unused_since_s = time.time() - (self.settings.keep_days + _LONGEST_WAIT_DAYS) * DAY_MS / 1000
        await asyncio.to_thread(self.media.delete_unused, unused_since_s)
        for name, waiting in (await self.store.read(rows.count_waiting)).items():
            QUEUED.labels(name).set(waiting)


def _expire(transaction: Transaction, now: int) -> int:
    ended = messages.expire(transaction, now, _MAX_EXPIRED)
    HOUSEKEEPING.labels("expired").inc(len(ended))
    return enqueue_reports(transaction, ended, now, failed=True)


def _set_due_age(name: str, since_ms: int | None, now: int) -> None:
    DUE_AGE.labels(name).set(0.0 if since_ms is None else max(0.0, (now - since_ms) / 1000))
