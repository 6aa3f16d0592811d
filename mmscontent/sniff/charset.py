"""Finds the charset of a text: by its byte order mark, as valid UTF-8, by what is declared, and only then guesses."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEAD_BYTES = 65_536
# RFC 3629 6 and RFC 2781 3.2: byte order marks
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# C0 controls but tab, line ends, substitute (CP/M's end of file) and escape (ISO 2022)
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f\ufffe\uffff]")
# ASCII that most of any Western text consists of
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;!?-'\"\r\n\t/=<>()"
_DECLARED = re.compile(rb"(?:encoding|charset)\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9._-]{2,40})", re.IGNORECASE)

# Charsets believed when declared, by any of their names; the first of a row is the one reported.
_CHARSETS = (
    *((f"windows-{page}", f"cp{page}") for page in (874, *range(1250, 1259))),
    *((f"iso-8859-{number}",) for number in (5, 7, 8)),
    ("iso-8859-1", "latin1", "latin-1", "iso8859-1"),
    ("iso-8859-2", "latin2"),
    ("iso-8859-9", "latin5"),
    ("iso-8859-15", "latin-9"),
    ("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji"),
    ("windows-31j", "cp932"),
    ("euc-kr", "ks_c_5601-1987"),
    ("gbk", "cp936"),
    *((name,) for name in ("tis-620", "koi8-r", "koi8-u", "euc-jp", "iso-2022-jp", "iso-2022-kr")),
    *((name,) for name in ("big5", "big5-hkscs", "gb2312", "gb18030")),
)
_NAMES = {name: row[0] for row in _CHARSETS for name in row}
_PYTHON_NAMES = {"windows-31j": "cp932", "windows-874": "cp874"}
_WIDE = {"utf-16": "utf-16-be", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le", "iso-10646-ucs-2": "utf-16-be"}
_WIDE |= {"ucs-2": "utf-16-be", "csunicode": "utf-16-be"}


class Text(NamedTuple):
    """The beginning of a text, decoded; charset is None when it is not known."""

    head: str
    charset: str | None
    notes: tuple[str, ...] = ()


def read_charset(data: bytes, declared: str = "", *, claimed: bool = False) -> Text | None:
    """Charset and decoded beginning; None when these are no text.

    *claimed* means that name or declared type say it is text: bytes without control characters are then believed.
    """
    # The beginning is enough to see charset and kind of a text; a whole book would take seconds.
    head = data[:_HEAD_BYTES]
    for mark, charset in _BOMS:
        if head.startswith(mark):
            return _wide(head, "utf-16") if charset == "utf-16" else _marked(head)
    # RFC 2781 4.3: without a mark UTF-16 is big-endian, and so is what phones call UCS-2.
    if declared.lower() in _WIDE and (text := _wide(head, _WIDE[declared.lower()])):
        return text
    # QUIRK: some phones end a text or SMIL with a zero, as C strings do.
    notes = ("it ends in zeros, as a C string does",) if head.endswith(b"\0") else ()
    head = head.rstrip(b"\0")
    if _CONTROLS.search(head) or not head:
        return _odd(head)
    if head.isascii():
        # RFC 1468: ISO-2022-JP is ASCII with escape sequences.
        escapes = b"\x1b" in head and _NAMES.get(declared.lower(), "").startswith("iso-2022")
        return Text(head.decode("ascii"), declared.lower() if escapes else "us-ascii", notes)
    # RFC 3629: text in another charset is hardly ever valid UTF-8 by chance, so UTF-8 comes before any declaration.
    text = _utf8(head) or _declared(head, declared) or _guessed(head, claimed=claimed)
    return text._replace(notes=text.notes + notes) if text else None


def _marked(head: bytes) -> Text | None:
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    return Text(text, "utf-8") if _reads_well(text) else None


def _wide(head: bytes, codec: str) -> Text | None:
    # Two octets a code unit: the beginning of a longer text may end inside one.
    text = head[: len(head) & ~1].decode(codec, "replace").removeprefix("\ufeff")
    return Text(text, "utf-16") if text and _reads_well(text) else None


def _reads_well(text: str) -> bool:
    # U+FFFD stands for what could not be decoded: one in a hundred is damage, more are a wrong charset.
    return not _CONTROL_CHARACTERS.search(text.rstrip("\0")) and text.count("\ufffd") <= len(text) // 100 + 1


def _odd(head: bytes) -> Text | None:
    """A few stray control characters in what is otherwise ASCII: mails and contacts from old gateways have them."""
    strays = len(_CONTROLS.findall(head))
    if len(head) < 64 or strays > len(head) // 500 + 1 or b"\0" in head or _share_of_letters(head) < 0.9:
        return None
    return Text(head.decode("utf-8", "replace"), "utf-8", (f"it holds {strays} control characters",))


def _share_of_letters(head: bytes) -> float:
    return sum(head.count(c) for c in set(_LETTERS)) / len(head)


def _utf8(head: bytes) -> Text | None:
    text = _decoded(head, "utf-8")
    return Text(text, "utf-8") if text is not None else None


def _declared(head: bytes, declared: str) -> Text | None:
    """By the sender's word, or by what the text itself says (XML, HTML, mails, vCard 2.1)."""
    # XML 1.0 4.3.3 (encoding), HTML (charset), RFC 2045 5.1 and vCard 2.1 (charset parameter).
    inside = _DECLARED.search(head)
    for name in (declared, inside[1].decode("ascii") if inside else ""):
        charset = _NAMES.get(name.lower())
        if charset:
            text = _decoded(head, _PYTHON_NAMES.get(charset, charset))
            if text is not None and _reads_well(text):
                return Text(text, charset)
    return None


def _decoded(head: bytes, codec: str) -> str | None:
    """Decode all of it; the beginning of something longer may end inside a character."""
    try:
        return head.decode(codec)
    except UnicodeDecodeError as exc:
        # A character of UTF-8 has at most four octets (RFC 3629 3).
        if len(head) == _HEAD_BYTES and exc.start >= len(head) - 3:
            return head[: exc.start].decode(codec)
        return None


def _guessed(head: bytes, *, claimed: bool) -> Text | None:
    # Western phones and PCs before UTF-8 wrote windows-1252; its ASCII letters are at least half of a text.
    if _share_of_letters(head) >= 0.5:
        return Text(head.decode("cp1252", "replace"), "windows-1252", ("it is not UTF-8, windows-1252 is a guess",))
    if claimed:
        return Text(head.decode("latin-1"), None, ("it is not UTF-8 and its charset is not known",))
    return None
