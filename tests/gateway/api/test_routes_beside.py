"""The endpoints beside sending and reporting: content, what is added, configurations, check and the document."""

from __future__ import annotations

import json
import re

import pytest
from lxml import etree

from gateway_adapter.api import responses
from gateway_adapter.api.inbound_configurations import ConfigurationResponse
from tests.gateway.api.bodies import PNG, V2, form, parse, send, v2_body
from tests.gateway.api.conftest import ACCOUNT, KEY

# --- content ---------------------------------------------------------------------------------------------------


def test_content_is_uploaded_listed_used_and_deleted(gateway):
    headers = {"X-Content-Id": "icon_png", "X-Media-Type": "image/png", "X-Validity-Period-Minutes": "60"}
    put = gateway.http.post("/mms/1/content", content=PNG, headers={**headers, "Content-Type": "text/html"})
    upload_id = parse(responses.UploadedResponse, put.json()).uploaded_content_id

    listed = parse(responses.UploadsResponse, gateway.http.get("/mms/1/content?limit=1000").json())
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
    assert words in parse(responses.SendV1Response, answer.json()).error_message


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
    told = parse(responses.MessageResponse, gateway.http.get(f"/messages/{message_id}").json())
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
    model = responses.RequestErrorResponse if path.startswith("/mms/1") else responses.ApiErrorResponse
    parse(model, answer.json())


def test_a_method_that_is_not_served_is_answered_with_those_that_are(gateway):
    answer = gateway.http.request("PUT", "/mms/1/content")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_messages_are_found_by_bulk_and_state(gateway):
    bulk_id, message_id = send(gateway)
    gateway.end(message_id)
    found = gateway.http.get("/messages", params={"bulkId": bulk_id, "state": "delivered"}).json()

    told = parse(responses.MessagesResponse, found)
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

    parse(responses.ValidationResponse, told)
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

    key = parse(ConfigurationResponse, made).configuration_key
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
    parse(responses.ApiErrorResponse, answer.json())


def test_the_account_of_the_tests_is_the_one_of_the_key(gateway):
    assert gateway.service.authenticate(f"App {KEY}") == ACCOUNT


# --- check and the document ------------------------------------------------------------------------------------


def test_a_check_tells_the_ledger_and_keeps_nothing(gateway):
    before = len(gateway.http.get("/messages?limit=1000").json()["results"])
    told = gateway.http.post("/check", json=v2_body(options={"gateway": {"carrier": "us/t-mobile"}}))

    answer = parse(responses.CheckResponse, told.json())
    assert answer.fits
    assert answer.results[0]["schema"] == "mmscontent.ledger/1"
    assert answer.results[0]["profile"]["carrier"] == "us/t-mobile"
    assert len(gateway.http.get("/messages?limit=1000").json()["results"]) == before


def test_a_check_of_a_form_reads_it_as_a_send_would(gateway):
    told = gateway.http.post("/check", files=form(text=(None, "hi")))

    assert parse(responses.CheckResponse, told.json()).results[0]["parts"]


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
    assert parse(responses.ApiErrorResponse, answer.json()).description


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
