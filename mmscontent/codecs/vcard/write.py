"""Writes contacts in one version of vCard, and notes what that version cannot carry.

vobject folds and escapes; it does not write 2.1 at all, and refuses to write 3.0 with a photo read from 2.1. So this
module builds the lines itself. One table says what becomes of each property.
Sources: vCard 2.1 sections 2.1.5 to 2.6; RFC 2426 sections 3 and 4; RFC 6350 section 6; MMS CONF and what phones
export (2.1 with NICKNAME and CATEGORIES, UTF-8 stated on each line that needs it).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmscontent.codecs.content_lines import ContentLine, escaped, folded, quoted_printable, split_fields, unescaped

if TYPE_CHECKING:
    from mmscontent.codecs.vcard.read import Contact

# Properties whose values are fields separated by semicolons, and those that are lists separated by commas.
_FIELDS = frozenset(("N", "ADR", "ORG", "GEO", "GENDER", "CLIENTPIDMAP"))
_LISTS = frozenset(("CATEGORIES", "NICKNAME"))
# Addresses and dates are not escaped. QUIRK: Apple and Google put a backslash before the colon; it is removed.
_PLAIN = frozenset(("URL", "UID", "REV", "BDAY", "ANNIVERSARY", "IMPP", "TEL", "SOURCE", "RELATED", "MEMBER", "TZ"))

# Properties that a version does not have, and what they are written as; None: left out.
_NEW_IN_4: dict[str, str | None] = {
    "GENDER": "X-GENDER",
    "ANNIVERSARY": "X-ANNIVERSARY",
    "KIND": "X-ADDRESSBOOKSERVER-KIND",
    "MEMBER": "X-ADDRESSBOOKSERVER-MEMBER",
    "LANG": None,
    "RELATED": None,
    "XML": None,
    "CLIENTPIDMAP": None,
    "FBURL": None,
    "CALADRURI": None,
    "CALURI": None,
}
_NEW_IN_3: dict[str, str | None] = {"IMPP": "X-IMPP", "CLASS": None, "SORT-STRING": None, "PRODID": None, "NAME": None}
_REPLACED: dict[str, dict[str, str | None]] = {
    "2.1": {**_NEW_IN_4, **_NEW_IN_3, "PROFILE": None, "SOURCE": None},
    "3.0": _NEW_IN_4,
    "4.0": {"CLASS": None, "SORT-STRING": None, "NAME": None, "PROFILE": None, "LABEL": None, "MAILER": None},
}
# Parameters a version knows; others are left out on conversion.
_PARAMS: dict[str, frozenset[str]] = {
    "2.1": frozenset(("TYPE", "LANGUAGE", "VALUE")),
    "3.0": frozenset(("TYPE", "LANGUAGE", "VALUE")),
    "4.0": frozenset(
        ("TYPE", "LANGUAGE", "VALUE", "PREF", "ALTID", "PID", "MEDIATYPE", "SORT-AS", "GEO", "TZ", "CALSCALE")
    ),
}
_BASE64_CHARS = 72


@dataclass(slots=True)
class WrittenContacts:
    """A vCard file, and what the version could not carry, as sentences."""

    data: bytes
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Writer:
    """State of one file being written."""

    version: str
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, sentence: str) -> None:
        self.notes[sentence] = None


def write_contacts(contacts: Iterable[Contact], version: str) -> WrittenContacts:
    """Write all contacts in one version, in UTF-8."""
    writer = _Writer(version)
    data = b"".join(_contact(contact, writer) for contact in contacts)
    return WrittenContacts(data, tuple(writer.notes))


def _contact(contact: Contact, writer: _Writer) -> bytes:
    lines = _completed(
        [one for line in contact.lines if (one := _translated(line, contact.version, writer)) is not None], writer
    )
    body = b"".join(_written(line, contact.version, writer) for line in lines)
    return b"BEGIN:VCARD\r\nVERSION:" + writer.version.encode() + b"\r\n" + body + b"END:VCARD\r\n"


def _completed(lines: list[ContentLine], writer: _Writer) -> list[ContentLine]:
    """Add N and FN, made of other properties, where the version requires them."""
    # vCard 2.1 requires N; RFC 2426 3.1.1 and 3.1.2 require both; RFC 6350 6.2.1 requires FN.
    names = {line.name for line in lines}
    display = next(
        (line.value for n in ("FN", "N", "ORG", "NICKNAME", "EMAIL", "TEL") for line in lines if line.name == n), ""
    )
    display = " ".join(f for f in reversed(split_fields(display)[:2]) if f).strip() if "FN" not in names else display
    missing = []
    if "N" not in names and writer.version != "4.0":
        missing.append(
            ContentLine("N", f"{display};;;;" if "FN" not in names else f"{escaped(unescaped(display))};;;;")
        )
    if "FN" not in names and writer.version != "2.1":
        missing.append(ContentLine("FN", display or "-"))
    return [*missing, *lines]


# --- one property ----------------------------------------------------------------------------------------------


def _translated(line: ContentLine, source: str, writer: _Writer) -> ContentLine | None:
    """Convert a property to the version; None when the version cannot carry it."""
    target = writer.version
    if line.data == b"":
        writer.note(f"{line.name} was left out: its data are broken")
        return None
    if line.name == "AGENT":
        writer.note("AGENT was left out: it is a contact inside the contact")
        return None
    if source == target:
        return line
    name = line.name
    if name in _REPLACED[target]:
        other = _REPLACED[target][name]
        writer.note(
            f"{name} was left out: vCard {target} has no such property"
            if other is None
            else f"{name} is written as {other}"
        )
        if other is None:
            return None
        name = other
    if name == "BDAY" and line.value.startswith("-"):
        writer.note("BDAY was left out: it has no year")
        return None
    return replace(line, name=name, params=_params(line, source, writer), value=_address(line))


def _params(line: ContentLine, source: str, writer: _Writer) -> tuple[tuple[str, tuple[str, ...]], ...]:
    target, known = writer.version, _PARAMS[writer.version]
    kept: list[tuple[str, tuple[str, ...]]] = []
    for name, values in line.params:
        if name == "PREF" and target != "4.0":
            kept.append(("TYPE", ("PREF",)))
        elif name == "VALUE" and values[0].upper() not in ("URI", "URL"):
            continue  # readers of each version recognise a date by itself
        elif name == "VALUE" and line.name in ("TEL", "URL"):
            continue
        elif name == "VALUE":
            kept.append((name, ("URL" if target == "2.1" else "uri",)))
        elif name in known:
            kept.append((name, values))
        else:
            writer.note(f"parameter {name} was left out: vCard {target} has no such parameter")
    if target == "4.0" and source != "4.0":
        kept = _preferred(kept)
    return tuple(kept)


def _preferred(params: list[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Write TYPE=PREF as 4.0 does (RFC 6350 5.3): PREF=1."""
    prefers = any(v.upper() == "PREF" for name, values in params if name == "TYPE" for v in values)
    rest = [(n, tuple(v for v in values if n != "TYPE" or v.upper() != "PREF")) for n, values in params]
    return [*(p for p in rest if p[1]), *([("PREF", ("1",))] if prefers else [])]


def _address(line: ContentLine) -> str:
    """Return the number of a tel: URI, as older versions want it."""
    value = line.value.strip()
    return value[4:] if line.name == "TEL" and value.lower().startswith("tel:") else line.value


def _written(line: ContentLine, source: str, writer: _Writer) -> bytes:
    head = f"{line.group}.{line.name}" if line.group else line.name
    if line.data is not None:
        return _binary(line, head, writer.version)
    value = _value(line, source, writer.version)
    if writer.version == "2.1":
        return _line_2_1(line, head, value)
    return folded([f"{head}{_params_text(line)}:{value}"])


def _value(line: ContentLine, source: str, target: str) -> str:
    """Return the value with the escapes of the target version."""
    if line.name in _PLAIN:
        return line.value.replace("\\:", ":").replace("\\,", ",").replace("\n", " ").strip()
    if source == "2.1" == target:
        return line.value
    if source != "2.1" and target != "2.1" and (line.name in _FIELDS | _LISTS or line.name.startswith("X-")):
        return line.value.replace("\n", "\\n")  # its commas and semicolons are separators
    fields = _unescaped_fields(line, source)
    separator = "," if line.name in _LISTS else ";"
    if target == "2.1":
        return separator.join(f.replace(";", "\\;") if separator == ";" and len(fields) > 1 else f for f in fields)
    return separator.join(escaped(f) for f in fields)


def _unescaped_fields(line: ContentLine, source: str) -> tuple[str, ...]:
    if line.name in _FIELDS or line.name.startswith("X-"):
        fields = split_fields(line.value)
    elif line.name in _LISTS:
        fields = split_fields(line.value, ",")
    else:
        fields = (line.value,)
    if source == "2.1":  # vCard 2.1 section 2.1.5: only the semicolon is escaped; a backslash means itself
        return tuple(f.replace("\\;", ";") for f in fields)
    return tuple(unescaped(f) for f in fields)


def _params_text(line: ContentLine) -> str:
    pieces = []
    for name, values in line.params:
        safe = (v.replace('"', "'") for v in values)
        pieces.append(f";{name}=" + ",".join(f'"{v}"' if any(c in v for c in ":;,") else v for v in safe))
    return "".join(pieces)


def _line_2_1(line: ContentLine, head: str, value: str) -> bytes:
    types = "".join(f";{t}" for t in line.types)
    others = "".join(f";{name}={values[0]}" for name, values in line.params if name != "TYPE" and values)
    start = head + types + others
    if value.isascii() and "\n" not in value and "\r" not in value:
        return f"{start}:{value}\r\n".encode()
    start += ("" if value.isascii() else ";CHARSET=UTF-8") + ";ENCODING=QUOTED-PRINTABLE:"
    return f"{start}{quoted_printable(value, len(start))}\r\n".encode("ascii", "replace")


def _binary(line: ContentLine, head: str, version: str) -> bytes:
    assert line.data is not None
    coded = base64.b64encode(line.data).decode("ascii")
    kind = next(iter(line.types), "")
    if version == "4.0":
        base = {"PHOTO": "image", "LOGO": "image", "SOUND": "audio"}.get(line.name, "application")
        return folded([f"{head}:data:{base}/{kind.lower() or 'octet-stream'};base64,{coded}"])
    encoding = "BASE64" if version == "2.1" else "b"
    kind = f";TYPE={kind}" if kind else ""
    if version == "3.0":
        return folded([f"{head};ENCODING={encoding}{kind}:{coded}"])
    # vCard 2.1, as Android writes it: further lines are indented, an empty line ends the value.
    rows = [coded[at : at + _BASE64_CHARS] for at in range(0, len(coded), _BASE64_CHARS)]
    return (f"{head};ENCODING={encoding}{kind}:" + "\r\n ".join(rows) + "\r\n\r\n").encode("utf-8")
