"""MM7 towards an operator's MMSC (3GPP TS 23.140 section 8.7): submissions out; deliveries and reports in.

Translates only. The dialect is the connection's: a row of the library's peers, changed by the connection's options.
The table `_OUTCOMES` maps status codes to outcomes; the class decides about a code without a row, as 23.140 asks.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, cast

import mmscontent as mms
from gateway_adapter.connectors import common
from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse, SubmitRequest, SubmitResult
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event

ENCODING = "mm7"
PEER_NAMES = tuple(mms.mm7.PEERS)
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "peer": "dialect to start from, a row of mmscontent.mm7.PEERS",
        "version": "text of MM7Version",
        "namespace": "URI of the MM7 elements",
        "prefix": "prefix of the MM7 elements",
        "numbers": "plus, digits or typed",
        "binary": "true: bodies as they are, false: base64",
        "vasp_id": "VASPID the operator gave",
        "vas_id": "VASID the operator gave",
        "service_code": "ServiceCode of every submission",
        "charged_party": "ChargedParty of every submission",
        "user": "user of HTTP authorization, with the connection's secret",
        "auth": "basic or digest: how the user authenticates; default basic",
    }
)

_OUR_ACCOUNT_S = 300.0  # the operator refuses our account, not the message: people have to act first
_Outcome = Literal["taken", "again", "too_large", "refused"]


def connection_peer(connection: Connection) -> mms.mm7.Peer:
    """The dialect of a connection."""
    options = connection.options
    peer = mms.mm7.PEERS[options.get("peer", "3gpp")]
    texts = {key: options[key] for key in ("version", "namespace", "prefix", "vasp_id", "vas_id") if key in options}
    peer = replace(peer, **texts)  # type: ignore[arg-type]  # all of these are text
    if "numbers" in options:
        peer = replace(peer, numbers=cast("Literal['plus', 'digits', 'typed']", options["numbers"]))
    return replace(peer, binary=options["binary"] == "true") if "binary" in options else peer


# --- out -----------------------------------------------------------------------------------------------------------


def write_submit(submit: SubmitRequest, connection: Connection) -> OperatorRequest:
    """Write the SubmitReq; its TransactionID is the submission's, so that the MMSC recognises a repeat."""
    peer = connection_peer(connection)
    envelope = common.envelope_of(submit, date_s=submit.date_s)
    try:
        message = mms.mm7.mm7_of(replace(submit.content, subject=submit.subject), envelope, peer)
        written = mms.mm7.write_mm7(_charged(message, connection.options), peer)
    except ValueError as exc:
        raise Refused(f"connection {connection.name} can not send this as MM7: {exc}", error=15200) from exc
    return OperatorRequest("POST", connection.url, _headers(connection, written.content_type), written.data)


def _charged(message: mms.mm7.Mm7, options: Mapping[str, str]) -> mms.mm7.Mm7:
    named = (("ServiceCode", "service_code"), ("ChargedParty", "charged_party"))
    rows = tuple((element, options[key]) for element, key in named if key in options)
    return replace(message, fields=(*message.fields, *rows))


def _headers(connection: Connection, content_type: str) -> dict[str, str]:
    headers = {"Content-Type": content_type, "SOAPAction": '""'}
    user = connection.options.get("user", "")
    # RFC 7617 sends the user at once; digest (RFC 7616) answers the server's challenge, in transport/
    if user and connection.options.get("auth") != "digest":
        pair = base64.b64encode(f"{user}:{connection.secret}".encode()).decode("ascii")
        headers["Authorization"] = f"Basic {pair}"
    return headers


# --- the answer ----------------------------------------------------------------------------------------------------

# MM7 StatusCode (23.140 section 8.7.8.4) -> outcome, status and error of statuses.py. What only our account can cause
# is tried again, slowly: the message is not at fault, and its validity period ends the attempts.
_OUTCOMES: Mapping[int, tuple[_Outcome, int, int]] = MappingProxyType(
    {
        # 1xxx: Success
        1000: ("taken", 7, 0),
        # Partial success: some recipients were refused, reports say which
        1100: ("taken", 7, 0),
        # 2xxx: errors of the request, final. Client error
        2000: ("refused", 4, 15000),
        # Operation restricted
        2001: ("refused", 4, 15011),
        # Address Error
        2002: ("refused", 52, 15201),
        # Address Not Found
        2003: ("refused", 52, 15009),
        # Multimedia content refused
        2004: ("refused", 4, 15013),
        # Message format corrupt
        2007: ("refused", 4, 15200),
        # Sinch: multiple recipients
        2503: ("refused", 52, 15201),
        # Sinch: message too large
        2560: ("too_large", 4, 15026),
        # 3xxx: errors of the server. Server Error
        3000: ("again", 0, 15000),
        # Not Possible
        3001: ("refused", 4, 15000),
        # Message rejected
        3002: ("refused", 4, 15008),
        # Multiple addresses not supported
        3003: ("refused", 52, 15201),
        # Application Addressing not supported
        3004: ("refused", 52, 15201),
        # Vendors: throughput exceeded
        3510: ("again", 0, 15000),
        # 4xxx: errors of the service. General service error
        4000: ("again", 0, 15000),
        # Improper identification, unsupported version, unsupported operation: our configuration
        4001: ("again", 19, 15023),
        4002: ("again", 19, 15023),
        4003: ("again", 19, 15023),
        # Validation error
        4004: ("refused", 4, 15200),
        # Service error, Service unavailable
        4005: ("again", 0, 15000),
        4006: ("again", 0, 15000),
        # Service denied, Application denied
        4007: ("refused", 19, 15008),
        4008: ("refused", 19, 15008),
        # Korean operators' own
        6102: ("refused", 4, 15011),
    }
)
_ACCOUNT = frozenset({4001, 4002, 4003})
_BY_RETRY: Mapping[str, tuple[_Outcome, int, int]] = MappingProxyType(
    {
        "done": ("taken", 7, 0),
        "later": ("again", 0, 15000),
        "fix": ("refused", 4, 15000),
        "route": ("refused", 19, 15008),
    }
)
# HTTP status without an MM7 message behind it; others of 200 to 499 are garbage or our account's trouble
_TOO_LARGE_HTTP = 413
_TURNED_AWAY = range(400, 500)


def read_answer(response: OperatorResponse, connection: Connection) -> SubmitResult:  # noqa: ARG001  # the shape is the carriers'
    """What a SubmitRsp, an error response, a fault or a bare HTTP status means."""
    try:
        message = mms.mm7.read_mm7(response.body, common.header(response.headers, "content-type")).message
    except (mms.MMSContentError, ValueError):
        # No MM7 in the body: the HTTP status is all there is
        return _bare(response)
    status = message.status
    # RSErrorRsp may stand in a fault or bare in the body; both carry a Status
    if status is None:
        return _fault(message) if message.operation == "Fault" else _bare(response)
    return _judge(status, str(message.get("MessageID") or ""), common.retry_after_s(response.headers))


def _judge(status: mms.mm7.Status, message_id: str, retry_after_s: float | None) -> SubmitResult:
    row = mms.mm7.status_row(status.code)
    outcome, ours, error = _OUTCOMES.get(status.code) or _BY_RETRY[row.retry]
    text = " ".join(filter(None, (str(status.code), status.text or row.text, status.details)))
    if outcome == "refused" and common.mentions_size(f"{status.text} {status.details}"):
        outcome, error = "too_large", 15026  # QUIRK: most MMSCs have no code of their own for it, only a sentence
    if outcome == "taken":
        return SubmitResult("taken", message_id, ours, text=text)
    limit = common.parse_size_limit(text) if outcome == "too_large" else None
    wait = retry_after_s or (_OUR_ACCOUNT_S if status.code in _ACCOUNT else None)
    return SubmitResult(outcome, "", ours, error, limit, wait, text)


def _fault(message: mms.mm7.Mm7) -> SubmitResult:
    code, text = str(message.get("faultcode") or ""), str(message.get("faultstring") or "")
    summary = f"SOAP fault {code}: {text}"
    if common.mentions_size(text):
        return common.too_large(4, summary, text)
    # SOAP 1.1 section 4.4.1: a Client fault is about the message, which must not be sent again unchanged
    if code.rpartition(":")[2].lower().startswith("client"):
        return SubmitResult("refused", status=4, error=15200, text=summary)
    return SubmitResult("again", text=summary)


def _bare(response: OperatorResponse) -> SubmitResult:
    summary = f"HTTP {response.status} without an MM7 answer"
    if response.status == _TOO_LARGE_HTTP:
        return SubmitResult("too_large", status=4, error=15026, text=summary)
    wait = common.retry_after_s(response.headers)
    if response.status in _TURNED_AWAY and wait is None:
        return SubmitResult("again", retry_after_s=_OUR_ACCOUNT_S, status=19, error=15023, text=summary)
    return SubmitResult("again", retry_after_s=wait, text=summary)


# --- in ------------------------------------------------------------------------------------------------------------


def read_events(request: OperatorRequest, connection: Connection) -> tuple[Event, ...]:
    """A message from a phone, a delivery report or a read reply."""
    try:
        reading = mms.mm7.read_mm7(request.body, common.header(request.headers, "content-type"))
        unpacked = mms.mm7.unpacked_of(reading)
    except (mms.MMSContentError, ValueError) as exc:
        raise Refused(f"connection {connection.name}: the request is not an MM7 message: {exc}") from exc
    reader = _READERS.get(reading.message.operation)
    if reader is None:
        text = f"{reading.message.operation} is not supported here; use {', '.join(_READERS)}"
        raise Refused(f"connection {connection.name}: {text}")
    return (reader(reading.message, unpacked),)


def _identity(unpacked: mms.Unpacked) -> bytes:
    """What identifies a message.

    MMSCs restart their transaction numbers, and LinkedID may mean a whole conversation: neither alone distinguishes a
    repeat from the next message, and a message mistaken for a repeat would be lost.
    """
    envelope = unpacked.envelope
    about = repr((envelope.sender, envelope.to, envelope.cc, envelope.date_s, unpacked.content.subject))
    return b"\n".join((about.encode("utf-8", "surrogatepass"), *(part.data for part in unpacked.content.parts)))


def _delivered(message: mms.mm7.Mm7, unpacked: mms.Unpacked) -> Event:
    envelope = unpacked.envelope
    parts = common.inbound_parts(unpacked.content)
    return Event(
        "inbound",
        envelope.transaction_id,
        f"{envelope.message_id or envelope.transaction_id}-{common.digest_id(_identity(unpacked))}",
        common.normalize_number(envelope.sender),
        common.normalize_numbers((*envelope.to, *envelope.bcc)),
        common.normalize_numbers(envelope.cc),
        at_ms=_milliseconds(envelope.date_s),
        subject=unpacked.content.subject,
        user_agent=_user_agent(message),
        parts=parts,
        text=common.joined_text(parts),
    )


def _reported(message: mms.mm7.Mm7, unpacked: mms.Unpacked) -> Event:
    status, extension = str(message.get("MMStatus") or ""), str(message.get("MMStatusExtension") or "")
    fate = common.map_status(status, extension)
    if fate is None:
        raise Refused(f"MMStatus {status!r} is not a status of 23.140", field="MMStatus")
    return replace(_about(message, unpacked, "delivery"), status=fate.status, error=fate.error, final=fate.final)


def _read_replied(message: mms.mm7.Mm7, unpacked: mms.Unpacked) -> Event:
    return replace(_about(message, unpacked, "read"), text=str(message.get("MMStatus") or ""))


def _about(message: mms.mm7.Mm7, unpacked: mms.Unpacked, kind: Literal["delivery", "read"]) -> Event:
    envelope = unpacked.envelope
    if not envelope.message_id:
        raise Refused(f"{message.operation} has no MessageID, so it belongs to no submission", field="MessageID")
    return Event(
        kind,
        envelope.transaction_id,
        envelope.message_id,
        common.normalize_number(envelope.sender),
        common.normalize_numbers(envelope.to),
        at_ms=_milliseconds(envelope.date_s),
        user_agent=_user_agent(message),
    )


def _user_agent(message: mms.mm7.Mm7) -> str:
    # 23.140 Rel-6 DeliverReq: the phone's UAProf URL is an attribute
    node = message.get("UACapabilities")
    return node.attribute("UAProf") if isinstance(node, mms.mm7.Node) else ""


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000


_READERS = {"DeliverReq": _delivered, "DeliveryReportReq": _reported, "ReadReplyReq": _read_replied}
_ANSWERS = {"inbound": "DeliverRsp", "delivery": "DeliveryReportRsp", "read": "ReadReplyRsp"}
_FAULT_HTTP = 500  # SOAP 1.1 section 6.2: a fault goes with it


def write_event_answer(events: tuple[Event, ...], error: str, connection: Connection) -> OperatorResponse:
    """Write the matching Rsp (stored, or to be sent again), or an error response for what could not be read."""
    if events:
        operation = _ANSWERS[events[0].kind]
        status = mms.mm7.Status(4006, "Service unavailable", error) if error else mms.mm7.Status(1000, "Success")
    else:
        # 2007 Message format corrupt; a VASP refuses with VASPErrorRsp
        operation, status = "VASPErrorRsp", mms.mm7.Status(2007, "Message format corrupt", error)
    transaction_id = events[0].transaction_id if events else ""
    answer = mms.mm7.Mm7(operation, transaction_id, (("Status", status),))
    written = mms.mm7.write_mm7(answer, connection_peer(connection))
    code = 200 if events else _FAULT_HTTP
    return OperatorResponse(code, {"Content-Type": written.content_type}, written.data)
