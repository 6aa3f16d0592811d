"""MM7 dialects of operators that are written, and quirks of their messages that are read: one row each.

Version and namespace belong to the peer and never follow from each other: both were seen in every combination.
Sources: 3GPP TS 23.140; vendors' pages and samples, named in the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

# the releases differ in the last part of the URI only
NAMESPACE = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"


@dataclass(frozen=True, slots=True)
class Mm7Peer:
    """A dialect of MM7, and the ids an operator gave us.

    Attributes:
        version: Text of MM7Version.
        namespace: URI of the MM7 elements.
        prefix: Prefix of the MM7 elements; "" declares the namespace as default.
        numbers: How a phone number is written: `plus` (+1206…), `digits` (1206…) or `typed` (+1206…/TYPE=PLMN).
        binary: Bodies go as they are; otherwise as base64.
        bare_href: Content href without `cid:`.
        leaves_out: Elements the peer answers with an error.
        max_recipients: More in one SubmitReq are refused here; 0 means any number.
    """

    name: str = "3gpp"
    version: str = "6.8.0"
    namespace: str = f"{NAMESPACE}REL-6-MM7-1-4"
    prefix: str = ""
    vasp_id: str = ""
    vas_id: str = ""
    numbers: Literal["plus", "digits", "typed"] = "plus"
    binary: bool = False
    bare_href: bool = False
    leaves_out: frozenset[str] = frozenset()
    max_recipients: int = 0


# Release 6, which Sinch and Nokia's MMSC 5.0 speak
DEFAULT_PEER = Mm7Peer()
PEERS: Mapping[str, Mm7Peer] = MappingProxyType(
    {
        row.name: row
        for row in (
            DEFAULT_PEER,
            # mbuni's default, vectorcore
            Mm7Peer("rel5", "5.3.0", f"{NAMESPACE}REL-5-MM7-1-0"),
            # SKT and KT samples, several Java stacks
            Mm7Peer("rel5-2", "5.3.0", f"{NAMESPACE}REL-5-MM7-1-2"),
            Mm7Peer("rel5-3", "5.6.0", f"{NAMESPACE}REL-5-MM7-1-3"),
            # Nokia MMSC 5.0
            Mm7Peer("nokia", numbers="typed", prefix="mm7"),
            # Sinch's MM7 pages: no plus, one recipient (2503), charging elements are errors
            Mm7Peer(
                "sinch",
                numbers="digits",
                leaves_out=frozenset({"ChargedParty", "ChargedPartyID", "ReplyCharging"}),
                max_recipients=1,
            ),
            # peers that take 8-bit bodies over HTTP
            Mm7Peer("8bit", binary=True),
        )
    }
)

# What others send against the specification; reading goes on, and the sentence becomes a note.
QUIRKS: Mapping[str, str] = MappingProxyType(
    {
        # Sinch submit sample
        "no-namespace": "the MM7 elements stand in no MM7 namespace",
        # Sinch
        "not-well-formed": "the SOAP part is not well-formed XML and was read as far as it goes",
        # Sinch delivery report
        "no-boundary": "labelled multipart but is a bare SOAP envelope",
        # KT
        "root-not-first": "the SOAP part is not the first, or not the one start names",
        "content-missing": "the Content element refers to a part, but the message has none",
        # mbuni does so
        "href-missing": "the Content element names no part; the first that is not SOAP is taken",
        "href-unmatched": "the Content element names a part that is not there; the first other is taken",
        # JavaMail-based MMSCs
        "href-without-cid": "the Content element's href has no cid:",
        # Sinch MO sample
        "id-without-brackets": "the content part's Content-ID has no angle brackets",
        "extra-parts": "parts beside the one the Content element names are taken as well",
        # instantcom fault_02
        "qualified-fault": "the children of the SOAP fault are namespace-qualified",
        # Korean operators
        "error-outside-fault": "the error response stands outside a SOAP fault",
        # instantcom writes EarlistDeliveryTime
        "misspelt-element": "an element's name is misspelt",
        # Java's True and False
        "odd-boolean": "a boolean is written neither true nor false",
        # TransactionID in 23.140's own samples
        "spaced-text": "a value has white space around it",
        "twice": "an element that may stand once stands twice; the first counts",
        # Sinch submit sample
        "vasp-id-twice": "VASPID stands twice; the second is taken as VASID",
        "unknown-element": "an element the schema does not know is kept as it is",
        "unknown-content-id": "the content part has no Content-ID",
        "same-recipient": "a recipient stands twice",
    }
)


def quirk(name: str, detail: str = "") -> str:
    """The note of a quirk."""
    return f"{QUIRKS[name]}: {detail}" if detail else QUIRKS[name]
