"""Imports inside the service only go down, and of the library it knows the face alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "gateway_adapter"
# From the ground up; a name covers the module and all below it. A module may import lower floors and its own folder.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "schema", "metrics", "log", "crowd", "patience"),
    ("statuses", "urls", "schedule", "media", "config", "carriers.base"),
    ("carriers", "fetch", "access", "dispatch", "rates"),
    ("connections", "routing", "actions", "mail", "store", "loopback", "fitting"),
    ("accept", "fitter", "events", "arrivals", "sender", "webhooks"),
    ("service", "outbound", "sweep"),
    ("operators",),
    ("northbound", "mm4_server", "page", "loopback_api"),
    ("tell",),
    ("assembly",),
    ("web", "operator_app"),
    ("demo",),
    ("cli",),
    ("__main__",),
)


def modules() -> list[tuple[str, Path]]:
    named = [(".".join(p.relative_to(PACKAGE).with_suffix("").parts), p) for p in sorted(PACKAGE.rglob("*.py"))]
    return [(name.removesuffix("__init__").rstrip("."), path) for name, path in named]


def floor_of(module: str) -> int | None:
    fits = [
        (len(name), height)
        for height, names in enumerate(FLOORS)
        for name in names
        if module == name or module.startswith(name + ".")
    ]
    return max(fits)[1] if fits else None


def imports_of(path: Path) -> set[str]:
    """Every module a file names in an import, those for types and inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the floor"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def inside(names: set[str]) -> set[str]:
    known = {name for name, _ in modules()}
    found = set()
    for name in names:
        parts = name.removeprefix("gateway_adapter").lstrip(".").split(".")
        while name.startswith("gateway_adapter") and parts and ".".join(parts) not in known:
            parts.pop()
        found |= {".".join(parts)} if name.startswith("gateway_adapter") and parts else set()
    return found


@pytest.mark.parametrize(
    ("module", "path"), [m for m in modules() if m[0]], ids=lambda v: v if isinstance(v, str) else ""
)
def test_imports_only_go_down(module: str, path: Path) -> None:
    height, room = floor_of(module), module.partition(".")[0]
    assert height is not None, f"{module} stands on no floor; add it to FLOORS"
    for target in inside(imports_of(path)) - {module}:
        below = floor_of(target)
        assert below is not None, f"{module} imports {target}, which stands on no floor"
        same_room = target.partition(".")[0] == room and (PACKAGE / room).is_dir()
        assert below < height or same_room, f"{module} (floor {height}) imports {target} (floor {below})"


def test_there_are_no_cycles() -> None:
    edges = {module: inside(imports_of(path)) - {module} for module, path in modules()}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail[trail.index(module) :], module))
        if module not in done:
            for target in edges.get(module, set()):
                walk(target, (*trail, module))
            done.add(module)

    for module in edges:
        walk(module, ())


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda v: v if isinstance(v, str) else "")
def test_of_the_library_only_the_face_is_known(module: str, path: Path) -> None:
    guilty = {name for name in imports_of(path) if name.startswith("mmscontent.")}

    assert guilty == set(), module


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda v: v if isinstance(v, str) else "")
def test_files_and_functions_stay_short(module: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600, f"{module}: split it into a folder of its name"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 70, f"{node.name} is {node.end_lineno - node.lineno + 1} lines"
