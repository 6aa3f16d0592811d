"""The command: exit statuses, one JSON document, files whole or not at all, nothing by surprise."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mmscontent.cli.main import run
from tests.conftest import ROOT

FIXTURES = ROOT / "fixtures"


def fixture(pattern: str) -> str:
    return str(min(FIXTURES.glob(pattern)))


PHOTO = fixture("jpeg-*-exif6-*.jpg")

STATUSES = [
    # arguments, exit status
    (["compose", PHOTO, "-o", "m.mms"], 0),
    (["check", PHOTO], 0),
    (["sniff", PHOTO], 0),
    (["doctor"], 0),
    (["check", PHOTO, "--max-bytes", "900"], 1),
    (["check", PHOTO, "--class", "oma/text"], 1),
    (["compose"], 2),
    (["compose", PHOTO, "--carrier", "us/nobody"], 2),
    (["compose", PHOTO, "--route", "pigeon"], 2),
    (["compose", PHOTO, "--encoding", "fax"], 2),
    (["compose", PHOTO, "-o", "no/such/folder/m.mms"], 2),
    (["compose", PHOTO, "-o", "-", "--json"], 2),
    (["compose", "--text", "x", "--subject", "a\nb"], 2),
    (["frobnicate"], 2),
    (["compose", "nothing-here.jpg"], 3),
    (["compose", fixture("truncated.jpg")], 3),
    (["compose", fixture("text-named.jpg")], 3),
    (["compose", fixture("header-50000x50000.png")], 3),
    (["compose", fixture("zero-dimension.jpg")], 3),
    (["sniff", PHOTO, "nothing-here.jpg"], 3),
    (["unpack", PHOTO], 3),
]


@pytest.mark.parametrize(
    ("arguments", "status"), STATUSES, ids=lambda v: " ".join(v)[-60:] if isinstance(v, list) else str(v)
)
def test_exit_status(
    arguments: list[str],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()

    assert run(arguments) == status
    if status:
        assert capfd.readouterr().err.strip(), "a failure says why on standard error"
        assert list(tmp_path.iterdir()) == [], "a failure writes nothing"
    if status == 3:
        assert time.monotonic() - started < 5  # two seconds on an idle machine


@pytest.mark.parametrize(
    ("arguments", "status"),
    [s for s in STATUSES if s[0][0] in ("compose", "check", "sniff") and "-o" not in s[0] and s[1] != 2],
)
def test_json_is_one_document(
    arguments: list[str],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run([*arguments, "--json"]) == status
    document = json.loads(capfd.readouterr().out)
    if arguments[0] in ("compose", "check") and status in (0, 1):
        assert document["schema"] == "mmscontent.ledger/1"
        assert document["fits"] is (status == 0)
        assert status == 0 or document["options"]


def test_the_message_can_go_to_standard_output(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmscontent", "compose", PHOTO, "-o", "-"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0
    assert done.stdout.startswith(b"\x8c\x80")  # X-Mms-Message-Type: m-send-req
    assert list(tmp_path.iterdir()) == []


def test_without_an_output_the_message_is_named_after_the_first_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["compose", PHOTO, "--encoding", "mime"]) == 0
    assert [p.suffix for p in tmp_path.iterdir()] == [".eml"]


def test_unpack_gives_back_what_compose_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["compose", PHOTO, "--text", "Grüße", "--subject", "Hi", "--to", "+12065550101", "-o", "m.mms"]) == 0
    capfd.readouterr()

    assert run(["unpack", "m.mms", "-o", "parts", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)

    assert (document["subject"], document["to"]) == ("Hi", ["+12065550101"])
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == sorted(p["file"] for p in document["parts"])
    words = next(p for p in document["parts"] if p["media_type"] == "text/plain")
    assert (tmp_path / "parts" / words["file"]).read_text(encoding="utf-8") == "Grüße"


# A shell starts what runs in its background with interrupts ignored, and a child inherits that.
INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from mmscontent.cli import main; main()"
)


def test_an_interrupt_ends_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    arguments = ["compose", *[PHOTO] * 30, "--effort", "best", "-o", "m.mms"]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True
    ) as started:
        _wait_for_a_child(started.pid)
        os.kill(started.pid, signal.SIGINT)
        _, said = started.communicate(timeout=60)

    assert started.returncode == 130, said.decode()
    assert list(tmp_path.iterdir()) == []


def _wait_for_a_child(pid: int) -> None:
    """Until the command has started a worker, so that it is at work and not still loading."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        parents = [stat.rpartition(")")[2].split()[1] for stat in _stats()]
        if str(pid) in parents:
            return
        time.sleep(0.02)
    raise AssertionError("the command started no worker")


def _stats() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found.append(path.read_text())
    return found


def test_a_closed_pipe_is_no_error() -> None:
    line = f"{sys.executable} -m mmscontent sniff {PHOTO} {PHOTO} {PHOTO} | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "Traceback" not in done.stderr


TEMPLATE = (
    '<smil><head><layout><root-layout/><region id="Image" top="0%" left="0%" height="50%" width="100%"/>'
    '<region id="Text" top="50%" left="0%" height="50%" width="100%"/></layout></head><body>'
    '<par dur="9s"><img src="{{0}}" region="Image"/><text src="{{text}}" region="Text"/></par></body></smil>'
)
BY_NAME = TEMPLATE.replace("{{0}}", Path(PHOTO).name).replace("{{text}}", "words.txt")


@pytest.mark.parametrize(("smil", "more"), [(TEMPLATE, ["--text", "Hello"]), (BY_NAME, ["words.txt"])])
def test_ones_own_smil_lays_the_message_out(
    smil: str, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.smil").write_text(smil)
    (tmp_path / "words.txt").write_text("Hello")

    assert run(["compose", PHOTO, *more, "--smil", "own.smil", "-o", "m.mms", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)

    assert [(len(s["parts"]), s["duration_ms"]) for s in document["slides"]] == [(2, 9_000)]
    assert document["warnings"] == []
    assert b'height="50%"' in (tmp_path / "m.mms").read_bytes()


def test_lint_mends_a_message_and_adapt_and_preview_write_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.smil").write_text('<smil><body><par><img src="a.jpg"/><video src="b.mp4"/></par></body></smil>')

    assert run(["compose", PHOTO, "--text", "Hi", "-o", "m.mms", "--preview", "p.html", "--filmstrip", "f.png"]) == 0
    assert run(["lint", "m.mms"]) == 0
    assert run(["lint", "bad.smil", "--fix", "-o", "good.smil"]) == 0
    assert run(["lint", "good.smil", "--json"]) == 0
    assert run(["adapt", "m.mms", "--max-bytes", "9000", "--encoding", "pdu", "-o", "a.mms"]) == 0
    assert run(["preview", "a.mms", "-o", "a.html"]) == 0

    assert capfd.readouterr().out.count("0 findings") == 1
    assert (tmp_path / "a.mms").stat().st_size <= 9_000
    assert (tmp_path / "p.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_a_split_is_written_as_numbered_files_and_told_as_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = [str(tmp_path / f"{n}.jpg") for n in range(4)]
    for photo in photos:
        Path(photo).write_bytes(Path(PHOTO).read_bytes())
    arguments = ["compose", *photos, "--max-bytes", "6000", "--if-not-fit"]

    assert run([*arguments, "split", "-o", "out.mms", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert run([*arguments, "split", "-o", "-"]) == 2
    assert run([*arguments, "drop", "-o", "less.mms", "--json"]) == 0
    dropped = json.loads(capfd.readouterr().out)
    assert run([*arguments, "fail", "-o", "never.mms"]) == 1

    count = document["message"]["of"]
    written = sorted(p.name for p in tmp_path.glob("*.mms"))
    assert written == sorted(["less.mms", *(f"out-{n + 1}.mms" for n in range(count))])
    assert [one["message"]["number"] for one in document["messages"]] == [n + 1 for n in range(count)]
    assert all(path.stat().st_size <= 6_000 for path in tmp_path.glob("*.mms"))
    assert "drop" in [part["decision"] for part in dropped["parts"]]
    assert dropped["remedy"]["do"] == "drop"


def test_a_folder_of_parts_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["compose", PHOTO, "--text", "Hi", "-o", "m.mms"]) == 0
    assert run(["unpack", "m.mms", "-o", "parts"]) == 0
    assert run(["adapt", "parts", "--max-bytes", "20000", "--encoding", "pdu", "-o", "again.mms"]) == 0
    capfd.readouterr()

    assert run(["unpack", "again.mms", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert [len(s["parts"]) for s in document["slides"]] == [2]
    assert run(["unpack", "parts/presentation.smil", "--json"]) == 0


def _json(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> Any:
    assert run(["profiles", *arguments, "--json"]) == 0
    return json.loads(capfd.readouterr().out)


def test_the_json_keys_of_profiles_stay(capfd: pytest.CaptureFixture[str]) -> None:
    shown = _json(["show", "us/att"], capfd)

    assert " ".join(shown) == (
        "limit_bytes target_bytes carrier route device content_class image video audio text contact calendar smil"
        " max_recipients max_parts subject_max_chars counts content_disposition group_mms carrier_transcodes"
        " extra_media_types notes origins"
    )
    assert [*shown["image"]] == [
        "media_types",
        "max_long_px",
        "max_short_px",
        "progressive",
        "animated",
        "view_long_px",
    ]
    origin = ["source", "url", "date", "confidence", "stated", "competing"]
    assert [*shown["origins"]["limit_bytes"]] == [*_json(["why", "us/att"], capfd)["limit_bytes"]] == origin
    summary = ["kind", "key", "name", "country", "status", "limit_bytes", "routes", "confidence", "date"]
    assert [*_json(["list"], capfd)[0]] == summary
    assert [*_json(["match", "--plmn", "311480"], capfd)[0]] == ["kind", "key", "name", "how", "certain"]
    # Programs read these keys; the words that people read beside the values may change.
    by_route = [
        f"{route}, {key}"
        for route in ("p2p", "long_code", "toll_free", "short_code")
        for key in ("largest message, bytes", "aimed at, bytes")
    ]
    assert [*_json(["diff", "oma/image-rich", "us/verizon"], capfd)] == [
        "largest packed message, bytes",
        "aimed at, bytes",
        "pictures",
        "picture box, long side px",
        "picture box, short side px",
        "progressive JPEG",
        "video",
        "sound",
        "cards",
        "calendar entries",
        "subject, characters",
        "recipients",
        *by_route,
    ]
