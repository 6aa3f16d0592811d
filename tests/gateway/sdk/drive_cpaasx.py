"""Drives infobip-cpaasx (/mms/1/advanced, /mms/1/content): every call has to parse; its models are strictly typed."""

import base64
import uuid
from pathlib import Path

from infobip_cpaasx import ApiClient, Configuration, MmsApi
from infobip_cpaasx import models as m
from infobip_cpaasx.exceptions import ApiException
from steps import expect, place, run, until

HERE = place()
IMAGE = Path(HERE.image).read_bytes()
SMIL = (
    '<smil><head><layout><region id="I"/></layout></head>'
    '<body><par dur="5s"><img src="picture" region="I"/></par></body></smil>'
)


def api(key):
    return MmsApi(ApiClient(Configuration(host=HERE.base_url, api_key={"APIKeyHeader": key},
                                          api_key_prefix={"APIKeyHeader": "App"})))  # fmt: skip


mms = api(HERE.key)


def send(*segments, to=("41793026727",), bulk_id=None, ids=(), **more):
    padded = (*ids, *[None] * (len(to) - len(ids)))
    destinations = [m.MmsDestination(to=n, message_id=i) for n, i in zip(to, padded, strict=True)]
    wrapped = [m.MmsAdvancedMessageSegment(actual_instance=segment) for segment in segments]
    message = m.MmsAdvancedMessage(destinations=destinations, var_from="10950", message_segments=wrapped, **more)
    answer = mms.send_mms_message(m.MmsAdvancedRequest(messages=[message], bulk_id=bulk_id))
    for one in answer.messages:
        expect((one.status.group_id, one.status.id, one.status.name), (1, 26, "PENDING_ACCEPTED"), "status")
    expect([one.to for one in answer.messages], list(to), "recipients")
    return answer


def text(words="Some text"):
    return m.MmsAdvancedMessageSegmentText(text=words)


def binary():
    packed = base64.b64encode(IMAGE).decode()
    return m.MmsAdvancedMessageSegmentBinary(content_id="picture", content_type="image/png", content_base64=packed)


def send_uploaded():
    upload_id = mms.upload_binary("icon_png", "image/png", IMAGE, 60).uploaded_content_id
    if not upload_id:
        raise AssertionError("no id")
    named = m.MmsAdvancedMessageSegmentUploadReference(content_id="icon", uploaded_content_id=upload_id)
    delivered(send(text(), named).messages[0].message_id)


def send_link():
    send(text("With link"), m.MmsAdvancedMessageSegmentLink(content_type="image/png", content_url=HERE.link), title="T")


def send_smil():
    smil = m.MmsAdvancedMessageSegmentSmil(content_id="smil", content_type="application/smil", smil=SMIL)
    send(smil, binary(), text("With smil"))


def send_everything():
    bulk, mine = f"chk-{uuid.uuid4()}", str(uuid.uuid4())
    window = m.MmsDeliveryTimeWindow(
        days=list(m.MmsDeliveryDay),
        var_from=m.MmsDeliveryTime(hour=0, minute=0), to=m.MmsDeliveryTime(hour=23, minute=59))  # fmt: skip
    answer = send(text("All"), to=("41793026727", "41793026728"), ids=(mine,), bulk_id=bulk, callback_data="cb",
                  delivery_time_window=window, intermediate_report=True, notify_url=HERE.notify_url,
                  validity_period=120, title="Check", entity_id="e", application_id="a")  # fmt: skip
    expect((answer.bulk_id, answer.messages[0].message_id), (bulk, mine), "own ids")


def reports(**filters):
    return mms.get_outbound_mms_message_delivery_reports(**filters).results


def delivered(message_id):
    (told,) = until(lambda: reports(message_id=message_id, limit=10), "report")
    expect(told.status.name, "DELIVERED_TO_HANDSET", "status")
    return told


def report():
    answer = send(text("Grüße"), title="Report", callback_data="cb", entity_id="e", application_id="a")
    told = delivered(answer.messages[0].message_id)
    expect((told.bulk_id, told.to, told.var_from), (answer.bulk_id, "41793026727", "10950"), "addresses")
    expect((told.mms_count, told.callback_data, told.entity_id), (1, "cb", "e"), "what was given")
    expect((told.error.id, told.error.group_name), (0, "OK"), "error")
    if told.sent_at.utcoffset() is None or told.done_at < told.sent_at:
        raise AssertionError(f"{told.sent_at} {told.done_at}")
    expect(reports(bulk_id=answer.bulk_id), [], "a second fetch")


def inbox():
    (told,) = until(lambda: mms.get_inbound_mms_messages(limit=1).results, "message from a phone")
    expect((told.var_from, told.to, told.mms_count), ("41793026700", HERE.inbox, 1), "addresses")
    if "Sample text" not in told.message or told.received_at.utcoffset() is None:
        raise AssertionError(told)


def refused(call, status):
    try:
        call()
    except ApiException as error:
        expect(error.status, status, "HTTP status")
        return error.body
    raise AssertionError("nothing was refused")


def wrong_key():
    body = refused(lambda: api("nobody").get_inbound_mms_messages(), 401)
    if "UNAUTHORIZED" not in str(body):
        raise AssertionError(body)


def wrong_content():
    empty = m.MmsAdvancedMessageSegmentBinary(content_type="image/png", content_base64="%%%")
    body = refused(lambda: send(empty), 400)
    if "BAD_REQUEST" not in str(body):
        raise AssertionError(body)


run([
    ("send text", lambda: send(text())),
    ("send link", send_link),
    ("send base64", lambda: delivered(send(text(), binary()).messages[0].message_id)),
    ("upload and send by its id", send_uploaded),
    ("send SMIL", send_smil),
    ("send with every field to two", send_everything),
    ("report, once", report),
    ("inbox", inbox),
    ("error 400", wrong_content),
    ("error 401", wrong_key),
])  # fmt: skip
