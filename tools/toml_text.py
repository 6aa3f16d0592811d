"""Plain values to TOML text, in the one layout our profile files have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["document"]

_WIDTH = 110


def document(comment: str, table: Mapping[str, object]) -> str:
    """A whole file: scalars first, then one section per table; empty values are left out."""
    lines = [f"# {line}" for line in comment.splitlines()]
    _section(lines, "", table)
    return "\n".join(lines).strip() + "\n"


def _section(lines: list[str], prefix: str, table: Mapping[str, object]) -> None:
    plain = {k: v for k, v in table.items() if not isinstance(v, dict) and _holds(v)}
    if plain and prefix:
        lines += ["", f"[{prefix}]"]
    lines += [f"{key} = {_value(value, len(key))}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            _section(lines, f"{prefix}.{key}" if prefix else key, value)


def _holds(value: object) -> bool:
    return value is not None and value != ""


def _value(value: object, indent: int = 0) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if value >= 10_000 else str(value)  # noqa: PLR2004 - grouped as people read it
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items() if _holds(v)) + " }"
    if isinstance(value, (list, tuple)):
        inline = "[" + ", ".join(_value(v) for v in value) + "]"
        if len(inline) + indent <= _WIDTH and not any(isinstance(v, dict) for v in value):
            return inline
        return "[\n" + "".join(f"    {_value(v)},\n" for v in value) + "]" if value else "[]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
