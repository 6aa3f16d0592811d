"""Reads TIFF and BigTIFF files (TIFF 6.0 section 8)."""

from __future__ import annotations

from dataclasses import replace

from mmscontent.containers.tiff_exif import is_tiff, read_directories
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput


def read(source: SniffInput) -> MediaInfo | None:
    """A TIFF file."""
    if not is_tiff(source.data):
        return None
    header = read_directories(source.data, source.limits.max_frames)
    if header.width_px is None or header.height_px is None:
        raise DamagedMedia("image/tiff has no directory with the sides of a picture")
    return replace(
        source.info("image/tiff"),
        width_px=header.width_px,
        height_px=header.height_px,
        orientation=header.orientation or 1,
        frames=max(1, header.pages),
        codec=header.compression,
        profile=f"{header.bits}-bit" if header.bits else None,
        notes=header.notes,
        metadata=header.metadata,
    )
