"""The worker's side of the jail: confine ourselves, then serve calls one after the other until the wire closes.

`main` is what the parent starts; it puts on the first layers, then runs the worker's module as `python -m` would,
and that module calls `serve`. The wire is one inherited socket; nothing else of the parent is left.
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

__all__ = ["main", "serve"]

# What libraries say instead of raising MemoryError.
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "unable to allocate", "failed to allocate")


class WorkerState:
    """What `main` hands to `serve`, which the worker's module calls without knowing of it."""

    transport: Transport | None = None
    orders: dict[str, Any]
    layers: tuple[hardening.HardeningLayer, ...] = ()
    own_user_namespace: bool = False


class NonBlockingStderr(io.TextIOBase):
    """A stderr that loses what its pipe has no room for, and never waits."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "replace"))
        return len(text)

    def fileno(self) -> int:
        return 2


def main(wire: int) -> NoReturn:
    """Run the module the parent orders, behind the first layers; never returns."""
    faulthandler.enable()
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, then a full file is told as anything
    sys.stderr = NonBlockingStderr()
    WorkerState.transport = Transport(socket.socket(fileno=wire))
    orders = Serializer().unpack(*WorkerState.transport.read(FrameLimits()))
    assert isinstance(orders, dict)
    uid = os.getuid()
    WorkerState.orders = orders
    WorkerState.layers = hardening.apply_early(orders["readable"], orders["parent"])
    WorkerState.own_user_namespace = os.getuid() != uid
    try:
        runpy.run_module(orders["module"], run_name="__main__", alter_sys=False)
    except Exception as exc:  # noqa: BLE001 - whatever an import raises, the parent must hear of it
        _send(Serializer(), {"failed": _format_exception(exc), "missing": isinstance(exc, ImportError)})
    sys.stdout.flush()
    os._exit(1)


def serve(handlers: Mapping[str, Callable[..., object]], *, classes: Iterable[type] = ()) -> None:
    """Serve calls until the parent closes the wire.

    Args:
        handlers: By name; each is called with the session's own dict and the call's arguments, and answers with a value
            that may cross the wall. Libraries a handler needs should be imported by now.
        classes: Dataclasses that may cross, the same as the jail's.

    Raises:
        RuntimeError: The module was not started by a jail.
    """
    wire = WorkerState.transport
    if wire is None:
        raise RuntimeError("serve() belongs in a worker; use SandboxPool(module) to start one")
    serializer = Serializer(classes)
    limits = WorkerState.orders["limits"]
    resources = hardening.ResourceLimits(limits["memory_bytes"], limits["file_bytes"], limits["open_files"])
    layers = (*WorkerState.layers, *hardening.apply_late(resources, own_user_namespace=WorkerState.own_user_namespace))
    _send(serializer, {"layers": tuple(astuple(layer) for layer in layers)})
    sessions: dict[int, dict[str, object]] = {}
    while True:
        try:
            order = serializer.unpack(*wire.read(FrameLimits()))
        except PeerClosed:
            os._exit(0)  # no cleaning up: nothing outlives this process
        assert isinstance(order, dict)
        if "forget" in order:
            for session in order["forget"]:
                sessions.pop(session, None)
            continue
        hardening.limit_cpu(limits["cpu_s"])
        _answer(serializer, handlers, sessions.setdefault(order["session"], {}), order)


def _answer(
    serializer: Serializer,
    handlers: Mapping[str, Callable[..., object]],
    state: dict[str, object],
    order: dict[str, Any],
) -> None:
    """Do one call and send its value or its error."""
    try:
        try:
            handler = handlers[order["function"]]
        except KeyError as exc:
            raise EngineFailed(f"the worker has no function {order['function']!r}; it has {sorted(handlers)}") from exc
        frame = serializer.pack({"value": handler(state, *order["args"])})
    except BaseException as exc:  # noqa: BLE001 - whatever a decoder raises becomes one of our errors here
        frame = serializer.pack({"error": _as_ours(serializer, exc, order["part"])})
    assert WorkerState.transport is not None
    WorkerState.transport.write(frame)


def _as_ours(serializer: Serializer, exc: BaseException, part: str) -> dict[str, object]:
    if isinstance(exc, MMSContentError):
        error: MMSContentError = exc
    elif isinstance(exc, MemoryError) or any(words in str(exc).lower() for words in _OUT_OF_MEMORY):
        error = JailKilled(
            f"{part or 'a part'} needs more memory than the {WorkerState.orders['limits']['memory_bytes']:,} bytes "
            "a worker may take; raise SandboxLimits.memory_bytes or send a smaller file",
            limit="memory",
        )
    else:
        error = EngineFailed(f"{part or 'a part'}: {_format_exception(exc)}", last_lines="".join(_trace(exc))[-2000:])
    error.part = error.part or part
    return serializer.pack_error(error)


def _trace(exc: BaseException) -> list[str]:
    return traceback.format_exception(exc)[-6:]


def _format_exception(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[-1]}"[:500] if lines else type(exc).__name__


def _send(serializer: Serializer, value: dict[str, object]) -> None:
    assert WorkerState.transport is not None
    WorkerState.transport.write(serializer.pack(value))
