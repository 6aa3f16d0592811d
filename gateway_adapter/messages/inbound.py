"""A message from a phone becomes rows: kept once, and what is to happen with it decided in the same transaction.

What happens is decided by actions.py; a message to a number nobody has configured waits to be fetched.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway_adapter.errors import Refused
from gateway_adapter.logging import logger
from gateway_adapter.messages.forwarding import decide, form_of, target_of
from gateway_adapter.metrics import INBOUND
from gateway_adapter.model import InboundMedia, InboundView
from gateway_adapter.schedule import next_open
from gateway_adapter.store import inbound, webhook_queue
from gateway_adapter.store.serialization import serialize

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gateway_adapter.messages.forwarding import Block, Decision
    from gateway_adapter.model import Event, Forwarding

__all__ = ["InboundMessage", "keep", "store_inbound_media"]

_MOST_TEXT_BYTES = 64_000  # of a text part that is kept in the row; a longer one is a blob like others


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message from a phone whose media are kept, before it is known whose it is."""

    event: Event
    parts: tuple[InboundMedia, ...]
    message_id: str
    media_key: str


def store_inbound_media(event: Event, put: Callable[[bytes], str], message_id: str) -> InboundMessage:
    """Keep the media of a message."""
    parts = tuple(
        InboundMedia(part.media_type, part.content_id, text=part.text, size_bytes=len(part.data))
        if part.text is not None and len(part.data) <= _MOST_TEXT_BYTES
        else InboundMedia(part.media_type, part.content_id, blob=put(part.data), size_bytes=len(part.data))
        for part in event.parts
    )
    said = event if event.text else replace(event, text=next((part.text for part in parts if part.text), "") or "")
    return InboundMessage(said, parts, message_id, secrets.token_urlsafe(24))


def keep(connection: Connection, via: str, arrival: InboundMessage, owner: str, at: int) -> bool:
    """Keep a message and what is to happen with it; True when somebody is to be told.

    Args:
        connection: In a transaction that writes.
        via: Name of the connection it came by.
        arrival: The message.
        owner: Whose messages are to numbers without a configuration.
        at: The time.
    """
    event = arrival.event
    found = inbound.find_configurations(connection, event.to)
    number, account = next(((one.number, account) for account, one in found), (next(iter(event.to), ""), owner))
    decision = decide(number, [one for _, one in found if one.number == number], event)
    view = _view(arrival, number, decision, at)
    row_id = inbound.put_inbound(
        connection,
        {
            "connection": via,
            "operator_message_id": event.operator_message_id,
            "account": account,
            "message_id": view.message_id,
            "recipient": view.to,
            "entity_id": view.entity_id,
            "application_id": view.application_id,
            "body": serialize(view),
            "received_at": view.received_at_ms,
            "configuration": decision.configuration.key if decision.configuration else "",
            "pull": "pull" if decision.forwarding.type == "pull" else "",
        },
    )
    if row_id is None:  # the operator has said it before
        return False
    INBOUND.labels(decision.forwarding.type).inc()
    if decision.block is not None:
        _block(connection, account, decision.block, at)
    forwarded = _forward(connection, account, decision.forwarding, row_id, at)
    return _answer(connection, account, decision, row_id, at) or forwarded


def _view(arrival: InboundMessage, number: str, decision: Decision, at: int) -> InboundView:
    event, found = arrival.event, decision.configuration
    members = (*event.to, *event.cc)
    return InboundView(
        message_id=arrival.message_id,
        sender=event.sender,
        to=number,
        group=members if len(members) > 1 else (),
        parts=arrival.parts,
        subject=event.subject,
        user_agent=event.user_agent,
        received_at_ms=event.at_ms or at,
        keyword=decision.keyword,
        callback_data=found.callback_data if found else "",
        entity_id=found.entity_id if found else "",
        application_id=found.application_id if found else "",
        media_key=arrival.media_key,
    )


def _forward(connection: Connection, account: str, forwarding: Forwarding, row_id: int, at: int) -> bool:
    if forwarding.type not in ("http", "email"):
        return False
    try:
        url, form = target_of(forwarding), form_of(forwarding)
    except Refused as error:  # the configuration is at fault; the message stays in the store
        logger.warning("forward", error=str(error))
        return False
    _hook(connection, account, row_id, url, f"inbound/{form}", at)
    return True


def _answer(connection: Connection, account: str, decision: Decision, row_id: int, at: int) -> bool:
    if decision.reply is None:
        return False
    _hook(
        connection,
        account,
        row_id,
        "answer:",
        "answer",
        next_open(at, decision.reply.window),
        serialize(decision.reply),
    )
    return True


def _hook(connection: Connection, account: str, row_id: int, url: str, form: str, due_at: int, fact: str = "") -> None:
    # One message a request: what a customer's system refuses of one must not hold up another.
    target = hashlib.sha256(f"{url}\n{form}\n{row_id}".encode()).hexdigest()[:32]
    row: dict[str, object] = {"account": account, "kind": form.partition("/")[0], "subject_id": row_id, "url": url}
    row |= {"form": form, "target": target, "fact": fact, "due_at": due_at, "created_at": due_at}
    webhook_queue.enqueue_delivery(connection, row)


def _block(connection: Connection, account: str, change: Block, at: int) -> None:
    if change.on:
        inbound.block(connection, account, change.number, change.sender, at)
    else:
        inbound.unblock(connection, account, change.number, change.sender)
