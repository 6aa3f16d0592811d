"""What the connectors share: numbers, envelopes, MM statuses, size limits, headers and JSON, content from phones.

statuses.py maps an MM status to the status and error that customers see.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import mmscontent as mms
from gateway_adapter.connectors.base import SubmitRequest, SubmitResult
from gateway_adapter.model import InboundPart
from gateway_adapter.statuses import MM_STATUSES, MmStatus

# --- numbers -------------------------------------------------------------------------------------------------------

# Short codes have at most six digits; longer numbers are international (ITU-T E.164)
_SHORT_CODE_DIGITS = 6
_DIGITS_AT_A_DOMAIN = re.compile(r"\+?([0-9]{7,15})@[^@\s]+")  # an MMSC's own mailbox form of a phone's number


def add_plus(number: str) -> str:
    """A number as the wire forms take it: `12065550100` gets its plus, short codes and names stay."""
    is_long = number.isascii() and number.isdecimal() and len(number) > _SHORT_CODE_DIGITS
    return f"+{number}" if is_long else number


def normalize_numbers(addresses: Iterable[str]) -> tuple[str, ...]:
    """Several addresses as `normalize_number` keeps each."""
    return tuple(normalize_number(address) for address in addresses)


def normalize_number(address: str) -> str:
    """A number as this service keeps it: digits without a plus; short codes, names and e-mail addresses as they are."""
    # QUIRK: MMSCs send a phone's number as a mailbox, +12065550100@mms.example
    named = _DIGITS_AT_A_DOMAIN.fullmatch(address)
    if named:
        return named[1]
    bare = address.lstrip("+").translate({ord(c): None for c in " -.()"})
    return bare if bare.isascii() and bare.isdecimal() else address


def envelope_of(submit: SubmitRequest, *, date_s: int | None = None) -> mms.Envelope:
    """The envelope of a submission, its numbers with their plus."""
    return mms.Envelope(
        sender=add_plus(submit.sender),
        to=tuple(add_plus(number) for number in submit.to),
        expiry_s=submit.expiry_s,
        delivery_report=submit.delivery_report,
        date_s=date_s,
        transaction_id=submit.transaction_id,
    )


# --- MM statuses ---------------------------------------------------------------------------------------------------

# MMStatusExtension (23.140 Rel-6): "rejected" alone is the recipient's doing, this one the other network's.
_BY_THE_NETWORK = MmStatus(4, 15008, final=True)
_EXTENSION = "rejectionbyotherrs"


def map_status(status: str, extension: str = "") -> MmStatus | None:
    """The status and error of an MM status; None for one that 23.140 does not define."""
    # 23.140 MMStatus; vendors differ in case
    word = status.strip().lower()
    if word == "rejected" and extension.strip().lower() == _EXTENSION:
        return _BY_THE_NETWORK
    return MM_STATUSES.get(word)


# --- sizes ---------------------------------------------------------------------------------------------------------

_ABOUT_SIZE = re.compile(
    r"too\s+(?:large|big)|(?:message|content)\s+(?:is\s+)?too\s+long|\bsize\b|oversize"
    r"|exceed\w*\s+\w*\s*(?:limit|maximum)",
    re.IGNORECASE,
)
_SIZE = re.compile(r"([0-9][0-9.,']{0,14})\s*(bytes?|octets?|b|ki?b?|mi?b?)\b", re.IGNORECASE)
# Words that stand before a limit in a refusal, not before the message's own size
_LIMIT_WORD = re.compile(
    r"\b(?:limit|max(?:imum)?|at most|up to|exceed\w*|(?:larger|bigger|more|greater) than|only|over|takes)\b",
    re.IGNORECASE,
)
# 1 KB is read as 1,024 bytes
_UNITS = {"b": 1, "k": 1024, "m": 1024 * 1024, "o": 1}
_LEAST_LIMIT, _MOST_LIMIT = 10_000, 100_000_000  # smaller or larger numbers in such a sentence are no MMS limits


def mentions_size(text: str) -> bool:
    """Whether the text of a refusal blames the size."""
    return _ABOUT_SIZE.search(text) is not None


def parse_size_limit(text: str) -> int | None:
    """The limit in bytes a refusal names: the smallest amount behind a word for a limit.

    An amount before such a word is the message's own size, rounded; used as the limit it would be exceeded again.
    """
    word = _LIMIT_WORD.search(text)
    if word is None:
        return None
    amounts = (_bytes_of(match[1], match[2]) for match in _SIZE.finditer(text, word.end()))
    return min((size for size in amounts if size is not None), default=None)


def too_large(status: int, summary: str, text: str) -> SubmitResult:
    """The result of a refusal for the size; *text* may name the limit."""
    return SubmitResult("too_large", status=status, error=15026, limit_bytes=parse_size_limit(text), text=summary)


def _bytes_of(number: str, unit: str) -> int | None:
    # Thousands may be grouped with comma, apostrophe or point: 300,000 · 300'000 · 300.000
    digits = re.sub(r"[,'](?=[0-9]{3}\b)|(?<=[0-9])\.(?=[0-9]{3}\b)", "", number).rstrip(".,'")
    try:
        size = int(float(digits) * _UNITS[unit[0].lower()])
    except ValueError:
        return None
    return size if _LEAST_LIMIT <= size <= _MOST_LIMIT else None


# --- headers and JSON of the other side ----------------------------------------------------------------------------

_MAX_WAIT_DIGITS = 5  # a day in seconds


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header, "" when it is absent."""
    return next((value for key, value in headers.items() if key.lower() == name), "")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After (RFC 9110 section 10.2.3); its date form is not read."""
    text = header(headers, "retry-after")
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_WAIT_DIGITS else None


def json_object(data: bytes) -> dict[str, Any]:
    """The JSON object of a body, an empty one for anything else."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def json_text(row: Mapping[str, Any], key: str) -> str:
    """A member that is a string, else ""."""
    value = row.get(key)
    return value if isinstance(value, str) else ""


def json_int(row: Mapping[str, Any], key: str) -> int:
    """A member that is a whole number, else 0."""
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


# --- content from a phone ------------------------------------------------------------------------------------------


def inbound_parts(content: mms.Content) -> tuple[InboundPart, ...]:
    """The parts of a phone's message, its presentation first; text is decoded."""
    first = () if content.presentation is None else (content.presentation,)
    return tuple(
        InboundPart(part.media_type, part.content_location or part.content_id or part.name, part.data, _decoded(part))
        for part in (*first, *content.parts)
    )


def _decoded(part: mms.Part) -> str | None:
    if part.media_type != "text/plain":
        return None
    try:
        # An unknown charset is read as UTF-8; bytes that do not fit become U+FFFD
        return part.data.decode(part.charset or "utf-8", errors="replace")
    except LookupError:
        return part.data.decode("utf-8", errors="replace")


def joined_text(parts: tuple[InboundPart, ...]) -> str:
    """The text a phone's user typed: the text parts in order, joined by line breaks."""
    return "\n".join(part.text for part in parts if part.text)


def digest_id(data: bytes) -> str:
    """An id for a request that has none of its own: the same bytes give the same id, so that a repeat is known."""
    return "h" + hashlib.sha256(data).hexdigest()[:32]
