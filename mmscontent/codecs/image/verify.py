"""A second look at what was made: decoded by another program than the one that made it, and compared with the claim."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from mmscontent.codecs.image.chunk_files import chunk_reader
from mmscontent.codecs.image.exif import read_exif
from mmscontent.codecs.image.jpeg_file import read_jpeg
from mmscontent.errors import DamagedMedia, EngineFailed

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo

__all__ = ["verify"]

_READERS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")  # an MPO is found by the reader of JPEG
_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode an output with Pillow and return what was seen.

    Raises:
        EngineFailed: Type, sides, frames or orientation are not what was claimed, or it does not decode.
    """
    if info.media_type not in _TYPES.values():
        return info  # kept as it came, and Pillow was its first reader already
    try:
        with Image.open(io.BytesIO(data), formats=_READERS) as image:
            image.seek(0)
            image.load()
            seen = replace(
                info,
                media_type=_TYPES[image.format or ""],
                width_px=image.width,
                height_px=image.height,
                frames=_frames(data, image),
                orientation=read_exif(image.info.get("exif") or b"").orientation,
                size_bytes=len(data),
            )
            profile = _coding(data) if seen.media_type == "image/jpeg" else info.profile
    except (OSError, ValueError, SyntaxError, DamagedMedia) as exc:
        raise EngineFailed(
            f"the {info.media_type} that was made cannot be decoded again ({exc}); this is a fault of its encoder"
        ) from exc
    seen = replace(seen, profile=profile)
    for name in ("media_type", "width_px", "height_px", "frames", "orientation", "profile"):
        claimed, found = getattr(info, name), getattr(seen, name)
        if claimed is not None and claimed != found:
            raise EngineFailed(
                f"the {info.media_type} that was made says {name} {found}, claimed was {claimed};"
                " this is a fault of its encoder"
            )
    return seen


def _frames(data: bytes, image: Image.Image) -> int:
    """As people count: of an MPO the first picture is meant, of an APNG a default picture outside is not counted."""
    reader = chunk_reader("image/png")
    if image.format == "PNG" and reader is not None:
        return reader(data).frames
    return int(getattr(image, "n_frames", 1)) if image.format != "MPO" else 1


def _coding(data: bytes) -> str:
    return "baseline" if read_jpeg(data).is_baseline else "progressive"
