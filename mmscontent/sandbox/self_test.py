"""A worker that tests the sandbox from inside: each handler tries one thing that a taken-over decoder would try.

A handler returns what it achieved; `mmscontent doctor` calls them all and expects each to be refused.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from mmscontent.sandbox import worker_main


def _connect(_: dict[str, object]) -> str:
    # UDP, as it only looks for a route and does not wait; TEST-NET-1 is answered by nobody (RFC 5737, section 3).
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("192.0.2.1", 9))
    return "a socket with a route to the network"


def _read(_: dict[str, object]) -> str:
    return f"{len(Path('/etc/passwd').read_bytes())} bytes of /etc/passwd"


def _write(_: dict[str, object]) -> str:
    Path("escaped").write_bytes(b"x")
    Path("escaped").unlink()
    return "a file"


def _start(_: dict[str, object]) -> str:
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
    return "a child process"


def _run(_: dict[str, object]) -> str:
    # Where it is not refused, the worker becomes Python and its socket closes: a crash, which counts as not held.
    os.execv(sys.executable, [sys.executable, "-c", ""])  # noqa: S606 - the attempt itself


def _signal(_: dict[str, object]) -> str:
    os.kill(os.getppid(), 0)
    return "a signal to its parent"


ATTEMPTS = {"connect": _connect, "read": _read, "write": _write, "start": _start, "run": _run, "signal": _signal}

if __name__ == "__main__":
    worker_main.serve(ATTEMPTS)
