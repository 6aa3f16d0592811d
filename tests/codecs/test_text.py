"""Text: legacy charsets in, pages at sentence ends, and what it would cost as SMS."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.codecs.sms_segments import sms_segments
from mmscontent.codecs.text import decode_text, fit_text, split_pages
from mmscontent.errors import DamagedMedia, OverLimits
from mmscontent.message import Part
from mmscontent.profiles.model import TextRule

CHARSETS = [
    # bytes, stated charset, text
    ("Grüße".encode(), "", "Grüße"),
    ("Grüße".encode("cp1252"), "", "Grüße"),
    ("Grüße".encode("utf-16"), "", "Grüße"),
    ("Grüße".encode("utf-8-sig"), "", "Grüße"),
    ("Привет, как дела?".encode("koi8-r"), "koi8-r", "Привет, как дела?"),
    ("こんにちは".encode("shift_jis"), "Shift_JIS", "こんにちは"),
    ("你好".encode("gb18030"), "gb18030", "你好"),
    ("Grüße".encode(), "no-such-charset", "Grüße"),
    ("\u201cquoted\u201d".encode("cp1252"), "us-ascii", "\u201cquoted\u201d"),
]


@pytest.mark.parametrize(("data", "stated", "expected"), CHARSETS)
def test_a_text_is_read_in_the_charset_it_is_in(data, stated, expected):
    assert decode_text(Part(data, "text/plain", charset=stated)) == expected


def test_what_cannot_be_text_is_refused_by_name():
    with pytest.raises(OverLimits):
        decode_text(Part(b"a" * 1_000_001, "text/plain"))
    with pytest.raises(DamagedMedia):
        decode_text(Part(b"\x81\x8d\x8f\x90\x00\x01", "text/plain", charset="us-ascii"))


def test_ascii_goes_out_as_ascii_and_the_rest_as_utf_8():
    fitted = fit_text(Part("Grüße".encode("cp1252"), "text/plain"), TextRule())
    assert (fitted.part.charset, fitted.part.data) == ("utf-8", "Grüße".encode())
    assert fit_text(Part(b"hello", "text/plain"), TextRule()).part.charset == "us-ascii"


PAGES = [
    # text, characters a page, pages
    ("short", 10, ("short",)),
    ("", 10, ()),
    ("One is here. Two is here. Three.", 26, ("One is here. Two is here.", "Three.")),
    ("One is here. And two goes on", 20, ("One is here.", "And two goes on")),
    ("No sentence ends in this row of words", 16, ("No sentence ends", "in this row of", "words")),
    ("First paragraph.\n\nSecond one. It is longer.", 30, ("First paragraph.", "Second one. It is longer.")),
    ("一二三。四五六。七八九。", 8, ("一二三。四五六。", "七八九。")),
    ("abcdefghij", 4, ("abcd", "efgh", "ij")),
    ("He said “Go!” Then he left.", 16, ("He said “Go!”", "Then he left.")),
    ("aaa\U0001f44d\U0001f3fd", 4, ("aaa", "\U0001f44d\U0001f3fd")),
    ("aae\u0301", 3, ("aa", "e\u0301")),
]


@pytest.mark.parametrize(("text", "most", "expected"), PAGES)
def test_pages_end_where_a_reader_would_end_them(text, most, expected):
    assert split_pages(text, most) == expected


def test_a_page_of_no_characters_is_our_own_fault():
    with pytest.raises(ValueError, match="at least one character"):
        split_pages("a", 0)


@given(st.text(max_size=400), st.integers(1, 60))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_paging_loses_nothing_but_white_space(text, most):
    pages = split_pages(text, most)

    assert all(0 < len(page) <= most for page in pages)
    assert "".join("".join(pages).split()) == "".join(text.split())


SEGMENTS = [
    ("", "gsm-7", 1),
    ("a" * 160, "gsm-7", 1),
    ("a" * 161, "gsm-7", 2),
    ("a" * 306, "gsm-7", 2),
    ("a" * 307, "gsm-7", 3),
    ("€" * 80, "gsm-7", 1),
    ("€" * 81, "gsm-7", 2),
    ("a" * 152 + "€" + "a" * 152, "gsm-7", 3),  # the escape may not be parted from its character
    ("ñ" * 160, "gsm-7", 1),
    ("ç", "ucs-2", 1),
    ("я" * 70, "ucs-2", 1),
    ("я" * 71, "ucs-2", 2),
    ("\U0001f600" * 35, "ucs-2", 1),
    ("\U0001f600" * 36, "ucs-2", 2),
    ("я" * 66 + "\U0001f600" + "я" * 66, "ucs-2", 3),
]


@pytest.mark.parametrize(("text", "encoding", "segments"), SEGMENTS)
def test_a_text_costs_so_many_sms(text, encoding, segments):
    assert sms_segments(text) == (encoding, segments)
