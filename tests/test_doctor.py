"""The doctor names what is there, what is missing and what is unsafe, and never fails itself."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mmscontent import doctor
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def report():
    return doctor.examine()


def test_every_engine_here_is_found_with_its_version(report):
    assert {f.name for f in report.findings if not f.inside} == {e.name for e in doctor.ENGINES}
    assert all(f.version for f in report.findings)
    assert [f.cure for f in report.findings if f.cure] == []
    assert report.healthy


def test_the_jail_is_tried_from_inside(report):
    assert {w.name for w in report.walls} >= {"open a connection", "read a file of the system", "run another program"}
    if sys.platform == "linux":
        assert all(w.holds for w in report.walls), report.walls


def test_the_report_is_plain_json_and_a_text(report):
    told = json.loads(json.dumps(report.as_json()))

    assert told["schema"] == "mmscontent.doctor/1"
    assert told["healthy"] is True
    assert {e["state"] for e in told["engines"]} == {"ok"}
    assert "libwebp" in report.text()
    assert "landlock" in report.text()


def row(**changes):
    facts = {"name": "pillow", "module": "PIL.Image", "job": "reads", "floor": "13.0.0", "why": "CVE-2026-112403"}
    return doctor._Engine(**{**facts, **changes})


@pytest.mark.parametrize(
    ("engine", "state", "cure"),
    [
        (row(), "ok", ""),
        (row(name="nothing", module="no_such_engine"), "missing", "pip install 'nothing>=13.0.0'"),
        (row(floor="99.1"), "old", "under 99.1 (CVE-2026-112403): pip install"),
        (row(module="tests.sandbox.broken_worker_handlers"), "broken", "LookupError: no table; install it again"),
        (
            row(bundled=(doctor._Library("x", "1.10", "CVE", lambda: "1.9.2"),)),
            "old",
            "x 1.9.2 in pillow is under 1.10",
        ),
        (row(bundled=(doctor._Library("x", "1.10", "CVE", lambda: "1.10b"),)), "ok", ""),
        (row(bundled=(doctor._Library("x", "1.10", "CVE", str),)), "unknown", "built without x"),
        (
            row(bundled=(doctor._Library("x", "1", "CVE", lambda: 1 // 0),)),
            "unknown",
            "cannot be asked: ZeroDivisionError",
        ),
    ],
)
def test_each_state_has_its_cure(engine, state, cure):
    last = doctor._look_at(engine)[-1]

    assert last.state == state
    assert cure in last.cure
    assert bool(last.cure) == bool(cure)


@pytest.mark.parametrize(
    ("state", "needed", "healthy"),
    [
        ("ok", True, True),
        ("missing", True, False),
        ("old", True, False),
        ("broken", True, False),
        ("missing", False, True),
    ],
)
def test_only_what_is_needed_decides(state, needed, healthy):
    finding = doctor.EngineStatus("x", "job", "1", "1", "why", needed, state)

    assert doctor.DoctorReport((finding,), (), ()).healthy is healthy


def test_a_missing_engine_is_told_by_a_fresh_process_without_failing():
    code = (
        "import sys; sys.modules['pyvips'] = None; sys.modules['PIL.Image'] = None\n"
        "from mmscontent import doctor; r = doctor.examine(); print(r.healthy); print(r.text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False, cwd=ROOT
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("False")
    assert "pip install 'pyvips>=3.0'" in done.stdout
    assert "landlock" in done.stdout
