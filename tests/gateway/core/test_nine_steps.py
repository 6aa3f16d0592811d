"""The whole flow against a running process: nine steps, content given in every way, reports of every kind.

All tests share one gateway and account, so each sends under ids and numbers of its own and looks at these alone.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import socket
import uuid
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

import pytest

import mmscontent as mms
from tests.conftest import ROOT
from tests.gateway.core.process import PATIENCE_S, SECRET, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gateway.core.process import Customer, Running

PHONE, OURS = "12065550101", "12065550100"
PICTURE = (ROOT / "fixtures" / "jpeg-160x120-444.jpg").read_bytes()


def in_the_request(running: Running, customer: Customer) -> str:
    head = {"from": OURS, "to": PHONE, "subject": "Hi", "notifyUrl": f"{customer.url}/reports", "callbackData": "cb"}
    form = [
        ("head", (None, json.dumps(head), "application/json")),
        ("text", (None, "Hello", "text/plain")),
        ("media", ("beach.jpg", PICTURE, "image/jpeg")),
    ]
    return _id_of(running.client.post("/mms/1/single", files=form))


def as_base64(running: Running, customer: Customer) -> str:
    picture = {
        "contentType": "image/jpeg",
        "contentBase64": base64.b64encode(PICTURE).decode(),
        "contentId": "beach.jpg",
    }
    message = {
        "from": OURS, "destinations": [{"to": PHONE}], "messageSegments": [{"text": "Hello"}, picture], "title": "Hi",
        "notifyUrl": f"{customer.url}/reports", "callbackData": "cb",
    }  # fmt: skip
    return _id_of(running.client.post("/mms/1/advanced", json={"messages": [message]}))


def as_upload(running: Running, customer: Customer) -> str:
    headers = {"X-Content-Id": "beach.jpg", "X-Media-Type": "image/jpeg"}
    uploaded = running.client.post("/mms/1/content", content=PICTURE, headers=headers).json()["uploadedContentId"]
    return send(running, customer, {"type": "UPLOADED_REFERENCE", "uploadedContentId": uploaded})


def as_link(running: Running, customer: Customer) -> str:
    customer.files["/beach.jpg"] = ("image/jpeg", PICTURE)
    return send(running, customer, {"type": "LINK", "contentUrl": f"{customer.url}/beach.jpg"})


def send(running: Running, customer: Customer, *segments: dict[str, str], options: dict[str, Any] | None = None) -> str:
    message = {
        "sender": OURS, "destinations": [{"to": PHONE}],
        "content": {"title": "Hi", "messageSegments": [{"type": "TEXT", "text": "Hello"}, *segments]},
        "webhooks": {"delivery": {"url": f"{customer.url}/reports"}, "callbackData": "cb"}, "options": options or {},
    }  # fmt: skip
    return _id_of(running.client.post("/mms/2/messages", json={"messages": [message]}))


def _id_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    message = answer.json()["messages"][0]
    assert (message["status"]["groupId"], message["status"]["id"], message["status"]["name"]) == (
        1,
        26,
        "PENDING_ACCEPTED",
    )
    return str(message["messageId"])


@pytest.mark.parametrize("give", [in_the_request, as_base64, as_upload, as_link])
def test_nine_steps(running: Running, customer: Customer, give: Callable[[Running, Customer], str]) -> None:
    customer.answers[:] = [503]
    message_id = give(running, customer)  # 1, 2

    seen = running.in_state(message_id, "delivered")  # 3, 4
    steps = [step["step"] for step in seen["steps"]]
    assert steps[:4] == ["accepted", "fitted", "submitted", "delivered"]
    assert seen["ledger"]["fits"] is True
    arrived = running.client.get(f"/loopback/messages/{seen['operatorMessageId']}").content
    phone_sees = mms.unpack(arrived)
    assert [part.media_type for part in phone_sees.content.parts] == ["image/jpeg", "text/plain"]
    assert phone_sees.content.parts[1].data == b"Hello"
    assert (phone_sees.envelope.to, phone_sees.content.subject) == ((f"+{PHONE}",), "Hi")

    tries = until(lambda: t if len(t := customer.reports(message_id)) == 2 else None, "the second try")  # 5, 6
    (first, report), (second, again) = tries
    assert report == again
    assert report["status"]["name"] == "DELIVERED_TO_HANDSET"
    assert (report["callbackData"], report["to"]) == ("cb", PHONE)
    assert first.headers["x-mms-webhook-id"] == second.headers["x-mms-webhook-id"]
    assert second.headers["x-mms-signature"] == _signature(second.headers["x-mms-timestamp"], second.body)

    words = f"Thanks for {message_id}"
    _forward(running, customer, "")
    said = {"from": PHONE, "to": OURS, "text": words, "parts": [_part()]}
    assert running.client.post("/loopback/inbound", json=said).status_code == 200  # 7
    got = until(lambda: [g for g in customer.got if words.encode() in g.body], "the phone's message")  # 8
    (told,) = got[0].results()
    assert (told["from"], told["to"]) == (PHONE, OURS)
    hosted = next(part["url"] for part in told["message"] if "url" in part)
    assert running.client.get(hosted, headers={"Authorization": ""}).content == PICTURE
    assert running.client.get(hosted.rpartition("=")[0] + "=wrong").status_code == 404
    assert len(got) == 1  # 9: the 200 ended it


_numbers = itertools.count(12065551000)


def _new_number() -> str:
    """A phone number of this test alone."""
    return str(next(_numbers))


def _new_id() -> str:
    return uuid.uuid4().hex


def _part() -> dict[str, str]:
    return {"contentType": "image/jpeg", "contentId": "a.jpg", "data": base64.b64encode(PICTURE).decode()}


def _signature(timestamp: str, body: bytes) -> str:
    return "v1=" + hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _forward(running: Running, customer: Customer, keyword: str, **more: Any) -> None:
    forwarding = {"type": "HTTP_FORWARD", "url": f"{customer.url}/inbound", **more.pop("forwarding", {})}
    said = {"channel": "MMS", "number": OURS, "keyword": keyword, "forwarding": forwarding, **more}
    answer = running.client.post("/resource-management/1/inbound-message-configurations", json=said)
    assert answer.status_code == 200, answer.text


# --- reports that are not as they should be ----------------------------------------------------------------------

REPORTS = {
    # what the operator does: (state, status of the report, how many reports the customer gets)
    "": ("delivered", "DELIVERED_TO_HANDSET"),
    "double_report": ("delivered", "DELIVERED_TO_HANDSET"),
    "early_report": ("delivered", "DELIVERED_TO_HANDSET"),
    "deferred": ("delivered", "DELIVERED_TO_HANDSET"),
    "undeliverable": ("undeliverable", "UNDELIVERABLE_NOT_DELIVERED"),
    "fail": ("delivered", "DELIVERED_TO_HANDSET"),
    "fail_taken": ("delivered", "DELIVERED_TO_HANDSET"),
    "garbage": ("delivered", "DELIVERED_TO_HANDSET"),
    "refuse": ("rejected", "REJECTED_NETWORK"),
    "lose_report": ("expired", "EXPIRED_DLR_UNKNOWN"),
}


@pytest.mark.parametrize("fault", REPORTS)
def test_every_message_ends_once_whatever_the_operator_does(running: Running, customer: Customer, fault: str) -> None:
    customer.answers.clear()
    state, status = REPORTS[fault]
    running.behave(next=[fault])
    validity = {"validityPeriod": {"amount": 2, "timeUnit": "SECONDS"}} if fault == "lose_report" else {}
    message_id = send(running, customer, options=validity)

    seen = running.in_state(message_id, state)
    report = customer.report(message_id)

    assert report["status"]["name"] == status
    taken = running.client.get("/loopback/messages").json()["messages"]
    mine = [one for one in taken if one["id"] == seen["operatorMessageId"]]
    assert [one["delivered"] for one in mine] == ([] if fault == "refuse" else [1])
    assert len(customer.reports(message_id)) == 1


def test_a_size_refusal_is_fitted_once_more_and_remembered(running: Running, customer: Customer) -> None:
    large = (ROOT / "docs" / "before-after.png").read_bytes()
    customer.files["/large.png"] = ("image/png", large)
    link = {"type": "LINK", "contentUrl": f"{customer.url}/large.png"}
    running.behave(refuse_over_bytes=40_000)

    first = running.in_state(send(running, customer, link), "delivered", "rejected")
    second = running.in_state(send(running, customer, link), "delivered", "rejected")

    assert [step["step"] for step in first["steps"]].count("too large") == 1
    assert first["sizeBytes"] <= 40_000
    assert "too large" not in [step["step"] for step in second["steps"]]
    assert customer.fetched.count("/large.png") == 1


# --- other ways of the flow -----------------------------------------------------------------------------------


def test_a_keyword_has_a_forward_of_its_own_with_the_parts_in_the_body(running: Running, customer: Customer) -> None:
    _forward(running, customer, "", forwarding={"type": "PULL", "url": None})
    _forward(running, customer, "photo", forwarding={"format": "MULTIPART"})
    said = {"from": PHONE, "to": OURS, "text": "Photo for you", "parts": [_part()]}
    running.client.post("/loopback/inbound", json=said)

    got = until(lambda: [g for g in customer.got if b"Photo for you" in g.body], "the forward")[0]
    form = message_from_bytes(b"Content-Type: " + got.headers["content-type"].encode() + b"\r\n\r\n" + got.body)
    names = {part.get_param("name", header="content-disposition"): part for part in form.get_payload()}  # type: ignore[union-attr]

    assert json.loads(names["head"].get_payload(decode=True))["keyword"].lower() == "photo"  # type: ignore[union-attr, arg-type]
    assert names["media"].get_payload(decode=True) == PICTURE  # type: ignore[union-attr]


def test_a_message_nobody_forwards_waits_in_the_inbox_and_is_handed_out_once(running: Running) -> None:
    number = _new_number()
    running.client.post("/loopback/inbound", json={"from": PHONE, "to": number, "text": "for the inbox"})

    def fetched() -> list[dict[str, Any]]:
        results = running.client.get("/mms/1/inbox/reports").json()["results"]
        return [one for one in results if one["to"] == number]  # others wait there after other tests

    (first,), second = fetched(), fetched()

    assert json.loads(first["message"])["mms_parts"][0]["value"] == "for the inbox"
    assert second == []


def test_reports_without_a_url_are_fetched_once(running: Running) -> None:
    message_id = _new_id()
    message = {"sender": OURS, "destinations": [{"to": PHONE, "messageId": message_id}],
               "content": {"messageSegments": [{"type": "TEXT", "text": "x"}]}}  # fmt: skip
    running.client.post("/mms/2/messages", json={"messages": [message]})
    running.in_state(message_id, "delivered")

    own = {"messageId": message_id}
    first = running.client.get("/mms/2/reports", params=own).json()["results"]
    second = running.client.get("/mms/2/reports", params=own).json()["results"]

    assert [one["messageId"] for one in first] == [message_id]
    assert second == []


def test_a_group_is_one_submission_and_a_report_each(running: Running, customer: Customer) -> None:
    numbers = {_new_id(): _new_number(), _new_id(): _new_number()}
    members = [{"to": number, "messageId": message_id} for message_id, number in numbers.items()]
    message = {"sender": OURS, "destinations": [{"group": members}],
               "content": {"messageSegments": [{"type": "TEXT", "text": "to all"}]},
               "webhooks": {"delivery": {"url": f"{customer.url}/reports"}}}  # fmt: skip
    running.client.post("/mms/2/messages", json={"messages": [message]})

    seen = [running.in_state(message_id, "delivered") for message_id in numbers]
    submissions = {one["operatorMessageId"] for one in seen}
    taken = running.client.get("/loopback/messages").json()["messages"]

    assert [one["to"] for one in taken if one["id"] in submissions] == [list(numbers.values())]
    for message_id, number in numbers.items():
        assert customer.report(message_id)["to"] == number


def test_the_same_idempotency_key_is_one_message(running: Running) -> None:
    message = {"sender": OURS, "destinations": [{"to": PHONE}],
               "content": {"messageSegments": [{"type": "TEXT", "text": "once"}]}}  # fmt: skip
    ask = {"json": {"messages": [message]}, "headers": {"Idempotency-Key": _new_id()}}

    first, second = (running.client.post("/mms/2/messages", **ask).json() for _ in range(2))  # type: ignore[arg-type]
    message["sender"] = "12065550177"
    third = running.client.post("/mms/2/messages", **ask)  # type: ignore[arg-type]

    assert first == second
    assert third.status_code == 409


def test_a_scheduled_message_can_be_taken_back(running: Running) -> None:
    message_id = _new_id()
    message = {"sender": OURS, "destinations": [{"to": PHONE, "messageId": message_id}],
               "content": {"messageSegments": [{"type": "TEXT", "text": "later"}]}}  # fmt: skip
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    schedule = {"bulkId": _new_id(), "sendAt": tomorrow.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
    running.client.post("/mms/2/messages", json={"messages": [message], "options": {"schedule": schedule}})

    assert running.client.delete(f"/messages/{message_id}").json() == {"cancelled": 1}
    assert running.message(message_id)["state"] == "cancelled"


def test_the_stop_keyword_blocks_and_start_unblocks(running: Running, customer: Customer) -> None:
    phone = _new_number()
    for keyword, kind in (("stop", "BLOCK"), ("start", "UNBLOCK")):
        block = {"blockListConfiguration": {"type": kind, "level": "FROM_SENDER"}}
        _forward(running, customer, keyword, **block)
    statuses = []
    for words in ("STOP", "START"):
        running.client.post("/loopback/inbound", json={"from": phone, "to": OURS, "text": words})
        message = {"sender": OURS, "destinations": [{"to": phone}],
                   "content": {"messageSegments": [{"type": "TEXT", "text": "still there?"}]}}  # fmt: skip
        answer = running.client.post("/mms/2/messages", json={"messages": [message]}).json()
        statuses.append(answer["messages"][0]["status"]["name"])

    assert statuses == ["REJECTED_DESTINATION_BLOCKLISTED", "PENDING_ACCEPTED"]


def test_an_auto_response_goes_to_the_phone(running: Running, customer: Customer) -> None:
    phone = _new_number()
    _forward(running, customer, "hours", autoResponse={"message": "We are open from 9 to 5."})
    running.client.post("/loopback/inbound", json={"from": phone, "to": OURS, "text": "HOURS?"})

    def answered() -> list[dict[str, Any]]:
        return [one for one in running.client.get("/loopback/messages").json()["messages"] if one["to"] == [phone]]

    (answer,) = until(answered, "the auto-response")
    arrived = mms.unpack(running.client.get(f"/loopback/messages/{answer['id']}").content)
    assert arrived.content.parts[0].data == b"We are open from 9 to 5."


def test_health_metrics_and_strict_headers(running: Running) -> None:
    assert running.client.get("/healthz").json()["status"] == "ok"
    assert running.client.get("/readyz").json() == {"ready": True, "store": True, "sweep": True}
    text = running.client.get("/metrics").text
    for name in ("accepted_total", "fitted_total", "submitted_total", "reports_total", "webhook_tries_total",
                 "due_age_seconds", "fit_seconds_count"):  # fmt: skip
        assert f"mms_gateway_{name}" in text
    answer = running.client.get("/healthz")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/metrics", "/loopback/messages"])
def test_what_is_for_this_machine_is_closed_past_a_proxy(running: Running, path: str) -> None:
    answer = running.client.get(path, headers={"Authorization": "", "X-Forwarded-For": "127.0.0.1"})

    assert answer.status_code == 401


@pytest.mark.parametrize("head", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_who_does_not_finish_a_head_is_let_go(running: Running, head: bytes) -> None:
    port = int(running.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 10) as slow:
        slow.sendall(head)
        slow.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionResetError):
            assert slow.recv(100) == b""


def test_library_and_service_make_the_same_bytes(running: Running, customer: Customer) -> None:
    seen = running.in_state(as_upload(running, customer), "delivered")
    arrived = running.client.get(f"/loopback/messages/{seen['operatorMessageId']}").content

    message = mms.Message.of([mms.Part(PICTURE, "image/jpeg", name="beach.jpg")], text="Hello", subject="Hi")
    envelope = mms.unpack(arrived).envelope
    composed = mms.compose(message, mms.load_profile(), envelope=envelope, encoding="pdu")

    assert composed.data == arrived


def test_an_operator_from_nowhere_is_not_heard(running: Running) -> None:
    answer = running.client.post("/operators/loopback", json={"kind": "delivery", "id": "x"})

    assert answer.status_code == 403


def test_no_number_and_no_key_stands_in_the_log(running: Running) -> None:
    log = running.log.read_text()

    assert PHONE not in log
    assert "a-key-for-tests" not in log
