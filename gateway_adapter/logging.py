"""Structured logs, one JSON object per line, with phone numbers and secrets redacted.

A phone number keeps its first three and last two digits; keys, signatures and passwords keep nothing.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

# Digits that may be a phone number, but not those of a hexadecimal id, a decimal fraction or a size.
_NUMBER = re.compile(r"(?<![\w.-])\+?(\d{3})\d{2,12}(\d{2})(?![\w.-])")
# The schemes of an Authorization header (App and IBSSO are Infobip's), wherever they occur in a text.
_CREDENTIAL = re.compile(r"\b(App|Basic|Bearer|IBSSO)\s+[A-Za-z0-9+/=._~:-]{4,}", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/@\s]+:[^/@\s]+@")
_QUERY = re.compile(r"([?&](?:key|token|apikey|api_key|password|secret|signature)=)[^&\s]+", re.IGNORECASE)
_SECRET_KEYS = re.compile(r"secret|password|authorization|api_?key|token|signature", re.IGNORECASE)
# Fields whose value is a count, a time or an id of ours: a long number there is no phone number.
_UNREDACTED_KEYS = frozenset(
    {"at_ms", "bytes", "size", "limit_bytes", "count", "port", "status", "error_id", "row", "elapsed_ms"}
)

logger: structlog.stdlib.BoundLogger = structlog.get_logger("mms-gateway")


def redact(text: str) -> str:
    """The text with phone numbers and credentials redacted."""
    text = _CREDENTIAL.sub(r"\1 …", text)
    text = _IN_URL.sub("…@", text)
    text = _QUERY.sub(r"\1…", text)
    return _NUMBER.sub(r"\1…\2", text)


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact every field of an event."""
    return {key: _redact_value(key, value) for key, value in event.items()}


def _redact_value(key: str, value: object) -> object:
    if _SECRET_KEYS.search(key):
        return "…"
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and not isinstance(value, bool) and key not in _UNREDACTED_KEYS:
        # An integer of up to six digits is a count or an id; a longer one may be a phone number.
        return value if abs(value) < 10**6 else redact(str(value))
    if isinstance(value, dict):
        return {k: _redact_value(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_value(key, one) for one in value]
    return value


def configure(level: str) -> None:
    """Write logs of this level and above to standard error, those of other libraries too."""
    # Other libraries log through the standard library: their records pass the same redaction.
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, redact_event, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
