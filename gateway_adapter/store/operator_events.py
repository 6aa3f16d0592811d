"""Statements about what an operator reports on messages that it was given: find, note, try again, keep for later.

A message outside a group matches whatever number the event names: some operators omit the country code, others name a
mailbox. In a group the member's number decides.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, insert, or_, select, update

from gateway_adapter.model import Event
from gateway_adapter.store.messages import Ending, finalize_reported, finalize_where
from gateway_adapter.store.serialization import deserialize, history_line, serialize
from gateway_adapter.store.tables import messages, unmatched_events
from gateway_adapter.store.transaction_queue import Transaction

# A longer history has enough notes; steps that change a message are always written.
_MAX_NOTED_HISTORY = 8000  # characters
# How old an unmatched event is that may have met its message in two transactions that did not see each other.
_RACED_FROM_MS, _RACED_TO_MS = 120_000, 500

_KNOWN = (
    select(messages.c.id)
    .where(messages.c.operator_message_id == bindparam("known_as"), messages.c.connection == bindparam("via"))
    .limit(1)
)


def is_known(transaction: Transaction, via: str, operator_message_id: str) -> bool:
    """Whether a message of this connection has this operator id."""
    return transaction.execute(_KNOWN, {"known_as": operator_message_id, "via": via}).first() is not None


def _matching(via: str, event: Event) -> ColumnElement[bool]:
    where = and_(messages.c.operator_message_id == event.operator_message_id, messages.c.connection == via)
    return and_(where, or_(messages.c.group_to == "", messages.c.recipient.in_(event.to))) if event.to else where


def _submitted(via: str, event: Event) -> ColumnElement[bool]:
    return and_(_matching(via, event), messages.c.state == "submitted")


def _if_leader(at: int) -> ColumnElement[int | None]:
    """Members of a group are never due themselves: their leader is submitted for all."""
    return case((messages.c.leads == 1, at), else_=None)


def _write(transaction: Transaction, where: ColumnElement[bool], line: str, **values: object) -> list[int]:
    """Write a history line and further values to messages; gives their row ids."""
    noted = update(messages).where(where).values(history=messages.c.history + line, **values)
    return list(transaction.execute(noted.returning(messages.c.id)).scalars())


def note_event(transaction: Transaction, via: str, event: Event, at: int, step: str) -> None:
    """Add a history line for an event that changes nothing else."""
    where = and_(_matching(via, event), func.length(messages.c.history) < _MAX_NOTED_HISTORY)
    _write(transaction, where, history_line(at, step, event.kind))


def record_intermediate(transaction: Transaction, via: str, event: Event, at: int) -> list[int]:
    """Write a report such as "deferred" to the history and status of submitted messages; gives their row ids."""
    line = history_line(at, "reported", f"status {event.status}, error {event.error}")
    return _write(transaction, _submitted(via, event), line, status=event.status or messages.c.status)


def finalize_submissions(transaction: Transaction, via: str, event: Event, state: Ending, at: int) -> list[int]:
    """End the messages of a final delivery report; gives their row ids."""
    values = {"status": event.status, "error": event.error, "done_at": event.at_ms or at}
    known_as = event.operator_message_id
    return [
        row_id
        for to in event.to or ("",)
        for row_id in finalize_reported(transaction, via, known_as, to, state, at, **values)
    ]


def reject_submissions(transaction: Transaction, via: str, event: Event, at: int) -> list[int]:
    """End the messages of a submission that the operator refused; gives their row ids."""
    values = {"status": event.status, "error": event.error}
    return finalize_where(transaction, _matching(via, event), "rejected", at, detail="the operator", **values)


def resubmit(transaction: Transaction, via: str, event: Event, at: int, due_at: int) -> bool:
    """Make a submission that the operator could not take now due again; False when it is not waiting for an answer."""
    detail = f"the operator says later: {event.text}" if event.text else "the operator says later"
    values = {"state": "ready", "submitted_at": None, "due_at": _if_leader(due_at)}
    return bool(_write(transaction, _submitted(via, event), history_line(at, "again", detail), **values))


def submitted_size(transaction: Transaction, via: str, event: Event) -> int:
    """The size of a submission that was not fitted smaller before; 0 when there is none."""
    where = and_(_submitted(via, event), messages.c.limit_bytes == 0)
    return transaction.execute(select(messages.c.size_bytes).where(where).limit(1)).scalar_one_or_none() or 0


def refit(transaction: Transaction, via: str, event: Event, at: int, size_bytes: int, limit_bytes: int) -> bool:
    """Have a submission that the operator refused for its size fitted to a smaller limit, once."""
    detail = f"{size_bytes} bytes refused by {via}; to be fitted to {limit_bytes}"
    where = and_(_submitted(via, event), messages.c.limit_bytes == 0)
    values = {"state": "accepted", "rendition": "", "submitted_at": None, "limit_bytes": limit_bytes}
    line = history_line(at, "too large", detail)
    return bool(_write(transaction, where, line, due_at=_if_leader(at), **values))


# --- events that came before their message was known -----------------------------------------------------------

_INSERT_UNMATCHED = insert(unmatched_events)
_UNMATCHED = and_(
    unmatched_events.c.operator_message_id == bindparam("known_as"), unmatched_events.c.connection == bindparam("via")
)
_SELECT_UNMATCHED = select(unmatched_events.c.event).where(_UNMATCHED).order_by(unmatched_events.c.id)
_DELETE_UNMATCHED = delete(unmatched_events).where(_UNMATCHED)


def keep_unmatched(transaction: Transaction, via: str, event: Event, at: int) -> None:
    """Keep an event whose message is not known yet."""
    row = {"connection": via, "operator_message_id": event.operator_message_id, "event": serialize(event), "at": at}
    transaction.execute(_INSERT_UNMATCHED, row)


def take_unmatched(transaction: Transaction, via: str, operator_message_id: str) -> list[Event]:
    """Remove and return the events that were kept for a message, oldest first."""
    bound = {"known_as": operator_message_id, "via": via}
    found = transaction.execute(_SELECT_UNMATCHED, bound).scalars().all()
    if found:
        transaction.execute(_DELETE_UNMATCHED, bound)
    return [deserialize(Event, text) for text in found]


def find_raced(transaction: Transaction, at: int) -> list[tuple[str, str]]:
    """Connection and operator id of kept events whose message is known by now."""
    known = and_(
        messages.c.operator_message_id == unmatched_events.c.operator_message_id,
        messages.c.connection == unmatched_events.c.connection,
    )
    met = select(unmatched_events.c.connection, unmatched_events.c.operator_message_id).distinct()
    met = met.join(messages, known).where(unmatched_events.c.at.between(at - _RACED_FROM_MS, at - _RACED_TO_MS))
    return [(row.connection, row.operator_message_id) for row in transaction.execute(met)]
