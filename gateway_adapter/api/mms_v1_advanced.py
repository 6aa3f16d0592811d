"""`POST /mms/1/advanced`: many messages to many recipients, JSON or XML. A segment's type follows from its members.

In XML the root is `MmsAdvancedRequest` and a list stands as its name repeated, within an element of the list's name
or without one.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag

from gateway_adapter.api.common_fields import (
    AnyDestination,
    ApplicationId,
    CallbackData,
    ContentId,
    ContentType,
    GatewayOptions,
    InlineContent,
    LinkContent,
    Regional,
    SmilContent,
    TextContent,
    Title,
    UploadedContent,
    as_any_of,
    base64_bytes,
    destination_of,
    gateway_fields,
    segment_of,
    send_at_of,
    validity_of,
    window_of,
)
from gateway_adapter.api.fields import (
    DeliveryWindow,
    ReportUrl,
    RequestModel,
    Timestamp,
    normalize_number,
    read_json,
    read_text_values,
)
from gateway_adapter.api.xml_codec import from_xml
from gateway_adapter.model import Order, Segment, Submission

# Members that are always lists: XML does not distinguish one item from a single value.
LISTS = frozenset({"messages", "destinations", "group", "messageSegments", "days"})


class AdvancedText(TextContent):
    """Text."""


class AdvancedLink(LinkContent):
    """Content that is to be fetched from a URL."""


class AdvancedBinary(RequestModel):
    """Content inside the request, base64."""

    content_base64: Annotated[str, Field(min_length=1)]
    content_type: ContentType | None = None
    content_id: ContentId | None = None


class AdvancedSmil(SmilContent):
    """The presentation: order and timing of the other segments."""


class AdvancedUpload(UploadedContent):
    """Content that was uploaded before."""


_BY_MEMBER = (
    ("contentUrl", "LINK"),
    ("contentBase64", "BINARY"),
    ("smil", "SMIL"),
    ("uploadedContentId", "UPLOAD"),
    ("text", "TEXT"),
)


def _kind(value: Any) -> str | None:  # noqa: ANN401 - whatever the body holds
    if isinstance(value, RequestModel):
        return type(value).__name__.removeprefix("Advanced").upper()
    if not isinstance(value, dict):
        return None
    # Older clients send no type: the first member that is set decides
    return next((tag for member, tag in _BY_MEMBER if value.get(member) is not None), None)


AdvancedSegment = Annotated[
    Annotated[AdvancedLink, Tag("LINK")]
    | Annotated[AdvancedBinary, Tag("BINARY")]
    | Annotated[AdvancedSmil, Tag("SMIL")]
    | Annotated[AdvancedUpload, Tag("UPLOAD")]
    | Annotated[AdvancedText, Tag("TEXT")],
    Discriminator(
        _kind,
        custom_error_type="segment",
        custom_error_message="a segment has one of contentUrl, contentBase64, smil, uploadedContentId and text",
    ),
    Field(json_schema_extra=as_any_of),
]


class AdvancedMessage(RequestModel):
    """One message to some recipients."""

    from_: Annotated[str | None, Field(alias="from", max_length=50)] = None
    destinations: Annotated[list[AnyDestination], Field(min_length=1, max_length=10_000)]
    message_segments: Annotated[list[AdvancedSegment], Field(min_length=1, max_length=64)]
    title: Title | None = None
    callback_data: CallbackData | None = None
    notify_url: ReportUrl | None = None
    intermediate_report: bool | None = None
    validity_period: Annotated[int, Field(ge=1, le=2**31 - 1, description="Minutes; above 2880 it is 2880.")] | None = (
        None
    )
    send_at: Timestamp | None = None
    delivery_time_window: DeliveryWindow | None = None
    regional: Regional | None = None
    entity_id: ApplicationId | None = None
    application_id: ApplicationId | None = None
    gateway: GatewayOptions | None = None


class AdvancedRequest(RequestModel):
    """The body of `/mms/1/advanced`."""

    model_config = ConfigDict(json_schema_extra={"xml": {"name": "MmsAdvancedRequest"}})

    bulk_id: Annotated[str, Field(max_length=100)] | None = None
    messages: Annotated[list[AdvancedMessage], Field(min_length=1, max_length=1000)]


def read_advanced_json(body: bytes) -> AdvancedRequest:
    """The request of a JSON body.

    Raises:
        InvalidRequest: It is not of this form.
    """
    return read_json(AdvancedRequest, body)


def read_advanced_xml(body: bytes) -> AdvancedRequest:
    """The request of an XML body.

    Raises:
        InvalidRequest: It is not of this form.
    """
    return read_text_values(AdvancedRequest, from_xml(body, "MmsAdvancedRequest", LISTS))


def submission_from_advanced(request: AdvancedRequest, now_ms: int, inline: InlineContent) -> Submission:
    """The request as the service takes it; bytes of binary segments are set aside in *inline*.

    Raises:
        InvalidRequest: A time makes no sense, or a binary segment is not base64.
    """
    orders = tuple(_order(message, f"messages[{at}]", now_ms, inline) for at, message in enumerate(request.messages))
    return Submission(orders, request.bulk_id or "")


def _order(message: AdvancedMessage, place: str, now_ms: int, inline: InlineContent) -> Order:
    minutes = message.validity_period
    korea = message.regional.south_korea if message.regional else None
    return Order(
        generation="advanced",
        sender=normalize_number(message.from_ or ""),
        destinations=tuple(destination_of(one) for one in message.destinations),
        segments=tuple(
            _segment(segment, f"{place}.messageSegments[{at}]", inline)
            for at, segment in enumerate(message.message_segments)
        ),
        title=message.title or "",
        callback_data=message.callback_data or "",
        notify_url=message.notify_url or "",
        intermediate_report=bool(message.intermediate_report),
        validity_s=validity_of(None if minutes is None else minutes * 60),
        send_at_ms=send_at_of(message.send_at, now_ms, f"{place}.sendAt"),
        window=window_of(message.delivery_time_window, f"{place}.deliveryTimeWindow"),
        entity_id=message.entity_id or "",
        application_id=message.application_id or "",
        reseller_code=korea.reseller_code if korea else None,
        **gateway_fields(message.gateway),
    )


def _segment(segment: Any, place: str, inline: InlineContent) -> Segment:  # noqa: ANN401 - one of AdvancedSegment
    if not isinstance(segment, AdvancedBinary):
        return segment_of(segment)
    data = base64_bytes(segment.content_base64, f"{place}.contentBase64")
    kind = segment.content_type or ""
    return Segment("blob", segment.content_id or "", media_type=kind, blob=inline.keep(data, kind))
