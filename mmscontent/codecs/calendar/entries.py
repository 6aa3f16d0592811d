"""Reads calendars of both versions as components that hold lines and further components.

Sources: RFC 5545 3.4 and 3.6; vCalendar 1.0 (versit 1996) section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmscontent.codecs.content_lines import ContentLine, read_lines
from mmscontent.errors import MalformedContent
from mmscontent.limits import DEFAULT_INPUT_LIMITS


@dataclass(frozen=True, slots=True)
class Component:
    """BEGIN to END: an event, a task, an alarm, a time zone, or the calendar around them."""

    name: str
    lines: tuple[ContentLine, ...] = ()
    components: tuple[Component, ...] = ()

    def first(self, name: str) -> ContentLine | None:
        """Return the first property of a name."""
        return next((line for line in self.lines if line.name == name), None)

    def text(self, name: str) -> str:
        """Return the value of the first property of a name, trimmed; "" when there is none."""
        line = self.first(name)
        return "" if line is None else line.value.strip()

    def all(self, *names: str) -> tuple[Component, ...]:
        """Return the components of some names, one level down."""
        return tuple(c for c in self.components if c.name in names)


def read_calendar(data: bytes, charset: str | None = None) -> tuple[Component, tuple[str, ...]]:
    """Read a calendar, and what was repaired or left out, as sentences. Several calendars in a file become one.

    Raises:
        MalformedContent: There is no event and no task in it.
    """
    lines, read_notes = read_lines(data, charset)
    notes = list(read_notes)
    stack: list[tuple[str, list[ContentLine], list[Component]]] = [("", [], [])]

    def close() -> None:
        name, inner_lines, inner = stack.pop()
        stack[-1][2].append(Component(name, tuple(inner_lines), tuple(inner)))

    for line in lines:
        word = line.value.strip().upper()
        if line.name == "BEGIN":
            if len(stack) > DEFAULT_INPUT_LIMITS.max_nesting:
                raise MalformedContent(f"the calendar nests deeper than {DEFAULT_INPUT_LIMITS.max_nesting} levels")
            stack.append((word, [], []))
        elif line.name == "END" and len(stack) > 1:
            if stack[-1][0] != word:
                notes.append(f"{stack[-1][0]} is closed by END:{word}")
            close()
        elif line.name != "END":
            stack[-1][1].append(line)
    while len(stack) > 1:
        notes.append(f"{stack[-1][0]} is not closed")
        close()
    return _merge_calendars(stack[0][2], notes), tuple(dict.fromkeys(notes))


def _merge_calendars(found: list[Component], notes: list[str]) -> Component:
    calendars = [c for c in found if c.name == "VCALENDAR"]
    loose = [c for c in found if c.name != "VCALENDAR"]
    if any(c.name in ("VEVENT", "VTODO") for c in loose):
        notes.append("there was no VCALENDAR around an entry")
    components = (*(c for one in calendars for c in one.components), *loose)
    if not any(c.name in ("VEVENT", "VTODO") for c in components):
        names = ", ".join(sorted({c.name for c in components})) or "nothing"
        raise MalformedContent(f"the calendar holds no event and no task, only {names}; export the entry again")
    if len(calendars) > 1:
        notes.append(f"{len(calendars)} calendars in one file were joined")
    return Component("VCALENDAR", calendars[0].lines if calendars else (), components)
