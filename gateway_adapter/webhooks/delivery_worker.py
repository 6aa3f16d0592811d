"""Delivers webhooks: claims batches of due deliveries, signs and posts them, and tries again until a 200 or GIVE_UP_S.

X-MMS-Webhook-Id: the same in every attempt, to drop repeats by
X-MMS-Timestamp:  seconds since 1970, of this attempt
X-MMS-Signature:  v1=<hex HMAC-SHA256 of "<timestamp>.<body>" under the webhook secret>
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field

import mmscontent as mms
from gateway_adapter.connectors.base import OperatorResponse
from gateway_adapter.logging import logger
from gateway_adapter.metrics import WEBHOOKS
from gateway_adapter.model import InboundWebhook, ReportWebhook, SmsFallback
from gateway_adapter.schedule import now_ms, webhook_retry_s
from gateway_adapter.settings import Settings
from gateway_adapter.store import webhook_queue
from gateway_adapter.store.transaction_queue import Transaction, TransactionQueue
from gateway_adapter.store.webhook_queue import DeliveryBatch

_MAX_INFLIGHT = 48  # requests of this process
_MAX_PER_TARGET = 4  # of them to one target, so that a slow one does not delay the others
_MAX_BATCH = 100  # deliveries in one request
_FAILOVER_AFTER = 2  # attempts at the first URL; then the failover URL takes every other one
_TIMEOUT_S = 20.0
_OK = 200


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """The HTTP request of a batch, without its signature."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of X-MMS-Signature."""
    # The timestamp is signed too, so that an old request cannot be replayed with a new one.
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def attempt_url(batch: DeliveryBatch) -> str:
    """The URL of a batch's next attempt; "" when it goes to no URL."""
    webhook = batch.webhook
    if isinstance(webhook, ReportWebhook):
        use_failover = webhook.failover_url and batch.attempt >= _FAILOVER_AFTER and batch.attempt % 2 == 0
        return webhook.failover_url if use_failover else webhook.url
    return webhook.url if isinstance(webhook, InboundWebhook | SmsFallback) else ""


@dataclass(eq=False)
class WebhookWorker:
    """Delivers what is due; belongs to one event loop.

    Attributes:
        build: Builds the request of a batch.
        send: Brings headers and body to the batch's destination.
        wake: Called when there may be more to do.
    """

    settings: Settings
    store: TransactionQueue
    _: KW_ONLY
    secret: str
    build: Callable[[DeliveryBatch], Awaitable[OutgoingRequest]]
    send: Callable[[DeliveryBatch, Mapping[str, str], bytes], Awaitable[OperatorResponse]]
    wake: Callable[[], None]

    def __post_init__(self) -> None:
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Start delivering what is due, as far as the limits allow; returns at once."""
        while len(self._tasks) < _MAX_INFLIGHT:
            batch = await self._claim()
            if batch is None:
                return
            self._busy[batch.target] += 1
            task = asyncio.ensure_future(self._deliver(batch))
            self._tasks.add(task)
            task.add_done_callback(self._on_done)

    async def close(self) -> None:
        """Cancel what is in flight; its leases end by themselves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self.wake()

    async def _claim(self) -> DeliveryBatch | None:
        lease_ms = round(self.settings.lease_s * 1000)
        name, now, busy = uuid.uuid4().hex, now_ms(), [t for t, n in self._busy.items() if n >= _MAX_PER_TARGET]
        return await self.store.write(
            lambda t: webhook_queue.claim_batch(t, name, name, now, lease_ms, busy, _MAX_BATCH)
        )

    async def _deliver(self, batch: DeliveryBatch) -> None:
        try:
            failure = await self._attempt(batch)
            WEBHOOKS.labels(batch.webhook.kind, failure or "told").inc()
            await self.store.write(lambda t: self._finish(t, batch, failure))
        finally:
            self._busy[batch.target] -= 1
            if not self._busy[batch.target]:
                # A counter of zero would stay in memory for every target ever seen.
                del self._busy[batch.target]

    async def _attempt(self, batch: DeliveryBatch) -> str:
        """Make one attempt; gives the reason of its failure, "" when it succeeded."""
        log = logger.bind(batch=batch.id, kind=batch.webhook.kind, attempt=batch.attempt + 1)
        try:
            request = await self.build(batch)
            at = int(time.time())
            headers = {
                **request.headers,
                "X-MMS-Webhook-Id": batch.id,
                "X-MMS-Timestamp": str(at),
                "X-MMS-Signature": sign(self.secret, at, request.body),
            }
            async with asyncio.timeout(min(_TIMEOUT_S, 0.7 * self.settings.lease_s)):  # well within the lease
                response = await self.send(batch, headers, request.body)
        except TimeoutError:
            return "timeout"
        except mms.MMSContentError as error:
            log.warning("webhook failed", error=str(error))
            return error.code
        except Exception:
            log.exception("webhook failed")
            return "fault"
        if response.status != _OK:
            log.warning("webhook failed", status=response.status)
            return f"status {response.status}"
        log.debug("webhook delivered", count=len(batch.deliveries))
        return ""

    def _finish(self, transaction: Transaction, batch: DeliveryBatch, failure: str) -> None:
        now = now_ms()
        if not failure:
            webhook_queue.finish_batch(transaction, batch, now, "told", delivered=True)
            return
        # The last attempt is the one before GIVE_UP_S ends, counted from the first delivery of the batch.
        due_at = now + round(webhook_retry_s(batch.attempt + 1, self.settings.retry_unit_s) * 1000)
        if due_at > batch.created_at + self.settings.give_up_s * 1000:
            webhook_queue.finish_batch(transaction, batch, now, f"given up: {failure}", delivered=False)
        else:
            webhook_queue.reschedule_batch(transaction, batch, due_at, failure)
