"""The values that every module passes on: messages, slides, parts and their facts. Frozen, and valid once constructed.

Nothing here reads bytes. Sizes are bytes, lengths milliseconds, sides pixels, as the names say.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mmscontent import media_types
from mmscontent.media_types import Kind


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message, as bytes.

    Attributes:
        data: The body, not transfer-encoded.
        media_type: Type and subtype in lower case, without parameters.
        name: The file name it came with, for people; "" when it has none.
        content_id: Without angle brackets; "" until part names are assigned.
        content_location: The wire name that SMIL refers to; "" until part names are assigned.
        charset: IANA name, for text parts; "" when not stated.
        alt: What it shows, in words, for those who cannot see it.
    """

    data: bytes = field(repr=False)
    media_type: str
    name: str = ""
    content_id: str = ""
    content_location: str = ""
    charset: str = ""
    alt: str = ""

    def __post_init__(self) -> None:
        # Everything below compares media types as they are, so they have one spelling from here on.
        if "/" not in self.media_type or self.media_type != self.media_type.strip().lower():
            raise ValueError(
                f"media type of part {self.name!r} must be lower case type/subtype, got {self.media_type!r}"
            )
        for label in ("content_id", "content_location", "charset"):
            value = getattr(self, label)
            # These become header fields; a line break in one would start another field.
            if any(c in value for c in "\r\n\0"):
                raise ValueError(f"{label} of part {self.name!r} holds a line break or NUL: {value!r}")

    @property
    def kind(self) -> Kind:
        """Kind by the stated media type: image, video, audio, text and so on."""
        return media_types.kind_of(self.media_type)

    @classmethod
    def of_text(cls, text: str, *, name: str = "") -> Part:
        """A text part in UTF-8."""
        return cls(text.encode("utf-8"), "text/plain", name=name, charset="utf-8")


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a part is, as read from its own bytes; None means the format does not say.

    Attributes:
        width_px, height_px: As stored, before orientation is applied.
        orientation: EXIF value 1 to 8, from whatever the container uses for it; 1 when it says nothing.
        notes: Contradictions and oddities that were found, as sentences.
        metadata: What a receiver could learn from the file: "GPS position", "serial number", "thumbnail", …
        audio_codec: Of a video's audio track; `codec` is then that of its picture.
    """

    media_type: str
    kind: Kind
    size_bytes: int
    width_px: int | None = None
    height_px: int | None = None
    orientation: int = 1
    frames: int | None = None
    duration_ms: int | None = None
    fps: float | None = None
    codec: str | None = None
    profile: str | None = None
    level: str | None = None
    channels: int | None = None
    sample_rate_hz: int | None = None
    bit_rate_bps: int | None = None
    charset: str | None = None
    notes: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    audio_codec: str | None = None

    @property
    def is_animation(self) -> bool:
        """Whether it is an image of several frames."""
        return self.kind == "image" and (self.frames or 1) > 1


@dataclass(frozen=True, slots=True)
class Slide:
    """One screen: at most one text, one image or video, one audio (MMS CONF, mms-SMIL `par`)."""

    text: Part | None = None
    image: Part | None = None
    video: Part | None = None
    audio: Part | None = None
    duration_ms: int | None = None

    def __post_init__(self) -> None:
        if self.image is not None and self.video is not None:
            raise ValueError("a slide holds an image or a video, not both; use two slides")
        if not self.parts:
            raise ValueError("a slide needs at least one part")
        if self.duration_ms is not None and self.duration_ms <= 0:
            raise ValueError(f"duration_ms of a slide must be positive, got {self.duration_ms}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its parts in the order they are packed: image or video, audio, text."""
        return tuple(p for p in (self.image, self.video, self.audio, self.text) if p is not None)


@dataclass(frozen=True, slots=True)
class Message:
    """What the sender wants to say: slides in order, attachments outside them, a subject."""

    slides: tuple[Slide, ...] = ()
    attachments: tuple[Part, ...] = ()
    subject: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "slides", tuple(self.slides))
        object.__setattr__(self, "attachments", tuple(self.attachments))
        if any(c in self.subject for c in "\r\n\0"):
            raise ValueError(f"the subject holds a line break or NUL: {self.subject!r}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part once, in packing order."""
        return tuple(p for s in self.slides for p in s.parts) + self.attachments

    @classmethod
    def of(cls, parts: Iterable[Part], *, text: str = "", subject: str = "") -> Message:
        """Lay parts out as slides.

        An image or video opens a slide; an audio or a text joins the slide before it when that has none; contacts,
        calendar entries and files that phones do not render become attachments. *text* is the caption of the first
        image or video, or a slide of its own.
        """
        slides: list[Slide] = []
        attachments: list[Part] = []
        for part in parts:
            role = _SLIDE_ROLE.get(part.kind)
            if role is None:
                attachments.append(part)
            elif role in ("audio", "text") and slides and getattr(slides[-1], role) is None:
                slides[-1] = replace(slides[-1], **_in_role(role, part))
            else:
                slides.append(Slide(**_in_role(role, part)))
        if text:
            caption = Part.of_text(text)
            at = next((i for i, s in enumerate(slides) if s.text is None and (s.image or s.video)), None)
            if at is None:
                slides.insert(0, Slide(text=caption))
            else:
                slides[at] = replace(slides[at], text=caption)
        return cls(tuple(slides), tuple(attachments), subject)


SlideRole = Literal["image", "video", "audio", "text"]
_SLIDE_ROLE: dict[Kind, SlideRole] = {"image": "image", "video": "video", "audio": "audio", "text": "text"}


def _in_role(role: SlideRole, part: Part) -> dict[str, Any]:
    return {role: part}


def slide_roles(slide: Slide) -> tuple[SlideRole, ...]:
    """The role of each part of a slide, in the order of `Slide.parts`."""
    roles: tuple[SlideRole, ...] = ("image", "video", "audio", "text")
    return tuple(role for role in roles if getattr(slide, role) is not None)


def replace_parts(message: Message, parts: Sequence[Part]) -> Message:
    """The same message with its parts replaced, one for one in the order of `Message.parts`."""
    rest = iter(parts)
    slides = []
    for slide in message.slides:
        changes: dict[str, Any] = {role: next(rest) for role in slide_roles(slide)}
        slides.append(replace(slide, **changes))
    return replace(message, slides=tuple(slides), attachments=tuple(rest))


def select_parts(message: Message, chosen: Mapping[int, Part]) -> Message:
    """The message with some of its parts only, by their index in `Message.parts`; a video may have become an image.

    Slides left without a part go; what is left of a slide stays together.
    """
    indices = itertools.count()
    slides = []
    for slide in message.slides:
        kept: dict[str, Part | None] = {role: chosen.get(next(indices)) for role in slide_roles(slide)}
        video = kept.get("video")
        if video is not None and video.kind == "image":
            kept |= {"image": video, "video": None}
        changes: dict[str, Any] = {"image": None, "video": None, "audio": None, "text": None, **kept}
        if any(changes.values()):
            slides.append(replace(slide, **changes))
    attachments = (chosen.get(next(indices)) for _ in message.attachments)
    return replace(message, slides=tuple(slides), attachments=tuple(p for p in attachments if p is not None))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends what to whom, and how it is to be handled; the wire forms write what they can of it.

    Attributes:
        message_type: Which PDU: `m-send-req` (to the network) or `m-retrieve-conf` (to the phone).
        sender, to, cc, bcc: Numbers in E.164 with a plus, short codes or e-mail addresses, without `/TYPE=`.
        expiry_s: Seconds from submission, or None.
        date_s: Seconds since 1970; never taken from a clock, so that equal input gives equal bytes.
        transaction_id: Derived from the content when empty.
    """

    sender: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    message_class: Literal["personal", "advertisement", "informational", "auto"] = "personal"
    priority: Literal["low", "normal", "high"] = "normal"
    expiry_s: int | None = None
    delivery_report: bool = False
    read_report: bool = False
    transaction_id: str = ""
    message_id: str = ""
    date_s: int | None = None
    message_type: str = "m-send-req"

    def __post_init__(self) -> None:
        for name in ("to", "cc", "bcc"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for value in (self.sender, self.transaction_id, self.message_id, *self.to, *self.cc, *self.bcc):
            if any(c in value for c in "\r\n\0"):
                raise ValueError(f"an envelope field holds a line break or NUL: {value!r}")


@dataclass(frozen=True, slots=True)
class Content:
    """What a wire form carries: the presentation (SMIL) first, then the parts in its order."""

    parts: tuple[Part, ...]
    presentation: Part | None = None
    subject: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was read from a wire form.

    Attributes:
        notes: Each repair or oddity as a sentence; empty for a message without faults.
        headers: Fields that the envelope has no attribute for, as (name, text), in wire order.
    """

    envelope: Envelope
    content: Content
    encoding: str = ""
    notes: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
