"""Runs one item in a worker: reads its files, composes the message, and returns a value that can be pickled.

`run_item` raises nothing: every error, ours or not, becomes a Failure of that item alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing import parent_process
from os import _exit, getpid
from pathlib import Path

from mmscontent.batch.model import Failure, Item, Result, Source, Task
from mmscontent.codecs.session import codec_pool
from mmscontent.compose import Outcome, attempt
from mmscontent.errors import DoesNotFit, MMSContentError, NotAllowed
from mmscontent.files import part_of, read_file
from mmscontent.message import Envelope, Message, Part

_REFUSALS = (DoesNotFit.code, NotAllowed.code)


def limit_sandbox_workers() -> None:
    """Give this worker one sandbox process: the workers fill the processors together, and memory stays bounded."""
    codec_pool(workers=1)


def initialize_worker(memory_bytes: int, pid_file: str) -> None:
    """Prepare a new worker process: write its pid, start one sandbox process, limit its memory, end with its parent."""
    Path(pid_file).write_text(str(getpid()), encoding="ascii")
    limit_sandbox_workers()
    if memory_bytes:
        with contextlib.suppress(ValueError, OSError):  # an administrator's lower hard limit stays in force
            # Address space: an allocation above it is a MemoryError of this item instead of a kill by the kernel.
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, hard))
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()


def _exit_with_parent(parent: object) -> None:
    """End this worker when its parent was killed: nobody would collect its results."""
    parent.join()  # type: ignore[attr-defined]
    _exit(1)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's bytes and the time of its last change."""

    data: bytes = field(repr=False)
    modified_ns: int


def read_source(path: Path) -> SourceFile:
    """Read a file from the disk.

    Raises:
        SourceError: It cannot be read, or is larger than one part may be.
    """
    data = read_file(path)
    return SourceFile(data, path.stat().st_mtime_ns)


def run_item(task: Task, get: Callable[[Path], SourceFile] = read_source) -> Result:
    """Run one item; every error becomes its result.

    Args:
        task: The item and the settings of its batch.
        get: Reads a file of the item; a cluster hands the bytes over instead.
    """
    if task.item.fault is not None:
        return rejected(task.item, task.item.fault)
    started = time.perf_counter()
    sources: list[Source] = []
    try:
        message = _message(task.item, sources, get)
        outcome = _attempt(task, message)
    except MMSContentError as error:
        # The sources that were read stay in the result: a resumed run tries again when one of them has changed.
        result = Result(task.item.name, "failed", sources=tuple(sources), failure=failure_of(error))
    except Exception as exc:  # noqa: BLE001 - an error of one item must not stop the others
        failure = Failure("batch/error", f"{type(exc).__name__}: {exc}")
        result = Result(task.item.name, "failed", sources=tuple(sources), failure=failure)
    else:
        result = _result(task, outcome, tuple(sources))
    elapsed_ms = round((time.perf_counter() - started) * 1000)
    return replace(result, elapsed_ms=elapsed_ms)


def rejected(item: Item, fault: Failure) -> Result:
    """The result of an item that cannot be made, as was known before it was tried."""
    return Result(item.name, "refused" if fault.code in _REFUSALS else "failed", failure=fault)


def timed_out(task: Task) -> Result:
    """The result of an item that was stopped at its time limit."""
    limit = f"{task.settings.timeout_s:g} s"
    message = f"{task.item.name} took longer than {limit} and was stopped; allow more time or leave the item out"
    return Result(task.item.name, "failed", failure=Failure("batch/timeout", message, retryable=True))


def crashed(task: Task, how: str, workers: int) -> Result:
    """The result of an item that ended every worker which ran it."""
    message = f"{task.item.name} ended {workers} workers, the last by {how}; leave the item out"
    return Result(task.item.name, "failed", failure=Failure("batch/crashed", message, retryable=True))


def failure_of(error: MMSContentError) -> Failure:
    """An error as a value that can be pickled."""
    return Failure(error.code, str(error), error.part, error.retryable)


def _message(item: Item, sources: list[Source], get: Callable[[Path], SourceFile]) -> Message:
    if item.message is not None:
        return item.message
    parts: list[Part] = []
    for path in item.files:
        blob = get(path)
        digest = hashlib.sha256(blob.data).hexdigest()
        sources.append(Source(str(path), len(blob.data), blob.modified_ns, digest))
        parts.append(part_of(blob.data, path.name))
    return Message.of(parts, text=item.text, subject=item.subject)


def _attempt(task: Task, message: Message) -> Outcome:
    settings, item = task.settings, task.item
    to = (item.recipient,) if item.recipient else ()
    return attempt(
        message,
        item.profile or settings.profile,
        envelope=Envelope(sender=settings.sender, to=to),
        encoding=settings.encoding,
        effort=settings.effort,
        smil=settings.smil,
        if_not_fit=settings.if_not_fit,
    )


def _result(task: Task, outcome: Outcome, sources: tuple[Source, ...]) -> Result:
    composed = outcome.composed
    if composed is None:
        assert outcome.refusal is not None
        return Result(task.item.name, "refused", outcome.ledger, sources=sources, failure=failure_of(outcome.refusal))
    made = Result(task.item.name, "done", outcome.ledger, sources=sources)
    if task.settings.form == "parts":
        return replace(made, parts=tuple(p for p in composed.content.parts if p.kind != "text"))
    more = tuple(one.data for one in outcome.more)
    return replace(made, data=composed.data, content_type=composed.content_type, more=more)
