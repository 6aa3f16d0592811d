"""The process between us and the program, one a room: confines children that become ffmpeg, watches, and cleans up.

It takes orders, one line each, from its standard input and answers with each run's exit status on a pipe of its own.
When its standard input closes, which is also what happens when the process that started it is killed, it ends the
program, removes the folder and goes. Runs bare (`python -I -S`), so it imports little.
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

__all__ = ["CANNOT_START", "main"]

CANNOT_START = 126  # exit status of a child that could not become the program, as shells have it
_OPEN_FILES = 64
_NICE_FOLDERS = ("/proc/self",)  # the program reads its own auxiliary vector and status
_MOST_ORDERS = 1 << 20


def main(folder: str, answers: int) -> NoReturn:
    """Carry out orders until nobody is left to give any.

    Args:
        folder: What is removed at the end; "" for nothing.
        answers: Where a line is written for each run: its exit status, or 128 and the signal that ended it.
    """
    os.set_inheritable(answers, False)
    supervisor = os.getpid()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pending = b""
    while b"\n" in pending or (pending := _read_more(pending, folder)):
        line, found, rest = pending.partition(b"\n")
        if found:
            pending = rest
            _run_order(json.loads(line), supervisor, woken, folder, answers)
    _cleanup(folder)


def _read_more(pending: bytes, folder: str) -> bytes:
    some = os.read(0, 65_536)
    if not some or len(pending) > _MOST_ORDERS:
        _cleanup(folder)
    return pending + some


def _cleanup(folder: str) -> NoReturn:
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _run_order(orders: dict[str, Any], supervisor: int, woken: int, folder: str, answers: int) -> None:
    if orders["arguments"] is None:
        json.dump([[r.name, r.in_force, r.detail] for r in _apply_layers(orders, os.getppid())], sys.stdout)
        sys.stdout.flush()
        os._exit(0)
    child = os.fork()
    if not child:
        _exec_program(orders, supervisor)
    status = _wait(child, woken, folder)
    os.write(answers, b"%d\n" % (status if status >= 0 else 128 - status))


def _apply_layers(orders: dict[str, Any], parent: int) -> tuple[hardening.HardeningLayer, ...]:
    allowances = hardening.Allowances(orders["folder"], orders["program"])
    uid = os.getuid()
    first = hardening.apply_early(_NICE_FOLDERS, parent, allowances)
    limits = hardening.ResourceLimits(
        orders.get("memory_bytes", 1 << 32), orders.get("file_bytes", 1 << 30), _OPEN_FILES
    )
    return (*first, *hardening.apply_late(limits, own_user_namespace=os.getuid() != uid, allowances=allowances))


def _exec_program(orders: dict[str, Any], supervisor: int) -> NoReturn:
    """In the child: put the layers on and turn into the program."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and what is ignored stays so in the program
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.chdir(orders["folder"])
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        hardening.limit_cpu(orders["cpu_s"])
        _apply_layers(orders, supervisor)
        os.execve(orders["program"], orders["arguments"], orders["environment"])  # noqa: S606 - the door's whole point
    except BaseException as exc:  # noqa: BLE001 - a second copy of the supervisor must not go on
        os.write(2, f"cannot start {orders['program']}: {exc!r}\n".encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_START)


def _wait(child: int, woken: int, folder: str) -> int:
    """Until the program ends, or nobody listens any more."""
    while True:
        ready = select.select([0, woken], [], [])[0]
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if woken in ready:
            os.read(woken, 512)
        if 0 in ready and not os.read(0, 512):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            _cleanup(folder)
