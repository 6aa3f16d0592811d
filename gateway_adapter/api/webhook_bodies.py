"""Bodies of webhooks: what is posted to a customer, JSON or XML, in the shape of the generation it was sent with."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from gateway_adapter.api.serializers import inbound_pushed, report_messages_api, report_v1_pushed, report_v2
from gateway_adapter.api.xml_codec import to_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway_adapter.model import Generation, InboundView, ReportView

__all__ = ["JSON", "XML", "render_inbound", "render_reports"]

JSON = "application/json"
XML = "application/xml"

# How one report is told, the XML root, and what an item of the list is called in XML.
_BY_GENERATION: Mapping[Generation, tuple[Callable[[ReportView], dict[str, Any]], str, str]] = MappingProxyType(
    {
        "single": (report_v1_pushed, "MmsReportRequest", "results"),
        "advanced": (report_v1_pushed, "MmsReportRequest", "results"),
        "v2": (report_v2, "DeliveryReports", "result"),
        "messages": (report_messages_api, "DeliveryReports", "result"),
    }
)


def render_reports(views: Sequence[ReportView], generation: Generation, *, xml: bool = False) -> tuple[str, bytes]:
    """Content type and body that push delivery reports."""
    tell, root, item = _BY_GENERATION[generation]
    body = {"results": [tell(view) for view in views]}
    return (XML, to_xml(root, body, items={"results": item})) if xml else (JSON, to_json(body))


def render_inbound(views: Sequence[InboundView], base_url: str, *, xml: bool = False) -> tuple[str, bytes]:
    """Content type and body that push phone-originated messages (`MO_MMS_2`); media are links below *base_url*."""
    body = {
        "results": [inbound_pushed(view, base_url) for view in views],
        "messageCount": len(views),
        "pendingMessageCount": 0,
    }
    names = {"results": "result", "message": "part", "group": "member"}
    return (XML, to_xml("InboundMessages", body, items=names)) if xml else (JSON, to_json(body))
