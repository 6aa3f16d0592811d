"""Texts with placeholders for what differs from recipient to recipient: `Hello {name}, your code is {code}`.

A placeholder names a column of the list of recipients; `{{` and `}}` are braces. Nothing else is interpreted, so a
column can never run code or read an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mmscontent.errors import BatchError

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def placeholders(template: str, where: str) -> tuple[str, ...]:
    """The columns that a text names, each once, in order.

    Raises:
        BatchError: A brace is not part of a pair.
    """
    found: dict[str, None] = {}
    for match in _PLACEHOLDER.finditer(template):
        if match[0] in ("{", "}"):
            raise BatchError(f"{where} has a lone {match[0]!r} at {match.start()}; write a brace twice")
        if match[1] is not None:
            found[match[1].strip()] = None
    return tuple(found)


def render(template: str, fields: Mapping[str, str]) -> str:
    """Fill in a text for one recipient; *fields* has every column that `placeholders` found."""
    return _PLACEHOLDER.sub(lambda m: m[0][0] if m[1] is None else fields[m[1].strip()], template)
