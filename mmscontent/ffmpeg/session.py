"""The room a source lives in, and the one function that runs the program.

A room is a private folder with one input; what the program makes lies beside it until the room is left. Every failure
names the quoted command and the program's last lines; whatever else goes wrong, folder and process are gone.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.errors import EngineFailed, EngineTimeout
from mmscontent.ffmpeg import temp_dirs
from mmscontent.ffmpeg.demuxers import DECODERS, demuxer_for
from mmscontent.ffmpeg.launcher import CANNOT_START
from mmscontent.ffmpeg.program import RunLimits, program_path
from mmscontent.ffmpeg.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

__all__ = ["FfmpegSession"]

_INPUT = "input"
_GLOBAL = ("-hide_banner", "-nostdin", "-nostats", "-progress", "pipe:1", "-y")
_LAST_LINES = 6
_HEEDED = 255  # the program's own status after a signal
_LIMIT_OF_SIGNAL = {9: "killed (out of memory?)", 24: "processor time", 25: "file size", 31: "system call"}


class FfmpegSession:
    """One input in a private folder, for as many runs as it takes; leave it with `close` or as a context."""

    def __init__(self, data: bytes, media_type: str, *, part: str = "") -> None:
        """Lay the input down.

        Raises:
            UnknownMedia: No demuxer opens the type.
            EngineFailed: There is no place to write.
        """
        self._held = -1
        self._supervisor: Supervisor | None = None
        self.demuxer = demuxer_for(media_type)
        self._part = part
        try:
            self.folder, self._held = temp_dirs.acquire()
            self._supervisor = Supervisor(str(self.folder))  # gets ready while we write
            (self.folder / _INPUT).write_bytes(data)
        except OSError as exc:
            self.close()
            raise EngineFailed(f"no private folder for a film or sound: {exc}; set TMPDIR", part=part) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its supervisor, remove the folder and all in it; closing twice is harmless."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        if self._held >= 0:
            temp_dirs.release(self.folder, self._held)
            self._held = -1

    def source_node(self, **options: Any) -> Any:  # noqa: ANN401 - ffmpeg-python has no types
        """The input as a node of a graph, its demuxer forced and its protocols closed."""
        return ffmpeg.input(
            f"file:{_INPUT}",
            f=self.demuxer.name,
            format_whitelist=self.demuxer.whitelist,
            protocol_whitelist="file,pipe",
            codec_whitelist=",".join(DECODERS),
            **options,
        )

    def input_node(self, name: str, demuxer: str, **options: Any) -> Any:  # noqa: ANN401 - as above
        """Something of ours that lies in this room (an earlier run's output, samples), as a node of a graph."""
        return ffmpeg.input(f"file:{name}", f=demuxer, protocol_whitelist="file,pipe", **options)

    def read(self, name: str) -> bytes:
        """A file a run made; empty when it made none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return b""

    def write(self, name: str, data: bytes) -> None:
        """Lay a file down for a later run: samples worked on outside."""
        (self.folder / name).write_bytes(data)

    def size(self, name: str) -> int:
        """Size of a file a run made; 0 when it made none."""
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0

    def run(
        self,
        *outputs: Any,  # noqa: ANN401 - ffmpeg-python has no types
        limits: RunLimits = RunLimits(),  # noqa: B008 - frozen
        progress: Callable[[int], None] | None = None,
        loglevel: str = "error",
    ) -> str:
        """Carry a graph out and return what the program said.

        Args:
            outputs: Output nodes of one graph; their file names are plain names in this room.
            limits: What it may take.
            loglevel: How much it says; the answer is what it said.
            progress: Called with the milliseconds of output written so far, every half second.

        Raises:
            EngineMissing: There is no program.
            EngineFailed: It failed; command, status and last lines are attached.
            EngineTimeout: It took longer than `limits.wall_s` and was ended.
        """
        arguments = self._arguments(outputs, loglevel)
        if self._supervisor is None:
            raise EngineFailed("the folder of this film or sound was given back; open it again", part=self._part)
        return _Run(self.folder, arguments, limits, self._part).watch(self._supervisor, progress)

    def _arguments(self, outputs: tuple[Any, ...], loglevel: str) -> list[str]:
        graph = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
        program, *rest = ffmpeg.compile(graph, cmd=program_path())
        return [str(program), *_GLOBAL, "-v", loglevel, *map(str, rest)]


class _Run:
    """One process of the program, from start to end."""

    def __init__(self, folder: Path, arguments: list[str], limits: RunLimits, part: str) -> None:
        self._arguments = arguments
        self._limits = limits
        self._part = part
        self._folder = folder

    def watch(self, supervisor: Supervisor, progress: Callable[[int], None] | None) -> str:
        orders: dict[str, object] = {
            "program": self._arguments[0],
            "arguments": self._arguments,
            "environment": {"LC_ALL": "C", "HOME": str(self._folder), "TMPDIR": str(self._folder)},
            "folder": str(self._folder),
            "cpu_s": self._limits.cpu_s,
            "memory_bytes": self._limits.memory_bytes,
            "file_bytes": self._limits.file_bytes,
        }
        try:
            return self._check_status(*supervisor.execute(orders, time.monotonic() + self._limits.wall_s, progress))
        except TimeoutError as exc:
            raise self._timed_out() from exc
        except (OSError, ValueError) as exc:  # ValueError: its pipe was closed after a run that took too long
            raise EngineFailed(f"ffmpeg cannot be started: {exc}", command=self._command(), part=self._part) from exc

    def _check_status(self, status: int, said: str) -> str:
        if status == 0:
            return said
        last = "\n".join([line for line in said.splitlines() if line.strip()][-_LAST_LINES:])
        never_ran = status == CANNOT_START and "cannot start" in said
        how = f"with status {status}"
        if status - 128 in _LIMIT_OF_SIGNAL or 128 < status < 160:  # noqa: PLR2004 - above are the program's own
            how = f"by signal {status - 128}, {_LIMIT_OF_SIGNAL.get(status - 128, 'a crash')}"
        elif status == _HEEDED:  # it catches SIGXCPU and stops in good order
            how = f"on a signal, having used its {self._limits.cpu_s} s of processor time"
        elif never_ran:
            how = "before it began; see `mmscontent doctor`"
        raise EngineFailed(
            f"ffmpeg ended {how}: {last.splitlines()[-1][:300] if last else 'it said nothing'}",
            command=self._command(),
            status=None if never_ran else status,
            last_lines=last,
            part=self._part,
        )

    def _timed_out(self) -> EngineTimeout:
        return EngineTimeout(
            f"ffmpeg took longer than {self._limits.wall_s:g} s and was ended; send a shorter clip: {self._command()}",
            part=self._part,
        )

    def _command(self) -> str:
        return shlex.join([Path(self._arguments[0]).name, *self._arguments[1:]])
