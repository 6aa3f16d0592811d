"""Writes binary MMS messages: strict, in one order; sizes are counted without building the message.

The message type comes first, transaction id and version next (model.py sees to that), the content type last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mmscontent.pack import wsp
from mmscontent.pack.assigned import COUNTED_FIELDS, FIELD_BY_NAME, FIELDS, MESSAGE_TYPE_CODES
from mmscontent.pack.pdu.multipart import body_budget, body_size, write_body
from mmscontent.pack.pdu.values import FIELD_CODECS, Octets

if TYPE_CHECKING:
    from mmscontent.pack.pdu.model import Pdu

_UNKNOWN = "x-unknown-"


def write_pdu(pdu: Pdu, *, parameters: str = "old") -> bytes:
    """The octets of a message.

    Args:
        pdu: Its bodies are copied once, into the result.
        parameters: Which numbers name and start get: `old`, which every phone reads, or `modern` (WSP 1.4).

    Raises:
        ValueError: A value is not of its field's kind.
    """
    pieces = [_headers(pdu)]
    if pdu.content is not None:
        pieces += (_body_code(pdu), *write_body(pdu.content, parameters))
    return b"".join(pieces)


def pdu_size(pdu: Pdu, *, parameters: str = "old") -> int:
    """How many octets `write_pdu` gives."""
    body = 0 if pdu.content is None else 1 + body_size(pdu.content, parameters)
    return len(_headers(pdu)) + body


def pdu_body_budget(limit_bytes: int, pdu: Pdu, *, parameters: str = "old") -> int:
    """What the bodies of the parts may have together so that `write_pdu` never passes *limit_bytes*."""
    if pdu.content is None:
        return 0
    return body_budget(pdu.content, limit_bytes - len(_headers(pdu)) - 1, parameters)


def _body_code(pdu: Pdu) -> bytes:
    # section 7: Content-Type is the last field; M-Mbox-Descr has its body under Content, 0x2E
    row = FIELD_BY_NAME["content" if pdu.message_type == "m-mbox-descr" else "content-type"]
    return wsp.short_integer(row.code)


def _headers(pdu: Pdu) -> bytes:
    # section 7: X-Mms-Message-Type is first, then transaction id and version, which model.py put in
    # front
    pieces = [bytes((0x8C, MESSAGE_TYPE_CODES[pdu.message_type]))]
    counted = COUNTED_FIELDS.get(pdu.message_type, {})
    for name, value in pdu.headers:
        code, write = _WRITERS.get(name) or _writer(name)
        # a field that could not be read goes back as it came
        if isinstance(value, Octets):
            pieces.append(code + value.data)
            continue
        # 7.3.10, 7.3.49: M-Mbox-Delete.conf answers for several messages, each value with its
        # number
        if counted and code[0] & 0x7F in counted:
            write = FIELD_CODECS[counted[code[0] & 0x7F]].write
        try:
            pieces.append(code + write(value))
        except (AttributeError, TypeError, ValueError) as exc:
            raise ValueError(f"{name} cannot be {value!r}: {exc}") from exc
    return b"".join(pieces)


# Field -> its number as an octet, and what writes its value.
_WRITERS = {
    row.name: (wsp.short_integer(row.code), FIELD_CODECS[row.kind].write)
    for row in FIELDS.values()
    if row.kind in FIELD_CODECS
}


def _writer(name: str) -> tuple[bytes, Callable[[Any], bytes]]:
    """The row of a field in another spelling, of a number without a name, or of an application header."""
    row = FIELD_BY_NAME.get(name.lower())
    if row is not None:
        return _WRITERS[row.name]
    # read.py names a number without a row X-Unknown-xx; it is written under that number again
    if name.lower().startswith(_UNKNOWN):
        return wsp.short_integer(int(name[len(_UNKNOWN) :], 16)), FIELD_CODECS["octets"].write
    if not name.isascii() or not name.replace("-", "").isalnum():
        raise ValueError(f"an application header has a name of letters, digits and dashes, got {name!r}")
    # WSP 8.4.2.6: Application-header = Token-text Application-specific-value
    return wsp.text_string(name), FIELD_CODECS["text"].write
