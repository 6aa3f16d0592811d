"""What a submission comes to at the door: rows to be kept and the receipt. Pure: clock, ids and routes are passed in.

One row a recipient. A group is one message that all members see: its rows share one transaction id, and the first one
leads. What is refused here is kept as an ended row, so that the logs show it; its receipt has said so already, so it
has no report.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from gateway_adapter.errors import Refused
from gateway_adapter.model import Accepted, Destination, Order, Receipt
from gateway_adapter.schedule import after_speed, next_open
from gateway_adapter.store.serialization import history_line, serialize

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from gateway_adapter.model import Submission

__all__ = [
    "AcceptanceContext",
    "AcceptedRows",
    "Row",
    "assign_ids",
    "given_message_ids",
    "plan_submission",
    "recipient_numbers",
]

Row: TypeAlias = dict[str, object]

MOST_TEXT = 1600  # characters; more is status 77
_MOST_VALIDITY_S = 48 * 3600
_ACCEPTED, _MISSING_TO, _BAD_TO, _NO_ROUTE, _DUPLICATE, _BAD_URL, _TEXT_TOO_LONG, _BLOCKED = (
    26,
    51,
    52,
    19,
    23,
    56,
    77,
    14,
)
_ERRORS = {
    _MISSING_TO: 15201,
    _BAD_TO: 15201,
    _NO_ROUTE: 15023,
    _DUPLICATE: 5492,
    _BAD_URL: 0,
    _TEXT_TOO_LONG: 355,
    _BLOCKED: 603,
}
_NUMBER_DIGITS = range(3, 21)  # short codes have 3, E.164 at most 15, some operators' own numbers more


@dataclass(frozen=True, slots=True)
class AcceptanceContext:
    """What the plan needs beside the submission.

    Attributes:
        route: Name of the connection for a number and an order; "" when none takes it.
        report_url: Where reports go of orders that name no URL; "" leaves them to be fetched.
        sms_url: Where a text goes that falls back to SMS.
    """

    account: str
    now_ms: int
    new_id: Callable[[], str]
    route: Callable[[str, Order], str]
    report_url: str = ""
    sms_url: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedRows:
    """Rows to put in, and what is answered.

    Attributes:
        orders: Each order's row with the rows of its recipients.
        due: Connections that have something to do at once.
    """

    receipt: Receipt
    orders: tuple[tuple[Row, tuple[Row, ...]], ...]
    due: frozenset[str]
    count: int


def assign_ids(submission: Submission, new_id: Callable[[], str]) -> Submission:
    """The submission with every id given, so that a second try of the same request keeps them.

    Raises:
        Refused: There is no message, or one goes to nobody.
    """
    if not submission.orders:
        raise Refused("the request holds no message; give at least one", field="messages")
    for order in submission.orders:
        if not order.destinations:
            raise Refused("a message goes to nobody; give at least one destination", field="destinations")
    orders = tuple(replace(o, destinations=tuple(_named(d, new_id) for d in o.destinations)) for o in submission.orders)
    return replace(submission, orders=orders, bulk_id=submission.bulk_id or new_id())


def _named(destination: Destination, new_id: Callable[[], str]) -> Destination:
    if destination.group:
        return replace(destination, group=tuple(_named(member, new_id) for member in destination.group))
    return destination if destination.message_id else replace(destination, message_id=new_id())


def given_message_ids(submission: Submission) -> list[str]:
    """Every message id the customer gave."""
    return [d.message_id for order in submission.orders for d, _ in _flat(order) if d.message_id]


def recipient_numbers(submission: Submission) -> list[str]:
    """Every recipient's number."""
    return [d.to for order in submission.orders for d, _ in _flat(order)]


def _flat(order: Order) -> Iterator[tuple[Destination, tuple[str, ...]]]:
    """Each recipient of an order, and the numbers of its group ("" to itself when there is none)."""
    for destination in order.destinations:
        if destination.group:
            numbers = tuple(member.to for member in destination.group)
            yield from ((member, numbers) for member in destination.group)
        else:
            yield destination, ()


def plan_submission(
    submission: Submission, context: AcceptanceContext, taken: set[str], blocked: Collection[tuple[str, str]] = ()
) -> AcceptedRows:
    """Decide about every recipient.

    Args:
        submission: With every id given.
        context: What the decision needs beside it.
        taken: Message ids that were used before; those of this request are added.
        blocked: Numbers that want nothing, each with the sender they want nothing of, "" for any.
    """
    entries: list[Accepted] = []
    orders: list[tuple[Row, tuple[Row, ...]]] = []
    due: set[str] = set()
    for order in submission.orders:
        rows: list[Row] = []
        lead: dict[tuple[str, ...], Row] = {}
        for destination, group in _flat(order):
            status = _judge(order, destination, taken)
            row = _row(submission, order, destination, group, context, len(entries))
            if status == _ACCEPTED and not row["connection"]:
                status = _NO_ROUTE
            if (
                status == _ACCEPTED
                and blocked
                and not {(destination.to, ""), (destination.to, order.sender)}.isdisjoint(blocked)
            ):
                status = _BLOCKED
            entries.append(Accepted(destination.to, destination.message_id, status, group))
            if status == _DUPLICATE:  # the id is another message's: there can be no row of it
                continue
            taken.add(destination.message_id)
            _lead_or_follow(row, group, lead, accepted=status == _ACCEPTED)
            rows.append(row if status == _ACCEPTED else _refused(row, status, context.now_ms))
        due |= {str(r["connection"]) for r in rows if r["due_at"] == context.now_ms}
        orders.append((_order_row(order, submission, context), tuple(rows)))
    return AcceptedRows(Receipt(submission.bulk_id, tuple(entries)), tuple(orders), frozenset(due), len(entries))


def _judge(order: Order, destination: Destination, taken: set[str]) -> int:
    if destination.message_id in taken:
        return _DUPLICATE
    if not destination.to:
        return _MISSING_TO
    if not (destination.to.isdecimal() and len(destination.to) in _NUMBER_DIGITS) and "@" not in destination.to:
        return _BAD_TO
    if any(len(segment.text) > MOST_TEXT for segment in order.segments if segment.kind == "text"):
        return _TEXT_TOO_LONG
    if order.notify_url and urlsplit(order.notify_url).scheme not in ("http", "https"):
        return _BAD_URL
    return _ACCEPTED


def _row(
    submission: Submission,
    order: Order,
    destination: Destination,
    group: Sequence[str],
    context: AcceptanceContext,
    index: int,
) -> Row:
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
        "expires_at": send_at + min(order.validity_s, _MOST_VALIDITY_S) * 1000,
        "done_at": None,
        "report": _told_by(order, context),
        "trail": history_line(context.now_ms, "accepted", f"for {via or 'nobody'}{later}"),
    }


def _lead_or_follow(row: Row, group: tuple[str, ...], lead: dict[tuple[str, ...], Row], *, accepted: bool) -> None:
    """The first member of a group that is accepted leads; the others share its transaction and are never due."""
    if not group or not accepted:
        return
    leader = lead.setdefault(group, row)
    if leader is not row:
        row.update(transaction_id=leader["transaction_id"], connection=leader["connection"], leads=0, due_at=None)


def _refused(row: Row, status: int, now_ms: int) -> Row:
    ended = {"state": "rejected", "due_at": None, "status": status, "error": _ERRORS[status], "done_at": now_ms}
    trail = history_line(now_ms, "rejected", f"at the door, status {status}")
    return {**row, **ended, "report": "", "trail": str(row["trail"]) + trail}


def _told_by(order: Order, context: AcceptanceContext) -> str:
    if order.notify is False:
        return ""
    return "push" if order.notify_url or context.report_url else "pull"


def _order_row(order: Order, submission: Submission, context: AcceptanceContext) -> Row:
    url = order.notify_url or context.report_url
    form = f"report/{order.generation}/{'xml' if order.report_xml else 'json'}"
    return {
        "account": context.account,
        "bulk_id": submission.bulk_id,
        "generation": order.generation,
        "sender": order.sender,
        "entity_id": order.entity_id,
        "application_id": order.application_id,
        "campaign": order.campaign_reference,
        "notify_url": url,
        "notify_failover_url": order.notify_failover_url,
        "form": form,
        "target": hashlib.sha256(f"{url}\n{order.notify_failover_url}\n{form}".encode()).hexdigest()[:32]
        if url
        else "",
        "intermediate": int(order.intermediate_report),
        "sms_url": context.sms_url if order.sms_failover is not None else "",
        "body": serialize(replace(order, destinations=())),
    }
