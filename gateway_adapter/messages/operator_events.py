"""Applies what an operator reports to the messages it is about.

An operator may report late, twice, out of order, or before the answer to the submission was stored. So a final state
changes only as the table ALLOWED of store/messages.py permits, and an event whose message is not known yet is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway_adapter.connectors.common import parse_size_limit
from gateway_adapter.errors import Refused
from gateway_adapter.messages.renditions import lower_limit
from gateway_adapter.model import Event, EventKind
from gateway_adapter.statuses import TOO_BIG_CONTENT, is_final, status_row
from gateway_adapter.store import operator_events as rows
from gateway_adapter.store.content import remember_limit
from gateway_adapter.store.messages import Ending
from gateway_adapter.store.reports import enqueue_intermediate_reports, enqueue_reports
from gateway_adapter.store.transaction_queue import Transaction

_AGAIN_MS = 60_000
# Final states by the group of the reported status (statuses.STATUS_GROUPS).
_STATE_OF_GROUP: Mapping[int, Ending] = {2: "undeliverable", 3: "delivered", 4: "expired", 5: "rejected"}
# The step in the history of an event that changes nothing else.
_NOTED_STEPS: Mapping[EventKind, str] = {"read": "read", "accepted": "taken"}


def record_event(transaction: Transaction, via: str, event: Event, at: int) -> bool:
    """Apply an event, or keep it when its message is not known yet; True when a webhook became due."""
    # Ask first and once: what another transaction commits while this one runs could be seen by a later statement and
    # missed by an earlier one.
    if not rows.is_known(transaction, via, event.operator_message_id):
        rows.keep_unmatched(transaction, via, event, at)
        return False
    if event.kind == "delivery":
        return _apply_delivery(transaction, via, event, at)
    if event.kind == "refused":
        return _apply_refused(transaction, via, event, at)
    rows.note_event(transaction, via, event, at, _NOTED_STEPS[event.kind])
    return False


def _apply_delivery(transaction: Transaction, via: str, event: Event, at: int) -> bool:
    if not (event.final and is_final(event.status)):
        ids = rows.record_intermediate(transaction, via, event, at)
        done_at = event.at_ms or at
        if ids:
            return enqueue_intermediate_reports(transaction, ids, at, event.status, event.error, done_at) > 0
    else:
        state = _STATE_OF_GROUP[status_row(event.status).group]
        ids = rows.finalize_submissions(transaction, via, event, state, at)
        if ids:
            return enqueue_reports(transaction, ids, at, failed=state != "delivered") > 0
    rows.note_event(transaction, via, event, at, "late")
    return False


def _apply_refused(transaction: Transaction, via: str, event: Event, at: int) -> bool:
    """Handle a refusal that arrives after the submission's response (MM4) as one that arrives with it.

    A refusal for size is fitted smaller once, a temporary one is tried again, any other ends the message.
    """
    if event.error == TOO_BIG_CONTENT and _fit_smaller(transaction, via, event, at):
        return False
    # A temporary refusal: the submission is repeated under the same transaction id.
    if not event.final and rows.resubmit(transaction, via, event, at, at + _AGAIN_MS):
        return False
    ended = rows.reject_submissions(transaction, via, event, at)
    return enqueue_reports(transaction, ended, at, failed=True) > 0


def _fit_smaller(transaction: Transaction, via: str, event: Event, at: int) -> bool:
    """Have a submission fitted to a smaller limit; False when that was done before."""
    size = rows.submitted_size(transaction, via, event)
    if not size:
        return False
    try:
        limit = lower_limit(size, parse_size_limit(event.text))
    except Refused:  # there is no smaller step: the refusal stands
        return False
    remember_limit(transaction, via, limit, at)
    return rows.refit(transaction, via, event, at, size, limit)


def apply_unmatched_events(transaction: Transaction, via: str, operator_message_id: str, at: int) -> bool:
    """Apply the events that came before a message was known as submitted; True when a webhook became due."""
    kept = rows.take_unmatched(transaction, via, operator_message_id)
    due = [record_event(transaction, via, event, at) for event in kept]  # all of them, before any()
    return any(due)


def apply_raced_events(transaction: Transaction, at: int) -> bool:
    """Apply kept events whose message was stored in the same moment; True when a webhook became due.

    Two transactions can each miss the other's row: one keeps an event, the other finds none. Housekeeping looks again.
    """
    pairs = rows.find_raced(transaction, at)
    due = [apply_unmatched_events(transaction, via, known_as, at) for via, known_as in pairs]
    return any(due)
