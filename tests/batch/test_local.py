"""The local engine: whatever one item does to its worker, every other item has its result."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmscontent.batch import local
from mmscontent.batch.local import run_local
from mmscontent.batch.model import Item, Result, Settings, Task
from mmscontent.profiles import load_profile
from tests.batch import faults
from tests.batch.commands import Watched, children_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = Settings(load_profile(), memory_bytes=2 << 30)
IMPATIENT = replace(SETTINGS, timeout_s=2.0)  # for those alone that would never end
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
    return [Task(n, item, IMPATIENT if item in culprits else SETTINGS) for n, item in enumerate(items)]


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
    taken, workers = 0, 2

    def counted() -> Iterator[Task]:
        nonlocal taken
        for task in tasks(innocents=30):
            taken += 1
            yield task

    given = 0
    for _ in run_local(counted(), workers, work=faults.work):
        given += 1
        assert taken <= given + 3 * workers, "two results a worker wait for the reader, and each worker has one in hand"

    assert given == taken == 30


def test_a_worker_is_renewed_before_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_MAX_ITEMS_PER_WORKER", 3)

    results = list(run_local(iter(tasks(innocents=8)), 1, work=faults.who))

    workers = {int(r.data) for r in results}
    assert (len(workers), len(results)) == (3, 8)
    assert Watched(workers).have_ended()


def test_closing_the_iterator_ends_all_workers() -> None:
    before = {*children()}
    results = run_local(iter(tasks(Item("sleeps"), Item("spins"))), 2, work=faults.work)
    next(results)
    workers = {*children()} - before
    assert workers

    watched = Watched(workers)
    results.close()

    assert watched.have_ended()


def test_an_error_of_the_items_own_iterator_reaches_the_caller() -> None:
    def broken():
        yield from tasks(innocents=3)
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(run_local(broken(), 2, work=faults.work))


@pytest.mark.parametrize("the_next_task_comes", ["at once", "when the pool has noticed"])
def test_a_worker_killed_while_it_has_nothing_to_do_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, the_next_task_comes: str
) -> None:
    workers: list[local._Worker] = []
    start_worker = local._start_worker
    monkeypatch.setattr(local, "_start_worker", lambda *given: workers.append(start_worker(*given)) or workers[-1])

    def killing() -> Iterator[Task]:
        for number, task in enumerate(tasks(innocents=6)):
            if number in (2, 4):
                victim = pid_of(workers[-1])
                watched = Watched([victim])
                os.kill(victim, signal.SIGKILL)
                assert watched.have_ended()
                assert the_next_task_comes == "at once" or wait_until(lambda: has_noticed(workers[-1], victim))  # noqa: B023
            yield task

    results = list(run_local(killing(), 1, work=faults.work))

    assert [(r.item, r.status) for r in results] == [(f"item-{n}", "done") for n in range(6)]


def pid_of(worker: local._Worker) -> int:
    return int(worker._pid_file.read_bytes())


def has_noticed(worker: local._Worker, victim: int) -> bool:
    """Whether the pool has given up, or has put another process in the place of the one that was killed."""
    return not worker._pool.active or pid_of(worker) != victim


def test_workers_killed_at_random_lose_nothing() -> None:
    """A kill may come at any moment: while a task is handed over, in its midst, or as its result is reported."""
    given = [Task(n, Item(f"nap-{n}"), SETTINGS) for n in range(500)]
    before = {*children()}
    chance = random.Random(8)
    kill_after = {*chance.sample(range(20, 480), 6)}
    results: list[Result] = []
    for result in run_local(iter(given), 2, work=faults.work):
        results.append(result)
        if len(results) in kill_after:
            time.sleep(chance.uniform(0, 0.02))  # some way into what the workers do, which take 5 ms an item
            alive = sorted({*children()} - before)
            if alive:
                kill_after.discard(len(results))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(alive), signal.SIGKILL)

    assert Counter(r.item for r in results) == Counter(t.item.name for t in given)
    assert {r.status for r in results} == {"done"}
    assert not kill_after, "a worker was there to be killed each time"


def children() -> list[int]:
    """Our own child processes, but for Python's resource tracker."""
    found = []
    for pid in children_of(os.getpid()):
        with contextlib.suppress(OSError):
            if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found
