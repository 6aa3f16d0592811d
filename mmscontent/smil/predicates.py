"""Predicates on sources and regions, shared by lint.py and repair.py so that the two agree."""

from __future__ import annotations

import re

from mmscontent.smil.model import Region

MIN_TEXT_HEIGHT = 10  # percent; two lines of text on a phone (chosen)
MIN_TEXT_WIDTH = 25  # percent; a long word (chosen)
_HALF = 0.5  # percent; regions in pixels meet with a rounding error

# Schemes of links seen or feared; any other colon is taken as part of a name, and is looked for among the parts only.
_SCHEME = re.compile(
    r"\s*(?:(?:https?|ftp|file|data|javascript|vbscript|rtsp|rtmp|wss?|blob|about|content|mailto|tel):|//)",
    re.IGNORECASE,
)


def is_external(src: str) -> bool:
    """Whether a source leads out of the message: a scheme other than `cid:`, or a host."""
    # RFC 2392: cid: is the one scheme that leads to a part of the same message
    return _SCHEME.match(src) is not None


def overlap(one: Region, other: Region) -> bool:
    """Whether two regions share more than an edge."""
    # regions that share an edge, or a rounding error of it, do not cover each other
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return across > _HALF and down > _HALF


def out_of_screen(region: Region) -> bool:
    """Whether a region ends beyond the screen."""
    return region.right > 100 + _HALF or region.bottom > 100 + _HALF


def too_small_for_text(region: Region) -> bool:
    """Whether a region holds less than two short lines."""
    return region.width < MIN_TEXT_WIDTH or region.height < MIN_TEXT_HEIGHT
