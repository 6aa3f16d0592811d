"""Our end of a session's supervisor process (launcher.py): starts it, sends it orders, reads ffmpeg's output, ends it.

Knows nothing of graphs or media. One run at a time; a supervisor that had to be ended takes no further orders.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, cast

from mmscontent.ffmpeg.program import launcher_command
from mmscontent.sandbox import spawn

# Of the end of stderr: a damaged file makes ffmpeg write a line per packet.
_OUTPUT_BYTES = 64_000
# Killing ffmpeg and removing the folder takes milliseconds.
_GRACE_S = 5.0
# Reads per turn: a program that writes without end must not keep us from the deadline.
_MAX_READS = 32


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run of ffmpeg ended: exit status (minus the signal that ended it), processor time, end of stderr."""

    status: int
    cpu_s: float
    output: str


class Supervisor:
    """The process that runs ffmpeg over one folder, and removes the folder when it ends or we do."""

    def __init__(self, folder: str) -> None:
        """Start the process; it gets ready while we go on.

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
                env=spawn.library_path(),
                cwd="/",
                # A Ctrl-C of the terminal is for us alone; the supervisor must live to clean up.
                start_new_session=True,
                pass_fds=(theirs,),
            )
        except OSError:
            os.close(self._answers)
            raise
        finally:
            os.close(theirs)
        self.pid = self._process.pid
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._in, self._out, self._err = (cast("IO[bytes]", pipe) for pipe in pipes)
        for end in (self._out, self._err):
            os.set_blocking(end.fileno(), False)

    def execute(self, order: Mapping[str, object], until: float, progress: Callable[[int], None] | None) -> RunOutcome:
        """Run ffmpeg once.

        Args:
            order: See launcher.py.
            until: Deadline, in time.monotonic().
            progress: Called with the milliseconds of output written so far.

        Raises:
            OSError: The supervisor process is gone.
            TimeoutError: The deadline passed; the supervisor was ended.
        """
        self._in.write(json.dumps(order).encode() + b"\n")
        self._in.flush()
        reader = OutputReader(progress)
        with selectors.DefaultSelector() as ends:
            for end in (self._out.fileno(), self._err.fileno(), self._answers):
                ends.register(end, selectors.EVENT_READ)
            while True:
                left = until - time.monotonic()
                ready = {key.fd for key, _ in ends.select(left)} if left > 0 else set()
                if not ready and time.monotonic() >= until:
                    self.close()
                    raise TimeoutError
                # The answer is read before the output: what ffmpeg wrote last is in the pipes by then.
                answer = os.read(self._answers, 64) if self._answers in ready else None
                reader.feed(_read_all(self._out), _read_all(self._err))
                if answer is not None:
                    return reader.outcome(answer)

    def close(self) -> None:
        """End the process, and with it ffmpeg and the folder; closing twice is harmless."""
        process = self._process
        if self._in.closed:
            return
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            # ffmpeg goes with its parent: the launcher set PR_SET_PDEATHSIG in it.
            process.kill()
            process.wait()
        for end in (self._out, self._err):
            end.close()
        os.close(self._answers)


class OutputReader:
    """Collects ffmpeg's stderr and reports progress from its stdout (`-progress pipe:1`, one key=value a line)."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._output = b""
        self._partial_line = b""

    def feed(self, out: bytes, err: bytes) -> None:
        """Take what the program printed; whole lines of progress are reported."""
        self._output = (self._output + err)[-_OUTPUT_BYTES:]
        *lines, rest = (self._partial_line + out).split(b"\n")
        self._partial_line = rest[-200:]
        for line in lines:
            key, _, value = line.partition(b"=")
            # QUIRK: out_time_us is N/A before the first packet, and negative where a stream starts before zero.
            if self._progress is not None and key == b"out_time_us" and value.strip().lstrip(b"-").isdigit():
                self._progress(max(0, int(value) // 1000))

    def outcome(self, answer: bytes) -> RunOutcome:
        """The finished run; *answer* is the launcher's line."""
        if not answer:
            raise BrokenPipeError("the process that supervises ffmpeg is gone")
        status, cpu_ms = map(int, answer.split())
        return RunOutcome(status, cpu_ms / 1000, self._output.decode("utf-8", "replace"))


def _read_all(end: IO[bytes]) -> bytes:
    """What is in the pipe now."""
    chunks = []
    with contextlib.suppress(BlockingIOError):
        for _ in range(_MAX_READS):
            chunks.append(os.read(end.fileno(), 65_536))
            if not chunks[-1]:
                break
    return b"".join(chunks)
