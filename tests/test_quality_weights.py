"""The table of weights and least qualities is the one the documents print."""

from __future__ import annotations

import pytest

from mmscontent.media_types import kind_of
from mmscontent.pipeline.allocation import DEFAULT_POLICY, QUALITY_POLICIES, QualityPolicy, policy_for
from tests.conftest import ROOT


@pytest.mark.parametrize("row", QUALITY_POLICIES.values(), ids=lambda row: row.name)
def test_the_documents_print_every_row(row: QualityPolicy) -> None:
    printed = (ROOT / "docs" / "budget.md").read_text(encoding="utf-8")

    assert f"| {row.name} | {row.weight:g} | {row.least_quality:g} | {row.reason} |" in printed


CHOSEN = [
    # media type, traits, row
    ("image/jpeg", ("photograph",), "photograph"),
    ("image/png", ("qr code", "line art"), "QR code"),
    ("image/png", ("screenshot",), "screenshot, receipt"),
    ("image/gif", ("animation", "6 frames that differ"), "animation"),
    ("image/jpeg", ("estimated from its header",), "picture"),
    ("video/mp4", ("its audio is speech",), "video"),
    ("audio/amr", ("speech", "speech score 0.90"), "voice"),
    ("audio/mpeg", ("music",), "audio"),
    ("text/x-vcard", ("vCard 3.0", "1 cards"), "contact"),
]


@pytest.mark.parametrize(("media_type", "traits", "name"), CHOSEN)
def test_a_part_has_the_policy_of_its_traits_or_kind(media_type: str, traits: tuple[str, ...], name: str) -> None:
    assert policy_for(kind_of(media_type), traits).name == name


def test_what_no_row_names_counts_as_it_is() -> None:
    assert policy_for("other", ()) is DEFAULT_POLICY
