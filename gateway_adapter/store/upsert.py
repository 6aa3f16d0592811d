"""INSERT … ON CONFLICT, which SQLAlchemy writes once for each database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table

    from gateway_adapter.store.transaction_queue import Transaction


def insert_into(transaction: Transaction, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the transaction's database, with its `on_conflict_…` methods."""
    return sqlite.insert(table) if transaction.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(transaction: Transaction, table: Table, row: Mapping[str, object], *updated: str) -> None:
    """Insert a row, or write the columns *updated* to the row of the same key; without any, the first row stays."""
    put = insert_into(transaction, table).values(row)
    keys = list(table.primary_key.columns)
    if updated:
        put = put.on_conflict_do_update(index_elements=keys, set_={name: put.excluded[name] for name in updated})
    else:
        put = put.on_conflict_do_nothing(index_elements=keys)
    transaction.execute(put)
