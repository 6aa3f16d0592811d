"""The service's face: what the endpoints, northbound and southbound, call; nothing beside it.

It knows no wire form and opens no socket. When `submit` or `operator_event` returns, what it was given is durable;
who works on it is told by `wake`.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from gateway_adapter.accept import Door, own_ids, plan, with_ids
from gateway_adapter.access import Buckets, Keys
from gateway_adapter.errors import Refused, Throttled
from gateway_adapter.events import record
from gateway_adapter.schema import LogView, MessageView, Receipt, ReportView
from gateway_adapter.statuses import STATUSES
from gateway_adapter.store import library, messages, reports
from gateway_adapter.store.rows import dump, load
from gateway_adapter.store.tables import messages as message_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from gateway_adapter.config import Settings
    from gateway_adapter.media import MediaStore
    from gateway_adapter.schema import (
        Account,
        Event,
        Family,
        LogFilters,
        Order,
        ReportFilters,
        Submission,
    )
    from gateway_adapter.store.writer import Store

__all__ = ["Service", "now_ms"]

_DAY_MS = 24 * 3600 * 1000
_HANDED_OUT_MS = 2 * _DAY_MS  # reports, logs and the inbox go 48 hours back
_MOST_RESULTS = 1000
# A poller gets the reports of both older generations, so that moving from one to the next loses none.
_GENERATIONS: Mapping[Family, tuple[str, ...]] = {
    "v1": ("single", "advanced", "v2"),
    "v2": ("single", "advanced", "v2"),
    "messages": ("messages",),
}


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """An id nobody else has."""
    return uuid.uuid4().hex


class Service:
    """Everything that can be asked of the gateway.

    Args:
        route: Name of the connection for a number and an order, "" for none (routing.py).
        wake: Called with names of connections, or "hooks", that have something to do now.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        media: MediaStore,
        *,
        route: Callable[[str, Order], str],
        wake: Callable[[frozenset[str]], None] = lambda _names: None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.media = media
        self.wake = wake
        self._route = route
        self._keys = Keys(store.read_now(library.accounts_by_hash))
        self._buckets = Buckets()

    # --- who ----------------------------------------------------------------------------------------------------

    def authenticate(self, header: str | None) -> Account | None:
        """Whose an `Authorization` header is: `App`, `Basic`, `IBSSO` or `Bearer`; None when nobody's."""
        return self._keys.find(header) if header else None

    # --- on the way out -----------------------------------------------------------------------------------------

    async def submit(self, account: Account, submission: Submission) -> Receipt:
        """Take a request; every message in it is durable when this returns.

        A text of more than 1600 characters, a message id used before, a wrong number: these are entries of the receipt,
        with their status. The same `idempotency_key` again gives the first receipt and does nothing.

        Raises:
            Refused: The request as a whole can not be taken; `field` says what is wrong.
            Throttled: The account's quota is used up.
        """
        taken_before = own_ids(submission)
        named = with_ids(submission, new_id)
        self._buckets.take(account, sum(len(order.destinations) for order in named.orders))
        door = Door(account.id, now_ms(), new_id, self._route, self.settings.report_url)

        def job(connection: Connection) -> tuple[Receipt, frozenset[str]]:
            earlier = _earlier_receipt(connection, account, submission)
            if earlier is not None:
                return earlier, frozenset()
            planned = plan(named, door, messages.known_ids(connection, account.id, taken_before))
            _count(connection, account, planned.count, door.now_ms)
            for order, rows in planned.orders:
                messages.put(connection, order, rows)
            _remember(connection, account, submission, planned.receipt, door.now_ms)
            return planned.receipt, planned.due

        receipt, due = await self.store.write(job)
        if due:
            self.wake(due)
        return receipt

    async def cancel(self, account: Account, *, bulk_id: str = "", message_id: str = "") -> int:
        """Take back scheduled messages that nothing was done for yet; gives how many."""
        if not bulk_id and not message_id:
            raise Refused("name the bulk or the message to cancel", field="bulkId")
        at = now_ms()
        where = (
            (message_rows.c.account == account.id)
            & (message_rows.c.lease == "")
            & (message_rows.c.send_at > at)
            & (message_rows.c.bulk_id == bulk_id if bulk_id else message_rows.c.message_id == message_id)
        )

        def job(connection: Connection) -> int:
            ended = messages.settle(connection, where, "cancelled", "cancelled", at, status=31, error=0)
            reports.hook_reports(connection, ended, at)
            return len(ended)

        ended = await self.store.write(job)
        self.wake(frozenset({"hooks"}))
        return ended

    # --- what became of it --------------------------------------------------------------------------------------

    async def pull_reports(self, account: Account, family: Family, filters: ReportFilters) -> list[ReportView]:
        """Final reports of the last 48 hours that were not handed out before, oldest first."""
        since, generations = now_ms() - _HANDED_OUT_MS, _GENERATIONS[family]
        return await self.store.write(lambda c: reports.pull_reports(c, account.id, generations, filters, since))

    async def logs(self, account: Account, filters: LogFilters) -> tuple[list[LogView], str]:
        """Sent messages of the last 48 hours, newest first, and the next page's cursor ("" after the last)."""
        group = filters.status_group.upper()
        statuses = [s.id for s in STATUSES.values() if s.group_name == group] if group else None
        since = now_ms() - _HANDED_OUT_MS
        return await self.store.read(lambda c: reports.find_logs(c, account.id, filters, statuses, since))

    async def message(self, account: Account, message_id: str) -> MessageView | None:
        """Everything known of one message."""
        found = await self.messages(account, message_id=message_id, limit=1)
        return found[0] if found else None

    async def messages(
        self, account: Account, *, message_id: str = "", bulk_id: str = "", state: str = "", limit: int = 50
    ) -> list[MessageView]:
        """Messages with their history, newest first."""
        said = {"message_id": message_id, "bulk_id": bulk_id, "state": state}
        where = [message_rows.c[name] == value for name, value in said.items() if value]
        most = min(limit, _MOST_RESULTS)
        return await self.store.read(lambda c: reports.message_views(c, account.id, where, most))

    # --- media --------------------------------------------------------------------------------------------------

    async def put_media(self, chunks: AsyncIterator[bytes], media_type: str, max_bytes: int) -> str:
        """Keep bytes as they arrive; gives their SHA-256.

        Raises:
            Refused: There are more than *max_bytes*.
        """
        sha256, _ = await self.media.put_stream(chunks, max_bytes, f"the {media_type or 'part'}")
        return sha256

    def media_path(self, sha256: str) -> Path:
        """Where the bytes lie."""
        return self.media.path(sha256)

    # --- the operators' side ------------------------------------------------------------------------------------

    async def operator_event(self, connection_name: str, event: Event) -> None:
        """Write down what an operator says; durable when this returns, and the same said again changes nothing."""
        at = now_ms()
        told = await self.store.write(lambda c: record(c, connection_name, event, at))
        if told:
            self.wake(frozenset({"hooks"}))


def _earlier_receipt(connection: Connection, account: Account, submission: Submission) -> Receipt | None:
    if not submission.idempotency_key:
        return None
    known = library.find_receipt(connection, account.id, submission.idempotency_key)
    if known is None:
        return None
    digest, receipt = known
    if digest != submission.request_digest:
        raise Refused(
            f"idempotency key {submission.idempotency_key!r} was used for another request; take a new key",
            field="Idempotency-Key",
        )
    return load(Receipt, receipt)


def _remember(connection: Connection, account: Account, submission: Submission, receipt: Receipt, at: int) -> None:
    if submission.idempotency_key:
        said = (submission.idempotency_key, submission.request_digest, dump(receipt))
        library.put_receipt(connection, account.id, *said, at)


def _count(connection: Connection, account: Account, amount: int, at: int) -> None:
    if not account.quota.per_day:
        return
    day = at // _DAY_MS
    if library.count_usage(connection, account.id, day, amount) > account.quota.per_day:
        after_s = ((day + 1) * _DAY_MS - at) / 1000
        raise Throttled(
            f"{account.name} may send {account.quota.per_day:,} messages a day (UTC); try again tomorrow",
            after_s=after_s,
        )
