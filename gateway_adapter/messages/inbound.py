"""Stores a message from a phone once, and enqueues in the same transaction what forwarding.py decides to do with it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway_adapter.errors import Refused
from gateway_adapter.logging import logger
from gateway_adapter.messages.forwarding import BlockChange, Decision, decide, webhook_of
from gateway_adapter.metrics import INBOUND
from gateway_adapter.model import AutoReply, Event, Forwarding, InboundMedia, InboundView
from gateway_adapter.schedule import next_open
from gateway_adapter.store import inbound, webhook_queue
from gateway_adapter.store.serialization import serialize
from gateway_adapter.store.transaction_queue import Transaction

_MAX_TEXT_BYTES = 64_000  # of a text part that is stored in the row; a longer one goes to the media store


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message from a phone whose media are stored, before its account is known."""

    event: Event
    parts: tuple[InboundMedia, ...]
    message_id: str
    media_key: str


def store_inbound_media(event: Event, put: Callable[[bytes], str], message_id: str) -> InboundMessage:
    """Store the media of a message from a phone."""
    parts = tuple(
        InboundMedia(part.media_type, part.content_id, text=part.text, size_bytes=len(part.data))
        if part.text is not None and len(part.data) <= _MAX_TEXT_BYTES
        else InboundMedia(part.media_type, part.content_id, blob=put(part.data), size_bytes=len(part.data))
        for part in event.parts
    )
    first_text = next((part.text for part in parts if part.text), None)
    text = event.text or first_text or ""
    return InboundMessage(replace(event, text=text), parts, message_id, secrets.token_urlsafe(24))


def record_inbound(transaction: Transaction, via: str, message: InboundMessage, owner: str, at: int) -> bool:
    """Store a message and enqueue what happens with it; True when a webhook became due.

    A message to a number without a configuration belongs to the account *owner*.
    """
    event = message.event
    found = inbound.find_configurations(transaction, event.to)
    # The first recipient that has a configuration decides; without any, the message is the only account's.
    number, account = next(((one.number, account) for account, one in found), (next(iter(event.to), ""), owner))
    decision = decide(number, [one for _, one in found if one.number == number], event)
    view = _view(message, number, decision, at)
    row_id = inbound.put_inbound(
        transaction,
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
    if row_id is None:  # the operator delivered it before
        return False
    INBOUND.labels(decision.forwarding.type).inc()
    if decision.block is not None:
        _block(transaction, account, decision.block, at)
    forwarded = _forward(transaction, account, decision.forwarding, row_id, at)
    return _reply(transaction, account, decision, row_id, at) or forwarded


def _view(message: InboundMessage, number: str, decision: Decision, at: int) -> InboundView:
    event, found = message.event, decision.configuration
    members = (*event.to, *event.cc)
    return InboundView(
        message_id=message.message_id,
        sender=event.sender,
        to=number,
        group=members if len(members) > 1 else (),
        parts=message.parts,
        subject=event.subject,
        user_agent=event.user_agent,
        received_at_ms=event.at_ms or at,
        keyword=decision.keyword,
        callback_data=found.callback_data if found else "",
        entity_id=found.entity_id if found else "",
        application_id=found.application_id if found else "",
        media_key=message.media_key,
    )


def _forward(transaction: Transaction, account: str, forwarding: Forwarding, row_id: int, at: int) -> bool:
    try:
        webhook = webhook_of(forwarding)
    except Refused as error:  # the configuration is wrong; the message stays in the store
        logger.warning("message from a phone not forwarded", error=str(error))
        return False
    if webhook is not None:
        webhook_queue.enqueue_delivery(transaction, account, webhook, row_id, at)
    return webhook is not None


def _reply(transaction: Transaction, account: str, decision: Decision, row_id: int, at: int) -> bool:
    if decision.reply is not None:
        due_at = next_open(at, decision.reply.window)
        webhook_queue.enqueue_delivery(transaction, account, AutoReply(decision.reply), row_id, due_at)
    return decision.reply is not None


def _block(transaction: Transaction, account: str, change: BlockChange, at: int) -> None:
    if change.on:
        inbound.block(transaction, account, change.number, change.sender, at)
    else:
        inbound.unblock(transaction, account, change.number, change.sender)
