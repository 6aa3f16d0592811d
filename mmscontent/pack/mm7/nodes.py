"""XML as plain values: what MM7 needs of an element, free of namespaces, prefixes and the parser's types."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent.pack.header_values import printable

if TYPE_CHECKING:
    from lxml import etree

# what libxml2 takes for a name is wider; nobody uses more
_NAME = re.compile(r"[^\W\d][\w.\-]*")


@dataclass(frozen=True, slots=True)
class Node:
    """An element by its local name, with its own text (trimmed), attributes and child elements."""

    name: str
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Node, ...] = ()

    def attribute(self, name: str) -> str:
        """An attribute by its name in any case, or ""."""
        return next((value for key, value in self.attributes if key.lower() == name.lower()), "")

    def child(self, name: str) -> Node | None:
        """The first child of that name in any case, or None."""
        return next((node for node in self.children if node.name.lower() == name.lower()), None)

    def child_text(self, name: str) -> str:
        """The text of that child, or ""."""
        node = self.child(name)
        return node.text if node is not None else ""


def local_name(tag: str) -> str:
    """A name without its namespace, and without a prefix nobody declared."""
    # QUIRK: a prefix that nobody declared; the parser in recovery leaves it in the name
    return tag.rpartition("}")[2].strip(":").rpartition(":")[2]


def from_element(element: etree._Element) -> Node:
    """An element and all in it; how deep it may be is the parser's business (mmscontent.xml_parser)."""
    return Node(
        # namespaces are dropped: peers use that of any release, and some none (quirk no-namespace)
        local_name(str(element.tag)),
        printable(element.text or "").strip(),
        tuple(_attributes(element).items()),
        tuple(from_element(child) for child in element if isinstance(child.tag, str)),
    )


def _attributes(element: etree._Element) -> dict[str, str]:
    """Attributes by local name; two may differ in their namespace alone, and the first of a name counts."""
    found: dict[str, str] = {}
    for key, value in element.attrib.items():
        found.setdefault(local_name(str(key)), printable(str(value)))
    return found


def to_text(node: Node, prefix: str = "", namespace: str = "") -> str:
    """The element as XML; *namespace* is declared on it, children stand in it by the same prefix.

    Raises:
        ValueError: The element or an attribute has a name XML does not allow.
    """
    # the caller names the elements that the schema does not know, so the names are checked
    for name in (node.name, *(key.removeprefix("env:") for key, _ in node.attributes)):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of an element or attribute")
    tag = f"{prefix}:{node.name}" if prefix else node.name
    # declared once, on the message element; MM7Version and the rest inherit it
    declared = f' xmlns{":" + prefix if prefix else ""}="{_escape(namespace)}"' if namespace else ""
    attributes = "".join(f' {name}="{_escape(value)}"' for name, value in node.attributes)
    inside = _escape(node.text) + "".join(to_text(child, prefix) for child in node.children)
    return f"<{tag}{declared}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{declared}{attributes}/>"


def _escape(text: str) -> str:
    """Text that XML 1.0 can carry: control characters and non-characters go (section 2.2)."""
    return html.escape(printable(text).replace("\ufffe", "").replace("\uffff", ""))
