"""The operator to test against (loopback.py), as a protocol: the binary PDU over HTTP out, one JSON event in.

POST {url}/submit       X-Transaction-Id, X-To; the body is the m-send-req PDU
200 {"id": "…"}         taken; the same transaction id again gives the same id
413 {"limit": 300000}   too large · 4xx {"status": 6, "error": 15011} refused · anything else: come again
POST /operators/{name}  {"kind": "delivery", "id": "…", "to": ["…"], "status": 5, "error": 0, "at": 1795354640877}
"""

from __future__ import annotations

import base64
import binascii
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import mmscontent as mms
from gateway_adapter.connectors import common
from gateway_adapter.connectors.base import Request, Response, SubmitResult
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event, InboundPart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_adapter.connectors.base import Connection, SubmitRequest

__all__ = ["ENCODING", "OPTIONS", "read_answer", "read_events", "write_event", "write_event_answer", "write_submit"]

ENCODING = "pdu"
OPTIONS: Mapping[str, str] = MappingProxyType({})
_KINDS = ("accepted", "refused", "delivery", "read", "inbound")
_OK, _TOO_LARGE, _BAD = 200, 413, 400


def write_submit(submit: SubmitRequest, connection: Connection) -> Request:
    """The message as a phone would send it."""
    envelope = mms.Envelope(
        sender=common.add_plus(submit.sender),
        to=tuple(common.add_plus(number) for number in submit.to),
        transaction_id=submit.transaction_id,
        expiry_s=submit.expiry_s,
        delivery_report=submit.delivery_report,
    )
    packed = mms.pack(submit.content, envelope, ENCODING)
    said = {
        "Content-Type": packed.content_type,
        "X-Transaction-Id": submit.transaction_id,
        "X-To": ",".join(submit.to),
    }
    return Request("POST", f"{connection.url}/submit", said, packed.data)


def read_answer(response: Response, _connection: Connection) -> SubmitResult:
    """An id means taken; a size or a status means no; whatever else means again."""
    said = common.json_object(response.body)
    if response.status == _OK and isinstance(said.get("id"), str) and said["id"]:
        return SubmitResult("taken", operator_message_id=said["id"])
    if response.status == _TOO_LARGE:
        return SubmitResult("too_large", limit_bytes=common.json_int(said, "limit") or None)
    if _BAD <= response.status < _TOO_LARGE and common.json_int(said, "status"):
        return SubmitResult("refused", status=common.json_int(said, "status"), error=common.json_int(said, "error"))
    return SubmitResult("again", text=f"status {response.status}")


def write_event(event: Event, name: str) -> Request:
    """An event as the operator says it."""
    said: dict[str, object] = {
        "kind": event.kind,
        "id": event.operator_message_id,
        "from": event.sender,
        "to": event.to,
        "cc": event.cc,
        "status": event.status,
        "error": event.error,
        "final": event.final,
        "at": event.at_ms,
        "subject": event.subject,
        "userAgent": event.user_agent,
        "text": event.text,
        "parts": [
            {"type": p.media_type, "id": p.content_id, "data": base64.b64encode(p.data).decode(), "text": p.text}
            for p in event.parts
        ],
    }
    return Request("POST", f"/operators/{name}", {"Content-Type": "application/json"}, json.dumps(said).encode())


def read_events(request: Request, _connection: Connection) -> tuple[Event, ...]:
    """The one event of a request."""
    said = common.json_object(request.body)
    if said.get("kind") not in _KINDS or not isinstance(said.get("id"), str) or not said["id"]:
        raise Refused(f"the event has no id, or a kind that is none of {', '.join(_KINDS)}", field="kind")
    event = Event(
        said["kind"],
        operator_message_id=said["id"],
        sender=common.json_text(said, "from"),
        to=_texts(said.get("to")),
        cc=_texts(said.get("cc")),
        status=common.json_int(said, "status"),
        error=common.json_int(said, "error"),
        final=said.get("final") is not False,
        at_ms=common.json_int(said, "at") or None,
        subject=common.json_text(said, "subject"),
        user_agent=common.json_text(said, "userAgent"),
        parts=tuple(_part(one) for one in said.get("parts") or () if isinstance(one, dict)),
        text=common.json_text(said, "text"),
    )
    return (event,)


def write_event_answer(_events: tuple[Event, ...], error: str, _connection: Connection) -> Response:
    """200 with nothing more, or 400 with the reason."""
    said = {"error": error} if error else {}
    return Response(_BAD if error else _OK, {"Content-Type": "application/json"}, json.dumps(said).encode())


def _part(said: dict[str, Any]) -> InboundPart:
    try:
        data = base64.b64decode(common.json_text(said, "data"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"a part is no base64: {error}", field="parts") from error
    text = said.get("text")
    return InboundPart(
        common.json_text(said, "type") or "application/octet-stream",
        common.json_text(said, "id"),
        data,
        text if isinstance(text, str) else None,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
