"""The local engine: whatever one item does to its worker, every other item has its result."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmscontent.batch import local
from mmscontent.batch.local import run_local
from mmscontent.batch.model import Item, Result, Settings, Task
from mmscontent.profiles import load_profile
from tests.batch import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = Settings(load_profile(), timeout_s=2.0, memory_bytes=2 << 30)
INNOCENTS = 12
# What an item does to its worker, and what its result says of it.
COSTS = [
    ("segfault", "batch/crashed", "SIGSEGV"),
    ("killed", "batch/crashed", "SIGKILL"),
    ("leaves", "batch/crashed", "status 3"),
    ("stopped", "batch/timeout", "longer than 2 s"),
    ("sleeps", "batch/timeout", "longer than 2 s"),
    ("spins", "batch/timeout", "longer than 2 s"),
    ("eats", "batch/crashed", "MemoryError"),
    ("raises", "batch/crashed", "out of sorts"),
]


def tasks(*culprits: Item, innocents: int = INNOCENTS) -> list[Task]:
    items = [Item(f"item-{n}", text=f"text {n}") for n in range(innocents)]
    for place, culprit in enumerate(culprits):
        items.insert(2 + 2 * place, culprit)
    return [Task(n, item, SETTINGS) for n, item in enumerate(items)]


def all_of(given: list[Task], workers: int = 2) -> dict[str, Result]:
    results = list(run_local(iter(given), workers, work=faults.work))
    assert Counter(r.item for r in results) == Counter(t.item.name for t in given), "one result an item"
    return {r.item: r for r in results}


def test_every_kind_of_fault_costs_its_item_alone_and_is_named() -> None:
    results = all_of(tasks(*(Item(name) for name, _, _ in COSTS), innocents=20))

    for name, code, words in COSTS:
        failure = results[name].failure
        assert failure is not None, name
        assert (failure.code, words in failure.message, name in failure.message) == (code, True, True), failure
    assert all(results[f"item-{n}"].data == f"text {n}".encode() for n in range(20))


def test_an_item_whose_worker_was_killed_once_is_made_by_another(tmp_path: Path) -> None:
    results = all_of(tasks(Item("killed-once", text="whole", subject=str(tmp_path / "mark"))))

    assert (results["killed-once"].status, results["killed-once"].data, results["killed-once"].tries) == (
        "done",
        b"whole",
        2,
    )
    assert {r.tries for name, r in results.items() if name != "killed-once"} == {1}


def test_more_items_than_memory_for_results_pass_through_a_slow_reader() -> None:
    results = run_local(iter(tasks(innocents=30)), 2, work=faults.work)
    for _ in range(3):
        next(results)
        time.sleep(0.05)

    assert len(list(results)) == 27


def test_a_worker_is_renewed_before_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_RENEWED_AFTER", 3)
    before = children()
    seen: set[int] = set()
    results = []
    for result in run_local(iter(tasks(innocents=8)), 1, work=faults.who):
        seen.add(int(result.data))
        results.append(result.item)

    assert (len(seen), len(results)) == (3, 8)
    assert wait_until(lambda: not children() - before)


def test_closing_the_iterator_ends_all_workers() -> None:
    before = children()
    results = run_local(iter(tasks(Item("sleeps"), Item("spins"))), 2, work=faults.work)
    next(results)
    assert children() - before

    results.close()

    assert wait_until(lambda: not children() - before)


def test_an_error_of_the_items_own_iterator_reaches_the_caller() -> None:
    def broken():
        yield from tasks(innocents=3)
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(run_local(broken(), 2, work=faults.work))


def test_a_worker_killed_while_it_has_nothing_to_do_costs_nothing() -> None:
    before = children()

    def slowly() -> Iterator[Task]:
        for number, task in enumerate(tasks(innocents=6)):
            if number in (2, 4):
                for pid in children() - before:
                    os.kill(pid, signal.SIGKILL)
                assert wait_until(lambda: not any(is_alive(p) for p in children() - before), 5)
                time.sleep(0.5)  # until the pool has seen it
            yield task

    results = list(run_local(slowly(), 1, work=faults.work))

    assert [(r.item, r.status) for r in results] == [(f"item-{n}", "done") for n in range(6)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_killed_at_random_lose_nothing() -> None:
    """A kill may come at any moment: while a task is handed over, in its midst, or as its result is told."""
    given = [Task(n, Item(f"nap-{n}"), SETTINGS) for n in range(500)]
    before = children()
    stop = threading.Event()
    chance = random.Random(8)
    results: list[Result] = []
    killed: list[int] = [0]  # how far the results were at each kill: workers come to work between two

    def hunt() -> None:
        while len(killed) <= 6 and not stop.wait(chance.uniform(0.1, 0.5)):
            alive = sorted(children() - before)
            if alive and len(results) > killed[-1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(alive), signal.SIGKILL)
                    killed.append(len(results))

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        for result in run_local(iter(given), 2, work=faults.work):
            results.append(result)  # noqa: PERF402 - the hunter looks on
    finally:
        stop.set()
        hunter.join()

    assert Counter(r.item for r in results) == Counter(t.item.name for t in given)
    assert {r.status for r in results} == {"done"}
    assert len(killed) >= 2


def children() -> set[int]:
    """Our own child processes that still run, but for Python's resource tracker."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = status.read_text().rpartition(")")[2].split()
            command = status.with_name("cmdline").read_bytes()
            if int(words[1]) == os.getpid() and words[0] != "Z" and b"resource_tracker" not in command:
                found.add(int(status.parent.name))
    return found


def wait_until(true, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False
