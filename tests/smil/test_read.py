"""Anybody's SMIL becomes slides; hostile ones are bounded and named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent, OverLimits, SourceError
from mmscontent.message import Content, Part
from mmscontent.smil.read import has_unit, parse_clock, read
from mmscontent.smil.resolve import find_part, message_of
from tests.conftest import CorpusFile, corpus_files

CORPUS = [f for f in corpus_files("smil") if b"<smil" in f.path.read_bytes().lower()]


def smil(body: str, head: str = "") -> bytes:
    return f"<smil><head>{head}</head><body>{body}</body></smil>".encode()


def slides(data: bytes) -> list[tuple[int | None, list[str]]]:
    return [(s.duration_ms, [f"{m.element}:{m.src}" for m in s.media]) for s in read(data).slides]


@pytest.mark.parametrize("file", CORPUS, ids=lambda f: f.name)
def test_every_medium_of_a_real_document_is_read(file: CorpusFile) -> None:
    data = file.path.read_bytes()
    stated = re.findall(rb"<(?:img|text|audio|video|ref)[^>]*\bsrc=[\"']([^\"']+)", data)

    assert [m.src.encode() for m in read(data).media] == stated
    assert stated


BODIES = [
    ('<par dur="5s"><img src="a"/><text src="b"/></par>', [(5000, ["img:a", "text:b"])]),
    ('<par dur="5s"><img src="a"/></par><par><img src="b"/></par>', [(5000, ["img:a"]), (None, ["img:b"])]),
    ('<img src="a"/>', [(None, ["img:a"])]),
    ('<seq><img src="a" dur="2s"/><img src="b"/></seq>', [(2000, ["img:a"]), (None, ["img:b"])]),
    (
        '<par><audio src="m"/><seq><img src="a" dur="1s"/><img src="b"/></seq></par>',
        [(1000, ["audio:m", "img:a"]), (None, ["img:b"])],
    ),
    ('<par dur="1s"><par><img src="a"/></par><text src="b"/></par>', [(1000, ["img:a", "text:b"])]),
    ('<excl><img src="a"/></excl>', [(None, ["img:a"])]),
    ('<switch><img src="a"/><img src="b"/></switch>', [(None, ["img:a"]), (None, ["img:b"])]),
    ('<PAR DUR="2S"><IMG SRC="a"/></PAR>', [(2000, ["img:a"])]),
    ('<par duration="5000ms"><img src="a"/></par>', [(5000, ["img:a"])]),
    ('<par begin="1s" end="4s"><img src="a"/></par>', [(3000, ["img:a"])]),
    ('<par><audio src="a" begin="1s" dur="3s"/></par>', [(4000, ["audio:a"])]),
    ('<par><vcard src="a.vcf"/></par>', [(None, ["ref:a.vcf"])]),
    ('<par><ref src="a.jpg"/><ref src="b" type="audio/amr"/></par>', [(None, ["img:a.jpg", "audio:b"])]),
    ('<par><img src="a"><param name="x" value="y"/></img></par>', [(None, ["img:a"])]),
    ('<par><a href="x"><img src="a"/></a></par>', [(None, ["img:a"])]),
    ('<par dur="5s"/><par><img/></par>', []),
    ("", []),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_time_containers_become_slides(body: str, expected: list[tuple[int | None, list[str]]]) -> None:
    assert slides(smil(body)) == expected


ODD = [
    ("windows-1252", '<smil><body><img src="für.jpg"/></body></smil>'.encode("cp1252"), "für.jpg"),
    (
        "declared latin-1",
        '<?xml version="1.0" encoding="ISO-8859-1"?><smil><body><img src="für.jpg"/></body></smil>'.encode("latin-1"),
        "für.jpg",
    ),
    ("utf-16", '<smil><body><img src="für.jpg"/></body></smil>'.encode("utf-16"), "für.jpg"),
    ("utf-16 without mark", '<smil><body><img src="a"/></body></smil>'.encode("utf-16-be"), "a"),
    ("utf-8 with mark", b'\xef\xbb\xbf<smil><body><img src="a"/></body></smil>', "a"),
    ("unknown encoding", b'<?xml version="1.0" encoding="x-none"?><smil><body><img src="a"/></body></smil>', "a"),
    ("NUL at the end", b'<smil><body><img src="a"/></body></smil>\0\0', "a"),
    ("words before", b'junk\r\n<smil><body><img src="a"/></body></smil>', "a"),
    (
        "document type",
        b'<!DOCTYPE smil SYSTEM "http://x/[y]>z.dtd" [<!ELEMENT a ANY>]><smil><img src="a"/></smil>',
        "a",
    ),
    ("html entity", b'<smil><body><img src="f&uuml;r.jpg"/></body></smil>', "für.jpg"),
    ("bare ampersand", b'<smil><body><img src="a&b.jpg"/></body></smil>', "a&b.jpg"),
    ("unknown entity", b'<smil><body><img src="a&xxe;b"/></body></smil>', "a&xxe;b"),
    ("no end tags", b'<smil><body><par><img src="a"><text src="b"/>', "a"),
    ("no root", b'<par><img src="a"/></par>', "a"),
    ("namespace", b'<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><img src="a"/></body></smil>', "a"),
    ("prefix", b'<s:smil xmlns:s="urn:x"><s:body><s:img src="a"/></s:body></s:smil>', "a"),
    ("impossible reference", b'<smil><body><img src="a&#0;&#xFFFFFF;"/></body></smil>', "a"),
    ("control character", b'<smil><body><img src="a\x01"/></body></smil>', "a"),
]


@pytest.mark.parametrize(("data", "src"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_odd_documents_are_read(data: bytes, src: str) -> None:
    assert read(data).media[0].src == src


def test_two_slides_without_a_root_are_both_read() -> None:
    assert len(read(b'<par><img src="a"/></par><par><img src="b"/></par>').slides) == 2


CLOCKS = [
    ("5s", 5000),
    ("5000ms", 5000),
    ("1.5min", 90_000),
    ("0.5h", 1_800_000),
    ("00:05", 5000),
    ("1:00:05.5", 3_605_500),
    ("npt=3s", 3000),
    ("8", 8000),
    ("5000", 5000),
    ("0s", 0),
    ("99999999h", 24 * 3600 * 1000),
    ("indefinite", None),
    ("id(a)(end)", None),
    ("-5s", None),
    ("", None),
    ("9" * 400, None),
    ("٣s", 3000),
]


@pytest.mark.parametrize(("value", "milliseconds"), CLOCKS)
def test_clock_values_are_read_as_senders_mean_them(value: str, milliseconds: int | None) -> None:
    assert parse_clock(value) == milliseconds


@pytest.mark.parametrize(("value", "said"), [("5s", True), ("5", False), ("1.5", False), ("00:05", True)])
def test_a_time_without_a_unit_is_noticed(value: str, *, said: bool) -> None:
    assert has_unit(value) is said


def test_regions_in_pixels_become_percent_of_the_screen() -> None:
    head = (
        '<layout><root-layout width="200px" height="100"/>'
        '<region id="a" left="50" top="10px" width="100" height="50%" fit="Meet"/>'
        '<region id="b" left="90%" width="9999%" fit="odd"/><region id="a"/><region/></layout>'
    )

    regions = read(smil('<img src="x"/>', head)).regions

    assert [(r.id, r.left, r.top, r.width, r.height, r.fit) for r in regions] == [
        ("a", 25, 10, 50, 50, "meet"),
        ("b", 90, 0, 100, 100, "hidden"),
    ]


def test_the_screen_is_what_the_regions_reach_when_nothing_says_it() -> None:
    head = '<layout><region id="a" width="100" height="60"/><region id="b" top="60" width="100" height="60"/></layout>'

    regions = read(smil('<img src="x"/>', head)).regions

    assert [(r.top, r.height) for r in regions] == [(0, 50), (50, 50)]


HOSTILE = [
    ("10,000 slides", smil('<par><img src="a"/></par>' * 8_000), OverLimits),
    ("more bytes than any", smil('<par><img src="a"/></par>' * 10_000), OverLimits),
    ("1,000 levels", smil("<par>" * 1000 + '<img src="a"/>' + "</par>" * 1000), OverLimits),
    ("1,000 levels never closed", b"<smil>" + b"<par>" * 1000, SourceError),
    ("nothing", b"", MalformedContent),
    ("no element", b"hello", MalformedContent),
    ("only NULs", b"\0" * 1000, MalformedContent),
]


@pytest.mark.parametrize(("data", "error"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_document_past_all_bounds_is_a_named_error(data: bytes, error: type[SourceError]) -> None:
    with pytest.raises(error, match=r"slides\.smil"):
        read(data, part="slides.smil")


def test_entities_are_never_expanded_and_files_never_read() -> None:
    data = (
        b'<?xml version="1.0"?><!DOCTYPE smil [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">'
        b'<!ENTITY f SYSTEM "file:///etc/passwd">]><smil><body><img src="&b;&f;" alt="&f;"/></body></smil>'
    )

    medium = read(data).media[0]

    assert (medium.src, medium.alt) == ("&b;&f;", "&f;")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=300) | st.text(alphabet="<>/=\"' smilpargtexbody&;#![]\n", max_size=300).map(str.encode))
def test_only_our_errors_leave_the_reader(data: bytes) -> None:
    try:
        presentation = read(data)
    except SourceError:
        return
    assert all(m.src for m in presentation.media)


PARTS = (
    Part(b"", "image/jpeg", name="Beach.jpg", content_id="beach", content_location="beach.jpg"),
    Part(b"", "text/plain", name="words.txt", content_id="w 1@x", content_location="images/words.txt"),
    Part(b"", "audio/amr", content_id="<voice>"),
)

SOURCES = [
    ("beach.jpg", (0, "exact")),
    ("Beach.jpg", (0, "exact")),
    ("cid:beach", (0, "exact")),
    ("CID:w%201@x", (1, "exact")),
    ("cid:voice", (2, "exact")),
    ("cid:beach.jpg", (0, "loose")),
    ("beach", (0, "loose")),
    ("BEACH.JPEG", (0, "loose")),
    ("words.txt", (1, "exact")),
    ("http://x/words.txt", (1, "loose")),
    ("other.jpg", None),
    ("", None),
]


@pytest.mark.parametrize(("src", "expected"), SOURCES)
def test_a_source_is_found_by_every_name_a_receiver_tries(src: str, expected: tuple[int, str] | None) -> None:
    found = find_part(src, PARTS)

    assert (found and (found.index, found.how)) == expected


def content(body: str, *parts: Part) -> Content:
    return Content(parts, Part(smil(body), "application/smil"), subject="Hi")


def named(name: str, media_type: str) -> Part:
    return Part(b"x", media_type, content_location=name)


def shape(made: Content) -> tuple[list[list[str]], list[str]]:
    message = message_of(made)
    return [[p.content_location for p in s.parts] for s in message.slides], [
        p.content_location for p in message.attachments
    ]


A, B, T, S, V = (
    named("a.jpg", "image/jpeg"),
    named("b.jpg", "image/jpeg"),
    named("t.txt", "text/plain"),
    named("s.amr", "audio/amr"),
    named("v.vcf", "text/x-vcard"),
)

RECEIVED = [
    (content('<par><img src="a.jpg"/><text src="t.txt"/></par>', T, A), ([["a.jpg", "t.txt"]], [])),
    # all in one par, as klinker's library writes it
    (
        content('<par><img src="a.jpg"/><img src="b.jpg"/><text src="t.txt"/></par>', A, B, T),
        ([["a.jpg"], ["b.jpg", "t.txt"]], []),
    ),
    (content('<par><img src="a.jpg"/></par>', A, T, V), ([["a.jpg"], ["t.txt"]], ["v.vcf"])),
    (content('<par><img src="a.jpg"/><ref src="v.vcf"/></par>', A, V), ([["a.jpg"]], ["v.vcf"])),
    (
        content('<par><img src="a.jpg"/></par><par><img src="a.jpg"/><text src="t.txt"/></par>', A, T),
        ([["a.jpg"], ["t.txt"]], []),
    ),
    (content('<par><img src="gone.jpg"/></par>', A), ([["a.jpg"]], [])),
    (Content((A, S), Part(b"no", "application/smil")), ([["a.jpg", "s.amr"]], [])),
    (Content((A, T)), ([["a.jpg", "t.txt"]], [])),
]


@pytest.mark.parametrize(("made", "expected"), RECEIVED)
def test_a_received_message_holds_every_part_once(made: Content, expected: tuple[list[list[str]], list[str]]) -> None:
    assert shape(made) == expected
    assert sorted(p.content_location for p in message_of(made).parts) == sorted(p.content_location for p in made.parts)


def test_what_the_smil_says_of_a_picture_goes_with_it() -> None:
    message = message_of(content('<par dur="7s"><img src="a.jpg" alt="A beach"/></par>', A))

    assert message.slides[0].image is not None
    assert (message.slides[0].image.alt, message.slides[0].duration_ms, message.subject) == ("A beach", 7000, "Hi")
