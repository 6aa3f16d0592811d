"""Names of parts: one table of cases, held for the rule itself and for every wire form that writes and reads them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.message import Content, Envelope, Part
from mmscontent.pack.registry import ENCODINGS, pack, unpack
from mmscontent.part_names import MAX_NAME_CHARS, assign_part_names, is_unsafe_name
from mmscontent.smil.lint import lint

# (file name, Content-ID, Content-Location) as given, all image/jpeg -> (Content-ID, Content-Location)
CASES = {
    # nothing to keep: the stem of the file name, the ending of the media type
    "file": (("beach.heic", "", ""), ("beach", "beach.jpg")),
    "file-other-ending": (("beach.JPEG", "", ""), ("beach", "beach.jpg")),
    "file-without-ending": (("beach", "", ""), ("beach", "beach.jpg")),
    "file-two-dots": (("a.b.jpg", "", ""), ("a-b", "a-b.jpg")),
    "empty": (("", "", ""), ("image", "image.jpg")),
    "only-an-ending": ((".jpg", "", ""), ("jpg", "jpg.jpg")),
    "only-dots": (("..", "", ".."), ("image", "image.jpg")),
    "leading-dot": ((".hidden.jpg", "", ""), ("hidden", "hidden.jpg")),
    "trailing-dot": (("", "", "a."), ("a", "a.jpg")),
    "blank": (("Mamma Mia Cell.jpg", "", ""), ("Mamma-Mia-Cell", "Mamma-Mia-Cell.jpg")),
    "blank-given": (("", "my beach", "my beach.jpg"), ("my-beach", "my-beach.jpg")),
    # letters beyond ASCII
    "umlaut": (("Stra\u00dfe am Flu\u00df.jpg", "", ""), ("Strasse-am-Fluss", "Strasse-am-Fluss.jpg")),
    "accent": (("caf\u00e9.jpg", "", ""), ("cafe", "cafe.jpg")),
    "japanese": (("\u5199\u771f.jpg", "", ""), ("image", "image.jpg")),
    "right-to-left": (("\u05ea\u05de\u05d5\u05e0\u05d4.jpg", "", ""), ("image", "image.jpg")),
    "right-to-left-override": (("a\u202egpj.exe", "", ""), ("agpj", "agpj.jpg")),
    "emoji": (("\U0001f3d6.jpg", "b", ""), ("b", "b.jpg")),
    # signs that a form or a receiver takes for its own
    "quotes": (("a\"b'c.jpg", "", ""), ("a-b-c", "a-b-c.jpg")),
    "backslash": (("C:\\photos\\a.jpg", "", ""), ("a", "a.jpg")),
    "percent": (("100%25.jpg", "", ""), ("100-25", "100-25.jpg")),
    "markup": (("a<b>&c.jpg", "", ""), ("a-b-c", "a-b-c.jpg")),
    "brackets": (("", "<0123>", "a.jpg"), ("0123", "a.jpg")),
    "path": (("../../etc/passwd", "", ""), ("passwd", "passwd.jpg")),
    "path-given": (("", "", "/tmp/a.jpg"), ("a", "a.jpg")),
    "control": (("a\x07b\tc.jpg", "", ""), ("a-b-c", "a-b-c.jpg")),
    # names of a device, whatever the case and the ending
    "con": (("CON.jpg", "", ""), ("CON-2", "CON-2.jpg")),
    "nul": (("", "nul", "nul.jpg"), ("nul-2", "nul-2.jpg")),
    "com1": (("", "", "Com1.tar.jpg"), ("Com1-tar", "Com1-tar.jpg")),
    # lengths: 40 characters for what is made, 100 for what is kept
    "40": (("n" * 40 + ".jpg", "", ""), ("n" * 30, "n" * 30 + ".jpg")),
    "255-bytes": (("\u00e9" * 127 + "x.jpg", "", ""), ("e" * 30, "e" * 30 + ".jpg")),
    "100-kept": (("", "i" * 100, "l" * 96 + ".jpg"), ("i" * 100, "l" * 96 + ".jpg")),
    "101": (("", "i" * 101, "l" * 97 + ".jpg"), ("l" * 30, "l" * 30 + ".jpg")),
    # what is given and sound is kept
    "kept": (("IMG_1.HEIC", "0", "image0.jpeg"), ("0", "image0.jpeg")),
    "kept-at-sign": (("", "part1.1@host.mail", "a.jpg"), ("part1.1@host.mail", "a.jpg")),
    "kept-without-ending": (("", "0000", "0000"), ("0000", "0000")),
    "kept-id-for-a-file": (("IMG_1.HEIC", "hero", ""), ("hero", "hero.jpg")),
    "kept-location": (("", "", "image0.jpg"), ("image0", "image0.jpg")),
    "ending-of-another-type": (("", "a", "beach.heic"), ("a", "beach.jpg")),
    "ending-of-another-kind": (("", "a", "beach.txt"), ("a", "beach.jpg")),
}

# Names of several parts, all image/jpeg; the first of two keeps its name.
GROUPS = [
    (["a.jpg", "a.jpg", "a.png"], [("a", "a.jpg"), ("a-2", "a-2.jpg"), ("a-3", "a-3.jpg")]),
    (["A.jpg", "a.png"], [("A", "A.jpg"), ("a-2", "a-2.jpg")]),
    (["a.jpg", "a-2.jpg", "a.jpg"], [("a", "a.jpg"), ("a-2", "a-2.jpg"), ("a-3", "a-3.jpg")]),
    (["", ""], [("image", "image.jpg"), ("image-2", "image-2.jpg")]),
    (["\u00df.jpg", "ss.jpg"], [("ss", "ss.jpg"), ("ss-2", "ss-2.jpg")]),
]


def _part(name: str = "", content_id: str = "", location: str = "", media_type: str = "image/jpeg") -> Part:
    return Part(b"x", media_type, name=name, content_id=content_id, content_location=location)


@pytest.mark.parametrize(("given_names", "expected"), CASES.values(), ids=CASES)
def test_the_names_of_one_part(given_names: tuple[str, str, str], expected: tuple[str, str]) -> None:
    (named,) = assign_part_names([_part(*given_names)])

    assert (named.content_id, named.content_location) == expected
    assert named.name == given_names[0]
    assert assign_part_names([named]) == (named,)


@pytest.mark.parametrize(("names", "expected"), GROUPS)
def test_equal_names_are_told_apart(names: list[str], expected: list[tuple[str, str]]) -> None:
    named = assign_part_names([_part(name) for name in names])

    assert [(p.content_id, p.content_location) for p in named] == expected


def test_no_part_takes_a_reserved_name_or_the_name_of_another() -> None:
    parts = (_part("smil.jpg"), _part("", "b", "b.jpg"), _part("", "B.jpg", "c.jpg"))

    named = assign_part_names(parts, ("smil", "smil.xml"))

    assert [(p.content_id, p.content_location) for p in named] == [
        ("smil-2", "smil-2.jpg"),
        ("b", "b.jpg"),
        ("c", "c.jpg"),
    ]


@pytest.mark.parametrize(
    ("media_type", "name", "expected"),
    [
        ("text/plain", "notes.md", "notes.txt"),
        ("application/x-unknown", "report.docx", "report.docx"),
        ("application/x-unknown", "report", "report.bin"),
        ("application/x-unknown", "report.jpg", "report.bin"),
        ("application/smil", "", "smil.smil"),
        ("text/x-vcard", "", "contact.vcf"),
    ],
)
def test_the_ending_is_that_of_the_media_type(media_type: str, name: str, expected: str) -> None:
    assert assign_part_names([_part(name, media_type=media_type)])[0].content_location == expected


ROWS = st.tuples(st.text(max_size=60), st.text("ab<> .", max_size=3), st.text("ab./", max_size=4))


@given(st.lists(ROWS, max_size=9))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_names_become_safe_unique_and_stay_so(names: list[tuple[str, str, str]]) -> None:
    named = assign_part_names([_part(*row, media_type="image/png") for row in names])
    every = [{p.content_id.lower(), p.content_location.lower()} for p in named]

    assert not any(is_unsafe_name(name) for p in named for name in (p.content_id, p.content_location))
    assert not any(one & other for one, other in itertools.combinations(every, 2))
    assert all(p is again for p, again in zip(named, assign_part_names(named), strict=True))


@given(st.lists(st.text(max_size=300), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_made_name_has_at_most_40_characters(names: list[str]) -> None:
    assert all(len(p.content_location) <= 40 for p in assign_part_names([_part(name) for name in names]))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("given_names", [row[0] for row in CASES.values()], ids=CASES)
def test_every_wire_form_carries_the_names(given_names: tuple[str, str, str], encoding: str) -> None:
    parts = (_part(*given_names), _part(*given_names), _part("other.jpg"))
    packed = pack(Content(parts), Envelope(to=("+12065550100",)), encoding)

    read = unpack(packed.data, packed.content_type).content.parts

    assert len(read) == len(parts)
    assert all(p.name == p.content_location for p in read)
    assert all(len(name) <= MAX_NAME_CHARS for p in read for name in (p.content_id, p.content_location))
    assert assign_part_names(read) == read
    assert not [f for f in lint(Content(read)) if f.rule.endswith("part-name") or f.rule == "unnamed-part"]
