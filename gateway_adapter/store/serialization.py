"""Values to columns and back: JSON of frozen dataclasses, and the lines of a message's history.

A field that has its default value is not written, and an unknown field is not read: rows of an older and of a newer
version can each be read by the other.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import gateway_adapter.model as names
from gateway_adapter.model import HistoryStep

T = TypeVar("T")
_MAX_DETAIL = 400  # characters of a history line's detail


def serialize(value: object) -> str:
    """A dataclass, or a tuple of them, as one line of JSON."""
    # `default` is called for every dataclass inside, too.
    return json.dumps(value, default=_changed_fields, separators=(",", ":"), ensure_ascii=False)


def _changed_fields(value: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    pairs = ((name, getattr(value, name), default) for name, default in _defaults(cast("Hashable", type(value))))
    return {name: current for name, current, default in pairs if current != default}


@cache
def _defaults(kind: Hashable) -> tuple[tuple[str, object], ...]:
    return tuple(
        (f.name, f.default if f.default_factory is MISSING else f.default_factory())
        for f in fields(cast("type[Any]", kind))
    )


def deserialize(kind: type[T], text: str) -> T:
    """The dataclass that a line of JSON holds."""
    value: T = _read(kind, json.loads(text))
    return value


def _read(kind: Any, value: Any) -> Any:  # noqa: ANN401 - follows the annotations
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        return kind(**{name: _read(hint, value[name]) for name, hint in _hints(kind).items() if name in value})
    origin = get_origin(kind)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], one) for one in value)
    if origin in (Union, UnionType):
        # The only unions in these values are "X | None".
        inner = next(one for one in get_args(kind) if one is not NoneType)
        return None if value is None else _read(inner, value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, vars(names))


def history_line(at_ms: int, name: str, detail: str = "") -> str:
    """One line of a history, ending in a newline."""
    return f"{at_ms}\t{name}\t{' '.join(detail.split())[:_MAX_DETAIL]}\n"


def parse_history(history: str) -> tuple[HistoryStep, ...]:
    """The steps of a history, oldest first."""
    split = (line.split("\t", 2) for line in history.splitlines())
    return tuple(HistoryStep(int(at), name, detail) for at, name, detail in split)
