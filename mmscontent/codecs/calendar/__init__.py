"""Calendars: iCalendar 2.0 and vCalendar 1.0 in, the one the receiver opens out, losses said.

entries (the file as values) and times and recurrence < convert (one version to the other) < source (the codec).
"""

from __future__ import annotations

from mmscontent.codecs.calendar.source import CalendarSource, verify

__all__ = ["CalendarSource", "verify"]
