"""Jails for the tests: one that all share, and fresh ones for tests that kill their worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmscontent.sandbox.pool import SandboxLimits, SandboxPool
from tests.sandbox.worker_handlers import REGISTRY

MODULE = "tests.sandbox.worker_handlers"
ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = SandboxLimits(memory_bytes=256 << 20, cpu_s=0.5, wall_s=20.0, result_bytes=1 << 20)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="this layer exists on Linux only")


@pytest.fixture(scope="module")
def pool():
    made = SandboxPool(MODULE, workers=2, limits=SMALL, classes=REGISTRY)
    yield made
    made.close()


@pytest.fixture
def session(pool):
    with pool.open_session() as one:
        yield one


@pytest.fixture
def fresh():
    """A pool of one worker, for tests that kill it."""
    made = SandboxPool(MODULE, workers=1, limits=SMALL, classes=REGISTRY)
    yield made
    made.close()


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process ends in time; a zombie that waits for its foster parent has ended."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if sys.platform == "linux" and ") Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def run_script(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
