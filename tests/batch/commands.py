"""Running the command as people do, in a process of its own, and looking at what it left."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

RECEIVER = ("--carrier", "us/att", "--route", "toll_free")


def environment(cwd: Path) -> dict[str, str]:
    """With a folder for temporary files of its own, so that what is left in it can be seen."""
    (cwd / "tmp").mkdir(exist_ok=True)
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "TMPDIR": str(cwd / "tmp")}


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """The command in a session of its own, so that a Ctrl-C reaches it and its workers as from a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "mmscontent", *map(str, arguments)],
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
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if (folder / "journal.jsonl").read_bytes().count(b"\n") > count:
                return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    raise AssertionError(f"no {count} items in 120 s")


def kill_hard(process: subprocess.Popen[str]) -> None:
    """kill -9 of the command alone: its workers must find out by themselves."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def family(process: subprocess.Popen[str]) -> set[int]:
    """Every living process that descends from the command or has its folder on the command line's path."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            if words[0] != "Z":
                parents[int(stat.parent.name)] = int(words[1])
    found = {process.pid}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found - {process.pid}
        found |= more


def wait_until_gone(pids: set[int], seconds: float = 10.0) -> set[int]:
    """Those of the processes that still run after a while."""
    until = time.monotonic() + seconds
    while (left := {p for p in pids if _runs(p)}) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
