"""The single values of the northbound wire, and how a body is read into a model of them.

A model is one generation's request as it is on the wire; the OpenAPI is generated from it. JSON is read strictly (a
number is not a string), XML and query strings, which have only text, leniently. Unknown members are ignored:
clients of all ages send some.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel

from gateway_adapter.api.errors import InvalidRequest, Violation

_Model = TypeVar("_Model", bound=BaseModel)


class RequestModel(BaseModel):
    """A body or a part of one: names are camelCase on the wire, unknown members are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, validate_by_name=True)


# yyyy-MM-dd'T'HH:mm:ss, a fraction of any length, and an offset with or without its colon, or Z. A plus that was not
# escaped in a query string arrives as a space.
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,24}))?(?:([Zz])|([+ -])(\d\d):?(\d\d))?", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UTC = _EPOCH.replace(tzinfo=None)  # prints without an offset
_LEAP_SECOND = 60


def parse_timestamp(text: str) -> int:
    """A wire date as milliseconds since 1970; without an offset it is UTC.

    Raises:
        ValueError: It has another form, or is not a date of the calendar.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date-time such as 2026-11-22T08:35:02.996+0000")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _, sign, off_hours, off_minutes = match.groups()[6:]
    offset = timedelta(hours=int(off_hours or 0), minutes=int(off_minutes or 0))
    # datetime has no second 60; it is the second after 59
    leap = second == _LEAP_SECOND
    local = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=timezone.utc)  # noqa: UP017
    since = local - _EPOCH - (-offset if sign == "-" else offset)
    millis = int((fraction or "0").ljust(3, "0")[:3])
    return (since // timedelta(seconds=1) + leap) * 1000 + millis


def format_timestamp(at_ms: int) -> str:
    """Milliseconds since 1970 as all clients read them: `2026-11-22T08:35:02.996+0000`."""
    return f"{(_EPOCH_UTC + timedelta(milliseconds=at_ms)).isoformat(timespec='milliseconds')}+0000"


def _moment(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("a date-time is a string such as 2026-11-22T08:35:02.996+0000")  # noqa: TRY004  # pydantic's way
    return parse_timestamp(value)


_WEB = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)


def _web_address(value: object) -> object:
    if isinstance(value, str) and not _WEB.fullmatch(value):
        raise ValueError(f"{value[:60]!r} is not an http or https address")
    return value


Timestamp = Annotated[int, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Url = Annotated[
    str, BeforeValidator(_web_address), Field(max_length=2048), WithJsonSchema({"type": "string", "format": "uri"})
]
# Accepted as it is: a URL that no report can go to is status 56 of the message, not a refused request.
ReportUrl = Annotated[str, Field(max_length=2048, description="http or https; anything else is status 56.")]
Day = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


class DayTime(RequestModel):
    """A time of the day, UTC."""

    hour: Annotated[int, Field(ge=0, le=23)]
    minute: Annotated[int, Field(ge=0, le=59)]


class DeliveryWindow(RequestModel):
    """When a message may be delivered; `from` and `to` come together or not at all, at least an hour apart."""

    days: Annotated[list[Day], Field(min_length=1)]
    from_: Annotated[DayTime | None, Field(alias="from")] = None
    to: DayTime | None = None


_PUNCTUATION = str.maketrans("", "", " -.()/\u00a0")


def normalize_number(number: str) -> str:
    """A number as digits without plus or international prefix; anything else (a sender's name) as it stands."""
    bare = number.strip().translate(_PUNCTUATION)
    international = bare.removeprefix("+")
    # A name is a sender's own ("InfoSMS"); it stays as it is
    if not (international.isascii() and international.isdecimal()):
        return number.strip()
    # 00 is the international prefix only without a plus before it
    return international.removeprefix("00") if international == bare else international


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def read_json(model: type[_Model], body: bytes) -> _Model:
    """A JSON body as a model.

    Raises:
        InvalidRequest: It is not JSON, or does not match the model; every violation is named.
    """
    # SQLite and operators cut texts at NUL; JSON may also hide it as \u0000
    if b"\0" in body or (b"\\u0000" in body and _NUL.search(body)):
        raise InvalidRequest((Violation("", "the body holds a NUL character, which no message may have"),))
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as exc:
        raise InvalidRequest(_violations(exc)) from exc


def read_text_values(model: type[_Model], values: Mapping[str, Any]) -> _Model:
    """Values that were text (XML, a query string) as a model.

    Raises:
        InvalidRequest: They do not match the model; every violation is named.
    """
    try:
        return model.model_validate(values, strict=False)
    except ValidationError as exc:
        raise InvalidRequest(_violations(exc)) from exc


_MAX_VIOLATIONS = 50  # in one response, however many the body has


def _violations(error: ValidationError) -> tuple[Violation, ...]:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_VIOLATIONS]
    return tuple(Violation(_place(each["loc"]), each["msg"].removeprefix("Value error, ")) for each in found)


def _place(location: tuple[int | str, ...]) -> str:
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not step.isupper() or not text:
            # a step in capitals is the tag of a variant, not a member of the body
            text += f".{step}" if text else step
    return text
