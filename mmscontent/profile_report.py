"""Profiles for people: every value with who decided it, what differs between two, and tables of both.

Pure: values in, values or text out. JSON is `dataclasses.asdict` of the values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

from mmscontent.layers import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mmscontent.profile import Profile
    from mmscontent.profile_files.catalogue import ProfileSummary
    from mmscontent.profile_files.lint import ProfileFinding
    from mmscontent.profile_files.match import ProfileMatch

__all__ = [
    "Difference",
    "Explained",
    "differences",
    "explain",
    "text_of_catalogue",
    "text_of_differences",
    "text_of_findings",
    "text_of_matches",
    "text_of_profile",
]

_NOT_VALUES = ("origins", "notes", "carrier", "route", "device", "content_class")


@dataclass(frozen=True, slots=True)
class Explained:
    """One value of a profile and where it comes from.

    Attributes:
        source: Who decided; `built-in default` when nobody did.
        competing: Credible statements that lost, each a sentence.
    """

    field: str
    value: str
    source: str = "built-in default"
    url: str = ""
    date: str = ""
    confidence: str = ""
    stated: str = ""
    competing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which two profiles differ, with who decided each."""

    field: str
    first: str
    second: str
    first_source: str
    second_source: str


def explain(profile: Profile) -> tuple[Explained, ...]:
    """Every value of a profile, limits first, each with its origin."""
    return tuple(_explained(profile, name, value) for name, value in _values(profile))


def differences(first: Profile, second: Profile) -> tuple[Difference, ...]:
    """The fields in which two profiles differ."""
    pairs = zip(explain(first), explain(second), strict=True)
    return tuple(Difference(a.field, a.value, b.value, a.source, b.source) for a, b in pairs if a.value != b.value)


def _values(profile: Profile) -> Iterator[tuple[str, object]]:
    """Dotted names and values, in the order the profile declares them."""
    for own in fields(profile):
        value = getattr(profile, own.name)
        if own.name in _NOT_VALUES:
            continue
        if is_dataclass(value):
            yield from ((f"{own.name}.{f.name}", getattr(value, f.name)) for f in fields(value))
        else:
            yield own.name, value


def _explained(profile: Profile, name: str, value: object) -> Explained:
    origin, text = profile.origin(name), "no statement" if value is None else text_of(value)
    if origin is None:
        return Explained(name, text)
    return Explained(
        name, text, origin.source, origin.url, origin.date, origin.confidence, origin.stated, origin.competing
    )


# -- text -----------------------------------------------------------------------------------------------------------


def text_of_profile(profile: Profile) -> str:
    """A profile as `profiles show` and `why` print it: value, who decided, and what was said against it."""
    lines = [_title(profile), *(f"  note: {note}" for note in profile.notes), ""]
    for row in explain(profile):
        lines.append(f"{row.field:26} {row.value}")
        said = " · ".join(s for s in (row.source, row.date, row.confidence and f"{row.confidence} confidence") if s)
        lines.append(f"{'':26}   {said}")
        stated = (f"stated: {row.stated}" if row.stated else "", row.url)
        lines += [f"{'':26}   {text}" for text in stated if text]
        lines += [f"{'':26}   against: {text}" for text in row.competing]
    return "\n".join(lines) + "\n"


def _title(profile: Profile) -> str:
    asked = (
        ("carrier", profile.carrier),
        ("route", profile.route),
        ("device", profile.device),
        ("class", profile.content_class),
    )
    return " · ".join(f"{what} {key}" for what, key in asked if key) or "nothing known of network and phone"


def text_of_differences(first: Profile, second: Profile) -> str:
    """What differs between two profiles, side by side."""
    rows = differences(first, second)
    if not rows:
        return "no difference\n"
    head = (("", _title(first), _title(second)),)
    table = (*head, *((r.field, f"{r.first}  [{r.first_source}]", f"{r.second}  [{r.second_source}]") for r in rows))
    return _columns(table)


def text_of_catalogue(rows: Iterable[ProfileSummary]) -> str:
    """One line a profile."""
    return _columns(
        (r.kind, r.key, r.name, text_of(r.limit_bytes) if r.limit_bytes else "inherits", " ".join(r.routes), r.status)
        for r in rows
    )


def text_of_matches(rows: Iterable[ProfileMatch]) -> str:
    """One line a match; what is only possible is marked."""
    return _columns(("" if r.certain else "possibly", r.kind, r.key, r.name, r.how) for r in rows) or "no match\n"


def text_of_findings(rows: Iterable[ProfileFinding]) -> str:
    """One line a finding."""
    return "".join(f"{r.severity}: {r.message if r.file in r.message else f'{r.file}: {r.message}'}\n" for r in rows)


def _columns(rows: Iterable[tuple[str, ...]]) -> str:
    table = [tuple(rows_) for rows_ in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in table)
