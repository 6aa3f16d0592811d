"""How a worker process is started: with nothing of ours but one end of a socket pair.

No inherited environment, descriptors, terminal or folder; no site module, so no code of `.pth` files runs.
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

__all__ = ["start_worker"]

# The package without its face: a worker needs a few of its modules, and everything loaded is there to be misused.
_BOOT = (
    "import sys, json, importlib.util as u; socket_fd, sys.path[:] = int(sys.argv[1]), json.loads(sys.argv[2]); "
    "sys.modules['mmscontent'] = u.module_from_spec(u.find_spec('mmscontent')); "
    "from mmscontent.sandbox import worker_main; worker_main.main(socket_fd)"
)
# Threads of numpy's algebra bring nothing here, and malloc's arenas cost address space, which is limited.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def start_worker(module: str) -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """Start a worker: its process, our end of the socket_fd, and where its stderr can be read without waiting."""
    if os.name != "posix" or not sys.executable:
        raise EngineMissing(
            "decoders are jailed in processes, which needs a POSIX system and a Python program to start"
        )
    ours, theirs = socket.socketpair()
    words, said = os.pipe()
    # A worker that talks too much loses words, it neither waits nor fills our memory: a pipe holds 64 KB.
    os.set_blocking(words, False)
    os.set_blocking(said, False)
    folder = _empty_folder()
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, str(theirs.fileno())]
    try:
        process = _STARTER.run(
            [*command, import_paths.search_path(module)],
            env=_ENVIRONMENT | import_paths.library_path(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        os.close(words)
        raise
    finally:
        theirs.close()
        os.close(said)
        if folder != "/":
            shutil.rmtree(folder, ignore_errors=True)  # stays the worker's, nameless
    return process, ours, words


def _empty_folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="mmscontent-sandbox-")
    except OSError:  # a read-only system
        return "/"


class _Starter:
    """One thread that starts every worker: the kernel ends a child when the *thread* that started it ends."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
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
    os.register_at_fork(after_in_child=_STARTER.forget)
