"""The cluster engine on two nodes on loopback: the same results as locally, also when a node goes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import mmscontent as mms
from mmscontent.batch.run import run
from tests.batch.commands import RECEIVER, journal, outputs, wait_for_lines
from tests.batch.commands import run as run_command
from tests.batch.pictures import folder_of
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 24


def environment() -> dict[str, str]:
    """Without warnings as errors: Ray hands the variable on to its own processes, which warn."""
    quiet = {k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"}
    return {**quiet, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}


class TwoNodes:
    """The program of two_nodes.py."""

    def __init__(self) -> None:
        reports, to_us = os.pipe()
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.batch.two_nodes", str(to_us)],
            pass_fds=(to_us,),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.close(to_us)
        self._reports = os.fdopen(reports, encoding="utf-8")
        self.address = self._line()
        assert self.address.startswith("127."), self.address

    def _line(self) -> str:
        return self._reports.readline().strip()

    def _command(self, word: str) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(word + "\n")
        self._program.stdin.flush()

    def kill_one(self) -> None:
        self._command("kill")
        assert self._line() == "killed"

    def end(self) -> None:
        self._command("end")
        self._program.communicate()
        self._reports.close()


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    cluster = TwoNodes()
    yield cluster
    cluster.end()


def test_faults_on_a_cluster_cost_their_items_alone(nodes: TwoNodes, tmp_path: Path) -> None:
    names = ["a", "segfault", "b", "killed", "c", "sleeps", "d", "raises", "e", "leaves", "f"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.batch.on_cluster", nodes.address, str(tmp_path / "report.json"), *names],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )

    assert done.stdout == "", "Ray's lines about the workers that died do not go to standard output"
    results = {row[0]: row[1:] for row in json.loads((tmp_path / "report.json").read_text())}
    assert sorted(results) == sorted(names)
    assert {n for n, (status, _, _) in results.items() if status == "done"} == set("abcdef")
    assert {n: code for n, (_, code, _) in results.items() if code} == {
        "segfault": "batch/crashed",
        "killed": "batch/crashed",
        "leaves": "batch/crashed",
        "raises": "batch/crashed",
        "sleeps": "batch/timeout",
    }
    assert all(n in results[n][2] for n in ("segfault", "sleeps"))
    assert "RuntimeError: out of sorts" in results["raises"][2]


def test_a_node_that_goes_away_midway_changes_nothing_in_the_outputs(nodes: TwoNodes, tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos", COUNT, width_px=800, height_px=600)
    base = ("batch", photos, *RECEIVER, "--max-bytes", "30000")
    assert run_command(*base, "-o", "here", "--workers", "2", cwd=tmp_path).returncode == 0
    on_the_cluster = ("-o", "out", "--engine", "cluster", "--cluster", nodes.address)
    process = subprocess.Popen(
        [sys.executable, "-m", "mmscontent", *map(str, base), *on_the_cluster],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_lines(tmp_path / "out", 6, process)

    nodes.kill_one()

    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, out + err
    assert outputs(tmp_path / "out") == outputs(tmp_path / "here")
    items = [r["item"] for r in journal(tmp_path / "out")]
    assert len(items) == len(set(items)) == COUNT
    assert {r["status"] for r in journal(tmp_path / "out")} == {"done"}


def test_without_ray_the_engine_is_missing_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as Python says that a package is not there
    with pytest.raises(mms.EngineMissing, match=r"mmscontent\[cluster\]"):
        next(run([], mms.load_profile(), engine="cluster"))
