"""Reads MM7 messages: with any prefix or none; every deviation from the standard becomes a note.

The SOAP part goes through the one XML parser; what it refers to is read like any MIME content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mmscontent import xml_parser
from mmscontent.errors import MalformedContent
from mmscontent.pack.assigned import charset_code
from mmscontent.pack.common import printable
from mmscontent.pack.mime import headers, transfer
from mmscontent.pack.mime.read import MimeParts, read_entity, split
from mmscontent.pack.mm7.elements import ELEMENT_CODECS, Node, Value, from_element, local_name, read_yes
from mmscontent.pack.mm7.model import OPERATIONS, Mm7
from mmscontent.pack.mm7.peers import quirk

if TYPE_CHECKING:
    from lxml import etree

_OPERATIONS = {name.lower(): name for name in OPERATIONS}
# both are instantcom's
_MISSPELT = {"earlistdeliverytime": "EarliestDeliveryTime", "auxapplicid": "AuxApplicInfo"}
# octets in which an XML declaration ends
_DECLARATION = 200
_ASCII, _UTF_8 = 3, 106
# octets in which an envelope shows itself
_LOOK = 2000
_ERRORS = ("RSErrorRsp", "VASPErrorRsp")


@dataclass(frozen=True, slots=True)
class Mm7Reading:
    """A message that was read.

    Attributes:
        notes: Each quirk and repair as a sentence; empty for a clean message.
        part_headers: Headers of parts that a part has no place for.
    """

    message: Mm7
    notes: tuple[str, ...] = ()
    part_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Entity:
    fields: headers.Fields
    begin: int
    end: int

    @property
    def content_id(self) -> str:
        return headers.words(self.fields.get("Content-ID")).strip("<> ")


def is_soap(data: bytes) -> bool:
    """Whether the bytes begin like a SOAP envelope: an element or an XML declaration, and `Envelope` early on."""
    # a byte order mark and empty lines come before the declaration at some peers
    head = data[:_LOOK].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and b"Envelope" in head


def read_mm7(data: bytes, content_type: str = "") -> Mm7Reading:
    """Read one MM7 message as HTTP carries it.

    Args:
        data: The body of the request or response.
        content_type: Its Content-Type; a multipart without one is told by its first line.

    Raises:
        MalformedContent: There is no SOAP envelope with an MM7 message in it.
        OverLimits: The SOAP part or the content is larger or deeper than we agree to open.
    """
    walk = MimeParts()
    # SOAP with Attachments section 3: the SOAP message is the root of the multipart/related
    soap, others = _parts(data, content_type, walk.notes)
    root = _parse(_in_utf_8(soap), walk.notes)
    transaction_id = _transaction_id(root, walk.notes)
    element = _operation(root, walk.notes)
    operation = _OPERATIONS[local_name(str(element.tag)).lower()]
    node = from_element(element)
    fields, reference = _fields(operation, node, walk.notes)
    _read_content(data, others, reference, walk)
    holds = bool(walk.parts) or "Content" in OPERATIONS[operation]
    message = Mm7(
        operation,
        transaction_id,
        fields,
        walk.content() if holds else None,
        _adaptations(reference, walk.notes) if walk.parts else None,
        node.child_text("MM7Version"),
        _namespace(element, walk.notes),
    )
    return Mm7Reading(message, tuple(walk.notes), tuple(walk.rest))


# --- the parts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Soap:
    """The SOAP part out of its transfer encoding, and the charset its Content-Type states."""

    data: bytes
    charset: str


def _parts(data: bytes, content_type: str, notes: list[str]) -> tuple[_Soap, list[_Entity]]:
    """The SOAP part, and the others."""
    # 8.7: a message without content is sent as text/xml alone
    name, parameters = headers.content_type(content_type)
    multipart = name.startswith("multipart/") or data.lstrip().startswith(b"--")
    if not multipart or is_soap(data):
        if multipart:
            notes.append(quirk("no-boundary"))
        return _Soap(data.strip(), parameters.get("charset", "")), []
    entities = []
    # RFC 2387 section 3.2: start names the root
    for begin, end in split(data, 0, len(data), parameters.get("boundary", ""), notes):
        fields, body = headers.read_fields(data, begin, end, notes)
        entities.append(_Entity(fields, body, end))
    at = _root(data, entities, parameters.get("start", ""), notes)
    return _soap_of(data, entities.pop(at)), entities


def _soap_of(data: bytes, entity: _Entity) -> _Soap:
    octets, _ = transfer.decode(data[entity.begin : entity.end], entity.fields.get("Content-Transfer-Encoding"))
    return _Soap(octets.strip(), headers.content_type(entity.fields.get("Content-Type"))[1].get("charset", ""))


def _in_utf_8(soap: _Soap) -> bytes:
    """The document, in UTF-8 where only its Content-Type says what it is in (RFC 7303 section 3)."""
    # a document that declares its encoding is left to the parser, which reads the declaration
    if b"encoding" in soap.data[:_DECLARATION] or charset_code(soap.charset) in (None, _ASCII, _UTF_8):
        return soap.data
    try:
        return soap.data.decode(soap.charset).encode("utf-8")
    except (LookupError, UnicodeError):
        return soap.data


def _root(data: bytes, entities: list[_Entity], start: str, notes: list[str]) -> int:
    """Which part is the SOAP one: the one *start* names when it is, else the first that looks like it."""
    # QUIRK: start without brackets, or naming the content part
    wanted = start.strip("<> ")
    named = next((i for i, e in enumerate(entities) if wanted and e.content_id == wanted), None)
    if named is not None and _looks_like_soap(data, entities[named]):
        return named
    at = next((i for i, e in enumerate(entities) if _looks_like_soap(data, e)), None)
    if at is None:
        raise MalformedContent("no part of the multipart is a SOAP envelope", offset=0)
    # KT sends its content first
    if at > 0 or named is not None:
        notes.append(quirk("root-not-first"))
    return at


def _looks_like_soap(data: bytes, entity: _Entity) -> bool:
    stop = min(entity.end, entity.begin + 2 * _LOOK)
    return is_soap(_soap_of(data, _Entity(entity.fields, entity.begin, stop)).data)


def _read_content(data: bytes, entities: list[_Entity], reference: Node | None, walk: MimeParts) -> None:
    """Read the part the Content element refers to into *walk*; without a match the first one, then all others."""
    if not entities:
        if reference is not None:
            walk.notes.append(quirk("content-missing"))
        return
    # SOAP with Attachments section 4: href="cid:…" names a part by its Content-ID (RFC 2392)
    href = reference.attribute("href") if reference is not None else ""
    named = next((i for i, e in enumerate(entities) if _matches(e, href)), None)
    if named is None:
        walk.notes.append(quirk("href-unmatched", href) if href else quirk("href-missing"))
    elif not href.lower().startswith("cid:"):
        walk.notes.append(quirk("href-without-cid", href))
    entity = entities.pop(named or 0)
    # RFC 2392 section 2: the URL has the id without brackets, the field has it within
    raw = entity.fields.get("Content-ID")
    if not raw:
        walk.notes.append(quirk("unknown-content-id"))
    elif not raw.startswith("<"):
        walk.notes.append(quirk("id-without-brackets", raw))
    read_entity(data, entity.begin, entity.end, entity.fields, walk, 0)
    if entities:
        walk.notes.append(quirk("extra-parts"))
    for other in entities:
        read_entity(data, other.begin, other.end, other.fields, walk, 1)


def _matches(entity: _Entity, href: str) -> bool:
    # RFC 2392 section 2: a cid URL is percent-encoded; both readings are tried
    plain = href[4:] if href.lower().startswith("cid:") else href
    return bool(plain) and entity.content_id in (plain.strip("<> "), unquote(plain).strip("<> "))


# --- the envelope --------------------------------------------------------------------------------------------------


def _parse(soap: bytes, notes: list[str]) -> etree._Element:
    try:
        # first strictly; a second time only what can be made out
        return xml_parser.parse(soap, part="the SOAP part")
    except MalformedContent:
        root = xml_parser.parse(soap, recover=True, part="the SOAP part")
    notes.append(quirk("not-well-formed"))
    return root


def _children(element: etree._Element) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str)]


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next((c for c in _children(element) if local_name(str(c.tag)).lower() == name.lower()), None)


def _transaction_id(root: etree._Element, notes: list[str]) -> str:
    # 8.7: the TransactionID stands in the SOAP header, with mustUnderstand
    header = _child(root, "Header")
    found = _child(header, "TransactionID") if header is not None else None
    text = (found.text or "") if found is not None else ""
    if text != text.strip():
        notes.append(quirk("spaced-text", "TransactionID"))
    return printable(text).strip()


def _operation(root: etree._Element, notes: list[str]) -> etree._Element:
    """The element that is the message: in the body, in the detail of a fault, or the fault itself."""
    # SOAP 1.1 section 4.3: the body's first element is the message
    body = _child(root, "Body")
    element = next(iter(_children(body)), None) if body is not None else None
    if element is None:
        raise MalformedContent("the SOAP envelope has no body with a message in it")
    # SOAP 1.1 section 4.4: an error is a Fault whose detail says what went wrong
    if local_name(str(element.tag)) == "Fault":
        return _in_fault(element, notes)
    name = local_name(str(element.tag))
    if name.lower() not in _OPERATIONS:
        raise MalformedContent(f"the SOAP body holds {name!r}, which is no message of MM7")
    if _OPERATIONS[name.lower()] in _ERRORS:
        notes.append(quirk("error-outside-fault"))
    return element


def _in_fault(fault: etree._Element, notes: list[str]) -> etree._Element:
    detail = _child(fault, "detail")
    # SOAP 1.1 section 4.4 writes faultcode, faultstring and detail without a namespace
    if any("}" in str(child.tag) for child in _children(fault)) and "}" in str(fault.tag):
        code = _child(fault, "faultcode")
        if code is not None and str(code.tag).partition("}")[0] == str(fault.tag).partition("}")[0]:
            notes.append(quirk("qualified-fault"))
    inner = _children(detail) if detail is not None else []
    return next((e for e in inner if local_name(str(e.tag)).lower() in _OPERATIONS), fault)


def _namespace(element: etree._Element, notes: list[str]) -> str:
    """The namespace of the message element; a document may leave it out, and a fault of SOAP has none."""
    if local_name(str(element.tag)) == "Fault":
        return ""
    version = _child(element, "MM7Version")
    # an un-namespaced message may hold a namespaced MM7Version
    for candidate in (element, version):
        tag = str(candidate.tag) if candidate is not None else ""
        if tag.startswith("{") and "soap/envelope" not in tag:
            return tag[1:].partition("}")[0]
    notes.append(quirk("no-namespace"))
    return ""


# --- the elements --------------------------------------------------------------------------------------------------


def _fields(operation: str, node: Node, notes: list[str]) -> tuple[tuple[tuple[str, Value], ...], Node | None]:
    """The values of the message's elements, and its Content element."""
    rows = {name.lower(): (name, kind) for name, kind in OPERATIONS[operation].items()}
    found: dict[str, Value] = {}
    rest: list[tuple[str, Value]] = []
    reference = None
    for child in node.children:
        # every element of a message stands at most once (8.7); the first counts, a second is a note
        key = _correct(child.name, notes)
        name, kind = rows.get(key, (child.name, "node"))
        if key == "mm7version" or name in found:
            if name in found:
                notes.append(quirk("twice", name))
            continue
        if kind == "content":
            reference = child
            continue
        value = ELEMENT_CODECS[kind].read(child, notes)
        # an element that cannot be read, or is not of the schema, stays a Node and can be written
        # again
        if kind == "node" or value is None:
            rest.append((child.name, child))
        else:
            found[name] = value
    # an element that cannot be read gives way to a second one that can
    rest = [row for row in rest if row[0] not in found]
    notes += [quirk("unknown-element", name) for name in dict(rest)]
    return (*found.items(), *rest), reference


def _correct(name: str, notes: list[str]) -> str:
    key = name.lower()
    if key in _MISSPELT:
        notes.append(quirk("misspelt-element", name))
        return _MISSPELT[key].lower()
    return key


def _adaptations(reference: Node | None, notes: list[str]) -> bool | None:
    # 8.7: the attribute's default is true, but a peer that says nothing is not quoted
    text = reference.attribute("allowAdaptations") if reference is not None else ""
    return read_yes(text, notes, "allowAdaptations") if text else None
