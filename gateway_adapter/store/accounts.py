"""Statements about API keys, quotas and receipts of idempotent requests."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, insert, select, update

from gateway_adapter.model import Account, Quota
from gateway_adapter.store.tables import accounts, idempotency, usage
from gateway_adapter.store.transaction_queue import Transaction, upsert


def find_receipt(transaction: Transaction, account: str, key: str) -> tuple[str, str] | None:
    """Digest and receipt of an earlier request with this idempotency key."""
    wanted = select(idempotency.c.digest, idempotency.c.receipt)
    row = transaction.execute(wanted.where(idempotency.c.account == account, idempotency.c.key == key)).first()
    return None if row is None else (row[0], row[1])


def put_receipt(transaction: Transaction, account: str, key: str, digest: str, receipt: str, now_ms: int) -> None:
    """Store the receipt of a request with an idempotency key."""
    row = {"account": account, "key": key, "digest": digest, "receipt": receipt, "at": now_ms}
    transaction.execute(insert(idempotency), row)


def set_accounts(transaction: Transaction, known: Mapping[str, Account]) -> None:
    """Replace all API keys by these, given by their hash."""
    transaction.execute(delete(accounts))
    rows = [
        {"key_hash": h, "id": a.id, "name": a.name, "per_day": a.quota.per_day, "per_second": repr(a.quota.per_second)}
        for h, a in known.items()
    ]
    transaction.execute(insert(accounts), rows)


def accounts_by_hash(transaction: Transaction) -> dict[str, Account]:
    """The account of each key, by the key's hash."""
    rows = transaction.execute(select(accounts)).all()
    return {r.key_hash: Account(r.id, r.name, Quota(float(r.per_second or 0), r.per_day)) for r in rows}


def count_usage(transaction: Transaction, account: str, day: int, amount: int) -> int:
    """Count messages of an account on a day; gives the day's sum."""
    # The row must be there before it is counted up; a row of an earlier request stays.
    upsert(transaction, usage, {"account": account, "day": day, "messages": 0})
    counted = (
        update(usage)
        .where(usage.c.account == account, usage.c.day == day)
        .values(messages=usage.c.messages + amount)
        .returning(usage.c.messages)
    )
    sum_of_day: int = transaction.execute(counted).scalar_one()
    return sum_of_day
