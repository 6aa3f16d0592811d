"""The values that flow through the service; no wire names of any side in here.

A request of any northbound generation becomes a `Submission`; a row of the store is read as what a step needs; what
an operator says becomes an `Event`. Numbers are digits without a plus; times are milliseconds since 1970, lengths of
time seconds. What the service shows of its rows are the `…View`s: they know no table and no wire name either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Accepted",
    "Account",
    "AutoResponse",
    "Configuration",
    "Destination",
    "Event",
    "EventKind",
    "Failover",
    "Family",
    "Forwarding",
    "ForwardingType",
    "Generation",
    "HistoryStep",
    "InboundMedia",
    "InboundPart",
    "InboundView",
    "LogFilters",
    "LogView",
    "MessageView",
    "Order",
    "Quota",
    "Receipt",
    "ReportFilters",
    "ReportView",
    "Segment",
    "SegmentKind",
    "SpeedLimit",
    "State",
    "Submission",
    "UploadView",
    "Window",
]

Generation = Literal["single", "advanced", "v2", "messages"]
SegmentKind = Literal["text", "link", "blob", "upload", "smil"]
EventKind = Literal["accepted", "refused", "delivery", "read", "inbound"]
Family = Literal["v1", "v2", "messages"]
State = Literal["accepted", "ready", "submitted", "delivered", "undeliverable", "expired", "rejected", "cancelled"]
ForwardingType = Literal["http", "email", "pull", "none"]


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
    """A part of a phone-originated message; where *url* is set its bytes are still to be fetched from there."""

    media_type: str
    content_id: str
    data: bytes = field(repr=False)
    text: str | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What an operator tells us.

    Attributes:
        kind: `accepted` and `refused` answer a submission later than its response (MM4); `delivery` and `read` are
            reports; `inbound` is a message from a phone.
        transaction_id: Of the operator's request: an answer must carry it.
        operator_message_id: Which submission is meant, or the new message's own id.
        status, error: Ids of statuses.py: what a delivery report says.
        final: False for reports such as "deferred" and "forwarded", and for a refusal that may be tried again.
        answer_to: Where the answer goes, when it does not go back the way the request came (MM4).
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
    answer_to: str = ""


# --- who ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quota:
    """What one key may do; 0 means no limit."""

    per_second: float = 0.0
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Whose messages these are; *id* is what rows carry, *name* is for people and for the user part of Basic."""

    id: str
    name: str
    quota: Quota = Quota()


# --- what the service shows of its rows -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReportFilters:
    """Which reports are asked for; an empty field takes all."""

    bulk_id: str = ""
    message_id: str = ""
    entity_id: str = ""
    application_id: str = ""
    campaign_reference: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ReportView:
    """What became of one message to one recipient, as far as is known.

    Attributes:
        status, error: Ids of statuses.py.
        final: False for an intermediate report.
        done_at_ms: When the operator says it happened; when we learned it, where it does not say.
    """

    message_id: str
    bulk_id: str
    to: str
    sender: str
    generation: Generation
    status: int
    error: int
    sent_at_ms: int
    done_at_ms: int | None
    final: bool = True
    message_count: int = 1
    mcc_mnc: str = ""
    callback_data: str = ""
    entity_id: str = ""
    application_id: str = ""
    campaign_reference: str = ""


@dataclass(frozen=True, slots=True)
class LogFilters:
    """Which log lines are asked for; empty fields take all.

    Attributes:
        status_group: Name of a group of statuses.py in capitals, `DELIVERED`.
        since_ms, until_ms: Of the time of sending.
        cursor: What the page before gave as the next one.
    """

    senders: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    bulk_ids: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    campaign_references: tuple[str, ...] = ()
    entity_id: str = ""
    application_id: str = ""
    mcc: str = ""
    mnc: str = ""
    status_group: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 50
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class LogView:
    """One sent message as the logs show it."""

    report: ReportView
    title: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """One line of a message's history."""

    at_ms: int
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MessageView:
    """Everything known of one message to one recipient.

    Attributes:
        steps: Its history, oldest first.
        ledger: The fitting's ledger (JSON), None until it was fitted.
        rendition: SHA-256 of the fitted content in the media store, "" until then.
        size_bytes: Packed size counted as the route counts, 0 until fitted.
    """

    log: LogView
    state: State
    connection: str
    steps: tuple[HistoryStep, ...]
    ledger: Mapping[str, object] | None = None
    rendition: str = ""
    size_bytes: int = 0
    attempts: int = 0
    due_at_ms: int | None = None
    operator_message_id: str = ""


@dataclass(frozen=True, slots=True)
class UploadView:
    """Content uploaded for later use."""

    id: str
    content_id: str
    media_type: str
    size_bytes: int
    created_at_ms: int
    expires_at_ms: int


# --- the way in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """A part of a phone-originated message as it is kept: text in *text*, everything else by its SHA-256."""

    media_type: str
    content_id: str
    blob: str = ""
    size_bytes: int = 0
    text: str | None = None


@dataclass(frozen=True, slots=True)
class InboundView:
    """A phone-originated message; *media_key* opens its hosted parts at `/media/{message_id}/{n}?key=…`."""

    message_id: str
    sender: str
    to: str
    group: tuple[str, ...]
    parts: tuple[InboundMedia, ...]
    subject: str
    user_agent: str
    received_at_ms: int
    keyword: str = ""
    callback_data: str = ""
    entity_id: str = ""
    application_id: str = ""
    media_key: str = ""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Where a phone-originated message goes.

    Attributes:
        target: URL of `http`, address of `email`.
        renderer: Body of `http`: `MO_MMS_2` (JSON with hosted media), `MULTIPART` (parts in the body), `XML`.
    """

    type: ForwardingType
    target: str = ""
    renderer: str = "MO_MMS_2"
    description: str = ""


@dataclass(frozen=True, slots=True)
class AutoResponse:
    """A text that answers a phone-originated message."""

    text: str
    sender: str = ""
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What happens with messages to a number; *keyword* "" is the number's default.

    Attributes:
        key: Given by the service when empty.
        block: `""`, `from_sender` or `from_any_sender`: whom a message with this keyword puts on the block list;
            `unblock_from_sender` and `unblock_from_any_sender` take off it.
    """

    number: str
    key: str = ""
    keyword: str = ""
    country: str = ""
    forwarding: Forwarding | None = None
    auto_response: AutoResponse | None = None
    block: str = ""
    username: str = ""
    entity_id: str = ""
    application_id: str = ""
    callback_data: str = ""
