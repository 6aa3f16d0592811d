"""Endpoints that hand out reports, logs and messages from phones, and the webhooks that push them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gateway_adapter.api import responses, serializers
from gateway_adapter.api.fields import RequestModel, Timestamp
from gateway_adapter.api.routes.endpoints import EndpointTable, RateLimit
from gateway_adapter.model import LogFilters, ReportFilters

if TYPE_CHECKING:
    from gateway_adapter.api.routes.endpoints import RequestContext

endpoints = EndpointTable()
WEBHOOKS = {
    "reports_v1": ("Reports of messages sent through /mms/1", responses.ReportsV1PushResponse),
    "reports_v2": ("Reports of messages sent through /mms/2", responses.ReportsV2Response),
    "reports_messages_api": ("Reports of messages sent through the Messages API", responses.MessagesApiReportsResponse),
    "inbound": ("Messages from phones, forwarded as MO_MMS_2", responses.InboundPushResponse),
}
_LOGS = RateLimit("logs", per_s=2.0, burst=120.0)  # 120 a minute
_Word = Annotated[str, Field(max_length=255)]
_Limit = Annotated[int, Field(ge=1, le=1000)]
_Status = Literal["ACCEPTED", "PENDING", "UNDELIVERABLE", "DELIVERED", "EXPIRED", "REJECTED"]
_Words = Annotated[tuple[_Word, ...], Field(max_length=100)]


class ReportsV1Query(RequestModel):
    """Which reports."""

    bulk_id: _Word = ""
    message_id: _Word = ""
    limit: _Limit = 50
    application_id: _Word = ""
    entity_id: _Word = ""

    def filters(self) -> ReportFilters:
        """As the service takes them."""
        return ReportFilters(self.bulk_id, self.message_id, self.entity_id, self.application_id, limit=self.limit)


class ReportsV2Query(ReportsV1Query):
    """Which reports."""

    campaign_reference_id: _Word = ""

    def filters(self) -> ReportFilters:
        """As the service takes them."""
        names = (self.bulk_id, self.message_id, self.entity_id, self.application_id, self.campaign_reference_id)
        return ReportFilters(*names, limit=self.limit)


class MessagesApiReportsQuery(ReportsV2Query):
    """Which reports; only MMS has any."""

    channel: _Word = "MMS"


class InboxQuery(RequestModel):
    """Which messages from phones."""

    limit: _Limit = 50
    application_id: _Word = ""
    entity_id: _Word = ""


class MessagesApiInboxQuery(InboxQuery):
    """Which messages from phones; only MMS has any."""

    channel: _Word = "MMS"


class _LogsQuery(RequestModel):
    """What both versions ask; lists come as repeated keys or with commas."""

    bulk_id: _Words = ()
    message_id: _Words = ()
    general_status: _Status | None = None
    sent_since: Timestamp | None = None
    sent_until: Timestamp | None = None
    limit: _Limit = 50
    mcc: _Word = ""
    mnc: _Word = ""
    application_id: _Word = ""
    entity_id: _Word = ""

    def filters(self) -> LogFilters:
        """As the service takes them."""
        return LogFilters(
            bulk_ids=self.bulk_id,
            message_ids=self.message_id,
            entity_id=self.entity_id,
            application_id=self.application_id,
            mcc=self.mcc,
            mnc=self.mnc,
            status_group=self.general_status or "",
            since_ms=self.sent_since,
            until_ms=self.sent_until,
            limit=self.limit,
        )


class LogsV1Query(_LogsQuery):
    """Which log lines."""

    from_: Annotated[_Word, Field(alias="from")] = ""
    to: _Word = ""

    def filters(self) -> LogFilters:
        """As the service takes them."""
        return replace(super().filters(), senders=_given(self.from_), destinations=_given(self.to))


class LogsV2Query(_LogsQuery):
    """Which log lines."""

    sender: _Word = ""
    destination: _Word = ""
    campaign_reference_id: _Words = ()
    use_cursor: bool = False
    cursor: _Word = ""

    def filters(self) -> LogFilters:
        """As the service takes them."""
        return replace(
            super().filters(),
            senders=_given(self.sender),
            destinations=_given(self.destination),
            campaign_references=self.campaign_reference_id,
            cursor=self.cursor,
        )


def _given(word: str) -> tuple[str, ...]:
    return (word,) if word else ()


@endpoints.add("GET /mms/1/reports", "reports", responses.ReportsV1Response, query=ReportsV1Query, deprecated=True)
async def reports_v1(context: RequestContext) -> responses.Results:
    """Fetch new delivery reports, older form; each is handed out once."""
    filters = context.query(ReportsV1Query).filters()
    views = await context.service.pull_reports(context.account, "v1", filters)
    return responses.ReportsV1Response(results=[serializers.report_v1(view) for view in views])


@endpoints.add("GET /mms/2/reports", "reports", responses.ReportsV2Response, query=ReportsV2Query)
async def reports_v2(context: RequestContext) -> responses.Results:
    """Fetch new delivery reports; each is handed out once."""
    filters = context.query(ReportsV2Query).filters()
    views = await context.service.pull_reports(context.account, "v2", filters)
    return responses.ReportsV2Response(results=[responses.ReportV2Response.of(view) for view in views])


@endpoints.add("GET /mms/1/logs", "reports", responses.LogsV1Response, query=LogsV1Query, rate=_LOGS, deprecated=True)
async def logs_v1(context: RequestContext) -> responses.Results:
    """List the messages of the last 48 hours, older form."""
    views, _ = await context.service.logs(context.account, context.query(LogsV1Query).filters())
    return responses.LogsV1Response(results=[serializers.log_v1(view, context.base_url) for view in views])


@endpoints.add("GET /mms/2/logs", "reports", responses.LogsV2Response, query=LogsV2Query, rate=_LOGS)
async def logs_v2(context: RequestContext) -> responses.LogsV2Response:
    """List the messages of the last 48 hours."""
    query = context.query(LogsV2Query)
    views, following = await context.service.logs(context.account, query.filters())
    return responses.LogsV2Response(
        results=[serializers.log_v2(view, context.base_url) for view in views],
        cursor=responses.cursor(query.limit, following if query.use_cursor else ""),
    )


@endpoints.add("GET /mms/1/inbox/reports", "reports", responses.InboxResponse, query=InboxQuery)
async def inbox(context: RequestContext) -> responses.Results:
    """Fetch new messages from phones; each is handed out once."""
    query = context.query(InboxQuery)
    views = await context.service.pull_inbox(context.account, query.limit, query.entity_id, query.application_id)
    return responses.InboxResponse(results=[serializers.inbound_pulled(view, context.base_url) for view in views])


@endpoints.add(
    "GET /messages-api/1/reports", "messages api", responses.MessagesApiReportsResponse, query=MessagesApiReportsQuery
)
async def messages_api_reports(context: RequestContext) -> responses.Results:
    """Fetch new delivery reports of the Messages API; each is handed out once."""
    query, views = context.query(MessagesApiReportsQuery), []
    if query.channel == "MMS":
        views = await context.service.pull_reports(context.account, "messages", query.filters())
    return responses.MessagesApiReportsResponse(results=[serializers.report_messages_api(view) for view in views])


@endpoints.add(
    "GET /messages-api/1/inbound", "messages api", responses.MessagesApiInboundResponse, query=MessagesApiInboxQuery
)
async def messages_api_inbound(context: RequestContext) -> responses.MessagesApiInboundResponse:
    """Fetch new messages from phones, Messages API; each is handed out once."""
    query, views = context.query(MessagesApiInboxQuery), []
    if query.channel == "MMS":
        views = await context.service.pull_inbox(context.account, query.limit, query.entity_id, query.application_id)
    results = [serializers.inbound_messages_api(view, context.base_url) for view in views]
    return responses.MessagesApiInboundResponse(results=results, message_count=len(results), pending_message_count=0)
