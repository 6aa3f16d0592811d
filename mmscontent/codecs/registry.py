"""The registry of codecs: one row per codec, with everything that the other modules need to know of it.

A new medium is a package beside this module and one row here. The registry stands above the codecs, their contract
(base.py) below them. Loading a row imports its engines, so only the process that holds the sources does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent.codecs.base import MediaSource, Survey
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import Profile, Rule

if TYPE_CHECKING:
    Verify = Callable[[bytes, MediaInfo], MediaInfo]
    HeaderEstimate = Callable[[bytes, MediaInfo, Rule], Survey]


@dataclass(frozen=True, slots=True)
class LoadedCodec:
    """The code of a codec, with its engines imported."""

    # The class that holds one source.
    source: type[MediaSource]
    # Reads an output with another decoder than the one that wrote it.
    verify: Verify
    # Estimates a source by its header alone; None where a header does not say enough.
    estimate_from_header: HeaderEstimate | None = None


@dataclass(frozen=True, slots=True)
class CodecRow:
    """One codec."""

    # Whether it fits a medium with these facts.
    handles: Callable[[MediaInfo], bool]
    # Field of the profile that holds its rule.
    rule: str
    # Field of that rule that lists what the receiver accepts; empty means nothing of this kind.
    accepted: str
    # What to say when it is empty.
    refusal: str
    # Its decoders are libraries, so its sources live in a sandbox worker. One whose decoders are programs (each
    # run of ffmpeg has a sandbox of its own) lives in the calling process.
    sandboxed: bool
    # Imports the codec and its engines.
    load: Callable[[], LoadedCodec]
    # It has an `estimate_from_header`.
    reads_headers: bool = False


def _load_image() -> LoadedCodec:
    from mmscontent.codecs import image  # noqa: PLC0415 - engines load in the process that holds the sources
    from mmscontent.codecs.image.header import estimate_from_header  # noqa: PLC0415

    return LoadedCodec(image.StillSource, image.verify, estimate_from_header)


def _load_animation() -> LoadedCodec:
    from mmscontent.codecs import animation  # noqa: PLC0415

    return LoadedCodec(animation.AnimationSource, animation.verify)


def _load_video() -> LoadedCodec:
    from mmscontent.codecs import video  # noqa: PLC0415

    return LoadedCodec(video.VideoSource, video.verify)


def _load_audio() -> LoadedCodec:
    from mmscontent.codecs import audio  # noqa: PLC0415

    return LoadedCodec(audio.AudioSource, audio.verify)


def _load_contact() -> LoadedCodec:
    from mmscontent.codecs import vcard  # noqa: PLC0415

    return LoadedCodec(vcard.ContactSource, vcard.verify)


def _load_calendar() -> LoadedCodec:
    from mmscontent.codecs import calendar  # noqa: PLC0415

    return LoadedCodec(calendar.CalendarSource, calendar.verify)


def _is_kind(kind: str) -> Callable[[MediaInfo], bool]:
    return lambda info: info.kind == kind


_NO_IMAGES = "the receiver accepts no images"
_NO_CONTACTS = "the receiver opens no contacts"
_NO_CALENDAR = "the receiver opens no calendar entries"
# The first row that handles a medium fits it.
CODECS: Mapping[str, CodecRow] = {
    "animation": CodecRow(lambda info: info.is_animation, "image", "media_types", _NO_IMAGES, True, _load_animation),
    "image": CodecRow(_is_kind("image"), "image", "media_types", _NO_IMAGES, True, _load_image, reads_headers=True),
    "video": CodecRow(_is_kind("video"), "video", "formats", "the receiver plays no video", False, _load_video),
    "audio": CodecRow(_is_kind("audio"), "audio", "formats", "the receiver plays no audio", False, _load_audio),
    "contact": CodecRow(_is_kind("contact"), "contact", "versions", _NO_CONTACTS, True, _load_contact),
    "calendar": CodecRow(_is_kind("calendar"), "calendar", "versions", _NO_CALENDAR, True, _load_calendar),
}
# SVG is a program for a renderer: it can hold scripts, fonts and addresses that are fetched.
_NEVER_OPENED = {"image/svg+xml": "it is not opened, because it can hold scripts and addresses; draw it as PNG first"}


def codec_for(info: MediaInfo) -> str | None:
    """Name of the row that fits a medium; None for one that is sent as it came."""
    return next((name for name, row in CODECS.items() if row.handles(info)), None)


def why_refused(info: MediaInfo, profile: Profile) -> str:
    """Why a receiver accepts a medium in no form, even after fitting; "" when it does."""
    # A type that the profile names is accepted whatever its kind; text can always be converted.
    if info.media_type in profile.extra_media_types or info.kind == "text":
        return ""
    name = codec_for(info)
    if name is None:
        others = f" ({', '.join(sorted(profile.extra_media_types))})" if profile.extra_media_types else ""
        return f"{info.media_type} is not among the media types that the receiver accepts{others}"
    row = CODECS[name]
    refusal = "" if getattr(getattr(profile, row.rule), row.accepted) else row.refusal
    refusal = _NEVER_OPENED.get(info.media_type, refusal)
    return refusal and f"{info.media_type}: {refusal}"
