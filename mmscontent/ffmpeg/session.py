"""An ffmpeg session: one input in a private folder, and every run of the program over it.

What a run makes lies beside the input until the session is closed. Each error names the quoted command and ffmpeg's
last lines. However a session ends, its folder and its processes are gone afterwards.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.errors import EngineFailed, EngineTimeout
from mmscontent.ffmpeg import temp_dirs
from mmscontent.ffmpeg.demuxers import DECODERS, demuxer_for
from mmscontent.ffmpeg.launcher import CANNOT_START
from mmscontent.ffmpeg.program import RunLimits, program_path
from mmscontent.ffmpeg.supervisor import RunOutcome, Supervisor

_INPUT = "input"
# -nostdin: else ffmpeg reads keys from the supervisor's terminal. -y: a second pass overwrites the first one's file.
_GLOBAL = ("-hide_banner", "-nostdin", "-nostats", "-progress", "pipe:1", "-y")
# The cause stands in one of the last lines; after it ffmpeg may still complain about each output.
_LAST_LINES = 6
# ffmpeg handles SIGXCPU like SIGTERM: it stops in good order with 255, or, when finishing takes so long that the kernel
# repeats the signal (each second of processor time, setrlimit(2)), exits hard with 123 at the fourth. Neither status
# is proof: 255 is also its answer to EPERM. So the processor time decides.
_STOPPED_BY_SIGNAL = (123, 255)
# Seen: 255 with 5.1 s and 123 with 6.8 s used, of limits of 1 and 3 s. Below 1 as the kernel counts towards the limit
# in ticks and reports the usage by the scheduler's clock.
_CPU_SHARE = 0.9
_SIGNALS = {9: "killed (out of memory?)", 24: "processor time", 25: "file size", 31: "system call"}


class FfmpegSession:
    """One input in a private folder, for any number of runs; end it with `close` or as a context manager."""

    def __init__(self, data: bytes, media_type: str, *, part: str = "") -> None:
        """Write the input to a new folder.

        Raises:
            UnknownMedia: No demuxer opens the type.
            EngineFailed: No folder can be written.
        """
        self._lock_fd = -1
        self._supervisor: Supervisor | None = None
        self.demuxer = demuxer_for(media_type)
        self._part = part
        try:
            self.folder, self._lock_fd = temp_dirs.acquire()
            self._supervisor = Supervisor(str(self.folder))  # gets ready while we write
            self.write(_INPUT, data)
        except OSError as exc:
            self.close()
            raise EngineFailed(f"no private folder for a video or audio part: {exc}; set TMPDIR", part=part) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the supervisor, and remove the folder and all in it; closing twice is harmless."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        if self._lock_fd >= 0:
            temp_dirs.release(self.folder, self._lock_fd)
            self._lock_fd = -1

    def source_node(self, **options: Any) -> Any:  # noqa: ANN401 - ffmpeg-python has no types
        """The input as a graph node, with its demuxer forced and its protocols and decoders restricted."""
        # The lists also bind what a demuxer opens by itself: segments of a playlist, entries of a concat list.
        return ffmpeg.input(
            f"file:{_INPUT}",
            f=self.demuxer,
            format_whitelist=self.demuxer,
            protocol_whitelist="file,pipe",
            codec_whitelist=",".join(DECODERS),
            **options,
        )

    def input_node(self, name: str, demuxer: str, **options: Any) -> Any:  # noqa: ANN401 - as above
        """A file of ours in this session's folder (an earlier run's output, samples) as a graph node."""
        return ffmpeg.input(f"file:{name}", f=demuxer, protocol_whitelist="file,pipe", **options)

    def read(self, name: str) -> bytes:
        """A file that a run made; empty when it made none."""
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""

    def write(self, name: str, data: bytes) -> None:
        """Write a file for a later run to read."""
        (self.folder / name).write_bytes(data)

    def size(self, name: str) -> int:
        """Size of a file that a run made; 0 when it made none."""
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0

    def run(
        self,
        *outputs: Any,  # noqa: ANN401 - ffmpeg-python has no types
        limits: RunLimits = RunLimits(),  # noqa: B008 - frozen
        progress: Callable[[int], None] | None = None,
        loglevel: str = "error",
    ) -> str:
        """Execute a graph and return what ffmpeg wrote to stderr.

        Args:
            outputs: Output nodes of one graph; their file names are plain names in this session's folder.
            limits: What the run may use.
            loglevel: How much ffmpeg writes.
            progress: Called with the milliseconds of output written so far, every half second.

        Raises:
            EngineMissing: There is no program.
            EngineFailed: It failed; command, status and last lines are attached.
            EngineTimeout: It took longer than `limits.wall_s` and was ended.
        """
        graph = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
        program, *rest = map(str, ffmpeg.compile(graph, cmd=program_path()))
        arguments = [program, *_GLOBAL, "-v", loglevel, *rest]
        command = shlex.join([Path(program).name, *arguments[1:]])
        if self._supervisor is None:
            raise EngineFailed("the ffmpeg session of this part was closed; open a new one", part=self._part)
        order: dict[str, object] = {
            "program": program,
            "arguments": arguments,
            # Nothing of ours: FFREPORT alone would write a log where it likes.
            "environment": {"LC_ALL": "C", "HOME": str(self.folder), "TMPDIR": str(self.folder)},
            "folder": str(self.folder),
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
        }
        try:
            outcome = self._supervisor.execute(order, time.monotonic() + limits.wall_s, progress)
        except TimeoutError as exc:
            raise EngineTimeout(
                f"ffmpeg took longer than {limits.wall_s:g} s and was ended; send a shorter clip: {command}",
                part=self._part,
            ) from exc
        # ValueError: the supervisor was ended by a run that took too long, and its pipe is closed.
        except (OSError, ValueError) as exc:
            raise EngineFailed(f"ffmpeg cannot be run: {exc}", command=command, part=self._part) from exc
        if outcome.status:
            raise _failure(outcome, limits, command, self._part)
        return outcome.output


def _failure(outcome: RunOutcome, limits: RunLimits, command: str, part: str) -> EngineFailed:
    lines = [line for line in outcome.output.splitlines() if line.strip()][-_LAST_LINES:]
    never_ran = outcome.status == CANNOT_START and "cannot start" in outcome.output
    how = "before it began; see `mmscontent doctor`" if never_ran else _ending(outcome, limits)
    return EngineFailed(
        f"ffmpeg ended {how}: {lines[-1][:300] if lines else 'it wrote no message'}",
        command=command,
        status=None if never_ran else outcome.status if outcome.status >= 0 else 128 - outcome.status,
        last_lines="\n".join(lines),
        part=part,
    )


def _ending(outcome: RunOutcome, limits: RunLimits) -> str:
    if outcome.status in _STOPPED_BY_SIGNAL and outcome.cpu_s >= limits.cpu_s * _CPU_SHARE:
        return f"on reaching its limit of {limits.cpu_s} s of processor time"
    if outcome.status < 0:
        return f"by signal {-outcome.status}, {_SIGNALS.get(-outcome.status, 'a crash')}"
    # ffmpeg's own statuses are a negative errno in one byte: 254 is ENOENT, 146 ETIMEDOUT.
    return f"with status {outcome.status}"
