"""The aggregator: what is sent to it, what its answers mean, and what its webhooks become."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import mmscontent as mms
from gateway_adapter.connectors import infobip
from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse, SubmitResult
from gateway_adapter.errors import Refused
from tests.gateway.connectors.rows import CONNECTIONS, CONTENT, SUBMIT

THEM = CONNECTIONS["infobip"]


def sent(**changes: Any) -> dict[str, Any]:
    body = json.loads(infobip.write_submit(replace(SUBMIT, **changes), THEM).body)
    (message,) = body["messages"]
    found: dict[str, Any] = message
    return found


def test_a_message_is_of_the_current_generation() -> None:
    request = infobip.write_submit(SUBMIT, THEM)
    message = sent()

    assert request.url == "https://acme.api.example/mms/2/messages"
    assert request.headers["Authorization"] == "App hush"
    assert message["sender"] == "12345"
    assert message["destinations"] == [{"to": "12065550100", "messageId": "T-0001"}]
    assert message["content"]["title"] == "Summer"
    assert message["options"] == {"validityPeriod": {"amount": 3600, "timeUnit": "SECONDS"}}


def test_media_go_up_first_and_the_presentation_names_them_as_they_are_called_there() -> None:
    request = infobip.write_submit(SUBMIT, THEM)
    smil, picture, text = sent()["content"]["messageSegments"]
    (upload,) = request.uploads

    assert (upload.request.url, upload.member) == ("https://acme.api.example/mms/1/content", "uploadedContentId")
    assert upload.request.body == CONTENT.parts[0].data
    assert upload.request.headers["X-Content-Id"] == picture["contentId"] == "part1.jpg"
    assert upload.request.headers["X-Media-Type"] == "image/jpeg"
    assert request.body.count(upload.place) == 1
    assert text == {"type": "TEXT", "contentId": "hello.txt", "text": "Grüße"}
    assert 'src="part1.jpg"' in smil["smil"]
    assert 'src="hello.txt"' in smil["smil"]


def test_what_is_filled_in_stands_where_the_upload_is_named() -> None:
    request = infobip.write_submit(SUBMIT, THEM)
    (upload,) = request.uploads

    filled = json.loads(request.body.replace(upload.place, json.dumps("3D2A").encode()))

    assert filled["messages"][0]["content"]["messageSegments"][1]["uploadedContentId"] == "3D2A"


def test_the_same_media_are_the_same_upload_whoever_gets_them() -> None:
    first, second = (infobip.write_submit(replace(SUBMIT, to=(to,)), THEM).uploads[0] for to in ("1", "2"))

    assert first.key == second.key


def test_several_recipients_are_a_group() -> None:
    assert sent(to=("1206", "1207"))["destinations"] == [
        {"group": [{"to": "1206", "messageId": "T-0001.g1"}, {"to": "1207", "messageId": "T-0001.g2"}]}
    ]


def test_a_report_on_a_member_names_the_groups_submission_and_the_member() -> None:
    row = {"messageId": "T-0001.g2", "to": "1207", "status": {"groupId": 3, "id": 5}}

    (event,) = events({"results": [row]})

    assert (event.operator_message_id, event.to) == ("T-0001", ("1207",))


def test_reports_are_asked_for_where_who_brings_them_is_known() -> None:
    """A message's own URL is called without authorization; with a user and password only the subscription can be."""
    by_network = replace(THEM, inbound_networks=("192.0.2.0/24",))

    def webhooks(connection: Connection, **changes: Any) -> Any:
        body = json.loads(infobip.write_submit(replace(SUBMIT, **changes), connection).body)
        return body["messages"][0].get("webhooks")

    assert webhooks(by_network)["delivery"]["url"] == "https://gw.example/operators/infobip"
    assert webhooks(by_network, report_url="") is None
    assert webhooks(THEM) is None
    assert webhooks(THEM, delivery_report=False) == {"delivery": {"notify": False}}


def test_a_subject_it_does_not_take_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Refused, match="takes subjects of 66 characters, this one has 67"):
        sent(subject="x" * 67)


def test_a_text_it_does_not_take_goes_up_as_a_file() -> None:
    content = mms.Content((mms.Part(b"x" * 4097, "text/plain", content_id="a", content_location="a.txt"),))

    (segment,) = sent(content=content)["content"]["messageSegments"]

    assert segment["type"] == "UPLOADED_REFERENCE"


def answer(status: int, body: object, **headers: str) -> SubmitResult:
    return infobip.read_answer(OperatorResponse(status, headers, json.dumps(body).encode()), THEM)


def said(group: int, number: int, name: str = "NAME") -> dict[str, Any]:
    status = {"groupId": group, "groupName": "G", "id": number, "name": name, "description": "d"}
    return {"bulkId": "b", "messages": [{"messageId": "T-0001", "status": status, "destination": "12065550100"}]}


ANSWERS = {
    (1, 26): ("taken", 7, 0),
    (0, 0): ("taken", 7, 0),
    (5, 23): ("taken", 7, 0),
    (5, 12): ("again", 12, 15000),
    (5, 21): ("again", 21, 15000),
    (5, 25): ("too_large", 25, 15026),
    (5, 52): ("refused", 52, 15008),
    (5, 4711): ("refused", 99, 15008),
    (2, 9): ("refused", 9, 15008),
}


@pytest.mark.parametrize(("status", "meaning"), ANSWERS.items())
def test_each_status_has_its_outcome(status: tuple[int, int], meaning: tuple[str, int, int]) -> None:
    found = answer(200, said(*status))

    assert (found.outcome, found.status, found.error) == meaning
    assert found.operator_message_id == ("T-0001" if found.outcome == "taken" else "")


REFUSALS: list[tuple[int, object, str, int, str]] = [
    (400, {"errorCode": "E400", "description": "Bad sender"}, "refused", 15200, "Bad sender"),
    (400, {"bulkId": "", "messages": [], "errorMessage": "No X-Content-Id"}, "refused", 15200, "No X-Content-Id"),
    (401, {"requestError": {"serviceException": {"text": "Invalid login"}}}, "again", 15023, "Invalid login"),
    (413, {"description": "at most 1 MB"}, "too_large", 15026, "1 MB"),
    (429, {}, "again", 15000, "429"),
    (500, {}, "again", 15000, "500"),
]


@pytest.mark.parametrize(("status", "body", "outcome", "error", "text"), REFUSALS)
def test_each_error_body_is_read(status: int, body: object, outcome: str, error: int, text: str) -> None:
    found = answer(status, body)

    assert (found.outcome, found.error) == (outcome, error)
    assert text in found.text


def test_a_named_wait_is_kept() -> None:
    assert answer(429, {}, **{"Retry-After": "9"}).retry_after_s == 9


# --- webhooks ------------------------------------------------------------------------------------------------------


def events(body: object) -> Any:
    return infobip.read_events(OperatorRequest("POST", "/", {}, json.dumps(body).encode()), THEM)


def test_a_list_of_reports_of_both_generations_is_a_list_of_events() -> None:
    done = "2026-11-22T10:00:00.000+0000"
    delivered = {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"}
    v2 = {"messageId": "T-1", "to": "12065550100", "sender": "12345", "status": delivered, "doneAt": done}
    v1 = {
        "messageId": "T-2",
        "to": "12065550101",
        "smsCount": 1,
        "status": {"groupId": 2, "id": 9},
        "error": {"id": 27},
    }
    waiting = {"messageId": "T-3", "status": {"groupId": 1, "id": 7}}
    newer = {"messageId": "T-4", "status": {"groupId": 5, "id": 4711}, "error": {"id": 99999}}

    first, second, third, fourth = events({"results": [v2, v1, waiting, newer]})

    assert (first.kind, first.operator_message_id, first.status, first.error, first.final) == (
        "delivery",
        "T-1",
        5,
        0,
        True,
    )
    assert (first.sender, first.to, first.at_ms) == ("12345", ("12065550100",), 1_795_341_600_000)
    assert (second.status, second.error, second.final) == (9, 27, True)
    assert third.final is False
    assert (fourth.status, fourth.error) == (99, 15000)


PUSHED = [
    {"contentType": "text/plain", "value": "STOP now"},
    {"contentType": "image/jpeg", "url": "https://api.example/media/1"},
]
PULLED = json.dumps(
    {"mms_parts": [{"contentType": "text/plain; charset=utf-8", "contentId": "c0", "value": "STOP now"}]}
)


def test_a_phones_message_has_its_words_and_where_its_media_are() -> None:
    row = {
        "from": "12065550100",
        "to": "12345",
        "messageId": "M-1",
        "message": PUSHED,
        "group": [{"to": "12346"}, {"cc": "9"}],
    }

    (event,) = events({"results": [row], "messageCount": 1})

    assert (event.kind, event.operator_message_id, event.sender) == ("inbound", "M-1", "12065550100")
    assert (event.to, event.cc, event.text) == (("12345", "12346"), ("9",), "STOP now")
    assert [(part.media_type, part.url) for part in event.parts] == [
        ("text/plain", ""),
        ("image/jpeg", "https://api.example/media/1"),
    ]


def test_the_pulled_form_is_read_as_well() -> None:
    (event,) = events({"results": [{"from": "1206", "to": "12345", "messageId": "M-1", "message": PULLED}]})

    assert (event.text, event.parts[0].content_id) == ("STOP now", "c0")


def test_a_message_without_an_id_has_one_of_its_own() -> None:
    row = {"from": "1206", "to": "12345", "message": PUSHED}

    assert events({"results": [row]})[0].operator_message_id == events({"results": [dict(row)]})[0].operator_message_id


BROKEN: list[object] = [
    [],
    {},
    {"results": {}},
    {"results": [1]},
    {"results": [{}]},
    {"results": [{"status": {"id": 5}}]},
    {"results": [{"message": "no JSON"}]},
    {"results": [{"message": [{"contentType": "image/png"}]}]},
    {"notificationType": "CLICKED"},
]


@pytest.mark.parametrize("body", BROKEN, ids=repr)
def test_anything_else_is_refused_by_name(body: object) -> None:
    with pytest.raises(Refused):
        events(body)


def test_only_what_is_stored_ends_it() -> None:
    event = events({"results": [{"messageId": "T-1", "status": {"groupId": 3, "id": 5}}]})

    assert infobip.write_event_answer(event, "", THEM).status == 200
    assert infobip.write_event_answer(event, "busy", THEM).status == 503
    assert infobip.write_event_answer((), "nonsense", THEM).status == 400
