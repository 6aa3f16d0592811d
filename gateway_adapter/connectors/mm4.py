"""MM4 towards another operator's MMSC (3GPP TS 23.140 section 8.4, RFC 4356): mails out, mails in.

Translates only. The SMTP reply accepts a submission's mail; the MMSC accepts or refuses the message later, in an
MM4_forward.RES of its own, which comes in as an event. Our responses are mails, too, to the originator system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import mmscontent as mms
from gateway_adapter.connectors import common
from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse, SubmitRequest, SubmitResult
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event

ENCODING = "mm4"
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "domain": "the other operator's domain, behind recipients' numbers (mms.mnc001.mcc001.gprs)",
        "from_domain": "our own domain, behind senders' numbers",
        "system": "address at which we take responses; system@from_domain when not given",
        "version": "text of X-Mms-3GPP-MMS-Version",
        "user": "user of SMTP AUTH, with the connection's secret",
        "starttls": "true: the session must be encrypted before anything is sent",
    }
)
_TRANSACTION, _MESSAGE = "X-Mms-Transaction-ID", "X-Mms-Message-ID"
_STATUS, _TEXT = "X-Mms-Request-Status-Code", "X-Mms-Status-Text"


def connection_peer(connection: Connection) -> mms.mm4.Peer:
    """How the other operator wants MM4."""
    options = connection.options
    return replace(
        mms.mm4.DEFAULT_PEER,
        domain=options.get("domain", mms.mm4.DEFAULT_PEER.domain),
        version=options.get("version", mms.mm4.DEFAULT_PEER.version),
        originator_system=_system(connection),
    )


def _from_domain(connection: Connection) -> str:
    return connection.options.get("from_domain", mms.mm4.DEFAULT_PEER.domain)


def _system(connection: Connection) -> str:
    return connection.options.get("system", f"system@{_from_domain(connection)}")


def _mailbox(number: str, domain: str) -> str:
    """The address of a number at a domain; e-mail addresses stay."""
    if "@" in number:
        return number
    # 23.140 section 8.4: numbers are addressed as +number/TYPE=PLMN@domain
    return f"{common.add_plus(number)}/TYPE=PLMN@{domain}"


# --- out -----------------------------------------------------------------------------------------------------------


def write_submit(submit: SubmitRequest, connection: Connection) -> OperatorRequest:
    """The forward.REQ: its ids are made of the submission's transaction id, so that a repeat is known to be one."""
    peer = connection_peer(connection)
    # Both ids stay the same in every attempt, so that the MMSC recognises a repeat
    message_id = f"{submit.transaction_id}@{_from_domain(connection)}"
    to = tuple(_mailbox(number, peer.domain) for number in submit.to)
    try:
        envelope = mms.Envelope(
            sender=_mailbox(submit.sender, _from_domain(connection)) if submit.sender else _system(connection),
            to=to,
            expiry_s=submit.expiry_s,
            delivery_report=submit.delivery_report,
            date_s=submit.date_s,
            transaction_id=submit.transaction_id,
            message_id=message_id,
        )
        mail = mms.mm4.write_mm4(mms.mm4.mm4_of(replace(submit.content, subject=submit.subject), envelope, peer), peer)
    except ValueError as exc:
        raise Refused(f"connection {connection.name} can not send this as MM4: {exc}", error=15200) from exc
    headers = {"from": _system(connection), "to": ",".join(to), "message-id": message_id}
    return OperatorRequest("MAIL", connection.url, headers, f"Message-ID: <{message_id}>\r\n".encode("ascii") + mail)


# --- the answer ----------------------------------------------------------------------------------------------------

_ENHANCED = re.compile(r"\b([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_TOO_LARGE = frozenset({"5.3.4", "5.2.3"})  # RFC 3463: message too big for system, for mailbox
# Enhanced status code (RFC 3463), or its first two numbers, or the bare reply code -> status and error of statuses.py
_REFUSALS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        # X.1: addressing. Other address status
        "5.1.0": (52, 15201),
        # Bad destination mailbox address
        "5.1.1": (52, 15009),
        # Bad destination system address, bad mailbox syntax
        "5.1.2": (52, 15201),
        "5.1.3": (52, 15201),
        # Destination mailbox has moved
        "5.1.6": (52, 15009),
        # Bad sender's mailbox address syntax, bad sender's system address
        "5.1.7": (13, 15202),
        "5.1.8": (13, 15202),
        # X.2: mailbox status
        "5.2": (4, 15018),
        # X.6: message content or media
        "5.6": (4, 15013),
        # X.7: security or policy
        "5.7": (4, 15013),
        # RFC 5321 section 4.2.3: mailbox unavailable, user not local, mailbox name not allowed
        "550": (52, 15009),
        "551": (52, 15009),
        "553": (52, 15201),
    }
)
# RFC 5321 section 4.2.1: 2yz done, 4yz try again, 5yz final
_TAKEN, _LATER, _REFUSED, _OVER_STORAGE = range(200, 300), range(400, 500), range(500, 600), 552


def read_answer(response: OperatorResponse, connection: Connection) -> SubmitResult:  # noqa: ARG001  # the shape is the carriers'
    """Interpret an SMTP reply; anything that is not a mail server's reply is tried again."""
    text = response.body.decode("utf-8", errors="replace").strip()
    summary = f"{response.status} {text}".strip()
    if response.status in _TAKEN:
        return SubmitResult("taken", response.headers.get("message-id", ""), 7, text=summary)
    if response.status not in _REFUSED:
        return SubmitResult("again", error=15000, text=summary)
    found = _ENHANCED.search(text)
    code = found[1] if found else ""
    # 552 is also "mailbox full"; without an enhanced code it is read as the size
    if code in _TOO_LARGE or (not code and response.status == _OVER_STORAGE) or common.mentions_size(text):
        return common.too_large(4, summary, text)
    # The most exact row wins: the whole code, then its subject, then the bare reply
    keys = (code, code.rpartition(".")[0], "" if code else str(response.status))
    status, error = next((_REFUSALS[key] for key in keys if key in _REFUSALS), (4, 15008))
    return SubmitResult("refused", status=status, error=error, text=summary)


# --- in ------------------------------------------------------------------------------------------------------------


def read_events(request: OperatorRequest, connection: Connection) -> tuple[Event, ...]:
    """A message from the other operator, a report on one of ours, or its answer to one of ours."""
    try:
        reading = mms.mm4.read_mm4(request.body)
        unpacked = mms.mm4.unpacked_of(reading)
    except (mms.MMSContentError, ValueError) as exc:
        raise Refused(f"connection {connection.name}: the mail is not an MM4 message: {exc}") from exc
    reader = _READERS.get(reading.message.message_type)
    if reader is None:
        raise Refused(f"{reading.message.message_type} is not supported here; use {', '.join(_READERS)}")
    return (reader(reading.message, unpacked, request.body),)


def _forwarded(message: mms.mm4.Mm4, unpacked: mms.Unpacked, body: bytes) -> Event:
    parts = common.inbound_parts(unpacked.content)
    envelope = unpacked.envelope
    event = Event(
        "inbound",
        operator_message_id=envelope.message_id
        or envelope.transaction_id
        or _mail_id(unpacked)
        or common.digest_id(body),
        cc=common.normalize_numbers(envelope.cc),
        subject=unpacked.content.subject,
        parts=parts,
        text=common.joined_text(parts),
    )
    return _addressed(event, message, unpacked)


def _mail_id(unpacked: mms.Unpacked) -> str:
    """The mail's own Message-ID, for operators that leave out X-Mms-Message-ID."""
    return next((text for name, text in unpacked.headers if name.lower() == "message-id"), "")


def _reported(message: mms.mm4.Mm4, unpacked: mms.Unpacked, _: bytes) -> Event:
    status = str(message.get("X-Mms-MM-Status-Code") or "")
    fate = common.map_status(status, str(message.get("X-Mms-MM-Status-Extension") or ""))
    if fate is None:
        raise Refused(f"X-Mms-MM-Status-Code {status!r} is not a status of 23.140", field="X-Mms-MM-Status-Code")
    event = Event(
        "delivery", operator_message_id=_named(unpacked), status=fate.status, error=fate.error, final=fate.final
    )
    return _from_its_recipient(_addressed(event, message, unpacked))


def _read_replied(message: mms.mm4.Mm4, unpacked: mms.Unpacked, _: bytes) -> Event:
    event = Event("read", operator_message_id=_named(unpacked), text=str(message.get("X-Mms-Read-Status") or ""))
    return _from_its_recipient(_addressed(event, message, unpacked))


def _from_its_recipient(event: Event) -> Event:
    """A report is a mail from the message's recipient to its sender (23.140 8.4.2): an event names them as sent."""
    return replace(event, sender=event.to[0] if event.to else "", to=(event.sender,) if event.sender else ())


# X-Mms-Request-Status-Code in lower case -> status and error of statuses.py; "" for any other status
_REQUEST_STATUSES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "error-unspecified": (4, 15000),
        "error-service-denied": (19, 15008),
        "error-message-format-corrupt": (4, 15200),
        "error-sending-address-unresolved": (52, 15009),
        "error-message-not-found": (4, 15000),
        "error-network-problem": (4, 15000),
        "error-content-not-accepted": (4, 15013),
        "error-unsupported-message": (4, 15200),
        "": (4, 15000),
    }
)
_RETRYABLE = frozenset(name.lower() for name, again in mms.mm4.REQUEST_STATUSES.items() if again)


def _answered(message: mms.mm4.Mm4, unpacked: mms.Unpacked, _: bytes) -> Event:
    request_status = str(message.get(_STATUS) or "").strip().lower()
    text = str(message.get(_TEXT) or "")
    event = Event("accepted", operator_message_id=_named(unpacked), status=7, text=text)
    if request_status not in ("ok", ""):
        status, error = _REQUEST_STATUSES.get(request_status, _REQUEST_STATUSES[""])
        if error == _BLOCKED and common.mentions_size(text):
            # QUIRK: some MMSCs refuse a large message as content-not-accepted and name the size in the text
            error = _TOO_BIG
        event = replace(event, kind="refused", status=status, error=error, final=request_status not in _RETRYABLE)
    # A response gets no response; it goes from system to system, and holds for all recipients of the request.
    return replace(_addressed(event, message, unpacked), sender="", to=(), answer_to="")


_BLOCKED, _TOO_BIG = 15013, 15026
_MAILBOX = re.compile(r"[^\s,<>@\"]+@[^\s,<>@\"]+")


def _named(unpacked: mms.Unpacked) -> str:
    if not unpacked.envelope.message_id:
        raise Refused(f"the mail has no {_MESSAGE}, so it belongs to no submission", field=_MESSAGE)
    return unpacked.envelope.message_id


def _addressed(event: Event, message: mms.mm4.Mm4, unpacked: mms.Unpacked) -> Event:
    # 23.140 section 8.4: X-Mms-Ack-Request asks for a RES, X-Mms-Originator-System says where to
    envelope = unpacked.envelope
    wanted = message.get("X-Mms-Ack-Request") is True
    asks_at = str(message.get("X-Mms-Originator-System") or "").strip("<> ")
    return replace(
        event,
        transaction_id=envelope.transaction_id,
        sender=common.normalize_number(envelope.sender),
        to=common.normalize_numbers(envelope.to),
        at_ms=None if envelope.date_s is None else envelope.date_s * 1000,
        answer_to=asks_at if wanted and _MAILBOX.fullmatch(asks_at) else "",
    )


_READERS: Mapping[str, Callable[[mms.mm4.Mm4, mms.Unpacked, bytes], Event]] = MappingProxyType(
    {
        "MM4_forward.REQ": _forwarded,
        "MM4_forward.RES": _answered,
        "MM4_delivery_report.REQ": _reported,
        "MM4_read_reply_report.REQ": _read_replied,
    }
)
_ANSWERS = MappingProxyType(
    {"inbound": "MM4_forward.RES", "delivery": "MM4_delivery_report.RES", "read": "MM4_read_reply_report.RES"}
)
_OK, _TRY_LATER, _NEVER = 250, 451, 554


def write_event_answer(events: tuple[Event, ...], error: str, connection: Connection) -> OperatorResponse:
    """Write the SMTP reply; where the other side asked for a response (X-Mms-Ack-Request), its body is that mail."""
    if not events:
        return OperatorResponse(_NEVER, body=f"5.6.0 {_line(error)}".encode())
    if error:
        return OperatorResponse(_TRY_LATER, body=f"4.3.0 {_line(error)}".encode())
    event = events[0]
    # No RES was asked for: the SMTP reply is the whole answer
    if not event.answer_to or event.kind not in _ANSWERS:
        return OperatorResponse(_OK, body=b"2.0.0 taken")
    system = _system(connection)
    fields = ((_TRANSACTION, event.transaction_id), (_MESSAGE, event.operator_message_id), (_STATUS, "Ok"))
    answer = mms.mm4.Mm4(_ANSWERS[event.kind], system, (event.answer_to,), fields=fields)
    try:
        mail = mms.mm4.write_mm4(answer, connection_peer(connection))
    except ValueError:  # its own address can not stand in a mail; our 250 has to do
        return OperatorResponse(_OK, body=b"2.0.0 taken")
    return OperatorResponse(_OK, {"from": system, "to": event.answer_to}, mail)


def _line(text: str) -> str:
    return " ".join(text.split())[:400]
