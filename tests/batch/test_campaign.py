"""Campaigns: each distinct fit once, everybody's own words, and who cannot be reached told before anything is sent."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

import mmscontent as mms
from mmscontent.batch.receivers import Receivers
from mmscontent.campaign.read import read_recipients, read_template
from mmscontent.campaign.template import placeholders, render
from mmscontent.cli.main import run
from mmscontent.errors import BatchError
from tests.batch.commands import journal, outputs
from tests.batch.pictures import jpeg

if TYPE_CHECKING:
    from pathlib import Path

RECEIVER_OF: dict[str, dict[str, Any]] = {
    "us/att toll_free 40000": {"carrier": "us/att", "route": "toll_free", "max_message_bytes": 40_000},
    "us/verizon toll_free 30000": {"carrier": "us/verizon", "route": "toll_free", "max_message_bytes": 30_000},
    "apple/iphone 25000": {"device": "apple/iphone", "max_message_bytes": 25_000},
    "20000": {"max_message_bytes": 20_000},
    "us/att long_code 40000": {"carrier": "us/att", "route": "long_code", "max_message_bytes": 40_000},
}
RECEIVERS = tuple(RECEIVER_OF)
PEOPLE = 60


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A message with two pictures and a list of sixty people, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "hat.jpg").write_bytes(jpeg(1, 640, 480))
    (tmp_path / "shoe.jpg").write_bytes(jpeg(2, 480, 640))
    told = {
        "files": ["hat.jpg", "shoe.jpg"],
        "text": "Hello {name}, your code is {code}. {{really}}",
        "subject": "For {name}",
        "from": "+12065550000",
    }
    (tmp_path / "message.json").write_text(json.dumps(told))
    write_list(tmp_path, [person(n) for n in range(PEOPLE)])
    return tmp_path


def person(n: int) -> dict[str, str]:
    return {
        "recipient": f"+1206555{n:04d}",
        "profile": RECEIVERS[n % len(RECEIVERS)],
        "name": "Ada" if n % 2 else "Maximiliane-Wilhelmine",
        "code": f"{n * 37:04d}",
    }


def write_list(place: Path, rows: list[dict[str, str]]) -> None:
    with (place / "people.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def plan(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run(["campaign", "plan", "people.csv", "message.json", "--json", "--workers", "2", *more])
    return status, json.loads(capsys.readouterr().out)


def test_every_distinct_fit_is_made_once_and_found_again(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, first = plan(capsys)
    _, second = plan(capsys)

    kinds = len({(g["limit_bytes"], g["media_bytes"]) for g in first["groups"]})
    assert (status, first["recipients"], first["sendable"]) == (0, PEOPLE, PEOPLE)
    assert first["encodes"] == len(first["groups"]) == kinds < len(RECEIVERS) + 1
    assert second["encodes"] == 0
    assert all(g["cached"] for g in second["groups"])
    for one, other in zip(first["groups"], second["groups"], strict=True):
        assert one["media_bytes"] == other["media_bytes"]
        assert one["message_bytes_at_most"] <= one["target_bytes"]
    assert list((desk / "cache").rglob("*.mould"))


def test_a_word_more_in_the_next_campaign_finds_the_same_media(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan(capsys)
    told = json.loads((desk / "message.json").read_text())
    (desk / "message.json").write_text(json.dumps({**told, "text": "Dear {name}, {code}"}))
    _, second = plan(capsys)

    (desk / "hat.jpg").write_bytes(jpeg(3, 640, 480))
    _, third = plan(capsys)

    assert second["encodes"] <= 1  # a room that passed a step of the rounding
    assert third["encodes"] == len(third["groups"])


def test_everybody_gets_his_own_words_and_the_media_of_his_group(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = plan(capsys)
    assert run(["campaign", "render", "people.csv", "message.json", "-o", "out"]) == 0

    media: dict[str, set[bytes]] = {}
    for n in range(PEOPLE):
        row = person(n)
        data = (desk / "out" / f"{row['recipient']}.mms").read_bytes()
        read = mms.unpack(data)
        texts = [p.data.decode() for p in read.content.parts if p.kind == "text"]
        assert texts == [f"Hello {row['name']}, your code is {row['code']}. {{really}}"]
        profile = mms.load_profile(**RECEIVER_OF[row["profile"]])
        assert read.content.subject == (f"For {row['name']}" if profile.subject_max_chars else "")
        assert len(data) <= profile.limit_bytes
        assert (read.envelope.to, read.envelope.sender) == ((row["recipient"],), "+12065550000")
        media.setdefault(row["profile"], set()).add(b"".join(p.data for p in read.content.parts if p.kind == "image"))
    assert {len(same) for same in media.values()} == {1}
    assert sum(r["ledger"]["packed_bytes"] for r in journal(desk / "out")) <= told["most_bytes"]


def test_rendering_goes_on_where_it_stopped(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["campaign", "render", "people.csv", "message.json", "-o", "out"]) == 0
    whole = outputs(desk / "out")
    lines = (desk / "out" / "journal.jsonl").read_text().splitlines(keepends=True)
    (desk / "out" / "journal.jsonl").write_text("".join(lines[:41]) + lines[41][:50])
    capsys.readouterr()

    assert run(["campaign", "render", "people.csv", "message.json", "-o", "out", "--resume"]) == 0

    assert "40 recipients are finished in the journal, 20 remain" in capsys.readouterr().err
    assert outputs(desk / "out") == whole
    told = json.loads((desk / "message.json").read_text())
    (desk / "message.json").write_text(json.dumps({**told, "subject": "Another"}))
    assert run(["campaign", "render", "people.csv", "message.json", "-o", "out", "--resume"]) == 2


# What is wrong with a row, and words of the reason.
CANNOT = [
    ({"recipient": "nobody"}, "no phone number"),
    ({"recipient": "+12065550001"}, "is already in line 3"),
    ({"name": " "}, "has no name"),
    ({"profile": "us/nowhere"}, "not known"),
    ({"profile": "us/att nonsense"}, "not known"),
    ({"profile": "700"}, "needs at least"),
    ({"profile": "oma/text"}, "accepts no images"),
]


def test_who_cannot_be_reached_is_told_with_the_reason_and_what_it_would_take(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [person(n) for n in range(4)]
    rows += [{**person(100 + n), **wrong} for n, (wrong, _) in enumerate(CANNOT)]
    write_list(desk, rows)

    status, told = plan(capsys)

    assert status == 1
    assert (told["recipients"], told["sendable"]) == (4 + len(CANNOT), 4)
    by_line = {c["line"]: c for c in told["cannot"]}
    for line, (_, words) in enumerate(CANNOT, 6):
        assert words in by_line[line]["message"], by_line[line]
    assert {c["line"] for c in told["cannot"] if c["would_take"]} >= {11}
    assert run(["campaign", "plan", "people.csv", "message.json"]) == 1
    assert "would take: " in capsys.readouterr().out
    assert run(["campaign", "render", "people.csv", "message.json", "-o", "out"]) == 1
    records = journal(desk / "out")
    assert sum(r["status"] == "done" for r in records) == 4
    assert len(records) == len(rows)


def test_the_longest_words_fit_wherever_they_stand(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**person(n), "profile": "us/att toll_free 40000", "name": "A" * (1 + 211 * (n % 9))} for n in range(30)]
    write_list(desk, rows)

    status, told = plan(capsys)

    assert (status, told["encodes"]) == (0, 1)
    assert run(["campaign", "render", "people.csv", "message.json", "-o", "out"]) == 0
    sizes = [r["ledger"]["packed_bytes"] for r in journal(desk / "out")]
    target = told["groups"][0]["target_bytes"]
    assert max(sizes) == told["groups"][0]["message_bytes_at_most"] <= target
    assert max(sizes) > 0.95 * target


def test_slides_and_attachments_are_a_message_too(desk: Path) -> None:
    told = {
        "slides": [
            {"image": "hat.jpg", "text": "Hello {name}"},
            {"image": "shoe.jpg", "duration_ms": 4000},
            {"text": "Bye"},
        ],
        "attachments": [],
        "subject": "Two",
    }
    (desk / "message.json").write_text(json.dumps(told))

    template = read_template(desk / "message.json")

    assert template.columns == ("name",)
    assert template.texts_for({"name": "Ada"}) == ("Hello Ada", "Bye")
    message = template.message_with(template.texts_for({"name": "Ada"}), "Two")
    assert [s.duration_ms for s in message.slides] == [None, 4000, None]
    assert run(["campaign", "plan", "people.csv", "message.json", "--workers", "1", "--max-bytes", "50000"]) == 0


BAD_MESSAGES = [
    ("{", "not JSON"),
    ("[]", "must be an object"),
    ('{"file": "a"}', "'file'"),
    ('{"files": "hat.jpg"}', "must be a list"),
    ('{"text": 5}', "must be text"),
    ('{"text": "Hello {name"}', "lone"),
    ('{"text": "100 } of"}', "lone"),
    ('{"slides": [{"image": "hat.jpg", "picture": "x"}]}', "'picture'"),
    ('{"slides": [{}]}', "at least one part"),
    ('{"slides": [], "text": "x"}', "into them"),
]


@pytest.mark.parametrize(("text", "words"), BAD_MESSAGES)
def test_a_message_that_is_none_is_named(desk: Path, text: str, words: str) -> None:
    (desk / "message.json").write_text(text)
    with pytest.raises(BatchError, match=words):
        read_template(desk / "message.json")


def test_a_column_the_message_wants_must_be_there(desk: Path) -> None:
    template = read_template(desk / "message.json")
    (desk / "people.csv").write_text("recipient,name\n+12065550101,Ada\n")
    with pytest.raises(BatchError, match="no column code"):
        read_recipients(desk / "people.csv", template, Receivers())


@pytest.mark.parametrize(
    ("template", "columns", "filled"),
    [
        ("Hello", (), "Hello"),
        ("{a}{b}{a}", ("a", "b"), "{x}yz{x}"),
        ("{{a}} { a }", ("a",), "{a} {x}"),
        ("{a.__class__}", ("a.__class__",), None),
    ],
)
def test_placeholders_are_columns_and_nothing_else(template: str, columns: tuple[str, ...], filled: str | None) -> None:
    assert placeholders(template, "it") == columns
    if filled is not None:
        assert render(template, {"a": "{x}", "b": "yz"}) == filled
