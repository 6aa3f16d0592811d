"""Statements about webhook deliveries: enqueue, claim as batches, finish, try again later.

The database holds a Webhook as text in the columns `kind`, `url`, `failover_url`, `form` and `payload`; this module is
the one place that converts it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, insert, select, update

from gateway_adapter.model import (
    AutoReply,
    ForwardFormat,
    Generation,
    InboundMail,
    InboundWebhook,
    Order,
    ReportWebhook,
    SmsFallback,
    Webhook,
)
from gateway_adapter.store.serialization import deserialize, serialize
from gateway_adapter.store.tables import messages, webhook_deliveries
from gateway_adapter.store.transaction_queue import Transaction

_MAX_OUTCOME = 400  # characters
_MAIL_SCHEME, _MAIL_FORM = "mailto:", "inbound/EMAIL"
_C = webhook_deliveries.c
_IS_OPEN = _C.due_at.is_not(None)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One fact of a batch: the message it is about, and the report's content when it was enqueued."""

    id: int
    subject_id: int
    status: int
    error: int
    at: int | None
    final: int


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """Deliveries of one webhook that go in one request; *id* is the same in every attempt."""

    id: str
    lease: str
    account: str
    webhook: Webhook
    target: str
    attempt: int
    created_at: int
    deliveries: tuple[WebhookDelivery, ...]


def enqueue_delivery(transaction: Transaction, account: str, webhook: Webhook, subject_id: int, due_at: int) -> None:
    """Enqueue the delivery of a message from a phone, or of the reply to one."""
    row = {"account": account, "subject_id": subject_id, "due_at": due_at, "created_at": due_at, **_columns(webhook)}
    # One message per request: what a customer's system refuses about one message must not delay another.
    row["target"] = _digest(row["url"], row["form"], subject_id)
    transaction.execute(insert(webhook_deliveries), row)


def _digest(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


def _columns(webhook: Webhook) -> dict[str, object]:
    match webhook:
        case InboundWebhook(url, form):
            columns = {"url": url, "form": f"inbound/{form}"}
        case InboundMail(address):
            columns = {"url": _MAIL_SCHEME + address, "form": _MAIL_FORM}
        case AutoReply(order):
            columns = {"url": "answer:", "form": "answer", "payload": serialize(order)}
        case ReportWebhook() | SmsFallback():
            raise TypeError(f"a {webhook.kind} webhook is enqueued from its order's columns")
    return {"kind": webhook.kind, **columns}


def report_columns(webhook: ReportWebhook) -> dict[str, object]:
    """The columns of an order that say where and how its reports go."""
    form = f"report/{webhook.generation}/{'xml' if webhook.xml else 'json'}"
    target = _digest(webhook.url, webhook.failover_url, form) if webhook.url else ""
    return {"notify_url": webhook.url, "notify_failover_url": webhook.failover_url, "form": form, "target": target}


def _webhook(row: Any) -> Webhook:  # noqa: ANN401 - a row of webhook_deliveries
    if row.kind == "report":
        _, generation, form = row.form.split("/")
        return ReportWebhook(row.url, row.failover_url, cast("Generation", generation), xml=form == "xml")
    if row.kind == "sms":
        return SmsFallback(row.url)
    if row.kind == "answer":
        return AutoReply(deserialize(Order, row.payload))
    if row.form == _MAIL_FORM:
        return InboundMail(row.url.removeprefix(_MAIL_SCHEME))
    return InboundWebhook(row.url, cast("ForwardFormat", row.form.partition("/")[2]))


def claim_batch(
    transaction: Transaction, new_id: str, token: str, now_ms: int, lease_ms: int, busy: Iterable[str], most: int
) -> DeliveryBatch | None:
    """Lease the delivery that has been due longest, with up to *most* of the same target; None when nothing is due.

    A new batch has the id *new_id*; *token* is the worker's. The targets *busy* have enough requests in flight.
    """
    due = and_(_IS_OPEN, _C.due_at <= now_ms)
    first = select(_C.batch_id, _C.target).where(due, _C.target.not_in(list(busy))).order_by(_C.due_at, _C.id)
    # SKIP LOCKED: workers of other processes do not wait for one another. SQLite has one writer and omits it.
    found = transaction.execute(first.limit(1).with_for_update(skip_locked=True)).first()
    if found is None:
        return None
    where: ColumnElement[bool] = and_(_C.batch_id == found.batch_id, due)
    # A new batch takes everything of its target; an old one keeps its deliveries, whatever came since.
    if not found.batch_id:
        same = select(_C.id).where(due, _C.batch_id == "", _C.target == found.target).order_by(_C.due_at, _C.id)
        where = _C.id.in_(same.limit(most).with_for_update(skip_locked=True).scalar_subquery())
    leased = {"batch_id": found.batch_id or new_id, "lease": token, "due_at": now_ms + lease_ms}
    statement = update(webhook_deliveries).where(where).values(leased).returning(webhook_deliveries)
    rows = sorted(transaction.execute(statement).all(), key=lambda row: row.id)
    if not rows:
        return None
    one = rows[0]
    return DeliveryBatch(
        id=one.batch_id,
        lease=token,
        account=one.account,
        webhook=_webhook(one),
        target=one.target,
        attempt=one.attempt,
        created_at=min(row.created_at for row in rows),
        deliveries=tuple(
            WebhookDelivery(row.id, row.subject_id, row.status, row.error, row.at, row.final) for row in rows
        ),
    )


def _end_attempt(transaction: Transaction, batch: DeliveryBatch, outcome: str, **values: object) -> bool:
    # Only under its lease: a worker that came late must not overwrite the outcome of a newer attempt.
    held = and_(_C.batch_id == batch.id, _C.lease == batch.lease, _IS_OPEN)
    ended = {**values, "lease": "", "attempt": batch.attempt + 1, "outcome": outcome[:_MAX_OUTCOME]}
    return transaction.execute(update(webhook_deliveries).where(held).values(ended)).rowcount > 0


def finish_batch(transaction: Transaction, batch: DeliveryBatch, now_ms: int, outcome: str, *, delivered: bool) -> None:
    """End a batch; reports that could not be delivered wait to be fetched instead."""
    ended = _end_attempt(transaction, batch, outcome, due_at=None, done_at=now_ms)
    if ended and not delivered and isinstance(batch.webhook, ReportWebhook):
        pushed = and_(messages.c.id.in_([one.subject_id for one in batch.deliveries]), messages.c.report == "push")
        transaction.execute(update(messages).where(pushed).values(report="pull"))


def reschedule_batch(transaction: Transaction, batch: DeliveryBatch, due_at: int, outcome: str) -> None:
    """Make a batch due again later, with the same deliveries."""
    _end_attempt(transaction, batch, outcome, due_at=due_at)
