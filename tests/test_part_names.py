"""Wire names: ASCII, unique, short, one stem for Content-ID and Content-Location."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.message import Message, Part, Slide
from mmscontent.pipeline.part_naming import name_parts, with_parts

CASES = [
    # names in, (content_id, content_location) out
    (["beach.heic"], [("beach", "beach.jpg")]),
    (["Mamma Mia Cell.vcf"], [("Mamma-Mia-Cell", "Mamma-Mia-Cell.jpg")]),
    (["größe.png", "größe.png"], [("groe", "groe.jpg"), ("groe-2", "groe-2.jpg")]),
    (["写真.jpg"], [("image", "image.jpg")]),
    (["../../etc/passwd"], [("passwd", "passwd.jpg")]),
    (["smil.jpg"], [("smil-2", "smil-2.jpg")]),
    (["A.jpg", "a.png"], [("A", "A.jpg"), ("a-2", "a-2.jpg")]),
    ([""], [("image", "image.jpg")]),
    (["x" * 80 + ".jpg"], [("x" * 30, "x" * 30 + ".jpg")]),
]


@pytest.mark.parametrize(("names", "expected"), CASES)
def test_names(names: list[str], expected: list[tuple[str, str]]) -> None:
    named = name_parts([Part(b"", "image/jpeg", name=n) for n in names])

    assert [(p.content_id, p.content_location) for p in named] == expected


@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_names_become_short_ascii_and_unique(names: list[str]) -> None:
    named = name_parts([Part(b"", "image/png", name=n) for n in names])
    locations = [p.content_location for p in named]

    assert all(loc.isascii() and len(loc) <= 40 and not set(loc) & set(" /\\<>&\"'") for loc in locations)
    assert len({loc.lower() for loc in locations}) == len(names)
    assert name_parts(named) == named


def test_parts_are_put_back_where_they_were() -> None:
    picture, clip, words, card = (
        Part(b"1", t, name=n)
        for t, n in (("image/png", "p"), ("video/mp4", "v"), ("text/plain", "t"), ("text/x-vcard", "c"))
    )
    message = Message((Slide(text=words, image=picture), Slide(video=clip)), (card,))

    again = with_parts(message, message.parts)

    assert again == message
    assert [p.name for p in message.parts] == ["p", "t", "v", "c"]
