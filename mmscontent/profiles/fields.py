"""How one field of a profile is read from TOML, merged and described; model.py states each field once with it.

A reader gives the value as the profile keeps it, or raises ValueError with the words for what it wanted: schema.py
puts file, key and value around them. A merge rule takes two statements and gives the value that satisfies both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
Default = TypeVar("Default")
Word = TypeVar("Word", bound=str)
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class FieldRule(Generic[Value]):
    """All that is known of a field beside its name, type and default.

    Attributes:
        read: Checks a TOML value.
        merge: Gives what two statements leave; None for the byte limits, which merge.py combines by themselves.
        meaning: What the value is, with its unit; `mmscontent profiles show` prints it.
        fallback: Stands when two lists have nothing in common; a receiver that accepts MMS at all accepts this.
        carrier_raises: The carrier's value replaces that of a device whose document states lower bounds.
    """

    read: Callable[[object], Value]
    merge: Callable[[Value, Value], Value] | None
    meaning: str
    fallback: Value | None = None
    carrier_raises: bool = False


def profile_field(
    default: Default,
    read: Callable[[object], Value],
    merge: Callable[[Value, Value], Value],
    meaning: str,
    *,
    fallback: Value | None = None,
    carrier_raises: bool = False,
) -> Default | Value:
    """Declare a field of a profile; *default* holds where no source states it."""
    rule = FieldRule(read, merge, meaning, fallback, carrier_raises)
    declared: Any = field(default=default, metadata={"rule": rule})
    return declared  # type: ignore[no-any-return] # as dataclasses.field itself, typed as the value it stands for


# -- readers --------------------------------------------------------------------------------------------------------


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004 - schema.py turns it into ProfileError
    return value


def flag(value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - as above
    return value


def count(value: object) -> int:
    """A whole number, 0 included."""
    # bool is a subclass of int in Python, but `true` is no number in TOML
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


def size(value: object) -> int:
    """A whole number above 0: bytes, pixels, characters."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError("a list of texts")
    return tuple(value)


def date(value: object) -> str:
    """An ISO date, to the day, the month or the year."""
    bits = text(value).split("-")
    if not all(b.isdigit() for b in bits) or [len(b) for b in bits] not in ([4], [4, 2], [4, 2, 2]):
        raise ValueError("a date such as 2026-11-22, 2026-11 or 2026")
    return "-".join(bits)


def media_types(value: object) -> tuple[str, ...]:
    """A list of media types, spelled as the rest of the package compares them."""
    types = texts(value)
    if any(t != t.strip().lower() or t.count("/") != 1 for t in types):
        raise ValueError("a list of media types such as image/jpeg, in lower case")
    return types


def one_of(words: tuple[Word, ...]) -> Callable[[object], Word]:
    """A reader of one of a few words."""

    def read(value: object) -> Word:
        found = next((word for word in words if word == value), None)
        if found is None:
            raise ValueError(f"one of {', '.join(words)}")
        return found

    return read


def table_rows(row_type: Callable[..., Value]) -> Callable[[object], tuple[Value, ...]]:
    """A reader of a list of tables, each with the fields of a dataclass; media_type and codec are required."""
    # Annotations are strings here; every field of a format is either a text or a number above 0.
    keys: Mapping[str, Callable[[object], object]] = {
        f.name: text if "str" in str(f.type) else size
        for f in fields(row_type)  # type: ignore[arg-type] # a dataclass, called to build a row
    }

    def read(value: object) -> tuple[Value, ...]:
        if not isinstance(value, list) or not all(_is_format_row(row) for row in value):
            raise ValueError("a list of tables, each with media_type and codec")
        unknown = [k for row in value for k in row if k not in keys]
        if unknown:
            raise ValueError(f"rows with the keys {', '.join(keys)}, not {unknown[0]}")
        return tuple(row_type(**{k: keys[k](v) for k, v in row.items()}) for row in value)

    return read


def _is_format_row(row: object) -> bool:
    return isinstance(row, dict) and {"media_type", "codec"} <= {*row}


# -- merge rules ----------------------------------------------------------------------------------------------------


def lowest(a: Number, b: Number) -> Number:
    """The lower of two limits."""
    return min(a, b)


def lowest_known(a: Number | None, b: Number | None) -> Number | None:
    """The lower of two limits; None states nothing."""
    return b if a is None else a if b is None else min(a, b)


def all_true(a: bool, b: bool) -> bool:  # noqa: FBT001 - a rule for two values
    """True when no source denies it."""
    return a and b


def any_true(a: bool, b: bool) -> bool:  # noqa: FBT001 - a rule for two values
    """True when one source says so."""
    return a or b


def first(a: Value, _b: Value) -> Value:
    """The first source: device before carrier before class."""
    return a


def common(a: tuple[Value, ...], b: tuple[Value, ...]) -> tuple[Value, ...]:
    """What two lists share, in the order of the first."""
    return tuple(v for v in a if v in b)


def strictest(order: tuple[Word, ...]) -> Callable[[Word, Word], Word]:
    """A rule for words that are ordered, the strictest last."""
    return lambda a, b: max(a, b, key=order.index)
