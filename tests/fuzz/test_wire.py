"""Damage of every kind to messages, and shapes made to be slow: our errors only, linear time, bounded memory."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from mmscontent.errors import MMSContentError
from mmscontent.pack.registry import unpack
from mmscontent.pack.wsp import uintvar
from tests.fuzz.wire import run

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = 20_000


def test_nothing_but_our_errors_leaves_under_twenty_thousand_mutations() -> None:
    tally = run(seed=20261122, inputs=INPUTS)

    assert [why for _, why in tally.failures] == []
    assert tally.inputs == INPUTS
    assert min(tally.read, tally.refused) > INPUTS // 100  # both ends of the reader were reached
    assert tally.slowest_s < 1


HEAD = b"From: a@b.cc\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n"
SOAP = b"<Envelope><Body><SubmitReq>"


def _field(name: bytes, unit: bytes) -> Callable[[int], bytes]:
    """Fields just under the cap on one, as many as fit under the cap on a header."""
    line = name + b": " + unit * (15_000 // len(unit)) + b"\r\n"
    return lambda size: HEAD + line * min(16, size // len(line)) + b"\r\nx"


def _repeat(unit: bytes, head: bytes = b"", tail: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: head + unit * (size // len(unit)) + tail


# Shapes that make naive readers slow, deep or large.
SHAPES: dict[str, Callable[[int], bytes]] = {
    "addresses": _field(b"To", b"a,"),
    "comments in comments": _field(b"To", b"("),
    "angles": _field(b"To", b"<"),
    "open quotes": _field(b"To", b'"\\'),
    "encoded words": _field(b"Subject", b"=?utf-8?q?a?= "),
    "half encoded words": _field(b"X-A", b"=?a?q?"),
    "empty parameters": _field(b"Content-Type", b";a"),
    "quoted parameters": _field(b"Content-Type", b'";'),
    "continued parameters": _field(b"Content-Type", b";n*1=b"),
    "date": _field(b"Date", b"1 "),
    "empty parts": _repeat(b"--B\r\n\r\n\r\n", MIXED),
    "near delimiters": _repeat(b"--Bx\r\n", MIXED),
    "delimiters in one line": _repeat(b"x--B", MIXED),
    "dashes": _repeat(b"-", HEAD + b"Content-Type: multipart/mixed; boundary=-\r\n\r\n"),
    "nested multiparts": _repeat(b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n", HEAD),
    "empty lines": _repeat(b"\r\n"),
    "fields": _repeat(b"X: y\r\n", HEAD),
    "folds": _repeat(b" z\r\n", HEAD + b"X: y\r\n"),
    "blank folds": _repeat(b" \r\n", HEAD + b"X: y\r\n"),
    "no colon": _repeat(b"X"),
    "broken base64": _repeat(b"=A", HEAD + b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
    "broken quoted-printable": _repeat(b"=\n= ", HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"),
    "deep xml": _repeat(b"<a>", SOAP),
    "wide xml": _repeat(b"<a/>", SOAP),
    "many attributes": lambda size: b"<Envelope " + b"".join(b"a%d='1' " % i for i in range(size // 10)) + b"/>",
    "many recipients": _repeat(b"<To><Number>1</Number></To>", SOAP + b"<Recipients>"),
    "long text in xml": _repeat(b"x &amp;", SOAP + b"<Subject>"),
    "xml to recover": _repeat(b"<a:::b>", SOAP),
    "closing tags": _repeat(b"</x>", SOAP),
    "ampersands": _repeat(b"&", SOAP),
    "soap among parts": _repeat(b"--B\r\nContent-ID: x\r\n\r\n\r\n", b"--B\r\nX: schemas.xmlsoap.org/soap\r\n\r\n\r\n"),
    "http heads": _repeat(b"POST / HTTP/1.1\r\n"),
    "pdu: fields": _repeat(b"\x98a\0", b"\x8c\x80"),
    "pdu: text without end": _repeat(b"a", b"\x8c\x80\x98"),
    "pdu: parts": _repeat(b"\x01\x00\x83", b"\x8c\x84\x84\xa3\x8f\xff\x7f"),
    "pdu: nested": _repeat(b"\x01\x01\xff\x7f\xa3", b"\x8c\x84\x84\xa3"),
    "pdu: nested and wide": _repeat(b"\x7f\x01\x8f\xff\xff\x7f\xa3", b"\x8c\x84\x84\xa3"),
    "pdu: part headers": lambda size: b"\x8c\x84\x84\xa3\x01" + uintvar(size) + b"\x00\x83" + b"\x8ea\0" * (size // 3),
    "pdu: parameters": lambda size: b"\x8c\x84\x84\x1f" + uintvar(size // 3 * 3) + b"\xa3" + b"\x85a\0" * (size // 3),
}


def _attempt(data: bytes) -> None:
    with suppress(MMSContentError):
        unpack(data)


def _seconds(data: bytes) -> float:
    began = time.process_time()
    _attempt(data)
    return time.process_time() - began


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_four_times_the_input_takes_no_more_than_about_four_times_the_time(shape: Callable[[int], bytes]) -> None:
    small, large = shape(50_000), shape(200_000)

    # a quadratic reader takes 16 times; the floor keeps the clock's grain and a busy machine out of it
    assert min(_seconds(large), _seconds(large)) < 9 * min(_seconds(small), _seconds(small)) + 0.05


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_memory_a_reader_takes_is_bounded_by_its_input(shape: Callable[[int], bytes]) -> None:
    data = shape(60_000)
    tracemalloc.start()
    try:
        _attempt(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 40 * len(data) + 4_000_000  # the second for what the cap on XML elements allows
