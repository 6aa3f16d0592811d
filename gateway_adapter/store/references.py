"""Statements about what messages need beside themselves: uploads, fetched links, renditions, limits, keys, quotas."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway_adapter.model import Account, Quota, UploadView
from gateway_adapter.store.tables import (
    accounts,
    idempotency,
    links,
    observed_limits,
    renditions,
    uploads,
    usage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Table

__all__ = [
    "Link",
    "StoredRendition",
    "accounts_by_hash",
    "count_usage",
    "delete_upload",
    "find_link",
    "find_receipt",
    "find_rendition",
    "find_upload",
    "list_uploads",
    "observed_limit",
    "put_link",
    "put_receipt",
    "put_rendition",
    "put_upload",
    "remember_limit",
    "set_accounts",
]


def _upsert(connection: Connection, table: Table, row: Mapping[str, object], *keep: str) -> None:
    """Insert a row, or give the one of the same key the new values of *keep*; without any, the first stays."""
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    put = maker(table).values(row)
    keys = list(table.primary_key.columns)
    if keep:
        put = put.on_conflict_do_update(index_elements=keys, set_={name: put.excluded[name] for name in keep})
    else:
        put = put.on_conflict_do_nothing(index_elements=keys)
    connection.execute(put)


# --- what goes in ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """What a link was fetched as."""

    blob: str
    media_type: str
    file_name: str


def find_link(connection: Connection, url: str, since_ms: int) -> Link | None:
    """What was fetched from a URL since then."""
    found = select(links.c.blob, links.c.media_type, links.c.file_name)
    row = connection.execute(found.where(links.c.url == url, links.c.fetched_at >= since_ms)).first()
    return None if row is None else Link(*row)


def put_link(connection: Connection, url: str, link: Link, now_ms: int) -> None:
    """Remember what was fetched."""
    row = {"blob": link.blob, "media_type": link.media_type, "file_name": link.file_name, "fetched_at": now_ms}
    _upsert(connection, links, {"url": url, **row}, *row)


def put_upload(connection: Connection, account: str, blob: str, view: UploadView) -> None:
    """Keep an upload."""
    row = {
        "id": view.id,
        "account": account,
        "blob": blob,
        "content_id": view.content_id,
        "media_type": view.media_type,
        "size_bytes": view.size_bytes,
        "created_at": view.created_at_ms,
        "expires_at": view.expires_at_ms,
    }
    connection.execute(insert(uploads), row)


_UPLOAD = (
    uploads.c.id,
    uploads.c.content_id,
    uploads.c.media_type,
    uploads.c.size_bytes,
    uploads.c.created_at,
    uploads.c.expires_at,
)


def find_upload(connection: Connection, account: str, upload_id: str, now_ms: int) -> tuple[str, UploadView] | None:
    """The blob and the facts of an upload that has not expired."""
    wanted = select(uploads.c.blob, *_UPLOAD).where(
        uploads.c.account == account, uploads.c.id == upload_id, uploads.c.expires_at > now_ms
    )
    row = connection.execute(wanted).first()
    return None if row is None else (row[0], UploadView(*row[1:]))


def list_uploads(
    connection: Connection, account: str, limit: int, cursor: str, now_ms: int
) -> tuple[list[UploadView], str]:
    """Uploads that have not expired, by id, and the cursor of the next page."""
    wanted = select(*_UPLOAD).where(uploads.c.account == account, uploads.c.expires_at > now_ms, uploads.c.id > cursor)
    rows = connection.execute(wanted.order_by(uploads.c.id).limit(limit + 1)).all()
    page = [UploadView(*row) for row in rows[:limit]]
    return page, page[-1].id if len(rows) > limit else ""


def delete_upload(connection: Connection, account: str, upload_id: str) -> bool:
    """Forget an upload; messages already accepted keep its bytes."""
    gone = delete(uploads).where(uploads.c.account == account, uploads.c.id == upload_id)
    return connection.execute(gone).rowcount == 1


# --- what is made ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredRendition:
    """Content fitted for one profile: its blob (MIME, binary bodies), its counted size, its ledger as JSON."""

    key: str
    blob: str
    size_bytes: int
    ledger: bytes


def find_rendition(connection: Connection, key: str) -> StoredRendition | None:
    """A rendition by its key."""
    row = connection.execute(select(renditions).where(renditions.c.key == key)).first()
    return None if row is None else StoredRendition(row.key, row.blob, row.size_bytes, zlib.decompress(row.ledger))


def put_rendition(connection: Connection, rendition: StoredRendition, now_ms: int) -> None:
    """Keep a rendition; the first of a key stays."""
    row = {"key": rendition.key, "blob": rendition.blob, "size_bytes": rendition.size_bytes, "made_at": now_ms}
    _upsert(connection, renditions, {**row, "ledger": zlib.compress(rendition.ledger)})


def observed_limit(connection: Connection, via: str, since_ms: int) -> int | None:
    """The size an operator has shown since then to refuse beyond, or None."""
    found = select(observed_limits.c.limit_bytes).where(
        observed_limits.c.connection == via, observed_limits.c.at >= since_ms
    )
    return connection.execute(found).scalar_one_or_none()


def remember_limit(connection: Connection, via: str, limit_bytes: int, now_ms: int) -> None:
    """Remember a size refusal of an operator."""
    row = {"connection": via, "limit_bytes": limit_bytes, "at": now_ms}
    _upsert(connection, observed_limits, row, "limit_bytes", "at")


# --- who asks --------------------------------------------------------------------------------------------------


def find_receipt(connection: Connection, account: str, key: str) -> tuple[str, str] | None:
    """Digest and receipt of an earlier request with this idempotency key."""
    wanted = select(idempotency.c.digest, idempotency.c.receipt)
    row = connection.execute(wanted.where(idempotency.c.account == account, idempotency.c.key == key)).first()
    return None if row is None else (row[0], row[1])


def put_receipt(connection: Connection, account: str, key: str, digest: str, receipt: str, now_ms: int) -> None:
    """Remember what a request with an idempotency key was answered."""
    row = {"account": account, "key": key, "digest": digest, "receipt": receipt, "at": now_ms}
    connection.execute(insert(idempotency), row)


def set_accounts(connection: Connection, known: Mapping[str, Account]) -> None:
    """Let these keys in, by their hash, and no others."""
    connection.execute(delete(accounts))
    rows = [
        {"hash_key": h, "id": a.id, "name": a.name, "per_day": a.quota.per_day, "per_second": repr(a.quota.per_second)}
        for h, a in known.items()
    ]
    connection.execute(insert(accounts), rows)


def accounts_by_hash(connection: Connection) -> dict[str, Account]:
    """Every key's hash and whose it is."""
    rows = connection.execute(select(accounts)).all()
    return {r.hash_key: Account(r.id, r.name, Quota(float(r.per_second or 0), r.per_day)) for r in rows}


def count_usage(connection: Connection, account: str, day: int, amount: int) -> int:
    """Count messages of an account on a day; gives the day's sum."""
    _upsert(connection, usage, {"account": account, "day": day, "messages": 0})
    counted = (
        update(usage)
        .where(usage.c.account == account, usage.c.day == day)
        .values(messages=usage.c.messages + amount)
        .returning(usage.c.messages)
    )
    sum_of_day: int = connection.execute(counted).scalar_one()
    return sum_of_day
