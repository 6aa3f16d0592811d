"""The paths that take messages: `/mms/1/single`, `/mms/1/advanced`, `/mms/2/messages`, Messages API, `/check`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from gateway_adapter.api import messages_api, mms_v1_advanced, mms_v1_single, mms_v2
from gateway_adapter.api.common_fields import Inline, bad
from gateway_adapter.api.errors import Denied
from gateway_adapter.api.fields import read_json
from gateway_adapter.api.messages_api import OmniRequest
from gateway_adapter.api.mms_v1_advanced import AdvancedRequest
from gateway_adapter.api.mms_v1_single import NO_HEAD, SingleHead, role_of
from gateway_adapter.api.mms_v2 import MessagesRequest
from gateway_adapter.api.multipart import FORMS, Caps, boundary_of, charset_of, parts_of
from gateway_adapter.api.responses import CheckAnswer, SendV1Answer, SendV2Answer, ValidationAnswer
from gateway_adapter.api.routes.openapi import IDEMPOTENCY_KEY, OCTETS, Doc
from gateway_adapter.api.routes.request_context import Rate, beside, json_response, media_type_of, wants_xml
from gateway_adapter.api.serializers import receipt_v1, receipt_v2
from gateway_adapter.api.webhook_bodies import JSON, XML
from gateway_adapter.api.xml_codec import xml_of
from gateway_adapter.model import Segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from gateway_adapter.api.multipart import BodyPart
    from gateway_adapter.api.routes.openapi import Book
    from gateway_adapter.api.routes.request_context import Call, Door
    from gateway_adapter.messages.service import Service
    from gateway_adapter.model import Receipt, Submission

__all__ = ["serve"]

_CHECKS = Rate("checks", per_s=2.0, burst=20.0)  # each works for a while; sends have their own quota
_PIECE = 1 << 18
_MOST_CHECKED = 20  # recipients; each is fitted for
_REFUSALS = (400, 408, 409, 413, 415)
_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["head"],
    "properties": {
        "head": {"$ref": "#/components/schemas/SingleHead"},
        "text": {"type": "string", "description": "The text; its charset is UTF-8 unless the part says otherwise."},
        "media": {**OCTETS, "description": "Content, as often as wanted; what it is goes by its bytes."},
        "externallyHostedMedia": {"$ref": "#/components/schemas/HostedMediaList"},
        "smil": {"type": "string", "description": "The presentation."},
    },
}
_PARTS: dict[str, Any] = {
    "type": "string",
    "format": "binary",
    "description": "MIME parts: the head as JSON first, then text, SMIL and content, with type and Content-Id.",
}


def serve(book: Book, door: Door) -> None:
    """Endpoints that take messages."""
    ends = _Endpoints(door)
    single_bodies = {kind: _FORM if kind == FORMS[0] else _PARTS for kind in FORMS}
    key = (IDEMPOTENCY_KEY,)
    rows = (
        ("/mms/1/single", ends.take_single, Doc(
            "Send one message as form or MIME parts", "send", SendV1Answer, single_bodies, refusals=_REFUSALS,
            parameters=key)),
        ("/mms/1/advanced", ends.take_advanced, Doc(
            "Send messages, older form", "send", SendV1Answer,
            dict.fromkeys((JSON, XML), AdvancedRequest), refusals=_REFUSALS, parameters=key, xml=True,
            deprecated=True)),
        ("/mms/2/messages", ends.take_messages, Doc(
            "Send messages", "send", SendV2Answer, {JSON: MessagesRequest}, refusals=_REFUSALS, parameters=key)),
        ("/messages-api/1/messages", ends.take_omni, Doc(
            "Send messages over the Messages API", "messages api", SendV2Answer, {JSON: OmniRequest},
            refusals=_REFUSALS, parameters=key)),
        ("/messages-api/1/messages/validate", ends.take_validate, Doc(
            "Say whether a request of the Messages API can be sent", "messages api", ValidationAnswer,
            {JSON: OmniRequest}, refusals=(400, 408, 413, 415))),
        ("/check", ends.take_check, Doc(
            "Fit messages without sending: the ledger of each receiver", "additions", CheckAnswer,
            {JSON: MessagesRequest, **single_bodies}, refusals=(400, 408, 413, 415, 502, 503))),
    )  # fmt: skip
    for path, endpoint, doc in rows:
        book.add("POST", path, door.guard(endpoint, _CHECKS if path == "/check" else None), doc)
    for model in (SingleHead, mms_v1_single.HostedMediaList):
        book.schema(model)


class _Endpoints:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._service: Service = door.service

    async def _submit(self, call: Call, submission: Submission) -> Receipt:
        return await self._service.submit(call.account, self._door.with_key(call.request, submission))

    async def take_single(self, call: Call) -> Response:
        """One message as form or MIME parts."""
        return json_response(receipt_v1(await self._submit(call, await self._read_single(call))))

    async def take_advanced(self, call: Call) -> Response:
        """Messages of the older form, JSON or XML."""
        kind = _one_of(call.request, JSON, XML, "text/xml")
        read = mms_v1_advanced.read_advanced_json if kind == JSON else mms_v1_advanced.read_advanced_xml
        inline = Inline()
        async with self._door.held(call.request) as body:
            submission = await beside(len(body), lambda: mms_v1_advanced.submission_of(read(body), call.clock, inline))
            await self._keep(inline)
        members = receipt_v1(await self._submit(call, submission))
        return (
            Response(xml_of("SendResult", members), media_type=XML)
            if wants_xml(call.request)
            else json_response(members)
        )

    async def take_messages(self, call: Call) -> Response:
        """Messages of the current form."""
        return json_response(receipt_v2(await self._submit(call, await self._read_messages(call))))

    async def take_omni(self, call: Call) -> Response:
        """Messages of the Messages API."""
        submission, _ = await self._read_omni(call)
        return json_response(receipt_v2(await self._submit(call, submission)))

    async def take_validate(self, call: Call) -> Response:
        """Whether a request of the Messages API can be sent, and what would be sent otherwise."""
        _, reading = await self._read_omni(call)
        told = [{"property": one.field, "violation": one.text} for one in reading.skippable]
        action = "Look at the skippable violations." if told else "No action is needed."
        members = {"description": "The request can be sent.", "action": action}
        return json_response({**members, "skippableViolations": told} if told else members)

    async def take_check(self, call: Call) -> Response:
        """The ledger of each receiver; nothing is kept."""
        if media_type_of(call.request) in FORMS:
            submission = await self._read_single(call)
        else:
            submission = await self._read_messages(call)
        count = sum(len(one.group) or 1 for order in submission.orders for one in order.destinations)
        if count > _MOST_CHECKED:
            raise bad("messages", f"{count:,} recipients; a check takes {_MOST_CHECKED}, one of each kind is enough")
        ledgers = await self._service.check(call.account, submission)
        fits = all(bool(ledger.get("fits")) for ledger in ledgers)
        return json_response({"fits": fits, "results": list(ledgers)})

    # --- readers ------------------------------------------------------------------------------------------------

    async def _read_messages(self, call: Call) -> Submission:
        _one_of(call.request, JSON)
        async with self._door.held(call.request) as body:
            return await beside(len(body), lambda: mms_v2.submission_of(read_json(MessagesRequest, body), call.clock))

    async def _read_omni(self, call: Call) -> tuple[Submission, messages_api.Reading]:
        _one_of(call.request, JSON)
        reading = messages_api.Reading(call.clock, Inline())
        async with self._door.held(call.request) as body:
            submission = await beside(
                len(body), lambda: messages_api.submission_of(read_json(OmniRequest, body), reading)
            )
            await self._keep(reading.inline)
        return submission, reading

    async def _read_single(self, call: Call) -> Submission:
        boundary = boundary_of(call.request.headers.get("content-type", ""))
        if boundary is None:
            raise Denied(415, f"Content-Type {media_type_of(call.request)!r} is not taken; use {', '.join(FORMS)}")
        caps = Caps(self._service.settings.max_body_bytes)
        form = _Form(self._door, caps.fields_bytes)
        async for part in parts_of(self._door.stream(call.request), boundary, caps):
            await form.take(part)
        if form.head is None:
            raise bad("", NO_HEAD)
        return mms_v1_single.submission_of(form.head, tuple(form.segments), call.clock)

    async def _keep(self, inline: Inline) -> None:
        while inline.blobs:
            _, (data, media_type) = inline.blobs.popitem()
            await self._door.keep(_pieces(data), media_type)


class _Form:
    """What the parts of a form come to; small ones are held, content goes to the media store as it arrives."""

    def __init__(self, door: Door, fields_bytes: int) -> None:
        self._door = door
        self._room = fields_bytes
        self.head: SingleHead | None = None
        self.segments: list[Segment] = []

    async def take(self, part: BodyPart) -> None:
        """Read one part.

        Raises:
            Malformed: It is not what its name says.
            Denied: It is too large.
        """
        role = role_of(part.name, part.media_type, has_head=self.head is not None)
        if role == "media":
            blob = await self._door.keep(part.chunks(), part.media_type)
            self.segments.append(Segment("blob", part.content_id, part.media_type, blob=blob, file_name=part.file_name))
            return
        body = await part.read(self._room)
        self._room -= len(body)
        if role == "head":
            self.head = read_json(SingleHead, body)
        elif role == "links":
            self.segments.extend(mms_v1_single.links_of(body))
        elif body:
            kind = "application/smil" if role == "smil" else "text/plain"
            self.segments.append(Segment(role, part.content_id, kind, text=_decoded(part, body)))


def _decoded(part: BodyPart, body: bytes) -> str:
    charset = charset_of(part.headers.get("content-type", ""))
    try:
        return body.decode(charset).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError) as exc:
        raise bad(part.name or "text", f"the text is not in charset {charset}") from exc


def _one_of(request: Request, *kinds: str) -> str:
    """The body's type, which is one of *kinds*; none declared is taken as the first.

    Raises:
        Denied: It is another (415).
    """
    kind = media_type_of(request) or kinds[0]
    if kind not in kinds:
        raise Denied(415, f"Content-Type {kind!r} is not taken; use {' or '.join(kinds)}")
    return kind


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    """Bytes in pieces, so that others have their turn between two of them."""
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]
        await asyncio.sleep(0)
