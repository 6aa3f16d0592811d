"""The media store: files named by the SHA-256 of their content, written once and never changed.

Messages, uploads and links share equal content. A blob gets its name only when it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from gateway_adapter.errors import Refused


class MediaStore:
    """A folder of blobs.

    Args:
        durable: Wait until a blob is on the disk, so that it survives a crash of the machine.
    """

    def __init__(self, root: Path, *, durable: bool = False) -> None:
        self._root = root
        self._durable = durable
        self._incoming = root / "coming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """The file of a blob, which need not exist."""
        return self._root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether a blob exists."""
        return self.path(sha256).is_file()

    def read(self, sha256: str) -> bytes:
        """A blob's bytes."""
        path = self.path(sha256)
        with contextlib.suppress(OSError):
            os.utime(path)  # marks the blob as used
        return path.read_bytes()

    def put(self, data: bytes) -> str:
        """Store bytes; gives their SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self.has(sha256):
            os.utime(self.path(sha256))
        else:
            with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
                file.write(data)
                file.flush()
                self._publish(file.name, sha256, file.fileno())
        return sha256

    async def put_stream(self, chunks: AsyncIterator[bytes], max_bytes: int, what: str) -> tuple[str, int]:
        """Store bytes as they arrive; gives their SHA-256 and their number.

        Raises:
            Refused: There are more than *max_bytes*; nothing is stored.
        """
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    _refuse_over(size, max_bytes, what)
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                self._publish(file.name, digest.hexdigest(), file.fileno())
            except BaseException:
                os.unlink(file.name)  # noqa: PTH108 - pathlib is not for coroutines
                raise
        return digest.hexdigest(), size

    def _publish(self, name: str, sha256: str, descriptor: int) -> None:
        if self._durable:
            os.fsync(descriptor)
        home = self.path(sha256)
        home.parent.mkdir(exist_ok=True)
        # A rename is atomic: a reader sees the whole blob or none.
        Path(name).replace(home)

    def delete_unused(self, before_s: float) -> int:
        """Delete the blobs that nobody stored or used since then; gives how many."""
        old = [path for path in self._root.glob("??/*") if path.stat().st_mtime < before_s]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def _refuse_over(size: int, max_bytes: int, what: str) -> None:
    if size > max_bytes:
        raise Refused(f"{what} has more than {max_bytes:,} bytes; send less, or a link", error=15022)
