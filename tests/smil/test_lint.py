"""Lint finds what is wrong; repair leaves nothing of it, and loses nothing that can be played."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.errors import SourceError
from mmscontent.message import Content, Envelope, Part
from mmscontent.pack.registry import pack, unpack
from mmscontent.part_names import is_unsafe_name
from mmscontent.smil.lint import lint
from mmscontent.smil.lint_content import PLAYABLE
from mmscontent.smil.read import read
from mmscontent.smil.repair import repair
from mmscontent.smil.resolve import resolve_presentation
from mmscontent.smil.rules import RULES, is_external
from tests.conftest import CorpusFile, corpus_files
from tests.smil.judge import IS_HERE, assert_valid

CORPUS = [f for f in corpus_files("smil") if b"<smil" in f.path.read_bytes().lower()]

IMAGE = '<region id="Image" left="0%" top="0%" width="100%" height="70%" fit="meet"/>'
TEXT = '<region id="Text" left="0%" top="70%" width="100%" height="30%" fit="scroll"/>'
LAYOUT = f"<layout><root-layout/>{IMAGE}{TEXT}</layout>"
SLIDE = '<par dur="5s"><img src="a.jpg" region="Image"/><text src="t.txt" region="Text"/></par>'


def smil(body: str = SLIDE, layout: str = LAYOUT) -> bytes:
    return f"<smil><head>{layout}</head><body>{body}</body></smil>".encode()


def tag(name: str, **attributes: str) -> str:
    escaped = {k: v.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;") for k, v in attributes.items()}
    return f"<{name}" + "".join(f' {k}="{v}"' for k, v in escaped.items() if v)


def region(**sides: str) -> str:
    given_ = {"id": "Image", "left": "0%", "top": "0%", "width": "100%", "height": "70%", "fit": "meet"} | sides
    return f"{tag('region', **given_)}/>"


def layout(*regions: str, root: str = "<root-layout/>") -> str:
    return f"<layout>{root}{''.join(regions)}</layout>"


def media(inside: str, dur: str = 'dur="5s"') -> bytes:
    return smil(f"<par {dur}>{inside}</par>")


CLEAN = smil()

DOCUMENTS: list[tuple[str, bytes]] = [
    ("unreadable", b"hello"),
    ("not-well-formed", b"<smil><body><par><img src='a'>"),
    ("not-well-formed", media('<img src="a&b" region="Image"/>')),
    ("not-utf8", media('<img src="für" region="Image"/>').decode().encode("cp1252")),
    ("not-utf8", CLEAN.decode().encode("utf-16")),
    ("byte-order-mark", b"\xef\xbb\xbf" + CLEAN),
    ("xml-declaration", b'<?xml version="1.0"?>' + CLEAN),
    ("doctype", b"<!DOCTYPE smil>" + CLEAN),
    ("entity", b'<!DOCTYPE smil [<!ENTITY a "b">]>' + CLEAN),
    ("entity", media('<img src="a&nbsp;b" region="Image"/>')),
    ("control-character", media('<img src="a\x02" region="Image"/>')),
    ("root-not-smil", b"<html>" + CLEAN + b"</html>"),
    ("no-slides", smil("")),
    ("no-layout", smil(layout="")),
    ("no-root-layout", smil(layout=layout(IMAGE, TEXT, root=""))),
    ("unknown-element", media('<vcard src="a.vcf"/>')),
    ("unknown-element", media('<IMG src="a.jpg" region="Image"/>')),
    ("unknown-attribute", media('<img src="a" region="Image" title="x"/>')),
    ("meta", smil(layout='<meta name="a" content="b"/>' + LAYOUT)),
    ("param", media('<text src="t" region="Text"><param name="a" value="b"/></text>')),
    ("empty-slide", smil(SLIDE + '<par dur="5s"/>')),
    ("nested-par", smil(f'<par dur="9s">{SLIDE}</par>')),
    ("time-container", smil(f"<seq>{SLIDE}</seq>")),
    ("media-outside-par", smil('<img src="a.jpg" region="Image"/>')),
    ("duplicate-id", smil(layout=layout(IMAGE, IMAGE, TEXT))),
    ("unknown-region-name", smil(SLIDE.replace("Image", "Top"), layout(region(id="Top"), TEXT))),
    ("undefined-region", media('<img src="a.jpg" region="Picture"/>')),
    ("missing-region", media('<img src="a.jpg"/>')),
    ("sound-region", media('<audio src="a.amr" region="Image"/>')),
    ("pixel-layout", smil(layout=layout(region(width="120"), TEXT))),
    ("layout-larger-than-device", smil(layout=layout(IMAGE, TEXT, root='<root-layout width="1600" height="1200"/>'))),
    ("region-outside-screen", smil(layout=layout(region(left="50%", width="80%"), TEXT))),
    ("regions-overlap", smil(layout=layout(region(height="80%"), TEXT))),
    ("empty-region", smil(layout=layout(region(height="0%"), TEXT))),
    ("small-text-region", smil(layout=layout(IMAGE, region(id="Text", top="95%", height="5%")))),
    ("unknown-fit", smil(layout=layout(region(fit="zoom"), TEXT))),
    ("fit-hidden", smil(layout=layout(region(fit="hidden"), TEXT))),
    ("fractional-percent", smil(layout=layout(region(height="66.6%"), TEXT))),
    ("missing-dur", media('<img src="a" region="Image"/>', dur="")),
    ("zero-dur", media('<img src="a" region="Image"/>', dur='dur="0s"')),
    ("bad-time", media('<img src="a" region="Image"/>', dur='dur="soon"')),
    ("time-without-unit", media('<img src="a" region="Image"/>', dur='dur="5000"')),
    ("media-timing", media('<img src="a" region="Image" begin="1s"/>')),
    ("missing-src", media('<img region="Image"/><text src="t" region="Text"/>')),
    ("external-src", media('<img src="https://example.com/a.gif" region="Image"/>')),
    ("external-src", media('<img src="javascript:alert(1)" region="Image"/>')),
    ("external-src", media('<img src="//example.com/a.gif" region="Image"/>')),
    ("picture-and-video", media('<img src="a" region="Image"/><video src="b" region="Image"/>')),
    ("several-pictures", media('<img src="a" region="Image"/><img src="b" region="Image"/>')),
    ("several-texts", media('<text src="a" region="Text"/><text src="b" region="Text"/>')),
    ("several-sounds", media('<audio src="a"/><audio src="b"/>')),
]

PICTURE = Part(b"p", "image/jpeg", content_location="a.jpg", content_id="a")
WORDS = Part(b"Hello", "text/plain", content_location="t.txt", content_id="t")
SOUND = Part(b"s", "audio/amr", content_location="s.amr", content_id="s")
CARD = Part(b"c", "text/x-vcard", content_location="v.vcf", content_id="v")


def message(data: bytes | None, *parts: Part, media_type: str = "application/smil") -> Content:
    return Content(parts, Part(data, media_type) if data is not None else None)


LONG = Part(b"word " * 200, "text/plain", content_location="t.txt")
MESSAGES: list[tuple[str, Content]] = [
    ("no-presentation", message(None, PICTURE)),
    ("presentation-type", message(CLEAN, PICTURE, WORDS, media_type="text/html")),
    ("unreadable", message(b"hello", PICTURE, WORDS)),
    ("dangling-src", message(CLEAN, PICTURE)),
    ("dangling-src", message(CLEAN.replace(b"a.jpg", b"image.jpg"), PICTURE, WORDS)),
    ("loose-src", message(CLEAN.replace(b"a.jpg", b"A.JPEG"), PICTURE, WORDS)),
    ("loose-src", message(CLEAN.replace(b"a.jpg", b"cid:a.jpg"), PICTURE, WORDS)),
    ("text-in-src", message(CLEAN.replace(b"t.txt", b"Happy birthday to you"), PICTURE)),
    ("orphan-part", message(CLEAN, PICTURE, WORDS, SOUND)),
    ("wrong-element", message(CLEAN.replace(b"<img", b"<video"), PICTURE, WORDS)),
    ("part-order", message(CLEAN, WORDS, PICTURE)),
    ("duplicate-part-name", message(CLEAN, PICTURE, WORDS, PICTURE)),
    ("unnamed-part", message(CLEAN, PICTURE, WORDS, Part(b"x", "image/gif"))),
    ("awkward-part-name", message(CLEAN, PICTURE, WORDS, Part(b"x", "image/gif", content_location="für mich.gif"))),
    ("misleading-part-name", message(CLEAN, PICTURE, WORDS, Part(b"x", "text/x-vcard", content_location="v.jpg"))),
    ("dur-cuts-reading", message(CLEAN, PICTURE, LONG)),
]


def rules(subject: bytes | Content, **more: dict[int, int]) -> set[str]:
    return {f.rule for f in lint(subject, durations_ms=more.get("durations_ms"))}


@pytest.mark.parametrize("subject", [CLEAN, message(CLEAN, PICTURE, WORDS), message(CLEAN, PICTURE, WORDS, CARD)])
def test_a_sound_presentation_has_no_findings_and_comes_back_as_it_is(subject: bytes | Content) -> None:
    made = repair(subject)

    assert lint(subject) == ()
    assert (made.data, made.diff, made.findings) == (CLEAN, "", ())
    assert made.content == (subject if isinstance(subject, Content) else None)


@pytest.mark.parametrize(("rule", "data"), DOCUMENTS, ids=[row[0] for row in DOCUMENTS])
def test_each_fault_of_a_document_is_found_by_its_rule(rule: str, data: bytes) -> None:
    found = [f for f in lint(data) if f.rule == rule]

    assert found
    assert all(f.place and f.sentence and f.severity == RULES[rule].severity and rule in str(f) for f in found)


@pytest.mark.parametrize(("rule", "content"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_each_fault_between_document_and_parts_is_found_by_its_rule(rule: str, content: Content) -> None:
    assert rule in rules(content)


def test_a_slide_that_cuts_a_sound_is_found_when_its_length_is_known() -> None:
    content = message(CLEAN.replace(b"<text", b'<audio src="s.amr"/><text'), PICTURE, SOUND, WORDS)

    made = repair(content, durations_ms={1: 6200})

    assert rules(content) == set()
    assert rules(content, durations_ms={1: 6200}) == {"dur-cuts-media"}
    assert made.remaining == ()
    assert read(made.data).slides[0].duration_ms == 7000


def test_every_rule_has_a_case() -> None:
    assert {r for r, _ in DOCUMENTS} | {r for r, _ in MESSAGES} | {"dur-cuts-media"} == set(RULES)
    assert len(RULES) >= 25


@pytest.mark.parametrize(("rule", "data"), DOCUMENTS, ids=[row[0] for row in DOCUMENTS])
def test_a_mended_document_has_no_findings(rule: str, data: bytes) -> None:
    if rule == "unreadable":
        with pytest.raises(SourceError):
            repair(data)
        return
    made = repair(data)

    assert made.diff.startswith("--- before.smil\n+++ after.smil\n")
    assert {f.rule for f in made.remaining} <= {"no-slides"}
    assert made.remaining == lint(made.data)
    assert [m.src for m in read(made.data).media] == [m.src for m in read(data).media if not is_external(m.src)]


def assert_mended(content: Content) -> None:
    made = repair(content)

    assert made.content is not None
    assert made.remaining == lint(made.content) == ()
    assert sorted(p.data for p in made.content.parts if p.data in {q.data for q in content.parts}) == sorted(
        p.data for p in content.parts
    )
    if made.content.presentation is not None:
        resolved = resolve_presentation(read(made.content.presentation.data), made.content.parts)
        assert not [i for i in resolved.orphans if made.content.parts[i].kind in PLAYABLE]


@pytest.mark.parametrize("content", [row[1] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_a_mended_message_has_no_findings_and_all_its_parts(content: Content) -> None:
    assert_mended(content)


def test_words_in_src_become_a_part_that_is_shown() -> None:
    made = repair(message(CLEAN.replace(b"t.txt", b"Happy birthday to you"), PICTURE)).content

    assert made is not None
    assert [(p.media_type, p.data) for p in made.parts][1] == ("text/plain", b"Happy birthday to you")


def test_a_source_that_leads_nowhere_takes_the_part_nobody_names() -> None:
    made = repair(message(CLEAN.replace(b"a.jpg", b"image.jpg"), PICTURE, WORDS))

    assert [[m.src for m in s.media] for s in read(made.data).slides] == [["a.jpg", "t.txt"]]


def test_parts_come_in_the_order_they_are_shown() -> None:
    made = repair(message(CLEAN, CARD, WORDS, PICTURE)).content

    assert made is not None
    assert [p.content_location for p in made.parts] == ["a.jpg", "t.txt", "v.vcf"]


def test_the_authors_screen_is_kept_where_it_is_sound() -> None:
    upside = layout(region(top="40%", height="60%"), region(id="Text", height="40%", fit="scroll"))

    kept = read(repair(smil(f"<seq>{SLIDE}</seq>", upside)).data)
    replaced = read(repair(smil(f"<seq>{SLIDE}</seq>", layout(region(height="90%"), TEXT))).data)

    assert [(r.id, r.top, r.height) for r in kept.regions] == [("Image", 40, 60), ("Text", 0, 40)]
    assert [(r.id, r.top, r.height) for r in replaced.regions] == [("Image", 0, 80), ("Text", 80, 20)]


def test_a_flood_of_one_fault_is_told_once_it_is_clear() -> None:
    found = [f for f in lint(media('<img src="a" region="Image" x="y"/>' * 1000)) if f.rule == "unknown-attribute"]

    assert len(found) == 21
    assert found[-1].sentence == "and 980 more of the same"


SLOW = [
    ("ampersands", b"<smil>" + b"&" * 190_000),
    ("entities", b"<smil>" + b"&a;" * 60_000),
    ("opening brackets", b"<" * 190_000),
    ("elements", b"<smil>" + b"<a b='c'/>" * 19_000 + b"</smil>"),
    ("regions", b"<smil><layout>" + b"<region id='Image' width='1px'/>" * 5_000 + b"</layout></smil>"),
    ("media", b"<smil><par>" + b"<img src='a'/>" * 13_000 + b"</par></smil>"),
    ("document types", b"<!DOCTYPE " * 19_000),
    ("quotes", b"<smil a=" + b"'\"" * 90_000),
    ("control characters", b"<smil>" + b"\x01" * 190_000 + b"</smil>"),
]


@pytest.mark.parametrize("data", [row[1] for row in SLOW], ids=[row[0] for row in SLOW])
def test_a_document_made_to_be_slow_is_answered_soon(data: bytes) -> None:
    began = time.process_time()
    findings = lint(message(data, PICTURE, WORDS))

    assert findings
    assert time.process_time() - began < 3


@pytest.mark.parametrize("file", CORPUS, ids=lambda f: f.name)
def test_every_real_document_is_mended_without_loss(file: CorpusFile) -> None:
    data = file.path.read_bytes()

    made = repair(data)

    assert made.remaining == ()
    assert [m.src for m in read(made.data).media] == [m.src for m in read(data).media]
    assert_valid(made.data)


@pytest.mark.parametrize("file", corpus_files("mms-pdu", "mm3-mail", "mm7"), ids=lambda f: f.name)
def test_every_real_message_is_mended_without_loss(file: CorpusFile) -> None:
    """Its playable parts are all shown afterwards, and every part is still there."""
    try:
        content = unpack(file.path.read_bytes()).content
    except SourceError:
        return  # a sample of SOAP alone, or a notification: there is no content in it

    made = repair(content)

    assert made.remaining == ()
    assert made.content is not None
    assert sorted(p.data for p in made.content.parts) == sorted(p.data for p in content.parts)
    if made.content.presentation is not None:
        resolved = resolve_presentation(read(made.data), made.content.parts)
        assert not [i for i in resolved.orphans if made.content.parts[i].kind in PLAYABLE]
        assert_valid(made.content.presentation.data)
    for encoding in ("pdu", "mime"):
        wire = pack(made.content, Envelope(sender="+12065550100", to=("+12065550101",)), encoding)
        assert lint(unpack(wire.data).content) == ()


def test_the_judge_of_validity_is_here() -> None:
    if not IS_HERE:
        pytest.skip("xmllint or w3c-sgml-lib is not installed: documents were not held against the SMIL 1.0 DTD")
    assert_valid(CLEAN)
    with pytest.raises(AssertionError):
        assert_valid(b"<smil><vcard/></smil>")


NAMES = st.sampled_from(
    ["a.jpg", "t.txt", "s.amr", "b.mp4", "x y.gif", "für", "cid:a", "http://e/x", "<&\"'", "v.vcf", ""]
)
TIMES = st.sampled_from(["5s", "0", "", "soon", "1200ms", "00:03", "7", "-1s", "99999h"])
SIDES = st.sampled_from(["0", "50%", "100%", "33.3%", "120", "-5%", "200%", "", "x"])
IDS = st.sampled_from(["Image", "Text", "Top", "", "Image "])


MEDIA = st.builds(
    lambda name, src, region_, dur, alt: f"{tag(name, src=src, region=region_, dur=dur, alt=alt)}/>",
    st.sampled_from(["img", "video", "audio", "text", "ref", "vcard", "animation", "b"]),
    NAMES,
    IDS,
    TIMES,
    st.text(max_size=5),
)
TREES = st.recursive(
    MEDIA,
    lambda inner: st.builds(
        lambda name, dur, children: f"{tag(name, dur=dur)}>{''.join(children)}</{name}>",
        st.sampled_from(["par", "seq", "excl", "switch", "a", "odd"]),
        TIMES,
        st.lists(inner, max_size=4),
    ),
    max_leaves=10,
)
REGIONS = st.builds(
    lambda i, left, top, width, height: f"{tag('region', id=i, left=left, top=top, width=width, height=height)}/>",
    IDS,
    SIDES,
    SIDES,
    SIDES,
    SIDES,
)
LAYOUTS = st.builds(lambda regions: f"<layout><root-layout/>{''.join(regions)}</layout>", st.lists(REGIONS, max_size=3))
TREE_DOCUMENTS = st.builds(
    lambda body, lay: smil("".join(body), lay), st.lists(TREES, max_size=4), LAYOUTS | st.just("")
)
PARTS = st.lists(
    st.builds(
        lambda number, media_type, name: Part(f"{number}".encode(), media_type, content_location=name),
        st.integers(0, 10**9),
        st.sampled_from(["image/jpeg", "video/mp4", "audio/amr", "text/plain", "text/x-vcard", "application/pdf"]),
        NAMES,
    ),
    max_size=5,
    unique_by=lambda p: p.data,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TREE_DOCUMENTS)
def test_any_document_mended_has_no_findings_and_all_its_media(data: bytes) -> None:
    made = repair(data)

    assert {f.rule for f in made.remaining} <= {"no-slides"}
    assert [m.src for m in read(made.data).media] == [m.src for m in read(data).media if not is_external(m.src)]
    assert repair(made.data).data == made.data


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TREE_DOCUMENTS | st.binary(max_size=50) | st.none(), PARTS)
def test_any_message_mended_has_no_findings_and_all_its_parts(data: bytes | None, parts: list[Part]) -> None:
    content = message(data, *parts)

    made = repair(content).content

    assert made is not None
    assert lint(made) == ()
    assert {p.data for p in made.parts} >= {p.data for p in parts}
    assert not [p for p in made.parts if made.presentation and is_unsafe_name(p.content_location)]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(TREE_DOCUMENTS, min_size=1, max_size=3))
def test_any_document_mended_is_valid(documents: list[bytes]) -> None:
    for data in documents:
        assert_valid(repair(data).data)
