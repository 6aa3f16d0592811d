"""The codec of calendars: reads iCalendar 2.0 and vCalendar 1.0, writes the one the receiver opens, notes losses."""

from __future__ import annotations

from mmscontent.codecs.calendar.source import CalendarSource, verify

__all__ = ["CalendarSource", "verify"]
