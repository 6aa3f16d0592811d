"""Somebody's own presentation kept, with its sources following parts that have other names now.

Nothing else of the document changes but its encoding: it is written as UTF-8 without a declaration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from mmscontent.smil.parsed_input import parse_input
from mmscontent.smil.read import is_medium
from mmscontent.smil.resolve import find_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmscontent.message import Part
    from mmscontent.profiles.model import SmilRule

__all__ = ["rename_sources"]


def rename_sources(data: bytes, before: Sequence[Part], after: Sequence[Part], rule: SmilRule) -> bytes:
    """The document with every source that named one of the old parts naming the new one.

    Args:
        data: A SMIL document, of any handset's making.
        before: The parts as the document knows them.
        after: The same parts in the same order under their new names.
        rule: Whether the receiver follows Content-Locations or Content-IDs.

    Raises:
        MalformedContent, OverLimits: It cannot be read at all.
    """
    from lxml import etree  # noqa: PLC0415 - an engine

    root = parse_input(data).root
    for element in root.iter(etree.Element):
        if not is_medium(element):
            continue
        key = next((k for k in element.attrib if str(k).rpartition("}")[2].lower() == "src"), None)
        found = find_part(str(element.attrib[key]).strip(), before) if key is not None else None
        if key is not None and found is not None:
            element.attrib[key] = _source(after[found.index], rule)
    return etree.tostring(root, encoding="utf-8", xml_declaration=False)


def _source(part: Part, rule: SmilRule) -> str:
    return part.content_location if rule.src == "location" else f"cid:{quote(part.content_id, safe='@!$*+._~-')}"
