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
    """What a link was fetched as."""

    blob: str
    media_type: str
    file_name: str


def find_link(transaction: Transaction, url: str, since_ms: int) -> Link | None:
    """What was fetched from a URL since then."""
    found = select(links.c.blob, links.c.media_type, links.c.file_name)
    row = transaction.execute(found.where(links.c.url == url, links.c.fetched_at >= since_ms)).first()
    return None if row is None else Link(*row)


def put_link(transaction: Transaction, url: str, link: Link, now_ms: int) -> None:
    """Remember what was fetched."""
    row = {"blob": link.blob, "media_type": link.media_type, "file_name": link.file_name, "fetched_at": now_ms}
    upsert(transaction, links, {"url": url, **row}, *row)


def put_upload(transaction: Transaction, account: str, blob: str, view: UploadView) -> None:
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
    transaction.execute(insert(uploads), row)


_UPLOAD = (
    uploads.c.id,
    uploads.c.content_id,
    uploads.c.media_type,
    uploads.c.size_bytes,
    uploads.c.created_at,
    uploads.c.expires_at,
)


def find_upload(transaction: Transaction, account: str, upload_id: str, now_ms: int) -> tuple[str, UploadView] | None:
    """The blob and the facts of an upload that has not expired."""
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
    """Forget an upload; messages already accepted keep its bytes."""
    gone = delete(uploads).where(uploads.c.account == account, uploads.c.id == upload_id)
    return transaction.execute(gone).rowcount == 1
