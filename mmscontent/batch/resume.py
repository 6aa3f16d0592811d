"""A batch that can be resumed: it makes what the journal lacks, writes the output, then the line in the journal."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mmscontent.batch.folder import JOURNAL, OutputFolder
from mmscontent.batch.journal import Journal, Record, file_digest, is_unchanged, item_key, journal_head
from mmscontent.batch.model import Failure, Item, Output, Progress, Result, Settings
from mmscontent.batch.run import run_items
from mmscontent.errors import BatchError

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no later output could be written either


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """The worker pool of a run: its engine, how many workers, and the address of a cluster."""

    engine: str = "local"
    workers: int | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeState:
    """What an earlier run has finished.

    Attributes:
        remaining: Items that are still to be made.
        finished: Records of the earlier run that hold.
        unlisted: Names of items in the journal that are not among the inputs any more.
    """

    remaining: tuple[Item, ...]
    finished: tuple[Record, ...] = field(repr=False)
    unlisted: tuple[str, ...] = ()


class BatchRun:
    """One run of a batch into a folder with a journal.

    Args:
        options: The settings in the caller's words, for the journal.
        resumes: Continue the journal that is in the folder.

    Raises:
        BatchError: Another run has the folder, it holds files that no run made, or its journal cannot be continued.
    """

    def __init__(self, path: Path, settings: Settings, options: dict[str, str], *, resumes: bool) -> None:
        self._settings = settings
        self._folder = OutputFolder(path)
        try:
            has_journal = _has_journal(self._folder, resumes=resumes)
            self._journal = Journal(path / JOURNAL, journal_head(settings, options), resumes=has_journal)
        except BaseException:
            self._folder.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        self._folder.close()

    def resume_state(self, items: Sequence[Item]) -> ResumeState:
        """Compare items with the journal."""
        before = self._journal.before
        remaining: list[Item] = []
        finished: list[Record] = []
        for item in items:
            record = before.get(item.name)
            if record is not None and self._is_current(record, item):
                finished.append(record)
            else:
                remaining.append(item)
        names = {item.name for item in items}
        return ResumeState(tuple(remaining), tuple(finished), tuple(name for name in before if name not in names))

    def _is_current(self, record: Record, item: Item) -> bool:
        """Whether an item need not be made again: same request, same files, complete outputs."""
        return (
            record.is_final
            and record.key == item_key(item)
            # An item that failed may have stopped before its last file.
            and (len(record.sources) == len(item.files) or record.status == "failed")
            and all(is_unchanged(s) for s in record.sources)
            and all(self._is_complete(o) for o in record.outputs)
        )

    def _is_complete(self, output: Output) -> bool:
        try:
            file = self._folder.path / output.path
            return file.stat().st_size == output.size_bytes and file_digest(file) == output.sha256
        except OSError:
            return False

    def compose_items(
        self, items: Sequence[Item], pool: PoolOptions, on_progress: Callable[[Progress], object] | None = None
    ) -> Generator[Record]:
        """Compose items; each record comes when its output is written and its line is in the journal.

        Raises:
            BatchError: The disk is full or read-only.
        """
        results = run_items(items, self._settings, pool.engine, pool.workers, pool.cluster, on_progress)
        return self.record_results(items, results)

    def record_results(self, items: Sequence[Item], results: Generator[Result]) -> Generator[Record]:
        """Write the outputs and journal lines of results that the caller makes of these items.

        Raises:
            BatchError: The disk is full or read-only.
        """
        keys = {item.name: item_key(item) for item in items}
        with closing(results):
            for result in results:
                record = self._write_outputs(result, keys[result.item])
                self._journal.add(record)
                yield record

    def _write_outputs(self, result: Result, key: str) -> Record:
        """Write the outputs of a result into the folder."""
        outputs: tuple[Output, ...] = ()
        status, failure = result.status, result.failure
        if status == "done":
            try:
                outputs = self._folder.write_outputs(result, self._settings)
            except OSError as error:
                message = f"{result.item} cannot be written: {error.strerror or error}"
                if error.errno in _DISK_ERRORS:
                    raise BatchError(f"{message}; free disk space, then continue with --resume") from error
                status, failure = "failed", Failure("batch/output", message)
        ledger = result.ledger.as_json() if result.ledger is not None else None
        sources, quality, tries, elapsed_ms = result.sources, result.quality, result.tries, result.elapsed_ms
        return Record(result.item, key, status, outputs, sources, quality, failure, tries, elapsed_ms, ledger)


def _has_journal(folder: OutputFolder, *, resumes: bool) -> bool:
    """Whether there is a journal to continue; files that no run made are never written over."""
    path = folder.path
    has_journal = (path / JOURNAL).exists()
    if has_journal and not resumes:
        raise BatchError(f"{path} holds the journal of an earlier run; add --resume, or choose another folder")
    if not has_journal and folder.has_foreign_files():
        raise BatchError(f"{path} is not empty and holds no journal; choose an empty or a new folder")
    return has_journal
