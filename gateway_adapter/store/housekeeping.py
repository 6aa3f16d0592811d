"""Statements of the periodic housekeeping: what is due, how much waits, and what is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from gateway_adapter.store import tables
from gateway_adapter.store.messages import due_connections
from gateway_adapter.store.tables import messages, orders, unmatched_events, webhook_deliveries
from gateway_adapter.store.transaction_queue import Transaction

# Receipts of idempotent requests, unmatched events and fetched links serve no longer than this.
_TWO_DAYS_MS = 2 * 24 * 3600 * 1000
_HOOK_WAITS = webhook_deliveries.c.due_at.is_not(None)


@dataclass(frozen=True, slots=True)
class DueWork:
    """What the store holds that is due now; connections with due messages have the time of the oldest."""

    connections: dict[str, int]
    webhooks_since_ms: int | None
    has_expired: bool
    has_unmatched: bool


def find_due_work(transaction: Transaction, names: Iterable[str], now_ms: int) -> DueWork:
    """Look for due work of these connections, of webhooks and of housekeeping itself."""
    oldest = transaction.execute(select(func.min(webhook_deliveries.c.due_at)).where(_HOOK_WAITS)).scalar_one()
    over = select(messages.c.id).where(messages.c.done_at.is_(None), messages.c.expires_at <= now_ms).limit(1)
    return DueWork(
        due_connections(transaction, names, now_ms),
        oldest if oldest is not None and oldest <= now_ms else None,
        transaction.execute(over).first() is not None,
        transaction.execute(select(unmatched_events.c.id).limit(1)).first() is not None,
    )


def count_waiting(transaction: Transaction) -> dict[str, int]:
    """The number of open messages in each state, and of open webhook deliveries as "webhooks"."""
    by_state = select(messages.c.state, func.count()).where(messages.c.done_at.is_(None)).group_by(messages.c.state)
    waiting = select(func.count()).select_from(webhook_deliveries).where(_HOOK_WAITS)
    counts = {row[0]: row[1] for row in transaction.execute(by_state)}
    return {**counts, "webhooks": transaction.execute(waiting).scalar_one()}


def purge_expired(transaction: Transaction, now_ms: int, keep_ms: int) -> int:
    """Delete what ended longer ago than *keep_ms*, and what is kept for two days; gives how many messages."""
    before, short = now_ms - keep_ms, now_ms - _TWO_DAYS_MS
    # A message stays as long as its report waits to be delivered.
    unreported = select(webhook_deliveries.c.subject_id).where(_HOOK_WAITS, webhook_deliveries.c.kind == "report")
    ended = delete(messages).where(messages.c.done_at < before, messages.c.id.not_in(unreported))
    count = transaction.execute(ended).rowcount
    transaction.execute(delete(orders).where(orders.c.id.not_in(select(messages.c.order_id))))
    for column, limit in (
        (webhook_deliveries.c.done_at, before),
        (tables.inbound.c.received_at, before),
        (tables.idempotency.c.at, short),
        (unmatched_events.c.at, short),
        (tables.links.c.fetched_at, short),
        (tables.uploads.c.expires_at, now_ms),
    ):
        transaction.execute(delete(column.table).where(column < limit))
    return count
