"""Rules of recurrence: iCalendar's RRULE and vCalendar's, one to the other where both can say it.

Sources: RFC 5545 3.3.10; vCalendar 1.0 section 2.1 (the XAPIA grammar: `W2 MO WE #5`, `MP1 2+ TU #0`).
"""

from __future__ import annotations

import re

__all__ = ["to_icalendar", "to_vcalendar"]

_DAY = re.compile(r"([+-]?\d*)(MO|TU|WE|TH|FR|SA|SU)$")
_OLD_RULE = re.compile(r"(D|W|MP|MD|YM|YD)(\d+)((?: +[^ #]+)*?)(?: +#(\d+))?(?: +(\d{8}T\d{4,6}Z?))?$")
_UNSAID = ("BYSETPOS", "BYHOUR", "BYMINUTE", "BYSECOND", "BYWEEKNO")


def to_vcalendar(rule: str) -> str | None:
    """A rule of 2.0 as 1.0 writes it; None when 1.0 cannot say it."""
    parts = dict(p.split("=", 1) for p in rule.upper().replace("\\;", ";").split(";") if "=" in p)
    if any(name in parts for name in _UNSAID):
        return None
    head = _HEADS.get(parts.get("FREQ", ""), lambda _: None)(parts)
    if head is None:
        return None
    kind, fields = head
    interval = parts.get("INTERVAL", "1")
    end = parts.get("UNTIL", "")
    if len(end) == 8:  # noqa: PLR2004 - a date alone
        end += "T235900"
    return " ".join((f"{kind}{interval}", *fields, end or f"#{parts.get('COUNT', '0')}"))


Head = tuple[str, list[str]] | None


def _daily(parts: dict[str, str]) -> Head:
    return None if set(parts) & {"BYDAY", "BYMONTH", "BYMONTHDAY"} else ("D", [])


def _weekly(parts: dict[str, str]) -> Head:
    days = parts.get("BYDAY", "").split(",") if "BYDAY" in parts else []
    if set(parts) & {"BYMONTH", "BYMONTHDAY"} or not all(_DAY.fullmatch(d) for d in days):
        return None
    return "W", days


def _monthly(parts: dict[str, str]) -> Head:
    if "BYMONTH" in parts or ("BYDAY" in parts and "BYMONTHDAY" in parts):
        return None
    if "BYDAY" not in parts:
        return "MD", [_signed(d) for d in parts.get("BYMONTHDAY", "").split(",") if d]
    fields: list[str] = []
    for day in parts["BYDAY"].split(","):
        found = _DAY.fullmatch(day)
        if found is None or not found[1]:
            return None
        fields += [_signed(found[1]), found[2]]
    return "MP", fields


def _signed(number: str) -> str:
    """-1 is 1- in 1.0, and 2 is 2+ before a day's name; a day of the month stands alone."""
    return f"{number[1:]}-" if number.startswith("-") else f"{number.lstrip('+')}+"


def _yearly(parts: dict[str, str]) -> Head:
    if set(parts) & {"BYDAY", "BYMONTHDAY"}:
        return None
    if "BYYEARDAY" in parts:
        return None if "BYMONTH" in parts else ("YD", parts["BYYEARDAY"].split(","))
    return "YM", parts.get("BYMONTH", "").split(",") if "BYMONTH" in parts else []


_HEADS = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}

_FREQUENCIES = {
    "D": ("DAILY", ""),
    "W": ("WEEKLY", "BYDAY"),
    "MP": ("MONTHLY", "BYDAY"),
    "MD": ("MONTHLY", "BYMONTHDAY"),
    "YM": ("YEARLY", "BYMONTH"),
    "YD": ("YEARLY", "BYYEARDAY"),
}


def to_icalendar(rule: str) -> str | None:
    """A rule of 1.0 as 2.0 writes it; None when it is none we understand."""
    found = _OLD_RULE.match(" ".join(rule.upper().split()))
    if found is None:
        return None
    kind, interval, fields, count, end = found.groups()
    frequency, by = _FREQUENCIES[kind]
    values = _positions(fields.split()) if kind == "MP" else [_unsigned(f) for f in fields.split()]
    if kind == "MP" and not values:
        return None
    pieces = [f"FREQ={frequency}", *([f"INTERVAL={interval}"] if interval != "1" else [])]
    pieces += [f"{by}={','.join(values)}"] if by and values else []
    if end:
        pieces.append(f"UNTIL={end}")
    elif count != "0":
        pieces.append(f"COUNT={count or 2}")  # section 2.1: without a duration it happens twice
    return ";".join(pieces)


def _unsigned(field: str) -> str:
    return f"-{field[:-1]}" if field.endswith("-") else field.rstrip("+")


def _positions(fields: list[str]) -> list[str]:
    """`2+ TU 1- FR` to 2TU, -1FR; a position counts for all days up to the next."""
    position, values = "", []
    for one in fields:
        if one[0].isdigit():
            position = _unsigned(one)
        elif _DAY.fullmatch(one):
            values.append(position + one)
    return values
