"""The one XML parser for untrusted input: SMIL, SOAP and device profiles.

No DTD is loaded, no entity is expanded, no network is used, and size, depth, elements and attributes are capped.
What comes out is an lxml element tree of elements and text alone; comments and processing instructions are gone.
Source: OWASP XML external entity prevention; lxml FAQ "How do I use lxml safely as a web-service endpoint?".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmscontent.errors import MalformedContent, OverLimits

if TYPE_CHECKING:
    from lxml import etree

MAX_BYTES = 1_000_000  # the largest of 3,121 real device profiles has 61,000; SMIL and SOAP rarely pass 4,000
MAX_DEPTH = 32
MAX_ELEMENTS = 20_000
MAX_ATTRIBUTES = 64  # per element


def parse(data: bytes, *, recover: bool = False, part: str = "") -> etree._Element:
    """Read an XML document from an untrusted source.

    Args:
        data: The document, in any encoding it declares.
        recover: Go on after a syntax error with what can be read.
        part: What to call it in an error.

    Returns:
        The root element.

    Raises:
        MalformedContent: It is not XML, or declares or uses entities; offset says where.
        OverLimits: It is larger, deeper or wider than the caps of this module.
    """
    from lxml import etree  # noqa: PLC0415  # an engine is imported where it is used; the face stays light

    subject = part or "the XML document"
    if len(data) > MAX_BYTES:
        raise OverLimits(f"{subject} has {len(data):,} bytes, at most {MAX_BYTES:,} are read as XML", part=part)
    _refuse_entities(data, subject, part)
    parser = etree.XMLParser(
        recover=recover,
        # XML 1.0 section 4.4: no entity is expanded, internal or external
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        # libxml2's own limits on depth and on the length of a text stay on
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError, LookupError) as exc:
        raise MalformedContent(f"{subject} is not XML: {exc}", part=part, offset=_offset(data, exc)) from exc
    if root is None:
        raise MalformedContent(f"{subject} holds no XML element", part=part, offset=0)
    _check_shape(root, subject, part)
    return root


def _refuse_entities(data: bytes, subject: str, part: str) -> None:
    """Refuse a document that declares anything, before the parser sees it, in one- and two-byte encodings."""
    # UTF-16 has a zero in every ASCII letter; without them the words can be found in one way
    squeezed = data.replace(b"\0", b"") if b"\0" in data else data
    for word in (b"<!ENTITY", b"<!ATTLIST", b"<!ELEMENT"):
        at = squeezed.find(word)
        if at >= 0:
            raise MalformedContent(f"{subject} declares {word.decode()}, which is never read", part=part, offset=at)


def _check_shape(root: etree._Element, subject: str, part: str) -> None:
    from lxml import etree  # noqa: PLC0415  # as above

    depth = elements = 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        # counted while walking: the tree is in memory, and recursion could end the process
        depth += 1
        elements += 1
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS or len(node.attrib) > MAX_ATTRIBUTES:
            raise OverLimits(
                f"{subject} passes the limits of {MAX_ELEMENTS:,} elements, {MAX_DEPTH} levels and "
                f"{MAX_ATTRIBUTES} attributes of one element",
                part=part,
            )
    # With entities off, a reference the parser could not resolve stays as a node of its own.
    if next(root.iter(etree.Entity), None) is not None:
        raise MalformedContent(f"{subject} refers to an entity that is not of XML itself", part=part)


def _offset(data: bytes, exc: Exception) -> int | None:
    """Byte offset of a syntax error from its line and column, as near as the parser tells."""
    line, column = getattr(exc, "position", (0, 0))
    if not line:
        return None
    at = 0
    # the parser counts lines and columns, callers count bytes
    for _ in range(line - 1):
        at = data.find(b"\n", at) + 1
    return min(at + max(column - 1, 0), len(data))
