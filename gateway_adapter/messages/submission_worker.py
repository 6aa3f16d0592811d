"""Sends messages: leases what is due, routes, fits and submits it, and stores the result.

Every step may run twice without harm. Each write requires the lease under which the message was read, and the
transaction id of a submission is fixed when the message is accepted, so the operator recognises a repeated submission.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import KW_ONLY, dataclass, replace

import mmscontent as mms
from gateway_adapter.connectors.base import SubmitRequest
from gateway_adapter.errors import Refused, Unreachable
from gateway_adapter.logging import logger
from gateway_adapter.messages.operator_events import apply_unmatched_events
from gateway_adapter.messages.rendition_cache import RenditionCache
from gateway_adapter.messages.renditions import FittedContent, lower_limit
from gateway_adapter.messages.routing import Router, target_of
from gateway_adapter.model import Order
from gateway_adapter.schedule import DAY_MS, next_open, now_ms, submission_retry_s
from gateway_adapter.settings import Settings
from gateway_adapter.statuses import TOO_BIG_CONTENT, fault_of
from gateway_adapter.store import content, messages
from gateway_adapter.store.messages import LeasedMessage
from gateway_adapter.store.reports import enqueue_reports
from gateway_adapter.store.serialization import history_line
from gateway_adapter.store.transaction_queue import Transaction, TransactionQueue
from gateway_adapter.transport.operator_client import OperatorClient
from gateway_adapter.transport.rate_limits import InflightLimiter

_MAX_RUNS = 3  # of one connection at once, so that a slow operator does not occupy every worker thread
_MAX_ORDERS = 2048  # kept in memory
_ACCEPTING_PAUSE_S = 1.0  # how long sending waits for a burst of requests
_ENROUTE, _EXPIRED, _REJECTED = 7, 15, 6  # ids of statuses.py
_LIMIT_TRUSTED_MS = 7 * DAY_MS  # afterwards a size that was refused is tried again
_LIMIT_CACHED_S = 5.0


@dataclass(slots=True)
class _Runs:
    """The runs of a connection in this process, and whether another one was turned away meanwhile."""

    count: int = 0
    missed: bool = False


@dataclass(eq=False)
class SubmissionWorker:
    """Sends what is due on connections; belongs to one event loop.

    Attributes:
        wake: Called when a webhook became due.
        inflight: HTTP requests in flight: accepting them has priority for a moment.
    """

    settings: Settings
    store: TransactionQueue
    renditions: RenditionCache
    router: Router
    client: OperatorClient
    _: KW_ONLY
    report_url: str
    wake: Callable[[], None]
    inflight: InflightLimiter

    def __post_init__(self) -> None:
        self._node = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._tokens = itertools.count(1)
        self._runs: dict[str, _Runs] = {}
        self._orders: OrderedDict[int, Order] = OrderedDict()
        self._limits: dict[str, tuple[int, float]] = {}

    async def run(self, via: str) -> None:
        """Send what is due on a connection until nothing is left."""
        runs = self._runs.setdefault(via, _Runs())
        if runs.count >= _MAX_RUNS:
            # What became due may lie behind the rows that the current runs have read: one of them looks again.
            runs.missed = True
            return
        runs.count += 1
        try:
            connection = self.router.connection(via)
            # Twice the concurrency keeps the connection busy, and leaves the rest to other processes.
            most = min(self.settings.batch, 2 * connection.concurrency if connection else self.settings.batch)
            leased = most
            while leased == most or runs.missed:
                runs.missed = False
                await self.inflight.wait_below(_ACCEPTING_PAUSE_S)
                leased = await self._run_batch(via, most)
        finally:
            runs.count -= 1

    async def _run_batch(self, via: str, most: int) -> int:
        token = f"{self._node}-{next(self._tokens)}"
        now, lease_ms = now_ms(), round(self.settings.lease_s * 1000)
        known = frozenset(self._orders)

        def job(t: Transaction) -> tuple[list[LeasedMessage], dict[int, Order], dict[str, tuple[str, ...]]]:
            due = messages.fetch_due(t, via, token, now, lease_ms, most)
            orders = messages.load_orders(t, {one.order_id for one in due} - known)
            return due, orders, messages.load_group_members(t, [one.transaction_id for one in due if one.group_to])

        due, orders, members = await self.store.write(job)
        self._orders.update(orders)
        if due:
            async with self._lease_extended(token):
                steps = (
                    self._step(one, self._orders[one.order_id], members.get(one.transaction_id, (one.recipient,)))
                    for one in due
                )
                await asyncio.gather(*steps)
        # Orders never change, and the recipients of a bulk share one: the newest stay in memory.
        while len(self._orders) > _MAX_ORDERS:
            self._orders.popitem(last=False)
        return len(due)

    @contextlib.asynccontextmanager
    async def _lease_extended(self, token: str) -> AsyncIterator[None]:
        """Extend the lease again and again for as long as the block runs."""
        lease_ms = round(self.settings.lease_s * 1000)

        async def extend() -> None:
            while True:
                # A third of the lease: two extensions may fail before it ends.
                await asyncio.sleep(self.settings.lease_s / 3)
                await self.store.write(lambda t: messages.extend_lease(t, token, now_ms() + lease_ms))

        task = asyncio.ensure_future(extend())
        try:
            yield
        finally:
            task.cancel()

    # --- one message --------------------------------------------------------------------------------------------

    async def _step(self, due: LeasedMessage, order: Order, to: tuple[str, ...]) -> None:
        now = now_ms()
        try:
            # The validity ended while the message waited for its turn or for a retry.
            if due.expires_at <= now:
                await self._end(due, "expired", _EXPIRED, 15006, "not submitted in time")
                return
            opens = next_open(now, order.window)
            if opens > now:
                await self._reschedule(due, opens, "waiting", "for its delivery window")
                return
            await self._submit(due, order, to)
        except mms.MMSContentError as error:
            await self._fail(due, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not lose the message
            logger.exception("sending a message failed", message=due.message_id)
            await self._fail(due, Unreachable(f"the step failed: {type(error).__name__}"))

    async def _submit(self, due: LeasedMessage, order: Order, to: tuple[str, ...]) -> None:
        route = self.router.route(to[0], order)
        # The message keeps its connection unless that was removed from the connections file.
        if route.connection.name != due.connection and self.router.connection(due.connection) is None:
            name = route.connection.name
            await self._reschedule(due, now_ms(), "rerouted", name, connection=name)
            return
        connection = self.router.connection(due.connection) or route.connection
        limit = due.limit_bytes or await self._observed_limit(connection.name)
        target = target_of(route, connection, len(to), limit)
        rendition = self.renditions.get_cached(due.account, due.order_id, order, target)
        if rendition is None:
            rendition = await self.renditions.rendition(due.account, due.order_id, order, target)
            due = await self._record_fitted(due, rendition)
        request = SubmitRequest(
            transaction_id=due.transaction_id,
            message_id=due.message_id,
            sender=order.sender,
            to=to,
            content=rendition.content,
            subject=rendition.content.subject,
            expiry_s=max(1, (due.expires_at - now_ms()) // 1000),
            date_s=due.send_at // 1000,
            report_url=f"{self.report_url}/{connection.name}" if self.report_url else "",
        )
        result = await self.client.submit(request, connection)
        match result.outcome:
            case "taken":
                await self._record_accepted(due, rendition, connection.name, result.operator_message_id)
            case "too_large":
                await self._fit_smaller(due, rendition.size_bytes, connection.name, result.limit_bytes)
            case "refused":
                status, detail = result.status or _REJECTED, result.text or "by the operator"
                await self._end(due, "rejected", status, result.error, detail)
            case "again":
                await self._retry(due, result.text or "the operator says later", result.retry_after_s)

    async def _observed_limit(self, via: str) -> int:
        """The size beyond which this operator was seen to refuse; the store is asked every few seconds only."""
        limit, until = self._limits.get(via, (0, 0.0))
        if until < time.monotonic():
            since = now_ms() - _LIMIT_TRUSTED_MS
            found = await self.store.read(lambda t: content.observed_limit(t, via, since))
            limit = found or 0
            self._limits[via] = (limit, time.monotonic() + _LIMIT_CACHED_S)
        return limit

    async def _record_fitted(self, due: LeasedMessage, rendition: FittedContent) -> LeasedMessage:
        """Store which rendition was chosen: every later attempt sends the same bytes."""
        columns = {"state": "ready", "rendition": rendition.key, "size_bytes": rendition.size_bytes}
        detail = _describe(rendition)
        await self.store.write(lambda t: messages.record_step(t, due, "fitted", now_ms(), columns, detail=detail))
        return replace(due, rendition=rendition.key, state="ready")

    # --- outcomes of a submission -------------------------------------------------------------------------------

    async def _record_accepted(
        self, due: LeasedMessage, rendition: FittedContent, via: str, operator_message_id: str
    ) -> None:
        now = now_ms()
        # A rendition that was in memory has no step of its own yet: its line goes with this one.
        first = "" if due.rendition == rendition.key else history_line(now, "fitted", _describe(rendition))
        columns = {
            "state": "submitted",
            "rendition": rendition.key,
            "size_bytes": rendition.size_bytes,
            "status": _ENROUTE,
            "operator_message_id": operator_message_id,
            "submitted_at": now,
            "attempt": due.attempt + 1,
        }

        def job(t: Transaction) -> bool:
            detail = f"to {via}"
            held = messages.transition(t, due, "submitted", now, columns, due_at=None, detail=detail, first=first)
            return held and apply_unmatched_events(t, via, operator_message_id, now)

        if await self.store.write(job):
            self.wake()

    async def _fit_smaller(self, due: LeasedMessage, size: int, via: str, named_limit: int | None) -> None:
        """Fit to a smaller limit, once; the limit holds for later messages of the connection too."""
        now, limit = now_ms(), lower_limit(size, named_limit)
        await self.store.write(lambda t: content.remember_limit(t, via, limit, now))
        # The next message of this connection must read the new limit.
        self._limits.pop(via, None)
        if due.limit_bytes:
            raise Refused(f"the operator refused {size:,} bytes, the second fit", error=TOO_BIG_CONTENT)
        detail = f"{size} bytes refused by {via}; to be fitted to {limit}"
        await self._reschedule(due, now, "too large", detail, limit_bytes=limit, state="accepted", rendition="")

    async def _fail(self, due: LeasedMessage, error: mms.MMSContentError) -> None:
        if error.retryable:
            await self._retry(due, str(error), getattr(error, "after_s", None))
            return
        fault = fault_of(error)
        # Our own refusals name the error of the message, for the library's the class decides.
        number = error.error if isinstance(error, Refused) and error.error else fault.error
        await self._end(due, "rejected", fault.status, number, str(error))

    async def _retry(self, due: LeasedMessage, why: str, after_s: float | None) -> None:
        attempt = due.attempt + 1
        wait_s = after_s or submission_retry_s(attempt, self.settings.retry_unit_s)
        # Not after the end of the validity, when the message expires.
        due_at = min(now_ms() + round(wait_s * 1000), due.expires_at)
        await self._reschedule(due, due_at, "again", why, attempt=attempt)

    async def _reschedule(self, due: LeasedMessage, due_at: int, step: str, detail: str, **columns: object) -> None:
        now = now_ms()
        await self.store.write(lambda t: messages.transition(t, due, step, now, columns, due_at=due_at, detail=detail))

    async def _end(self, due: LeasedMessage, state: messages.Ending, status: int, error: int, detail: str) -> None:
        now = now_ms()

        # One transaction: no message ends without the webhook that reports it.
        def job(t: Transaction) -> int:
            ended = messages.finalize(t, due, state, now, status=status, error=error, detail=detail)
            return enqueue_reports(t, ended, now, failed=True)

        if await self.store.write(job):
            self.wake()


def _describe(rendition: FittedContent) -> str:
    return f"{rendition.size_bytes} bytes, rendition {rendition.key[:12]}"
