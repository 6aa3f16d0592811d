"""The endpoints: what customers' systems send and what they get, status, body and all."""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import replace

import pytest
from lxml import etree

from gateway_adapter.northbound import answers
from gateway_adapter.schema import InboundMedia, InboundView
from tests.gateway.northbound.conftest import ACCOUNT, KEY

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
V2 = "/mms/2/messages"


def v2_body(**message: object) -> dict:
    return {
        "messages": [
            {
                "sender": "10950",
                "destinations": [{"to": "41793026727"}],
                "content": {"title": "T", "messageSegments": [{"type": "TEXT", "text": "hi"}]},
                **message,
            }
        ]
    }


def form(head: dict | None = None, **parts: tuple) -> list[tuple[str, tuple]]:
    named = {"head": (None, json.dumps(head or {"from": "10950", "to": "41793026727"}), "application/json"), **parts}
    return list(named.items())


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
    model = answers.RequestErrorAnswer if path.startswith("/mms/1") else answers.ApiErrorAnswer
    model.model_validate(answer.json())
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
    answers.SendV1Answer.model_validate(answer.json())
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

    told = answers.SendV1Answer.model_validate(answer.json())
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

    told = answers.SendV2Answer.model_validate(answer.json())
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
    assert answers.ApiErrorAnswer.model_validate(answer.json()).error_code == f"E{http}"


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


def send(gateway, path: str = V2, **more: object) -> tuple[str, str]:
    if path == "/messages-api/1/messages":
        body = {"messages": [{"channel": "MMS", "sender": "10950", "destinations": [{"to": "41793026727"}],
                              "content": {"body": {"type": "TEXT", "text": "hi"}}, **more}]}  # fmt: skip
    else:
        body = v2_body(**more)
    answer = gateway.http.post(path, json=body).json()
    return answer["bulkId"], answer["messages"][0]["messageId"]


@pytest.mark.parametrize(
    ("path", "model", "to"),
    [
        ("/mms/1/reports", answers.ReportsV1Answer, "to"),
        ("/mms/2/reports", answers.ReportsV2Answer, "to"),
    ],
)
def test_a_report_is_handed_out_once(gateway, path, model, to):
    bulk_id, message_id = send(gateway, webhooks={"callbackData": "cb"}, options={"platform": {"entityId": "e"}})
    assert gateway.http.get(path, params={"messageId": message_id}).json() == {"results": []}
    gateway.end(message_id, status=9, error=15009)

    first = gateway.http.get(path, params={"bulkId": bulk_id, "limit": 10}).json()
    again = gateway.http.get(path, params={"bulkId": bulk_id}).json()

    model.model_validate(first)
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

    answers.OmniReportsAnswer.model_validate(told)
    assert (told["results"][0]["event"], told["results"][0]["channel"]) == ("DELIVERY", "MMS")
    assert gateway.http.get("/messages-api/1/reports", params={"channel": "SMS"}).json() == {"results": []}


LISTS = [
    ("repeated keys", [("messageId", 0), ("messageId", 1)]),
    ("commas", [("messageId", "both")]),
]


@pytest.mark.parametrize("query", [row[1] for row in LISTS], ids=[row[0] for row in LISTS])
def test_logs_take_lists_as_repeated_keys_or_with_commas(gateway, query):
    ids = [send(gateway)[1] for _ in range(2)]
    given = [(name, ",".join(ids) if at == "both" else ids[at]) for name, at in query]
    told = gateway.http.get("/mms/2/logs", params=given).json()

    answers.LogsV2Answer.model_validate(told)
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

    answers.LogsV1Answer.model_validate(told)
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

    answers.InboxAnswer.model_validate(told)
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

    answers.OmniInboundAnswer.model_validate(told)
    contents = told["results"][0]["content"]
    assert [one["type"] for one in contents] == ["SUBJECT", "TEXT", "IMAGE"]
    assert (contents[1]["cleanText"], contents[1]["keyword"]) == ("Sample text", "KEY")


# --- content ---------------------------------------------------------------------------------------------------


def test_content_is_uploaded_listed_used_and_deleted(gateway):
    headers = {"X-Content-Id": "icon_png", "X-Media-Type": "image/png", "X-Validity-Period-Minutes": "60"}
    put = gateway.http.post("/mms/1/content", content=PNG, headers={**headers, "Content-Type": "text/html"})
    upload_id = answers.UploadAnswer.model_validate(put.json()).uploaded_content_id

    listed = answers.UploadsAnswer.model_validate(gateway.http.get("/mms/1/content?limit=1000").json())
    mine = next(one for one in listed.results if one.uploaded_content_id == upload_id)
    assert (mine.content_type, mine.size_bytes, mine.content_id) == ("image/png", len(PNG), "icon_png")
    used = v2_body(content={"messageSegments": [{"type": "UPLOADED_REFERENCE", "uploadedContentId": upload_id}]})
    message_id = gateway.http.post(V2, json=used).json()["messages"][0]["messageId"]
    content = gateway.http.get(f"/messages/{message_id}/segments/0")
    assert (content.content, content.headers["content-type"]) == (PNG, "image/png")
    assert content.headers["content-disposition"] == "attachment"
    gone = [gateway.http.delete(f"/mms/1/content/{upload_id}").status_code for _ in range(2)]
    assert gone == [204, 404]
    assert gateway.http.get(f"/messages/{message_id}/segments/0").status_code == 404


UPLOADS_REFUSED = [
    ({"X-Media-Type": "image/png"}, PNG, "X-Content-Id"),
    ({"X-Content-Id": "a"}, PNG, "X-Media-Type"),
    ({"X-Content-Id": "a", "X-Media-Type": "image/png", "X-Validity-Period-Minutes": "x"}, PNG, "Minutes"),
    ({"X-Content-Id": "a", "X-Media-Type": "image/png"}, b"", "empty"),
]


@pytest.mark.parametrize(("headers", "body", "words"), UPLOADS_REFUSED, ids=[row[2] for row in UPLOADS_REFUSED])
def test_an_upload_without_its_headers_is_refused_in_its_own_form(gateway, headers, body, words):
    answer = gateway.http.post("/mms/1/content", content=body, headers=headers)

    assert answer.status_code == 400
    assert words in answers.SendV1Answer.model_validate(answer.json()).error_message


# --- additions -------------------------------------------------------------------------------------------------

LATER = "2026-12-24T18:00:00.000+0000"


def test_a_scheduled_message_is_taken_back_and_reported_so(gateway):
    body = v2_body()
    body["options"] = {"schedule": {"sendAt": "2027-01-24T18:00:00.000+0000"}}
    sent = gateway.http.post(V2, json=body).json()
    message_id = sent["messages"][0]["messageId"]

    assert gateway.http.delete(f"/messages/{message_id}").json() == {"cancelled": 1}
    assert gateway.http.delete(f"/messages/{message_id}").status_code == 409
    assert gateway.http.delete(f"/bulks/{sent['bulkId']}").status_code == 409
    told = answers.MessageAnswer.model_validate(gateway.http.get(f"/messages/{message_id}").json())
    assert (told.state, told.report.status.name) == ("cancelled", "UNDELIVERABLE_NOT_SENT")
    assert told.report.error.name == "EC_MESSAGE_CANCELED"


def test_a_scheduled_bulk_is_taken_back_whole(gateway):
    body = v2_body(destinations=[{"to": "41793026721"}, {"to": "41793026722"}])
    body["options"] = {"schedule": {"sendAt": "2027-01-24T18:00:00.000+0000"}}
    bulk_id = gateway.http.post(V2, json=body).json()["bulkId"]

    assert gateway.http.delete(f"/bulks/{bulk_id}").json() == {"cancelled": 2}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/messages/none"),
        ("DELETE", "/messages/none"),
        ("DELETE", "/bulks/none"),
        ("GET", "/messages/none/segments/0"),
        ("DELETE", "/mms/1/content/none"),
        ("GET", "/messages/%00"),
        ("GET", "/nothing/here"),
    ],
)
def test_what_is_not_there_is_404_in_the_form_of_its_path(gateway, method, path):
    answer = gateway.http.request(method, path)

    assert answer.status_code == 404
    model = answers.RequestErrorAnswer if path.startswith("/mms/1") else answers.ApiErrorAnswer
    model.model_validate(answer.json())


def test_a_method_that_is_not_served_is_answered_with_those_that_are(gateway):
    answer = gateway.http.request("PUT", "/mms/1/content")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_messages_are_found_by_bulk_and_state(gateway):
    bulk_id, message_id = send(gateway)
    gateway.end(message_id)
    found = gateway.http.get("/messages", params={"bulkId": bulk_id, "state": "delivered"}).json()

    told = answers.MessagesAnswer.model_validate(found)
    assert [one.report.message_id for one in told.results] == [message_id]
    assert told.results[0].steps[-1].step == "delivered"


def test_nobody_sees_what_is_anothers(gateway):
    _, message_id = send(gateway)

    assert gateway.http.get(f"/messages/{message_id}", headers={"Authorization": "App other-key"}).status_code == 404


def test_what_the_messages_api_would_send_otherwise_is_told_before(gateway):
    body = {"messages": [{"channel": "MMS", "sender": "1", "destinations": [{"to": "1"}], "content": {
        "body": {"type": "CONTACT", "name": "Ada", "phoneNumber": "1"}}}]}  # fmt: skip
    told = gateway.http.post("/messages-api/1/messages/validate", json=body).json()
    body["messages"][0]["content"]["body"] = {"type": "STICKER"}
    refused = gateway.http.post("/messages-api/1/messages/validate", json=body)

    answers.ValidationAnswer.model_validate(told)
    assert told["skippableViolations"][0]["property"] == "messages[0].content.body.type"
    assert refused.status_code == 400
    assert refused.json()["violations"][0]["property"] == "messages[0].content.body.type"


# --- inbound configurations ------------------------------------------------------------------------------------

CONFIGURATIONS = "/resource-management/1/inbound-message-configurations"


def test_a_configuration_is_made_changed_unset_and_forgotten(gateway):
    base = {"channel": "MMS", "number": "+10950", "keyword": "WIN"}
    forwarding = {"type": "HTTP_FORWARD", "url": "https://e.x/in", "format": "MO_MMS_2"}
    made = gateway.http.post(CONFIGURATIONS, json={**base, "forwarding": forwarding, "username": "u"}).json()
    answered = {"message": "Thanks", "deliveryTimeWindow": {"days": ["MONDAY"]}}
    block = {"type": "BLOCK", "level": "FROM_SENDER"}
    change = {"autoResponse": answered, "unset": ["USERNAME"], "blockListConfiguration": block}
    gateway.http.post(CONFIGURATIONS, json={**base, **change})
    listed = gateway.http.get(CONFIGURATIONS, params={"channel": "MMS", "number": "10950"}).json()

    key = answers.ConfigurationAnswer.model_validate(made).configuration_key
    assert listed == [{**{k: v for k, v in made.items() if k != "username"}, "autoResponse": answered,
                       "blockListConfiguration": block}]  # fmt: skip
    assert gateway.http.delete(f"{CONFIGURATIONS}/{key}").status_code == 204


CONFIGURATIONS_REFUSED = [
    {"channel": "MMS"},
    {"channel": "SMS", "number": "1"},
    {"channel": "MMS", "number": " "},
    {"channel": "MMS", "number": "Company"},
    {"channel": "MMS", "number": "1", "keyword": "x" * 51},
    {"channel": "MMS", "number": "1", "forwarding": {"type": "HTTP_FORWARD"}},
    {"channel": "MMS", "number": "1", "autoResponse": {"message": "x" * 1081}},
    {"channel": "MMS", "number": "1", "countryCode": "gb"},
]


@pytest.mark.parametrize("body", CONFIGURATIONS_REFUSED, ids=range(len(CONFIGURATIONS_REFUSED)))
def test_a_configuration_that_makes_no_sense_is_refused(gateway, body):
    answer = gateway.http.post(CONFIGURATIONS, json=body, headers={"Authorization": "App fresh-1"})

    assert answer.status_code == 400
    answers.ApiErrorAnswer.model_validate(answer.json())


def test_the_account_of_the_tests_is_the_one_of_the_key(gateway):
    assert gateway.service.authenticate(f"App {KEY}") == ACCOUNT


# --- check and the document ------------------------------------------------------------------------------------


def test_a_check_tells_the_ledger_and_keeps_nothing(gateway):
    before = len(gateway.http.get("/messages?limit=1000").json()["results"])
    told = gateway.http.post("/check", json=v2_body(options={"gateway": {"carrier": "us/t-mobile"}}))

    answer = answers.CheckAnswer.model_validate(told.json())
    assert answer.fits
    assert answer.results[0]["schema"] == "mmscontent.ledger/1"
    assert answer.results[0]["profile"]["carrier"] == "us/t-mobile"
    assert len(gateway.http.get("/messages?limit=1000").json()["results"]) == before


def test_a_check_of_a_form_reads_it_as_a_send_would(gateway):
    told = gateway.http.post("/check", files=form(text=(None, "hi")))

    assert answers.CheckAnswer.model_validate(told.json()).results[0]["parts"]


CHECKS_REFUSED = [
    ("a carrier nobody knows", v2_body(options={"gateway": {"carrier": "xx/none"}})),
    (
        "an upload nobody made",
        v2_body(content={"messageSegments": [{"type": "UPLOADED_REFERENCE", "uploadedContentId": "x"}]}),
    ),
    ("more recipients than a check takes", v2_body(destinations=[{"to": str(41790000000 + n)} for n in range(21)])),
]


@pytest.mark.parametrize("body", [row[1] for row in CHECKS_REFUSED], ids=[row[0] for row in CHECKS_REFUSED])
def test_a_check_that_can_not_be_done_is_refused_by_name(gateway, body):
    answer = gateway.http.post("/check", json=body)

    assert answer.status_code == 400
    assert answers.ApiErrorAnswer.model_validate(answer.json()).description


def test_every_path_is_told_with_its_bodies_its_refusals_and_the_four_forms(gateway):
    document = gateway.http.get("/openapi.json").json()

    assert len(document["components"]["securitySchemes"]) == 4
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            told = f"{method} {path}"
            assert {"401", "403", "429", "500"} <= set(one["responses"]), told
            assert len(one["security"]) == 4, told
            assert method != "post" or one["requestBody"]["content"], told
            assert "422" not in one["responses"], told


def test_everything_the_document_refers_to_is_in_it(gateway):
    document = gateway.http.get("/openapi.json").json()
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))

    assert referred == set(document["components"]["schemas"])


def test_the_page_of_the_document_tells_every_path_and_body_and_fetches_nothing(gateway):
    document = gateway.http.get("/openapi.json").json()
    page = gateway.http.get("/docs", headers={"Authorization": ""})

    root = etree.HTML(page.text)
    told = ["".join(row.itertext()) for row in root.iter("summary")]
    for path, methods in (document["paths"] | document["webhooks"]).items():
        for method in methods:
            assert any(row.startswith(f"{method.upper()}{path} ") for row in told), (method, path)
    names = {heading.get("id") for heading in root.iter("h3")}
    assert names == set(document["components"]["schemas"])
    links = [link.get("href") for link in root.iter("a")]
    assert all(link == "/openapi.json" or link.removeprefix("#") in names for link in links)
    assert not list(root.iter("script", "img", "link", "iframe"))
    assert "default-src 'none'" in page.headers["content-security-policy"]
