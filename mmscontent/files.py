"""A file appears whole or not at all: written beside its place under another name, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PARTIAL", "place_whole", "write_whole"]

PARTIAL = ".part"  # ending of what is not finished; a killed writer leaves one behind


def write_whole(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk before this returns.

    Raises:
        OSError: The folder is missing or not writable.
    """
    _write(path, data, os.fsync)


def place_whole(path: Path, data: bytes) -> None:
    """Write a file for a reader who checks it: after a power failure it may be empty, after a kill it is whole.

    Raises:
        OSError: The folder is missing or not writable.
    """
    _write(path, data, lambda _: None)


def _write(path: Path, data: bytes, settle: Callable[[int], None]) -> None:
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=PARTIAL)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            settle(out.fileno())
        Path(partial).chmod(0o666 & ~_umask())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
