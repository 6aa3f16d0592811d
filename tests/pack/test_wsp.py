"""WSP primitives: each case is read and written, cut short, and followed by what is not its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent
from mmscontent.pack import assigned, wsp
from tests.pack.messages import steady

# name, reader, writer, value, octets
CASES = [
    ("uintvar", wsp.read_uintvar, wsp.uintvar, 0, "00"),
    ("uintvar", wsp.read_uintvar, wsp.uintvar, 127, "7f"),
    ("uintvar", wsp.read_uintvar, wsp.uintvar, 128, "8100"),
    ("uintvar", wsp.read_uintvar, wsp.uintvar, 0x87A5, "828f25"),  # the example of WAP-230 section 8.1.2
    ("uintvar", wsp.read_uintvar, wsp.uintvar, 0xFFFFFFFF, "8fffffff7f"),
    ("long", wsp.read_long_integer, wsp.long_integer, 0, "0100"),
    ("long", wsp.read_long_integer, wsp.long_integer, 255, "01ff"),
    ("long", wsp.read_long_integer, wsp.long_integer, 256, "020100"),
    ("long", wsp.read_long_integer, wsp.long_integer, 1_700_000_000, "046553f100"),
    ("integer", wsp.read_integer, wsp.integer, 0, "80"),
    ("integer", wsp.read_integer, wsp.integer, 127, "ff"),
    ("integer", wsp.read_integer, wsp.integer, 128, "0180"),
]
IDS = [f"{name}-{value}" for name, _, _, value, _ in CASES]
Reader = Callable[[bytes, int, int], tuple[int, int]]


@pytest.mark.parametrize(("name", "read", "write", "value", "octets"), CASES, ids=IDS)
def test_a_number_is_written_as_its_octets_and_read_back(
    name: str, read: Reader, write: Callable[[int], bytes], value: int, octets: str
) -> None:
    data = bytes.fromhex(octets)

    assert write(value) == data, name
    assert read(data, 0, len(data)) == (value, len(data))
    assert read(b"\xaa" + data + b"\xbb", 1, len(data) + 2) == (value, len(data) + 1)


@pytest.mark.parametrize(("name", "read", "write", "value", "octets"), CASES, ids=IDS)
def test_a_number_cut_short_is_an_error_with_its_offset(
    name: str, read: Reader, write: Callable[[int], bytes], value: int, octets: str
) -> None:
    data = bytes.fromhex(octets)
    for end in range(len(data)):
        with pytest.raises(MalformedContent) as caught:
            read(data, 0, end)

        assert caught.value.offset == 0, (name, write, value)


@steady
@given(st.integers(0, 2**32 - 1))
def test_every_uintvar_comes_back_and_its_size_is_known(value: int) -> None:
    octets = wsp.uintvar(value)

    assert wsp.read_uintvar(octets, 0, len(octets)) == (value, len(octets))
    assert wsp.uintvar_size(value) == len(octets)


@steady
@given(st.integers(0, 2**200))
def test_every_integer_comes_back(value: int) -> None:
    octets = wsp.integer(value)

    assert wsp.read_integer(octets, 0, len(octets)) == (value, len(octets))


@steady
@given(st.integers(0, 2**20))
def test_every_value_length_comes_back(size: int) -> None:
    octets = wsp.value_length(size)
    data = octets + bytes(size)

    assert wsp.read_value_length(data, 0, len(data)) == (size, len(octets))


@steady
@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40))
def test_every_text_comes_back_and_delimits_itself(text: str) -> None:
    octets = wsp.text_string(text)

    value, after = wsp.read_text(octets, 0, len(octets))

    assert wsp.decode_text(value) == text.removeprefix("\ufeff")
    assert after == len(octets)
    assert wsp.value_end(octets + b"\x80", 0, len(octets) + 1) == len(octets)


@pytest.mark.parametrize(
    ("octets", "error"), [("8080808080 01", "5 octets"), ("", "past the end"), ("81", "past the end")]
)
def test_a_uintvar_that_never_ends_is_refused(octets: str, error: str) -> None:
    data = bytes.fromhex(octets)
    with pytest.raises(MalformedContent, match=error):
        wsp.read_uintvar(data, 0, len(data))


@pytest.mark.parametrize("octets", ["1f8f80808000", "1e", "05 01", "20", "80"])
def test_a_length_that_passes_what_is_left_is_refused(octets: str) -> None:
    data = bytes.fromhex(octets)
    with pytest.raises(MalformedContent):
        wsp.read_value_length(data, 0, len(data))


@pytest.mark.parametrize(
    ("mib", "octets", "text"),
    [
        (3, b"plain", "plain"),
        (106, "Grüße".encode(), "Grüße"),
        (106, "\ufeffGrüße".encode(), "Grüße"),
        (4, "Grüße".encode("latin-1"), "Grüße"),
        (17, "日本".encode("shift_jis"), "日本"),
        (38, "한글".encode("euc-kr"), "한글"),
        (1000, "Grüße".encode("utf-16-be"), "Grüße"),
        (1015, "Grüße".encode("utf-16"), "Grüße"),
        (3, "Grüße".encode(), "Grüße"),  # declared us-ascii, is UTF-8
        (106, "Grüße".encode("latin-1"), "Grüße"),  # declared UTF-8, is Latin-1
        (None, "Grüße".encode(), "Grüße"),
        (9999, b"x", "x"),
    ],
)
def test_text_is_read_in_its_charset_or_the_one_it_is_in(mib: int | None, octets: bytes, text: str) -> None:
    assert wsp.decode_text(octets, mib) == text


@pytest.mark.parametrize("value", [-1, 128])
def test_a_short_integer_out_of_range_is_our_own_mistake(value: int) -> None:
    with pytest.raises(ValueError, match="0 to 127"):
        wsp.short_integer(value)


def test_a_text_with_nul_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="NUL"):
        wsp.text_string("a\0b")


def test_assigned_numbers_are_where_the_registry_has_them() -> None:
    known = {
        0x03: "text/plain",
        0x1E: "image/jpeg",
        0x23: "application/vnd.wap.multipart.mixed",
        0x27: "application/xml",
    }
    known |= {0x33: "application/vnd.wap.multipart.related", 0x3E: "application/vnd.wap.mms-message"}
    known |= {
        0x45: "application/vnd.wap.xhtml+xml",
        0x48: "application/vnd.oma.drm.message",
        0x0E: "multipart/byteranges",
    }
    known |= {0x4B: "application/vnd.oma.drm.rights+wbxml", 0x21: "image/vnd.wap.wbmp", 0x07: "text/x-vcard"}

    assert {code: assigned.CONTENT_TYPES[code] for code in known} == known
    assert list(assigned.FIELDS) == list(range(1, 0x40))
    assert list(assigned.MESSAGE_TYPES) == list(range(0x80, 0x98))
    assert all(assigned.charset_code(name) == code for code, name in assigned.CHARSETS.items())
