"""Requests of every generation, as recorded from the real clients, as one `Submission`."""

from __future__ import annotations

import hashlib
import json

import pytest

from gateway_adapter.api import messages_api, mms_v1_advanced, mms_v1_single, mms_v2
from gateway_adapter.api.common_fields import InlineContent
from gateway_adapter.api.errors import InvalidRequest
from gateway_adapter.api.fields import read_json
from gateway_adapter.model import Destination, Failover, Segment, SpeedLimit, Window

NOW = 1795336502996  # 2026-11-22T08:35:02.996Z
LATER = "2026-11-23T08:35:02.996+0000"
HOUR_MS = 3600 * 1000

# As infobip-api-python-sdk 5.0.1 sends it: unset fields are null.
COMMUNITY_HEAD = {
    "from": "10950", "to": "+41793026727", "id": None, "subject": None, "validityPeriodMinutes": None,
    "callbackData": None, "notifyUrl": None, "sendAt": None, "intermediateReport": False, "deliveryTimeWindow": None,
}  # fmt: skip
FULL_HEAD = {
    **COMMUNITY_HEAD, "id": "chk-f9", "subject": "Check", "validityPeriodMinutes": 120, "callbackData": "callback",
    "notifyUrl": "http://127.0.0.1:9/dlr", "sendAt": "2026-11-23T08:40:58.000000Z", "intermediateReport": True,
    "deliveryTimeWindow": {"days": ["MONDAY", "SUNDAY"], "from": {"hour": 0, "minute": 0},
                           "to": {"hour": 23, "minute": 59}},
}  # fmt: skip
TEXT = (Segment("text", media_type="text/plain", text="hi"),)


def head(values: dict) -> mms_v1_single.SingleHead:
    return read_json(mms_v1_single.SingleHead, json.dumps(values).encode())


def test_single_takes_a_head_whose_unset_fields_are_null():
    order = mms_v1_single.submission_from_single(head(COMMUNITY_HEAD), TEXT, NOW).orders[0]

    assert (order.generation, order.sender, order.destinations) == ("single", "10950", (Destination("41793026727"),))
    assert (order.validity_s, order.send_at_ms, order.window) == (48 * 3600, None, None)


def test_single_takes_every_field_of_the_head():
    order = mms_v1_single.submission_from_single(head(FULL_HEAD), TEXT, NOW).orders[0]

    assert order.destinations == (Destination("41793026727", "chk-f9"),)
    assert (order.title, order.callback_data, order.notify_url) == ("Check", "callback", "http://127.0.0.1:9/dlr")
    assert (order.validity_s, order.intermediate_report, order.send_at_ms) == (7200, True, 1795423258000)
    assert order.window == Window((0, 6), 0, 23 * 60 + 59)


def test_single_without_anything_to_send_is_refused():
    with pytest.raises(InvalidRequest, match="nothing to send"):
        mms_v1_single.submission_from_single(head(COMMUNITY_HEAD), (Segment("smil", text="<smil/>"),), NOW)


def test_links_of_single_become_segments():
    body = b'[{"contentType": "image/jpeg", "contentId": "image1", "contentUrl": "https://www.example.com/i.jpg"}]'

    assert mms_v1_single.links_of(body) == (
        Segment("link", "image1", media_type="image/jpeg", url="https://www.example.com/i.jpg"),
    )


# As infobip-cpaasx 0.0.2 sends it.
CPAASX = {
    "bulkId": "bulk-1",
    "messages": [
        {
            "destinations": [{"to": "41793026727", "messageId": "m1"}, {"group": [{"to": "1"}, {"to": "2"}]}],
            "from": "10950",
            "messageSegments": [
                {"text": "With link"},
                {"contentType": "image/jpeg", "contentUrl": "https://www.example.com/image.jpg"},
                {"contentId": "picture", "contentType": "image/png", "contentBase64": "iVBORw0KGgo="},
                {"contentId": "smil", "contentType": "application/smil", "smil": "<smil/>"},
                {"contentId": "icon", "uploadedContentId": "2097418E"},
            ],
            "title": "Some title",
            "validityPeriod": 9999,
            "sendAt": LATER,
        }
    ],
}
PNG = hashlib.sha256(b"\x89PNG\r\n\x1a\n").hexdigest()
CPAASX_SEGMENTS = (
    Segment("text", media_type="text/plain", text="With link"),
    Segment("link", media_type="image/jpeg", url="https://www.example.com/image.jpg"),
    Segment("blob", "picture", media_type="image/png", blob=PNG),
    Segment("smil", "smil", media_type="application/smil", text="<smil/>"),
    Segment("upload", "icon", upload_id="2097418E"),
)
XML = """<MmsAdvancedRequest><bulkId>bulk-1</bulkId><messages><messages>
<destinations><destinations><to>41793026727</to><messageId>m1</messageId></destinations>
<destinations><group><group><to>1</to></group><group><to>2</to></group></group></destinations></destinations>
<from>10950</from>
<messageSegments><messageSegments><text>With link</text></messageSegments>
<messageSegments><contentType>image/jpeg</contentType><contentUrl>https://www.example.com/image.jpg</contentUrl>
</messageSegments>
<messageSegments><contentId>picture</contentId><contentType>image/png</contentType>
<contentBase64>iVBORw0KGgo=</contentBase64></messageSegments>
<messageSegments><contentId>smil</contentId><smil>&lt;smil/&gt;</smil></messageSegments>
<messageSegments><contentId>icon</contentId><uploadedContentId>2097418E</uploadedContentId></messageSegments>
</messageSegments><title>Some title</title><validityPeriod>9999</validityPeriod>
<sendAt>2026-11-23T08:35:02.996+0000</sendAt></messages></messages></MmsAdvancedRequest>"""
# The same list without an element around it.
FLAT_XML = (
    XML.replace("<messages><messages>", "<messages>")
    .replace("</messages></messages>", "</messages>")
    .replace("<messageSegments><messageSegments>", "<messageSegments>")
    .replace("</messageSegments>\n</messageSegments>", "</messageSegments>")
)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(lambda: mms_v1_advanced.read_advanced_json(json.dumps(CPAASX).encode()), id="json"),
        pytest.param(lambda: mms_v1_advanced.read_advanced_xml(XML.encode()), id="xml"),
        pytest.param(lambda: mms_v1_advanced.read_advanced_xml(FLAT_XML.encode()), id="xml, lists without a wrapper"),
    ],
)
def test_advanced_is_the_same_submission_in_json_and_xml(request_):
    inline = InlineContent()
    submission = mms_v1_advanced.submission_from_advanced(request_(), NOW, inline)

    order = submission.orders[0]
    assert submission.bulk_id == "bulk-1"
    assert order.destinations == (
        Destination("41793026727", "m1"),
        Destination(group=(Destination("1"), Destination("2"))),
    )
    assert order.segments == CPAASX_SEGMENTS
    assert inline.blobs == {PNG: (b"\x89PNG\r\n\x1a\n", "image/png")}
    assert (order.title, order.validity_s, order.send_at_ms) == ("Some title", 48 * 3600, NOW + 24 * HOUR_MS)


# As infobip-api-java-client 6.4.0 sends it.
JAVA = {
    "messages": [
        {
            "sender": "441134960000",
            "destinations": [
                {"to": "441134960003", "messageId": "mid-3"},
                {"group": [{"to": "441134960001"}, {"to": "441134960002"}]},
            ],
            "content": {
                "title": "T",
                "messageSegments": [
                    {"type": "SMIL", "contentType": "application/smil", "smil": "<smil/>"},
                    {"type": "TEXT", "contentId": "text1", "text": "héllo"},
                    {"type": "LINK", "contentId": "image1", "contentType": "image/jpeg", "contentUrl": "https://e.x/i"},
                    {"type": "UPLOADED_REFERENCE", "contentId": "img2", "uploadedContentId": "3DAA"},
                ],
            },
            "options": {
                "platform": {"entityId": "e", "applicationId": "a"},
                "validityPeriod": {"amount": 2, "timeUnit": "HOURS"},
                "deliveryTimeWindow": {
                    "days": ["MONDAY"], "from": {"hour": 9, "minute": 0}, "to": {"hour": 17, "minute": 30},
                },
                "smsFailover": {"sender": "+1", "text": "sms"},
                "regional": {"southKorea": {"resellerCode": 123456789}},
                "campaignReferenceId": "camp",
            },
            "webhooks": {
                "delivery": {"url": "https://e.x/d", "intermediateReport": True, "notify": True},
                "contentType": "application/xml",
                "callbackData": "cb",
            },
        }
    ],
    "options": {
        "schedule": {"bulkId": "bulk-1", "sendAt": LATER, "sendingSpeedLimit": {"amount": 10, "timeUnit": "HOUR"}},
        "tracking": {"shortenUrl": True, "trackClicks": True, "trackingUrl": "https://e.x/t"},
    },
}  # fmt: skip


def v2(body: dict):
    return mms_v2.submission_from_v2(read_json(mms_v2.MessagesRequest, json.dumps(body).encode()), NOW)


def test_v2_takes_everything_the_java_client_sends():
    submission = v2(JAVA)

    order = submission.orders[0]
    assert (submission.bulk_id, submission.speed) == ("bulk-1", SpeedLimit(10, 3600))
    assert submission.tracking_url == "https://e.x/t"
    assert [s.kind for s in order.segments] == ["smil", "text", "link", "upload"]
    assert order.destinations[1].group == (Destination("441134960001"), Destination("441134960002"))
    assert (order.validity_s, order.window) == (7200, Window((0,), 540, 1050))
    assert order.sms_failover == Failover("sms", "1")
    assert (order.notify_url, order.notify, order.report_xml) == ("https://e.x/d", True, True)
    assert (order.entity_id, order.application_id, order.campaign_reference) == ("e", "a", "camp")
    assert (order.callback_data, order.reseller_code, order.send_at_ms) == ("cb", 123456789, NOW + 24 * HOUR_MS)


def test_a_repeat_says_the_same_after_its_time_of_sending_has_come():
    request = read_json(mms_v2.MessagesRequest, json.dumps(JAVA).encode())
    before, after = (mms_v2.submission_from_v2(request, NOW + days * 24 * HOUR_MS) for days in (0, 3))

    assert before == after


def test_v2_ignores_members_it_does_not_know():
    # nyaruka/courier puts contentType inside webhooks.delivery and sends an empty title
    message = {**JAVA["messages"][0], "webhooks": {"delivery": {"url": "https://e.x", "contentType": "x"}}, "new": 1}
    message["content"] = {**message["content"], "title": ""}

    assert v2({"messages": [message]}).orders[0].title == ""


def test_options_of_the_gateway_choose_the_receiver():
    message = {**JAVA["messages"][0]}
    message["options"] = {"gateway": {"carrier": "us/t-mobile", "route": "long_code", "ifNotFit": "drop"}}

    order = v2({"messages": [message]}).orders[0]
    assert (order.carrier, order.route, order.device, order.if_not_fit) == ("us/t-mobile", "long_code", "", "drop")


def change(body: dict, path: str, value: object) -> dict:
    copy = json.loads(json.dumps(body))
    at = copy
    *way, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    for step in way:
        at = at[step]
    at[last] = value
    return copy


M = "messages/0"
WRONG = [
    ("messages", [], "messages"),
    (f"{M}/destinations", [], "messages[0].destinations"),
    (f"{M}/destinations/0/to", 5, "messages[0].destinations[0].to"),
    (f"{M}/destinations/0/to", "1" * 51, "messages[0].destinations[0].to"),
    (f"{M}/destinations/0/messageId", "x" * 201, "messages[0].destinations[0].messageId"),
    (f"{M}/destinations/1/group", [{"to": "1"}] * 201, "messages[0].destinations[1].group"),
    (f"{M}/destinations/1/group", [], "messages[0].destinations[1].group"),
    (f"{M}/content/title", "x" * 67, "messages[0].content.title"),
    (f"{M}/content/messageSegments", [], "messages[0].content.messageSegments"),
    (f"{M}/content/messageSegments/1/type", "VIDEO", "messages[0].content.messageSegments[1]"),
    (f"{M}/content/messageSegments/1/text", "x" * 4097, "messages[0].content.messageSegments[1].text"),
    (f"{M}/content/messageSegments/2/contentUrl", "ftp://e.x/i", "messages[0].content.messageSegments[2].contentUrl"),
    (f"{M}/options/validityPeriod/amount", 0, "messages[0].options.validityPeriod.amount"),
    (f"{M}/options/deliveryTimeWindow/to", None, "messages[0].options.deliveryTimeWindow"),
    (f"{M}/options/deliveryTimeWindow/to", {"hour": 9, "minute": 59}, "messages[0].options.deliveryTimeWindow"),
    (f"{M}/options/deliveryTimeWindow/days", [], "messages[0].options.deliveryTimeWindow.days"),
    (f"{M}/webhooks/callbackData", "x" * 4001, "messages[0].webhooks.callbackData"),
    (f"{M}/webhooks/contentType", "text/csv", "messages[0].webhooks.contentType"),
    ("options/schedule/bulkId", "x" * 101, "options.schedule.bulkId"),
    ("options/schedule/sendAt", "soon", "options.schedule.sendAt"),
    ("options/schedule/sendAt", "2027-11-22T00:00:00Z", "options.schedule.sendAt"),
]


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=[f"{row[0]}={str(row[1])[:20]}" for row in WRONG])
def test_a_wrong_value_is_refused_by_the_name_of_its_field(path, value, field):
    with pytest.raises(InvalidRequest) as refused:
        v2(change(JAVA, path, value))

    assert [violation.field for violation in refused.value.violations] == [field]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"messages": 1}', b'"\\u0000"', b"\xff\xfe", b"[" * 5000]
)
def test_what_is_no_request_is_malformed_and_nothing_else(body):
    with pytest.raises(InvalidRequest):
        read_json(mms_v2.MessagesRequest, body)


def test_a_backslash_before_u0000_is_text_and_no_nul():
    body = json.dumps({"from": "1", "to": "2", "subject": "\\u0000"}).encode()

    assert read_json(mms_v1_single.SingleHead, body).subject == "\\u0000"


HOSTILE_XML = [
    b'<!DOCTYPE a [<!ENTITY x "y">]><MmsAdvancedRequest><bulkId>&x;</bulkId></MmsAdvancedRequest>',
    b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><MmsAdvancedRequest/>',
    b"<other/>",
    b"<MmsAdvancedRequest>",
    b"<MmsAdvancedRequest>" + b"<a>" * 100 + b"x" + b"</a>" * 100 + b"</MmsAdvancedRequest>",
    b"",
    b"\x00",
]


@pytest.mark.parametrize("body", HOSTILE_XML)
def test_xml_with_a_dtd_another_root_or_no_end_is_refused(body):
    with pytest.raises(InvalidRequest):
        mms_v1_advanced.read_advanced_xml(body)


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        ({"contentBase64": "%%%%"}, "not base64"),
        ({"contentBase64": "===="}, "no content|not base64"),
        ({"contentId": "x"}, "a segment has one of"),
    ],
)
def test_a_segment_of_advanced_without_content_is_refused(segment, words):
    body = change(CPAASX, "messages/0/messageSegments", [segment])

    with pytest.raises(InvalidRequest, match=words):
        mms_v1_advanced.submission_from_advanced(
            mms_v1_advanced.read_advanced_json(json.dumps(body).encode()), NOW, InlineContent()
        )


# --- Messages API ---------------------------------------------------------------------------------------------


def api_body(body: dict, **more: object) -> bytes:
    options = more.pop("options", {})
    content = {"body": body, **more.pop("content", {})}
    message = {"channel": "MMS", "sender": "10950", "destinations": [{"to": "1"}], "content": content, **more}
    return json.dumps({"messages": [{**message, "options": options}]}).encode()


def api_order(raw: bytes):
    reading = messages_api.ConversionContext(NOW, InlineContent())
    return messages_api.submission_from_channels(read_json(messages_api.MessagesApiRequest, raw), reading).orders[
        0
    ], reading


MESSAGES_API_BODIES = [
    ({"type": "TEXT", "text": "hi"}, [("text", "hi")]),
    ({"type": "IMAGE", "url": "https://e.x/i", "text": "cap"}, [("link", "https://e.x/i"), ("text", "cap")]),
    ({"type": "VIDEO", "url": "https://e.x/v"}, [("link", "https://e.x/v")]),
    ({"type": "DOCUMENT", "url": "https://e.x/d", "filename": "d.pdf"}, [("link", "https://e.x/d")]),
    (
        {"type": "MIXED", "items": [{"url": "https://e.x/i"}, {"text": "Some text"}]},
        [("link", "https://e.x/i"), ("text", "Some text")],
    ),
    (
        {"type": "RICH_LINK", "url": "https://e.x/i", "redirectUrl": "https://e.x/go", "text": "Look"},
        [("link", "https://e.x/i"), ("text", "Look\nhttps://e.x/go")],
    ),
    (
        {"type": "LOCATION", "latitude": 45.8, "longitude": 15.97, "name": "Office"},
        [("text", "Office\ngeo:45.800000,15.970000")],
    ),
    (
        {"type": "CAROUSEL", "text": "Top", "cards": [{"body": {"url": "https://e.x/1", "title": "One"}}]},
        [("text", "Top"), ("link", "https://e.x/1"), ("text", "One")],
    ),
]


@pytest.mark.parametrize(("body", "said"), MESSAGES_API_BODIES, ids=[row[0]["type"] for row in MESSAGES_API_BODIES])
def test_a_body_of_the_messages_api_is_said_in_segments(body, said):
    order, _ = api_order(api_body(body))

    assert [(s.kind, s.text or s.url) for s in order.segments] == said


def test_a_contact_becomes_a_card():
    order, reading = api_order(api_body({"type": "CONTACT", "name": "Ada; Co", "phoneNumber": "+1 206"}))

    data, media_type = reading.inline.blobs[order.segments[0].blob]
    assert media_type == "text/vcard"
    assert b"FN:Ada\\; Co\r\nTEL;TYPE=CELL:+1206\r\n" in data


MESSAGES_API_WRONG = [
    (api_body({"type": "TEXT", "text": "x"}, channel="SMS"), "messages[0].channel"),
    (api_body({"type": "STICKER", "reference": "r"}), "messages[0].content.body.type"),
    (api_body({"type": "LOCATION", "latitude": 1.5, "longitude": 1.5}, options={"adaptationMode": False}),
     "messages[0].content.body.type"),
    (api_body({"type": "TEXT", "text": "x"}, destinations=[{"byChannel": [{"channel": "SMS", "to": "1"}]}]),
     "messages[0].destinations[0].byChannel"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "field"), MESSAGES_API_WRONG)
def test_what_can_not_go_as_mms_is_a_named_violation(raw, field):
    with pytest.raises(InvalidRequest) as refused:
        api_order(raw)

    assert [violation.field for violation in refused.value.violations] == [field]


def test_buttons_footer_header_and_failover_are_said_in_the_means_of_mms():
    content = {
        "header": {"type": "TEXT", "text": "Subject"},
        "footer": {"text": "Bye"},
        "buttons": [{"type": "OPEN_URL", "text": "Go", "url": "https://e.x"}, {"type": "REPLY", "text": "Yes"}],
    }
    failover = [{"channel": "RCS", "sender": "x"}, {"channel": "SMS", "sender": "5"}]
    order, reading = api_order(api_body({"type": "TEXT", "text": "Hi"}, content=content, failover=failover))

    assert order.title == "Subject"
    assert [s.text for s in order.segments] == ["Hi", "Go: https://e.x", "Bye"]
    assert order.sms_failover == Failover("Hi Go: https://e.x Bye", "5")
    assert [v.field for v in reading.skippable] == [
        "messages[0].content.buttons[0]",
        "messages[0].content.buttons[1]",
        "messages[0].failover[0]",
    ]
