"""Converts recurrence rules between iCalendar 2.0 and vCalendar 1.0, where both can express them.

Sources: RFC 5545 3.3.10; vCalendar 1.0 section 2.1 (the XAPIA grammar: `W2 MO WE #5`, `MP1 2+ TU #0`).
"""

from __future__ import annotations

import re

_DAY = re.compile(r"([+-]?\d*)(MO|TU|WE|TH|FR|SA|SU)$")
_OLD_RULE = re.compile(r"(D|W|MP|MD|YM|YD)(\d+)((?: +[^ #]+)*?)(?: +#(\d+))?(?: +(\d{8}T\d{4,6}Z?))?$")
# Kinds of 1.0 → FREQ of 2.0 and the one BY part that goes with it. The first that suits a rule is taken.
_KINDS = {
    "D": ("DAILY", ""),
    "W": ("WEEKLY", "BYDAY"),
    "MD": ("MONTHLY", "BYMONTHDAY"),
    "MP": ("MONTHLY", "BYDAY"),
    "YM": ("YEARLY", "BYMONTH"),
    "YD": ("YEARLY", "BYYEARDAY"),
}


def to_vcalendar(rule: str) -> str | None:
    """Write a rule of 2.0 as 1.0 does; None when 1.0 cannot express it."""
    parts = dict(p.split("=", 1) for p in rule.upper().replace("\\;", ";").split(";") if "=" in p)
    bys = {name for name in parts if name.startswith("BY")}
    kind = next((k for k, (freq, by) in _KINDS.items() if freq == parts.get("FREQ") and bys <= {by}), "")
    fields = _old_fields(kind, parts.get(_KINDS[kind][1])) if kind else None
    if fields is None:
        return None
    end = parts.get("UNTIL", "")
    if len(end) == 8:  # noqa: PLR2004 - a date without a time
        end += "T235900"
    # The grammar's duration is a number of times (#0 for ever) or an end.
    return " ".join((f"{kind}{parts.get('INTERVAL', '1')}", *fields, end or f"#{parts.get('COUNT', '0')}"))


def _old_fields(kind: str, value: str | None) -> list[str] | None:
    """The values of a BY part as fields of 1.0; None when it cannot express them."""
    values = [] if value is None else value.split(",")
    if kind == "MD":
        return [_signed(day) for day in values if day]
    days = [_DAY.fullmatch(v) for v in values] if kind in ("W", "MP") else []
    if not all(days) or (kind == "MP" and not all(day and day[1] for day in days)):
        return None
    return [field for day in days if day for field in (_signed(day[1]), day[2])] if kind == "MP" else values


def _signed(number: str) -> str:
    """-1 is 1- in 1.0, and 2 is 2+."""
    return f"{number[1:]}-" if number.startswith("-") else f"{number.lstrip('+')}+"


def to_icalendar(rule: str) -> str | None:
    """Write a rule of 1.0 as 2.0 does; None when it is not understood."""
    found = _OLD_RULE.match(" ".join(rule.upper().split()))
    if found is None:
        return None
    kind, interval, fields, count, end = found.groups()
    frequency, by = _KINDS[kind]
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
    """`2+ TU 1- FR` as 2TU, -1FR; a position applies to all days up to the next position."""
    position, values = "", []
    for one in fields:
        if one[0].isdigit():
            position = _unsigned(one)
        elif _DAY.fullmatch(one):
            values.append(position + one)
    return values
