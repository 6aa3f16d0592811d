"""The presentation of a message: order, regions, names, lengths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mmscontent.media_types import suffix_for
from mmscontent.message import Content, Message, Part, Slide
from mmscontent.profiles.model import Profile, SmilRule
from mmscontent.smil.compose import MOVING, Arrangement, lay_out, needs_presentation, present, quirk_for
from mmscontent.smil.lint import lint
from mmscontent.smil.model import Medium, SlideView
from mmscontent.smil.read import read
from tests.smil.judge import assert_valid

PROFILE = Profile(300_000, 300_000)


def part(name: str, media_type: str, data: bytes = b"x", **more: str) -> Part:
    return Part(data, media_type, content_location=name, content_id=name.partition(".")[0], charset="utf-8", **more)


PICTURE = part("beach.jpg", "image/jpeg", alt='The "beach" <at> 5 & 6')
SOUND = part("voice.amr", "audio/amr")
CLIP = part("clip.mp4", "video/mp4")
WORDS = part("words.txt", "text/plain", b"Happy birthday")
MORE = part("more.txt", "text/plain", b"Second page")
CARD = part("ada.vcf", "text/x-vcard")
MESSAGE = Message((Slide(image=PICTURE, audio=SOUND, text=WORDS), Slide(video=CLIP, text=MORE)), (CARD,))


def tree(data: bytes) -> etree._Element:
    return etree.fromstring(data)


def test_a_message_becomes_one_par_a_slide_in_the_order_of_its_parts() -> None:
    presented = present(MESSAGE, {1: 6200, 3: 9000}, PROFILE)

    pars = tree(presented.part.data).findall("body/par")
    assert [[m.get("src") for m in p] for p in pars] == [
        ["beach.jpg", "voice.amr", "words.txt"],
        ["clip.mp4", "more.txt", "ada.vcf"],
    ]
    assert [p.get("dur") for p in pars] == ["7000ms", "9500ms"]
    assert presented.parts == MESSAGE.parts
    assert [s.parts for s in presented.slides] == [("beach.jpg", "voice.amr", "words.txt"), ("clip.mp4", "more.txt")]
    assert [s.why for s in presented.slides] == ["length of the sound (6.2 s)", "length of the clip (9.0 s)"]


def test_the_presentation_is_a_part_with_all_its_names() -> None:
    made = present(MESSAGE, {}, PROFILE).part

    assert (made.media_type, made.content_id, made.content_location) == ("application/smil", "smil", "smil.xml")
    assert made.charset == "utf-8"


def test_only_the_regions_image_and_text_are_written_and_sound_has_none() -> None:
    root = tree(present(MESSAGE, {}, PROFILE).part.data)

    assert [r.get("id") for r in root.iter("region")] == ["Image", "Text"]
    assert {m.tag: m.get("region") for m in root.find("body/par")} == {"img": "Image", "audio": None, "text": "Text"}
    assert root.find("head").getchildren()[0].tag == "layout"
    assert len(root.find("head")) == 1


def test_words_for_those_who_cannot_see_are_carried_and_escaped() -> None:
    assert tree(present(MESSAGE, {}, PROFILE).part.data).find("body/par/img").get("alt") == PICTURE.alt


def test_sources_are_content_ids_where_the_receiver_wants_them() -> None:
    odd = replace(PICTURE, content_id="beach 1#")
    message = Message((Slide(image=odd),))

    made = present(message, {}, replace(PROFILE, smil=SmilRule(src="cid")))

    assert tree(made.part.data).find("body/par/img").get("src") == "cid:beach%201%23"


def test_the_same_message_gives_the_same_bytes() -> None:
    assert present(MESSAGE, {1: 9}, PROFILE) == present(MESSAGE, {1: 9}, PROFILE)


REGIONS = [
    (Message((Slide(image=PICTURE),)), Arrangement(), {"Image": (0, 0, 100, 100)}),
    (Message((Slide(text=WORDS),)), Arrangement(), {"Text": (0, 0, 100, 100)}),
    (MESSAGE, Arrangement(), {"Image": (0, 0, 100, 80), "Text": (0, 80, 100, 20)}),
    (MESSAGE, Arrangement(text_first=True), {"Image": (0, 20, 100, 80), "Text": (0, 0, 100, 20)}),
    (MESSAGE, Arrangement("landscape"), {"Image": (0, 0, 60, 100), "Text": (60, 0, 40, 100)}),
    (MESSAGE, Arrangement("landscape", text_first=True), {"Image": (40, 0, 60, 100), "Text": (0, 0, 40, 100)}),
    (Message((Slide(audio=SOUND),)), Arrangement(), {}),
]


@pytest.mark.parametrize(("message", "arrangement", "regions"), REGIONS)
def test_the_screen_is_divided_as_asked(
    message: Message, arrangement: Arrangement, regions: dict[str, tuple[int, ...]]
) -> None:
    laid = present(message, {}, PROFILE, arrangement=arrangement).presentation

    assert {r.id: (r.left, r.top, r.width, r.height) for r in laid.regions} == regions


@pytest.mark.parametrize(("chars", "share"), [(60, 80), (61, 70), (200, 70), (201, 50)])
def test_longer_captions_get_more_of_the_screen(chars: int, share: int) -> None:
    words = replace(WORDS, data=b"x" * chars)

    laid = present(Message((Slide(image=PICTURE, text=words),)), {}, PROFILE).presentation

    assert laid.region("Image") is not None
    assert laid.region("Image").height == share  # type: ignore[union-attr]


def test_text_first_puts_the_words_before_the_picture_in_every_order() -> None:
    presented = present(MESSAGE, {}, PROFILE, arrangement=Arrangement(text_first=True))

    assert [p.content_location for p in presented.parts][:3] == ["words.txt", "beach.jpg", "voice.amr"]
    assert [m.src for m in presented.presentation.slides[0].media] == ["words.txt", "beach.jpg", "voice.amr"]


def test_each_length_belongs_to_its_part_whatever_the_order_on_the_screen() -> None:
    presented = present(MESSAGE, {1: 6200, 3: 9000}, PROFILE, arrangement=Arrangement(text_first=True))

    assert [s.duration_ms for s in presented.slides] == [7000, 9500]


@pytest.mark.parametrize(
    ("device", "dur", "refs"),
    [(None, "7000ms", 1), ("apple/iphone", "7s", 1), ("aosp/mms", "7000ms", 0), ("acme/one", "7000ms", 1)],
)
def test_a_receivers_wishes_are_rows(device: str | None, dur: str, refs: int) -> None:
    root = tree(present(MESSAGE, {1: 6200}, replace(PROFILE, device=device)).part.data)

    assert root.find("body/par").get("dur") == dur
    assert len(list(root.iter("ref"))) == refs


def test_seconds_are_rounded_up_so_that_nothing_is_cut() -> None:
    presented = present(MESSAGE, {1: 6600}, replace(PROFILE, device="apple/iphone"))

    assert tree(presented.part.data).find("body/par").get("dur") == "8s"
    assert presented.slides[0].duration_ms == 8000


@pytest.mark.parametrize(
    ("message", "accepted", "needed"),
    [
        (Message((Slide(text=WORDS),)), True, True),
        (Message((Slide(text=WORDS),)), False, False),
        (Message((), (CARD,)), True, False),
    ],
)
def test_a_presentation_is_needed_where_there_are_slides_and_a_receiver_for_them(
    message: Message, *, accepted: bool, needed: bool
) -> None:
    assert needs_presentation(message, replace(PROFILE, smil=SmilRule(accepted=accepted))) is needed


@pytest.mark.parametrize("bad", [replace(SOUND, content_location=""), replace(SOUND, content_id="beach")])
def test_a_part_without_a_name_of_its_own_is_our_own_mistake(bad: Part) -> None:
    with pytest.raises(ValueError, match="of its own"):
        present(Message((Slide(image=PICTURE, audio=bad),)), {}, PROFILE)


def test_slides_given_as_values_get_their_regions() -> None:
    laid = lay_out([SlideView((Medium("img", "a"), Medium("audio", "b"), Medium("text", "c")))], rule=SmilRule())

    assert [m.region for m in laid.media] == ["Image", "", "Text"]
    assert lay_out([SlideView((Medium("img", "a"),))], rule=SmilRule(accepted=False)).regions == ()


def test_a_receiver_that_names_media_by_id_gets_ids() -> None:
    made = present(MESSAGE, {}, replace(PROFILE, device="openwave/v7"))

    assert [m.src for m in made.presentation.slides[0].media] == ["cid:beach", "cid:voice", "cid:words"]


def test_a_device_goes_before_its_carrier() -> None:
    assert quirk_for(replace(PROFILE, device="apple/iphone", carrier="us/att")).unit == "s"


def test_a_clip_is_not_waited_for_as_a_picture_is() -> None:
    slides = present(
        Message((Slide(video=CLIP, text=WORDS), Slide(image=PICTURE, audio=SOUND))), {0: 4000, 3: 3000}, PROFILE
    ).slides

    assert [(s.duration_ms, s.why) for s in slides] == [
        (4500, "length of the clip (4.0 s)"),
        (5000, "time to look at a picture"),
    ]


TYPES = st.sampled_from(
    ["image/jpeg", "image/gif", "video/mp4", "audio/amr", "text/plain", "text/x-vcard", "application/pdf"]
)
PARTS = st.lists(st.tuples(TYPES, st.text(max_size=20), st.binary(max_size=60)), min_size=1, max_size=7)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    rows=PARTS,
    lengths=st.lists(st.integers(0, 90_000), max_size=7),
    arrangement=st.builds(Arrangement, st.sampled_from(["portrait", "landscape"]), st.booleans()),
    device=st.sampled_from([None, "apple/iphone", "aosp/mms", "openwave/v7"]),
)
def test_any_message_is_presented_without_a_fault(
    rows: list[tuple[str, str, bytes]], lengths: list[int], arrangement: Arrangement, device: str | None
) -> None:
    made = [
        part(f"p{number}{suffix_for(media_type)}", media_type, data, alt=alt)
        for number, (media_type, alt, data) in enumerate(rows)
    ]
    message = Message.of(made)
    durations = {i: ms for i, (p, ms) in enumerate(zip(message.parts, lengths, strict=False)) if p.kind in MOVING}

    presented = present(message, durations, replace(PROFILE, device=device), arrangement=arrangement)

    moved = {presented.parts.index(message.parts[i]): ms for i, ms in durations.items()}
    if message.slides:
        assert lint(Content(presented.parts, presented.part), durations_ms=moved) == ()
        assert_valid(presented.part.data)
    assert sorted(p.content_id for p in presented.parts) == sorted(p.content_id for p in made)
    assert [m.src for m in presented.presentation.media] == [m.src for m in read(presented.part.data).media]
