"""Folders, patterns and lists become items; what cannot be read is named with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mmscontent.batch.inputs import InputDefaults, read_inputs
from mmscontent.batch.model import Failure, Item
from mmscontent.batch.receivers import Receiver, Receivers
from mmscontent.errors import BatchError, ProfileError

if TYPE_CHECKING:
    from pathlib import Path

LISTS = InputDefaults(Receivers(), reserved_names=("journal.jsonl",))


def tree(place: Path, *names: str) -> Path:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"x")
    return place


def read(*inputs: Path | str, lists: InputDefaults = LISTS) -> list[Item]:
    return list(read_inputs([str(i) for i in inputs], lists))


def test_a_folder_gives_its_files_by_name_but_hidden_ones_and_outputs(tmp_path: Path) -> None:
    tree(tmp_path, "b.jpg", "a/c.jpg", "a/B.jpg", ".hidden", ".git/x", "out/a.jpg.mms")

    items = read(tmp_path, lists=InputDefaults(Receivers(), outputs=tmp_path / "out"))

    assert [i.name for i in items] == ["a/B.jpg", "a/c.jpg", "b.jpg"]
    assert items[0].files == (tmp_path / "a/B.jpg",)


def test_patterns_and_files_mix_and_every_name_is_given_once(tmp_path: Path) -> None:
    tree(tmp_path, "one/hat.jpg", "two/hat.jpg", "two/HAT.jpg", "two/journal.jsonl")

    items = read(tmp_path / "one", tmp_path / "two/*.jpg", tmp_path / "one/hat.jpg", tmp_path / "two")

    assert [i.name for i in items] == [
        *("hat.jpg", "HAT.jpg-2", "hat.jpg-3", "hat.jpg-4"),
        *("HAT.jpg-5", "hat.jpg-6", "journal.jsonl-2"),
    ]


def test_a_pattern_reaches_below(tmp_path: Path) -> None:
    tree(tmp_path, "a/b/c.jpg", "a/d.png")
    assert [i.name for i in read(tmp_path / "**" / "*.jpg")] == ["c.jpg"]


CSV = "name,files,text,subject,recipient,profile\n"
RECEIVER = '{"carrier": "us/att", "route": "toll_free"}'
MESSAGE = '"files": ["a.jpg", "b/c.jpg"], "text": "Hello", "subject": "Hi", "recipient": "+1206"'
BY_COLUMN = "name,files,text,subject,recipient,carrier,route\n"
ROWS = [
    ("list.csv", CSV + "first,a.jpg; b/c.jpg,Hello,Hi,+1206,us/att toll_free\n"),
    ("list.jsonl", f'{{"name": "first", {MESSAGE}, "profile": {RECEIVER}}}\n\n'),
    ("list.csv", "\ufeff" + BY_COLUMN + "first,a.jpg;b/c.jpg,Hello,Hi,+1206,us/att,toll_free\n"),
]


@pytest.mark.parametrize(("file", "text"), ROWS)
def test_a_row_is_one_message_with_its_own_receiver(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")

    (item,) = read(tmp_path / file)

    assert (item.name, item.text, item.subject, item.recipient) == ("first", "Hello", "Hi", "+1206")
    assert item.files == (tmp_path / "a.jpg", tmp_path / "b/c.jpg")
    assert item.profile is not None
    assert (item.profile.carrier, item.profile.route) == ("us/att", "toll_free")


def test_what_a_row_leaves_open_the_options_say(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text('{"files": "a.jpg", "profile": "apple/iphone 90000"}\n{"text": "only words"}\n')
    lists = InputDefaults(Receivers(Receiver(carrier="us/att", route="toll_free")), text="caption", subject="all")

    first, second = read(tmp_path / "l.jsonl", lists=lists)

    assert first.profile is not None
    assert (first.profile.carrier, first.profile.device, first.profile.limit_bytes) == (
        "us/att",
        "apple/iphone",
        90_000,
    )
    assert (first.text, first.subject, first.name) == ("caption", "all", "l-00001")
    assert (second.text, second.profile, second.name) == ("only words", None, "l-00002")


@pytest.mark.parametrize(
    "row", [{"profile": "us/nowhere"}, {"carrier": "us/att", "route": "toll_free", "device": "no/phone"}]
)
def test_a_receiver_nobody_knows_is_the_items_fault_alone(tmp_path: Path, row: dict[str, str]) -> None:
    (tmp_path / "l.jsonl").write_text(json.dumps({"files": "a.jpg", **row}) + "\n")

    (item,) = read(tmp_path / "l.jsonl")

    assert isinstance(item.fault, Failure)
    assert item.fault.code == ProfileError.code


# What a list says, the line that is named, and words of the message.
BAD = [
    ("l.jsonl", '{"files": "a"}\nnot json\n', 2, "is not JSON"),
    ("l.jsonl", "[1]\n", 1, "must be one JSON object"),
    ("l.jsonl", '{"file": "a"}\n', 1, "'file'"),
    ("l.jsonl", '{"subject": "x"}\n', 1, "names no files and no text"),
    ("l.jsonl", '{"files": [1]}\n', 1, "names in a list"),
    ("l.jsonl", '{"text": {"a": 1}}\n', 1, "text must be text"),
    ("l.jsonl", '{"text": "x", "name": "../up"}\n', 1, "cannot name an output"),
    ("l.jsonl", '{"text": "x", "name": "/etc/x"}\n', 1, "cannot name an output"),
    ("l.jsonl", '{"text": "x", "subject": "a\\nb"}\n', 1, "must be one line"),
    ("l.jsonl", '{"text": "x", "profile": 7}\n', 1, "profile must be words"),
    ("l.jsonl", '{"text": "x", "max_bytes": "many"}\n', 1, "must be a number"),
    ("l.jsonl", '{"text": "x", "profile": {"colour": "red"}}\n', 1, "no field 'colour'"),
    ("l.csv", "files,text\na.jpg\n", 2, "as many cells"),
    ("l.csv", "files,text\na.jpg,b,c\n", 2, "as many cells"),
    ("l.csv", 'files,text\na.jpg,"open\n', 1, "unexpected end"),
    ("l.csv", "files,colour\na.jpg,red\n", 2, "'colour'"),
]


@pytest.mark.parametrize(("file", "text", "line", "words"), BAD)
def test_a_list_that_cannot_be_read_stops_with_its_line(
    tmp_path: Path, file: str, text: str, line: int, words: str
) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(BatchError, match=words) as caught:
        read(tmp_path / file)
    assert (caught.value.line, caught.value.file) == (line, str(tmp_path / file))


@pytest.mark.parametrize(
    ("given", "words"), [("nothing.jpg", "matches nothing"), ("*.png", "matches nothing"), ("", "holds no files")]
)
def test_an_input_that_is_not_there_is_named(tmp_path: Path, given: str, words: str) -> None:
    with pytest.raises(BatchError, match=words):
        read(tmp_path / given)


def test_a_list_in_another_charset_is_named(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"files,text\na.jpg,Gr\xfc\xdfe\n")
    with pytest.raises(BatchError, match="UTF-8"):
        read(tmp_path / "l.csv")
