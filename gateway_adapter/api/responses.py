"""What answers look like: the models behind the OpenAPI.

Writers (telling.py) make plain members; tests hold the two together, and nothing is validated on the way out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "ApiErrorAnswer",
    "CancelAnswer",
    "CheckAnswer",
    "ConfigurationAnswer",
    "InboundPushAnswer",
    "InboxAnswer",
    "LogsV1Answer",
    "LogsV2Answer",
    "MessageAnswer",
    "MessagesAnswer",
    "MessagesApiInboundAnswer",
    "MessagesApiReportsAnswer",
    "ReportsV1Answer",
    "ReportsV1PushAnswer",
    "ReportsV2Answer",
    "RequestErrorAnswer",
    "SendV1Answer",
    "SendV2Answer",
    "UploadAnswer",
    "UploadsAnswer",
    "ValidationAnswer",
]

MomentText = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$")]


class Answer(BaseModel):
    """An answer has these members and no others."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, validate_by_name=True)


class StatusAnswer(Answer):
    """What became of a message."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str


class ErrorAnswer(Answer):
    """Why."""

    group_id: int
    group_name: Literal["OK", "HANDSET_ERRORS", "USER_ERRORS", "OPERATOR_ERRORS"]
    id: int
    name: str
    description: str
    permanent: bool | None = None


class PlatformAnswer(Answer):
    """Whose traffic it is."""

    entity_id: str | None = None
    application_id: str | None = None


# --- errors ----------------------------------------------------------------------------------------------------


class ViolationAnswer(Answer):
    """One thing that is wrong."""

    property: str
    violation: str


class ResourceAnswer(Answer):
    """Where to read more."""

    name: str
    url: str


class ApiErrorAnswer(Answer):
    """A refused request, newer paths."""

    error_code: str
    description: str
    action: str
    violations: list[ViolationAnswer]
    resources: list[ResourceAnswer]


class ServiceExceptionAnswer(Answer):
    """What is wrong, older paths."""

    message_id: str
    text: str
    validation_errors: dict[str, list[str]] | None = None


class RequestErrorBody(Answer):
    """The one member of an older error."""

    service_exception: ServiceExceptionAnswer


class RequestErrorAnswer(Answer):
    """A refused request, older paths."""

    request_error: RequestErrorBody


# --- sending ---------------------------------------------------------------------------------------------------


class SentV1Answer(Answer):
    """What became of one recipient at the door."""

    to: str
    status: StatusAnswer
    message_id: str


class SendV1Answer(Answer):
    """Answer of the older sends; `errorMessage` where the request was refused."""

    bulk_id: str
    messages: list[SentV1Answer]
    error_message: str | None = None


class SentV2Answer(Answer):
    """What became of one recipient at the door."""

    message_id: str
    status: StatusAnswer
    destination: str


class SendV2Answer(Answer):
    """Answer of the newer sends."""

    bulk_id: str
    messages: list[SentV2Answer]


class ValidationAnswer(Answer):
    """Answer of `/messages-api/1/messages/validate` when the request can be sent."""

    description: str
    action: str
    skippable_violations: list[ViolationAnswer] | None = None


class UploadAnswer(Answer):
    """The id by which uploaded content is named in a send."""

    uploaded_content_id: str


# --- reports and logs ------------------------------------------------------------------------------------------


class _Result(Answer):
    bulk_id: str
    message_id: str
    sent_at: MomentText
    done_at: MomentText | None = None
    mcc_mnc: str | None = None
    status: StatusAnswer
    error: ErrorAnswer


class ReportV1Answer(_Result):
    """One report, older form."""

    to: str
    from_: Annotated[str | None, Field(alias="from")] = None
    mms_count: int
    callback_data: str | None = None
    entity_id: str | None = None
    application_id: str | None = None


class ReportsV1Answer(Answer):
    """Reports, older form; each is handed out once."""

    results: list[ReportV1Answer]


class ReportV1PushAnswer(_Result):
    """One pushed report, older form."""

    to: str
    sms_count: int
    callback_data: str | None = None
    entity_id: str | None = None
    application_id: str | None = None


class ReportsV1PushAnswer(Answer):
    """Pushed reports, older form."""

    results: list[ReportV1PushAnswer]


class ReportV2Answer(_Result):
    """One report, newer form."""

    to: str
    sender: str | None = None
    message_count: int
    callback_data: str | None = None
    platform: PlatformAnswer | None = None
    campaign_reference_id: str | None = None


class ReportsV2Answer(Answer):
    """Reports, newer form; pulled ones are handed out once, pushed ones look the same."""

    results: list[ReportV2Answer]


class SegmentV1Answer(Answer):
    """A segment as the older logs show it."""

    content_id: str | None = None
    text: str | None = None
    content_type: str | None = None
    content_url: str | None = None


class LogV1Answer(_Result):
    """One line of the older logs."""

    to: str
    from_: Annotated[str | None, Field(alias="from")] = None
    mms_count: int
    title: str
    message_segments: list[SegmentV1Answer]
    entity_id: str | None = None
    application_id: str | None = None


class LogsV1Answer(Answer):
    """The older logs, newest first."""

    results: list[LogV1Answer]


class SegmentV2Answer(Answer):
    """A segment as the newer logs show it."""

    type: Literal["TEXT", "LINK", "SMIL", "UPLOADED_REFERENCE"]
    content_id: str | None = None
    text: str | None = None
    content_type: str | None = None
    content_url: str | None = None
    smil: str | None = None
    uploaded_content_id: str | None = None


class LogContentAnswer(Answer):
    """What was sent."""

    title: str
    message_segments: list[SegmentV2Answer]


class LogV2Answer(_Result):
    """One line of the newer logs."""

    sender: str | None = None
    destination: str
    title: str
    message_count: int
    platform: PlatformAnswer | None = None
    campaign_reference_id: str | None = None
    content: LogContentAnswer


class CursorAnswer(Answer):
    """How to ask for the next page."""

    limit: int
    next_cursor: str


class LogsV2Answer(Answer):
    """The newer logs, newest first; `cursor` when one was asked for and there is more."""

    results: list[LogV2Answer]
    cursor: CursorAnswer | None = None


class MessagesApiReportAnswer(Answer):
    """One report of the Messages API."""

    event: Literal["DELIVERY"]
    channel: Literal["MMS"]
    sender: str
    destination: str
    sent_at: MomentText
    done_at: MomentText
    bulk_id: str
    message_id: str
    callback_data: str | None = None
    message_count: int
    mcc_mnc: int | None = None
    status: StatusAnswer
    error: ErrorAnswer
    platform: PlatformAnswer | None = None
    campaign_reference_id: str | None = None


class MessagesApiReportsAnswer(Answer):
    """Reports of the Messages API; each is handed out once."""

    results: list[MessagesApiReportAnswer]


# --- from phones -----------------------------------------------------------------------------------------------


class MemberAnswer(Answer):
    """Another recipient of the same message."""

    to: str


class _Inbound(Answer):
    message_id: str
    to: str
    from_: Annotated[str, Field(alias="from")]
    received_at: MomentText
    group: list[MemberAnswer] | None = None
    callback_data: str | None = None
    entity_id: str | None = None
    application_id: str | None = None


class InboundAnswer(_Inbound):
    """A phone-originated message; `message` is a string that holds JSON."""

    message: str
    mms_count: int


class InboxAnswer(Answer):
    """Phone-originated messages; each is handed out once."""

    results: list[InboundAnswer]


class InboundPartAnswer(Answer):
    """A part: text in `value`, everything else at `url`."""

    content_type: str
    url: str | None = None
    value: str | None = None


class InboundPushedAnswer(_Inbound):
    """A pushed phone-originated message; `message` is a list of parts."""

    user_agent: str | None = None
    message: list[InboundPartAnswer]


class InboundPushAnswer(Answer):
    """Pushed phone-originated messages (`MO_MMS_2`)."""

    results: list[InboundPushedAnswer]
    message_count: int
    pending_message_count: int


class MessagesApiContentAnswer(Answer):
    """One content of a phone-originated message."""

    type: Literal["TEXT", "SUBJECT", "IMAGE", "AUDIO", "VIDEO", "FILE"]
    text: str | None = None
    clean_text: str | None = None
    keyword: str | None = None
    url: str | None = None


class MessagesApiInboundMessage(Answer):
    """A phone-originated message of the Messages API."""

    event: Literal["MO"]
    channel: Literal["MMS"]
    sender: str
    destination: str
    content: list[MessagesApiContentAnswer]
    received_at: MomentText
    message_id: str
    message_count: int
    callback_data: str | None = None
    platform: PlatformAnswer | None = None


class MessagesApiInboundAnswer(Answer):
    """Phone-originated messages of the Messages API; each is handed out once."""

    results: list[MessagesApiInboundMessage]
    message_count: int
    pending_message_count: int


# --- configurations --------------------------------------------------------------------------------------------


class ConfigurationAnswer(Answer):
    """What happens with messages to a number; a list of them is a bare array."""

    configuration_key: str
    channel: Literal["MMS"]
    number: str
    number_key: str
    country_code: str | None = None
    keyword: str | None = None
    username: str | None = None
    platform: PlatformAnswer | None = None
    forwarding: dict[str, str] | None = None
    auto_response: dict[str, Any] | None = None
    block_list_configuration: dict[str, str] | None = None
    callback_data: str | None = None


# --- what this gateway adds ------------------------------------------------------------------------------------


class UploadView(Answer):
    """Uploaded content."""

    uploaded_content_id: str
    content_id: str
    content_type: str
    size_bytes: int
    created_at: MomentText
    expires_at: MomentText


class UploadsAnswer(Answer):
    """Uploaded content that has not expired."""

    results: list[UploadView]
    cursor: CursorAnswer | None = None


class CheckAnswer(Answer):
    """The ledger of each receiver's fitting; nothing was sent."""

    fits: bool
    results: list[dict[str, Any]]


class StepAnswer(Answer):
    """One line of a message's history."""

    at: MomentText
    step: str
    detail: str


class MessageAnswer(Answer):
    """Everything known of one message."""

    report: ReportV2Answer
    state: str
    connection: str
    attempts: int
    operator_message_id: str
    size_bytes: int
    due_at: MomentText | None = None
    title: str
    segments: list[SegmentV2Answer]
    steps: list[StepAnswer]
    ledger: dict[str, Any] | None = None


class MessagesAnswer(Answer):
    """Messages, newest first."""

    results: list[MessageAnswer]


class CancelAnswer(Answer):
    """How many scheduled messages were taken back."""

    cancelled: int
