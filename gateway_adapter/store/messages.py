"""Statements about outgoing messages: insert, lease what is due, write each step, finalize.

A worker changes a row only while `lease` holds its own token: a worker that lost the row changes nothing. Operators,
customers and the clock end messages only as the table `ALLOWED` permits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Text, Update, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from gateway_adapter.model import Order, State
from gateway_adapter.store.serialization import deserialize, history_line
from gateway_adapter.store.tables import messages, orders
from gateway_adapter.store.transaction_queue import Transaction

_IS_DUE = messages.c.due_at.is_not(None)
_NO_REPORT, _NOT_SUBMITTED = "no report came in time", "not submitted in time"

Ending: TypeAlias = Literal["delivered", "undeliverable", "expired", "rejected", "cancelled"]
OPEN: tuple[State, ...] = ("accepted", "ready", "submitted")
# The states from which each final state may be reached. A final state stays, with one exception: a message that the
# gateway gave up as expired may still be reported as delivered.
ALLOWED: Mapping[Ending, tuple[State, ...]] = {
    "delivered": (*OPEN, "expired"),
    "undeliverable": OPEN,
    "expired": OPEN,
    "rejected": OPEN,
    "cancelled": ("accepted", "ready"),
}


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A message that a worker holds, with everything its next step needs."""

    id: int
    account: str
    message_id: str
    order_id: int
    recipient: str
    group_to: str
    state: State
    lease: str
    attempt: int
    transaction_id: str
    connection: str
    send_at: int
    expires_at: int
    rendition: str
    limit_bytes: int


_DUE_COLUMNS = tuple(messages.c[name] for name in LeasedMessage.__dataclass_fields__)


# --- insert ----------------------------------------------------------------------------------------------------


def used_message_ids(transaction: Transaction, account: str, ids: Sequence[str]) -> set[str]:
    """Which of these message ids the account has used already."""
    if not ids:
        return set()
    found = select(messages.c.message_id).where(messages.c.account == account, messages.c.message_id.in_(ids))
    return set(transaction.execute(found).scalars())


# Statements that run for every message are built once, with bound parameters.
_PUT_ORDER = insert(orders).returning(orders.c.id)
_PUT_MESSAGES = insert(messages)


def put(transaction: Transaction, order: Mapping[str, object], rows: Sequence[dict[str, object]]) -> None:
    """Insert one order and its messages; every row has the same keys."""
    order_id = transaction.execute(_PUT_ORDER, order).scalar_one()
    if rows:
        transaction.execute(_PUT_MESSAGES, [{**row, "order_id": order_id} for row in rows])


# --- lease and write steps --------------------------------------------------------------------------------------


# SKIP LOCKED: workers of other processes take other rows instead of waiting. SQLite has one writer and omits it.
_DUE_IDS = (
    select(messages.c.id)
    .where(messages.c.connection == bindparam("from"), messages.c.due_at <= bindparam("now"))
    .order_by(messages.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FETCH_DUE = (
    update(messages)
    .where(messages.c.id.in_(_DUE_IDS.scalar_subquery()))
    .values(due_at=bindparam("until"), lease=bindparam("token"))
    .returning(*_DUE_COLUMNS)
)


def fetch_due(
    transaction: Transaction, via: str, token: str, now_ms: int, lease_ms: int, most: int
) -> list[LeasedMessage]:
    """Lease up to *most* due messages of the connection *via* to the worker of this token."""
    bound = {"from": via, "now": now_ms, "until": now_ms + lease_ms, "token": token, "most": most}
    return [LeasedMessage(*row) for row in transaction.execute(_FETCH_DUE, bound)]


def extend_lease(transaction: Transaction, token: str, until_ms: int) -> None:
    """Extend the lease of everything that the worker of this token still holds."""
    held = update(messages).where(messages.c.lease == token, _IS_DUE)
    transaction.execute(held.values(due_at=until_ms))


def _bound_values(names: Iterable[str]) -> dict[str, Any]:
    return {name: bindparam(f"to_{name}", type_=messages.c[name].type) for name in names}


def _bind(values: Mapping[str, object]) -> dict[str, object]:
    return {f"to_{name}": value for name, value in values.items()}


_NEW_HISTORY = messages.c.history + bindparam("lines", type_=Text)


@cache
def _step_of_row(names: tuple[str, ...]) -> Update:
    held = and_(messages.c.id == bindparam("row"), messages.c.lease == bindparam("held"))
    return update(messages).where(held).values(history=_NEW_HISTORY, **_bound_values(names))


@cache
def _step_of_members(names: tuple[str, ...]) -> Update:
    led = and_(messages.c.transaction_id == bindparam("unit"), messages.c.id != bindparam("row"))
    return update(messages).where(led).values(history=_NEW_HISTORY, **_bound_values(names))


def _write(
    transaction: Transaction, due: LeasedMessage, lines: str, shared: Mapping[str, object], own: Mapping[str, object]
) -> bool:
    """Write *shared* to a leased message and the group members it leads, *own* to the message alone.

    Returns:
        False when the lease was lost; nothing is written then.
    """
    bound = {**_bind({**shared, **own}), "row": due.id, "held": due.lease, "lines": lines}
    # No row: another worker holds the message now, or it ended meanwhile.
    if transaction.execute(_step_of_row((*shared, *own)), bound).rowcount != 1:
        return False
    if due.group_to:
        bound = {**_bind(shared), "row": due.id, "unit": due.transaction_id, "lines": lines}
        transaction.execute(_step_of_members(tuple(shared)), bound)
    return True


def transition(
    transaction: Transaction,
    due: LeasedMessage,
    step: str,
    now_ms: int,
    columns: Mapping[str, object],
    *,
    due_at: int | None,
    detail: str = "",
    first: str = "",
) -> bool:
    """Write the result of a step to a message and the members it leads, and end the lease; False when it was lost.

    A worker looks at the message again at *due_at*. The history line *first* goes before this step's.
    """
    lines = first + history_line(now_ms, step, detail)
    return _write(transaction, due, lines, columns, {"lease": "", "due_at": due_at})


def record_step(
    transaction: Transaction, due: LeasedMessage, step: str, now_ms: int, columns: Mapping[str, object], *, detail: str
) -> bool:
    """Write a step to a message and the members it leads, and keep the lease; False when it was lost."""
    return _write(transaction, due, history_line(now_ms, step, detail), columns, {})


# --- finalize ---------------------------------------------------------------------------------------------------


@cache
def _finalizing(state: Ending, names: tuple[str, ...]) -> Update:
    # A message that expired and is now delivered has another end: a report that was fetched must be fetched again.
    report = case((messages.c.report == "gone", "pull"), else_=messages.c.report)
    values = _bound_values(names)
    return (
        update(messages)
        .where(messages.c.state.in_(ALLOWED[state]))
        .values(state=state, due_at=None, lease="", history=_NEW_HISTORY, report=report, **values)
    )


_OF_OPERATOR = and_(
    messages.c.operator_message_id == bindparam("known_as", type_=Text),
    messages.c.connection == bindparam("via", type_=Text),
)


@cache
def _finalizing_reported(state: Ending, names: tuple[str, ...], *, one_member: bool) -> ReturningUpdate[Any]:
    statement = _finalizing(state, names).where(_OF_OPERATOR)
    if one_member:
        # A message outside a group matches whatever number the report names: some operators omit the country code.
        statement = statement.where(or_(messages.c.group_to == "", messages.c.recipient == bindparam("to")))
    return statement.returning(messages.c.id)


def finalize_reported(
    transaction: Transaction, via: str, known_as: str, to: str, state: Ending, now_ms: int, **columns: object
) -> list[int]:
    """End the messages of a delivery report; gives their row ids.

    The report names the submission by the operator's id *known_as*, and the recipient *to*, "" when it names none.
    """
    line = history_line(now_ms, state, "the operator's report")
    bound = {**_bind(columns), "via": via, "known_as": known_as, "to": to, "lines": line}
    statement = _finalizing_reported(state, tuple(columns), one_member=bool(to))
    return list(transaction.execute(statement, bound).scalars())


def finalize_where(
    transaction: Transaction,
    where: ColumnElement[bool],
    state: Ending,
    now_ms: int,
    *,
    detail: str = "",
    **columns: object,
) -> list[int]:
    """End those of the matching messages that may reach this state; gives their row ids."""
    values = {"done_at": now_ms, **columns}
    statement = _finalizing(state, tuple(values)).where(where).returning(messages.c.id)
    return list(
        transaction.execute(statement, {**_bind(values), "lines": history_line(now_ms, state, detail)}).scalars()
    )


def finalize(
    transaction: Transaction, due: LeasedMessage, state: Ending, now_ms: int, *, status: int, error: int, detail: str
) -> list[int]:
    """End a leased message and the members it leads; gives the row ids, none when the lease was lost."""
    # The lease is asked for once, of the leader; members have none of their own.
    held = select(messages.c.id).where(messages.c.id == due.id, messages.c.lease == due.lease)
    if transaction.execute(held).first() is None:
        return []
    where = messages.c.transaction_id == due.transaction_id if due.group_to else messages.c.id == due.id
    return finalize_where(transaction, where, state, now_ms, detail=detail, status=status, error=error)


def cancel(
    transaction: Transaction, account: str, now_ms: int, *, bulk_id: str = "", message_id: str = ""
) -> list[int]:
    """Cancel a bulk's or one message's scheduled messages that no worker holds; gives the row ids."""
    where = and_(
        messages.c.account == account,
        messages.c.lease == "",
        messages.c.send_at > now_ms,
        messages.c.bulk_id == bulk_id if bulk_id else messages.c.message_id == message_id,
    )
    # 31 UNDELIVERABLE_NOT_SENT and 4100 EC_MESSAGE_CANCELED of statuses.py
    return finalize_where(transaction, where, "cancelled", now_ms, status=31, error=4100)


def expire(transaction: Transaction, now_ms: int, most: int) -> list[int]:
    """End messages whose validity is over and that no worker holds; gives the row ids."""
    over = select(messages.c.id).where(
        messages.c.done_at.is_(None),
        messages.c.expires_at <= now_ms,
        or_(messages.c.lease == "", messages.c.due_at <= now_ms),
    )
    ids = list(transaction.execute(over.limit(most).with_for_update(skip_locked=True)).scalars())
    if not ids:
        return []
    mine = messages.c.id.in_(ids)
    sent = and_(mine, messages.c.state == "submitted")
    # 29 EXPIRED_DLR_UNKNOWN and 15 EXPIRED_EXPIRED of statuses.py
    ended = finalize_where(transaction, sent, "expired", now_ms, detail=_NO_REPORT, status=29, error=15006)
    return ended + finalize_where(transaction, mine, "expired", now_ms, detail=_NOT_SUBMITTED, status=15, error=15006)


# --- read -------------------------------------------------------------------------------------------------------


def load_orders(transaction: Transaction, ids: Collection[int]) -> dict[int, Order]:
    """Orders by row id."""
    if not ids:
        return {}
    found = transaction.execute(select(orders.c.id, orders.c.body).where(orders.c.id.in_(ids)))
    return {row.id: deserialize(Order, row.body) for row in found}


def load_group_members(transaction: Transaction, transactions: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The recipients of each of these group messages: the members that are still open, the leader first."""
    if not transactions:
        return {}
    wanted = select(messages.c.transaction_id, messages.c.recipient).where(
        messages.c.transaction_id.in_(transactions), messages.c.state.in_(OPEN)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in transaction.execute(wanted.order_by(messages.c.leads.desc(), messages.c.id)):
        found[row.transaction_id] = (*found.get(row.transaction_id, ()), row.recipient)
    return found


def due_connections(transaction: Transaction, names: Iterable[str], now_ms: int) -> dict[str, int]:
    """The connections that have a due message, each with the time of the oldest."""
    found: dict[str, int] = {}
    for name in names:
        wanted = select(func.min(messages.c.due_at)).where(messages.c.connection == name, _IS_DUE)
        oldest = transaction.execute(wanted).scalar_one_or_none()
        if oldest is not None and oldest <= now_ms:
            found[name] = oldest
    return found


def waiting_connections(transaction: Transaction) -> list[str]:
    """The connections of all messages that will be due, including connections that no longer exist."""
    return list(transaction.execute(select(messages.c.connection).where(_IS_DUE).distinct()).scalars())
