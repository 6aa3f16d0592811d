"""What benchmarks/batch.py does to a running command, and what it finds afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ("--carrier", "us/att", "--route", "toll_free", "--max-bytes", "30000")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "mmscontent", *map(str, arguments)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=_environment(), **pipes)


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate()
    if process.returncode not in (0, 1):
        raise RuntimeError(err)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _outputs(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.mms"))}


def _journal(folder: Path) -> list[dict[str, Any]]:
    try:
        lines = (folder / "journal.jsonl").read_bytes().split(b"\n")[1:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def undisturbed(place: Path, photos: Path) -> dict[str, str]:
    """Outputs of a run nobody touches."""
    run("batch", photos, "-o", "undisturbed", *OPTIONS, "--workers", 2, cwd=place)
    return _outputs(place / "undisturbed")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _family(pid: int) -> set[int]:
    found: set[int] = set()
    for child in _children(pid):
        found |= {child} | _family(child)
    return found


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _kb(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])
    return 0


def memory_by_role() -> dict[str, int]:
    """Resident kilobytes of this process, and of the largest worker and the largest decoder below it."""
    workers = [p for p in _children(os.getpid()) if _is_worker(p)]
    decoders = [c for p in workers for c in _children(p)]
    return {
        "command": _kb(os.getpid()),
        "worker": max(map(_kb, workers), default=0),
        "decoder": max(map(_kb, decoders), default=0),
    }


def _left_alive(pids: set[int]) -> int:
    """How many still run two seconds later; what is dead has no memory."""
    until = time.monotonic() + 2.0
    while any(_kb(p) for p in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return sum(_kb(p) > 0 for p in pids)


def with_killed_workers(place: Path, photos: Path, every_s: float) -> dict[str, Any]:
    """A run during which a random worker is killed again and again."""
    chance = random.Random(8)
    process = start("batch", photos, "-o", "killed", *OPTIONS, "--workers", 2, cwd=place)
    killed = orphans = 0
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(every_s)
        workers = [p for p in _children(process.pid) if _is_worker(p)]
        if process.poll() is None and workers:
            victim = chance.choice(workers)
            decoders = _family(victim)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                killed += 1
            orphans += _left_alive(decoders)
    process.communicate()
    records = _journal(place / "killed")
    return {
        "killed": killed,
        "decoders_left": orphans,
        "lines": len(records),
        "distinct": len({r["item"] for r in records}),
        "statuses": dict(Counter(r["status"] for r in records)),
        "tried_twice": sum(r["tries"] > 1 for r in records),
        "outputs": _outputs(place / "killed"),
    }


def killed_and_resumed(place: Path, photos: Path, times: int) -> dict[str, Any]:
    """The command killed so many times on its way, each time gone on with."""
    total = len(list(photos.iterdir()))
    left_alive = 0
    for turn in range(1, times + 1):
        process = start("batch", photos, "-o", "resumed", *OPTIONS, "--workers", 2, "--resume", cwd=place)
        while process.poll() is None and len(_journal(place / "resumed")) < total * turn / (times + 1):
            time.sleep(0.05)
        family = _family(process.pid)
        process.kill()
        process.communicate()
        left_alive += _left_alive(family)
    run("batch", photos, "-o", "resumed", *OPTIONS, "--workers", 2, "--resume", cwd=place)
    records = _journal(place / "resumed")
    return {
        "items": total,
        "killed": times,
        "processes_left": left_alive,
        "lines": len(records),
        "distinct": len({r["item"] for r in records}),
        "outputs": _outputs(place / "resumed"),
    }


def on_two_nodes(place: Path, photos: Path) -> dict[str, Any]:
    """A run on two nodes on loopback, one of which goes away when a third is done."""
    total = len(list(photos.iterdir()))
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    nodes = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.two_nodes"], cwd=ROOT, env=_environment(), text=True, **pipes
    )
    address = nodes.stdout.readline().strip()
    started = time.perf_counter()
    process = start(
        *("batch", photos, "-o", "cluster", *OPTIONS, "--engine", "cluster", "--cluster", address), cwd=place
    )
    while process.poll() is None and len(_journal(place / "cluster")) < total / 3:
        time.sleep(0.05)
    nodes.stdin.write("kill\n")
    nodes.stdin.flush()
    nodes.stdout.readline()
    process.communicate()
    took_s = time.perf_counter() - started
    nodes.communicate("end\n")
    records = _journal(place / "cluster")
    return {
        "items": total,
        "took_s": took_s,
        "lines": len(records),
        "distinct": len({r["item"] for r in records}),
        "statuses": dict(Counter(r["status"] for r in records)),
        "tried_twice": sum(r["tries"] > 1 for r in records),
        "outputs": _outputs(place / "cluster"),
    }
