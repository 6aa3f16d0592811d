"""MIME: what is written is what the standard library reads, real mails are understood, and nothing can be injected."""

from __future__ import annotations

import email
import hashlib
from collections import Counter
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.errors import MMSContentError, OverLimits
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import mime
from mmscontent.pack.mime import headers, transfer
from mmscontent.pack.mime.write import multipart_of
from mmscontent.pack.registry import pack, unpack
from tests.conftest import CorpusFile, corpus_files
from tests.pack.messages import CONTENTS, ENVELOPES, FULL, RICH, SMIL, noise, steady

REAL = corpus_files("mm3-mail")
every_real = pytest.mark.parametrize("case", REAL, ids=lambda c: c.path.name)


def _stdlib(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _leaves(message: EmailMessage) -> Counter[tuple[str, str]]:
    """Type and body of every leaf, line ends at the end apart: they belong to the delimiter for some readers."""
    found: Counter[tuple[str, str]] = Counter()
    for part in message.walk():
        if not part.is_multipart():
            body = part.get_payload(decode=True) or b""
            assert isinstance(body, bytes)
            if not body and part["Content-Type"] is None:
                continue  # a mail that is all header has no part for us
            found[part.get_content_type(), hashlib.sha256(body.rstrip(b"\r\n")).hexdigest()] += 1
    return found


def _entries(content: Content) -> tuple[Part, ...]:
    return (content.presentation, *content.parts) if content.presentation else content.parts


def _parts(content: Content) -> Counter[tuple[str, str]]:
    return Counter((p.media_type, hashlib.sha256(p.data.rstrip(b"\r\n")).hexdigest()) for p in _entries(content))


# --- what we write -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["mime", "mime-binary", "mm4"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)
def test_the_standard_library_reads_what_we_write_without_a_defect(
    content: Content, envelope: Envelope, encoding: str
) -> None:
    message = _stdlib(pack(content, envelope, encoding).data)

    for part in message.walk():
        assert part.defects == []
        assert [value.defects for _, value in part.items() if getattr(value, "defects", ())] == []
    assert _leaves(message) == _parts(content)
    assert (message["Subject"] or "") == content.subject


def test_related_names_its_root_and_the_root_comes_first() -> None:
    message = _stdlib(pack(RICH, FULL, "mime").data)

    assert message.get_content_type() == "multipart/related"
    assert message.get_param("type") == "application/smil"
    first = message.get_payload(0)
    assert isinstance(first, EmailMessage)
    assert message.get_param("start") == first["Content-ID"] == "<smil>"
    assert first.get_content_type() == "application/smil"


def test_without_a_presentation_it_is_mixed() -> None:
    assert _stdlib(pack(CONTENTS["plain"], FULL, "mime").data).get_content_type() == "multipart/mixed"


def test_every_line_fits_a_7_bit_transport() -> None:
    data = pack(RICH, FULL, "mime").data

    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998


BODIES = [
    (b"plain words", "7bit"),
    (b"", "7bit"),
    (b"two\r\nlines", "7bit"),
    (b"bare\nfeed", "base64"),
    (b"a bare line feed between words\n" * 4, "quoted-printable"),
    (b"trailing space \r\nx" + b"y" * 40, "quoted-printable"),
    (b"x" * 999 + b" and more", "quoted-printable"),
    ("Grüße und noch viel mehr einfacher Text dahinter, damit es sich lohnt".encode(), "quoted-printable"),
    ("日本語の文章です".encode(), "base64"),
    (b"\0", "base64"),
]


@pytest.mark.parametrize(("body", "encoding"), BODIES)
def test_text_goes_the_shortest_way_that_keeps_it(body: bytes, encoding: str) -> None:
    part = Part(body, "text/plain", charset="utf-8")
    name, encoded = transfer.encode(part, binary=False)

    assert name == encoding
    assert transfer.decode(encoded, name) == (body, "")
    assert all(len(line) <= 998 for line in encoded.split(b"\r\n"))


@steady
@given(body=st.binary(max_size=400), binary=st.booleans())
def test_every_body_survives_its_transfer_encoding(*, body: bytes, binary: bool) -> None:
    for media_type in ("text/plain", "image/png"):
        name, encoded = transfer.encode(Part(body, media_type), binary=binary)

        assert transfer.decode(encoded, name) == (body, "")
        if name == "base64":
            assert len(encoded) == transfer.base64_size(len(body))


def test_the_budget_of_base64_is_what_the_dearest_split_leaves() -> None:
    """Against every split of small totals: never too much, and one more octet would be."""
    for count in (1, 2, 3):
        dearest = {
            total: max(
                sum(map(transfer.base64_size, split))
                for split in product(range(total + 1), repeat=count)
                if sum(split) == total
            )
            for total in range(130 if count < 3 else 70)
        }
        for wire in range(4 * count, max(dearest.values()) - 8):
            left = transfer.base64_budget(wire, count)
            assert dearest[left] <= wire
            assert dearest[left + 1] > wire


def test_a_boundary_that_stands_in_a_body_is_not_taken() -> None:
    plain = multipart_of(CONTENTS["plain"], Envelope(), binary=True)
    seen = plain.boundary.removeprefix("=_mms_")
    # the digest looks at the body, so the body must not change it: the mark is put where the samples do not look
    body = bytearray(noise(100_000))
    content = Content((Part(bytes(body), "image/jpeg"),))
    mark = multipart_of(content, Envelope(), binary=True).boundary.removeprefix("=_mms_").encode()
    body[300 : 300 + len(mark)] = mark
    content = Content((Part(bytes(body), "image/jpeg"),))

    again = multipart_of(content, Envelope(), binary=True)

    assert again.boundary.encode() not in bytes(body)
    assert mark not in again.boundary.encode()
    assert seen not in again.boundary
    packed = pack(content, Envelope(), "mime-binary")
    assert unpack(packed.data).content.parts[0].data == bytes(body)


@pytest.mark.parametrize("name", ["sender", "to", "transaction_id", "message_id"])
@pytest.mark.parametrize("evil", ["+1\r\nBcc: x@y", "+1\nX: y", "+1\0"])
def test_no_envelope_field_can_start_a_header(name: str, evil: str) -> None:
    value = (evil,) if name == "to" else evil
    with pytest.raises(ValueError, match="line break"):
        Envelope(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["mime", "mm4", "pdu", "mm7"])
@pytest.mark.parametrize("evil", ["a\r\nBcc: x@y.zz", "a\nBcc: x@y.zz", "a\rb", "=?utf-8?q?=0D=0ABcc:?="])
def test_no_name_or_subject_can_start_a_header(evil: str, encoding: str) -> None:
    content = Content((Part(b"x", "text/plain", name=evil),), None, evil)
    try:
        packed = pack(content, Envelope(), encoding)
    except ValueError:
        return
    read = unpack(packed.data, packed.content_type)

    assert read.envelope.bcc == ()
    assert len(read.content.parts) == 1
    assert b"\nBcc:" not in packed.data


@pytest.mark.parametrize("address", ["a@b\u00e9", "\u00e9", "a@b c", "a@b\u2028"])
def test_an_address_a_mail_cannot_carry_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|ascii"):
        pack(CONTENTS["plain"], Envelope(sender=address), "mime")


@pytest.mark.parametrize(
    "address", ["INFO x", 'quo"te', "back\\slash", "a..b", "@", "*111#", "x,y", "<z>", "a@", "a@b>,<c@d"]
)
def test_an_odd_address_is_quoted_and_comes_back(address: str) -> None:
    envelope = Envelope(sender=address, to=(address, "+12065550101"))

    assert unpack(pack(CONTENTS["plain"], envelope, "mime").data).envelope == envelope


# --- what we read --------------------------------------------------------------------------------------------------


@every_real
def test_a_real_mail_holds_what_the_standard_library_finds(case: CorpusFile) -> None:
    data = case.path.read_bytes()
    read = unpack(data)
    message = _stdlib(data)
    sender = message["From"].addresses[0].addr_spec if message["From"] and message["From"].addresses else ""

    assert _parts(read.content) == _leaves(message)
    assert read.content.subject == str(message["Subject"] or "").strip()
    assert read.envelope.sender == sender.partition("/TYPE=")[0]
    assert (read.envelope.date_s is None) == (message["Date"] is None)


@every_real
def test_a_real_mail_written_again_means_the_same(case: CorpusFile) -> None:
    read = unpack(case.path.read_bytes())
    again = unpack(mime.write_message(read.content, read.envelope))

    assert again.content == read.content
    assert replace(again.envelope, message_id=read.envelope.message_id) == read.envelope


@every_real
def test_a_real_mail_cut_anywhere_is_read_in_part_or_refused(case: CorpusFile) -> None:
    data = case.path.read_bytes()
    for end in range(0, len(data), max(1, len(data) // 60)):
        try:
            unpack(data[:end])
        except MMSContentError:
            continue


MAIL = b"MIME-Version: 1.0\r\nFrom: a@b.cc\r\n"
RELATED = MAIL + b'Content-Type: multipart/related; boundary="B"; start="<s>"\r\n\r\n'
SMIL_PART = b"--B\r\nContent-Type: application/smil\r\nContent-ID: <s>\r\n\r\n<smil/>\r\n"
REPAIRS = [
    ("no closing delimiter", RELATED + SMIL_PART, "no closing delimiter", 1),
    ("no boundary", MAIL + b"Content-Type: multipart/mixed\r\n\r\n--Q\r\n\r\nHi\r\n--Q--", "names no boundary", 1),
    ("a boundary that is not there", RELATED + b"--C\r\n\r\nHi\r\n--C--", "nowhere in it", 0),
    ("a start that names nothing", RELATED.replace(b"<s>", b"<t>") + SMIL_PART + b"--B--", "no part", 1),
    ("broken base64", MAIL + b"Content-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGO", "mended", 1),
    ("an unknown encoding", MAIL + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nx", "not known", 1),
    ("no empty line", MAIL + b"Content-Type: text/plain\r\nHello you", "not closed by an empty line", 1),
    (
        "a nested multipart",
        RELATED + b"--B\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n\r\nHi\r\n--C--\r\n--B--",
        *("laid flat", 1),
    ),
]


@pytest.mark.parametrize(("what", "data", "note", "count"), REPAIRS, ids=[r[0] for r in REPAIRS])
def test_each_repair_is_told(what: str, data: bytes, note: str, count: int) -> None:
    read = unpack(data)

    assert any(note in text for text in read.notes), (what, read.notes)
    assert len(_entries(read.content)) == count


# What senders write for the same content -> it is found all the same
SAME = [
    b'multipart/related; type="application/smil"; start="<s>"; boundary="B"',
    b'multipart/related;Type="application/smil";Start="<s>";Boundary=B',
    b"multipart/related; start=s; boundary=B",
    b'multipart/related;\r\n\tboundary="B"',
    b"multipart/mixed; boundary=B; charset=us-ascii",
]


@pytest.mark.parametrize("content_type", SAME)
def test_spellings_of_one_content_type_mean_the_same(content_type: bytes) -> None:
    image = b"--B \r\nContent-Type: image/gif\r\n\r\nGIF89a\r\n--B--"
    read = unpack(MAIL + b"Content-Type: " + content_type + b"\r\n\r\n" + SMIL_PART + image)

    assert read.content.presentation is not None
    assert read.content.presentation.data == b"<smil/>"
    assert [p.data for p in read.content.parts] == [b"GIF89a"]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'Content-Type: image/jpeg; name="a b.jpg"', "a b.jpg"),
        (b"Content-Type: image/jpeg; name*=utf-8''Stra%C3%9Fe.jpg", "Straße.jpg"),
        (b"Content-Type: image/jpeg; name*0=Stra; name*1=nd.jpg", "Strand.jpg"),
        (b'Content-Type: image/jpeg; name="=?utf-8?b?U3RyYcOfZS5qcGc=?="', "Straße.jpg"),
        (b"Content-Type: image/jpeg\r\nContent-Disposition: attachment; filename=x.jpg", "x.jpg"),
        (b"content-type:image/jpeg;name=x.jpg", "x.jpg"),
        (b"Content-Type: image/jpeg; name=", ""),
    ],
)
def test_names_are_read_however_they_are_written(raw: bytes, name: str) -> None:
    part = unpack(MAIL + raw + b"\r\n\r\nx").content.parts[0]

    assert (part.media_type, part.name) == ("image/jpeg", name)


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"Hi", "Hi"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?=", "Grüße"),
        (b"=?iso-8859-1?q?Gr=FC=DFe?= an alle", "Grüße an alle"),
        (b"=?x-unknown?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?b?broken", "=?utf-8?b?broken"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"folded\r\n\tonce", "folded once"),
    ],
)
def test_subjects_are_read_however_they_are_written(raw: bytes, subject: str) -> None:
    assert unpack(b"Subject: " + raw + b"\r\n\r\nx").content.subject == subject


@pytest.mark.parametrize(
    ("raw", "to"),
    [
        (b"a@b.cc, +1206/TYPE=PLMN@mms.net", ("a@b.cc", "+1206")),
        (b'"Last, First" <a@b.cc>, "x" (home) <c@d.ee>', ("a@b.cc", "c@d.ee")),
        (b"Friends: a@b.cc, c@d.ee; e@f.gg", ("a@b.cc", "c@d.ee", "e@f.gg")),
        (b"undisclosed-recipients:;", ()),
        (b"a@b.cc (one (two) three), , c@d.ee", ("a@b.cc", "c@d.ee")),
        (b"=?utf-8?q?J=C3=BCrgen?= <a@b.cc>", ("a@b.cc",)),
        (b"a@b.cc,\r\n\tc@d.ee", ("a@b.cc", "c@d.ee")),
        (b"12345", ("12345",)),
        (b"", ()),
    ],
)
def test_address_lists_are_read_however_they_are_written(raw: bytes, to: tuple[str, ...]) -> None:
    assert unpack(b"Subject: x\r\nTo: " + raw + b"\r\n\r\nx").envelope.to == to


def test_a_body_alone_is_read_with_its_content_type_or_without() -> None:
    packed = pack(RICH, FULL, "mime")
    message = _stdlib(packed.data)
    body = packed.data.partition(b"\r\n\r\n")[2]
    stated = unpack(body, str(message["Content-Type"]))
    guessed = unpack(body)

    assert stated.content == replace(unpack(packed.data).content, subject="")
    assert stated.notes == ()
    assert guessed.content.parts == stated.content.parts
    assert "names no boundary" in guessed.notes[0]


@pytest.mark.parametrize(
    "raw", [b"Mon, 99 Foo", b"", b"Thu, 01 Jan 1920 00:00:00 +0000", b"Tue, 14 Nov 99999 22:13:20 +0000"]
)
def test_a_date_that_is_none_is_not_taken(raw: bytes) -> None:
    assert unpack(b"Subject: x\r\nDate: " + raw + b"\r\n\r\nx").envelope.date_s is None


def test_parts_nesting_and_headers_are_bounded() -> None:
    many = RELATED + b"--B\r\n\r\nx\r\n" * 70 + b"--B--"
    deep = MAIL + b"".join(b"Content-Type: multipart/mixed; boundary=B%d\r\n\r\n--B%d\r\n" % (i, i) for i in range(20))
    long_field = MAIL + b"X: " + b"y" * 20_000 + b"\r\n\r\nx"
    long_header = MAIL + b"X: y\r\n" * 100_000 + b"\r\nx"

    for data in (many, deep, long_field, long_header):
        with pytest.raises(OverLimits):
            unpack(data)


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        (b"X-Mms-Message-Type: m-send.req", "message_type", "m-send-req"),
        (b"X-MMS-Message-Type: m-retrieve-conf", "message_type", "m-retrieve-conf"),
        (b"X-Mms-Message-Type: m-nothing", "message_type", "m-send-req"),
        (b"X-Mms-Priority: HIGH", "priority", "high"),
        (b"X-Mms-Priority: urgent", "priority", "normal"),
        (b"X-Mms-Message-Class: Auto", "message_class", "auto"),
        (b"X-Mms-Expiry: 3600", "expiry_s", 3600),
        (b"X-Mms-Expiry: Tue, 14 Nov 2023 22:13:20 +0000", "expiry_s", None),
        (b"X-Mms-Delivery-Report: yes", "delivery_report", True),
        (b"X-Mms-Read-Reply: No", "read_report", False),
        (b"X-Mms-Transaction-Id: t", "transaction_id", "t"),
    ],
)
def test_x_mms_fields_are_taken_when_they_say_something(field: bytes, attribute: str, value: object) -> None:
    assert getattr(unpack(b"Subject: x\r\n" + field + b"\r\n\r\nx").envelope, attribute) == value


def test_a_field_that_holds_a_line_break_is_our_own_mistake() -> None:
    for value in ("a\r\nb", "a\nb", "a\rb", "a\0b"):
        with pytest.raises(ValueError, match="line break"):
            headers.field("X", value)
    with pytest.raises(ValueError, match="line break"):
        headers.parameterised("a/b", {"name": "x\r\ny"})


@steady
@given(st.binary(max_size=120), st.binary(max_size=40))
def test_no_bytes_break_the_reader(head: bytes, body: bytes) -> None:
    for data in (b"Subject: x\r\n" + head + b"\r\n\r\n" + body, RELATED + head + b"\r\n--B\r\n" + body):
        try:
            unpack(data)
        except MMSContentError:
            continue


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30)


@steady
@given(TEXT, TEXT, TEXT, TEXT)
def test_every_text_of_a_part_comes_back(name: str, content_id: str, location: str, subject: str) -> None:
    name, location, subject = name.strip(), location.strip(), subject.strip()
    content_id = content_id.strip("<> \u3000").strip()
    part = Part(b"x", "image/jpeg", name=name, content_id=content_id.strip("<>"), content_location=location)
    content = Content((part,), SMIL, subject)

    read = unpack(mime.write_message(content, Envelope()))

    assert read.content == content
