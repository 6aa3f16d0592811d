"""The codec of calendars: converts events and tasks to a version the receiver opens.

A calendar has no quality to trade: it fits or it does not. One in a version the receiver opens passes through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import vobject

from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.calendar.convert import convert
from mmscontent.codecs.calendar.entries import Component, read_calendar
from mmscontent.codecs.content_lines import ContentLine, folded, quoted_printable
from mmscontent.errors import DoesNotFit, EngineFailed, MalformedContent, NotAllowed, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import CalendarRule, Rule
from mmscontent.rate_quality import Curve

_MEDIA_TYPES = {"1.0": "text/x-vcalendar", "2.0": "text/calendar"}


@dataclass(slots=True)
class _SurveyedCalendar:
    version: str
    data: bytes
    notes: tuple[str, ...]


class CalendarSource:
    """One file of events and tasks; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        most = DEFAULT_INPUT_LIMITS.max_text_bytes
        if len(data) > most:
            raise OverLimits(f"{info.media_type}: {len(data):,} bytes exceed the {most:,} that are read of a calendar")
        self._data = data
        self._declared = info
        self._calendar, self._notes = read_calendar(data, info.charset)
        stated = self._calendar.text("VERSION")
        fallback = "1.0" if info.media_type == _MEDIA_TYPES["1.0"] else "2.0"
        self._version = stated if stated in _MEDIA_TYPES else fallback
        self._work: _SurveyedCalendar | None = None

    def survey(self, rule: Rule, effort: Effort) -> Survey:  # noqa: ARG002 - there is only one effort
        """Convert the calendar to a version the receiver opens.

        Raises:
            NotAllowed: The receiver opens no calendar version.
            MalformedContent: No entry has a start.
        """
        assert isinstance(rule, CalendarRule)
        versions = [v for v in rule.versions if v in _MEDIA_TYPES]
        if not versions:
            accepted = ", ".join(rule.versions) or "no version"
            raise NotAllowed(f"the receiver opens calendars of {accepted}; 1.0 and 2.0 can be written")
        version = self._version if self._version in versions else versions[0]
        converted = convert(self._calendar, self._version, version)
        data = _write(converted.component, version)
        self._work = _SurveyedCalendar(version, data, (*self._notes, *converted.notes))
        reasons = self._passthrough_blockers(version, converted.notes)
        entries = len(self._calendar.all("VEVENT", "VTODO"))
        return Survey(
            info=replace(self._declared, media_type=_MEDIA_TYPES[self._version], kind="calendar", notes=self._notes),
            curve=Curve((len(data),), (100.0,)),
            minimum_bytes=len(data),
            keep_bytes=None if reasons else len(self._data),
            scale="calendar",
            reasons=reasons,
            traits=(f"calendar {self._version}", "1 entry" if entries == 1 else f"{entries} entries"),
        )

    def keep(self) -> Rendition:
        """Return the file unchanged."""
        return Rendition(self._data, _info(self._data, self._version), 0, 100.0, tries=("passed through",))

    def render(self, limit_bytes: int) -> Rendition:
        """Return the entries in the receiver's version.

        Raises:
            DoesNotFit: They are larger than the limit.
        """
        assert self._work is not None, "survey() comes first"
        work = self._work
        tries = (f"calendar {work.version} → {len(work.data):,} bytes",)
        if len(work.data) > limit_bytes:
            raise DoesNotFit(
                f"the calendar needs {len(work.data):,} bytes, {limit_bytes:,} are left; send fewer entries",
                limit_bytes=limit_bytes,
                smallest_bytes=len(work.data),
                tries=tries,
            )
        return Rendition(work.data, _info(work.data, work.version), 1, 100.0, tries=tries, notes=work.notes)

    def measure(self, data: bytes) -> float | None:
        """Return None: nothing measures a calendar."""

    def _passthrough_blockers(self, version: str, notes: tuple[str, ...]) -> tuple[str, ...]:
        reasons = []
        if version != self._version:
            reasons.append(f"the receiver opens calendar {version}, not {self._version}")
        elif notes or self._notes or self._calendar.text("VERSION") != version:
            reasons.append("the file had to be repaired")
        try:
            self._data.decode("utf-8")
        except UnicodeDecodeError:
            reasons.append("its text is not in UTF-8")
        return tuple(reasons)


def _info(data: bytes, version: str) -> MediaInfo:
    return MediaInfo(_MEDIA_TYPES[version], "calendar", len(data), charset="utf-8", profile=version)


def _write(component: Component, version: str) -> bytes:
    lines = b"".join(_line(line, version) for line in component.lines)
    inner = b"".join(_write(c, version) for c in component.components)
    name = component.name.encode("ascii", "replace")
    return b"BEGIN:" + name + b"\r\n" + lines + inner + b"END:" + name + b"\r\n"


def _line(line: ContentLine, version: str) -> bytes:
    params = "".join(f";{name}=" + ",".join(_quoted(v) for v in values) for name, values in line.params if values)
    head = f"{line.name}{params}"
    if version == "2.0":
        value = line.value.replace("\r\n", "\n").replace("\n", "\\n")
        return folded([f"{head}:{value}"])
    if line.value.isascii() and "\n" not in line.value:
        return f"{head}:{line.value}\r\n".encode()
    head += ("" if line.value.isascii() else ";CHARSET=UTF-8") + ";ENCODING=QUOTED-PRINTABLE:"
    return f"{head}{quoted_printable(line.value, len(head))}\r\n".encode()


def _quoted(value: str) -> str:
    plain = value.replace('"', "'")
    return f'"{plain}"' if any(c in plain for c in ":;,") else plain


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Read a calendar we wrote, 2.0 also by vobject's rules, and compare its version with the claim.

    Raises:
        EngineFailed: It cannot be read, breaks the rules of its version, or has another version.
    """
    try:
        calendar, _ = read_calendar(data)
        if info.profile == "2.0":
            vobject.readOne(data.decode("utf-8")).validate(raiseException=True)
    except (MalformedContent, vobject.base.VObjectError) as exc:
        raise EngineFailed(f"the calendar that was written is not valid ({exc})") from exc
    if info.profile is not None and calendar.text("VERSION") != info.profile:
        raise EngineFailed(f"the calendar that was written has version {calendar.text('VERSION')}, not {info.profile}")
    return replace(info, size_bytes=len(data))
