"""Statements about messages from phones: kept once, fetched once; and about what is to happen with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway_adapter.model import Configuration, InboundView
from gateway_adapter.store.serialization import deserialize, serialize
from gateway_adapter.store.tables import blocked, configurations, inbound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = [
    "block",
    "blocked_pairs",
    "delete_configuration",
    "find_configurations",
    "find_inbound",
    "inbound_views",
    "list_configurations",
    "pull_inbox",
    "put_configuration",
    "put_inbound",
    "unblock",
]


def put_inbound(connection: Connection, row: dict[str, object]) -> int | None:
    """Keep a message; gives its row id, or None when the operator has said it before."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    once = maker(inbound).values(row).on_conflict_do_nothing(index_elements=["connection", "operator_message_id"])
    return connection.execute(once.returning(inbound.c.id)).scalar_one_or_none()


def pull_inbox(
    connection: Connection, account: str, limit: int, entity_id: str, application_id: str, since_ms: int
) -> list[InboundView]:
    """Hand out the messages that wait to be fetched, oldest first, and mark them as handed out."""
    wanted = select(inbound.c.id, inbound.c.body).where(
        inbound.c.account == account, inbound.c.pull == "pull", inbound.c.received_at >= since_ms
    )
    if entity_id:
        wanted = wanted.where(inbound.c.entity_id == entity_id)
    if application_id:
        wanted = wanted.where(inbound.c.application_id == application_id)
    taken = connection.execute(wanted.order_by(inbound.c.id).limit(limit).with_for_update(skip_locked=True)).all()
    if taken:
        ids = [row.id for row in taken]
        connection.execute(update(inbound).where(inbound.c.id.in_(ids)).values(pull="gone"))
    return [deserialize(InboundView, row.body) for row in taken]


def inbound_views(connection: Connection, ids: Sequence[int]) -> dict[int, InboundView]:
    """Messages by row id."""
    found = connection.execute(select(inbound.c.id, inbound.c.body).where(inbound.c.id.in_(ids)))
    return {row.id: deserialize(InboundView, row.body) for row in found}


def find_inbound(connection: Connection, message_id: str) -> InboundView | None:
    """The message of an id of ours."""
    body = connection.execute(select(inbound.c.body).where(inbound.c.message_id == message_id)).scalar_one_or_none()
    return None if body is None else deserialize(InboundView, body)


# --- what is to happen -----------------------------------------------------------------------------------------


def find_configurations(connection: Connection, numbers: Sequence[str]) -> list[tuple[str, Configuration]]:
    """The configurations of some numbers, each with the account it is of."""
    wanted = select(configurations.c.account, configurations.c.body).where(configurations.c.number.in_(numbers))
    return [(row.account, deserialize(Configuration, row.body)) for row in connection.execute(wanted)]


def put_configuration(connection: Connection, account: str, configuration: Configuration) -> str | None:
    """Keep what is to happen; gives its key, or None when the number is another account's."""
    same = select(configurations.c.key, configurations.c.account, configurations.c.keyword)
    others = connection.execute(same.where(configurations.c.number == configuration.number)).all()
    if any(row.account != account for row in others):
        return None
    keyword = configuration.keyword.casefold()
    gone = {row.key for row in others if row.keyword == keyword} | {configuration.key}
    connection.execute(delete(configurations).where(configurations.c.key.in_(gone)))
    row = {"key": configuration.key, "account": account, "number": configuration.number, "keyword": keyword}
    connection.execute(configurations.insert(), {**row, "body": serialize(configuration)})
    return configuration.key


def list_configurations(
    connection: Connection, account: str, number: str | None, key: str | None
) -> list[Configuration]:
    """An account's configurations, those of a number, or the one of a key."""
    wanted = select(configurations.c.body).where(configurations.c.account == account)
    if number is not None:
        wanted = wanted.where(configurations.c.number == number)
    if key is not None:
        wanted = wanted.where(configurations.c.key == key)
    found = connection.execute(wanted.order_by(configurations.c.number, configurations.c.keyword)).scalars()
    return [deserialize(Configuration, body) for body in found]


def delete_configuration(connection: Connection, account: str, key: str) -> bool:
    """Forget a configuration."""
    gone = delete(configurations).where(configurations.c.account == account, configurations.c.key == key)
    return connection.execute(gone).rowcount == 1


# --- who wants nothing more ------------------------------------------------------------------------------------


def block(connection: Connection, account: str, number: str, sender: str, at: int) -> None:
    """Send nothing more to a number from a sender ("" for any)."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"account": account, "number": number, "sender": sender, "at": at}
    connection.execute(maker(blocked).values(row).on_conflict_do_nothing())


def unblock(connection: Connection, account: str, number: str, sender: str) -> None:
    """Take a number off the list again; a sender of "" takes it off for all."""
    gone = delete(blocked).where(blocked.c.account == account, blocked.c.number == number)
    connection.execute(gone.where(blocked.c.sender == sender) if sender else gone)


_BLOCKED = select(blocked.c.number, blocked.c.sender).where(
    blocked.c.account == bindparam("account"), blocked.c.number.in_(bindparam("numbers", expanding=True))
)
_ANY_BLOCKED = select(blocked.c.number).where(blocked.c.account == bindparam("account")).limit(1)


def blocked_pairs(connection: Connection, account: str, numbers: Sequence[str]) -> set[tuple[str, str]]:
    """Which of these numbers are blocked, each with the sender it is blocked for ("" for any)."""
    if connection.execute(_ANY_BLOCKED, {"account": account}).first() is None:
        return set()
    return {(row.number, row.sender) for row in connection.execute(_BLOCKED, {"account": account, "numbers": numbers})}
