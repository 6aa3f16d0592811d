"""MM4: every message type both ways, the spellings real operators use, and mails that carry its fields."""

from __future__ import annotations

import email
from dataclasses import replace
from email import policy

import pytest

from mmscontent.errors import MalformedContent, MMSContentError
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import mm4
from mmscontent.pack.mm4 import MESSAGE_TYPES, REQUEST_STATUSES, Mm4, Peer
from mmscontent.pack.registry import unpack
from tests.conftest import corpus_files
from tests.pack.messages import FULL, RICH

PEER = Peer("mms.mnc001.mcc310.gprs", "6.5.0", "system@mms.mnc001.mcc310.gprs")
BODY = Content((Part(b"Hi", "text/plain", name="a.txt", content_id="a", content_location="a.txt", charset="utf-8"),))


def _filled(message_type: str) -> Mm4:
    fields = tuple((name, True if name in mm4._YES else f"{name[6:]} text") for name in MESSAGE_TYPES[message_type])
    content = BODY if message_type == "MM4_forward.REQ" else None
    people = ("+12065550100", ("+12065550101", "ada@example.org"), ("+12065550102",))
    return Mm4(message_type, *people, 1_700_000_000, "Grüße", fields, content, "6.10.0")


MESSAGES = [_filled(message_type) for message_type in MESSAGE_TYPES]
every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.message_type)


@every_message
def test_every_message_with_every_field_goes_both_ways(message: Mm4) -> None:
    data = mm4.write_mm4(message, PEER)
    reading = mm4.read_mm4(data)

    assert reading.message == message
    assert reading.notes == ()
    assert mm4.mm4_size(message, PEER) == len(data)
    assert unpack(data).encoding == "mm4"


@every_message
def test_the_standard_library_reads_it_without_a_defect(message: Mm4) -> None:
    parsed = email.message_from_bytes(mm4.write_mm4(message, PEER), policy=policy.default)

    assert parsed["X-Mms-Message-Type"] == message.message_type
    assert [a.addr_spec for a in parsed["To"].addresses] == [
        "+12065550101/TYPE=PLMN@mms.mnc001.mcc310.gprs",
        "ada@example.org",
    ]
    for part in parsed.walk():
        assert part.defects == []


@every_message
def test_every_message_cut_anywhere_stays_within_our_errors(message: Mm4) -> None:
    data = mm4.write_mm4(message, PEER)
    for end in range(0, len(data), 3):
        try:
            unpack(data[:end])
        except MMSContentError:
            continue


def test_a_forward_request_says_what_the_envelope_says() -> None:
    message = mm4.mm4_of(RICH, FULL, PEER)
    read = mm4.unpacked_of(mm4.read_mm4(mm4.write_mm4(message, PEER)))

    assert message.get("X-Mms-Ack-Request") is True
    assert message.get("X-Mms-Originator-System") == "system@mms.mnc001.mcc310.gprs"
    assert str(message.get("X-Mms-Message-ID")).endswith("@mms.mnc001.mcc310.gprs")
    assert replace(read.envelope, message_id="") == replace(FULL, bcc=())
    assert read.content.subject == RICH.subject


def test_without_an_originator_system_no_answer_is_asked_for() -> None:
    assert mm4.mm4_of(BODY, Envelope()).get("X-Mms-Ack-Request") is False


def test_hidden_recipients_are_left_to_the_smtp_envelope() -> None:
    assert b"+12065550103" not in mm4.write_mm4(mm4.mm4_of(RICH, FULL, PEER), PEER)


# As real operators write them -> what is understood of each
HEAD = b"From: +12065550100/TYPE=PLMN@a.net\r\nTo: +12065550101/TYPE=PLMN@b.net\r\n"
SPELLINGS = [
    (b"X-Mms-3GPP-MMS-Version: 6.10.0", b"X-Mms-Transaction-ID: t1", b"X-Mms-Message-ID: m1@a"),
    (b"X-Mms-3GPP-Mms-Version: 6.10.0", b'X-Mms-Transaction-Id: "t1"', b'X-Mms-Message-Id: "m1@a"'),
    (b"x-mms-3gpp-mms-version:6.10.0", b"x-mms-transaction-id:t1", b"x-mms-message-id:\r\n m1@a"),
]


@pytest.mark.parametrize("rows", SPELLINGS)
def test_spellings_of_one_header_mean_the_same(rows: tuple[bytes, ...]) -> None:
    data = HEAD + b"X-MMS-Message-Type: mm4_forward.req\r\n" + b"\r\n".join(rows) + b"\r\nSubject:\r\n\r\nHi"
    read = unpack(data)

    assert (read.envelope.transaction_id, read.envelope.message_id) == ("t1", "m1@a")
    assert (read.envelope.sender, read.envelope.to) == ("+12065550100", ("+12065550101",))
    assert ("X-Mms-3GPP-MMS-Version", "6.10.0") in read.headers
    assert [p.data for p in read.content.parts] == [b"Hi"]


def test_a_response_from_a_system_without_a_domain_is_read() -> None:
    data = (
        b"From: PostMaster\r\nTo: system@a.net\r\nX-Mms-3GPP-MMS-Version: 5.5.0\r\n"
        b"X-Mms-Message-Type: MM4_forward.RES\r\nX-Mms-Transaction-ID: t\r\nX-Mms-Message-ID: m\r\n"
        b"X-Mms-Request-Status-Code: Ok\r\nX-Mms-Status-Text: All is good.\r\n\r\n"
    )
    read = unpack(data)

    assert read.envelope.message_type == "MM4_forward.RES"
    assert read.envelope.sender == "PostMaster"
    assert ("X-Mms-Request-Status-Code", "Ok") in read.headers
    assert ("X-Mms-Status-Text", "All is good.") in read.headers


def test_request_statuses_say_whether_to_try_again() -> None:
    assert REQUEST_STATUSES["Ok"] is False
    assert {name for name, again in REQUEST_STATUSES.items() if again} == {"Error-unspecified", "Error-network-problem"}


def test_what_is_no_mm4_is_refused_by_name() -> None:
    with pytest.raises(MalformedContent, match="MM5_forward"):
        mm4.read_mm4(b"X-Mms-Message-Type: MM5_forward.REQ\r\n\r\n")
    with pytest.raises(ValueError, match="MM4_forward"):
        Mm4("MM4_forward")
    with pytest.raises(ValueError, match="Status-Text"):
        mm4.write_mm4(Mm4("MM4_forward.RES", fields=(("X-Mms-Status-Text", True),)))


MARKED = [c for c in corpus_files("mm3-mail") if b"mm4_" in c.path.read_bytes()[:4000].lower()]


@pytest.mark.parametrize("case", MARKED, ids=lambda c: c.path.name)
def test_a_real_mail_that_says_it_is_mm4_means_the_same_written_again(case: object) -> None:
    reading = mm4.read_mm4(case.path.read_bytes())  # type: ignore[attr-defined]
    again = mm4.read_mm4(mm4.write_mm4(reading.message))

    assert again.message == replace(reading.message, version=again.message.version)
