"""Imports only go down: the floors of docs/architecture.md, read from the source of every module."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "mmscontent"
# From the ground up. A name covers the module and all below it; a module may import lower floors and its own folder.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("version", "errors", "mediatypes", "limits", "files", "pack.assigned"),
    ("message", "profile", "curve", "worth", "xml"),
    ("sniff", "engines", "pack.wsp", "pack.naming", "pack.addresses", "handset_words"),
    ("layers",),
    ("profile_schema",),
    ("device_document",),
    ("uaprof",),
    ("budget", "trim", "smil", "profile_files", "codecs.base", "pack.mime", "pack.pdu"),
    ("codecs.places",),
    ("plan", "parts", "naming", "codecs", "pack.mm7", "pack.mm4"),
    ("ledger", "codecs.table", "pack.table"),
    ("codecs.jailed", "options"),
    ("adapt",),
    ("job", "foresight"),
    ("presenting", "reporting", "examining", "remedying"),
    ("compose",),
    ("preview", "doctor"),
    ("mould",),
    ("batch",),
    ("campaign",),
    ("cli",),
    ("__main__",),
)
FACES = {"", "engines", "codecs", "pack"}  # packages whose __init__ only holds a docstring, and the library's own face


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."), path)
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def floor_of(module: str) -> int | None:
    best: tuple[int, int] | None = None
    for height, names in enumerate(FLOORS):
        for name in names:
            if (module == name or module.startswith(name + ".")) and (best is None or len(name) > best[0]):
                best = (len(name), height)
    return best[1] if best else None


def imports_of(path: Path) -> set[str]:
    """Every module of the package that a file names in an import, those inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the floor"
            found |= {f"{node.module}.{a.name}" for a in node.names}
    inside = {name.removeprefix("mmscontent").lstrip(".") for name in found if name.partition(".")[0] == "mmscontent"}
    return {_module_in(name) for name in inside}


def _module_in(dotted: str) -> str:
    """The longest leading part of a dotted name that is a module."""
    parts = dotted.split(".")
    while parts:
        base = PACKAGE.joinpath(*parts)
        if base.with_suffix(".py").is_file() or (base / "__init__.py").is_file():
            return ".".join(parts)
        parts.pop()
    return ""


@pytest.mark.parametrize(("module", "path"), [m for m in modules() if m[0] not in FACES])
def test_imports_only_go_down(module: str, path: Path) -> None:
    height = floor_of(module)
    assert height is not None, f"{module} stands on no floor; add it to FLOORS and to docs/architecture.md"
    room = module.partition(".")[0]
    folder = room if (PACKAGE / room).is_dir() else None
    for target in imports_of(path) - FACES:
        target_height = floor_of(target)
        assert target_height is not None, f"{module} imports {target}, which stands on no floor"
        same_room = folder is not None and target.partition(".")[0] == folder and target_height == height
        assert target_height < height or same_room, (
            f"{module} (floor {height}) imports {target} (floor {target_height})"
        )


def test_no_module_imports_the_face() -> None:
    guilty = [m for m, path in modules() if m not in ("", "__main__") and "" in imports_of(path)]
    assert guilty == []


def test_there_are_no_cycles() -> None:
    edges = {module: imports_of(path) - {module} for module, path in modules()}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail[trail.index(module) :], module))
        if module in done:
            return
        for target in edges.get(module, set()) - {""}:
            walk(target, (*trail, module))
        done.add(module)

    for module in edges:
        walk(module, ())


PUT_OFF = re.compile(r"\b(TO" "DO|FIX" "ME|X" "XX|NotImplemented" "Error)\b")
SOURCES = [
    path
    for folder in ("mmscontent", "tests", "benchmarks", "fixtures", "examples")
    for path in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_short_and_nothing_is_put_off(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600, "split it into a folder of its name"
    assert not PUT_OFF.search(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 70, f"{node.name} is {node.end_lineno - node.lineno + 1} lines"
