"""`POST /mms/1/single`: one message to one recipient as multipart/form-data, or as MIME parts.

A form's parts are known by their names (`head`, `text`, `media`, `externallyHostedMedia`, `smil`), in any order and as
often as wanted. Parts without names (multipart/related, multipart/mixed) are known by type: JSON is first the head,
then lists of links; plain text is text; SMIL is the presentation; everything else is content.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from gateway_adapter.api.common_fields import (
    GatewayOptions,
    LinkContent,
    MessageId,
    gateway_fields,
    segment_of,
    send_at_of,
    validity_of,
    window_of,
)
from gateway_adapter.api.errors import invalid_field
from gateway_adapter.api.fields import DeliveryWindow, ReportUrl, RequestModel, Timestamp, normalize_number, read_json
from gateway_adapter.model import Destination, Order, Segment, Submission

NO_HEAD = "Head part is mandatory. Check API documentation"
Role = Literal["head", "text", "media", "links", "smil"]
_NAMES: dict[str, Role] = {
    "head": "head",
    "text": "text",
    "media": "media",
    "externallyhostedmedia": "links",
    "contentlinks": "links",  # the name of 2021
    "smil": "smil",
}
_SMIL_TYPES = ("application/smil", "application/smil+xml")


class SingleHead(RequestModel):
    """The part `head`: sender, recipient and options of the message."""

    from_: Annotated[str, Field(alias="from", min_length=1, max_length=50)]
    to: Annotated[str, Field(min_length=1, max_length=50)]
    id: MessageId | None = None
    subject: Annotated[str, Field(max_length=1000)] | None = None
    validity_period_minutes: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    callback_data: Annotated[str, Field(max_length=200)] | None = None
    notify_url: ReportUrl | None = None
    send_at: Timestamp | None = None
    intermediate_report: bool | None = None
    delivery_time_window: DeliveryWindow | None = None
    gateway: GatewayOptions | None = None


class HostedMedia(LinkContent):
    """Content that is to be fetched from a URL."""


class HostedMediaList(RootModel[Annotated[list[HostedMedia], Field(max_length=64)]]):
    """The part `externallyHostedMedia`."""


def role_of(name: str, media_type: str, *, has_head: bool) -> Role:
    """What a part is: by its name where it has one that we know, else by its type."""
    # A form's names decide, whatever the declared types are
    if name in _NAMES:
        return _NAMES[name]
    # MIME parts without names: the first JSON part is the head (RFC 2387: the root comes first)
    if media_type == "application/json":
        return "links" if has_head else "head"
    if media_type in _SMIL_TYPES:
        return "smil"
    return "text" if media_type == "text/plain" and not name else "media"


def links_of(body: bytes) -> tuple[Segment, ...]:
    """The segments of a list of links.

    Raises:
        InvalidRequest: It is not such a list.
    """
    return tuple(segment_of(one) for one in read_json(HostedMediaList, body).root)


def submission_from_single(head: SingleHead, segments: tuple[Segment, ...], now_ms: int) -> Submission:
    """The whole request.

    Raises:
        InvalidRequest: There is nothing to send, or a time makes no sense.
    """
    if not any(segment.kind != "smil" for segment in segments):
        raise invalid_field("", "There is nothing to send: give text, media or externallyHostedMedia")
    minutes = head.validity_period_minutes
    order = Order(
        generation="single",
        sender=normalize_number(head.from_),
        destinations=(Destination(normalize_number(head.to), head.id or ""),),
        segments=segments,
        title=head.subject or "",
        callback_data=head.callback_data or "",
        notify_url=head.notify_url or "",
        intermediate_report=bool(head.intermediate_report),
        validity_s=validity_of(None if minutes is None else minutes * 60),
        send_at_ms=send_at_of(head.send_at, now_ms, "head.sendAt"),
        window=window_of(head.delivery_time_window, "head.deliveryTimeWindow"),
        **gateway_fields(head.gateway),
    )
    return Submission((order,))
