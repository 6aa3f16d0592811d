"""Statements about messages on their way out: put in, take what is due, move on, end.

A step moves a row only `WHERE lease = mine`: who lost the row meanwhile changes nothing. An operator's word moves it
by the table `ALLOWED` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import and_, bindparam, func, insert, or_, select, update

from gateway_adapter.schema import Order
from gateway_adapter.store.rows import line, load
from gateway_adapter.store.tables import messages, orders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from gateway_adapter.schema import State

__all__ = [
    "ALLOWED",
    "FINAL",
    "OPEN",
    "Due",
    "Ending",
    "claim",
    "due_connections",
    "end",
    "expire",
    "hold",
    "known_ids",
    "members_of",
    "move",
    "note",
    "orders_of",
    "put",
    "settle",
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
class Due:
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


_DUE_COLUMNS = tuple(messages.c[name] for name in Due.__dataclass_fields__)


# --- putting in ------------------------------------------------------------------------------------------------


def known_ids(connection: Connection, account: str, ids: Sequence[str]) -> set[str]:
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


_TAKEN = (
    select(messages.c.id)
    .where(messages.c.connection == bindparam("from"), messages.c.due_at <= bindparam("now"))
    .order_by(messages.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(messages)
    .where(messages.c.id.in_(_TAKEN.scalar_subquery()))
    .values(due_at=bindparam("until"), lease=bindparam("token"))
    .returning(*_DUE_COLUMNS)
)


def claim(connection: Connection, via: str, token: str, now_ms: int, lease_ms: int, most: int) -> list[Due]:
    """Take up to *most* due rows of one connection, for as long as the lease."""
    said = {"from": via, "now": now_ms, "until": now_ms + lease_ms, "token": token, "most": most}
    return [Due(*row) for row in connection.execute(_CLAIM, said)]


def hold(connection: Connection, token: str, until_ms: int) -> None:
    """Lengthen the lease of everything taken under a token that is still held."""
    held = update(messages).where(messages.c.lease == token, messages.c.due_at.is_not(None))
    connection.execute(held.values(due_at=until_ms))


def move(connection: Connection, due: Due, step: str, now_ms: int, **columns: Any) -> bool:  # noqa: ANN401 - columns
    """Write what a step came to, for the row and the members it leads; False when the row was lost meanwhile.

    *columns* are the new values; `due_at` says when to look again, and the lease ends.
    """
    detail = columns.pop("detail", "")
    leader = (
        update(messages)
        .where(messages.c.id == due.id, messages.c.lease == due.lease)
        .values(lease="", trail=messages.c.trail + line(now_ms, step, detail), **columns)
    )
    if connection.execute(leader).rowcount != 1:
        return False
    if due.group_to:
        shared = {name: value for name, value in columns.items() if name not in ("due_at", "attempt")}
        members = update(messages).where(messages.c.transaction_id == due.transaction_id, messages.c.id != due.id)
        connection.execute(members.values(trail=messages.c.trail + line(now_ms, step, detail), **shared))
    return True


def settle(
    connection: Connection,
    where: ColumnElement[bool],
    state: Ending,
    step: str,
    now_ms: int,
    **columns: Any,  # noqa: ANN401 - SQL
) -> list[int]:
    """End messages by an operator's word, or our own; gives the ids of the rows that were allowed to change."""
    detail = columns.pop("detail", "")
    ended = (
        update(messages)
        .where(and_(where, messages.c.state.in_(ALLOWED[state])))
        .values(
            state=state,
            due_at=None,
            lease="",
            trail=messages.c.trail + line(now_ms, step, detail),
            **{"done_at": now_ms, **columns},
        )
        .returning(messages.c.id)
    )
    return list(connection.execute(ended).scalars())


def end(
    connection: Connection, due: Due, state: Ending, now_ms: int, *, status: int, error: int, detail: str
) -> list[int]:
    """End a message that was taken, and the members it leads; gives the ids of the rows that ended."""
    mine = select(messages.c.id).where(messages.c.id == due.id, messages.c.lease == due.lease)
    where = messages.c.id == due.id
    if due.group_to:
        where = messages.c.transaction_id == due.transaction_id
    if connection.execute(mine).first() is None:
        return []
    return settle(connection, where, state, state, now_ms, detail=detail, status=status, error=error)


def note(connection: Connection, due: Due, step: str, now_ms: int, *, detail: str, **columns: Any) -> None:  # noqa: ANN401
    """Write a step down and go on holding the row; the members it leads get the same."""
    said = {**columns, "trail": messages.c.trail + line(now_ms, step, detail)}
    held = and_(messages.c.id == due.id, messages.c.lease == due.lease)
    if connection.execute(update(messages).where(held).values(**said)).rowcount and due.group_to:
        members = and_(messages.c.transaction_id == due.transaction_id, messages.c.id != due.id)
        connection.execute(update(messages).where(members).values(**said))


def orders_of(connection: Connection, ids: Collection[int]) -> dict[int, Order]:
    """Orders by row id."""
    if not ids:
        return {}
    found = connection.execute(select(orders.c.id, orders.c.body).where(orders.c.id.in_(ids)))
    return {row.id: load(Order, row.body) for row in found}


def members_of(connection: Connection, transactions: Collection[str]) -> dict[str, tuple[str, ...]]:
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
        ended += settle(connection, sent, "expired", "expired", now_ms, detail=_SILENT, status=29, error=15006)
        ended += settle(connection, mine, "expired", "expired", now_ms, detail=_LATE, status=15, error=15006)
    return ended


def order_id_of(connection: Connection, row_id: int) -> int:
    """Which order a message is of."""
    found: int = connection.execute(select(messages.c.order_id).where(messages.c.id == row_id)).scalar_one()
    return found
