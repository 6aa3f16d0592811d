"""MIME header fields: read tolerantly with the standard library underneath, written strictly.

Nothing that holds a line break can be written. Sources: RFC 5322, 2045, 2047, 2231, 2392.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import errors as email_errors
from email.header import decode_header
from email.message import Message
from email.utils import formatdate, mktime_tz, parsedate_tz
from urllib.parse import quote

from mmscontent.errors import OverLimits
from mmscontent.pack import wsp
from mmscontent.pack.assigned import charset_code
from mmscontent.pack.common import MAX_DATE_S, PHONE_DOMAIN, from_wire, is_email, printable, to_wire

# the longest To of a real message, 130 recipients, has 6,000
MAX_FIELD = 16_384
# enough for every trace header of a mail that passed dozens of relays
MAX_BLOCK = 262_144
# RFC 5322 section 2.1.1
MAX_LINE = 998
FOLD = "\r\n "
# RFC 5322 section 2.2: field-name of printable signs but the colon; section 2.2.3: a line that
# begins with a blank goes on with the field. QUIRK: blanks before the colon, which section 4.5
# allows in old mail. A possessive group in place of the last `)*` is matched wrongly by CPython
# before 3.11.5
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*+(?:\n[ \t]++[^ \t\r\n][^\n]*+)*)(?:\n|\Z)")
# RFC 5322 section 2.2.3: unfolding takes out the CRLF before a blank and leaves the blank
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
# RFC 5322 section 2.1: an empty line ends the header; some senders leave blanks in it
_BLANK = re.compile(rb"[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class Fields:
    """A header block: (name, raw text) in wire order, unfolded, not decoded."""

    rows: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The first field of that name, raw."""
        # names of fields are the same in any case (RFC 5322)
        return next((value for key, value in self.rows if key.lower() == name.lower()), default)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every field of that name, raw."""
        return tuple(value for key, value in self.rows if key.lower() == name.lower())


# --- reading -------------------------------------------------------------------------------------------------------


def read_fields(data: bytes, at: int, end: int, notes: list[str]) -> tuple[Fields, int]:
    """The header block at *at*, and where the body begins.

    Raises:
        OverLimits: The block or a field of it is longer than we agree to read.
    """
    rows: list[tuple[str, str]] = []
    here = at
    # one octet more than a field may have is looked at, so that a longer one is seen to be longer
    while (match := _FIELD.match(data, here, min(end, here + MAX_FIELD + 1))) is not None:
        if match.end() - here > MAX_FIELD or match.end() - at > MAX_BLOCK:
            raise OverLimits(
                f"the header at octet {at:,} has a field of more than {MAX_FIELD:,} octets, or more than {MAX_BLOCK:,} "
                "octets in all"
            )
        # raw UTF-8 in a field is RFC 6532; anything else that is not ASCII is read as Latin-1
        value = wsp.decode_text(_FOLD.sub(b"", match[2]))
        rows.append((match[1].decode("ascii"), printable(value).strip()))
        here = match.end()
    blank = _BLANK.match(data, here, end)
    if blank is None:
        # what the standard library's reader does as well: the body begins where the fields end
        notes.append(f"the header at octet {at:,} is not closed by an empty line")
    return Fields(tuple(rows)), blank.end() if blank else here


def words(raw: str) -> str:
    """Text of an unstructured field with its encoded words read (RFC 2047)."""
    # RFC 2047 section 2: encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
    if "=?" not in raw:
        return raw
    try:
        # RFC 2047 section 6.2: white space between two encoded words is not shown
        pieces = decode_header(raw)
    except (email_errors.HeaderParseError, ValueError, binascii.Error):
        return raw
    return printable("".join(_word(text, charset) for text, charset in pieces))


def _word(text: str | bytes, charset: str | None) -> str:
    if isinstance(text, str):
        return text
    # what stands between encoded words comes back as octets in the standard library's own escape
    if charset is None:
        return text.decode("raw-unicode-escape", "replace")
    try:
        # a charset Python does not know is looked up by its MIBenum, and read as UTF-8 at last
        return text.decode(charset)
    except (LookupError, UnicodeError):
        return wsp.decode_text(text, charset_code(charset))


def content_type(raw: str) -> tuple[str, dict[str, str]]:
    """Media type in lower case, and its parameters by lower-case name; text/plain when there is none (RFC 2045 5.2)."""
    holder: Message[str, str] = Message()
    # RFC 2045 section 5.2: without a Content-Type a body is text/plain in us-ascii
    holder["Content-Type"] = raw or "text/plain"
    name = printable(raw or "text/plain").partition(";")[0].strip().lower()
    # RFC 2045 section 5.1: type "/" subtype, both tokens; section 5.2 asks for text/plain when the
    # field is damaged, but bytes of an unknown kind must not be taken for text
    if not re.fullmatch(r"[!-.0-~]+/[!-.0-~]+", name):
        name = "application/octet-stream" if raw else "text/plain"
    return name, parameters(holder, "content-type")


def parameters(holder: Message[str, str], header: str) -> dict[str, str]:
    """Parameters of a field by lower-case name, RFC 2231 and RFC 2047 read."""
    try:
        # RFC 2231 section 3: numbered parameters are joined; section 4: a charset and a language
        # may stand before the value
        pairs = holder.get_params(header=header) or []
    except (ValueError, LookupError, email_errors.MessageError):
        return {}
    return _decoded(pairs[1:] if header == "content-type" else pairs)


def _decoded(pairs: Sequence[tuple[str, str | tuple[str | None, str | None, str]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        text = value if isinstance(value, str) else _word(value[2].encode("raw-unicode-escape"), value[0] or "us-ascii")
        # QUIRK: names of parameters in capitals (Nokia's MMSC writes Type= and Start=), encoded
        # words inside a value, which RFC 2047 section 5 forbids
        found.setdefault(key.strip().lower(), printable(words(text)).strip())
    return found


def disposition(raw: str) -> tuple[str, str]:
    """Disposition word and file name."""
    if not raw:
        return "", ""
    holder: Message[str, str] = Message()
    # RFC 2183 section 2: disposition-type, then parameters, of which filename is the one that
    # counts here
    holder["Content-Disposition"] = raw
    found = parameters(holder, "content-disposition")
    return printable(raw).partition(";")[0].strip().lower(), found.get("filename", "")


def addresses(fields: Fields, name: str) -> tuple[str, ...]:
    """Every address of the fields of that name, in the envelope's plain form."""
    found = (address for value in fields.get_all(name) for address in split_addresses(words(value)))
    return tuple(plain for address in found if (plain := from_wire(printable(address))))


# One step of RFC 5322 section 3.4: a quoted string, a run of plain text, or a single sign.
_ADDRESS_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"?|[^"()<>,;:\\]+|.', re.DOTALL)


def split_addresses(text: str) -> list[str]:
    """The addresses of a list without names, comments and groups, in one pass.

    The standard library's reader recurses into comments and gives nothing for a list it doubts.
    """
    found: list[str] = []
    plain: list[str] = []
    angle: list[str] | None = None
    comments = 0
    for sign in _ADDRESS_SIGN.findall(text):
        # RFC 5322 section 3.2.2: comments may be nested; what is inside is for people
        if sign in "()":
            comments = max(0, comments + (1 if sign == "(" else -1))
        elif comments:
            continue
        # RFC 5322 section 3.4: what stands in the angle brackets is the address, the name before it
        # is dropped
        elif sign == "<":
            angle = []
        # RFC 5322 section 3.4: a comma parts addresses, a semicolon ends a group
        elif sign in ",;":
            found.append("".join(plain if angle is None else angle).strip())
            plain, angle = [], None
        elif sign == ":" and angle is None:
            # what stands before it names a group
            plain = []
        elif sign != ">":
            (plain if angle is None else angle).append(sign)
    found.append("".join(plain if angle is None else angle).strip())
    return [address for address in found if address]


def timestamp(raw: str) -> int | None:
    """Seconds since 1970 of a date field, or None when it is none."""
    try:
        # RFC 5322 section 3.3, and the older forms of section 4.3 such as two digits for the year
        fields = parsedate_tz(raw)
        seconds = -1 if fields is None else int(mktime_tz(fields))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    # a date before 1970 or beyond the year 9999 is a mistake of the sender's clock
    return seconds if 0 <= seconds <= MAX_DATE_S else None


# --- writing -------------------------------------------------------------------------------------------------------


def field(name: str, value: str) -> bytes:
    """One field whose value is ASCII already."""
    # a value that could end its field would let a subject add a recipient
    if any(c in value.replace(FOLD, "") for c in "\0\r\n"):
        raise ValueError(f"the value of {name} holds a line break: {value!r}")
    return f"{name}: {value}\r\n".encode("ascii")


def text_field(name: str, text: str) -> bytes:
    """One field of free text: as it is when that survives, else in encoded words of UTF-8."""
    return field(name, text if _plain(name, text) else _encoded_words(text))


def _plain(name: str, text: str) -> bool:
    printable = text.isascii() and text.isprintable() and text == text.strip()
    # RFC 2047 section 5: text that looks like an encoded word would be read as one; RFC 5322
    # section 2.1.1: a line has at most 998 characters
    return printable and "=?" not in text and len(name) + 2 + len(text) <= MAX_LINE


def _encoded_words(text: str) -> str:
    """RFC 2047 section 2: words of at most 75 characters, none splitting a character."""
    # RFC 2047 section 2: an encoded-word has at most 75 characters
    # 60 characters of base64 and 12 around them
    most = 45
    pieces, piece = [], b""
    # RFC 2047 section 5: each encoded word stands for whole characters, since readers decode them
    # one by one
    for character in text:
        octets = character.encode("utf-8")
        if len(piece) + len(octets) > most:
            pieces.append(piece)
            piece = b""
        piece += octets
    pieces.append(piece)
    return FOLD.join(f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode('ascii')}?=" for octets in pieces)


def mailbox(address: str, domain: str = PHONE_DOMAIN) -> str:
    """An address as a mail needs it: numbers with their type, and a domain on everything that has none."""
    # RFC 5321 section 4.1.2 needs a domain; a short code has none, so it gets one like a number
    typed = f"{address}/TYPE=PLMN" if address.isascii() and address.isdecimal() else to_wire(address)
    wire = address if is_email(address) else f"{typed}@{domain}"
    local, _, host = wire.rpartition("@")
    # RFC 5322 section 3.4.1: dot-atom or domain-literal; an internationalised domain comes as its
    # A-label
    if not (host.isascii() and re.fullmatch(r"[A-Za-z0-9.:\-\[\]_]+", host)):
        raise ValueError(f"the address {address!r} has a domain that a mail cannot name")
    # RFC 5322 section 3.2.3: dot-atom, which needs no quotes
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*", local):
        return wire
    if not (local.isascii() and local.isprintable()):
        raise ValueError(f"the address {address!r} has characters that a mail cannot carry")
    # RFC 5322 section 3.2.4: quoted-string; the quote and the backslash get a backslash before them
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"@{host}'


def parameterised(value: str, pairs: Mapping[str, str]) -> str:
    """A value with its parameters, a line each; what is not ASCII goes as RFC 2231."""
    if any(c in value for c in "\0\r\n"):
        raise ValueError(f"a media type holds a line break: {value!r}")
    # RFC 2045 section 5.1: *(";" parameter); a line each keeps every line short
    return value + "".join(f";{FOLD}{_parameter(name, text)}" for name, text in pairs.items() if text)


def _parameter(name: str, text: str) -> str:
    if any(c in text for c in "\0\r\n"):
        raise ValueError(f"the parameter {name} holds a line break: {text!r}")
    # RFC 2045 section 5.1: value = token / quoted-string; a quoted-string is right for every value
    if text.isascii() and text.isprintable():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{quoted}"'
    # RFC 2231 section 4: charset, language, then the octets percent-encoded; the language is left
    # empty
    return f"{name}*=utf-8''{quote(text, safe='!#$&+-.^_`|~')}"


def date_text(seconds: int) -> str:
    """A date of RFC 5322, in UTC."""
    if not 0 <= seconds <= MAX_DATE_S:
        raise ValueError(f"{seconds} seconds since 1970 is no date a message can carry")
    # RFC 5322 section 3.3: +0000 rather than GMT, since the obsolete zone names of section 4.3 must
    # not be written
    return formatdate(seconds, usegmt=False)
