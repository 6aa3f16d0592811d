"""The values of MM7, and the table of its operations: one row an element, in schema order (3GPP TS 23.140, 8.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmscontent.message import Content
from mmscontent.pack.mm7.nodes import Node


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
    """An answer's status; statuses.py says what a code means."""

    code: int
    text: str = ""
    details: str = ""


Value = str | bool | Address | SenderIdentification | Status | Node | tuple[Mm7Recipient, ...]

# Kinds: text, yes (a boolean), address, recipients, sender, status, attributes (an element whose attributes count),
# content (the reference to the body). MM7Version is an attribute of the message, TransactionID stands in the header.
_STATUS = (("Status", "status"),)
_APPLIC = (("ApplicID", "text"), ("ReplyApplicID", "text"), ("AuxApplicInfo", "text"))
OPERATIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        name: MappingProxyType(dict(rows))
        for name, rows in {
            # VASP to relay: a message for recipients
            "SubmitReq": (
                *(("SenderIdentification", "sender"), ("Recipients", "recipients"), ("ServiceCode", "text")),
                *(("LinkedID", "text"), ("MessageClass", "text"), ("TimeStamp", "text")),
                *(("ReplyCharging", "attributes"), ("EarliestDeliveryTime", "text"), ("ExpiryDate", "text")),
                *(("DeliveryReport", "yes"), ("ReadReply", "yes"), ("Priority", "text"), ("Subject", "text")),
                *(("ChargedParty", "text"), ("ChargedPartyID", "text"), ("DistributionIndicator", "yes")),
                *(("DeliveryCondition", "attributes"), *_APPLIC, ("ContentClass", "text"), ("DRMContent", "yes")),
                ("Content", "content"),
            ),
            # relay to VASP: taken or not, and the id that reports will name
            "SubmitRsp": (*_STATUS, ("MessageID", "text"), *_APPLIC),
            # relay to VASP: a message from a phone; LinkedID is what an answer refers to
            "DeliverReq": (
                *(("MMSRelayServerID", "text"), ("VASPID", "text"), ("VASID", "text"), ("LinkedID", "text")),
                *(("Sender", "address"), ("SenderSPI", "text"), ("Recipients", "recipients")),
                *(("RecipientSPI", "text"), ("TimeStamp", "text"), ("ReplyChargingID", "text")),
                *(("Priority", "text"), ("Subject", "text"), *_APPLIC, ("UACapabilities", "attributes")),
                ("Content", "content"),
            ),
            # VASP to relay; ServiceCode may charge the sender
            "DeliverRsp": (*_STATUS, ("ServiceCode", "text")),
            # VASP to relay: a message that was not delivered yet is withdrawn
            "CancelReq": (("SenderIdentification", "sender"), ("MessageID", "text"), *_APPLIC),
            "CancelRsp": _STATUS,
            # the same by a CancelID, which may stand for several messages
            "extendedCancelReq": (("SenderIdentification", "sender"), ("CancelID", "text")),
            "extendedCancelRsp": _STATUS,
            # VASP to relay: other content for a message that was not delivered yet
            "ReplaceReq": (
                *(("SenderIdentification", "sender"), ("MessageID", "text"), ("ServiceCode", "text")),
                *(("TimeStamp", "text"), ("ReadReply", "yes"), ("EarliestDeliveryTime", "text")),
                *(("DistributionIndicator", "yes"), *_APPLIC, ("Content", "content")),
            ),
            "ReplaceRsp": _STATUS,
            # the same by a ReplaceID
            "extendedReplaceReq": (
                *(("SenderIdentification", "sender"), ("ReplaceID", "text"), ("ServiceCode", "text")),
                *(("TimeStamp", "text"), ("ExpiryDate", "text"), ("ReadReply", "yes"), ("DeliveryReport", "yes")),
                *(("EarliestDeliveryTime", "text"), ("DistributionIndicator", "yes"), ("Content", "content")),
            ),
            "extendedReplaceRsp": _STATUS,
            # relay to VASP: what became of the message at one recipient
            "DeliveryReportReq": (
                *(("MMSRelayServerID", "text"), ("MessageID", "text"), ("Recipient", "address")),
                *(("Sender", "address"), ("Date", "text"), ("MMStatus", "text"), ("MMStatusExtension", "text")),
                *(("StatusText", "text"), *_APPLIC, ("UACapabilities", "attributes")),
            ),
            "DeliveryReportRsp": _STATUS,
            # relay to VASP: read, or deleted without being read
            "ReadReplyReq": (
                *(("MMSRelayServerID", "text"), ("MessageID", "text"), ("Recipient", "address")),
                *(("Sender", "address"), ("TimeStamp", "text"), ("MMStatus", "text"), ("StatusText", "text"), *_APPLIC),
            ),
            "ReadReplyRsp": _STATUS,
            # errors of the relay and of the VASP, inside the detail of a SOAP fault
            "RSErrorRsp": _STATUS,
            "VASPErrorRsp": _STATUS,
            # SOAP 1.1 section 4.4: a fault without anything of MM7 in it
            "Fault": (("faultcode", "text"), ("faultstring", "text")),
        }.items()
    }
)


def element_kind(operation: str, name: str) -> str:
    """The kind of an element of an operation; `node` for one the table does not know."""
    return OPERATIONS[operation].get(name, "node")


@dataclass(frozen=True, slots=True)
class Mm7:
    """One MM7 message.

    Attributes:
        operation: Name of the element in the SOAP body, `SubmitReq` and so on; `Fault` for a fault of SOAP itself.
        fields: (element, value), in schema order; elements the schema does not know are `Node` values at the end.
        version, namespace: As read, or "" to take the peer's; they are independent of each other.
        content: Presentation and parts, where the operation carries them.
        allow_adaptations: Whether the other side may change the content; None says nothing.
    """

    operation: str
    transaction_id: str = ""
    fields: tuple[tuple[str, Value], ...] = ()
    content: Content | None = None
    allow_adaptations: bool | None = None
    version: str = ""
    namespace: str = ""

    def __post_init__(self) -> None:
        rows = OPERATIONS.get(self.operation)
        if rows is None:
            raise ValueError(f"{self.operation!r} is no operation of MM7: {', '.join(OPERATIONS)}")
        # the XML schema asks for a sequence, so that elements have one order
        order = {name: at for at, name in enumerate(rows)}
        ordered = sorted(self.fields, key=lambda row: order.get(row[0], len(order)))
        object.__setattr__(self, "fields", tuple(ordered))

    def get(self, name: str) -> Value | None:
        """The first value of an element, or None."""
        return next((value for key, value in self.fields if key == name), None)

    @property
    def status(self) -> Status | None:
        """The status of an answer."""
        found = self.get("Status")
        return found if isinstance(found, Status) else None
