"""What a campaign is made of: a message with places in its texts, and a list of recipients.

    {"files": ["hat.jpg"], "text": "Hello {name}", "subject": "Hats", "from": "+12065550100"}
    {"slides": [{"image": "hat.jpg", "text": "Hello {name}"}, {"video": "fair.mp4"}], "attachments": ["shop.vcf"]}

Paths are relative to the message's file. The list has a column `recipient`, the columns that name a receiver as in a
batch, and any others, which are what the texts' places are filled with.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mmscontent.batch.inputs import read_rows
from mmscontent.batch.items import failure_of
from mmscontent.batch.model import Failure
from mmscontent.batch.receivers import COLUMNS, Receivers
from mmscontent.campaign.template import placeholders, render
from mmscontent.errors import BatchError, ProfileError
from mmscontent.files import read_file, read_parts
from mmscontent.message import Message, Part, Slide, replace_parts, slide_roles

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mmscontent.profiles.model import Profile

__all__ = ["CampaignRecipient", "MessageTemplate", "read_recipients", "read_template"]

_KEYS = ("files", "text", "subject", "from", "slides", "attachments", "smil")
_SLIDE_KEYS = ("image", "video", "audio", "text", "duration_ms")
_TEXTS = ("text", "subject", "from", "smil", "image", "video", "audio")
_ADDRESS = re.compile(r"\+?\d{3,15}|[^@\s/]+@[^@\s/]+")


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A message whose texts have places.

    Attributes:
        message: Its texts as they were written, places and all; media read.
        columns: What its places name.
        digest: Of everything in it.
    """

    message: Message = field(repr=False)
    sender: str
    smil: bytes | None
    columns: tuple[str, ...]
    digest: str

    def texts_for(self, fields: dict[str, str]) -> tuple[str, ...]:
        """Its texts for one recipient, in the order of its parts."""
        return tuple(render(_words(p), fields) for p in self.message.parts if _is_ours(p))

    def subject_for(self, fields: dict[str, str]) -> str:
        """Its subject for one recipient."""
        return render(self.message.subject, fields)

    def message_with(self, texts: Iterable[str], subject: str) -> Message:
        """The message with these texts in place of its own."""
        fresh = iter(texts)
        parts = [Part.of_text(next(fresh)) if _is_ours(p) else p for p in self.message.parts]
        return replace(replace_parts(self.message, parts), subject=subject)


@dataclass(frozen=True, slots=True)
class CampaignRecipient:
    """One row of the list, with what the texts have for it.

    Attributes:
        profile: What its phone accepts; the reason why nothing can be sent to it where there is none.
    """

    line: int
    address: str
    profile: Profile | Failure
    texts: tuple[str, ...] = ()
    subject: str = ""


def _is_ours(part: Part) -> bool:
    """A text written in the message itself; one from a file goes out letter by letter."""
    return part.kind == "text" and not part.name


def _words(part: Part) -> str:
    return part.data.decode("utf-8")


# --- the message -------------------------------------------------------------------------------------------------


def read_template(path: Path) -> MessageTemplate:
    """Read a campaign's message.

    Raises:
        BatchError: The file is no message of this form, or a place in a text is none.
        SourceError: One of its media cannot be read.
    """
    try:
        told = json.loads(read_file(path))
    except ValueError as error:
        raise BatchError(f"{path} is no JSON: {error}", file=str(path)) from error
    _check_keys(told, _KEYS, path, str(path))
    message = _message(told, path)
    smil = read_file(path.parent / told["smil"]) if told.get("smil") else None
    texts = [_words(p) for p in message.parts if _is_ours(p)]
    columns = dict.fromkeys(name for text in (*texts, message.subject) for name in placeholders(text, str(path)))
    digest = hashlib.sha256()
    for part in message.parts:
        digest.update(repr((part.name, part.media_type, hashlib.sha256(part.data).hexdigest())).encode())
    shape = [(slide_roles(s), s.duration_ms) for s in message.slides]
    digest.update(repr((shape, message.subject, told.get("from", ""), smil)).encode())
    return MessageTemplate(message, str(told.get("from", "")), smil, tuple(columns), digest.hexdigest())


def _message(told: dict[str, Any], path: Path) -> Message:
    if "slides" not in told:
        parts = read_parts(path.parent / name for name in _list(told, "files", path))
        return Message.of(parts, text=told.get("text", ""), subject=told.get("subject", ""))
    if "files" in told or "text" in told:
        raise BatchError(f"{path} has slides, so files and text stand in them or in attachments", file=str(path))
    slides = [_slide(row, path, number) for number, row in enumerate(_list(told, "slides", path), 1)]
    attachments = read_parts(path.parent / name for name in _list(told, "attachments", path))
    return Message(tuple(slides), attachments, told.get("subject", ""))


def _slide(row: object, path: Path, number: int) -> Slide:
    where = f"{path} slide {number}"
    _check_keys(row, _SLIDE_KEYS, path, where)
    assert isinstance(row, dict)
    media = {k: read_parts((path.parent / row[k],))[0] for k in ("image", "video", "audio") if row.get(k)}
    text = Part.of_text(row["text"]) if row.get("text") else None
    try:
        return Slide(text=text, duration_ms=row.get("duration_ms"), **media)
    except (ValueError, TypeError) as error:
        raise BatchError(f"{where}: {error}", file=str(path)) from error


def _check_keys(told: object, known: tuple[str, ...], path: Path, where: str) -> None:
    if not isinstance(told, dict):
        raise BatchError(f"{where} must be an object with {', '.join(known)}", file=str(path))
    unknown = [k for k in told if k not in known]
    if unknown:
        raise BatchError(f"{where} has {', '.join(map(repr, unknown))}; it may have {', '.join(known)}", file=str(path))
    wrong = [k for k in _TEXTS if not isinstance(told.get(k, ""), str)]
    if wrong:
        raise BatchError(f"{where}: {', '.join(wrong)} must be text", file=str(path))


def _list(told: dict[str, Any], key: str, path: Path) -> list[Any]:
    value = told.get(key, [])
    if not isinstance(value, list):
        raise BatchError(f"{path}: {key} must be a list", file=str(path))
    return value


# --- the recipients ----------------------------------------------------------------------------------------------


def read_recipients(path: Path, template: MessageTemplate, receivers: Receivers) -> tuple[CampaignRecipient, ...]:
    """Every row of the list, with its texts; whoever cannot be sent to has the reason for a profile.

    Raises:
        BatchError: The list cannot be read, or has no column that a text wants.
    """
    seen: dict[str, int] = {}
    return tuple(_recipient(path, line, row, template, receivers, seen) for line, row in read_rows(path))


def _recipient(
    path: Path, line: int, row: dict[str, object], template: MessageTemplate, receivers: Receivers, seen: dict[str, int]
) -> CampaignRecipient:
    missing = [name for name in ("recipient", *template.columns) if name not in row]
    if missing:
        raise BatchError(
            f"{path} line {line} has no column {', '.join(missing)}, which the message wants; add it",
            file=str(path),
            line=line,
        )
    fields = {k: "" if v is None else str(v) for k, v in row.items() if k not in COLUMNS}
    address = fields["recipient"].strip()
    try:
        profile = receivers.profile(receivers.read(row))
    except ProfileError as error:
        profile = failure_of(error)
    fault = _fault(address, fields, template, seen.get(address))
    if fault:
        profile = Failure("campaign/recipient", fault)
    seen.setdefault(address, line)
    if isinstance(profile, Failure):
        return CampaignRecipient(line, address, profile)
    return CampaignRecipient(line, address, profile, template.texts_for(fields), template.subject_for(fields))


def _fault(address: str, fields: dict[str, str], template: MessageTemplate, before: int | None) -> str:
    """What is wrong with a row itself, in words; empty when nothing is."""
    if not _ADDRESS.fullmatch(address):
        return f"{address!r} is no number or address; write +12065550100"
    if before is not None:
        return f"{address} stands in line {before} already; a recipient gets one message"
    empty = [name for name in template.columns if not fields[name].strip()]
    if empty:
        return f"{address} has no {', '.join(empty)}, which the message wants; fill it in"
    if any(c in template.subject_for(fields) for c in "\r\n\0"):
        return f"the subject for {address} has more than one line; put its words on one"
    return ""
