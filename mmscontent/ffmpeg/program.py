"""Finds the ffmpeg program and tells its version, its limits and the layers of its sandbox.

The only reader of MMSCONTENT_FFMPEG: a path, or a name on PATH; empty means the program of the imageio-ffmpeg wheel.
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
from mmscontent.sandbox import spawn
from mmscontent.sandbox.hardening import HardeningLayer

VARIABLE = "MMSCONTENT_FFMPEG"
# Both questions take a tenth of a second; a cold disk or a loaded machine may need longer.
_ANSWER_S = 20.0
# Stub packages instead of the real ones: their __init__ import libraries, and the first run would wait for them.
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
    """What one run may use; the defaults are far above what a clip of a message needs.

    Attributes:
        cpu_s: Processor time of all threads together.
        memory_bytes: Address space, the program's own 400 MB included.
        file_bytes: Size of any one file it writes.
    """

    wall_s: float = 300.0
    # Two processors for the whole wall time.
    cpu_s: int = 600
    # x264 at 3840x2160 fails with 1 GiB and works with 2.
    memory_bytes: int = 4 << 30
    # Raw stereo samples at 48 kHz of an hour and a half.
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
    return _wheel_program()


@functools.cache
def _wheel_program() -> str:
    try:
        import imageio_ffmpeg  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - a missing wheel becomes our error
    except ImportError as exc:
        raise EngineMissing(
            f"video and audio need the ffmpeg program: pip install imageio-ffmpeg, or set {VARIABLE}=ffmpeg"
        ) from exc
    # Not imageio_ffmpeg.get_ffmpeg_exe(): that honours IMAGEIO_FFMPEG_EXE and falls back to PATH.
    binaries = Path(imageio_ffmpeg.__file__).parent / "binaries"
    programs = sorted(p for p in binaries.glob("ffmpeg-*") if os.access(p, os.X_OK))
    if not programs:
        raise EngineMissing(f"imageio-ffmpeg has no program for this machine; install ffmpeg and set {VARIABLE}=ffmpeg")
    return os.path.realpath(programs[-1])


def launcher_command(folder: str, answers: int) -> list[str]:
    """The command that starts launcher.py over a folder; it answers on the descriptor *answers*."""
    return [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, _PACKAGE, folder, str(answers)]


def version() -> str:
    """The first line of `ffmpeg -version`.

    Raises:
        EngineMissing, EngineFailed: There is no program, or it does not run.
    """
    return _version_of(program_path())


@functools.cache
def _version_of(program: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no input
            [program, "-version"], env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ANSWER_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise EngineFailed(f"{program} does not run: {exc}", command=f"{program} -version") from exc
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def layers() -> tuple[HardeningLayer, ...]:
    """The hardening layers of a run on this machine, each in force or not.

    Raises:
        EngineMissing, EngineFailed: There is no program, or the launcher does not start.
    """
    order = json.dumps({"program": program_path(), "folder": "", "arguments": None}).encode() + b"\n"
    command, message = launcher_command("", 1), ""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, env=spawn.library_path(), input=order, capture_output=True, timeout=_ANSWER_S, check=False
        )
        message = done.stderr.decode("utf-8", "replace")[-300:]
        return tuple(HardeningLayer(*row) for row in json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as exc:
        raise EngineFailed(f"the ffmpeg launcher does not start: {message or exc}; see `mmscontent doctor`") from exc
