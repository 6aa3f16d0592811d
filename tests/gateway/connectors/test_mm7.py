"""MM7: what a submission says, what each answer means, and what real vendors' requests become."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

import mmscontent as mms
from gateway_adapter.connectors import mm7
from gateway_adapter.connectors.base import OperatorRequest, OperatorResponse, SubmitResult
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event
from tests.conftest import CorpusFile, corpus_files
from tests.gateway.connectors.rows import CONNECTIONS, SUBMIT

ACME = CONNECTIONS["mm7"]
PEER = mm7.connection_peer(ACME)


def soap(
    operation: str, *fields: tuple[str, object], transaction_id: str = "T-0001", peer: object = PEER
) -> OperatorResponse:
    written = mms.mm7.write_mm7(mms.mm7.Mm7(operation, transaction_id, fields), peer)
    return OperatorResponse(200, {"Content-Type": written.content_type}, written.data)


def answered(code: int, text: str = "", message_id: str = "", details: str = "") -> SubmitResult:
    fields: list[tuple[str, object]] = [("Status", mms.mm7.Status(code, text, details))]
    if message_id:
        fields.append(("MessageID", message_id))
    return mm7.read_answer(soap("SubmitRsp", *fields), ACME)


def test_a_submission_says_who_to_whom_and_what() -> None:
    request = mm7.write_submit(SUBMIT, ACME)
    message = mms.mm7.read_mm7(request.body, request.headers["Content-Type"]).message
    envelope = mms.unpack(request.body, request.headers["Content-Type"]).envelope

    assert (request.method, request.url) == ("POST", "https://mmsc.example/mm7")
    assert request.headers["SOAPAction"] == '""'
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"me:hush").decode()
    assert message.get("SenderIdentification") == mms.mm7.Sender(
        "gateway", "news", address=mms.mm7.Address("ShortCode", "12345")
    )
    assert (message.get("ServiceCode"), message.get("ChargedParty"), message.get("Subject")) == (
        "S1",
        "Sender",
        "Summer",
    )
    assert (envelope.transaction_id, envelope.to, envelope.expiry_s) == ("T-0001", ("+12065550100",), 3600)
    assert envelope.delivery_report is True
    assert message.content is not None
    assert [part.media_type for part in message.content.parts] == ["image/jpeg", "text/plain"]


@pytest.mark.parametrize("peer", mm7.PEER_NAMES)
def test_each_dialect_is_spoken(peer: str) -> None:
    connection = replace(ACME, options={"peer": peer, "version": "5.9.9", "namespace": "urn:x", "prefix": "p"})
    request = mm7.write_submit(SUBMIT, connection)
    message = mms.mm7.read_mm7(request.body, request.headers["Content-Type"]).message

    assert (message.version, message.namespace) == ("5.9.9", "urn:x")
    assert b"<p:SubmitReq" in request.body


def test_what_the_peer_cannot_say_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Refused, match="1 recipients"):
        mm7.write_submit(replace(SUBMIT, to=("1", "2")), replace(ACME, options={"peer": "sinch"}))


ANSWERS = {
    1000: ("taken", 0),
    1100: ("taken", 0),
    2000: ("refused", 15000),
    2002: ("refused", 15201),
    2003: ("refused", 15009),
    2004: ("refused", 15013),
    2560: ("too_large", 15026),
    3000: ("again", 15000),
    3002: ("refused", 15008),
    3510: ("again", 15000),
    4001: ("again", 15023),
    4006: ("again", 15000),
    4007: ("refused", 15008),
    1999: ("taken", 0),
    2999: ("refused", 15000),
    3999: ("again", 15000),
    4999: ("again", 15000),
    9000: ("refused", 15000),
}


@pytest.mark.parametrize(("code", "meaning"), ANSWERS.items())
def test_each_status_code_has_its_outcome(code: int, meaning: tuple[str, int]) -> None:
    answer = answered(code, message_id="op-7")

    assert (answer.outcome, answer.error) == meaning
    assert answer.operator_message_id == ("op-7" if answer.outcome == "taken" else "")


def test_every_code_of_the_library_is_decided_on() -> None:
    assert {answered(code).outcome for code in mms.mm7.STATUSES} == {"taken", "again", "refused", "too_large"}


SIZES = {
    "Message size exceeds the limit of 300 KB": 307_200,
    "Content too large (614,400 bytes), maximum is 307,200 bytes": 307_200,
    "message too big: max 1.5 MB": 1_572_864,
    "Exceeded maximum size": None,
    "too large: 5 bytes": None,
    "message size 1.048.576 octets not allowed": None,
    "message size 1.5 MB exceeds what is taken": None,
    "size larger than 1.048.576 octets": 1_048_576,
}


@pytest.mark.parametrize(("text", "limit"), SIZES.items())
@pytest.mark.parametrize("code", [2000, 2004, 3002, 4004])
def test_a_refusal_that_blames_the_size_asks_for_a_smaller_one(code: int, text: str, limit: int | None) -> None:
    answer = answered(code, text)

    assert (answer.outcome, answer.error, answer.limit_bytes) == ("too_large", 15026, limit)


def test_a_refusal_of_anything_else_does_not() -> None:
    assert answered(2004, "Multimedia content refused").outcome == "refused"
    assert answered(4004, "Subject too long").outcome == "refused"


BARE = {
    200: ("again", None),
    302: ("again", None),
    401: ("again", 300.0),
    404: ("again", 300.0),
    413: ("too_large", None),
    500: ("again", None),
    503: ("again", None),
}


@pytest.mark.parametrize(("status", "meaning"), BARE.items())
def test_http_alone_is_judged_too(status: int, meaning: tuple[str, float | None]) -> None:
    answer = mm7.read_answer(OperatorResponse(status, {}, b"<html>nothing of MM7</html>"), ACME)

    assert (answer.outcome, answer.retry_after_s) == meaning


def test_a_named_wait_is_kept() -> None:
    assert mm7.read_answer(OperatorResponse(503, {"Retry-After": "17"}, b""), ACME).retry_after_s == 17


FAULTS = {
    ("env:Client", "Schema violation"): "refused",
    ("env:Server", "Database down"): "again",
    ("env:Client", "Message too large"): "too_large",
}


@pytest.mark.parametrize(("fault", "outcome"), FAULTS.items())
def test_a_fault_of_soap_is_judged_by_whose_it_is(fault: tuple[str, str], outcome: str) -> None:
    response = soap("Fault", ("faultcode", fault[0]), ("faultstring", fault[1]))

    assert mm7.read_answer(replace(response, status=500), ACME).outcome == outcome


# --- in ------------------------------------------------------------------------------------------------------------

REPORTS = {
    "Retrieved": (5, 0, True),
    "Expired": (15, 15006, True),
    "Rejected": (9, 15015, True),
    "Deferred": (3, 15004, False),
    "Indeterminate": (2, 0, False),
    "Forwarded": (3, 15005, False),
    "Unreachable": (9, 27, True),
    "retrieved": (5, 0, True),
}


def report(status: str, *rest: tuple[str, object], message_id: str = "op-7") -> tuple[Event, ...]:
    named = (("MessageID", message_id),) if message_id else ()
    address = mms.mm7.Address
    request = soap(
        "DeliveryReportReq",
        *named,
        ("Recipient", address("Number", "+12065550100")),
        ("Sender", address("ShortCode", "12345")),
        ("Date", "2026-11-22T10:00:00Z"),
        ("MMStatus", status),
        *rest,
        transaction_id="OP-T",
    )
    return mm7.read_events(OperatorRequest("POST", "/", request.headers, request.body), ACME)


@pytest.mark.parametrize(("status", "meaning"), REPORTS.items())
def test_each_mm_status_is_told_in_the_customers_words(status: str, meaning: tuple[int, int, bool]) -> None:
    (event,) = report(status)

    assert (event.status, event.error, event.final) == meaning
    assert (event.kind, event.transaction_id, event.operator_message_id) == ("delivery", "OP-T", "op-7")
    assert (event.sender, event.to, event.at_ms) == ("12345", ("12065550100",), 1_795_341_600_000)


def test_a_rejection_by_the_other_network_is_not_the_recipients() -> None:
    (event,) = report("Rejected", ("MMStatusExtension", "RejectionByOtherRS"))

    assert (event.status, event.error) == (4, 15008)


def test_a_status_nobody_defined_and_a_report_on_nothing_are_refused() -> None:
    with pytest.raises(Refused, match="'Vanished'"):
        report("Vanished")
    with pytest.raises(Refused, match="no MessageID"):
        report("Retrieved", message_id="")


def test_a_request_of_ours_coming_back_is_refused() -> None:
    request = mm7.write_submit(SUBMIT, ACME)

    with pytest.raises(Refused, match="SubmitReq is not supported here"):
        mm7.read_events(request, ACME)


@pytest.mark.parametrize(
    ("kind", "operation"), [("inbound", "DeliverRsp"), ("delivery", "DeliveryReportRsp"), ("read", "ReadReplyRsp")]
)
def test_the_answer_fits_the_request_and_carries_its_transaction(kind: str, operation: str) -> None:
    event = Event(kind, "OP-T", "x")

    stored = mm7.write_event_answer((event,), "", ACME)
    not_stored = mm7.write_event_answer((event,), "the store is busy", ACME)

    for response, code in ((stored, 1000), (not_stored, 4006)):
        message = mms.mm7.read_mm7(response.body, response.headers["Content-Type"]).message
        assert (response.status, message.operation, message.transaction_id) == (200, operation, "OP-T")
        assert message.status is not None
        assert message.status.code == code


def test_nonsense_gets_an_error_response_in_a_fault() -> None:
    response = mm7.write_event_answer((), "the SOAP envelope has no body", ACME)
    message = mms.mm7.read_mm7(response.body, response.headers["Content-Type"]).message

    assert (response.status, message.operation) == (500, "VASPErrorRsp")
    assert message.status is not None
    assert (message.status.code, message.status.details) == (2007, "the SOAP envelope has no body")


def delivered(text: str, transaction_id: str = "1", subject: str = "") -> str:
    content = mms.Content((mms.Part.of_text(text, name="t.txt"),))
    fields = (("Sender", mms.mm7.Address("Number", "+1206")), ("Subject", subject))
    written = mms.mm7.write_mm7(mms.mm7.Mm7("DeliverReq", transaction_id, fields, content), PEER)
    request = OperatorRequest("POST", "/", {"Content-Type": written.content_type}, written.data)
    return mm7.read_events(request, ACME)[0].operator_message_id


def test_a_repeat_is_known_and_the_next_message_is_not_taken_for_one() -> None:
    """MMSCs that start counting again use a transaction id twice: the second message must not be lost."""
    assert delivered("a") == delivered("a")
    assert len({delivered("a"), delivered("b"), delivered("a", "2"), delivered("a", subject="b")}) == 4


# --- real vendors' messages ----------------------------------------------------------------------------------------


def captured(name: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a corpus file; some of them are whole HTTP requests."""
    (row,) = [row for row in corpus_files("mm7") if row.name.endswith(name)]
    data = row.path.read_bytes()
    if not data.startswith((b"POST", b"HTTP")):
        return data, {}
    head, _, body = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    unfolded = head.replace(b"\n\t", b" ").replace(b"\n  ", b" ").decode("latin-1")
    pairs = (line.partition(":") for line in unfolded.split("\n")[1:])
    return body, {name.strip(): value.strip() for name, _, value in pairs}


REAL_EVENTS = {
    "instantcom/deliver-req-post.txt": ("inbound", "wthr8391", "97254265781", ["text/plain"]),
    "instantcom/deliver-req1.txt": ("inbound", "wthr8391", "97254265781", ["text/plain"]),
    "sinch/mm7_deliver_2.http": ("inbound", "1000001", "1617423433", ["image/jpeg", "text/plain"]),
    "sinch/mm7_deliveryreport_2.http": ("delivery", "369500617770864640", "111122", []),
    "sinch/mm7_deliveryreport_0.xml": ("delivery", "369500617770864640", "111122", []),
}


@pytest.mark.skipif(not corpus_files("mm7"), reason="no corpus beside the checkout")
@pytest.mark.parametrize(("name", "meaning"), REAL_EVENTS.items())
def test_a_vendors_request_becomes_an_event(name: str, meaning: tuple[str, str, str, list[str]]) -> None:
    body, headers = captured(name)

    (event,) = mm7.read_events(OperatorRequest("POST", "/", headers, body), ACME)

    named = event.operator_message_id.partition("-")[0]
    assert (event.kind, named, event.sender, [p.media_type for p in event.parts]) == meaning


REAL_ANSWERS = {
    "instantcom/submit-rsp.xml": ("taken", 0),
    "instantcom/fault.xml": ("again", 15023),
    "instantcom/fault_02.xml": ("refused", 15201),
}


@pytest.mark.skipif(not corpus_files("mm7"), reason="no corpus beside the checkout")
@pytest.mark.parametrize(("name", "meaning"), REAL_ANSWERS.items())
def test_a_vendors_answer_has_its_outcome(name: str, meaning: tuple[str, int]) -> None:
    body, headers = captured(name)

    answer = mm7.read_answer(OperatorResponse(200, headers, body), ACME)

    assert (answer.outcome, answer.error) == meaning


@pytest.mark.parametrize("row", corpus_files("mm7", "mms-pdu", "mm3-mail"), ids=lambda row: row.name)
def test_no_real_file_raises_anything_but_refused(row: CorpusFile) -> None:
    data = row.path.read_bytes()
    read = (
        lambda: mm7.read_events(OperatorRequest("POST", "/", {}, data), ACME),
        lambda: mm7.read_answer(OperatorResponse(200, {}, data), ACME),
    )

    for reader in read:
        try:
            found = reader()
        except Refused as refusal:
            found = str(refusal)
        assert found
