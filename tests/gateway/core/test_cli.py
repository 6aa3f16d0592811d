"""The command: its help, its errors, and the demo's nine steps."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.gateway.core.process import START_S

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MMS_GATEWAY_")}
    command = [sys.executable, "-m", "gateway_adapter", *arguments]
    return subprocess.run(
        command, env={**clean, **environment}, capture_output=True, text=True, timeout=START_S, check=False
    )


def test_the_demo_shows_nine_steps() -> None:
    done = run("demo", "--delay", "0.1")

    assert done.returncode == 0, done.stderr
    assert [line[0] for line in done.stdout.splitlines() if line[:1].isdigit()] == list("123456789")
    assert done.stdout.count("200 ends it") == 2


def test_a_wrong_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    done = run("serve", MMS_GATEWAY_DATA_DIR=str(tmp_path), MMS_GATEWAY_LEASE_S="soon")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: MMS_GATEWAY_LEASE_S is 'soon'")


def test_a_connections_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("worker", MMS_GATEWAY_DATA_DIR=str(tmp_path), MMS_GATEWAY_CARRIERS=str(tmp_path / "none.toml"))

    assert done.returncode == 1
    assert "MMS_GATEWAY_CARRIERS" in done.stderr
