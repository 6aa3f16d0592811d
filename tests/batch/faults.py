"""What goes wrong in workers, for real: functions the engines run in place of the usual work, by the item's name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mmscontent.batch.model import Result

if TYPE_CHECKING:
    from mmscontent.batch.model import Task


def segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leaves() -> None:
    os._exit(3)


def stopped() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def sleeps() -> None:
    time.sleep(600)


def spins() -> None:
    while True:
        pass


def eats() -> None:
    bytearray(64 << 30)


def raises() -> None:
    raise RuntimeError("out of sorts")


FAULTS = (segfault, killed, leaves, stopped, sleeps, spins, eats, raises)


def work(task: Task) -> Result:
    """Echo the item's text, unless its name is a fault's; `once …` is a fault only the first time."""
    name = task.item.name.partition("-")[0]
    time.sleep(0.005 if name == "nap" else 0)
    fault = next((f for f in FAULTS if f.__name__ == name), None)
    if fault is not None and not (task.item.subject and not _first_time(Path(task.item.subject))):
        fault()
    return Result(task.item.name, "done", data=task.item.text.encode())


def who(task: Task) -> Result:
    """Which process did it."""
    return Result(task.item.name, "done", data=str(os.getpid()).encode())


def _first_time(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
