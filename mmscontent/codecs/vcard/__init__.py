"""Contacts: vCard 2.1, 3.0 and 4.0 in, the version the receiver opens out, photos shrunk to fit.

cards (the file as values) < write (a version, and what it cannot carry) and photo < source (the codec).
"""

from __future__ import annotations

from mmscontent.codecs.vcard.source import ContactSource, verify

__all__ = ["ContactSource", "verify"]
