"""The elements of MM7: XML as plain values, and how each kind of element is read from a node and written to one.

A node is free of namespaces, prefixes and the parser's types.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mmscontent.pack.common import printable
from mmscontent.pack.mm7.peers import quirk

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


# --- values --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """An address: form is `Number`, `RFC2822Address` or `ShortCode`, the value stands as on the wire."""

    form: str
    value: str
    display_only: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Mm7Recipient:
    """An address and its role: `To`, `Cc` or `Bcc`."""

    role: str
    address: Address


@dataclass(frozen=True, slots=True)
class SenderIdentification:
    """Who submits: the ids the operator gave, and the address shown."""

    vasp_id: str = ""
    vas_id: str = ""
    relay_id: str = ""
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """An answer's status; `status_row` says what a code means."""

    code: int
    text: str = ""
    details: str = ""


Value = str | bool | Address | SenderIdentification | Status | Node | tuple[Mm7Recipient, ...]


# --- kinds ---------------------------------------------------------------------------------------------------------

Notes = list[str]
FORMS = ("Number", "RFC2822Address", "ShortCode")
ROLES = ("To", "Cc", "Bcc")
_YES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class ElementCodec:
    """How one kind of element is read and written; a reader gives None for what it cannot make out."""

    read: Callable[[Node, Notes], Any]
    write: Callable[[str, Any], Node]


def read_yes(text: str, notes: Notes, where: str) -> bool | None:
    """A boolean in any spelling seen, or None."""
    # XML Schema part 2 section 3.2.2: boolean = true | false | 1 | 0
    if text not in ("true", "false", "1", "0"):
        notes.append(quirk("odd-boolean", f"{where} is {text!r}"))
    return _YES.get(text.strip().lower())


def _read_text(node: Node, _: Notes) -> str | None:
    return None if node.children else node.text


def _one_address(node: Node, notes: Notes) -> Address | None:
    """The address a Number, RFC2822Address or ShortCode element holds."""
    # names of elements are matched without regard to case: instantcom and others vary them
    form = next((f for f in FORMS if f.lower() == node.name.lower()), None)
    if form is None or node.children:
        return None
    # 8.7: an address that is displayed only, and not sent to
    stated = node.attribute("displayOnly")
    only = bool(read_yes(stated, notes, "displayOnly")) if stated else False
    return Address(form, node.text, only, node.attribute("id"))


def _read_address(node: Node, notes: Notes) -> Address | None:
    """The address in a Sender, Recipient or SenderAddress; without an inner element its text decides the form."""
    # QUIRK: the address as text of the element itself, without the inner element the schema wants
    found = next((a for child in node.children if (a := _one_address(child, notes))), None)
    if found is None and node.text:
        return Address("RFC2822Address" if "@" in node.text else "Number", node.text)
    return found


def _address_node(address: Address) -> Node:
    # attributes are written only where they say something
    rows = (("displayOnly", "true" if address.display_only else ""), ("id", address.id))
    return Node(address.form, address.value, tuple(row for row in rows if row[1]))


def _write_address(name: str, address: Address) -> Node:
    return Node(name, children=(_address_node(address),))


def _read_recipients(node: Node, notes: Notes) -> tuple[Mm7Recipient, ...]:
    found: list[Mm7Recipient] = []
    for group in node.children:
        # 8.7: Recipients = To*, Cc*, Bcc*, each with addresses
        role = next((r for r in ROLES if r.lower() == group.name.lower()), None)
        for child in group.children if role else ():
            address = _one_address(child, notes)
            if role and address is not None:
                found.append(Mm7Recipient(role, address))
    # the same recipient twice is one delivery for some peers and two for others
    if len({(r.role, r.address.value) for r in found}) < len(found):
        notes.append(quirk("same-recipient"))
    # To, Cc and Bcc may stand in any order on the wire; equal messages are equal values
    return tuple(sorted(found, key=lambda r: ROLES.index(r.role)))


def _write_recipients(name: str, recipients: tuple[Mm7Recipient, ...]) -> Node:
    groups = ((role, tuple(_address_node(r.address) for r in recipients if r.role == role)) for role in ROLES)
    return Node(name, children=tuple(Node(role, children=nodes) for role, nodes in groups if nodes))


def _read_sender(node: Node, notes: Notes) -> SenderIdentification:
    # 8.7: SenderIdentification = MMSRelayServerID? VASPID? VASID? SenderAddress?
    vasp = [child.text for child in node.children if child.name.lower() == "vaspid"]
    vas = node.child_text("VASID")
    if len(vasp) > 1 and not vas:
        notes.append(quirk("vasp-id-twice"))
        vas = vasp[1]
    stated = node.child("SenderAddress")
    address = _read_address(stated, notes) if stated is not None else None
    return SenderIdentification(vasp[0] if vasp else "", vas, node.child_text("MMSRelayServerID"), address)


def _write_sender(name: str, sender: SenderIdentification) -> Node:
    ids = (("MMSRelayServerID", sender.relay_id), ("VASPID", sender.vasp_id), ("VASID", sender.vas_id))
    # the order of the schema; ids that are not set are left out
    children = tuple(Node(key, text) for key, text in ids if text)
    if sender.address is not None:
        children += (_write_address("SenderAddress", sender.address),)
    return Node(name, children=children)


# 8.7: the status codes have four digits
_MAX_STATUS_DIGITS = 4


def _read_status(node: Node, _: Notes) -> Status | None:
    code = node.child_text("StatusCode")
    if not (code.isascii() and code.isdecimal() and len(code) <= _MAX_STATUS_DIGITS):
        return None
    # 8.7: Details may hold elements of any kind; their text is kept
    details = node.child("Details")
    return Status(int(code), node.child_text("StatusText"), _all_text(details) if details is not None else "")


def _all_text(node: Node) -> str:
    return " ".join(filter(None, (node.text, *(_all_text(child) for child in node.children))))


def _write_status(name: str, status: Status) -> Node:
    rows = (("StatusCode", str(status.code)), ("StatusText", status.text), ("Details", status.details))
    return Node(name, children=tuple(Node(key, text) for key, text in rows if text))


# an element whose attributes count is its own value
_NODE = ElementCodec(lambda node, _: node, lambda _, node: node)

ELEMENT_CODECS: Mapping[str, ElementCodec] = MappingProxyType(
    {
        "text": ElementCodec(_read_text, Node),
        "yes": ElementCodec(
            lambda node, notes: read_yes(node.text, notes, node.name),
            lambda name, yes: Node(name, "true" if yes else "false"),
        ),
        "address": ElementCodec(_read_address, _write_address),
        "recipients": ElementCodec(_read_recipients, _write_recipients),
        "sender": ElementCodec(_read_sender, _write_sender),
        "status": ElementCodec(_read_status, _write_status),
        "attributes": _NODE,
        "node": _NODE,
    }
)
