"""Warm worker processes in which decoders of untrusted media live; the parent's side.

A `SandboxPool` runs one module in a few workers; a `Session` holds the state of one source in one of them.
Whatever goes wrong inside ends as one of our errors here, and the next session gets a new worker.
Why not multiprocessing or a process pool: docs/security.md.
"""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mmscontent.sandbox.hardening import HardeningLayer
from mmscontent.sandbox.protocol import Serializer
from mmscontent.sandbox.worker_handle import DEFAULT_LIMITS, SandboxLimits, WorkerHandle

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HardeningLayer", "SandboxLimits", "SandboxPool", "Session", "shared_pool"]


class SandboxPool:
    """Workers that run one module, started at need and kept warm.

    Args:
        module: Run as `python -m <module>` in each worker; its main calls worker_main.serve.
        workers: At most so many; by default one per processor we may use, four at most.
        classes: Dataclasses that may cross the wall, the same as given to worker_main.serve.

    Raises:
        ValueError: A class has fields that cannot be checked.
    """

    def __init__(
        self,
        module: str,
        *,
        workers: int | None = None,
        limits: SandboxLimits = DEFAULT_LIMITS,
        classes: Iterable[type] = (),
    ) -> None:
        self.module = module
        self.limits = limits
        self._most = workers or min(_processors(), 4)
        self._registry = Serializer(classes)
        self._workers: list[WorkerHandle] = []
        self._lock = threading.Lock()
        self._closing = weakref.finalize(self, _stop_all, self._workers)
        _POOLS.add(self)

    def open_session(self) -> Session:
        """A place in the least busy worker; one is started when all are busy and there may be more.

        Raises:
            EngineMissing: This system cannot start workers.
        """
        with self._lock:
            self._workers[:] = [w for w in self._workers if w.alive]
            free = min(self._workers, key=lambda w: len(w.sessions), default=None)
            if free is None or (free.sessions and len(self._workers) < self._most):
                free = WorkerHandle(self.module, self.limits, self._registry)
                self._workers.append(free)
            return Session(self, free)

    def layers(self) -> tuple[HardeningLayer, ...]:
        """The layers of the pool as a worker found them, in force or not."""
        with self.open_session() as session:
            return session.layers()

    def close(self) -> None:
        """End all workers; sessions that are still held raise JailKilled, a new session starts a new worker."""
        with self._lock:
            _stop_all(self._workers)

    def _forget_after_fork(self) -> None:
        """In a forked child the workers are the parent's: let go of them without a word."""
        self._lock = threading.Lock()
        for worker in self._workers:
            worker.detach_after_fork()
        self._workers.clear()


class Session:
    """A place in a worker, with a state of its own there; calls to one worker run one after the other."""

    def __init__(self, pool: SandboxPool, worker: WorkerHandle) -> None:
        self._pool = pool  # a pool nobody holds ends its workers
        self._worker = worker
        self._number = worker.open_session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # May run in the middle of anything, so nothing is sent.
        self._worker.discard_session(self._number)

    def call(self, function: str, *args: object, part: str = "", timeout_s: float | None = None) -> object:
        """Call a handler of the worker's module.

        Args:
            function: The handler's name.
            args: Values that may cross the wall (see frames.py).
            part: The part it is about, for errors.
            timeout_s: Instead of the limits' wall_s.

        Raises:
            EngineTimeout: It took longer than it may; the worker was ended.
            JailKilled: The worker died or was ended: `memory`, `cpu time`, `file size`, `system call`, `crash`,
                `reply` (it broke the protocol), or `neighbour` (another call's fault: a new session may retry).
            EngineFailed: The handler raised something that is none of our errors.
            MMSContentError: What the handler raised of ours.
        """
        order = {"function": function, "args": args, "part": part, "session": self._number}
        return self._worker.call(order, part, timeout_s)

    def layers(self) -> tuple[HardeningLayer, ...]:
        """The layers of this session's worker."""
        return self._worker.layers()

    def close(self) -> None:
        """Forget the session's state in the worker; closing twice is harmless."""
        self._worker.close_session(self._number)


def shared_pool(
    module: str,
    *,
    limits: SandboxLimits = DEFAULT_LIMITS,
    classes: Iterable[type] = (),
    workers: int | None = None,
) -> SandboxPool:
    """The one pool of this process for a module: made at first use, ended at exit, made anew after a fork.

    Limits, classes and number of workers are those of the first use.
    """
    with _SHARED.lock:
        pool = _SHARED.pools.get(module)
        if pool is None:
            pool = _SHARED.pools[module] = SandboxPool(module, limits=limits, classes=classes, workers=workers)
        return pool


@dataclass(slots=True)
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    pools: dict[str, SandboxPool] = field(default_factory=dict)


def _stop_all(workers: list[WorkerHandle]) -> None:
    for worker in workers:
        worker.stop()
    workers.clear()


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_POOLS: weakref.WeakSet[SandboxPool] = weakref.WeakSet()
_SHARED = _Shared()


def _after_fork() -> None:
    _SHARED.lock = threading.Lock()
    for pool in list(_POOLS):
        pool._forget_after_fork()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
