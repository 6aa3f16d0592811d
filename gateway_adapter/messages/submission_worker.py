"""A message on its way out: taken, routed, fitted, submitted, written down. Every step can be done twice unharmed.

What is written is written under the lease it was read with. A submission's transaction id was fixed when the message
was accepted: whatever dies in between, the operator recognises the next try.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import mmscontent as mms
from gateway_adapter.connectors.base import SubmitRequest
from gateway_adapter.connectors.registry import encoding_of, overhead_of
from gateway_adapter.errors import Refused, Unreachable
from gateway_adapter.logging import logger
from gateway_adapter.messages.operator_events import reconcile
from gateway_adapter.messages.renditions import RenditionTarget, lower_limit
from gateway_adapter.schedule import next_open
from gateway_adapter.statuses import fault_of
from gateway_adapter.store import messages, references
from gateway_adapter.store.reports import enqueue_reports
from gateway_adapter.store.serialization import history_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy import Connection as Database

    from gateway_adapter.connectors.base import Connection, SubmitResult
    from gateway_adapter.messages.rendition_cache import CachedRendition, RenditionCache
    from gateway_adapter.messages.routing import Route, Router
    from gateway_adapter.model import Order
    from gateway_adapter.settings import Settings
    from gateway_adapter.store.messages import LeasedMessage
    from gateway_adapter.store.transaction_queue import TransactionQueue
    from gateway_adapter.transport.inflight_limiter import InflightLimiter
    from gateway_adapter.transport.operator_client import OperatorClient

__all__ = ["SubmissionWorker"]

_MOST_RUNS = 3  # of one connection at once: who is slow shall not take every actor
_MOST_ORDERS = 2048
_LONGEST_WAIT_S = 300.0
_LET_PASS_S = 1.0
_ENROUTE, _EXPIRED, _UNDELIVERABLE, _REJECTED = 7, 15, 31, 6
_LIMIT_TRUSTED_MS = 7 * 24 * 3600 * 1000  # then a size that was refused is tried again


@dataclass(slots=True)
class _Gate:
    """How many runs a connection has in this process, and whether one was turned away meanwhile."""

    running: int = 0
    missed: bool = False


class SubmissionWorker:
    """Does what is due on connections; belongs to one event loop.

    Args:
        wake: Called when something is to be told to a customer.
        crowd: Requests at the door: taking them goes first, for a moment.
    """

    def __init__(
        self,
        settings: Settings,
        store: TransactionQueue,
        fitter: RenditionCache,
        router: Router,
        sender: OperatorClient,
        *,
        report_url: str,
        wake: Callable[[], None],
        inflight: InflightLimiter,
    ) -> None:
        self._settings = settings
        self._store = store
        self._fitter = fitter
        self._router = router
        self._sender = sender
        self._report_url = report_url
        self._wake = wake
        self._inflight = inflight
        self._node = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._tokens = itertools.count(1)
        self._gates: dict[str, _Gate] = {}
        self._orders: OrderedDict[int, Order] = OrderedDict()
        self._limits: dict[str, tuple[int, float]] = {}

    async def run(self, via: str) -> None:
        """Take and do what is due on a connection until nothing is left."""
        gate = self._gates.setdefault(via, _Gate())
        if gate.running >= _MOST_RUNS:
            gate.missed = True
            return
        gate.running += 1
        try:
            connection = self._router.connection(via)
            most = min(self._settings.batch, 2 * connection.concurrency if connection else self._settings.batch)
            taken = most
            while taken == most or gate.missed:
                gate.missed = False
                await self._inflight.wait_below(_LET_PASS_S)
                taken = await self._batch(via, most)
        finally:
            gate.running -= 1

    async def _batch(self, via: str, most: int) -> int:
        token = f"{self._node}-{next(self._tokens)}"
        now, lease_ms = _now_ms(), round(self._settings.lease_s * 1000)
        known = frozenset(self._orders)

        def job(database: Database) -> tuple[list[LeasedMessage], dict[int, Order], dict[str, tuple[str, ...]]]:
            due = messages.fetch_due(database, via, token, now, lease_ms, most)
            orders = messages.load_orders(database, {one.order_id for one in due} - known)
            return (
                due,
                orders,
                messages.load_group_members(database, [one.transaction_id for one in due if one.group_to]),
            )

        due, orders, members = await self._store.write(job)
        for order_id, order in orders.items():
            self._orders[order_id] = order
        if due:
            async with self._held(token):
                await asyncio.gather(
                    *(
                        self._step(one, self._orders[one.order_id], members.get(one.transaction_id, (one.recipient,)))
                        for one in due
                    )
                )
        while len(self._orders) > _MOST_ORDERS:
            self._orders.popitem(last=False)
        return len(due)

    @contextlib.asynccontextmanager
    async def _held(self, token: str) -> AsyncIterator[None]:
        """Lengthen the lease for as long as the work takes."""
        task = asyncio.ensure_future(self._hold(token))
        try:
            yield
        finally:
            task.cancel()

    async def _hold(self, token: str) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            await self._store.write(
                lambda c: messages.extend_lease(c, token, _now_ms() + round(self._settings.lease_s * 1000))
            )

    # --- one message --------------------------------------------------------------------------------------------

    async def _step(self, due: LeasedMessage, order: Order, to: tuple[str, ...]) -> None:
        now = _now_ms()
        try:
            if due.expires_at <= now:
                await self._end(due, "expired", _EXPIRED, 15006, "not submitted in time")
                return
            opens = next_open(now, order.window)
            if opens > now:
                await self._put_off(due, opens, "waiting", "for its delivery window")
                return
            await self._submit(due, order, to)
        except mms.MMSContentError as error:
            await self._failed(due, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose the message
            logger.exception("step", message=due.message_id)
            await self._failed(due, Unreachable(f"the step failed: {type(error).__name__}"))

    async def _submit(self, due: LeasedMessage, order: Order, to: tuple[str, ...]) -> None:
        route = self._router.route(to[0], order)
        if route.connection.name != due.connection and self._router.connection(due.connection) is None:
            await self._put_off(due, _now_ms(), "rerouted", route.connection.name, connection=route.connection.name)
            return
        connection = self._router.connection(due.connection) or route.connection
        target = await self._target(due, route, connection, len(to))
        made = self._fitter.get_cached(due.account, due.order_id, order, target)
        if made is None:
            made = await self._fitter.rendition(due.account, due.order_id, order, target)
            due = await self._note_fitted(due, made)
        left_s = max(1, (due.expires_at - _now_ms()) // 1000)
        submit = SubmitRequest(
            transaction_id=due.transaction_id,
            message_id=due.message_id,
            sender=order.sender,
            to=to,
            content=made.content,
            subject=made.content.subject,
            expiry_s=left_s,
            date_s=due.send_at // 1000,
            report_url=f"{self._report_url}/{connection.name}" if self._report_url else "",
        )
        answer = await self._sender.submit(submit, connection)
        await _OUTCOMES[answer.outcome](self, due, connection, made, answer)

    async def _target(
        self, due: LeasedMessage, route: Route, connection: Connection, recipients: int
    ) -> RenditionTarget:
        limit = due.limit_bytes
        if not limit:
            since = _now_ms() - _LIMIT_TRUSTED_MS
            limit = await self._observed(connection.name, since)
        encoding, overhead = encoding_of(connection), overhead_of(connection, recipients)
        return RenditionTarget(route.carrier, route.route, route.device, encoding, limit, recipients, overhead)

    async def _observed(self, via: str, since: int) -> int:
        """The size this operator was seen to refuse beyond; asked of the store once a while."""
        known = self._limits.get(via)
        if known is None or known[1] < time.monotonic():
            found = await self._store.read(lambda c: references.observed_limit(c, via, since))
            known = self._limits[via] = (found or 0, time.monotonic() + 5.0)
        return known[0]

    async def _note_fitted(self, due: LeasedMessage, made: CachedRendition) -> LeasedMessage:
        """The rendition is chosen: every later try sends the same bytes."""
        said = {"state": "ready", "rendition": made.key, "size_bytes": made.size_bytes}
        await self._store.write(lambda c: messages.record_step(c, due, "fitted", _now_ms(), said, detail=_fitted(made)))
        return replace(due, rendition=made.key, state="ready")

    # --- how it went --------------------------------------------------------------------------------------------

    async def _taken(
        self, due: LeasedMessage, connection: Connection, made: CachedRendition, answer: SubmitResult
    ) -> None:
        now = _now_ms()
        first = "" if due.rendition == made.key else history_line(now, "fitted", _fitted(made))
        said = {
            "state": "submitted",
            "rendition": made.key,
            "size_bytes": made.size_bytes,
            "status": _ENROUTE,
            "operator_message_id": answer.operator_message_id,
            "submitted_at": now,
            "attempt": due.attempt + 1,
        }

        def job(database: Database) -> bool:
            kept = messages.transition(
                database, due, "submitted", now, said, due_at=None, detail=f"to {connection.name}", first=first
            )
            return kept and reconcile(database, connection.name, answer.operator_message_id, now)

        if await self._store.write(job):
            self._wake()

    async def _too_large(
        self, due: LeasedMessage, connection: Connection, made: CachedRendition, answer: SubmitResult
    ) -> None:
        """Fit once more, smaller; what was learned holds for later messages too."""
        now = _now_ms()
        limit = lower_limit(made.size_bytes, answer.limit_bytes)
        await self._store.write(lambda c: references.remember_limit(c, connection.name, limit, now))
        self._limits.pop(connection.name, None)
        if due.limit_bytes:
            raise Refused(f"the operator refused {made.size_bytes:,} bytes, the second fit", error=15026)
        detail = f"{made.size_bytes} bytes refused by {connection.name}; to be fitted to {limit}"
        await self._put_off(due, now, "too large", detail, limit_bytes=limit, state="accepted", rendition="")

    async def _refused(
        self, due: LeasedMessage, _connection: Connection, _made: CachedRendition, answer: SubmitResult
    ) -> None:
        await self._end(due, "rejected", answer.status or _REJECTED, answer.error, answer.text or "by the operator")

    async def _again(
        self, due: LeasedMessage, _connection: Connection, _made: CachedRendition, answer: SubmitResult
    ) -> None:
        await self._retry(due, answer.text or "the operator says later", answer.retry_after_s)

    async def _failed(self, due: LeasedMessage, error: mms.MMSContentError) -> None:
        if error.retryable:
            await self._retry(due, str(error), getattr(error, "after_s", None))
            return
        fault = fault_of(error)
        number = error.error if isinstance(error, Refused) and error.error else fault.error
        await self._end(due, "rejected", fault.status, number, str(error))

    async def _retry(self, due: LeasedMessage, why: str, after_s: float | None) -> None:
        wait_s = min(2.0**due.attempt * min(1.0, self._settings.retry_unit_s), _LONGEST_WAIT_S)
        due_at = min(_now_ms() + round((after_s or wait_s) * 1000), due.expires_at)
        await self._put_off(due, due_at, "again", why, attempt=due.attempt + 1)

    async def _put_off(self, due: LeasedMessage, due_at: int, step: str, detail: str, **columns: object) -> None:
        now = _now_ms()
        await self._store.write(lambda c: messages.transition(c, due, step, now, columns, due_at=due_at, detail=detail))

    async def _end(self, due: LeasedMessage, state: messages.Ending, status: int, error: int, detail: str) -> None:
        now = _now_ms()

        def job(database: Database) -> int:
            ended = messages.finalize(database, due, state, now, status=status, error=error, detail=detail)
            return enqueue_reports(database, ended, now, failed=True)

        if await self._store.write(job):
            self._wake()


def _fitted(made: CachedRendition) -> str:
    return f"{made.size_bytes} bytes, rendition {made.key[:12]}"


_OUTCOMES = {
    "taken": SubmissionWorker._taken,  # noqa: SLF001 - the class's own table
    "too_large": SubmissionWorker._too_large,  # noqa: SLF001
    "refused": SubmissionWorker._refused,  # noqa: SLF001
    "again": SubmissionWorker._again,  # noqa: SLF001
}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
