"""Our end of a room's watcher (launch.py): starts it, hands it orders, listens to the program, ends it.

Knows nothing of graphs or media. One run at a time; a watcher that had to be ended takes no further orders.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from typing import TYPE_CHECKING

from mmscontent.ffmpeg.program import launcher_command
from mmscontent.sandbox import import_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

__all__ = ["Supervisor"]

_SAID_BYTES = 64_000
_GRACE_S = 5.0
_MOST_READS = 32


class Supervisor:
    """The process that runs the program over one folder, and removes the folder when it ends or we do."""

    def __init__(self, folder: str) -> None:
        """Start it; it gets ready while we go on.

        Raises:
            OSError: No process can be started.
        """
        self._answers, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, a list, no shell
                launcher_command(folder, theirs),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=import_paths.library_path(),
                cwd="/",
                start_new_session=True,
                pass_fds=(theirs,),
            )
        except OSError:
            os.close(self._answers)
            raise
        finally:
            os.close(theirs)
        for end in (self._out, self._err):
            os.set_blocking(end.fileno(), False)

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def _err(self) -> IO[bytes]:
        assert self._process.stderr is not None
        return self._process.stderr

    def execute(
        self, orders: Mapping[str, object], until: float, progress: Callable[[int], None] | None
    ) -> tuple[int, str]:
        """Run the program once.

        Args:
            orders: See launch.py.
            until: Monotonic time at which it is too late.
            progress: Called with the milliseconds of output written so far.

        Returns:
            Its exit status, and what it said at the last.

        Raises:
            OSError: The watcher is gone.
            TimeoutError: It is too late; the watcher was ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(orders).encode() + b"\n")
        self._process.stdin.flush()
        reader = _OutputReader(progress)
        with selectors.DefaultSelector() as ends:
            for end in (self._out.fileno(), self._err.fileno(), self._answers):
                ends.register(end, selectors.EVENT_READ)
            while True:
                left = until - time.monotonic()
                ready = {key.fd for key, _ in ends.select(left)} if left > 0 else set()
                if not ready and time.monotonic() >= until:
                    self.close()
                    raise TimeoutError
                answer = os.read(self._answers, 64) if self._answers in ready else None
                reader.take_in(_all_of(self._out), _all_of(self._err))
                if answer is not None:
                    return _status(answer), reader.said

    def close(self) -> None:
        """End it, and with it the program and the folder; closing twice is harmless."""
        process = self._process
        if process.stdin is None or process.stdin.closed:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()  # the program goes with its parent
            process.wait()
        for end in (self._out, self._err):
            end.close()
        os.close(self._answers)


class _OutputReader:
    """What the program says, and how far it says it is."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._said = b""
        self._pending = b""

    @property
    def said(self) -> str:
        return self._said.decode("utf-8", "replace")

    def take_in(self, out: bytes, err: bytes) -> None:
        self._said = (self._said + err)[-_SAID_BYTES:]
        *lines, rest = (self._pending + out).split(b"\n")
        self._pending = rest[-200:]
        for line in lines:
            key, _, value = line.partition(b"=")
            if self._progress is not None and key == b"out_time_us" and value.strip().lstrip(b"-").isdigit():
                self._progress(max(0, int(value) // 1000))


def _all_of(end: IO[bytes]) -> bytes:
    """What has come so far; a pipe holds far less than is taken at once."""
    chunks = []
    with contextlib.suppress(BlockingIOError):
        for _ in range(_MOST_READS):
            chunks.append(os.read(end.fileno(), 65_536))
            if not chunks[-1]:
                break
    return b"".join(chunks)


def _status(answer: bytes) -> int:
    if not answer:
        raise BrokenPipeError("the process that watches over ffmpeg is gone")
    return int(answer)
