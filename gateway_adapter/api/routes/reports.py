"""The paths that tell: reports and the inbox (each item once), logs, and the same of the Messages API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gateway_adapter.api.fields import Moment, Wire
from gateway_adapter.api.responses import (
    InboundPushAnswer,
    InboxAnswer,
    LogsV1Answer,
    LogsV2Answer,
    OmniInboundAnswer,
    OmniReportsAnswer,
    ReportsV1Answer,
    ReportsV1PushAnswer,
    ReportsV2Answer,
)
from gateway_adapter.api.routes.openapi import Doc
from gateway_adapter.api.routes.request_context import Rate, json_response
from gateway_adapter.api.serializers import (
    inbound_omni,
    inbound_pulled,
    log_v1,
    log_v2,
    report_omni,
    report_v1,
    report_v2,
    results,
)
from gateway_adapter.model import LogFilters, ReportFilters

if TYPE_CHECKING:
    from starlette.responses import Response

    from gateway_adapter.api.routes.openapi import Book
    from gateway_adapter.api.routes.request_context import Call, Door
    from gateway_adapter.messages.service import Service

__all__ = ["serve"]

_LOGS = Rate("logs", per_s=2.0, burst=120.0)  # 120 a minute
_Word = Annotated[str, Field(max_length=255)]
_Limit = Annotated[int, Field(ge=1, le=1000)]
_Status = Literal["ACCEPTED", "PENDING", "UNDELIVERABLE", "DELIVERED", "EXPIRED", "REJECTED"]
_Words = Annotated[tuple[_Word, ...], Field(max_length=100)]


class ReportsV1Query(Wire):
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


class OmniReportsQuery(ReportsV2Query):
    """Which reports; only MMS has any."""

    channel: _Word = "MMS"


class InboxQuery(Wire):
    """Which messages from phones."""

    limit: _Limit = 50
    application_id: _Word = ""
    entity_id: _Word = ""


class OmniInboxQuery(InboxQuery):
    """Which messages from phones; only MMS has any."""

    channel: _Word = "MMS"


class _LogsQuery(Wire):
    """What both versions ask; lists come as repeated keys or with commas."""

    bulk_id: _Words = ()
    message_id: _Words = ()
    general_status: _Status | None = None
    sent_since: Moment | None = None
    sent_until: Moment | None = None
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


def serve(book: Book, door: Door) -> None:
    """Endpoints that tell."""
    ends = _Endpoints(door)
    rows = (
        ("/mms/1/reports", ends.reports_v1, None, Doc(
            "Reports nobody has fetched yet, older form", "tell", ReportsV1Answer, query=ReportsV1Query,
            refusals=(400,), deprecated=True)),
        ("/mms/2/reports", ends.reports_v2, None, Doc(
            "Reports nobody has fetched yet", "tell", ReportsV2Answer, query=ReportsV2Query, refusals=(400,))),
        ("/mms/1/logs", ends.logs_v1, _LOGS, Doc(
            "Logs of 48 hours, older form", "tell", LogsV1Answer, query=LogsV1Query, refusals=(400,),
            deprecated=True)),
        ("/mms/2/logs", ends.logs_v2, _LOGS, Doc(
            "Logs of 48 hours", "tell", LogsV2Answer, query=LogsV2Query, refusals=(400,))),
        ("/mms/1/inbox/reports", ends.inbox, None, Doc(
            "Messages from phones nobody has fetched yet", "tell", InboxAnswer, query=InboxQuery, refusals=(400,))),
        ("/messages-api/1/reports", ends.omni_reports, None, Doc(
            "Reports nobody has fetched yet", "messages api", OmniReportsAnswer, query=OmniReportsQuery,
            refusals=(400,))),
        ("/messages-api/1/inbound", ends.omni_inbound, None, Doc(
            "Messages from phones nobody has fetched yet", "messages api", OmniInboundAnswer, query=OmniInboxQuery,
            refusals=(400,))),
    )  # fmt: skip
    for name, summary, model in (
        ("reports_v1", "Reports of messages sent through /mms/1", ReportsV1PushAnswer),
        ("reports_v2", "Reports of messages sent through /mms/2", ReportsV2Answer),
        ("reports_messages_api", "Reports of messages sent through the Messages API", OmniReportsAnswer),
        ("inbound", "Messages from phones, forwarded as MO_MMS_2", InboundPushAnswer),
    ):
        book.add_webhook(name, summary, model)
    for path, endpoint, rate, doc in rows:
        book.add("GET", path, door.guard(endpoint, rate), doc)


class _Endpoints:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._service: Service = door.service

    async def reports_v1(self, call: Call) -> Response:
        """Reports, older form."""
        views = await self._service.pull_reports(call.account, "v1", call.query(ReportsV1Query).filters())
        return json_response(results(map(report_v1, views)))

    async def reports_v2(self, call: Call) -> Response:
        """Reports."""
        views = await self._service.pull_reports(call.account, "v2", call.query(ReportsV2Query).filters())
        return json_response(results(map(report_v2, views)))

    async def omni_reports(self, call: Call) -> Response:
        """Reports of the Messages API."""
        query = call.query(OmniReportsQuery)
        if query.channel != "MMS":
            return json_response(results(()))
        views = await self._service.pull_reports(call.account, "messages", query.filters())
        return json_response(results(map(report_omni, views)))

    async def logs_v1(self, call: Call) -> Response:
        """Logs, older form."""
        views, _ = await self._service.logs(call.account, call.query(LogsV1Query, _LISTS).filters())
        base = self._door.base_url(call.request)
        return json_response(results(log_v1(view, base) for view in views))

    async def logs_v2(self, call: Call) -> Response:
        """Logs."""
        query = call.query(LogsV2Query, _LISTS)
        views, following = await self._service.logs(call.account, query.filters())
        base = self._door.base_url(call.request)
        members = results(log_v2(view, base) for view in views)
        if query.use_cursor and following:
            members["cursor"] = {"limit": query.limit, "nextCursor": following}
        return json_response(members)

    async def inbox(self, call: Call) -> Response:
        """Messages from phones."""
        query = call.query(InboxQuery)
        views = await self._service.pull_inbox(call.account, query.limit, query.entity_id, query.application_id)
        base = self._door.base_url(call.request)
        return json_response(results(inbound_pulled(view, base) for view in views))

    async def omni_inbound(self, call: Call) -> Response:
        """Messages from phones, Messages API."""
        query = call.query(OmniInboxQuery)
        views = []
        if query.channel == "MMS":
            views = await self._service.pull_inbox(call.account, query.limit, query.entity_id, query.application_id)
        base = self._door.base_url(call.request)
        members = results(inbound_omni(view, base) for view in views)
        return json_response({**members, "messageCount": len(views), "pendingMessageCount": 0})
