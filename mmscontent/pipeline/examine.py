"""Step 1: recognises every part by its bytes, names it, and puts texts in their final charset and on pages.

No codec opens a source here. A part that the receiver accepts in no form is marked; it is refused later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmscontent.codecs.registry import why_refused
from mmscontent.codecs.sms_segments import sms_segments
from mmscontent.codecs.text import decode_text, fit_text, split_pages
from mmscontent.errors import OverLimits
from mmscontent.files import identify
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import MediaInfo, Message, Part, Slide
from mmscontent.part_names import assign_part_names
from mmscontent.pipeline.plan import Parts, ProbedPart, relabel
from mmscontent.profiles.model import Profile
from mmscontent.smil.compose import PRESENTATION_NAMES
from mmscontent.smil.timing import PACE, reading_of

_MOST_PAGES = 20  # phones show no more slides than that; the pages of a longer text are longer
_TIME_SHARE = 0.9  # of the longest slide: pages are divided by the mean reading speed, and a page may be slower
_READ_CHARS = 10_000  # reading_of reads no more


@dataclass(frozen=True, slots=True)
class PaginatedMessage:
    """A message with its long texts on pages; *origins* says which of the caller's parts each of its parts is."""

    message: Message
    origins: tuple[int, ...]


def examine(pages: PaginatedMessage, profile: Profile) -> Parts:
    """Recognise and name every part, and mark those that the receiver accepts in no form.

    Raises:
        SourceError: A part is empty, unknown or damaged.
        OverLimits: There are more parts than are opened.
    """
    parts = pages.message.parts
    if len(parts) > DEFAULT_INPUT_LIMITS.max_parts:
        raise OverLimits(
            f"the message has {len(parts)} parts, at most {DEFAULT_INPUT_LIMITS.max_parts} are opened;"
            " send several messages"
        )
    found = [
        replace(examine_part(part, profile), index=origin)
        for part, origin in zip(assign_part_names(parts, PRESENTATION_NAMES), pages.origins, strict=True)
    ]
    return mark_refused(relabel(found), profile)


def mark_refused(parts: Parts, profile: Profile) -> Parts:
    """The same parts; those that cannot be sent to this receiver in any form say why in `refused`."""
    return tuple(replace(one, refused=why_refused(one.info, profile)) for one in parts)


def examine_part(part: Part, profile: Profile) -> ProbedPart:
    """Recognise one part, and put a text in the charset that the receiver reads.

    Raises:
        SourceError: It is empty, unknown or damaged.
    """
    info = identify(part.data, name=part.name, declared=part.media_type)
    if part.kind == "text":
        fitted = fit_text(part, profile.text)
        text_info = MediaInfo("text/plain", "text", len(part.data), charset=part.charset or info.charset)
        return ProbedPart(fitted.part, text_info, reasons=fitted.reasons)
    # Receivers know vCard by different media types; the profile names the one it expects.
    media_type = profile.contact.media_type if info.kind == "contact" else info.media_type
    reasons = (
        (f"sent as {media_type}, the media type that the receiver expects",) if media_type != info.media_type else ()
    )
    return ProbedPart(replace(part, media_type=media_type), info, reasons=reasons)


def fit_subject(message: Message, profile: Profile) -> tuple[Message, tuple[str, ...]]:
    """The message with a subject no longer than the receiver shows, and a warning when it was shortened."""
    most = profile.subject_max_chars
    if most is None or len(message.subject) <= most:
        return message, ()
    if most == 0:
        return replace(message, subject=""), (f"the receiver shows no subject, so “{message.subject}” is left out",)
    warning = f"the subject has {len(message.subject)} characters and was cut to {most}, the most the receiver shows"
    return replace(message, subject=message.subject[: most - 1].rstrip() + "…"), (warning,)


# --- long texts ------------------------------------------------------------------------------------------------


def paginate(message: Message, profile: Profile, *, keep: bool) -> PaginatedMessage:
    """Divide texts that take longer to read than the longest slide lasts over several slides, where sentences end.

    The first page stays with the slide's picture and audio. A slide whose length the sender set is not divided, nor is
    a message with a presentation of its own (*keep*).
    """
    slides: list[Slide] = []
    origins: list[int] = []
    number = 0
    # Text is the last part of its slide, so all pages of a slide have the index of its last part as their origin.
    for slide in message.slides:
        count = len(slide.parts)
        pages = [] if keep or slide.text is None or slide.duration_ms else _split_pages(slide, slide.text, profile)
        slides += [replace(slide, text=pages[0]), *(Slide(text=page) for page in pages[1:])] if pages else [slide]
        origins += [*range(number, number + count), *([number + count - 1] * (len(pages) - 1))]
        number += count
    origins += range(number, number + len(message.attachments))
    return PaginatedMessage(replace(message, slides=tuple(slides)), tuple(origins))


def _split_pages(slide: Slide, part: Part, profile: Profile) -> list[Part]:
    """The pages of a text that needs more than one; else nothing."""
    text = decode_text(part).strip()
    most = _page_chars(text, with_picture=slide.image is not None or slide.video is not None)
    most = min(most, profile.text.max_chars or most)
    if len(text) <= most:
        return []
    most = max(most, -(-len(text) // _MOST_PAGES) * 5 // 4)  # pages end early, at sentences
    pages = split_pages(text, most)
    return [replace(part, data=page.encode("utf-8"), charset="utf-8", media_type="text/plain") for page in pages]


def _page_chars(text: str, *, with_picture: bool) -> int:
    """How many characters can be read while the longest slide lasts."""
    needed = reading_of(text).milliseconds
    given = PACE.most_reading_ms - (PACE.picture_ms if with_picture else 0)
    if needed <= given:
        return max(1, len(text))
    return max(1, int(min(len(text), _READ_CHARS) * given * _TIME_SHARE / needed))


def sms_equivalence_notes(message: Message, profile: Profile) -> tuple[str, ...]:
    """How many SMS a message of text alone would be; nothing for any other message."""
    parts = message.parts
    if not parts or any(part.kind != "text" for part in parts):
        return ()
    # 3GPP TS 23.040 9.2.3.24.1: a long text is sent as several concatenated SMS, each of which is charged.
    encoding, count = sms_segments("\n".join(decode_text(part) for part in parts))
    threshold = profile.text.sms_to_mms_segments
    note = f"the message is text only; it would be {count} SMS ({encoding.upper()})"
    if threshold is not None and count >= threshold:
        return (f"{note}, and phones of this network send a text of {threshold} SMS or more as MMS",)
    if threshold is not None or count == 1:
        note += ", which is cheaper than an MMS"
    if message.subject:
        note += ", but SMS has no subject"
    until = f"; phones of this network send it as MMS from {threshold} SMS on" if threshold is not None else ""
    return (f"{note}{until}",)
