"""A cache of fitted media on the disk, by what they were made from; processes share it and its size is bounded.

    magic, length of the head, head (JSON: the ledger's entry of each part), bodies

A file appears complete or not at all, under the digest of everything its bytes depend on; its head holds the digest of
its bodies, so a damaged file is no hit. Two processes that fit the same media write the same bytes. Above its bound the
cache removes what was not used longest; a reader that has a file open keeps it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmscontent.campaign.fitted_media import FittedMedia, FittedPart
from mmscontent.files import atomic_write
from mmscontent.ledger import PartEntry
from mmscontent.message import MediaInfo, Part

DEFAULT_BOUND_BYTES = 1 << 30
_MAGIC = b"mmscontent mould 1\n"  # magic, suffix and folder keep the words of the first version: caches stay valid
_SUFFIX = ".mould"
_KEPT = 0.9  # share of the bound after an eviction, so that not every new file evicts one
_MAX_HEAD_BYTES = 16 << 20  # a damaged length must not allocate more


def default_folder() -> Path:
    """The folder of the cache when the caller names none: in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "mmscontent" / "moulds"


class FittedMediaCache:
    """Fitted media by key.

    Args:
        folder: Created when it is missing.
        bound_bytes: Largest size of all files together; 0 keeps nothing.
    """

    def __init__(self, folder: Path, bound_bytes: int = DEFAULT_BOUND_BYTES) -> None:
        self.folder = folder
        self.bound_bytes = bound_bytes

    def find(self, key: str) -> FittedMedia | None:
        """The media of a key; None when there are none, or their file is damaged."""
        file = self._place(key)
        try:
            data = file.read_bytes()
        except OSError:
            return None
        fitted = _from_bytes(data)
        with contextlib.suppress(OSError):
            if fitted is None:
                file.unlink()
            else:
                os.utime(file)  # used now, so it is evicted last
        return fitted

    def keep(self, key: str, fitted: FittedMedia) -> None:
        """Write media, then remove old ones above the bound; when the disk cannot be written nothing is kept."""
        data = _to_bytes(fitted)
        if len(data) > self.bound_bytes:
            return
        file = self._place(key)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            # A file that a power failure tears fails its digest and is fitted again.
            atomic_write(file, data, fsync=False)
            self._evict()

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / (key + _SUFFIX)

    def _evict(self) -> None:
        """Remove what was not used longest until the bound holds; while another process does so, do nothing."""
        with _try_lock(self.folder / ".lock") as alone:
            files = list(self._files()) if alone else []
            total = sum(size for _, size, _ in files)
            if total <= self.bound_bytes:
                return
            for _, size, path in sorted(files):
                path.unlink(missing_ok=True)
                total -= size
                if total <= self.bound_bytes * _KEPT:
                    return

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.glob(f"*/*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # another process has removed it
                found = path.stat()
                yield found.st_mtime, found.st_size, path


@contextlib.contextmanager
def _try_lock(lock: Path) -> Iterator[bool]:
    """Take the lock unless another process has it; yields whether it was taken."""
    opened = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(opened)


# --- one file ----------------------------------------------------------------------------------------------------


def _to_bytes(fitted: FittedMedia) -> bytes:
    bodies = b"".join(p.part.data for p in fitted.parts if p is not None)
    head = {
        "sha256": hashlib.sha256(bodies).hexdigest(),
        "parts": [None if p is None else _row(p) for p in fitted.parts],
    }
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    return b"".join((_MAGIC, len(text).to_bytes(4, "big"), text, bodies))


def _row(part: FittedPart) -> dict[str, Any]:
    fields = asdict(part.part)
    # The bytes follow the head; the head has only their number.
    fields["data"] = len(part.part.data)
    return {"part": fields, "entry": asdict(part.entry)}


def _from_bytes(data: bytes) -> FittedMedia | None:
    start = len(_MAGIC) + 4
    length = int.from_bytes(data[len(_MAGIC) : start], "big")
    if not data.startswith(_MAGIC) or length > _MAX_HEAD_BYTES:
        return None
    bodies = memoryview(data)[start + length :]
    try:
        head = json.loads(data[start : start + length])
        if hashlib.sha256(bodies).hexdigest() != head["sha256"]:
            return None
        parts: list[FittedPart | None] = []
        at = 0
        for row in head["parts"]:
            if row is None:
                parts.append(None)
                continue
            end = at + row["part"]["data"]
            part = Part(**{**row["part"], "data": bytes(bodies[at:end])})
            parts.append(FittedPart(part, _entry(row["entry"])))
            at = end
        return FittedMedia(tuple(parts))
    # A head with other fields was written by another version; it is no hit either.
    except (ValueError, KeyError, TypeError):
        return None


def _entry(row: dict[str, Any]) -> PartEntry:
    infos = {name: _info(row[name]) for name in ("source", "result")}
    return PartEntry(**{**_tuples(row), **infos})


def _info(row: dict[str, Any] | None) -> MediaInfo | None:
    return None if row is None else MediaInfo(**_tuples(row))


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
