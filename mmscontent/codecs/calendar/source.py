"""The codec of calendars: events and tasks, in the version the receiver opens.

An entry has no quality to trade: it fits or it does not. One in a version the receiver opens goes as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import vobject

from mmscontent.codecs.base import Rendition, Survey
from mmscontent.codecs.calendar.convert import convert
from mmscontent.codecs.calendar.entries import Component, read_calendar
from mmscontent.codecs.content_lines import folded, quoted_printable
from mmscontent.errors import DoesNotFit, EngineFailed, MalformedContent, NotAllowed, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import CalendarRule
from mmscontent.rate_quality import Curve

if TYPE_CHECKING:
    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.content_lines import ContentLine
    from mmscontent.profiles.model import Rule

__all__ = ["CalendarSource", "verify"]

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
            raise OverLimits(f"{info.media_type}: {len(data):,} bytes are over the {most:,} we read of calendars")
        self._data = data
        self._declared = info
        self._calendar, self._notes = read_calendar(data, info.charset)
        stated = self._calendar.text("VERSION")
        fallback = "1.0" if info.media_type == _MEDIA_TYPES["1.0"] else "2.0"
        self._version = stated if stated in _MEDIA_TYPES else fallback
        self._work: _SurveyedCalendar | None = None

    def survey(self, rule: Rule, effort: Effort) -> Survey:  # noqa: ARG002 - there is only one effort
        """Write it in the version the receiver opens.

        Raises:
            NotAllowed: The receiver opens no calendar version.
            MalformedContent: No entry says when it is.
        """
        assert isinstance(rule, CalendarRule)
        versions = [v for v in rule.versions if v in _MEDIA_TYPES]
        if not versions:
            raise NotAllowed(
                f"the receiver opens calendars of {', '.join(rule.versions) or 'no version'}; 1.0 and 2.0 are made"
            )
        version = self._version if self._version in versions else versions[0]
        made = convert(self._calendar, self._version, version)
        written = _written(made.calendar, version)
        self._work = _SurveyedCalendar(version, written, (*self._notes, *made.notes))
        reasons = self._passthrough_blockers(version, made.notes)
        return Survey(
            info=replace(self._declared, media_type=_MEDIA_TYPES[self._version], kind="calendar", notes=self._notes),
            curve=Curve((len(written),), (100.0,)),
            minimum_bytes=len(written),
            keep_bytes=None if reasons else len(self._data),
            scale="calendar",
            reasons=reasons,
            traits=(f"calendar {self._version}", f"{len(self._calendar.all('VEVENT', 'VTODO'))} entries"),
        )

    def keep(self) -> Rendition:
        """The file as it is."""
        info = MediaInfo(
            _MEDIA_TYPES[self._version], "calendar", len(self._data), charset="utf-8", profile=self._version
        )
        return Rendition(self._data, info, 0, 100.0, tries=("passed through",))

    def render(self, limit_bytes: int) -> Rendition:
        """The entries in the receiver's version.

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
        info = MediaInfo(_MEDIA_TYPES[work.version], "calendar", len(work.data), charset="utf-8", profile=work.version)
        return Rendition(work.data, info, 1, 100.0, tries=tries, notes=work.notes)

    def measure(self, data: bytes) -> float | None:  # noqa: ARG002 - as every codec is called
        """Nothing measures a calendar."""
        return None

    def _passthrough_blockers(self, version: str, notes: tuple[str, ...]) -> tuple[str, ...]:
        reasons = []
        if version != self._version:
            reasons.append(f"calendar {self._version} is not what the receiver opens ({version})")
        elif notes or self._notes or self._calendar.text("VERSION") != version:
            reasons.append("it had to be mended")
        try:
            self._data.decode("utf-8")
        except UnicodeDecodeError:
            reasons.append("its letters are not in UTF-8")
        return tuple(reasons)


def _written(component: Component, version: str) -> bytes:
    lines = b"".join(_line(line, version) for line in component.lines)
    inner = b"".join(_written(c, version) for c in component.components)
    name = component.name.encode("ascii", "replace")
    return b"BEGIN:" + name + b"\r\n" + lines + inner + b"END:" + name + b"\r\n"


def _line(line: ContentLine, version: str) -> bytes:
    params = "".join(f";{name}=" + ",".join(_safe(v) for v in values) for name, values in line.params if values)
    head = f"{line.name}{params}"
    if version == "2.0":
        value = line.value.replace("\r\n", "\n").replace("\n", "\\n")
        return folded([f"{head}:{value}"])
    if line.value.isascii() and "\n" not in line.value:
        return f"{head}:{line.value}\r\n".encode()
    head += ("" if line.value.isascii() else ";CHARSET=UTF-8") + ";ENCODING=QUOTED-PRINTABLE:"
    return f"{head}{quoted_printable(line.value, len(head))}\r\n".encode()


def _safe(value: str) -> str:
    plain = value.replace('"', "'")
    return f'"{plain}"' if any(c in plain for c in ":;,") else plain


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Read the calendar again, 2.0 with vobject's rules too, and compare with the claim.

    Raises:
        EngineFailed: It cannot be read again, breaks the rules of its version, or is of another.
    """
    try:
        calendar, _ = read_calendar(data)
        if info.profile == "2.0":
            vobject.readOne(data.decode("utf-8")).validate(raiseException=True)
    except (MalformedContent, vobject.base.VObjectError) as exc:
        raise EngineFailed(f"the calendar that was made breaks its own rules ({exc})") from exc
    if info.profile is not None and calendar.text("VERSION") != info.profile:
        raise EngineFailed(f"the calendar that was made is {calendar.text('VERSION')}, {info.profile} was claimed")
    return replace(info, size_bytes=len(data))
