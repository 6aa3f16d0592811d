"""What is pushed to customers' systems: each generation's own shape, as JSON and as XML."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway_adapter.api import responses
from gateway_adapter.api.responses import to_members
from gateway_adapter.api.serializers import (
    inbound_messages_api,
    inbound_pulled,
    log_v1,
    log_v2,
    report_messages_api,
    report_v1,
)
from gateway_adapter.api.webhook_bodies import render_inbound, render_reports
from gateway_adapter.model import InboundMedia, InboundView, LogView, ReportView, Segment
from tests.gateway.api.bodies import parse

REPORT = ReportView(
    message_id="m1",
    bulk_id="b1",
    to="41793026727",
    sender="10950",
    generation="v2",
    status=5,
    error=0,
    sent_at_ms=1795336502996,
    done_at_ms=1795336503996,
    mcc_mnc="22801",
    callback_data="cb",
    entity_id="e",
    application_id="a",
    campaign_reference="camp",
)
INBOUND = InboundView(
    message_id="in-1",
    sender="41793026727",
    to="10950",
    group=("4179",),
    parts=(InboundMedia("text/plain", "t", text="Hi"), InboundMedia("image/gif", "i", blob="0" * 64)),
    subject="",
    user_agent="phone",
    received_at_ms=1795336502996,
    media_key="k",
)
BASE = "https://gateway.example"

JSON_FORMS = [
    ("single", responses.ReportsV1PushResponse, {"to", "smsCount", "error"}, {"from", "mmsCount", "sender"}),
    ("advanced", responses.ReportsV1PushResponse, {"to", "smsCount", "error"}, {"from", "mmsCount", "sender"}),
    (
        "v2",
        responses.ReportsV2Response,
        {"to", "sender", "messageCount", "platform", "campaignReferenceId"},
        {"smsCount"},
    ),
    (
        "messages",
        responses.MessagesApiReportsResponse,
        {"event", "channel", "destination", "messageCount"},
        {"to", "smsCount"},
    ),
]


@pytest.mark.parametrize(("generation", "model", "there", "not_there"), JSON_FORMS, ids=[row[0] for row in JSON_FORMS])
def test_a_pushed_report_has_the_members_of_its_generation(generation, model, there, not_there):
    kind, body = render_reports([REPORT, replace(REPORT, message_id="m2")], generation)

    results = json.loads(body)["results"]
    parse(model, json.loads(body))
    assert kind == "application/json"
    assert [one["messageId"] for one in results] == ["m1", "m2"]
    assert there <= set(results[0])
    assert not not_there & set(results[0])


XML_FORMS = [
    ("single", "MmsReportRequest", "results/results"),
    ("advanced", "MmsReportRequest", "results/results"),
    ("v2", "DeliveryReports", "results/result"),
]


@pytest.mark.parametrize(("generation", "root", "item"), XML_FORMS)
def test_a_report_is_pushed_as_xml_on_request(generation, root, item):
    kind, body = render_reports([REPORT, replace(REPORT, message_id="m2")], generation, xml=True)

    tree = etree.fromstring(body)
    assert (kind, tree.tag) == ("application/xml", root)
    assert [one.findtext("messageId") for one in tree.findall(item)] == ["m1", "m2"]
    assert tree.findtext(f"{item}/status/groupName") == "DELIVERED"
    assert tree.findtext(f"{item}/error/permanent") == "false"


def test_an_intermediate_report_says_nothing_of_an_end():
    open_report = replace(REPORT, status=3, error=15004, done_at_ms=None, final=False)
    told = json.loads(render_reports([open_report], "v2")[1])["results"][0]

    assert "doneAt" not in told
    assert told["status"]["groupName"] == "PENDING"


def test_codes_of_the_network_are_text_but_for_the_messages_api():
    assert to_members(report_v1(REPORT))["mccMnc"] == "22801"
    assert to_members(report_messages_api(REPORT))["mccMnc"] == 22801
    assert "mccMnc" not in to_members(report_messages_api(replace(REPORT, mcc_mnc="")))


def test_no_price_is_told_where_none_is_known():
    told = [
        to_members(report_v1(REPORT)),
        json.loads(render_reports([REPORT], "v2")[1])["results"][0],
        to_members(inbound_pulled(INBOUND, BASE)),
    ]

    assert not any("price" in one for one in told)


def test_a_pushed_message_from_a_phone_is_a_list_of_parts():
    kind, body = render_inbound([INBOUND], BASE)

    told = parse(responses.InboundPushResponse, json.loads(body))
    assert kind == "application/json"
    assert told.message_count == 1
    message = json.loads(body)["results"][0]["message"]
    url = f"{BASE}/media/in-1/1?key=k"
    assert message == [{"contentType": "text/plain", "value": "Hi"}, {"contentType": "image/gif", "url": url}]


def test_a_message_from_a_phone_is_pushed_as_xml_on_request():
    tree = etree.fromstring(render_inbound([INBOUND], BASE, xml=True)[1])

    assert tree.tag == "InboundMessages"
    assert [one.findtext("contentType") for one in tree.findall("results/result/message/part")] == [
        "text/plain",
        "image/gif",
    ]


def test_a_message_without_parts_is_still_a_message():
    bare = replace(INBOUND, parts=())

    assert json.loads(render_inbound([bare], BASE)[1])["results"][0]["message"] == []
    assert to_members(inbound_messages_api(bare, BASE))["content"] == []


SEGMENTS = (
    Segment("text", "t", "text/plain", text="hi"),
    Segment("link", "l", "image/png", url="https://e.x/i"),
    Segment("blob", "b", "image/gif", blob="0" * 64),
    Segment("upload", "u", upload_id="up"),
    Segment("smil", "s", "application/smil", text="<smil/>"),
)


def test_every_kind_of_segment_is_shown_in_both_logs():
    line = LogView(REPORT, "Title", SEGMENTS)
    older, newer = to_members(log_v1(line, BASE)), to_members(log_v2(line, BASE))

    parse(responses.LogV1Response, older)
    parse(responses.LogV2Response, newer)
    assert [one["type"] for one in newer["content"]["messageSegments"]] == [
        "TEXT", "LINK", "LINK", "UPLOADED_REFERENCE", "SMIL",
    ]  # fmt: skip
    assert older["messageSegments"][2]["contentUrl"] == f"{BASE}/messages/m1/segments/2"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(text=st.text(max_size=40), generation=st.sampled_from(["single", "v2", "messages"]), xml=st.booleans())
def test_whatever_a_customer_gave_to_be_called_back_with_makes_a_body_that_can_be_read(text, generation, xml):
    _, body = render_reports([replace(REPORT, callback_data=text, entity_id=text)], generation, xml=xml)

    if xml:
        etree.fromstring(body)
    else:
        assert json.loads(body)["results"][0].get("callbackData", "") == text
