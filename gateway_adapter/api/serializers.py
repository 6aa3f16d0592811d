"""Fills the response bodies that need more than one view's attributes: logs, messages from phones, whole messages."""

from __future__ import annotations

import json
from typing import Literal

from gateway_adapter.api import responses
from gateway_adapter.api.fields import format_timestamp
from gateway_adapter.api.responses import MessagesApiContentResponse, SegmentV1Response, SegmentV2Response
from gateway_adapter.model import InboundView, LogView, MessageView, Receipt, ReportView, Segment


def receipt_v1(receipt: Receipt) -> responses.SendV1Response:
    """The response of `/mms/1/single` and `/mms/1/advanced`."""
    return responses.SendV1Response.of(receipt, messages=[responses.SentV1Response.of(e) for e in receipt.entries])


def receipt_v2(receipt: Receipt) -> responses.SendV2Response:
    """The response of `/mms/2/messages` and `/messages-api/1/messages`."""
    return responses.SendV2Response.of(receipt, messages=[responses.SentV2Response.of(e) for e in receipt.entries])


# --- reports -------------------------------------------------------------------------------------------------------


def report_v1(view: ReportView) -> responses.ReportV1Response:
    """A report of `GET /mms/1/reports`."""
    return responses.ReportV1Response.of(view, error=responses.error_v1(view.error))


def report_messages_api(view: ReportView) -> responses.MessagesApiReportResponse:
    """A report of the Messages API."""
    return responses.MessagesApiReportResponse.of(
        view,
        event="DELIVERY",
        channel="MMS",
        # its clients require the member, also where nothing is done yet
        done_at=format_timestamp(view.sent_at_ms if view.done_at_ms is None else view.done_at_ms),
        mcc_mnc=int(view.mcc_mnc) if view.mcc_mnc.isdecimal() else None,
    )


# --- logs ----------------------------------------------------------------------------------------------------------


def _content_url(base_url: str, message_id: str, index: int, segment: Segment) -> str:
    """Where a segment's content is: at the customer's own URL, or here."""
    return segment.url or f"{base_url}/messages/{message_id}/segments/{index}"


def log_v1(view: LogView, base_url: str) -> responses.LogV1Response:
    """A line of `GET /mms/1/logs`."""
    segments = [_segment_v1(one, base_url, view.report.message_id, at) for at, one in enumerate(view.segments)]
    error = responses.error_v1(view.report.error)
    return responses.LogV1Response.of(view.report, error=error, title=view.title, message_segments=segments)


def _segment_v1(segment: Segment, base_url: str, message_id: str, index: int) -> SegmentV1Response:
    name = segment.content_id or None
    if segment.kind in {"text", "smil"}:
        return SegmentV1Response(content_id=name, text=segment.text)
    url = _content_url(base_url, message_id, index, segment)
    return SegmentV1Response(content_id=name, content_type=segment.media_type or None, content_url=url)


def log_v2(view: LogView, base_url: str) -> responses.LogV2Response:
    """A line of `GET /mms/2/logs`."""
    content = responses.LogContentResponse(title=view.title, message_segments=_segments_v2(view, base_url))
    return responses.LogV2Response.of(view.report, title=view.title, content=content)


def _segments_v2(view: LogView, base_url: str) -> list[SegmentV2Response]:
    return [_segment_v2(one, base_url, view.report.message_id, at) for at, one in enumerate(view.segments)]


def _segment_v2(segment: Segment, base_url: str, message_id: str, index: int) -> SegmentV2Response:
    """One of the four types of the newer generation; content of older sends is a link."""
    name = segment.content_id or None
    match segment.kind:
        case "text":
            return SegmentV2Response(type="TEXT", content_id=name, text=segment.text)
        case "smil":
            return SegmentV2Response(type="SMIL", content_id=name, content_type="application/smil", smil=segment.text)
        case "upload":
            return SegmentV2Response(type="UPLOADED_REFERENCE", content_id=name, uploaded_content_id=segment.upload_id)
        case _:
            url = _content_url(base_url, message_id, index, segment)
            return SegmentV2Response(
                type="LINK", content_id=name, content_type=segment.media_type or None, content_url=url
            )


def message_response(view: MessageView, base_url: str) -> responses.MessageResponse:
    """Everything known of one message."""
    return responses.MessageResponse.of(
        view,
        report=responses.ReportV2Response.of(view.log.report),
        title=view.log.title,
        segments=_segments_v2(view.log, base_url),
        steps=[responses.StepResponse.of(step) for step in view.steps],
    )


# --- messages from phones ------------------------------------------------------------------------------------------


def _media_url(base_url: str, view: InboundView, index: int) -> str:
    return f"{base_url}/media/{view.message_id}/{index}?key={view.media_key}"


def inbound_pulled(view: InboundView, base_url: str) -> responses.InboundResponse:
    """A message of `GET /mms/1/inbox/reports`: `message` is a string that holds JSON."""
    parts = []
    for at, part in enumerate(view.parts):
        named = {"contentType": part.media_type, "contentId": part.content_id}
        if part.text is None:
            parts.append({"origin": "media", **named, "url": _media_url(base_url, view, at)})
        else:
            parts.append({"origin": "text", **named, "value": part.text})
    # Infobip's pulled messages hold their parts as JSON in a string
    packed = {
        "mms_parts": parts,
        "userAgent": view.user_agent or None,
        "priority": None,
        "subject": view.subject or None,
    }
    text = json.dumps(packed, ensure_ascii=False, separators=(",", ":"))
    return responses.InboundResponse.of(view, message=text, mms_count=1)


def inbound_pushed(view: InboundView, base_url: str) -> responses.InboundPushedResponse:
    """A message as it is pushed (`MO_MMS_2`): `message` is a list of parts, each with `url` or `value`."""
    parts = [
        responses.InboundPartResponse(
            content_type=part.media_type,
            url=_media_url(base_url, view, at) if part.text is None else None,
            value=part.text,
        )
        for at, part in enumerate(view.parts)
    ]
    return responses.InboundPushedResponse.of(view, message=parts)


_CONTENT_TYPES: dict[str, Literal["IMAGE", "AUDIO", "VIDEO"]] = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO"}


def inbound_messages_api(view: InboundView, base_url: str) -> responses.MessagesApiInboundMessage:
    """A message of the Messages API: a list of contents, each with its type."""
    content = [_text_content("SUBJECT", view.subject, "")] if view.subject else []
    for at, part in enumerate(view.parts):
        if part.text is None:
            kind = part.media_type.partition("/")[0]
            url = _media_url(base_url, view, at)
            content.append(MessagesApiContentResponse(type=_CONTENT_TYPES.get(kind) or "FILE", url=url))
        else:
            content.append(_text_content("TEXT", part.text, view.keyword))
    return responses.MessagesApiInboundMessage.of(view, event="MO", channel="MMS", content=content, message_count=1)


def _text_content(kind: Literal["SUBJECT", "TEXT"], text: str, keyword: str) -> MessagesApiContentResponse:
    # Infobip: cleanText is the text without its keyword
    begins = bool(keyword) and text.lstrip().lower().startswith(keyword.lower())
    clean = text.lstrip()[len(keyword) :].strip() if begins else text
    return MessagesApiContentResponse(type=kind, text=text, clean_text=clean, keyword=keyword if begins else None)
