"""The program of a worker process: apply the hardening layers, then serve calls until the parent closes the socket.

The parent starts `main`, which applies the early layers and runs the worker's module as `python -m` would; that module
calls `serve`. The worker inherits one socket from the parent and nothing else.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import runpy
import signal
import socket
import sys
import traceback
from dataclasses import astuple
from typing import TYPE_CHECKING, Any, NoReturn

from mmscontent.errors import EngineFailed, JailKilled, MMSContentError
from mmscontent.sandbox import hardening
from mmscontent.sandbox.protocol import FrameLimits, PeerClosed, Serializer, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# What libraries write into an exception of another class instead of raising MemoryError.
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "unable to allocate", "failed to allocate")


class WorkerState:
    """What `main` leaves for `serve`; the worker's module stands between them and knows nothing of it."""

    transport: Transport | None = None
    settings: dict[str, Any]
    early_layers: tuple[hardening.HardeningLayer, ...] = ()
    own_user_namespace: bool = False


class NonBlockingStderr(io.TextIOBase):
    """A stderr that drops what its pipe has no space for, and never waits."""

    def write(self, text: str) -> int:  # noqa: D102 - as every text stream
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "replace"))
        return len(text)

    def fileno(self) -> int:  # noqa: D102 - as above
        return 2


def main(socket_fd: int) -> NoReturn:
    """Run the module that the parent names, behind the early layers."""
    # The stack of a segmentation fault then is the last message on stderr.
    faulthandler.enable()
    # Python ignores SIGXFSZ: a write over RLIMIT_FSIZE would fail with EFBIG somewhere in a library (setrlimit(2)).
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    sys.stderr = NonBlockingStderr()
    WorkerState.transport = Transport(socket.socket(fileno=socket_fd))
    settings = Serializer().unpack(*WorkerState.transport.read(FrameLimits()))
    assert isinstance(settings, dict)
    WorkerState.settings = settings
    uid = os.getuid()
    WorkerState.early_layers = hardening.apply_early(settings["readable"], settings["parent"])
    # In a user namespace without a uid_map we are the overflow user (user_namespaces(7)).
    WorkerState.own_user_namespace = os.getuid() != uid
    try:
        runpy.run_module(settings["module"], run_name="__main__", alter_sys=False)
    except Exception as exc:  # noqa: BLE001 - whatever an import raises, the parent must hear of it
        failed = {"failed": _format_exception(exc), "missing": isinstance(exc, ImportError)}
        WorkerState.transport.write(Serializer().pack(failed))
    # The module returned or failed: without serve() there is nothing to do.
    sys.stdout.flush()
    os._exit(1)


def serve(handlers: Mapping[str, Callable[..., object]], *, classes: Iterable[type] = ()) -> None:
    """Serve calls until the parent closes the socket.

    Args:
        handlers: By name; each is called with the session's own dict and the call's arguments, and returns a value that
            can be sent. The libraries it needs should be imported by now: later they may not be readable.
        classes: Dataclasses that may be sent, the same as the pool's.

    Raises:
        RuntimeError: The module was not started by a sandbox pool.
    """
    transport = WorkerState.transport
    if transport is None:
        raise RuntimeError("serve() belongs in a worker; use SandboxPool(module) to start one")
    serializer = Serializer(classes)
    limits = WorkerState.settings["limits"]
    resources = hardening.ResourceLimits(limits["memory_bytes"], limits["file_bytes"], limits["open_files"])
    late_layers = hardening.apply_late(resources, own_user_namespace=WorkerState.own_user_namespace)
    layers = tuple(astuple(layer) for layer in (*WorkerState.early_layers, *late_layers))
    transport.write(serializer.pack({"layers": layers}))
    sessions: dict[int, dict[str, object]] = {}
    while True:
        try:
            order = serializer.unpack(*transport.read(FrameLimits()))
        except PeerClosed:
            # Without cleaning up: nothing outlives this process.
            os._exit(0)
        assert isinstance(order, dict)
        if "forget" in order:
            for number in order["forget"]:
                sessions.pop(number, None)
            continue
        # Anew for each call: a worker serves many, and RLIMIT_CPU counts from its start.
        hardening.limit_cpu(limits["cpu_s"])
        transport.write(_reply(serializer, handlers, sessions.setdefault(order["session"], {}), order))


def _reply(
    serializer: Serializer,
    handlers: Mapping[str, Callable[..., object]],
    state: dict[str, object],
    order: dict[str, Any],
) -> list[bytes | memoryview]:
    """Do one call; returns the frame of its value or of its error."""
    try:
        handler = handlers.get(order["function"])
        if handler is None:
            raise EngineFailed(f"the worker has no function {order['function']!r}; it has {sorted(handlers)}")  # noqa: TRY301 - packed like any
        return serializer.pack({"value": handler(state, *order["args"])})
    except BaseException as exc:  # noqa: BLE001 - whatever a decoder raises becomes one of our errors here
        return serializer.pack({"error": serializer.pack_error(_as_ours(exc, order["part"]))})


def _as_ours(exc: BaseException, part: str) -> MMSContentError:
    if isinstance(exc, MMSContentError):
        error: MMSContentError = exc
    elif isinstance(exc, MemoryError) or any(words in str(exc).lower() for words in _OUT_OF_MEMORY):
        error = JailKilled(
            f"{part or 'a part'} needs more memory than the {WorkerState.settings['limits']['memory_bytes']:,} bytes "
            "a worker may take; raise SandboxLimits.memory_bytes or send a smaller file",
            limit="memory",
        )
    else:
        last_lines = "".join(traceback.format_exception(exc)[-6:])[-2000:]
        error = EngineFailed(f"{part or 'a part'}: {_format_exception(exc)}", last_lines=last_lines)
    error.part = error.part or part
    return error


def _format_exception(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[-1]}"[:500] if lines else type(exc).__name__
