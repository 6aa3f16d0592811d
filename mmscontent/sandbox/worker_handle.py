"""The parent's handle of one worker process: its transport, its sessions, and what ended it.

One call at a time. Whatever a worker does wrong ends it and becomes one of our errors here.
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
from mmscontent.sandbox import spawn
from mmscontent.sandbox.hardening import HardeningLayer
from mmscontent.sandbox.protocol import FrameLimits, PeerClosed, ProtocolError, Serializer, Transport
from mmscontent.sandbox.spawn import start_worker

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

# A cold disk under a loaded machine; a warm start takes under half a second.
_START_S = 60.0
# Of the end of stderr, which holds the line that says why.
_STDERR_BYTES = 4096
# The kernel's OOM killer sends SIGKILL; nobody else sends one before we do.
_LIMIT_OF_SIGNAL = {"SIGXCPU": "cpu time", "SIGXFSZ": "file size", "SIGSYS": "system call", "SIGKILL": "memory"}
# What libraries write before they abort for want of memory.
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to allocate", "memoryerror", "bad_alloc")
_LayerRows = tuple[tuple[str, bool, str], ...]


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one worker may use.

    Attributes:
        memory_bytes: Mapped on top of what the worker has mapped once its libraries are loaded.
        cpu_s: Processor time of one call, all threads together.
        wall_s: Duration of one call; `Session.call` may ask for another.
        file_bytes: Size of any file it writes; 0 as nothing may be written anyway.
        result_bytes: Blobs that one call may return, together.
    """

    # limits.py lets in 210 megapixels, which are 840 MB as RGBA.
    memory_bytes: int = 3 << 30
    # Two processors for the whole wall time.
    cpu_s: float = 120.0
    wall_s: float = 60.0
    # RLIMIT_FSIZE 0 stands behind Landlock and the filter: opening to write is refused before.
    file_bytes: int = 0
    open_files: int = 64
    result_bytes: int = 320_000_000


DEFAULT_LIMITS = SandboxLimits()


@dataclass(frozen=True, slots=True)
class _Termination:
    """Why a worker ended, for those whose session it held."""

    part: str
    limit: str


class WorkerHandle:
    """One worker process, its transport and the numbers of its sessions."""

    def __init__(self, module: str, limits: SandboxLimits, serializer: Serializer) -> None:
        self.module = module
        self.limits = limits
        self.serializer = serializer
        self.sessions: set[int] = set()
        self._last_session = 0
        self._closed_sessions: deque[int] = deque()  # the process has still to forget these
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
        """Return the number of a new session; the caller holds the pool's lock."""
        self._last_session += 1
        self.sessions.add(self._last_session)
        return self._last_session

    def discard_session(self, number: int) -> None:
        """Close a session; the process forgets its state with the next order."""
        if number in self.sessions:
            self.sessions.discard(number)
            self._closed_sessions.append(number)

    def close_session(self, number: int) -> None:
        """Close a session; the process forgets its state at once when no call is under way."""
        self.discard_session(number)
        if self.alive and self._layers is not None and self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError, PeerClosed):
                    self._send_closed_sessions(time.monotonic() + 1.0)
            finally:
                self._lock.release()

    def call(self, order: dict[str, object], part: str, timeout_s: float | None) -> object:
        """Send an order and wait for its reply.

        Raises:
            TypeError: The order holds what cannot be sent; nothing was sent.
            MMSContentError: See Session.call.
        """
        frame = self.serializer.pack(order)
        allowed_s = self.limits.wall_s if timeout_s is None else timeout_s

        def ask() -> object:
            self._handshake(part)
            until = time.monotonic() + allowed_s
            self._send_closed_sessions(until)
            self._transport.write(frame, until=until)
            reply = self._receive(until)
            self._drain_stderr()
            return self._parse_reply(reply)

        return self._call_locked(ask, part, allowed_s)

    def layers(self) -> tuple[HardeningLayer, ...]:
        """The layers that it reported when it was ready."""
        return self._call_locked(lambda: self._handshake(""), "", _START_S)

    def stop(self) -> None:
        """Kill the process, whatever it is doing, and close what we hold of it."""
        self._kill("", "closed")
        if self._lock.acquire(timeout=2.0):  # a caller in another thread reads the end of file and releases it
            try:
                self._close_fds()
            finally:
                self._lock.release()

    def detach_after_fork(self) -> None:
        """In a forked child: the process is the parent's; nothing is sent to it."""
        self._termination = _Termination("", "closed")
        # Else Popen would wait for a process that is not our child.
        self._process.returncode = 0
        self._lock = threading.Lock()
        self._close_fds()

    def _call_locked(self, work: Callable[[], _T], part: str, allowed_s: float) -> _T:
        """Do the work under the lock; what goes wrong on the transport ends the process and is named."""
        with self._lock:
            if self._termination is not None:
                raise self._worker_gone_error(part)
            try:
                return work()
            # Out of memory inside: what the process still holds cannot be relied on.
            except JailKilled as exc:
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
            # An interrupt (Ctrl-C): the reply on its way would be taken for the next call's.
            except BaseException:
                self._terminate(part, "interrupted")
                raise

    def _handshake(self, part: str) -> tuple[HardeningLayer, ...]:
        """Before the first call: send the worker its settings, receive the layers it applied."""
        if self._layers is not None:
            return self._layers
        limits = {k: getattr(self.limits, k) for k in ("memory_bytes", "cpu_s", "file_bytes", "open_files")}
        readable = spawn.readable(self.module)
        settings = {"module": self.module, "limits": limits, "readable": readable, "parent": os.getpid()}
        until = time.monotonic() + _START_S
        self._transport.write(self.serializer.pack(settings), until=until)
        reply = self._receive(until)
        if isinstance(reply, dict) and "failed" in reply:
            self._terminate(part, "start")
            error = EngineMissing if reply.get("missing") else EngineFailed
            raise error(f"worker {self.module} cannot start: {reply['failed']}; run `mmscontent doctor`", part=part)
        rows = reply.get("layers") if isinstance(reply, dict) else None
        if not self.serializer.conforms(rows, _LayerRows):
            raise ProtocolError("the worker's first frame is no list of layers")
        self._layers = tuple(HardeningLayer(*row) for row in cast("_LayerRows", rows))
        return self._layers

    def _send_closed_sessions(self, until: float) -> None:
        """Tell the process which sessions to forget; it sends no reply to this."""
        numbers = []
        # popleft and not a copy: __del__ of a session may append at any moment.
        while self._closed_sessions:
            numbers.append(self._closed_sessions.popleft())
        if numbers:
            self._transport.write(self.serializer.pack({"forget": numbers}), until=until)

    def _receive(self, until: float) -> object:
        header, blobs = self._transport.read(FrameLimits(blob_bytes=self.limits.result_bytes), until=until)
        return self.serializer.unpack(header, blobs)

    def _drain_stderr(self) -> None:
        """Empty the pipe of its stderr, so that a message before its death finds space there."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._stderr, 65536):
                self._stderr_tail = (self._stderr_tail + more)[-_STDERR_BYTES:]

    def _parse_reply(self, reply: object) -> object:
        if isinstance(reply, dict) and reply.keys() == {"value"}:
            return reply["value"]
        raise self.serializer.unpack_error(reply["error"] if isinstance(reply, dict) and "error" in reply else None)

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
        """Name what ended the process, by its exit status and the last line of its stderr."""
        # Another thread closed the pool during this call.
        if self._termination is not None:
            return self._worker_gone_error(part)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._drain_stderr()
        lines = self._stderr_tail.decode("utf-8", "replace").strip().splitlines()
        limit, how = _cause(self._process.returncode, lines)
        self._terminate(part, limit)
        last = f"; its last message: {lines[-1][:200]}" if lines else ""
        return JailKilled(
            f"the decoder of {part or 'a part'} died, {how} (limit: {limit}); leave it out or raise the limit{last}",
            limit=limit,
            part=part,
        )

    def _terminate(self, part: str, limit: str) -> None:
        """Kill the process and close our ends; the caller holds the lock."""
        self._kill(part, limit)
        self._close_fds()

    def _kill(self, part: str, limit: str) -> None:
        if self._termination is None:
            self._termination = _Termination(part, limit)
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    def _close_fds(self) -> None:
        self._transport.close()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1


def _cause(status: int | None, lines: list[str]) -> tuple[str, str]:
    """The word of the limit, and how the process ended."""
    if status is None:
        return "unknown", "closing its socket"
    if status >= 0:
        return "crash", f"exiting with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    limit = _LIMIT_OF_SIGNAL.get(name, "crash")
    if limit == "crash" and any(w in line.lower() for line in lines for w in _OUT_OF_MEMORY):
        limit = "memory"
    return limit, f"ended by {name}"
