"""What every row of the table of wire forms promises: exact sizes, safe budgets, equal bytes, reading what it wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent, MMSContentError
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack.registry import ENCODINGS, body_budget, pack, size, unpack
from tests.pack.messages import CONTENTS, ENVELOPES, FULL, RICH, noise, steady

every_encoding = pytest.mark.parametrize("encoding", ENCODINGS)
every_content = pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
every_envelope = pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)


@every_encoding
@every_content
@every_envelope
def test_the_size_is_known_without_packing(content: Content, envelope: Envelope, encoding: str) -> None:
    assert size(content, envelope, encoding) == len(pack(content, envelope, encoding).data)


@every_encoding
@every_content
@every_envelope
def test_equal_input_gives_equal_bytes(content: Content, envelope: Envelope, encoding: str) -> None:
    assert pack(content, envelope, encoding) == pack(content, envelope, encoding)


@every_encoding
@every_content
@every_envelope
def test_what_was_packed_is_read_back_whole(content: Content, envelope: Envelope, encoding: str) -> None:
    packed = pack(content, envelope, encoding)

    read = unpack(packed.data, packed.content_type)

    assert read.notes == ()
    assert read.encoding == encoding.removesuffix("-binary")
    assert read.content.subject == content.subject
    assert [p.data for p in read.content.parts] == [p.data for p in content.parts]
    assert [p.media_type for p in read.content.parts] == [p.media_type for p in content.parts]
    assert [p.charset for p in read.content.parts] == [p.charset for p in content.parts]
    assert (read.content.presentation is None) == (content.presentation is None)
    assert _told(read.envelope, encoding) == _told(envelope, encoding)


def _told(envelope: Envelope, encoding: str) -> Envelope:
    """The envelope without what packing derives, and what the form leaves to its transport."""
    bcc = () if encoding == "mm4" else envelope.bcc  # SMTP's own envelope has those
    return replace(envelope, transaction_id="", message_id="", bcc=bcc)


@every_encoding
def test_every_part_leaves_with_three_names_of_its_own(encoding: str) -> None:
    packed = pack(RICH, FULL, encoding)

    parts = unpack(packed.data, packed.content_type).content.parts

    for names in zip(*((p.name, p.content_id, p.content_location) for p in parts), strict=True):
        assert all(names)
        assert len(set(names)) == len(names)
        assert all(name.isascii() for name in names)


@every_encoding
def test_packing_what_was_read_gives_the_same_bytes_again(encoding: str) -> None:
    packed = pack(RICH, FULL, encoding)
    read = unpack(packed.data, packed.content_type)

    assert pack(read.content, read.envelope, encoding) == packed


def _shares(total: int, count: int) -> list[list[int]]:
    """Ways to split a budget that cost the most: all in one, in single octets, in octets that just need more length."""
    ones = [1] * (count - 1)
    longer = [128] * (count - 1)
    even = [total // count] * count
    return [
        s
        for s in ([total, *[0] * (count - 1)], [total - sum(ones), *ones], [total - sum(longer), *longer], even)
        if min(s) >= 0
    ]


@every_encoding
@pytest.mark.parametrize("limit", [*range(3000, 3120, 7), 16_384, 20_000, 100_000])
def test_the_body_budget_is_never_too_much_and_nearly_all(encoding: str, limit: int) -> None:
    count = len(RICH.parts)
    left = body_budget(limit, RICH, FULL, encoding)
    sizes = []
    for shares in _shares(left, count):
        parts = tuple(replace(p, data=b"\xff" * n) for p, n in zip(RICH.parts, shares, strict=True))
        sizes.append(size(replace(RICH, parts=parts), FULL, encoding))

    assert max(sizes) <= limit
    assert max(sizes) >= limit - 4 * count - 8


@every_encoding
def test_the_body_budget_of_one_part_is_exact_to_the_last_group(encoding: str) -> None:
    content = Content((Part(b"", "image/jpeg", name="a.jpg"),))
    for limit in range(1500, 1800):
        left = body_budget(limit, content, FULL, encoding)
        more = 3 if encoding in ("mime", "mm7", "mm4") else 1
        fits, passes = (
            replace(content, parts=(replace(content.parts[0], data=noise(n)),)) for n in (left, left + more)
        )

        assert size(fits, FULL, encoding) <= limit
        assert size(passes, FULL, encoding) > limit or encoding == "pdu"


@every_encoding
def test_a_limit_below_the_headers_leaves_no_budget(encoding: str) -> None:
    assert body_budget(10, RICH, FULL, encoding) == 0


@every_encoding
def test_a_date_nobody_can_write_is_refused(encoding: str) -> None:
    for date_s in (-1, 2**300):
        with pytest.raises(ValueError, match=r"1970|date|sign"):
            pack(RICH, replace(FULL, date_s=date_s), encoding)


@pytest.mark.parametrize("octets", ["0846553f1000000000", "0a" + "ff" * 10])
def test_a_date_out_of_this_world_is_told_and_not_taken(octets: str) -> None:
    read = unpack(b"\x8c\x84\x98T\0\x85" + bytes.fromhex(octets))

    assert read.envelope.date_s is None
    assert read.headers[0][0] == "Date"


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(ValueError, match="mm9"):
        pack(RICH, FULL, "mm9")


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x8c", b"\x8c\xff\x00", b"\xff\xd8\xff\xe0", b"hello world", b"PK\x03\x04"]
)
def test_what_is_no_message_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(MalformedContent):
        unpack(data)


@every_encoding
def test_a_message_cut_anywhere_is_read_in_part_or_refused_by_name(encoding: str) -> None:
    packed = pack(CONTENTS["plain"], FULL, encoding)
    for end in range(len(packed.data)):
        try:
            read = unpack(packed.data[:end], packed.content_type)
        except MMSContentError:
            continue
        assert read.notes or len(packed.data) - end <= 8 or not read.content.parts


@steady
@given(
    sender=st.text('0123456789+abc@." ', max_size=12),
    subject=st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs", "Cc")), max_size=60),
    bodies=st.lists(st.binary(max_size=80), max_size=4),
    encoding=st.sampled_from(list(ENCODINGS)),
)
def test_any_content_survives_the_wire(sender: str, subject: str, bodies: list[bytes], encoding: str) -> None:
    subject = subject.strip()
    content = Content(tuple(Part(b, "text/plain", charset="utf-8") for b in bodies), None, subject)
    try:
        packed = pack(content, Envelope(sender=sender), encoding)
    except ValueError:
        return
    read = unpack(packed.data, packed.content_type)

    assert [p.data for p in read.content.parts] == bodies
    assert read.content.subject == subject
    assert size(content, Envelope(sender=sender), encoding) == len(packed.data)
