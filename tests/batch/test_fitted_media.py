"""Media that are fitted once carry any words: the same bytes as the whole path gives, and never over the limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

import mmscontent as mms
from mmscontent.campaign.fitted_media import FittedMedia, compose_with, overhead_bytes
from mmscontent.pack.registry import ENCODINGS
from tests.batch.pictures import jpeg
from tests.conftest import ROOT

PROFILE = mms.load_profile(max_message_bytes=40_000)
ENVELOPE = mms.Envelope(sender="+12065550100", to=("+12065550101",))
CARD = min((ROOT / "fixtures").glob("vcard*30*.vcf"), default=min((ROOT / "fixtures").glob("*.vcf")))


def message(text: str, subject: str = "Hats", *, count: int = 2) -> mms.Message:
    parts = [mms.Part(jpeg(n, 800, 600), "image/jpeg", name=f"hat {n}.jpg") for n in range(count)]
    return mms.Message.of([*parts, *mms.read_parts([CARD])], text=text, subject=subject)


@pytest.fixture(scope="module")
def fitted() -> mms.Composed:
    return mms.compose(message("Hello Ada, your code is 1234"), PROFILE, envelope=ENVELOPE)


@pytest.fixture(scope="module")
def media(fitted: mms.Composed) -> FittedMedia:
    return FittedMedia.from_ledger(fitted.ledger, fitted.content.parts)


@pytest.mark.parametrize("encoding", ["pdu", "mime", "mm7", "mm4"])
def test_the_same_text_give_the_bytes_of_the_whole_path(encoding: str) -> None:
    whole = mms.compose(message("Hello Ada"), PROFILE, envelope=ENVELOPE, encoding=encoding)

    again = compose_with(
        FittedMedia.from_ledger(whole.ledger, whole.content.parts),
        message("Hello Ada"),
        PROFILE,
        envelope=ENVELOPE,
        encoding=encoding,
    )

    assert again.data == whole.data
    told, was = again.ledger.as_json(), whole.ledger.as_json()
    told.pop("elapsed_ms"), was.pop("elapsed_ms")
    assert told == was


def test_other_text_go_out_with_the_same_media(media: FittedMedia, fitted: mms.Composed) -> None:
    made = compose_with(media, message("Hello Grace, your code is 99", "For Grace"), PROFILE, envelope=ENVELOPE)

    read = mms.unpack(made.data).content
    assert read.subject == "For Grace"
    assert [p.data for p in read.parts if p.kind == "text"] == [b"Hello Grace, your code is 99"]
    assert [p.data for p in read.parts if p.kind != "text"] == [
        p.data for p in fitted.content.parts if p.kind != "text"
    ]
    assert [(e.name, e.predicted, e.encodes) for e in made.ledger.parts] == [
        (e.name, e.predicted, e.encodes) for e in fitted.ledger.parts
    ]
    assert mms.lint(read) == mms.lint(fitted.content)


def test_long_text_are_paged_as_the_whole_path_pages_them(media: FittedMedia) -> None:
    story = " ".join(f"Sentence number {n} of a long story about hats." for n in range(60))

    made = compose_with(
        media, message(story), replace(PROFILE, limit_bytes=60_000, target_bytes=60_000), envelope=ENVELOPE
    )

    words = [p for p in mms.unpack(made.data).content.parts if p.kind == "text"]
    assert len(words) > 1
    assert b" ".join(p.data for p in words).decode() == story


def test_text_over_the_limit_are_refused_with_both_sizes(media: FittedMedia) -> None:
    with pytest.raises(mms.DoesNotFit, match="40,000 are allowed") as caught:
        compose_with(media, message("x " * 9_000), PROFILE, envelope=ENVELOPE)
    assert caught.value.smallest_bytes > caught.value.limit_bytes == 40_000


def test_text_over_the_aim_and_under_the_limit_are_packed_with_a_warning(media: FittedMedia) -> None:
    profile = replace(PROFILE, target_bytes=media.size_bytes + 100)

    made = compose_with(media, message("Hello"), profile, envelope=ENVELOPE)

    assert len(made.data) <= profile.limit_bytes
    assert any("aimed at" in w for w in made.ledger.warnings)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (message("x", count=1), "fitted for 4 parts"),
        (mms.Message.of([mms.Part.of_text(t) for t in "abcd"]), "another kind"),
    ],
)
def test_a_message_of_another_shape_is_a_value_error(media: FittedMedia, other: mms.Message, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compose_with(media, other, PROFILE)


def test_a_message_that_left_something_out_gives_no_fitted_media(fitted: mms.Composed) -> None:
    with pytest.raises(ValueError, match="left out"):
        FittedMedia.from_ledger(fitted.ledger, fitted.content.parts[1:])


@pytest.mark.parametrize("encoding", list(ENCODINGS))
def test_the_overhead_is_what_the_packed_message_has_besides_its_media(encoding: str) -> None:
    """For sources whose names and types stay; base64 gives each medium a third more, so binary forms only."""
    said = message("Grüße 🎩")
    made = mms.compose(said, PROFILE, envelope=ENVELOPE, encoding=encoding)
    media_bytes = sum(len(p.data) for p in made.content.parts if p.kind != "text")

    told = overhead_bytes(FittedMedia.placeholder(said), said, PROFILE, envelope=ENVELOPE, encoding=encoding)

    assert told <= made.ledger.packed_bytes - media_bytes
    if made.ledger.counted_as in ("pdu", "mime-binary", "mm7-binary"):
        assert made.ledger.packed_bytes - media_bytes - told <= 2 * len(made.content.parts)  # longer lengths
