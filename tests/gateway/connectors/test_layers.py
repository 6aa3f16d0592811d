"""What translates opens no socket and knows no store: connectors, decisions and policies import only what is below."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "gateway_adapter"
GROUND = {"errors", "schema", "statuses"}
# Module -> which others of the package it may import.
MAY_IMPORT: dict[str, set[str]] = {
    "carriers.base": {"schema"},
    "carriers.words": GROUND,
    **{
        f"carriers.{name}": {*GROUND, "carriers", "carriers.base", "carriers.words"}
        for name in ("mm7", "mm4", "infobip")
    },
    "carriers.loopback": {*GROUND, "carriers", "carriers.base", "carriers.words"},
    "carriers.table": {"carriers", "carriers.base", "errors"},
    "urls": {"errors"},
    "routing": {"errors", "schema", "carriers.base"},
    "connections": {"errors", "carriers.base", "carriers.table"},
    "actions": {"errors", "schema", "carriers.words"},
    "fetch": {"errors", "urls", "carriers.base"},
    "mail": {"errors", "carriers.base"},
    "rates": {"carriers.base"},
}
# Nothing of these in a module that is pure; httpx is let into urls.py for its parser alone.
TALKERS = {
    "socket",
    "ssl",
    "asyncio",
    "httpcore",
    "httpx",
    "aiosmtplib",
    "aiosmtpd",
    "sqlalchemy",
    "fastapi",
    "starlette",
}
PURE = {name: TALKERS for name in MAY_IMPORT if name not in ("fetch", "mail", "rates")} | {"urls": TALKERS - {"httpx"}}
CLOCKS = {"time", "random", "secrets", "uuid"}


def imports_of(name: str) -> set[str]:
    path: Path = PACKAGE.joinpath(*name.split(".")).with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module in ("gateway_adapter", "gateway_adapter.connectors"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_every_connector_stands_in_the_list() -> None:
    modules = {f"carriers.{path.stem}" for path in (PACKAGE / "carriers").glob("*.py") if path.stem != "__init__"}

    assert modules == {name for name in MAY_IMPORT if name.startswith("carriers.")}


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_module_imports_only_what_is_below(name: str) -> None:
    ours = {one.removeprefix("gateway_adapter.") for one in imports_of(name) if one.startswith("gateway_adapter")}
    allowed = MAY_IMPORT[name] | (
        {f"carriers.{kind}" for kind in ("mm7", "mm4", "infobip", "loopback")} if name == "carriers.table" else set()
    )

    assert ours <= allowed


@pytest.mark.parametrize("name", PURE)
def test_what_translates_opens_no_socket_and_asks_no_clock(name: str) -> None:
    roots = {one.partition(".")[0] for one in imports_of(name)}

    assert not roots & (PURE[name] | CLOCKS)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_of_the_library_only_its_face_is_used(name: str) -> None:
    assert {one for one in imports_of(name) if one.partition(".")[0] == "mmscontent"} <= {"mmscontent"}
