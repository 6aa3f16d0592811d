"""The `Idempotency-Key` header: the same key with the same content is one request, however often it comes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway_adapter.api.errors import invalid_field
from gateway_adapter.api.routes.endpoints import header
from gateway_adapter.model import Submission

if TYPE_CHECKING:
    from starlette.requests import Request


_NAME = "Idempotency-Key"
_MAX_LENGTH = 255
IDEMPOTENCY_KEY = header(
    _NAME,
    "The same key with the same body is one request, however often it comes; another body is refused (409).",
    {"type": "string", "minLength": 1, "maxLength": _MAX_LENGTH, "pattern": "^[!-~]+$"},
)


def with_idempotency_key(request: Request, submission: Submission) -> Submission:
    """Add the request's key and a digest of its content to a submission.

    Raises:
        InvalidRequest: The key is empty, longer than 255 characters or not printable.
    """
    key = request.headers.get(_NAME)
    if key is None:
        return submission
    if not 0 < len(key) <= _MAX_LENGTH or not key.isprintable():
        raise invalid_field(_NAME, f"1 to {_MAX_LENGTH} printable characters")
    # The digest is of the submission, not of the bytes: a form has another boundary each time.
    digest = hashlib.sha256(repr(submission).encode("utf-8", "surrogatepass")).hexdigest()
    return replace(submission, idempotency_key=key, request_digest=digest)
