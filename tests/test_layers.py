"""The layers of both packages: `.importlinter` holds the one list, this holds what import-linter does not look at."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tools.structure import walk

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("mmscontent", "gateway_adapter")
SOURCE_FOLDERS = (*PACKAGES, "tests", "benchmarks", "fixtures", "examples", "tools")


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imports_of(path: Path) -> set[str]:
    """Every dotted name that a file imports, for types and inside functions, too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its layer"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules_imported(path: Path, known: dict[str, Path]) -> set[str]:
    found = set()
    for name in imports_of(path):
        longest = name
        while longest and longest not in known:
            longest = longest.rpartition(".")[0]
        found.add(longest)
    return found - {""}


def test_import_linter_holds_every_layer() -> None:
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_document_draws_the_layers_as_they_are_held() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    drawn = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for contract in ("library", "gateway"):
        held = config[f"importlinter:contract:{contract}"]["layers"].split("\n")
        for layer in filter(None, held):
            names = [name.strip() for name in layer.split("|")]
            pattern = r"^ *" + r" +".join(rf"{re.escape(name)}/?" for name in names) + r"(\s{2,}.*)?$"
            assert re.search(pattern, drawn, re.MULTILINE), f"docs/architecture.md does not draw the layer {layer!r}"


def test_the_document_follows_one_photo_through_every_file_once() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert walk(ROOT) in text, "write the output of `python tools/structure.py --walk` into docs/architecture.md"


@pytest.mark.parametrize("package", PACKAGES)
def test_there_are_no_import_cycles(package: str) -> None:
    known = modules(package)
    edges = {name: modules_imported(path, known) - {name, package} for name, path in known.items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail[trail.index(module) :], module))
        if module not in done:
            for target in edges[module]:
                visit(target, (*trail, module))
            done.add(module)

    for module in edges:
        visit(module, ())


def test_no_module_of_the_library_imports_its_public_face() -> None:
    known = modules("mmscontent")
    faces = ("mmscontent", "mmscontent.__main__")
    guilty = [
        name for name, path in known.items() if name not in faces and "mmscontent" in modules_imported(path, known)
    ]

    assert guilty == []


@pytest.mark.parametrize(("module", "path"), modules("gateway_adapter").items())
def test_the_gateway_knows_only_the_public_face_of_the_library(module: str, path: Path) -> None:
    assert {name for name in imports_of(path) if name.startswith("mmscontent.")} == set(), module


PUT_OFF = re.compile(r"\b(TO" "DO|FIX" "ME|X" "XX|NotImplemented" "Error)\b")
SOURCES = [path for folder in SOURCE_FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_short_and_nothing_is_put_off(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600, "split it into a folder of its name"
    assert not PUT_OFF.search(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 70, f"{node.name} is {node.end_lineno - node.lineno + 1} lines"
