"""Dates, times, durations and zones of calendars, as text and as values.

vobject reads the rules of a VTIMEZONE; a zone is only ever what the file itself says of it, no table of zones is
opened. Sources: RFC 5545 3.3.4 to 3.3.6, 3.6.5; vCalendar 1.0 section 2.2 (TZ, DAYLIGHT).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

import vobject

if TYPE_CHECKING:
    from mmscontent.codecs.calendar.entries import Component

__all__ = ["Zones", "duration_of", "moment_of", "written"]

_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)?(Z?))?$")
_DURATION = re.compile(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")
_OFFSET = re.compile(r"([+-]?)(\d\d?):?(\d\d)?$")


def moment_of(text: str) -> datetime | date | None:
    """A date, a time without zone, or one in UTC; None when it is neither."""
    found = _MOMENT.match(text.strip().upper())
    if not found:
        return None
    year, month, day, hour, minute, second = (int(g or 0) for g in found.groups()[:6])
    try:
        if found[4] is None:
            return date(year, month, day)
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC if found[7] else None)
    except ValueError:
        return None


def duration_of(text: str) -> timedelta | None:
    """A length of time as RFC 5545 writes it; None when it is none."""
    found = _DURATION.match(text.strip().upper())
    if not found or not any(found.groups()[1:]):
        return None
    weeks, days, hours, minutes, seconds = (int((g or "0")[:9]) for g in found.groups()[1:])
    try:
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None
    return -length if found[1] == "-" else length


def written(moment: datetime | date) -> str:
    """As both versions write it: UTC with a Z, otherwise without a zone."""
    if not isinstance(moment, datetime):
        return moment.strftime("%Y%m%d")
    return moment.strftime("%Y%m%dT%H%M%S") + ("Z" if moment.tzinfo is not None else "")


@dataclass(slots=True)
class Zones:
    """The zones a calendar defines.

    Attributes:
        missing: Names that were asked for and are not defined.
    """

    _named: dict[str, tzinfo] = field(default_factory=dict)
    _whole: tzinfo | None = None
    missing: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, calendar: Component) -> Zones:
        """Of a calendar in either version."""
        zones = cls(_whole=_offset_zone(calendar.text("TZ")))
        for component in calendar.all("VTIMEZONE"):
            zone = _zone(component)
            if zone is not None:
                zones._named[component.text("TZID")] = zone
        return zones

    def in_utc(self, moment: datetime | date, zone_name: str = "") -> datetime | date:
        """A time in UTC where its zone is known; a date, or a time without zone, as it is."""
        if not isinstance(moment, datetime) or moment.tzinfo is not None:
            return moment
        zone = self._named.get(zone_name) if zone_name else self._whole
        if zone is None:
            if zone_name:
                self.missing[zone_name] = None
            return moment
        try:
            return moment.replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):  # the rules of a zone are as odd as their author
            return moment


def _offset_zone(text: str) -> tzinfo | None:
    """TZ of vCalendar 1.0: hours, or hours and minutes, from UTC."""
    found = _OFFSET.match(text)
    if not found:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    if minutes >= 24 * 60:
        return None
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def _zone(component: Component) -> tzinfo | None:
    try:
        calendar = vobject.readOne(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{_as_text(component)}\r\nEND:VCALENDAR\r\n")
        zone: tzinfo | None = calendar.vtimezone.tzinfo
    except Exception:  # noqa: BLE001 - dateutil raises anything at rules that make no sense; then the zone is unknown
        return None
    return zone


def _as_text(component: Component) -> str:
    lines = [f"BEGIN:{component.name}", *(f"{line.name}:{line.value.strip()}" for line in component.lines)]
    inner = [_as_text(c) for c in component.components]
    return "\r\n".join((*lines, *inner, f"END:{component.name}"))
