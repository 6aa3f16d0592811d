"""The engine `local`: worker processes on this machine, each of which may die or hang at the cost of its item alone.

Pebble runs the processes, because it alone of the pools measured loses nothing but the culprit (docs/batch.md). Each
worker is a pool of its own: workers of one pool share locks and pipes, and one that is killed while it holds them
stops its neighbours. What crosses a pipe stays under PIPE_BUF, which is written whole or not at all; items and results
travel as files of a private folder, so a kill in the middle of one is never half a message; a folder whose batch was
killed goes when the next one is taken.
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
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pebble import ProcessExpired, ProcessPool

from mmscontent.batch.items import initialize_worker, run_item
from mmscontent.batch.model import Failure, Result
from mmscontent.errors import EngineFailed
from mmscontent.ffmpeg import temp_dirs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pebble import ProcessFuture

    from mmscontent.batch.model import Task

__all__ = ["processors", "run_local"]

# A worker killed by somebody else cost its item nothing; an item that crashes two is to blame. SIGKILL is mostly
# somebody else's, and may come again.
_TRIES, _TRIES_IF_KILLED = 2, 5
_KILLED = "SIGKILL"
_RENEWED_AFTER = 2000  # items; a worker grows by about a kilobyte an item, its successor begins anew
_STARTS = 10
_LOOK_S = 0.25  # how often a lane looks whether its worker still lives
_LAST_WORDS_S = 1.0  # from a worker's death until its pool has told of it, else the pool is given up
_START_S = 120.0  # a cold disk under a loaded machine


def processors() -> int:
    """Processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def run_local(tasks: Iterator[Task], workers: int, *, work: Callable[[Task], Result] = run_item) -> Generator[Result]:
    """Results as they are finished; closing the iterator ends all workers at once.

    Args:
        tasks: Taken one by one, never more than two ahead of each worker.
        workers: Processes.
        work: What is done with a task; found by its name in the worker.
    """
    spool, held = temp_dirs.acquire()
    desk = _SharedQueue(tasks, work, spool, queue.Queue(maxsize=2 * workers))
    lanes = [threading.Thread(target=_lane, args=(desk,), name=f"lane-{n}", daemon=True) for n in range(workers)]
    for lane in lanes:
        lane.start()
    try:
        left = workers
        while left:
            told = desk.results.get()
            if told is None:
                left -= 1
            elif isinstance(told, BaseException):
                raise told
            else:
                yield told
    finally:
        desk.stopped.set()
        _drain_results(desk, lanes)
        temp_dirs.release(spool, held)


def _drain_results(desk: _SharedQueue, lanes: list[threading.Thread]) -> None:
    """Let lanes that wait to tell something go."""
    while any(lane.is_alive() for lane in lanes):
        with contextlib.suppress(queue.Empty):
            desk.results.get(timeout=0.05)


class _SharedQueue:
    """What the lanes share: tasks to be taken, results to be told."""

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
        """The next task; None when there is none, or nobody wants its result any more."""
        with self._lock:
            return None if self.stopped.is_set() else next(self._tasks, None)


def _lane(desk: _SharedQueue) -> None:
    """One worker after the other, one task after the other."""
    worker: _Worker | None = None
    try:
        while (task := desk.take()) is not None:
            tries = 0
            told: Result | _WorkerExit | None = None
            while told is None or (isinstance(told, _WorkerExit) and tries < told.most_tries):
                tries += 1
                worker = worker or _started(desk, task.settings.memory_bytes)
                told = worker.do(task)
                if isinstance(told, _WorkerExit) or worker.done >= _RENEWED_AFTER:
                    worker.end()
                    worker = None
            desk.results.put(replace(told if isinstance(told, Result) else told.result(task), tries=tries))
    except _Stopped:
        pass
    except BaseException as exc:  # noqa: BLE001 - whatever the items' own iterator raises belongs to the caller
        desk.results.put(exc)
    finally:
        if worker is not None:
            worker.end()
        desk.results.put(None)


def _started(desk: _SharedQueue, memory_bytes: int) -> _Worker:
    """A worker that is ready; one killed while it starts has cost nobody anything.

    Raises:
        EngineFailed: None can be started.
    """
    death: _WorkerExit | None = None
    for _ in range(_STARTS):
        worker = _Worker(desk, memory_bytes)
        try:
            death = worker.wait_until_ready()
        except BaseException:
            worker.end()
            raise
        if death is None:
            return worker
        worker.end()
    raise EngineFailed(f"no worker process could be started ({death and death.how}); see `mmscontent doctor`")


class _Stopped(Exception):
    """Nobody wants results any more."""


@dataclass(frozen=True, slots=True)
class _WorkerExit:
    """How a worker ended under a task."""

    how: str
    timed_out: bool = False

    @property
    def most_tries(self) -> int:
        """Workers an item gets before it is to blame."""
        if self.timed_out:
            return 1
        return _TRIES_IF_KILLED if self.how == _KILLED else _TRIES

    def result(self, task: Task) -> Result:
        name = task.item.name
        if self.timed_out:
            words = f"{name} took longer than {task.settings.timeout_s:g} s and was stopped; allow more or leave it out"
            return Result(name, "failed", failure=Failure("batch/timeout", words, retryable=True))
        words = f"{name} ended {self.most_tries} workers, the last by {self.how}; leave it out"
        return Result(name, "failed", failure=Failure("batch/crashed", words, retryable=True))


class _Worker:
    """A pool of one process, and whether that process still lives."""

    def __init__(self, desk: _SharedQueue, memory_bytes: int) -> None:
        self.done = 0
        self._desk = desk
        handle, name = tempfile.mkstemp(dir=desk.spool, suffix=".pid")
        os.close(handle)
        self._pid_file = Path(name)
        self._pid = 0
        self._pool = ProcessPool(
            1,
            initializer=initialize_worker,
            initargs=(memory_bytes, name),
            context=multiprocessing.get_context("spawn"),
        )

    def wait_until_ready(self) -> _WorkerExit | None:
        """Until its first small task is done: everything is loaded then."""
        return self._call(os.getpid, (), None, _START_S)

    def do(self, task: Task) -> Result | _WorkerExit:
        """Have a task done; the worker is of no use after a death."""
        self.done += 1
        question, answer = (self._desk.spool / f"{task.number}.{end}" for end in ("task", "done"))
        question.write_bytes(pickle.dumps((self._desk.work, task), protocol=pickle.HIGHEST_PROTOCOL))
        try:
            timeout_s = task.settings.timeout_s
            death = self._call(_serve, (str(question), str(answer)), timeout_s, timeout_s + _START_S)
            if answer.exists():  # a worker that died after its work has done it
                result: Result = pickle.loads(answer.read_bytes())  # noqa: S301 - written by our own worker
                return result
            return death or _WorkerExit("it left no answer")
        finally:
            question.unlink(missing_ok=True)
            answer.unlink(missing_ok=True)

    def _call(
        self, function: Callable[..., object], given: tuple[str, ...], timeout_s: float | None, most_s: float
    ) -> _WorkerExit | None:
        """Have the worker call a function, and wait for it."""
        try:
            future = self._pool.schedule(function, given, timeout=timeout_s)
        except RuntimeError:  # the worker was killed while it had nothing to do, and the pool has given up
            return _WorkerExit(_KILLED)
        return self._wait(future, most_s)

    def _wait(self, future: ProcessFuture[Any], most_s: float) -> _WorkerExit | None:
        """Until the worker has answered, or will not any more."""
        until = time.monotonic() + most_s
        dead_since: float | None = None
        while True:
            try:
                future.result(timeout=_LOOK_S)
            except TimeoutError:
                now = time.monotonic()
                if future.done() or now > until:
                    return _WorkerExit("it took too long", timed_out=True)
                if self._desk.stopped.is_set():
                    raise _Stopped from None
                if self._gone():
                    dead_since = dead_since or now
                    if now - dead_since > _LAST_WORDS_S:
                        return _WorkerExit(_KILLED)
            except ProcessExpired as expired:
                return _WorkerExit(_exit_words(expired.exitcode))
            except BrokenProcessPool:  # it was killed before it could say that it had the task
                return _WorkerExit(_KILLED)
            except Exception as exc:  # noqa: BLE001 - what the work raised, or an answer that could not be written
                return _WorkerExit(f"{type(exc).__name__}: {exc}")
            else:
                return None

    def _gone(self) -> bool:
        """Whether the process has died, or the pool has given up; the pool may yet say how, or never."""
        if not self._pool.active:
            return True
        pid = int(self._pid_file.read_bytes() or 0)
        if self._pid and pid != self._pid:  # the pool has put another one in its place
            return True
        self._pid = pid
        try:
            os.kill(pid or os.getpid(), 0)
        except ProcessLookupError:
            return True
        return False

    def end(self) -> None:
        """Stop the process, whatever it is doing; its jailed decoders go with it."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self._pid_file.unlink(missing_ok=True)


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"status {code}"


def _serve(question: str, answer: str) -> None:
    """In the worker: one task from its file, its result into another, whole or not at all."""
    work, task = pickle.loads(Path(question).read_bytes())  # noqa: S301 - written by our own parent
    partial = Path(answer + ".part")
    partial.write_bytes(pickle.dumps(work(task), protocol=pickle.HIGHEST_PROTOCOL))
    partial.replace(answer)
