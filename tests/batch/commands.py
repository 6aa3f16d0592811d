"""Runs the command in a process of its own, holds it at a gate, and asks the system which processes have ended."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A shell starts its background jobs with SIGINT ignored, and Python then never raises KeyboardInterrupt.
_AS_FROM_A_TERMINAL = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable,"
    " [sys.executable, *sys.argv[1:]])"
)
_BOUND_S = 120.0  # for what happens by itself sooner or later, also on a machine that is busy with other things
RECEIVER = ("--carrier", "us/att", "--route", "toll_free")


def environment(cwd: Path) -> dict[str, str]:
    """With a folder for temporary files of its own, so that what is left in it can be seen."""
    (cwd / "tmp").mkdir(exist_ok=True)
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "TMPDIR": str(cwd / "tmp")}


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """The command in a session of its own, so that a Ctrl-C reaches it and its workers as from a terminal."""
    return subprocess.Popen(
        [sys.executable, "-c", _AS_FROM_A_TERMINAL, "-m", "mmscontent", *map(str, arguments)],
        cwd=cwd,
        env=environment(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def journal(folder: Path) -> list[dict[str, Any]]:
    """The lines after the head."""
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()[1:]]


def outputs(folder: Path) -> dict[str, str]:
    """Every message in a folder and its digest."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.suffix in (".mms", ".eml", ".jpg")
    }


def wait_for_lines(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until the journal has so many items; the process must not be done before."""

    def has_lines() -> bool:
        assert process.poll() is None, process.communicate()[1]
        with contextlib.suppress(OSError):
            return (folder / "journal.jsonl").read_bytes().count(b"\n") > count
        return False

    assert wait_until(has_lines), f"no {count} items in {_BOUND_S} s"


class Gate:
    """An input that the test holds back: a run that has it cannot end before the test opens it.

    A named pipe in a list of its own; the worker that reads it waits for the test to write.
    """

    def __init__(self, folder: Path) -> None:
        self.list = folder / "gate.jsonl"
        self._pipe = folder / "gate.jpg"
        os.mkfifo(self._pipe)
        self.list.write_text(json.dumps({"name": "gate", "files": [self._pipe.name]}))

    def open(self, data: bytes) -> None:
        """Let the run end: give the bytes to the worker that waits for them."""
        descriptors: list[int] = []

        def has_reader() -> bool:
            with contextlib.suppress(OSError):  # ENXIO: no worker has come to the pipe yet
                descriptors.append(os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK))
            return bool(descriptors)

        assert wait_until(has_reader)
        os.set_blocking(descriptors[0], True)
        with os.fdopen(descriptors[0], "wb") as pipe:
            pipe.write(data)


def wait_until(true: Callable[[], bool]) -> bool:
    """Ask again until something is so; the time is only a bound for a test that fails."""
    until = time.monotonic() + _BOUND_S
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def kill_hard(process: subprocess.Popen[str]) -> None:
    """kill -9 of the command alone: its workers must find out by themselves."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, as the kernel lists them by its threads."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            found += [int(child) for child in task.read_text().split()]
    return found


def family(pid: int) -> list[int]:
    """All descendants of a process."""
    children = children_of(pid)
    return children + [pid for child in children for pid in family(child)]


class Watched:
    """Processes by file descriptors, which see the end of each whoever collects it, and whatever reuses its number."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._descriptors: list[int] = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                self._descriptors.append(os.pidfd_open(pid))

    def have_ended(self) -> bool:
        """Wait until all of them have ended."""
        return all(select.select([d], [], [], _BOUND_S)[0] for d in self._descriptors)
