"""The registry of wire forms: packs, counts and unpacks a message in any of them.

    name          what it is                                         counted in
    mime          RFC 5322 message, multipart/related, 7-bit clean   base64 bytes
    mime-binary   the same with 8-bit bodies as they are             bytes
    pdu           MMS-ENC binary                                     bytes
    mm7           SOAP with attachments, MM7 SubmitReq or DeliverReq base64 bytes; mm7-binary: bytes
    mm4           mail between operators, MM4_forward.REQ            base64 bytes

`pack` gives every part its names first (content.with_wire_names), so that all forms agree on them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mmscontent.errors import MalformedContent, SourceError
from mmscontent.message import Content, Envelope, Part, Unpacked
from mmscontent.pack import mime, mm4, mm7, pdu
from mmscontent.pack.common import content_digest, with_wire_names
from mmscontent.pack.mime import headers
from mmscontent.sniff import sniff


@dataclass(frozen=True, slots=True)
class Packed:
    """A message as it goes out, and what to call it."""

    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Encoding:
    """One row: how a wire form is written, how its size is counted, how many bytes it leaves for the bodies."""

    name: str
    write: Callable[[Content, Envelope], Packed]
    size: Callable[[Content, Envelope], int]
    body_budget: Callable[[int, Content, Envelope], int]


def _mime(name: str, *, binary: bool) -> Encoding:
    return Encoding(
        name,
        lambda content, envelope: Packed(mime.write_message(content, envelope, binary=binary), "message/rfc822"),
        lambda content, envelope: mime.message_size(content, envelope, binary=binary),
        lambda limit, content, envelope: mime.message_body_budget(limit, content, envelope, binary=binary),
    )


# what a PDU is labelled with over MM1 (HTTP)
_PDU_TYPE = "application/vnd.wap.mms-message"
_PDU = Encoding(
    "pdu",
    lambda content, envelope: Packed(pdu.write_pdu(_pdu_of(content, envelope)), _PDU_TYPE),
    lambda content, envelope: pdu.pdu_size(_pdu_of(content, envelope)),
    lambda limit, content, envelope: pdu.pdu_body_budget(limit, _pdu_of(content, envelope)),
)


def _identified(content: Content, envelope: Envelope) -> Envelope:
    """The envelope with a transaction id, derived from content where none is given."""
    # mandatory in M-Send.req and MM7; derived from the content, so that equal input gives equal
    # bytes
    if envelope.transaction_id:
        return envelope
    return replace(envelope, transaction_id=f"T{content_digest(content, envelope)}")


def _pdu_of(content: Content, envelope: Envelope) -> pdu.Pdu:
    return pdu.pdu_of(content, _identified(content, envelope))


def _mm7(name: str, peer: mm7.Peer) -> Encoding:
    def message(content: Content, envelope: Envelope) -> mm7.Mm7:
        return mm7.mm7_of(content, _identified(content, envelope), peer)

    def write(content: Content, envelope: Envelope) -> Packed:
        written = mm7.write_mm7(message(content, envelope), peer)
        return Packed(written.data, written.content_type)

    return Encoding(
        name,
        write,
        lambda content, envelope: mm7.mm7_size(message(content, envelope), peer),
        lambda limit, content, envelope: mm7.mm7_body_budget(limit, message(content, envelope), peer),
    )


_MM4 = Encoding(
    "mm4",
    lambda content, envelope: Packed(mm4.write_mm4(mm4.mm4_of(content, envelope)), "message/rfc822"),
    lambda content, envelope: mm4.mm4_size(mm4.mm4_of(content, envelope)),
    lambda limit, content, envelope: mm4.mm4_body_budget(limit, mm4.mm4_of(content, envelope)),
)

# the one table of forms: command line, gateway and tests go through it
ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        row.name: row
        for row in (
            _mime("mime", binary=False),
            _mime("mime-binary", binary=True),
            _PDU,
            _mm7("mm7", mm7.DEFAULT_PEER),
            _mm7("mm7-binary", mm7.PEERS["8bit"]),
            _MM4,
        )
    }
)


def _encoding(name: str) -> Encoding:
    row = ENCODINGS.get(name)
    if row is None:
        raise ValueError(f"encoding {name!r} is none of {', '.join(ENCODINGS)}")
    return row


def pack(content: Content, envelope: Envelope, encoding: str) -> Packed:
    """The message in a wire form; equal input gives equal bytes.

    Raises:
        ValueError: The encoding is unknown, or the envelope holds what the form cannot say.
    """
    return _encoding(encoding).write(with_wire_names(content), envelope)


def size(content: Content, envelope: Envelope, encoding: str) -> int:
    """Exactly how many bytes `pack` gives, without building bodies."""
    return _encoding(encoding).size(with_wire_names(content), envelope)


def body_budget(limit_bytes: int, content: Content, envelope: Envelope, encoding: str) -> int:
    """How many bytes the bodies of *content.parts* may have together so that the packed whole stays within the limit.

    Whatever the parts' shares are, it is never too much; 0 when even empty parts pass the limit. The presentation
    counts as it is, the parts by their number, names and types.
    """
    return _encoding(encoding).body_budget(limit_bytes, with_wire_names(content), envelope)


# --- reading -------------------------------------------------------------------------------------------------------

# RFC 5322 section 2.2: a field name and a colon, behind the line a mailbox file puts before each
# mail
_HEADER = re.compile(rb"\s*(?:From [^\n]*\n)?[!-9;-~]+[ \t]*:")
# RFC 9112 sections 3 and 4: request line or status line of a captured exchange
_HTTP = re.compile(rb"\s*(?:POST [^\n]* HTTP/1\.[01]|HTTP/1\.[01] [^\n]*)\r?\n")
# QUIRK: the message type in quotation marks
_MM4_TYPE = re.compile(rb"^x-mms-message-type[ \t]*:[ \t]*\"?mm4_", re.IGNORECASE | re.MULTILINE)
# RFC 5322 section 2.1: an empty line ends the header
_BLANK_LINE = re.compile(rb"\S\r?\n\r?\n")
# octets in which a message shows what it is
_LOOK = 4096


def unpack(data: bytes, content_type: str | None = None) -> Unpacked:
    """A message in any wire form, or a bare SMIL document, told by its first bytes or by *content_type*.

    An HTTP request or response captured whole is taken as well: its head says the type.

    Raises:
        MalformedContent: It is none of our forms, or too damaged to be read; offset says where.
        OverLimits: It has more parts, nesting or headers than we agree to open.
    """
    http = _HTTP.match(data, 0, _LOOK)
    if http is None:
        return _read(data, content_type or "")
    # RFC 9112 section 5: the fields of HTTP have the form of RFC 5322
    fields, body = headers.read_fields(data, http.end(), len(data), [])
    return _read(data[body:], fields.get("Content-Type"))


def _read(data: bytes, content_type: str) -> Unpacked:
    # the bytes decide; the stated type is asked where they leave it open
    stated = content_type.partition(";")[0].strip().lower()
    if pdu.is_pdu(data) or stated == _PDU_TYPE:
        return pdu.unpacked_of(pdu.read_pdu(data))
    if _is_mm7(data, content_type, stated):
        return mm7.unpacked_of(mm7.read_mm7(data, content_type))
    if stated.startswith("multipart/"):
        return mime.read_content(data, content_type)
    # a multipart without its header, as HTTP bodies are saved to files
    if data.lstrip(b"\r\n").startswith(b"--"):
        return mime.read_content(data, "multipart/related")
    if _HEADER.match(data, 0, _LOOK):
        # MM4 is a mail that says so in its header; a quoted one in the body must not decide
        blank = _BLANK_LINE.search(data, 0, headers.MAX_BLOCK)
        is_mm4 = _MM4_TYPE.search(data, 0, blank.start() if blank else headers.MAX_BLOCK)
        return mm4.unpacked_of(mm4.read_mm4(data)) if is_mm4 else mime.read_message(data)
    # a presentation on its own, as it lies beside its parts in a folder
    if _is_smil(data):
        presentation = Part(data, "application/smil", content_id="smil", content_location="smil.xml", charset="utf-8")
        return Unpacked(Envelope(), Content((), presentation), encoding="smil")
    raise MalformedContent("the bytes are not a message in any known wire form", offset=0)


def _is_smil(data: bytes) -> bool:
    """A presentation on its own, as it lies beside its parts."""
    try:
        return sniff(data).kind == "presentation"
    except SourceError:
        return False


def _is_mm7(data: bytes, content_type: str, stated: str) -> bool:
    """A SOAP envelope, or a multipart that shows one before anything else."""
    if mm7.is_soap(data):
        return True
    multipart = stated.startswith("multipart/") or data.lstrip(b"\r\n").startswith(b"--")
    return multipart and ("text/xml" in content_type.lower() or b"schemas.xmlsoap.org/soap" in data[:_LOOK])
