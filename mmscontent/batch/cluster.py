"""The engine `cluster`: runs items on the machines of a Ray cluster, or on a small one that is started here.

Ray's own retries are off: the scheduler below tells what an item did to its worker from what happened to the machine
under it. Files travel as references into Ray's shared store, so every machine can read them, shared disk or not.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmscontent.batch.items import SourceFile, crashed, limit_sandbox_workers, read_source, run_item, timed_out
from mmscontent.errors import EngineFailed, EngineMissing, SourceError

if TYPE_CHECKING:
    from mmscontent.batch.model import Result, Task

Ray = Any  # the module; it may not be installed, and only this engine loads it
Ref = Any  # Ray's reference to a result that is still to come

_TRIES = 2  # as locally: an item that ends two workers is to blame
_MOVES = 10  # machines that may go away under one item
_GRACE_S = 90.0  # for a worker's start, and for one that hangs so hard that its own timer does not fire
_WAIT_S = 0.5  # between two checks for overdue items
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
        workers: The most items that run at a time; as many as the cluster has processors when None.
        address: Of a running cluster (`host:port`, or `ray://host:port`); one on this machine is started when None.
        work: The function that runs a task.

    Raises:
        EngineMissing: Ray is not installed.
        EngineFailed: The cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours is reported to anybody
    try:
        ray: Ray = importlib.import_module("ray")
    except ImportError as exc:
        raise EngineMissing(
            'batches on a cluster need Ray, which is not installed; pip install "mmscontent[cluster]", '
            "or use --engine local"
        ) from exc
    with _without_ray_output(ray):
        _connect(ray, workers, address)
        try:
            yield from _Scheduler(ray, tasks, workers, work).results()
        finally:
            ray.shutdown()


@contextmanager
def _without_ray_output(ray: Ray) -> Iterator[None]:
    """Keep Ray's lines off standard output, which belongs to the caller.

    A thread of Ray prints "A worker died …" there whatever `log_to_driver` says; this flag is its only switch
    (print_worker_logs in ray/_private/worker.py of Ray 2.60). tests/batch/test_cluster.py holds that it works.
    """
    printer = ray._private.worker  # noqa: SLF001 - there is no public switch
    before = getattr(printer, "_worker_logs_enabled", True)
    printer._worker_logs_enabled = False  # noqa: SLF001 - as above
    try:
        yield
    finally:
        printer._worker_logs_enabled = before  # noqa: SLF001 - as above


def _connect(ray: Ray, workers: int | None, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address is not None:
            ray.init(address=address, **quiet)
        else:
            # On loopback alone: no other machine reaches a cluster that is started here.
            ray.init(num_cpus=workers, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
    except Exception as exc:
        raise EngineFailed(f"the Ray cluster at {address or 'this machine'} cannot be reached: {exc}") from exc


@dataclass(slots=True)
class _InFlightItem:
    """One submitted task.

    Attributes:
        tries: Workers that ran it and were not lost with their machine.
        moves: Machines that went away under it.
    """

    task: Task
    since: float
    tries: int = 1
    moves: int = 0
    overdue: bool = False


class _Scheduler:
    """Submits tasks and collects their results; no more are in flight than processors, so each starts at once."""

    def __init__(self, ray: Ray, tasks: Iterator[Task], workers: int | None, work: Callable[..., Result]) -> None:
        self._ray = ray
        self._tasks = tasks
        self._workers = workers
        # Without retries of Ray's own, which would count neither tries nor moves.
        self._run = ray.remote(num_cpus=1, max_retries=0)(_run)
        self._work = work
        self._retries: deque[_InFlightItem] = deque()
        self._in_flight: dict[Ref, _InFlightItem] = {}
        self._slots, self._counted_at = 1, float("-inf")

    def results(self) -> Generator[Result]:
        """Yield one result for each task, as they are finished."""
        try:
            while self._submit() or self._in_flight:
                ready, _ = self._ray.wait(list(self._in_flight), num_returns=1, timeout=_WAIT_S)
                for ref in ready:
                    result = self._resolve(ref, self._in_flight.pop(ref))
                    if result is not None:
                        yield result
                self._cancel_overdue()
        finally:
            for ref in self._in_flight:
                self._ray.cancel(ref, force=True)

    def _submit(self) -> bool:
        """Submit tasks while processors are free; False when no task is left."""
        self._count_slots()
        while len(self._in_flight) < self._slots:
            # Lost items go first: behind fresh tasks they would wait for the whole batch.
            if self._retries:
                item = self._retries.popleft()
            elif task := next(self._tasks, None):
                item = _InFlightItem(task, 0.0)
            else:
                return False
            files = [self._ray.put(file) for file in _read_files(item.task)]
            item.since = time.monotonic()
            self._in_flight[self._run.remote(self._work, item.task, *files)] = item
        return True

    def _count_slots(self) -> None:
        if time.monotonic() - self._counted_at > _COUNT_S:
            found = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            self._slots = min(found, self._workers or found)
            self._counted_at = time.monotonic()

    def _resolve(self, ref: Ref, item: _InFlightItem) -> Result | None:
        """The result of a task that came back; None when it will be submitted once more."""
        lost = self._ray.exceptions
        try:
            result: Result = self._ray.get(ref)
            return replace(result, tries=item.tries)
        except (lost.NodeDiedError, lost.ObjectLostError, lost.LocalRayletDiedError, lost.RaySystemError) as exc:
            item.moves += 1
            how, again = f"{type(exc).__name__}: its machine went away", item.moves < _MOVES
            self._counted_at = float("-inf")  # count again before the next task is submitted
        except lost.RayError as exc:
            if item.overdue:
                return timed_out(item.task)
            again = item.tries < _TRIES
            item.tries += again
            how = _describe(exc)
        if again:
            self._retries.append(item)
            return None
        return replace(crashed(item.task, how, item.tries), tries=item.tries)

    def _cancel_overdue(self) -> None:
        """End workers whose own timer did not stop the item; their tasks come back as errors."""
        now = time.monotonic()
        for ref, item in self._in_flight.items():
            if not item.overdue and now - item.since > item.task.settings.timeout_s + _GRACE_S:
                item.overdue = True
                self._ray.cancel(ref, force=True)


def _describe(error: Exception) -> str:
    """The first line of an error of Ray's; of the error raised in the worker where Ray hands it on."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__


def _read_files(task: Task) -> list[SourceFile | None]:
    """Read a task's files; None for a file that cannot be read, so that the worker reports it."""
    found: list[SourceFile | None] = []
    for path in task.item.files if task.item.fault is None else ():
        try:
            found.append(read_source(path))
        except (SourceError, OSError):
            found.append(None)
    return found


class _TimeoutSignal(BaseException):
    """Raised by the timer of an item; not an Exception, so that no handler on the way catches it."""


def _run(work: Callable[..., Result], task: Task, *files: SourceFile | None) -> Result:
    """Run a task in the worker, on any machine; its time counts from here, not from the worker's start."""
    limit_sandbox_workers()
    known = dict(zip(task.item.files, files, strict=False))

    def get(path: Path) -> SourceFile:
        return known.get(path) or read_source(path)

    def stop(*_: object) -> None:
        raise _TimeoutSignal

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, task.settings.timeout_s)
    try:
        return work(task, get)
    except _TimeoutSignal:
        return timed_out(task)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
