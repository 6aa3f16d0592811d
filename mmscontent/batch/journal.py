"""The journal of a batch: one JSON line for each item, written after its output; a resumed run starts from it.

    {"schema": "mmscontent.batch/1", "version": …, "settings": …, "said": {…}}      the first line
    {"item": "a.jpg", "key": …, "status": "done", "outputs": [{"path", "bytes", "sha256"}], "sources": […], …}

A line is one write, so a killed run leaves at most one incomplete line, which is cut off. Lines are synced to the disk
once a second and at the end. Outputs are not synced: a resumed run checks their digests and makes again what a power
failure has damaged.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmscontent.batch.model import Failure, Item, Output, Settings, Source, Status
from mmscontent.errors import BatchError
from mmscontent.profiles.model import Profile
from mmscontent.version import __version__

SCHEMA = "mmscontent.batch/1"
# A power failure costs at most the lines of this many seconds, and a resumed run makes their items again.
_SYNC_S = 1.0
# Prefixes of failures that may not happen again; a resumed run tries such items once more.
_TRANSIENT = ("batch/crashed", "batch/timeout", "batch/output", "batch/error", "engine")


@dataclass(frozen=True, slots=True)
class Record:
    """One line: the outcome of an item.

    Attributes:
        key: Digest of the request: the item's texts, the names of its files, and its receiver.
        ledger: As JSON, for people and programs that read the journal; a resumed run does not keep it in memory.
    """

    item: str
    key: str
    status: Status
    outputs: tuple[Output, ...] = ()
    sources: tuple[Source, ...] = ()
    quality: float | None = None
    failure: Failure | None = None
    tries: int = 1
    elapsed_ms: int = 0
    ledger: dict[str, Any] | None = None

    @property
    def source_bytes(self) -> int:
        """Size of all files that were read."""
        return sum(s.size_bytes for s in self.sources)

    @property
    def output_bytes(self) -> int:
        """Size of all files that were written."""
        return sum(o.size_bytes for o in self.outputs)

    @property
    def is_final(self) -> bool:
        """Whether another try would end the same way."""
        return self.failure is None or not self.failure.code.startswith(_TRANSIENT)

    def line(self) -> str:
        """The record as a line of the journal, without the newline."""
        row = {**asdict(replace(self, ledger=None)), "ledger": self.ledger}  # asdict would copy the ledger, deeply
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _record(row: dict[str, Any]) -> Record:
    outputs = tuple(Output(**o) for o in row["outputs"])
    sources = tuple(Source(**s) for s in row["sources"])
    failure = Failure(**row["failure"]) if row["failure"] else None
    return Record(**{**row, "outputs": outputs, "sources": sources, "failure": failure})


class Journal:
    """The journal of one folder, open for more lines."""

    def __init__(self, path: Path, head: dict[str, object], *, resumes: bool) -> None:
        """Begin a journal, or continue one.

        Raises:
            BatchError: There is none to continue, or it has other settings or is of another version.
        """
        self._path = path
        self.before: dict[str, Record] = {}
        if resumes:
            self.before = self._open_again(head)
        self._out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if not resumes:
            self._write(json.dumps(head, ensure_ascii=False))
        self._synced = 0.0
        self._sync()

    def _open_again(self, head: dict[str, object]) -> dict[str, Record]:
        _cut_torn_line(self._path)
        found = _read_head(self._path)
        for name in ("schema", "version", "settings"):
            if found.get(name) != head[name]:
                difference = f"{name} {found.get(name)!r}, this run has {head[name]!r}"
                if name == "settings":
                    difference = f"other settings: {_differences(found.get('said'), head['said'])}"
                raise BatchError(
                    f"{self._path} was begun with {difference}; run with those, or choose another folder",
                    file=str(self._path),
                )
        return {r.item: replace(r, ledger=None) for r in read_records(self._path)}

    def add(self, record: Record) -> None:
        """Append one line."""
        self._write(record.line())
        if time.monotonic() - self._synced > _SYNC_S:
            self._sync()

    def _write(self, line: str) -> None:
        data = line.encode("utf-8") + b"\n"
        while data:
            data = data[os.write(self._out, data) :]

    def _sync(self) -> None:
        os.fsync(self._out)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync the last lines to the disk and close the file."""
        self._sync()
        os.close(self._out)


def journal_head(settings: Settings, options: dict[str, str]) -> dict[str, object]:
    """The first line of a journal.

    Args:
        settings: What every output depends on.
        options: The same in the caller's words, for the error when they differ, and whatever else must be the same.
    """
    key = _digest((settings_key(settings), sorted(options.items())))
    return {"schema": SCHEMA, "version": __version__, "settings": key, "said": options}


def _differences(found: object, now: object) -> str:
    if not isinstance(found, dict) or not isinstance(now, dict):
        return "the journal does not state them"
    differing = [k for k in {**found, **now} if found.get(k) != now.get(k)]
    return ", ".join(f"{k} {found.get(k)!r} instead of {now.get(k)!r}" for k in differing) or "the receiver's profile"


def _cut_torn_line(path: Path) -> None:
    """Cut off a last line that is incomplete because the run was killed."""
    try:
        with path.open("rb+") as file:
            # Search backwards from the end, because the journal of a long batch is large.
            file.seek(0, os.SEEK_END)
            end = at = file.tell()
            while at:
                step = min(65536, at)
                file.seek(at - step)
                found = file.read(step).rfind(b"\n")
                if found >= 0:
                    at = at - step + found + 1
                    break
                at -= step
            if at < end:
                file.truncate(at)
    except OSError as error:
        raise BatchError(
            f"{path} cannot be read: {error.strerror or error}; there is nothing to resume", file=str(path)
        ) from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BatchError(f"{path} line {number} is damaged: {error}", file=str(path), line=number) from error
            yield row


def _read_head(path: Path) -> dict[str, Any]:
    head = next(_rows(path), None)
    if head is None or "schema" not in head:
        raise BatchError(f"{path} is not the journal of a batch; choose another folder", file=str(path))
    return head


def read_records(path: Path) -> Iterator[Record]:
    """Read every line of a journal after the first; of an item that was made again the last one counts.

    Raises:
        BatchError: A line is no record; file and line say where.
    """
    for number, row in enumerate(_rows(path), 1):
        if number == 1:
            continue
        try:
            yield _record(row)
        except (KeyError, TypeError) as error:
            raise BatchError(
                f"{path} line {number} is no record of a batch: {error}", file=str(path), line=number
            ) from error


# --- what an output depends on -----------------------------------------------------------------------------------


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()


# Thousands of items share a few profiles.
@lru_cache(maxsize=4096)
def profile_key(profile: Profile) -> str:
    """Digest of what a receiver accepts; origins and notes do not count."""
    return _digest(replace(profile, origins=(), notes=()))


def settings_key(settings: Settings) -> str:
    """Digest of what all outputs of a batch depend on."""
    made_by = (settings.encoding, settings.effort, settings.sender, settings.form, settings.smil, settings.if_not_fit)
    return _digest((made_by, profile_key(settings.profile)))


def item_key(item: Item) -> str:
    """Digest of the request; the bytes of the files are not part of it."""
    profile = profile_key(item.profile) if item.profile is not None else None
    files = tuple(str(f.absolute()) for f in item.files)
    return _digest((item.name, files, item.text, item.subject, item.recipient, profile, item.fault))


def is_unchanged(source: Source) -> bool:
    """Whether a file is unchanged since it was read: same size and time, or else the same bytes."""
    try:
        found = Path(source.path).stat()
        if found.st_size != source.size_bytes:
            return False
        return found.st_mtime_ns == source.modified_ns or file_digest(Path(source.path)) == source.sha256
    except OSError:
        return False


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
