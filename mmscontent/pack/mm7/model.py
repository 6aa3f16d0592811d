"""One MM7 message, the table of its operations (3GPP TS 23.140, 8.7), and the status codes of its answers.

An operation has one row an element, in schema order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mmscontent.message import Content
from mmscontent.pack.mm7.elements import Status, Value

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


# --- status codes (section 8.7.8.4), and whether trying again makes sense: one row a code --------------------------

# done: it was taken · fix: the same request fails again · later: the other side is in trouble · route: our account
# or the interface must be put right first
Retry = Literal["done", "fix", "later", "route"]


@dataclass(frozen=True, slots=True)
class Mm7StatusCode:
    """One status code."""

    code: int
    text: str
    retry: Retry


_ROWS = (
    # class 1: success
    Mm7StatusCode(1000, "Success", "done"),
    Mm7StatusCode(1100, "Partial success", "done"),
    # class 2: the request is at fault; it fails again as it is
    Mm7StatusCode(2000, "Client error", "fix"),
    # our account may not do this, whatever the message
    Mm7StatusCode(2001, "Operation restricted", "route"),
    Mm7StatusCode(2002, "Address error", "fix"),
    Mm7StatusCode(2003, "Address not found", "fix"),
    Mm7StatusCode(2004, "Multimedia content refused", "fix"),
    Mm7StatusCode(2005, "Message ID not found", "fix"),
    Mm7StatusCode(2006, "LinkedID not found", "fix"),
    Mm7StatusCode(2007, "Message format corrupt", "fix"),
    Mm7StatusCode(2008, "Application ID not found", "fix"),
    Mm7StatusCode(2009, "Reply application ID not found", "fix"),
    # class 3: the server cannot do what is asked
    Mm7StatusCode(3000, "Server error", "later"),
    Mm7StatusCode(3001, "Not possible", "fix"),
    Mm7StatusCode(3002, "Message rejected", "fix"),
    Mm7StatusCode(3003, "Multiple addresses not supported", "fix"),
    Mm7StatusCode(3004, "Application addressing not supported", "fix"),
    # class 4: the service refuses or fails
    Mm7StatusCode(4000, "General service error", "later"),
    Mm7StatusCode(4001, "Improper identification", "route"),
    Mm7StatusCode(4002, "Unsupported version", "route"),
    Mm7StatusCode(4003, "Unsupported operation", "route"),
    Mm7StatusCode(4004, "Validation error", "fix"),
    # the operator's own trouble: the same message may pass later
    Mm7StatusCode(4005, "Service error", "later"),
    Mm7StatusCode(4006, "Service unavailable", "later"),
    Mm7StatusCode(4007, "Service denied", "route"),
    Mm7StatusCode(4008, "Application denied", "route"),
    # vendors' own, seen in Sinch's and Korean operators' pages
    Mm7StatusCode(2503, "Multiple recipients not supported", "fix"),
    Mm7StatusCode(2560, "Message too large", "fix"),
    Mm7StatusCode(3510, "Throughput exceeded", "later"),
    Mm7StatusCode(6102, "Operator restricted", "route"),
)
STATUSES: Mapping[int, Mm7StatusCode] = MappingProxyType({row.code: row for row in _ROWS})

# 8.7.8.4: what a code means that is not in the table
_CLASSES: Mapping[int, tuple[str, Retry]] = MappingProxyType(
    {1: ("Success", "done"), 2: ("Client error", "fix"), 3: ("Server error", "later"), 4: ("Service error", "later")}
)


def status_row(code: int) -> Mm7StatusCode:
    """The row of a status code; one that is not in the table is judged by its first digit, as 23.140 asks."""
    # 8.7.8.4: the first digit is the class; a code of a vendor is handled like its class
    text, retry = _CLASSES.get(code // 1000, ("Unknown status", "fix"))
    return STATUSES.get(code) or Mm7StatusCode(code, text, retry)
