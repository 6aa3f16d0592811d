"""The engine `cluster`: the same work on the machines of a Ray cluster, or on a small one that is started here.

Ray's own retries are off: it is told apart here what an item did to its worker from what happened to the machine under
it. Files travel as references into Ray's shared store, so they are readable on every machine, shared disk or not.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mmscontent.batch.items import SourceFile, limit_sandbox_workers, read_source, run_item
from mmscontent.batch.model import Failure, Result
from mmscontent.errors import EngineFailed, EngineMissing, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from mmscontent.batch.model import Task

__all__ = ["run_cluster"]

Ray = Any  # the module; it may not be installed, and only this engine pays for loading it
Ref = Any  # what Ray hands out for a result to come

_TRIES = 2  # as locally: an item that ends two workers is to blame
_MOVES = 10  # machines that may go away under one item
_GRACE_S = 90.0  # for a worker's start, and for one that does not even hear that its time is up
_LOOK_S = 0.5
_COUNT_S = 2.0  # how often the cluster's processors are counted; machines come and go


def run_cluster(
    tasks: Iterator[Task],
    workers: int | None,
    address: str | None,
    *,
    work: Callable[[Task, Callable[[Path], SourceFile]], Result] = run_item,
) -> Generator[Result]:
    """Results as they are finished; closing the iterator ends all work at once.

    Args:
        tasks: Taken one by one, as processors are free.
        workers: At most so many at a time; as many as the cluster has processors when None.
        address: Of a running cluster (`host:port`, or `ray://host:port`); one on this machine is started when None.
        work: What is done with a task.

    Raises:
        EngineMissing: Ray is not installed.
        EngineFailed: The cluster cannot be reached.
    """
    ray = _connected(workers, address)
    try:
        yield from _Scheduler(ray, tasks, workers, work).results()
    finally:
        ray.shutdown()


def _connected(workers: int | None, address: str | None) -> Ray:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours is told to anybody
    try:
        ray: Ray = importlib.import_module("ray")
    except ImportError as exc:
        raise EngineMissing(
            'batches on a cluster need Ray, which is not installed; pip install "mmscontent[cluster]", '
            "or use --engine local"
        ) from exc
    quiet = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address is not None:
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
    except Exception as exc:
        raise EngineFailed(f"the Ray cluster at {address or 'this machine'} cannot be reached: {exc}") from exc
    return ray


@dataclass(slots=True)
class _InFlightItem:
    """One task on its way.

    Attributes:
        tries: Workers it was given to that were not lost with their machine.
    """

    task: Task
    since: float
    tries: int = 1
    moves: int = 0
    late: bool = False


class _Scheduler:
    """What is given out and what waits; never more is given out than there are processors, so it starts at once."""

    def __init__(
        self,
        ray: Ray,
        tasks: Iterator[Task],
        workers: int | None,
        work: Callable[..., Result],
    ) -> None:
        self._ray = ray
        self._tasks = tasks
        self._workers = workers
        self._do = ray.remote(num_cpus=1, max_retries=0)(_do)
        self._work = work
        self._again: deque[_InFlightItem] = deque()
        self._flying: dict[Ref, _InFlightItem] = {}
        self._places, self._counted = 1, float("-inf")

    def results(self) -> Generator[Result]:
        """One result a task."""
        try:
            while self._give_out() or self._flying:
                ready, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=_LOOK_S)
                for ref in ready:
                    result = self._settled(ref, self._flying.pop(ref))
                    if result is not None:
                        yield result
                self._stop_late()
        finally:
            for ref in self._flying:
                self._ray.cancel(ref, force=True)

    def _give_out(self) -> bool:
        """Give out tasks while there are free processors; whether there is anything to wait for."""
        self._count()
        while len(self._flying) < self._places:
            flight = self._again.popleft() if self._again else self._next()
            if flight is None:
                return False
            blobs = [self._ray.put(blob) for blob in _blobs(flight.task)]
            flight.since = time.monotonic()
            self._flying[self._do.remote(self._work, flight.task, *blobs)] = flight
        return True

    def _next(self) -> _InFlightItem | None:
        task = next(self._tasks, None)
        return None if task is None else _InFlightItem(task, 0.0)

    def _count(self) -> None:
        if time.monotonic() - self._counted > _COUNT_S:
            found = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            self._places = min(found, self._workers or found)
            self._counted = time.monotonic()

    def _settled(self, ref: Ref, flight: _InFlightItem) -> Result | None:
        """The result of a task that came back; None when it goes out once more."""
        lost = self._ray.exceptions
        try:
            result: Result = self._ray.get(ref)
            return replace(result, tries=flight.tries)
        except (lost.NodeDiedError, lost.ObjectLostError, lost.LocalRayletDiedError, lost.RaySystemError) as exc:
            flight.moves += 1
            how, again = f"{type(exc).__name__}: its machine went away", flight.moves < _MOVES
            self._counted = float("-inf")
        except lost.RayError as exc:
            if flight.late:
                return _timed_out(flight.task)
            again = flight.tries < _TRIES
            flight.tries += again
            how = _words(exc)
        if again:
            self._again.append(flight)
            return None
        name = flight.task.item.name
        words = f"{name} ended its worker {flight.tries} times ({how}); leave it out"
        return Result(name, "failed", failure=Failure("batch/crashed", words, retryable=True), tries=flight.tries)

    def _stop_late(self) -> None:
        """End the workers that did not end their items themselves; they come back as errors."""
        now = time.monotonic()
        for ref, flight in self._flying.items():
            if not flight.late and now - flight.since > flight.task.settings.timeout_s + _GRACE_S:
                flight.late = True
                self._ray.cancel(ref, force=True)


def _words(error: Exception) -> str:
    """What an error of Ray's says, in one line; what was raised in the worker where that is known."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__


def _timed_out(task: Task) -> Result:
    words = (
        f"{task.item.name} took longer than {task.settings.timeout_s:g} s and was stopped; allow more or leave it out"
    )
    return Result(task.item.name, "failed", failure=Failure("batch/timeout", words, retryable=True))


def _blobs(task: Task) -> list[SourceFile | None]:
    """The bytes of a task's files; None for one that cannot be read, which the worker will say."""
    found: list[SourceFile | None] = []
    for path in task.item.files if task.item.fault is None else ():
        try:
            found.append(read_source(path))
        except (SourceError, OSError):
            found.append(None)
    return found


class _TimeoutSignal(BaseException):
    """An item's time is up; no `except Exception` on the way stops it."""


def _do(work: Callable[..., Result], task: Task, *blobs: SourceFile | None) -> Result:
    """In the worker, on whatever machine; its time counts from here, not from when its worker was started."""
    limit_sandbox_workers()
    known = dict(zip(task.item.files, blobs, strict=False))

    def get(path: Path) -> SourceFile:
        return known.get(path) or read_source(path)

    def ring(*_: object) -> None:
        raise _TimeoutSignal

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, task.settings.timeout_s)
    try:
        return work(task, get)
    except _TimeoutSignal:
        return _timed_out(task)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
