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
from mmscontent.sandbox.hardening import HardeningLayer
from mmscontent.sandbox.protocol import FrameLimits, PeerClosed, ProtocolError, Serializer, Transport
from mmscontent.sandbox.spawn import start_worker

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_LIMITS", "SandboxLimits", "WorkerHandle"]

_T = TypeVar("_T")

_START_S = 60.0  # a cold disk under a loaded machine; a warm start is under half a second
_WORDS_BYTES = 4096  # of a worker's last words
_LIMIT_OF_SIGNAL = {"SIGXCPU": "cpu time", "SIGXFSZ": "file size", "SIGSYS": "system call", "SIGKILL": "memory"}
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to allocate", "memoryerror", "bad_alloc")
_Rows = tuple[tuple[str, bool, str], ...]


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one worker may take.

    Attributes:
        memory_bytes: Mapped on top of what the worker has mapped once its libraries are loaded.
        cpu_s: Processor time of one call, all threads together.
        wall_s: Time of one call on the wall; a session's call may ask for another.
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


DEFAULT_LIMITS = SandboxLimits()


@dataclass(frozen=True, slots=True)
class _Termination:
    """Why a worker ended, for those who still hold a session."""

    part: str
    limit: str


class WorkerHandle:
    """One process, its wire, and who sits in it."""

    def __init__(self, module: str, limits: SandboxLimits, serializer: Serializer) -> None:
        self.module = module
        self.limits = limits
        self.serializer = serializer
        self.sessions: set[int] = set()
        self._last_session = 0
        self._closed_sessions: deque[int] = deque()  # sessions the process has still to forget
        self._termination: _Termination | None = None
        self._layers: tuple[HardeningLayer, ...] | None = None
        self._stderr_tail = b""
        self._lock = threading.Lock()
        self._process, end, self._stderr = start_worker(module)
        self._transport = Transport(end)

    @property
    def alive(self) -> bool:
        """Whether it may still be called."""
        return self._termination is None

    def open_session(self) -> int:
        """The number of a new session; called under the jail's lock."""
        self._last_session += 1
        self.sessions.add(self._last_session)
        return self._last_session

    def discard_session(self, number: int) -> None:
        """Free a session; the process forgets it with the next order."""
        if number in self.sessions:
            self.sessions.discard(number)
            self._closed_sessions.append(number)

    def close_session(self, number: int) -> None:
        """Free a session; the process forgets it at once when nobody is calling."""
        self.discard_session(number)
        if self.alive and self._layers is not None and self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError, PeerClosed):
                    self._forget_closed_sessions(time.monotonic() + 1.0)
            finally:
                self._lock.release()

    def call(self, order: dict[str, object], part: str, timeout_s: float | None) -> object:
        """Send an order and wait for its answer.

        Raises:
            TypeError: The order holds what may not cross; nothing was sent.
            MMSContentError: See Session.call.
        """
        frame = self.serializer.pack(order)
        allowed_s = self.limits.wall_s if timeout_s is None else timeout_s

        def ask() -> object:
            self._handshake(part)
            until = time.monotonic() + allowed_s
            self._forget_closed_sessions(until)
            self._transport.write(frame, until=until)
            answer = self._receive(until)
            self._drain_stderr()
            return self._parse_reply(answer)

        return self._call_locked(ask, part, allowed_s)

    def layers(self) -> tuple[HardeningLayer, ...]:
        """The layers it told of when it was ready."""
        return self._call_locked(lambda: self._handshake(""), "", _START_S)

    def stop(self) -> None:
        """Kill it, whatever it is doing, and let go of everything it held."""
        self._kill("", "closed")
        if self._lock.acquire(timeout=2.0):  # whoever is calling sees the wire close, and hands over
            try:
                self._close_fds()
            finally:
                self._lock.release()

    def detach_after_fork(self) -> None:
        """In a forked child: the process is the parent's, its wire is not to be touched."""
        self._termination = _Termination("", "closed")
        self._process.returncode = 0  # nothing to wait for here
        self._lock = threading.Lock()
        self._close_fds()

    def _call_locked(self, work: Callable[[], _T], part: str, allowed_s: float) -> _T:
        """Take the turn and do the work; what goes wrong on the wire ends the process and is named."""
        with self._lock:
            if self._termination is not None:
                raise self._worker_gone_error(part)
            try:
                return work()
            except JailKilled as exc:  # out of memory: what it still holds is not to be relied on
                self._terminate(part, exc.limit)
                raise
            except MMSContentError:
                raise
            except TimeoutError as exc:
                raise self._timeout_error(part, allowed_s) from exc
            except (PeerClosed, OSError) as exc:
                raise self._crash_error(part) from exc
            except ProtocolError as exc:
                raise self._protocol_error(part, exc) from exc
            except BaseException:  # an interrupt: the answer would be taken for the next call's
                self._terminate(part, "interrupted")
                raise

    def _handshake(self, part: str) -> tuple[HardeningLayer, ...]:
        """Before the first call: hand over the orders and hear that the layers are on."""
        if self._layers is not None:
            return self._layers
        limits = {k: getattr(self.limits, k) for k in ("memory_bytes", "cpu_s", "file_bytes", "open_files")}
        readable = import_paths.readable(self.module)
        orders = {"module": self.module, "limits": limits, "readable": readable, "parent": os.getpid()}
        until = time.monotonic() + _START_S
        self._transport.write(self.serializer.pack(orders), until=until)
        told = self._receive(until)
        if isinstance(told, dict) and "failed" in told:
            self._terminate(part, "start")
            error = EngineMissing if told.get("missing") else EngineFailed
            raise error(f"worker {self.module} cannot start: {told['failed']}; run `mmscontent doctor`", part=part)
        rows = told.get("layers") if isinstance(told, dict) else None
        if not self.serializer.conforms(rows, _Rows):
            raise ProtocolError("the worker's greeting is none of ours")
        self._layers = tuple(HardeningLayer(*row) for row in cast("_Rows", rows))
        return self._layers

    def _forget_closed_sessions(self, until: float) -> None:
        """Have the process forget the sessions that were left; it does not answer to this."""
        left = []
        while self._closed_sessions:
            left.append(self._closed_sessions.popleft())
        if left:
            self._transport.write(self.serializer.pack({"forget": left}), until=until)

    def _receive(self, until: float) -> object:
        header, blobs = self._transport.read(FrameLimits(blob_bytes=self.limits.result_bytes), until=until)
        return self.serializer.unpack(header, blobs)

    def _drain_stderr(self) -> None:
        """Take what it has said on stderr out of the pipe, so that there is room for its last words."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._stderr, 65536):
                self._stderr_tail = (self._stderr_tail + more)[-_WORDS_BYTES:]

    def _parse_reply(self, answer: object) -> object:
        """The value of an answer, or the error it tells of."""
        if isinstance(answer, dict) and answer.keys() == {"value"}:
            return answer["value"]
        raise self.serializer.unpack_error(answer["error"] if isinstance(answer, dict) and "error" in answer else None)

    def _worker_gone_error(self, part: str) -> JailKilled:
        assert self._termination is not None
        culprit, limit = self._termination.part or "another part", self._termination.limit
        why = "the sandbox pool was closed" if limit == "closed" else f"{culprit} ended it ({limit})"
        error = JailKilled(
            f"the worker that held {part or 'this part'} is gone: {why}; open a new session and start again",
            limit="neighbour",
            part=part,
        )
        error.retryable = True
        return error

    def _timeout_error(self, part: str, allowed_s: float) -> EngineTimeout:
        self._terminate(part, "wall clock")
        return EngineTimeout(
            f"{part or 'a call'} took longer than {allowed_s:g} s in a decoder and was stopped; "
            "give it more time (timeout_s, SandboxLimits.wall_s) or send a smaller file",
            part=part,
        )

    def _protocol_error(self, part: str, exc: ProtocolError) -> JailKilled:
        self._terminate(part, "reply")
        return JailKilled(
            f"the worker that held {part or 'a part'} broke the protocol and was ended: {exc}", limit="reply", part=part
        )

    def _crash_error(self, part: str) -> JailKilled:
        """What ended it, by its exit status and last words."""
        if self._termination is not None:  # another thread closed the jail under this call
            return self._worker_gone_error(part)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        status = self._process.returncode
        self._drain_stderr()
        words = self._stderr_tail.decode("utf-8", "replace").strip().splitlines()
        limit, how = _cause(status, words)
        self._terminate(part, limit)
        last = f"; it last said: {words[-1][:200]}" if words else ""
        return JailKilled(
            f"a decoder died on {part or 'a part'}, {how} (limit: {limit}); leave it out or raise the limit{last}",
            limit=limit,
            part=part,
        )

    def _terminate(self, part: str, limit: str) -> None:
        """Kill it and let go; the caller has the turn."""
        self._kill(part, limit)
        self._close_fds()

    def _kill(self, part: str, limit: str) -> None:
        if self._termination is None:
            self._termination = _Termination(part, limit)
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    def _close_fds(self) -> None:
        """Close our ends of the wire and of its stderr."""
        self._transport.close()
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
