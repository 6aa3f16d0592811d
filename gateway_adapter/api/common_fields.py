"""What all readers share: pieces of a request on the wire as pieces of a `Submission`.

Pure: the bytes of inline content are only named here (by their SHA-256) and kept aside for the media store.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from gateway_adapter.api.errors import invalid_field
from gateway_adapter.api.fields import Day, DayTime, DeliveryWindow, RequestModel, Url, normalize_number
from gateway_adapter.model import Destination, Segment, SpeedLimit, Window

MAX_VALIDITY_S = 48 * 3600
MAX_AHEAD_MS = 180 * 24 * 3600 * 1000
_DAYS: tuple[Day, ...] = get_args(Day)
_HOUR = 60

Number = Annotated[str, Field(min_length=1, max_length=50)]
MessageId = Annotated[str, Field(max_length=200)]
ContentId = Annotated[str, Field(max_length=100)]
ContentType = Annotated[str, Field(max_length=200)]
Title = Annotated[str, Field(max_length=66)]
CallbackData = Annotated[str, Field(max_length=4000)]
ApplicationId = Annotated[str, Field(max_length=255)]


class LinkContent(RequestModel):
    """Content that is to be fetched from a URL."""

    content_url: Url
    content_type: ContentType | None = None
    content_id: ContentId | None = None


class SmilContent(RequestModel):
    """The presentation: order and timing of the other segments."""

    smil: Annotated[str, Field(min_length=1)]
    content_type: ContentType | None = None
    content_id: ContentId | None = None


class UploadedContent(RequestModel):
    """Content that was uploaded before."""

    uploaded_content_id: Annotated[str, Field(min_length=1, max_length=1000)]
    content_id: ContentId | None = None


class TextContent(RequestModel):
    """Text."""

    text: str
    content_id: ContentId | None = None


def segment_of(content: LinkContent | SmilContent | UploadedContent | TextContent) -> Segment:
    """A segment's content as the service takes it."""
    name = content.content_id or ""
    match content:
        case LinkContent():
            return Segment("link", name, media_type=content.content_type or "", url=content.content_url)
        case SmilContent():
            return Segment("smil", name, media_type="application/smil", text=content.smil)
        case UploadedContent():
            return Segment("upload", name, upload_id=content.uploaded_content_id)
        case TextContent():
            return Segment("text", name, media_type="text/plain", text=content.text)


class GatewayOptions(RequestModel):
    """An addition of this gateway: which receiver the content is fitted for, and what if it can not be."""

    carrier: Annotated[str, Field(max_length=100, description="Key of a carrier profile, `us/t-mobile`.")] = ""
    route: Literal["", "p2p", "long_code", "toll_free", "short_code"] = ""
    device: Annotated[str, Field(max_length=100, description="Key of a device profile, `apple/iphone`.")] = ""
    if_not_fit: Literal["fail", "drop", "poster"] = "fail"
    report_failover_url: Annotated[
        Url | None, Field(description="Where a report goes after the first tries at its own URL failed.")
    ] = None


def gateway_fields(options: GatewayOptions | None) -> dict[str, Any]:
    """The fields of an `Order` that the gateway's own options set."""
    fields = (options or GatewayOptions()).model_dump()
    return {"notify_failover_url": fields.pop("report_failover_url") or "", **fields}


class GroupMember(RequestModel):
    """One recipient of a group."""

    to: Number
    message_id: MessageId | None = None


class SingleDestination(RequestModel):
    """One recipient."""

    to: Number
    message_id: MessageId | None = None


class GroupDestination(RequestModel):
    """Up to 200 recipients that see one another."""

    group: Annotated[list[GroupMember], Field(min_length=1, max_length=200)]


def _one_or_group(value: Any) -> str:  # noqa: ANN401 - whatever the body holds
    if isinstance(value, dict):
        return "GROUP" if value.get("group") is not None else "TO"
    return "GROUP" if isinstance(value, GroupDestination) else "TO"


def as_any_of(schema: dict[str, Any]) -> None:
    """A value with the members of two variants is read as the first, so the schema is `anyOf`, not `oneOf`."""
    schema["anyOf"] = schema.pop("oneOf")


AnyDestination = Annotated[
    Annotated[GroupDestination, Tag("GROUP")] | Annotated[SingleDestination, Tag("TO")],
    Discriminator(_one_or_group),
    Field(json_schema_extra=as_any_of),
]


class Platform(RequestModel):
    """The entity and application a message belongs to."""

    entity_id: ApplicationId | None = None
    application_id: ApplicationId | None = None


class _SouthKorea(RequestModel):
    reseller_code: Annotated[int, Field(ge=0, le=999_999_999)] | None = None


class Regional(RequestModel):
    """What some countries ask for."""

    south_korea: _SouthKorea | None = None


@dataclass(slots=True)
class InlineContent:
    """Content that came inside a JSON or XML body, by its SHA-256: the bytes and the declared type."""

    blobs: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def keep(self, data: bytes, media_type: str) -> str:
        """Set bytes aside; gives their SHA-256 in hex."""
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = (data, media_type)
        return digest


def base64_bytes(text: str, place: str) -> bytes:
    """Base64 with or without line breaks and padding.

    Raises:
        InvalidRequest: It is none, or holds nothing.
    """
    # RFC 4648 section 3.2 padding may be missing: some clients leave it out
    packed = "".join(text.split())
    packed += "=" * (-len(packed) % 4)
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise invalid_field(place, f"not base64: {exc}") from exc
    if not data:
        raise invalid_field(place, "no content")
    return data


def destination_of(destination: SingleDestination | GroupDestination) -> Destination:
    """A recipient, or a group of them."""
    if isinstance(destination, GroupDestination):
        members = (Destination(normalize_number(one.to), one.message_id or "") for one in destination.group)
        return Destination(group=tuple(members))
    return Destination(normalize_number(destination.to), destination.message_id or "")


def send_at_of(at_ms: int | None, now_ms: int, place: str) -> int | None:
    """The time of sending, as given, so that a repeated request stays equal; a time in the past means now.

    Raises:
        InvalidRequest: It is more than 180 days ahead.
    """
    # Infobip: sendAt up to 180 days ahead
    if at_ms is not None and at_ms - now_ms > MAX_AHEAD_MS:
        raise invalid_field(place, "more than 180 days ahead")
    return at_ms


def validity_of(seconds: int | None) -> int:
    """How long a message is tried; longer than 48 hours, and none, is 48 hours."""
    # Infobip: longer than 48 hours means 48 hours, no refusal
    return MAX_VALIDITY_S if seconds is None else min(seconds, MAX_VALIDITY_S)


def window_of(window: DeliveryWindow | None, place: str) -> Window | None:
    """A delivery window; one that ends before it begins ends on the next day.

    Raises:
        InvalidRequest: Only one of its ends is given, or it is shorter than an hour.
    """
    if window is None:
        return None
    days = tuple(sorted({_DAYS.index(day) for day in window.days}))
    if (window.from_ is None) != (window.to is None):
        raise invalid_field(place, "from and to come together or not at all")
    if window.from_ is None or window.to is None:
        return Window(days)
    start, end = _minute(window.from_), _minute(window.to)
    # A window over midnight is allowed; Infobip asks for at least an hour
    if (end - start) % (24 * _HOUR) < _HOUR:
        raise invalid_field(place, "from and to must be at least one hour apart")
    return Window(days, start, end)


def wire_window(window: Window | None) -> DeliveryWindow | None:
    """A delivery window as a request states it."""
    if window is None:
        return None
    days = [_DAYS[day] for day in window.days]
    if (window.from_minute, window.to_minute) == (0, 24 * _HOUR):
        return DeliveryWindow(days=days)
    start, end = (DayTime(hour=at // _HOUR, minute=at % _HOUR) for at in (window.from_minute, window.to_minute))
    return DeliveryWindow(days=days, from_=start, to=end)


def _minute(time: DayTime) -> int:
    return time.hour * _HOUR + time.minute


_PER_S = {"MINUTE": 60, "HOUR": 3600, "DAY": 86400}


class SendingSpeedLimit(RequestModel):
    """At most so many messages of the request in each unit of time."""

    amount: Annotated[int, Field(ge=1, le=1_000_000_000)]
    time_unit: Literal["MINUTE", "HOUR", "DAY"] | None = None

    def limit(self) -> SpeedLimit:
        """As the service counts it."""
        return SpeedLimit(self.amount, _PER_S[self.time_unit or "MINUTE"])
