"""The two errors by which a customer's request is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_adapter.errors import Refused


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is wrong, and what is wrong with it."""

    field: str
    text: str


class InvalidRequest(Refused):
    """The request's content is invalid; the error names everything that is wrong."""

    code = "refused/malformed"

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        first = violations[0]
        super().__init__(f"{first.field}: {first.text}" if first.field else first.text, field=first.field)
        self.violations = violations


def invalid_field(field: str, text: str) -> InvalidRequest:
    """The error about one field, or about the whole body when *field* is empty."""
    return InvalidRequest((Violation(field, text),))


class HttpRefusal(Refused):
    """The request is refused for another reason than its content; *http* is the response's status."""

    code = "refused/denied"

    def __init__(self, http: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.http = http
        self.headers = dict(headers or {})
