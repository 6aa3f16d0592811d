"""The output folder of a batch: one run has it at a time, and every output is complete or absent."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from mmscontent import files, media_types
from mmscontent.batch.model import Output, Result, Settings
from mmscontent.errors import BatchError

JOURNAL = "journal.jsonl"
CONTACT_SHEET = "contact-sheet.html"
_LOCK = ".mmscontent-batch.lock"
OWN_NAMES = (JOURNAL, CONTACT_SHEET, _LOCK)
# The suffix of a message file; every wire form beside these is text like a mail.
_SUFFIXES = {"pdu": ".mms", "mm7": ".mm7", "mm7-binary": ".mm7"}


def suffix_of(encoding: str) -> str:
    """The suffix of a packed message's file."""
    return _SUFFIXES.get(encoding, ".eml")


class OutputFolder:
    """A folder, created when it is missing and locked until it is closed.

    Raises:
        BatchError: It cannot be created or written, or another run has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock_fd = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BatchError(f"{path} cannot be written: {error.strerror or error}", file=str(path)) from error
        try:
            # The kernel drops this lock when the process ends, so a killed run leaves none behind.
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock_fd)
            raise BatchError(
                f"another run is writing into {path}; wait for it, or choose another folder", file=str(path)
            ) from error
        self._remove_partial_files()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unlock the folder for another run."""
        os.close(self._lock_fd)

    def _remove_partial_files(self) -> None:
        """Remove the unfinished files of a run that was killed."""
        for partial in list(self.path.rglob(f".*{files.PARTIAL}")):
            with contextlib.suppress(OSError):
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()

    def has_foreign_files(self) -> bool:
        """Whether the folder holds anything beside the files of a batch itself."""
        return any(entry.name not in OWN_NAMES for entry in self.path.iterdir())

    def write_outputs(self, result: Result, settings: Settings) -> tuple[Output, ...]:
        """Write the messages or parts of an item.

        Raises:
            OSError: It cannot be written.
        """
        if settings.form == "message":
            suffix = suffix_of(settings.encoding)
            outputs = [(f"{n}{suffix}", data) for n, data in enumerate((result.data, *result.more), 1)]
        else:
            suffix = media_types.suffix_for(result.parts[0].media_type) if result.parts else ""
            outputs = [(part.content_location, part.data) for part in result.parts]
        if len(outputs) == 1:
            name = result.item + suffix
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            # Not synced: the journal has its digest, and a resumed run makes again what a power failure has damaged.
            files.atomic_write(self.path / name, outputs[0][1], fsync=False)
            return (_output(name, outputs[0][1]),)
        return self._write_several(result.item, outputs)

    def _write_several(self, name: str, outputs: list[tuple[str, bytes]]) -> tuple[Output, ...]:
        """Write several files into a folder of the item's name, which appears with all of them."""
        if not outputs:
            return ()
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:80]}.", suffix=files.PARTIAL))
        for inner, data in outputs:
            (partial / inner).write_bytes(data)
        # mkdtemp makes the folder private; outputs are readable like other files.
        partial.chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)  # of a run that was killed before its line was in the journal
        partial.replace(place)
        return tuple(_output(f"{name}/{inner}", data) for inner, data in outputs)


def _output(name: str, data: bytes) -> Output:
    return Output(name, len(data), hashlib.sha256(data).hexdigest())
