"""The sweep: what is due and nobody was woken for, what is over its time, what need not be kept any longer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, or_, select

from gateway_adapter.logging import logger
from gateway_adapter.messages.operator_events import apply_raced_events
from gateway_adapter.messages.wakeups import WEBHOOKS_DUE
from gateway_adapter.metrics import DUE_AGE, HOUSEKEEPING, QUEUED
from gateway_adapter.store import messages
from gateway_adapter.store.reports import enqueue_reports
from gateway_adapter.store.tables import (
    idempotency,
    inbound,
    links,
    orders,
    unmatched_events,
    uploads,
    webhook_deliveries,
)
from gateway_adapter.store.tables import messages as message_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from gateway_adapter.settings import Settings
    from gateway_adapter.store.blobs import MediaStore
    from gateway_adapter.store.transaction_queue import TransactionQueue

__all__ = ["Housekeeping", "purge_expired"]

_MOST_EXPIRED = 500
_CLEAN_EVERY_S = 3600.0
_DAY_MS = 24 * 3600 * 1000
_LONGEST_WAIT_DAYS = 190  # a message may be scheduled 180 days ahead, and needs its media then


class Housekeeping:
    """Looks into the store regularly; belongs to one event loop.

    Args:
        names: Of all connections.
        wake: Wakes up whoever works on a name.
    """

    def __init__(
        self,
        settings: Settings,
        store: TransactionQueue,
        media: MediaStore,
        *,
        names: Iterable[str],
        wake: Callable[[Iterable[str]], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._media = media
        self._names = set(names)
        self._wake = wake
        self._clean_at = time.monotonic() + _CLEAN_EVERY_S / 60
        self.last_run_at = time.monotonic()

    async def run(self) -> None:
        """Sweep until cancelled."""
        self._names |= set(await self._store.read(messages.waiting_connections))
        while True:
            try:
                await self.once()
                if time.monotonic() >= self._clean_at:
                    self._clean_at = time.monotonic() + _CLEAN_EVERY_S
                    await self._clean()
            except Exception:  # noqa: BLE001 - a sweep that failed is followed by another
                logger.exception("sweep")
            await asyncio.sleep(self._settings.sweep_s)

    async def once(self) -> None:
        """One look: wake up for what is due, end what is over its time."""
        now = time.time_ns() // 1_000_000
        due, oldest_hook, over, strayed = await self._store.read(lambda c: self._look(c, now))
        self._gauge(due, oldest_hook, now)
        names = set(due) | ({WEBHOOKS_DUE} if oldest_hook is not None else set())
        if over and await self._store.write(lambda c: self._expire(c, now) > 0):
            names.add(WEBHOOKS_DUE)
        if strayed and await self._store.write(lambda c: apply_raced_events(c, now)):
            names.add(WEBHOOKS_DUE)
        if names:
            self._wake(names)
        self.last_run_at = time.monotonic()

    def _look(self, connection: Connection, now: int) -> tuple[dict[str, int], int | None, bool, bool]:
        due = messages.due_connections(connection, self._names, now)
        hook = connection.execute(
            select(func.min(webhook_deliveries.c.due_at)).where(webhook_deliveries.c.due_at.is_not(None))
        ).scalar_one()
        over = select(message_rows.c.id).where(message_rows.c.done_at.is_(None), message_rows.c.expires_at <= now)
        expired = connection.execute(over.limit(1)).first() is not None
        strayed = connection.execute(select(unmatched_events.c.id).limit(1)).first() is not None
        return due, hook if hook is not None and hook <= now else None, expired, strayed

    def _expire(self, connection: Connection, now: int) -> int:
        ended = messages.expire(connection, now, _MOST_EXPIRED)
        HOUSEKEEPING.labels("expired").inc(len(ended))
        return enqueue_reports(connection, ended, now, failed=True)

    def _gauge(self, due: dict[str, int], oldest_hook: int | None, now: int) -> None:
        for name in self._names:
            DUE_AGE.labels(name).set(max(0.0, (now - due[name]) / 1000) if name in due else 0.0)
        DUE_AGE.labels("webhooks").set(0.0 if oldest_hook is None else max(0.0, (now - oldest_hook) / 1000))

    async def _clean(self) -> None:
        now = time.time_ns() // 1_000_000
        gone = await self._store.write(lambda c: purge_expired(c, now, round(self._settings.keep_days * _DAY_MS)))
        HOUSEKEEPING.labels("forgotten").inc(gone)
        unused_s = time.time() - (self._settings.keep_days + _LONGEST_WAIT_DAYS) * 24 * 3600
        await asyncio.to_thread(self._media.forget_unused, unused_s)
        counts = await self._store.read(_count)
        for name, count in counts.items():
            QUEUED.labels(name).set(count)


def _count(connection: Connection) -> dict[str, int]:
    rows = (
        select(message_rows.c.state, func.count())
        .where(message_rows.c.done_at.is_(None))
        .group_by(message_rows.c.state)
    )
    found = {row[0]: row[1] for row in connection.execute(rows)}
    waiting = select(func.count()).select_from(webhook_deliveries).where(webhook_deliveries.c.due_at.is_not(None))
    return {**found, "webhooks": connection.execute(waiting).scalar_one()}


def purge_expired(connection: Connection, now_ms: int, keep_ms: int) -> int:
    """Delete what ended long ago, and what was only for a while; gives how many messages went."""
    before, two_days = now_ms - keep_ms, now_ms - 2 * _DAY_MS
    open_hook = select(webhook_deliveries.c.subject_id).where(
        webhook_deliveries.c.due_at.is_not(None), webhook_deliveries.c.kind == "report"
    )
    over = and_(message_rows.c.done_at < before, message_rows.c.id.not_in(open_hook))
    gone = connection.execute(delete(message_rows).where(over)).rowcount
    connection.execute(delete(orders).where(orders.c.id.not_in(select(message_rows.c.order_id))))
    connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.done_at < before))
    connection.execute(delete(inbound).where(inbound.c.received_at < before))
    connection.execute(delete(idempotency).where(idempotency.c.at < two_days))
    connection.execute(delete(unmatched_events).where(unmatched_events.c.at < two_days))
    connection.execute(delete(links).where(links.c.fetched_at < two_days))
    connection.execute(delete(uploads).where(or_(uploads.c.expires_at < now_ms)))
    return gone
