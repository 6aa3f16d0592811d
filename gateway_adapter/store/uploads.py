"""Statements about content that a message refers to: uploads and fetched links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from gateway_adapter.model import UploadView
from gateway_adapter.store.tables import links, uploads
from gateway_adapter.store.upsert import upsert

if TYPE_CHECKING:
    from gateway_adapter.store.transaction_queue import Transaction


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


def put_upload(transaction: Transaction, account: str, blob: str, view: UploadView) -> None:
    """Store an upload."""
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
    transaction.execute(insert(uploads), row)


_UPLOAD = tuple(
    uploads.c[name] for name in ("id", "content_id", "media_type", "size_bytes", "created_at", "expires_at")
)


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
