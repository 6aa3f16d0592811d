"""MIME messages, written strictly: multipart/related with the SMIL first, or multipart/mixed without one (RFC 2387).

The same walk gives the bytes or, without building any body, their number. Boundaries come from the content.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmscontent.message import Content, Envelope, Part
from mmscontent.pack.common import PHONE_DOMAIN, content_digest
from mmscontent.pack.mime import headers, transfer

_DASHES = 2
# as long as every boundary, for counting without building
MEASURED_BOUNDARY = "=_mms_" + 20 * "0"


@dataclass(frozen=True, slots=True)
class Multipart:
    """A content about to be written as a multipart.

    Attributes:
        boundary: Found in none of the bodies.
        binary: Bodies go as they are; otherwise in the shortest encoding that 7-bit transports keep.
    """

    content: Content
    boundary: str
    binary: bool = False

    @property
    def entries(self) -> tuple[Part, ...]:
        """The presentation first, then the parts."""
        first = self.content.presentation
        return self.content.parts if first is None else (first, *self.content.parts)

    @property
    def content_type(self) -> str:
        """Value of its Content-Type field."""
        first = self.content.presentation
        if first is None:
            # CONF: without a presentation the body is multipart/mixed
            return headers.parameterised("multipart/mixed", {"boundary": self.boundary})
        # RFC 2387 section 3.1: type is required and names the root's media type; section 3.2: start
        # is its Content-ID with the angle brackets, and without start the first part is the root,
        # so it stands first in any case
        start = f"<{first.content_id}>" if first.content_id else ""
        pairs = {"type": first.media_type, "start": start, "boundary": self.boundary}
        return headers.parameterised("multipart/related", pairs)


def multipart_of(content: Content, envelope: Envelope, *, binary: bool = False) -> Multipart:
    """The content with a boundary that stands in none of its bodies."""
    # RFC 2046 section 5.1.1: the boundary must not stand in any of the parts
    salt = 0
    # one round in practice: the digest stands in a body only when somebody put it there
    while True:
        mark = content_digest(content, envelope, salt=salt)
        found = Multipart(content, f"=_mms_{mark}", binary)
        # The digest alone is looked for, so that an outer multipart may build its boundary on it. In base64 it would
        # have to stand behind an underscore, which base64 does not have.
        bodies = (transfer.choose(part, binary=binary)[1] for part in found.entries)
        if not any(mark.encode("ascii") in body for body in bodies if body):
            return found
        salt += 1


def part_header(part: Part, encoding: str) -> bytes:
    """The header block of a part, with the empty line behind it."""
    # CONF 1.3 10.2.2: a part's name SHALL be sent as `name` of its Content-Type
    pairs = {"charset": part.charset, "name": part.name}
    rows = [
        headers.field("Content-Type", headers.parameterised(part.media_type, pairs)),
        headers.field("Content-Transfer-Encoding", encoding),
    ]
    # RFC 2045 section 7: the angle brackets are part of the field's value, not of the id
    if part.content_id:
        rows.append(headers.text_field("Content-ID", f"<{part.content_id}>"))
    if part.content_location:
        # RFC 2557 section 4.4.1: what is not ASCII goes in encoded words
        rows.append(headers.text_field("Content-Location", part.content_location))
    return b"".join(rows) + b"\r\n"


def write_body(multipart: Multipart) -> list[bytes]:
    """The multipart from its first delimiter to the last line, as pieces to join."""
    mark = multipart.boundary.encode("ascii")
    if not multipart.entries:
        return []
    pieces: list[bytes] = []
    for part in multipart.entries:
        encoding, body = transfer.encode(part, binary=multipart.binary)
        # RFC 2046 section 5.1.1: delimiter = CRLF dash-boundary; the CRLF behind a body is the next
        # delimiter's
        pieces += (b"--" + mark + b"\r\n" + part_header(part, encoding), body, b"\r\n")
    # RFC 2046 section 5.1.1: close-delimiter = delimiter "--"
    pieces.append(b"--" + mark + b"--\r\n")
    return pieces


# the same walk as write_body; the tests hold the two together
def body_size(multipart: Multipart) -> int:
    """How many bytes `write_body` gives; base64 is counted, not built."""
    size = _last_line(multipart)
    for part in multipart.entries:
        encoding, body = transfer.choose(part, binary=multipart.binary)
        length = transfer.base64_size(len(part.data)) if body is None else len(body)
        size += _frame(multipart, part, encoding) + length
    return size


def body_budget(multipart: Multipart, wire_bytes: int) -> int:
    """What the bodies of the parts may have together so that `write_body` never passes *wire_bytes*."""
    framing = _last_line(multipart)
    # the presentation is counted as it stands; only the parts' bodies are still to be made
    if multipart.content.presentation is not None:
        first = Content((multipart.content.presentation,))
        framing = body_size(Multipart(first, multipart.boundary, multipart.binary))
    # a text that may go as 7bit costs less than base64, so that the budget is never too large
    encoding = "binary" if multipart.binary else "base64"
    framing += sum(_frame(multipart, part, encoding) for part in multipart.content.parts)
    left = wire_bytes - framing
    if multipart.binary:
        return max(0, left)
    return max(0, transfer.base64_budget(left, len(multipart.content.parts)))


def _last_line(multipart: Multipart) -> int:
    return len(multipart.boundary) + 2 * _DASHES + 2 if multipart.entries else 0


def _frame(multipart: Multipart, part: Part, encoding: str) -> int:
    """Delimiter, header and the line end after the body."""
    return _DASHES + len(multipart.boundary) + 2 + len(part_header(part, encoding)) + 2


# --- whole messages ------------------------------------------------------------------------------------------------


def address_fields(envelope: Envelope, subject: str, domain: str = PHONE_DOMAIN) -> bytes:
    """The fields of RFC 5322 that say who sends what to whom."""
    rows = []
    if envelope.sender:
        rows.append(headers.field("From", headers.mailbox(envelope.sender, domain)))
    # RFC 5322 section 3.6: To, Cc and Bcc once each, addresses parted by commas, here one a line
    for name, listed in (("To", envelope.to), ("Cc", envelope.cc), ("Bcc", envelope.bcc)):
        if listed:
            rows.append(headers.field(name, f",{headers.FOLD}".join(headers.mailbox(a, domain) for a in listed)))
    if subject:
        rows.append(headers.text_field("Subject", subject))
    # RFC 5322 section 3.6.1 wants Date; it is left to the transport, since no clock is read here
    if envelope.date_s is not None:
        rows.append(headers.field("Date", headers.date_text(envelope.date_s)))
    return b"".join(rows)


def mms_fields(envelope: Envelope) -> bytes:
    """The X-Mms fields a mail carries the rest of the envelope in, named as in MM4."""
    rows = (
        # what a mail means by itself is not said again
        ("X-Mms-Message-Type", "" if envelope.message_type == "m-send-req" else envelope.message_type),
        ("X-Mms-Transaction-ID", envelope.transaction_id),
        ("X-Mms-Message-ID", envelope.message_id),
        ("X-Mms-Message-Class", "" if envelope.message_class == "personal" else envelope.message_class.title()),
        ("X-Mms-Priority", "" if envelope.priority == "normal" else envelope.priority.title()),
        ("X-Mms-Expiry", "" if envelope.expiry_s is None else str(envelope.expiry_s)),
        ("X-Mms-Delivery-Report", "Yes" if envelope.delivery_report else ""),
        ("X-Mms-Read-Reply", "Yes" if envelope.read_report else ""),
    )
    return b"".join(headers.text_field(name, value) for name, value in rows if value)


def _head(multipart: Multipart, envelope: Envelope) -> bytes:
    # fields for people first, then those for machines, the body's last
    fields = address_fields(envelope, multipart.content.subject) + mms_fields(envelope)
    return fields + body_fields(multipart) + b"\r\n"


def body_fields(multipart: Multipart) -> bytes:
    """The fields that announce the multipart; without parts it is none, for a multipart may not be empty."""
    # RFC 2045 section 4; RFC 2046 section 5.1.1: a multipart has at least one body part
    version = headers.field("MIME-Version", "1.0")
    return version + headers.field("Content-Type", multipart.content_type) if multipart.entries else version


def write_message(content: Content, envelope: Envelope, *, binary: bool = False) -> bytes:
    """A whole message, header and multipart.

    Raises:
        ValueError: An address cannot stand in a mail, or a value holds a line break.
    """
    multipart = multipart_of(content, envelope, binary=binary)
    return b"".join((_head(multipart, envelope), *write_body(multipart)))


def message_size(content: Content, envelope: Envelope, *, binary: bool = False) -> int:
    """How many bytes `write_message` gives."""
    multipart = Multipart(content, MEASURED_BOUNDARY, binary)
    return len(_head(multipart, envelope)) + body_size(multipart)


def message_body_budget(limit_bytes: int, content: Content, envelope: Envelope, *, binary: bool = False) -> int:
    """What the bodies of the parts may have together so that the message never passes *limit_bytes*."""
    multipart = Multipart(content, MEASURED_BOUNDARY, binary)
    return body_budget(multipart, limit_bytes - len(_head(multipart, envelope)))
