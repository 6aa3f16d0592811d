"""Finds media type and facts of bytes, content first; the declared type and the file name are only evidence.

The readers below are asked from top to bottom: formats with a magic number, formats that have only a structure, text,
then what hides behind garbage. A family is one module that knows headers and no pixels or samples.
libmagic gives a second opinion where our readers find little or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from mmscontent.errors import DamagedMedia, OverLimits, SourceError, UnknownMedia
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.media_types import canonical, type_for_name
from mmscontent.message import MediaInfo
from mmscontent.sniff import (
    audio,
    bitmaps,
    ebml,
    gif,
    isobmff,
    jpeg,
    libmagic,
    mpeg_audio,
    mpeg_flv,
    ogg,
    pdu,
    png,
    riff,
    text,
)
from mmscontent.sniff.reader import SniffInput

__all__ = ["sniff"]

_READERS: tuple[Callable[[SniffInput], MediaInfo | None], ...] = (
    # a magic number
    jpeg.read,
    png.read,
    gif.read,
    riff.read,
    isobmff.read,
    ebml.read,
    ogg.read,
    bitmaps.read_tiff,
    audio.read_amr,
    audio.read_flac,
    audio.read_aiff,
    audio.read_caf,
    audio.read_au,
    audio.read_midi,
    mpeg_flv.read_flv,
    mpeg_flv.read_program_stream,
    # a structure that must agree with itself
    bitmaps.read_bmp,
    bitmaps.read_ico,
    # one octet of magic, then fields that must end where they say
    pdu.read,
    # sync words of eleven and twelve bits occur by chance: chains of frames must agree
    mpeg_audio.read_adts,
    mpeg_audio.read_mp3,
    mpeg_flv.read_transport_stream,
    # the weakest of all: sides and size must fit, or the name must say so
    bitmaps.read_tga,
    bitmaps.read_wbmp,
    # text
    text.read_pdf,
    text.read,
    # behind garbage
    mpeg_audio.read_garbled_mp3,
)


_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)


def sniff(
    data: bytes, name: str | None = None, declared: str | None = None, *, limits: InputLimits = DEFAULT_INPUT_LIMITS
) -> MediaInfo:
    """Find what the bytes are, as their headers say.

    Args:
        data: The whole part.
        name: The file name it came with, if any.
        declared: The media type somebody declared, if any; of its parameters only the charset counts.
        limits: What we agree to open at all.

    Raises:
        UnknownMedia: Nothing we know fits the bytes.
        DamagedMedia: They are empty, or of a known type whose headers cannot be read or say nonsense.
        OverLimits: They announce more than the limits allow.
    """
    subject = name or "the input"
    if not data:
        raise DamagedMedia(f"{subject} is empty", part=name or "")
    if len(data) > limits.max_part_bytes:
        raise OverLimits(f"{subject} has {len(data):,} bytes, the limit is {limits.max_part_bytes:,}", part=name or "")
    named, charset = type_for_name(name or ""), _CHARSET.search(declared or "")
    source = SniffInput(
        bytes(data), named.name if named else "", canonical(declared or ""), charset[1] if charset else "", limits
    )
    try:
        info = _read(source)
        _check(info, limits)
    except SourceError as exc:
        raise type(exc)(f"{subject}: {exc}", part=name or "") from exc
    return replace(info, notes=(*info.notes, *_mismatch_notes(source, info, name or "", declared or "")))


def _read(source: SniffInput) -> MediaInfo:
    for reader in _READERS:
        if (info := reader(source)) is not None:
            return info
    raise UnknownMedia(f"its bytes are of no media type we know; {_libmagic_note(source.data)}")


def _libmagic_note(data: bytes) -> str:
    opinion = libmagic.libmagic_type(data)
    return f"libmagic takes it for {opinion}" if opinion else "libmagic is not installed and was not asked"


def _check(info: MediaInfo, limits: InputLimits) -> None:
    """Check what the headers announce against the limits, before any decoder runs."""
    width, height, frames = info.width_px, info.height_px, info.frames or 1
    # No side at all is damage and not a limit: nothing could be shown.
    if width == 0 or height == 0:
        raise DamagedMedia(f"{info.media_type} header says {width} × {height} px")
    if width and height:
        sides = f"{info.media_type} header announces {width:,} × {height:,} px"
        if max(width, height) > limits.max_side_px:
            raise OverLimits(f"{sides}, a side may have {limits.max_side_px:,}")
        if width * height > limits.max_image_px:
            raise OverLimits(f"{sides}, {limits.max_image_px:,} px in all are opened; scale it down first")
        # A decoder paints every frame of an animation on the whole canvas.
        if frames > 1 and width * height * frames > limits.max_animation_px:
            raise OverLimits(f"{sides} in {frames:,} frames, {limits.max_animation_px:,} px in all are opened")
    if frames > limits.max_frames:
        raise OverLimits(f"{info.media_type} has over {limits.max_frames:,} frames, that is the limit")
    if info.duration_ms is not None and info.duration_ms > limits.max_duration_ms:
        length, most = info.duration_ms // 1000, limits.max_duration_ms // 1000
        raise OverLimits(f"{info.media_type} lasts {length:,} s, the limit is {most:,} s; cut it first")


def _mismatch_notes(source: SniffInput, info: MediaInfo, name: str, declared: str) -> list[str]:
    notes = []
    if source.declared_type and not _agrees(source.declared_type, info.media_type):
        notes.append(f"declared {declared.strip()}, the bytes are {info.media_type}")
    if source.name_type and not _agrees(source.name_type, info.media_type):
        notes.append(f"named {name}, the bytes are {info.media_type}")
    if (
        info.media_type == "text/plain"
        and notes
        and not (libmagic.libmagic_type(source.data) or "").startswith("text/")
    ):
        notes.append(_libmagic_note(source.data))
    return notes


# Declarations that leave the choice open: a type here is no disagreement with the finer one the bytes show.
_LOOSE_TYPES = {
    "multipart/related": ("application/xml", "multipart/mixed"),
    "multipart/mixed": ("multipart/related",),
    "application/xml": ("application/smil", "application/rdf+xml", "image/svg+xml", "multipart/related"),
    "text/plain": ("application/smil", "text/x-vcard", "text/calendar", "text/x-vcalendar", "message/rfc822"),
    "image/heif": ("image/heic", "image/avif"),
    "video/mp4": ("audio/mp4", "video/3gpp"),
    "video/3gpp": ("audio/3gpp",),
    "video/3gpp2": ("audio/3gpp2",),
    "video/webm": ("audio/webm",),
    "video/ogg": ("audio/ogg",),
}


def _agrees(claimed: str, found: str) -> bool:
    # Octet-stream declares nothing: gateways write it where they do not know the type.
    if claimed in (found, "application/octet-stream"):
        return True
    # A whole family, as `image/*`, leaves the choice open.
    return claimed.endswith("/*") or found in _LOOSE_TYPES.get(claimed, ())
