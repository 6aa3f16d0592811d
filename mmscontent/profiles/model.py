"""What one receiver accepts, as values; each field states its default, TOML reader, merge rule and meaning.

A new field is one line here: schema.py, merge.py and the command read it from `FIELD_RULES`. Source: docs/profiles.md.

A reader gives the value as the profile keeps it, or raises ValueError with the words for what it wanted: schema.py
puts file, key and value around them. A merge rule takes two statements and gives the value that satisfies both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Generic, Literal, TypeVar, get_args

Value = TypeVar("Value")
Default = TypeVar("Default")
Word = TypeVar("Word", bound=str)
Number = TypeVar("Number", int, float)

Confidence = Literal["high", "medium", "low"]
Route = Literal["p2p", "long_code", "toll_free", "short_code"]
# The ways a message reaches a carrier; a file may also state limits for `any` of them.
ROUTES: tuple[Route, ...] = get_args(Route)
Counts = Literal["pdu", "mime", "base64"]
Reference = Literal["location", "cid"]
# The same message is larger in each form than in the one before it, so the last is the strictest way of counting.
COUNTS: tuple[Counts, ...] = ("pdu", "mime", "base64")
_REFERENCES: tuple[Reference, ...] = ("location", "cid")
_UNBOUNDED = 1 << 40  # above every frame side and bit rate, where a format states none


@dataclass(frozen=True, slots=True)
class FieldRule(Generic[Value]):
    """All that is known of a field beside its name, type and default.

    Attributes:
        read: Checks a TOML value.
        merge: Gives what two statements leave; None for the byte limits, which merge.py combines by themselves.
        meaning: What the value is, with its unit; `mmscontent profiles show` prints it.
        fallback: Stands when two lists have nothing in common; a receiver that accepts MMS at all accepts this.
        carrier_raises: The carrier's value replaces that of a device whose document states lower bounds.
    """

    read: Callable[[object], Value]
    merge: Callable[[Value, Value], Value] | None
    meaning: str
    fallback: Value | None = None
    carrier_raises: bool = False


def profile_field(
    default: Default,
    read: Callable[[object], Value],
    merge: Callable[[Value, Value], Value],
    meaning: str,
    *,
    fallback: Value | None = None,
    carrier_raises: bool = False,
) -> Default | Value:
    """Declare a field of a profile; *default* holds where no source states it."""
    rule = FieldRule(read, merge, meaning, fallback, carrier_raises)
    declared: Any = field(default=default, metadata={"rule": rule})
    return declared  # type: ignore[no-any-return] # as dataclasses.field itself, typed as the value it stands for


# -- readers --------------------------------------------------------------------------------------------------------


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004 - schema.py turns it into ProfileError
    return value


def flag(value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - as above
    return value


def count(value: object) -> int:
    """A whole number, 0 included."""
    # bool is a subclass of int in Python, but `true` is no number in TOML
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


def size(value: object) -> int:
    """A whole number above 0: bytes, pixels, characters."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError("a list of texts")
    return tuple(value)


def date(value: object) -> str:
    """An ISO date, to the day, the month or the year."""
    bits = text(value).split("-")
    if not all(b.isdigit() for b in bits) or [len(b) for b in bits] not in ([4], [4, 2], [4, 2, 2]):
        raise ValueError("a date such as 2026-11-22, 2026-11 or 2026")
    return "-".join(bits)


def media_types(value: object) -> tuple[str, ...]:
    """A list of media types, spelled as the rest of the package compares them."""
    types = texts(value)
    if any(t != t.strip().lower() or t.count("/") != 1 for t in types):
        raise ValueError("a list of media types such as image/jpeg, in lower case")
    return types


def one_of(words: tuple[Word, ...]) -> Callable[[object], Word]:
    """A reader of one of a few words."""

    def read(value: object) -> Word:
        found = next((word for word in words if word == value), None)
        if found is None:
            raise ValueError(f"one of {', '.join(words)}")
        return found

    return read


def table_rows(row_type: Callable[..., Value]) -> Callable[[object], tuple[Value, ...]]:
    """A reader of a list of tables, each with the fields of a dataclass; media_type and codec are required."""
    # Annotations are strings here; every field of a format is either a text or a number above 0.
    keys: Mapping[str, Callable[[object], object]] = {
        f.name: text if "str" in str(f.type) else size
        for f in fields(row_type)  # type: ignore[arg-type] # a dataclass, called to build a row
    }

    def read(value: object) -> tuple[Value, ...]:
        if not isinstance(value, list) or not all(_is_format_row(row) for row in value):
            raise ValueError("a list of tables, each with media_type and codec")
        unknown = [k for row in value for k in row if k not in keys]
        if unknown:
            raise ValueError(f"rows with the keys {', '.join(keys)}, not {unknown[0]}")
        return tuple(row_type(**{k: keys[k](v) for k, v in row.items()}) for row in value)

    return read


def _is_format_row(row: object) -> bool:
    return isinstance(row, dict) and {"media_type", "codec"} <= {*row}


# -- merge rules ----------------------------------------------------------------------------------------------------


def lowest(a: Number, b: Number) -> Number:
    """The lower of two limits."""
    return min(a, b)


def lowest_known(a: Number | None, b: Number | None) -> Number | None:
    """The lower of two limits; None states nothing."""
    return b if a is None else a if b is None else min(a, b)


def all_true(a: bool, b: bool) -> bool:  # noqa: FBT001 - a rule for two values
    """True when no source denies it."""
    return a and b


def any_true(a: bool, b: bool) -> bool:  # noqa: FBT001 - a rule for two values
    """True when one source says so."""
    return a or b


def first(a: Value, _b: Value) -> Value:
    """The first source: device before carrier before class."""
    return a


def common(a: tuple[Value, ...], b: tuple[Value, ...]) -> tuple[Value, ...]:
    """What two lists share, in the order of the first."""
    return tuple(v for v in a if v in b)


def strictest(order: tuple[Word, ...]) -> Callable[[Word, Word], Word]:
    """A rule for words that are ordered, the strictest last."""
    return lambda a, b: max(a, b, key=order.index)


# -- values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from.

    Attributes:
        source: Who decided, in words: `carrier us/t-mobile route long_code`, `device apple/iphone`, `caller`.
        url: Page, document or data file it was read from; "" for the caller's own.
        date: ISO date of that reading; "" when unknown.
        stated: The literal wording there.
        competing: Other credible statements that lost, each as one sentence.
    """

    source: str
    url: str = ""
    date: str = ""
    confidence: Confidence = "medium"
    stated: str = ""
    competing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """One video format that a receiver plays; None means no statement."""

    media_type: str
    codec: str
    profile: str | None = None
    level: str | None = None
    max_long_px: int | None = None
    max_short_px: int | None = None
    max_fps: float | None = None
    max_bit_rate_bps: int | None = None
    audio_codec: str | None = None


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One audio format that a receiver plays."""

    media_type: str
    codec: str


def _common_video(a: tuple[VideoFormat, ...], b: tuple[VideoFormat, ...]) -> tuple[VideoFormat, ...]:
    """The formats of the same container and codec, each within the bounds of both."""
    same = (_narrower(v, o) for v in a for o in b if (v.media_type, v.codec) == (o.media_type, o.codec))
    return tuple(dict.fromkeys(same))


def _narrower(a: VideoFormat, b: VideoFormat) -> VideoFormat:
    """The bounds both keep; profile and level are those of the one with the smaller frame."""
    strict, loose = (b, a) if _bounds(b) < _bounds(a) else (a, b)
    return replace(
        strict,
        profile=strict.profile or loose.profile,
        level=strict.level or loose.level,
        max_long_px=lowest_known(a.max_long_px, b.max_long_px),
        max_short_px=lowest_known(a.max_short_px, b.max_short_px),
        max_fps=lowest_known(a.max_fps, b.max_fps),
        max_bit_rate_bps=lowest_known(a.max_bit_rate_bps, b.max_bit_rate_bps),
        audio_codec=strict.audio_codec or loose.audio_codec,
    )


def _bounds(one: VideoFormat) -> tuple[int, int]:
    return one.max_long_px or _UNBOUNDED, one.max_bit_rate_bps or _UNBOUNDED


_AMR = (AudioFormat("audio/amr", "amr-nb"),)  # the one codec that every MMS phone plays (MMS CONF table 1)


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Stills and animations that a receiver shows; sides hold whichever way the picture lies."""

    media_types: tuple[str, ...] = profile_field(
        ("image/jpeg", "image/gif", "image/png"), media_types, common, "images", fallback=("image/jpeg",)
    )
    max_long_px: int = profile_field(640, size, lowest, "largest image, long side px", carrier_raises=True)
    max_short_px: int = profile_field(480, size, lowest, "largest image, short side px", carrier_raises=True)
    progressive: bool = profile_field(False, flag, all_true, "progressive JPEG")
    animated: bool = profile_field(True, flag, all_true, "animated GIF")
    # quality is judged at this size, because nobody sees more of the picture
    view_long_px: int = profile_field(1080, size, lowest, "screen, long side px")


@dataclass(frozen=True, slots=True)
class VideoRule:
    """Video that a receiver plays, best first; empty means none is known to play."""

    formats: tuple[VideoFormat, ...] = profile_field((), table_rows(VideoFormat), _common_video, "video")


@dataclass(frozen=True, slots=True)
class AudioRule:
    """Audio that a receiver plays, best first."""

    formats: tuple[AudioFormat, ...] = profile_field(_AMR, table_rows(AudioFormat), common, "audio", fallback=_AMR)


@dataclass(frozen=True, slots=True)
class TextRule:
    """Text that a receiver shows."""

    charsets: tuple[str, ...] = profile_field(
        ("utf-8", "us-ascii"), texts, common, "text", fallback=("utf-8", "us-ascii")
    )
    max_chars: int | None = profile_field(None, size, lowest, "text, characters")
    sms_to_mms_segments: int | None = profile_field(None, size, lowest, "longest SMS, segments")


@dataclass(frozen=True, slots=True)
class ContactRule:
    """Contacts that a receiver opens: vCard versions best first, and the media type it expects."""

    media_type: str = profile_field("text/x-vcard", text, first, "contact media type")
    versions: tuple[str, ...] = profile_field(("2.1", "3.0"), texts, common, "contact versions", fallback=("2.1",))


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """Calendar entries that a receiver opens: `1.0` is vCalendar, `2.0` iCalendar."""

    versions: tuple[str, ...] = profile_field(("1.0",), texts, common, "calendar entries", fallback=("1.0",))


@dataclass(frozen=True, slots=True)
class SmilRule:
    """Whether a receiver plays slides, and by what its SMIL names the parts."""

    accepted: bool = profile_field(True, flag, all_true, "slides are played")
    src: Reference = profile_field("location", one_of(_REFERENCES), first, "SMIL names parts by")  # noqa: RUF009 - a field


Rule = ImageRule | VideoRule | AudioRule | TextRule | ContactRule | CalendarRule


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything one receiver accepts, merged from class, device, carrier and route.

    Attributes:
        limit_bytes: Above this the packed message is refused.
        target_bytes: What to aim at; at most `limit_bytes`.
        counts: What the limit counts: the binary PDU, the MIME message with binary bodies, or that with base64 bodies.
        content_disposition: Parts may carry a Content-Disposition; some relays break on it.
        carrier_transcodes: The network is known to shrink what passes it.
        extra_media_types: Types carried as they are, beyond the rules per kind.
        origins: Who decided each value, by field name (`limit_bytes`, `image.max_long_px`, …).
    """

    limit_bytes: int = field(metadata={"rule": FieldRule(size, None, "largest packed message, bytes")})
    target_bytes: int = field(metadata={"rule": FieldRule(size, None, "size to aim at, bytes")})
    carrier: str | None = None
    route: str | None = None
    device: str | None = None
    content_class: str | None = None
    image: ImageRule = ImageRule()
    video: VideoRule = VideoRule()
    audio: AudioRule = AudioRule()
    text: TextRule = TextRule()
    contact: ContactRule = ContactRule()
    calendar: CalendarRule = CalendarRule()
    smil: SmilRule = SmilRule()
    max_recipients: int | None = profile_field(None, size, lowest, "recipients")
    max_parts: int | None = profile_field(None, size, lowest, "parts")
    subject_max_chars: int | None = profile_field(40, count, lowest, "subject, characters")
    counts: Counts = profile_field("pdu", one_of(COUNTS), strictest(COUNTS), "what is counted")  # noqa: RUF009 - a field
    content_disposition: bool = profile_field(True, flag, all_true, "Content-Disposition")
    group_mms: bool = profile_field(True, flag, all_true, "group MMS")
    carrier_transcodes: bool = profile_field(False, flag, any_true, "carrier transcodes")
    extra_media_types: tuple[str, ...] = profile_field((), media_types, common, "other types")
    notes: tuple[str, ...] = ()
    origins: tuple[tuple[str, Origin], ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.target_bytes <= self.limit_bytes:
            raise ValueError(f"target_bytes must lie in 1 … limit_bytes ({self.limit_bytes}), got {self.target_bytes}")

    def origin(self, field: str) -> Origin | None:
        """Who decided a value, by field name; None when it is the built-in default."""
        return next((o for name, o in self.origins if name == field), None)


# The rules that have a table of their own in a profile file, by the name of the table.
SECTIONS: dict[str, Any] = {f.name: type(f.default) for f in fields(Profile) if is_dataclass(f.default)}


def _field_rules() -> dict[str, FieldRule[Any]]:
    """Every field that a source may state, by its dotted name, in the order of the profile."""
    found: dict[str, FieldRule[Any]] = {}
    for owner in fields(Profile):
        if owner.name in SECTIONS:
            found |= {f"{owner.name}.{f.name}": f.metadata["rule"] for f in fields(SECTIONS[owner.name])}
        elif "rule" in owner.metadata:
            found[owner.name] = owner.metadata["rule"]
    return found


FIELD_RULES = _field_rules()
