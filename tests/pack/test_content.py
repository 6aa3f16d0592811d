"""A content before writing and after reading: names, presentation, digest; addresses and header values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import common
from mmscontent.pack.common import content_digest, printable, split_presentation, with_wire_names
from tests.pack.messages import FULL, RICH, SMIL, noise, steady


def test_a_content_with_sound_names_stays_the_same_value() -> None:
    named = with_wire_names(RICH)

    assert with_wire_names(named) is named


def test_the_presentation_follows_the_parts_that_are_renamed() -> None:
    document = b'<smil><body><par><img src="Mamma%20Mia.jpg"/><text src="cid:my words"/></par></body></smil>'
    parts = (
        Part(b"x", "image/jpeg", content_id="a", content_location="Mamma Mia.jpg"),
        Part(b"x", "text/plain", content_id="my words", content_location="words.txt"),
    )

    named = with_wire_names(Content(parts, replace(SMIL, data=document)))

    assert named.presentation is not None
    assert b'src="Mamma-Mia.jpg"' in named.presentation.data
    assert b'src="cid:words"' in named.presentation.data


def test_the_presentation_is_the_start_or_the_first_smil() -> None:
    other = replace(SMIL, content_id="other")
    picture = Part(b"x", "image/jpeg", content_id="p")

    assert split_presentation((picture, SMIL, other), "<other>") == (other, (picture, SMIL), [])
    assert split_presentation((picture, SMIL, other), "smil")[0] == SMIL
    assert split_presentation((picture, SMIL), "<p>")[0] == SMIL
    assert split_presentation((picture,), "<p>") == (None, (picture,), [])
    found, _, notes = split_presentation((picture, SMIL), "<zz>")
    assert found == SMIL
    assert "zz" in notes[0]


def test_a_digest_stands_for_content_and_envelope() -> None:
    base = content_digest(RICH, FULL)
    large = Content((Part(noise(100_000), "image/jpeg"),))
    longer = Content((Part(noise(100_001), "image/jpeg"),))

    others = (
        content_digest(RICH, Envelope()),
        content_digest(RICH, FULL, salt=1),
        content_digest(large, FULL),
        content_digest(longer, FULL),
    )

    assert content_digest(RICH, FULL) == base
    assert len({base, *others}) == 5


@pytest.mark.parametrize(("text", "cleaned"), [("a\r\nb", "a  b"), ("a\0b", "a b"), ("a\u2028b", "a b"), ("é", "é")])
def test_control_characters_become_spaces(text: str, cleaned: str) -> None:
    assert printable(text) == cleaned


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        ("+12065550100/TYPE=PLMN", "+12065550100"),
        ("+12065550100/type=plmn@mms.net", "+12065550100"),
        ("12345@mms.invalid", "12345"),
        ('"a b"@mms.invalid', "a b"),
        ("Ada <ada@example.org>", "ada@example.org"),
        ("10.0.0.1/TYPE=IPv4", "10.0.0.1/TYPE=IPv4"),
        (" x ", "x"),
    ],
)
def test_an_address_loses_what_the_wire_adds(wire: str, plain: str) -> None:
    assert common.from_wire(wire) == plain


@steady
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=20).map(str.strip))
def test_a_number_or_mail_address_comes_back_from_the_wire(address: str) -> None:
    if "<" not in address and "/TYPE=" not in address.upper() and not address.endswith("@mms.invalid"):
        wire = common.to_wire(address)

        assert common.from_wire(wire) in (address, address.replace('"', ""))
