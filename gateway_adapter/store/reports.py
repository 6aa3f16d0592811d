"""Statements about reports and logs: reports to fetch, log entries, messages in full, and webhooks of reports."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, bindparam, insert, literal, select, update

from gateway_adapter.model import LogFilters, LogView, MessageView, Order, ReportFilters, ReportView
from gateway_adapter.store.serialization import deserialize, parse_history
from gateway_adapter.store.tables import messages, orders, renditions, webhook_deliveries
from gateway_adapter.store.transaction_queue import Transaction

_JOINED = messages.join(orders, orders.c.id == messages.c.order_id)
_OF_MESSAGE = ("id", "message_id", "bulk_id", "recipient", "status", "error", "send_at", "done_at")
_OF_ORDER = ("generation", "sender", "entity_id", "application_id", "campaign", "body")
_REPORT = (*(messages.c[name] for name in _OF_MESSAGE), *(orders.c[name] for name in _OF_ORDER))
_IN_FULL = ("state", "connection", "history", "rendition", "size_bytes", "attempt", "due_at", "operator_message_id")
_MESSAGE = (*_REPORT, *(messages.c[name] for name in _IN_FULL), renditions.c.blob, renditions.c.ledger)


def _report(row: Any, order: Order) -> ReportView:  # noqa: ANN401 - a row of the columns above
    return ReportView(
        message_id=row.message_id,
        bulk_id=row.bulk_id,
        to=row.recipient,
        sender=row.sender,
        generation=row.generation,
        status=row.status,
        error=row.error,
        sent_at_ms=row.send_at,
        done_at_ms=row.done_at,
        final=row.done_at is not None,
        callback_data=order.callback_data,
        entity_id=row.entity_id,
        application_id=row.application_id,
        campaign_reference=row.campaign,
    )


def _log(row: Any) -> LogView:  # noqa: ANN401 - a row of the columns above
    order = deserialize(Order, row.body)
    return LogView(_report(row, order), order.title, order.segments)


def report_views(transaction: Transaction, ids: Iterable[int]) -> dict[int, ReportView]:
    """The current reports of messages, by row id."""
    found = transaction.execute(select(*_REPORT).select_from(_JOINED).where(messages.c.id.in_(list(ids))))
    return {row.id: _report(row, deserialize(Order, row.body)) for row in found}


def find_report(transaction: Transaction, row_id: int) -> tuple[ReportView, Order] | None:
    """The current report of a message with the message's order; None when it was deleted."""
    row = transaction.execute(select(*_REPORT).select_from(_JOINED).where(messages.c.id == row_id)).first()
    if row is None:
        return None
    order = deserialize(Order, row.body)
    return _report(row, order), order


# --- to fetch ---------------------------------------------------------------------------------------------------


def pull_reports(
    transaction: Transaction, account: str, generations: Sequence[str], filters: ReportFilters, since_ms: int
) -> list[ReportView]:
    """Return the final reports that nobody has fetched, oldest first, and mark them as fetched."""
    wanted = (
        select(messages.c.id)
        .select_from(_JOINED)
        .where(
            messages.c.account == account,
            messages.c.report == "pull",
            messages.c.done_at >= since_ms,
            orders.c.generation.in_(generations),
            *_equal(
                (messages.c.bulk_id, filters.bulk_id),
                (messages.c.message_id, filters.message_id),
                (orders.c.entity_id, filters.entity_id),
                (orders.c.application_id, filters.application_id),
                (orders.c.campaign, filters.campaign_reference),
            ),
        )
    )
    oldest = wanted.order_by(messages.c.id).limit(filters.limit).with_for_update(of=messages, skip_locked=True)
    ids = list(transaction.execute(oldest).scalars())
    if not ids:
        return []
    transaction.execute(update(messages).where(messages.c.id.in_(ids)).values(report="gone"))
    views = report_views(transaction, ids)
    return [views[one] for one in ids]


def _equal(*pairs: tuple[ColumnElement[str], str]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value]


def _any_of(*pairs: tuple[ColumnElement[str], Sequence[str]]) -> list[ColumnElement[bool]]:
    return [column.in_(values) for column, values in pairs if values]


# --- to read ----------------------------------------------------------------------------------------------------


def find_logs(
    transaction: Transaction, account: str, filters: LogFilters, statuses: Sequence[int] | None, since_ms: int
) -> tuple[list[LogView], str]:
    """Log entries, newest first, and the cursor of the next page ("" when this is the last)."""
    wanted = (
        select(*_REPORT)
        .select_from(_JOINED)
        .where(
            messages.c.account == account,
            messages.c.send_at >= max(since_ms, filters.since_ms or 0),
            *_equal((orders.c.entity_id, filters.entity_id), (orders.c.application_id, filters.application_id)),
            *_any_of(
                (orders.c.sender, filters.senders),
                (messages.c.recipient, filters.destinations),
                (messages.c.bulk_id, filters.bulk_ids),
                (messages.c.message_id, filters.message_ids),
                (orders.c.campaign, filters.campaign_references),
            ),
        )
    )
    if filters.until_ms is not None:
        wanted = wanted.where(messages.c.send_at <= filters.until_ms)
    if statuses is not None:
        wanted = wanted.where(messages.c.status.in_(statuses))
    if filters.cursor.isdecimal():
        wanted = wanted.where(messages.c.id < int(filters.cursor))
    rows = transaction.execute(wanted.order_by(messages.c.id.desc()).limit(filters.limit + 1)).all()
    page = rows[: filters.limit]
    return [_log(row) for row in page], str(page[-1].id) if len(rows) > len(page) else ""


def message_views(
    transaction: Transaction, account: str, most: int, *, message_id: str = "", bulk_id: str = "", state: str = ""
) -> list[MessageView]:
    """Messages in full, newest first; the ledger is there once a message was fitted."""
    chosen = _equal((messages.c.message_id, message_id), (messages.c.bulk_id, bulk_id), (messages.c.state, state))
    wanted: Select[Any] = (
        select(*_MESSAGE)
        .select_from(_JOINED.outerjoin(renditions, renditions.c.key == messages.c.rendition))
        .where(messages.c.account == account, *chosen)
        .order_by(messages.c.id.desc())
        .limit(most)
    )
    return [_message(row) for row in transaction.execute(wanted)]


def _message(row: Any) -> MessageView:  # noqa: ANN401 - a row of the columns above
    return MessageView(
        log=_log(row),
        state=row.state,
        connection=row.connection,
        steps=parse_history(row.history),
        ledger=None if row.ledger is None else json.loads(zlib.decompress(row.ledger)),
        rendition=row.blob or "",
        size_bytes=row.size_bytes,
        attempts=row.attempt,
        due_at_ms=row.due_at,
        operator_message_id=row.operator_message_id,
    )


# --- to push ----------------------------------------------------------------------------------------------------

_ROUTE_COLUMNS = ("account", "kind", "subject_id", "url", "failover_url", "form", "target")
_REPORT_COLUMNS = ("due_at", "created_at", "status", "error", "at", "final")
_NOW = bindparam("now", type_=messages.c.due_at.type)
_IDS = messages.c.id.in_(bindparam("ids", expanding=True))
_FAILED = messages.c.state.in_(("undeliverable", "expired", "rejected"))
_ENDED = (messages.c.status, messages.c.error, messages.c.done_at, literal(1))
_INTERMEDIATE = (*(bindparam(name, type_=messages.c.status.type) for name in ("status", "error", "at")), literal(0))
_REPORT_ROUTE = (orders.c.notify_url, orders.c.notify_failover_url, orders.c.form, orders.c.target)
# The target is the message id: each text is posted alone.
_SMS_ROUTE = (orders.c.sms_url, literal(""), literal("sms"), messages.c.message_id)


def _enqueueing(kind: str, route: Sequence[Any], content: Sequence[Any], *where: ColumnElement[bool]) -> Insert:
    rows = select(messages.c.account, literal(kind), messages.c.id, *route, _NOW, _NOW, *content).select_from(_JOINED)
    return insert(webhook_deliveries).from_select((*_ROUTE_COLUMNS, *_REPORT_COLUMNS), rows.where(_IDS, *where))


_PUSHED = messages.c.report == "push"
_ENQUEUE_REPORTS = _enqueueing("report", _REPORT_ROUTE, _ENDED, _PUSHED)
_ENQUEUE_SMS = _enqueueing("sms", _SMS_ROUTE, _ENDED, _FAILED, orders.c.sms_url != "")
_ENQUEUE_INTERMEDIATE = _enqueueing("report", _REPORT_ROUTE, _INTERMEDIATE, _PUSHED, orders.c.intermediate == 1)


def enqueue_reports(transaction: Transaction, ids: Sequence[int], now_ms: int, *, failed: bool = False) -> int:
    """Enqueue the webhooks of messages that have just ended, where reports are pushed; gives how many.

    *failed* says that some may not have been delivered: their SMS failover texts are enqueued too.
    """
    if not ids:
        return 0
    bound = {"ids": list(ids), "now": now_ms}
    count: int = transaction.execute(_ENQUEUE_REPORTS, bound).rowcount
    return count + (transaction.execute(_ENQUEUE_SMS, bound).rowcount if failed else 0)


def enqueue_intermediate_reports(
    transaction: Transaction, ids: Sequence[int], now_ms: int, status: int, error: int, at: int
) -> int:
    """Enqueue an intermediate report of those messages that asked for such; gives how many."""
    bound = {"ids": list(ids), "now": now_ms, "status": status, "error": error, "at": at}
    count: int = transaction.execute(_ENQUEUE_INTERMEDIATE, bound).rowcount
    return count
