"""What happens with a message from a phone: decided by its number and keyword, and the forms only this does.

Pure: a decision says where the message goes, what answers it and who is blocked; who carries it out is the caller's
matter. The JSON and XML forms are northbound's (reports.py); here are the form with the media inside and the mail.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import mmscontent as mms
from gateway_adapter.connectors.common import add_plus
from gateway_adapter.errors import Refused
from gateway_adapter.model import Destination, Forwarding, Order, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway_adapter.model import Configuration, Event, InboundMedia, InboundView

__all__ = ["Block", "Decision", "choose", "decide", "form_of", "mail_of", "multipart_of", "target_of"]

# What is done with a message to a number nobody configured: kept, for whoever asks.
_KEPT = Forwarding("pull")
_NOTHING = Forwarding("none")


@dataclass(frozen=True, slots=True)
class Block:
    """A change of the block list: *sender* "" means any sender of the account's."""

    number: str
    sender: str
    on: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen with a message.

    Attributes:
        configuration: The one that decided, None when the number has none.
        keyword: As configured, "" when the number's default decided.
        forwarding: The one way it goes.
        reply: What answers the phone, or None.
        block: The change of the block list, or None.
    """

    configuration: Configuration | None
    keyword: str
    forwarding: Forwarding
    reply: Order | None = None
    block: Block | None = None


# --- the decision --------------------------------------------------------------------------------------------------

_LEADING = re.compile(r"[^\w]+", re.UNICODE)


def choose(configurations: Sequence[Configuration], text: str, subject: str = "") -> Configuration | None:
    """The configuration of a number that a message's words name.

    A keyword counts when the words begin with it, whatever its case, after white space and marks, and end or go on with
    something that is no letter or digit. The longest wins. The text is looked at first, then the subject, because many
    phones put the first line there. Without a keyword it is the number's default.
    """
    by_keyword = {_folded(row.keyword): row for row in configurations}
    keywords = sorted(filter(None, by_keyword), key=len, reverse=True)
    for words in (_folded(text), _folded(subject)):
        bare = _LEADING.sub("", words, count=1) if _LEADING.match(words) else words
        for keyword in keywords:
            if _begins(words, keyword) or _begins(bare, keyword):
                return by_keyword[keyword]
    return by_keyword.get("")


def _begins(words: str, keyword: str) -> bool:
    following = words[len(keyword) : len(keyword) + 1]
    ends = not following.isalnum() or not keyword[-1].isalnum()
    return words.startswith(keyword) and ends


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def decide(number: str, configurations: Sequence[Configuration], event: Event) -> Decision:
    """What is to happen with a message to one of our numbers.

    Args:
        number: Which of the message's recipients.
        configurations: All of that number.
        event: The message.
    """
    found = choose(configurations, event.text, event.subject)
    if found is None:
        return Decision(None, "", _KEPT if not configurations else _NOTHING)
    return Decision(
        found, found.keyword, found.forwarding or _NOTHING, _reply(number, found, event), _block(number, found, event)
    )


_PHONE_DIGITS = 7


def _reply(number: str, configuration: Configuration, event: Event) -> Order | None:
    """The answer to a phone; a short code, an address or the number itself may be a machine that answers back."""
    response = configuration.auto_response
    is_phone = event.sender.isdecimal() and len(event.sender) >= _PHONE_DIGITS
    if response is None or not is_phone or event.sender == number:
        return None
    return Order(
        "v2",
        response.sender or number,
        (Destination(event.sender),),
        (Segment("text", "text", text=response.text),),
        notify=False,
        window=response.window,
        entity_id=configuration.entity_id,
        application_id=configuration.application_id,
    )


def _block(number: str, configuration: Configuration, event: Event) -> Block | None:
    level = configuration.block.removeprefix("unblock_")
    if not level:
        return None
    return Block(event.sender, number if level == "from_sender" else "", on=level == configuration.block)


# --- where it goes -------------------------------------------------------------------------------------------------

_FORMS = ("MO_MMS_2", "MULTIPART", "XML")
_MAIL = "EMAIL"
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[A-Za-z0-9.-]{1,253}")


def target_of(forwarding: Forwarding) -> str:
    """The URL it is posted to, `mailto:` for an e-mail; "" when it goes nowhere by itself.

    Raises:
        Refused: The address is none a mail can go to.
    """
    if forwarding.type == "http":
        return forwarding.target
    if forwarding.type != "email":
        return ""
    if not _ADDRESS.fullmatch(forwarding.target):
        raise Refused(f"{forwarding.target!r} is no e-mail address", field="forwarding.address")
    return f"mailto:{forwarding.target}"


def form_of(forwarding: Forwarding) -> str:
    """Which form it goes in: one of the renderers of `http`, or the mail.

    Raises:
        Refused: There is no such renderer.
    """
    if forwarding.type == "email":
        return _MAIL
    if forwarding.renderer not in _FORMS:
        raise Refused(f"{forwarding.renderer!r} is no form; {', '.join(_FORMS)} are", field="forwarding.format")
    return forwarding.renderer


# --- the form with the media inside --------------------------------------------------------------------------------

_PART_NAMES: Mapping[str, str] = MappingProxyType({"text/plain": "text", "application/smil": "smil"})


def multipart_of(view: InboundView, read: Callable[[str], bytes]) -> tuple[str, bytes]:
    """Content type and body of `MULTIPART`: what `/mms/1/single` takes, the other way round.

    A part `head` (JSON) says who, to whom, when; then each part of the message in order: `text`, `smil` and `media`.

    Args:
        view: The message.
        read: Bytes of the media store by their SHA-256.
    """
    parts = [(part, _data_of(part, read)) for part in view.parts]
    boundary = _boundary(view.message_id, [data for _, data in parts])
    pieces = [_form_part(boundary, 'name="head"', "application/json", _head(view))]
    for number, (part, data) in enumerate(parts, 1):
        name = _PART_NAMES.get(part.media_type, "media")
        place = f'name="{name}"; filename="{_file_name(part, number)}"' if name == "media" else f'name="{name}"'
        pieces.append(_form_part(boundary, place, _content_type(part), data))
    pieces.append(f"--{boundary}--\r\n".encode("ascii"))
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def _head(view: InboundView) -> bytes:
    said = {
        "messageId": view.message_id,
        "from": view.sender,
        "to": view.to,
        "group": list(view.group),
        "subject": view.subject,
        "keyword": view.keyword,
        "receivedAt": _moment(view.received_at_ms),
        "userAgent": view.user_agent,
        "callbackData": view.callback_data,
        "entityId": view.entity_id,
        "applicationId": view.application_id,
    }
    return json.dumps({key: value for key, value in said.items() if value}, ensure_ascii=False).encode("utf-8")


def _moment(at_ms: int) -> str:

    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _data_of(part: InboundMedia, read: Callable[[str], bytes]) -> bytes:
    return read(part.blob) if part.blob else (part.text or "").encode("utf-8", "replace")


def _content_type(part: InboundMedia) -> str:
    is_text = part.text is not None and not part.blob
    media_type = part.media_type if re.fullmatch(r"[a-z0-9!#$&^_.+/-]{3,100}", part.media_type) else ""
    return f"{media_type or 'application/octet-stream'}{'; charset=utf-8' if is_text else ''}"


def _file_name(part: InboundMedia, number: int) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", part.content_id).strip("._")[-60:]
    return safe or f"part{number}"


def _form_part(boundary: str, place: str, content_type: str, data: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {place}\r\nContent-Type: {content_type}\r\n\r\n"
    return head.encode("ascii") + data + b"\r\n"


def _boundary(salt: str, bodies: Sequence[bytes]) -> str:
    """One that stands in none of the bodies; the same message has the same."""
    while True:
        mark = hashlib.sha256(salt.encode("utf-8", "replace")).hexdigest()[:32]
        if not any(mark.encode("ascii") in body for body in bodies):
            return f"mms-{mark}"
        salt = mark


# --- the mail ------------------------------------------------------------------------------------------------------


def mail_of(view: InboundView, to: str, domain: str, read: Callable[[str], bytes]) -> bytes:
    """The message as a mail for a person: its words first, media attached, the presentation left out.

    Args:
        view: The message.
        to: The recipient's address.
        domain: Ours: the sender is the phone's number there.
        read: Bytes of the media store by their SHA-256.
    """
    shown = [part for part in view.parts if part.media_type != "application/smil"]
    ordered = [*(p for p in shown if p.text is not None), *(p for p in shown if p.text is None)]
    parts = tuple(_mail_part(part, number, read) for number, part in enumerate(ordered, 1))
    subject = view.subject or f"MMS from {add_plus(view.sender)} to {add_plus(view.to)}"
    local = re.sub(r"[^A-Za-z0-9._-]+", "", view.sender) or "unknown"
    envelope = mms.Envelope(sender=f"{local}@{domain}", to=(to,), date_s=view.received_at_ms // 1000)
    packed = mms.pack(mms.Content(parts or (mms.Part.of_text(""),), None, subject), envelope, "mime").data
    message_id = re.sub(r"[^A-Za-z0-9._-]+", "", view.message_id)
    fields = f"Message-ID: <{message_id}@{domain}>\r\nAuto-Submitted: auto-generated\r\n"
    return fields.encode("ascii") + packed


def _mail_part(part: InboundMedia, number: int, read: Callable[[str], bytes]) -> mms.Part:
    data = _data_of(part, read)
    if part.text is not None and not part.blob:
        return mms.Part(data, "text/plain", name=f"text{number}.txt", charset="utf-8")
    media_type = _content_type(part).partition(";")[0]
    return mms.Part(data, media_type, name=_file_name(part, number))
