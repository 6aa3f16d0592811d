"""Envelope and content to MM7 messages, and back: SubmitReq towards the network, DeliverReq towards an application."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mmscontent.message import Content, Envelope, Unpacked
from mmscontent.pack.common import MAX_DATE_S, from_wire, is_email, is_phone_number, printable, to_wire
from mmscontent.pack.mm7.elements import Address, Mm7Recipient, Node, SenderIdentification, Status, Value
from mmscontent.pack.mm7.model import Mm7

if TYPE_CHECKING:
    from mmscontent.pack.mm7.peers import Mm7Peer
    from mmscontent.pack.mm7.read import Mm7Reading

# the two operations that carry a composed message
_OPERATION = {"m-send-req": "SubmitReq", "m-retrieve-conf": "DeliverReq"}
_MESSAGE_TYPE = {operation: message_type for message_type, operation in _OPERATION.items()}
_ROLES = {"To": "to", "Cc": "cc", "Bcc": "bcc"}


# --- writing -------------------------------------------------------------------------------------------------------


def mm7_of(content: Content, envelope: Envelope, peer: Mm7Peer) -> Mm7:
    """The message that submits or delivers this content.

    Raises:
        ValueError: The envelope's type carries no content, or the peer takes fewer recipients.
    """
    operation = _OPERATION.get(envelope.message_type)
    if operation is None:
        raise ValueError(f"{envelope.message_type} is no submission; {', '.join(_OPERATION)} are")
    recipients = tuple(
        Mm7Recipient(role, _address(address, peer))
        for role, name in _ROLES.items()
        for address in getattr(envelope, name)
    )
    # Sinch answers a second recipient with status 2503
    if operation == "SubmitReq" and 0 < peer.max_recipients < len(recipients):
        raise ValueError(f"{peer.name} takes {peer.max_recipients} recipients in one message, got {len(recipients)}")
    fields = _submission(envelope, peer) if operation == "SubmitReq" else _delivery(envelope, peer)
    rows: list[tuple[str, Value]] = [row for row in fields if row[1] is not None]
    if recipients:
        rows.append(("Recipients", recipients))
    if content.subject:
        rows.append(("Subject", content.subject))
    return Mm7(operation, envelope.transaction_id, tuple(rows), content)


def _submission(envelope: Envelope, peer: Mm7Peer) -> tuple[tuple[str, Any], ...]:
    sender = _address(envelope.sender, peer) if envelope.sender else None
    return (
        ("SenderIdentification", SenderIdentification(peer.vasp_id, peer.vas_id, address=sender)),
        ("MessageClass", envelope.message_class.title()),
        ("TimeStamp", _time(envelope.date_s)),
        # 8.7: ExpiryDate is a date or a duration; a duration needs no clock
        ("ExpiryDate", None if envelope.expiry_s is None else f"PT{envelope.expiry_s}S"),
        # always written: some peers take a missing element for true
        ("DeliveryReport", envelope.delivery_report),
        ("ReadReply", envelope.read_report),
        ("Priority", envelope.priority.title()),
    )


def _delivery(envelope: Envelope, peer: Mm7Peer) -> tuple[tuple[str, Any], ...]:
    return (
        ("LinkedID", envelope.message_id or None),
        ("Sender", _address(envelope.sender, peer) if envelope.sender else None),
        ("TimeStamp", _time(envelope.date_s)),
        ("Priority", envelope.priority.title()),
    )


def _address(address: str, peer: Mm7Peer) -> Address:
    if is_email(address):
        # 8.7: an address is a Number, an RFC2822Address or a ShortCode
        return Address("RFC2822Address", address)
    if not is_phone_number(address):
        return Address("ShortCode", address)
    # 8.7 shows E.164 with a plus; Sinch refuses the plus, Nokia's MMSC writes /TYPE=PLMN in Number
    forms = {"plus": address, "digits": address.lstrip("+"), "typed": to_wire(address)}
    return Address("Number", forms[peer.numbers])


def _time(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    if not 0 <= seconds <= MAX_DATE_S:
        raise ValueError(f"{seconds} seconds since 1970 is no date a message can carry")
    # XML Schema part 2 section 3.2.7: dateTime, Z for UTC
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- reading -------------------------------------------------------------------------------------------------------

_SIMPLE = {
    "Subject": "subject",
    "MessageClass": "message_class",
    "Priority": "priority",
    "DeliveryReport": "delivery_report",
    "ReadReply": "read_report",
    "MessageID": "message_id",
}
_WORDS = {"MessageClass": ("personal", "advertisement", "informational", "auto"), "Priority": ("low", "normal", "high")}
# XML Schema part 2 section 3.2.6: duration; years and months have no fixed length and are not read
_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?")


def unpacked_of(reading: Mm7Reading) -> Unpacked:
    """The envelope and content of a message that was read; elements they have no place for become text headers."""
    message = reading.message
    found: dict[str, Any] = {"transaction_id": printable(message.transaction_id)}
    found["message_type"] = _MESSAGE_TYPE.get(message.operation, message.operation)
    rest: list[tuple[str, str]] = []
    for name, value in message.fields:
        if not _fill_envelope(found, rest, message.operation, name, value):
            rest.append((name, _as_text(value)))
    subject = found.pop("subject", "")
    content = message.content or Content(())
    return Unpacked(
        Envelope(**found),
        Content(content.parts, content.presentation, subject),
        "mm7",
        reading.notes,
        (*_about(message), *rest, *reading.part_headers),
    )


def _about(message: Mm7) -> tuple[tuple[str, str], ...]:
    adaptations = "" if message.allow_adaptations is None else str(message.allow_adaptations).lower()
    rows = (("MM7Version", message.version), ("Namespace", message.namespace), ("allowAdaptations", adaptations))
    return tuple((name, text) for name, text in rows if text)


def _fill_envelope(found: dict[str, Any], rest: list[tuple[str, str]], operation: str, name: str, value: Value) -> bool:
    """Put an element into the envelope's arguments; False when it has no place there."""
    if isinstance(value, SenderIdentification):
        found["sender"] = from_wire(printable(value.address.value)) if value.address else ""
        # the ids of the account have no place in the envelope and come as headers
        ids = (("MMSRelayServerID", value.relay_id), ("VASPID", value.vasp_id), ("VASID", value.vas_id))
        rest.extend((key, text) for key, text in ids if text)
        return True
    if name == "Sender" and isinstance(value, Address):
        found["sender"] = from_wire(printable(value.value))
        return True
    if name == "Recipients" and isinstance(value, tuple):
        for role, attribute in _ROLES.items():
            found[attribute] = tuple(from_wire(printable(r.address.value)) for r in value if r.role == role)
        return True
    # a report is about one recipient
    if name == "Recipient" and isinstance(value, Address):
        found["to"] = (from_wire(printable(value.value)),)
        return True
    return _fill_simple(found, operation, name, value)


def _fill_simple(found: dict[str, Any], operation: str, name: str, value: Value) -> bool:
    if name in ("TimeStamp", "Date") and isinstance(value, str):
        found["date_s"] = _seconds(value)
        return found["date_s"] is not None
    if name == "ExpiryDate" and isinstance(value, str):
        found["expiry_s"] = _duration(value)
        return found["expiry_s"] is not None
    # of a delivered message the LinkedID is what an answer has to name
    attribute = "message_id" if operation == "DeliverReq" and name == "LinkedID" else _SIMPLE.get(name)
    if attribute is None or not isinstance(value, (str, bool)):
        return False
    if name in _WORDS:
        word = str(value).lower()
        found.update({attribute: word} if word in _WORDS[name] else {})
        return word in _WORDS[name]
    found[attribute] = printable(value) if isinstance(value, str) else value
    return True


def _seconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # XML Schema part 2 section 3.2.7: the zone is optional; without one UTC is assumed
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        seconds = int(moment.timestamp())
    except (OverflowError, ValueError):
        return None
    return seconds if seconds >= 0 else None


def _duration(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _as_text(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return printable(value)
        case Status():
            return printable(" ".join(filter(None, (str(value.code), value.text, value.details))))
        case Address():
            return printable(value.value)
        case Node():
            return _node_text(value)
        case _:
            return printable(str(value))


def _node_text(node: Node) -> str:
    attributes = (f"{name}={value}" for name, value in node.attributes)
    return printable(" ".join(filter(None, (node.text, *attributes, *(_node_text(child) for child in node.children)))))
