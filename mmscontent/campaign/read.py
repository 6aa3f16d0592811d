"""Reads the files of a campaign: a message template, and a list of recipients.

    {"files": ["hat.jpg"], "text": "Hello {name}", "subject": "Hats", "from": "+12065550100"}
    {"slides": [{"image": "hat.jpg", "text": "Hello {name}"}, {"video": "fair.mp4"}], "attachments": ["shop.vcf"]}

Paths are relative to the message's file. The list has a column `recipient`, the columns that name a receiver as in a
batch, and any others, which the placeholders of the texts name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmscontent.batch.inputs import read_rows
from mmscontent.batch.items import failure_of
from mmscontent.batch.model import Failure
from mmscontent.batch.receivers import COLUMNS, Receivers
from mmscontent.campaign.template import placeholders, render
from mmscontent.errors import BatchError, ProfileError
from mmscontent.files import read_file, read_parts
from mmscontent.message import Message, Part, Slide, replace_parts, slide_roles
from mmscontent.profiles.model import Profile

_KEYS = ("files", "text", "subject", "from", "slides", "attachments", "smil")
_SLIDE_KEYS = ("image", "video", "audio", "text", "duration_ms")
_TEXTS = ("text", "subject", "from", "smil", "image", "video", "audio")
# A phone number, international or not, or a mail address.
_ADDRESS = re.compile(r"\+?\d{3,15}|[^@\s/]+@[^@\s/]+")


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A message whose texts have placeholders.

    Attributes:
        message: The texts as written, with their placeholders; media are read.
        columns: The columns that its placeholders name.
        digest: Of everything in it.
    """

    message: Message = field(repr=False)
    sender: str
    smil: bytes | None
    columns: tuple[str, ...]
    digest: str

    def texts_for(self, fields: dict[str, str]) -> tuple[str, ...]:
        """The texts for one recipient, in the order of the parts."""
        return tuple(render(_decode(p), fields) for p in self.message.parts if _is_template_text(p))

    def subject_for(self, fields: dict[str, str]) -> str:
        """The subject for one recipient."""
        return render(self.message.subject, fields)

    def message_with(self, texts: Iterable[str], subject: str) -> Message:
        """The message with these texts in place of its own."""
        fresh = iter(texts)
        parts = [Part.of_text(next(fresh)) if _is_template_text(p) else p for p in self.message.parts]
        return replace(replace_parts(self.message, parts), subject=subject)


@dataclass(frozen=True, slots=True)
class CampaignRecipient:
    """One row of the list, with the texts for it.

    Attributes:
        profile: What the phone accepts; the failure when nothing can be sent to it.
    """

    line: int
    address: str
    profile: Profile | Failure
    texts: tuple[str, ...] = ()
    subject: str = ""


def _is_template_text(part: Part) -> bool:
    """Whether a text was written in the template itself; a text from a file is sent as it is."""
    return part.kind == "text" and not part.name


def _decode(part: Part) -> str:
    return part.data.decode("utf-8")


# --- the message -------------------------------------------------------------------------------------------------


def read_template(path: Path) -> MessageTemplate:
    """Read the message template of a campaign.

    Raises:
        BatchError: The file is no message of this form, or a placeholder is damaged.
        SourceError: One of its media cannot be read.
    """
    try:
        document = json.loads(read_file(path))
    except ValueError as error:
        raise BatchError(f"{path} is not JSON: {error}", file=str(path)) from error
    _check_keys(document, _KEYS, path, str(path))
    message = _message(document, path)
    smil = read_file(path.parent / document["smil"]) if document.get("smil") else None
    texts = [_decode(p) for p in message.parts if _is_template_text(p)]
    columns = dict.fromkeys(name for text in (*texts, message.subject) for name in placeholders(text, str(path)))
    digest = hashlib.sha256()
    for part in message.parts:
        digest.update(repr((part.name, part.media_type, hashlib.sha256(part.data).hexdigest())).encode())
    shape = [(slide_roles(s), s.duration_ms) for s in message.slides]
    digest.update(repr((shape, message.subject, document.get("from", ""), smil)).encode())
    return MessageTemplate(message, str(document.get("from", "")), smil, tuple(columns), digest.hexdigest())


def _message(document: dict[str, Any], path: Path) -> Message:
    if "slides" not in document:
        parts = read_parts(path.parent / name for name in _list(document, "files", path))
        return Message.of(parts, text=document.get("text", ""), subject=document.get("subject", ""))
    if "files" in document or "text" in document:
        raise BatchError(f"{path} has slides, so put files and text into them or into attachments", file=str(path))
    slides = [_slide(row, path, number) for number, row in enumerate(_list(document, "slides", path), 1)]
    attachments = read_parts(path.parent / name for name in _list(document, "attachments", path))
    return Message(tuple(slides), attachments, document.get("subject", ""))


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


def _check_keys(document: object, known: tuple[str, ...], path: Path, where: str) -> None:
    if not isinstance(document, dict):
        raise BatchError(f"{where} must be an object with {', '.join(known)}", file=str(path))
    unknown = [k for k in document if k not in known]
    if unknown:
        raise BatchError(f"{where} has {', '.join(map(repr, unknown))}; it may have {', '.join(known)}", file=str(path))
    wrong = [k for k in _TEXTS if not isinstance(document.get(k, ""), str)]
    if wrong:
        raise BatchError(f"{where}: {', '.join(wrong)} must be text", file=str(path))


def _list(document: dict[str, Any], key: str, path: Path) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list):
        raise BatchError(f"{path}: {key} must be a list", file=str(path))
    return value


# --- the recipients ----------------------------------------------------------------------------------------------


def read_recipients(path: Path, template: MessageTemplate, receivers: Receivers) -> tuple[CampaignRecipient, ...]:
    """Read every row of the list, with its texts; a recipient who cannot get the message has the reason as profile.

    Raises:
        BatchError: The list cannot be read, or lacks a column that a text names.
    """
    # Line by address: the second row of one address is most likely a mistake of the list.
    known: dict[str, int] = {}
    return tuple(_recipient(path, line, row, template, receivers, known) for line, row in read_rows(path))


def _recipient(
    path: Path,
    line: int,
    row: dict[str, object],
    template: MessageTemplate,
    receivers: Receivers,
    known: dict[str, int],
) -> CampaignRecipient:
    missing = [name for name in ("recipient", *template.columns) if name not in row]
    if missing:
        raise BatchError(
            f"{path} line {line} has no column {', '.join(missing)}, which the message needs; add it",
            file=str(path),
            line=line,
        )
    fields = {k: "" if v is None else str(v) for k, v in row.items() if k not in COLUMNS}
    address = fields["recipient"].strip()
    try:
        profile = receivers.profile(receivers.read(row))
    except ProfileError as error:
        profile = failure_of(error)
    fault = _fault(address, fields, template, known.get(address))
    if fault:
        profile = Failure("campaign/recipient", fault)
    known.setdefault(address, line)
    if isinstance(profile, Failure):
        return CampaignRecipient(line, address, profile)
    return CampaignRecipient(line, address, profile, template.texts_for(fields), template.subject_for(fields))


def _fault(address: str, fields: dict[str, str], template: MessageTemplate, before: int | None) -> str:
    """The defect of a row, in words; empty when there is none."""
    if not _ADDRESS.fullmatch(address):
        return f"{address!r} is no phone number or mail address; write it as +12065550100"
    if before is not None:
        return f"{address} is already in line {before}; a recipient gets one message"
    empty = [name for name in template.columns if not fields[name].strip()]
    if empty:
        return f"{address} has no {', '.join(empty)}, which the message needs; fill it in"
    if any(c in template.subject_for(fields) for c in "\r\n\0"):
        return f"the subject for {address} has more than one line; write it on one line"
    return ""
