"""Starts a worker process that inherits one end of a socket pair and nothing else of ours.

No environment, descriptor, terminal or folder is inherited, and site is not loaded, so no code of `.pth` files runs.
"""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

from mmscontent.errors import EngineFailed, EngineMissing
from mmscontent.sandbox import import_paths

if TYPE_CHECKING:
    from collections.abc import Callable

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
            [*command, import_paths.search_path(module)],
            env=_ENVIRONMENT | import_paths.library_path(),
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
