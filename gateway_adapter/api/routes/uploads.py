"""Endpoints of uploaded content, and of the content of a sent message (for links in the logs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import FileResponse, Response

from gateway_adapter.api.errors import HttpRefusal, invalid_field
from gateway_adapter.api.fields import RequestModel
from gateway_adapter.api.responses import UploadedResponse, UploadResponse, UploadsResponse, cursor
from gateway_adapter.api.routes.endpoints import OCTETS, EndpointTable, header, in_path

if TYPE_CHECKING:
    from starlette.requests import Request

    from gateway_adapter.api.routes.endpoints import RequestContext

_MAX_MINUTES = 69120  # 48 days, also the default
_ID, _TYPE, _MINUTES = "X-Content-Id", "X-Media-Type", "X-Validity-Period-Minutes"
_HEADERS = (
    header(_ID, "Name of the content", {"type": "string", "minLength": 1, "maxLength": 100}, required=True),
    header(_TYPE, "Media type of the content", {"type": "string", "minLength": 1, "maxLength": 200}, required=True),
    header(
        _MINUTES,
        f"How long the content is kept; more than {_MAX_MINUTES} is {_MAX_MINUTES}",
        {"type": "integer", "format": "int64", "minimum": 1, "default": _MAX_MINUTES},
    ),
)
endpoints = EndpointTable()


class UploadsQuery(RequestModel):
    """A page of the list."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    cursor: Annotated[str, Field(max_length=255)] = ""


@endpoints.add(
    "POST /mms/1/content",
    "content",
    UploadedResponse,
    bodies=dict.fromkeys(("application/octet-stream", "*/*"), OCTETS),
    parameters=_HEADERS,
)
async def upload(context: RequestContext) -> UploadedResponse:
    """Upload content for later sends."""
    # The media type is that of X-Media-Type alone: clients send any Content-Type.
    name, media_type = _required(context.request, _ID, 100), _required(context.request, _TYPE, 200)
    minutes = _minutes(context.request.headers.get(_MINUTES))
    sha256 = await context.store_media(context.bodies.stream(context.request), media_type)
    if context.service.media_path(sha256).stat().st_size == 0:
        raise invalid_field("", "the body is empty")
    upload_id = await context.service.upload(context.account, sha256, name, media_type, minutes * 60)
    return UploadedResponse(uploaded_content_id=upload_id)


@endpoints.add("GET /mms/1/content", "additions", UploadsResponse, query=UploadsQuery)
async def list_uploads(context: RequestContext) -> UploadsResponse:
    """List uploaded content."""
    query = context.query(UploadsQuery)
    views, following = await context.service.list_uploads(context.account, query.limit, query.cursor)
    return UploadsResponse(results=[UploadResponse.of(view) for view in views], cursor=cursor(query.limit, following))


@endpoints.add(
    "DELETE /mms/1/content/{uploadedContentId}",
    "additions",
    responses={204: {"description": "Deleted"}},
    refusals=(404,),
    parameters=(in_path("uploadedContentId", "The id the upload was answered with"),),
)
async def delete_upload(context: RequestContext) -> Response:
    """Delete uploaded content; messages already accepted keep it."""
    if not await context.service.delete_upload(context.account, context.path_value("uploadedContentId")):
        raise HttpRefusal(404, "no uploaded content has this id")
    return Response(status_code=204)


@endpoints.add(
    "GET /messages/{messageId}/segments/{index}",
    "additions",
    responses={200: {"description": "The content", "content": {"*/*": {"schema": dict(OCTETS)}}}},
    refusals=(404,),
    parameters=(in_path("messageId", "Id of the message"), in_path("index", "Index of the segment, from 0")),
)
async def segment_content(context: RequestContext) -> Response:
    """Download the content of a sent message's segment, as it was given."""
    index = context.path_value("index")
    view = await context.service.message(context.account, context.path_value("messageId"))
    segments = view.log.segments if view else ()
    if not (index.isascii() and index.isdecimal() and int(index[:6]) < len(segments) and len(index) <= 6):  # noqa: PLR2004  # digits
        raise HttpRefusal(404, "the message has no such segment")
    segment = segments[int(index)]
    # A browser must not show a customer's content as if it were ours.
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    if segment.kind in {"text", "smil"}:
        return Response(segment.text, headers=headers, media_type=segment.media_type)
    blob, media_type = segment.blob, segment.media_type
    if segment.kind == "upload" and (found := await context.service.find_upload(context.account, segment.upload_id)):
        blob, media_type = found[0], found[1].media_type
    if not blob or not context.service.media_path(blob).is_file():
        raise HttpRefusal(404, "the content of this segment is not stored here")
    path = context.service.media_path(blob)
    return FileResponse(path, headers=headers, media_type=media_type or "application/octet-stream")


def _required(request: Request, name: str, max_length: int) -> str:
    value = request.headers.get(name, "").strip()
    # Infobip's own text, which its clients may match
    if not value:
        text = f"Required request header '{name}' for method parameter type String is not present"
        raise invalid_field("", text)
    if len(value) > max_length or not value.isprintable():
        raise invalid_field(name, f"1 to {max_length} printable characters")
    return value


def _minutes(value: str | None) -> int:
    if value is None:
        return _MAX_MINUTES
    if not (value.isascii() and value.isdecimal() and len(value) < 20 and int(value)):  # noqa: PLR2004  # int64
        raise invalid_field(_MINUTES, f"{value[:40]!r} is not a number of minutes")
    return min(int(value), _MAX_MINUTES)
