"""The service's face: what the endpoints, northbound and southbound, call; nothing beside it.

It knows no wire form and opens no socket. When `submit` or `operator_event` returns, what it was given is durable;
who works on it is told by `wake`.
"""

from __future__ import annotations

import asyncio
import hmac
import random
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway_adapter.connectors.registry import encoding_of, overhead_of
from gateway_adapter.errors import Refused, Throttled
from gateway_adapter.messages.acceptance import (
    AcceptanceContext,
    assign_ids,
    given_message_ids,
    plan_submission,
    recipient_numbers,
)
from gateway_adapter.messages.auth import ApiKeys, Buckets
from gateway_adapter.messages.inbound import keep, store_inbound_media
from gateway_adapter.messages.operator_events import record
from gateway_adapter.messages.renditions import RenditionTarget
from gateway_adapter.messages.wakeups import WEBHOOKS_DUE
from gateway_adapter.metrics import ACCEPTED, REPORTS
from gateway_adapter.model import InboundMedia, InboundView, LogView, MessageView, Receipt, ReportView, UploadView
from gateway_adapter.statuses import STATUSES
from gateway_adapter.store import inbound, messages, references, reports
from gateway_adapter.store.serialization import deserialize, serialize
from gateway_adapter.store.tables import messages as message_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from gateway_adapter.messages.rendition_cache import RenditionCache
    from gateway_adapter.messages.routing import Router
    from gateway_adapter.model import (
        Account,
        Configuration,
        Event,
        Family,
        LogFilters,
        Order,
        ReportFilters,
        Submission,
    )
    from gateway_adapter.settings import Settings
    from gateway_adapter.store.blobs import MediaStore
    from gateway_adapter.store.transaction_queue import TransactionQueue

__all__ = ["Service", "now_ms"]

_DAY_MS = 24 * 3600 * 1000
_HANDED_OUT_MS = 2 * _DAY_MS  # reports, logs and the inbox go 48 hours back
_MOST_RESULTS = 1000
_UPLOAD_S = 48 * 24 * 3600.0
# A poller gets the reports of both older generations, so that moving from one to the next loses none.
_GENERATIONS: Mapping[Family, tuple[str, ...]] = {
    "v1": ("single", "advanced", "v2"),
    "v2": ("single", "advanced", "v2"),
    "messages": ("messages",),
}


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


_dice = random.Random(secrets.token_bytes(32))  # noqa: S311 - ids are no secrets, only unlike all others


def new_id() -> str:
    """An id nobody else has."""
    return f"{_dice.getrandbits(128):032x}"


class Service:
    """Everything that can be asked of the gateway.

    Args:
        router: Which connection takes a number.
        fitter: Fits content for `check`; what is sent is fitted by the engine.
        wake: Called with names of connections, or HOOKS, that have something to do now.
    """

    def __init__(
        self,
        settings: Settings,
        store: TransactionQueue,
        media: MediaStore,
        *,
        router: Router,
        fitter: RenditionCache,
        wake: Callable[[frozenset[str]], None] = lambda _names: None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.media = media
        self.wake = wake
        self._router = router
        self._fitter = fitter
        self._keys = ApiKeys(store.read_now(references.accounts_by_hash))
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
        taken_before = given_message_ids(submission)
        named = assign_ids(submission, new_id)
        numbers = recipient_numbers(named)
        self._buckets.take(account, len(numbers))
        context = AcceptanceContext(
            account.id, now_ms(), new_id, await self._routes(named), self.settings.report_url, self.settings.sms_url
        )

        def job(connection: Connection) -> tuple[Receipt, frozenset[str]]:
            earlier = _earlier_receipt(connection, account, submission)
            if earlier is not None:
                return earlier, frozenset()
            blocked = inbound.blocked_pairs(connection, account.id, numbers)
            planned = plan_submission(
                named, context, messages.used_message_ids(connection, account.id, taken_before), blocked
            )
            _count(connection, account, planned.count, context.now_ms)
            for order, rows in planned.orders:
                messages.put(connection, order, rows)
            _remember(connection, account, submission, planned.receipt, context.now_ms)
            return planned.receipt, planned.due

        receipt, due = await self.store.write(job)
        for entry in receipt.entries:
            ACCEPTED.labels(entry.status).inc()
        if due:
            self.wake(due)
        return receipt

    async def check(self, account: Account, submission: Submission) -> tuple[Mapping[str, object], ...]:
        """The ledger each message would have, one a recipient; nothing is kept.

        Raises:
            MMSContentError: Content can not be brought in or read.
        """
        ledgers: list[Mapping[str, object]] = []
        for order in submission.orders:
            for destination in order.destinations:
                numbers = tuple(d.to for d in destination.group) or (destination.to,)
                route = self._router.route(numbers[0], order)
                encoding = encoding_of(route.connection)
                overhead = overhead_of(route.connection, len(numbers))
                target = RenditionTarget(route.carrier, route.route, route.device, encoding, 0, len(numbers), overhead)
                ledger = await self._fitter.check(account.id, order, target)
                ledgers += ({**ledger, "to": number} for number in numbers)
        return tuple(ledgers)

    async def _routes(self, submission: Submission) -> Callable[[str, Order], str]:
        """Which connection takes each number of a request; a lookup may have to wait for somebody else."""
        if not self._router.looks_up:
            return self._route
        asked = [(d.group[0].to if d.group else d.to, order) for order in submission.orders for d in order.destinations]
        pairs = await asyncio.to_thread(
            lambda: {(number, id(order)): self._route(number, order) for number, order in asked}
        )
        return lambda number, order: pairs[(number, id(order))]

    def _route(self, number: str, order: Order) -> str:
        try:
            return self._router.route(number, order).connection.name
        except Refused:
            return ""

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
            ended = messages.finalize_where(connection, where, "cancelled", "cancelled", at, status=31, error=4100)
            reports.enqueue_reports(connection, ended, at)
            return len(ended)

        ended = await self.store.write(job)
        self.wake(frozenset({WEBHOOKS_DUE}))
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

    async def upload(
        self, account: Account, sha256: str, content_id: str, media_type: str, validity_s: float = _UPLOAD_S
    ) -> str:
        """Let messages refer to bytes that `put_media` has kept; gives the id they do it by."""
        at = now_ms()
        ends = at + round(min(validity_s, _UPLOAD_S) * 1000)
        size = self.media.path(sha256).stat().st_size
        view = UploadView(secrets.token_hex(48), content_id, media_type, size, at, ends)
        await self.store.write(lambda c: references.put_upload(c, account.id, sha256, view))
        return view.id

    async def list_uploads(self, account: Account, limit: int = 50, cursor: str = "") -> tuple[list[UploadView], str]:
        """Uploads that have not expired, and the next page's cursor ("" after the last)."""
        most, at = min(limit, _MOST_RESULTS), now_ms()
        return await self.store.read(lambda c: references.list_uploads(c, account.id, most, cursor, at))

    async def find_upload(self, account: Account, upload_id: str) -> tuple[str, UploadView] | None:
        """SHA-256 and facts of an upload that has not expired."""
        at = now_ms()
        return await self.store.read(lambda c: references.find_upload(c, account.id, upload_id, at))

    async def delete_upload(self, account: Account, upload_id: str) -> bool:
        """Forget an upload; False when there is none of this id. Messages already accepted keep its bytes."""
        return await self.store.write(lambda c: references.delete_upload(c, account.id, upload_id))

    def media_path(self, sha256: str) -> Path:
        """Where the bytes lie."""
        return self.media.path(sha256)

    # --- the way in ---------------------------------------------------------------------------------------------

    async def pull_inbox(
        self, account: Account, limit: int = 50, entity_id: str = "", application_id: str = ""
    ) -> list[InboundView]:
        """Messages from phones of the last 48 hours that wait to be fetched, oldest first, each once."""
        most, since = min(limit, _MOST_RESULTS), now_ms() - _HANDED_OUT_MS
        return await self.store.write(
            lambda c: inbound.pull_inbox(c, account.id, most, entity_id, application_id, since)
        )

    async def inbound_part(self, message_id: str, index: int, key: str) -> InboundMedia | None:
        """A hosted part of a message from a phone, for whoever was given its key."""
        view = await self.store.read(lambda c: inbound.find_inbound(c, message_id))
        if view is None or not hmac.compare_digest(view.media_key.encode(), key.encode()):
            return None
        return view.parts[index] if 0 <= index < len(view.parts) else None

    async def put_configuration(self, account: Account, configuration: Configuration) -> str:
        """Say what happens with messages to a number; one of the same number and keyword is replaced. Gives the key.

        Raises:
            Refused: The number is another account's.
        """
        kept = configuration if configuration.key else replace(configuration, key=new_id().upper())
        key = await self.store.write(lambda c: inbound.put_configuration(c, account.id, kept))
        if key is None:
            raise Refused(f"number {configuration.number} is not this account's", field="number")
        return key

    async def configurations(
        self, account: Account, number: str | None = None, key: str | None = None
    ) -> list[Configuration]:
        """The account's configurations, those of a number, or the one of a key."""
        return await self.store.read(lambda c: inbound.list_configurations(c, account.id, number, key))

    async def delete_configuration(self, account: Account, key: str) -> bool:
        """Forget a configuration; False when there is none of this key."""
        return await self.store.write(lambda c: inbound.delete_configuration(c, account.id, key))

    # --- the operators' side ------------------------------------------------------------------------------------

    async def operator_event(self, connection_name: str, event: Event) -> None:
        """Write down what an operator says; durable when this returns, and the same said again changes nothing."""
        at = now_ms()
        REPORTS.labels(connection_name, event.kind).inc()
        if event.kind == "inbound":
            arrival = await asyncio.to_thread(store_inbound_media, event, self.media.put, new_id())
            told = await self.store.write(lambda c: keep(c, connection_name, arrival, self._keys.owner, at))
        else:
            told = await self.store.write(lambda c: record(c, connection_name, event, at))
        if told:
            self.wake(frozenset({WEBHOOKS_DUE}))


def _earlier_receipt(connection: Connection, account: Account, submission: Submission) -> Receipt | None:
    if not submission.idempotency_key:
        return None
    known = references.find_receipt(connection, account.id, submission.idempotency_key)
    if known is None:
        return None
    digest, receipt = known
    if digest != submission.request_digest:
        raise Refused(
            f"idempotency key {submission.idempotency_key!r} was used for another request; take a new key",
            field="Idempotency-Key",
        )
    return deserialize(Receipt, receipt)


def _remember(connection: Connection, account: Account, submission: Submission, receipt: Receipt, at: int) -> None:
    if submission.idempotency_key:
        said = (submission.idempotency_key, submission.request_digest, serialize(receipt))
        references.put_receipt(connection, account.id, *said, at)


def _count(connection: Connection, account: Account, amount: int, at: int) -> None:
    if not account.quota.per_day:
        return
    day = at // _DAY_MS
    if references.count_usage(connection, account.id, day, amount) > account.quota.per_day:
        after_s = ((day + 1) * _DAY_MS - at) / 1000
        raise Throttled(
            f"{account.name} may send {account.quota.per_day:,} messages a day (UTC); try again tomorrow",
            after_s=after_s,
        )
