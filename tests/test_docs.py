"""The documents are run: every command, every Python block, every link between files."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from mmscontent.cli.main import cli, run
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# The names that the documents use for files, and the fixture that stands for each.
STANDS_FOR = {
    "beach.heic": "heic-*-p3-*orient6*.heic",
    "receipt.png": "png-*receipt*.png",
    "scene.jpg": "jpeg-*-exif6-gps*.jpg",
}
# The files of a campaign, as docs/campaigns.md shows them.
WRITTEN = {
    "message.json": '{"files": ["beach.heic"], "text": "Hello {name}, your code is {code}.", "subject": "For {name}"}',
    "recipients.csv": "recipient,profile,name,code\n+12065550101,us/att toll_free,Ada,1234\n+12065550102,,Grace,9876\n",
}


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (f"{path.name}:{path.read_text(encoding='utf-8')[: match.start()].count(chr(10)) + 1}", match[2])
        for path in DOCUMENTS
        if path.is_file()
        for match in BLOCK.finditer(path.read_text(encoding="utf-8"))
        if match[1] == language
    ]


def commands() -> list[tuple[str, str]]:
    return [
        (place, line)
        for place, text in blocks("sh")
        for line in text.splitlines()
        if line.startswith(("mmscontent ", "make "))
    ]


@pytest.fixture
def document_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files the documents talk about, as the current one."""
    for name, pattern in STANDS_FOR.items():
        found = sorted((ROOT / "fixtures").glob(pattern))
        assert found, f"no fixture stands for {name}"
        shutil.copy(found[0], tmp_path / name)
    for name, text in WRITTEN.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert run(["compose", "beach.heic", "--text", "Hello", "-o", "message.mms"]) == 0
    return tmp_path


def test_the_readme_shows_commands_and_code() -> None:
    assert len([c for c in commands() if c[0].startswith("README")]) >= 5
    assert [b for b in blocks("python") if b[0].startswith("README")]


@pytest.mark.parametrize(("place", "line"), commands())
def test_every_command_in_the_documents_runs(place: str, line: str, document_folder: Path) -> None:
    command, _, comment = line.partition(" #")
    if command.startswith("make "):
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(command.split()[1:]) <= set(targets), place
        return
    expected = int(match[1]) if (match := re.search(r"exit (\d+)", comment)) else 0

    assert run(shlex.split(command)[1:]) == expected, f"{place}: {line} (in {document_folder})"


@pytest.mark.parametrize(("place", "code"), blocks("python"))
def test_every_python_block_runs(place: str, code: str, document_folder: Path) -> None:
    exec(compile(code, place, "exec"), {"__name__": f"in {document_folder}"})


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if p.is_file()], ids=lambda p: p.name)
def test_links_between_files_hold(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in cli.commands if f"mmscontent {name}" not in text] == []


def test_every_option_has_a_help_text() -> None:
    for name, command in cli.commands.items():
        members = getattr(command, "commands", {name: command})
        for label, one in members.items():
            silent = [p.name for p in one.params if p.param_type_name == "option" and not getattr(p, "help", None)]
            assert silent == [], f"{name} {label}"
