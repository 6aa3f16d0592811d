"""Slide lengths: long enough to read, never shorter than what sounds or moves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.smil.timing import PACE, SPEEDS, guess_language, reading_of, slide_length

ENGLISH = "Happy birthday to you and all the best from the whole family, see you at the party on Saturday at eight"

LANGUAGES = [
    ("Der Hund und die Katze sind nicht auf dem Dach.", "de"),
    (ENGLISH, "en"),
    ("El perro y el gato no están en la casa de la abuela.", "es"),
    ("Le chien et le chat ne sont pas sur le toit de la maison.", "fr"),
    ("Il cane e il gatto non sono sul tetto della casa.", "it"),
    ("Pies i kot nie są na dachu, ale to już jest jasne.", "pl"),
    ("Hunden och katten är inte på taket, det är en fågel.", "sv"),
    ("今日はとても良い天気ですね。", "ja"),
    ("你好世界，生日快乐！", "han"),
    ("שלום לכולם ומזל טוב", "hebrew"),
    ("عيد ميلاد سعيد لك", "arabic"),
    ("С днём рождения, дорогая бабушка", "cyrillic"),
    ("안녕하세요 생일 축하합니다", "hangul"),
    ("สวัสดีครับ ยินดีต้อนรับ", "unspaced"),
    ("Qwxz vbnm", "words"),
    ("", "words"),
]


@pytest.mark.parametrize(("text", "language"), LANGUAGES, ids=[row[1] for row in LANGUAGES])
def test_a_text_is_read_at_the_speed_of_its_language_or_script(text: str, language: str) -> None:
    assert guess_language(text) == language
    assert reading_of(text).language in SPEEDS


COUNTS = [
    ("one two three", 3, 0),
    ("it's twenty-one o'clock", 3, 0),
    ("你好，世界", 0, 4),
    ("iPhone で撮った 写真", 1, 6),
    ("call 2065550100", 6, 0),  # ten digits are five pairs
    ("see https://example.com/abcde", 1 + 6, 0),
    ("🎉🎉🎉 yes 🎂", 3, 0),
    ("", 0, 0),
]


@pytest.mark.parametrize(("text", "words", "characters"), COUNTS)
def test_what_there_is_to_read_is_counted_as_it_is_read(text: str, words: int, characters: int) -> None:
    reading = reading_of(text)

    assert (reading.words, reading.characters) == (words, characters)


@pytest.mark.parametrize(
    ("quick", "slow"),
    [
        ("meet us at the lake", "meet us at 47.6062"),
        ("look at our page", "look at https://example.com/summer/2026/party"),
    ],
)
def test_numbers_and_addresses_take_longer_than_words(quick: str, slow: str) -> None:
    assert reading_of(slow, "en").milliseconds > reading_of(quick, "en").milliseconds


def test_a_stated_language_wins_over_the_guess() -> None:
    assert reading_of(ENGLISH, "fi-FI").milliseconds > reading_of(ENGLISH).milliseconds


LENGTHS = [
    ({"picture": True}, 5000, "time to look at a picture"),
    ({}, 3000, "shortest slide"),
    ({"texts": ["Hello"], "picture": True}, 5000, "time to look at a picture, longer than the reading time of 1 word"),
    ({"texts": ["zz " * 21]}, 7000, "reading time of 21 words"),
    ({"texts": ["zz " * 21], "picture": True}, 8500, "reading time of 21 words"),
    ({"texts": ["zz"], "media": [("sound", 6200)]}, 7000, "length of the sound (6.2 s)"),
    ({"texts": ["zz " * 60], "media": [("clip", 6200)]}, 20000, "reading time of 60 words"),
    ({"media": [("sound", 600_000)]}, 600_500, "length of the sound (600.0 s)"),
    ({"texts": ["zz " * 1000]}, 60_000, "longest slide, the reading time of 1000 words would be 326 s"),
    ({"texts": ["zz " * 60], "wished_ms": 4000}, 4000, "as asked for"),
    (
        {"media": [("sound", 6200)], "wished_ms": 4000},
        7000,
        "asked for 4 s, lengthened to the length of the sound (6.2 s)",
    ),
    ({"media": [("sound", 6200)], "wished_ms": 6200}, 6200, "as asked for"),
]


@pytest.mark.parametrize(("given_", "milliseconds", "why"), LENGTHS)
def test_a_slide_is_as_long_as_its_media_and_its_words(given_: dict[str, object], milliseconds: int, why: str) -> None:
    length = slide_length(**given_)  # type: ignore[arg-type]

    assert (length.milliseconds, length.why) == (milliseconds, why)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    texts=st.lists(st.text(max_size=300), max_size=2),
    media=st.lists(st.integers(1, 900_000), max_size=2),
    wished=st.none() | st.integers(1, 100_000),
    picture=st.booleans(),
)
def test_no_slide_ever_cuts_a_sound_or_a_clip(
    texts: list[str], media: list[int], wished: int | None, *, picture: bool
) -> None:
    length = slide_length(texts, [("sound", ms) for ms in media], picture=picture, wished_ms=wished)

    assert length.milliseconds >= max(media, default=0)
    assert length.why
    if wished is None and not media:
        assert PACE.least_ms <= length.milliseconds <= PACE.most_reading_ms


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=200), st.text(min_size=1, max_size=100))
def test_more_text_is_never_counted_as_less_to_read_in_the_same_language(text: str, more: str) -> None:
    both = reading_of(f"{text} \n {more}", "en")

    assert both.words + both.characters + 1 >= max(reading_of(text, "en").words, reading_of(more, "en").characters)


@pytest.mark.parametrize("text", ["a." * 500_000, "a-" * 500_000, "1 " * 500_000, "www." * 250_000, "@" * 900_000])
def test_a_text_made_to_be_slow_is_counted_at_once(text: str) -> None:
    assert reading_of(text).milliseconds >= 0
