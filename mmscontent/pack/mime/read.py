"""MIME messages and mails, read tolerantly: multiparts laid flat, every repair a note, bounded in every direction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mmscontent.errors import MalformedContent, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import Content, Envelope, Part, Unpacked
from mmscontent.pack.assigned import MESSAGE_TYPE_CODES
from mmscontent.pack.common import split_presentation
from mmscontent.pack.mime import headers, transfer

# some senders leave spaces behind a delimiter
_AFTER_MARK = re.compile(rb"[ \t\r]{0,80}(?:\n|\Z)")
_LINE_FEED = 0x0A


@dataclass(slots=True)
class MimeParts:
    """The parts found so far in wire order, the notes, and the start of the outermost multipart/related."""

    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rest: list[tuple[str, str]] = field(default_factory=list)
    start: str = ""

    def content(self, subject: str = "") -> Content:
        """The parts with the presentation taken out."""
        # RFC 2387 section 3.2: start names the root part
        presentation, parts, notes = split_presentation(tuple(self.parts), self.start)
        self.notes += notes
        return Content(parts, presentation, subject)


def read_message(data: bytes) -> Unpacked:
    """A whole message: header, then a body of any type.

    Raises:
        MalformedContent: It does not begin with a header.
        OverLimits: More parts, deeper nesting or a longer header than we agree to read.
    """
    walk = MimeParts()
    at = header_start(data)
    fields, body = headers.read_fields(data, at, len(data), walk.notes)
    if not fields.rows:
        raise MalformedContent("the message does not begin with a header field", offset=at)
    read_entity(data, body, len(data), fields, walk, 0)
    return unpacked(fields, walk, "mime")


def read_content(data: bytes, content_type: str) -> Unpacked:
    """A body whose Content-Type stands elsewhere, in HTTP for instance."""
    walk = MimeParts()
    # in HTTP the header of the body is that of the request or response
    fields = headers.Fields((("Content-Type", content_type),))
    read_entity(data, 0, len(data), fields, walk, 0)
    return Unpacked(Envelope(), walk.content(), "mime", tuple(walk.notes))


def header_start(data: bytes) -> int:
    """Where the header begins: after empty lines and the line a mailbox file puts before each mail."""
    at = len(data) - len(data.lstrip(b"\r\n"))
    # RFC 4155: a mailbox file puts a line `From sender date` before each mail
    return data.find(b"\n", at) + 1 if data.startswith(b"From ", at) else at


def read_entity(data: bytes, at: int, end: int, fields: headers.Fields, walk: MimeParts, depth: int) -> None:
    """One entity whose header was read: a multipart is gone into, anything else becomes a part."""
    # RFC 2046 section 5.1: a body part without a Content-Type is text/plain, without any header at
    # all, too
    raw_type = fields.get("Content-Type")
    name, parameters = headers.content_type(raw_type)
    if not name.startswith(("multipart/", "application/vnd.wap.multipart.")):
        # an empty body that names a type is a part; one that does not is nothing
        if at < end or raw_type:
            _leaf(data[at:end], fields, walk)
        return
    # RFC 2046 allows any depth of nesting; a limit keeps a hostile message from the stack
    if depth >= DEFAULT_INPUT_LIMITS.max_nesting:
        raise OverLimits(f"multiparts are nested deeper than {DEFAULT_INPUT_LIMITS.max_nesting}")
    # MMS has one level of parts; multipart/alternative of mail is kept whole, each of its forms a
    # part
    if depth:
        walk.notes.append(f"a {name} inside another is laid flat")
    # RFC 2387 section 3.2: the start of the outermost multipart/related counts
    walk.start = walk.start or parameters.get("start", "")
    for first, last in split(data, at, end, parameters.get("boundary", ""), walk.notes):
        inner, body = headers.read_fields(data, first, last, walk.notes)
        read_entity(data, body, last, inner, walk, depth + 1)


def split(data: bytes, at: int, end: int, boundary: str, notes: list[str]) -> Iterator[tuple[int, int]]:
    """The (begin, end) of each body part between the delimiters (RFC 2046 section 5.1.1)."""
    if not boundary:
        boundary = _guessed_boundary(data, at, end, notes)
    # RFC 2046 section 5.1.1: dash-boundary = "--" boundary; the boundary's last sign is no blank
    mark = b"--" + boundary.encode("utf-8")
    found = _next_delimiter(data, at, end, mark)
    if found is None:
        notes.append("the boundary of the multipart is nowhere in it")
        return
    for _ in range(DEFAULT_INPUT_LIMITS.max_parts + 1):
        # RFC 2046 section 5.1.1: what stands behind the close-delimiter is the epilogue, for nobody
        if found is None or found[2]:
            return
        begin = found[1]
        found = _next_delimiter(data, begin, end, mark)
        if found is None:
            # a message that was cut off on its way lacks it; its last part may still be whole
            notes.append("the multipart has no closing delimiter; its last part goes to the end")
        if begin < end:
            yield begin, found[0] if found else end
    raise OverLimits(f"a multipart has more than {DEFAULT_INPUT_LIMITS.max_parts} parts")


def _guessed_boundary(data: bytes, at: int, end: int, notes: list[str]) -> str:
    """QUIRK: some gateways drop the parameter; the first line that opens with two dashes says it as well."""
    begin = at if data.startswith(b"--", at) else data.find(b"\n--", at, end) + 1
    line = data[begin : min(end, begin + 200)].partition(b"\n")[0].strip() if begin or data.startswith(b"--") else b""
    if not line.startswith(b"--") or len(line) == len(b"--"):
        raise MalformedContent("the multipart names no boundary and shows none", offset=at)
    notes.append("the multipart names no boundary; its first delimiter line is taken")
    return line[2:].decode("latin-1")


def _next_delimiter(data: bytes, at: int, end: int, mark: bytes) -> tuple[int, int, bool] | None:
    """The next delimiter line: where the part before it ends, where the next begins, whether it is the last."""
    here = at
    while (here := data.find(mark, here, end)) >= 0:
        after = here + len(mark)
        # RFC 2046 section 5.1.1: a delimiter stands at the beginning of a line. This is asked first, since it is cheap;
        # the rest of the line is read only as far as a delimiter may reach
        if here == at or data[here - 1] == _LINE_FEED:
            closing = data.startswith(b"--", after, end)
            line = _AFTER_MARK.match(data, after + 2 * closing, end)
            if line:
                # RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter,
                # not to the part; QUIRK: a bare line feed counts as one
                before = here if here == at else here - 1 - (data[here - 2 : here] == b"\r\n")
                return max(before, at), line.end(), closing
        here = after
    return None


def _leaf(body: bytes, fields: headers.Fields, walk: MimeParts) -> None:
    if len(walk.parts) >= DEFAULT_INPUT_LIMITS.max_parts:
        raise OverLimits(f"the message has more than {DEFAULT_INPUT_LIMITS.max_parts} parts")
    number = len(walk.parts) + 1
    name, parameters = headers.content_type(fields.get("Content-Type"))
    # RFC 2045 section 6: the transfer encoding of each part by itself
    data, note = transfer.decode(body, fields.get("Content-Transfer-Encoding"))
    if note:
        walk.notes.append(f"part {number}: {note}")
    # CONF 1.3 10.2.2: the name of a part is the `name` of Content-Type, then the filename of
    # Content-Disposition
    word, file_name = headers.disposition(fields.get("Content-Disposition"))
    if word:
        walk.rest.append((f"Part-{number}-Content-Disposition", word))
    walk.parts.append(
        Part(
            data,
            name,
            name=parameters.get("name", "") or file_name,
            # RFC 2045 section 7: Content-ID = msg-id, in angle brackets; QUIRK: gateways leave them
            # out
            content_id=headers.words(fields.get("Content-ID")).strip("<> "),
            # RFC 2557 section 4.4.1: a Content-Location that is not ASCII comes in encoded words
            content_location=headers.words(fields.get("Content-Location")),
            charset=parameters.get("charset", ""),
        )
    )


_ENVELOPE = ("from", "to", "cc", "bcc", "subject", "mime-version", "content-type", "content-transfer-encoding", "date")
# nine digits of seconds are 31 years
_MAX_DIGITS = 9
_CLASSES = ("personal", "advertisement", "informational", "auto")


def unpacked(fields: headers.Fields, walk: MimeParts, encoding: str) -> Unpacked:
    """Envelope and content of a message that was walked."""
    found: dict[str, Any] = {
        # RFC 5322 section 3.6.2: From may name several; a message of MMS has one sender
        "sender": next(iter(headers.addresses(fields, "From")), ""),
        "to": headers.addresses(fields, "To"),
        "cc": headers.addresses(fields, "Cc"),
        "bcc": headers.addresses(fields, "Bcc"),
        "date_s": headers.timestamp(fields.get("Date")),
    }
    # fields the envelope has no place for are handed on, Received and DKIM-Signature with them
    rest = [
        (name, headers.words(value))
        for name, value in fields.rows
        if name.lower() not in _ENVELOPE and not _fill_envelope(found, name.lower(), headers.words(value))
    ]
    content = walk.content(headers.words(fields.get("Subject")))
    return Unpacked(Envelope(**found), content, encoding, tuple(walk.notes), (*rest, *walk.rest))


def _fill_envelope(found: dict[str, Any], name: str, value: str) -> bool:
    """Put an X-Mms field into the envelope's arguments; False when it says what the envelope has no place for."""
    word = value.strip().lower()
    # the X-Mms fields of MM4 (TS 23.140 section 8.4, RFC 4356), which gateways leave in their mails
    if name in ("x-mms-transaction-id", "x-mms-message-id"):
        return _set(found, name[6:].replace("-", "_"), value)
    # m-send.req is seen as well
    if name == "x-mms-message-type" and word.replace(".", "-") in MESSAGE_TYPE_CODES:
        return _set(found, "message_type", word.replace(".", "-"))
    if name == "x-mms-message-class" and word in _CLASSES:
        return _set(found, "message_class", word)
    if name == "x-mms-priority" and word in ("low", "normal", "high"):
        return _set(found, "priority", word)
    # an absolute date has no place in the envelope, which counts seconds from submission
    if name == "x-mms-expiry" and word.isdecimal() and word.isascii() and len(word) <= _MAX_DIGITS:
        return _set(found, "expiry_s", int(word))
    # RFC 4356: Yes or No
    if name in ("x-mms-delivery-report", "x-mms-read-reply") and word in ("yes", "no"):
        return _set(found, "delivery_report" if "delivery" in name else "read_report", word == "yes")
    return False


def _set(found: dict[str, Any], attribute: str, value: str | int | bool) -> bool:  # noqa: FBT001  # it is a value
    # the first of two fields counts
    new = attribute not in found
    found.setdefault(attribute, value)
    return new
