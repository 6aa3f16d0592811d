"""Uploaded content: put, listed, deleted; and the content of a sent message, for links in the logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from starlette.responses import FileResponse, Response

from gateway_adapter.api.errors import HttpRefusal, InvalidRequest, Violation
from gateway_adapter.api.fields import RequestModel, format_timestamp
from gateway_adapter.api.responses import UploadAnswer, UploadsAnswer
from gateway_adapter.api.routes.openapi import OCTETS, EndpointDoc, header, in_path
from gateway_adapter.api.routes.request_context import json_response

if TYPE_CHECKING:
    from starlette.requests import Request

    from gateway_adapter.api.routes.openapi import EndpointRegistry
    from gateway_adapter.api.routes.request_context import RequestContext, RequestGate
    from gateway_adapter.model import Segment, UploadView

__all__ = ["serve"]

_MOST_MINUTES = 69120  # 48 days, also what is kept when nothing is said
_ID, _KIND, _MINUTES = "X-Content-Id", "X-Media-Type", "X-Validity-Period-Minutes"
_HEADERS = (
    header(_ID, "Names the content", {"type": "string", "minLength": 1, "maxLength": 100}, required=True),
    header(_KIND, "Its media type", {"type": "string", "minLength": 1, "maxLength": 200}, required=True),
    header(
        _MINUTES,
        f"How long it is kept; longer than {_MOST_MINUTES} is {_MOST_MINUTES}",
        {"type": "integer", "format": "int64", "minimum": 1, "default": _MOST_MINUTES},
    ),
)


class UploadsQuery(RequestModel):
    """Which page of the list."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    cursor: Annotated[str, Field(max_length=255)] = ""


def serve(registry: EndpointRegistry, gate: RequestGate) -> None:
    """Endpoints of content."""
    endpoints = _UploadEndpoints(gate)
    registry.add("POST", "/mms/1/content", gate.guard(endpoints.upload), EndpointDoc(
        "Upload content for later sends", "content", UploadAnswer, {"application/octet-stream": OCTETS, "*/*": OCTETS},
        refusals=(400, 408, 413, 415), parameters=_HEADERS))  # fmt: skip
    registry.add("GET", "/mms/1/content", gate.guard(endpoints.listed), EndpointDoc(
        "List uploaded content", "additions", UploadsAnswer, query=UploadsQuery, refusals=(400,)))  # fmt: skip
    registry.add("DELETE", "/mms/1/content/{uploadedContentId}", gate.guard(endpoints.delete), EndpointDoc(
        "Delete uploaded content; messages already accepted keep it", "additions",
        answers={204: {"description": "Deleted"}}, refusals=(404,),
        parameters=(in_path("uploadedContentId", "What the upload was answered with"),)))  # fmt: skip
    registry.add("GET", "/messages/{messageId}/segments/{index}", gate.guard(endpoints.segment), EndpointDoc(
        "Content of a sent message as it was given", "additions",
        answers={200: {"description": "The content", "content": {"*/*": {"schema": dict(OCTETS)}}}}, refusals=(404,),
        parameters=(in_path("messageId", "Id of the message"), in_path("index", "Its place"))))  # fmt: skip


class _UploadEndpoints:
    def __init__(self, gate: RequestGate) -> None:
        self._door = gate
        self._service = gate.service

    async def upload(self, context: RequestContext) -> Response:
        """Keep content for later sends; its type is that of X-Media-Type alone."""
        named = {name: _needed(context.request, name, most) for name, most in ((_ID, 100), (_KIND, 200))}
        minutes = _minutes(context.request.headers.get(_MINUTES))
        sha256 = await self._door.keep(self._door.stream(context.request), named[_KIND])
        if self._service.media_path(sha256).stat().st_size == 0:
            raise InvalidRequest((Violation("", "the body is empty"),))
        upload_id = await self._service.upload(context.account, sha256, named[_ID], named[_KIND], minutes * 60)
        return json_response({"uploadedContentId": upload_id})

    async def listed(self, context: RequestContext) -> Response:
        """Uploads that have not expired."""
        query = context.query(UploadsQuery)
        views, following = await self._service.list_uploads(context.account, query.limit, query.cursor)
        members: dict[str, Any] = {"results": [_told(view) for view in views]}
        if following:
            members["cursor"] = {"limit": query.limit, "nextCursor": following}
        return json_response(members)

    async def delete(self, context: RequestContext) -> Response:
        """Forget an upload."""
        upload_id = context.request.path_params["uploadedContentId"]
        if "\0" in upload_id or not await self._service.delete_upload(context.account, upload_id):
            raise HttpRefusal(404, "no uploaded content of this id")
        return Response(status_code=204)

    async def segment(self, context: RequestContext) -> Response:
        """A segment as it was given; what was a link is at its own URL."""
        message_id, at = context.request.path_params["messageId"], context.request.path_params["index"]
        view = None if "\0" in message_id else await self._service.message(context.account, message_id)
        segments = view.log.segments if view else ()
        if not (at.isascii() and at.isdecimal() and int(at[:6]) < len(segments) and len(at) <= 6):  # noqa: PLR2004  # digits
            raise HttpRefusal(404, "no such segment")
        return await self._content(context, segments[int(at)])

    async def _content(self, context: RequestContext, segment: Segment) -> Response:
        # what a customer gave is never shown by a browser as if it were ours
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        if segment.kind in {"text", "smil"}:
            return Response(segment.text, headers=headers, media_type=segment.media_type)
        blob, media_type = segment.blob, segment.media_type
        if segment.kind == "upload" and (found := await self._service.find_upload(context.account, segment.upload_id)):
            blob, media_type = found[0], found[1].media_type
        if not blob or not self._service.media_path(blob).is_file():
            raise HttpRefusal(404, "the content of this segment is not kept here")
        path = self._service.media_path(blob)
        return FileResponse(path, headers=headers, media_type=media_type or "application/octet-stream")


def _needed(request: Request, name: str, most: int) -> str:
    value = request.headers.get(name, "").strip()
    if not value:
        text = f"Required request header '{name}' for method parameter type String is not present"
        raise InvalidRequest((Violation("", text),))
    if len(value) > most or not value.isprintable():
        raise InvalidRequest((Violation(name, f"1 to {most} printable characters"),))
    return value


def _minutes(value: str | None) -> int:
    if value is None:
        return _MOST_MINUTES
    if not (value.isascii() and value.isdecimal() and len(value) < 20 and int(value)):  # noqa: PLR2004  # int64
        raise InvalidRequest((Violation(_MINUTES, f"{value[:40]!r} is no number of minutes"),))
    return min(int(value), _MOST_MINUTES)


def _told(view: UploadView) -> dict[str, Any]:
    return {
        "uploadedContentId": view.id,
        "contentId": view.content_id,
        "contentType": view.media_type,
        "sizeBytes": view.size_bytes,
        "createdAt": format_timestamp(view.created_at_ms),
        "expiresAt": format_timestamp(view.expires_at_ms),
    }
