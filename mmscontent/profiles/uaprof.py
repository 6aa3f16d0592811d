"""Reads UAProf documents, which are RDF from untrusted sources, by local names alone.

The namespace of an attribute is ignored (14 are in use), a value may be a bag, a sequence or a literal, and a value
of the wrong form becomes a finding. Rules learnt from 3,121 documents; OMA-TS-UAProf 2.0, MMS CONF 1.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mmscontent.errors import MalformedContent
from mmscontent.profiles.device_capabilities import DeviceCapabilities, DocumentFinding
from mmscontent.xml_parser import MAX_BYTES, parse

if TYPE_CHECKING:
    from lxml import etree

_MAX_VALUES = 500  # the longest list of 3,121 documents has 131
_MAX_TEXT = 200
_Found = dict[str, list[tuple[str, ...]]]
_LEVEL_PARTS = ("StreamingAccept", "PssAccept", "ThreeGPAccept")
_PROPERTIES = {
    "Vendor",
    "Model",
    "ScreenSize",
    "OSName",
    "MmsMaxMessageSize",
    "MmsMaxImageResolution",
    "MmsCcppAccept",
    "MmsCcppAcceptCharSet",
    "MmsVersion",
    "MmsContentClass",
    *_LEVEL_PARTS,
}


def read_uaprof(data: bytes, *, part: str = "") -> DeviceCapabilities:
    """Read a UAProf document from an untrusted source.

    Args:
        data: The document as it was served.
        part: The name of the document in an error.

    Raises:
        MalformedContent: No part of it can be read as XML.
        OverLimits: It is larger, deeper or wider than mmscontent.xml_parser allows.
    """
    findings: list[DocumentFinding] = []
    root = _parse(_clean(data, findings), part, findings)
    found = _attributes(root)
    stated, size = _message_size(found, findings)
    if not any(name.startswith("Mms") for name in found):
        findings.append(DocumentFinding("no-mms-part", "the document has no MMS part"))
    return DeviceCapabilities(
        vendor=_text(found, "Vendor"),
        model=_text(found, "Model"),
        screen_px=_resolution(found, "ScreenSize", findings),
        max_message_bytes=size,
        max_message_stated=stated,
        max_image_px=_resolution(found, "MmsMaxImageResolution", findings),
        versions=_list(found, "MmsVersion"),
        content_classes=tuple(dict.fromkeys(v.upper() for v in _list(found, "MmsContentClass"))),
        accepts=_media_types(_list(found, "MmsCcppAccept")),
        charsets=tuple(dict.fromkeys(v.lower() for v in _list(found, "MmsCcppAcceptCharSet"))),
        levels=tuple(v for name in _LEVEL_PARTS for v in _list(found, name)),
        os_name=_text(found, "OSName"),
        namespace=_namespace(root),
        findings=tuple(findings),
    )


# -- getting an element tree out of what is served -------------------------------------------------------------------

# A copy from a browser's tree view has a dash before each element that can be folded.
# All repetitions are bounded, so that no document makes a search slow.
_DASH = re.compile(rb"^[ \t]*-[ \t]+(?=<)", re.MULTILINE)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]{0,2000}(?:\[[^\]]{0,20000}\]\s{0,100})?>")
# References to entities that the declaration would have defined; the five of XML itself stay.
_REFERENCE = re.compile(rb"&(?!amp;|lt;|gt;|quot;|apos;|#)([A-Za-z_][\w.-]{0,60});")


def _clean(data: bytes, findings: list[DocumentFinding]) -> bytes:
    """Remove known junk before, between and around the tags; a document that is too long is left as it is."""
    if len(data) > MAX_BYTES:
        return data
    data = _utf8(data, findings).lstrip()
    start = data.find(b"<")
    if start > 0:
        findings.append(DocumentFinding("text-before-root", f"{start} bytes stand before the first tag"))
        data = data[start:]
    data, dashes = _DASH.subn(b"", data)
    if dashes:
        findings.append(DocumentFinding("browser-copy", f"copied from a browser: {dashes} lines begin with a dash"))
    return _without_doctype(data, findings)


def _without_doctype(data: bytes, findings: list[DocumentFinding]) -> bytes:
    """Remove the document type declaration; references to its entities become the names of the entities."""
    at = data.find(b"<!DOCTYPE")
    match = _DOCTYPE.match(data, at) if at >= 0 else None
    if match is None:
        return data
    findings.append(DocumentFinding("doctype", "a document type declaration was ignored"))
    return _REFERENCE.sub(rb"\1", data[:at] + data[match.end() :])


def _utf8(data: bytes, findings: list[DocumentFinding]) -> bytes:
    """Remove a byte-order mark; a UTF-16 document becomes UTF-8."""
    if data.startswith(b"\xef\xbb\xbf"):
        findings.append(DocumentFinding("byte-order-mark", "the document begins with a byte-order mark"))
        return data[3:]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        findings.append(DocumentFinding("byte-order-mark", "the document is UTF-16 with a byte-order mark"))
        text = data.decode("utf-16", errors="replace")
        return re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode("utf-8", errors="replace")
    return data


def _parse(data: bytes, part: str, findings: list[DocumentFinding]) -> etree._Element:
    try:
        return parse(data, part=part)
    except MalformedContent as exc:
        findings.append(DocumentFinding("not-well-formed", f"read as far as it goes: {exc}"[:_MAX_TEXT]))
        return parse(data, recover=True, part=part)


# -- attributes by local name ----------------------------------------------------------------------------------------


def _local(name: str) -> str:
    """`{uri}Name`, `prf:Name` (an undeclared prefix) and `Name` alike."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _attributes(root: etree._Element) -> _Found:
    """The properties that we read, by local name, with the values of each occurrence; comments are not visited."""
    found: _Found = {}
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if (name := _local(str(attribute))) in _PROPERTIES:
                found.setdefault(name, []).append((str(value).strip(),))
        if (name := _local(str(element.tag))) in _PROPERTIES and (values := tuple(_values(element))):
            found.setdefault(name, []).append(values)
    return found


def _values(element: etree._Element) -> Iterator[str]:
    """The texts of an element's list items, or its own text when it has no list."""
    # rdf:Bag and rdf:Seq hold their values in rdf:li; documents nest them in various ways.
    items = [e for e in element.iter() if _local(str(e.tag)) == "li"]
    for item in items[:_MAX_VALUES] if items else [element]:
        text = (item.text or "").strip()
        if text:
            yield text


def _text(found: _Found, name: str) -> str:
    return next((values[0][:_MAX_TEXT] for values in found.get(name, ())), "")


def _list(found: _Found, name: str) -> tuple[str, ...]:
    """All values of an attribute, each once; a literal may hold several with commas or blanks."""
    values = [v for group in found.get(name, ()) for text in group for v in re.split(r"[,\s]+", text) if v]
    return tuple(dict.fromkeys(v[:_MAX_TEXT] for v in values[:_MAX_VALUES]))


def _media_types(values: Iterable[str]) -> tuple[str, ...]:
    """Lower case, without parameters, each once."""
    # Parameters such as `;codecs=` are rare and spelled in many ways; the formats follow from the type.
    names = (v.partition(";")[0].strip().lower() for v in values)
    return tuple(dict.fromkeys(n for n in names if n))


def _message_size(found: _Found, findings: list[DocumentFinding]) -> tuple[str, int | None]:
    """The stated text, and its value when it is a number."""
    stated = [values[0] for values in found.get("MmsMaxMessageSize", ())]
    for text in stated:
        if re.fullmatch(r"[0-9]{1,12}", text) and int(text) > 0:
            return text, int(text)
    if stated:
        message = f"MmsMaxMessageSize is {stated[0][:60]!r}, which is no number of bytes"
        findings.append(DocumentFinding("size-not-a-number", message))
        return stated[0][:_MAX_TEXT], None
    return "", None


def _resolution(found: _Found, name: str, findings: list[DocumentFinding]) -> tuple[int, int] | None:
    """Width and height as written: `1600x1200`, `1600 X 1200`, `2048*1536`."""
    stated = _text(found, name)
    match = re.fullmatch(r"([0-9]{1,5})(\s*[xX*×]\s*)([0-9]{1,5})", stated)
    if match and int(match[1]) and int(match[3]):
        if match[2] not in ("x", "X"):
            findings.append(DocumentFinding("resolution-spelling", f"{name} is written {stated!r}"))
        return int(match[1]), int(match[3])
    if stated:
        message = f"{name} is {stated[:60]!r}, which is no width and height"
        findings.append(DocumentFinding("not-a-resolution", message))
    return None


def _namespace(root: etree._Element) -> str | None:
    for element in root.iter():
        if _local(str(element.tag)) == "MmsMaxMessageSize":
            uri, brace, _ = str(element.tag)[1:].partition("}")
            return uri if brace else None
    return None
