"""Calendars: every real one read or refused by name, converted both ways, judged by another reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.codecs.calendar import CalendarSource, verify
from mmscontent.codecs.calendar.times import parse_duration, parse_moment, to_icalendar, to_vcalendar
from mmscontent.codecs.registry import codec_for
from mmscontent.errors import DoesNotFit, EngineFailed, MalformedContent, NotAllowed, SourceError
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import CalendarRule
from mmscontent.sniff import sniff
from tests.conftest import corpus_files

INFO = MediaInfo("text/calendar", "calendar", 0)
FILES = corpus_files("icalendar")
# Zones alone, and an event that says only what it is called.
EMPTY = ("timezones.ics", "tz_us_eastern.ics", "simple_test.ics")

PARIS = (
    "BEGIN:VTIMEZONE",
    "TZID:Paris",
    "BEGIN:DAYLIGHT",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "DTSTART:19700329T020000",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "DTSTART:19701025T030000",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def event(*lines, version="2.0", around=()):
    body = (
        "BEGIN:VCALENDAR",
        f"VERSION:{version}",
        *around,
        "BEGIN:VEVENT",
        "UID:u",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    return "\r\n".join(body).encode()


def converted(data, version, info=INFO):
    source = CalendarSource(data, info)
    survey = source.survey(CalendarRule((version,)), "fast")
    made = source.render(100_000)
    verify(made.data, made.info)
    return survey, made


def unfolded(data):
    return data.replace(b"=\r\n", b"").replace(b"\r\n ", b"").splitlines()


# --- real files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_every_real_calendar_is_converted_or_refused_by_name(file, version):
    data = file.path.read_bytes()
    info = sniff(data)
    assert codec_for(info) == "calendar"
    if file.path.name in EMPTY:
        with pytest.raises(MalformedContent):
            converted(data, version, info)
        return

    _, made = converted(data, version, info)

    assert made.info.media_type == {"1.0": "text/x-vcalendar", "2.0": "text/calendar"}[version]
    assert sniff(made.data).media_type == made.info.media_type


@pytest.mark.parametrize("file", [f for f in FILES if f.path.name not in EMPTY], ids=lambda f: f.name)
def test_there_and_back_another_reader_finds_the_same_moments(file):
    data = file.path.read_bytes()
    there = converted(data, "1.0", sniff(data))[1].data
    back = converted(there, "2.0", sniff(there))[1].data

    assert moments(back) <= moments(data)
    assert len(moments(back)) >= 1


def moments(data):
    """Title and start of each entry as icalendar reads it, in UTC; days as their midnight."""
    found = set()
    for entry in icalendar.Calendar.from_ical(data.replace(b"\\;COUNT", b";COUNT")).walk():
        start = entry.get("DTSTART") or entry.get("DUE")
        if entry.name in ("VEVENT", "VTODO") and start is not None:
            when = start.dt if isinstance(start.dt, datetime) else datetime.combine(start.dt, datetime.min.time())
            found.add((str(entry.get("SUMMARY", "")), when.astimezone(UTC) if when.tzinfo else when))
    return found


# --- one property at a time ----------------------------------------------------------------------------------------

START = "DTSTART:20260102T100000Z"
OLD = [
    ((START, "SUMMARY:Straße\\, 2"), b"SUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Stra=C3=9Fe, 2"),
    ((START, "DURATION:PT1H30M"), b"DTEND:20260102T113000Z"),
    ((START, "TRANSP:TRANSPARENT"), b"TRANSP:1"),
    ((START, "CATEGORIES:a,b"), b"CATEGORIES:a;b"),
    ((START, "GEO:1.5;2.5"), b"GEO:1.5,2.5"),
    ((START, "STATUS:NEEDS-ACTION"), b"STATUS:NEEDS ACTION"),
    ((START, "ORGANIZER;CN=A:mailto:a@b.example"), b"ATTENDEE;ROLE=ORGANIZER:mailto:a@b.example"),
    (
        (START, "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Go", "TRIGGER:-PT15M", "END:VALARM"),
        b"DALARM:20260102T094500Z;;;Go",
    ),
    (("DTSTART;VALUE=DATE:20260102",), b"DTSTART:20260102T000000"),
    (("DTSTART;TZID=Paris:20260702T100000",), b"DTSTART:20260702T080000Z"),
    (("DTSTART;TZID=Paris:20260102T100000",), b"DTSTART:20260102T090000Z"),
    (("DTSTART;TZID=Nowhere:20260102T100000",), b"DTSTART:20260102T100000"),
    (("DTSTART;TZID=Paris:20260102T003000", "RRULE:FREQ=WEEKLY;BYDAY=FR"), b"DTSTART:20260102T003000"),
]


@pytest.mark.parametrize(("lines", "expected"), OLD)
def test_a_property_is_written_as_vcalendar_wants_it(lines, expected):
    made = converted(event(*lines, around=PARIS), "1.0")[1]

    assert expected in unfolded(made.data), made.data.decode()


NEW = [
    (("DTSTART:20260102T100000Z", "DCREATED:20260101T000000Z"), b"CREATED:20260101T000000Z"),
    (("DTSTART:20260102T100000",), b"DTSTART:20260102T150000Z"),
    (("DTSTART:20260102T100000Z", "SUMMARY;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab;c"), b"SUMMARY:a\\nb\\;c"),
    (("DTSTART:20260102T100000Z", "CATEGORIES:a;b"), b"CATEGORIES:a,b"),
    (("DTSTART:20260102T100000Z", "RRULE:W2 MO WE #5"), b"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=5"),
    (("DTSTART:20260102T100000Z", "DALARM:20260102T094500Z;;;Go"), b"TRIGGER;VALUE=DATE-TIME:20260102T094500Z"),
    (("DTSTART:20260102T100000Z", "TRANSP:1"), b"TRANSP:TRANSPARENT"),
    (("DTSTART:20260102T100000Z", "ATTENDEE;ROLE=ORGANIZER:Ada <a@b.example>"), b"ORGANIZER:mailto:a@b.example"),
]


@pytest.mark.parametrize(("lines", "expected"), NEW)
def test_a_property_is_written_as_icalendar_wants_it(lines, expected):
    data = event(*lines, version="1.0", around=("TZ:-05",))
    made = converted(data, "2.0", sniff(data))[1]

    assert expected in unfolded(made.data), made.data.decode()
    assert len(icalendar.Calendar.from_ical(made.data).walk("VEVENT")) == 1


LOST = [
    ((START, "RRULE:FREQ=MONTHLY;BYSETPOS=1;BYDAY=MO"), "vCalendar 1.0 cannot express it"),
    ((START, "STATUS:CANCELLED"), "the status CANCELLED was left out"),
    ((START, "CONFERENCE:https://a.example"), "CONFERENCE was left out"),
    (("DTSTART;TZID=Nowhere:20260102T100000",), "does not define the time zone Nowhere"),
    ((START, "DTEND:soon"), "DTEND was left out: 'soon' is not a time"),
    ((START, "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT15M", "END:VALARM"), "an alarm was left out"),
    (("DTSTART;TZID=Paris:20260102T100000", "RRULE:FREQ=DAILY"), "an hour off when the clocks change"),
]


@pytest.mark.parametrize(("lines", "note"), LOST)
def test_what_vcalendar_cannot_carry_is_noted(lines, note):
    notes = converted(event(*lines, around=PARIS), "1.0")[1].notes

    assert any(note in one for one in notes), notes


RULES = [
    ("FREQ=DAILY;COUNT=10", "D1 #10"),
    ("FREQ=DAILY;INTERVAL=2", "D2 #0"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=5", "W2 MO WE #5"),
    ("FREQ=WEEKLY;UNTIL=20260601T000000Z", "W1 20260601T000000Z"),
    ("FREQ=MONTHLY;BYDAY=2TU,-1FR", "MP1 2+ TU 1- FR #0"),
    ("FREQ=MONTHLY;BYMONTHDAY=15,-1", "MD1 15+ 1- #0"),
    ("FREQ=YEARLY;BYMONTH=3,6;COUNT=4", "YM1 3 6 #4"),
    ("FREQ=YEARLY;BYYEARDAY=100", "YD1 100 #0"),
    ("FREQ=YEARLY", "YM1 #0"),
]


@pytest.mark.parametrize(("new", "old"), RULES)
def test_a_rule_goes_there_and_back(new, old):
    assert to_vcalendar(new) == old
    assert to_icalendar(old) == new


@pytest.mark.parametrize("rule", ["FREQ=HOURLY", "FREQ=MONTHLY;BYDAY=MO", "FREQ=YEARLY;BYDAY=1MO;BYMONTH=3", "x", ""])
def test_a_rule_the_old_version_cannot_say_is_none(rule):
    assert to_vcalendar(rule) is None


@given(st.text("DWMPYO0123456789+-# TUZ", max_size=30))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_old_rule_harms_the_reader(rule):
    assert (to_icalendar(rule) or "FREQ=").startswith("FREQ=")


# --- keeping and refusing ------------------------------------------------------------------------------------------


def test_a_calendar_in_an_accepted_version_passes_through():
    data = event(START, "DTSTAMP:20260101T000000Z", "SUMMARY:a").replace(b"BEGIN:VEVENT", b"PRODID:p\r\nBEGIN:VEVENT")
    source = CalendarSource(data, INFO)
    survey = source.survey(CalendarRule(("1.0", "2.0")), "fast")
    verify(source.keep().data, source.keep().info)

    assert survey.keep_bytes == len(data)
    assert source.keep().data == data
    assert source.keep().info.profile == "2.0"


def test_an_event_with_two_ends_is_repaired():
    survey, made = converted(event(START, "DTEND:20260102T110000Z", "DURATION:PT1H"), "2.0")

    assert survey.keep_bytes is None
    assert "DURATION was left out: the entry also states its end" in made.notes
    assert b"DURATION" not in made.data


def test_an_entry_without_its_stamp_is_repaired_and_holds():
    source = CalendarSource(event("DTSTART:20260703T180000Z", "SUMMARY:Boat trip"), INFO)
    survey = source.survey(CalendarRule(("2.0",)), "fast")
    made = source.render(5_000)

    assert survey.reasons == ("the file had to be repaired",)
    assert "PRODID was added, which iCalendar 2.0 requires" in made.notes
    assert b"DTSTAMP:20260703T180000Z" in made.data
    verify(made.data, made.info)


def test_refusals_name_what_is_wrong():
    source = CalendarSource(event(START), INFO)
    with pytest.raises(NotAllowed):
        source.survey(CalendarRule(()), "fast")
    survey = source.survey(CalendarRule(), "fast")
    with pytest.raises(DoesNotFit) as refused:
        source.render(10)
    assert refused.value.smallest_bytes == survey.minimum_bytes


def test_a_false_claim_about_a_calendar_is_caught():
    _, made = converted(event(START), "1.0")

    with pytest.raises(EngineFailed):
        verify(made.data, replace(made.info, profile="2.0"))
    with pytest.raises(EngineFailed):
        verify(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", made.info)


WORDS = (
    *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE", "TZID:x", "END:VTIMEZONE"),
    *(START, "RRULE:FREQ=DAILY", "DURATION:P999999999D", "DTSTART;VALUE=DATE:00010101", "DTSTART:99991231T235959Z"),
    *("DTEND;TZID=x:99991231T235959", "EXDATE:,,", "TZ:-99", "TZ:-12", "BEGIN:VALARM", "TRIGGER:P1W", "END:VALARM"),
)
CALENDARS = st.lists(st.sampled_from(WORDS), max_size=14).map(lambda words: "\r\n".join(words).encode())


@given(CALENDARS | st.binary(max_size=200))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_only_our_errors_leave_the_codec(data):
    for version in ("1.0", "2.0"):
        try:
            source = CalendarSource(data, INFO)
            source.survey(CalendarRule((version,)), "fast")
        except SourceError:
            continue
        source.render(100_000)


MOMENTS = [
    ("20260102", date(2026, 1, 2)),
    ("20260102T030405", datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001 - without a zone is meant
    ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("20261302", None),
    ("tomorrow", None),
]


@pytest.mark.parametrize(("text", "expected"), MOMENTS)
def test_times_are_read(text, expected):
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("P1DT2H", 93600), ("-PT5M", -300), ("P2W", 1209600), ("P", None), ("x", None)]
)
def test_lengths_are_read(text, seconds):
    length = parse_duration(text)

    assert (None if length is None else length.total_seconds()) == seconds
