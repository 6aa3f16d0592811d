"""What docs/smil.md says is what the code holds."""

from __future__ import annotations

import pytest

from mmscontent.smil.rules import RULES
from mmscontent.smil.timing import PACE, SPEEDS
from tests.conftest import ROOT

DOCUMENT = (ROOT / "docs" / "smil.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.id)
def test_every_rule_stands_in_the_document(rule: object) -> None:
    assert f"| `{rule.id}` | {rule.severity} | {rule.why} |" in DOCUMENT  # type: ignore[attr-defined]


def test_the_document_names_no_rule_that_is_not() -> None:
    assert sum(line.startswith("| `") for line in DOCUMENT.splitlines()) == len(RULES)


@pytest.mark.parametrize("speed", sorted({s.per_minute for s in SPEEDS.values()}))
def test_every_reading_speed_stands_in_the_document(speed: int) -> None:
    assert f" {speed} " in DOCUMENT


@pytest.mark.parametrize("name", ["still_ms", "least_ms", "most_reading_ms", "picture_ms", "tail_ms", "step_ms"])
def test_every_bound_of_a_slide_stands_in_the_document(name: str) -> None:
    assert f"| {getattr(PACE, name):,} ms |" in DOCUMENT
