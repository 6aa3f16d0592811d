"""The folder a batch writes into: one run at a time, and every output whole or not there."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mmscontent import files, media_types
from mmscontent.batch.model import Output
from mmscontent.errors import BatchError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from mmscontent.batch.model import Result, Settings

__all__ = ["JOURNAL", "OWN_NAMES", "SHEET", "OutputFolder", "suffix_of"]

JOURNAL = "journal.jsonl"
SHEET = "contact-sheet.html"
_LOCK = ".mmscontent-batch.lock"
OWN_NAMES = (JOURNAL, SHEET, _LOCK)
# What a message is called after its item; everything that is not binary is a mail-like text.
_SUFFIXES = {"pdu": ".mms", "mm7": ".mm7", "mm7-binary": ".mm7"}


def suffix_of(encoding: str) -> str:
    """How the file of a packed message ends."""
    return _SUFFIXES.get(encoding, ".eml")


class OutputFolder:
    """A folder, made when it is missing and held until closed.

    Raises:
        BatchError: It cannot be made or written, or another run holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._held = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BatchError(f"{path} cannot be written: {error.strerror or error}", file=str(path)) from error
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._held)
            raise BatchError(
                f"another run is writing into {path}; wait for it, or choose another folder", file=str(path)
            ) from error
        self._sweep()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another run have it."""
        os.close(self._held)

    def _sweep(self) -> None:
        """Remove what a killed run was in the middle of."""
        for left in list(self.path.rglob(f".*{files.PARTIAL}")):
            with contextlib.suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()

    def holds_anything(self) -> bool:
        """Whether there is anything in it but what we put there ourselves."""
        return any(entry.name not in OWN_NAMES for entry in self.path.iterdir())

    def place(self, result: Result, settings: Settings) -> tuple[Output, ...]:
        """Write what was made of an item.

        Raises:
            OSError: It cannot be written.
        """
        if settings.form == "message":
            suffix = suffix_of(settings.encoding)
            made = [(f"{n}{suffix}", data) for n, data in enumerate((result.data, *result.more), 1)]
        else:
            suffix = media_types.suffix_for(result.parts[0].media_type) if result.parts else ""
            made = [(part.content_location, part.data) for part in result.parts]
        if len(made) == 1:
            name = result.item + suffix
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            files.atomic_write(self.path / name, made[0][1], fsync=False)
            return (_output(name, made[0][1]),)
        return self._place_several(result.item, made)

    def _place_several(self, name: str, made: list[tuple[str, bytes]]) -> tuple[Output, ...]:
        """Several files in a folder of the item's name, which appears with all of them."""
        if not made:
            return ()
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:80]}.", suffix=files.PARTIAL))
        for inner, data in made:
            (partial / inner).write_bytes(data)
        partial.chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)  # of a run that was killed before it said so
        partial.replace(place)
        return tuple(_output(f"{name}/{inner}", data) for inner, data in made)


def _output(name: str, data: bytes) -> Output:
    return Output(name, len(data), hashlib.sha256(data).hexdigest())
