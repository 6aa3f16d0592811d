"""The paths that take messages: `/mms/1/single`, `/mms/1/advanced`, `/mms/2/messages`, Messages API, `/check`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from gateway_adapter.api import messages_api, mms_v1_advanced, mms_v1_single, mms_v2
from gateway_adapter.api.common_fields import InlineContent, invalid_field
from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.fields import read_json
from gateway_adapter.api.messages_api import MessagesApiRequest
from gateway_adapter.api.mms_v1_advanced import AdvancedRequest
from gateway_adapter.api.mms_v1_single import NO_HEAD, SingleHead, role_of
from gateway_adapter.api.mms_v2 import MessagesRequest
from gateway_adapter.api.multipart import FORMS, MultipartLimits, boundary_of, charset_of, iter_parts
from gateway_adapter.api.responses import CheckAnswer, SendV1Answer, SendV2Answer, ValidationAnswer
from gateway_adapter.api.routes.openapi import IDEMPOTENCY_KEY, OCTETS, EndpointDoc
from gateway_adapter.api.routes.request_context import (
    RateLimit,
    json_response,
    media_type_of,
    run_in_thread_if_large,
    wants_xml,
)
from gateway_adapter.api.serializers import receipt_v1, receipt_v2
from gateway_adapter.api.webhook_bodies import JSON, XML
from gateway_adapter.api.xml_codec import to_xml
from gateway_adapter.model import Segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from gateway_adapter.api.multipart import BodyPart
    from gateway_adapter.api.routes.openapi import EndpointRegistry
    from gateway_adapter.api.routes.request_context import RequestContext, RequestGate
    from gateway_adapter.messages.service import Service
    from gateway_adapter.model import Receipt, Submission

__all__ = ["serve"]

_CHECKS = RateLimit("checks", per_s=2.0, burst=20.0)  # each works for a while; sends have their own quota
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


def serve(registry: EndpointRegistry, gate: RequestGate) -> None:
    """Endpoints that take messages."""
    endpoints = _SendEndpoints(gate)
    single_bodies = {kind: _FORM if kind == FORMS[0] else _PARTS for kind in FORMS}
    key = (IDEMPOTENCY_KEY,)
    rows = (
        ("/mms/1/single", endpoints.take_single, EndpointDoc(
            "Send one message as form or MIME parts", "send", SendV1Answer, single_bodies, refusals=_REFUSALS,
            parameters=key)),
        ("/mms/1/advanced", endpoints.take_advanced, EndpointDoc(
            "Send messages, older form", "send", SendV1Answer,
            dict.fromkeys((JSON, XML), AdvancedRequest), refusals=_REFUSALS, parameters=key, xml=True,
            deprecated=True)),
        ("/mms/2/messages", endpoints.take_messages, EndpointDoc(
            "Send messages", "send", SendV2Answer, {JSON: MessagesRequest}, refusals=_REFUSALS, parameters=key)),
        ("/messages-api/1/messages", endpoints.take_messages_api, EndpointDoc(
            "Send messages over the Messages API", "messages api", SendV2Answer, {JSON: MessagesApiRequest},
            refusals=_REFUSALS, parameters=key)),
        ("/messages-api/1/messages/validate", endpoints.take_validate, EndpointDoc(
            "Say whether a request of the Messages API can be sent", "messages api", ValidationAnswer,
            {JSON: MessagesApiRequest}, refusals=(400, 408, 413, 415))),
        ("/check", endpoints.take_check, EndpointDoc(
            "Fit messages without sending: the ledger of each receiver", "additions", CheckAnswer,
            {JSON: MessagesRequest, **single_bodies}, refusals=(400, 408, 413, 415, 502, 503))),
    )  # fmt: skip
    for path, endpoint, doc in rows:
        registry.add("POST", path, gate.guard(endpoint, _CHECKS if path == "/check" else None), doc)
    for model in (SingleHead, mms_v1_single.HostedMediaList):
        registry.schema(model)


class _SendEndpoints:
    def __init__(self, gate: RequestGate) -> None:
        self._door = gate
        self._service: Service = gate.service

    async def _submit(self, context: RequestContext, submission: Submission) -> Receipt:
        return await self._service.submit(context.account, self._door.with_key(context.request, submission))

    async def take_single(self, context: RequestContext) -> Response:
        """One message as form or MIME parts."""
        return json_response(receipt_v1(await self._submit(context, await self._read_single(context))))

    async def take_advanced(self, context: RequestContext) -> Response:
        """Messages of the older form, JSON or XML."""
        kind = _one_of(context.request, JSON, XML, "text/xml")
        read = mms_v1_advanced.read_advanced_json if kind == JSON else mms_v1_advanced.read_advanced_xml
        inline = InlineContent()
        async with self._door.held(context.request) as body:
            submission = await run_in_thread_if_large(
                len(body), lambda: mms_v1_advanced.submission_of(read(body), context.clock, inline)
            )
            await self._keep(inline)
        members = receipt_v1(await self._submit(context, submission))
        return (
            Response(to_xml("SendResult", members), media_type=XML)
            if wants_xml(context.request)
            else json_response(members)
        )

    async def take_messages(self, context: RequestContext) -> Response:
        """Messages of the current form."""
        return json_response(receipt_v2(await self._submit(context, await self._read_messages(context))))

    async def take_messages_api(self, context: RequestContext) -> Response:
        """Messages of the Messages API."""
        submission, _ = await self._read_messages_api(context)
        return json_response(receipt_v2(await self._submit(context, submission)))

    async def take_validate(self, context: RequestContext) -> Response:
        """Whether a request of the Messages API can be sent, and what would be sent otherwise."""
        _, reading = await self._read_messages_api(context)
        told = [{"property": one.field, "violation": one.text} for one in reading.skippable]
        action = "Look at the skippable violations." if told else "No action is needed."
        members = {"description": "The request can be sent.", "action": action}
        return json_response({**members, "skippableViolations": told} if told else members)

    async def take_check(self, context: RequestContext) -> Response:
        """The ledger of each receiver; nothing is kept."""
        if media_type_of(context.request) in FORMS:
            submission = await self._read_single(context)
        else:
            submission = await self._read_messages(context)
        count = sum(len(one.group) or 1 for order in submission.orders for one in order.destinations)
        if count > _MOST_CHECKED:
            raise invalid_field(
                "messages", f"{count:,} recipients; a check takes {_MOST_CHECKED}, one of each kind is enough"
            )
        ledgers = await self._service.check(context.account, submission)
        fits = all(bool(ledger.get("fits")) for ledger in ledgers)
        return json_response({"fits": fits, "results": list(ledgers)})

    # --- readers ------------------------------------------------------------------------------------------------

    async def _read_messages(self, context: RequestContext) -> Submission:
        _one_of(context.request, JSON)
        async with self._door.held(context.request) as body:
            return await run_in_thread_if_large(
                len(body), lambda: mms_v2.submission_of(read_json(MessagesRequest, body), context.clock)
            )

    async def _read_messages_api(self, context: RequestContext) -> tuple[Submission, messages_api.ConversionContext]:
        _one_of(context.request, JSON)
        reading = messages_api.ConversionContext(context.clock, InlineContent())
        async with self._door.held(context.request) as body:
            submission = await run_in_thread_if_large(
                len(body), lambda: messages_api.submission_of(read_json(MessagesApiRequest, body), reading)
            )
            await self._keep(reading.inline)
        return submission, reading

    async def _read_single(self, context: RequestContext) -> Submission:
        boundary = boundary_of(context.request.headers.get("content-type", ""))
        if boundary is None:
            raise HttpRefusal(
                415, f"Content-Type {media_type_of(context.request)!r} is not taken; use {', '.join(FORMS)}"
            )
        limits = MultipartLimits(self._service.settings.max_body_bytes)
        form = _SingleForm(self._door, limits.fields_bytes)
        async for part in iter_parts(self._door.stream(context.request), boundary, limits):
            await form.take(part)
        if form.head is None:
            raise invalid_field("", NO_HEAD)
        return mms_v1_single.submission_of(form.head, tuple(form.segments), context.clock)

    async def _keep(self, inline: InlineContent) -> None:
        while inline.blobs:
            _, (data, media_type) = inline.blobs.popitem()
            await self._door.keep(_pieces(data), media_type)


class _SingleForm:
    """What the parts of a form come to; small ones are held, content goes to the media store as it arrives."""

    def __init__(self, gate: RequestGate, fields_bytes: int) -> None:
        self._door = gate
        self._room = fields_bytes
        self.head: SingleHead | None = None
        self.segments: list[Segment] = []

    async def take(self, part: BodyPart) -> None:
        """Read one part.

        Raises:
            InvalidRequest: It is not what its name says.
            HttpRefusal: It is too large.
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
        raise invalid_field(part.name or "text", f"the text is not in charset {charset}") from exc


def _one_of(request: Request, *kinds: str) -> str:
    """The body's type, which is one of *kinds*; none declared is taken as the first.

    Raises:
        HttpRefusal: It is another (415).
    """
    kind = media_type_of(request) or kinds[0]
    if kind not in kinds:
        raise HttpRefusal(415, f"Content-Type {kind!r} is not taken; use {' or '.join(kinds)}")
    return kind


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    """Bytes in pieces, so that others have their turn between two of them."""
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]
        await asyncio.sleep(0)
