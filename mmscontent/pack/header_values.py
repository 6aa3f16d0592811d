"""Values of header fields that all wire forms share: addresses, printable text, and the last date a header can hold.

An envelope has `+12065550100`, `12345`, `ada@example.org`; PDU and MM4 write `+12065550100/TYPE=PLMN`, a mail wants
a domain as well. Source: OMA-TS-MMS_ENC 1.3 section 8.
"""

from __future__ import annotations

import re
import unicodedata

# the last second of the year 9999: RFC 5322 section 3.3 writes four digits
MAX_DATE_S = 253_402_300_799


def printable(text: str) -> str:
    """The text with a space in place of each control character, for values that may not hold a line break."""
    # nearly every value; printable by Unicode, so that letters of any language stay
    if text.isprintable():
        return text
    # Cc control, Cs lone surrogate, Zl and Zp line and paragraph separator
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


# RFC 2606: never resolves, so that a message mailed by mistake reaches nobody.
PHONE_DOMAIN = "mms.invalid"
# short codes have three to six
_PHONE_DIGITS = 7
_PHONE = re.compile(r"\+?[0-9][0-9().\- ]{5,}")
# RFC 5322 section 3.4: name-addr = [display-name] angle-addr
# a mailbox with a name before it, as some MMSCs write senders
_NAMED = re.compile(r"[^<>]*<([^<>\s]+)>")
# ENC section 8: a number carries /TYPE=PLMN; MM4 and MM3 put a domain behind that
_TYPED = re.compile(r"(.+?)/TYPE=(PLMN)(@[^@]*)?", re.IGNORECASE)


def is_phone_number(address: str) -> bool:
    """Whether it is a number a phone has: a plus, or at least seven digits; short codes are not."""
    return address.startswith("+") or (
        _PHONE.fullmatch(address) is not None and sum(map(str.isdigit, address)) >= _PHONE_DIGITS
    )


def is_email(address: str) -> bool:
    """Whether it has a local part and a domain."""
    local, _, domain = address.rpartition("@")
    return bool(local and domain)


def to_wire(address: str) -> str:
    """The address as PDU fields write it: numbers with their type, everything else as it is."""
    # ENC section 8: e-mail addresses go as RFC 5322 mailboxes, short codes as they are
    return f"{address}/TYPE=PLMN" if is_phone_number(address) and "/TYPE=" not in address.upper() else address


def from_wire(address: str) -> str:
    """The plain form of what stands in a field; the domain of a typed number or of ours is dropped."""
    address = address.strip()
    named = _NAMED.fullmatch(address)
    if named:
        address = named[1]
    typed = _TYPED.fullmatch(address)
    # /TYPE=IPv4 and /TYPE=IPv6 stay as they are: they are not numbers
    if typed:
        return typed[1].strip()
    local, at, domain = address.rpartition("@")
    # RFC 5322 section 3.4.1: a local part that is no dot-atom is a quoted-string; section 3.2.1: a
    # backslash quotes one sign
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
        address = f"{local}@{domain}"
    # our own domain says only that the address is a number or a short code
    return local if at and domain.lower() == PHONE_DOMAIN else address
