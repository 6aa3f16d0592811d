"""Reads text: contacts, calendars, XML of all kinds, mails, HTTP dumps, and plain text."""

from __future__ import annotations

import re
from dataclasses import replace

from mmscontent.errors import OverLimits
from mmscontent.media_types import kind_of
from mmscontent.message import MediaInfo
from mmscontent.sniff.charset import read_charset
from mmscontent.sniff.reader import SniffInput

# RFC 6350 3.3, RFC 5545 3.4: a contact or calendar begins with BEGIN; vNote and iMelody do so, too
_MARK = re.compile(r"\s*BEGIN[ \t]*:[ \t]*(VCARD|VNOTE|IMELODY|V[A-Z]{4,8})\b", re.IGNORECASE)
# A line of its own, perhaps with parameters or a group in front of the colon
_VERSION = re.compile(r"^[ \t]*VERSION[^:\n]{0,100}:[ \t]*([0-9.]+)", re.IGNORECASE | re.MULTILINE)
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
# XML 1.0 2.8: the root's name, where the definition lies, and an internal subset in brackets.
_DOCTYPE = re.compile(r"<!DOCTYPE\s+([\w.:-]+)[^\[>]*(\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
# XML 1.0 2.5 and 2.6: comments and processing instructions may stand in front of the root.
_XML_NOISE = (("<?", "?>"), ("<!--", "-->"))
# RFC 5322 2.2: a field name is printable ASCII but the colon
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:(.*)")
# RFC 4155 appendix A: the line that separates the mails of an mbox
_MBOX = re.compile(r"From \S+ .*\d\d:\d\d")
# Dumps of MM7 and of web requests begin with the request line or the status line.
_HTTP = re.compile(r"(?:(?:POST|PUT) \S+ HTTP/\d|HTTP/\d\.\d \d{3})", re.IGNORECASE)
# RFC 2046 5.1.1: two dashes and a boundary, then the header of a part
_BOUNDARY = re.compile(r"--[^\r\n]{1,100}\r?\n(?:[!-9;-~]+[ \t]*:[^\r\n]*\r?\n)+", re.IGNORECASE)
# Fields of RFC 5322 3.6 and RFC 2045 4 that prose does not have
_SIGNS_OF_MAIL = frozenset(
    ("from", "to", "date", "message-id", "received", "return-path", "delivered-to", "mime-version", "subject")
)

_ROOTS = {"smil": "application/smil", "svg": "image/svg+xml", "rdf": "application/rdf+xml", "html": "text/html"}
# QUIRK: mail programs and web forms give fragments of HTML without its root.
_HTML_STARTS = frozenset(("html", "head", "body", "div", "p", "table", "title", "meta", "span", "font", "center"))
# vNote is a note of IrMC, iMelody a ringtone of EMS.
_CONTACT_TYPES = {"VCARD": "text/x-vcard", "VNOTE": "text/plain", "IMELODY": "audio/imelody"}


def read(source: SniffInput) -> MediaInfo | None:
    """Any kind of text; None when the bytes are none."""
    text = read_charset(source.data, source.declared_charset, claimed=_claims_text(source))
    if text is None:
        return None
    # What begins like a contact or a mail is one, even when the rest is odd: the readers of those forms judge the rest.
    for reader in (_contact, _mail, _http, _parts, _xml):
        media_type = reader(text.head)
        if media_type:
            break
    else:
        media_type = "text/plain"
    info = source.info(media_type)
    info = replace(info, charset=text.charset if info.kind != "message" else None, notes=text.notes)
    if info.kind in ("text", "presentation", "calendar") and len(source.data) > source.limits.max_text_bytes:
        raise OverLimits(f"{media_type} of {len(source.data):,} bytes, the limit is {source.limits.max_text_bytes:,}")
    return _with_version(info, text.head)


def _claims_text(source: SniffInput) -> bool:
    claims = (source.name_type, source.declared_type)
    return any(c.startswith("text/") or kind_of(c) in ("contact", "calendar", "presentation") for c in claims)


def _contact(head: str) -> str:
    found = _MARK.match(head)
    if not found:
        return ""
    name = found[1].upper()
    if name in _CONTACT_TYPES:
        return _CONTACT_TYPES[name]
    # RFC 5545 3.6: components stand inside a VCALENDAR.
    if name != "VCALENDAR" and f"END:{name}" not in head.upper():
        return ""  # a component alone (an event, a zone) is believed when it also ends
    version = _VERSION.search(head)
    # vCalendar 1.0 and iCalendar 2.0 have the same frame; only the version tells them apart.
    return "text/x-vcalendar" if version and version[1].startswith("1") else "text/calendar"


def _mail(head: str) -> str:
    """A header block with at least two fields only a mail has, or one that announces parts."""
    lines = head.lstrip("\r\n").splitlines()
    fields = _fields(lines[1:] if lines and _MBOX.match(lines[0]) else lines)
    # One such field alone is also how prose begins ("Subject: the boat").
    if len(_SIGNS_OF_MAIL & fields.keys()) >= 2:
        return "message/rfc822"
    content_type = fields.get("content-type", "")
    return _announced(content_type) if len(fields) > 1 or "boundary=" in content_type.lower() else ""


def _announced(content_type: str) -> str:
    lowered = content_type.lower()
    # RFC 2046 5.1: a multipart names its subtype; RFC 2387: related parts have a root.
    if "multipart" in lowered:
        return "multipart/related" if "related" in lowered else "multipart/mixed"
    return ""


def _fields(lines: list[str]) -> dict[str, str]:
    """Header fields up to the first empty line; none when any line there is neither field nor continuation."""
    fields: dict[str, str] = {}
    name = ""
    for line in lines[:500]:
        # RFC 5322 2.1: an empty line ends the header; 2.2.3: a line that begins with white space continues a field.
        if not line.strip():
            break
        if line[0] in " \t":
            if not name:
                return {}
            fields[name] += " " + line.strip()
            continue
        found = _FIELD.match(line)
        if found is None:
            return {}
        name = found[1].lower()
        fields[name] = found[2].strip()
    return fields


def _http(head: str) -> str:
    """A request or answer with its head: what it is by its body, and by its head where the body has parts."""
    if not _HTTP.match(head):
        return ""
    lines = head.splitlines()
    fields = _fields(lines[1:])
    found = re.search(r"\r?\n\r?\n", head)
    body = head[found.end() :].lstrip() if found else ""
    if body.startswith("--"):
        return _announced(fields.get("content-type", "")) or "multipart/mixed"
    return _xml(body)


def _parts(head: str) -> str:
    """Parts between boundaries without the head that announced them."""
    text = head.lstrip()
    found = _BOUNDARY.match(text)
    if not found or "content-" not in found[0].lower():
        return ""
    # Only the first part's header is there: a root in XML means related parts.
    return (
        "multipart/related"
        if re.search(r"text/xml|application/smil|application/xml", found[0], re.IGNORECASE)
        else "multipart/mixed"
    )


def _xml(head: str) -> str:
    """By the name of the root element, whatever stands before it."""
    at, doctype = _before_root(head)
    # XML 1.0 2.8: the document type names the root element.
    if doctype in ("html", "smil", "svg"):
        return _ROOTS[doctype]
    found = _ROOT.match(head, at)
    if not found:
        return ""
    name = found[1].lower()
    # Namespaces in XML 1.0 section 4: a prefix and a colon may stand in front of the name.
    local = name.rpartition(":")[2]
    if local == "rdf" or local in ("smil", "svg", "html"):
        return _ROOTS[local]
    if name in _HTML_STARTS:
        return "text/html"
    # Any name may be a root: without a declaration a namespace, an end tag or an empty element has to show XML.
    rest = head[found.end() : found.end() + 4000]
    return "application/xml" if head.lstrip().startswith("<?xml") or re.search(r"xmlns|</|/>", rest) else ""


def _before_root(head: str) -> tuple[int, str]:
    """Where the root element begins, and the document type's name; every step moves on."""
    at, doctype = 0, ""
    while at < len(head):
        # QUIRK: documents copied out of a browser's tree view have a dash in front of what can be folded
        if head[at].isspace() or (head[at] == "-" and head[at + 1 : at + 2].isspace()):
            at += 1
            continue
        noise = next((end for start, end in _XML_NOISE if head.startswith(start, at)), None)
        if noise is not None:
            stop = head.find(noise, at)
            at = stop + len(noise) if stop >= 0 else len(head)
        elif found := _DOCTYPE.match(head, at):
            doctype, at = found[1].lower().rpartition(":")[2], found.end()
        else:
            break
    return at, doctype


def _with_version(info: MediaInfo, head: str) -> MediaInfo:
    """Cards and calendars: their version as `profile`, a photograph as what would leave with it."""
    if info.kind not in ("contact", "calendar"):
        return info
    version = _VERSION.search(head)
    begins = _MARK.match(head)
    notes = info.notes
    if begins and info.kind == "calendar" and begins[1].upper() != "VCALENDAR":
        notes += (f"it begins with {begins[1].upper()}, the VCALENDAR around it is missing",)
    return replace(info, profile=version[1] if version else None, notes=notes)


def read_pdf(source: SniffInput) -> MediaInfo | None:
    """A PDF, known to be refused by name."""
    return source.info("application/pdf") if source.data.startswith(b"%PDF-") else None
