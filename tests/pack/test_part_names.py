"""Names and ids: filled where empty, kept where safe, unique everywhere, and the same for the same input."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import addresses
from mmscontent.pack.naming import clean, digest, laid_out, presentation_first
from tests.pack.messages import FULL, RICH, SMIL, noise, steady


def _image(name: str = "", content_id: str = "", location: str = "") -> Part:
    return Part(b"x", "image/jpeg", name=name, content_id=content_id, content_location=location)


# part as given -> (content id, location)
NAMES = [
    (_image(), ("part1", "part1.jpg")),
    (_image(name="beach.jpg"), ("beach", "beach.jpg")),
    (_image(content_id="beach"), ("beach", "beach.jpg")),
    (_image(name="x.heic", content_id="b", location="b.jpg"), ("b", "b.jpg")),
    (_image(name="Mamma Mia.jpg"), ("MammaMia", "Mamma Mia.jpg")),
    (_image(name="Straße am Fluß.jpg"), ("StrasseamFluss", "Strasse am Fluss.jpg")),
    (_image(name="日本.jpg"), ("part1", "part1.jpg")),
    (_image(name='a"b\\c<d>.jpg'), ("abcd", "abcd.jpg")),
    (_image(name="n" * 300 + ".jpg"), ("n" * 96, "n" * 96 + ".jpg")),
]


@pytest.mark.parametrize(("part", "names"), NAMES, ids=[repr(p.name[:20] or p.content_id) for p, _ in NAMES])
def test_a_part_gets_names_every_form_can_carry(part: Part, names: tuple[str, str]) -> None:
    done = laid_out(Content((part,))).parts[0]

    assert (done.content_id, done.content_location) == names
    assert done.name == done.content_location


def test_equal_names_are_told_apart() -> None:
    parts = laid_out(Content((_image("a.jpg"), _image("a.jpg"), _image("a.jpg"), _image("a"), _image("a")))).parts

    assert [p.content_location for p in parts] == ["a.jpg", "a-2.jpg", "a-3.jpg", "a", "a-2"]
    assert [p.content_id for p in parts] == ["a", "a-2", "a-3", "a-4", "a-2-2"]


def test_what_is_laid_out_already_stays_the_same_value() -> None:
    done = laid_out(RICH)

    assert laid_out(done) is done


@steady
@given(st.lists(st.tuples(st.text(max_size=6), st.text("ab<> .", max_size=3), st.text("ab.", max_size=3)), max_size=5))
def test_names_are_always_there_ascii_and_unique(names: list[tuple[str, str, str]]) -> None:
    parts = laid_out(Content(tuple(_image(*row) for row in names), SMIL)).parts
    ids, places = [p.content_id for p in parts], [p.content_location for p in parts]

    for found in (ids, places):
        assert all(found)
        assert len(set(found)) == len(found)
        assert all(name.isascii() and name.isprintable() for name in found)
    assert not any(c in " <>" for content_id in ids for c in content_id)


def test_the_presentation_is_the_start_or_the_first_smil() -> None:
    other = replace(SMIL, content_id="other")
    picture = _image(content_id="p")

    assert presentation_first((picture, SMIL, other), "<other>") == (other, (picture, SMIL), [])
    assert presentation_first((picture, SMIL, other), "smil")[0] == SMIL
    assert presentation_first((picture, SMIL), "<p>")[0] == SMIL
    assert presentation_first((picture,), "<p>") == (None, (picture,), [])
    found, _, notes = presentation_first((picture, SMIL), "<zz>")
    assert found == SMIL
    assert "zz" in notes[0]


def test_a_digest_stands_for_content_and_envelope() -> None:
    base = digest(RICH, FULL)
    large = Content((Part(noise(100_000), "image/jpeg"),))
    longer = Content((Part(noise(100_001), "image/jpeg"),))

    assert digest(RICH, FULL) == base
    assert (
        len({base, digest(RICH, Envelope()), digest(RICH, FULL, salt=1), digest(large, FULL), digest(longer, FULL)})
        == 5
    )


@pytest.mark.parametrize(("text", "cleaned"), [("a\r\nb", "a  b"), ("a\0b", "a b"), ("a\u2028b", "a b"), ("é", "é")])
def test_control_characters_become_spaces(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


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
    assert addresses.from_wire(wire) == plain


@steady
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=20).map(str.strip))
def test_a_number_or_mail_address_comes_back_from_the_wire(address: str) -> None:
    if "<" not in address and "/TYPE=" not in address.upper() and not address.endswith("@mms.invalid"):
        wire = addresses.to_wire(address)

        assert addresses.from_wire(wire) in (address, address.replace('"', ""))
