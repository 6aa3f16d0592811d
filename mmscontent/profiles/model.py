"""What one receiver accepts, and how content class, device, carrier and route combine into it.

Pure values and arithmetic; profile_files.py reads the files. Every limit remembers who decided it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "AudioFormat",
    "AudioRule",
    "CalendarRule",
    "ContactRule",
    "ImageRule",
    "Origin",
    "Profile",
    "Rule",
    "SmilRule",
    "TextRule",
    "VideoFormat",
    "VideoRule",
]

Confidence = Literal["high", "medium", "low"]
Route = Literal["p2p", "long_code", "toll_free", "short_code"]
Counts = Literal["pdu", "mime", "base64"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a number comes from.

    Attributes:
        source: Who decided, in words: `carrier us/t-mobile route long_code`, `device apple/iphone`, `caller`.
        url: Page, document or data file it was read from; "" for the caller's own.
        date: ISO date of that reading; "" when unknown.
        stated: The literal wording there.
        competing: Other credible statements that lost, each as one sentence.
    """

    source: str
    url: str = ""
    date: str = ""
    confidence: Confidence = "medium"
    stated: str = ""
    competing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Stills and animations a receiver takes.

    Attributes:
        media_types: What it shows, best first.
        max_long_px, max_short_px: The picture box, whichever way it lies.
        progressive: Progressive JPEG is shown.
        animated: Animated GIF moves.
        view_long_px: Long side at which the receiver's screen shows it; quality is judged there.
    """

    media_types: tuple[str, ...] = ("image/jpeg", "image/gif", "image/png")
    max_long_px: int = 640
    max_short_px: int = 480
    progressive: bool = False
    animated: bool = True
    view_long_px: int = 1080


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """One way of writing video a receiver plays; None means no statement."""

    media_type: str
    codec: str
    profile: str | None = None
    level: str | None = None
    max_long_px: int | None = None
    max_short_px: int | None = None
    max_fps: float | None = None
    max_bit_rate_bps: int | None = None
    audio_codec: str | None = None


@dataclass(frozen=True, slots=True)
class VideoRule:
    """Video a receiver plays, best first; empty means none is known to play."""

    formats: tuple[VideoFormat, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One way of writing sound a receiver plays."""

    media_type: str
    codec: str


@dataclass(frozen=True, slots=True)
class AudioRule:
    """Sound a receiver plays, best first."""

    formats: tuple[AudioFormat, ...] = (AudioFormat("audio/amr", "amr-nb"),)


@dataclass(frozen=True, slots=True)
class TextRule:
    """Text a receiver shows."""

    charsets: tuple[str, ...] = ("utf-8", "us-ascii")
    max_chars: int | None = None
    sms_to_mms_segments: int | None = None


@dataclass(frozen=True, slots=True)
class ContactRule:
    """Cards a receiver opens: versions best first, and the label it wants."""

    media_type: str = "text/x-vcard"
    versions: tuple[str, ...] = ("2.1", "3.0")


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """Calendar entries a receiver opens: `1.0` is vCalendar, `2.0` iCalendar."""

    versions: tuple[str, ...] = ("1.0",)


@dataclass(frozen=True, slots=True)
class SmilRule:
    """Whether slides are played, and how the receiver wants its SMIL."""

    accepted: bool = True
    src: Literal["location", "cid"] = "location"


Rule = ImageRule | VideoRule | AudioRule | TextRule | ContactRule | CalendarRule


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything one receiver accepts, combined from class, device, carrier and route.

    Attributes:
        limit_bytes: Above this the packed message is refused.
        target_bytes: What to aim at; at most `limit_bytes`.
        counts: What the limit counts: the binary PDU, the MIME message with binary bodies, or that with base64 bodies.
        content_disposition: Parts may carry a Content-Disposition; some relays break on it.
        carrier_transcodes: The network is known to shrink what passes it.
        extra_media_types: Types carried as they are, beyond the rules per kind.
        origins: Who decided each value, by field name (`limit_bytes`, `image.max_long_px`, …).
    """

    limit_bytes: int
    target_bytes: int
    carrier: str | None = None
    route: str | None = None
    device: str | None = None
    content_class: str | None = None
    image: ImageRule = ImageRule()
    video: VideoRule = VideoRule()
    audio: AudioRule = AudioRule()
    text: TextRule = TextRule()
    contact: ContactRule = ContactRule()
    calendar: CalendarRule = CalendarRule()
    smil: SmilRule = SmilRule()
    max_recipients: int | None = None
    max_parts: int | None = None
    subject_max_chars: int | None = 40
    counts: Counts = "pdu"
    content_disposition: bool = True
    group_mms: bool = True
    carrier_transcodes: bool = False
    extra_media_types: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    origins: tuple[tuple[str, Origin], ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.target_bytes <= self.limit_bytes:
            raise ValueError(f"target_bytes must lie in 1 … limit_bytes ({self.limit_bytes}), got {self.target_bytes}")

    def origin(self, field: str) -> Origin | None:
        """Who decided a value, by field name; None when it is the built-in default."""
        return next((o for name, o in self.origins if name == field), None)
