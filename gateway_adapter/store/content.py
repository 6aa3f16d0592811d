"""Statements about content: uploads, fetched links, renditions, and size limits that operators were seen to have."""

from __future__ import annotations

import zlib
from dataclasses import astuple, dataclass

from sqlalchemy import delete, insert, select

from gateway_adapter.model import UploadView
from gateway_adapter.store.tables import links, observed_limits, renditions, uploads
from gateway_adapter.store.transaction_queue import Transaction, upsert


@dataclass(frozen=True, slots=True)
class Link:
    """Fetched content of a link."""

    blob: str
    media_type: str
    file_name: str


def find_link(transaction: Transaction, url: str, since_ms: int) -> Link | None:
    """The content of a link, if it was fetched since then."""
    found = select(links.c.blob, links.c.media_type, links.c.file_name)
    row = transaction.execute(found.where(links.c.url == url, links.c.fetched_at >= since_ms)).first()
    return None if row is None else Link(*row)


def put_link(transaction: Transaction, url: str, link: Link, now_ms: int) -> None:
    """Store the fetched content of a link."""
    row = {"blob": link.blob, "media_type": link.media_type, "file_name": link.file_name, "fetched_at": now_ms}
    upsert(transaction, links, {"url": url, **row}, *row)


# The columns of an UploadView, in its order.
_UPLOAD = tuple(
    uploads.c[name] for name in ("id", "content_id", "media_type", "size_bytes", "created_at", "expires_at")
)


def put_upload(transaction: Transaction, account: str, blob: str, view: UploadView) -> None:
    """Store an upload."""
    row = {column.name: value for column, value in zip(_UPLOAD, astuple(view), strict=True)}
    transaction.execute(insert(uploads), {**row, "account": account, "blob": blob})


def find_upload(transaction: Transaction, account: str, upload_id: str, now_ms: int) -> tuple[str, UploadView] | None:
    """Blob and view of an upload that has not expired."""
    wanted = select(uploads.c.blob, *_UPLOAD).where(
        uploads.c.account == account, uploads.c.id == upload_id, uploads.c.expires_at > now_ms
    )
    row = transaction.execute(wanted).first()
    return None if row is None else (row[0], UploadView(*row[1:]))


def list_uploads(
    transaction: Transaction, account: str, limit: int, cursor: str, now_ms: int
) -> tuple[list[UploadView], str]:
    """Uploads that have not expired, by id, and the cursor of the next page."""
    wanted = select(*_UPLOAD).where(uploads.c.account == account, uploads.c.expires_at > now_ms, uploads.c.id > cursor)
    # One more than the page tells whether there is another one.
    rows = transaction.execute(wanted.order_by(uploads.c.id).limit(limit + 1)).all()
    page = [UploadView(*row) for row in rows[:limit]]
    return page, page[-1].id if len(rows) > limit else ""


def delete_upload(transaction: Transaction, account: str, upload_id: str) -> bool:
    """Delete an upload; messages already accepted keep its bytes."""
    gone = delete(uploads).where(uploads.c.account == account, uploads.c.id == upload_id)
    return transaction.execute(gone).rowcount == 1


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
    # The newest refusal counts: an operator may raise its limit again.
    row = {"connection": via, "limit_bytes": limit_bytes, "at": now_ms}
    upsert(transaction, observed_limits, row, "limit_bytes", "at")
