"""`POST /mms/2/messages`: the current generation. Segments have a `type`; the schedule holds for the whole request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway_adapter.api.common_fields import (
    AnyDestination,
    ApplicationId,
    CallbackData,
    GatewayOptions,
    LinkContent,
    Platform,
    Regional,
    SendingSpeedLimit,
    SmilContent,
    TextContent,
    Title,
    UploadedContent,
    destination_of,
    gateway_fields,
    segment_of,
    send_at_of,
    validity_of,
    window_of,
)
from gateway_adapter.api.fields import DeliveryWindow, ReportUrl, RequestModel, Timestamp, Url, normalize_number
from gateway_adapter.model import Failover, Order, Submission


class TextSegment(TextContent):
    """Text; above 1600 characters the message is rejected with status 77."""

    type: Literal["TEXT"]
    text: Annotated[str, Field(max_length=4096)]


class LinkSegment(LinkContent):
    """Content that is to be fetched from a URL."""

    type: Literal["LINK"]


class SmilSegment(SmilContent):
    """The presentation: order and timing of the other segments."""

    type: Literal["SMIL"]


class UploadedSegment(UploadedContent):
    """Content that was uploaded before."""

    type: Literal["UPLOADED_REFERENCE"]


MessageSegment = Annotated[TextSegment | LinkSegment | SmilSegment | UploadedSegment, Field(discriminator="type")]


class MessageContent(RequestModel):
    """What is sent."""

    title: Title | None = None
    message_segments: Annotated[list[MessageSegment], Field(min_length=1, max_length=64)]


_UNIT_S = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}


class ValidityPeriod(RequestModel):
    """How long delivery is tried; above 48 hours it is 48 hours."""

    amount: Annotated[int, Field(ge=1, le=2**31 - 1)]
    time_unit: Literal["SECONDS", "MINUTES", "HOURS"] | None = None

    def seconds(self) -> int:
        """In seconds."""
        return self.amount * _UNIT_S[self.time_unit or "MINUTES"]


class SmsFailover(RequestModel):
    """A text that is to go as SMS when the MMS could not be delivered."""

    text: Annotated[str, Field(min_length=1, max_length=1600)]
    sender: Annotated[str, Field(max_length=50)] | None = None
    validity_period: ValidityPeriod | None = None


class MessageOptions(RequestModel):
    """How one message is sent."""

    platform: Platform | None = None
    validity_period: ValidityPeriod | None = None
    delivery_time_window: DeliveryWindow | None = None
    sms_failover: SmsFailover | None = None
    regional: Regional | None = None
    campaign_reference_id: ApplicationId | None = None
    gateway: GatewayOptions | None = None


class DeliveryWebhook(RequestModel):
    """Where reports go; `notify` false means nowhere."""

    url: ReportUrl | None = None
    intermediate_report: bool | None = None
    notify: bool | None = None


class MessageWebhooks(RequestModel):
    """Reports of one message."""

    delivery: DeliveryWebhook | None = None
    content_type: Literal["application/json", "application/xml"] | None = None
    callback_data: CallbackData | None = None


class V2Message(RequestModel):
    """One message to some recipients."""

    sender: Annotated[str, Field(max_length=50)] | None = None
    destinations: Annotated[list[AnyDestination], Field(min_length=1, max_length=10_000)]
    content: MessageContent
    options: MessageOptions | None = None
    webhooks: MessageWebhooks | None = None


class Schedule(RequestModel):
    """When the request's messages go, and how fast."""

    bulk_id: Annotated[str, Field(max_length=100)] | None = None
    send_at: Timestamp | None = None
    sending_speed_limit: SendingSpeedLimit | None = None


class Tracking(RequestModel):
    """Taken and kept; links are sent as they stand and clicks are not counted."""

    shorten_url: bool | None = None
    track_clicks: bool | None = None
    tracking_url: Url | None = None
    remove_protocol: bool | None = None
    custom_domain: Annotated[str, Field(max_length=255)] | None = None


class RequestOptions(RequestModel):
    """What holds for all messages of the request."""

    schedule: Schedule | None = None
    tracking: Tracking | None = None


class MessagesRequest(RequestModel):
    """The body of `/mms/2/messages`."""

    messages: Annotated[list[V2Message], Field(min_length=1, max_length=1000)]
    options: RequestOptions | None = None


def submission_from_v2(request: MessagesRequest, now_ms: int) -> Submission:
    """The request as the service takes it.

    Raises:
        InvalidRequest: A time makes no sense.
    """
    return scheduled(
        request.options,
        now_ms,
        lambda send_at_ms: tuple(
            _order(message, f"messages[{at}]", send_at_ms) for at, message in enumerate(request.messages)
        ),
    )


def scheduled(
    options: RequestOptions | None, now_ms: int, orders: Callable[[int | None], tuple[Order, ...]]
) -> Submission:
    """A submission with the request's options; *orders* makes its orders for a time of sending."""
    options = options or RequestOptions()
    schedule = options.schedule or Schedule()
    speed = schedule.sending_speed_limit
    return Submission(
        orders(send_at_of(schedule.send_at, now_ms, "options.schedule.sendAt")),
        schedule.bulk_id or "",
        speed=speed.limit() if speed else None,
        tracking_url=(options.tracking.tracking_url or "") if options.tracking else "",
    )


def message_fields(options: MessageOptions, webhooks: MessageWebhooks | None, place: str) -> dict[str, Any]:
    """The fields of an `Order` that a message's options and webhooks set."""
    webhooks = webhooks or MessageWebhooks()
    delivery = webhooks.delivery or DeliveryWebhook()
    platform = options.platform or Platform()
    return {
        "callback_data": webhooks.callback_data or "",
        "notify_url": delivery.url or "",
        "notify": delivery.notify,
        "report_xml": webhooks.content_type == "application/xml",
        "intermediate_report": bool(delivery.intermediate_report),
        "validity_s": validity_of(options.validity_period.seconds() if options.validity_period else None),
        "window": window_of(options.delivery_time_window, f"{place}.options.deliveryTimeWindow"),
        "entity_id": platform.entity_id or "",
        "application_id": platform.application_id or "",
        "campaign_reference": options.campaign_reference_id or "",
        **gateway_fields(options.gateway),
    }


def _order(message: V2Message, place: str, send_at_ms: int | None) -> Order:
    options = message.options or MessageOptions()
    korea = options.regional.south_korea if options.regional else None
    return Order(
        generation="v2",
        sender=normalize_number(message.sender or ""),
        destinations=tuple(destination_of(one) for one in message.destinations),
        segments=tuple(segment_of(one) for one in message.content.message_segments),
        title=message.content.title or "",
        send_at_ms=send_at_ms,
        sms_failover=_failover(options.sms_failover),
        reseller_code=korea.reseller_code if korea else None,
        **message_fields(options, message.webhooks, place),
    )


def _failover(sms: SmsFailover | None) -> Failover | None:
    if sms is None:
        return None
    validity = sms.validity_period.seconds() if sms.validity_period else None
    return Failover(sms.text, normalize_number(sms.sender or ""), validity)
