"""The endpoints: what customers' systems send and what they get, status, body and all."""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import replace

import pytest
from lxml import etree

from gateway_adapter.api import responses
from gateway_adapter.model import InboundMedia, InboundView
from tests.gateway.api.bodies import PNG, V2, form, parse, send, v2_body
from tests.gateway.api.conftest import KEY

# --- who asks --------------------------------------------------------------------------------------------------

BASIC = base64.b64encode(f"user:{KEY}".encode()).decode()
LET_IN = [f"App {KEY}", f"app {KEY}", f"Basic {BASIC}", f"IBSSO {KEY}", f"Bearer {KEY}"]
KEPT_OUT = ["", "App wrong", KEY, "Basic ???", f"Digest {KEY}", "App"]


@pytest.mark.parametrize("header", LET_IN)
def test_the_four_forms_of_authorization_let_in(gateway, header):
    assert gateway.http.get("/mms/2/reports", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("path", ["/mms/1/reports", "/mms/2/reports", "/messages-api/1/reports", "/mms/1/content"])
@pytest.mark.parametrize("header", KEPT_OUT)
def test_who_has_no_key_gets_401_in_the_form_of_the_path(gateway, header, path):
    answer = gateway.http.get(path, headers={"Authorization": header})

    assert answer.status_code == 401
    model = responses.RequestErrorResponse if path.startswith("/mms/1") else responses.ApiErrorResponse
    parse(model, answer.json())
    assert "www-authenticate" in answer.headers


def test_slashes_are_collapsed(gateway):
    assert gateway.http.get("http://127.0.0.1:8080//mms//1/reports").status_code == 200


# --- sending ---------------------------------------------------------------------------------------------------


def one_status(answer) -> dict:
    assert answer.status_code == 200, answer.text
    return answer.json()["messages"][0]["status"]


ACCEPTED = {
    "groupId": 1,
    "groupName": "PENDING",
    "id": 26,
    "name": "PENDING_ACCEPTED",
    "description": "Message sent to next instance",
}


def test_single_takes_a_form(gateway):
    parts = form(
        text=(None, "Grüße"),
        media=("picture.png", PNG, "image/png"),
        smil=(None, "<smil/>", "application/xml"),
        externallyHostedMedia=(None, json.dumps([{"contentUrl": "http://127.0.0.1/i.jpg"}]), "application/json"),
    )
    answer = gateway.http.post("/mms/1/single", files=parts)

    assert one_status(answer) == ACCEPTED
    parse(responses.SendV1Response, answer.json())
    message_id = answer.json()["messages"][0]["messageId"]
    told = gateway.http.get(f"/messages/{message_id}").json()
    assert [one["type"] for one in told["segments"]] == ["TEXT", "LINK", "SMIL", "LINK"]
    assert told["segments"][0]["text"] == "Grüße"
    assert gateway.http.get(f"/messages/{message_id}/segments/1").content == PNG


@pytest.mark.parametrize("kind", ["multipart/related", "multipart/mixed"])
def test_single_takes_mime_parts(gateway, kind):
    body = (
        b'--b\r\nContent-Type: application/json\r\n\r\n{"from":"10950","to":"41793026727"}\r\n'
        b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Id: <t.txt>\r\n\r\nGr\xfc\xdfe\r\n"
        b"--b\r\nContent-Type: image/png\r\nContent-Id: icon.png\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
        + base64.b64encode(PNG)
        + b"\r\n--b--"
    )
    answer = gateway.http.post("/mms/1/single", content=body, headers={"Content-Type": f'{kind}; boundary="b"'})

    assert one_status(answer) == ACCEPTED
    message_id = answer.json()["messages"][0]["messageId"]
    segments = gateway.http.get(f"/messages/{message_id}").json()["segments"]
    assert (segments[0]["text"], segments[1]["contentId"]) == ("Grüße", "icon.png")
    assert gateway.http.get(f"/messages/{message_id}/segments/1").content == PNG


SINGLE_REFUSED = [
    ("no head", {"files": [("text", (None, "hi"))]}, 400, "Head part is mandatory. Check API documentation"),
    ("nothing to send", {"files": form()}, 400, "nothing to send"),
    ("head is no JSON", {"files": [("head", (None, "x")), ("text", (None, "hi"))]}, 400, "Invalid JSON"),
    ("no recipient", {"files": form({"from": "1"}, text=(None, "hi"))}, 400, "to: Field required"),
    ("no multipart", {"json": {}}, 415, "multipart/form-data"),
    ("bad charset", {"files": form(text=(None, b"\xff", "text/plain; charset=utf-8"))}, 400, "charset utf-8"),
    ("media too large", {"files": form(media=("m", bytes(2_000_001)))}, 413, "more than 2,000,000 bytes"),
    ("body too large", {"files": form(media=("m", bytes(3_000_001)))}, 413, "more than 3,000,000 bytes"),
    ("text too large", {"files": form(text=(None, b"x" * 1_000_001))}, 413, "bytes of text"),
]


@pytest.mark.parametrize(
    ("request_", "http", "words"), [c[1:] for c in SINGLE_REFUSED], ids=[c[0] for c in SINGLE_REFUSED]
)
def test_single_refuses_like_a_send_that_took_nothing(gateway, request_, http, words):
    answer = gateway.http.post("/mms/1/single", **request_)

    assert answer.status_code == http
    body = answer.json()
    assert (body["bulkId"], body["messages"]) == ("", [])
    assert words in body["errorMessage"]


def test_advanced_takes_json_and_answers_in_the_older_form(gateway):
    body = {
        "bulkId": f"b-{uuid.uuid4()}",
        "messages": [
            {
                "from": "10950",
                "destinations": [{"to": "+41 79 302 67 27"}, {"group": [{"to": "1234"}, {"to": "5678"}]}],
                "messageSegments": [{"contentBase64": base64.b64encode(PNG).decode(), "contentType": "image/png"}],
            }
        ],
    }
    answer = gateway.http.post("/mms/1/advanced", json=body)

    told = parse(responses.SendV1Response, answer.json())
    assert told.bulk_id == body["bulkId"]
    assert [one.to for one in told.messages] == ["41793026727", "1234", "5678"]


XML = (
    "<MmsAdvancedRequest><messages><messages><from>10950</from><destinations><destinations><to>41793026727</to>"
    "</destinations></destinations><messageSegments><messageSegments><text>hi</text></messageSegments>"
    "</messageSegments></messages></messages></MmsAdvancedRequest>"
)


@pytest.mark.parametrize(
    ("accept", "xml"), [(None, True), ("application/xml", True), ("application/json", False), ("text/html", False)]
)
def test_advanced_answers_xml_with_xml_unless_json_is_asked_for(gateway, accept, xml):
    headers = {"Content-Type": "application/xml", **({"Accept": accept} if accept else {})}
    answer = gateway.http.post("/mms/1/advanced", content=XML, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml" if xml else "application/json")
    if xml:
        root = etree.fromstring(answer.content)
        assert root.tag == "SendResult"
        assert root.findtext("messages/messages/status/name") == "PENDING_ACCEPTED"


def test_advanced_refuses_in_xml_who_asks_in_xml(gateway):
    answer = gateway.http.post("/mms/1/advanced", content="<x/>", headers={"Content-Type": "application/xml"})

    assert answer.status_code == 400
    assert etree.fromstring(answer.content).findtext("serviceException/messageId") == "BAD_REQUEST"


def test_v2_answers_with_destination_and_keeps_the_ids_given(gateway):
    mine = f"m-{uuid.uuid4()}"
    body = v2_body(destinations=[{"to": "41793026727", "messageId": mine}])
    body["options"] = {"schedule": {"bulkId": f"bulk-{mine}"}}
    answer = gateway.http.post(V2, json=body)

    told = parse(responses.SendV2Response, answer.json())
    assert (told.bulk_id, told.messages[0].message_id) == (f"bulk-{mine}", mine)
    assert told.messages[0].destination == "41793026727"


LONG = [{"type": "TEXT", "text": "x" * 1601}]
ENTRIES = [
    ("a text over 1600 characters", {"content": {"messageSegments": LONG}}, 77),
    ("a number that is none", {"destinations": [{"to": "not-a-number"}]}, 52),
    ("a report URL that is none", {"webhooks": {"delivery": {"url": "nowhere"}}}, 56),
]


@pytest.mark.parametrize(("message", "status"), [e[1:] for e in ENTRIES], ids=[e[0] for e in ENTRIES])
def test_what_is_wrong_with_one_message_is_its_status(gateway, message, status):
    assert one_status(gateway.http.post(V2, json=v2_body(**message)))["id"] == status


def test_an_id_used_twice_is_a_duplicate(gateway):
    body = v2_body(destinations=[{"to": "41793026727", "messageId": str(uuid.uuid4())}])

    assert one_status(gateway.http.post(V2, json=body))["id"] == 26
    assert one_status(gateway.http.post(V2, json=body))["id"] == 23


@pytest.mark.parametrize(
    ("content", "kind", "http"),
    [(b"{", "application/json", 400), (b"<a/>", "application/xml", 415), (b"{}", "text/plain", 415), (b"", None, 400)],
)
def test_v2_refuses_with_an_error_code(gateway, content, kind, http):
    answer = gateway.http.post(V2, content=content, headers={"Content-Type": kind} if kind else {})

    assert answer.status_code == http
    assert parse(responses.ApiErrorResponse, answer.json()).error_code == f"E{http}"


@pytest.mark.parametrize("path", [V2, "/mms/1/single", "/mms/1/content"])
def test_a_compressed_body_is_not_taken(gateway, path):
    headers = {"Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=b", "X-Content-Id": "a",
               "X-Media-Type": "image/png"}  # fmt: skip
    if path == V2:
        headers["Content-Type"] = "application/json"

    assert gateway.http.post(path, content=b"\x1f\x8b", headers=headers).status_code == 415


def test_violations_name_field_and_fault(gateway):
    answer = gateway.http.post(V2, json=v2_body(destinations=[{"to": 5}], content={"title": "x" * 67}))

    told = {one["property"]: one["violation"] for one in answer.json()["violations"]}
    assert set(told) == {
        "messages[0].destinations[0].to",
        "messages[0].content.title",
        "messages[0].content.messageSegments",
    }


def test_a_body_longer_than_announced_to_be_taken_is_not_read(gateway):
    answer = gateway.http.post(V2, content=b" " * 3_000_001, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


# --- idempotency -----------------------------------------------------------------------------------------------


def test_the_same_key_and_body_is_one_request(gateway):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (gateway.http.post(V2, json=v2_body(), headers=headers) for _ in range(2))

    assert first.json() == again.json()
    found = gateway.http.get("/messages", params={"bulkId": first.json()["bulkId"]}).json()["results"]
    assert len(found) == 1


def test_the_same_key_with_another_body_is_a_conflict(gateway):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    gateway.http.post(V2, json=v2_body(), headers=headers)
    answer = gateway.http.post(V2, json=v2_body(sender="other"), headers=headers)

    assert (answer.status_code, answer.json()["errorCode"]) == (409, "E409")


def test_a_form_is_the_same_request_whatever_its_boundary(gateway):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    parts = form(media=("p.png", PNG, "image/png"))
    first, again = (gateway.http.post("/mms/1/single", files=parts, headers=headers) for _ in range(2))

    assert first.json() == again.json()


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(gateway, key):
    assert gateway.http.post(V2, json=v2_body(), headers={"Idempotency-Key": key}).status_code == 400


def test_a_quota_is_told_with_when_to_come_again(gateway):
    headers = {"Authorization": "App other-key"}
    told = [gateway.http.post(V2, json=v2_body(), headers=headers) for _ in range(4)]

    refused = next(one for one in told if one.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["errorCode"] == "E429"


# --- reports, logs, inbox --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "model", "to"),
    [("/mms/1/reports", responses.ReportsV1Response, "to"), ("/mms/2/reports", responses.ReportsV2Response, "to")],
)
def test_a_report_is_handed_out_once(gateway, path, model, to):
    bulk_id, message_id = send(gateway, webhooks={"callbackData": "cb"}, options={"platform": {"entityId": "e"}})
    assert gateway.http.get(path, params={"messageId": message_id}).json() == {"results": []}
    gateway.end(message_id, status=9, error=15009)

    first = gateway.http.get(path, params={"bulkId": bulk_id, "limit": 10}).json()
    again = gateway.http.get(path, params={"bulkId": bulk_id}).json()

    parse(model, first)
    report = first["results"][0]
    assert (report["messageId"], report[to], report["callbackData"]) == (message_id, "41793026727", "cb")
    assert report["status"]["name"] == "UNDELIVERABLE_NOT_DELIVERED"
    assert (report["error"]["groupName"], report["error"]["id"]) == ("HANDSET_ERRORS", 15009)
    assert re.fullmatch(r"\d{4}-.*\.\d{3}\+0000", report["sentAt"])
    assert again == {"results": []}


def test_success_is_told_with_no_error(gateway):
    _, message_id = send(gateway)
    gateway.end(message_id)
    report = gateway.http.get("/mms/2/reports", params={"messageId": message_id}).json()["results"][0]

    assert report["error"]["name"] == "NO_ERROR"
    assert report["error"]["groupName"] == "OK"
    assert report["error"]["permanent"] is False
    assert report["status"]["name"] == "DELIVERED_TO_HANDSET"


def test_reports_of_the_messages_api_have_all_that_its_clients_need(gateway):
    _, message_id = send(gateway, "/messages-api/1/messages")
    gateway.end(message_id)
    told = gateway.http.get("/messages-api/1/reports", params={"channel": "MMS", "messageId": message_id}).json()

    parse(responses.MessagesApiReportsResponse, told)
    assert (told["results"][0]["event"], told["results"][0]["channel"]) == ("DELIVERY", "MMS")
    assert gateway.http.get("/messages-api/1/reports", params={"channel": "SMS"}).json() == {"results": []}


LISTS = [("repeated keys", [("messageId", 0), ("messageId", 1)]), ("commas", [("messageId", "both")])]


@pytest.mark.parametrize("query", [row[1] for row in LISTS], ids=[row[0] for row in LISTS])
def test_logs_take_lists_as_repeated_keys_or_with_commas(gateway, query):
    ids = [send(gateway)[1] for _ in range(2)]
    given = [(name, ",".join(ids) if at == "both" else ids[at]) for name, at in query]
    told = gateway.http.get("/mms/2/logs", params=given).json()

    parse(responses.LogsV2Response, told)
    assert {one["messageId"] for one in told["results"]} == set(ids)
    assert told["results"][0]["content"]["messageSegments"][0]["type"] == "TEXT"


def test_logs_go_on_where_the_cursor_says(gateway):
    bulk = v2_body(destinations=[{"to": f"4179302672{n}"} for n in range(5)])
    bulk_id = gateway.http.post(V2, json=bulk).json()["bulkId"]
    seen, cursor = [], None
    for _ in range(5):
        page = gateway.http.get(
            "/mms/2/logs",
            params={"bulkId": bulk_id, "limit": 2, "useCursor": "true", **({"cursor": cursor} if cursor else {})},
        ).json()
        seen += [one["destination"] for one in page["results"]]
        cursor = page.get("cursor", {}).get("nextCursor")
        if not cursor:
            break

    assert sorted(seen) == [f"4179302672{n}" for n in range(5)]


def test_the_older_logs_have_the_older_names(gateway):
    _, message_id = send(gateway)
    gateway.end(message_id)
    params = {"messageId": message_id, "generalStatus": "DELIVERED", "from": "10950", "to": "41793026727"}
    told = gateway.http.get("/mms/1/logs", params=params).json()

    parse(responses.LogsV1Response, told)
    assert told["results"][0]["messageSegments"] == [{"text": "hi"}]
    assert told["results"][0]["from"] == "10950"


QUERIES_REFUSED = ["limit=0", "limit=1001", "limit=x", "generalStatus=FINE", "sentSince=yesterday", "limit="]


@pytest.mark.parametrize("query", QUERIES_REFUSED)
def test_a_query_that_makes_no_sense_is_refused_by_name(gateway, query):
    answer = gateway.http.get(f"/mms/2/logs?{query}")

    assert answer.status_code == 400
    assert answer.json()["violations"][0]["property"] == query.partition("=")[0]


def test_logs_are_throttled(gateway):
    headers = {"Authorization": "App fresh-0"}
    told = {gateway.http.get("/mms/1/logs", headers=headers).status_code for _ in range(140)}

    assert told == {200, 429}


INBOUND = InboundView(
    message_id="in-1",
    sender="41793026727",
    to="10950",
    group=("4179",),
    parts=(
        InboundMedia("text/plain; charset=utf-8", "content0", text="KEY Sample text"),
        InboundMedia("image/jpeg", "i.jpg", blob="0" * 64, size_bytes=5),
    ),
    subject="Hello",
    user_agent="motogstylus5g",
    received_at_ms=1795336502996,
    keyword="KEY",
    callback_data="cb",
    media_key="secret",
)


def test_the_inbox_hands_a_message_out_once_as_a_string_of_json(gateway):
    gateway.arrive(INBOUND)
    told = gateway.http.get("/mms/1/inbox/reports?limit=2").json()

    parse(responses.InboxResponse, told)
    result = told["results"][0]
    message = json.loads(result["message"])
    assert (result["from"], result["to"], result["mmsCount"]) == ("41793026727", "10950", 1)
    assert result["receivedAt"] == "2026-11-22T08:35:02.996+0000"
    assert message["mms_parts"][0]["value"] == "KEY Sample text"
    assert message["mms_parts"][1]["url"].endswith("/media/in-1/1?key=secret")
    assert gateway.http.get("/mms/1/inbox/reports").json() == {"results": []}


def test_the_messages_api_tells_a_message_as_contents(gateway):
    gateway.arrive(replace(INBOUND, message_id="in-2"))
    told = gateway.http.get("/messages-api/1/inbound?channel=MMS").json()

    parse(responses.MessagesApiInboundResponse, told)
    contents = told["results"][0]["content"]
    assert [one["type"] for one in contents] == ["SUBJECT", "TEXT", "IMAGE"]
    assert (contents[1]["cleanText"], contents[1]["keyword"]) == ("Sample text", "KEY")
