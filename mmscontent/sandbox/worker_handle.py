"""One jailed process as its parent sees it: the wire, who sits in it, and what became of it.

One call at a time; whatever it does wrong ends it and becomes one of our errors here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from mmscontent.errors import EngineFailed, EngineMissing, EngineTimeout, JailKilled, MMSContentError
from mmscontent.sandbox import import_paths
from mmscontent.sandbox.hardening import Layer
from mmscontent.sandbox.protocol import Bounds, BrokenFrame, Closed, Registry, Wire
from mmscontent.sandbox.spawn import start

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_LIMITS", "JailLimits", "Worker"]

_T = TypeVar("_T")

_START_S = 60.0  # a cold disk under a loaded machine; a warm start is under half a second
_WORDS_BYTES = 4096  # of a worker's last words
_LIMIT_OF_SIGNAL = {"SIGXCPU": "cpu time", "SIGXFSZ": "file size", "SIGSYS": "system call", "SIGKILL": "memory"}
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to allocate", "memoryerror", "bad_alloc")
_Rows = tuple[tuple[str, bool, str], ...]


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


DEFAULT_LIMITS = JailLimits()


@dataclass(frozen=True, slots=True)
class _Ending:
    """Why a worker ended, for those who still hold a seat."""

    part: str
    limit: str


class Worker:
    """One process, its wire, and who sits in it."""

    def __init__(self, module: str, limits: JailLimits, registry: Registry) -> None:
        self.module = module
        self.limits = limits
        self.registry = registry
        self.seats: set[int] = set()
        self._next_seat = 0
        self._left: deque[int] = deque()  # seats the process has still to forget
        self._ending: _Ending | None = None
        self._layers: tuple[Layer, ...] | None = None
        self._said = b""
        self._turn = threading.Lock()
        self._process, end, self._stderr = start(module)
        self._wire = Wire(end)

    @property
    def alive(self) -> bool:
        """Whether it may still be called."""
        return self._ending is None

    def take_seat(self) -> int:
        """The number of a new seat; called under the jail's lock."""
        self._next_seat += 1
        self.seats.add(self._next_seat)
        return self._next_seat

    def drop_seat(self, number: int) -> None:
        """Free a seat; the process forgets it with the next order."""
        if number in self.seats:
            self.seats.discard(number)
            self._left.append(number)

    def leave_seat(self, number: int) -> None:
        """Free a seat; the process forgets it at once when nobody is calling."""
        self.drop_seat(number)
        if self.alive and self._layers is not None and self._turn.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError, Closed):
                    self._forget_left(time.monotonic() + 1.0)
            finally:
                self._turn.release()

    def call(self, order: dict[str, object], part: str, timeout_s: float | None) -> object:
        """Send an order and wait for its answer.

        Raises:
            TypeError: The order holds what may not cross; nothing was sent.
            MMSContentError: See Seat.call.
        """
        frame = self.registry.pack(order)
        allowed_s = self.limits.wall_s if timeout_s is None else timeout_s

        def ask() -> object:
            self._greet(part)
            until = time.monotonic() + allowed_s
            self._forget_left(until)
            self._wire.write(frame, until=until)
            answer = self._receive(until)
            self._listen()
            return self._judge(answer)

        return self._guarded(ask, part, allowed_s)

    def layers(self) -> tuple[Layer, ...]:
        """The layers it told of when it was ready."""
        return self._guarded(lambda: self._greet(""), "", _START_S)

    def end(self) -> None:
        """Kill it, whatever it is doing, and let go of everything it held."""
        self._kill("", "closed")
        if self._turn.acquire(timeout=2.0):  # whoever is calling sees the wire close, and hands over
            try:
                self._let_go()
            finally:
                self._turn.release()

    def disown(self) -> None:
        """In a forked child: the process is the parent's, its wire is not to be touched."""
        self._ending = _Ending("", "closed")
        self._process.returncode = 0  # nothing to wait for here
        self._turn = threading.Lock()
        self._let_go()

    def _guarded(self, work: Callable[[], _T], part: str, allowed_s: float) -> _T:
        """Take the turn and do the work; what goes wrong on the wire ends the process and is named."""
        with self._turn:
            if self._ending is not None:
                raise self._gone(part)
            try:
                return work()
            except JailKilled as exc:  # out of memory: what it still holds is not to be relied on
                self._finish(part, exc.limit)
                raise
            except MMSContentError:
                raise
            except TimeoutError as exc:
                raise self._timed_out(part, allowed_s) from exc
            except (Closed, OSError) as exc:
                raise self._died(part) from exc
            except BrokenFrame as exc:
                raise self._lied(part, exc) from exc
            except BaseException:  # an interrupt: the answer would be taken for the next call's
                self._finish(part, "interrupted")
                raise

    def _greet(self, part: str) -> tuple[Layer, ...]:
        """Before the first call: hand over the orders and hear that the layers are on."""
        if self._layers is not None:
            return self._layers
        limits = {k: getattr(self.limits, k) for k in ("memory_bytes", "cpu_s", "file_bytes", "open_files")}
        readable = import_paths.readable(self.module)
        orders = {"module": self.module, "limits": limits, "readable": readable, "parent": os.getpid()}
        until = time.monotonic() + _START_S
        self._wire.write(self.registry.pack(orders), until=until)
        told = self._receive(until)
        if isinstance(told, dict) and "failed" in told:
            self._finish(part, "start")
            error = EngineMissing if told.get("missing") else EngineFailed
            raise error(f"worker {self.module} cannot start: {told['failed']}; run `mmscontent doctor`", part=part)
        rows = told.get("layers") if isinstance(told, dict) else None
        if not self.registry.conforms(rows, _Rows):
            raise BrokenFrame("the worker's greeting is none of ours")
        self._layers = tuple(Layer(*row) for row in cast("_Rows", rows))
        return self._layers

    def _forget_left(self, until: float) -> None:
        """Have the process forget the seats that were left; it does not answer to this."""
        left = []
        while self._left:
            left.append(self._left.popleft())
        if left:
            self._wire.write(self.registry.pack({"forget": left}), until=until)

    def _receive(self, until: float) -> object:
        header, blobs = self._wire.read(Bounds(blob_bytes=self.limits.result_bytes), until=until)
        return self.registry.unpack(header, blobs)

    def _listen(self) -> None:
        """Take what it has said on stderr out of the pipe, so that there is room for its last words."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._stderr, 65536):
                self._said = (self._said + more)[-_WORDS_BYTES:]

    def _judge(self, answer: object) -> object:
        """The value of an answer, or the error it tells of."""
        if isinstance(answer, dict) and answer.keys() == {"value"}:
            return answer["value"]
        raise self.registry.unpack_error(answer["error"] if isinstance(answer, dict) and "error" in answer else None)

    def _gone(self, part: str) -> JailKilled:
        assert self._ending is not None
        culprit, limit = self._ending.part or "another part", self._ending.limit
        why = "the jail was closed" if limit == "closed" else f"{culprit} ended it ({limit})"
        error = JailKilled(
            f"the worker that held {part or 'this part'} is gone: {why}; open a new seat and start again",
            limit="neighbour",
            part=part,
        )
        error.retryable = True
        return error

    def _timed_out(self, part: str, allowed_s: float) -> EngineTimeout:
        self._finish(part, "wall clock")
        return EngineTimeout(
            f"{part or 'a call'} took longer than {allowed_s:g} s in a decoder and was stopped; "
            "give it more time (timeout_s, JailLimits.wall_s) or send a smaller file",
            part=part,
        )

    def _lied(self, part: str, exc: BrokenFrame) -> JailKilled:
        self._finish(part, "reply")
        return JailKilled(
            f"the worker that held {part or 'a part'} broke the protocol and was ended: {exc}", limit="reply", part=part
        )

    def _died(self, part: str) -> JailKilled:
        """What ended it, by its exit status and last words."""
        if self._ending is not None:  # another thread closed the jail under this call
            return self._gone(part)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        status = self._process.returncode
        self._listen()
        words = self._said.decode("utf-8", "replace").strip().splitlines()
        limit, how = _cause(status, words)
        self._finish(part, limit)
        last = f"; it last said: {words[-1][:200]}" if words else ""
        return JailKilled(
            f"a decoder died on {part or 'a part'}, {how} (limit: {limit}); leave it out or raise the limit{last}",
            limit=limit,
            part=part,
        )

    def _finish(self, part: str, limit: str) -> None:
        """Kill it and let go; the caller has the turn."""
        self._kill(part, limit)
        self._let_go()

    def _kill(self, part: str, limit: str) -> None:
        if self._ending is None:
            self._ending = _Ending(part, limit)
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    def _let_go(self) -> None:
        """Close our ends of the wire and of its stderr."""
        self._wire.close()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1


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
