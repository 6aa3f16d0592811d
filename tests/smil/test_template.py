"""A template's places are filled with the message's own parts; nothing of the message is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.errors import MalformedContent, SourceError
from mmscontent.message import Content, Message, Part, Slide
from mmscontent.profiles.model import Profile, SmilRule
from mmscontent.smil.lint import lint
from mmscontent.smil.read import read
from mmscontent.smil.template import present_by_template

PROFILE = Profile(300_000, 300_000)


def part(name: str, media_type: str, data: bytes = b"x") -> Part:
    return Part(data, media_type, name=f"My {name}", content_location=name, content_id=name.partition(".")[0])


A, B = part("a.jpg", "image/jpeg"), part("b.jpg", "image/jpeg")
S, T, U = part("s.amr", "audio/amr"), part("t.txt", "text/plain", b"Hello"), part("u.txt", "text/plain", b"World")
CARD = part("v.vcf", "text/x-vcard")
MESSAGE = Message((Slide(image=A, text=T), Slide(image=B, audio=S), Slide(text=U)), (CARD,))

LAYOUT = (
    '<layout><root-layout/><region id="Image" top="40%" width="100%" height="60%" fit="slice"/>'
    '<region id="Text" width="100%" height="40%" fit="scroll"/></layout>'
)


def smil(body: str, layout: str = LAYOUT) -> bytes:
    return f"<smil><head>{layout}</head><body>{body}</body></smil>".encode()


REST = [["b.jpg", "s.amr"], ["u.txt", "v.vcf"]]
TEMPLATES = [
    ('<par dur="9s"><img src="{{0}}"/><text src="{{text}}"/></par>', [["a.jpg", "t.txt"], *REST]),
    (
        '<par><img src="{{ 1 }}"/><text src="{{text.1}}"/></par>',
        [["b.jpg", "u.txt"], ["a.jpg", "t.txt"], ["s.amr", "v.vcf"]],
    ),
    (
        '<par><text src="{{slide.text}}"/><img src="{{slide.media}}"/><audio src="{{slide.audio}}"/></par>',
        [["t.txt", "a.jpg"], ["b.jpg", "s.amr"], ["u.txt", "v.vcf"]],
    ),
    (
        '<par><img src="{{1}}"/></par><par><img src="{{slide.media}}"/><text src="{{slide.text}}"/></par>',
        [["b.jpg"], ["a.jpg", "t.txt"], ["u.txt"], ["s.amr", "v.vcf"]],
    ),
    ('<par><img src="My a.jpg"/></par>', [["a.jpg"], ["t.txt"], *REST]),
    (
        '<par><img src="{{0}}"/><img src="{{1}}"/></par>',
        [["a.jpg"], ["b.jpg"], ["t.txt"], ["s.amr"], ["u.txt", "v.vcf"]],
    ),
    ("", [["a.jpg", "t.txt"], *REST]),
]


@pytest.mark.parametrize(("body", "slides"), TEMPLATES)
def test_places_are_filled_and_the_rest_follows(body: str, slides: list[list[str]]) -> None:
    made = present_by_template(smil(body), MESSAGE, {}, PROFILE)

    assert [[m.src for m in s.media] for s in read(made.part.data).slides] == slides
    assert sorted(p.content_location for p in made.parts) == sorted(p.content_location for p in MESSAGE.parts)
    assert lint(Content(made.parts, made.part)) == ()


def test_the_templates_screen_and_lengths_are_kept_but_no_sound_is_cut() -> None:
    body = '<par dur="9s"><img src="{{0}}"/><text src="{{text}}"/></par><par dur="2s"><audio src="{{2}}"/></par>'

    made = present_by_template(smil(body), MESSAGE, {3: 6200}, PROFILE)

    assert [(r.id, r.top, r.height, r.fit) for r in made.presentation.regions] == [
        ("Image", 40, 60, "slice"),
        ("Text", 0, 40, "scroll"),
    ]
    assert [(s.duration_ms, s.why) for s in made.slides][:2] == [
        (9000, "as asked for"),
        (7000, "asked for 2 s, lengthened to the length of the sound (6.2 s)"),
    ]


def test_sources_are_written_as_the_receiver_wants_them() -> None:
    profile = replace(PROFILE, smil=SmilRule(src="cid"))

    made = present_by_template(smil('<par><img src="{{0}}"/></par>'), MESSAGE, {}, profile)

    assert read(made.part.data).media[0].src == "cid:a"


@pytest.mark.parametrize("src", ["{{3}}", "{{text.2}}", "other.jpg", "{{nonsense}}"])
def test_a_place_for_what_is_not_there_is_named(src: str) -> None:
    with pytest.raises(MalformedContent, match="3 media and 2 texts"):
        present_by_template(smil(f'<par><img src="{src}"/></par>'), MESSAGE, {}, PROFILE)


PLACES = st.sampled_from(
    ["{{0}}", "{{2}}", "{{text}}", "{{slide.media}}", "{{slide.text}}", "{{slide.audio}}", "s.amr", ""]
)
BODIES = st.lists(
    st.lists(st.tuples(st.sampled_from(["img", "text", "audio", "ref"]), PLACES), max_size=4).map(
        lambda media: f"<par>{''.join(f'<{e} src=`{s}`/>'.replace('`', chr(34)) for e, s in media)}</par>"
    ),
    max_size=4,
).map("".join)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(BODIES | st.text(max_size=60))
def test_any_template_gives_a_sound_presentation_or_a_named_error(body: str) -> None:
    try:
        made = present_by_template(smil(body), MESSAGE, {3: 6200}, PROFILE)
    except SourceError:
        return
    assert sorted(p.content_location for p in made.parts) == sorted(p.content_location for p in MESSAGE.parts)
    assert lint(Content(made.parts, made.part), durations_ms={made.parts.index(S): 6200}) == ()
