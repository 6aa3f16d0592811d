"""The statuses and errors of messages, one row each, and one table that maps this gateway's exceptions to them.

Ids and names are those of Infobip's list of response statuses and error codes (families general and MMS), so that a
customer's system reads them as before; the descriptions are ours. The groups of the 15xxx errors are ours too: the list
has none, and clients accept only the four of `GROUPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import mmscontent as mms
from gateway_adapter.errors import GatewayError, Refused, Throttled, Unreachable

STATUS_GROUPS: Mapping[int, str] = MappingProxyType(
    {0: "ACCEPTED", 1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}
)
FINAL_GROUPS = frozenset({2, 3, 4, 5})
# Clients reject any other name than these four.
GROUPS: Mapping[int, str] = MappingProxyType({0: "OK", 1: "HANDSET_ERRORS", 2: "USER_ERRORS", 3: "OPERATOR_ERRORS"})
_OK, _HANDSET, _USER, _OPERATOR = GROUPS


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """A status of a message."""

    id: int
    group: int
    name: str
    description: str

    @property
    def group_name(self) -> str:
        """The group's name."""
        return STATUS_GROUPS[self.group]


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The reason for a status; *permanent*: the same message would fail again later."""

    id: int
    group: int
    name: str
    permanent: bool
    description: str

    @property
    def group_name(self) -> str:
        """The group's name, one of the four that clients accept."""
        return GROUPS[self.group]


# id, group, name, description.
_STATUS_ROWS = (
    MessageStatus(3, 1, "PENDING_WAITING_DELIVERY", "Message sent to the operator, waiting for its delivery report"),
    MessageStatus(7, 1, "PENDING_ENROUTE", "Message handed to the operator"),
    MessageStatus(26, 1, "PENDING_ACCEPTED", "Message sent to next instance"),
    MessageStatus(4, 2, "UNDELIVERABLE_REJECTED_OPERATOR", "Message rejected by the operator"),
    MessageStatus(9, 2, "UNDELIVERABLE_NOT_DELIVERED", "Message sent but not delivered"),
    MessageStatus(31, 2, "UNDELIVERABLE_NOT_SENT", "Message not sent"),
    MessageStatus(2, 3, "DELIVERED_TO_OPERATOR", "Message delivered to the operator"),
    MessageStatus(5, 3, "DELIVERED_TO_HANDSET", "Message delivered to handset"),
    MessageStatus(15, 4, "EXPIRED_EXPIRED", "Message expired before it was delivered"),
    MessageStatus(29, 4, "EXPIRED_DLR_UNKNOWN", "Message expired without a delivery report"),
    MessageStatus(6, 5, "REJECTED_NETWORK", "Network is not covered or not set up for the account"),
    MessageStatus(8, 5, "REJECTED_PREFIX_MISSING", "Number prefix not recognised"),
    MessageStatus(10, 5, "REJECTED_DND", "Recipient is registered as do not disturb"),
    MessageStatus(11, 5, "REJECTED_SOURCE", "Sender is not registered for the account"),
    MessageStatus(12, 5, "REJECTED_NOT_ENOUGH_CREDITS", "Account has no credit left"),
    MessageStatus(13, 5, "REJECTED_SENDER", "Sender is blocked for the account"),
    MessageStatus(14, 5, "REJECTED_DESTINATION_BLOCKLISTED", "Recipient is on a block list"),
    MessageStatus(17, 5, "REJECTED_PREPAID_PACKAGE_EXPIRED", "Account credit is past its date"),
    MessageStatus(18, 5, "REJECTED_DESTINATION_NOT_REGISTERED", "Account may only send to its registered test numbers"),
    MessageStatus(19, 5, "REJECTED_ROUTE_NOT_AVAILABLE", "No connection takes this recipient"),
    MessageStatus(20, 5, "REJECTED_FLOODING_FILTER", "Too many messages to this recipient within an hour"),
    MessageStatus(21, 5, "REJECTED_SYSTEM_ERROR", "Message not taken because of a fault of the system"),
    MessageStatus(23, 5, "REJECTED_DUPLICATE_MESSAGE_ID", "Message id was used before"),
    MessageStatus(24, 5, "REJECTED_INVALID_UDH", "User data header is malformed"),
    MessageStatus(25, 5, "REJECTED_MESSAGE_TOO_LONG", "Message is longer than the system takes"),
    MessageStatus(51, 5, "MISSING_TO", "Recipient is missing"),
    MessageStatus(52, 5, "REJECTED_DESTINATION", "Recipient is not a valid number"),
    MessageStatus(56, 5, "REJECTED_INVALID_NOTIFY_URL", "URL for the delivery report is not valid"),
    MessageStatus(77, 5, "REJECTED_MESSAGE_TEXT_TOO_LONG", "Text has more than 1600 characters"),
    # The list has this id twice, under EXPIRED and REJECTED; the later entry describes what happened.
    MessageStatus(87, 5, "SIGNALS_BLOCKED", "Message stopped as suspected fraud"),
    MessageStatus(99, 5, "REJECTED", "Message rejected"),
    MessageStatus(100, 5, "UNDELIVERABLE_REJECTED_PLATFORM", "Message malformed, or the service not available"),
)
STATUSES: Mapping[int, MessageStatus] = MappingProxyType({row.id: row for row in _STATUS_ROWS})
# The status that stands for one without a row here (an aggregator's newer one), by its group.
GENERAL_STATUS: Mapping[int, int] = MappingProxyType({0: 26, 1: 3, 2: 9, 3: 5, 4: 15, 5: 99})

# id, group, name, permanent, description.
_ERROR_ROWS = (
    (0, _OK, "NO_ERROR", False, "No error"),
    (1, _HANDSET, "EC_UNKNOWN_SUBSCRIBER", True, "Number is not in use"),
    (6, _HANDSET, "EC_ABSENT_SUBSCRIBER_SM", False, "Handset cannot be reached"),
    (27, _HANDSET, "EC_ABSENT_SUBSCRIBER", False, "Handset is off or out of coverage"),
    (32, _HANDSET, "EC_SM_DELIVERY_FAILURE", False, "Delivery to the handset failed"),
    (255, _HANDSET, "EC_UNKNOWN_ERROR", False, "Unknown error"),
    (581, _HANDSET, "EC_USER_OUT_OF_CREDIT", False, "Recipient has no credit"),
    (351, _USER, "EC_INVALID_DESTINATION_ADDRESS", False, "Recipient is not valid"),
    (355, _USER, "EC_MSG_TEXT_TOO_LONG", True, "Text is too long"),
    (368, _USER, "EC_INVALID_SOURCE_ADDRESS", True, "Sender is not valid"),
    (541, _USER, "EC_LIMIT_REACHED", False, "Operator's rate for the sender is used up"),
    (603, _USER, "EC_CONTENT_BLOCKED", True, "Recipient opted out"),
    (607, _USER, "EC_REJECTED_SPAM_BY_OPERATOR", True, "Operator took it for spam"),
    (4100, _USER, "EC_MESSAGE_CANCELED", True, "Message was cancelled before sending"),
    (4101, _USER, "EC_VALIDITY_EXPIRED", True, "Validity period ended"),
    (4103, _USER, "EC_DESTINATION_FLOODING", True, "Too many messages to the recipient"),
    (4104, _USER, "EC_DESTINATION_TXT_FLOODING", True, "Too many identical messages"),
    (4202, _USER, "EC_10DLC_LIMIT_REACHED", True, "Operator's limit for 10DLC reached"),
    (345, _OPERATOR, "EC_OPERATOR_NOT_FOUND", True, "Recipient's operator not found"),
    (561, _OPERATOR, "EC_CONTENT_BLOCKED_BY_OPERATOR", True, "Operator blocked it"),
    (569, _OPERATOR, "EC_DEST_ADDRESS_SUSPENDED", True, "Recipient is suspended"),
    (810, _OPERATOR, "EC_FAILED_MESSAGE_DELIVERY", True, "Delivery failed"),
    (811, _OPERATOR, "EC_MESSAGE_EXPIRED", True, "Expired before it reached the handset"),
    (2048, _OPERATOR, "EC_TIME_OUT", False, "Operator did not answer in time"),
    (4097, _OPERATOR, "EC_NOTSUBMITTEDTOGMSC", False, "Not handed to any operator"),
    (5492, _OPERATOR, "EC_DUPLICATE_MESSAGE", True, "Same message was sent before"),
    (15000, _OPERATOR, "EC_MMS_GENERAL_ERROR", False, "General error of the MMS centre"),
    (15002, _OPERATOR, "EC_SYSTEM_ERROR", True, "System error"),
    (15003, _HANDSET, "EC_MSISDN_NOT_REGISTERED", True, "Number not registered for MMS"),
    (15004, _HANDSET, "EC_DEFERRED", False, "Handset has not fetched it yet"),
    (15005, _OPERATOR, "EC_MMS_FORWARDED", True, "Forwarded; no further report comes"),
    (15006, _USER, "EC_VALIDITY_EXPIRED", True, "Validity period ended"),
    (15007, _HANDSET, "EC_CONTENT_CANNOT_BE_DOWNLOADED_ON_HANDSET", True, "Handset could not download the content"),
    (15008, _OPERATOR, "EC_PROVIDER_DELIVERY_ERROR", True, "Provider failed to deliver"),
    (15009, _HANDSET, "EC_RECIPIENT_NOT_FOUND", True, "Recipient not found"),
    (15010, _USER, "EC_SOURCE_ADDRESS_NOT_REGISTERED", True, "Sender not registered"),
    (15011, _OPERATOR, "EC_RECIPIENT_BLOCKED_BY_OPERATOR", True, "Recipient is blocked"),
    (15012, _HANDSET, "EC_DRM_NOT_SUPPORTED", True, "Rights management not supported"),
    (15013, _OPERATOR, "EC_MMS_CONTENT_BLOCKED_BY_OPERATOR", True, "Content blocked by the operator"),
    (15014, _USER, "EC_MMS_INVALID_SUBJECT", True, "Operator does not take the subject"),
    (15015, _HANDSET, "EC_MMS_SC_BLOCKED_BY_END_USER", True, "Recipient blocked sender"),
    (15016, _OPERATOR, "EC_UNKNOWN_CARRIER", True, "Recipient's operator not known"),
    (15017, _HANDSET, "EC_RECIPIENT_DEACTIVATED", True, "Number is deactivated"),
    (15018, _HANDSET, "EC_RECIPIENT_SUSPENDED", True, "Number is suspended"),
    (15019, _HANDSET, "EC_HANDSET_DOES_NOT_SUPPORT_MMS", True, "Handset takes no MMS"),
    (15020, _OPERATOR, "EC_CAMPAIGN_BLOCKED_BY_OPERATOR", True, "Campaign is blocked"),
    (15021, _OPERATOR, "EC_CAMPAIGN_INFO_NOT_PROVISIONED", True, "Campaign is not known to the operator"),
    (15022, _USER, "EC_URL_ATTACHMENT_TOO_LARGE", True, "Content at the URL too large"),
    (15023, _OPERATOR, "EC_FAILED_TO_ROUTE_MESSAGE", True, "No way to the recipient"),
    (15024, _USER, "EC_REMOTE_CONTENT_FAILURE", True, "Content could not be fetched"),
    (15025, _OPERATOR, "EC_REMOTE_CONTENT_INTERNAL_FAILURE", True,
     "Content could not be fetched because of a fault of the system"),
    (15026, _USER, "EC_TOO_BIG_CONTENT", True, "Content passes the operator's limit"),
    (15200, _USER, "EC_INVALID_MSG_TYPE", True, "Kind of content is not taken"),
    (15201, _USER, "EC_MMS_INVALID_DESTINATION_ADDRESS", True, "Recipient is not valid"),
    (15202, _USER, "EC_MMS_INVALID_SOURCE_ADDRESS", True, "Sender is not valid"),
    (15203, _USER, "EC_INVALID_SUBJECT", True, "Subject is not valid"),
)  # fmt: skip
TOO_BIG_CONTENT = 15026  # an operator's refusal for size
_DELIVERED_TO_OPERATOR = 2
ERRORS: Mapping[int, ErrorRow] = MappingProxyType({row[0]: ErrorRow(*row) for row in _ERROR_ROWS})


def status_row(status_id: int) -> MessageStatus:
    """The row of a status; an unknown id keeps its number under the name of 99, REJECTED."""
    return STATUSES.get(status_id) or MessageStatus(status_id, 5, "REJECTED", "Message rejected")


def error_row(error_id: int) -> ErrorRow:
    """The row of an error; an unknown id keeps its number under the general name."""
    known = ERRORS.get(error_id)
    return known or ErrorRow(error_id, _OPERATOR, "EC_MMS_GENERAL_ERROR", permanent=False, description="General error")


def is_final(status_id: int) -> bool:
    """Whether no further status follows; DELIVERED_TO_OPERATOR is followed by the handset's."""
    return status_row(status_id).group in FINAL_GROUPS and status_id != _DELIVERED_TO_OPERATOR


@dataclass(frozen=True, slots=True)
class MmStatus:
    """The meaning of an MM7 or MM4 delivery report's status."""

    status: int
    error: int
    final: bool


# 23.140 MMStatusType and X-Mms-MM-Status-Code, lower case; MM1's names beside them (OMA-TS-MMS_ENC 7.3.45).
MM_STATUSES: Mapping[str, MmStatus] = MappingProxyType(
    {
        "retrieved": MmStatus(5, 0, final=True),
        "expired": MmStatus(15, 15006, final=True),
        "rejected": MmStatus(9, 15015, final=True),
        "deferred": MmStatus(3, 15004, final=False),
        # 23.140 8.1.7: the message went to a network that sends no reports. No further one comes; it is no failure.
        "indeterminate": MmStatus(2, 0, final=False),
        "forwarded": MmStatus(3, 15005, final=False),
        "unreachable": MmStatus(9, 27, final=True),
        "unrecognised": MmStatus(9, 15200, final=True),
        "unrecognized": MmStatus(9, 15200, final=True),
        "system rejected": MmStatus(4, 15013, final=True),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """The codes of one class of exceptions.

    Attributes:
        status, error: Of a message that ends this way.
        http: The answer when a customer's request ends this way.
    """

    raised: type[mms.MMSContentError]
    status: int
    error: int
    http: int


# Subclasses first: the first row whose class matches decides.
FAULTS = (
    Fault(Throttled, 20, 541, 429),
    Fault(Unreachable, 21, 4097, 502),
    Fault(Refused, 100, 15000, 400),
    Fault(mms.DoesNotFit, 31, 15026, 400),
    Fault(mms.NotAllowed, 31, 15200, 400),
    Fault(mms.OverLimits, 31, 15022, 413),
    Fault(mms.UnknownMedia, 31, 15200, 400),
    Fault(mms.MalformedContent, 31, 15200, 400),
    Fault(mms.SourceError, 31, 15200, 400),
    Fault(mms.ProfileError, 31, 15016, 400),
    Fault(mms.EngineTimeout, 21, 15002, 503),
    Fault(mms.EngineError, 21, 15002, 500),
    Fault(GatewayError, 21, 15002, 500),
    Fault(mms.MMSContentError, 21, 15002, 500),
)


def fault_of(error: mms.MMSContentError) -> Fault:
    """The row of an exception."""
    return next(row for row in FAULTS if isinstance(error, row.raised))
