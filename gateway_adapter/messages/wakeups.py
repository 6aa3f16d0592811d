"""Carries wake-ups by dramatiq, within this process or between many; the work itself is in the store.

A broker message says "something is due on this connection" and no more. A lost one is made up for by the next round of
housekeeping, and a repeated one finds nothing left to do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.stub import StubBroker

from gateway_adapter.errors import Misconfigured
from gateway_adapter.logging import logger

if TYPE_CHECKING:
    from dramatiq import Broker, Worker

WEBHOOKS_DUE = "*hooks"  # the name of due webhooks on the bus; no connection is called so
_QUEUE = "mms_gateway"
# Equal wake-ups within this time are sent as one.
_COLLECT_S = 0.002
_COLLECT_REMOTE_S = 0.01


def make_broker(url: str) -> Broker:
    """The broker of a URL (Redis or RabbitMQ); this process alone without one.

    Raises:
        Misconfigured: The URL names no broker that is known, or its client is not installed.
    """
    scheme = url.partition("://")[0]
    if not url:
        # No middleware: retries and time limits are the store's matter, by leases and `due_at`.
        return StubBroker(middleware=[])
    try:
        if scheme in ("redis", "rediss"):
            from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - only where it is used

            return RedisBroker(url=url, middleware=[])  # type: ignore[no-untyped-call]
        if scheme in ("amqp", "amqps"):
            from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415

            return RabbitmqBroker(url=url, middleware=[])
    except ImportError as error:
        raise Misconfigured(
            f"MMS_GATEWAY_BROKER_URL is a {scheme} URL, and its client is not installed: {error}",
            file="MMS_GATEWAY_BROKER_URL",
        ) from error
    raise Misconfigured(f"MMS_GATEWAY_BROKER_URL begins with {scheme}; write redis:// or amqp://", value=scheme)


class WakeupBus:
    """Wakes the workers of a name, in this process or another.

    Args:
        run: Does the due work of a name; a coroutine function of the loop that calls `start`.
    """

    def __init__(self, broker_url: str, run: Callable[[str], Awaitable[None]], *, worker_threads: int) -> None:
        self._broker = make_broker(broker_url)
        self._remote = bool(broker_url)
        self._run = run
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = worker_threads
        self._waiting: set[str] = set()
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._actor = dramatiq.actor(actor_name="due", queue_name=_QUEUE, broker=self._broker)(self._act)

    def start(self) -> None:
        """Start to run woken work in this event loop."""
        self._loop = asyncio.get_running_loop()
        self._worker = dramatiq.Worker(self._broker, worker_threads=self._threads, worker_timeout=100)
        self._worker.start()

    def stop(self) -> None:
        """Accept no more wake-ups; running work is finished or left to its lease."""
        if self._worker is not None:
            self._worker.stop(timeout=2000)
        self._broker.close()

    def notify(self, names: Iterable[str]) -> None:
        """Announce due work of these names; may be called from any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return  # the first round of housekeeping finds the work
        with self._lock:
            fresh = not self._waiting
            self._waiting.update(names)
        if fresh:
            loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        asyncio.get_running_loop().call_later(_COLLECT_REMOTE_S if self._remote else _COLLECT_S, self._send_collected)

    def _send_collected(self) -> None:
        with self._lock:
            names, self._waiting = self._waiting, set()
        if self._remote:  # the broker's client blocks
            asyncio.get_running_loop().run_in_executor(None, self._send, names)
        else:
            self._send(names)

    def _send(self, names: set[str]) -> None:
        for name in names:
            try:
                self._actor.send(name)
            except (dramatiq.errors.BrokerError, OSError) as error:
                logger.warning("wake-up not sent", error=str(error))  # housekeeping makes up for it

    def _act(self, name: str) -> None:
        assert self._loop is not None
        try:
            # The actor's thread waits for the loop, so that dramatiq runs at most `worker_threads` at once.
            asyncio.run_coroutine_threadsafe(self._awaited(name), self._loop).result()
        except (CancelledError, RuntimeError) as error:  # the loop ended first
            logger.debug("wake-up not run", name=name, error=str(error))

    async def _awaited(self, name: str) -> None:
        try:
            await self._run(name)
        except Exception:  # noqa: BLE001 - housekeeping tries again; the worker thread must survive
            logger.exception("work failed", name=name)
