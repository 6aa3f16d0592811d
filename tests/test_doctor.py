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
    assert {f.name for f in report.engines if not f.inside} == {e.name for e in doctor.ENGINES}
    assert all(f.version for f in report.engines)
    assert [f.cure for f in report.engines if f.cure] == []
    assert report.healthy


def test_the_sandbox_is_tested_from_inside(report):
    assert {a.name for a in report.attempts} >= {
        "open a connection",
        "read a file of the system",
        "run another program",
    }
    if sys.platform == "linux":
        assert all(a.refused for a in report.attempts), report.attempts


def test_the_report_is_plain_json_and_a_text(report):
    plain = json.loads(json.dumps(report.as_json()))

    assert plain["schema"] == "mmscontent.doctor/1"
    assert plain["healthy"] is True
    assert {e["state"] for e in plain["engines"]} == {"ok"}
    assert plain["engines"][0].keys() == {
        "name", "job", "version", "floor", "why", "needed", "state", "cure", "inside",
    }  # fmt: skip
    assert plain["jail"].keys() == {"error", "layers", "walls"}
    assert all(wall.keys() == {"name", "holds", "detail"} for wall in plain["jail"]["walls"])
    assert "libwebp" in report.text()
    assert "landlock" in report.text()


def row(**changes):
    facts = {"name": "pillow", "module": "PIL.Image", "job": "reads", "minimum": "13.0.0", "why": "CVE-2026-112403"}
    return doctor._Engine(**{**facts, **changes})


@pytest.mark.parametrize(
    ("engine", "state", "cure"),
    [
        (row(), "ok", ""),
        (row(name="nothing", module="no_such_engine"), "missing", "pip install 'nothing>=13.0.0'"),
        (row(minimum="99.1"), "old", "older than 99.1 (CVE-2026-112403): pip install"),
        (row(module="tests.sandbox.broken_worker_handlers"), "broken", "LookupError: no table; install it again"),
        (
            row(bundled=(doctor._Library("x", "1.10", "CVE", lambda: "1.9.2"),)),
            "old",
            "x in pillow is 1.9.2, older than 1.10",
        ),
        (row(bundled=(doctor._Library("x", "1.10", "CVE", lambda: "1.10b"),)), "ok", ""),
        (row(bundled=(doctor._Library("x", "1.10", "CVE", str),)), "unknown", "built without x"),
        (
            row(bundled=(doctor._Library("x", "1", "CVE", lambda: 1 // 0),)),
            "unknown",
            "cannot be asked for its version: ZeroDivisionError",
        ),
    ],
)
def test_each_state_has_its_cure(engine, state, cure):
    last = doctor._check_engine(engine)[-1]

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
    status = doctor.EngineStatus("x", "job", "1", "1", "why", needed, state)

    assert doctor.DoctorReport((status,), (), ()).healthy is healthy


def test_a_missing_engine_is_reported_by_a_fresh_process_without_failing():
    code = (
        "import sys; sys.modules['pyvips'] = None; sys.modules['PIL.Image'] = None\n"
        "from mmscontent import doctor; r = doctor.examine(); print(r.healthy); print(r.text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("False")
    assert "pip install 'pyvips>=3.0'" in done.stdout
    assert "landlock" in done.stdout
