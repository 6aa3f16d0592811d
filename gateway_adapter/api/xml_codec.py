"""The XML form of bodies: the same members as in JSON, a list as its name repeated.

Read without DTD, entities and network; written for readers that know only elements and text.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from gateway_adapter.api.errors import invalid_field

_MAX_DEPTH = 12


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )


def from_xml(body: bytes, root: str, lists: frozenset[str]) -> dict[str, object]:
    """An XML body as nested mappings of text.

    Args:
        body: The document.
        root: Local name of its root element.
        lists: Members that are lists even when they stand once.

    Raises:
        InvalidRequest: It is not XML, has a DTD, is nested deeper than any request, or its root has another name.
    """
    try:
        tree = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise invalid_field("", f"the body is not XML: {exc}") from exc
    # A DTD may define entities that expand without bound
    info = tree.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None:
        raise invalid_field("", "a document type declaration is not allowed")
    if etree.QName(tree).localname != root:
        raise invalid_field("", f"the root element is {etree.QName(tree).localname!r}, not {root!r}")
    return _members(tree, lists, 0)


def _members(element: etree._Element, lists: frozenset[str], depth: int) -> dict[str, object]:
    if depth > _MAX_DEPTH:
        raise invalid_field("", f"elements are nested deeper than {_MAX_DEPTH}")
    found: dict[str, object] = {}
    for child in element:
        name = etree.QName(child).localname
        if name in lists:
            items = found.setdefault(name, [])
            assert isinstance(items, list)
            items.extend(_value(item, lists, depth) for item in _items(child, name))
        else:
            found[name] = _value(child, lists, depth)
    return found


def _items(element: etree._Element, name: str) -> list[etree._Element]:
    """A list's items: its children where they repeat its name, else the element is an item itself."""
    # <destinations><destinations>…</destinations></destinations> and repeated <destinations> are the same list
    children = list(element)
    wrapped = bool(children) and all(etree.QName(child).localname == name for child in children)
    return children if wrapped else [element]


def _value(element: etree._Element, lists: frozenset[str], depth: int) -> object:
    if len(element):
        return _members(element, lists, depth + 1)
    return element.text or ""


def to_xml(root: str, value: Mapping[str, object], *, items: Mapping[str, str] | None = None) -> bytes:
    """Nested mappings, lists and values as an XML document.

    Args:
        root: Name of the root element.
        value: What stands in it; None is left out.
        items: What the items of a list are called, by the list's name; its own name where none is given.
    """
    top = etree.Element(root)
    _fill(top, value, items or {})
    return etree.tostring(top, xml_declaration=True, encoding="UTF-8")


def _fill(element: etree._Element, value: object, items: Mapping[str, str]) -> None:
    # A None is an absent element, as an absent member is in JSON
    if isinstance(value, dict):
        for name, inner in value.items():
            if inner is not None:
                _fill(etree.SubElement(element, name), inner, items)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _fill(etree.SubElement(element, items.get(str(element.tag), str(element.tag))), inner, items)
    # XML Schema writes booleans in lower case
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    else:
        element.text = _allowed(str(value))


_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd")


def _allowed(text: str) -> str:
    """Text without the characters XML 1.0 can not hold (section 2.2), each replaced by U+FFFD."""
    return text.translate(_CONTROLS)
