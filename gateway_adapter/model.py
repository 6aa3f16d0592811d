"""The values that pass between the modules of the gateway; none has a wire name of either side.

A customer's request of any API generation becomes a `Submission`, a request of an operator an `Event`, and what the
service returns of its rows are the `…View`s. Phone numbers are digits without a plus, times are milliseconds since
1970, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

Generation = Literal["single", "advanced", "v2", "messages"]
SegmentKind = Literal["text", "link", "blob", "upload", "smil"]
EventKind = Literal["accepted", "refused", "delivery", "read", "inbound"]
Family = Literal["v1", "v2", "messages"]
State = Literal["accepted", "ready", "submitted", "delivered", "undeliverable", "expired", "rejected", "cancelled"]
ForwardingType = Literal["http", "email", "pull", "none"]
ForwardFormat = Literal["MO_MMS_2", "MULTIPART", "XML"]
# How the customer learns a message's end: not at all, by fetching reports, by webhook; "gone" was fetched.
ReportMode = Literal["", "pull", "push", "gone"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of content as the customer gave it.

    Attributes:
        media_type: As declared, "" when not; only a hint, like *file_name*.
        text: The text of a `text`, the document of a `smil` segment.
        url: Where a `link` is fetched from.
        blob: SHA-256 (hex) of the bytes of a `blob`, already in the media store.
        upload_id: The gateway's id of an earlier upload.
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
    """A recipient's number, or a group of 1 to 200 recipients that see one another."""

    to: str = ""
    message_id: str = ""
    group: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A delivery window in UTC: days 0 (Monday) to 6, minutes of the day; it may end on the next day."""

    days: tuple[int, ...]
    from_minute: int = 0
    to_minute: int = 24 * 60


@dataclass(frozen=True, slots=True)
class SpeedLimit:
    """A sending speed: at most *amount* messages of a bulk per *per_s* seconds."""

    amount: int
    per_s: int


@dataclass(frozen=True, slots=True)
class Failover:
    """A text that is sent as SMS when the MMS cannot be delivered."""

    text: str
    sender: str = ""
    validity_s: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One message of a request, to one or several destinations.

    Attributes:
        notify: False: no report at all; True or None: to `notify_url`, or as REPORT_URL says.
        report_xml: Reports are pushed as XML.
        validity_s: Counted from the time of sending; at most 48 hours.
        send_at_ms: Not before this; None means now.
        carrier, route, device: Profile keys that override the number's prefix; "" leaves them to the gateway.
        if_not_fit: What happens to a message whose content cannot fit: `fail`, `drop` or `poster`.
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
    """A whole request: its messages, and the options that hold for all of them."""

    orders: tuple[Order, ...]
    bulk_id: str = ""
    speed: SpeedLimit | None = None
    tracking_url: str = ""
    idempotency_key: str = ""
    request_digest: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of one destination of a submission; *status* is an id of statuses.py (26: accepted)."""

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
    """A part of a message from a phone; where *url* is set, its bytes must still be fetched from there."""

    media_type: str
    content_id: str
    data: bytes = field(repr=False)
    text: str | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What an operator reports.

    Attributes:
        kind: `accepted` and `refused` answer a submission later than its response (MM4); `delivery` and `read` are
            reports; `inbound` is a message from a phone.
        transaction_id: Of the operator's request: an answer must carry it.
        operator_message_id: The operator's id of the submission, or of the new message.
        status, error: Ids of statuses.py: the content of a delivery report.
        final: False for reports such as "deferred" and "forwarded", and for a temporary refusal.
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


# --- accounts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quota:
    """How many messages one key may send; 0 means no limit."""

    per_second: float = 0.0
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of messages; rows carry the *id*, people and logs see the *name*."""

    id: str
    name: str
    quota: Quota = Quota()


# --- views of rows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReportFilters:
    """Which reports to return; an empty field takes all."""

    bulk_id: str = ""
    message_id: str = ""
    entity_id: str = ""
    application_id: str = ""
    campaign_reference: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ReportView:
    """The current outcome of one message to one recipient.

    Attributes:
        status, error: Ids of statuses.py.
        final: False for an intermediate report.
        done_at_ms: The operator's time of the outcome; the time of its report, where it names none.
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
    """Which log entries to return; empty fields take all.

    Attributes:
        status_group: Name of a group of statuses.py, `DELIVERED`.
        since_ms, until_ms: Of the time of sending.
        cursor: Of the previous page.
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
    """One sent message as a log entry."""

    report: ReportView
    title: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """One step of a message's history."""

    at_ms: int
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message to one recipient in full.

    Attributes:
        steps: Its history, oldest first.
        ledger: The library's ledger (JSON), None until it was fitted.
        rendition: SHA-256 of the fitted content in the media store, "" until it was fitted.
        size_bytes: Packed size counted as the route counts, 0 until it was fitted.
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


# --- messages from phones ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """A part of a message from a phone as it is stored: text in *text*, everything else by its SHA-256."""

    media_type: str
    content_id: str
    blob: str = ""
    size_bytes: int = 0
    text: str | None = None


@dataclass(frozen=True, slots=True)
class InboundView:
    """A message from a phone; *media_key* gives access to its parts at `/media/{message_id}/{n}?key=…`."""

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
    """Where a message from a phone goes.

    Attributes:
        target: URL of `http`, address of `email`.
        renderer: Body of `http`: a ForwardFormat, as the customer wrote it.
    """

    type: ForwardingType
    target: str = ""
    renderer: str = "MO_MMS_2"
    description: str = ""


@dataclass(frozen=True, slots=True)
class AutoResponse:
    """A text that answers a message from a phone."""

    text: str
    sender: str = ""
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What happens to messages for a number; *keyword* "" is the number's default.

    Attributes:
        key: The service fills it in when it is empty.
        block: Whether the message blocks its sender's number: `""`, `from_sender`, `from_any_sender`,
            `unblock_from_sender` or `unblock_from_any_sender`.
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


# --- webhooks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReportWebhook:
    """Delivery reports to a URL, in the body of one API generation."""

    kind: ClassVar[str] = "report"
    url: str
    failover_url: str
    generation: Generation
    xml: bool = False


@dataclass(frozen=True, slots=True)
class InboundWebhook:
    """A message from a phone to a URL.

    `MO_MMS_2` is JSON with hosted media, `MULTIPART` has the parts in the body, `XML` is the older reports' form.
    """

    kind: ClassVar[str] = "inbound"
    url: str
    format: ForwardFormat


@dataclass(frozen=True, slots=True)
class InboundMail:
    """A message from a phone to a mailbox."""

    kind: ClassVar[str] = "inbound"
    address: str


@dataclass(frozen=True, slots=True)
class AutoReply:
    """An automatic reply to a phone: an order of the account that the gateway submits to itself."""

    kind: ClassVar[str] = "answer"
    order: Order


@dataclass(frozen=True, slots=True)
class SmsFallback:
    """The text of an undelivered message's SMS failover, to the URL of an SMS gateway."""

    kind: ClassVar[str] = "sms"
    url: str


Webhook: TypeAlias = ReportWebhook | InboundWebhook | InboundMail | AutoReply | SmsFallback
