"""Warm worker processes in which decoders of untrusted media run; the parent's side.

A `SandboxPool` runs one module in a few workers; a `Session` holds the state of one source in one of them. Whatever
goes wrong in a worker becomes one of our errors here, and the next session gets a new worker. Why not multiprocessing
or a process pool: docs/security.md.
"""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mmscontent.sandbox.protocol import Serializer
from mmscontent.sandbox.worker_handle import DEFAULT_LIMITS, SandboxLimits, WorkerHandle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mmscontent.sandbox.hardening import HardeningLayer

# By default: each worker keeps 48 MB of libraries, and a batch has processes of its own.
_MAX_WORKERS = 4


class SandboxPool:
    """Workers that run one module, started when needed and kept warm.

    Args:
        module: Run as `python -m <module>` in each worker; its main calls worker_main.serve.
        workers: At most so many; by default one per processor we may use, four at most.
        classes: Dataclasses that may be sent, the same as given to worker_main.serve.

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
        self._max_workers = workers or min(_processors(), _MAX_WORKERS)
        self._serializer = Serializer(classes)
        self._workers: list[WorkerHandle] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _stop_all, self._workers)
        _POOLS.add(self)

    def open_session(self) -> Session:
        """Open a session in the least busy worker; start one when all are busy and there may be more.

        Raises:
            EngineMissing: This system cannot start workers.
        """
        with self._lock:
            self._workers[:] = [w for w in self._workers if w.alive]
            worker = min(self._workers, key=lambda w: len(w.sessions), default=None)
            if worker is None or (worker.sessions and len(self._workers) < self._max_workers):
                worker = WorkerHandle(self.module, self.limits, self._serializer)
                self._workers.append(worker)
            return Session(self, worker)

    def layers(self) -> tuple[HardeningLayer, ...]:
        """The hardening layers of a worker, each in force or not."""
        with self.open_session() as session:
            return session.layers()

    def close(self) -> None:
        """End all workers; sessions that are still open raise JailKilled, a new session starts a new worker."""
        with self._lock:
            _stop_all(self._workers)

    def _detach_after_fork(self) -> None:
        """In a forked child the workers are the parent's: forget them without signalling them."""
        self._lock = threading.Lock()
        for worker in self._workers:
            worker.detach_after_fork()
        self._workers.clear()


class Session:
    """State of its own in a worker; calls to one worker run one after the other."""

    def __init__(self, pool: SandboxPool, worker: WorkerHandle) -> None:
        # Keeps the pool alive: a pool that nobody refers to ends its workers.
        self._pool = pool
        self._worker = worker
        self._number = worker.open_session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # The garbage collector may run in the middle of a call, so nothing is sent.
        self._worker.discard_session(self._number)

    def call(self, function: str, *args: object, part: str = "", timeout_s: float | None = None) -> object:
        """Call a handler of the worker's module.

        Args:
            function: The handler's name.
            args: Values that can be sent (see protocol.py).
            part: The part it is about, for errors.
            timeout_s: Instead of the limits' wall_s.

        Raises:
            EngineTimeout: It took longer than it may; the worker was ended.
            JailKilled: The worker died or was ended: `memory`, `cpu time`, `file size`, `system call`, `crash`,
                `reply` (it broke the protocol), or `neighbour` (another call's fault: a new session may retry).
            EngineFailed: The handler raised something that is none of our errors.
            MMSContentError: The error of ours that the handler raised.
        """
        order = {"function": function, "args": args, "part": part, "session": self._number}
        return self._worker.call(order, part, timeout_s)

    def layers(self) -> tuple[HardeningLayer, ...]:
        """The hardening layers of this session's worker."""
        return self._worker.layers()

    def close(self) -> None:
        """Drop the session's state in the worker; closing twice is harmless."""
        self._worker.close_session(self._number)


def shared_pool(
    module: str, *, limits: SandboxLimits = DEFAULT_LIMITS, classes: Iterable[type] = (), workers: int | None = None
) -> SandboxPool:
    """The pool of this process for a module: made at first use, ended at exit, made anew after a fork.

    Limits, classes and number of workers are those of the first use.
    """
    with _SHARED.lock:
        pool = _SHARED.by_module.get(module)
        if pool is None:
            pool = _SHARED.by_module[module] = SandboxPool(module, limits=limits, classes=classes, workers=workers)
        return pool


@dataclass(slots=True)
class _SharedPools:
    lock: threading.Lock = field(default_factory=threading.Lock)
    by_module: dict[str, SandboxPool] = field(default_factory=dict)


def _stop_all(workers: list[WorkerHandle]) -> None:
    for worker in workers:
        worker.stop()
    workers.clear()


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_POOLS: weakref.WeakSet[SandboxPool] = weakref.WeakSet()
_SHARED = _SharedPools()


def _after_fork() -> None:
    # Another thread of the parent may have held a lock at the fork; nobody in the child would release it.
    _SHARED.lock = threading.Lock()
    for pool in list(_POOLS):
        pool._detach_after_fork()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
