"""Rewrites the sources of a sender's own presentation after its parts were renamed.

Nothing else of the document changes but its encoding: it is written as UTF-8 without a declaration.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from mmscontent.message import Part
from mmscontent.profiles.model import SmilRule
from mmscontent.smil.parsed_input import parse_input
from mmscontent.smil.read import is_medium
from mmscontent.smil.resolve import find_part


def rename_sources(data: bytes, before: Sequence[Part], after: Sequence[Part], rule: SmilRule | None = None) -> bytes:
    """Return the document with every source pointed at the new name of its part.

    Args:
        data: A SMIL document, of any handset's making.
        before: The parts as the document knows them.
        after: The same parts in the same order under their new names.
        rule: Whether the receiver follows Content-Locations or Content-IDs; None keeps the way of each source.

    Raises:
        MalformedContent, OverLimits: It cannot be read at all.
    """
    from lxml import etree  # noqa: PLC0415 - an engine

    root = parse_input(data).root
    for element in root.iter(etree.Element):
        if not is_medium(element):
            continue
        # the attribute keeps its namespace and case; only its value is written
        key = next((k for k in element.attrib if str(k).rpartition("}")[2].lower() == "src"), None)
        if key is None:
            continue
        source = str(element.attrib[key]).strip()
        found = find_part(source, before)
        if found is not None:
            by_id = rule.src == "cid" if rule is not None else source[:4].lower() == "cid:"
            element.attrib[key] = _source(after[found.index], by_id=by_id)
    return etree.tostring(root, encoding="utf-8", xml_declaration=False)


def _source(part: Part, *, by_id: bool) -> str:
    # RFC 2392 section 2: a cid URL is the Content-ID without its brackets, percent-encoded
    return f"cid:{quote(part.content_id, safe='@!$*+._~-')}" if by_id else part.content_location
