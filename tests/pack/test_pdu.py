"""The binary form: every message type and field both ways, real messages, and what damage may and may not do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent, MMSContentError, OverLimits
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import assigned, pdu, wsp
from mmscontent.pack.pdu import Counted, Element, Flag, Octets, Pdu, Time, Total
from mmscontent.pack.pdu.values import FIELD_CODECS
from tests.conftest import CorpusFile, corpus_files
from tests.pack.messages import FULL, RICH, steady

REAL = corpus_files("mms-pdu")
every_real = pytest.mark.parametrize("case", REAL, ids=lambda c: c.name)

# Field -> (value, its octets without the field's number)
FIELDS: dict[str, list[tuple[Any, str]]] = {
    "Bcc": [("+4912345/TYPE=PLMN", "2b343931323334352f545950453d504c4d4e00")],
    "Cc": [("ada@example.org", "616461406578616d706c652e6f726700")],
    "X-Mms-Content-Location": [("http://m/1", "687474703a2f2f6d2f3100")],
    "Date": [(1_700_000_000, "046553f100")],
    "X-Mms-Delivery-Report": [(True, "80"), (False, "81")],
    "X-Mms-Delivery-Time": [(Time(1_700_000_000, relative=False), "0680046553f100")],
    "X-Mms-Expiry": [(Time(86_400), "058103015180"), (Time(0), "03810100")],
    "From": [("", "0181"), ("+1", "04802b3100"), ("é", "0780 05ea7fc3a900")],
    "X-Mms-Message-Class": [("personal", "80"), ("auto", "83"), ("NewClass", "4e6577436c61737300")],
    "Message-ID": [("1@mms", "31406d6d7300")],
    "X-Mms-MMS-Version": [("1.0", "90"), ("1.3", "93"), ("2", "af"), ("02", "303200"), ("9.9", "392e3900")],
    "X-Mms-Message-Size": [(307_200, "0304b000"), (5, "0105")],
    "X-Mms-Priority": [("low", "80"), ("high", "82")],
    "X-Mms-Read-Report": [(True, "80")],
    "X-Mms-Report-Allowed": [(False, "81")],
    "X-Mms-Response-Status": [("ok", "80"), ("error-permanent-content-not-accepted", "e5")],
    "X-Mms-Response-Text": [("Done", "446f6e6500")],
    "X-Mms-Sender-Visibility": [("hide", "80")],
    "X-Mms-Status": [("expired", "80"), ("unreachable", "87")],
    "Subject": [("Hi", "486900"), ("", "00"), ("é", "05ea7fc3a900"), ('"q"', "7f2271 2200".replace(" ", ""))],
    "To": [("12345", "313233343500")],
    "X-Mms-Transaction-ID": [("T1", "543100")],
    "X-Mms-Retrieve-Status": [("ok", "80"), ("error-permanent-content-unsupported", "e3")],
    "X-Mms-Retrieve-Text": [("gone", "676f6e6500")],
    "X-Mms-Read-Status": [("read", "80"), ("deleted-without-being-read", "81")],
    "X-Mms-Reply-Charging": [("requested", "80")],
    "X-Mms-Reply-Charging-Deadline": [(Time(60), "0381013c")],
    "X-Mms-Reply-Charging-ID": [("r", "7200")],
    "X-Mms-Reply-Charging-Size": [(30_720, "027800")],
    "X-Mms-Previously-Sent-By": [(Counted(1, "+1"), "04812b3100")],
    "X-Mms-Previously-Sent-Date": [(Counted(1, 1_700_000_000), "0681046553f100")],
    "X-Mms-Store": [(True, "80")],
    "X-Mms-MM-State": [("draft", "80")],
    "X-Mms-MM-Flags": [(Flag("add", "a"), "03806100"), (Flag("filter", "b"), "03826200")],
    "X-Mms-Store-Status": [("success", "80")],
    "X-Mms-Store-Status-Text": [("ok", "6f6b00")],
    "X-Mms-Stored": [(True, "80")],
    "X-Mms-Attributes": [("Subject", "96")],
    "X-Mms-Totals": [(True, "80")],
    "X-Mms-Mbox-Totals": [(Total("messages", 5), "028085"), (Total("bytes", 1000), "048102 03e8".replace(" ", ""))],
    "X-Mms-Quotas": [(True, "80")],
    "X-Mms-Mbox-Quotas": [(Total("bytes", 5), "028185")],
    "X-Mms-Message-Count": [(3, "83")],
    "X-Mms-Start": [(0, "80")],
    "Additional-Headers": [(Octets(b"\x01\x81"), "0181")],
    "X-Mms-Distribution-Indicator": [(True, "80")],
    "X-Mms-Element-Descriptor": [(Element("cid:a"), "066369643a6100")],
    "X-Mms-Limit": [(10, "8a")],
    "X-Mms-Recommended-Retrieval-Mode": [("manual", "80")],
    "X-Mms-Recommended-Retrieval-Mode-Text": [("big", "62696700")],
    "X-Mms-Status-Text": [("ok", "6f6b00")],
    "X-Mms-Applic-ID": [("a.b", "612e6200")],
    "X-Mms-Reply-Applic-ID": [("a.b", "612e6200")],
    "X-Mms-Aux-Applic-Info": [("x", "7800")],
    "X-Mms-Content-Class": [("megapixel", "85")],
    "X-Mms-DRM-Content": [(False, "81")],
    "X-Mms-Adaptation-Allowed": [(True, "80")],
    "X-Mms-Replace-ID": [("m1", "6d3100")],
    "X-Mms-Cancel-ID": [("m1", "6d3100")],
    "X-Mms-Cancel-Status": [("request-received", "80")],
}
ROWS = [(name, value, octets) for name, values in FIELDS.items() for value, octets in values]

# One message of every type, with the fields its table in MMS-ENC asks for.
TID, VERSION = ("X-Mms-Transaction-ID", "T1"), ("X-Mms-MMS-Version", "1.2")
FROM, TO, DATE, ID = ("From", "+1/TYPE=PLMN"), ("To", "+2/TYPE=PLMN"), ("Date", 1_700_000_000), ("Message-ID", "m@1")
LOCATION = ("X-Mms-Content-Location", "http://mms/1")
OK = ("X-Mms-Response-Status", "ok")
BODY = Content((Part(b"Hi", "text/plain", name="a.txt", content_id="a", content_location="a.txt", charset="utf-8"),))
MESSAGES = [
    Pdu("m-send-req", (TID, VERSION, DATE, FROM, TO, ("Subject", "Hi")), BODY),
    Pdu("m-send-conf", (TID, VERSION, OK, ID)),
    Pdu(
        "m-notification-ind",
        (
            *(TID, VERSION, FROM, ("X-Mms-Message-Class", "personal"), ("X-Mms-Message-Size", 30_000), LOCATION),
            ("X-Mms-Expiry", Time(86_400)),
        ),
    ),
    Pdu("m-notifyresp-ind", (TID, VERSION, ("X-Mms-Status", "retrieved"), ("X-Mms-Report-Allowed", True))),
    Pdu("m-retrieve-conf", (TID, VERSION, ID, DATE, FROM, TO), BODY),
    Pdu("m-retrieve-conf", (VERSION, ("X-Mms-Retrieve-Status", "error-permanent-message-not-found"), DATE)),
    Pdu("m-acknowledge-ind", (TID, VERSION, ("X-Mms-Report-Allowed", False))),
    Pdu("m-delivery-ind", (VERSION, ID, TO, DATE, ("X-Mms-Status", "expired"))),
    Pdu("m-read-rec-ind", (VERSION, ID, TO, FROM, ("X-Mms-Read-Status", "read"))),
    Pdu("m-read-orig-ind", (VERSION, ID, TO, FROM, DATE, ("X-Mms-Read-Status", "deleted-without-being-read"))),
    Pdu("m-forward-req", (TID, VERSION, FROM, TO, LOCATION, ("X-Mms-Previously-Sent-By", Counted(1, "+3")))),
    Pdu("m-forward-conf", (TID, VERSION, OK, ID)),
    Pdu("m-mbox-store-req", (TID, VERSION, LOCATION, ("X-Mms-MM-State", "new"), ("X-Mms-MM-Flags", Flag("add", "x")))),
    Pdu("m-mbox-store-conf", (TID, VERSION, LOCATION, ("X-Mms-Store-Status", "success"))),
    Pdu("m-mbox-view-req", (TID, VERSION, ("X-Mms-Attributes", "Subject"), ("X-Mms-Start", 0), ("X-Mms-Limit", 9))),
    Pdu("m-mbox-view-conf", (TID, VERSION, OK, ("X-Mms-Mbox-Totals", Total("messages", 2))), BODY),
    Pdu("m-mbox-upload-req", (TID, VERSION, ("X-Mms-MM-State", "draft")), BODY),
    Pdu("m-mbox-upload-conf", (TID, VERSION, LOCATION, ("X-Mms-Store-Status", "success"))),
    Pdu("m-mbox-delete-req", (TID, VERSION, LOCATION)),
    Pdu(
        "m-mbox-delete-conf",
        (
            *(TID, VERSION, ("X-Mms-Content-Location", Counted(1, "http://mms/1"))),
            *(("X-Mms-Response-Status", Counted(1, "ok")), ("X-Mms-Response-Text", Counted(1, "gone"))),
        ),
    ),
    Pdu("m-mbox-descr", (ID, FROM, ("Subject", "Hi")), BODY),
    Pdu("m-delete-req", (TID, VERSION, LOCATION)),
    Pdu("m-delete-conf", (TID, VERSION, OK)),
    Pdu("m-cancel-req", (TID, VERSION, ("X-Mms-Cancel-ID", "m1"))),
    Pdu("m-cancel-conf", (TID, VERSION, ("X-Mms-Cancel-Status", "request-received"))),
]
every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.message_type)


def test_every_field_and_message_type_has_a_case() -> None:
    named = {row.name for row in assigned.FIELDS.values() if row.kind not in ("body", "message-type")}

    assert set(FIELDS) == named
    assert {m.message_type for m in MESSAGES} == set(assigned.MESSAGE_TYPE_CODES)


@pytest.mark.parametrize(("name", "value", "octets"), ROWS, ids=[f"{n}={v}" for n, v, _ in ROWS])
def test_a_field_is_written_as_its_octets_and_read_back(name: str, value: Any, octets: str) -> None:
    code = assigned.FIELD_BY_NAME[name.lower()].code
    data = b"\x8c\x82" + bytes((0x80 | code,)) + bytes.fromhex(octets)

    assert pdu.write_pdu(Pdu("m-notification-ind", ((name, value),))) == data
    reading = pdu.read_pdu(data)
    assert reading.pdu.headers == ((name, value),)
    assert reading.notes == ()


@pytest.mark.parametrize(("name", "value", "octets"), ROWS, ids=[f"{n}={v}" for n, v, _ in ROWS])
def test_a_damaged_field_is_kept_as_octets_or_refused(name: str, value: Any, octets: str) -> None:
    code = bytes((0x80 | assigned.FIELD_BY_NAME[name.lower()].code,))
    whole = bytes.fromhex(octets)
    tail = pdu.write_pdu(Pdu("m-notification-ind", (("Date", 5),)))[2:]
    for damaged in (*(whole[:end] for end in range(len(whole))), b"\x03\x01\x02\x03", b"\x02\xff\xff", b"\xfe"):
        try:
            reading = pdu.read_pdu(b"\x8c\x82" + code + damaged + tail)
        except MMSContentError:
            continue
        written = pdu.write_pdu(reading.pdu)
        assert pdu.read_pdu(written).pdu == reading.pdu, (name, value, damaged)


@every_message
def test_every_message_type_goes_both_ways(message: Pdu) -> None:
    octets = pdu.write_pdu(message)
    reading = pdu.read_pdu(octets)

    assert reading.pdu == message
    assert reading.notes == ()
    assert pdu.pdu_size(message) == len(octets)
    assert pdu.unpacked_of(reading).envelope.message_type == message.message_type


@every_message
def test_every_message_cut_anywhere_or_trailed_by_garbage_stays_within_our_errors(message: Pdu) -> None:
    octets = pdu.write_pdu(message)
    for end in range(len(octets)):
        try:
            reading = pdu.read_pdu(octets[:end])
        except MMSContentError:
            continue
        assert reading.pdu.message_type == message.message_type
        pdu.unpacked_of(reading)
    for garbage in (b"\x00", b"\xff" * 9, b"X", b"\x1f\xff\xff\xff\xff\x7f", b"\x84\xb3\x01"):
        try:
            pdu.unpacked_of(pdu.read_pdu(octets + garbage))
        except MMSContentError:
            continue


def test_type_transaction_and_version_come_first_and_the_body_last() -> None:
    octets = pdu.write_pdu(Pdu("m-send-req", (("To", "1"), VERSION, ("Subject", "x"), TID), BODY))

    assert octets.startswith(b"\x8c\x80\x98T1\0\x8d\x92\x97")
    assert octets.index(b"\x84\xa3") > octets.index(b"\x96x\0")


def test_a_quoted_string_has_no_closing_quote_and_names_take_the_old_numbers() -> None:
    octets = pdu.write_pdu(Pdu("m-send-req", (TID, VERSION), BODY))

    assert b'\xc0"<a>\0' in octets
    assert b"\x83\x81\xea\x85a.txt\0" in octets
    assert b"\x83\x81\xea\x97a.txt\0" in pdu.write_pdu(Pdu("m-send-req", (TID, VERSION), BODY), parameters="modern")


@pytest.mark.parametrize("style", assigned.WRITTEN_PARAMETERS)
def test_both_ways_to_number_parameters_are_read(style: str) -> None:
    message = pdu.pdu_of(RICH, FULL)
    octets = pdu.write_pdu(message, parameters=style)

    assert pdu.pdu_size(message, parameters=style) == len(octets)
    assert pdu.read_pdu(octets).pdu.content == replace(RICH, subject="")


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("+12065550100", "+12065550100/TYPE=PLMN"),
        ("2065550100", "2065550100/TYPE=PLMN"),
        ("12345", "12345"),
        ("ada@example.org", "ada@example.org"),
        ("*111#", "*111#"),
        ("10.0.0.1/TYPE=IPv4", "10.0.0.1/TYPE=IPv4"),
        ("INFO", "INFO"),
    ],
)
def test_addresses_get_their_type_and_lose_it(address: str, wire: str) -> None:
    message = pdu.pdu_of(BODY, Envelope(sender=address, to=(address,), cc=(address,), bcc=(address,)))

    assert {message.get(name) for name in ("From", "To", "Cc", "Bcc")} == {wire}
    read = pdu.unpacked_of(pdu.read_pdu(pdu.write_pdu(message)))
    assert {read.envelope.sender, *read.envelope.to, *read.envelope.cc, *read.envelope.bcc} == {address}


def test_a_sender_with_a_name_before_it_is_its_address() -> None:
    message = Pdu("m-send-req", (("From", "NowMMS <nowsms@now.co.uk>"), ("To", "Ada <+491234567/TYPE=PLMN>")))
    read = pdu.unpacked_of(pdu.read_pdu(pdu.write_pdu(message)))

    assert (read.envelope.sender, read.envelope.to) == ("nowsms@now.co.uk", ("+491234567",))


def test_an_empty_sender_becomes_the_insert_address_token() -> None:
    assert b"\x89\x01\x81" in pdu.write_pdu(pdu.pdu_of(BODY, Envelope()))


def test_a_retrieve_conf_without_date_is_refused_since_phones_refuse_it() -> None:
    with pytest.raises(ValueError, match="date_s"):
        pdu.pdu_of(BODY, Envelope(message_type="m-retrieve-conf"))


def test_a_retrieve_conf_is_written_for_the_phone() -> None:
    envelope = Envelope(
        sender="+1", to=("+2",), message_type="m-retrieve-conf", date_s=5, message_id="m1", transaction_id="T"
    )
    message = pdu.pdu_of(BODY, envelope)

    assert message.get("Message-ID") == "m1"
    assert message.get("X-Mms-Expiry") is None
    assert pdu.unpacked_of(pdu.read_pdu(pdu.write_pdu(message))).envelope == envelope


@pytest.mark.parametrize(
    ("name", "value"),
    [("Date", "soon"), ("X-Mms-Priority", "urgent"), ("X-Mms-Expiry", 5), ("Subject", 5), ("X Y", "z"), ("X-Y", True)],
)
def test_a_value_of_the_wrong_kind_is_our_own_mistake(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        pdu.write_pdu(Pdu("m-send-req", ((name, value),)))


@pytest.mark.parametrize(("message_type", "headers"), [("m-foo", ()), ("m-send-req", (("Content-Type", "x"),))])
def test_an_impossible_message_cannot_be_made(message_type: str, headers: Any) -> None:
    with pytest.raises(ValueError, match=r"Content-Type|m-foo"):
        Pdu(message_type, headers)


# What real and hostile senders do -> what is noted
REPAIRS = [
    ("a second message type", b"\x8c\x80" + b"\x8c\x84" + b"\x98T\0", "second message type"),
    ("an unknown field", b"\x8c\x80" + b"\xc5\x81", "no known field"),
    ("a value that is none of its field's", b"\x8c\x80" + b"\x8f\x90", "kept as octets"),
    ("a single text body", b"\x8c\x84" + b"\x84\x83Hello", "single text/plain"),
    ("a part cut off", b"\x8c\x84" + b"\x84\xa3\x01\x01\x05\x83Hel", "cut off: 3 of 5"),
    ("a part announced but absent", b"\x8c\x84" + b"\x84\xa3\x02\x01\x01\x83H", "after 1 of 2 parts"),
    ("octets after the last part", b"\x8c\x84" + b"\x84\xa3\x01\x01\x01\x83HXX", "2 octets follow"),
    ("a closing quote", b"\x8c\x84" + b'\x84\xa3\x01\x08\x01\x83\xc0"<a>"\0H', "closing quotation mark"),
    ("a start that names nothing", b"\x8c\x84\x84\x07\xb3\x8a<zz>\0\x01\x11\x01application/smil\0H", "no part"),
    ("a nested multipart", b"\x8c\x84" + b"\x84\xa3\x01\x01\x05\xa6\x01\x01\x01\x83H", "laid flat"),
]


@pytest.mark.parametrize(("what", "octets", "note"), REPAIRS, ids=[r[0] for r in REPAIRS])
def test_each_repair_is_told(what: str, octets: bytes, note: str) -> None:
    reading = pdu.read_pdu(octets)

    assert any(note in text for text in reading.notes), (what, reading.notes)
    assert pdu.read_pdu(pdu.write_pdu(reading.pdu)).pdu == reading.pdu


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (b"\x83\xae\x08\x81\x86a.txt\0", ("a.txt", "", "attachment")),
        (b"\x83\xc5inline\0", ("", "", "inline")),
        (b"\x83Content-Location\0b.txt\0", ("", "b.txt", "")),
        (b"\x0atext/html\0", ("", "", "")),
        (b"\x0bimage/x\0\x80q\0", ("", "", "")),
        (b"\x05\x83\x17q\0\0", ("", "", "")),
        (b"\x83\x8e\x05\x01\x02", ("", "", "")),
        (b"\x83\x8d\x05", ("", "", "")),
        (b"\x83\x92\x04\x65\x53\xf1\0", ("", "", "")),
    ],
)
def test_part_headers_of_any_kind_are_read_as_far_as_they_go(entry: bytes, found: tuple[str, str, str]) -> None:
    octets = b"\x8c\x84\x84\xa3\x01" + wsp.uintvar(len(entry)) + b"\x01" + entry + b"H"
    reading = pdu.read_pdu(octets)
    assert reading.pdu.content is not None
    part = reading.pdu.content.parts[0]
    disposition = dict(reading.part_headers).get("Part-1-Content-Disposition", "")

    assert (part.name, part.content_location, disposition) == found
    assert part.data == b"H"


def test_every_kind_of_value_can_be_told_in_words() -> None:
    told = {pdu.as_text(value) for _, value, _ in ROWS}

    assert {"yes", "no", "86400 s from now", "1700000000 s since 1970", "1: +1", "add a", "1000 bytes", "0181"} <= told


@pytest.mark.parametrize(
    "octets",
    ["8c", "8c7f", "8c98", "8c828940", "8c8097", "8c80 05", "8c80 0a41", "8c80 1f", "8c84 8403", "8c80 98 8080808080"],
)
def test_what_cannot_be_delimited_is_refused(octets: str) -> None:
    with pytest.raises(MalformedContent):
        pdu.read_pdu(bytes.fromhex(octets.replace(" ", "")))


def test_parts_and_nesting_are_bounded() -> None:
    many = b"\x8c\x84\x84\xa3" + wsp.uintvar(70) + b"\x01\x01\x83H" * 70
    deep = b"H"
    for _ in range(20):
        deep = b"\x01\x01" + wsp.uintvar(len(deep)) + b"\xa3" + deep

    for octets in (many, b"\x8c\x84\x84\xa3" + deep, b"\x8c\x80" + b"\x97a\0" * 600):
        with pytest.raises(OverLimits):
            pdu.read_pdu(octets)


def test_a_nested_multipart_that_claims_more_than_there_is_does_not_read_past_it() -> None:
    inner = b"\x02" + b"\x01\x01\x83H" + b"\x01\x7f\x83"
    octets = b"\x8c\x84\x84\xa3\x02\x01" + wsp.uintvar(len(inner)) + b"\xa3" + inner + b"\x01\x01\x83Z"

    reading = pdu.read_pdu(octets)

    assert reading.pdu.content is not None
    assert [p.data for p in reading.pdu.content.parts] == [b"H", b"", b"Z"]


# --- real messages -------------------------------------------------------------------------------------------------


@every_real
def test_a_real_message_is_read_whole_and_means_the_same_written_again(case: CorpusFile) -> None:
    reading = pdu.read_pdu(case.path.read_bytes())
    written = pdu.write_pdu(reading.pdu)

    assert reading.notes == ()
    assert pdu.read_pdu(written).pdu == reading.pdu
    assert pdu.pdu_size(reading.pdu) == len(written)


# name ending -> type, sender, first recipient, subject, presentation's id, [(part type, octets)]
FACTS = {
    "BTMMS.MMS": (
        "m-retrieve-conf",
        "",
        "",
        "BT Ignite MMS",
        "btmms.smil",
        ["image/gif 10430", "audio/amr 9638", "text/plain 25"],
    ),
    "iPhone.mms": ("m-send-req", "", "1337", "", "0.smil", ["image/jpeg 213580"]),
    "openwave.mms": ("m-send-req", "+16505550000", "112", "rubrik", "smil_0", ["text/plain 6"]),
    "SIMPLE.MMS": ("m-retrieve-conf", "", "", "Simple message", "", ["text/plain 58"]),
    "27d0a048cd79555de05283a22372b0eb.mms": (
        *("m-send-req", "", "123", "Angående art-tillhörighet", "AAAA"),
        ["image/vnd.wap.wbmp 134", "text/plain 19"],
    ),
    "rc-mms-1-3-con-211.mms": (
        "m-retrieve-conf",
        "+33622222222",
        "+33666565565",
        "Shõrt Téxt - ¥üëäÿ",
        "SMIL",
        ["text/plain 14"],
    ),
    "ni-mms-1-3-con-271.mms": (
        "m-notification-ind",
        "+44123989100",
        "",
        "abcdefghijklmnopqrstuvwxyz0123456789/-+@",
        "",
        [],
    ),
    "di-mms-1.mms": ("m-delivery-ind", "", "+33666565565", "", "", []),
}


@pytest.mark.parametrize("case", [c for c in REAL if c.path.name in FACTS], ids=lambda c: c.path.name)
def test_what_a_real_message_says_is_understood(case: CorpusFile) -> None:
    read = pdu.unpacked_of(pdu.read_pdu(case.path.read_bytes()))
    to = read.envelope.to[0] if read.envelope.to else ""
    start = read.content.presentation.content_id if read.content.presentation else ""
    parts = [f"{p.media_type} {len(p.data)}" for p in read.content.parts]

    assert (read.envelope.message_type, read.envelope.sender, to, read.content.subject, start, parts) == FACTS[
        case.path.name
    ]


@every_real
def test_a_real_message_cut_anywhere_is_read_in_part_or_refused(case: CorpusFile) -> None:
    octets = case.path.read_bytes()
    step = max(1, len(octets) // 400)
    for end in (*range(min(300, len(octets))), *range(300, len(octets), step)):
        try:
            pdu.unpacked_of(pdu.read_pdu(octets[:end]))
        except MMSContentError:
            continue


# --- properties ----------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs", "Cc")), max_size=20).filter(
    lambda text: not text.startswith("\ufeff")
)
NUMBERS = st.integers(0, 2**40)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": WORDS,
    "encoded": WORDS,
    "from": WORDS,
    "date": NUMBERS,
    "long": NUMBERS,
    "integer": NUMBERS,
    "yes-no": st.booleans(),
    "time": st.builds(Time, NUMBERS, relative=st.booleans()),
    "version": st.sampled_from(["1.0", "1.1", "1.2", "1.3", "2"]),
    "field-name": st.sampled_from(["Subject", "To", "X-Mms-Priority"]),
    "flags": st.builds(Flag, st.sampled_from(["add", "remove", "filter"]), WORDS),
    "total": st.builds(Total, st.sampled_from(["messages", "bytes"]), NUMBERS),
    "element": st.builds(Element, WORDS, st.binary(max_size=9)),
    "octets": st.binary(max_size=9).map(lambda b: Octets(wsp.with_length(b))),
    "counted-encoded": st.builds(Counted, NUMBERS, WORDS),
    "counted-date": st.builds(Counted, NUMBERS, NUMBERS),
    **{name: st.sampled_from(list(tokens.values())) for name, tokens in assigned.TOKENS.items()},
}
HEADERS = st.sampled_from([row for row in assigned.FIELDS.values() if row.kind in VALUES]).flatmap(
    lambda row: st.tuples(st.just(row.name), VALUES[row.kind])
)
NAMES = st.text("abcXYZ019._-", max_size=12)
PARTS = st.builds(
    Part,
    st.binary(max_size=300),
    st.sampled_from(["text/plain", "image/jpeg", "video/3gpp", "application/x-odd", "text/x-vcard"]),
    name=NAMES,
    content_id=NAMES,
    content_location=NAMES,
    charset=st.sampled_from(["", "utf-8", "us-ascii", "iso-8859-1", "x-unheard-of"]),
)
SMILS = st.builds(Part, st.binary(max_size=50), st.just("application/smil"), content_id=NAMES)


@steady
@given(
    st.sampled_from([t for t in assigned.MESSAGE_TYPE_CODES if t not in assigned.COUNTED_FIELDS]),
    st.lists(HEADERS, max_size=12),
    st.none() | st.builds(Content, st.lists(PARTS, max_size=5).map(tuple), st.none() | SMILS),
)
def test_every_message_made_of_legal_values_comes_back(
    message_type: str, headers: list[tuple[str, Any]], content: Content | None
) -> None:
    message = Pdu(message_type, tuple(headers), content)
    octets = pdu.write_pdu(message)
    reading = pdu.read_pdu(octets)

    assert reading.pdu == message
    assert pdu.pdu_size(message) == len(octets)


@steady
@given(st.sampled_from(sorted(FIELD_CODECS)), st.binary(max_size=20))
def test_no_octets_break_a_value_reader(kind: str, octets: bytes) -> None:
    try:
        FIELD_CODECS[kind].read(octets)
    except (MalformedContent, IndexError):  # the two the reader of messages answers by keeping the octets
        return
