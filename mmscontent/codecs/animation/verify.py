"""Verifies a GIF we made: libvips (libnsgif), which did not write it, decodes it and the facts are compared."""

from __future__ import annotations

from dataclasses import replace

from mmscontent.codecs.image.decode import Vips, VipsError
from mmscontent.codecs.image.verify import verify as verify_still
from mmscontent.errors import EngineFailed
from mmscontent.message import MediaInfo

# GIF counts hundredths of a second.
_MOST_OFF_MS = 10


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode all frames and return the facts found.

    Raises:
        EngineFailed: Sides, frames or playing time differ from those claimed, or it does not decode.
    """
    if info.media_type != "image/gif" or (info.frames or 1) == 1:
        return verify_still(data, info)
    try:
        pages = Vips.gifload_buffer(data, n=-1, access="sequential", fail_on="error")
        pages.avg()
        frames = pages.get("n-pages")
        delays = pages.get("delay")
    except VipsError as exc:
        raise EngineFailed(f"the encoded GIF cannot be decoded ({exc}); this is a fault of its encoder") from exc
    height = pages.get("page-height")
    duration = sum(d if d >= 20 else 100 for d in delays)  # noqa: PLR2004 - as browsers play it
    decoded = replace(
        info, width_px=pages.width, height_px=height, frames=frames, duration_ms=duration, size_bytes=len(data)
    )
    for name in ("width_px", "height_px", "frames"):
        if getattr(info, name) != getattr(decoded, name):
            raise EngineFailed(
                f"the encoded GIF has {name} {getattr(decoded, name)}, but {getattr(info, name)} was claimed;"
                " this is a fault of its encoder"
            )
    if info.duration_ms is not None and abs(duration - info.duration_ms) > _MOST_OFF_MS:
        raise EngineFailed(f"the encoded GIF plays for {duration} ms, but {info.duration_ms} ms were claimed")
    return decoded
