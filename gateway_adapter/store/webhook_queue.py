"""Statements about what is to be told to customers' systems: taken as buckets, ended, put off, given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, insert, select, update

from gateway_adapter.store.tables import hooks, messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

__all__ = ["Bucket", "Hook", "claim_bucket", "end_bucket", "put_hook", "put_off_bucket"]


@dataclass(frozen=True, slots=True)
class Hook:
    """One thing to be told, by whom it is about."""

    id: int
    subject_id: int
    fact: str
    status: int
    error: int
    at: int | None
    final: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Things of one form that go to one URL in one request; *id* is the same at every try."""

    id: str
    lease: str
    account: str
    kind: str
    form: str
    url: str
    failover_url: str
    target: str
    attempt: int
    created_at: int
    hooks: tuple[Hook, ...]


def put_hook(connection: Connection, row: dict[str, object]) -> None:
    """Ask for something to be told."""
    connection.execute(insert(hooks), row)


def claim_bucket(
    connection: Connection, new_id: str, token: str, now_ms: int, lease_ms: int, busy: Iterable[str], most: int
) -> Bucket | None:
    """Take what has been due longest, and up to *most* that go the same way; None when nothing is due.

    Args:
        connection: In a transaction that writes.
        new_id: Name of the bucket, if it is a new one.
        token: Of the lease.
        now_ms: The time.
        lease_ms: How long it is taken for.
        busy: Targets that have enough requests under way.
        most: How many at most.
    """
    due = and_(hooks.c.due_at.is_not(None), hooks.c.due_at <= now_ms)
    first = select(hooks.c.bucket, hooks.c.target).where(due, hooks.c.target.not_in(list(busy)))
    found = connection.execute(
        first.order_by(hooks.c.due_at, hooks.c.id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if found is None:
        return None
    where: ColumnElement[bool] = and_(hooks.c.bucket == found.bucket, due)
    if not found.bucket:
        same = select(hooks.c.id).where(due, hooks.c.bucket == "", hooks.c.target == found.target)
        same = same.order_by(hooks.c.due_at, hooks.c.id).limit(most).with_for_update(skip_locked=True)
        where = hooks.c.id.in_(same.scalar_subquery())
    taken = update(hooks).where(where).values(bucket=found.bucket or new_id, lease=token, due_at=now_ms + lease_ms)
    rows = connection.execute(taken.returning(*hooks.c)).all()
    if not rows:
        return None
    one = rows[0]
    told = tuple(
        Hook(row.id, row.subject_id, row.fact, row.status, row.error, row.at, row.final)
        for row in sorted(rows, key=lambda row: row.id)
    )
    return Bucket(
        one.bucket,
        token,
        one.account,
        one.kind,
        one.form,
        one.url,
        one.failover_url,
        one.target,
        one.attempt,
        min(row.created_at for row in rows),
        told,
    )


def _held(bucket: Bucket) -> ColumnElement[bool]:
    return and_(hooks.c.bucket == bucket.id, hooks.c.lease == bucket.lease)


def end_bucket(connection: Connection, bucket: Bucket, now_ms: int, outcome: str, *, told: bool) -> None:
    """End a bucket; reports that were not told wait to be fetched instead."""
    ended = update(hooks).where(_held(bucket), hooks.c.due_at.is_not(None))
    changed = connection.execute(
        ended.values(due_at=None, lease="", done_at=now_ms, outcome=outcome[:400], attempt=bucket.attempt + 1)
    ).rowcount
    if changed and not told and bucket.kind == "report":
        ids: Sequence[int] = [hook.subject_id for hook in bucket.hooks]
        connection.execute(
            update(messages).where(messages.c.id.in_(ids), messages.c.report == "push").values(report="pull")
        )


def put_off_bucket(connection: Connection, bucket: Bucket, due_at: int, outcome: str) -> None:
    """Try a bucket again later, whole as it is."""
    connection.execute(
        update(hooks)
        .where(_held(bucket), hooks.c.due_at.is_not(None))
        .values(due_at=due_at, lease="", attempt=bucket.attempt + 1, outcome=outcome[:400])
    )
