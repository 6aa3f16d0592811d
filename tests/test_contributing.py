"""The steps of CONTRIBUTING.md name places that exist, and no more of them than promised."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (Add [^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
PLACE = re.compile(r"`((?:mmscontent|gateway_adapter|profiles|fixtures|tests|tools)/[\w./]+)`")
# The most steps that a section may take: what an addition is to cost.
MOST_STEPS = {
    "Add a still format": 4,
    "Add a medium": 8,
    "Add a wire form": 2,
    "Add a carrier, or a number of one": 2,
    "Add a profile field": 2,
    "Add a connector": 2,
    "Add an endpoint": 4,
}


def test_every_addition_has_its_bound() -> None:
    assert SECTIONS.keys() == MOST_STEPS.keys()


@pytest.mark.parametrize(("title", "most"), MOST_STEPS.items())
def test_an_addition_takes_few_steps(title: str, most: int) -> None:
    steps = re.findall(r"^(\d+)\. ", SECTIONS[title], re.MULTILINE)

    assert steps == [str(number) for number in range(1, len(steps) + 1)]
    assert 2 <= len(steps) <= most


@pytest.mark.parametrize("place", sorted(set(PLACE.findall(TEXT))))
def test_every_place_exists(place: str) -> None:
    assert (ROOT / place).exists()
