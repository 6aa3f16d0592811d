"""What an operator says becomes rows: one function of a connection, a table of kinds.

An operator may say a thing late, twice, out of order, or before its answer to the submission was written down. So a
final state yields to nothing but the table ALLOWED of store/messages.py, and what is not known yet waits as a stray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, delete, func, insert, or_, select, update

from gateway_adapter.connectors.common import parse_size_limit
from gateway_adapter.errors import Refused
from gateway_adapter.messages.renditions import lower_limit
from gateway_adapter.model import Event
from gateway_adapter.statuses import is_final, status_row
from gateway_adapter.store import messages as rows
from gateway_adapter.store.references import remember_limit
from gateway_adapter.store.reports import enqueue_intermediate_reports, enqueue_reports
from gateway_adapter.store.serialization import deserialize, history_line, serialize
from gateway_adapter.store.tables import messages, unmatched_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection

    from gateway_adapter.model import EventKind

__all__ = ["apply_raced_events", "reconcile", "record"]

_TOO_BIG = 15026
_AGAIN_MS = 60_000
_STATE_OF_GROUP: Mapping[int, rows.Ending] = {2: "undeliverable", 3: "delivered", 4: "expired", 5: "rejected"}


def record(connection: Connection, via: str, event: Event, at: int) -> bool:
    """Write down an event; True when somebody is to be told of it."""
    # Asked first, and once: what another transaction writes while this one runs would be seen by one statement and
    # missed by the one before.
    said = {"known_as": event.operator_message_id, "via": via}
    if connection.execute(_KNOWN, said).first() is None:
        _keep_stray(connection, via, event, at)
        return False
    return _RECORDERS[event.kind](connection, via, event, at)


_KNOWN = (
    select(messages.c.id)
    .where(messages.c.operator_message_id == bindparam("known_as"), messages.c.connection == bindparam("via"))
    .limit(1)
)


def _keep_stray(connection: Connection, via: str, event: Event, at: int) -> None:
    kept = {"connection": via, "operator_message_id": event.operator_message_id, "event": serialize(event), "at": at}
    connection.execute(_STRAY_ROW, kept)


_STRAY_ROW = insert(unmatched_events)


def _delivery(connection: Connection, via: str, event: Event, at: int) -> bool:
    if event.final and is_final(event.status):
        state = _STATE_OF_GROUP[status_row(event.status).group]
        said = {"status": event.status, "error": event.error, "done_at": event.at_ms or at}
        ended = _settle(connection, via, event, state, at, said)
        if ended:
            return enqueue_reports(connection, ended, at, failed=state != "delivered") > 0
        return _note(connection, via, event, at, "late")
    return _intermediate(connection, via, event, at)


def _settle(
    connection: Connection, via: str, event: Event, state: rows.Ending, at: int, said: Mapping[str, object]
) -> list[int]:
    known_as = event.operator_message_id
    numbers = event.to or ("",)
    return [one for to in numbers for one in rows.finalize_reported(connection, via, known_as, to, state, at, **said)]


def _intermediate(connection: Connection, via: str, event: Event, at: int) -> bool:
    """A report such as "deferred": kept in the history, and as the status for as long as there is no better one."""
    open_rows = and_(_meant(via, event), messages.c.state == "submitted")
    detail = f"status {event.status}, error {event.error}"
    noted = (
        update(messages)
        .where(open_rows)
        .values(status=event.status or messages.c.status, trail=messages.c.trail + history_line(at, "reported", detail))
        .returning(messages.c.id)
    )
    ids = connection.execute(noted).scalars().all()
    if not ids:
        return _note(connection, via, event, at, "late")
    return enqueue_intermediate_reports(connection, ids, at, event.status, event.error, event.at_ms or at) > 0


def _read(connection: Connection, via: str, event: Event, at: int) -> bool:
    return _note(connection, via, event, at, "read")


def _answered(connection: Connection, via: str, event: Event, at: int) -> bool:
    """An answer that comes after its submission's response (MM4): a refusal ends the message, a yes is noted.

    As with an answer that comes at once, a refusal by size is fitted smaller once, one that may pass is tried again.
    """
    if event.kind == "accepted":
        return _note(connection, via, event, at, "taken")
    if event.error == _TOO_BIG and _fit_again(connection, via, event, at):
        return False
    if not event.final and _submit_again(connection, via, event, at):
        return False
    said = {"status": event.status, "error": event.error}
    ended = rows.finalize_where(
        connection, _meant(via, event), "rejected", "rejected", at, detail="the operator", **said
    )
    return enqueue_reports(connection, ended, at, failed=True) > 0


def _submit_again(connection: Connection, via: str, event: Event, at: int) -> bool:
    """Put a submission that was turned away for now back among what is due; False when it is none any more."""
    waiting = and_(_meant(via, event), messages.c.state == "submitted")
    again = update(messages).where(waiting).values(state="ready", submitted_at=None, due_at=_due_again(at + _AGAIN_MS))
    detail = f"the operator says later: {event.text}" if event.text else "the operator says later"
    return connection.execute(again.values(trail=messages.c.trail + history_line(at, "again", detail))).rowcount > 0


def _fit_again(connection: Connection, via: str, event: Event, at: int) -> bool:
    """Have a submission that was refused by its size fitted smaller; False when that was done before."""
    waiting = and_(_meant(via, event), messages.c.state == "submitted", messages.c.limit_bytes == 0)
    size = connection.execute(select(messages.c.size_bytes).where(waiting).limit(1)).scalar_one_or_none()
    if not size:
        return False
    try:
        limit = lower_limit(size, parse_size_limit(event.text))
    except Refused:  # there is no smaller step: the refusal stands
        return False
    remember_limit(connection, via, limit, at)
    again = update(messages).where(waiting).values(state="accepted", rendition="", submitted_at=None, limit_bytes=limit)
    detail = f"{size} bytes refused by {via}; to be fitted to {limit}"
    trail = messages.c.trail + history_line(at, "too large", detail)
    return connection.execute(again.values(due_at=_due_again(at), trail=trail)).rowcount > 0


def _due_again(at: int) -> ColumnElement[int | None]:
    """Members of a group are not due themselves, their leader is for all."""
    return case((messages.c.leads == 1, at), else_=None)


def _note(connection: Connection, via: str, event: Event, at: int, step: str) -> bool:
    """Note a word that changes nothing; a history that is long already has enough of them."""
    room = func.length(messages.c.trail) < _MOST_TRAIL
    where = and_(_meant(via, event), room)
    connection.execute(
        update(messages).where(where).values(trail=messages.c.trail + history_line(at, step, event.kind))
    )
    return False


def _meant(via: str, event: Event) -> ColumnElement[bool]:
    """The messages an event is about: by the operator's id, and in a group by the member.

    Whoever is alone is meant, however the operator writes the number: some leave out the country, or name a mailbox.
    """
    where = and_(messages.c.operator_message_id == event.operator_message_id, messages.c.connection == via)
    return and_(where, or_(messages.c.group_to == "", messages.c.recipient.in_(event.to))) if event.to else where


_STRAY = and_(
    unmatched_events.c.operator_message_id == bindparam("known_as"), unmatched_events.c.connection == bindparam("via")
)
_STRAYS = select(unmatched_events.c.event).where(_STRAY).order_by(unmatched_events.c.id)


def reconcile(connection: Connection, via: str, operator_message_id: str, at: int) -> bool:
    """Give a message that has just been submitted the words that came before; True when somebody is to be told."""
    said = {"known_as": operator_message_id, "via": via}
    found = connection.execute(_STRAYS, said).scalars().all()
    if not found:
        return False
    connection.execute(delete(unmatched_events).where(_STRAY), said)
    told = [record(connection, via, deserialize(Event, text), at) for text in found]
    return any(told)


_RACED_MS = 500, 120_000  # how old a stray is that may have met its message without either seeing the other


def apply_raced_events(connection: Connection, at: int) -> bool:
    """Give messages the words that were written down in the same moment as they; True when somebody is to be told.

    Two transactions can each miss the other's row: one keeps a stray, the other finds none. The sweep looks again.
    """
    youngest, oldest = at - _RACED_MS[0], at - _RACED_MS[1]
    known = and_(
        messages.c.operator_message_id == unmatched_events.c.operator_message_id,
        messages.c.connection == unmatched_events.c.connection,
    )
    met = select(unmatched_events.c.connection, unmatched_events.c.operator_message_id).distinct()
    met = met.join(messages, known).where(unmatched_events.c.at.between(oldest, youngest))
    told = [reconcile(connection, row.connection, row.operator_message_id, at) for row in connection.execute(met).all()]
    return any(told)


_MOST_TRAIL = 8000  # characters

_RECORDERS: Mapping[EventKind, Callable[[Connection, str, Event, int], bool]] = {
    "delivery": _delivery,
    "read": _read,
    "accepted": _answered,
    "refused": _answered,
}
