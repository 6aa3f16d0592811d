"""One version of calendar to the other, and a sound file of the same one; what is lost is said.

vCalendar 1.0 has no zones, no dates without a time, no lengths of events and other words for rules and alarms:
times go over in UTC. Tables say what becomes of each property. Sources: RFC 5545 section 3.8; vCalendar 1.0
sections 2.2 to 2.4.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mmscontent.codecs.calendar.entries import Component
from mmscontent.codecs.calendar.recurrence import to_icalendar, to_vcalendar
from mmscontent.codecs.calendar.times import Zones, duration_of, moment_of, written
from mmscontent.codecs.content_lines import ContentLine, escaped, unescaped
from mmscontent.errors import MalformedContent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ConvertedCalendar", "convert"]

_ENTRIES = ("VEVENT", "VTODO")
_TIMES = frozenset(
    ("DTSTART", "DTEND", "DUE", "COMPLETED", "CREATED", "DCREATED", "LAST-MODIFIED", "DTSTAMP", "RECURRENCE-ID")
)
_TEXTS = frozenset(("SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT"))
_LISTS = frozenset(("CATEGORIES", "RESOURCES"))
_PLAIN = frozenset(("UID", "SEQUENCE", "PRIORITY", "CLASS", "URL", "GEO", "RELATED-TO"))

# Words for a state that differ; None: the other version has no such state.
_STATUS_OLD: Mapping[str, str | None] = {"NEEDS-ACTION": "NEEDS ACTION", "IN-PROCESS": "ACCEPTED", "CANCELLED": None}
_STATUS_NEW: Mapping[str, str | None] = {
    "NEEDS ACTION": "NEEDS-ACTION",
    "ACCEPTED": "CONFIRMED",
    "SENT": None,
    "DELEGATED": None,
}
_TRANSPARENCY_OLD = {"OPAQUE": "0", "TRANSPARENT": "1"}


@dataclass(slots=True)
class ConvertedCalendar:
    """A calendar in a version, and what could not be carried over, as sentences."""

    calendar: Component
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Conversion:
    source: str
    target: str
    zones: Zones
    notes: dict[str, None] = field(default_factory=dict)

    def say(self, what: str) -> None:
        self.notes[what] = None


def convert(calendar: Component, source: str, target: str) -> ConvertedCalendar:
    """The calendar in a version, with what that version demands.

    Raises:
        MalformedContent: No entry says when it is.
    """
    task = _Conversion(source, target, Zones.of(calendar))
    if target == "1.0":
        components = tuple(_old_entry(c, calendar, task) for c in _entries(calendar, task))
        lines: tuple[ContentLine, ...] = (
            ContentLine("VERSION", "1.0"),
            ContentLine("PRODID", calendar.text("PRODID") or "mmscontent"),
        )
    else:
        zones = calendar.all("VTIMEZONE") if source == "2.0" else ()
        components = (*zones, *(_new_entry(c, task) for c in _entries(calendar, task)))
        lines = (ContentLine("VERSION", "2.0"), ContentLine("PRODID", calendar.text("PRODID") or "-//mmscontent//EN"))
        lines += tuple(one for one in calendar.lines if one.name in ("METHOD", "CALSCALE") and source == "2.0")
        if source == "2.0" and not calendar.text("PRODID"):
            task.say("PRODID added, which iCalendar 2.0 demands")
    for name in task.zones.missing:
        task.say(f"the zone {name} is not described in the file, its times are written without a zone")
    return ConvertedCalendar(Component("VCALENDAR", lines, components), tuple(task.notes))


def _entries(calendar: Component, task: _Conversion) -> list[Component]:
    kept = []
    for one in calendar.components:
        if one.name not in _ENTRIES:
            if one.name != "VTIMEZONE":
                task.say(f"{one.name} left out, phones show events and tasks")
        elif one.name == "VEVENT" and moment_of(one.text("DTSTART")) is None:
            task.say(f"an event without a start was left out ({one.text('SUMMARY')[:40] or 'no title'})")
        elif task.target == "1.0" and one.text("STATUS").upper() == "CANCELLED" and one.first("RECURRENCE-ID"):
            continue  # the time it takes away is an exception of its row, see _old_exceptions
        else:
            kept.append(one)
    if not kept:
        raise MalformedContent("no entry of the calendar says when it starts; export it again")
    return kept


# --- to vCalendar 1.0 ------------------------------------------------------------------------------------------


def _old_entry(entry: Component, calendar: Component, task: _Conversion) -> Component:
    lines: list[ContentLine] = []
    for line in entry.lines:
        lines.extend(_old_line(line, entry, task) if task.source == "2.0" else [line])
    if task.source == "2.0":
        lines += _old_exceptions(entry, calendar, task)
        lines += [a for alarm in entry.components if (a := _old_alarm(alarm, entry, task)) is not None]
    return Component(entry.name, tuple(lines))


def _old_line(line: ContentLine, entry: Component, task: _Conversion) -> list[ContentLine]:
    name, value = line.name, line.value.strip()
    if name in _TIMES:
        return _old_time(line, entry, task)
    if name in _TEXTS:
        return [ContentLine(name, unescaped(line.value))]
    if name in _LISTS:
        return [ContentLine(name, ";".join(unescaped(v).strip() for v in value.split(",")))]
    if name in _PLAIN:
        return [ContentLine(name, value.replace(";", ",") if name == "GEO" else unescaped(value))]
    made = _OLD_WAYS.get(name, _left_out)(line, entry, task)
    return [] if made is None else [made]


def _left_out(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine | None:
    if line.name not in _SILENT:
        task.say(f"{line.name} left out, vCalendar 1.0 has none")
    return None


_SILENT = frozenset(("X-MOZ-GENERATION", "X-LIC-ERROR", "EXDATE", "ACKNOWLEDGED"))


def _zone_name(line: ContentLine, entry: Component, task: _Conversion) -> str:
    """The zone a time is to be taken from; none for a row by days of the week whose days differ in UTC."""
    name = next(iter(line.param("TZID")), "")
    rule, start = entry.text("RRULE").upper(), entry.first("DTSTART")
    if not name or not rule or start is None:
        return name
    moment = moment_of(start.value)
    in_utc = None if moment is None else task.zones.in_utc(moment, name)
    if isinstance(moment, datetime) and isinstance(in_utc, datetime) and in_utc.date() != moment.date():
        task.say("a row of entries is written without its zone, its days would be others in UTC")
        return ""
    task.say("a row of entries is written in UTC, it is an hour off when the clocks change")
    return name


def _old_time(line: ContentLine, entry: Component, task: _Conversion) -> list[ContentLine]:
    name = {"CREATED": "DCREATED"}.get(line.name, line.name)
    if name in ("DTSTAMP", "RECURRENCE-ID"):
        return []  # 1.0 has neither; an entry that changes one time of a row is excepted there, see _old_exceptions
    moment = moment_of(line.value)
    if moment is None:
        task.say(f"{line.name} left out, {line.value.strip()[:30]!r} is no time")
        return []
    if not isinstance(moment, datetime):
        task.say("a whole day is written as from midnight to midnight")
        moment = _at_midnight(moment)
    return [ContentLine(name, written(task.zones.in_utc(moment, _zone_name(line, entry, task))))]


def _old_rule(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine | None:
    rule = to_vcalendar(line.value.strip())
    if rule is None:
        task.say(
            f"the recurrence {line.value.strip()[:60]} left out, vCalendar 1.0 cannot say it; the first time is sent"
        )
        return None
    return ContentLine("RRULE", rule)


def _old_duration(line: ContentLine, entry: Component, task: _Conversion) -> ContentLine | None:
    start, length = entry.first("DTSTART"), duration_of(line.value)
    if entry.first("DTEND") is not None or entry.first("DUE") is not None or start is None or length is None:
        return None
    moment = moment_of(start.value)
    if moment is None:
        return None
    end = _later(moment, length)
    if end is None:
        return None
    return ContentLine(
        "DUE" if entry.name == "VTODO" else "DTEND", written(task.zones.in_utc(end, _zone_name(start, entry, task)))
    )


def _old_status(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine | None:
    word = line.value.strip().upper()
    other = _STATUS_OLD.get(word, word)
    if other is None:
        task.say(f"the state {word} left out, vCalendar 1.0 has none")
        return None
    return ContentLine("STATUS", other)


def _old_transparency(line: ContentLine, _entry: Component, _task: _Conversion) -> ContentLine | None:
    return ContentLine("TRANSP", _TRANSPARENCY_OLD.get(line.value.strip().upper(), "0"))


def _old_organizer(line: ContentLine, _entry: Component, _task: _Conversion) -> ContentLine | None:
    return ContentLine("ATTENDEE", line.value.strip(), params=(("ROLE", ("ORGANIZER",)),))


def _old_attendee(line: ContentLine, _entry: Component, _task: _Conversion) -> ContentLine | None:
    return ContentLine("ATTENDEE", line.value.strip())


_OLD_WAYS: Mapping[str, Callable[[ContentLine, Component, _Conversion], ContentLine | None]] = {
    "RRULE": _old_rule,
    "DURATION": _old_duration,
    "STATUS": _old_status,
    "TRANSP": _old_transparency,
    "ORGANIZER": _old_organizer,
    "ATTENDEE": _old_attendee,
}


def _old_exceptions(entry: Component, calendar: Component, task: _Conversion) -> list[ContentLine]:
    """EXDATE of the entry, and the times other entries of its row stand for."""
    if entry.first("RECURRENCE-ID") is not None:
        return []
    same = [c for c in calendar.all(entry.name) if c.text("UID") and c.text("UID") == entry.text("UID")]
    lines = [one for one in entry.lines if one.name == "EXDATE"]
    lines += [one for c in same for one in c.lines if one.name == "RECURRENCE-ID"]
    found = []
    for line in lines:
        for text in line.value.split(","):
            moment = moment_of(text)
            if moment is not None:
                found.append(written(task.zones.in_utc(moment, _zone_name(line, entry, task))))
    return [ContentLine("EXDATE", ";".join(dict.fromkeys(found)))] if found else []


def _old_alarm(alarm: Component, entry: Component, task: _Conversion) -> ContentLine | None:
    action = alarm.text("ACTION").upper()
    when = _alarm_time(alarm, entry, task)
    if action not in ("DISPLAY", "AUDIO") or when is None:
        task.say("an alarm left out, it is none a phone can show")
        return None
    words = unescaped(alarm.text("DESCRIPTION") or entry.text("SUMMARY")) if action == "DISPLAY" else ""
    return ContentLine("DALARM" if action == "DISPLAY" else "AALARM", f"{written(when)};;;{words.replace(';', ',')}")


def _alarm_time(alarm: Component, entry: Component, task: _Conversion) -> datetime | date | None:
    trigger = alarm.first("TRIGGER")
    if trigger is None:
        return None
    offset = duration_of(trigger.value)
    if offset is None:
        return moment_of(trigger.value)
    at_end = "END" in (v.upper() for v in trigger.param("RELATED"))
    base = entry.first("DTEND" if at_end else "DTSTART") or entry.first("DUE")
    moment = None if base is None else moment_of(base.value)
    when = None if moment is None else _later(moment, offset)
    if base is None or when is None:
        return None
    return task.zones.in_utc(when, _zone_name(base, entry, task))


def _later(moment: datetime | date, length: timedelta) -> datetime | None:
    try:
        return _at_midnight(moment) + length
    except OverflowError:
        return None


def _at_midnight(moment: datetime | date) -> datetime:
    """A day as its first moment, without a zone."""
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001


# --- to iCalendar 2.0 ------------------------------------------------------------------------------------------


def _new_entry(entry: Component, task: _Conversion) -> Component:
    lines = list(entry.lines)
    alarms = list(entry.components)
    if task.source == "1.0":
        lines = [one for line in entry.lines for one in _new_line(line, task)]
        alarms += [a for line in entry.lines if (a := _new_alarm(line)) is not None]
    names = {line.name for line in lines}
    if {"DTEND", "DURATION"} <= names or {"DUE", "DURATION"} <= names:
        task.say("DURATION left out, the end is stated beside it")
        lines = [line for line in lines if line.name != "DURATION"]
    missing = [name for name in ("UID", "DTSTAMP") if name not in names]
    if task.source == "2.0" and missing:
        task.say(f"{' and '.join(missing)} added, which iCalendar 2.0 demands of every entry")
    if "UID" not in names:
        lines.append(ContentLine("UID", hashlib.sha256(repr(entry).encode()).hexdigest()[:32]))
    if "DTSTAMP" not in names:
        stamps = (one.value for n in ("LAST-MODIFIED", "CREATED", "DTSTART") for one in lines if one.name == n)
        stamp = moment_of(next(stamps, "19700101T000000Z"))
        moment = _at_midnight(stamp or date(1970, 1, 1))
        lines.append(ContentLine("DTSTAMP", moment.strftime("%Y%m%dT%H%M%SZ")))
    return replace(entry, lines=tuple(lines), components=tuple(alarms))


def _new_line(line: ContentLine, task: _Conversion) -> list[ContentLine]:
    name, value = line.name, line.value.strip()
    if name in _TIMES:
        moment = moment_of(value)
        if moment is None:
            task.say(f"{name} left out, {value[:30]!r} is no time")
            return []
        return [ContentLine({"DCREATED": "CREATED"}.get(name, name), written(task.zones.in_utc(_at_midnight(moment))))]
    if name in _TEXTS:
        return [ContentLine(name, escaped(line.value))]
    if name in _LISTS:
        return [ContentLine(name, ",".join(escaped(v.strip()) for v in value.split(";") if v.strip()))]
    if name in _PLAIN:
        return [ContentLine(name, value.replace(",", ";") if name == "GEO" else value)]
    made = _NEW_WAYS.get(name, _not_in_new)(line, task)
    return [] if made is None else [made]


def _not_in_new(line: ContentLine, task: _Conversion) -> ContentLine | None:
    if line.name not in ("DALARM", "AALARM"):
        task.say(f"{line.name} left out, iCalendar has none")
    return None


def _new_rule(line: ContentLine, task: _Conversion) -> ContentLine | None:
    rule = to_icalendar(line.value)
    if rule is None:
        task.say(f"the recurrence {line.value.strip()[:60]} left out, it is not understood; the first time is sent")
        return None
    return ContentLine("RRULE", rule)


def _new_exceptions(line: ContentLine, task: _Conversion) -> ContentLine | None:
    moments = [m for text in line.value.replace(",", ";").split(";") if (m := moment_of(text)) is not None]
    return ContentLine("EXDATE", ",".join(written(task.zones.in_utc(m)) for m in moments)) if moments else None


def _new_status(line: ContentLine, task: _Conversion) -> ContentLine | None:
    word = line.value.strip().upper()
    other = _STATUS_NEW.get(word, word.replace(" ", "-"))
    if other is None:
        task.say(f"the state {word} left out, iCalendar has none")
        return None
    return ContentLine("STATUS", other)


def _new_transparency(line: ContentLine, _task: _Conversion) -> ContentLine | None:
    return ContentLine("TRANSP", "OPAQUE" if line.value.strip() in ("0", "") else "TRANSPARENT")


def _new_attendee(line: ContentLine, _task: _Conversion) -> ContentLine | None:
    value = line.value.strip()
    address = value if ":" in value else f"mailto:{value.partition('<')[2].rstrip('>') or value}"
    name = "ORGANIZER" if "ORGANIZER" in (v.upper() for v in line.param("ROLE")) else "ATTENDEE"
    return ContentLine(name, address.replace(" ", ""))


_NEW_WAYS: Mapping[str, Callable[[ContentLine, _Conversion], ContentLine | None]] = {
    "RRULE": _new_rule,
    "EXDATE": _new_exceptions,
    "STATUS": _new_status,
    "TRANSP": _new_transparency,
    "ATTENDEE": _new_attendee,
}


def _new_alarm(line: ContentLine) -> Component | None:
    if line.name not in ("DALARM", "AALARM"):
        return None
    fields = line.value.split(";")
    when = moment_of(fields[0])
    if when is None:
        return None
    trigger = ContentLine("TRIGGER", written(when), params=(("VALUE", ("DATE-TIME",)),))
    if line.name == "AALARM":
        return Component("VALARM", (ContentLine("ACTION", "AUDIO"), trigger))
    words = escaped(fields[3] if len(fields) > 3 and fields[3] else "Reminder")  # noqa: PLR2004 - run time, snooze, repeats, text
    return Component("VALARM", (ContentLine("ACTION", "DISPLAY"), trigger, ContentLine("DESCRIPTION", words)))
