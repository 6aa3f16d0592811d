"""The table of media types: one row per type, with its names, its kind and its file suffixes.

Sources: IANA media types; WSP and UAProf spellings counted over 3,121 device profiles; RFC 3839 (3GP).
Nothing here reads bytes; sniff/ does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "video", "audio", "text", "contact", "calendar", "presentation", "message", "other"]


@dataclass(frozen=True, slots=True)
class MediaType:
    """One row."""

    # The name we write, lower case.
    name: str
    # The family of media, which decides codec and place in a slide.
    kind: Kind
    # File name endings with the dot; the first is the one we write.
    suffixes: tuple[str, ...] = ()
    # Other names seen in the wild for the same thing.
    aliases: tuple[str, ...] = ()


MEDIA_TYPES: tuple[MediaType, ...] = (
    # stills and animations
    MediaType("image/jpeg", "image", (".jpg", ".jpeg", ".jpe", ".mpo"), ("image/jpg", "image/pjpeg", "image/mpo")),
    MediaType("image/png", "image", (".png", ".apng"), ("image/x-png", "image/apng", "image/vnd.mozilla.apng")),
    MediaType("image/gif", "image", (".gif",)),
    MediaType("image/webp", "image", (".webp",)),
    MediaType("image/heic", "image", (".heic",), ("image/heic-sequence",)),
    MediaType("image/heif", "image", (".heif", ".hif"), ("image/heif-sequence",)),
    MediaType("image/avif", "image", (".avif", ".avifs"), ("image/avif-sequence",)),
    MediaType("image/bmp", "image", (".bmp", ".dib"), ("image/x-bmp", "image/x-ms-bmp")),
    MediaType("image/tiff", "image", (".tif", ".tiff"), ("image/tif",)),
    MediaType("image/vnd.wap.wbmp", "image", (".wbmp",), ("image/wbmp",)),
    MediaType("image/x-icon", "image", (".ico",), ("image/vnd.microsoft.icon",)),
    MediaType("image/x-tga", "image", (".tga",), ("image/x-targa",)),
    MediaType("image/svg+xml", "image", (".svg", ".svgz")),
    # video
    # RFC 4337
    MediaType("video/mp4", "video", (".mp4", ".m4v"), ("video/mpeg4", "video/x-m4v")),
    # RFC 3839, also for audio/3gpp below
    MediaType("video/3gpp", "video", (".3gp", ".3gpp"), ("video/3gp", "video/x-3gp")),
    MediaType("video/3gpp2", "video", (".3g2",), ("video/3g2",)),
    MediaType("video/quicktime", "video", (".mov", ".qt")),
    MediaType("video/webm", "video", (".webm",)),
    MediaType("video/x-matroska", "video", (".mkv",), ("video/matroska",)),
    MediaType("video/x-msvideo", "video", (".avi",), ("video/avi", "video/msvideo")),
    MediaType("video/mp2t", "video", (".ts", ".mts", ".m2ts")),
    MediaType("video/mpeg", "video", (".mpg", ".mpeg"), ("video/mpg",)),
    MediaType("video/ogg", "video", (".ogv",)),
    MediaType("video/x-flv", "video", (".flv",)),
    # audio
    # RFC 4867
    MediaType("audio/amr", "audio", (".amr",), ("audio/x-amr", "audio/amr-nb")),
    MediaType("audio/amr-wb", "audio", (".awb",), ("audio/x-amr-wb",)),
    MediaType(
        "audio/mpeg",
        "audio",
        (".mp3", ".mpga"),
        ("audio/mp3", "audio/mpeg3", "audio/mpg", "audio/x-mp3", "audio/x-mpeg3", "audio/x-mpeg"),
    ),
    MediaType("audio/mp4", "audio", (".m4a", ".m4b"), ("audio/x-m4a", "audio/m4a", "audio/mp4a-latm")),
    MediaType("audio/aac", "audio", (".aac", ".adts"), ("audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts")),
    MediaType("audio/3gpp", "audio", (".3ga",), ("audio/3gp",)),
    MediaType("audio/3gpp2", "audio", (), ("audio/3g2",)),
    MediaType(
        "audio/ogg",
        "audio",
        (".ogg", ".oga", ".opus", ".spx"),
        ("application/ogg", "audio/opus", "audio/vorbis", "audio/x-ogg"),
    ),
    MediaType("audio/flac", "audio", (".flac",), ("audio/x-flac",)),
    MediaType("audio/wav", "audio", (".wav", ".wave"), ("audio/x-wav", "audio/wave", "audio/vnd.wave")),
    MediaType("audio/aiff", "audio", (".aiff", ".aif", ".aifc"), ("audio/x-aiff",)),
    MediaType("audio/x-caf", "audio", (".caf",), ("audio/caf",)),
    MediaType("audio/basic", "audio", (".au", ".snd")),
    MediaType("audio/qcelp", "audio", (".qcp",), ("audio/vnd.qcelp",)),
    MediaType("audio/midi", "audio", (".mid", ".midi"), ("audio/mid", "audio/x-mid", "audio/x-midi", "audio/sp-midi")),
    MediaType("audio/imelody", "audio", (".imy",), ("audio/x-imelody", "audio/imy", "text/x-imelody")),
    MediaType("audio/webm", "audio", (".weba",)),
    MediaType("audio/x-matroska", "audio", (".mka",)),
    # text; HTML is no text that a phone shows in a slide
    MediaType("text/plain", "text", (".txt", ".text")),
    MediaType("text/html", "other", (".html", ".htm")),
    # contacts and calendar entries
    # RFC 6350 registers text/vcard; vCard 2.1, which phones read, was named text/x-vcard
    MediaType(
        "text/x-vcard", "contact", (".vcf",), ("text/vcard", "text/directory", "application/vcard", "text/x-vcf")
    ),
    # RFC 5545; the row after it is vCalendar 1.0
    MediaType("text/calendar", "calendar", (".ics",), ("application/ics",)),
    MediaType("text/x-vcalendar", "calendar", (".vcs",)),
    # presentation and whole messages
    # RFC 4536 registers both names
    MediaType("application/smil", "presentation", (".smil", ".smi", ".sml"), ("application/smil+xml", "text/smil")),
    MediaType("application/vnd.wap.mms-message", "message", (".mms",)),
    MediaType("multipart/related", "message", (), ("application/vnd.wap.multipart.related",)),
    MediaType("multipart/mixed", "message", (), ("application/vnd.wap.multipart.mixed",)),
    MediaType("message/rfc822", "message", (".eml", ".mail")),
    MediaType("application/pdf", "other", (".pdf",)),
    MediaType("application/xml", "other", (".xml",), ("text/xml",)),
    MediaType("application/rdf+xml", "other", (".rdf",)),
    MediaType("application/octet-stream", "other", (".bin",)),
)

_BY_NAME: dict[str, MediaType] = {n: row for row in MEDIA_TYPES for n in (row.name, *row.aliases)}
_BY_SUFFIX: dict[str, MediaType] = {s: row for row in reversed(MEDIA_TYPES) for s in row.suffixes}


def find(name: str) -> MediaType | None:
    """The row for a media type, by name or alias; parameters and case do not matter."""
    return _BY_NAME.get(name.partition(";")[0].strip().lower())


def canonical(name: str) -> str:
    """The name we write for a media type; one we do not know comes back trimmed and in lower case."""
    row = find(name)
    return row.name if row is not None else name.partition(";")[0].strip().lower()


def kind_of(name: str) -> Kind:
    """Kind of a media type; `other` for one we do not know."""
    row = find(name)
    return row.kind if row is not None else "other"


def suffix_for(name: str) -> str:
    """The file name ending we write for a media type, with the dot; `.bin` for one we do not know."""
    row = find(name)
    return row.suffixes[0] if row is not None and row.suffixes else ".bin"


def type_for_name(file_name: str) -> MediaType | None:
    """The row a file name's ending points to, or None."""
    dot = file_name.rfind(".")
    return _BY_SUFFIX.get(file_name[dot:].lower()) if dot >= 0 else None
