"""Where the program is, which one it is, and what it may take.

The only reader of MMSCONTENT_FFMPEG: a path, or a name to be looked for on PATH; empty means the installed wheel's.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mmscontent.errors import EngineFailed, EngineMissing
from mmscontent.sandbox import import_paths
from mmscontent.sandbox.hardening import HardeningLayer

__all__ = ["VARIABLE", "RunLimits", "launcher_command", "layers", "program_path", "version"]

VARIABLE = "MMSCONTENT_FFMPEG"
# The packages are made known without running their faces: those import libraries, and every run would wait for them.
_BOOT = """
import sys, types
for depth, name in enumerate(("mmscontent", "mmscontent.sandbox", "mmscontent.ffmpeg")):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [sys.argv[1] + ("", "/sandbox", "/ffmpeg")[depth]]
from mmscontent.ffmpeg import launcher
launcher.main(sys.argv[2], int(sys.argv[3]))
"""
_PACKAGE = str(Path(__file__).resolve().parents[1])


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What one run may take.

    Attributes:
        wall_s: On the wall, start to end.
        cpu_s: Of the processor, all threads together.
        memory_bytes: Mapped in all, the program's own 400 MB included.
        file_bytes: Of any one file it writes.
    """

    wall_s: float = 300.0
    cpu_s: int = 600
    memory_bytes: int = 4 << 30
    file_bytes: int = 1 << 30


def program_path() -> str:
    """Absolute path of the program.

    Raises:
        EngineMissing: Neither the wheel nor the variable gives one.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted:
        found = shutil.which(wanted)
        if found is None:
            raise EngineMissing(f"{VARIABLE} is {wanted!r}, which is no program on PATH; correct it or unset it")
        return os.path.realpath(found)
    return _of_the_wheel()


@functools.cache
def _of_the_wheel() -> str:
    try:
        import imageio_ffmpeg  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - a missing wheel is told as ours
    except ImportError as exc:
        raise EngineMissing(
            f"video and sound need the ffmpeg program: pip install imageio-ffmpeg, or set {VARIABLE}=ffmpeg"
        ) from exc
    # Its own search would honour IMAGEIO_FFMPEG_EXE and fall back to PATH; only the wheel's file is wanted here.
    binaries = Path(imageio_ffmpeg.__file__).parent / "binaries"
    programs = sorted(p for p in binaries.glob("ffmpeg-*") if os.access(p, os.X_OK))
    if not programs:
        raise EngineMissing(
            f"imageio-ffmpeg holds no program for this machine; install ffmpeg and set {VARIABLE}=ffmpeg"
        )
    return os.path.realpath(programs[-1])


def launcher_command(folder: str, answers: int) -> list[str]:
    """The command that starts the watcher (launch.py) over a folder; it answers on the descriptor *answers*."""
    return [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, _PACKAGE, folder, str(answers)]


def version() -> str:
    """First line of what the program says of itself.

    Raises:
        EngineMissing, EngineFailed: There is none, or it does not run.
    """
    return _version_of(program_path())


@functools.cache
def _version_of(program: str) -> str:
    try:
        told = subprocess.run(  # noqa: S603 - our own program, no input
            [program, "-version"], env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise EngineFailed(f"{program} does not run: {exc}", command=f"{program} -version") from exc
    return told.stdout.decode("utf-8", "replace").partition("\n")[0]


def layers() -> tuple[HardeningLayer, ...]:
    """The layers a run is behind on this machine, as a run finds them."""
    orders: dict[str, object] = {"program": program_path(), "folder": "", "arguments": None}
    told = subprocess.run(  # noqa: S603 - our own interpreter
        launcher_command("", 1),
        env=import_paths.library_path(),
        input=json.dumps(orders).encode() + b"\n",
        capture_output=True,
        timeout=20,
        check=False,
    )
    try:
        return tuple(HardeningLayer(*row) for row in json.loads(told.stdout))
    except (ValueError, TypeError) as exc:
        words = told.stderr.decode("utf-8", "replace")[-300:]
        raise EngineFailed(f"the ffmpeg launcher does not start: {words}; see `mmscontent doctor`") from exc
