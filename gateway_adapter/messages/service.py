"""The one interface of the gateway's core: everything that the HTTP endpoints and operator listeners call.

It knows no wire form and opens no socket. When `submit` or `operator_event` returns, its argument is stored durably,
and `wake` has woken the workers.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from gateway_adapter.errors import Refused, Throttled
from gateway_adapter.messages.acceptance import (
    AcceptanceContext,
    assign_ids,
    given_message_ids,
    plan_submission,
    recipient_numbers,
)
from gateway_adapter.messages.auth import ApiKeys, take_quota
from gateway_adapter.messages.inbound import record_inbound, store_inbound_media
from gateway_adapter.messages.operator_events import record_event
from gateway_adapter.messages.rendition_cache import RenditionCache
from gateway_adapter.messages.routing import Router, target_of
from gateway_adapter.messages.wakeups import WEBHOOKS_DUE
from gateway_adapter.metrics import ACCEPTED, REPORTS
from gateway_adapter.model import (
    Account,
    Configuration,
    Event,
    Family,
    InboundMedia,
    InboundView,
    LogFilters,
    LogView,
    MessageView,
    Order,
    Receipt,
    ReportFilters,
    ReportView,
    Submission,
    UploadView,
)
from gateway_adapter.schedule import DAY_MS, TokenBuckets, now_ms
from gateway_adapter.settings import Settings
from gateway_adapter.statuses import STATUSES
from gateway_adapter.store import accounts, content, inbound, messages, reports
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.serialization import deserialize, serialize
from gateway_adapter.store.transaction_queue import Transaction, TransactionQueue

_PULLED_MS = 2 * DAY_MS  # reports, logs and the inbox go 48 hours back
_MAX_RESULTS = 1000
_MAX_UPLOAD_S = 48 * 24 * 3600.0
# A customer that polls gets the reports of both older generations, so that moving from one to the next loses none.
_GENERATIONS: Mapping[Family, tuple[str, ...]] = {
    "v1": ("single", "advanced", "v2"),
    "v2": ("single", "advanced", "v2"),
    "messages": ("messages",),
}


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(eq=False)
class Service:
    """Everything that can be asked of the gateway.

    Attributes:
        router: Chooses the connection of a number.
        renditions: Fits content for `check`; messages are fitted when they are sent.
        wake: Called with the names of connections, or WEBHOOKS_DUE, that have something due.
    """

    settings: Settings
    store: TransactionQueue
    media: MediaStore
    _: KW_ONLY
    router: Router
    renditions: RenditionCache
    wake: Callable[[frozenset[str]], None] = lambda _names: None

    def __post_init__(self) -> None:
        self._keys = ApiKeys(self.store.read_now(accounts.accounts_by_hash))
        self._rates = TokenBuckets()

    # --- accounts -----------------------------------------------------------------------------------------------

    def authenticate(self, header: str | None) -> Account | None:
        """The account of an `Authorization` header (`App`, `Basic`, `IBSSO` or `Bearer`), or None."""
        return self._keys.find(header) if header else None

    # --- submissions ---------------------------------------------------------------------------------------------

    async def submit(self, account: Account, submission: Submission) -> Receipt:
        """Accept a request; every message in it is stored durably when this returns.

        A refused recipient (a wrong number, a message id used before, a text of more than 1600 characters) is an entry
        of the receipt with its status. The same `idempotency_key` again gives the first receipt and does nothing else.

        Raises:
            Refused: The whole request is refused; `field` names what is wrong.
            Throttled: The account's quota is used up.
        """
        given_ids = given_message_ids(submission)
        named = assign_ids(submission, _new_id)
        numbers = recipient_numbers(named)
        take_quota(self._rates, account, len(numbers))
        context = AcceptanceContext(
            account.id, now_ms(), _new_id, await self._routes(named), self.settings.report_url, self.settings.sms_url
        )

        # One transaction: the whole request is stored with its receipt, or nothing of it.
        def job(transaction: Transaction) -> tuple[Receipt, frozenset[str]]:
            earlier = _find_receipt(transaction, account, submission)
            if earlier is not None:
                return earlier, frozenset()
            blocked = inbound.blocked_pairs(transaction, account.id, numbers)
            planned = plan_submission(
                named, context, messages.used_message_ids(transaction, account.id, given_ids), blocked
            )
            _count_usage(transaction, account, planned.count, context.now_ms)
            for order, rows in planned.orders:
                messages.put(transaction, order, rows)
            _store_receipt(transaction, account, submission, planned.receipt, context.now_ms)
            return planned.receipt, planned.due

        receipt, due = await self.store.write(job)
        for entry in receipt.entries:
            ACCEPTED.labels(entry.status).inc()
        # After the commit: a worker that looked earlier would find nothing.
        if due:
            self.wake(due)
        return receipt

    async def check(self, account: Account, submission: Submission) -> tuple[Mapping[str, object], ...]:
        """The ledger each message would have, one per recipient; no message is stored.

        Raises:
            MMSContentError: Content cannot be fetched or read.
        """
        ledgers: list[Mapping[str, object]] = []
        for order in submission.orders:
            for destination in order.destinations:
                numbers = tuple(d.to for d in destination.group) or (destination.to,)
                route = self.router.route(numbers[0], order)
                target = target_of(route, route.connection, len(numbers))
                ledger = await self.renditions.check(account.id, order, target)
                ledgers += ({**ledger, "to": number} for number in numbers)
        return tuple(ledgers)

    async def _routes(self, submission: Submission) -> Callable[[str, Order], str]:
        """A function from number and order to connection name; a lookup may block, so it runs in a thread."""
        if not self.router.looks_up:
            return self._route
        asked = [(d.group[0].to if d.group else d.to, order) for order in submission.orders for d in order.destinations]
        pairs = await asyncio.to_thread(
            lambda: {(number, id(order)): self._route(number, order) for number, order in asked}
        )
        return lambda number, order: pairs[(number, id(order))]

    def _route(self, number: str, order: Order) -> str:
        try:
            return self.router.route(number, order).connection.name
        except Refused:
            return ""

    async def cancel(self, account: Account, *, bulk_id: str = "", message_id: str = "") -> int:
        """Cancel scheduled messages that are not in progress; gives how many.

        Raises:
            Refused: Neither a bulk nor a message is named.
        """
        if not bulk_id and not message_id:
            raise Refused("name the bulk or the message to cancel", field="bulkId")
        at = now_ms()

        def job(transaction: Transaction) -> int:
            ended = messages.cancel(transaction, account.id, at, bulk_id=bulk_id, message_id=message_id)
            reports.enqueue_reports(transaction, ended, at)
            return len(ended)

        count = await self.store.write(job)
        self.wake(frozenset({WEBHOOKS_DUE}))
        return count

    # --- reports and messages ------------------------------------------------------------------------------------

    async def pull_reports(self, account: Account, family: Family, filters: ReportFilters) -> list[ReportView]:
        """Final reports of the last 48 hours that were not fetched before, oldest first."""
        # A job that writes: the reports that it returns are marked as fetched.
        since, generations = now_ms() - _PULLED_MS, _GENERATIONS[family]
        return await self.store.write(lambda t: reports.pull_reports(t, account.id, generations, filters, since))

    async def logs(self, account: Account, filters: LogFilters) -> tuple[list[LogView], str]:
        """Sent messages of the last 48 hours, newest first, and the next page's cursor ("" after the last)."""
        group = filters.status_group.upper()
        statuses = [s.id for s in STATUSES.values() if s.group_name == group] if group else None
        since = now_ms() - _PULLED_MS
        return await self.store.read(lambda t: reports.find_logs(t, account.id, filters, statuses, since))

    async def message(self, account: Account, message_id: str) -> MessageView | None:
        """One message in full."""
        found = await self.messages(account, message_id=message_id, limit=1)
        return found[0] if found else None

    async def messages(
        self, account: Account, *, message_id: str = "", bulk_id: str = "", state: str = "", limit: int = 50
    ) -> list[MessageView]:
        """Messages with their history, newest first."""
        chosen = {"message_id": message_id, "bulk_id": bulk_id, "state": state}
        most = min(limit, _MAX_RESULTS)
        return await self.store.read(lambda t: reports.message_views(t, account.id, most, **chosen))

    # --- media --------------------------------------------------------------------------------------------------

    async def put_media(self, chunks: AsyncIterator[bytes], media_type: str, max_bytes: int) -> str:
        """Store bytes as they arrive; gives their SHA-256.

        Raises:
            Refused: There are more than *max_bytes*.
        """
        sha256, _ = await self.media.put_stream(chunks, max_bytes, f"the {media_type or 'part'}")
        return sha256

    async def upload(
        self, account: Account, sha256: str, content_id: str, media_type: str, validity_s: float = _MAX_UPLOAD_S
    ) -> str:
        """Make an upload of bytes that `put_media` stored; gives the id that messages refer to it by."""
        at = now_ms()
        ends = at + round(min(validity_s, _MAX_UPLOAD_S) * 1000)
        size = self.media.path(sha256).stat().st_size
        view = UploadView(secrets.token_hex(48), content_id, media_type, size, at, ends)
        await self.store.write(lambda t: content.put_upload(t, account.id, sha256, view))
        return view.id

    async def list_uploads(self, account: Account, limit: int = 50, cursor: str = "") -> tuple[list[UploadView], str]:
        """Uploads that have not expired, and the next page's cursor ("" after the last)."""
        most, at = min(limit, _MAX_RESULTS), now_ms()
        return await self.store.read(lambda t: content.list_uploads(t, account.id, most, cursor, at))

    async def find_upload(self, account: Account, upload_id: str) -> tuple[str, UploadView] | None:
        """SHA-256 and view of an upload that has not expired."""
        at = now_ms()
        return await self.store.read(lambda t: content.find_upload(t, account.id, upload_id, at))

    async def delete_upload(self, account: Account, upload_id: str) -> bool:
        """Delete an upload; False when there is none of this id. Messages already accepted keep its bytes."""
        return await self.store.write(lambda t: content.delete_upload(t, account.id, upload_id))

    def media_path(self, sha256: str) -> Path:
        """The file of a blob."""
        return self.media.path(sha256)

    # --- messages from phones ------------------------------------------------------------------------------------

    async def pull_inbox(
        self, account: Account, limit: int = 50, entity_id: str = "", application_id: str = ""
    ) -> list[InboundView]:
        """Messages from phones of the last 48 hours that were not fetched before, oldest first."""
        most, since = min(limit, _MAX_RESULTS), now_ms() - _PULLED_MS
        return await self.store.write(
            lambda t: inbound.pull_inbox(t, account.id, most, entity_id, application_id, since)
        )

    async def inbound_part(self, message_id: str, index: int, key: str) -> InboundMedia | None:
        """A hosted part of a message from a phone; None when there is none, or the key is wrong."""
        view = await self.store.read(lambda t: inbound.find_inbound(t, message_id))
        # The key is compared in constant time, as API keys are.
        if view is None or not hmac.compare_digest(view.media_key.encode(), key.encode()):
            return None
        return view.parts[index] if 0 <= index < len(view.parts) else None

    async def put_configuration(self, account: Account, configuration: Configuration) -> str:
        """Store a configuration, replacing the one of the same number and keyword; gives its key.

        Raises:
            Refused: The number belongs to another account.
        """
        kept = configuration if configuration.key else replace(configuration, key=_new_id().upper())
        key = await self.store.write(lambda t: inbound.put_configuration(t, account.id, kept))
        if key is None:
            raise Refused(f"number {configuration.number} belongs to another account", field="number")
        return key

    async def configurations(
        self, account: Account, number: str | None = None, key: str | None = None
    ) -> list[Configuration]:
        """The account's configurations, those of a number, or the one of a key."""
        return await self.store.read(lambda t: inbound.list_configurations(t, account.id, number, key))

    async def delete_configuration(self, account: Account, key: str) -> bool:
        """Delete a configuration; False when there is none of this key."""
        return await self.store.write(lambda t: inbound.delete_configuration(t, account.id, key))

    # --- operators -----------------------------------------------------------------------------------------------

    async def operator_event(self, connection_name: str, event: Event) -> None:
        """Apply an operator's event; it is stored durably when this returns, and a repeated event changes nothing."""
        at = now_ms()
        REPORTS.labels(connection_name, event.kind).inc()
        if event.kind == "inbound":
            # In a thread: writing large media would block the event loop.
            message = await asyncio.to_thread(store_inbound_media, event, self.media.put, _new_id())
            due = await self.store.write(lambda t: record_inbound(t, connection_name, message, self._keys.owner, at))
        else:
            due = await self.store.write(lambda t: record_event(t, connection_name, event, at))
        if due:
            self.wake(frozenset({WEBHOOKS_DUE}))


def _find_receipt(transaction: Transaction, account: Account, submission: Submission) -> Receipt | None:
    if not submission.idempotency_key:
        return None
    known = accounts.find_receipt(transaction, account.id, submission.idempotency_key)
    if known is None:
        return None
    digest, receipt = known
    # The same key for another request is the customer's mistake, no repetition.
    if digest != submission.request_digest:
        raise Refused(
            f"idempotency key {submission.idempotency_key!r} was used for another request; take a new key",
            field="Idempotency-Key",
        )
    return deserialize(Receipt, receipt)


def _store_receipt(
    transaction: Transaction, account: Account, submission: Submission, receipt: Receipt, at: int
) -> None:
    if submission.idempotency_key:
        key, digest = submission.idempotency_key, submission.request_digest
        accounts.put_receipt(transaction, account.id, key, digest, serialize(receipt), at)


def _count_usage(transaction: Transaction, account: Account, amount: int, at: int) -> None:
    if not account.quota.per_day:
        return
    day = at // DAY_MS
    if accounts.count_usage(transaction, account.id, day, amount) > account.quota.per_day:
        # Raising undoes the count: the whole job is rolled back.
        after_s = ((day + 1) * DAY_MS - at) / 1000
        raise Throttled(
            f"{account.name} may send {account.quota.per_day:,} messages a day (UTC); try again tomorrow",
            after_s=after_s,
        )
