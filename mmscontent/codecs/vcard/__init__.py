"""The codec of contacts: reads vCard 2.1, 3.0 and 4.0, writes the version the receiver opens, shrinks photos to fit."""

from __future__ import annotations

from mmscontent.codecs.vcard.source import ContactSource, verify

__all__ = ["ContactSource", "verify"]
