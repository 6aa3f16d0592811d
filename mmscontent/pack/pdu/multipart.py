"""Reads and writes the WSP multipart (WAP-230-WSP section 8.5): reading is tolerant, writing is strict.

This module knows nothing of MMS fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mmscontent.errors import MalformedContent, OverLimits
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import Content, Part
from mmscontent.pack import wsp
from mmscontent.pack.assigned import (
    CHARSETS,
    CONTENT_TYPES,
    DISPOSITIONS,
    PARAMETERS,
    PART_HEADERS,
    WRITTEN_PARAMETERS,
    charset_code,
    content_type_code,
)
from mmscontent.pack.common import printable, split_presentation

_MULTIPART = "application/vnd.wap.multipart."
# CONF: with a presentation the body SHALL be multipart.related, without one multipart.mixed
RELATED, MIXED = f"{_MULTIPART}related", f"{_MULTIPART}mixed"
# media type, charset, name, content id, content location
_Names = tuple[str, str, str, str, str]


@dataclass(slots=True)
class Body:
    """The parts, headers and notes of a body, growing while it is read."""

    parts: list[Part] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def content(self, start: str) -> Content:
        """The parts with the presentation taken out."""
        presentation, parts, notes = split_presentation(tuple(self.parts), start)
        self.notes += notes
        return Content(parts, presentation)


# --- reading -------------------------------------------------------------------------------------------------------


def read_body(data: bytes, at: int, end: int) -> tuple[Content, Body]:
    """The Content-Type field of a PDU with all that follows it; nested multiparts are laid flat.

    Raises:
        MalformedContent: The content type cannot be read; what goes wrong behind it is a note.
        OverLimits: There are more parts, or they are nested deeper, than we agree to open.
    """
    name, parameters, at = _read_content_type(data, at, end)
    body = Body()
    # read as multiparts whatever their name is: QUIRK: gateways write multipart/related, WSP wants
    # application/vnd.wap.…
    if name.startswith((_MULTIPART, "multipart/")):
        _read_entries(data, at, end, body, 1)
    # AOSP drops such a message; it is read here, and written as a multipart
    elif at < end:
        body.notes.append(f"the body is a single {name}, not a multipart")
        body.parts.append(_part(data[at:end], name, parameters, {}))
    return body.content(str(parameters.get("start", ""))), body


def _read_entries(data: bytes, at: int, end: int, body: Body, depth: int) -> None:
    if depth > DEFAULT_INPUT_LIMITS.max_nesting:
        raise OverLimits(f"multiparts are nested deeper than {DEFAULT_INPUT_LIMITS.max_nesting}")
    count = 0
    try:
        # 8.5: multipart = nEntries:uintvar, then that many entries
        count, at = wsp.read_uintvar(data, at, end)
        for _ in range(count):
            at = _read_entry(data, at, end, body, depth)
    except MalformedContent as exc:
        body.notes.append(f"after {len(body.parts)} of {count} parts: {exc}")
        return
    # octets behind the last entry belong to no part
    if at < end:
        body.notes.append(f"{end - at:,} octets follow the last part")


def _read_entry(data: bytes, at: int, end: int, body: Body, depth: int) -> int:
    if len(body.parts) >= DEFAULT_INPUT_LIMITS.max_parts:
        raise OverLimits(f"the message has more than {DEFAULT_INPUT_LIMITS.max_parts} parts")
    # 8.5: entry = headersLen:uintvar dataLen:uintvar Content-Type *header data; headersLen counts
    # Content-Type and headers
    headers_size, after = wsp.read_uintvar(data, at, end)
    data_size, after = wsp.read_uintvar(data, after, end)
    headers_end = after + headers_size
    if headers_end > end:
        raise MalformedContent(f"the headers of the part at octet {at:,} run past the end", offset=at)
    # 8.5: the Content-Type comes first and without a field number
    name, parameters, after = _read_content_type(data, after, headers_end)
    number = len(body.parts) + 1
    headers = _read_headers(data, after, headers_end, body, number)
    stop = min(headers_end + data_size, end)
    if name.startswith((_MULTIPART, "multipart/")):
        body.notes.append(f"part {number} is a {name}; its parts are laid flat")
        _read_entries(data, headers_end, stop, body, depth + 1)
        return stop
    # a part that is cut off is kept as far as it goes: half a picture is more than none
    octets = data[headers_end:stop]
    if len(octets) < data_size:
        body.notes.append(f"part {number} is cut off: {len(octets):,} of {data_size:,} octets are there")
    body.parts.append(_part(octets, name, parameters, headers))
    return stop


def _part(data: bytes, name: str, parameters: Mapping[str, str | int], headers: Mapping[str, str]) -> Part:
    # CONF 1.3 section 10.2.2: name, then the disposition's filename
    # a missing name stays empty: names are made when the message is packed again
    label = str(parameters.get("name", "")) or headers.get("filename", "")
    return Part(
        data,
        name,
        name=printable(label),
        content_id=printable(headers.get("Content-ID", "")).strip("<>"),
        content_location=printable(headers.get("Content-Location", "")),
        charset=printable(str(parameters.get("charset", ""))),
    )


def _read_content_type(data: bytes, at: int, end: int) -> tuple[str, dict[str, str | int], int]:
    """A Content-Type value: media type in lower case, parameters, where it ends."""
    # 8.4.2.24: Content-type-value = Constrained-media | Content-general-form
    stop = wsp.value_end(data, at, end)
    if not wsp.starts_length(data[at]):
        return _media_type(data, at, stop)[0], {}, stop
    # 8.4.2.24: Content-general-form = Value-length Media-type; Media-type = Media *(Parameter)
    _, at = wsp.read_value_length(data, at, stop)
    name, at = _media_type(data, at, stop)
    return name, _read_parameters(data, at, stop), stop


def _media_type(data: bytes, at: int, end: int) -> tuple[str, int]:
    # 8.4.2.24: Media = Well-known-media | Extension-Media; Well-known-media = Integer-value
    if at < end and wsp.starts_integer(data[at]):
        number, at = wsp.read_integer(data, at, end)
        return CONTENT_TYPES.get(number, "application/octet-stream").replace("/*", "/octet-stream"), at
    octets, at = wsp.read_text(data, at, end)
    # QUIRK: some gateways write the whole MIME field with its parameters as one text
    name = printable(wsp.decode_text(octets)).partition(";")[0].strip().lower()
    return name if "/" in name else "application/octet-stream", at


def _read_parameters(data: bytes, at: int, end: int) -> dict[str, str | int]:
    """Parameters by name; the first of a name counts. A damaged one ends them: the length says where to go on."""
    found: dict[str, str | int] = {}
    try:
        while at < end:
            # 8.4.2.4: Typed-parameter = Well-known-parameter-token Typed-value; the token is an
            # Integer-value
            if wsp.starts_integer(data[at]):
                number, at = wsp.read_integer(data, at, end)
                name = PARAMETERS.get(number, f"x-{number:02x}")
            else:
                octets, at = wsp.read_text(data, at, end)
                # 8.4.2.4: Untyped-parameter = Token-text Untyped-value
                # 8.4.2.6: Application-header = Token-text Application-specific-value
                name = wsp.decode_text(octets).lower()
            stop = wsp.value_end(data, at, end)
            # a parameter may stand twice, under its old and its new number; the first counts
            found.setdefault(name, _parameter_value(name, data[at:stop]))
            at = stop
    except MalformedContent:
        pass
    return found


def _parameter_value(name: str, data: bytes) -> str | int:
    # 8.4.2.4: Typed-value = Compact-value | Text-value; "if the value cannot be encoded using
    # expected type, it shall be encoded as text". QUIRK: a closing quotation mark, which 8.4.2.1
    # leaves out
    if wsp.starts_text(data[0]):
        octets, _ = wsp.read_text(data, 0, len(data))
        return wsp.decode_text(octets).removesuffix('"') if data[:1] == b'"' else wsp.decode_text(octets)
    # 8.4.2.3: No-value = <Octet 0>
    if data == b"\0":
        return ""
    number, _ = wsp.read_integer(data, 0, len(data))
    if name == "charset":
        # 8.4.2.8: Well-known-charset = Any-charset | Integer-value, the MIBenum
        return CHARSETS.get(number, "")
    return CONTENT_TYPES.get(number, "") if name == "type" else number


def _read_headers(data: bytes, at: int, end: int, body: Body, number: int) -> dict[str, str]:
    """The headers of a part after its content type; what is not known is kept in *body* as text."""
    found: dict[str, str] = {}
    try:
        while at < end:
            # 8.4.2.6: Message-header = Well-known-header | Application-header;
            # Well-known-field-name = Short-integer
            if data[at] >= wsp.SHORT_BIT:
                name = PART_HEADERS.get(data[at] & 0x7F, f"X-Wsp-{data[at] & 0x7F:02X}")
                at += 1
            else:
                octets, at = wsp.read_text(data, at, end)
                name = wsp.decode_text(octets)
            stop = wsp.value_end(data, at, end)
            _keep_header(found, name, data[at:stop], body, number)
            at = stop
    except MalformedContent as exc:
        body.notes.append(f"part {number}: its headers cannot be read to the end: {exc}")
    return found


def _keep_header(found: dict[str, str], name: str, data: bytes, body: Body, number: int) -> None:
    canonical = {"content-id": "Content-ID", "content-location": "Content-Location"}.get(name.lower())
    # table 39: Content-ID is a Quoted-string, Content-Location a Uri-value, which is a Text-string;
    # each is read in both forms
    if canonical and wsp.starts_text(data[0]):
        octets, _ = wsp.read_text(data, 0, len(data))
        text = wsp.decode_text(octets)
        if data[:1] == b'"' and text.endswith('"'):
            text = text[:-1]
            body.notes.append(f"part {number}: its {canonical} has a closing quotation mark")
        found.setdefault(canonical, text)
        return
    # 0x2E until encoding version 1.3, 0x45 from 1.4 on; one value in both
    if name.lower() == "content-disposition":
        data, found["filename"] = _disposition(data)
    body.headers.append((f"Part-{number}-{printable(name)}", _as_text(data)))


def _disposition(data: bytes) -> tuple[bytes, str]:
    """The disposition as a text-string, and its file name."""
    # a disposition without its length is a token or a text by itself
    if not wsp.starts_length(data[0]):
        return data, ""
    _, at = wsp.read_value_length(data, 0, len(data))
    stop = wsp.value_end(data, at, len(data))
    # Disposition = Form-data | Attachment | Inline | Token-text, as <Octet 128> to <Octet 130>
    word = DISPOSITIONS.get(data[at] & 0x7F, "") if data[at] >= wsp.SHORT_BIT else _as_text(data[at:stop])
    return wsp.text_string(word), str(_read_parameters(data, stop, len(data)).get("filename", ""))


def _as_text(data: bytes) -> str:
    """Any value as text for people: words as they are, numbers in decimal, the rest in hexadecimal."""
    if wsp.starts_text(data[0]):
        return printable(wsp.decode_text(wsp.read_text(data, 0, len(data))[0]))
    return str(data[0] & 0x7F) if len(data) == 1 else data.hex()


# --- writing -------------------------------------------------------------------------------------------------------


def content_type_value(name: str, parameters: Mapping[str, str], *, style: str = "old") -> bytes:
    """A Content-Type value; *style* picks the numbers of the parameters (assigned.WRITTEN_PARAMETERS)."""
    # 8.4.2.24: "The short form of the Content-type-value MUST only be used when the well-known
    # media is in the range of 0-127 or a text string"; with parameters the general form is the only
    # one
    code = content_type_code(name)
    media = wsp.short_integer(code) if code is not None else wsp.text_string(name)
    written = [_parameter(key, value, style) for key, value in parameters.items() if value]
    if not written:
        return media
    return wsp.with_length(media + b"".join(written))


def _parameter(name: str, value: str, style: str) -> bytes:
    # 8.4.2.4: Well-known-parameter-token = Integer-value
    number = wsp.short_integer(WRITTEN_PARAMETERS[style][name])
    mib = charset_code(value) if name == "charset" else None
    code = content_type_code(value) if name == "type" else None
    # 8.4.2.8: the charset as MIBenum; one without a number goes as text
    if mib is not None:
        return number + wsp.integer(mib)
    return number + (wsp.short_integer(code) if code is not None else wsp.text_string(value))


# a campaign packs the same parts once for each receiver; bodies are not kept
@lru_cache(maxsize=1024)
def part_headers(names: _Names, style: str = "old") -> tuple[bytes, bytes]:
    """The length of a part's Content-Type and headers, and these, in the order phones write them."""
    media_type, charset, name, content_id, location = names
    # 8.5: Content-Type first; phones then write Content-ID and Content-Location
    headers = [content_type_value(media_type, {"charset": charset, "name": name}, style=style)]
    if content_id:
        # 8.4.2.1: a quoted-string opens with a quotation mark and is not closed
        headers.append(b'\xc0"<' + content_id.encode("utf-8") + b">\0")
    if location:
        # 0x0E Content-Location: Uri-value = Text-string (8.4.2.3)
        headers.append(b"\x8e" + wsp.text_string(location))
    octets = b"".join(headers)
    return wsp.uintvar(len(octets)), octets


def names_of(part: Part) -> _Names:
    """The media type and names that a part's headers are made of."""
    return (part.media_type, part.charset, part.name, part.content_id, part.content_location)


@lru_cache(maxsize=1024)
def _type_of(presentation: tuple[str, str], style: str) -> bytes:
    """The Content-Type value; *presentation* is the media type and id of the root, empty when there is none."""
    media_type, content_id = presentation
    if not media_type:
        return content_type_value(MIXED, {}, style=style)
    # RFC 2387 section 3.2: start names the root by its Content-ID, angle brackets and all
    start = f"<{content_id}>" if content_id else ""
    return content_type_value(RELATED, {"type": media_type, "start": start}, style=style)


def _opening(content: Content, style: str) -> tuple[bytes, tuple[Part, ...]]:
    """The Content-Type value and the number of entries; the entries."""
    root = content.presentation
    if root is None:
        return _type_of(("", ""), style) + wsp.uintvar(len(content.parts)), content.parts
    entries = (root, *content.parts)
    return _type_of((root.media_type, root.content_id), style) + wsp.uintvar(len(entries)), entries


def write_body(content: Content, style: str = "old") -> list[bytes]:
    """The Content-Type field's value and the multipart, as pieces to join; bodies are not copied."""
    opening, entries = _opening(content, style)
    pieces = [opening]
    for part in entries:
        length, headers = part_headers(names_of(part), style)
        # 8.5: headersLen, dataLen, Content-Type and headers, data
        pieces += (length, wsp.uintvar(len(part.data)), headers, part.data)
    return pieces


def body_size(content: Content, style: str = "old") -> int:
    """How many octets `write_body` gives."""
    opening, entries = _opening(content, style)
    size = len(opening)
    for part in entries:
        length, headers = part_headers(names_of(part), style)
        size += len(length) + len(headers) + wsp.uintvar_size(len(part.data)) + len(part.data)
    return size


def body_budget(content: Content, wire_bytes: int, style: str = "old") -> int:
    """What the bodies of the parts may have together so that `write_body` never passes *wire_bytes*.

    Each part's length octets depend on its share. The dearest shares are those that just need one octet more, the
    cheapest such first: 128 octets for the second, 16,384 for the third.
    """
    # all but the bodies: what is left is shared between them and their length octets
    empty = Content(tuple(replace(p, data=b"") for p in content.parts), content.presentation, content.subject)
    left = wire_bytes - body_size(empty, style)
    # without parts there is nothing to spend the bytes on
    count = len(content.parts)
    best = left
    while best > 0 and best + _extra_length_octets(best, count) > left:
        best = left - _extra_length_octets(best, count)
    return max(0, best) if count else 0


def _extra_length_octets(total: int, count: int) -> int:
    extra = 0
    # 8.1.2: lengths that take one octet more begin at 2^7, 2^14, 2^21 and 2^28
    for step in (1 << 7, (1 << 14) - (1 << 7), (1 << 21) - (1 << 14), (1 << 28) - (1 << 21)):
        more = min(count, total // step)
        extra += more
        total -= more * step
        if more < count:
            break
    return extra
