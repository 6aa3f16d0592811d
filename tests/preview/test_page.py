"""The page is one piece, inert whatever is in the message, and says everything there is to say."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.message import Content, Message, Part, Slide, replace_parts
from mmscontent.pack.registry import unpack
from mmscontent.part_names import assign_part_names
from mmscontent.preview import filmstrip, preview
from mmscontent.preview.view_model import build_preview_model
from mmscontent.profiles.model import Profile
from mmscontent.smil.compose import present
from tests.conftest import ROOT, CorpusFile, corpus_files
from tests.preview.messages import MESSAGES

PROFILE = Profile(600_000, 600_000)


def content_of(message: Message, durations_ms: dict[int, int] | None = None) -> Content:
    message = replace_parts(message, assign_part_names(message.parts))
    made = present(message, durations_ms or {}, PROFILE)
    return Content(made.parts, made.part, message.subject)


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag in self.inside:
            self._open = tag
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open][-1] += data
        else:
            self.words.append(data)

    @property
    def plan(self) -> dict[str, list[dict[str, object]]]:
        return json.loads(self.inside["script"][0])

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


_KNOWN = (
    "a article b blockquote body br button code details div fieldset figure footer h1 h2 h3 head header html i img"
    " input label legend li link main meta ol option p pre rect script section select small span strong style summary"
    " svg title ul audio video"
)
KNOWN = frozenset(_KNOWN.split())


def assert_inert(html: str) -> Page:
    """Only elements of ours, no handlers, no inline style, nothing from outside, and a policy that fits."""
    page = Page(html)
    assert len(page.inside["script"]) == 2
    assert len(page.inside["style"]) == 1
    for tag, attributes in page.elements:
        assert tag in KNOWN
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("style", "srcset", "srcdoc", "action", "formaction")
            if name in ("src", "href"):
                assert value.startswith(("data:", "#"))
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    for text in (page.inside["style"][0], page.inside["script"][1]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    return page


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_becomes_one_inert_page_with_all_its_parts(name: str) -> None:
    message = MESSAGES[name](0.3)

    page = assert_inert(preview(content_of(message)))

    assert len(page.plan["slides"]) == len(message.slides)
    assert len(page.plan["parts"]) == len(message.parts)
    assert message.subject in page.text
    for part in message.parts:
        assert f"{len(part.data):,} bytes" in page.text


def test_the_same_message_gives_the_same_page() -> None:
    content = content_of(MESSAGES["vcard"](0.3))

    assert preview(content) == preview(content)


LEDGER = {
    "schema": "mmscontent.ledger/1",
    "encoding": "pdu",
    "profile": {"carrier": "us/t-mobile", "route": "long_code", "device": "apple/iphone", "class": None},
    "limit_bytes": 1_500_000,
    "target_bytes": 1_000_000,
    "packed_bytes": 991_203,
    "parts": [
        {
            "name": "beach <b>.heic",
            "content_id": "beach",
            "kind": "image",
            "decision": "transcode",
            "reasons": ["image/heic is not accepted by <iPhone>"],
            "source": {"media_type": "image/heic", "bytes": 2_811_034, "width_px": 4032, "height_px": 3024},
            "result": {"media_type": "image/jpeg", "bytes": 5, "width_px": 1536, "height_px": 2048},
            "quality": {"scale": "ssimulacra2@1080", "predicted": 88.1, "measured": None},
            "stripped": ["GPS position"],
            "tries": ["2048×1536 q71 → 612,003 bytes"],
            "notes": [],
        },
        {"name": "song.mp3", "content_id": "", "kind": "audio", "decision": "drop", "reasons": ["does not fit"]},
    ],
    "slides": [{"parts": ["beach.jpg"], "duration_ms": 5000, "why": "time to look at a picture"}],
    "warnings": ["the subject was cut"],
    "options": [{"do": "drop", "part": "song.mp3", "gives": {"bytes": 1234, "quality": "91"}}],
}


def test_the_ledgers_reasons_stand_under_each_part() -> None:
    part = Part(b"\xff\xd8x", "image/jpeg", content_location="beach.jpg", content_id="beach")
    content = replace(content_of(Message((Slide(image=part),))), parts=(part,))

    page = assert_inert(preview(content, ledger=LEDGER))

    for told in (
        "991,203 of 1,000,000 target bytes (99%), 1,500,000 is the limit",
        "for us/t-mobile, long code, apple/iphone",
        "beach <b>.heic",
        "transcoded",
        "image/heic is not accepted by <iPhone>",
        "of 2,811,034",
        "quality 88 of 100, predicted",
        "image/heic, 4032 × 3024 px → image/jpeg, 1536 × 2048 px",
        "Removed: GPS position",
        "1 step of the search",
        "song.mp3",
        "dropped",
        "not sent",
        "the subject was cut",
        "drop song.mp3: bytes 1,234, quality 91",
    ):
        assert told in page.text
    assert page.plan["slides"][0]["why"] == "time to look at a picture"
    assert [a["value"] for t, a in page.elements if t == "option" and "selected" in a] == ["iphone"]


HOSTILE = "\"'><script>window.pwned=1</script><img src=x onerror=window.pwned=2>\u202e]]>--></script>\\"


def hostile() -> Content:
    parts = (
        Part(b"\xff\xd8\xff", "image/jpeg", name=HOSTILE, content_id="a", content_location=HOSTILE, alt=HOSTILE),
        Part(HOSTILE.encode(), "text/plain", content_location="t"),
        Part(b"<svg onload=alert(1)>", "image/svg+xml", content_location="s.svg"),
        Part(HOSTILE.encode(), "text/html", content_location="h.html"),
        Part(b"BEGIN:VCARD\nFN:" + HOSTILE.encode() + b"\nEND:VCARD", "text/x-vcard", content_location="v.vcf"),
        Part(b"x", f"x/{HOSTILE.lower()}", content_location="x"),
        Part(b"x", "video/mp4", content_location="javascript:alert(1)"),
    )
    smil = (
        '<smil><head><layout><root-layout background-color="#12345x"/>'
        '<region id="__proto__" fit="x"/></layout></head><body><par dur="1s">'
        '<img src="cid:a" region="__proto__" alt="&lt;script&gt;alert(1)&lt;/script&gt;"/>'
        '<text src="t" region="constructor"/><video src="javascript:alert(1)"/><img src="https://example.com/x.gif"/>'
        '<audio src="gone"/></par></body></smil>'
    )
    return Content(parts, Part(smil.encode(), "application/smil"), subject=HOSTILE.replace("\n", ""))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"FN:Ada Lovelace", "Ada Lovelace"),
        ("FN:Ada López".encode(), "Ada López"),
        (b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Ada L=C3=B3pez", "Ada López"),
        (b"FN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Ada L=F3pez", "Ada López"),
        (b"fn;encoding=quoted-printable:Ada L=C3=B3pez", "Ada López"),
        (b"FN;LANGUAGE=en:Ada =3D", "Ada =3D"),
        (b"N:Lovelace;Ada", ""),
    ],
)
def test_a_contact_is_headed_by_its_name_in_whatever_encoding(line: bytes, name: str) -> None:
    card = Part(b"BEGIN:VCARD\r\n" + line + b"\r\nEND:VCARD\r\n", "text/x-vcard", content_location="ada.vcf")

    assert build_preview_model(Content((card,)), {}).parts[0].text == name


def test_hostile_names_texts_and_slides_are_only_ever_text() -> None:
    page = assert_inert(preview(hostile(), ledger={"parts": [{"name": HOSTILE, "decision": HOSTILE, "kind": HOSTILE}]}))

    assert HOSTILE in page.text
    assert not re.search(r"<script>window", preview(hostile()))


TROUBLES = [
    ("no presentation", None, "The message has no slides"),
    ("not SMIL", b"hello", "The slides cannot be played"),
    (
        "too many slides",
        b"<smil><body>" + b'<par><img src="a"/></par>' * 5000 + b"</body></smil>",
        "The slides cannot be",
    ),
    ("too deep", b"<smil>" + b"<par>" * 1000 + b"</par>" * 1000 + b"</smil>", "The slides cannot be played"),
    ("nothing shown", b"<smil><body/></smil>", "The presentation shows nothing"),
]


@pytest.mark.parametrize(("data", "told"), [row[1:] for row in TROUBLES], ids=[row[0] for row in TROUBLES])
def test_a_message_without_playable_slides_is_still_shown(data: bytes | None, told: str) -> None:
    words = Part.of_text("Hello there")

    page = assert_inert(preview(Content((words,), Part(data, "application/smil") if data is not None else None)))

    assert told in page.text
    assert "Hello there" in page.text
    assert page.plan["slides"] == []


VIEWED = [
    ("wbmp-100x60.wbmp", "image/vnd.wap.wbmp", "img", "image/"),
    ("heic-320x240-p3-orient6.heic", "image/heic", "img", "image/"),
    ("amr-nb-1s.amr", "audio/amr", "audio", "audio/mp4"),
    ("3gp-h263-176x144-1s.3gp", "video/3gpp", "video", "video/mp4"),
    ("mp4-h264-128x96-1s.mp4", "video/mp4", "video", "video/mp4"),
    ("mp3-cbr-1s.mp3", "audio/mpeg", "audio", "audio/mpeg"),
]


@pytest.mark.parametrize(("file", "media_type", "element", "shown"), VIEWED, ids=[row[0] for row in VIEWED])
def test_what_no_browser_knows_gets_a_view(file: str, media_type: str, element: str, shown: str) -> None:
    data = (ROOT / "fixtures" / file).read_bytes()

    page = assert_inert(preview(Content((Part(data, media_type, content_location=file),))))

    assert page.plan["parts"][0]["play"] == element
    sources = [a["src"] for t, a in page.elements if t == element]
    assert [s.startswith(f"data:{shown}") for s in sources] == [True]
    own = sources[0].endswith(base64.b64encode(data).decode())
    assert own == (shown == media_type)
    assert ("shown here as" in page.text) != own


def test_what_cannot_be_decoded_is_named_not_played() -> None:
    voice = Part(b"#!AMR\nx", "audio/amr", content_location="voice.amr")

    page = assert_inert(preview(content_of(Message((Slide(audio=voice),)))))

    assert page.plan["parts"][0]["play"] == ""
    assert "no browser shows this sound" in str(page.plan["parts"][0]["unplayable"])


CORPUS = corpus_files("mms-pdu", "mm3-mail")


@pytest.mark.parametrize("file", CORPUS, ids=lambda f: f.name)
def test_every_real_message_is_shown_with_all_its_parts(file: CorpusFile) -> None:
    content = unpack(file.path.read_bytes()).content

    page = assert_inert(preview(content))

    assert len(page.plan["parts"]) == len(content.parts)
    assert filmstrip(content).startswith(b"\x89PNG")


NASTY = st.text(alphabet=st.sampled_from("<>\"'&`=/\\ \t;:()[]{}$\u2028\u202eaé日א\x7f"), max_size=40)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(NASTY, NASTY, NASTY, st.binary(max_size=120))
def test_no_text_of_a_message_becomes_markup(name: str, subject: str, words: str, smil: bytes) -> None:
    parts = (
        Part(words.encode(), "text/plain", name=name, content_location=name, alt=words),
        Part(b"x", "application/pdf", content_id=name),
    )

    assert_inert(preview(Content(parts, Part(smil, "application/smil"), subject)))


def test_a_film_shows_each_slide_and_says_how_long(tmp_path: object) -> None:  # noqa: ARG001
    from io import BytesIO

    from PIL import Image

    content = content_of(MESSAGES["postcard"](0.3))
    data = filmstrip(content)

    with Image.open(BytesIO(data)) as strip:
        assert strip.format == "PNG"
        assert strip.width == 18 + 2 * (216 + 18)
        colours = strip.convert("RGB")
        dusk, noon = colours.getpixel((18 + 60, 56 + 60)), colours.getpixel((18 + 234 + 60, 56 + 130))
    assert dusk[2] > dusk[0]
    assert noon[2] > noon[0]
    assert filmstrip(content) == data


def test_a_clip_is_shown_by_one_of_its_frames() -> None:
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(filmstrip(content_of(MESSAGES["video-and-sound"](0.3))))) as strip:
        sky = strip.convert("RGB").getpixel((18 + 20, 56 + 140))

    assert sky[2] > sky[0] + 15


@pytest.mark.parametrize("content", [hostile(), Content(()), Content((Part.of_text("x " * 5000),))])
def test_a_film_can_be_made_of_anything(content: Content) -> None:
    assert filmstrip(content).startswith(b"\x89PNG")
