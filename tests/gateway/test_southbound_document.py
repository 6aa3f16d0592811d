"""docs/southbound.md says what is so: its file is read, and its tables name what there is."""

from __future__ import annotations

import re

import pytest

from gateway_adapter.connectors.connections_file import connections_of
from gateway_adapter.connectors.registry import CONNECTORS
from gateway_adapter.settings import PREFIX, Settings
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "southbound.md").read_text(encoding="utf-8")


def test_its_connections_file_is_one() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)

    acme, neighbour = connections_of(block, "docs/southbound.md", {"ACME_SECRET": "x"})

    assert (acme.kind, acme.options["peer"], neighbour.kind) == ("mm7", "nokia", "mm4")


@pytest.mark.parametrize("name", CONNECTORS)
def test_it_names_every_kind_and_option(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|.*$", TEXT, re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == set(CONNECTORS[name].options)


def test_it_names_settings_there_are() -> None:
    names = {field.upper() for field in Settings.__dataclass_fields__}
    named = set(re.findall(rf"{PREFIX}([A-Z0-9_]+)", TEXT))

    assert named
    assert named <= names
