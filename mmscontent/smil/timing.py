"""Decides how long a slide stays: as long as its audio or video, and long enough to be read.

All numbers stand in `PACE` and `SPEEDS`, each with its source. Pure arithmetic on text and lengths.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds and defaults of slide lengths, milliseconds.

    Attributes:
        still_ms: A picture without words; AOSP Messaging's DEFAULT_DURATION is 5000.
        least_ms: No slide is shorter; below 3 s a phone's progress bar and tap target are gone before they are found
            (Nokia's and Sony Ericsson's shortest templates in the wild are 2 to 3 s).
        most_reading_ms: Reading alone never asks for more; who reads slower can stop the show. Openwave's longest
            slide in the wild is 30 s, this is twice that. Sound and clips are never cut by it.
        picture_ms: Time to look at a picture before reading begins, when both are on one slide (one to two fixations
            of a scene and the way to the text; chosen).
        tail_ms: What a slide outlasts its sound or clip by: players start late (chosen; half a second).
        step_ms: Lengths are rounded up to whole steps.
    """

    still_ms: int = 5000
    least_ms: int = 3000
    most_reading_ms: int = 60_000
    picture_ms: int = 1500
    tail_ms: int = 500
    step_ms: int = 500


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a language or script is read.

    Attributes:
        per_minute: Words or characters a minute.
        unit: What is counted.
        source: Where the number is from.
    """

    per_minute: int
    unit: str
    source: str


# Trauzettel-Klosinski and Dietz, "Standardized Assessment of Reading Performance: The New International Reading Speed
# Texts IReST", IOVS 2012; 53:5452, table of 17 languages, texts read aloud by adults: on the safe side for a show that
# moves on by itself.
_IREST = "IReST 2012"
_MEAN = "IReST 2012, mean of 17 languages"

SPEEDS: dict[str, Speed] = {
    # languages
    "ar": Speed(138, "words", _IREST),
    "de": Speed(179, "words", _IREST),
    "en": Speed(228, "words", _IREST),
    "es": Speed(218, "words", _IREST),
    "fi": Speed(161, "words", _IREST),
    "fr": Speed(195, "words", _IREST),
    "he": Speed(187, "words", _IREST),
    "it": Speed(188, "words", _IREST),
    "ja": Speed(357, "characters", _IREST),
    "nl": Speed(202, "words", _IREST),
    "pl": Speed(166, "words", _IREST),
    "pt": Speed(181, "words", _IREST),
    "ru": Speed(184, "words", _IREST),
    "sl": Speed(180, "words", _IREST),
    "sv": Speed(199, "words", _IREST),
    "tr": Speed(166, "words", _IREST),
    "zh": Speed(255, "characters", _IREST),
    # scripts, where the language is not known
    "arabic": Speed(138, "words", _IREST),
    "cyrillic": Speed(184, "words", _IREST),
    "han": Speed(255, "characters", _IREST),
    "hangul": Speed(357, "characters", "as the Japanese syllables of IReST 2012; Korean is not among its languages"),
    "hebrew": Speed(187, "words", _IREST),
    "kana": Speed(357, "characters", _IREST),
    "unspaced": Speed(629, "characters", "IReST 2012: 863 letters a minute less one standard deviation of 234"),
    "words": Speed(184, "words", _MEAN),
}

# A few small words that tell the languages of the table apart; chosen for being
# frequent. Only the languages whose speed we know are told apart; the rest go by their script.
_SMALL_WORDS: dict[str, str] = {
    "de": "der die das und ist nicht ich wir mit für auf ein eine zu den dem wie auch wird euch",
    "en": "the and is of to you we are for with this that it on at your have be will our",
    "es": "el la los las es de que en un una por con para su se lo está gracias muy",
    "fi": "ja on ei se että oli hän mutta ovat kun niin tai joka myös minä sinä kiitos",
    "fr": "le la les et est des du un une que pour dans avec vous nous pas sur merci au ce",
    "it": "il lo la gli è di che un una per con non sono del della ti ci grazie molto",
    "nl": "de het een en is van niet ik wij met voor op dat zijn aan je ook naar bij wordt",
    "pl": "na nie się jest to do że jak za od po dla ale czy już dziękuję",
    "pt": "os as é de que em um uma para com não por se do da no na você obrigado",
    "sl": "je in na se za da so ne bi pri kot ali vas ki smo hvala bo lahko tudi",
    "sv": "och är det att en ett som på av för med den inte jag vi har till om kan tack",
    "tr": "ve bir bu için ile da de çok ne ben sen biz olarak var mi gibi daha teşekkürler",
}
_MOST_CHARACTERS = 10_000  # beyond this every text is past the longest slide many times over
_LEAST_VOTES = 2  # one small word is shared by too many languages to decide on

_URL = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,64}\.\w[\w.-]*|\b(?:[\w-]{1,64}\.){1,8}[a-z]{2,6}\b(?:/\S*)?",
    re.IGNORECASE,
)
_URL_LETTERS_PER_WORD = 4  # spelled, not read: an address of 24 letters costs six words (chosen)
_NUMBER = re.compile(r"[+(]?\d[\d\s().,:/-]*\d|\d")
_DIGITS_PER_WORD = 2  # a number is spoken in pairs of digits, as telephone numbers are (chosen)
_WORD = re.compile(r"\w+(?:['’\-\u05f3\u05f4\u0640]\w+)*", re.UNICODE)

_SCRIPT_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0x08A0, 0x08FF, "arabic"),
    (0x0E00, 0x0EFF, "unspaced"),  # Thai and Lao write no spaces between words
    (0x1000, 0x109F, "unspaced"),  # Myanmar
    (0x1100, 0x11FF, "hangul"),
    (0x1780, 0x17FF, "unspaced"),  # Khmer
    (0x3040, 0x30FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xAC00, 0xD7A3, "hangul"),
    (0xF900, 0xFAFF, "han"),
    (0xFB1D, 0xFB4F, "hebrew"),
    (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFC, "arabic"),
    (0x20000, 0x3FFFF, "han"),
)


@dataclass(frozen=True, slots=True)
class ReadingTime:
    """What there is to read in a text, and how long that takes.

    Attributes:
        words: Words, numbers and addresses counted as the words they cost.
        characters: Characters of scripts that are read by the character.
        language: A key of SPEEDS.
    """

    words: int
    characters: int
    milliseconds: int
    language: str

    @property
    def why(self) -> str:
        """In words: `reading time of 21 words`."""
        counts = [(self.words, "word"), (self.characters, "character")]
        counted = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in counts if n]
        return f"reading time of {' and '.join(counted) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Length:
    """How long a slide stays, and why in words."""

    milliseconds: int
    why: str


def guess_language(text: str) -> str:
    """A key of SPEEDS for a text: its language where small words tell it, else its script."""
    scripts = Counter(s for c in text if (s := _script(c)))
    script = scripts.most_common(1)[0][0] if scripts else "words"
    # Japanese is told by its kana, however many Han characters stand among them
    if scripts["kana"]:
        return "ja"
    return _vote(text) if script == "words" else script


def reading_of(text: str, language: str = "") -> ReadingTime:
    """Count what there is to read and how long it takes.

    Args:
        text: As it is shown, in logical order.
        language: BCP 47 tag of the text; guessed from it when empty or not in SPEEDS.
    """
    # composed letters, so that an accent is no character of its own
    text = unicodedata.normalize("NFC", text[:_MOST_CHARACTERS])
    key = language.partition("-")[0].lower()
    key = key if key in SPEEDS else guess_language(text)
    rest, extra_words = _extract_slow_text(text)
    characters = Counter(s for c in rest if (s := _script(c)) and SPEEDS[s].unit == "characters")
    spaced = "".join(" " if (s := _script(c)) and SPEEDS[s].unit == "characters" else c for c in rest)
    words = len(_WORD.findall(spaced)) + extra_words + _pictographs(spaced)
    # Latin words inside a text of Han characters are read at the mean speed
    speed = SPEEDS[key] if SPEEDS[key].unit == "words" else SPEEDS["words"]
    minutes = words / speed.per_minute
    minutes += sum(n / _per_character(script, key) for script, n in characters.items())
    return ReadingTime(words, sum(characters.values()), round(minutes * 60_000), key)


def slide_length(
    texts: Iterable[str] = (),
    media: Iterable[tuple[str, int]] = (),
    *,
    picture: bool = False,
    wished_ms: int | None = None,
    pace: Pace = PACE,
) -> Length:
    """How long one slide stays: the longer of its media and its words, never shorter than a sound or clip.

    Args:
        texts: What is to be read on it.
        media: What moves or sounds on it, as (a word for it, length in ms): `("sound", 6200)`.
        picture: There is something to look at beside the words.
        wished_ms: What the sender asked for; kept unless it would cut a sound or a clip.
        pace: Bounds and defaults.
    """
    longest = max(media, key=lambda m: m[1], default=("", 0))
    needed = longest[1] + pace.tail_ms if longest[1] > 0 else 0
    reason = f"length of the {longest[0]} ({longest[1] / 1000:.1f} s)"
    if wished_ms is not None:
        # the sender's wish counts, unless it would cut the end of a sound or clip
        if wished_ms >= longest[1]:
            return Length(wished_ms, "as asked for")
        return Length(_stepped(needed, pace), f"asked for {wished_ms / 1000:g} s, lengthened to the {reason}")
    read = _reading_length([reading_of(t) for t in texts], picture=picture, pace=pace)
    if needed >= read.milliseconds and needed:
        return Length(_stepped(max(needed, pace.least_ms), pace), reason)
    return Length(_stepped(max(read.milliseconds, pace.least_ms), pace), read.why)


def _reading_length(readings: list[ReadingTime], *, picture: bool, pace: Pace) -> Length:
    spent = sum(r.milliseconds for r in readings)
    least = pace.still_ms if picture else pace.least_ms
    least_why = "time to look at a picture" if picture else "shortest slide"
    if not spent:
        return Length(least, least_why)
    reason = ReadingTime(sum(r.words for r in readings), sum(r.characters for r in readings), spent, "words").why
    # the eye goes to the picture first
    spent += pace.picture_ms if picture else 0
    if spent < least:
        return Length(least, f"{least_why}, longer than the {reason}")
    if spent > pace.most_reading_ms:
        return Length(pace.most_reading_ms, f"longest slide, the {reason} would be {spent / 1000:.0f} s")
    return Length(spent, reason)


def _stepped(milliseconds: int, pace: Pace) -> int:
    # rounded up: nothing is cut
    return -(-milliseconds // pace.step_ms) * pace.step_ms


def _per_character(script: str, key: str) -> int:
    return SPEEDS["ja" if key == "ja" and script in ("kana", "han") else script].per_minute


def _extract_slow_text(text: str) -> tuple[str, int]:
    """The text without addresses and numbers, and what these cost in words."""
    # addresses first, since they hold numbers
    cost = sum(max(1, round(len(address) / _URL_LETTERS_PER_WORD)) for address in _URL.findall(text))
    text = _URL.sub(" ", text)
    cost += sum(max(1, -(-sum(c.isdigit() for c in n) // _DIGITS_PER_WORD)) for n in _NUMBER.findall(text))
    return _NUMBER.sub(" ", text), cost


def _pictographs(text: str) -> int:
    """Emoji and signs are read as a word each, a run of them as one."""
    runs = 0
    inside = False
    for c in text:
        # a zero-width joiner and a variation selector belong to the emoji before them
        now = unicodedata.category(c) == "So" or (inside and c in "\u200d\ufe0f")
        runs += now and not inside
        inside = now
    return runs


def _vote(text: str) -> str:
    words = Counter(w.lower() for w in _WORD.findall(_extract_slow_text(text)[0]))
    votes = {lang: sum(words[w] for w in small.split()) for lang, small in _SMALL_WORDS.items()}
    best = max(votes.values())
    leaders = [lang for lang, n in votes.items() if n == best]
    return leaders[0] if best >= _LEAST_VOTES and len(leaders) == 1 else "words"


def _script(c: str) -> str:
    """The script of a letter, where it decides how it is read; "" for Latin and for what is no letter."""
    code = ord(c)
    # Latin and Greek: read by the word, as the mean of the table says
    if code < _SCRIPT_RANGES[0][0]:
        return ""
    return next((name for low, high, name in _SCRIPT_RANGES if low <= code <= high and c.isalnum()), "")
