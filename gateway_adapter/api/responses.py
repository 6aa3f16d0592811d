"""Response bodies of the API: each shape stands here once.

The OpenAPI is generated from these classes, and they serialise themselves; nothing is validated on the way out. Clients
are strict in places: prices are left out because one client takes only floats and encoders print 0.0 as 0; `mccMnc` is
text except in the Messages API, where it is a number; every status has its five members; dates end in `+0000`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, dataclass_transform

import pydantic
from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from gateway_adapter.api.fields import format_timestamp
from gateway_adapter.statuses import error_row, status_row

if TYPE_CHECKING:
    Reader = Callable[[Any], object]

TimestampText = Annotated[str, pydantic.Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$")]
From = Annotated[str | None, pydantic.Field(alias="from")]


@dataclass_transform(kw_only_default=True)
class ResponseBody:
    """A body or a part of one. Names are camelCase on the wire; members that are None are left out."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", alias_generator=to_camel)

    def __init_subclass__(cls) -> None:
        dataclass(kw_only=True)(cls)

    @classmethod
    def of(cls, view: object, **given: object) -> Self:
        """Fill the members that are not *given* from the attributes of a view, as `_SOURCES` says or by name."""
        shape: Any = cls
        return cls(**given, **{name: read(view) for name, read in _readers(shape) if name not in given})


@cache
def _readers(shape: type[ResponseBody]) -> tuple[tuple[str, Reader], ...]:
    """What reads each member of a shape."""
    members: tuple[Field[Any], ...] = fields(shape)  # type: ignore[arg-type]  # __init_subclass__ makes it a dataclass
    return tuple((one.name, _reader(one)) for one in members)


def _reader(member: Field[Any]) -> Reader:
    source = _SOURCES.get(member.name, member.name)
    if not isinstance(source, str):
        return source
    if source == "at" or source.endswith("_at"):
        in_ms = attrgetter(f"{source}_ms")
        return lambda view: None if (at_ms := in_ms(view)) is None else format_timestamp(at_ms)
    if member.default is MISSING:
        return attrgetter(source)
    # An optional member of which nothing is known is left out.
    return lambda view: None if (value := getattr(view, source, None)) == "" else value


@cache
def adapter_of(shape: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a class, or a list of one
    """The serializer and schema of a shape."""
    return TypeAdapter(shape)


def to_json(body: object, shape: Any = None) -> bytes:  # noqa: ANN401 - a class, or a list of one
    """Serialise a body as JSON; *shape* is needed for a bare list."""
    key: Any = shape or type(body)
    return adapter_of(key).dump_json(body, by_alias=True, exclude_none=True)


def to_members(body: ResponseBody) -> dict[str, Any]:
    """Convert a body to plain nested mappings and lists, for XML."""
    shape: Any = type(body)
    members: dict[str, Any] = adapter_of(shape).dump_python(body, by_alias=True, exclude_none=True)
    return members


class Results(ResponseBody):
    """A list of items."""

    results: list[Any]


def results_of(name: str, item: type[ResponseBody], text: str) -> type[Results]:
    """The shape of a list of *item*."""
    return type(name, (Results,), {"__annotations__": {"results": list[item]}, "__doc__": text})  # type: ignore[valid-type]


# --- statuses ------------------------------------------------------------------------------------------------------


class StatusResponse(ResponseBody):
    """The status of a message."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str


class ErrorResponse(StatusResponse):
    """The error behind a status; the oldest generation does not say whether it is permanent."""

    group_name: Literal["OK", "HANDSET_ERRORS", "USER_ERRORS", "OPERATOR_ERRORS"]
    permanent: bool | None = None


class PlatformResponse(ResponseBody):
    """The entity and application a message belongs to."""

    entity_id: str | None = None
    application_id: str | None = None


@cache
def _status(status_id: int) -> StatusResponse:
    return StatusResponse.of(status_row(status_id))


@cache
def _error(error_id: int) -> ErrorResponse:
    return ErrorResponse.of(error_row(error_id))


@cache
def error_v1(error_id: int) -> ErrorResponse:
    """The error of the oldest generation."""
    return ErrorResponse.of(error_row(error_id), permanent=None)


def _platform(view: Any) -> PlatformResponse | None:  # noqa: ANN401 - any view that names both
    if not (view.entity_id or view.application_id):
        return None
    return PlatformResponse(entity_id=view.entity_id or None, application_id=view.application_id or None)


# Members whose attribute in a view has another name, or that are converted.
_SOURCES: Mapping[str, str | Reader] = {
    "campaign_reference_id": "campaign_reference",
    "content_type": "media_type",
    "destination": "to",
    "error": lambda view: _error(view.error),
    "from_": "sender",
    "group": lambda view: [MemberResponse(to=number) for number in view.group] or None,
    "group_id": "group",
    "mms_count": "message_count",
    "platform": _platform,
    "property": "field",
    "sms_count": "message_count",
    "status": lambda view: _status(view.status),
    "step": "name",
    "uploaded_content_id": "id",
    "violation": "text",
}


# --- refusals ------------------------------------------------------------------------------------------------------


class ViolationResponse(ResponseBody):
    """One field of the request that is wrong."""

    property: str
    violation: str


class ResourceResponse(ResponseBody):
    """A page to read more on."""

    name: str
    url: str


class ApiErrorResponse(ResponseBody):
    """A refused request, newer paths."""

    error_code: str
    description: str
    action: str
    violations: list[ViolationResponse]
    resources: list[ResourceResponse]


class ServiceExceptionResponse(ResponseBody):
    """Why a request was refused, older paths."""

    message_id: str
    text: str
    validation_errors: dict[str, list[str]] | None = None


class RequestErrorBody(ResponseBody):
    """The one member of an older error."""

    service_exception: ServiceExceptionResponse


class RequestErrorResponse(ResponseBody):
    """A refused request, older paths."""

    request_error: RequestErrorBody


# --- sending -------------------------------------------------------------------------------------------------------


class SentV1Response(ResponseBody):
    """One recipient of an older send."""

    to: str
    status: StatusResponse
    message_id: str


class SendV1Response(ResponseBody):
    """Response to the older sends; `errorMessage` when the request was refused."""

    bulk_id: str
    messages: list[SentV1Response]
    error_message: str | None = None


class SentV2Response(ResponseBody):
    """One recipient of a newer send."""

    message_id: str
    status: StatusResponse
    destination: str


class SendV2Response(ResponseBody):
    """Response to the newer sends."""

    bulk_id: str
    messages: list[SentV2Response]


class ValidationResponse(ResponseBody):
    """Response of `/messages-api/1/messages/validate` when the request can be sent."""

    description: str
    action: str
    skippable_violations: list[ViolationResponse] | None = None


class UploadedResponse(ResponseBody):
    """The id by which a send names uploaded content."""

    uploaded_content_id: str


# --- reports -------------------------------------------------------------------------------------------------------


class _Result(ResponseBody):
    bulk_id: str
    message_id: str
    to: str
    sent_at: TimestampText
    done_at: TimestampText | None = None
    mcc_mnc: str | None = None


class _Report(_Result):
    callback_data: str | None = None
    status: StatusResponse


class ReportV1Response(_Report):
    """One report, older form."""

    from_: From = None
    mms_count: int
    error: ErrorResponse
    entity_id: str | None = None
    application_id: str | None = None


ReportsV1Response = results_of("ReportsV1Response", ReportV1Response, "Reports, older form; each is handed out once.")


class ReportV1PushResponse(_Report):
    """One pushed report, older form: `smsCount`, and no sender."""

    sms_count: int
    error: ErrorResponse
    entity_id: str | None = None
    application_id: str | None = None


ReportsV1PushResponse = results_of("ReportsV1PushResponse", ReportV1PushResponse, "Pushed reports, older form.")


class ReportV2Response(_Report):
    """One report, newer form."""

    sender: str | None = None
    message_count: int
    error: ErrorResponse
    platform: PlatformResponse | None = None
    campaign_reference_id: str | None = None


ReportsV2Response = results_of("ReportsV2Response", ReportV2Response, "Reports, newer form, pulled or pushed.")


class MessagesApiReportResponse(ResponseBody):
    """One report of the Messages API."""

    event: Literal["DELIVERY"]
    channel: Literal["MMS"]
    sender: str
    destination: str
    sent_at: TimestampText
    done_at: TimestampText
    bulk_id: str
    message_id: str
    callback_data: str | None = None
    message_count: int
    mcc_mnc: int | None = None
    status: StatusResponse
    error: ErrorResponse
    platform: PlatformResponse | None = None
    campaign_reference_id: str | None = None


MessagesApiReportsResponse = results_of(
    "MessagesApiReportsResponse", MessagesApiReportResponse, "Reports of the Messages API."
)


# --- logs ----------------------------------------------------------------------------------------------------------


class SegmentV1Response(ResponseBody):
    """A segment in the older logs."""

    content_id: str | None = None
    text: str | None = None
    content_type: str | None = None
    content_url: str | None = None


class LogV1Response(_Result):
    """One line of the older logs."""

    status: StatusResponse
    from_: From = None
    mms_count: int
    error: ErrorResponse
    entity_id: str | None = None
    application_id: str | None = None
    title: str
    message_segments: list[SegmentV1Response]


LogsV1Response = results_of("LogsV1Response", LogV1Response, "The older logs, newest first.")


class SegmentV2Response(ResponseBody):
    """A segment in the newer logs; content of older sends is a link."""

    type: Literal["TEXT", "LINK", "SMIL", "UPLOADED_REFERENCE"]
    content_id: str | None = None
    text: str | None = None
    content_type: str | None = None
    content_url: str | None = None
    smil: str | None = None
    uploaded_content_id: str | None = None


class LogContentResponse(ResponseBody):
    """The content that was sent."""

    title: str
    message_segments: list[SegmentV2Response]


class LogV2Response(ResponseBody):
    """One line of the newer logs."""

    bulk_id: str
    message_id: str
    sent_at: TimestampText
    done_at: TimestampText | None = None
    mcc_mnc: str | None = None
    status: StatusResponse
    sender: str | None = None
    message_count: int
    error: ErrorResponse
    platform: PlatformResponse | None = None
    campaign_reference_id: str | None = None
    destination: str
    title: str
    content: LogContentResponse


class CursorResponse(ResponseBody):
    """How to ask for the next page."""

    limit: int
    next_cursor: str


def cursor(limit: int, following: str) -> CursorResponse | None:
    """The cursor of a page; None after the last one."""
    return CursorResponse(limit=limit, next_cursor=following) if following else None


class LogsV2Response(ResponseBody):
    """The newer logs, newest first; `cursor` when one was asked for and there is more."""

    results: list[LogV2Response]
    cursor: CursorResponse | None = None


# --- messages from phones ------------------------------------------------------------------------------------------


class MemberResponse(ResponseBody):
    """Another recipient of the same message."""

    to: str


class _Inbound(ResponseBody):
    message_id: str
    to: str
    from_: From = None
    received_at: TimestampText
    group: list[MemberResponse] | None = None
    callback_data: str | None = None
    entity_id: str | None = None
    application_id: str | None = None


class InboundResponse(_Inbound):
    """A message from a phone; `message` is a string that holds JSON."""

    message: str
    mms_count: int


InboxResponse = results_of("InboxResponse", InboundResponse, "Messages from phones; each is handed out once.")


class InboundPartResponse(ResponseBody):
    """A part: text in `value`, everything else at `url`."""

    content_type: str
    url: str | None = None
    value: str | None = None


class InboundPushedResponse(_Inbound):
    """A pushed message from a phone (`MO_MMS_2`); `message` is a list of parts."""

    user_agent: str | None = None
    message: list[InboundPartResponse]


class InboundPushResponse(ResponseBody):
    """Pushed messages from phones (`MO_MMS_2`)."""

    results: list[InboundPushedResponse]
    message_count: int
    pending_message_count: int


class MessagesApiContentResponse(ResponseBody):
    """One content of a message from a phone."""

    type: Literal["TEXT", "SUBJECT", "IMAGE", "AUDIO", "VIDEO", "FILE"]
    text: str | None = None
    clean_text: str | None = None
    keyword: str | None = None
    url: str | None = None


class MessagesApiInboundMessage(ResponseBody):
    """A message from a phone, Messages API."""

    event: Literal["MO"]
    channel: Literal["MMS"]
    sender: str
    destination: str
    content: list[MessagesApiContentResponse]
    received_at: TimestampText
    message_id: str
    message_count: int
    callback_data: str | None = None
    platform: PlatformResponse | None = None


class MessagesApiInboundResponse(ResponseBody):
    """Messages from phones, Messages API; each is handed out once."""

    results: list[MessagesApiInboundMessage]
    message_count: int
    pending_message_count: int


# --- additions of this gateway -------------------------------------------------------------------------------------


class UploadResponse(ResponseBody):
    """Uploaded content."""

    uploaded_content_id: str
    content_id: str
    content_type: str
    size_bytes: int
    created_at: TimestampText
    expires_at: TimestampText


class UploadsResponse(ResponseBody):
    """Uploaded content that has not expired."""

    results: list[UploadResponse]
    cursor: CursorResponse | None = None


class CheckResponse(ResponseBody):
    """The fitting ledger of each receiver; nothing was sent."""

    fits: bool
    results: list[dict[str, Any]]


class StepResponse(ResponseBody):
    """One line of a message's history."""

    at: TimestampText
    step: str
    detail: str


class MessageResponse(ResponseBody):
    """Everything known of one message."""

    report: ReportV2Response
    state: str
    connection: str
    attempts: int
    operator_message_id: str
    size_bytes: int
    due_at: TimestampText | None = None
    title: str
    segments: list[SegmentV2Response]
    steps: list[StepResponse]
    ledger: dict[str, Any] | None = None


MessagesResponse = results_of("MessagesResponse", MessageResponse, "Messages, newest first.")


class CancelResponse(ResponseBody):
    """The number of scheduled messages that were cancelled."""

    cancelled: int
