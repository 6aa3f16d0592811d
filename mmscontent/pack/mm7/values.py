"""The kinds of MM7 element values: each reads a Node and writes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mmscontent.pack.mm7.model import Address, Mm7Recipient, SenderIdentification, Status
from mmscontent.pack.mm7.nodes import Node
from mmscontent.pack.mm7.peers import quirk

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
    # as they are written: all To, all Cc, all Bcc
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
# digits
_MAX_STATUS = 4


def _read_status(node: Node, _: Notes) -> Status | None:
    code = node.child_text("StatusCode")
    if not (code.isascii() and code.isdecimal() and len(code) <= _MAX_STATUS):
        return None
    # 8.7: Details may hold elements of any kind; their text is kept
    details = node.child("Details")
    return Status(int(code), node.child_text("StatusText"), _all_text(details) if details is not None else "")


def _all_text(node: Node) -> str:
    return " ".join(filter(None, (node.text, *(_all_text(child) for child in node.children))))


def _write_status(name: str, status: Status) -> Node:
    rows = (("StatusCode", str(status.code)), ("StatusText", status.text), ("Details", status.details))
    return Node(name, children=tuple(Node(key, text) for key, text in rows if text))


def _read_attributes(node: Node, _: Notes) -> Node:
    return node


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
        "attributes": ElementCodec(_read_attributes, lambda _, node: node),
        "node": ElementCodec(_read_attributes, lambda _, node: node),
    }
)
