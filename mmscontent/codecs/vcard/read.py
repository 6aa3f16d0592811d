"""Reads vCard files: each contact with its version and properties; one file may hold many contacts.

Sources: vCard 2.1 (versit 1996); RFC 2426 (3.0); RFC 6350 (4.0).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from mmscontent.codecs.content_lines import ContentLine, read_lines
from mmscontent.errors import MalformedContent

VERSIONS = ("2.1", "3.0", "4.0")
_MAX_CONTACTS = 2_000
_DATA_URI = re.compile(r"data:([\w/.+-]*)[^,]*?(;base64)?,(.*)", re.DOTALL | re.IGNORECASE)
_BINARY = ("PHOTO", "LOGO", "SOUND", "KEY")


@dataclass(frozen=True, slots=True)
class Contact:
    """One vCard: its properties in order, without BEGIN, VERSION and END."""

    version: str
    lines: tuple[ContentLine, ...]

    def first(self, name: str) -> ContentLine | None:
        """Return the first property of a name."""
        return next((line for line in self.lines if line.name == name), None)


def read_contacts(data: bytes, charset: str | None = None) -> tuple[tuple[Contact, ...], tuple[str, ...]]:
    """Read all contacts of a file, and what was repaired or left out, as sentences.

    Raises:
        MalformedContent: The file holds no contact, or more than `_MAX_CONTACTS`.
    """
    lines, read_notes = read_lines(data, charset)
    contacts: list[Contact] = []
    notes = list(read_notes)
    stack: list[list[ContentLine]] = []
    for line in lines:
        if line.name == "BEGIN" and line.value.strip().upper() == "VCARD":
            stack.append([])
        elif line.name == "END" and line.value.strip().upper() == "VCARD" and stack:
            finished = stack.pop()
            if stack:
                notes.append("the contact of an agent inside another contact was left out")
            else:
                contacts.append(_contact(finished))
        elif stack:
            stack[-1].append(line)
    if stack:
        contacts.append(_contact(stack[0]))
        notes.append("the last contact has no END:VCARD")
    if not contacts:
        raise MalformedContent("the file has no BEGIN:VCARD; send the contact again from the address book")
    if len(contacts) > _MAX_CONTACTS:
        raise MalformedContent(
            f"the file holds {len(contacts):,} contacts, {_MAX_CONTACTS:,} are read; send fewer contacts"
        )
    return tuple(contacts), tuple(dict.fromkeys(notes))


def _contact(lines: list[ContentLine]) -> Contact:
    stated = next((line.value.strip() for line in lines if line.name == "VERSION"), "")
    version = stated if stated in VERSIONS else "4.0" if stated.startswith("4") else "2.1" if not stated else "3.0"
    kept = (line for line in lines if line.name not in ("VERSION", "BEGIN", "END"))
    return Contact(version, tuple(_without_uri(line) for line in kept))


def _without_uri(line: ContentLine) -> ContentLine:
    """Decode a data: URI (RFC 6350 6.2.4) to bytes. Other addresses stay addresses; none is fetched."""
    if line.name not in _BINARY or line.data is not None:
        return line
    found = _DATA_URI.match(line.value)
    if not found:
        return line
    try:
        data = base64.b64decode(found[3]) if found[2] else unquote_to_bytes(found[3])
    except (binascii.Error, ValueError):
        return replace(line, value="", data=b"", oddity="its data: URI is broken and was left out")
    kind = found[1].rpartition("/")[2].upper()
    params = tuple(p for p in line.params if p[0] not in ("VALUE", "MEDIATYPE"))
    return replace(line, value="", data=data, params=(*params, ("TYPE", (kind,))) if kind else params)
