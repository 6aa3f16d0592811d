"""Bodies of webhooks: what is posted to a customer, JSON or XML, in the shape of the generation it was sent with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from gateway_adapter.api.responses import (
    InboundPushResponse,
    MessagesApiReportsResponse,
    ReportsV1PushResponse,
    ReportsV2Response,
    ReportV1PushResponse,
    ReportV2Response,
    ResponseBody,
    to_json,
    to_members,
)
from gateway_adapter.api.serializers import inbound_pushed, report_messages_api
from gateway_adapter.api.xml_codec import to_xml
from gateway_adapter.model import Generation, InboundView, ReportView

JSON = "application/json"
XML = "application/xml"


def _reports_v1(views: Sequence[ReportView]) -> ResponseBody:
    return ReportsV1PushResponse(results=[ReportV1PushResponse.of(view) for view in views])


def _reports_v2(views: Sequence[ReportView]) -> ResponseBody:
    return ReportsV2Response(results=[ReportV2Response.of(view) for view in views])


def _reports_messages_api(views: Sequence[ReportView]) -> ResponseBody:
    return MessagesApiReportsResponse(results=[report_messages_api(view) for view in views])


# Generation -> the body, its XML root, and the name of a list item in XML.
_BY_GENERATION: Mapping[Generation, tuple[Callable[[Sequence[ReportView]], ResponseBody], str, str]] = MappingProxyType(
    {
        "single": (_reports_v1, "MmsReportRequest", "results"),
        "advanced": (_reports_v1, "MmsReportRequest", "results"),
        "v2": (_reports_v2, "DeliveryReports", "result"),
        "messages": (_reports_messages_api, "DeliveryReports", "result"),
    }
)


def render_reports(views: Sequence[ReportView], generation: Generation, *, xml: bool = False) -> tuple[str, bytes]:
    """Content type and body of a webhook with delivery reports."""
    fill, root, item = _BY_GENERATION[generation]
    return _rendered(fill(views), root, {"results": item}, xml=xml)


def render_inbound(views: Sequence[InboundView], base_url: str, *, xml: bool = False) -> tuple[str, bytes]:
    """Content type and body of a webhook with messages from phones (`MO_MMS_2`); media are links below *base_url*."""
    # Infobip's MO_MMS_2
    results = [inbound_pushed(view, base_url) for view in views]
    body = InboundPushResponse(results=results, message_count=len(views), pending_message_count=0)
    return _rendered(body, "InboundMessages", {"results": "result", "message": "part", "group": "member"}, xml=xml)


def _rendered(body: ResponseBody, root: str, items: Mapping[str, str], *, xml: bool) -> tuple[str, bytes]:
    return (XML, to_xml(root, to_members(body), items=items)) if xml else (JSON, to_json(body))
