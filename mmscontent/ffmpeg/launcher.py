"""The supervisor process between us and ffmpeg, one per session: starts each run in the sandbox, waits, cleans up.

It reads orders from standard input, one JSON line each, and answers each with a line `<exit status> <CPU milliseconds>`
on a pipe of its own. When standard input closes (the session was closed, or the process that started it was killed), it
ends the program, removes the folder and exits. It runs as `python -I -S` and imports little.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
from typing import Any, NoReturn

from mmscontent.sandbox import hardening

# Exit status of a child that could not become the program, as shells have it.
CANNOT_START = 126
# A run opens one input, a few outputs and x264's statistics.
_OPEN_FILES = 64
# ffmpeg reads its own auxiliary vector (features of the processor) and status there.
_READABLE = ("/proc/self",)
# An order is a few KB, most of it the filter graph.
_MAX_ORDER_BYTES = 1 << 20


def main(folder: str, answers: int) -> NoReturn:
    """Execute orders until standard input closes.

    Args:
        folder: The folder to remove at the end; "" for none.
        answers: File descriptor for the answers; the status of a run that a signal ended is minus the signal.
    """
    # ffmpeg must not answer in our name.
    os.set_inheritable(answers, False)
    supervisor = os.getpid()
    # SIGCHLD only has to wake select(): its handler does nothing, the byte in the wake-up pipe does (self-pipe trick).
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pending = b""
    while True:
        while b"\n" not in pending:
            pending += _read_more(folder, len(pending))
        line, _, pending = pending.partition(b"\n")
        _run_order(json.loads(line), supervisor, woken, folder, answers)


def _read_more(folder: str, pending_bytes: int) -> bytes:
    more = os.read(0, 65_536)
    if not more or pending_bytes > _MAX_ORDER_BYTES:
        _cleanup(folder)
    return more


def _cleanup(folder: str) -> NoReturn:
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _run_order(order: dict[str, Any], supervisor: int, woken: int, folder: str, answers: int) -> None:
    # The doctor asks for the layers alone.
    if order["arguments"] is None:
        json.dump([[r.name, r.in_force, r.detail] for r in _apply_layers(order, os.getppid())], sys.stdout)
        sys.stdout.flush()
        os._exit(0)
    child = os.fork()
    if not child:
        _exec_program(order, supervisor)
    status, cpu_s = _wait(child, woken, folder)
    os.write(answers, b"%d %d\n" % (status, cpu_s * 1000))


def _apply_layers(order: dict[str, Any], parent: int) -> tuple[hardening.HardeningLayer, ...]:
    allowances = hardening.Allowances(order["folder"], order["program"])
    uid = os.getuid()
    early = hardening.apply_early(_READABLE, parent, allowances)
    limits = hardening.ResourceLimits(order.get("memory_bytes", 1 << 32), order.get("file_bytes", 1 << 30), _OPEN_FILES)
    return (*early, *hardening.apply_late(limits, own_user_namespace=os.getuid() != uid, allowances=allowances))


def _exec_program(order: dict[str, Any], supervisor: int) -> NoReturn:
    """In the child: apply the layers and become the program."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Python ignores these two, and execve(2) keeps ignored signals ignored; SIGXFSZ must end a run over its limit.
        for name in ("SIGPIPE", "SIGXFSZ"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.chdir(order["folder"])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        hardening.limit_cpu(order["cpu_s"])
        _apply_layers(order, supervisor)
        os.execve(order["program"], order["arguments"], order["environment"])  # noqa: S606 - this module's purpose
    except BaseException as exc:  # noqa: BLE001 - a second copy of the supervisor must not go on
        os.write(2, f"cannot start {order['program']}: {exc!r}\n".encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_START)


def _wait(child: int, woken: int, folder: str) -> tuple[int, float]:
    """Wait until the program ends or standard input closes; returns exit status and processor time."""
    while True:
        ready = select.select([0, woken], [], [])[0]
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        if woken in ready:
            os.read(woken, 512)
        # During a run we are sent nothing, so readable means the end of file.
        if 0 in ready and not os.read(0, 512):
            # SIGTERM would let ffmpeg finish its file first; nobody wants it any more.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            _cleanup(folder)
