"""Names of parts: one rule for Content-ID, Content-Location and file names, in every wire form and on disk.

A name the part already has is kept when every form and receiver carries it as it is: it is safe, its ending fits the
media type, and no other part has it. Any other name is made: the stem of the Content-Location, the Content-ID, the
file name or the kind of the part (the first that leaves a letter), in ASCII, with a number behind it where it is
taken. A made Content-ID is the stem of the Content-Location.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from mmscontent import media_types
from mmscontent.media_types import Kind
from mmscontent.message import Part

# CONF 1.3 section 10.2: Content-ID and Content-Location have at most 100 characters (JSR-205 takes the same limit).
MAX_NAME_CHARS = 100
# CONF 1.3 section 10.2 gives the Content-Type parameter `name` 40; with a number and an ending a made stem stays below.
_MAX_STEM_CHARS = 30
# No quote, percent, blank or slash: python-messaging loses a part whose name has a blank, SMIL and `cid:` (RFC 2392)
# escape the rest, and a leading dot hides the file that `unpack -o` writes.
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@$+~-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")
# Windows opens a device under these names, whatever ending follows.
_DEVICE_NAMES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)


def assign_part_names(parts: Sequence[Part], reserved: Iterable[str] = ()) -> tuple[Part, ...]:
    """Give every part a Content-ID and a Content-Location of its own; a part whose names are kept is the same object.

    Args:
        parts: In order; the first of two parts with one name keeps it. Letter case does not tell names apart.
        reserved: Names no part may have, such as those of the presentation.
    """
    used = {name.lower() for name in reserved}
    return tuple(_with_names(part, used) for part in parts)


@lru_cache(maxsize=1024)  # a campaign packs the same parts once for each receiver
def is_unsafe_name(name: str) -> bool:
    """Whether a wire name is likely to be changed or lost on its way, or cannot name a file."""
    if len(name) > MAX_NAME_CHARS or _SAFE_NAME.fullmatch(name) is None or name.endswith("."):
        return True
    return name.partition(".")[0].lower() in _DEVICE_NAMES


def wrong_extension(name: str, kind: Kind) -> bool:
    """Whether a name ends like that of another kind of medium (`.mail` ends many a Content-ID and means nothing)."""
    row = media_types.type_for_name(name)
    return row is not None and row.kind not in (kind, "message", "other", "presentation")


def _with_names(part: Part, used: set[str]) -> Part:
    location, content_id = part.content_location, part.content_id.strip("<>")
    keeps_id = not is_unsafe_name(content_id) and content_id.lower() not in used
    if is_unsafe_name(location) or location.lower() in used or not _fits_type(location, part.media_type):
        ending = _ending(part)
        location = _free(_stem(part), (ending,) if keeps_id else (ending, ""), used) + ending
    # one stem for both names, so that a source resolves whichever of them a reader looks at
    if not keeps_id:
        content_id = _free(location.rpartition(".")[0] or location, ("",), used)
    # one set for both kinds of names: readers look a source up in either
    used |= {location.lower(), content_id.lower()}
    if (location, content_id) == (part.content_location, part.content_id):
        return part
    return replace(part, content_location=location, content_id=content_id)


@lru_cache(maxsize=1024)  # as is_unsafe_name
def _fits_type(name: str, media_type: str) -> bool:
    """Whether no receiver that goes by the ending takes the part for another type; nobody does for the presentation."""
    stated, meant = media_types.find(media_type), media_types.type_for_name(name)
    if stated is None:
        return not wrong_extension(name, "other")
    return meant in (None, stated) or stated.kind == "presentation"


def _ending(part: Part) -> str:
    """The ending of the media type; of a type we do not know, the ending the part's own name has."""
    if media_types.find(part.media_type) is None:
        name = part.content_location or part.name
        own = name[name.rfind(".") :] if "." in name else ""
        if _ENDING.fullmatch(own) and not wrong_extension(own, "other"):
            return own
    return media_types.suffix_for(part.media_type)


def _stem(part: Part) -> str:
    wanted = (_file_stem(part.content_location), part.content_id.strip("<>"), _file_stem(part.name))
    fallback = "smil" if part.kind == "presentation" else part.kind
    return next(filter(None, map(_ascii, wanted)), fallback)


def _file_stem(name: str) -> str:
    # a path of either kind of system; only the last name counts
    base = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, _ = base.rpartition(".")
    return stem if dot and stem else base


def _ascii(text: str) -> str:
    # NFKD parts a letter from its accent; ß has no parts, so it is written out
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode("ascii")
    return _UNSAFE.sub("-", plain).strip("-_")[:_MAX_STEM_CHARS].strip("-_")


def _free(stem: str, endings: Iterable[str], used: set[str]) -> str:
    """The stem, numbered until it names no device and, with each of the endings, no other part."""
    numbered = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(s for s in numbered if s.lower() not in _DEVICE_NAMES and not used & {(s + e).lower() for e in endings})
