"""What is told of messages: receipts, reports, logs and phone-originated messages as each generation's members.

Clients are strict in places: prices are left out because one takes only floats and encoders print 0.0 as 0; `mccMnc`
is text but for the Messages API, where it is a number; every status has its five members; dates have `+0000`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway_adapter.api.fields import format_timestamp
from gateway_adapter.statuses import error_row, status_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway_adapter.model import InboundMedia, InboundView, LogView, Receipt, ReportView, Segment

__all__ = [
    "error_members",
    "inbound_messages_api",
    "inbound_pulled",
    "inbound_pushed",
    "log_v1",
    "log_v2",
    "receipt_v1",
    "receipt_v2",
    "report_messages_api",
    "report_v1",
    "report_v1_pushed",
    "report_v2",
    "status_members",
]

Members = dict[str, Any]


def status_members(status_id: int) -> Members:
    """A status as all generations have it."""
    row = status_row(status_id)
    return {
        "groupId": row.group,
        "groupName": row.group_name,
        "id": row.id,
        "name": row.name,
        "description": row.description,
    }


def error_members(error_id: int, *, permanent: bool = True) -> Members:
    """An error; the oldest generation does not say whether it is permanent."""
    row = error_row(error_id)
    told = {
        "groupId": row.group,
        "groupName": row.group_name,
        "id": row.id,
        "name": row.name,
        "description": row.description,
    }
    return {**told, "permanent": row.permanent} if permanent else told


def _known(members: Members) -> Members:
    """Without the members nothing is known of."""
    return {name: value for name, value in members.items() if value not in (None, "")}


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_timestamp(at_ms)


# --- receipts ------------------------------------------------------------------------------------------------


def receipt_v1(receipt: Receipt) -> Members:
    """Answer of `/mms/1/single` and `/mms/1/advanced`."""
    entries = [{"to": e.to, "status": status_members(e.status), "messageId": e.message_id} for e in receipt.entries]
    return {"bulkId": receipt.bulk_id, "messages": entries}


def receipt_v2(receipt: Receipt) -> Members:
    """Answer of `/mms/2/messages` and `/messages-api/1/messages`."""
    entries = [
        {"messageId": e.message_id, "status": status_members(e.status), "destination": e.to} for e in receipt.entries
    ]
    return {"bulkId": receipt.bulk_id, "messages": entries}


# --- reports -------------------------------------------------------------------------------------------------


def _report_base(view: ReportView) -> Members:
    return {
        "bulkId": view.bulk_id,
        "messageId": view.message_id,
        "to": view.to,
        "sentAt": format_timestamp(view.sent_at_ms),
        "doneAt": _moment(view.done_at_ms),
        "mccMnc": view.mcc_mnc,
        "callbackData": view.callback_data,
        "status": status_members(view.status),
    }


def report_v1(view: ReportView) -> Members:
    """A report of `GET /mms/1/reports`."""
    return _known(
        {
            **_report_base(view),
            "from": view.sender,
            "mmsCount": view.message_count,
            "error": error_members(view.error, permanent=False),
            "entityId": view.entity_id,
            "applicationId": view.application_id,
        }
    )


def report_v1_pushed(view: ReportView) -> Members:
    """A report pushed for a message of the older generations: `smsCount`, no sender."""
    return _known(
        {
            **_report_base(view),
            "smsCount": view.message_count,
            "error": error_members(view.error),
            "entityId": view.entity_id,
            "applicationId": view.application_id,
        }
    )


def report_v2(view: ReportView) -> Members:
    """A report of `GET /mms/2/reports`, pulled or pushed."""
    return _known(
        {
            **_report_base(view),
            "sender": view.sender,
            "messageCount": view.message_count,
            "error": error_members(view.error),
            "platform": _platform(view),
            "campaignReferenceId": view.campaign_reference,
        }
    )


def report_messages_api(view: ReportView) -> Members:
    """A report of the Messages API."""
    return _known(
        {
            "event": "DELIVERY",
            "channel": "MMS",
            "sender": view.sender,
            "destination": view.to,
            "sentAt": format_timestamp(view.sent_at_ms),
            # required by its clients, also where nothing is done yet
            "doneAt": format_timestamp(view.sent_at_ms if view.done_at_ms is None else view.done_at_ms),
            "bulkId": view.bulk_id,
            "messageId": view.message_id,
            "callbackData": view.callback_data,
            "messageCount": view.message_count,
            "mccMnc": int(view.mcc_mnc) if view.mcc_mnc.isdecimal() else None,
            "status": status_members(view.status),
            "error": error_members(view.error),
            "platform": _platform(view),
            "campaignReferenceId": view.campaign_reference,
        }
    ) | {"sender": view.sender, "bulkId": view.bulk_id}


def _platform(view: ReportView) -> Members | None:
    return _known({"entityId": view.entity_id, "applicationId": view.application_id}) or None


# --- logs ----------------------------------------------------------------------------------------------------


def _content_url(base_url: str, message_id: str, at: int, segment: Segment) -> str:
    """Where a segment's content is: where the customer said, or here."""
    return segment.url or f"{base_url}/messages/{message_id}/segments/{at}"


def log_v1(view: LogView, base_url: str) -> Members:
    """A line of `GET /mms/1/logs`."""
    report = report_v1(view.report)
    report.pop("callbackData", None)
    segments = []
    for at, segment in enumerate(view.segments):
        if segment.kind in {"text", "smil"}:
            segments.append(_known({"contentId": segment.content_id}) | {"text": segment.text})
        else:
            url = _content_url(base_url, view.report.message_id, at, segment)
            known = {"contentId": segment.content_id, "contentType": segment.media_type, "contentUrl": url}
            segments.append(_known(known))
    return {**report, "title": view.title, "messageSegments": segments}


def log_v2(view: LogView, base_url: str) -> Members:
    """A line of `GET /mms/2/logs`; every segment has one of the four types, content of older sends is a link."""
    report = report_v2(view.report)
    report.pop("callbackData", None)
    report["destination"] = report.pop("to", "")
    segments = [_segment_v2(s, base_url, view.report.message_id, at) for at, s in enumerate(view.segments)]
    content = {"title": view.title, "messageSegments": segments}
    return {**report, "title": view.title, "content": content}


def _segment_v2(segment: Segment, base_url: str, message_id: str, at: int) -> Members:
    named = _known({"contentId": segment.content_id})
    if segment.kind == "text":
        return {"type": "TEXT", **named, "text": segment.text}
    if segment.kind == "smil":
        return {"type": "SMIL", **named, "contentType": "application/smil", "smil": segment.text}
    if segment.kind == "upload":
        return {"type": "UPLOADED_REFERENCE", **named, "uploadedContentId": segment.upload_id}
    typed = _known({"contentType": segment.media_type})
    return {"type": "LINK", **named, **typed, "contentUrl": _content_url(base_url, message_id, at, segment)}


# --- from phones ---------------------------------------------------------------------------------------------


def _media_url(base_url: str, view: InboundView, at: int) -> str:
    return f"{base_url}/media/{view.message_id}/{at}?key={view.media_key}"


def _inbound_base(view: InboundView) -> Members:
    return {
        "messageId": view.message_id,
        "to": view.to,
        "from": view.sender,
        "receivedAt": format_timestamp(view.received_at_ms),
        "group": [{"to": number} for number in view.group] or None,
        "callbackData": view.callback_data,
        "entityId": view.entity_id,
        "applicationId": view.application_id,
    }


def inbound_pulled(view: InboundView, base_url: str) -> Members:
    """A message of `GET /mms/1/inbox/reports`: `message` is a string that holds JSON."""
    parts = []
    for at, part in enumerate(view.parts):
        named = {"contentType": part.media_type, "contentId": part.content_id}
        if part.text is None:
            parts.append({"origin": "media", **named, "url": _media_url(base_url, view, at)})
        else:
            parts.append({"origin": "text", **named, "value": part.text})
    told = {
        "mms_parts": parts,
        "userAgent": view.user_agent or None,
        "priority": None,
        "subject": view.subject or None,
    }
    return _known(
        {**_inbound_base(view), "message": json.dumps(told, ensure_ascii=False, separators=(",", ":")), "mmsCount": 1}
    )


def inbound_pushed(view: InboundView, base_url: str) -> Members:
    """A message as it is pushed (`MO_MMS_2`): `message` is a list of parts, each with `url` or `value`."""
    parts = [
        {"contentType": part.media_type, "url": _media_url(base_url, view, at)}
        if part.text is None
        else {"contentType": part.media_type, "value": part.text}
        for at, part in enumerate(view.parts)
    ]
    return _known({**_inbound_base(view), "userAgent": view.user_agent}) | {"message": parts}


_KINDS = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO"}


def inbound_messages_api(view: InboundView, base_url: str) -> Members:
    """A message of the Messages API: a list of contents, each with its type."""
    told = [_content_text("SUBJECT", view.subject, "")] if view.subject else []
    told += [_content_item(part, _media_url(base_url, view, at), view.keyword) for at, part in enumerate(view.parts)]
    platform = _known({"entityId": view.entity_id, "applicationId": view.application_id}) or None
    return {
        "event": "MO",
        "channel": "MMS",
        "sender": view.sender,
        "destination": view.to,
        "content": told,
        "receivedAt": format_timestamp(view.received_at_ms),
        "messageId": view.message_id,
        "messageCount": 1,
        **_known({"callbackData": view.callback_data, "platform": platform}),
    }


def _content_item(part: InboundMedia, url: str, keyword: str) -> Members:
    if part.text is not None:
        return _content_text("TEXT", part.text, keyword)
    return {"type": _KINDS.get(part.media_type.partition("/")[0], "FILE"), "url": url}


def _content_text(kind: str, text: str, keyword: str) -> Members:
    begins = bool(keyword) and text.lstrip().lower().startswith(keyword.lower())
    clean = text.lstrip()[len(keyword) :].strip() if begins else text
    return {"type": kind, "text": text, "cleanText": clean, **({"keyword": keyword} if begins else {})}


def results(members: Iterable[Members]) -> Members:
    """A list as all generations wrap it."""
    return {"results": list(members)}
