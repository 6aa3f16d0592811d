"""Private folders that do not outlive their owner: each is locked by who made it, and what nobody holds is removed.

Its watcher removes the folder of an owner that is killed (launch.py); where the watcher was killed as well, the folder
is found by its free lock and goes when the next one is taken, by any process of the user.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["acquire", "release"]

_PREFIX = "mmscontent-av-"


def acquire() -> tuple[Path, int]:
    """A new folder of ours, and the open descriptor that keeps it.

    Raises:
        OSError: There is no place to write.
    """
    _remove_abandoned(Path(tempfile.gettempdir()))
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        held = _lock(folder)
        if held is not None and folder.exists():
            return folder, held
        if held is not None:  # another process swept it away before it was locked
            os.close(held)


def release(folder: Path, held: int) -> None:
    """Remove a folder and all in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the folder's lock; None when somebody else does, or it is gone."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened


def _remove_abandoned(place: Path) -> None:
    """Remove the folders that nobody holds any more."""
    with contextlib.suppress(OSError):
        for folder in place.glob(f"{_PREFIX}*"):
            if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid():
                held = _lock(folder)
                if held is not None:
                    release(folder, held)
