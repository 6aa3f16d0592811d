"""What is sound and what is not, in values: asked by lint.py and kept by repair.py, so that the two agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mmscontent import media_types

if TYPE_CHECKING:
    from mmscontent.media_types import Kind
    from mmscontent.smil.model import Region

__all__ = ["is_external", "is_unsafe_name", "out_of_screen", "overlap", "too_small_for_text", "wrong_extension"]

MIN_TEXT_HEIGHT = 10  # percent; two lines of text on a phone (chosen)
MIN_TEXT_WIDTH = 25  # percent; a long word (chosen)
MAX_NAME_CHARS = 100  # JSR-205's "MMS Conformance limit" for Content-ID and Content-Location
_HALF = 0.5  # percent; regions in pixels meet with a rounding error

# Schemes of links seen or feared; any other colon is taken as part of a name, and is looked for among the parts only.
_SCHEME = re.compile(
    r"\s*(?:(?:https?|ftp|file|data|javascript|vbscript|rtsp|rtmp|wss?|blob|about|content|mailto|tel):|//)",
    re.IGNORECASE,
)
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@$+~-]*")


def is_external(src: str) -> bool:
    """Whether a source leads out of the message: a scheme other than `cid:`, or a host."""
    return _SCHEME.match(src) is not None


def is_unsafe_name(name: str) -> bool:
    """Whether a wire name is likely to be changed or lost on its way."""
    return len(name) > MAX_NAME_CHARS or _SAFE_NAME.fullmatch(name) is None


def wrong_extension(name: str, kind: Kind) -> bool:
    """Whether a name ends like that of another kind of medium (`.mail` ends many a Content-ID and means nothing)."""
    row = media_types.type_for_name(name)
    return row is not None and row.kind not in (kind, "message", "other", "presentation")


def overlap(one: Region, other: Region) -> bool:
    """Whether two regions share more than an edge."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return across > _HALF and down > _HALF


def out_of_screen(region: Region) -> bool:
    """Whether a region ends beyond the screen."""
    return region.right > 100 + _HALF or region.bottom > 100 + _HALF


def too_small_for_text(region: Region) -> bool:
    """Whether a region holds less than two short lines."""
    return region.width < MIN_TEXT_WIDTH or region.height < MIN_TEXT_HEIGHT
