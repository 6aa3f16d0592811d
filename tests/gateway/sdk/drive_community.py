"""Drives infobip-api-python-sdk (community, /mms/1/single): every call has to parse."""

import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from infobip_channels.mms.channel import MMSChannel
from steps import expect, place, run, until

HERE = place()
# The client gives a base URL with a slash at its end, and so asks for //mms/1/single.
channel = MMSChannel.from_auth_params({"base_url": HERE.base_url, "api_key": HERE.key})
SMIL = (
    '<smil><head><layout><region id="I"/></layout></head>'
    '<body><par dur="5s"><img src="m" region="I"/></par></body></smil>'
)


def head(**more):
    return {"from": "10950", "to": "41793026727", **more}


def accepted(answer):
    expect(answer.status_code.value, 200, "HTTP status")
    (message,) = answer.messages
    expect((message.status.id, message.status.name), (26, "PENDING_ACCEPTED"), "status")
    expect(message.to, "41793026727", "recipient")
    return message.message_id


def send(**body):
    return accepted(channel.send_mms_message(body))


def send_media():
    with Path(HERE.image).open("rb") as media:
        send(head=head(), text="With media", media=media)


def send_smil():
    with Path(HERE.image).open("rb") as media:
        send(head=head(), text="With smil", media=media, smil=SMIL)


def send_link():
    hosted = [{"content_type": "image/png", "content_id": "image1", "content_url": HERE.link}]
    send(head=head(), text="With link", externally_hosted_media=hosted)


def send_everything():
    mine = f"chk-{uuid.uuid4()}"
    later = datetime.now(timezone.utc) + timedelta(days=1)  # noqa: UP017 - the client's Python may be older
    days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
    window = {"days": days, "from": {"hour": 0, "minute": 0}, "to": {"hour": 23, "minute": 59}}
    full = head(id=mine, subject="Check", validityPeriodMinutes=120, callbackData="callback", sendAt=later,
                intermediateReport=True, notifyUrl=HERE.notify_url, deliveryTimeWindow=window)  # fmt: skip
    expect(send(head=full, text="All fields"), mine, "own message id")


def report():
    mine = send(head=head(), text="Grüße")

    def look():
        answer = channel.get_mms_delivery_reports({"message_id": mine, "limit": 10})
        expect(answer.status_code.value, 200, "HTTP status")
        return answer.results

    (told,) = until(look, "report")
    expect(told.status.name, "DELIVERED_TO_HANDSET", "status")
    expect((told.error.name, told.mms_count), ("NO_ERROR", 1), "error and count")
    expect(look(), [], "a second fetch of the same report")


def inbox():
    def look():
        return channel.get_inbound_mms_messages({"limit": 1}).results

    (told,) = until(look, "message from a phone")
    expect((told.from_id, told.to), ("41793026700", HERE.inbox), "addresses")
    if "Sample text" not in told.message:
        raise AssertionError(told.message)


def duplicate():
    mine = str(uuid.uuid4())
    send(head=head(id=mine), text="once")
    answer = channel.send_mms_message({"head": head(id=mine), "text": "twice"})
    expect(answer.messages[0].status.name, "REJECTED_DUPLICATE_MESSAGE_ID", "status")


def nothing_to_send():
    answer = channel.send_mms_message({"head": head()})
    expect((answer.status_code.value, answer.messages), (400, []), "answer")
    if not answer.error_message:
        raise AssertionError("no error message")


def wrong_key():
    other = MMSChannel.from_auth_params({"base_url": HERE.base_url, "api_key": "nobody"})
    answer = other.send_mms_message({"head": head(), "text": "x"})
    expect(answer.status_code, 401, "HTTP status")
    expect(answer.json()["requestError"]["serviceException"]["messageId"], "UNAUTHORIZED", "word")


run([
    ("send text", lambda: send(head=head(), text="Grüße aus Python")),
    ("send media", send_media),
    ("send media and SMIL", send_smil),
    ("send link", send_link),
    ("send with every field, scheduled", send_everything),
    ("report, once", report),
    ("inbox", inbox),
    ("duplicate id", duplicate),
    ("error 400", nothing_to_send),
    ("error 401", wrong_key),
])  # fmt: skip
