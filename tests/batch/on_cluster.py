"""A program that runs items named after faults on a cluster, and writes each result's name, status and failure."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmscontent.batch.cluster import run_cluster
from mmscontent.batch.model import Item, Settings, Task
from mmscontent.profiles import load_profile
from tests.batch import faults

if TYPE_CHECKING:
    from mmscontent.batch.model import Result


def work(task: Task, _: Any) -> Result:
    return faults.work(task)


def main(address: str, report: Path, names: list[str]) -> None:
    settings = Settings(load_profile())
    impatient = replace(settings, timeout_s=2.0)  # for the one that would never end
    tasks = [Task(n, Item(k, text=k), impatient if k == "sleeps" else settings) for n, k in enumerate(names)]
    rows = [
        [result.item, result.status, result.failure and result.failure.code, result.failure and result.failure.message]
        for result in run_cluster(iter(tasks), None, address, work=work)
    ]
    report.write_text(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
