"""Starts a worker process that inherits one end of a socket pair and nothing else of ours.

No environment, descriptor, terminal or folder is inherited, and site is not loaded, so no code of `.pth` files runs.
A worker gets our sys.path without the script's folder and the current folder, as those may hold anything. A folder is
readable as a whole only where installed distributions lie; of a source checkout only the packages themselves are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mmscontent.errors import EngineFailed, EngineMissing

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGE = Path(__file__).resolve().parent.parent
# The package without running its __init__: a worker needs few of its modules, and code that is loaded can be misused.
_BOOT = (
    "import sys, json, importlib.util as u; socket_fd, sys.path[:] = int(sys.argv[1]), json.loads(sys.argv[2]); "
    "sys.modules['mmscontent'] = u.module_from_spec(u.find_spec('mmscontent')); "
    "from mmscontent.sandbox import worker_main; worker_main.main(socket_fd)"
)
# One thread for numpy's algebra: more bring nothing here. Two malloc arenas: each thread's own would reserve 64 MB of
# the address space that RLIMIT_AS limits (mallopt(3)).
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def start_worker(module: str) -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """Start a worker; returns its process, our end of the socket, and a non-blocking descriptor of its stderr."""
    if os.name != "posix" or not sys.executable:
        raise EngineMissing("decoders run in sandboxed processes, which need a POSIX system and a Python executable")
    ours, theirs = socket.socketpair()
    stderr, their_stderr = os.pipe()
    # A worker that writes too much loses lines; it neither waits nor fills our memory: a pipe holds 64 KB (pipe(7)).
    os.set_blocking(stderr, False)
    os.set_blocking(their_stderr, False)
    folder = _empty_folder()
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, str(theirs.fileno())]
    try:
        process = _STARTER.run(
            [*command, search_path(module)],
            env=_ENVIRONMENT | library_path(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=their_stderr,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        os.close(stderr)
        raise
    finally:
        theirs.close()
        os.close(their_stderr)
        if folder != "/":
            shutil.rmtree(folder, ignore_errors=True)  # stays the worker's current folder, without a name
    return process, ours, stderr


def _empty_folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="mmscontent-sandbox-")
    except OSError:  # a read-only system
        return "/"


def search_path(module: str) -> str:
    """sys.path for a worker that runs *module*, as JSON."""
    # abspath and not resolve(): a virtual environment is found through its links.
    kept = [os.path.abspath(p) for p in sys.path if p and not _is_script_folder(Path(p))]  # noqa: PTH100
    roots = [str(p.parent) for p in _packages(module)]
    return json.dumps(list(dict.fromkeys(kept + roots)))


def readable(module: str) -> tuple[str, ...]:
    """Folders and files that a worker may read, besides the system's own libraries."""
    stdlib = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    shared_libraries = str(Path(sys.base_prefix) / "lib")
    installed = [p for p in sys.path if p and _holds_distributions(Path(p))]
    zipped = [p for p in sys.path if p.endswith(".zip")]
    found = [*stdlib, shared_libraries, *installed, *zipped, *map(str, _packages(module)), *_linker_folders()]
    return tuple(dict.fromkeys(os.path.realpath(p) for p in found))


def library_path() -> dict[str, str]:
    """The linker's search path as an environment: Python itself may need one to start."""
    folders = _linker_folders()
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def _linker_folders() -> list[str]:
    # An empty entry means the current folder (ld.so(8)), which may hold anything.
    return [p for p in os.environ.get("LD_LIBRARY_PATH", "").split(":") if Path(p).is_absolute()]


def _packages(module: str) -> list[Path]:
    """Our own package and the top-level one of the worker's module."""
    spec = importlib.util.find_spec(module.partition(".")[0])
    folders = spec.submodule_search_locations if spec else None
    origin = [Path(spec.origin)] if spec and spec.origin and not folders else []
    return [_PACKAGE, *(Path(p).resolve() for p in folders or ()), *origin]


def _is_script_folder(folder: Path) -> bool:
    """Whether Python put a folder on the path only because the script or the user is there."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    candidates = {os.path.realpath(os.curdir), os.path.realpath(Path(script).parent) if script else ""}
    return os.path.realpath(folder) in candidates and not _holds_distributions(folder)


def _holds_distributions(folder: Path) -> bool:
    try:
        return any(entry.suffix == ".dist-info" for entry in folder.iterdir())
    except OSError:
        return False


class _Starter:
    """One thread that starts all workers: PR_SET_PDEATHSIG fires when the *thread* that started the child ends."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """In a forked child the thread is gone: the next start makes a new one."""
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None]] | None = None

    def run(self, command: list[str], **options: object) -> subprocess.Popen[bytes]:
        """subprocess.Popen in that thread."""
        done: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

        def job() -> None:
            try:
                done.put(subprocess.Popen(command, **options))  # type: ignore[call-overload]  # noqa: S603 - our own interpreter
            except OSError as exc:
                done.put(exc)

        with self._lock:
            if self._jobs is None:
                self._jobs = queue.SimpleQueue()
                threading.Thread(target=_work, args=(self._jobs,), name="mmscontent-sandbox", daemon=True).start()
        self._jobs.put(job)
        outcome = done.get()
        if isinstance(outcome, OSError):
            raise EngineFailed(f"no worker could be started: {outcome}; see `mmscontent doctor`") from outcome
        return outcome


def _work(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


_STARTER = _Starter()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_STARTER.reset)
