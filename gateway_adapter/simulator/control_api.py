"""HTTP endpoints that control the simulated operator: its messages, its behaviour, and a phone that sends."""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

import mmscontent as mms
from gateway_adapter.connectors.base import OperatorRequest
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event, InboundPart
from gateway_adapter.simulator.operator import OperatorBehaviour, SimulatedOperator

if TYPE_CHECKING:
    from starlette.requests import Request

    Endpoint = Callable[[Request], Awaitable[Response]]

_MAX_BODY_BYTES = 30_000_000


def simulator_routes(
    operators: Mapping[str, SimulatedOperator], is_allowed: Callable[[Request], bool], *, submissions: bool = False
) -> list[tuple[str, str, Endpoint]]:
    """Paths, methods and endpoints of the first of these operators; none without any.

    Args:
        operators: By connection name.
        is_allowed: Whether a request may use the controls.
        submissions: Also take submissions over HTTP.
    """
    if not operators:
        return []
    controls = SimulatorControls(next(iter(operators.values())), is_allowed)
    routes: list[tuple[str, str, Endpoint]] = [
        ("/loopback/inbound", "POST", controls.guarded(controls.inbound)),
        ("/loopback/behaviour", "POST", controls.guarded(controls.behave)),
        ("/loopback/messages", "GET", controls.guarded(controls.list)),
        ("/loopback/messages/{message_id}", "GET", controls.guarded(controls.message)),
    ]
    return [*routes, ("/submit", "POST", controls.submit)] if submissions else routes


class SimulatorControls:
    """The endpoints of one operator."""

    def __init__(self, operator: SimulatedOperator, is_allowed: Callable[[Request], bool]) -> None:
        self._operator = operator
        self._may_look = is_allowed

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint for allowed requests, with errors as responses."""

        async def guarded(request: Request) -> Response:
            if not self._may_look(request):
                return JSONResponse(
                    {"error": "the loopback operator is only for this machine, or with an API key"}, 401
                )
            try:
                return await endpoint(request)
            except (mms.MMSContentError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)

        return guarded

    async def submit(self, request: Request) -> Response:
        """A submission of the loopback protocol."""
        headers = {name.title(): value for name, value in request.headers.items()}
        submission = OperatorRequest("POST", str(request.url), headers, await _body(request))
        answer = await self._operator.submit(submission)
        return Response(answer.body, answer.status, dict(answer.headers))

    async def inbound(self, request: Request) -> Response:
        """A phone sends: JSON, or any wire form with `?from=…&to=…` where it does not say so itself."""
        event = phone_message_event(request.headers.get("content-type", ""), await _body(request), request.query_params)
        if not await self._operator.send_event(event):
            return JSONResponse({"error": "the gateway did not accept the message"}, 502)
        return JSONResponse({"id": event.operator_message_id, "from": event.sender, "to": event.to})

    async def behave(self, request: Request) -> Response:
        """Set the behaviour from now on."""
        self._operator.behave(OperatorBehaviour.of(_object(await _body(request))))
        return JSONResponse(asdict(self._operator.behaviour))

    async def list(self, _request: Request) -> Response:
        """The operator's messages, newest last, and its counters."""
        rows = [
            {"id": t.id, "transactionId": t.transaction_id, "to": t.to, "bytes": len(t.body), "tries": t.tries,
             "delivered": t.delivered, "reports": t.reports}
            for t in self._operator.submissions
        ]  # fmt: skip
        return JSONResponse({"messages": rows, "seen": dict(self._operator.counters)})

    async def message(self, request: Request) -> Response:
        """One message as the phone got it."""
        found = self._operator.find(request.path_params["message_id"])
        if found is None:
            return JSONResponse({"error": "there is no such message"}, 404)
        return Response(found.body, media_type="application/vnd.wap.mms-message")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise Refused(f"the body has more than {_MAX_BODY_BYTES:,} bytes")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the body is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise Refused("the body is not a JSON object")
    return members


# --- a phone's message -----------------------------------------------------------------------------------------


def phone_message_event(content_type: str, body: bytes, query: Mapping[str, str]) -> Event:
    """The event of a phone's message.

    JSON: `{"from", "to" (a number or several), "subject", "text", "parts": [{"contentType", "contentId", "data"}]}`,
    with data in base64; anything else is read as a wire form.

    Raises:
        Refused: The sender or the recipient is missing.
        MMSContentError: It can not be read.
    """
    if content_type.partition(";")[0].strip().lower() in ("application/json", ""):
        members = _object(body)
        parts = tuple(_part(one) for one in members.get("parts") or ())
        sender, to = str(members.get("from") or ""), members.get("to") or ()
        numbers = (to,) if isinstance(to, str) else tuple(str(one) for one in to)
        subject, text = str(members.get("subject") or ""), str(members.get("text") or "")
        if text:
            parts = (InboundPart("text/plain", "text", text.encode(), text), *parts)
    else:
        unpacked = mms.unpack(body, content_type)
        parts = tuple(_inbound_part(part) for part in unpacked.content.parts)
        sender = query.get("from") or unpacked.envelope.sender
        numbers = (query["to"],) if query.get("to") else unpacked.envelope.to
        subject, text = unpacked.content.subject, ""
    if not sender or not numbers:
        raise Refused("a phone's message needs `from` and `to`", field="from" if not sender else "to")
    return Event(
        "inbound",
        operator_message_id=uuid.uuid4().hex,
        sender=sender.removeprefix("+"),
        to=tuple(one.removeprefix("+") for one in numbers),
        at_ms=time.time_ns() // 1_000_000,
        subject=subject,
        user_agent="loopback",
        parts=parts,
        text=text,
    )


def _part(members: Any) -> InboundPart:  # noqa: ANN401 - JSON
    if not isinstance(members, dict):
        raise Refused("a part is not a JSON object", field="parts")
    text = members.get("text")
    if isinstance(text, str):
        return InboundPart(
            str(members.get("contentType") or "text/plain"), str(members.get("contentId") or ""), text.encode(), text
        )
    try:
        data = base64.b64decode(str(members.get("data") or ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"a part's data is not base64: {error}", field="parts") from error
    return InboundPart(
        str(members.get("contentType") or "application/octet-stream"), str(members.get("contentId") or ""), data
    )


def _inbound_part(part: mms.Part) -> InboundPart:
    text = part.data.decode(part.charset or "utf-8", "replace") if part.media_type == "text/plain" else None
    return InboundPart(part.media_type, part.content_id, part.data, text)
