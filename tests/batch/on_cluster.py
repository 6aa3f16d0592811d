"""A program that runs items named after faults on a cluster, and prints each result's name, status and failure."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mmscontent.batch.cluster import run_cluster
from mmscontent.batch.model import Item, Settings, Task
from mmscontent.profiles import load_profile
from tests.batch import faults

if TYPE_CHECKING:
    from mmscontent.batch.model import Result


def work(task: Task, _: Any) -> Result:
    return faults.work(task)


def main(address: str, names: list[str]) -> None:
    settings = Settings(load_profile(), timeout_s=2.0)
    tasks = [Task(n, Item(name, text=name), settings) for n, name in enumerate(names)]
    for result in run_cluster(iter(tasks), None, address, work=work):
        failure = result.failure
        told = [result.item, result.status, failure and failure.code, failure and failure.message]
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
