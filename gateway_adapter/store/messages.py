"""Statements about messages on their way out: put in, take what is due, move on, end.

A step moves a row only `WHERE lease = mine`: who lost the row meanwhile changes nothing. An operator's word moves it
by the table `ALLOWED` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import Text, and_, bindparam, case, func, insert, or_, select, update

from gateway_adapter.model import Order
from gateway_adapter.store.serialization import deserialize, history_line
from gateway_adapter.store.tables import messages, orders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Update
    from sqlalchemy.sql.dml import ReturningUpdate

    from gateway_adapter.model import State

__all__ = [
    "ALLOWED",
    "FINAL",
    "OPEN",
    "Ending",
    "LeasedMessage",
    "due_connections",
    "expire",
    "extend_lease",
    "fetch_due",
    "finalize",
    "finalize_reported",
    "finalize_where",
    "load_group_members",
    "load_orders",
    "put",
    "record_step",
    "transition",
    "used_message_ids",
    "waiting_connections",
]

_IS_DUE = messages.c.due_at.is_not(None)
_SILENT, _LATE = "no report came in time", "not submitted in time"

Ending: TypeAlias = Literal["delivered", "undeliverable", "expired", "rejected", "cancelled"]
OPEN: tuple[State, ...] = ("accepted", "ready", "submitted")
FINAL: tuple[State, ...] = ("delivered", "undeliverable", "expired", "rejected", "cancelled")
# What may become what by an operator's word. A final state stays, but for one late truth: what we gave up as expired
# was delivered after all.
ALLOWED: Mapping[Ending, tuple[State, ...]] = {
    "delivered": (*OPEN, "expired"),
    "undeliverable": OPEN,
    "expired": OPEN,
    "rejected": OPEN,
    "cancelled": ("accepted", "ready"),
}


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A message that has been taken for a step, with all the step needs to know."""

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


# --- putting in ------------------------------------------------------------------------------------------------


def used_message_ids(connection: Connection, account: str, ids: Sequence[str]) -> set[str]:
    """Which of these message ids the account has used already."""
    if not ids:
        return set()
    found = select(messages.c.message_id).where(messages.c.account == account, messages.c.message_id.in_(ids))
    return set(connection.execute(found).scalars())


_PUT_ORDER = insert(orders).returning(orders.c.id)
_PUT_MESSAGES = insert(messages)


def put(connection: Connection, order: Mapping[str, object], rows: Sequence[dict[str, object]]) -> None:
    """Put in one order and its rows; every row has the same keys."""
    order_id = connection.execute(_PUT_ORDER, order).scalar_one()
    if rows:
        connection.execute(_PUT_MESSAGES, [{**row, "order_id": order_id} for row in rows])


# --- taking and moving -----------------------------------------------------------------------------------------


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
    connection: Connection, via: str, token: str, now_ms: int, lease_ms: int, most: int
) -> list[LeasedMessage]:
    """Take up to *most* due rows of one connection, for as long as the lease."""
    said = {"from": via, "now": now_ms, "until": now_ms + lease_ms, "token": token, "most": most}
    return [LeasedMessage(*row) for row in connection.execute(_FETCH_DUE, said)]


def extend_lease(connection: Connection, token: str, until_ms: int) -> None:
    """Lengthen the lease of everything taken under a token that is still held."""
    held = update(messages).where(messages.c.lease == token, messages.c.due_at.is_not(None))
    connection.execute(held.values(due_at=until_ms))


@cache
def _moving(names: tuple[str, ...], *, members: bool) -> Update:
    """The statement that writes these columns and a line, for a row held or for the members it leads."""
    mine = (
        and_(messages.c.transaction_id == bindparam("unit"), messages.c.id != bindparam("row"))
        if members
        else and_(messages.c.id == bindparam("row"), messages.c.lease == bindparam("held"))
    )
    values = {name: bindparam(f"to_{name}", type_=messages.c[name].type) for name in names}
    return update(messages).where(mine).values(trail=messages.c.trail + bindparam("history_line", type_=Text), **values)


def _write(
    connection: Connection, due: LeasedMessage, lines: str, columns: Mapping[str, object], own: Mapping[str, object]
) -> bool:
    """Write *columns* to a row held and the members it leads, *own* to the row alone; False when it was lost."""
    values = {f"to_{name}": value for name, value in (*columns.items(), *own.items())}
    said = {**values, "row": due.id, "held": due.lease, "history_line": lines}
    if connection.execute(_moving((*columns, *own), members=False), said).rowcount != 1:
        return False
    if due.group_to:
        shared = {f"to_{name}": value for name, value in columns.items()}
        said = {**shared, "row": due.id, "unit": due.transaction_id, "history_line": lines}
        connection.execute(_moving(tuple(columns), members=True), said)
    return True


def transition(
    connection: Connection,
    due: LeasedMessage,
    step: str,
    now_ms: int,
    columns: Mapping[str, object],
    *,
    due_at: int | None,
    detail: str = "",
    first: str = "",
) -> bool:
    """Write what a step came to, for the row and the members it leads; False when the row was lost meanwhile.

    *columns* are the new values; *due_at* says when to look again, and the lease ends. *first* is a line before.
    """
    own = {"lease": "", "due_at": due_at}
    return _write(connection, due, first + history_line(now_ms, step, detail), columns, own)


def record_step(
    connection: Connection, due: LeasedMessage, step: str, now_ms: int, columns: Mapping[str, object], *, detail: str
) -> bool:
    """Write a step down and go on holding the row; the members it leads get the same."""
    return _write(connection, due, history_line(now_ms, step, detail), columns, {})


@cache
def _settling(state: Ending, names: tuple[str, ...]) -> Update:
    values = {name: bindparam(f"to_{name}", type_=messages.c[name].type) for name in names}
    trail = messages.c.trail + bindparam("history_line", type_=Text)
    # A report that was handed out of a message that ends once more, expired before, is to be fetched again.
    report = case((messages.c.report == "gone", "pull"), else_=messages.c.report)
    return update(messages).values(state=state, due_at=None, lease="", trail=trail, report=report, **values)


@cache
def _settling_of_operator(state: Ending, names: tuple[str, ...], *, one: bool) -> ReturningUpdate[Any]:
    # who is alone is meant, however the operator writes the number: some leave out the country
    member = or_(messages.c.group_to == "", messages.c.recipient == bindparam("to"))
    mine = and_(*_OF_OPERATOR, member) if one else and_(*_OF_OPERATOR)
    return _settling(state, names).where(mine, messages.c.state.in_(ALLOWED[state])).returning(messages.c.id)


_OF_OPERATOR = (
    messages.c.operator_message_id == bindparam("known_as", type_=Text),
    messages.c.connection == bindparam("via", type_=Text),
)


def finalize_reported(
    connection: Connection, via: str, known_as: str, to: str, state: Ending, now_ms: int, **columns: object
) -> list[int]:
    """End what an operator reports on, by its own id and, unless "", the recipient; gives the rows that ended."""
    said = {f"to_{name}": value for name, value in columns.items()}
    said |= {
        "via": via,
        "known_as": known_as,
        "to": to,
        "history_line": history_line(now_ms, state, "the operator's report"),
    }
    statement = _settling_of_operator(state, tuple(columns), one=bool(to))
    return list(connection.execute(statement, said).scalars())


def finalize_where(
    connection: Connection,
    where: ColumnElement[bool],
    state: Ending,
    step: str,
    now_ms: int,
    **columns: Any,  # noqa: ANN401 - columns
) -> list[int]:
    """End messages by an operator's word, or our own; gives the ids of the rows that were allowed to change."""
    values = {"done_at": now_ms, **columns}
    detail = values.pop("detail", "")
    said = {f"to_{name}": value for name, value in values.items()}
    ended = _settling(state, tuple(values)).where(where, messages.c.state.in_(ALLOWED[state]))
    rows = connection.execute(
        ended.returning(messages.c.id), {**said, "history_line": history_line(now_ms, step, detail)}
    )
    return list(rows.scalars())


def finalize(
    connection: Connection, due: LeasedMessage, state: Ending, now_ms: int, *, status: int, error: int, detail: str
) -> list[int]:
    """End a message that was taken, and the members it leads; gives the ids of the rows that ended."""
    mine = select(messages.c.id).where(messages.c.id == due.id, messages.c.lease == due.lease)
    where = messages.c.id == due.id
    if due.group_to:
        where = messages.c.transaction_id == due.transaction_id
    if connection.execute(mine).first() is None:
        return []
    return finalize_where(connection, where, state, state, now_ms, detail=detail, status=status, error=error)


def load_orders(connection: Connection, ids: Collection[int]) -> dict[int, Order]:
    """Orders by row id."""
    if not ids:
        return {}
    found = connection.execute(select(orders.c.id, orders.c.body).where(orders.c.id.in_(ids)))
    return {row.id: deserialize(Order, row.body) for row in found}


def load_group_members(connection: Connection, transactions: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Who is to get each of these group messages: the members that were accepted, the leader first."""
    if not transactions:
        return {}
    wanted = select(messages.c.transaction_id, messages.c.recipient).where(
        messages.c.transaction_id.in_(transactions), messages.c.state.in_(OPEN)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(wanted.order_by(messages.c.leads.desc(), messages.c.id)):
        found[row.transaction_id] = (*found.get(row.transaction_id, ()), row.recipient)
    return found


# --- what is due -----------------------------------------------------------------------------------------------


def due_connections(connection: Connection, names: Iterable[str], now_ms: int) -> dict[str, int]:
    """Connections with something due, each with the time of the oldest."""
    found: dict[str, int] = {}
    for name in names:
        wanted = select(func.min(messages.c.due_at)).where(messages.c.connection == name, _IS_DUE)
        oldest = connection.execute(wanted).scalar_one_or_none()
        if oldest is not None and oldest <= now_ms:
            found[name] = oldest
    return found


def waiting_connections(connection: Connection) -> list[str]:
    """Names of all connections that rows wait for, also such as there are no longer."""
    return list(connection.execute(select(messages.c.connection).where(_IS_DUE).distinct()).scalars())


def expire(connection: Connection, now_ms: int, most: int) -> list[int]:
    """End what is over its time and in nobody's hands; gives the ids of the rows that ended."""
    over = select(messages.c.id).where(
        messages.c.done_at.is_(None),
        messages.c.expires_at <= now_ms,
        or_(messages.c.lease == "", messages.c.due_at <= now_ms),
    )
    ids = list(connection.execute(over.limit(most).with_for_update(skip_locked=True)).scalars())
    ended: list[int] = []
    if ids:
        mine = messages.c.id.in_(ids)
        sent = and_(mine, messages.c.state == "submitted")
        ended += finalize_where(connection, sent, "expired", "expired", now_ms, detail=_SILENT, status=29, error=15006)
        ended += finalize_where(connection, mine, "expired", "expired", now_ms, detail=_LATE, status=15, error=15006)
    return ended


def find_order_id(connection: Connection, row_id: int) -> int:
    """Which order a message is of."""
    found: int = connection.execute(select(messages.c.order_id).where(messages.c.id == row_id)).scalar_one()
    return found
