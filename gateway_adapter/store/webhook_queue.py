"""Statements about what is to be told to customers' systems: taken as buckets, ended, put off, given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, insert, select, update

from gateway_adapter.store.tables import messages, webhook_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

__all__ = ["DeliveryBatch", "WebhookDelivery", "claim_batch", "enqueue_delivery", "finish_batch", "reschedule_batch"]


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One thing to be told, by whom it is about."""

    id: int
    subject_id: int
    fact: str
    status: int
    error: int
    at: int | None
    final: int


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """Things of one form that go to one URL in one request; *id* is the same at every try."""

    id: str
    lease: str
    account: str
    kind: str
    form: str
    url: str
    failover_url: str
    target: str
    attempt: int
    created_at: int
    deliveries: tuple[WebhookDelivery, ...]


def enqueue_delivery(connection: Connection, row: dict[str, object]) -> None:
    """Ask for something to be told."""
    connection.execute(insert(webhook_deliveries), row)


def claim_batch(
    connection: Connection, new_id: str, token: str, now_ms: int, lease_ms: int, busy: Iterable[str], most: int
) -> DeliveryBatch | None:
    """Take what has been due longest, and up to *most* that go the same way; None when nothing is due.

    Args:
        connection: In a transaction that writes.
        new_id: Name of the batch, if it is a new one.
        token: Of the lease.
        now_ms: The time.
        lease_ms: How long it is taken for.
        busy: Targets that have enough requests under way.
        most: How many at most.
    """
    due = and_(webhook_deliveries.c.due_at.is_not(None), webhook_deliveries.c.due_at <= now_ms)
    first = select(webhook_deliveries.c.bucket, webhook_deliveries.c.target).where(
        due, webhook_deliveries.c.target.not_in(list(busy))
    )
    found = connection.execute(
        first.order_by(webhook_deliveries.c.due_at, webhook_deliveries.c.id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if found is None:
        return None
    where: ColumnElement[bool] = and_(webhook_deliveries.c.bucket == found.bucket, due)
    if not found.bucket:
        same = select(webhook_deliveries.c.id).where(
            due, webhook_deliveries.c.bucket == "", webhook_deliveries.c.target == found.target
        )
        same = (
            same.order_by(webhook_deliveries.c.due_at, webhook_deliveries.c.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        where = webhook_deliveries.c.id.in_(same.scalar_subquery())
    taken = (
        update(webhook_deliveries)
        .where(where)
        .values(bucket=found.bucket or new_id, lease=token, due_at=now_ms + lease_ms)
    )
    rows = connection.execute(taken.returning(*webhook_deliveries.c)).all()
    if not rows:
        return None
    one = rows[0]
    told = tuple(
        WebhookDelivery(row.id, row.subject_id, row.fact, row.status, row.error, row.at, row.final)
        for row in sorted(rows, key=lambda row: row.id)
    )
    return DeliveryBatch(
        one.bucket,
        token,
        one.account,
        one.kind,
        one.form,
        one.url,
        one.failover_url,
        one.target,
        one.attempt,
        min(row.created_at for row in rows),
        told,
    )


def _held(batch: DeliveryBatch) -> ColumnElement[bool]:
    return and_(webhook_deliveries.c.bucket == batch.id, webhook_deliveries.c.lease == batch.lease)


def finish_batch(connection: Connection, batch: DeliveryBatch, now_ms: int, outcome: str, *, told: bool) -> None:
    """End a bucket; reports that were not told wait to be fetched instead."""
    ended = update(webhook_deliveries).where(_held(batch), webhook_deliveries.c.due_at.is_not(None))
    changed = connection.execute(
        ended.values(due_at=None, lease="", done_at=now_ms, outcome=outcome[:400], attempt=batch.attempt + 1)
    ).rowcount
    if changed and not told and batch.kind == "report":
        ids: Sequence[int] = [delivery.subject_id for delivery in batch.deliveries]
        connection.execute(
            update(messages).where(messages.c.id.in_(ids), messages.c.report == "push").values(report="pull")
        )


def reschedule_batch(connection: Connection, batch: DeliveryBatch, due_at: int, outcome: str) -> None:
    """Try a batch again later, whole as it is."""
    connection.execute(
        update(webhook_deliveries)
        .where(_held(batch), webhook_deliveries.c.due_at.is_not(None))
        .values(due_at=due_at, lease="", attempt=batch.attempt + 1, outcome=outcome[:400])
    )
