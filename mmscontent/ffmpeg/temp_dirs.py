"""Private temporary folders that do not outlive their owner: the owner holds a lock on each, unlocked ones are removed.

The supervisor removes the folder of an owner that was killed (launcher.py). Where the supervisor was killed as well,
the next `acquire` of any process of the user finds the lock free and removes the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "mmscontent-av-"


def acquire() -> tuple[Path, int]:
    """Make a folder; returns it with the open descriptor that holds its lock.

    Raises:
        OSError: There is no place to write.
    """
    _remove_abandoned(Path(tempfile.gettempdir()))
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock_fd = _lock(folder)
        # Another process may take the new folder for an abandoned one before the lock is on it; then make another.
        if lock_fd is not None and folder.exists():
            return folder, lock_fd
        if lock_fd is not None:
            os.close(lock_fd)


def release(folder: Path, lock_fd: int) -> None:
    """Remove a folder and all in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock_fd)


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the folder's lock; None when another process holds it or the folder is gone."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        # flock(2): the kernel drops the lock when its holder ends, however it ends; a pid file would need a check.
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened


def _remove_abandoned(parent: Path) -> None:
    with contextlib.suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            # Others can make names in a shared folder: a link is not followed, a stranger's folder is left alone.
            if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid():
                lock_fd = _lock(folder)
                if lock_fd is not None:
                    release(folder, lock_fd)
