"""Runs a batch: takes items, yields results as they are finished, on one of the engines in the table."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmscontent.batch.model import Item, Progress, Result, Settings, Task
from mmscontent.message import Message
from mmscontent.profiles.model import Profile


def _local(tasks: Iterator[Task], workers: int | None, _: str | None) -> Generator[Result]:
    from mmscontent.batch.local import processors, run_local  # noqa: PLC0415 - engines load when they are chosen

    return run_local(tasks, workers or processors())


def _cluster(tasks: Iterator[Task], workers: int | None, address: str | None) -> Generator[Result]:
    from mmscontent.batch.cluster import run_cluster  # noqa: PLC0415

    return run_cluster(tasks, workers, address)


# An engine takes tasks, workers (None: one for each processor) and the cluster's address, and yields results.
ENGINES: dict[str, Callable[[Iterator[Task], int | None, str | None], Generator[Result]]] = {
    "local": _local,
    "cluster": _cluster,
}


def run(
    items: Iterable[Item | Message | str | os.PathLike[str]],
    profile: Profile,
    *,
    engine: str = "local",
    workers: int | None = None,
    cluster: str | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of Settings
) -> Generator[Result]:
    """Fit many messages; each gets exactly one result, in the order they are finished.

    A worker that crashes or takes too long fails the item it had, never the batch. Closing the iterator stops all
    work. A script must call it under `if __name__ == "__main__":`, because workers import the script.

    Args:
        items: Taken one by one as workers become free: `Item`s, messages, or paths of files.
        profile: The receiver of items that name none.
        engine: `local` or `cluster`.
        workers: Processes; as many as there are processors when None.
        cluster: Address of a running Ray cluster; a local one is started when None.
        on_progress: Called after each result.
        settings: Other fields of `Settings`: encoding, effort, sender, form, timeout_s, memory_bytes.

    Raises:
        ValueError: The engine, or a setting, is unknown.
        EngineMissing: The engine is not installed.
    """
    return run_items(items, Settings(profile, **settings), engine, workers, cluster, on_progress)


def run_items(
    items: Iterable[Item | Message | str | os.PathLike[str]],
    settings: Settings,
    engine: str = "local",
    workers: int | None = None,
    cluster: str | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Generator[Result]:
    """Run a batch as `run` does, with its settings as one value."""
    start = ENGINES.get(engine)
    if start is None:
        raise ValueError(f"engine {engine!r} is not known; use {', '.join(ENGINES)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    total = len(items) if isinstance(items, Sized) else None
    # A generator: items are taken as workers become free, so a batch of any size needs constant memory.
    tasks = (Task(n, _item(n, item), settings) for n, item in enumerate(items))
    return _with_progress(start(tasks, workers, cluster), Progress(total), on_progress)


def _with_progress(
    results: Generator[Result], progress: Progress, on_progress: Callable[[Progress], object] | None
) -> Generator[Result]:
    started = time.monotonic()
    with closing(results):
        for result in results:
            progress = _advanced(progress, result, time.monotonic() - started)
            if on_progress is not None:
                on_progress(progress)
            yield result


def _advanced(progress: Progress, result: Result, elapsed_s: float) -> Progress:
    """Progress after one more result."""
    return replace(
        progress,
        **{result.status: getattr(progress, result.status) + 1},  # its counts are named as the statuses are
        source_bytes=progress.source_bytes + result.source_bytes,
        output_bytes=progress.output_bytes + result.output_bytes,
        elapsed_s=elapsed_s,
    )


def _item(number: int, item: Item | Message | str | os.PathLike[str]) -> Item:
    if isinstance(item, Item):
        return item
    if isinstance(item, Message):
        return Item(f"message-{number + 1}", message=item)
    return Item(Path(item).name, files=(Path(item),))
