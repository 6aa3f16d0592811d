"""Inside the customers' side imports only go down, and the readers and writers know no framework, store or service."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "gateway_adapter" / "northbound"
PREFIX = "gateway_adapter.api."
# From the ground up; a module imports lower floors alone.
FLOORS = (
    ("faults",),
    ("values", "multipart", "xmlform", "answers"),
    ("drafts", "telling"),
    ("single", "advanced", "messages", "omni_bodies", "configurations", "reports"),
    ("omni",),
    ("routes.describe", "routes.door", "routes.book_page"),
    ("routes.send", "routes.told", "routes.content", "routes.manage"),
    ("routes",),
)
PURE_MAY_IMPORT = ("errors", "schema", "statuses", "northbound")
FRAMEWORKS = {"fastapi", "starlette", "sqlalchemy", "httpx", "uvicorn"}
MODULES = sorted(path for path in FOLDER.rglob("*.py") if path != FOLDER / "__init__.py")


def name_of(path) -> str:
    return ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def height_of(dotted: str) -> int:
    heights = [(len(name), at) for at, row in enumerate(FLOORS) for name in row if f"{dotted}.".startswith(f"{name}.")]
    assert heights, f"{dotted} has no floor"
    return max(heights)[1]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_go_down(path):
    mine = height_of(name_of(path))
    siblings = {one.removeprefix(PREFIX) for one in imports_of(path) if one.startswith(PREFIX)}

    assert all(height_of(one) < mine for one in siblings), siblings


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent == FOLDER], ids=name_of)
def test_readers_and_writers_know_no_framework_no_store_and_no_service(path):
    found = imports_of(path)
    ours = {one.split(".")[1] for one in found if one.startswith("gateway_adapter.")}

    assert ours <= set(PURE_MAY_IMPORT)
    assert not {one.partition(".")[0] for one in found} & FRAMEWORKS
