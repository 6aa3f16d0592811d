"""Drives infobip-api-python-client: the Messages API with channel MMS; and /mms/2/* through its own transport.

This client has no MMS methods; its transport and models of the answers stand for those of the Java and PHP clients.
"""

import json
import uuid
from datetime import datetime, timedelta, timezone

from infobip_api_client import models as m
from infobip_api_client.api.messages_api import MessagesApi
from infobip_api_client.api_client import ApiClient
from infobip_api_client.configuration import Configuration
from infobip_api_client.exceptions import ApiException
from infobip_api_client.models.messages_api_message_image_body import MessagesApiMessageImageBody
from infobip_api_client.models.messages_api_message_mixed_body import MessagesApiMessageMixedBody
from infobip_api_client.models.messages_api_message_text_body import MessagesApiMessageTextBody
from steps import expect, place, run, until

HERE = place()


def client(key):
    return ApiClient(Configuration(host=HERE.base_url, api_key={"APIKeyHeader": key},
                                   api_key_prefix={"APIKeyHeader": "App"}))  # fmt: skip


transport = client(HERE.key)
api = MessagesApi(transport)


def request(body, to="41793026727", options=None, webhooks=None, channel="MMS", **more):
    destination = m.MessagesApiMessageDestination(m.MessagesApiToDestination(to=to, **more))
    message = m.MessagesApiMessage(
        channel=channel, sender="10950", destinations=[destination],
        content=m.MessagesApiMessageContent(body=body), webhooks=webhooks)  # fmt: skip
    return m.MessagesApiRequest(messages=[m.MessagesApiRequestMessagesInner(message)], options=options)


def accepted(answer):
    (message,) = answer.messages
    expect((message.status.group_name, message.status.id), ("PENDING", 26), "status")
    expect(message.destination, "41793026727", "recipient")
    return message.message_id


def text(words="Some text"):
    return MessagesApiMessageTextBody(type="TEXT", text=words)


def send_mixed():
    items = [{"url": HERE.link}, {"text": "Some text"}]
    body = MessagesApiMessageMixedBody.from_dict({"type": "MIXED", "items": items})
    accepted(api.send_messages_api_message(request(body)))


def send_scheduled():
    bulk = f"chk-{uuid.uuid4()}"
    later = datetime.now(timezone.utc) + timedelta(days=1)  # noqa: UP017 - the client's Python may be older
    schedule = m.MessagesApiRequestSchedulingSettings(bulk_id=bulk, send_at=later)
    options = m.MessagesApiDefaultMessageRequestOptions(schedule=schedule)
    expect(api.send_messages_api_message(request(text(), options=options)).bulk_id, bulk, "own bulk id")


def own_id():
    mine = str(uuid.uuid4())
    hook = m.MessagesApiMessageDeliveryReporting(url=HERE.notify_url, intermediate_report=True)
    webhooks = m.MessagesApiWebhooks(delivery=hook, callback_data="cb", content_type="application/json")
    expect(accepted(api.send_messages_api_message(request(text(), webhooks=webhooks, message_id=mine))), mine, "own id")


def report():
    mine = accepted(api.send_messages_api_message(request(text("Grüße"))))

    def look():
        return api.get_messages_api_delivery_reports(channel="MMS", message_id=mine, limit=5).results

    (told,) = until(look, "report")
    expect((told.channel.value, told.sender, told.destination), ("MMS", "10950", "41793026727"), "addresses")
    expect((told.status.name, told.error.name, told.message_count), ("DELIVERED_TO_HANDSET", "NO_ERROR", 1), "report")
    expect(look(), [], "a second fetch")


def inbox():
    (told,) = until(lambda: api.get_messages_api_inbound_messages(channel="MMS", limit=1).results, "phone's message")
    expect((told.event.value, told.sender, told.destination), ("MO", "41793026700", HERE.inbox), "addresses")
    if told.received_at.utcoffset() is None:
        raise AssertionError(told)


def validate():
    answer = api.validate_messages_api_message(request(text()))
    if not answer.description or not answer.action:
        raise AssertionError(answer)


def refused(call, status):
    try:
        call()
    except ApiException as error:
        expect(error.status, status, "HTTP status")
        told = m.ApiError.from_json(error.body)
        expect(told.error_code, f"E{status}", "error code")
        return told
    raise AssertionError("nothing was refused")


def not_mms():
    told = refused(lambda: api.send_messages_api_message(request(text(), channel="RCS")), 400)
    expect(told.violations[0].var_property, "messages[0].channel", "violated property")


# --- /mms/2 through the client's transport --------------------------------------------------------------------


def call(method, path, query=(), body=None):
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    prepared = transport.param_serialize(
        method=method, resource_path=path, query_params=list(query), header_params=headers, body=body,
        auth_settings=["APIKeyHeader"])  # fmt: skip
    answer = transport.call_api(*prepared)
    answer.read()
    if answer.status != 200:
        raise AssertionError(f"{answer.status} {answer.data}")
    return json.loads(answer.data)


def send_v2(segments, destinations=({"to": "41793026727"},), **options):
    message = {"sender": "10950", "destinations": list(destinations),
               "content": {"title": "Some title", "messageSegments": segments}, **options}  # fmt: skip
    return m.MessageResponse.from_dict(call("POST", "/mms/2/messages", body={"messages": [message]}))


TEXT = {"type": "TEXT", "contentId": "text1", "text": "Some text"}


def group_v2():
    group = {"group": [{"to": "441134960001"}, {"to": "441134960002"}]}
    answer = send_v2([TEXT, {"type": "LINK", "contentUrl": HERE.link}], [{"to": "441134960003"}, group])
    numbers = [one.destination for one in answer.messages]
    expect(sorted(numbers), ["441134960001", "441134960002", "441134960003"], "recipients")


def report_v2():
    mine = accepted(send_v2([TEXT], options={"campaignReferenceId": "camp"}))

    def look():
        return call("GET", "/mms/2/reports", [("messageId", mine), ("limit", 2)])["results"]

    (told,) = until(look, "report")
    expect(m.MessageStatus.from_dict(told["status"]).name, "DELIVERED_TO_HANDSET", "status")
    expect(m.MessageError.from_dict(told["error"]).group_name.value, "OK", "error group")
    expect((type(told["messageCount"]), told["campaignReferenceId"]), (int, "camp"), "count and campaign")


def logs_v2():
    ids = [accepted(send_v2([TEXT])) for _ in range(2)]
    told = call("GET", "/mms/2/logs", [("messageId", ids[0]), ("messageId", ids[1]), ("useCursor", "true")])["results"]
    expect({one["messageId"] for one in told}, set(ids), "ids")
    expect({one["content"]["messageSegments"][0]["type"] for one in told}, {"TEXT"}, "segment types")
    expect(call("GET", "/mms/1/logs", [("messageId", ids[0])])["results"][0]["messageSegments"][0]["text"], "Some text",
           "text in the older logs")  # fmt: skip


run([
    ("send text", lambda: accepted(api.send_messages_api_message(request(text())))),
    ("send image", lambda: accepted(api.send_messages_api_message(
        request(MessagesApiMessageImageBody(type="IMAGE", url=HERE.link, text="caption"))))),
    ("send mixed", send_mixed),
    ("send scheduled", send_scheduled),
    ("send with own id and webhook", own_id),
    ("report, once", report),
    ("inbox", inbox),
    ("validate", validate),
    ("error 400", not_mms),
    ("error 401", lambda: refused(lambda: MessagesApi(client("nobody")).get_messages_api_delivery_reports(), 401)),
    ("v2: send", lambda: accepted(send_v2([TEXT]))),
    ("v2: send to a group", group_v2),
    ("v2: report", report_v2),
    ("v2: logs", logs_v2),
])  # fmt: skip
