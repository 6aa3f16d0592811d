"""Sandbox pools for the tests: one that all share, and fresh ones for tests that kill their worker."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmscontent.sandbox.pool import SandboxLimits, SandboxPool
from tests.sandbox.worker_handlers import REGISTRY

MODULE = "tests.sandbox.worker_handlers"
ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = SandboxLimits(memory_bytes=256 << 20, cpu_s=0.5, wall_s=120.0, result_bytes=1 << 20)
LONG_S = 60.0  # what must happen is waited for so long: a busy machine may take its time, a broken promise never comes
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="this layer exists on Linux only")


@pytest.fixture(scope="module")
def pool():
    one = SandboxPool(MODULE, workers=2, limits=SMALL, classes=REGISTRY)
    yield one
    one.close()


@pytest.fixture
def session(pool):
    with pool.open_session() as one:
        yield one


@pytest.fixture
def fresh():
    """A pool of one worker, for tests that kill it."""
    one = SandboxPool(MODULE, workers=1, limits=SMALL, classes=REGISTRY)
    yield one
    one.close()


def ended(pid: int) -> bool:
    """Whether a process ends; a zombie that waits for its foster parent has ended."""
    if not hasattr(os, "pidfd_open"):  # not Linux
        return any(threading.Event().wait(0.02) or not _exists(pid) for _ in range(int(LONG_S * 50)))
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], LONG_S)[0])
    finally:
        os.close(process)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run_script(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=2 * LONG_S,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
