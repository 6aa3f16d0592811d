"""Wire names for parts that have none, or none that survives: ASCII, unique, one stem (OMA-TS-MMS_CONF, RFC 2392)."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mmscontent import media_types
from mmscontent.smil.predicates import is_unsafe_name, wrong_extension

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.message import Part

__all__ = ["name_parts"]

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_STEM_CHARS = 32  # with suffix and number under the 40 of a Content-Type name


def name_parts(parts: Sequence[Part], taken: Sequence[str] = ()) -> tuple[Part, ...]:
    """The parts, each with a Content-Location and a Content-ID of its own; sound and unique names are kept.

    Args:
        parts: In order; the first of two with one name keeps it.
        taken: Names nobody else may have, such as those of the presentation.
    """
    used = {n.lower() for n in taken}
    named = []
    for part in parts:
        location, identity = part.content_location, part.content_id.strip("<>")
        if not _keeps(location, part, used):
            location = _free(_stem(part), media_types.suffix_for(part.media_type), used)
        used.add(location.lower())
        if not _keeps(identity, part, used - {location.lower()}):
            identity = _free(location.rpartition(".")[0] or location, "", used)
        used.add(identity.lower())
        named.append(replace(part, content_location=location, content_id=identity))
    return tuple(named)


def _keeps(name: str, part: Part, used: set[str]) -> bool:
    return bool(name) and not is_unsafe_name(name) and not wrong_extension(name, part.kind) and name.lower() not in used


def _stem(part: Part) -> str:
    name = part.content_location or part.name or part.content_id or part.kind
    stem = name.replace("\\", "/").rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem
    return _UNSAFE.sub("-", stem).strip("-._")[:_MAX_STEM_CHARS] or part.kind


def _free(stem: str, suffix: str, used: set[str]) -> str:
    names = itertools.chain([f"{stem}{suffix}"], (f"{stem}-{n}{suffix}" for n in itertools.count(2)))
    return next(n for n in names if n.lower() not in used)
