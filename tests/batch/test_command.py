"""`mmscontent batch` as people run it: what comes out, what it survives, and going on afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

import mmscontent as mms
from mmscontent.cli.main import run as run_here
from tests.batch.commands import (
    RECEIVER,
    Gate,
    Watched,
    children_of,
    family,
    journal,
    kill_hard,
    outputs,
    run,
    start,
    wait_for_lines,
    wait_until,
)
from tests.batch.pictures import folder_of, jpeg

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 24


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("inputs") / "photos", COUNT, width_px=800, height_px=600)


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("undisturbed")
    done = run("batch", photos, "-o", "out", *RECEIVER, "--workers", "2", "--max-bytes", "30000", cwd=place)
    assert done.returncode == 0, done.stderr
    return outputs(place / "out")


def command(photos: Path, *more: object) -> tuple[object, ...]:
    return ("batch", photos, "-o", "out", *RECEIVER, "--workers", "2", "--max-bytes", "30000", *more)


def test_a_folder_becomes_messages_that_are_those_of_the_one_path(
    photos: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    assert list(undisturbed) == [f"{n:04d}.jpg.mms" for n in range(COUNT)]
    profile = mms.load_profile(carrier="us/att", route="toll_free", max_message_bytes=30_000)
    alone = mms.compose(mms.Message.of(mms.read_parts([photos / "0007.jpg"])), profile)
    (tmp_path / "0007.jpg.mms").write_bytes(alone.data)

    assert outputs(tmp_path)["0007.jpg.mms"] == undisturbed["0007.jpg.mms"]


def test_a_list_with_good_bad_and_refused_rows_tells_each_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "broken.jpg").write_bytes(jpeg(2)[:40])
    rows = [
        {"name": "good", "files": "a.jpg", "text": "Hello", "recipient": "+12065550101"},
        {"name": "broken", "files": "broken.jpg"},
        {"name": "missing", "files": "nowhere.jpg"},
        {"name": "tight", "files": "a.jpg", "max_bytes": 700},
        {"name": "nobody", "files": "a.jpg", "carrier": "us/nowhere"},
        {"name": "deep/words", "text": "only words"},
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))

    done = run("batch", "list.jsonl", "-o", "out", *RECEIVER, "--jsonl", "--workers", "1", cwd=tmp_path)

    assert done.returncode == 1, done.stderr
    told = {row["item"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {name: row["status"] for name, row in told.items()} == {
        "good": "done",
        "deep/words": "done",
        "tight": "refused",
        "broken": "failed",
        "missing": "failed",
        "nobody": "failed",
    }
    assert list(told.values()) == journal(tmp_path / "out")
    assert told["tight"]["ledger"]["options"]
    assert "nowhere.jpg" in told["missing"]["failure"]["message"]
    assert "6 of 6 items: 2 done, 1 refused, 3 failed" in done.stderr
    assert sorted(outputs(tmp_path / "out")) == ["deep/words.mms", "good.mms"]
    read = mms.unpack((tmp_path / "out" / "good.mms").read_bytes())
    assert read.envelope.to == ("+12065550101",)


def test_parts_are_written_as_files(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1, 1600, 1200))
    (tmp_path / "l.csv").write_text("name,files,text\none,a.jpg,Hi\ntwo,a.jpg;a.jpg,Hi\nwords,,Hi\n")

    done = run("batch", "l.csv", "-o", "out", "--parts", "--max-bytes", "40000", "--workers", "1", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert sorted(outputs(tmp_path / "out")) == ["one.jpg", "two/a-2.jpg", "two/a.jpg"]
    assert mms.sniff((tmp_path / "out" / "one.jpg").read_bytes()).kind == "image"
    assert {r["item"]: len(r["outputs"]) for r in journal(tmp_path / "out")} == {"one": 1, "two": 2, "words": 0}


def test_a_message_that_takes_several_is_a_folder_of_them(tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"{n}.jpg").write_bytes(jpeg(n, 1600, 1200))
    (tmp_path / "l.csv").write_text("name,files\nalbum,0.jpg;1.jpg;2.jpg\n")
    options = ("--max-bytes", "4500", "--if-not-fit", "split", "--workers", "1")

    done = run("batch", "l.csv", "-o", "out", *options, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert list(outputs(tmp_path / "out")) == [f"album/{n}.mms" for n in (1, 2, 3)]
    sizes = [(tmp_path / "out" / "album" / f"{n}.mms").stat().st_size for n in (1, 2, 3)]
    assert max(sizes) <= 4500
    assert run("batch", "l.csv", "-o", "two", *options, "--parts", cwd=tmp_path).returncode == 2


def test_the_sheet_shows_the_ten_lowest_and_says_how_low(photos: Path, tmp_path: Path) -> None:
    done = run("batch", photos / "000*.jpg", photos / "001[0-3].jpg", "-o", "out", "--max-bytes", "9000", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    lowest = sorted(journal(tmp_path / "out"), key=lambda r: (r["quality"], r["item"]))[:10]
    page = (tmp_path / "out" / "contact-sheet.html").read_text()
    assert page.count("<li>") == page.count('src="data:image/jpeg;base64,') == 10
    at = [page.index(f"<h2>{r['item']}</h2>") for r in lowest]
    assert at == sorted(at)


def test_resuming_a_whole_run_does_nothing(photos: Path, tmp_path: Path) -> None:
    first = run(*command(photos / "000*.jpg"), cwd=tmp_path)
    before = (tmp_path / "out" / "journal.jsonl").read_bytes()
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.mms")}

    again = run(*command(photos / "000*.jpg", "--resume"), cwd=tmp_path)

    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert "10 items are finished in the journal, 0 remain" in again.stderr
    assert (tmp_path / "out" / "journal.jsonl").read_bytes() == before
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.mms")} == made


def test_what_changed_or_was_lost_is_made_again_and_nothing_else(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "in", 6)
    assert run(*command(photos), cwd=tmp_path).returncode == 0
    out = tmp_path / "out"
    (photos / "0001.jpg").write_bytes(jpeg(91))  # another picture
    os.utime(photos / "0002.jpg")  # the same bytes with a new date
    (out / "0003.jpg.mms").unlink()
    (out / "0004.jpg.mms").write_bytes(b"\0" * (out / "0004.jpg.mms").stat().st_size)  # as after a power failure
    with (out / "journal.jsonl").open("a") as torn:
        torn.write('{"item": "0005.jpg", "key": "ab')  # as after a kill in the middle of a line
    (photos / "0006.jpg").write_bytes(jpeg(96))

    again = run(*command(photos, "--resume"), cwd=tmp_path)

    assert again.returncode == 0, again.stderr
    assert "3 items are finished" in again.stderr
    assert sorted(r["item"] for r in journal(out)[6:]) == ["0001.jpg", "0003.jpg", "0004.jpg", "0006.jpg"]
    fresh = run("batch", photos, "-o", "fresh", *RECEIVER, "--max-bytes", "30000", cwd=tmp_path)
    assert fresh.returncode == 0
    assert outputs(tmp_path / "fresh") == outputs(out)


@pytest.mark.parametrize(
    ("prepare", "arguments", "words"),
    [
        (None, (), "add --resume"),
        (None, ("--resume", "--route", "short_code"), "route 'toll_free' instead of 'short_code'"),
        (None, ("--resume", "--effort", "best"), "effort 'fast' instead of 'best'"),
        (lambda out: (out / "journal.jsonl").write_text('{"a": 1}\n'), ("--resume",), "is not the journal"),
        (lambda out: (out / "journal.jsonl").write_text("x\n"), ("--resume",), "line 1 is damaged"),
        (lambda out: (out / "journal.jsonl").unlink(), (), "not empty and holds no journal"),
        (
            lambda out: (out / "journal.jsonl").write_text(
                (out / "journal.jsonl").read_text().replace('"version": "', '"version": "0.0.')
            ),
            ("--resume",),
            "was begun with version",
        ),
    ],
)
def test_a_folder_that_may_not_be_gone_on_with_is_refused_with_2(
    one_made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], prepare, arguments: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(one_made / "out", out)
    if prepare is not None:
        prepare(out)
    before = outputs(out)

    status = run_here(["batch", str(one_made / "a.jpg"), "-o", str(out), *RECEIVER, *arguments])

    told = capsys.readouterr().err
    assert (status, words in told) == (2, True), told
    assert outputs(out) == before


@pytest.fixture(scope="module")
def one_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("one")
    (place / "a.jpg").write_bytes(jpeg(1))
    assert run("batch", "a.jpg", "-o", "out", *RECEIVER, "--workers", "1", cwd=place).returncode == 0
    return place


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_two_runs_on_one_folder_are_refused(photos: Path, gate: Gate, tmp_path: Path) -> None:
    first = start(*command(photos, gate.list), cwd=tmp_path)
    wait_for_lines(tmp_path / "out", 1, first)

    second = run(*command(photos, "--resume"), cwd=tmp_path)

    gate.open(jpeg(1))
    _, err = first.communicate()
    assert second.returncode == 2
    assert "another run is writing" in second.stderr
    assert first.returncode == 0, err
    assert len(journal(tmp_path / "out")) == COUNT + 1


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_everything_with_130(
    photos: Path, gate: Gate, undisturbed: dict[str, str], tmp_path: Path, by: signal.Signals
) -> None:
    process = start(*command(photos, gate.list), cwd=tmp_path)
    wait_for_lines(tmp_path / "out", 5, process)
    relatives = Watched(family(process.pid))
    if by == signal.SIGINT:
        os.killpg(process.pid, by)  # a terminal interrupts the whole group
    else:
        process.send_signal(by)
    out, err = process.communicate()

    assert process.returncode == 130, err
    assert f"of {COUNT + 1} items" in out
    assert relatives.have_ended()
    assert not list((tmp_path / "out").rglob("*.part"))
    assert outputs(tmp_path / "out").items() <= undisturbed.items()


def test_a_killed_command_leaves_no_process_and_resumes_to_the_same_bytes(
    photos: Path, gate: Gate, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    for lines in (3, 9):
        process = start(*command(photos, gate.list, "--resume"), cwd=tmp_path)
        wait_for_lines(tmp_path / "out", lines, process)
        assert wait_until(lambda: len(family(process.pid)) >= 4), "two workers, each with a decoder"  # noqa: B023
        relatives = Watched(family(process.pid))
        kill_hard(process)
        assert relatives.have_ended()

    again = run(*command(photos, "--resume"), cwd=tmp_path)

    assert again.returncode == 0, again.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert outputs(tmp_path / "out") == undisturbed
    items = [r["item"] for r in journal(tmp_path / "out")]
    assert len(items) == len(set(items)) == COUNT


def test_a_killed_worker_takes_its_decoder_along(
    photos: Path, gate: Gate, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    process = start(*command(photos, gate.list), cwd=tmp_path)
    wait_for_lines(tmp_path / "out", 3, process)
    victim = next(p for p in children_of(process.pid) if children_of(p))
    watched = Watched([victim, *children_of(victim)])

    os.kill(victim, signal.SIGKILL)

    assert watched.have_ended()
    gate.open(jpeg(1))
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    made = outputs(tmp_path / "out")
    assert made.pop("gate.mms")
    assert made == undisturbed


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "in", 12)
    (photos / "0000.jpg").write_bytes(b"no picture")

    done = run(*command(photos, "--fail-fast", "--workers", "1"), cwd=tmp_path)

    assert done.returncode == 1
    assert "stopped at the first failure, 0000.jpg" in done.stderr
    assert len(journal(tmp_path / "out")) < 12
