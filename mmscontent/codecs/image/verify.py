"""Verifies a picture we encoded: another decoder than its encoder reads it, and the facts are compared."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image

from mmscontent.containers.jpeg import frame_header
from mmscontent.containers.tiff_exif import read_exif
from mmscontent.errors import DamagedMedia, EngineFailed
from mmscontent.message import MediaInfo
from mmscontent.sniff import png
from mmscontent.sniff.reader import SniffInput

# An MPO is found by the reader of JPEG.
_READERS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
# Pillow formats and their media types; an MPO is a JPEG with further pictures behind the first.
_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}


def verify(data: bytes, info: MediaInfo) -> MediaInfo:
    """Decode an output with Pillow and return the facts found.

    Raises:
        EngineFailed: Type, sides, frames or orientation differ from those claimed, or it does not decode.
    """
    if info.media_type not in _TYPES.values():
        return info  # passed through unchanged; Pillow read it when it was surveyed
    try:
        with Image.open(io.BytesIO(data), formats=_READERS) as image:
            image.seek(0)
            image.load()
            decoded = replace(
                info,
                media_type=_TYPES[image.format or ""],
                width_px=image.width,
                height_px=image.height,
                frames=_frames(data, image),
                orientation=read_exif(image.info.get("exif") or b"").orientation or 1,
                size_bytes=len(data),
            )
            profile = _coding(data) if decoded.media_type == "image/jpeg" else info.profile
    except (OSError, ValueError, SyntaxError, DamagedMedia) as exc:
        raise EngineFailed(
            f"the encoded {info.media_type} cannot be decoded ({exc}); this is a fault of its encoder"
        ) from exc
    decoded = replace(decoded, profile=profile)
    for name in ("media_type", "width_px", "height_px", "frames", "orientation", "profile"):
        claimed, found = getattr(info, name), getattr(decoded, name)
        if claimed is not None and claimed != found:
            raise EngineFailed(
                f"the encoded {info.media_type} has {name} {found}, but {claimed} was claimed;"
                " this is a fault of its encoder"
            )
    return decoded


def _frames(data: bytes, image: Image.Image) -> int:
    # An MPO counts as its first picture; the default picture of an APNG counts only when it is part of the animation.
    if image.format == "PNG":
        info = png.read(SniffInput(data))
        return (info.frames if info else None) or 1
    return int(getattr(image, "n_frames", 1)) if image.format != "MPO" else 1


def _coding(data: bytes) -> str:
    frame = frame_header(data)
    return "baseline" if frame is not None and frame.is_baseline else "progressive"
