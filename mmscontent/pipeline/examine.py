"""Step 1 of the path: every part recognised by its bytes and named, text in its final charset and on pages.

Pure over bytes: no codec looks at a source here. What the receiver takes in no form is marked, not refused yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mmscontent.codecs.sms_segments import sms_segments
from mmscontent.codecs.text import decode_text, fit_text, split_pages
from mmscontent.errors import OverLimits
from mmscontent.files import identify
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import MediaInfo, Message, Part, Slide
from mmscontent.part_names import assign_part_names
from mmscontent.pipeline.plan import ProbedPart, mark_unwanted, relabel
from mmscontent.smil.compose import PRESENTATION_NAMES
from mmscontent.smil.timing import PACE, reading_of

if TYPE_CHECKING:
    from mmscontent.profiles.model import Profile

__all__ = ["PaginatedMessage", "examine", "examine_part", "fit_subject", "paginate", "sms_equivalence_notes"]

_MOST_PAGES = 20  # what phones show of a message before they give up; the pages of a longer text are longer
_SURE_OF_TIME = 0.9  # pages are cut by the text's mean speed; this much of the longest slide is planned with
_READ_CHARS = 10_000  # what reading_of looks at


@dataclass(frozen=True, slots=True)
class PaginatedMessage:
    """A message whose long texts are on pages, and which of the caller's parts each of its parts is."""

    message: Message
    origins: tuple[int, ...]


def examine(work: PaginatedMessage, profile: Profile) -> tuple[ProbedPart, ...]:
    """Every part recognised and named; those the receiver takes in no form are marked.

    Raises:
        SourceError: A part is empty, unknown or damaged.
        OverLimits: There are more parts than are opened.
    """
    parts = work.message.parts
    if len(parts) > DEFAULT_INPUT_LIMITS.max_parts:
        raise OverLimits(
            f"the message has {len(parts)} parts, {DEFAULT_INPUT_LIMITS.max_parts} are opened at most; send several"
        )
    found = [
        replace(examine_part(part, profile), index=origin)
        for part, origin in zip(assign_part_names(parts, PRESENTATION_NAMES), work.origins, strict=True)
    ]
    return mark_unwanted(relabel(found), profile)


def examine_part(part: Part, profile: Profile) -> ProbedPart:
    """One part recognised; a text in the charset the receiver reads.

    Raises:
        SourceError: It is empty, unknown or damaged.
    """
    info = identify(part.data, name=part.name, declared=part.media_type)
    if part.kind == "text":
        fitted = fit_text(part, profile.text)
        told = MediaInfo("text/plain", "text", len(part.data), charset=part.charset or info.charset)
        return ProbedPart(fitted.part, told, reasons=fitted.reasons)
    media_type = profile.contact.media_type if info.kind == "contact" else info.media_type
    reasons = (f"labelled {media_type}, as the receiver wants",) if media_type != info.media_type else ()
    return ProbedPart(replace(part, media_type=media_type), info, reasons=reasons)


def fit_subject(message: Message, profile: Profile) -> tuple[Message, tuple[str, ...]]:
    """The message with a subject no longer than the receiver shows, and a warning when that took something away."""
    most = profile.subject_max_chars
    if most is None or len(message.subject) <= most:
        return message, ()
    if most == 0:
        return replace(message, subject=""), (f"the receiver shows no subject; “{message.subject}” is left out",)
    warning = f"the subject has {len(message.subject)} characters, {most} are shown; the rest is cut off"
    return replace(message, subject=message.subject[: most - 1].rstrip() + "…"), (warning,)


# --- long texts ------------------------------------------------------------------------------------------------


def paginate(message: Message, profile: Profile, *, keep: bool) -> PaginatedMessage:
    """Texts that take longer to read than the longest slide lasts, on several slides, parted where sentences end.

    The first page stays with the slide's picture and sound. A slide whose length the sender set is his to judge, and
    so is a message with a presentation of its own (*keep*).
    """
    slides: list[Slide] = []
    origins: list[int] = []
    number = 0
    for slide in message.slides:
        count = len(slide.parts)
        pages = [] if keep or slide.text is None or slide.duration_ms else _pages(slide, slide.text, profile)
        slides += [replace(slide, text=pages[0]), *(Slide(text=page) for page in pages[1:])] if pages else [slide]
        origins += [*range(number, number + count), *([number + count - 1] * (len(pages) - 1))]
        number += count
    origins += range(number, number + len(message.attachments))
    return PaginatedMessage(replace(message, slides=tuple(slides)), tuple(origins))


def _pages(slide: Slide, part: Part, profile: Profile) -> list[Part]:
    """The text on pages, when there is more than one; else nothing."""
    text = decode_text(part).strip()
    most = _page_chars(text, with_picture=slide.image is not None or slide.video is not None)
    most = min(most, profile.text.max_chars or most)
    if len(text) <= most:
        return []
    most = max(most, -(-len(text) // _MOST_PAGES) * 5 // 4)  # pages end early, at sentences
    pages = split_pages(text, most)
    return [replace(part, data=page.encode("utf-8"), charset="utf-8", media_type="text/plain") for page in pages]


def _page_chars(text: str, *, with_picture: bool) -> int:
    """What can be read while the longest slide lasts."""
    needed = reading_of(text).milliseconds
    given = PACE.most_reading_ms - (PACE.glance_ms if with_picture else 0)
    if needed <= given:
        return max(1, len(text))
    return max(1, int(min(len(text), _READ_CHARS) * given * _SURE_OF_TIME / needed))


def sms_equivalence_notes(message: Message, profile: Profile) -> tuple[str, ...]:
    """What a message of words alone would be as SMS; nothing for any other message."""
    parts = message.parts
    if not parts or any(part.kind != "text" for part in parts):
        return ()
    encoding, count = sms_segments("\n".join(decode_text(part) for part in parts))
    threshold = profile.text.sms_to_mms_segments
    said = f"the message is words alone: as SMS {_messages(count)} ({encoding})"
    lost = ", which has no subject" if message.subject else ""
    if threshold is not None and count >= threshold:
        return (f"{said}; phones here send it as MMS from {threshold} on",)
    until = f"; phones here make an MMS of it from {threshold} on" if threshold is not None else ""
    cheaper = ", cheaper than an MMS" if threshold is not None or count == 1 else ""
    return (f"{said}{cheaper}{lost}{until}",)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"
