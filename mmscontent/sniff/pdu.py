"""Recognises the binary MMS form by its shape: message type first, then header fields whose values end where they must.

Sources: OMA-TS-MMS_ENC-V1_3 section 7, WAP-230-WSP section 8.4. Reading the message is pack.pdu's work.
"""

from __future__ import annotations

from dataclasses import replace

from mmscontent.containers.octets import be
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput

# ENC 7.4: field codes with their top bit set
_MESSAGE_TYPE, _VERSION, _CONTENT_TYPE = 0x8C, 0x8D, 0x84
_MOST_HEADERS = 500
_MOST_TEXT = 100_000
# ENC 7.3.30: the octet behind the field code counts the names of the standard from 128
_TYPE_NAMES = (
    "m-send-req m-send-conf m-notification-ind m-notifyresp-ind m-retrieve-conf m-acknowledge-ind m-delivery-ind"
    " m-read-rec-ind m-read-orig-ind m-forward-req m-forward-conf m-mbox-store-req m-mbox-store-conf m-mbox-view-req"
    " m-mbox-view-conf m-mbox-upload-req m-mbox-upload-conf m-mbox-delete-req m-mbox-delete-conf m-mbox-descr"
    " m-delete-req m-delete-conf m-cancel-req m-cancel-conf"
)
_TYPES = dict(enumerate(_TYPE_NAMES.split(), 0x80))


def read(source: SniffInput) -> MediaInfo | None:
    """An MMS PDU; `profile` is its message type."""
    data = source.data
    # ENC 7: the message type is the first field of every PDU.
    if data[:1] != b"\x8c" or len(data) < 4 or data[1] not in _TYPES:  # type and version at least
        return None
    fields, whole = _fields(data)
    # Other data that begins with 8C by chance has no version field.
    if _VERSION not in fields:
        return None
    info = replace(source.info("application/vnd.wap.mms-message"), profile=_TYPES[data[1]])
    return info if whole else replace(info, notes=("its header fields run past the end, it is cut short",))


def _fields(data: bytes) -> tuple[set[int], bool]:
    """Codes of the fields up to the content type, and whether each ended inside the data."""
    fields: set[int] = set()
    at = 0
    try:
        for _ in range(_MOST_HEADERS):
            # The content type is the last field; the parts follow it.
            if at >= len(data) or _CONTENT_TYPE in fields:
                break
            code = data[at]
            fields.add(code)
            at = at + 1 if code & 0x80 else _after_text(data, at)  # a name in text: an application header
            at = _after_value(data, at)
    except DamagedMedia:
        return fields, False
    return fields, True


def _after_value(data: bytes, at: int) -> int:
    """Where a field's value ends (WSP 8.4.1.2): a length, a text, or one octet."""
    first = be(data, at, 1)
    # WSP 8.4.1.2: 0 to 30 is the length of the data that follows.
    if first < 31:
        end = at + 1 + first
    elif first == 31:
        # 31 is followed by a uintvar of at most five octets (8.1.2) that is the length.
        size, end = 0, at + 1
        for _ in range(5):
            octet = be(data, end, 1)
            size, end = size << 7 | octet & 0x7F, end + 1
            if not octet & 0x80:
                break
        end += size
    # 32 to 127 begins a text that ends in NUL; 128 to 255 is a value by itself.
    elif first < 128:
        end = _after_text(data, at)
    else:
        end = at + 1
    if end > len(data):
        raise DamagedMedia(f"a field value at byte {at:,} runs past the end")
    return end


def _after_text(data: bytes, at: int) -> int:
    end = data.find(b"\0", at, at + _MOST_TEXT)
    if end < 0:
        raise DamagedMedia(f"a text at byte {at:,} does not end")
    return end + 1
