"""MM4, the interface between operators (3GPP TS 23.140 section 8.4, RFC 4356): a mail with X-Mms fields over SMTP.

Forward, delivery report and read reply, request and response. The reader takes the spellings real operators use; the
writer has one. The recipients of the SMTP envelope are not in the bytes, so Bcc is left to whoever sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from mmscontent.errors import MalformedContent
from mmscontent.message import Content, Envelope, Unpacked
from mmscontent.pack.common import PHONE_DOMAIN, content_digest, printable
from mmscontent.pack.mime import headers
from mmscontent.pack.mime.read import MimeParts, header_start, read_entity
from mmscontent.pack.mime.write import (
    MEASURED_BOUNDARY,
    Multipart,
    address_fields,
    body_budget,
    body_fields,
    body_size,
    multipart_of,
    write_body,
)

# TS 23.140 section 8.4; RFC 4356 maps the fields that mail has of its own
_VERSION, _TYPE = "X-Mms-3GPP-MMS-Version", "X-Mms-Message-Type"
_TRANSACTION, _MESSAGE = "X-Mms-Transaction-ID", "X-Mms-Message-ID"

# Message type -> its fields in the order they are written, those of RFC 5322 apart.
MESSAGE_TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # the message itself, from the sender's MMSC to the recipient's
        "MM4_forward.REQ": (
            *(_TRANSACTION, _MESSAGE, "X-Mms-Expiry", "X-Mms-Message-Class", "X-Mms-Priority"),
            *("X-Mms-Delivery-Report", "X-Mms-Originator-R/S-Delivery-Report", "X-Mms-Read-Reply"),
            *("X-Mms-Sender-Visibility", "X-Mms-Forward-Counter", "X-Mms-Previously-Sent-By"),
            *("X-Mms-Previously-Sent-Date-and-Time", "X-Mms-Applic-ID", "X-Mms-Reply-Applic-ID"),
            *("X-Mms-Aux-Applic-Info", "X-Mms-Content-Class", "X-Mms-Drm-Content", "X-Mms-Adaptation-Allowed"),
            *("X-Mms-Ack-Request", "X-Mms-Originator-System"),
        ),
        # asked for by X-Mms-Ack-Request, sent to X-Mms-Originator-System
        "MM4_forward.RES": (_TRANSACTION, _MESSAGE, "X-Mms-Request-Status-Code", "X-Mms-Status-Text"),
        # what became of the message at one recipient
        "MM4_delivery_report.REQ": (
            *(_TRANSACTION, _MESSAGE, "X-Mms-MM-Status-Code", "X-Mms-MM-Status-Extension", "X-Mms-Status-Text"),
            *("X-Mms-Forward-To-Originator-UA", "X-Mms-Ack-Request", "X-Mms-Originator-System"),
        ),
        # a mail of its own, like every response; the ids say what it answers
        "MM4_delivery_report.RES": (_TRANSACTION, _MESSAGE, "X-Mms-Request-Status-Code", "X-Mms-Status-Text"),
        # that the recipient read or deleted the message
        "MM4_read_reply_report.REQ": (
            *(_TRANSACTION, _MESSAGE, "X-Mms-Read-Status", "X-Mms-Status-Text"),
            *("X-Mms-Ack-Request", "X-Mms-Originator-System"),
        ),
        "MM4_read_reply_report.RES": (_TRANSACTION, _MESSAGE, "X-Mms-Request-Status-Code", "X-Mms-Status-Text"),
    }
)
_TYPES = {name.lower(): name for name in MESSAGE_TYPES}
# QUIRK: operators write -ID and -Id, so that names are looked up without regard to case
_FIELDS = {name.lower(): name for names in MESSAGE_TYPES.values() for name in names}
# Fields whose value is Yes or No.
_YES = frozenset(
    {
        *("X-Mms-Delivery-Report", "X-Mms-Originator-R/S-Delivery-Report", "X-Mms-Read-Reply", "X-Mms-Ack-Request"),
        *("X-Mms-Drm-Content", "X-Mms-Adaptation-Allowed", "X-Mms-Forward-To-Originator-UA"),
    }
)

# X-Mms-Request-Status-Code, 23.140 table 50 -> whether the same message may be sent again later.
REQUEST_STATUSES: Mapping[str, bool] = MappingProxyType(
    {
        "Ok": False,
        # a fault nobody named may pass by itself
        "Error-unspecified": True,
        "Error-service-denied": False,
        "Error-message-format-corrupt": False,
        "Error-sending-address-unresolved": False,
        "Error-message-not-found": False,
        # the one status that says it is temporary
        "Error-network-problem": True,
        "Error-content-not-accepted": False,
        "Error-unsupported-message": False,
    }
)


@dataclass(frozen=True, slots=True)
class Mm4Peer:
    """How another operator wants MM4.

    Attributes:
        domain: What numbers get behind the `@`, `mms.mnc001.mcc001.gprs` for instance.
        originator_system: Where responses go; when it is set, a response is asked for.
        binary: The SMTP path is 8-bit clean (BINARYMIME); otherwise bodies go as base64.
    """

    domain: str = PHONE_DOMAIN
    version: str = "6.10.0"
    originator_system: str = ""
    binary: bool = False


DEFAULT_PEER = Mm4Peer()
# the name of callers: mm4.Peer
Peer = Mm4Peer


@dataclass(frozen=True, slots=True)
class Mm4:
    """One MM4 message.

    Attributes:
        message_type: A key of MESSAGE_TYPES.
        fields: (name, value) of the X-Mms fields, in the table's order; Yes and No are booleans.
        content: Presentation and parts, in a forward request.
        version: As read, or "" to take the peer's.
    """

    message_type: str
    sender: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    date_s: int | None = None
    subject: str = ""
    fields: tuple[tuple[str, str | bool], ...] = ()
    content: Content | None = None
    version: str = ""

    def __post_init__(self) -> None:
        names = MESSAGE_TYPES.get(self.message_type)
        if names is None:
            raise ValueError(f"{self.message_type!r} is no message of MM4: {', '.join(MESSAGE_TYPES)}")
        # one order in writing, so that equal messages give equal bytes
        order = {name: at for at, name in enumerate(names)}
        ordered = sorted(self.fields, key=lambda row: order.get(row[0], len(order)))
        object.__setattr__(self, "fields", tuple(ordered))

    def get(self, name: str) -> str | bool | None:
        """The first value of a field, or None."""
        return next((value for key, value in self.fields if key == name), None)


# --- writing -------------------------------------------------------------------------------------------------------


def _head(message: Mm4, peer: Mm4Peer, body: Multipart | None) -> bytes:
    envelope = Envelope(sender=message.sender, to=message.to, cc=message.cc, date_s=message.date_s)
    rows = [
        address_fields(envelope, message.subject, peer.domain),
        # mandatory in every message, and first among the X-Mms fields
        headers.field(_VERSION, message.version or peer.version),
        headers.field(_TYPE, message.message_type),
    ]
    rows += [headers.text_field(name, _text(name, value)) for name, value in message.fields]
    if body is not None:
        rows.append(body_fields(body))
    return b"".join(rows) + b"\r\n"


def _text(name: str, value: str | bool) -> str:  # noqa: FBT001  # it is a value
    # Yes and No are booleans in values; as text they could not be told from other words
    if isinstance(value, bool) != (name in _YES) and isinstance(value, bool):
        raise ValueError(f"{name} is text, got {value}")
    return ("Yes" if value else "No") if isinstance(value, bool) else value


def write_mm4(message: Mm4, peer: Mm4Peer = DEFAULT_PEER) -> bytes:
    """The mail of a message.

    Raises:
        ValueError: An address cannot stand in a mail, or a value holds a line break.
    """
    body = None
    if message.content is not None:
        # the boundary is derived from the content and from what names this message
        salt = Envelope(sender=message.sender, transaction_id=str(message.get(_TRANSACTION) or ""))
        body = multipart_of(message.content, salt, binary=peer.binary)
    return b"".join((_head(message, peer, body), *(write_body(body) if body is not None else ())))


def mm4_size(message: Mm4, peer: Mm4Peer = DEFAULT_PEER) -> int:
    """How many bytes `write_mm4` gives."""
    body = _measure(message, peer)
    return len(_head(message, peer, body)) + (body_size(body) if body is not None else 0)


def mm4_body_budget(limit_bytes: int, message: Mm4, peer: Mm4Peer = DEFAULT_PEER) -> int:
    """What the bodies of the parts may have together so that `write_mm4` never passes *limit_bytes*."""
    body = _measure(message, peer)
    return body_budget(body, limit_bytes - len(_head(message, peer, body))) if body is not None else 0


def _measure(message: Mm4, peer: Mm4Peer) -> Multipart | None:
    return None if message.content is None else Multipart(message.content, MEASURED_BOUNDARY, peer.binary)


def mm4_of(content: Content, envelope: Envelope, peer: Mm4Peer = DEFAULT_PEER) -> Mm4:
    """The forward request that carries this content to another operator."""
    # both ids are mandatory; derived ones make a message that is sent twice recognisable
    derived = content_digest(content, envelope)
    fields: list[tuple[str, str | bool]] = [
        (_TRANSACTION, envelope.transaction_id or f"T{derived}"),
        (_MESSAGE, envelope.message_id or f"{derived}@{peer.domain}"),
        ("X-Mms-Message-Class", envelope.message_class.title()),
        ("X-Mms-Priority", envelope.priority.title()),
        ("X-Mms-Delivery-Report", envelope.delivery_report),
        ("X-Mms-Read-Reply", envelope.read_report),
        # a response is asked for when somebody is named who takes it
        ("X-Mms-Ack-Request", bool(peer.originator_system)),
    ]
    if envelope.expiry_s is not None:
        fields.append(("X-Mms-Expiry", str(envelope.expiry_s)))
    if peer.originator_system:
        fields.append(("X-Mms-Originator-System", peer.originator_system))
    return Mm4(
        "MM4_forward.REQ",
        envelope.sender,
        envelope.to,
        envelope.cc,
        envelope.date_s,
        content.subject,
        tuple(fields),
        replace(content, subject=""),
    )


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mm4Reading:
    """A message that was read; *rest* are the mail's other fields, such as Received."""

    message: Mm4
    notes: tuple[str, ...] = ()
    rest: tuple[tuple[str, str], ...] = ()


_MAIL = ("from", "to", "cc", "subject", "date", "mime-version", "content-type", "content-transfer-encoding")


def read_mm4(data: bytes) -> Mm4Reading:
    """Read one MM4 mail.

    Raises:
        MalformedContent: It has no header, or no X-Mms-Message-Type of MM4.
        OverLimits: More parts, nesting or header than we agree to open.
    """
    walk = MimeParts()
    fields, body = headers.read_fields(data, header_start(data), len(data), walk.notes)
    # QUIRK: the message type in quotation marks
    stated = fields.get(_TYPE).strip('" ')
    message_type = _TYPES.get(stated.lower())
    if message_type is None:
        raise MalformedContent(f"X-Mms-Message-Type is {stated!r}, which is no message of MM4", offset=0)
    content = None
    # a report carries no content: text behind its header is not taken for one
    if fields.get("Content-Type").lower().startswith(("multipart/", "application/vnd.wap.")) or (
        message_type == "MM4_forward.REQ" and data[body:].strip()
    ):
        read_entity(data, body, len(data), fields, walk, 0)
        content = walk.content()
    found, rest = _x_fields(fields, walk.notes)
    message = Mm4(
        message_type,
        next(iter(headers.addresses(fields, "From")), ""),
        headers.addresses(fields, "To"),
        headers.addresses(fields, "Cc"),
        headers.timestamp(fields.get("Date")),
        headers.words(fields.get("Subject")),
        found,
        content,
        headers.words(fields.get(_VERSION)),
    )
    return Mm4Reading(message, tuple(walk.notes), (*rest, *walk.rest))


def _x_fields(
    fields: headers.Fields, notes: list[str]
) -> tuple[tuple[tuple[str, str | bool], ...], tuple[tuple[str, str], ...]]:
    """The fields MM4 knows by their one spelling, and the others."""
    found: list[tuple[str, str | bool]] = []
    rest: list[tuple[str, str]] = []
    for name, raw in fields.rows:
        key = name.lower()
        text = headers.words(raw)
        if key in _FIELDS:
            found.append((_FIELDS[key], _value(_FIELDS[key], text, notes)))
        # the fields of RFC 5322 have places of their own in Mm4; Received and the like are handed
        # on
        elif key not in (*_MAIL, _TYPE.lower(), _VERSION.lower()):
            rest.append((name, text))
    return tuple(found), tuple(rest)


def _value(name: str, text: str, notes: list[str]) -> str | bool:
    if name in (_TRANSACTION, _MESSAGE) and len(text) > 1 and text[0] == text[-1] == '"':
        # QUIRK: several operators quote both ids
        notes.append(f"{name} stands in quotation marks")
        text = text[1:-1]
    # TS 23.140: Yes and No; other words stay text
    if name in _YES and text.strip().lower() in ("yes", "no"):
        return text.strip().lower() == "yes"
    return text


_ENVELOPE_FIELDS = {
    _TRANSACTION: "transaction_id",
    _MESSAGE: "message_id",
    "X-Mms-Message-Class": "message_class",
    "X-Mms-Priority": "priority",
    "X-Mms-Expiry": "expiry_s",
    "X-Mms-Delivery-Report": "delivery_report",
    "X-Mms-Read-Reply": "read_report",
}
_WORDS = {
    "message_class": ("personal", "advertisement", "informational", "auto"),
    "priority": ("low", "normal", "high"),
}
_MAX_SECONDS_DIGITS = 9


def unpacked_of(reading: Mm4Reading) -> Unpacked:
    """The envelope and content of a message that was read."""
    message = reading.message
    forward = message.message_type == "MM4_forward.REQ"
    found: dict[str, Any] = {"message_type": "m-send-req" if forward else message.message_type}
    rest: list[tuple[str, str]] = [(_VERSION, message.version)] if message.version else []
    for name, value in message.fields:
        in_envelope = _envelope_value(_ENVELOPE_FIELDS.get(name, ""), value)
        if in_envelope is None or _ENVELOPE_FIELDS[name] in found:
            rest.append((name, _text(name, value)))
        else:
            found[_ENVELOPE_FIELDS[name]] = in_envelope
    content = message.content or Content(())
    return Unpacked(
        Envelope(sender=message.sender, to=message.to, cc=message.cc, date_s=message.date_s, **found),
        replace(content, subject=message.subject),
        "mm4",
        reading.notes,
        (*rest, *reading.rest),
    )


def _envelope_value(attribute: str, value: str | bool) -> str | int | bool | None:  # noqa: FBT001  # it is a value
    """The value as the envelope wants it, or None when it has no place there."""
    if attribute in ("delivery_report", "read_report"):
        return value if isinstance(value, bool) else None
    text = printable(str(value))
    if attribute in _WORDS:
        return text.lower() if text.lower() in _WORDS[attribute] else None
    # QUIRK: some write the expiry as an HTTP date, which has no place in the envelope
    if attribute == "expiry_s":
        short = text.isascii() and text.isdecimal() and len(text) <= _MAX_SECONDS_DIGITS
        return int(text) if short else None
    return text if attribute else None
