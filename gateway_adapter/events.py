"""What an operator says becomes rows: one function of a connection, a table of kinds.

An operator may say a thing late, twice, out of order, or before its answer to the submission was written down. So a
final state yields to nothing but the table ALLOWED of store/messages.py, and what is not known yet waits as a stray.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, insert, select, update

from gateway_adapter.schema import Event
from gateway_adapter.statuses import is_final, status_row
from gateway_adapter.store import messages as rows
from gateway_adapter.store.reports import hook_notes, hook_reports
from gateway_adapter.store.rows import dump, line, load
from gateway_adapter.store.tables import messages, strays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, Connection

    from gateway_adapter.schema import EventKind

__all__ = ["reconcile", "record"]

_STATE_OF_GROUP: Mapping[int, rows.Ending] = {2: "undeliverable", 3: "delivered", 4: "expired", 5: "rejected"}


def record(connection: Connection, via: str, event: Event, at: int) -> bool:
    """Write down an event; True when somebody is to be told of it."""
    return _RECORDERS[event.kind](connection, via, event, at)


def _delivery(connection: Connection, via: str, event: Event, at: int) -> bool:
    where = _meant(via, event)
    if event.final and is_final(event.status):
        state = _STATE_OF_GROUP[status_row(event.status).group]
        said = {"status": event.status, "error": event.error, "done_at": event.at_ms or at}
        ended = rows.settle(connection, where, state, state, at, detail="the operator's report", **said)
        if ended:
            return hook_reports(connection, ended, at, failed=state != "delivered") > 0
        return _too_late_or_early(connection, via, event, at, "late")
    return _intermediate(connection, via, event, at)


def _intermediate(connection: Connection, via: str, event: Event, at: int) -> bool:
    """A report such as "deferred": kept in the history, and as the status for as long as there is no better one."""
    open_rows = and_(_meant(via, event), messages.c.state == "submitted")
    detail = f"status {event.status}, error {event.error}"
    noted = (
        update(messages)
        .where(open_rows)
        .values(status=event.status or messages.c.status, trail=messages.c.trail + line(at, "reported", detail))
        .returning(messages.c.id)
    )
    ids = connection.execute(noted).scalars().all()
    if not ids:
        return _too_late_or_early(connection, via, event, at, "late")
    fact = {"status": event.status, "error": event.error, "at": event.at_ms or at}
    return hook_notes(connection, ids, at, json.dumps(fact)) > 0


def _read(connection: Connection, via: str, event: Event, at: int) -> bool:
    return _too_late_or_early(connection, via, event, at, "read")


def _answered(connection: Connection, via: str, event: Event, at: int) -> bool:
    """An answer that comes after its submission's response (MM4): a refusal ends the message, a yes is noted."""
    if event.kind == "accepted":
        return _too_late_or_early(connection, via, event, at, "taken")
    said = {"status": event.status, "error": event.error}
    ended = rows.settle(connection, _meant(via, event), "rejected", "rejected", at, detail="the operator", **said)
    return hook_reports(connection, ended, at, failed=True) > 0


def _too_late_or_early(connection: Connection, via: str, event: Event, at: int, step: str) -> bool:
    """Note a word that changes nothing; keep one about a message nobody knows yet."""
    noted = update(messages).where(_meant(via, event)).values(trail=messages.c.trail + line(at, step, event.kind))
    if connection.execute(noted).rowcount == 0:
        kept = {"connection": via, "operator_message_id": event.operator_message_id, "event": dump(event), "at": at}
        connection.execute(insert(strays), kept)
    return False


def _meant(via: str, event: Event) -> ColumnElement[bool]:
    where = and_(messages.c.operator_message_id == event.operator_message_id, messages.c.connection == via)
    return and_(where, messages.c.recipient.in_(event.to)) if event.to else where


def reconcile(connection: Connection, via: str, operator_message_id: str, at: int) -> bool:
    """Give a message that has just been submitted the words that came before; True when somebody is to be told."""
    waiting = and_(strays.c.operator_message_id == operator_message_id, strays.c.connection == via)
    found = connection.execute(select(strays.c.event).where(waiting).order_by(strays.c.id)).scalars().all()
    if not found:
        return False
    connection.execute(delete(strays).where(waiting))
    told = [record(connection, via, load(Event, text), at) for text in found]
    return any(told)


_RECORDERS: Mapping[EventKind, Callable[[Connection, str, Event, int], bool]] = {
    "delivery": _delivery,
    "read": _read,
    "accepted": _answered,
    "refused": _answered,
}
