"""A batch into a folder: what is not in the journal yet is made, written, and put into the journal, in this order."""

from __future__ import annotations

import errno
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from mmscontent.batch.folder import JOURNAL, OutputFolder
from mmscontent.batch.journal import (
    Journal,
    Record,
    file_digest,
    is_unchanged,
    item_key,
    journal_head,
)
from mmscontent.batch.model import Failure, Output
from mmscontent.batch.run import run_items
from mmscontent.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from mmscontent.batch.model import Item, Progress, Result, Settings

__all__ = ["BatchRun", "PoolOptions", "ResumeState"]

_NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # nothing after it could be written either


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Who does the work: an engine, how many workers, where its cluster is."""

    engine: str = "local"
    workers: int | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeState:
    """Where a run stands when it begins.

    Attributes:
        left: Items to be made.
        kept: Records of an earlier run that stand.
        strangers: Items of the journal that are not among the inputs any more.
    """

    left: tuple[Item, ...]
    kept: tuple[Record, ...] = field(repr=False)
    strangers: tuple[str, ...] = ()


class BatchRun:
    """A folder with its journal, open for one run.

    Args:
        said: The settings in the caller's words, for the journal.
        resumes: Go on with the journal that is there.

    Raises:
        BatchError: The folder is held by another run, holds what no run of ours made, or a journal that may not be
            gone on with.
    """

    def __init__(self, path: Path, settings: Settings, said: dict[str, str], *, resumes: bool) -> None:
        self._settings = settings
        self._folder = OutputFolder(path)
        try:
            there = _has_journal(self._folder, resumes=resumes)
            self._journal = Journal(path / JOURNAL, journal_head(settings, said), resumes=there)
        except BaseException:
            self._folder.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        self._folder.close()

    def standing(self, items: Sequence[Item]) -> ResumeState:
        """What is left to be made of these items."""
        before = self._journal.before
        left: list[Item] = []
        kept: list[Record] = []
        for item in items:
            record = before.get(item.name)
            if record is not None and self._stands(record, item):
                kept.append(record)
            else:
                left.append(item)
        names = {item.name for item in items}
        return ResumeState(tuple(left), tuple(kept), tuple(name for name in before if name not in names))

    def _stands(self, record: Record, item: Item) -> bool:
        """Whether an item need not be made again: asked for alike, its files as they were, its outputs whole."""
        return (
            record.final
            and record.key == item_key(item)
            and (len(record.sources) == len(item.files) or record.status == "failed")
            and all(is_unchanged(s) for s in record.sources)
            and all(self._is_whole(o) for o in record.outputs)
        )

    def _is_whole(self, output: Output) -> bool:
        try:
            place = self._folder.path / output.path
            return place.stat().st_size == output.size_bytes and file_digest(place) == output.sha256
        except OSError:
            return False

    def fit(
        self, left: Sequence[Item], pool: PoolOptions, on_progress: Callable[[Progress], object] | None = None
    ) -> Generator[Record]:
        """Make items; a record is given when its output is in place and its line is in the journal.

        Raises:
            BatchError: Nothing more can be written.
        """
        return self.take(left, run_items(left, self._settings, pool.engine, pool.workers, pool.cluster, on_progress))

    def take(self, left: Sequence[Item], results: Generator[Result]) -> Generator[Record]:
        """Write down results that somebody else makes of these items.

        Raises:
            BatchError: Nothing more can be written.
        """
        keys = {item.name: item_key(item) for item in left}
        with closing(results):
            for result in results:
                record = self._settle(result, keys[result.item])
                self._journal.add(record)
                yield record

    def _settle(self, result: Result, key: str) -> Record:
        """Put the outputs in place."""
        outputs: tuple[Output, ...] = ()
        status, failure = result.status, result.failure
        if status == "done":
            try:
                outputs = self._folder.place(result, self._settings)
            except OSError as error:
                words = f"{result.item} cannot be written: {error.strerror or error}"
                if error.errno in _NO_MORE:
                    raise BatchError(f"{words}; make room, then go on with --resume") from error
                status, failure = "failed", Failure("batch/output", words)
        return Record(
            result.item,
            key,
            status,
            outputs,
            result.sources,
            result.quality,
            failure,
            result.tries,
            result.elapsed_ms,
            result.ledger.as_json() if result.ledger is not None else None,
        )


def _has_journal(folder: OutputFolder, *, resumes: bool) -> bool:
    """Whether there is a journal to go on with; nothing of somebody else's is ever written over."""
    path = folder.path
    there = (path / JOURNAL).exists()
    if there and not resumes:
        raise BatchError(f"{path} holds the journal of an earlier run; add --resume, or choose another folder")
    if not there and folder.holds_anything():
        raise BatchError(f"{path} is not empty and holds no journal; choose an empty or a new folder")
    return there
