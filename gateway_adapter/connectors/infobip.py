"""Sends and receives through the aggregator's own API: this gateway in front of Infobip. docs/southbound.md says why.

Submissions go to `/mms/2/messages`, the current generation, which has no base64: media go up first, to
`/mms/1/content`, and are named by the id of the answer; text and presentation stand in the message. The submission's
transaction id is its messageId: a repeat is refused as a duplicate, so it counts as accepted. In come its webhooks,
delivery reports of both generations and messages from phones, as JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from gateway_adapter.connectors import common
from gateway_adapter.connectors.base import (
    Connection,
    OperatorRequest,
    OperatorResponse,
    SubmitRequest,
    SubmitResult,
    Upload,
)
from gateway_adapter.connectors.common import json_int, json_object, json_text
from gateway_adapter.errors import Refused
from gateway_adapter.model import Event, InboundPart
from gateway_adapter.statuses import ERRORS, GENERAL_STATUS, STATUSES, is_final

if TYPE_CHECKING:
    import mmscontent as mms

ENCODING = "mime-binary"  # Infobip counts attachments, headers and metadata together, unencoded
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "scheme": "App, Basic, IBSSO or Bearer before the connection's secret; App when not given",
        "entity_id": "platform.entityId of every message",
        "application_id": "platform.applicationId of every message",
    }
)
_Json = dict[str, Any]


# --- out -----------------------------------------------------------------------------------------------------------

_UPLOAD_MINUTES = "4320"  # three days: longer than any message may wait
_MAX_TITLE, _MAX_TEXT, _MAX_VALIDITY_S = 66, 4096, 48 * 3600
_CONTENT_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{0,14}\.[A-Za-z0-9]{1,4}")  # under 20 letters and digits, and an ending
_SRC = re.compile(rb"""(\ssrc\s*=\s*)(["'])([^"'<>]*)\2""", re.IGNORECASE)


def write_submit(submit: SubmitRequest, connection: Connection) -> OperatorRequest:
    """The message of /mms/2/messages, and the uploads that go before it."""
    if len(submit.subject) > _MAX_TITLE:
        raise Refused(
            f"connection {connection.name} takes subjects of {_MAX_TITLE} characters, this one has "
            f"{len(submit.subject)}; shorten the title",
            field="title",
            error=15203,
        )
    segments, uploads = _segments(submit.content, connection)
    message: _Json = {
        "sender": submit.sender,
        "destinations": [_destination(submit)],
        "content": {"title": submit.subject, "messageSegments": segments},
        "options": _options(submit, connection),
        "webhooks": _webhooks(submit, connection),
    }
    message["content"] = {key: value for key, value in message["content"].items() if value}
    filled = {key: value for key, value in message.items() if value}
    body = json.dumps({"messages": [filled]}, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    headers = {**_headers(connection), "Content-Type": "application/json"}
    return OperatorRequest("POST", f"{connection.url}/mms/2/messages", headers, body, uploads)


def _headers(connection: Connection) -> dict[str, str]:
    scheme = connection.options.get("scheme", "App")
    return {"Authorization": f"{scheme} {connection.secret}", "Accept": "application/json"}


def _destination(submit: SubmitRequest) -> _Json:
    # A group is one entry of `destinations` with up to 200 members
    if len(submit.to) == 1:
        return {"to": submit.to[0], "messageId": submit.transaction_id}
    members = enumerate(submit.to, 1)
    return {"group": [{"to": to, "messageId": f"{submit.transaction_id}{_MEMBER}{n}"} for n, to in members]}


_MEMBER = ".g"  # a member's id is its group's, this, and a number: an event names the group's, and the member by `to`
_OF_GROUP = re.compile(r"\.g[0-9]{1,3}\Z")


def _submission_id(message_id: str) -> str:
    return _OF_GROUP.sub("", message_id)


def _options(submit: SubmitRequest, connection: Connection) -> _Json:
    found: _Json = {}
    # validityPeriod: 48 hours at most
    if submit.expiry_s is not None:
        found["validityPeriod"] = {"amount": min(submit.expiry_s, _MAX_VALIDITY_S), "timeUnit": "SECONDS"}
    named = (("entityId", "entity_id"), ("applicationId", "application_id"))
    platform = {name: connection.options[key] for name, key in named if key in connection.options}
    return found | ({"platform": platform} if platform else {})


def _webhooks(submit: SubmitRequest, connection: Connection) -> _Json:
    """Where reports on this message go.

    A URL of a single message is called without authorization, so it is named only where the aggregator is known by its
    network; else the account's subscription, which can have one, says where reports go.
    """
    # webhooks.delivery.notify false: no report is sent anywhere
    if not submit.delivery_report:
        return {"delivery": {"notify": False}}
    if not (submit.report_url and connection.inbound_networks):
        return {}
    delivery = {"url": submit.report_url, "intermediateReport": False, "notify": True}
    return {"delivery": delivery, "contentType": "application/json"}


def _segments(content: mms.Content, connection: Connection) -> tuple[list[_Json], tuple[Upload, ...]]:
    """The segments in order, presentation first, and the uploads they refer to."""
    names = {id(part): _name(part, number) for number, part in enumerate(content.parts, 1)}
    segments: list[_Json] = []
    uploads: list[Upload] = []
    # The SMIL segment goes first; its references use the contentIds of the other segments
    if content.presentation is not None:
        smil = _renamed(content, names).decode("utf-8", errors="replace")
        segments.append({"type": "SMIL", "contentId": "smil", "contentType": "application/smil", "smil": smil})
    for part in content.parts:
        text = _as_text(part)
        if text is not None:
            segments.append({"type": "TEXT", "contentId": names[id(part)], "text": text})
            continue
        upload = _upload(part, names[id(part)], connection)
        uploads.append(upload)
        segments.append(
            {"type": "UPLOADED_REFERENCE", "contentId": names[id(part)], "uploadedContentId": f"@{upload.key}"}
        )
    return segments, tuple(uploads)


def _as_text(part: mms.Part) -> str | None:
    """The words of a text segment; None for what goes up as a file."""
    if part.media_type != "text/plain":
        return None
    try:
        text = part.data.decode(part.charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return None
    return text if len(text) <= _MAX_TEXT else None


def _name(part: mms.Part, number: int) -> str:
    """The contentId of a part: its own name where carriers accept its form, else a generated one."""
    # Some carriers behind the aggregator accept only short names of letters, digits and an ending
    if _CONTENT_ID.fullmatch(part.content_location):
        return part.content_location
    suffix = re.sub(r"[^A-Za-z0-9]", "", part.content_location.rpartition(".")[2])[:4] if part.content_location else ""
    return f"part{number}.{suffix or 'bin'}"


def _renamed(content: mms.Content, names: Mapping[int, str]) -> bytes:
    """The presentation, its references changed to the contentIds."""
    places: dict[bytes, bytes] = {}
    for part in content.parts:
        for old in (part.content_location, part.name, f"cid:{part.content_id}", part.content_id):
            if old not in ("", "cid:"):
                places.setdefault(old.encode(), names[id(part)].encode())
    data = content.presentation.data if content.presentation is not None else b""
    return _SRC.sub(lambda m: m[1] + m[2] + places.get(m[3], m[3]) + m[2], data)


def _upload(part: mms.Part, name: str, connection: Connection) -> Upload:
    headers = {
        **_headers(connection),
        "Content-Type": part.media_type,
        "X-Content-Id": name,
        "X-Media-Type": part.media_type,
        "X-Validity-Period-Minutes": _UPLOAD_MINUTES,
    }
    key = hashlib.sha256(b"\n".join((part.media_type.encode(), name.encode(), part.data))).hexdigest()
    request = OperatorRequest("POST", f"{connection.url}/mms/1/content", headers, part.data)
    # In a customer's own words the quotation mark would be escaped, so this stands in the body once a segment.
    return Upload(request, key, "uploadedContentId", f'"@{key}"'.encode("ascii"))


# --- the answer ----------------------------------------------------------------------------------------------------

_OUR_ACCOUNT_S = 300.0  # the account is turned away, not the message
# Infobip's status ids (response-status-and-error-codes) that have a meaning of their own here.
_DUPLICATE, _NO_CREDIT, _SYSTEM, _TOO_LONG = 23, 12, 21, 25
_REJECTED = frozenset({2, 4, 5})  # status groups UNDELIVERABLE, EXPIRED, REJECTED
_UNAUTHORISED = frozenset({401, 403, 404})
_TOO_LARGE, _TOO_MANY, _CLIENT = 413, 429, range(400, 500)


def read_answer(response: OperatorResponse, connection: Connection) -> SubmitResult:  # noqa: ARG001  # the shape is the carriers'
    """Interpret the response to a message, or to the upload before it that failed."""
    found = json_object(response.body)
    if response.status not in range(200, 300):
        return _not_taken(response, found)
    messages = found.get("messages")
    first = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
    status = first.get("status")
    if not isinstance(status, dict):
        return SubmitResult("again", text=f"HTTP {response.status} without a message's status")
    group, number, summary = json_int(status, "groupId"), json_int(status, "id"), json_text(status, "name")
    # 23 REJECTED_DUPLICATE_MESSAGE_ID: an earlier attempt was accepted, its answer got lost.
    if group not in _REJECTED or number == _DUPLICATE:
        return SubmitResult("taken", _submission_id(json_text(first, "messageId")), 7, text=summary)
    # 12 and 21 REJECTED_SYSTEM_ERROR are not about this message; its validity period ends the attempts.
    if number in (_NO_CREDIT, _SYSTEM):
        return SubmitResult("again", status=number, error=15000, retry_after_s=_OUR_ACCOUNT_S, text=summary)
    # 25: the message is too long for the network
    if number == _TOO_LONG:
        return SubmitResult("too_large", status=number, error=15026, text=summary)
    return SubmitResult(
        "refused", status=_known(number, group), error=15008, text=f"{summary} {json_text(status, 'description')}"
    )


def _not_taken(response: OperatorResponse, found: _Json) -> SubmitResult:
    summary = f"HTTP {response.status} {_complaint(found)}".strip()
    # 413: the upload or the whole request
    if response.status == _TOO_LARGE:
        return common.too_large(25, summary, summary)
    seconds = common.retry_after_s(response.headers)
    # The account is refused, not the message.
    if response.status in _UNAUTHORISED:
        return SubmitResult("again", status=19, error=15023, retry_after_s=seconds or _OUR_ACCOUNT_S, text=summary)
    # 429 and 5xx are tried again, other 4xx are about the request
    if response.status in _CLIENT and response.status != _TOO_MANY:
        return SubmitResult("refused", status=100, error=15200, text=summary)
    return SubmitResult("again", error=15000, retry_after_s=seconds, text=summary)


def _complaint(found: _Json) -> str:
    """The sentence of any of its error bodies."""
    inner = found.get("requestError")
    exception = inner.get("serviceException") if isinstance(inner, dict) else None
    old = json_text(exception, "text") if isinstance(exception, dict) else ""
    return " ".join(filter(None, (json_text(found, "description"), json_text(found, "errorMessage"), old)))[:400]


def _known(number: int, group: int) -> int:
    return number if number in STATUSES else GENERAL_STATUS.get(group, 99)


# --- in ------------------------------------------------------------------------------------------------------------


def read_events(request: OperatorRequest, connection: Connection) -> tuple[Event, ...]:
    """Delivery reports, or messages from phones: a list of either."""
    results = json_object(request.body).get("results")
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        raise Refused(f"connection {connection.name}: the webhook has no list of results", field="results")
    return tuple(_delivered(row) if "message" in row else _reported(row) for row in results)


def _reported(row: _Json) -> Event:
    status, error = row.get("status"), row.get("error")
    # A delivery report of /mms/1 or /mms/2: both have messageId, status and error
    if not isinstance(status, dict) or not json_text(row, "messageId"):
        raise Refused("a result has neither a message nor a messageId with a status", field="results")
    number = _known(json_int(status, "id"), json_int(status, "groupId"))
    code = json_int(error, "id") if isinstance(error, dict) else 0
    return Event(
        "delivery",
        operator_message_id=_submission_id(json_text(row, "messageId")),
        sender=json_text(row, "sender") or json_text(row, "from"),
        to=_numbers([row], "to"),
        status=number,
        error=code if code in ERRORS else 15000,
        final=is_final(number),
        at_ms=_milliseconds(json_text(row, "doneAt")),
    )


def _delivered(row: _Json) -> Event:
    parts = tuple(_part(part, number) for number, part in enumerate(_parts_of(row), 1))
    rest = row.get("group")
    others = [entry for entry in rest if isinstance(entry, dict)] if isinstance(rest, list) else []
    return Event(
        "inbound",
        operator_message_id=json_text(row, "messageId") or common.digest_id(json.dumps(row, sort_keys=True).encode()),
        sender=common.normalize_number(json_text(row, "from")),
        to=_numbers([row, *others], "to"),
        cc=_numbers(others, "cc"),
        at_ms=_milliseconds(json_text(row, "receivedAt")),
        user_agent=json_text(row, "userAgent"),
        parts=parts,
        text=common.joined_text(parts),
    )


def _numbers(rows: list[_Json], key: Literal["to", "cc"]) -> tuple[str, ...]:
    """Each number once, in order."""
    return tuple(dict.fromkeys(common.normalize_numbers(filter(None, (json_text(row, key) for row in rows)))))


def _parts_of(row: _Json) -> list[_Json]:
    found = row["message"]
    # QUIRK: pulled messages hold the list of parts as JSON in a string
    if isinstance(found, str):  # the pulled form: JSON inside a string
        found = json_object(found.encode("utf-8")).get("mms_parts")
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        raise Refused("message of a result is not a list of parts", field="message")
    return found


def _part(part: _Json, number: int) -> InboundPart:
    media_type = json_text(part, "contentType").partition(";")[0].strip().lower()
    url, value = json_text(part, "url"), part.get("value")
    if not url and not isinstance(value, str):
        raise Refused("a part has neither url nor value", field="message")
    text = value if isinstance(value, str) and media_type in ("text/plain", "") else None
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""
    name = json_text(part, "contentId") or f"content{number}"
    return InboundPart(media_type or "text/plain", name, data, text, url if not data else "")


def write_event_answer(events: tuple[Event, ...], error: str, connection: Connection) -> OperatorResponse:  # noqa: ARG001
    """200 acknowledges a webhook; after any other status the aggregator sends it again."""
    if not events and error:
        return OperatorResponse(400, {"Content-Type": "text/plain; charset=utf-8"}, error.encode("utf-8", "replace"))
    return OperatorResponse(503 if error else 200, {"Content-Type": "application/json"}, b"{}")


def _milliseconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Infobip's dates always carry an offset; one without is not trusted
    return None if moment.tzinfo is None else int(moment.timestamp() * 1000)
