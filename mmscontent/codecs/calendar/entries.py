"""Calendars as values: components in components, each with its lines. iCalendar 2.0 and vCalendar 1.0 alike.

Sources: RFC 5545 3.4 and 3.6; vCalendar 1.0 (versit 1996) section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmscontent.codecs.content_lines import ContentLine, read_lines
from mmscontent.errors import MalformedContent
from mmscontent.limits import DEFAULT_INPUT_LIMITS

__all__ = ["Component", "read_calendar"]


@dataclass(frozen=True, slots=True)
class Component:
    """BEGIN to END: an event, a task, an alarm, a zone, or the calendar around them."""

    name: str
    lines: tuple[ContentLine, ...] = ()
    components: tuple[Component, ...] = ()

    def first(self, name: str) -> ContentLine | None:
        """The first property of a name."""
        return next((line for line in self.lines if line.name == name), None)

    def text(self, name: str) -> str:
        """Value of the first property of a name, trimmed; "" when there is none."""
        line = self.first(name)
        return "" if line is None else line.value.strip()

    def all(self, *names: str) -> tuple[Component, ...]:
        """Components of some names, one level down."""
        return tuple(c for c in self.components if c.name in names)


def read_calendar(data: bytes, charset: str | None = None) -> tuple[Component, tuple[str, ...]]:
    """The calendar, and what was mended or left out, as sentences. Several calendars in a file become one.

    Raises:
        MalformedContent: There is no event and no task in it.
    """
    lines, notes = read_lines(data, charset)
    said = list(notes)
    top = _Open("")
    stack = [top]
    for line in lines:
        word = line.value.strip().upper()
        if line.name == "BEGIN":
            if len(stack) > DEFAULT_INPUT_LIMITS.max_nesting:
                raise MalformedContent(f"the calendar nests deeper than {DEFAULT_INPUT_LIMITS.max_nesting} levels")
            stack.append(_Open(word))
        elif line.name == "END" and len(stack) > 1:
            if stack[-1].name != word:
                said.append(f"{stack[-1].name} is closed by END:{word}")
            closed = stack.pop().close()
            stack[-1].components.append(closed)
        elif line.name != "END":
            stack[-1].lines.append(replace(line, value=line.value))
    while len(stack) > 1:
        said.append(f"{stack[-1].name} is not closed")
        closed = stack.pop().close()
        stack[-1].components.append(closed)
    return _one_calendar(top.close(), said), tuple(dict.fromkeys(said))


class _Open:
    """A component being read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[ContentLine] = []
        self.components: list[Component] = []

    def close(self) -> Component:
        return Component(self.name, tuple(self.lines), tuple(self.components))


def _one_calendar(top: Component, said: list[str]) -> Component:
    calendars = top.all("VCALENDAR")
    loose = tuple(c for c in top.components if c.name != "VCALENDAR")
    if loose and any(c.name in ("VEVENT", "VTODO") for c in loose):
        said.append("there was no VCALENDAR around it")
    components = tuple(c for one in calendars for c in one.components) + loose
    if not any(c.name in ("VEVENT", "VTODO") for c in components):
        found = ", ".join(sorted({c.name for c in components})) or "nothing"
        raise MalformedContent(f"the calendar holds no event and no task (but {found}); export the entry again")
    if len(calendars) > 1:
        said.append(f"{len(calendars)} calendars in one file were joined")
    return Component("VCALENDAR", calendars[0].lines if calendars else (), components)
