"""Decides what happens with a message from a phone, by its number and keyword, and renders its multipart and mail form.

Pure: a decision names where the message goes, what answers it and which number is blocked; inbound.py carries it out.
api/webhook_bodies.py has the JSON and XML forms.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import get_args

import mmscontent as mms
from gateway_adapter.connectors.common import add_plus
from gateway_adapter.errors import Refused
from gateway_adapter.model import (
    Configuration,
    Destination,
    Event,
    ForwardFormat,
    Forwarding,
    InboundMail,
    InboundMedia,
    InboundView,
    InboundWebhook,
    Order,
    Segment,
)

# A message to a number without any configuration waits to be fetched.
_PULL = Forwarding("pull")
_NO_FORWARDING = Forwarding("none")


@dataclass(frozen=True, slots=True)
class BlockChange:
    """A change of the block list; *sender* "" means any sender of the account."""

    number: str
    sender: str
    on: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens with a message.

    Attributes:
        configuration: The one that applies, None when the number has none.
        keyword: As configured, "" when the number's default applies.
        reply: The answer to the phone, or None.
    """

    configuration: Configuration | None
    keyword: str
    forwarding: Forwarding
    reply: Order | None = None
    block: BlockChange | None = None


# --- the decision --------------------------------------------------------------------------------------------------

_LEADING = re.compile(r"[^\w]+", re.UNICODE)


def choose_configuration(configurations: Sequence[Configuration], text: str, subject: str = "") -> Configuration | None:
    """The configuration whose keyword a message begins with, else the number's default.

    Case does not count, nor do white space and punctuation before the keyword; after it comes the end or something that
    is no letter or digit. The longest keyword wins. The subject is read after the text: many phones put the first line
    there.
    """
    by_keyword = {_folded(row.keyword): row for row in configurations}
    keywords = sorted(filter(None, by_keyword), key=len, reverse=True)
    for line in (_folded(text), _folded(subject)):
        stripped = _LEADING.sub("", line, count=1) if _LEADING.match(line) else line
        for keyword in keywords:
            if _begins(line, keyword) or _begins(stripped, keyword):
                return by_keyword[keyword]
    return by_keyword.get("")


def _begins(line: str, keyword: str) -> bool:
    following = line[len(keyword) : len(keyword) + 1]
    return line.startswith(keyword) and (not following.isalnum() or not keyword[-1].isalnum())


def _folded(text: str) -> str:
    # NFKC: phones write keywords with full-width letters and ligatures.
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def decide(number: str, configurations: Sequence[Configuration], event: Event) -> Decision:
    """Decide what happens with a message to one of the gateway's numbers, which has these configurations."""
    found = choose_configuration(configurations, event.text, event.subject)
    if found is None:
        return Decision(None, "", _PULL if not configurations else _NO_FORWARDING)
    return Decision(
        found,
        found.keyword,
        found.forwarding or _NO_FORWARDING,
        _reply(number, found, event),
        _block(number, found, event),
    )


_PHONE_DIGITS = 7


def _reply(number: str, configuration: Configuration, event: Event) -> Order | None:
    """The answer to a phone; a short code, an address or the number itself may be a machine and gets none."""
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


def _block(number: str, configuration: Configuration, event: Event) -> BlockChange | None:
    level = configuration.block.removeprefix("unblock_")
    if not level:
        return None
    return BlockChange(event.sender, number if level == "from_sender" else "", on=level == configuration.block)


# --- where it goes -------------------------------------------------------------------------------------------------

_FORMATS: tuple[ForwardFormat, ...] = get_args(ForwardFormat)
# RFC 5321 4.5.3.1: a local part has 64 octets at most, a domain 255; nothing that could end a header field.
_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[A-Za-z0-9.-]{1,253}")


def webhook_of(forwarding: Forwarding) -> InboundWebhook | InboundMail | None:
    """The delivery of a forwarding; None when the message is only stored.

    Raises:
        Refused: The address or the format is none that the gateway can deliver to.
    """
    if forwarding.type == "email":
        if not _ADDRESS.fullmatch(forwarding.target):
            raise Refused(f"{forwarding.target!r} is not an e-mail address", field="forwarding.address")
        return InboundMail(forwarding.target)
    if forwarding.type != "http":
        return None
    form = next((one for one in _FORMATS if one == forwarding.renderer), None)
    if form is None:
        text = f"{forwarding.renderer!r} is not a format; use one of {', '.join(_FORMATS)}"
        raise Refused(text, field="forwarding.format")
    return InboundWebhook(forwarding.target, form)


# --- MULTIPART -----------------------------------------------------------------------------------------------------

_PART_NAMES: Mapping[str, str] = MappingProxyType({"text/plain": "text", "application/smil": "smil"})


def render_multipart(view: InboundView, read: Callable[[str], bytes]) -> tuple[str, bytes]:
    """Content type and body of the `MULTIPART` form, which mirrors the request of `/mms/1/single`.

    A part `head` (JSON) has sender, recipient and time; then comes each part of the message: `text`, `smil` or `media`.
    """
    parts = [(part, _data_of(part, read)) for part in view.parts]
    # RFC 7578: multipart/form-data; the boundary follows from the message, so every attempt has the same body.
    boundary = _boundary(view.message_id, [data for _, data in parts])
    pieces = [_form_part(boundary, 'name="head"', "application/json", _head(view))]
    for number, (part, data) in enumerate(parts, 1):
        name = _PART_NAMES.get(part.media_type, "media")
        disposition = f'name="{name}"; filename="{_file_name(part, number)}"' if name == "media" else f'name="{name}"'
        pieces.append(_form_part(boundary, disposition, _content_type(part), data))
    pieces.append(f"--{boundary}--\r\n".encode("ascii"))
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def _head(view: InboundView) -> bytes:
    head = {
        "messageId": view.message_id,
        "from": view.sender,
        "to": view.to,
        "group": list(view.group),
        "subject": view.subject,
        "keyword": view.keyword,
        "receivedAt": datetime.fromtimestamp(view.received_at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "userAgent": view.user_agent,
        "callbackData": view.callback_data,
        "entityId": view.entity_id,
        "applicationId": view.application_id,
    }
    return json.dumps({key: value for key, value in head.items() if value}, ensure_ascii=False).encode("utf-8")


def _data_of(part: InboundMedia, read: Callable[[str], bytes]) -> bytes:
    return read(part.blob) if part.blob else (part.text or "").encode("utf-8", "replace")


# RFC 6838 4.2: type "/" subtype; 100 characters at most, so that a header line stays short.
_MEDIA_TYPE = re.compile(r"(?=.{3,100}\Z)[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


def _content_type(part: InboundMedia) -> str:
    is_text = part.text is not None and not part.blob
    media_type = part.media_type if _MEDIA_TYPE.fullmatch(part.media_type) else ""
    return f"{media_type or 'application/octet-stream'}{'; charset=utf-8' if is_text else ''}"


def _file_name(part: InboundMedia, number: int) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", part.content_id).strip("._")[-60:]
    return safe or f"part{number}"


def _form_part(boundary: str, disposition: str, content_type: str, data: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {content_type}\r\n\r\n"
    return head.encode("ascii") + data + b"\r\n"


def _boundary(salt: str, bodies: Sequence[bytes]) -> str:
    """A boundary that occurs in none of the bodies; the same message always has the same one."""
    while True:
        mark = hashlib.sha256(salt.encode("utf-8", "replace")).hexdigest()[:32]
        if not any(mark.encode("ascii") in body for body in bodies):
            return f"mms-{mark}"
        salt = mark


# --- mail ----------------------------------------------------------------------------------------------------------


def render_mail(view: InboundView, to: str, domain: str, read: Callable[[str], bytes]) -> bytes:
    """The message as a mail for a person: the text first, media attached, the presentation left out.

    Its sender is the phone's number at *domain*, the gateway's own.
    """
    visible = [part for part in view.parts if part.media_type != "application/smil"]
    ordered = [*(p for p in visible if p.text is not None), *(p for p in visible if p.text is None)]
    parts = tuple(_mail_part(part, number, read) for number, part in enumerate(ordered, 1))
    subject = view.subject or f"MMS from {add_plus(view.sender)} to {add_plus(view.to)}"
    local = re.sub(r"[^A-Za-z0-9._-]+", "", view.sender) or "unknown"
    envelope = mms.Envelope(sender=f"{local}@{domain}", to=(to,), date_s=view.received_at_ms // 1000)
    packed = mms.pack(mms.Content(parts or (mms.Part.of_text(""),), None, subject), envelope, "mime").data
    message_id = re.sub(r"[^A-Za-z0-9._-]+", "", view.message_id)
    # RFC 3834 section 5: a mail that no person wrote must say so, or vacation programs answer it.
    fields = f"Message-ID: <{message_id}@{domain}>\r\nAuto-Submitted: auto-generated\r\n"
    return fields.encode("ascii") + packed


def _mail_part(part: InboundMedia, number: int, read: Callable[[str], bytes]) -> mms.Part:
    data = _data_of(part, read)
    if part.text is not None and not part.blob:
        return mms.Part(data, "text/plain", name=f"text{number}.txt", charset="utf-8")
    media_type = _content_type(part).partition(";")[0]
    return mms.Part(data, media_type, name=_file_name(part, number))
