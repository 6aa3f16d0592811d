"""The paths that tell: reports and the inbox (each item once), logs, and the same of the Messages API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gateway_adapter.api.fields import RequestModel, Timestamp
from gateway_adapter.api.responses import (
    InboundPushAnswer,
    InboxAnswer,
    LogsV1Answer,
    LogsV2Answer,
    MessagesApiInboundAnswer,
    MessagesApiReportsAnswer,
    ReportsV1Answer,
    ReportsV1PushAnswer,
    ReportsV2Answer,
)
from gateway_adapter.api.routes.openapi import EndpointDoc
from gateway_adapter.api.routes.request_context import RateLimit, json_response
from gateway_adapter.api.serializers import (
    inbound_messages_api,
    inbound_pulled,
    log_v1,
    log_v2,
    report_messages_api,
    report_v1,
    report_v2,
    results,
)
from gateway_adapter.model import LogFilters, ReportFilters

if TYPE_CHECKING:
    from starlette.responses import Response

    from gateway_adapter.api.routes.openapi import EndpointRegistry
    from gateway_adapter.api.routes.request_context import RequestContext, RequestGate
    from gateway_adapter.messages.service import Service

__all__ = ["serve"]

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


_LISTS = frozenset({"bulkId", "messageId", "campaignReferenceId"})


def serve(registry: EndpointRegistry, gate: RequestGate) -> None:
    """Endpoints that tell."""
    endpoints = _ReportEndpoints(gate)
    rows = (
        ("/mms/1/reports", endpoints.reports_v1, None, EndpointDoc(
            "Reports nobody has fetched yet, older form", "tell", ReportsV1Answer, query=ReportsV1Query,
            refusals=(400,), deprecated=True)),
        ("/mms/2/reports", endpoints.reports_v2, None, EndpointDoc(
            "Reports nobody has fetched yet", "tell", ReportsV2Answer, query=ReportsV2Query, refusals=(400,))),
        ("/mms/1/logs", endpoints.logs_v1, _LOGS, EndpointDoc(
            "Logs of 48 hours, older form", "tell", LogsV1Answer, query=LogsV1Query, refusals=(400,),
            deprecated=True)),
        ("/mms/2/logs", endpoints.logs_v2, _LOGS, EndpointDoc(
            "Logs of 48 hours", "tell", LogsV2Answer, query=LogsV2Query, refusals=(400,))),
        ("/mms/1/inbox/reports", endpoints.inbox, None, EndpointDoc(
            "Messages from phones nobody has fetched yet", "tell", InboxAnswer, query=InboxQuery, refusals=(400,))),
        ("/messages-api/1/reports", endpoints.messages_api_reports, None, EndpointDoc(
            "Reports nobody has fetched yet", "messages api", MessagesApiReportsAnswer, query=MessagesApiReportsQuery,
            refusals=(400,))),
        ("/messages-api/1/inbound", endpoints.messages_api_inbound, None, EndpointDoc(
            "Messages from phones nobody has fetched yet", "messages api", MessagesApiInboundAnswer,
            query=MessagesApiInboxQuery, refusals=(400,))),
    )  # fmt: skip
    for name, summary, model in (
        ("reports_v1", "Reports of messages sent through /mms/1", ReportsV1PushAnswer),
        ("reports_v2", "Reports of messages sent through /mms/2", ReportsV2Answer),
        ("reports_messages_api", "Reports of messages sent through the Messages API", MessagesApiReportsAnswer),
        ("inbound", "Messages from phones, forwarded as MO_MMS_2", InboundPushAnswer),
    ):
        registry.add_webhook(name, summary, model)
    for path, endpoint, rate, doc in rows:
        registry.add("GET", path, gate.guard(endpoint, rate), doc)


class _ReportEndpoints:
    def __init__(self, gate: RequestGate) -> None:
        self._door = gate
        self._service: Service = gate.service

    async def reports_v1(self, context: RequestContext) -> Response:
        """Reports, older form."""
        views = await self._service.pull_reports(context.account, "v1", context.query(ReportsV1Query).filters())
        return json_response(results(map(report_v1, views)))

    async def reports_v2(self, context: RequestContext) -> Response:
        """Reports."""
        views = await self._service.pull_reports(context.account, "v2", context.query(ReportsV2Query).filters())
        return json_response(results(map(report_v2, views)))

    async def messages_api_reports(self, context: RequestContext) -> Response:
        """Reports of the Messages API."""
        query = context.query(MessagesApiReportsQuery)
        if query.channel != "MMS":
            return json_response(results(()))
        views = await self._service.pull_reports(context.account, "messages", query.filters())
        return json_response(results(map(report_messages_api, views)))

    async def logs_v1(self, context: RequestContext) -> Response:
        """Logs, older form."""
        views, _ = await self._service.logs(context.account, context.query(LogsV1Query, _LISTS).filters())
        base = self._door.base_url(context.request)
        return json_response(results(log_v1(view, base) for view in views))

    async def logs_v2(self, context: RequestContext) -> Response:
        """Logs."""
        query = context.query(LogsV2Query, _LISTS)
        views, following = await self._service.logs(context.account, query.filters())
        base = self._door.base_url(context.request)
        members = results(log_v2(view, base) for view in views)
        if query.use_cursor and following:
            members["cursor"] = {"limit": query.limit, "nextCursor": following}
        return json_response(members)

    async def inbox(self, context: RequestContext) -> Response:
        """Messages from phones."""
        query = context.query(InboxQuery)
        views = await self._service.pull_inbox(context.account, query.limit, query.entity_id, query.application_id)
        base = self._door.base_url(context.request)
        return json_response(results(inbound_pulled(view, base) for view in views))

    async def messages_api_inbound(self, context: RequestContext) -> Response:
        """Messages from phones, Messages API."""
        query = context.query(MessagesApiInboxQuery)
        views = []
        if query.channel == "MMS":
            views = await self._service.pull_inbox(context.account, query.limit, query.entity_id, query.application_id)
        base = self._door.base_url(context.request)
        members = results(inbound_messages_api(view, base) for view in views)
        return json_response({**members, "messageCount": len(views), "pendingMessageCount": 0})
