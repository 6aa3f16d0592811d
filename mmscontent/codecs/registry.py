"""The codecs, one row each. The table stands above the codecs, as their contract stands below them.

Loading a row imports its engines, so only the process that holds the sources does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mmscontent.codecs.base import MediaSource, Survey
    from mmscontent.message import MediaInfo
    from mmscontent.profiles.model import Rule

__all__ = ["CODECS", "CodecRow", "codec_for"]


@dataclass(frozen=True, slots=True)
class CodecRow:
    """One way of fitting media.

    Attributes:
        takes: Whether it fits a medium with these facts.
        rule: Field of the profile that holds its rule.
        sandboxed: Its decoders are libraries, so its sources live in a sandboxed worker; one whose decoders are
            programs of their own (mmscontent/ffmpeg sandboxes each run) lives in the calling process.
        load: Gives the class that holds a source; imports the engines.
        load_verify: Gives the function that looks at an output with another decoder.
        load_header_estimate: Gives the function that judges a source by its header alone, where there is one.
    """

    takes: Callable[[MediaInfo], bool]
    rule: str
    sandboxed: bool
    load: Callable[[], type[MediaSource]]
    load_verify: Callable[[], Callable[[bytes, MediaInfo], MediaInfo]]
    load_header_estimate: Callable[[], Callable[[bytes, MediaInfo, Rule], Survey]] | None = None


def _image_source() -> type[MediaSource]:
    from mmscontent.codecs.image import StillSource  # noqa: PLC0415 - engines load in the worker only

    return StillSource


def _image_verify() -> Callable[[bytes, MediaInfo], MediaInfo]:
    from mmscontent.codecs.image import verify  # noqa: PLC0415

    return verify


def _image_estimate() -> Callable[[bytes, MediaInfo, Rule], Survey]:
    from mmscontent.codecs.image.header_estimate import estimate_from_header  # noqa: PLC0415

    return estimate_from_header


def _animation_source() -> type[MediaSource]:
    from mmscontent.codecs.animation import AnimationSource  # noqa: PLC0415

    return AnimationSource


def _animation_verify() -> Callable[[bytes, MediaInfo], MediaInfo]:
    from mmscontent.codecs.animation import verify  # noqa: PLC0415

    return verify


def _moves(info: MediaInfo) -> bool:
    return info.kind == "image" and (info.frames or 1) > 1


def _video_source() -> type[MediaSource]:
    from mmscontent.codecs.video import VideoSource  # noqa: PLC0415

    return VideoSource


def _video_verify() -> Callable[[bytes, MediaInfo], MediaInfo]:
    from mmscontent.codecs.video import verify  # noqa: PLC0415

    return verify


def _audio_source() -> type[MediaSource]:
    from mmscontent.codecs.audio import AudioSource  # noqa: PLC0415

    return AudioSource


def _audio_verify() -> Callable[[bytes, MediaInfo], MediaInfo]:
    from mmscontent.codecs.audio import verify  # noqa: PLC0415

    return verify


def _contact_source() -> type[MediaSource]:
    from mmscontent.codecs.vcard import ContactSource  # noqa: PLC0415

    return ContactSource


def _contact_verify() -> Callable[[bytes, MediaInfo], MediaInfo]:
    from mmscontent.codecs.vcard import verify  # noqa: PLC0415

    return verify


def _calendar_source() -> type[MediaSource]:
    from mmscontent.codecs.calendar import CalendarSource  # noqa: PLC0415

    return CalendarSource


def _calendar_verify() -> Callable[[bytes, MediaInfo], MediaInfo]:
    from mmscontent.codecs.calendar import verify  # noqa: PLC0415

    return verify


# The first row that takes a medium fits it.
CODECS: Mapping[str, CodecRow] = {
    "animation": CodecRow(_moves, "image", True, _animation_source, _animation_verify),
    "image": CodecRow(lambda info: info.kind == "image", "image", True, _image_source, _image_verify, _image_estimate),
    "video": CodecRow(lambda info: info.kind == "video", "video", False, _video_source, _video_verify),
    "audio": CodecRow(lambda info: info.kind == "audio", "audio", False, _audio_source, _audio_verify),
    "contact": CodecRow(lambda info: info.kind == "contact", "contact", True, _contact_source, _contact_verify),
    "calendar": CodecRow(lambda info: info.kind == "calendar", "calendar", True, _calendar_source, _calendar_verify),
}


def codec_for(info: MediaInfo) -> str | None:
    """Name of the row that fits a medium; None for one that is only carried."""
    return next((name for name, row in CODECS.items() if row.takes(info)), None)
