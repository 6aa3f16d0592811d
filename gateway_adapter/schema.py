"""The values that flow through the service; no wire names of any side in here.

A request of any northbound generation becomes a `Submission`; a row of the store is read as what a step needs; what
an operator says becomes an `Event`. Numbers are digits without a plus; times are milliseconds since 1970, lengths of
time seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Accepted",
    "Destination",
    "Event",
    "EventKind",
    "Failover",
    "Generation",
    "InboundPart",
    "Order",
    "Receipt",
    "Segment",
    "SegmentKind",
    "SpeedLimit",
    "Submission",
    "Window",
]

Generation = Literal["single", "advanced", "v2", "messages"]
SegmentKind = Literal["text", "link", "blob", "upload", "smil"]
EventKind = Literal["accepted", "refused", "delivery", "read", "inbound"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of content as the customer gave it.

    Attributes:
        text: The words of `text`, the document of `smil`.
        url: Where a `link` is fetched from.
        blob: SHA-256 (hex) of the bytes of a `blob`, already in the media store.
        upload_id: The id an earlier upload was answered with.
        media_type: As declared; evidence only, "" when not said.
        file_name: As declared in the request.
    """

    kind: SegmentKind
    content_id: str = ""
    media_type: str = ""
    text: str = ""
    url: str = ""
    blob: str = ""
    upload_id: str = ""
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """A number, or a group of 1 to 200 that see one another."""

    to: str = ""
    message_id: str = ""
    group: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """When a message may be delivered, in UTC: days 0 (Monday) to 6, minutes of the day; may end on the next day."""

    days: tuple[int, ...]
    from_minute: int = 0
    to_minute: int = 24 * 60


@dataclass(frozen=True, slots=True)
class SpeedLimit:
    """At most *amount* messages of a bulk each *per_s* seconds."""

    amount: int
    per_s: int


@dataclass(frozen=True, slots=True)
class Failover:
    """A text that is to go as SMS when the MMS can not be delivered."""

    text: str
    sender: str = ""
    validity_s: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One message of a request, to one or several destinations.

    Attributes:
        send_at_ms: Not before this; None means now.
        validity_s: Given up after this long, counted from the time of sending; at most 48 hours.
        notify: False: no report is pushed; True or None: to `notify_url`, or as the account's default says.
        report_xml: Reports are pushed as XML.
        carrier, route, device: Overrides of what the number's prefix says; "" leaves it to the gateway.
        if_not_fit: What is to happen to a message whose content can not fit: `fail`, `drop` or `poster`.
    """

    generation: Generation
    sender: str
    destinations: tuple[Destination, ...]
    segments: tuple[Segment, ...]
    title: str = ""
    callback_data: str = ""
    notify_url: str = ""
    notify_failover_url: str = ""
    notify: bool | None = None
    report_xml: bool = False
    intermediate_report: bool = False
    validity_s: int = 48 * 3600
    send_at_ms: int | None = None
    window: Window | None = None
    sms_failover: Failover | None = None
    entity_id: str = ""
    application_id: str = ""
    campaign_reference: str = ""
    reseller_code: int | None = None
    carrier: str = ""
    route: str = ""
    device: str = ""
    if_not_fit: str = "fail"


@dataclass(frozen=True, slots=True)
class Submission:
    """A whole request: its messages and what holds for all of them."""

    orders: tuple[Order, ...]
    bulk_id: str = ""
    speed: SpeedLimit | None = None
    tracking_url: str = ""
    idempotency_key: str = ""
    request_digest: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one destination at the door; *status* is an id of statuses.py (26: accepted)."""

    to: str
    message_id: str
    status: int = 26
    group: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a submission."""

    bulk_id: str
    entries: tuple[Accepted, ...]


@dataclass(frozen=True, slots=True)
class InboundPart:
    """A part of a phone-originated message, its bytes aside."""

    media_type: str
    content_id: str
    data: bytes = field(repr=False)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What an operator tells us.

    Attributes:
        kind: `accepted` and `refused` answer a submission later than its response (MM4); `delivery` and `read` are
            reports; `inbound` is a message from a phone.
        transaction_id: Of the operator's request: an answer must carry it.
        operator_message_id: Which submission is meant, or the new message's own id.
        status, error: Ids of statuses.py: what a delivery report says.
        final: False for reports such as "deferred" and "forwarded".
    """

    kind: EventKind
    transaction_id: str = ""
    operator_message_id: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    status: int = 0
    error: int = 0
    final: bool = True
    at_ms: int | None = None
    subject: str = ""
    user_agent: str = ""
    parts: tuple[InboundPart, ...] = ()
    text: str = ""
