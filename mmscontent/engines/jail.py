"""Warm worker processes in which decoders of untrusted media live; the parent's side.

A `Jail` runs one module in a few workers; a `Seat` is a place in one of them, so that a source stays where it was
decoded. Whatever goes wrong inside ends as one of our errors here, and the next seat gets a new worker.
Why not multiprocessing or a process pool: docs/security.md.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mmscontent.engines import paths
from mmscontent.engines.confine import Layer
from mmscontent.engines.frames import Bounds, BrokenFrame, Closed, Registry, read_frame, write_frame
from mmscontent.errors import EngineFailed, EngineMissing, EngineTimeout, JailKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Jail", "JailLimits", "Layer", "Seat", "shared"]

_START_S = 60.0  # a cold disk under a loaded machine; a warm start is under half a second
_WORDS_BYTES = 4096  # of a worker's last words
_BOOT = (
    "import sys, json; wire, sys.path[:] = int(sys.argv[1]), json.loads(sys.argv[2]); "
    "from mmscontent.engines import inmate; inmate.enter(wire)"
)
# Decoders that start a thread per core for tiny pictures cost more than they bring, and arenas cost address space.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_LIMIT_OF_SIGNAL = {"SIGXCPU": "cpu time", "SIGXFSZ": "file size", "SIGSYS": "system call", "SIGKILL": "memory"}
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to allocate", "memoryerror", "bad_alloc")


@dataclass(frozen=True, slots=True)
class JailLimits:
    """What one worker may take.

    Attributes:
        memory_bytes: Mapped on top of what the worker has mapped once its libraries are loaded.
        cpu_s: Processor time of one call, all threads together.
        wall_s: Time of one call on the wall; a seat's call may ask for another.
        file_bytes: Size of any file it writes; 0 as nothing may be written anyway.
        open_files: File descriptors.
        result_bytes: Blobs one call may hand back, together.
    """

    memory_bytes: int = 3 << 30
    cpu_s: float = 120.0
    wall_s: float = 60.0
    file_bytes: int = 0
    open_files: int = 64
    result_bytes: int = 320_000_000


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
        limits: JailLimits = JailLimits(),
        registry: Iterable[type] = (),
    ) -> None:
        self.module = module
        self.limits = limits
        self._most = workers or min(_processors(), 4)
        self._registry = Registry(registry)
        self._workers: list[_Worker] = []
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
                free = _Worker(self.module, self.limits, self._registry)
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
            worker.let_go()
        self._workers.clear()


class Seat:
    """A place in a worker, with a state of its own there; calls to one worker run one after the other."""

    def __init__(self, jail: Jail, worker: _Worker) -> None:
        self._jail = jail  # a jail nobody holds ends its workers
        self._worker = worker
        self._number = worker.take_seat()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        return self._worker.started_layers()

    def close(self) -> None:
        """Forget the seat's state in the worker; closing twice is harmless."""
        self._worker.leave_seat(self._number)


@dataclass(slots=True)
class _Ending:
    """Why a worker ended, for those who still hold a seat."""

    part: str
    limit: str


class _Worker:
    """One process, its wire, and who sits in it."""

    def __init__(self, module: str, limits: JailLimits, registry: Registry) -> None:
        self.module = module
        self.limits = limits
        self.registry = registry
        self.seats: set[int] = set()
        self._owner = os.getpid()
        self._next_seat = 0
        self._gone: list[int] = []  # seats to be forgotten with the next order
        self._ending: _Ending | None = None
        self._layers: tuple[Layer, ...] | None = None
        self._said = b""
        self._turn = threading.Lock()
        self._process, self._wire, self._stderr = _start(module)

    @property
    def alive(self) -> bool:
        """Whether it may still be called."""
        return self._ending is None and self._process.returncode is None

    def take_seat(self) -> int:
        """The number of a new seat; called under the jail's lock."""
        self._next_seat += 1
        self.seats.add(self._next_seat)
        return self._next_seat

    def leave_seat(self, number: int) -> None:
        """Free a seat, at once when nobody is calling, else with the next order."""
        if number not in self.seats:
            return
        self.seats.discard(number)
        self._gone.append(number)
        if self.alive and self._layers is not None and self._turn.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError, Closed):
                    self._send({"function": "", "args": (), "part": "", "seat": 0}, time.monotonic() + 1.0)
            finally:
                self._turn.release()

    def call(self, order: dict[str, object], part: str, timeout_s: float | None) -> object:
        """Send an order and wait for its answer."""
        allowed_s = self.limits.wall_s if timeout_s is None else timeout_s
        with self._turn:
            self._raise_if_ended(part)
            try:
                self._greet(part)
                until = time.monotonic() + allowed_s
                self._send(order, until)
                answer = self._receive(until)
                self._listen()
            except TimeoutError as exc:
                raise self._timed_out(part, allowed_s) from exc
            except Closed as exc:
                raise self._died(part) from exc
            except BrokenFrame as exc:
                raise self._lied(part, exc) from exc
            except TypeError:
                raise  # our own caller gave what may not cross: nothing was sent
            except BaseException:
                self.end(part, "interrupted")
                raise
            return self._judge(answer, part)

    def started_layers(self) -> tuple[Layer, ...]:
        """The layers it told of when it was ready."""
        with self._turn:
            self._raise_if_ended("")
            try:
                return self._greet("")
            except TimeoutError as exc:
                raise self._timed_out("", _START_S) from exc
            except Closed as exc:
                raise self._died("") from exc
            except BrokenFrame as exc:
                raise self._lied("", exc) from exc

    def end(self, part: str = "", limit: str = "closed") -> None:
        """Kill it and let go of everything it held."""
        if self._ending is None:
            self._ending = _Ending(part, limit)
        if os.getpid() == self._owner and self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close our ends of the wire and of its stderr."""
        if self._ending is None:
            self._ending = _Ending("", "closed")
        self._wire.close()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1
        if os.getpid() != self._owner:
            self._process.returncode = 0  # another process' child: nothing to wait for here

    def _greet(self, part: str) -> tuple[Layer, ...]:
        """Before the first call: hand over the orders and hear that the layers are on."""
        if self._layers is not None:
            return self._layers
        limits = {k: getattr(self.limits, k) for k in ("memory_bytes", "cpu_s", "file_bytes", "open_files")}
        readable = paths.readable(self.module)
        orders = {"module": self.module, "limits": limits, "readable": readable, "parent": os.getpid()}
        until = time.monotonic() + _START_S
        write_frame(self._wire, self.registry.pack(orders), until=until)
        told = self._receive(until)
        if not isinstance(told, dict) or not isinstance(told.get("layers", ()), tuple):
            raise BrokenFrame("the worker's greeting is none of ours")
        if "failed" in told:
            self.end(part, "start")
            error = EngineMissing if told.get("missing") else EngineFailed
            raise error(f"worker {self.module} cannot start: {told['failed']}; run `mmscontent doctor`", part=part)
        self._layers = tuple(Layer(*row) for row in told["layers"])
        return self._layers

    def _send(self, order: dict[str, object], until: float) -> None:
        gone, self._gone = self._gone, []
        write_frame(self._wire, self.registry.pack({**order, "forget": tuple(gone)}), until=until)

    def _receive(self, until: float) -> object:
        header, blobs = read_frame(self._wire, Bounds(blob_bytes=self.limits.result_bytes), until=until)
        return self.registry.unpack(header, blobs)

    def _listen(self) -> None:
        """Take what it has said on stderr out of the pipe, so that there is room for its last words."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._stderr, 65536):
                self._said = (self._said + more)[-_WORDS_BYTES:]

    def _judge(self, answer: object, part: str) -> object:
        """The value of an answer, or the error it tells of."""
        if isinstance(answer, dict) and answer.keys() == {"value"}:
            return answer["value"]
        try:
            told = answer["error"] if isinstance(answer, dict) and answer.keys() == {"error"} else None
            error = self.registry.unpack_error(told)
        except BrokenFrame as exc:
            raise self._lied(part, exc) from exc
        error.part = error.part or part
        if isinstance(error, JailKilled):  # out of memory: what it still holds is not to be relied on
            self.end(part, error.limit)
        raise error

    def _raise_if_ended(self, part: str) -> None:
        ending = self._ending
        if ending is None:
            return
        culprit = ending.part or "another part"
        why = "the jail was closed" if ending.limit == "closed" else f"{culprit} ended it ({ending.limit})"
        error = JailKilled(
            f"the worker that held {part or 'this part'} is gone: {why}; open a new seat and start again",
            limit="neighbour",
            part=part,
        )
        error.retryable = True
        raise error

    def _timed_out(self, part: str, allowed_s: float) -> EngineTimeout:
        self.end(part, "wall clock")
        return EngineTimeout(
            f"{part or 'a call'} took longer than {allowed_s:g} s in a decoder and was stopped; "
            "give it more time (timeout_s, JailLimits.wall_s) or send a smaller file",
            part=part,
        )

    def _lied(self, part: str, exc: BrokenFrame) -> JailKilled:
        self.end(part, "reply")
        return JailKilled(
            f"the worker that held {part or 'a part'} broke the protocol and was ended: {exc}", limit="reply", part=part
        )

    def _died(self, part: str) -> JailKilled:
        """What ended it, by its exit status and last words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        status = self._process.returncode
        self._listen()
        words = self._said.decode("utf-8", "replace").strip().splitlines()
        limit, how = _cause(status, words)
        self.end(part, limit)
        last = f"; it last said: {words[-1][:200]}" if words else ""
        return JailKilled(
            f"a decoder died on {part or 'a part'}, {how} (limit: {limit}); leave it out or raise the limit{last}",
            limit=limit,
            part=part,
        )


def shared(module: str, *, limits: JailLimits = JailLimits(), registry: Iterable[type] = ()) -> Jail:
    """The one jail of this process for a module: made at first use, ended at exit, made anew after a fork."""
    with _SHARED.lock:
        jail = _SHARED.jails.get(module)
        if jail is None:
            jail = _SHARED.jails[module] = Jail(module, limits=limits, registry=registry)
        return jail


@dataclass(slots=True)
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    jails: dict[str, Jail] = field(default_factory=dict)


class _Starter:
    """One thread that starts every worker: the kernel ends a child when the *thread* that started it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None]] | None = None

    def run(self, command: list[str], **options: object) -> subprocess.Popen[bytes]:
        """subprocess.Popen in that thread."""
        done: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

        def job() -> None:
            try:
                done.put(subprocess.Popen(command, **options))  # type: ignore[call-overload]  # noqa: S603 - our own interpreter
            except OSError as exc:
                done.put(exc)

        with self._lock:
            if self._jobs is None:
                self._jobs = queue.SimpleQueue()
                threading.Thread(target=_work, args=(self._jobs,), name="mmscontent-jail", daemon=True).start()
        self._jobs.put(job)
        outcome = done.get()
        if isinstance(outcome, OSError):
            raise EngineFailed(f"no worker could be started: {outcome}; see `mmscontent doctor`") from outcome
        return outcome


def _work(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


def _start(module: str) -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """Start a worker: its process, our end of the wire, and where its stderr can be read without waiting."""
    if os.name != "posix" or not sys.executable:
        raise EngineMissing(
            "decoders are jailed in processes, which needs a POSIX system and a Python program to start"
        )
    ours, theirs = socket.socketpair()
    words, said = os.pipe()
    # A worker that talks too much loses words, it neither waits nor fills our memory: a pipe holds 64 KB.
    os.set_blocking(words, False)
    os.set_blocking(said, False)
    folder = _empty_folder()
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, str(theirs.fileno())]
    try:
        process = _STARTER.run(
            [*command, paths.search_path(module)],
            env=_ENVIRONMENT | paths.library_path(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        os.close(words)
        raise
    finally:
        theirs.close()
        os.close(said)
        if folder != "/":
            shutil.rmtree(folder, ignore_errors=True)  # stays the worker's, nameless
    return process, ours, words


def _empty_folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="mmscontent-")
    except OSError:  # a read-only system
        return "/"


def _cause(status: int | None, words: list[str]) -> tuple[str, str]:
    """The limit's word, and how it ended in words."""
    if status is None:
        return "unknown", "closing its wire"
    if status >= 0:
        return "crash", f"ending by itself with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    limit = _LIMIT_OF_SIGNAL.get(name, "crash")
    if limit == "crash" and any(w in line.lower() for line in words for w in _OUT_OF_MEMORY):
        limit = "memory"
    return limit, f"ended by {name}"


def _end_all(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.end()
    workers.clear()


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_JAILS: weakref.WeakSet[Jail] = weakref.WeakSet()
_SHARED = _Shared()
_STARTER = _Starter()


def _after_fork() -> None:
    _SHARED.lock = threading.Lock()
    _STARTER.__init__()  # type: ignore[misc]
    for jail in list(_JAILS):
        jail._forget_after_fork()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
