"""Statements about fitted content, and about size limits that operators were seen to have."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway_adapter.store.tables import observed_limits, renditions
from gateway_adapter.store.upsert import upsert

if TYPE_CHECKING:
    from gateway_adapter.store.transaction_queue import Transaction


@dataclass(frozen=True, slots=True)
class StoredRendition:
    """Content fitted for one profile: its blob (MIME with binary bodies), its packed size, its ledger as JSON."""

    key: str
    blob: str
    size_bytes: int
    ledger: bytes


def find_rendition(transaction: Transaction, key: str) -> StoredRendition | None:
    """A rendition by its key."""
    row = transaction.execute(select(renditions).where(renditions.c.key == key)).first()
    return None if row is None else StoredRendition(row.key, row.blob, row.size_bytes, zlib.decompress(row.ledger))


def put_rendition(transaction: Transaction, rendition: StoredRendition, now_ms: int) -> None:
    """Store a rendition; the first one of a key stays."""
    row = {"key": rendition.key, "blob": rendition.blob, "size_bytes": rendition.size_bytes, "made_at": now_ms}
    upsert(transaction, renditions, {**row, "ledger": zlib.compress(rendition.ledger)})


def observed_limit(transaction: Transaction, via: str, since_ms: int) -> int | None:
    """The size limit that an operator was seen to have since then, or None."""
    found = select(observed_limits.c.limit_bytes).where(
        observed_limits.c.connection == via, observed_limits.c.at >= since_ms
    )
    return transaction.execute(found).scalar_one_or_none()


def remember_limit(transaction: Transaction, via: str, limit_bytes: int, now_ms: int) -> None:
    """Store the size limit of an operator after a refusal."""
    row = {"connection": via, "limit_bytes": limit_bytes, "at": now_ms}
    upsert(transaction, observed_limits, row, "limit_bytes", "at")
