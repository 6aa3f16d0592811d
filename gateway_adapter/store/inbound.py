"""Statements about messages from phones, the configurations of their numbers, and blocked numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select, update

from gateway_adapter.model import Configuration, InboundView
from gateway_adapter.store.serialization import deserialize, serialize
from gateway_adapter.store.tables import blocked, configurations, inbound
from gateway_adapter.store.transaction_queue import Transaction, insert_into, upsert


def put_inbound(transaction: Transaction, row: dict[str, object]) -> int | None:
    """Insert a message; gives its row id, or None when the operator delivered it before."""
    once = insert_into(transaction, inbound).values(row)
    # Operators repeat a message until they are answered; the operator's id tells that it is the same.
    once = once.on_conflict_do_nothing(index_elements=["connection", "operator_message_id"])
    return transaction.execute(once.returning(inbound.c.id)).scalar_one_or_none()


def pull_inbox(
    transaction: Transaction, account: str, limit: int, entity_id: str, application_id: str, since_ms: int
) -> list[InboundView]:
    """Return the messages that wait to be fetched, oldest first, and mark them as fetched."""
    wanted = select(inbound.c.id, inbound.c.body).where(
        inbound.c.account == account, inbound.c.pull == "pull", inbound.c.received_at >= since_ms
    )
    if entity_id:
        wanted = wanted.where(inbound.c.entity_id == entity_id)
    if application_id:
        wanted = wanted.where(inbound.c.application_id == application_id)
    rows = transaction.execute(wanted.order_by(inbound.c.id).limit(limit).with_for_update(skip_locked=True)).all()
    if rows:
        ids = [row.id for row in rows]
        transaction.execute(update(inbound).where(inbound.c.id.in_(ids)).values(pull="gone"))
    return [deserialize(InboundView, row.body) for row in rows]


def inbound_views(transaction: Transaction, ids: Sequence[int]) -> dict[int, InboundView]:
    """Messages by row id."""
    found = transaction.execute(select(inbound.c.id, inbound.c.body).where(inbound.c.id.in_(ids)))
    return {row.id: deserialize(InboundView, row.body) for row in found}


def find_inbound(transaction: Transaction, message_id: str) -> InboundView | None:
    """The message that the gateway gave this id."""
    body = transaction.execute(select(inbound.c.body).where(inbound.c.message_id == message_id)).scalar_one_or_none()
    return None if body is None else deserialize(InboundView, body)


# --- configurations ---------------------------------------------------------------------------------------------


def find_configurations(transaction: Transaction, numbers: Sequence[str]) -> list[tuple[str, Configuration]]:
    """The configurations of these numbers, each with its account."""
    wanted = select(configurations.c.account, configurations.c.body).where(configurations.c.number.in_(numbers))
    return [(row.account, deserialize(Configuration, row.body)) for row in transaction.execute(wanted)]


def put_configuration(transaction: Transaction, account: str, configuration: Configuration) -> str | None:
    """Store a configuration; gives its key, or None when the number belongs to another account."""
    same = select(configurations.c.key, configurations.c.account, configurations.c.keyword)
    others = transaction.execute(same.where(configurations.c.number == configuration.number)).all()
    # A number belongs to the first account that configures it.
    if any(row.account != account for row in others):
        return None
    keyword = configuration.keyword.casefold()
    # A configuration replaces the one of the same keyword, and its own earlier version under another.
    gone = {row.key for row in others if row.keyword == keyword} | {configuration.key}
    transaction.execute(delete(configurations).where(configurations.c.key.in_(gone)))
    row = {"key": configuration.key, "account": account, "number": configuration.number, "keyword": keyword}
    transaction.execute(configurations.insert(), {**row, "body": serialize(configuration)})
    return configuration.key


def list_configurations(
    transaction: Transaction, account: str, number: str | None, key: str | None
) -> list[Configuration]:
    """An account's configurations, those of a number, or the one of a key."""
    wanted = select(configurations.c.body).where(configurations.c.account == account)
    if number is not None:
        wanted = wanted.where(configurations.c.number == number)
    if key is not None:
        wanted = wanted.where(configurations.c.key == key)
    found = transaction.execute(wanted.order_by(configurations.c.number, configurations.c.keyword)).scalars()
    return [deserialize(Configuration, body) for body in found]


def delete_configuration(transaction: Transaction, account: str, key: str) -> bool:
    """Delete a configuration; False when the account has none of this key."""
    gone = delete(configurations).where(configurations.c.account == account, configurations.c.key == key)
    return transaction.execute(gone).rowcount == 1


# --- blocked numbers --------------------------------------------------------------------------------------------


def block(transaction: Transaction, account: str, number: str, sender: str, at: int) -> None:
    """Send nothing more to a number from a sender ("" for any)."""
    upsert(transaction, blocked, {"account": account, "number": number, "sender": sender, "at": at})


def unblock(transaction: Transaction, account: str, number: str, sender: str) -> None:
    """Remove a number from the block list; a sender of "" removes it for all senders."""
    gone = delete(blocked).where(blocked.c.account == account, blocked.c.number == number)
    transaction.execute(gone.where(blocked.c.sender == sender) if sender else gone)


_BLOCKED = select(blocked.c.number, blocked.c.sender).where(
    blocked.c.account == bindparam("account"), blocked.c.number.in_(bindparam("numbers", expanding=True))
)
_ANY_BLOCKED = select(blocked.c.number).where(blocked.c.account == bindparam("account")).limit(1)


def blocked_pairs(transaction: Transaction, account: str, numbers: Sequence[str]) -> set[tuple[str, str]]:
    """Which of these numbers are blocked, each with the sender it is blocked for ("" for any)."""
    # Most accounts block nobody: this asks the index once instead of once per number.
    if transaction.execute(_ANY_BLOCKED, {"account": account}).first() is None:
        return set()
    return {(row.number, row.sender) for row in transaction.execute(_BLOCKED, {"account": account, "numbers": numbers})}
