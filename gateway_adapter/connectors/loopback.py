"""The protocol of the simulated operator (simulator/): the binary PDU over HTTP out, one JSON event in.

POST {url}/submit       X-Transaction-Id, X-To; the body is the m-send-req PDU
200 {"id": "…"}         accepted; the same transaction id again gives the same id
413 {"limit": 300000}   too large · 4xx {"status": 6, "error": 15011} refused · anything else: try again
POST /operators/{name}  {"kind": "delivery", "id": "…", "to": ["…"], "status": 5, "error": 0, "at": 1795354640877}
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import mmscontent as mms
from gateway_adapter.connectors import common
from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse, SubmitRequest, SubmitResult
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event, InboundPart

ENCODING = "pdu"
OPTIONS: Mapping[str, str] = MappingProxyType({})
_KINDS = ("accepted", "refused", "delivery", "read", "inbound")
_OK, _TOO_LARGE, _BAD = 200, 413, 400
_JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})


def write_submit(submit: SubmitRequest, connection: Connection) -> OperatorRequest:
    """The message as a phone would send it."""
    packed = mms.pack(submit.content, common.envelope_of(submit), ENCODING)
    members = {
        "Content-Type": packed.content_type,
        "X-Transaction-Id": submit.transaction_id,
        "X-To": ",".join(submit.to),
    }
    return OperatorRequest("POST", f"{connection.url}/submit", members, packed.data)


def read_answer(response: OperatorResponse, _connection: Connection) -> SubmitResult:
    """An id means accepted; a size or a status means refused; anything else means try again."""
    members = common.json_object(response.body)
    if response.status == _OK and isinstance(members.get("id"), str) and members["id"]:
        return SubmitResult("taken", operator_message_id=members["id"])
    if response.status == _TOO_LARGE:
        return SubmitResult("too_large", limit_bytes=common.json_int(members, "limit") or None)
    if _BAD <= response.status < _TOO_LARGE and common.json_int(members, "status"):
        status, error = (common.json_int(members, key) for key in ("status", "error"))
        return SubmitResult("refused", status=status, error=error)
    return SubmitResult("again", text=f"status {response.status}")


def write_event(event: Event, name: str) -> OperatorRequest:
    """The request by which the operator reports an event."""
    members: dict[str, object] = {
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
    return OperatorRequest("POST", f"/operators/{name}", _JSON, json.dumps(members).encode())


def read_events(request: OperatorRequest, _connection: Connection) -> tuple[Event, ...]:
    """The one event of a request."""
    members = common.json_object(request.body)
    if members.get("kind") not in _KINDS or not isinstance(members.get("id"), str) or not members["id"]:
        raise Refused(f"the event has no id, or its kind is not one of {', '.join(_KINDS)}", field="kind")
    event = Event(
        members["kind"],
        operator_message_id=members["id"],
        sender=common.json_text(members, "from"),
        to=_texts(members.get("to")),
        cc=_texts(members.get("cc")),
        status=common.json_int(members, "status"),
        error=common.json_int(members, "error"),
        final=members.get("final") is not False,
        at_ms=common.json_int(members, "at") or None,
        subject=common.json_text(members, "subject"),
        user_agent=common.json_text(members, "userAgent"),
        parts=tuple(_part(one) for one in members.get("parts") or () if isinstance(one, dict)),
        text=common.json_text(members, "text"),
    )
    return (event,)


def write_event_answer(_events: tuple[Event, ...], error: str, _connection: Connection) -> OperatorResponse:
    """200, or 400 with the reason."""
    members = {"error": error} if error else {}
    return OperatorResponse(_BAD if error else _OK, _JSON, json.dumps(members).encode())


def _part(members: dict[str, Any]) -> InboundPart:
    try:
        data = base64.b64decode(common.json_text(members, "data"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"a part is not base64: {error}", field="parts") from error
    text = members.get("text")
    return InboundPart(
        common.json_text(members, "type") or "application/octet-stream",
        common.json_text(members, "id"),
        data,
        text if isinstance(text, str) else None,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
