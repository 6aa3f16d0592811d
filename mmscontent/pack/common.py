"""What all wire forms share: addresses and text of header values; names, digest and presentation of a content.

An envelope has `+12065550100`, `12345`, `ada@example.org`; PDU and MM4 write `+12065550100/TYPE=PLMN`, a mail wants
a domain as well. Source: OMA-TS-MMS_ENC 1.3 section 8.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from mmscontent.errors import SourceError
from mmscontent.message import Content, Envelope, Part
from mmscontent.part_names import assign_part_names
from mmscontent.smil.resolve import rename_sources

# the last second of the year 9999: RFC 5322 section 3.3 writes four digits
MAX_DATE_S = 253_402_300_799


def printable(text: str) -> str:
    """The text with a space in place of each control character, for values that may not hold a line break."""
    # nearly every value; printable by Unicode, so that letters of any language stay
    if text.isprintable():
        return text
    # Cc control, Cs lone surrogate, Zl and Zp line and paragraph separator
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


# RFC 2606: never resolves, so that a message mailed by mistake reaches nobody.
PHONE_DOMAIN = "mms.invalid"
# short codes have three to six
_PHONE_DIGITS = 7
_PHONE = re.compile(r"\+?[0-9][0-9().\- ]{5,}")
# RFC 5322 section 3.4: name-addr = [display-name] angle-addr
# a mailbox with a name before it, as some MMSCs write senders
_NAMED = re.compile(r"[^<>]*<([^<>\s]+)>")
# ENC section 8: a number carries /TYPE=PLMN; MM4 and MM3 put a domain behind that
_TYPED = re.compile(r"(.+?)/TYPE=(PLMN)(@[^@]*)?", re.IGNORECASE)


def is_phone_number(address: str) -> bool:
    """Whether it is a number a phone has: a plus, or at least seven digits; short codes are not."""
    return address.startswith("+") or (
        _PHONE.fullmatch(address) is not None and sum(map(str.isdigit, address)) >= _PHONE_DIGITS
    )


def is_email(address: str) -> bool:
    """Whether it has a local part and a domain."""
    local, _, domain = address.rpartition("@")
    return bool(local and domain)


def to_wire(address: str) -> str:
    """The address as PDU fields write it: numbers with their type, everything else as it is."""
    # ENC section 8: e-mail addresses go as RFC 5322 mailboxes, short codes as they are
    return f"{address}/TYPE=PLMN" if is_phone_number(address) and "/TYPE=" not in address.upper() else address


def from_wire(address: str) -> str:
    """The plain form of what stands in a field; the domain of a typed number or of ours is dropped."""
    address = address.strip()
    named = _NAMED.fullmatch(address)
    if named:
        address = named[1]
    typed = _TYPED.fullmatch(address)
    # /TYPE=IPv4 and /TYPE=IPv6 stay as they are: they are not numbers
    if typed:
        return typed[1].strip()
    local, at, domain = address.rpartition("@")
    # RFC 5322 section 3.4.1: a local part that is no dot-atom is a quoted-string; section 3.2.1: a
    # backslash quotes one sign
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
        address = f"{local}@{domain}"
    # our own domain says only that the address is a number or a short code
    return local if at and domain.lower() == PHONE_DOMAIN else address


_SAMPLE = 256
_SAMPLES = 16


def with_wire_names(content: Content) -> Content:
    """The content with all three names on every part: Content-ID, Content-Location and the `name` of Content-Type.

    A presentation follows the parts whose names had to change. A content whose names are sound is the same object.
    """
    before = _entries(content)
    # CONF 1.3 section 10.2.2: a part's name goes as `name`; readers try it, then filename, then Content-Location, so
    # that one text in all of them leaves no choice. A file name alone becomes the Content-Location if it is safe.
    given = tuple(p if p.content_location or not p.name else replace(p, content_location=p.name) for p in before)
    after = tuple(
        p if p.name == p.content_location else replace(p, name=p.content_location) for p in assign_part_names(given)
    )
    subject = printable(content.subject).strip()
    if subject == content.subject and all(new is old for new, old in zip(after, before, strict=True)):
        return content
    if content.presentation is None:
        return Content(after, None, subject)
    presentation, *parts = after
    # a presentation whose sources still lead to their parts stays byte for byte
    if any(_renamed(old, new) for old, new in zip(content.parts, parts, strict=True)):
        try:
            data = rename_sources(presentation.data, content.parts, parts)
        except SourceError:
            # it cannot be read, so it names nothing
            data = presentation.data
        presentation = replace(presentation, data=data)
    return Content(tuple(parts), presentation, subject)


def _renamed(old: Part, new: Part) -> bool:
    wire_names = (old.content_location, old.content_id)
    return any(wire_names) and wire_names != (new.content_location, new.content_id)


def _entries(content: Content) -> tuple[Part, ...]:
    return content.parts if content.presentation is None else (content.presentation, *content.parts)


def split_presentation(parts: tuple[Part, ...], start: str) -> tuple[Part | None, tuple[Part, ...], list[str]]:
    """Split the presentation from the other parts: the one *start* names, else the first SMIL.

    Returns:
        The presentation or None, the rest in their order, and a note where the start was wrong.
    """
    # RFC 2387 section 3.2: start is a Content-ID with its angle brackets; iPhones leave them out, so both are taken.
    wanted = start.strip().strip("<>")
    # QUIRK: the SMIL is not always the first part; Sony Ericsson writes it last
    at = next((i for i, p in enumerate(parts) if p.kind == "presentation"), None)
    if at is None:
        return None, parts, []
    named = next((i for i, p in enumerate(parts) if wanted and p.content_id == wanted), None)
    notes = []
    if wanted and named is None:
        notes.append(f"start names {start!r}, but no part has that Content-ID; the first SMIL part is used")
    # a start that names another part than the SMIL is passed over: AOSP looks for the type, too
    elif named is not None and parts[named].kind == "presentation":
        at = named
    return parts[at], (*parts[:at], *parts[at + 1 :]), notes


def content_digest(content: Content, envelope: Envelope, *, salt: int = 0) -> str:
    """20 characters that stand for this content and envelope: equal input, equal digest.

    Bodies are sampled, not read whole: an id need not withstand an attack, and a message may have megabytes.
    """
    # no clock and no random number: equal input gives equal ids and boundaries
    state = hashlib.blake2b(digest_size=10)
    state.update(repr((salt, envelope, content.subject)).encode("utf-8", "surrogatepass"))
    for part in _entries(content):
        state.update(f"{part.media_type};{part.content_id};{len(part.data)}".encode("utf-8", "surrogatepass"))
        for piece in _samples(part.data):
            state.update(piece)
    return state.hexdigest()


def _samples(data: bytes) -> Iterable[bytes]:
    if len(data) <= _SAMPLE * _SAMPLES:
        return (data,)
    # the first, the last and evenly spaced pieces between them
    step = (len(data) - _SAMPLE) // (_SAMPLES - 1)
    return (data[i * step : i * step + _SAMPLE] for i in range(_SAMPLES))
