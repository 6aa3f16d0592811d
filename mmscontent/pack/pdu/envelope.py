"""Translates envelope and content to the fields of a PDU and back, by one row per field.

What the envelope has no place for comes back as text headers, never lost.
"""

from __future__ import annotations

from typing import Any

from mmscontent.message import Content, Envelope, Unpacked
from mmscontent.pack.common import MAX_DATE_S, from_wire, printable, to_wire
from mmscontent.pack.pdu.message import Pdu, PduReading
from mmscontent.pack.pdu.values import Counted, Element, Flag, Octets, Time, Total, Value

# what AOSP and iPhone write; read by every phone since 2005
MMS_VERSION = "1.2"

# 6.1.1 and 6.3: the two PDUs with a body that composing writes
_WRITTEN = ("m-send-req", "m-retrieve-conf")


def pdu_of(content: Content, envelope: Envelope) -> Pdu:
    """The PDU of a message to the network or to the phone, its fields in the order of MMS-ENC 6.1.1 and 6.3.

    Raises:
        ValueError: The type carries no content, or an M-Retrieve.conf is asked for without its mandatory date.
    """
    if envelope.message_type not in _WRITTEN:
        raise ValueError(f"{envelope.message_type} carries no composed message; {', '.join(_WRITTEN)} do")
    retrieved = envelope.message_type == "m-retrieve-conf"
    # Date is mandatory in M-Retrieve.conf, and AOSP drops one without it
    if retrieved and envelope.date_s is None:
        raise ValueError("an m-retrieve-conf needs envelope.date_s: phones refuse one without Date")
    rows: tuple[tuple[str, Value | None], ...] = (
        ("X-Mms-MMS-Version", MMS_VERSION),
        ("X-Mms-Transaction-ID", envelope.transaction_id or None),
        ("Message-ID", (envelope.message_id or None) if retrieved else None),
        ("Date", envelope.date_s),
        # 7.3.21: From is mandatory; without a sender it is the Insert-address-token
        ("From", to_wire(envelope.sender)),
        *(("To", to_wire(address)) for address in envelope.to),
        *(("Cc", to_wire(address)) for address in envelope.cc),
        # a phone must not learn who else got a blind copy
        *(("Bcc", to_wire(address)) for address in envelope.bcc if not retrieved),
        ("Subject", content.subject or None),
        ("X-Mms-Message-Class", envelope.message_class),
        # 7.3.20: written as relative time; an absolute one would need a clock
        ("X-Mms-Expiry", None if envelope.expiry_s is None or retrieved else Time(envelope.expiry_s)),
        ("X-Mms-Priority", envelope.priority),
        # always written: where they are missing, MMSCs differ in what they assume
        ("X-Mms-Delivery-Report", envelope.delivery_report),
        ("X-Mms-Read-Report", envelope.read_report),
    )
    return Pdu(envelope.message_type, tuple((name, value) for name, value in rows if value is not None), content)


def unpacked_of(reading: PduReading) -> Unpacked:
    """The envelope and content of a PDU that was read."""
    pdu = reading.pdu
    found: dict[str, Any] = {"message_type": pdu.message_type}
    rest: list[tuple[str, str]] = []
    for name, value in pdu.headers:
        if not _fill_envelope(found, name, value):
            rest.append((name, as_text(value)))
    # the subject belongs to the content, since it is shown to the recipient
    subject = found.pop("subject", "")
    content = pdu.content or Content(())
    return Unpacked(
        Envelope(**found),
        Content(content.parts, content.presentation, subject),
        "pdu",
        reading.notes,
        (*rest, *reading.part_headers),
    )


# Field -> (envelope attribute, the type its value must have); lists collect, all others take the first.
_LISTS = {"To": "to", "Cc": "cc", "Bcc": "bcc"}
_SINGLE: dict[str, tuple[str, type]] = {
    "Subject": ("subject", str),
    "X-Mms-Transaction-ID": ("transaction_id", str),
    "Message-ID": ("message_id", str),
    "Date": ("date_s", int),
    "From": ("sender", str),
    "X-Mms-Message-Class": ("message_class", str),
    "X-Mms-Priority": ("priority", str),
    "X-Mms-Expiry": ("expiry_s", Time),
    "X-Mms-Delivery-Report": ("delivery_report", bool),
    "X-Mms-Read-Report": ("read_report", bool),
}
_CLASSES = ("personal", "advertisement", "informational", "auto")


def _fill_envelope(found: dict[str, Any], name: str, value: Value) -> bool:
    """Put a field into the envelope's arguments; False when it has no place there."""
    if name in _LISTS and isinstance(value, str):
        found[_LISTS[name]] = (*found.get(_LISTS[name], ()), from_wire(printable(value)))
        return True
    # the first of two fields counts; a second one, or one of another form, comes as a header
    attribute, kind = _SINGLE.get(name, ("", type(None)))
    if not attribute or attribute in found or not isinstance(value, kind):
        return name == "X-Mms-MMS-Version" and value == MMS_VERSION
    # an absolute expiry has no place in the envelope, which counts from submission
    if isinstance(value, Time):
        if not value.relative:
            return False
        value = value.seconds
    # 7.3.27: a class may be any Token-text; the envelope knows the four that have numbers
    if name == "X-Mms-Message-Class" and value not in _CLASSES:
        return False
    # a long-integer has up to 30 octets, far beyond any date that can be written
    if isinstance(value, int) and not 0 <= value <= MAX_DATE_S:
        return False
    if isinstance(value, str):
        value = from_wire(printable(value)) if name == "From" else printable(value)
    found[attribute] = value
    return True


def as_text(value: Value) -> str:
    """A field's value for people: words and numbers as they are, octets in hexadecimal."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int():
            return printable(str(value))
        case Octets():
            return value.data.hex()
        case Time():
            return f"{value.seconds} s from now" if value.relative else f"{value.seconds} s since 1970"
        case Counted():
            return printable(f"{value.count}: {value.value}")
        case Flag():
            return printable(f"{value.operation} {value.keyword}")
        case Total():
            return f"{value.amount} {value.unit}"
        case Element():
            return printable(f"{value.reference} {value.parameters.hex()}".strip())
