"""MM4: what a forward request says, what SMTP replies and later responses mean, and what other operators send."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import mmscontent as mms
from gateway_adapter.connectors import mm4
from gateway_adapter.connectors.base import OperatorRequest, OperatorResponse
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event
from tests.conftest import CorpusFile, corpus_files
from tests.gateway.connectors.rows import CONNECTIONS, SUBMIT

OTHER = CONNECTIONS["mm4"]


def mail(message_type: str, *fields: tuple[str, str], sender: str = "+12065550100", body: str = "") -> OperatorRequest:
    rows = [
        f"From: {sender}/TYPE=PLMN@mms.mnc002.mcc001.gprs",
        "To: 12345/TYPE=PLMN@mms.mnc001.mcc001.gprs",
        "Date: Sun, 22 Nov 2026 10:00:00 +0000",
        "X-Mms-3GPP-MMS-Version: 6.10.0",
        f"X-Mms-Message-Type: {message_type}",
        *(f"{name}: {value}" for name, value in fields),
    ]
    return OperatorRequest("MAIL", "", {}, ("\r\n".join(rows) + "\r\n\r\n" + body).encode())


IDS = (("X-Mms-Transaction-ID", '"OP-T"'), ("X-Mms-Message-ID", "T-0001@mms.mnc001.mcc001.gprs"))
ACK = (("X-Mms-Ack-Request", "Yes"), ("X-Mms-Originator-System", "mmsc@mms.mnc002.mcc001.gprs"))


def test_a_forward_request_says_who_to_whom_and_what() -> None:
    request = mm4.write_submit(SUBMIT, OTHER)
    message = mms.mm4.read_mm4(request.body).message

    assert (request.method, request.url) == ("MAIL", "smtp://mmsc.other.example:2525")
    assert request.headers == {
        "from": "system@mms.mnc001.mcc001.gprs",
        "to": "+12065550100/TYPE=PLMN@mms.mnc002.mcc001.gprs",
        "message-id": "T-0001@mms.mnc001.mcc001.gprs",
    }
    assert b"From: 12345/TYPE=PLMN@mms.mnc001.mcc001.gprs\r\n" in request.body
    assert (message.get("X-Mms-Transaction-ID"), message.get("X-Mms-Message-ID")) == (
        "T-0001",
        "T-0001@mms.mnc001.mcc001.gprs",
    )
    assert (message.get("X-Mms-Ack-Request"), message.get("X-Mms-Delivery-Report")) == (True, True)
    assert message.get("X-Mms-Originator-System") == "system@mms.mnc001.mcc001.gprs"
    assert (message.subject, message.get("X-Mms-Expiry")) == ("Summer", "3600")
    assert message.content is not None
    assert [part.media_type for part in message.content.parts] == ["image/jpeg", "text/plain"]


REPLIES = {
    (250, "2.0.0 queued"): ("taken", 0, None),
    (451, "4.3.0 try later"): ("again", 15000, None),
    (421, ""): ("again", 15000, None),
    (354, "go on"): ("again", 15000, None),
    (0, ""): ("again", 15000, None),
    (552, "5.3.4 Message size exceeds 307200 bytes"): ("too_large", 15026, 307_200),
    (552, "message exceeds maximum"): ("too_large", 15026, None),
    (552, "5.2.2 mailbox full"): ("refused", 15018, None),
    (554, "5.2.3 too much"): ("too_large", 15026, None),
    (550, "5.1.1 no such user"): ("refused", 15009, None),
    (550, "unknown"): ("refused", 15009, None),
    (553, "5.1.7 bad sender"): ("refused", 15202, None),
    (554, "5.7.1 spam"): ("refused", 15013, None),
    (554, "no"): ("refused", 15008, None),
}


@pytest.mark.parametrize(("reply", "meaning"), REPLIES.items())
def test_each_reply_has_its_outcome(reply: tuple[int, str], meaning: tuple[str, int, int | None]) -> None:
    answer = mm4.read_answer(OperatorResponse(reply[0], {"message-id": "m@d"}, reply[1].encode()), OTHER)

    assert (answer.outcome, answer.error, answer.limit_bytes) == meaning
    assert answer.operator_message_id == ("m@d" if answer.outcome == "taken" else "")


RESPONSES = {
    "Ok": ("accepted", 0, True),
    "ok": ("accepted", 0, True),
    "Error-network-problem": ("refused", 15000, False),
    "Error-unspecified": ("refused", 15000, False),
    "Error-sending-address-unresolved": ("refused", 15009, True),
    "Error-content-not-accepted": ("refused", 15013, True),
    "Error-vendors-own": ("refused", 15000, True),
}


@pytest.mark.parametrize(("said", "meaning"), RESPONSES.items())
def test_a_later_response_takes_or_refuses_the_submission(said: str, meaning: tuple[str, int, bool]) -> None:
    (event,) = mm4.read_events(
        mail("MM4_forward.RES", *IDS, *ACK, ("X-Mms-Request-Status-Code", said), ("X-Mms-Status-Text", "All is good.")),
        OTHER,
    )

    assert (event.kind, event.error, event.final) == meaning
    assert event.operator_message_id == "T-0001@mms.mnc001.mcc001.gprs"
    assert (event.sender, event.to, event.answer_to) == ("", (), "")


def test_a_response_that_blames_the_size_says_so() -> None:
    fields = (("X-Mms-Request-Status-Code", "Error-content-not-accepted"), ("X-Mms-Status-Text", "size limit passed"))

    (event,) = mm4.read_events(mail("MM4_forward.RES", *IDS, *fields), OTHER)

    assert (event.kind, event.error) == ("refused", 15026)


def test_a_delivery_report_becomes_an_event_and_its_answer_a_mail() -> None:
    request = mail("MM4_delivery_report.REQ", *IDS, *ACK, ("X-Mms-MM-Status-Code", "Retrieved"))

    events = mm4.read_events(request, OTHER)
    answer = mm4.write_event_answer(events, "", OTHER)

    (event,) = events
    assert (event.kind, event.status, event.error, event.final) == ("delivery", 5, 0, True)
    assert event.operator_message_id == "T-0001@mms.mnc001.mcc001.gprs"
    assert (event.sender, event.to, event.at_ms) == ("12345", ("12065550100",), 1_795_341_600_000)
    assert answer.headers == {"from": "system@mms.mnc001.mcc001.gprs", "to": "mmsc@mms.mnc002.mcc001.gprs"}
    said = mms.mm4.read_mm4(answer.body).message
    assert (said.message_type, said.get("X-Mms-Transaction-ID")) == ("MM4_delivery_report.RES", "OP-T")
    assert (said.get("X-Mms-Message-ID"), said.get("X-Mms-Request-Status-Code")) == (event.operator_message_id, "Ok")


def test_a_read_report_becomes_an_event() -> None:
    (event,) = mm4.read_events(mail("MM4_read_reply_report.REQ", *IDS, ("X-Mms-Read-Status", "Read")), OTHER)

    assert (event.kind, event.text, event.sender, event.to) == ("read", "Read", "12345", ("12065550100",))


def test_a_message_of_another_operator_is_taken_whole_and_answered() -> None:
    sent = mm4.write_submit(replace(SUBMIT, sender="12065550199"), OTHER)

    events = mm4.read_events(sent, OTHER)
    answer = mm4.write_event_answer(events, "", OTHER)

    (event,) = events
    assert (event.kind, event.sender, event.to) == ("inbound", "12065550199", ("12065550100",))
    assert (event.subject, event.text) == ("Summer", "Grüße")
    assert [part.media_type for part in event.parts] == ["application/smil", "image/jpeg", "text/plain"]
    assert event.parts[1].data == SUBMIT.content.parts[0].data
    assert mms.mm4.read_mm4(answer.body).message.message_type == "MM4_forward.RES"


def test_who_asks_for_no_response_gets_none() -> None:
    events = mm4.read_events(mail("MM4_forward.REQ", *IDS, body="Hello"), OTHER)
    answer = mm4.write_event_answer(events, "", OTHER)

    assert (answer.status, answer.headers) == (250, {})


@pytest.mark.parametrize("system", ["a@b.example, c@d.example", "nobody", "a@b\t@c", "<>", "a b@c"])
def test_a_response_goes_to_one_mailbox_or_to_none(system: str) -> None:
    fields = (("X-Mms-Ack-Request", "Yes"), ("X-Mms-Originator-System", system))

    (event,) = mm4.read_events(mail("MM4_forward.REQ", *IDS, *fields, body="x"), OTHER)

    assert event.answer_to == ""


def test_what_could_not_be_stored_is_to_be_sent_again_and_nonsense_is_not() -> None:
    event = Event("inbound", "T", "M", answer_to="a@b")

    assert mm4.write_event_answer((event,), "the store\r\nis busy", OTHER).status == 451
    assert mm4.write_event_answer((event,), "the store\r\nis busy", OTHER).body == b"4.3.0 the store is busy"
    assert mm4.write_event_answer((), "no MM4", OTHER).status == 554


@pytest.mark.parametrize("message_type", ["MM4_delivery_report.RES", "MM4_read_reply_report.RES", "MM4_other"])
def test_what_answers_nothing_of_ours_is_refused(message_type: str) -> None:
    with pytest.raises(Refused):
        mm4.read_events(mail(message_type, *IDS), OTHER)


def test_a_report_on_nothing_is_refused() -> None:
    with pytest.raises(Refused, match="X-Mms-Message-ID"):
        mm4.read_events(mail("MM4_delivery_report.REQ", ("X-Mms-MM-Status-Code", "Retrieved")), OTHER)


REAL = corpus_files("mm3-mail")
IS_MM4 = re.compile(rb"^x-mms-message-type:\s*mm4_", re.IGNORECASE | re.MULTILINE)
LABEL = b"X-Mms-Message-Type: MM4_forward.REQ\r\nX-Mms-Transaction-ID: T\r\nX-Mms-Message-ID: M\r\n"


@pytest.mark.parametrize("row", REAL, ids=lambda row: row.name)
def test_every_real_mail_is_read_whole_as_mm4_and_refused_when_it_says_it_is_none(row: CorpusFile) -> None:
    """Some are MM4 as they stand; the others get its header, for the sake of the bodies operators send."""
    data = row.path.read_bytes()
    data = data.partition(b"\n")[2] if data.startswith(b"From ") else data
    if not IS_MM4.search(data):
        with pytest.raises(Refused, match="not an MM4 message"):
            mm4.read_events(OperatorRequest("MAIL", "", {}, data), OTHER)
        data = LABEL + data
    content = mms.mm4.read_mm4(data).message.content

    (event,) = mm4.read_events(OperatorRequest("MAIL", "", {}, data), OTHER)

    assert event.kind == "inbound"
    assert event.operator_message_id
    assert content is not None
    assert [part.data for part in event.parts if part.media_type != "application/smil"] == [
        part.data for part in content.parts
    ]


def test_a_mail_without_mm4s_id_is_known_again_by_its_own() -> None:
    first, again = (
        mail("MM4_forward.REQ", ("Message-ID", "<1@mms>"), ("Received", hop), body="Hello") for hop in ("a", "b")
    )

    assert mm4.read_events(first, OTHER) == mm4.read_events(again, OTHER)
    assert mm4.read_events(first, OTHER)[0].operator_message_id == "<1@mms>"


def test_some_real_mails_are_mm4_as_they_stand() -> None:
    if not REAL:
        pytest.skip("no corpus beside the checkout")
    assert sum(1 for row in REAL if IS_MM4.search(row.path.read_bytes())) == 3
