"""Telling customers' systems: buckets of what is due, signed, posted, tried again until a 200 or the end of patience.

X-MMS-Webhook-Id: the same at every try, to drop repeats by
X-MMS-Timestamp:  seconds since 1970, when this try was made
X-MMS-Signature:  v1=<hex HMAC-SHA256 of "<timestamp>.<body>" under the webhook secret>
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import mmscontent as mms
from gateway_adapter.logging import logger
from gateway_adapter.metrics import WEBHOOKS
from gateway_adapter.schedule import retry_after_s
from gateway_adapter.store import webhook_queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import Connection

    from gateway_adapter.connectors.base import Response
    from gateway_adapter.settings import Settings
    from gateway_adapter.store.transaction_queue import TransactionQueue
    from gateway_adapter.store.webhook_queue import DeliveryBatch

__all__ = ["OutgoingRequest", "WebhookWorker", "sign"]

_MOST_AT_ONCE = 48  # requests under way
_MOST_EACH = 4  # of them to one target: who is slow shall not hold up the others
_MOST_TOGETHER = 100  # reports in one request
_FAILOVER_AFTER = 2  # tries at the first URL before the other one is tried in turn
_TIMEOUT_S = 20.0
_OK = 200


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request that tells a batch."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of X-MMS-Signature."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


class WebhookWorker:
    """Tells what is due; belongs to one event loop.

    Args:
        write: Makes the request of a batch, by kind and form (telling is northbound's).
        post: Brings it there under the policy for strangers' URLs.
        wake: Called when there may be more to do.
    """

    def __init__(
        self,
        settings: Settings,
        store: TransactionQueue,
        *,
        secret: str,
        write: Callable[[DeliveryBatch], Awaitable[OutgoingRequest]],
        post: Callable[[str, Mapping[str, str], bytes], Awaitable[Response]],
        wake: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._secret = secret
        self._write = write
        self._post = post
        self._wake = wake
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Start telling whatever is due, as far as there is room; returns at once."""
        while len(self._tasks) < _MOST_AT_ONCE:
            batch = await self._claim()
            if batch is None:
                return
            self._busy[batch.target] += 1
            task = asyncio.ensure_future(self._tell(batch))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def close(self) -> None:
        """Give up what is under way; its lease ends by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._wake()

    async def _claim(self) -> DeliveryBatch | None:
        lease_ms = round(self._settings.lease_s * 1000)
        name, now, busy = uuid.uuid4().hex, _now_ms(), [t for t, n in self._busy.items() if n >= _MOST_EACH]
        return await self._store.write(
            lambda c: webhook_queue.claim_batch(c, name, name, now, lease_ms, busy, _MOST_TOGETHER)
        )

    async def _tell(self, batch: DeliveryBatch) -> None:
        try:
            outcome = await self._try(batch)
            WEBHOOKS.labels(batch.kind, outcome or "told").inc()
            await self._store.write(lambda c: self._settle(c, batch, outcome))
        finally:
            self._busy[batch.target] -= 1
            if not self._busy[batch.target]:
                del self._busy[batch.target]

    async def _try(self, batch: DeliveryBatch) -> str:
        """What went wrong, "" when it was told."""
        url = _url_of(batch)
        try:
            told = await self._write(batch)
            at = int(time.time())
            headers = {
                **told.headers,
                "X-MMS-Webhook-Id": batch.id,
                "X-MMS-Timestamp": str(at),
                "X-MMS-Signature": sign(self._secret, at, told.body),
            }
            async with asyncio.timeout(min(_TIMEOUT_S, 0.7 * self._settings.lease_s)):  # well within the lease
                response = await self._post(url, headers, told.body)
        except TimeoutError:
            return "timeout"
        except mms.MMSContentError as error:
            logger.warning("webhook", batch=batch.id, kind=batch.kind, attempt=batch.attempt + 1, error=str(error))
            return error.code
        except Exception:  # noqa: BLE001 - a fault of ours must not lose what is to be told
            logger.exception("webhook", batch=batch.id)
            return "fault"
        if response.status != _OK:
            logger.warning(
                "webhook", batch=batch.id, kind=batch.kind, attempt=batch.attempt + 1, status=response.status
            )
            return f"status {response.status}"
        logger.debug("webhook", batch=batch.id, kind=batch.kind, attempt=batch.attempt + 1, told=len(batch.deliveries))
        return ""

    def _settle(self, connection: Connection, batch: DeliveryBatch, outcome: str) -> None:
        now = _now_ms()
        if not outcome:
            webhook_queue.finish_batch(connection, batch, now, "told", told=True)
            return
        due_at = now + round(retry_after_s(batch.attempt + 1, self._settings.retry_unit_s) * 1000)
        if due_at > batch.created_at + self._settings.give_up_s * 1000:
            webhook_queue.finish_batch(connection, batch, now, f"given up: {outcome}", told=False)
        else:
            webhook_queue.reschedule_batch(connection, batch, due_at, outcome)


def _url_of(batch: DeliveryBatch) -> str:
    """The first URL, and after some failures the other one in turn."""
    other = batch.failover_url and batch.attempt >= _FAILOVER_AFTER and batch.attempt % 2 == 0
    return batch.failover_url if other else batch.url


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
