"""Values to columns and back: JSON of frozen dataclasses, and the lines of a trail.

A field that has its default is not written; a field that is not known is not read. So rows of an older and a newer
version can be read by one another.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import gateway_adapter.model as names
from gateway_adapter.model import HistoryStep

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["deserialize", "history_line", "parse_history", "serialize"]

T = TypeVar("T")


def serialize(value: object) -> str:
    """A dataclass, or a tuple of them, as one line of JSON."""
    return json.dumps(value, default=_told, separators=(",", ":"), ensure_ascii=False)


def _told(value: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    return {
        name: told
        for name, default in _defaults(cast("Hashable", type(value)))
        if (told := getattr(value, name)) != default
    }


@cache
def _defaults(kind: Hashable) -> tuple[tuple[str, object], ...]:
    return tuple((f.name, _default(f)) for f in fields(cast("type[Any]", kind)))


def _default(f: Field[Any]) -> object:
    return f.default_factory() if f.default_factory is not MISSING else f.default


def deserialize(kind: type[T], text: str) -> T:
    """The dataclass a line of JSON says."""
    read: T = _read(kind, json.loads(text))
    return read


def _read(kind: Any, value: Any) -> Any:  # noqa: ANN401 - follows the annotations
    reader = _readers(kind) if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__") else None
    if reader is not None:
        return kind(**{name: _read(hint, value[name]) for name, hint in reader.items() if name in value})
    origin = get_origin(kind)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], one) for one in value)
    if origin in (Union, UnionType):
        chosen = [one for one in get_args(kind) if one is not NoneType]
        return None if value is None else _read(chosen[0], value)
    return value


@cache
def _readers(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, vars(names))


# --- the trail -------------------------------------------------------------------------------------------------


def history_line(at_ms: int, name: str, detail: str = "") -> str:
    """One line of a trail, ending in a newline."""
    return f"{at_ms}\t{name}\t{' '.join(detail.split())[:400]}\n"


def parse_history(trail: str) -> tuple[HistoryStep, ...]:
    """The steps of a trail, oldest first."""
    split = (one.split("\t", 2) for one in trail.splitlines())
    return tuple(HistoryStep(int(at), name, detail) for at, name, detail in split)
