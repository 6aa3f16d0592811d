"""A small picture of a part that a browser or a ticket can show, decoded and encoded in the jail.

The codec of stills does it, with a rule of its own; a picture that cannot be decoded has no view, and that is no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mmscontent.codecs.jailed import REGISTRY
from mmscontent.engines import jail
from mmscontent.errors import MMSContentError
from mmscontent.profile import ImageRule
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from mmscontent.codecs.base import Rendition
    from mmscontent.message import Part

__all__ = ["picture_view"]

_WORKER_MODULE = "mmscontent.codecs.jailed"  # the same warm workers as adapt.py
_BYTES_PER_PX = 0.12  # good JPEG at the size it is looked at; the page must stay light


def picture_view(part: Part, long_px: int) -> bytes | None:
    """The picture as upright sRGB JPEG of at most *long_px* a side; None when it cannot be decoded here."""
    rule = ImageRule(("image/jpeg",), max_long_px=long_px, max_short_px=long_px, animated=False, view_long_px=long_px)
    limit = max(20_000, round(long_px * long_px * _BYTES_PER_PX))
    try:
        info = sniff(part.data, name=part.name or None, declared=part.media_type)
        if info.kind != "image":
            return None
        with jail.shared(_WORKER_MODULE, registry=REGISTRY).seat() as seat:
            seat.call("open", "image", part.data, info, part=part.name)
            seat.call("survey", rule, "fast", part=part.name)
            return cast("Rendition", seat.call("render", limit, part=part.name)).data
    except MMSContentError:
        return None
