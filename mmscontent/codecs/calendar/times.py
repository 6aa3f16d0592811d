"""Reads and writes the dates, times, durations and time zones of calendars.

vobject evaluates the rules of a VTIMEZONE. A time zone is only what the file itself defines; no zone table is opened.
Sources: RFC 5545 3.3.4 to 3.3.6, 3.6.5; vCalendar 1.0 section 2.2 (TZ, DAYLIGHT).
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
