"""Endpoints that send messages: `/mms/1/single`, `/mms/1/advanced`, `/mms/2/messages`, Messages API; and `/check`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from gateway_adapter.api import messages_api, mms_v1_advanced, mms_v1_single, mms_v2
from gateway_adapter.api.common_fields import InlineContent
from gateway_adapter.api.errors import HttpRefusal, invalid_field
from gateway_adapter.api.fields import read_json
from gateway_adapter.api.messages_api import MessagesApiRequest
from gateway_adapter.api.mms_v1_advanced import AdvancedRequest
from gateway_adapter.api.mms_v1_single import NO_HEAD, HostedMediaList, SingleHead, role_of
from gateway_adapter.api.mms_v2 import MessagesRequest
from gateway_adapter.api.multipart import FORMS, BodyPart, MultipartLimits, boundary_of, charset_of, iter_parts
from gateway_adapter.api.responses import (
    CheckResponse,
    SendV1Response,
    SendV2Response,
    ValidationResponse,
    ViolationResponse,
    to_members,
)
from gateway_adapter.api.routes.endpoints import OCTETS, EndpointTable, RateLimit, RequestContext, header
from gateway_adapter.api.routes.http_responses import media_type_of, one_media_type_of, wants_xml
from gateway_adapter.api.routes.request_body import run_in_thread_if_large
from gateway_adapter.api.serializers import receipt_v1, receipt_v2
from gateway_adapter.api.webhook_bodies import JSON, XML
from gateway_adapter.api.xml_codec import to_xml
from gateway_adapter.model import Receipt, Segment, Submission

if TYPE_CHECKING:
    from gateway_adapter.api.routes.endpoints import RequestContext

_CHECKS = RateLimit("checks", per_s=2.0, burst=20.0)  # each works for a while; sends have their own quota
_CHUNK_BYTES = 1 << 18
_MAX_CHECKED = 20  # recipients; content is fitted for each
_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["head"],
    "properties": {
        "head": SingleHead,
        "text": {"type": "string", "description": "The text; its charset is UTF-8 unless the part says otherwise."},
        "media": {**OCTETS, "description": "Content, as often as wanted; what it is goes by its bytes."},
        "externallyHostedMedia": HostedMediaList,
        "smil": {"type": "string", "description": "The presentation."},
    },
}
_PARTS: dict[str, Any] = {
    "type": "string",
    "format": "binary",
    "description": "MIME parts: the head as JSON first, then text, SMIL and content, with type and Content-Id.",
}
_SINGLE_BODIES = {form: _FORM if form == FORMS[0] else _PARTS for form in FORMS}
_KEY_HEADER = "Idempotency-Key"
_MAX_KEY_LENGTH = 255
_IDEMPOTENCY_KEY = header(
    _KEY_HEADER,
    "The same key with the same body is one request, however often it comes; another body is refused (409).",
    {"type": "string", "minLength": 1, "maxLength": _MAX_KEY_LENGTH, "pattern": "^[!-~]+$"},
)
_KEYED: dict[str, Any] = {"refusals": (409,), "parameters": (_IDEMPOTENCY_KEY,)}
endpoints = EndpointTable()


@endpoints.add("POST /mms/1/single", "send", SendV1Response, bodies=_SINGLE_BODIES, **_KEYED)
async def send_single(context: RequestContext) -> SendV1Response:
    """Send one message as a form or as MIME parts."""
    return receipt_v1(await _submit(context, await _read_single(context)))


@endpoints.add(
    "POST /mms/1/advanced",
    "send",
    SendV1Response,
    bodies=dict.fromkeys((JSON, XML), AdvancedRequest),
    xml=True,
    deprecated=True,
    **_KEYED,
)
async def send_advanced(context: RequestContext) -> SendV1Response | Response:
    """Send messages, older form."""
    media_type = one_media_type_of(context.request, JSON, XML, "text/xml")
    read = mms_v1_advanced.read_advanced_json if media_type == JSON else mms_v1_advanced.read_advanced_xml
    inline = InlineContent()
    async with context.bodies.buffered(context.request) as body:
        submission = await run_in_thread_if_large(
            len(body), lambda: mms_v1_advanced.submission_from_advanced(read(body), context.now_ms, inline)
        )
        await _store(context, inline)
    receipt = receipt_v1(await _submit(context, submission))
    if wants_xml(context.request):
        return Response(to_xml("SendResult", to_members(receipt)), media_type=XML)
    return receipt


@endpoints.add("POST /mms/2/messages", "send", SendV2Response, bodies={JSON: MessagesRequest}, **_KEYED)
async def send_messages(context: RequestContext) -> SendV2Response:
    """Send messages."""
    return receipt_v2(await _submit(context, await _read_messages(context)))


@endpoints.add(
    "POST /messages-api/1/messages", "messages api", SendV2Response, bodies={JSON: MessagesApiRequest}, **_KEYED
)
async def send_messages_api(context: RequestContext) -> SendV2Response:
    """Send messages over the Messages API."""
    submission, _ = await _read_messages_api(context)
    return receipt_v2(await _submit(context, submission))


@endpoints.add(
    "POST /messages-api/1/messages/validate", "messages api", ValidationResponse, bodies={JSON: MessagesApiRequest}
)
async def validate(context: RequestContext) -> ValidationResponse:
    """Check whether a request of the Messages API can be sent, and what would be adapted."""
    _, conversion = await _read_messages_api(context)
    skippable = [ViolationResponse.of(one) for one in conversion.skippable]
    action = "Look at the skippable violations." if skippable else "No action is needed."
    return ValidationResponse(
        description="The request can be sent.", action=action, skippable_violations=skippable or None
    )


@endpoints.add(
    "POST /check",
    "additions",
    CheckResponse,
    bodies={JSON: MessagesRequest, **_SINGLE_BODIES},
    refusals=(502, 503),
    rate=_CHECKS,
)
async def check(context: RequestContext) -> CheckResponse:
    """Fit messages without sending them; returns the ledger of each receiver."""
    read = _read_single if media_type_of(context.request) in FORMS else _read_messages
    submission = await read(context)
    count = sum(len(one.group) or 1 for order in submission.orders for one in order.destinations)
    if count > _MAX_CHECKED:
        text = f"{count:,} recipients; a check takes up to {_MAX_CHECKED}, and one of each kind is enough"
        raise invalid_field("messages", text)
    ledgers = await context.service.check(context.account, submission)
    return CheckResponse(fits=all(bool(one.get("fits")) for one in ledgers), results=[dict(one) for one in ledgers])


# --- readers -------------------------------------------------------------------------------------------------------


async def _submit(context: RequestContext, submission: Submission) -> Receipt:
    return await context.service.submit(context.account, _with_idempotency_key(context, submission))


async def _read_messages(context: RequestContext) -> Submission:
    one_media_type_of(context.request, JSON)
    async with context.bodies.buffered(context.request) as body:
        return await run_in_thread_if_large(
            len(body), lambda: mms_v2.submission_from_v2(read_json(MessagesRequest, body), context.now_ms)
        )


async def _read_messages_api(context: RequestContext) -> tuple[Submission, messages_api.ConversionContext]:
    one_media_type_of(context.request, JSON)
    conversion = messages_api.ConversionContext(context.now_ms, InlineContent())
    async with context.bodies.buffered(context.request) as body:
        submission = await run_in_thread_if_large(
            len(body), lambda: messages_api.submission_from_channels(read_json(MessagesApiRequest, body), conversion)
        )
        await _store(context, conversion.inline)
    return submission, conversion


def _with_idempotency_key(context: RequestContext, submission: Submission) -> Submission:
    """Add the request's key and a digest of its content to a submission.

    Raises:
        InvalidRequest: The key is empty, longer than 255 characters or not printable.
    """
    key = context.request.headers.get(_KEY_HEADER)
    if key is None:
        return submission
    if not 0 < len(key) <= _MAX_KEY_LENGTH or not key.isprintable():
        raise invalid_field(_KEY_HEADER, f"1 to {_MAX_KEY_LENGTH} printable characters")
    # The digest is of the submission, not of the bytes: a form has another boundary each time.
    digest = hashlib.sha256(repr(submission).encode("utf-8", "surrogatepass")).hexdigest()
    return replace(submission, idempotency_key=key, request_digest=digest)


async def _read_single(context: RequestContext) -> Submission:
    boundary = boundary_of(context.request.headers.get("content-type", ""))
    if boundary is None:
        media_type = media_type_of(context.request)
        raise HttpRefusal(415, f"Content-Type {media_type!r} is not supported here; use {', '.join(FORMS)}")
    limits = MultipartLimits(context.service.settings.max_body_bytes)
    form = _SingleForm(context, limits.fields_bytes)
    async for part in iter_parts(context.bodies.stream(context.request), boundary, limits):
        await form.read(part)
    if form.head is None:
        raise invalid_field("", NO_HEAD)
    return mms_v1_single.submission_from_single(form.head, tuple(form.segments), context.now_ms)


async def _store(context: RequestContext, inline: InlineContent) -> None:
    while inline.blobs:
        _, (data, media_type) = inline.blobs.popitem()
        await context.store_media(_chunks(data), media_type)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    """Bytes in chunks, so that other requests have their turn between two of them."""
    for at in range(0, len(data), _CHUNK_BYTES):
        yield data[at : at + _CHUNK_BYTES]
        await asyncio.sleep(0)


class _SingleForm:
    """Collects the parts of a form; small ones are held, content goes to the media store as it arrives."""

    def __init__(self, context: RequestContext, fields_bytes: int) -> None:
        self._context = context
        self._available_bytes = fields_bytes
        self.head: SingleHead | None = None
        self.segments: list[Segment] = []

    async def read(self, part: BodyPart) -> None:
        """Read one part.

        Raises:
            InvalidRequest: The part does not match its name.
            HttpRefusal: The part is too large.
        """
        role = role_of(part.name, part.media_type, has_head=self.head is not None)
        if role == "media":
            blob = await self._context.store_media(part.chunks(), part.media_type)
            self.segments.append(Segment("blob", part.content_id, part.media_type, blob=blob, file_name=part.file_name))
            return
        body = await part.read(self._available_bytes)
        self._available_bytes -= len(body)
        if role == "head":
            self.head = read_json(SingleHead, body)
        elif role == "links":
            self.segments.extend(mms_v1_single.links_of(body))
        elif body:
            media_type = "application/smil" if role == "smil" else "text/plain"
            self.segments.append(Segment(role, part.content_id, media_type, text=_decoded(part, body)))


def _decoded(part: BodyPart, body: bytes) -> str:
    charset = charset_of(part.headers.get("content-type", ""))
    try:
        return body.decode(charset).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError) as exc:
        raise invalid_field(part.name or "text", f"the text is not in charset {charset}") from exc
