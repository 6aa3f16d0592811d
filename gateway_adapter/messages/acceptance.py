"""Decides about every recipient of a submission: the rows to store, and the receipt. Pure: time and ids are passed in.

There is one row per recipient. A group is one message that all its members see: its rows share a transaction id, and
the first of them leads. A refused recipient gets an ended row, so that the logs show it, but no report: the receipt
has the status already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urlsplit

from gateway_adapter.errors import Refused
from gateway_adapter.model import Accepted, Destination, Order, Receipt, ReportMode, ReportWebhook, Submission
from gateway_adapter.schedule import after_speed, next_open
from gateway_adapter.store.serialization import history_line, serialize
from gateway_adapter.store.webhook_queue import report_columns

Row: TypeAlias = dict[str, object]

_MAX_TEXT = 1600  # characters; a longer text has status 77
_MAX_VALIDITY_S = 48 * 3600
_NUMBER_DIGITS = range(3, 21)  # short codes have 3 digits, E.164 numbers 15 at most, some operators' own numbers more
# Ids of statuses.py, and the error of each refusal that has a row (a duplicate has none).
_ACCEPTED, _MISSING_TO, _BAD_TO, _NO_ROUTE, _DUPLICATE, _BAD_URL, _TEXT_TOO_LONG = 26, 51, 52, 19, 23, 56, 77
_BLOCKED = 14
_ERRORS = {_MISSING_TO: 15201, _BAD_TO: 15201, _NO_ROUTE: 15023, _BAD_URL: 0, _TEXT_TOO_LONG: 355, _BLOCKED: 603}


@dataclass(frozen=True, slots=True)
class AcceptanceContext:
    """What the decision needs beside the submission.

    Attributes:
        route: Name of the connection for a number and an order; "" when none takes it.
        report_url: Where reports go of orders that name no URL; "" leaves them to be fetched.
        sms_url: Where the text of an SMS failover goes.
    """

    account: str
    now_ms: int
    new_id: Callable[[], str]
    route: Callable[[str, Order], str]
    report_url: str = ""
    sms_url: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedRows:
    """The result: each order's row with its recipients' rows, the connections that are due at once, the recipients."""

    receipt: Receipt
    orders: tuple[tuple[Row, tuple[Row, ...]], ...]
    due: frozenset[str]
    count: int


def assign_ids(submission: Submission, new_id: Callable[[], str]) -> Submission:
    """The submission with an id wherever the customer gave none.

    Raises:
        Refused: There is no message, or one has no destination.
    """
    if not submission.orders:
        raise Refused("the request holds no message; give at least one", field="messages")
    if not all(order.destinations for order in submission.orders):
        raise Refused("a message has no destination; give at least one", field="destinations")
    orders = tuple(
        replace(order, destinations=tuple(_with_id(d, new_id) for d in order.destinations))
        for order in submission.orders
    )
    return replace(submission, orders=orders, bulk_id=submission.bulk_id or new_id())


def _with_id(destination: Destination, new_id: Callable[[], str]) -> Destination:
    if destination.group:
        return replace(destination, group=tuple(_with_id(member, new_id) for member in destination.group))
    return destination if destination.message_id else replace(destination, message_id=new_id())


def given_message_ids(submission: Submission) -> list[str]:
    """Every message id that the customer gave."""
    return [d.message_id for order in submission.orders for d, _ in _recipients(order) if d.message_id]


def recipient_numbers(submission: Submission) -> list[str]:
    """Every recipient's number."""
    return [d.to for order in submission.orders for d, _ in _recipients(order)]


def _recipients(order: Order) -> Iterator[tuple[Destination, tuple[str, ...]]]:
    """Each recipient of an order with the numbers of its group, none when it is in no group."""
    for destination in order.destinations:
        numbers = tuple(member.to for member in destination.group)
        yield from ((member, numbers) for member in destination.group or (destination,))


def plan_submission(
    submission: Submission, context: AcceptanceContext, used_ids: set[str], blocked: Collection[tuple[str, str]] = ()
) -> AcceptedRows:
    """Decide about every recipient of a submission whose ids are all assigned.

    The ids of its messages are added to *used_ids*. *blocked* are numbers that opted out of a sender, "" for any.
    """
    entries: list[Accepted] = []
    orders: list[tuple[Row, tuple[Row, ...]]] = []
    due: set[str] = set()
    for order in submission.orders:
        rows: list[Row] = []
        leaders: dict[tuple[str, ...], Row] = {}
        for destination, group in _recipients(order):
            row = _row(submission, order, destination, group, context, len(entries))
            status = _status(order, destination, str(row["connection"]), used_ids, blocked)
            entries.append(Accepted(destination.to, destination.message_id, status, group))
            if status == _DUPLICATE:  # the id belongs to another message, so this one has no row
                continue
            used_ids.add(destination.message_id)
            # A refused recipient has an ended row, so that the logs show it; the receipt has its status already.
            if status != _ACCEPTED:
                rows.append(_refused(row, status, context.now_ms))
                continue
            if group:
                _lead_or_follow(row, leaders.setdefault(group, row))
            rows.append(row)
        due |= {str(row["connection"]) for row in rows if row["due_at"] == context.now_ms}
        orders.append((_order_row(order, submission, context), tuple(rows)))
    return AcceptedRows(Receipt(submission.bulk_id, tuple(entries)), tuple(orders), frozenset(due), len(entries))


def _status(
    order: Order, destination: Destination, via: str, used_ids: set[str], blocked: Collection[tuple[str, str]]
) -> int:
    to = destination.to
    if destination.message_id in used_ids:
        return _DUPLICATE
    if not to:
        return _MISSING_TO
    # An address with an @ is a mail address; it has no digits to count.
    if not (to.isdecimal() and len(to) in _NUMBER_DIGITS) and "@" not in to:
        return _BAD_TO
    if any(len(segment.text) > _MAX_TEXT for segment in order.segments if segment.kind == "text"):
        return _TEXT_TOO_LONG
    if order.notify_url and urlsplit(order.notify_url).scheme not in ("http", "https"):
        return _BAD_URL
    if not via:
        return _NO_ROUTE
    return _BLOCKED if blocked and ((to, "") in blocked or (to, order.sender) in blocked) else _ACCEPTED


def _row(
    submission: Submission,
    order: Order,
    destination: Destination,
    group: tuple[str, ...],
    context: AcceptanceContext,
    index: int,
) -> Row:
    # A time in the past means now. The index spreads the bulk over all its orders.
    send_at = max(context.now_ms, order.send_at_ms or 0) + after_speed(index, submission.speed)
    via = context.route(group[0] if group else destination.to, order)
    later = f", not before {send_at}" if send_at > context.now_ms else ""
    return {
        "account": context.account,
        "message_id": destination.message_id,
        "bulk_id": submission.bulk_id,
        "recipient": destination.to,
        "group_to": ",".join(group),
        "leads": 1,
        "state": "accepted",
        "due_at": next_open(send_at, order.window),
        "transaction_id": context.new_id(),
        "connection": via,
        "status": _ACCEPTED,
        "error": 0,
        "accepted_at": context.now_ms,
        "send_at": send_at,
        "expires_at": send_at + min(order.validity_s, _MAX_VALIDITY_S) * 1000,
        "done_at": None,
        "report": _report_mode(order, context),
        "history": history_line(context.now_ms, "accepted", f"for {via or 'no connection'}{later}"),
    }


def _lead_or_follow(row: Row, leader: Row) -> None:
    """Give a group member the transaction of its leader, the first accepted member; only the leader is ever due."""
    if leader is not row:
        row.update(transaction_id=leader["transaction_id"], connection=leader["connection"], leads=0, due_at=None)


def _refused(row: Row, status: int, now_ms: int) -> Row:
    ended = {"state": "rejected", "due_at": None, "status": status, "error": _ERRORS[status], "done_at": now_ms}
    line = history_line(now_ms, "rejected", f"on acceptance, status {status}")
    return {**row, **ended, "report": "", "history": str(row["history"]) + line}


def _report_mode(order: Order, context: AcceptanceContext) -> ReportMode:
    # None means that the request does not say: the setting REPORT_URL decides.
    if order.notify is False:
        return ""
    return "push" if order.notify_url or context.report_url else "pull"


def _order_row(order: Order, submission: Submission, context: AcceptanceContext) -> Row:
    url = order.notify_url or context.report_url
    return {
        "account": context.account,
        "bulk_id": submission.bulk_id,
        "generation": order.generation,
        "sender": order.sender,
        "entity_id": order.entity_id,
        "application_id": order.application_id,
        "campaign": order.campaign_reference,
        **report_columns(ReportWebhook(url, order.notify_failover_url, order.generation, xml=order.report_xml)),
        "intermediate": int(order.intermediate_report),
        "sms_url": context.sms_url if order.sms_failover is not None else "",
        "body": serialize(replace(order, destinations=())),
    }
