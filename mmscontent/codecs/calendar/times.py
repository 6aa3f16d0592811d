"""Reads and writes the dates, times, durations, time zones and recurrence rules of both calendar versions.

vobject evaluates the rules of a VTIMEZONE. A time zone is only what the file itself defines; no zone table is opened.
Sources: RFC 5545 3.3.4 to 3.3.6, 3.3.10, 3.6.5; vCalendar 1.0 section 2.1 (the XAPIA grammar: `W2 MO WE #5`,
`MP1 2+ TU #0`) and 2.2 (TZ, DAYLIGHT).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

import vobject

if TYPE_CHECKING:
    from mmscontent.codecs.calendar.entries import Component

_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)?(Z?))?$")
_DURATION = re.compile(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")
_OFFSET = re.compile(r"([+-]?)(\d\d?):?(\d\d)?$")


def parse_moment(text: str) -> datetime | date | None:
    """Read a date, a time without zone, or a time in UTC; None when the text is none of them."""
    found = _MOMENT.match(text.strip().upper())
    if not found:
        return None
    year, month, day, hour, minute, second = (int(g or 0) for g in found.groups()[:6])
    try:
        if found[4] is None:
            return date(year, month, day)
        # RFC 5545 3.3.12: a leap second is read as second 59.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC if found[7] else None)
    except ValueError:
        return None


def parse_duration(text: str) -> timedelta | None:
    """Read a duration (RFC 5545 3.3.6); None when the text is none."""
    found = _DURATION.match(text.strip().upper())
    if not found or not any(found.groups()[1:]):
        return None
    weeks, days, hours, minutes, seconds = (int((g or "0")[:9]) for g in found.groups()[1:])
    try:
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None
    return -length if found[1] == "-" else length


def format_moment(moment: datetime | date) -> str:
    """Write a date or time as both versions do: UTC with a Z, other times without a zone."""
    if not isinstance(moment, datetime):
        return moment.strftime("%Y%m%d")
    return moment.strftime("%Y%m%dT%H%M%S") + ("Z" if moment.tzinfo is not None else "")


@dataclass(slots=True)
class Zones:
    """The time zones that a calendar defines; `missing` collects names that were asked for and are not defined."""

    _named: dict[str, tzinfo] = field(default_factory=dict)
    _default: tzinfo | None = None
    missing: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, component: Component) -> Zones:
        """Read the zones of a calendar in either version."""
        found = ((c.text("TZID"), _zone(c)) for c in component.all("VTIMEZONE"))
        return cls({name: zone for name, zone in found if zone is not None}, _offset_zone(component.text("TZ")))

    def in_utc(self, moment: datetime | date, zone_name: str = "") -> datetime | date:
        """Convert a time to UTC where its zone is known; dates and other times are returned unchanged."""
        if not isinstance(moment, datetime) or moment.tzinfo is not None:
            return moment
        zone = self._named.get(zone_name) if zone_name else self._default
        if zone is None:
            if zone_name:
                self.missing[zone_name] = None
            return moment
        try:
            return moment.replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):  # zone rules from the file can be nonsense
            return moment


def _offset_zone(text: str) -> tzinfo | None:
    """TZ of vCalendar 1.0: hours, or hours and minutes, from UTC."""
    found = _OFFSET.match(text)
    minutes = int(found[2]) * 60 + int(found[3] or 0) if found else 24 * 60
    if found is None or minutes >= 24 * 60:
        return None
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def _zone(component: Component) -> tzinfo | None:
    try:
        calendar = vobject.readOne(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{_as_text(component)}\r\nEND:VCALENDAR\r\n")
        zone: tzinfo | None = calendar.vtimezone.tzinfo
    except Exception:  # noqa: BLE001 - dateutil raises any error for senseless rules; the zone is then unknown
        return None
    return zone


def _as_text(component: Component) -> str:
    lines = [f"BEGIN:{component.name}", *(f"{line.name}:{line.value.strip()}" for line in component.lines)]
    return "\r\n".join((*lines, *map(_as_text, component.components), f"END:{component.name}"))


# --- recurrence rules ------------------------------------------------------------------------------------------

_DAY = re.compile(r"([+-]?\d*)(MO|TU|WE|TH|FR|SA|SU)$")
_OLD_RULE = re.compile(r"(D|W|MP|MD|YM|YD)(\d+)((?: +[^ #]+)*?)(?: +#(\d+))?(?: +(\d{8}T\d{4,6}Z?))?$")
# Kinds of 1.0 → FREQ of 2.0 and the one BY part that goes with it. The first that suits a rule is taken.
_KINDS = {
    "D": ("DAILY", ""),
    "W": ("WEEKLY", "BYDAY"),
    "MD": ("MONTHLY", "BYMONTHDAY"),
    "MP": ("MONTHLY", "BYDAY"),
    "YM": ("YEARLY", "BYMONTH"),
    "YD": ("YEARLY", "BYYEARDAY"),
}


def to_vcalendar(rule: str) -> str | None:
    """Write a rule of 2.0 as 1.0 does; None when 1.0 cannot express it."""
    parts = dict(p.split("=", 1) for p in rule.upper().replace("\\;", ";").split(";") if "=" in p)
    bys = {name for name in parts if name.startswith("BY")}
    kind = next((k for k, (freq, by) in _KINDS.items() if freq == parts.get("FREQ") and bys <= {by}), "")
    fields = _old_fields(kind, parts.get(_KINDS[kind][1])) if kind else None
    if fields is None:
        return None
    end = parts.get("UNTIL", "")
    if len(end) == 8:  # noqa: PLR2004 - a date without a time
        end += "T235900"
    # The grammar's duration is a number of times (#0 for ever) or an end.
    return " ".join((f"{kind}{parts.get('INTERVAL', '1')}", *fields, end or f"#{parts.get('COUNT', '0')}"))


def _old_fields(kind: str, value: str | None) -> list[str] | None:
    """The values of a BY part as fields of 1.0; None when it cannot express them."""
    values = [] if value is None else value.split(",")
    if kind == "MD":
        return [_signed(day) for day in values if day]
    days = [_DAY.fullmatch(v) for v in values] if kind in ("W", "MP") else []
    if not all(days) or (kind == "MP" and not all(day and day[1] for day in days)):
        return None
    return [field for day in days if day for field in (_signed(day[1]), day[2])] if kind == "MP" else values


def _signed(number: str) -> str:
    """-1 is 1- in 1.0, and 2 is 2+."""
    return f"{number[1:]}-" if number.startswith("-") else f"{number.lstrip('+')}+"


def to_icalendar(rule: str) -> str | None:
    """Write a rule of 1.0 as 2.0 does; None when it is not understood."""
    found = _OLD_RULE.match(" ".join(rule.upper().split()))
    if found is None:
        return None
    kind, interval, fields, count, end = found.groups()
    frequency, by = _KINDS[kind]
    values = _positions(fields.split()) if kind == "MP" else [_unsigned(f) for f in fields.split()]
    if kind == "MP" and not values:
        return None
    pieces = [f"FREQ={frequency}", *([f"INTERVAL={interval}"] if interval != "1" else [])]
    pieces += [f"{by}={','.join(values)}"] if by and values else []
    if end:
        pieces.append(f"UNTIL={end}")
    elif count != "0":
        pieces.append(f"COUNT={count or 2}")  # section 2.1: without a duration it happens twice
    return ";".join(pieces)


def _unsigned(field: str) -> str:
    return f"-{field[:-1]}" if field.endswith("-") else field.rstrip("+")


def _positions(fields: list[str]) -> list[str]:
    """`2+ TU 1- FR` as 2TU, -1FR; a position applies to all days up to the next position."""
    position, values = "", []
    for one in fields:
        if one[0].isdigit():
            position = _unsigned(one)
        elif _DAY.fullmatch(one):
            values.append(position + one)
    return values
