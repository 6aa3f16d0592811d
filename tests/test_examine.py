"""Step 1: long texts on pages that can be read in time, nothing lost; how many SMS a text alone would be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmscontent as mms
from mmscontent.pipeline.examine import paginate, sms_equivalence_notes
from mmscontent.smil.timing import PACE
from tests.conftest import ROOT

FIXTURES = ROOT / "fixtures"
PHOTO = min(FIXTURES.glob("jpeg-480x640-exif6-gps*.jpg"))
SENTENCE = "The ferry leaves at nine from the quay behind the old market hall. "
STORY = SENTENCE * 60


def texts(message: mms.Message) -> list[str]:
    return [slide.text.data.decode() for slide in message.slides if slide.text is not None]


def test_a_text_that_outlasts_the_longest_slide_is_parted_at_sentence_ends() -> None:
    profile = mms.load_profile()
    composed = mms.compose(mms.Message.of(mms.read_parts([PHOTO]), text=STORY), profile)
    read = mms.message_of(mms.unpack(composed.data).content)

    pages = texts(read)
    assert len(pages) > 1
    assert read.slides[0].image is not None
    assert all(page.endswith(".") for page in pages)
    assert " ".join(pages) == STORY.strip()
    assert all(slide.duration_ms <= PACE.most_reading_ms for slide in composed.ledger.slides)
    assert not any("longest slide" in slide.why for slide in composed.ledger.slides)
    words = next(p for p in composed.ledger.parts if p.kind == "text")
    assert len(composed.ledger.parts) == 2
    assert f"over {len(pages)} slides" in words.reasons[0]
    assert words.result is not None
    assert words.result.size_bytes == sum(len(page.encode()) for page in pages)


@given(st.text(max_size=6000), st.sampled_from(["", "de", "ja"]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_paging_loses_nothing_but_white_space_and_keeps_the_number_of_pages_down(text: str, more: str) -> None:
    message = mms.Message.of([mms.Part.of_text(text + more + ".")])
    work = paginate(message, mms.load_profile(), keep=False)

    assert "".join("".join(texts(work.message)).split()) == "".join((text + more + ".").split())
    assert len(work.message.slides) <= 25
    assert work.origins == (0,) * len(work.message.slides)


def test_a_text_of_any_length_keeps_to_a_number_of_slides() -> None:
    assert len(paginate(mms.Message.of([], text=STORY * 100), mms.load_profile(), keep=False).message.slides) <= 20


def test_the_sender_s_own_timing_and_presentation_are_not_paged() -> None:
    timed = mms.Message((mms.Slide(text=mms.Part.of_text(STORY), duration_ms=9_000),))
    profile = mms.load_profile()

    assert len(paginate(timed, profile, keep=False).message.slides) == 1
    assert len(paginate(mms.Message.of([], text=STORY), profile, keep=True).message.slides) == 1


LONE = [
    # text, subject, threshold, what is noted
    ("Happy birthday!", "", None, "it would be 1 SMS (GSM-7), which is cheaper than an MMS"),
    (
        "Happy birthday!",
        "Hi",
        3,
        "it would be 1 SMS (GSM-7), which is cheaper than an MMS, but SMS has no subject; phones of this network",
    ),
    (
        "С днём рождения! " * 5,
        "",
        3,
        "2 SMS (UCS-2), which is cheaper than an MMS; phones of this network send it as MMS from 3 SMS on",
    ),
    ("a" * 500, "", 3, "4 SMS (GSM-7), and phones of this network send a text of 3 SMS or more as MMS"),
    ("a" * 500, "", None, "the message is text only; it would be 4 SMS (GSM-7)"),
]


@pytest.mark.parametrize(("text", "subject", "threshold", "said"), LONE)
def test_a_text_alone_has_a_note_of_what_it_would_be_as_sms(
    text: str, subject: str, threshold: int | None, said: str
) -> None:
    profile = mms.load_profile()
    profile = replace(profile, text=replace(profile.text, sms_to_mms_segments=threshold))
    ledger = mms.compose(mms.Message.of([], text=text, subject=subject), profile).ledger

    assert said in ledger.notes[0]
    assert ledger.warnings == ()
    assert said in ledger.explain()


def test_words_beside_a_picture_are_no_sms() -> None:
    assert sms_equivalence_notes(mms.Message.of(mms.read_parts([PHOTO]), text="x"), mms.load_profile()) == ()
