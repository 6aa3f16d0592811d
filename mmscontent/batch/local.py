"""The engine `local`: runs items in worker processes here, each of which may die or hang at the cost of its item alone.

Pebble runs the processes, because it is the only pool measured that loses nothing but the culprit (docs/batch.md).
Each worker is a pool of its own: workers of one pool share locks and pipes, and one that is killed while it holds them
stops its neighbours. A message on a pipe stays under PIPE_BUF, which is written whole or not at all (POSIX write(2));
tasks and results travel as files of a private folder, so a kill never leaves half of one. A later batch removes the
folder of a batch that was killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from mmscontent.batch.items import crashed, initialize_worker, run_item, timed_out
from mmscontent.batch.model import Result, Task
from mmscontent.errors import EngineFailed
from mmscontent.ffmpeg import temp_dirs

# An item that crashes two workers is to blame. SIGKILL mostly comes from outside (an administrator, the kernel short
# of memory) and may come again, so it needs more tries before the item is blamed.
_TRIES, _TRIES_IF_KILLED = 2, 5
_KILLED = "SIGKILL"
_MAX_ITEMS_PER_WORKER = 2000  # a worker grows by about a kilobyte an item (docs/batch.md), its successor starts small
_MAX_STARTS = 10
_CHECK_S = 0.25  # between two checks whether a worker still runs
_EXIT_REPORT_S = 1.0  # what a pool gets to report the exit of its worker; after it the pool is given up
_START_S = 120.0  # for a worker's imports from a cold disk on a loaded machine


def processors() -> int:
    """Processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def run_local(tasks: Iterator[Task], workers: int, *, work: Callable[[Task], Result] = run_item) -> Generator[Result]:
    """Results as they are finished; closing the iterator ends all workers at once.

    Args:
        tasks: Taken one by one; each worker is at most three ahead of what was collected.
        workers: The number of processes.
        work: The function that runs a task; the worker imports it by its name.
    """
    spool, held = temp_dirs.acquire()
    shared = _SharedQueue(tasks, work, spool, queue.Queue(maxsize=2 * workers))
    slots = [threading.Thread(target=_run_slot, args=(shared,), daemon=True) for n in range(workers)]
    for slot in slots:
        slot.start()
    try:
        left = workers
        while left:
            outcome = shared.results.get()
            if outcome is None:
                left -= 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                yield outcome
    finally:
        shared.stopped.set()
        _drain_results(shared, slots)
        temp_dirs.release(spool, held)


def _drain_results(shared: _SharedQueue, slots: list[threading.Thread]) -> None:
    """Take the results that slots wait to hand over, so that every slot can end."""
    while any(slot.is_alive() for slot in slots):
        with contextlib.suppress(queue.Empty):
            shared.results.get(timeout=0.05)


class _SharedQueue:
    """The tasks that slots take from, and the queue of their results; None on it means that a slot has ended."""

    def __init__(
        self,
        tasks: Iterator[Task],
        work: Callable[[Task], Result],
        spool: Path,
        results: queue.Queue[Result | BaseException | None],
    ) -> None:
        self.work = work
        self.spool = spool
        self.results = results
        self.stopped = threading.Event()
        self._tasks = tasks
        self._lock = threading.Lock()

    def take(self) -> Task | None:
        """The next task; None when there is none, or the batch was closed."""
        with self._lock:
            return None if self.stopped.is_set() else next(self._tasks, None)


def _run_slot(shared: _SharedQueue) -> None:
    """Run one task after the other in a worker, and replace the worker when it ends or has run many tasks."""
    worker: _Worker | None = None
    try:
        while (task := shared.take()) is not None:
            tries = 0
            outcome: Result | _WorkerExit | None = None
            while outcome is None or (isinstance(outcome, _WorkerExit) and tries < outcome.most_tries):
                tries += 1
                worker = worker or _start_worker(shared, task.settings.memory_bytes)
                outcome = worker.run(task)
                if isinstance(outcome, _WorkerExit) or worker.done >= _MAX_ITEMS_PER_WORKER:
                    worker.stop()
                    worker = None
            shared.results.put(replace(outcome if isinstance(outcome, Result) else outcome.result(task), tries=tries))
    except _BatchClosed:
        pass
    except BaseException as exc:  # noqa: BLE001 - an error of the caller's own iterator goes back to the caller
        shared.results.put(exc)
    finally:
        if worker is not None:
            worker.stop()
        shared.results.put(None)


def _start_worker(shared: _SharedQueue, memory_bytes: int) -> _Worker:
    """Start a worker and wait until it is ready; one that is killed while it starts is replaced.

    Raises:
        EngineFailed: No worker could be started in ten tries.
    """
    exit_: _WorkerExit | None = None
    for _ in range(_MAX_STARTS):
        worker = _Worker(shared, memory_bytes)
        try:
            exit_ = worker.wait_until_ready()
        except BaseException:
            worker.stop()
            raise
        if exit_ is None:
            return worker
        worker.stop()
    raise EngineFailed(f"no worker process could be started ({exit_ and exit_.how}); see `mmscontent doctor`")


class _BatchClosed(Exception):
    """The caller closed the batch; nobody collects results any more."""


@dataclass(frozen=True, slots=True)
class _WorkerExit:
    """How a worker ended while it ran a task."""

    how: str
    timed_out: bool = False

    @property
    def most_tries(self) -> int:
        """How many workers the task gets before it is to blame."""
        if self.timed_out:
            return 1
        return _TRIES_IF_KILLED if self.how == _KILLED else _TRIES

    def result(self, task: Task) -> Result:
        return timed_out(task) if self.timed_out else crashed(task, self.how, self.most_tries)


class _Worker:
    """A pool of one process, with a check of its own whether that process still runs."""

    def __init__(self, shared: _SharedQueue, memory_bytes: int) -> None:
        self.done = 0
        self._shared = shared
        handle, name = tempfile.mkstemp(dir=shared.spool, suffix=".pid")
        os.close(handle)
        self._pid_file = Path(name)
        self._pid = 0
        self._pool = ProcessPool(
            1,
            initializer=initialize_worker,
            initargs=(memory_bytes, name),
            # A forked child would inherit locks that other threads of this process hold.
            context=multiprocessing.get_context("spawn"),
        )

    def wait_until_ready(self) -> _WorkerExit | None:
        """Wait for the first small call, which ends when all modules are loaded; None when the worker is ready."""
        return self._call(os.getpid, (), None, _START_S)

    def run(self, task: Task) -> Result | _WorkerExit:
        """Run a task in the worker; after an exit the worker is of no use."""
        self.done += 1
        task_file, result_file = (self._shared.spool / f"{task.number}.{end}" for end in ("task", "done"))
        task_file.write_bytes(pickle.dumps((self._shared.work, task), protocol=pickle.HIGHEST_PROTOCOL))
        try:
            timeout_s = task.settings.timeout_s
            # The pool counts the time limit from the start of the call; before it the worker may have to be started.
            exit_ = self._call(_run_task_file, (str(task_file), str(result_file)), timeout_s, timeout_s + _START_S)
            if result_file.exists():  # also of a worker that was killed after its work was done
                result: Result = pickle.loads(result_file.read_bytes())  # noqa: S301 - written by our own worker
                return result
            return exit_ or _WorkerExit("it left no result")
        finally:
            task_file.unlink(missing_ok=True)
            result_file.unlink(missing_ok=True)

    def _call(
        self, function: Callable[..., object], given: tuple[str, ...], timeout_s: float | None, most_s: float
    ) -> _WorkerExit | None:
        """Let the worker call a function and wait for its end; None when it returned."""
        try:
            future = self._pool.schedule(function, given, timeout=timeout_s)
        except RuntimeError:  # the worker was killed while it had nothing to do, and the pool has given up
            return _WorkerExit(_KILLED)
        return self._wait(future, most_s)

    def _wait(self, future: ProcessFuture[Any], most_s: float) -> _WorkerExit | None:
        """Wait until the call has ended, or the worker will not end it any more."""
        until = time.monotonic() + most_s
        exited_since: float | None = None
        while True:
            try:
                future.result(timeout=_CHECK_S)
            except TimeoutError:
                now = time.monotonic()
                if future.done() or now > until:
                    return _WorkerExit("it took too long", timed_out=True)
                if self._shared.stopped.is_set():
                    raise _BatchClosed from None
                if self._has_exited():
                    exited_since = exited_since or now
                    if now - exited_since > _EXIT_REPORT_S:
                        return _WorkerExit(_KILLED)
            except ProcessExpired as expired:
                return _WorkerExit(_describe_exit(expired.exitcode))
            except BrokenProcessPool:  # it was killed before it could say that it had the task
                return _WorkerExit(_KILLED)
            except Exception as exc:  # noqa: BLE001 - what the work raised, or a result that could not be written
                return _WorkerExit(f"{type(exc).__name__}: {exc}")
            else:
                return None

    def _has_exited(self) -> bool:
        """Whether the process has ended or the pool has given up; the pool reports the exit later, or never."""
        if not self._pool.active:
            return True
        pid = int(self._pid_file.read_bytes() or 0)
        if self._pid and pid != self._pid:  # the pool has put another one in its place
            return True
        self._pid = pid
        # Signal 0 only asks whether the process exists.
        try:
            os.kill(pid or os.getpid(), 0)
        except ProcessLookupError:
            return True
        return False

    def stop(self) -> None:
        """Stop the process, whatever it is doing; its sandbox processes end with it."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self._pid_file.unlink(missing_ok=True)


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"status {code}"


def _run_task_file(task_file: str, result_file: str) -> None:
    """Run the task of one file in the worker, and write its result into another, whole or not at all."""
    work, task = pickle.loads(Path(task_file).read_bytes())  # noqa: S301 - written by our own parent
    partial = Path(result_file + ".part")
    partial.write_bytes(pickle.dumps(work(task), protocol=pickle.HIGHEST_PROTOCOL))
    partial.replace(result_file)
