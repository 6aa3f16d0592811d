"""Assigned numbers of WSP and MMS: one row a number, and nothing that reads or writes.

Sources: WAP-230-WSP 20010705 appendix A (content types table 40, header fields 39, parameters 38, charsets by MIBenum),
the OMNA/WINA WSP registry for numbers given later, OMA-TS-MMS_ENC 1.3 sections 6 and 7 (fields, message types, tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# --- WSP -----------------------------------------------------------------------------------------------------------

# Content types, WSP table 40 and the registry after it. In short form the octet is 0x80 | number.
CONTENT_TYPES: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (
                # 0x00
                *("*/*", "text/*", "text/html", "text/plain", "text/x-hdml", "text/x-ttml"),
                # 0x06
                *("text/x-vcalendar", "text/x-vcard", "text/vnd.wap.wml", "text/vnd.wap.wmlscript"),
                # 0x0A
                *("text/vnd.wap.wta-event", "multipart/*", "multipart/mixed", "multipart/form-data"),
                # 0x0E
                *("multipart/byteranges", "multipart/alternative", "application/*", "application/java-vm"),
                # 0x12
                *("application/x-www-form-urlencoded", "application/x-hdmlc", "application/vnd.wap.wmlc"),
                # 0x15
                *("application/vnd.wap.wmlscriptc", "application/vnd.wap.wta-eventc"),
                # 0x17
                *("application/vnd.wap.uaprof", "application/vnd.wap.wtls-ca-certificate"),
                # 0x19
                *("application/vnd.wap.wtls-user-certificate", "application/x-x509-ca-cert"),
                # 0x1B
                *("application/x-x509-user-cert", "image/*", "image/gif", "image/jpeg", "image/tiff"),
                # 0x20
                *("image/png", "image/vnd.wap.wbmp", "application/vnd.wap.multipart.*"),
                # 0x23
                *("application/vnd.wap.multipart.mixed", "application/vnd.wap.multipart.form-data"),
                # 0x25
                *("application/vnd.wap.multipart.byteranges", "application/vnd.wap.multipart.alternative"),
                # 0x27
                *("application/xml", "text/xml", "application/vnd.wap.wbxml", "application/x-x968-cross-cert"),
                # 0x2B
                *("application/x-x968-ca-cert", "application/x-x968-user-cert", "text/vnd.wap.si"),
                # 0x2E
                *("application/vnd.wap.sic", "text/vnd.wap.sl", "application/vnd.wap.slc", "text/vnd.wap.co"),
                # 0x32
                *("application/vnd.wap.coc", "application/vnd.wap.multipart.related", "application/vnd.wap.sia"),
                # 0x35
                *("text/vnd.wap.connectivity-xml", "application/vnd.wap.connectivity-wbxml"),
                # 0x37
                *("application/pkcs7-mime", "application/vnd.wap.hashed-certificate"),
                # 0x39
                *("application/vnd.wap.signed-certificate", "application/vnd.wap.cert-response"),
                # 0x3B
                *("application/xhtml+xml", "application/wml+xml", "text/css", "application/vnd.wap.mms-message"),
                # 0x3F
                *("application/vnd.wap.rollover-certificate", "application/vnd.wap.locc+wbxml"),
                *("application/vnd.wap.loc+xml", "application/vnd.syncml.dm+wbxml", "application/vnd.syncml.dm+xml"),
                # 0x44
                *("application/vnd.syncml.notification", "application/vnd.wap.xhtml+xml"),
                *("application/vnd.wv.csp.cir", "application/vnd.oma.dd+xml", "application/vnd.oma.drm.message"),
                # 0x49
                *("application/vnd.oma.drm.content", "application/vnd.oma.drm.rights+xml"),
                # 0x4B
                "application/vnd.oma.drm.rights+wbxml",
            )
        )
    )
)

# Charsets by MIBenum, as IANA names them; the ones phones have been seen to send, and what they can be asked to read.
CHARSETS: Mapping[int, str] = MappingProxyType(
    {
        # CONF 1.3 10.2.1: always accepted
        3: "us-ascii",
        # MIBenum 4 to 13 are ISO-8859-1 to 10, 109 to 112 the later parts
        **{part + 3: f"iso-8859-{part}" for part in range(1, 11)},
        **{part + 96: f"iso-8859-{part}" for part in range(13, 17)},
        # East Asia
        17: "shift_jis",
        18: "euc-jp",
        36: "ks_c_5601-1987",
        38: "euc-kr",
        39: "iso-2022-jp",
        113: "gbk",
        114: "gb18030",
        2025: "gb2312",
        2026: "big5",
        # CONF 1.3 10.2.1: what a text SHALL be encoded in when us-ascii cannot hold it
        106: "utf-8",
        # two octets a character; phones of Asia send UCS-2, the OMA test messages UTF-16
        1000: "iso-10646-ucs-2",
        1013: "utf-16be",
        1014: "utf-16le",
        1015: "utf-16",
        2084: "koi8-r",
        2088: "koi8-u",
        # seen from PCs and gateways
        **{page + 1000: f"windows-{page}" for page in range(1250, 1259)},
        2259: "tis-620",
    }
)

# Content-type and disposition parameters, WSP table 38. Two numbers may carry one name: the older takes a
# text-string, the newer (encoding version 1.4) a text-value.
PARAMETERS: Mapping[int, str] = MappingProxyType(
    {
        0x00: "q",
        0x01: "charset",
        0x02: "level",
        0x03: "type",
        # until encoding version 1.3; 0x17 from 1.4 on
        0x05: "name",
        0x06: "filename",
        0x07: "differences",
        0x08: "padding",
        0x09: "type",
        # until encoding version 1.3; 0x19 from 1.4 on
        0x0A: "start",
        0x0B: "start-info",
        0x0C: "comment",
        0x0D: "domain",
        0x0E: "max-age",
        0x0F: "path",
        0x10: "secure",
        0x11: "sec",
        0x12: "mac",
        0x13: "creation-date",
        0x14: "modification-date",
        0x15: "read-date",
        0x16: "size",
        # encoding version 1.4
        0x17: "name",
        0x18: "filename",
        0x19: "start",
        0x1A: "start-info",
        0x1B: "comment",
        0x1C: "domain",
        0x1D: "path",
    }
)

# Which of the two numbers is written. "old" is what phones and every open decoder read; "modern" is WSP 1.4.
WRITTEN_PARAMETERS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "old": MappingProxyType({"charset": 0x01, "type": 0x09, "name": 0x05, "filename": 0x06, "start": 0x0A}),
        "modern": MappingProxyType({"charset": 0x01, "type": 0x09, "name": 0x17, "filename": 0x18, "start": 0x19}),
    }
)

# Header fields a part of a multipart may carry, WSP table 39; the rest are kept under their number.
PART_HEADERS: Mapping[int, str] = MappingProxyType(
    {
        0x0B: "Content-Encoding",
        0x0C: "Content-Language",
        0x0D: "Content-Length",
        0x0E: "Content-Location",
        0x0F: "Content-MD5",
        0x10: "Content-Range",
        0x11: "Content-Type",
        0x12: "Date",
        0x1D: "Last-Modified",
        # until encoding version 1.3; 0x45 from 1.4 on
        0x2E: "Content-Disposition",
        0x2F: "X-Wap-Application-Id",
        0x30: "X-Wap-Content-URI",
        0x40: "Content-ID",
        0x45: "Content-Disposition",
    }
)

DISPOSITIONS: Mapping[int, str] = MappingProxyType({0x00: "form-data", 0x01: "attachment", 0x02: "inline"})

# --- MMS -----------------------------------------------------------------------------------------------------------

# X-Mms-Message-Type, MMS-ENC 7.3.30.
MESSAGE_TYPES: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (
                # 0x80
                # submission and its answer; notification, retrieval and their answers
                *("m-send-req", "m-send-conf", "m-notification-ind", "m-notifyresp-ind", "m-retrieve-conf"),
                # 0x85
                *("m-acknowledge-ind", "m-delivery-ind", "m-read-rec-ind", "m-read-orig-ind"),
                # 0x89
                *("m-forward-req", "m-forward-conf", "m-mbox-store-req", "m-mbox-store-conf"),
                # 0x8D
                *("m-mbox-view-req", "m-mbox-view-conf", "m-mbox-upload-req", "m-mbox-upload-conf"),
                # 0x91
                *("m-mbox-delete-req", "m-mbox-delete-conf", "m-mbox-descr"),
                # 0x94
                *("m-delete-req", "m-delete-conf", "m-cancel-req", "m-cancel-conf"),
            ),
            start=0x80,
        )
    )
)
MESSAGE_TYPE_CODES: Mapping[str, int] = MappingProxyType({name: code for code, name in MESSAGE_TYPES.items()})

_RESPONSE_STATUS = {
    # 0x80 is success, 0x81 to 0x88 are the errors of version 1.0
    0x80: "ok",
    0x81: "error-unspecified",
    0x82: "error-service-denied",
    0x83: "error-message-format-corrupt",
    0x84: "error-sending-address-unresolved",
    0x85: "error-message-not-found",
    0x86: "error-network-problem",
    0x87: "error-content-not-accepted",
    0x88: "error-unsupported-message",
    # 0xC0 to 0xDF: the same request may succeed later
    0xC0: "error-transient-failure",
    0xC1: "error-transient-sending-address-unresolved",
    0xC2: "error-transient-message-not-found",
    0xC3: "error-transient-network-problem",
    0xC4: "error-transient-partial-success",
    # 0xE0 to 0xFF: it will not
    0xE0: "error-permanent-failure",
    0xE1: "error-permanent-service-denied",
    0xE2: "error-permanent-message-format-corrupt",
    0xE3: "error-permanent-sending-address-unresolved",
    0xE4: "error-permanent-message-not-found",
    0xE5: "error-permanent-content-not-accepted",
    0xE6: "error-permanent-reply-charging-limitations-not-met",
    0xE7: "error-permanent-reply-charging-request-not-accepted",
    0xE8: "error-permanent-reply-charging-forwarding-denied",
    0xE9: "error-permanent-reply-charging-not-supported",
    0xEA: "error-permanent-address-hiding-not-supported",
    0xEB: "error-permanent-lack-of-prepaid",
}

# Enumerated field values: kind of the field -> octet -> the word of MMS-ENC section 7.3, lower case with dashes.
TOKENS: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        # 7.3.27: Class-identifier = Personal | Advertisement | Informational | Auto
        "message-class": {0x80: "personal", 0x81: "advertisement", 0x82: "informational", 0x83: "auto"},
        # 7.3.35: Priority-value = Low | Normal | High
        "priority": {0x80: "low", 0x81: "normal", 0x82: "high"},
        "response-status": _RESPONSE_STATUS,
        # 7.3.52: Sender-visibility-value = Hide | Show
        "sender-visibility": {0x80: "hide", 0x81: "show"},
        # 7.3.54: Status-value, in M-NotifyResp.ind and M-Delivery.ind
        "status": {
            0x80: "expired",
            0x81: "retrieved",
            0x82: "rejected",
            0x83: "deferred",
            0x84: "unrecognised",
            0x85: "indeterminate",
            0x86: "forwarded",
            0x87: "unreachable",
        },
        # 7.3.50: Retrieve-status-value; a reserved octet MUST be taken for <Octet 224>
        "retrieve-status": {
            0x80: "ok",
            0xC0: "error-transient-failure",
            0xC1: "error-transient-message-not-found",
            0xC2: "error-transient-network-problem",
            0xE0: "error-permanent-failure",
            0xE1: "error-permanent-service-denied",
            0xE2: "error-permanent-message-not-found",
            0xE3: "error-permanent-content-unsupported",
        },
        # 7.3.38: Read-status-value = Read | Deleted without being read
        "read-status": {0x80: "read", 0x81: "deleted-without-being-read"},
        # 7.3.43: Reply-charging-value
        "reply-charging": {
            0x80: "requested",
            0x81: "requested-text-only",
            0x82: "accepted",
            0x83: "accepted-text-only",
        },
        # 7.3.33: MM-state-value = Draft | Sent | New | Retrieved | Forwarded, of a message in the
        # mailbox
        "mm-state": {0x80: "draft", 0x81: "sent", 0x82: "new", 0x83: "retrieved", 0x84: "forwarded"},
        # whether the MMSC put the message into the mailbox; the numbers follow the pattern of
        # retrieve-status
        "store-status": {
            0x80: "success",
            0xC0: "error-transient-failure",
            0xC1: "error-transient-network-problem",
            0xE0: "error-permanent-failure",
            0xE1: "error-permanent-service-denied",
            0xE2: "error-permanent-message-format-corrupt",
            0xE3: "error-permanent-message-not-found",
            0xE4: "error-permanent-mmbox-full",
        },
        # 7.3.39: Recommended-Retrieval-Mode-value = Manual
        "retrieval-mode": {0x80: "manual"},
        # 7.3.9: Content-class-value; CONF section 7 says what each class may hold
        "content-class": {
            0x80: "text",
            0x81: "image-basic",
            0x82: "image-rich",
            0x83: "video-basic",
            0x84: "video-rich",
            0x85: "megapixel",
            0x86: "content-basic",
            0x87: "content-rich",
        },
        # 7.3.7: Cancel-status-value
        "cancel-status": {0x80: "request-received", 0x81: "request-corrupted"},
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """A header field of an MMS PDU: its number, name, and the kind of its value (pdu/values.py lists the kinds)."""

    code: int
    name: str
    kind: str


# MMS-ENC 1.3 section 7.4, in the order of their numbers.
_FIELDS = (
    # who, what and where from: fields of version 1.0
    Field(0x01, "Bcc", "encoded"),
    Field(0x02, "Cc", "encoded"),
    # 7.3.10: a Uri-value; mandatory in M-Notification.ind, where the phone fetches the message
    Field(0x03, "X-Mms-Content-Location", "text"),
    # 8.4.2.24 of WSP; MUST be the last field (section 7)
    Field(0x04, "Content-Type", "body"),
    # Date-value; mandatory in M-Retrieve.conf and M-Delivery.ind
    Field(0x05, "Date", "date"),
    Field(0x06, "X-Mms-Delivery-Report", "yes-no"),
    # Delivery-time-value has the form of 7.3.20
    Field(0x07, "X-Mms-Delivery-Time", "time"),
    # 7.3.20; mandatory and relative in M-Notification.ind
    Field(0x08, "X-Mms-Expiry", "time"),
    # 7.3.21; mandatory in M-Send.req
    Field(0x09, "From", "from"),
    # 7.3.27; mandatory in M-Notification.ind
    Field(0x0A, "X-Mms-Message-Class", "message-class"),
    # Text-string; M-Send.conf has it when the status is ok, every report names it
    Field(0x0B, "Message-ID", "text"),
    # 7.3.30; mandatory, and the first field of every PDU
    Field(0x0C, "X-Mms-Message-Type", "message-type"),
    # mandatory in every PDU, behind the transaction id
    Field(0x0D, "X-Mms-MMS-Version", "version"),
    # Long-integer; mandatory in M-Notification.ind, and an estimate only
    Field(0x0E, "X-Mms-Message-Size", "long"),
    # 7.3.35
    Field(0x0F, "X-Mms-Priority", "priority"),
    # what the sender asks to be told; X-Mms-Report-Allowed is the recipient's word on it
    Field(0x10, "X-Mms-Read-Report", "yes-no"),
    Field(0x11, "X-Mms-Report-Allowed", "yes-no"),
    # mandatory in M-Send.conf
    Field(0x12, "X-Mms-Response-Status", "response-status"),
    Field(0x13, "X-Mms-Response-Text", "encoded"),
    # 7.3.52; a phone may hide its number
    Field(0x14, "X-Mms-Sender-Visibility", "sender-visibility"),
    # 7.3.54; mandatory in M-NotifyResp.ind and M-Delivery.ind
    Field(0x15, "X-Mms-Status", "status"),
    # 7.3.19; CONF 1.3 10.2.5: at most 40 characters
    Field(0x16, "Subject", "encoded"),
    Field(0x17, "To", "encoded"),
    # Text-string; mandatory wherever an answer is expected
    Field(0x18, "X-Mms-Transaction-ID", "text"),
    # 7.3.50, since version 1.1
    Field(0x19, "X-Mms-Retrieve-Status", "retrieve-status"),
    Field(0x1A, "X-Mms-Retrieve-Text", "encoded"),
    Field(0x1B, "X-Mms-Read-Status", "read-status"),
    # 7.3.43: the sender pays for the answer, up to a date and a size
    Field(0x1C, "X-Mms-Reply-Charging", "reply-charging"),
    Field(0x1D, "X-Mms-Reply-Charging-Deadline", "time"),
    Field(0x1E, "X-Mms-Reply-Charging-ID", "text"),
    Field(0x1F, "X-Mms-Reply-Charging-Size", "long"),
    # 7.3.23 and 7.3.24: who forwarded the message before, and when
    Field(0x20, "X-Mms-Previously-Sent-By", "counted-encoded"),
    Field(0x21, "X-Mms-Previously-Sent-Date", "counted-date"),
    # the mailbox in the network (MMBox), since version 1.2
    Field(0x22, "X-Mms-Store", "yes-no"),
    Field(0x23, "X-Mms-MM-State", "mm-state"),
    # 7.3.32
    Field(0x24, "X-Mms-MM-Flags", "flags"),
    Field(0x25, "X-Mms-Store-Status", "store-status"),
    Field(0x26, "X-Mms-Store-Status-Text", "encoded"),
    Field(0x27, "X-Mms-Stored", "yes-no"),
    # names of fields that a mailbox view should have
    Field(0x28, "X-Mms-Attributes", "field-name"),
    Field(0x29, "X-Mms-Totals", "yes-no"),
    Field(0x2A, "X-Mms-Mbox-Totals", "total"),
    Field(0x2B, "X-Mms-Quotas", "yes-no"),
    Field(0x2C, "X-Mms-Mbox-Quotas", "total"),
    Field(0x2D, "X-Mms-Message-Count", "integer"),
    # the body of m-mbox-descr; the same grammar as Content-Type
    Field(0x2E, "Content", "body"),
    Field(0x2F, "X-Mms-Start", "integer"),
    Field(0x30, "Additional-Headers", "octets"),
    # since version 1.3: may the content be passed on
    Field(0x31, "X-Mms-Distribution-Indicator", "yes-no"),
    # 7.3.18
    Field(0x32, "X-Mms-Element-Descriptor", "element"),
    Field(0x33, "X-Mms-Limit", "integer"),
    # 7.3.39
    Field(0x34, "X-Mms-Recommended-Retrieval-Mode", "retrieval-mode"),
    Field(0x35, "X-Mms-Recommended-Retrieval-Mode-Text", "encoded"),
    Field(0x36, "X-Mms-Status-Text", "encoded"),
    # an application on the phone that the message is for, and one that answers go to
    Field(0x37, "X-Mms-Applic-ID", "text"),
    Field(0x38, "X-Mms-Reply-Applic-ID", "text"),
    Field(0x39, "X-Mms-Aux-Applic-Info", "text"),
    # 7.3.9
    Field(0x3A, "X-Mms-Content-Class", "content-class"),
    Field(0x3B, "X-Mms-DRM-Content", "yes-no"),
    Field(0x3C, "X-Mms-Adaptation-Allowed", "yes-no"),
    # what a later message replaces or cancels
    Field(0x3D, "X-Mms-Replace-ID", "text"),
    Field(0x3E, "X-Mms-Cancel-ID", "text"),
    # 7.3.7
    Field(0x3F, "X-Mms-Cancel-Status", "cancel-status"),
)
FIELDS: Mapping[int, Field] = MappingProxyType({row.code: row for row in _FIELDS})
FIELD_BY_NAME: Mapping[str, Field] = MappingProxyType({row.name.lower(): row for row in _FIELDS})

# In M-Mbox-Delete.conf these answer several messages at once, so a count stands before each value (MMS-ENC 7.3.10 for
# the location, 7.3.49 for the text; the status goes with them).
COUNTED_FIELDS: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {"m-mbox-delete-conf": {0x03: "counted-text", 0x12: "counted-response-status", 0x13: "counted-encoded"}}
)

_CONTENT_TYPE_CODES = {name: code for code, name in CONTENT_TYPES.items() if not name.endswith("*")}
_CHARSET_CODES = {name: code for code, name in CHARSETS.items()} | {
    "ascii": 3,
    "latin-1": 4,
    "utf8": 106,
    "ucs-2": 1000,
}


def content_type_code(name: str) -> int | None:
    """The assigned number of a media type in lower case, or None."""
    return _CONTENT_TYPE_CODES.get(name)


def charset_code(name: str) -> int | None:
    """The MIBenum of a charset by IANA name or a usual alias, or None."""
    return _CHARSET_CODES.get(name.strip().lower())
