"""Converts a calendar from one version to the other, or completes one of the same version, and notes what is lost.

vCalendar 1.0 has no time zones, no dates without a time, no durations, and other words for recurrences and alarms, so
times are converted to UTC. Tables say what becomes of each property. Sources: RFC 5545 section 3.8; vCalendar 1.0
sections 2.2 to 2.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from mmscontent.codecs.calendar.entries import Component
from mmscontent.codecs.calendar.times import (
    Zones,
    format_moment,
    parse_duration,
    parse_moment,
    to_icalendar,
    to_vcalendar,
)
from mmscontent.codecs.content_lines import ContentLine, escaped, unescaped
from mmscontent.errors import MalformedContent

_ENTRIES = ("VEVENT", "VTODO")
# Property of vCalendar 1.0 → ACTION of a VALARM.
_ALARMS = {"DALARM": "DISPLAY", "AALARM": "AUDIO"}
_LABELS = {"1.0": "vCalendar 1.0", "2.0": "iCalendar"}

# What a property's value is; those missing here have a converter of their own or are left out.
_VALUE_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("DTSTART", "DTEND", "DUE", "COMPLETED", "CREATED", "DCREATED", "LAST-MODIFIED"), "time"),
    **dict.fromkeys(("DTSTAMP", "RECURRENCE-ID"), "time"),
    **dict.fromkeys(("SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT"), "text"),
    **dict.fromkeys(("CATEGORIES", "RESOURCES"), "list"),
    **dict.fromkeys(("UID", "SEQUENCE", "PRIORITY", "CLASS", "URL", "RELATED-TO"), "plain"),
    "GEO": "geo",
}
# How a value of each kind is written, by the version it goes to. Only 2.0 escapes with backslashes (RFC 5545 3.3.11);
# lists and coordinates are joined by semicolons in one version and by commas in the other.
_VALUES: Mapping[tuple[str, str], Callable[[str], str]] = {
    ("1.0", "text"): unescaped,
    ("1.0", "list"): lambda value: ";".join(unescaped(v).strip() for v in value.split(",")),
    ("1.0", "plain"): lambda value: unescaped(value.strip()),
    ("1.0", "geo"): lambda value: value.strip().replace(";", ","),
    ("2.0", "text"): escaped,
    ("2.0", "list"): lambda value: ",".join(escaped(v.strip()) for v in value.split(";") if v.strip()),
    ("2.0", "plain"): str.strip,
    ("2.0", "geo"): lambda value: value.strip().replace(",", ";"),
}
# Times under another name in the version they go to; None: it has no such time. An entry that changes one time of a
# recurrence is an exception of that recurrence instead, see _exceptions.
_TIME_NAMES: Mapping[str, Mapping[str, str | None]] = {
    "1.0": {"CREATED": "DCREATED", "DTSTAMP": None, "RECURRENCE-ID": None},
    "2.0": {"DCREATED": "CREATED"},
}
# Status words that differ (RFC 5545 3.8.1.11); None: the version has no such status.
_STATUS_WORDS: Mapping[str, Mapping[str, str | None]] = {
    "1.0": {"NEEDS-ACTION": "NEEDS ACTION", "IN-PROCESS": "ACCEPTED", "CANCELLED": None},
    "2.0": {"NEEDS ACTION": "NEEDS-ACTION", "ACCEPTED": "CONFIRMED", "SENT": None, "DELEGATED": None},
}
# Left out without a note: their content is converted elsewhere, or only of use to the program that wrote them.
_SILENT = {"1.0": ("X-MOZ-GENERATION", "X-LIC-ERROR", "EXDATE", "ACKNOWLEDGED"), "2.0": tuple(_ALARMS)}


@dataclass(slots=True)
class ConvertedCalendar:
    """A calendar in the wanted version, and what could not be converted, as sentences."""

    component: Component
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Conversion:
    component: Component
    source: str
    target: str
    zones: Zones
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, sentence: str) -> None:
        self.notes[sentence] = None


def convert(component: Component, source: str, target: str) -> ConvertedCalendar:
    """Convert a calendar to a version and add what that version requires.

    Raises:
        MalformedContent: No entry has a start.
    """
    task = _Conversion(component, source, target, Zones.of(component))
    entries = _entries(task)
    if target == "1.0":
        components = tuple(_old_entry(c, task) for c in entries)
        lines: tuple[ContentLine, ...] = (
            ContentLine("VERSION", "1.0"),
            ContentLine("PRODID", component.text("PRODID") or "mmscontent"),
        )
    else:
        zones = component.all("VTIMEZONE") if source == "2.0" else ()
        components = (*zones, *(_new_entry(c, task) for c in entries))
        # RFC 5545 3.6: VERSION and PRODID are required.
        lines = (ContentLine("VERSION", "2.0"), ContentLine("PRODID", component.text("PRODID") or "-//mmscontent//EN"))
        lines += tuple(one for one in component.lines if one.name in ("METHOD", "CALSCALE") and source == "2.0")
        if source == "2.0" and not component.text("PRODID"):
            task.note("PRODID was added, which iCalendar 2.0 requires")
    for name in task.zones.missing:
        task.note(f"the file does not define the time zone {name}; its times are written without a zone")
    return ConvertedCalendar(Component("VCALENDAR", lines, components), tuple(task.notes))


def _entries(task: _Conversion) -> list[Component]:
    kept = []
    for one in task.component.components:
        if one.name not in _ENTRIES:
            if one.name != "VTIMEZONE":
                task.note(f"{one.name} was left out: phones show only events and tasks")
        elif one.name == "VEVENT" and parse_moment(one.text("DTSTART")) is None:
            task.note(f"an event without a start was left out ({one.text('SUMMARY')[:40] or 'no title'})")
        elif task.target == "1.0" and one.text("STATUS").upper() == "CANCELLED" and one.first("RECURRENCE-ID"):
            continue  # the time it cancels becomes an exception of its recurrence, see _exceptions
        else:
            kept.append(one)
    if not kept:
        raise MalformedContent("no entry of the calendar has a start; export it again")
    return kept


def _old_entry(entry: Component, task: _Conversion) -> Component:
    if task.source == "1.0":
        return Component(entry.name, entry.lines)
    lines = [*_converted_lines(entry, task), *_exceptions(entry, task)]
    lines += [a for alarm in entry.components if (a := _old_alarm(alarm, entry, task)) is not None]
    return Component(entry.name, tuple(lines))


def _new_entry(entry: Component, task: _Conversion) -> Component:
    lines, alarms = list(entry.lines), list(entry.components)
    if task.source == "1.0":
        lines = _converted_lines(entry, task)
        alarms += [a for line in entry.lines if (a := _new_alarm(line)) is not None]
    names = {line.name for line in lines}
    if "DURATION" in names and names & {"DTEND", "DUE"}:  # RFC 5545 3.6.1, 3.6.2: only one of them may be present
        task.note("DURATION was left out: the entry also states its end")
        lines = [line for line in lines if line.name != "DURATION"]
    missing = [name for name in ("UID", "DTSTAMP") if name not in names]  # RFC 5545 3.6.1: both are required
    if task.source == "2.0" and missing:
        were = "was" if len(missing) == 1 else "were"
        task.note(f"{' and '.join(missing)} {were} added, which iCalendar 2.0 requires in every entry")
    if "UID" in missing:
        lines.append(ContentLine("UID", hashlib.sha256(repr(entry).encode()).hexdigest()[:32]))
    if "DTSTAMP" in missing:
        stamps = (one.value for n in ("LAST-MODIFIED", "CREATED", "DTSTART") for one in lines if one.name == n)
        moment = _at_midnight(parse_moment(next(stamps, "19700101T000000Z")) or date(1970, 1, 1))
        lines.append(ContentLine("DTSTAMP", moment.strftime("%Y%m%dT%H%M%SZ")))
    return replace(entry, lines=tuple(lines), components=tuple(alarms))


# --- one property ----------------------------------------------------------------------------------------------


def _converted_lines(entry: Component, task: _Conversion) -> list[ContentLine]:
    return [one for line in entry.lines if (one := _converted_line(line, entry, task)) is not None]


def _converted_line(line: ContentLine, entry: Component, task: _Conversion) -> ContentLine | None:
    kind = _VALUE_KINDS.get(line.name)
    if kind == "time":
        return _time(line, entry, task)
    if kind is not None:
        return ContentLine(line.name, _VALUES[task.target, kind](line.value))
    converter = _CONVERTERS.get((task.target, line.name))
    if converter is not None:
        return converter(line, entry, task)
    if line.name not in _SILENT[task.target]:
        task.note(f"{line.name} was left out: {_LABELS[task.target]} has no such property")
    return None


def _time(line: ContentLine, entry: Component, task: _Conversion) -> ContentLine | None:
    name = _TIME_NAMES[task.target].get(line.name, line.name)
    if name is None:
        return None
    moment = parse_moment(line.value)
    if moment is None:
        task.note(f"{line.name} was left out: {line.value.strip()[:30]!r} is not a time")
        return None
    if task.target == "1.0" and not isinstance(moment, datetime):
        task.note("an all-day entry is written as midnight to midnight")
    return _moment_line(name, _at_midnight(moment), line, entry, task)


def _moment_line(
    name: str, moment: datetime | date, line: ContentLine, entry: Component, task: _Conversion
) -> ContentLine:
    zone = _zone_name(line, entry, task) if task.target == "1.0" else ""
    return ContentLine(name, format_moment(task.zones.in_utc(moment, zone)))


def _zone_name(line: ContentLine, entry: Component, task: _Conversion) -> str:
    """Return the time zone of a line; "" for a recurrence by weekdays that would be other weekdays in UTC."""
    name = next(iter(line.param("TZID")), "")
    start = entry.first("DTSTART")
    if not name or not entry.text("RRULE") or start is None:
        return name
    moment = parse_moment(start.value)
    in_utc = None if moment is None else task.zones.in_utc(moment, name)
    if isinstance(moment, datetime) and isinstance(in_utc, datetime) and in_utc.date() != moment.date():
        task.note("a recurring entry is written without its time zone, because its weekdays differ in UTC")
        return ""
    task.note("a recurring entry is written in UTC; it will be an hour off when the clocks change")
    return name


def _recurrence(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine | None:
    value = line.value.strip()
    rule = to_vcalendar(value) if task.target == "1.0" else to_icalendar(value)
    if rule is not None:
        return ContentLine("RRULE", rule)
    why = "vCalendar 1.0 cannot express it" if task.target == "1.0" else "it is not understood"
    task.note(f"the recurrence {value[:60]} was left out: {why}; only the first time is sent")
    return None


def _end_of_duration(line: ContentLine, entry: Component, task: _Conversion) -> ContentLine | None:
    start, length = entry.first("DTSTART"), parse_duration(line.value)
    if entry.first("DTEND") is not None or entry.first("DUE") is not None or start is None or length is None:
        return None
    moment = parse_moment(start.value)
    end = None if moment is None else _later(moment, length)
    return None if end is None else _moment_line("DUE" if entry.name == "VTODO" else "DTEND", end, start, entry, task)


def _status(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine | None:
    word = line.value.strip().upper()
    other = _STATUS_WORDS[task.target].get(word, word if task.target == "1.0" else word.replace(" ", "-"))
    if other is None:
        task.note(f"the status {word} was left out: {_LABELS[task.target]} has no such status")
        return None
    return ContentLine("STATUS", other)


def _transparency(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine:
    value = line.value.strip().upper()
    if task.target == "1.0":
        return ContentLine("TRANSP", "1" if value == "TRANSPARENT" else "0")
    return ContentLine("TRANSP", "OPAQUE" if value in ("0", "") else "TRANSPARENT")


def _old_attendee(line: ContentLine, _entry: Component, _task: _Conversion) -> ContentLine:
    params = (("ROLE", ("ORGANIZER",)),) if line.name == "ORGANIZER" else ()
    return ContentLine("ATTENDEE", line.value.strip(), params=params)


def _new_attendee(line: ContentLine, _entry: Component, _task: _Conversion) -> ContentLine:
    value = line.value.strip()
    address = value if ":" in value else f"mailto:{value.partition('<')[2].rstrip('>') or value}"
    name = "ORGANIZER" if "ORGANIZER" in (v.upper() for v in line.param("ROLE")) else "ATTENDEE"
    return ContentLine(name, address.replace(" ", ""))


def _new_exceptions(line: ContentLine, _entry: Component, task: _Conversion) -> ContentLine | None:
    moments = [m for text in line.value.replace(",", ";").split(";") if (m := parse_moment(text)) is not None]
    values = ",".join(format_moment(task.zones.in_utc(m)) for m in moments)
    return ContentLine("EXDATE", values) if moments else None


_CONVERTERS: Mapping[tuple[str, str], Callable[[ContentLine, Component, _Conversion], ContentLine | None]] = {
    **{(target, "RRULE"): _recurrence for target in _LABELS},
    **{(target, "STATUS"): _status for target in _LABELS},
    **{(target, "TRANSP"): _transparency for target in _LABELS},
    ("1.0", "DURATION"): _end_of_duration,
    ("1.0", "ORGANIZER"): _old_attendee,
    ("1.0", "ATTENDEE"): _old_attendee,
    ("2.0", "ATTENDEE"): _new_attendee,
    ("2.0", "EXDATE"): _new_exceptions,
}


def _exceptions(entry: Component, task: _Conversion) -> list[ContentLine]:
    """EXDATE of a recurring entry, with the times that other entries of its UID replace."""
    if entry.first("RECURRENCE-ID") is not None:
        return []
    same = [c for c in task.component.all(entry.name) if c.text("UID") and c.text("UID") == entry.text("UID")]
    lines = [one for one in entry.lines if one.name == "EXDATE"]
    lines += [one for c in same for one in c.lines if one.name == "RECURRENCE-ID"]
    times = ((line, m) for line in lines for text in line.value.split(",") if (m := parse_moment(text)) is not None)
    found = dict.fromkeys(_moment_line("EXDATE", moment, line, entry, task).value for line, moment in times)
    return [ContentLine("EXDATE", ";".join(found))] if found else []


# --- alarms ----------------------------------------------------------------------------------------------------


def _old_alarm(alarm: Component, entry: Component, task: _Conversion) -> ContentLine | None:
    name = next((n for n, action in _ALARMS.items() if action == alarm.text("ACTION").upper()), None)
    when = _alarm_time(alarm, entry, task)
    if name is None or when is None:
        task.note("an alarm was left out: phones cannot show its kind")
        return None
    text = unescaped(alarm.text("DESCRIPTION") or entry.text("SUMMARY")) if name == "DALARM" else ""
    return ContentLine(name, f"{when};;;{text.replace(';', ',')}")  # run time; snooze; repeats; text


def _alarm_time(alarm: Component, entry: Component, task: _Conversion) -> str | None:
    """Time of an alarm; RFC 5545 3.8.6.3: TRIGGER is a time or an offset from the start or, by RELATED, the end."""
    trigger = alarm.first("TRIGGER")
    if trigger is None:
        return None
    offset = parse_duration(trigger.value)
    if offset is None:
        moment = parse_moment(trigger.value)
        return None if moment is None else format_moment(moment)
    at_end = "END" in (v.upper() for v in trigger.param("RELATED"))
    base = entry.first("DTEND" if at_end else "DTSTART") or entry.first("DUE")
    moment = None if base is None else parse_moment(base.value)
    when = None if moment is None else _later(moment, offset)
    return None if base is None or when is None else _moment_line("", when, base, entry, task).value


def _new_alarm(line: ContentLine) -> Component | None:
    fields = line.value.split(";")
    when = parse_moment(fields[0])
    if line.name not in _ALARMS or when is None:
        return None
    lines = [ContentLine("ACTION", _ALARMS[line.name])]
    lines.append(ContentLine("TRIGGER", format_moment(when), params=(("VALUE", ("DATE-TIME",)),)))
    if line.name == "DALARM":  # RFC 5545 3.6.6: an alarm that is displayed needs a description
        text = "".join(fields[3:4]) or "Reminder"
        lines.append(ContentLine("DESCRIPTION", escaped(text)))
    return Component("VALARM", tuple(lines))


def _later(moment: datetime | date, length: timedelta) -> datetime | None:
    try:
        return _at_midnight(moment) + length
    except OverflowError:
        return None


def _at_midnight(moment: datetime | date) -> datetime:
    """A date as its first moment, without a zone."""
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
