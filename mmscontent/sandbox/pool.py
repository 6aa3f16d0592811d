"""Warm worker processes in which decoders of untrusted media live; the parent's side.

A `Jail` runs one module in a few workers; a `Seat` is a place in one of them, so that a source stays where it was
decoded. Whatever goes wrong inside ends as one of our errors here, and the next seat gets a new worker.
Why not multiprocessing or a process pool: docs/security.md.
"""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mmscontent.sandbox.hardening import Layer
from mmscontent.sandbox.protocol import Registry
from mmscontent.sandbox.worker_handle import DEFAULT_LIMITS, JailLimits, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Jail", "JailLimits", "Layer", "Seat", "shared"]


class Jail:
    """Workers that run one module, started at need and kept warm.

    Args:
        module: Run as `python -m <module>` in each worker; its main calls inmate.serve.
        workers: At most so many; by default one per processor we may use, four at most.
        registry: Dataclasses that may cross the wall, the same as given to inmate.serve.

    Raises:
        ValueError: A class of the registry has fields that cannot be checked.
    """

    def __init__(
        self,
        module: str,
        *,
        workers: int | None = None,
        limits: JailLimits = DEFAULT_LIMITS,
        registry: Iterable[type] = (),
    ) -> None:
        self.module = module
        self.limits = limits
        self._most = workers or min(_processors(), 4)
        self._registry = Registry(registry)
        self._workers: list[Worker] = []
        self._lock = threading.Lock()
        self._closing = weakref.finalize(self, _end_all, self._workers)
        _JAILS.add(self)

    def seat(self) -> Seat:
        """A place in the least busy worker; one is started when all are busy and there may be more.

        Raises:
            EngineMissing: This system cannot start workers.
        """
        with self._lock:
            self._workers[:] = [w for w in self._workers if w.alive]
            free = min(self._workers, key=lambda w: len(w.seats), default=None)
            if free is None or (free.seats and len(self._workers) < self._most):
                free = Worker(self.module, self.limits, self._registry)
                self._workers.append(free)
            return Seat(self, free)

    def layers(self) -> tuple[Layer, ...]:
        """The layers of the jail as a worker found them, in force or not."""
        with self.seat() as seat:
            return seat.layers()

    def close(self) -> None:
        """End all workers; seats that are still held raise JailKilled, a new seat starts a new worker."""
        with self._lock:
            _end_all(self._workers)

    def _forget_after_fork(self) -> None:
        """In a forked child the workers are the parent's: let go of them without a word."""
        self._lock = threading.Lock()
        for worker in self._workers:
            worker.disown()
        self._workers.clear()


class Seat:
    """A place in a worker, with a state of its own there; calls to one worker run one after the other."""

    def __init__(self, jail: Jail, worker: Worker) -> None:
        self._jail = jail  # a jail nobody holds ends its workers
        self._worker = worker
        self._number = worker.take_seat()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # May run in the middle of anything, so nothing is sent.
        self._worker.drop_seat(self._number)

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
                `reply` (it broke the protocol), or `neighbour` (another call's fault: a new seat may retry).
            EngineFailed: The handler raised something that is none of our errors.
            MMSContentError: What the handler raised of ours.
        """
        order = {"function": function, "args": args, "part": part, "seat": self._number}
        return self._worker.call(order, part, timeout_s)

    def layers(self) -> tuple[Layer, ...]:
        """The layers of this seat's worker."""
        return self._worker.layers()

    def close(self) -> None:
        """Forget the seat's state in the worker; closing twice is harmless."""
        self._worker.leave_seat(self._number)


def shared(
    module: str,
    *,
    limits: JailLimits = DEFAULT_LIMITS,
    registry: Iterable[type] = (),
    workers: int | None = None,
) -> Jail:
    """The one jail of this process for a module: made at first use, ended at exit, made anew after a fork.

    Limits, registry and number of workers are those of the first use.
    """
    with _SHARED.lock:
        jail = _SHARED.jails.get(module)
        if jail is None:
            jail = _SHARED.jails[module] = Jail(module, limits=limits, registry=registry, workers=workers)
        return jail


@dataclass(slots=True)
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    jails: dict[str, Jail] = field(default_factory=dict)


def _end_all(workers: list[Worker]) -> None:
    for worker in workers:
        worker.end()
    workers.clear()


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_JAILS: weakref.WeakSet[Jail] = weakref.WeakSet()
_SHARED = _Shared()


def _after_fork() -> None:
    _SHARED.lock = threading.Lock()
    for jail in list(_JAILS):
        jail._forget_after_fork()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
