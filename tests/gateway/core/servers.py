"""PostgreSQL and Redis of a test's own, where they are installed; who needs one that is not there is skipped."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_adapter.cli.demo import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        places = [place for pattern in _PLACES for place in sorted(Path("/").glob(pattern.lstrip("/")))]
        found = next((str(place / name) for place in places if (place / name).exists()), None)
    if found is None:
        pytest.skip(f"{name} is not installed; .ci/run installs it where it may")
    return found


def _owner() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("PostgreSQL does not run as root, and there is no other user")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database."""
    initdb, server, owner, port = _program("initdb"), _program("postgres"), _owner(), free_port()
    folder = tempfile.mkdtemp(prefix="mms-gateway-pg-")
    if owner is not None:
        shutil.chown(folder, owner)
    said = {"user": owner, "cwd": folder, "stdout": subprocess.DEVNULL}
    subprocess.run(
        [initdb, "-D", f"{folder}/db", "-A", "trust", "-U", "gateway", "--no-sync"],
        check=True,
        stderr=subprocess.PIPE,
        **said,  # type: ignore[call-overload]
    )
    command = [server, "-D", f"{folder}/db", "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **said)  # type: ignore[call-overload]
    try:
        _wait(port)
        time.sleep(0.5)  # it listens a moment before it takes clients
        yield f"postgresql+psycopg://gateway@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # "fast": it does not wait for clients to leave
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The URL of an empty Redis."""
    server, port = _program("redis-server"), free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _wait(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(20)


def _wait(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")
