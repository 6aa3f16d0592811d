"""What one profile file states, and how several statements merge into a Profile.

Pure arithmetic. A limit is the lowest anybody states, a list is what all have in common, a flag is true when
nobody denies it; who decided is remembered per field. A *floor* is a device's word that the carrier's own
handset configuration may raise; the *base* only fills what nobody states. Source: docs/profiles.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from mmscontent.profiles.model import (
    AudioFormat,
    AudioRule,
    CalendarRule,
    ContactRule,
    ImageRule,
    Origin,
    Profile,
    SmilRule,
    TextRule,
    VideoFormat,
    VideoRule,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "MERGE_RULES",
    "UNKNOWN_DEVICE_TARGET_BYTES",
    "ProfileKeys",
    "ProfileLayer",
    "Role",
    "Statement",
    "apply_overrides",
    "build_profile",
    "format_value",
    "merge",
]

# A phone nobody named gets at most this unless the carrier's number is of high confidence: 28 % of 3,121 device
# documents declare 600,000 bytes or more, and gateways call 600 KB safe on every US route.
UNKNOWN_DEVICE_TARGET_BYTES = 600_000

_N = TypeVar("_N", int, float)
Role = Literal["device", "carrier", "class", "base"]
_ORDER: dict[Role, int] = {"device": 0, "carrier": 1, "class": 2, "base": 3}


@dataclass(frozen=True, slots=True)
class Statement:
    """One stated value: the field of Profile it is for, and where it was read."""

    field: str
    value: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class ProfileLayer:
    """All that one source states.

    Attributes:
        role: The base only fills; the others all bind.
        floor: Its byte limit and picture box may be raised by the carrier's handset configuration.
        handset_limit: What the carrier lets its own phones send, bytes; raises floors.
    """

    role: Role
    key: str
    statements: tuple[Statement, ...]
    floor: bool = False
    handset_limit: Statement | None = None

    def statement(self, field: str) -> Statement | None:
        """The statement about one field, or None."""
        return next((f for f in self.statements if f.field == field), None)


# -- one rule a field: what two statements leave ---------------------------------------------------------------


def _least(a: object, b: object) -> object:
    return min(cast("int", a), cast("int", b))


def _both(a: object, b: object) -> object:
    return bool(a) and bool(b)


def _either(a: object, b: object) -> object:
    return bool(a) or bool(b)


def _first(a: object, _b: object) -> object:
    return a


def _common(a: object, b: object) -> object:
    other = cast("tuple[str, ...]", b)
    return tuple(v for v in cast("tuple[str, ...]", a) if v in other)


def _common_audio(a: object, b: object) -> object:
    other = cast("tuple[AudioFormat, ...]", b)
    return tuple(v for v in cast("tuple[AudioFormat, ...]", a) if v in other)


def _common_video(a: object, b: object) -> object:
    mine, others = cast("tuple[VideoFormat, ...]", a), cast("tuple[VideoFormat, ...]", b)
    met = (_narrower(v, o) for v in mine for o in others if (v.media_type, v.codec) == (o.media_type, o.codec))
    return tuple(dict.fromkeys(met))


def _narrower(a: VideoFormat, b: VideoFormat) -> VideoFormat:
    """The bounds both keep; profile and level are those of the one with the smaller frame."""
    strict = (
        b
        if (b.max_long_px or 1 << 30, b.max_bit_rate_bps or 1 << 40)
        < (
            a.max_long_px or 1 << 30,
            a.max_bit_rate_bps or 1 << 40,
        )
        else a
    )
    loose = a if strict is b else b
    return replace(
        strict,
        profile=strict.profile or loose.profile,
        level=strict.level or loose.level,
        max_long_px=_least_known(a.max_long_px, b.max_long_px),
        max_short_px=_least_known(a.max_short_px, b.max_short_px),
        max_fps=_least_known(a.max_fps, b.max_fps),
        max_bit_rate_bps=_least_known(a.max_bit_rate_bps, b.max_bit_rate_bps),
        audio_codec=strict.audio_codec or loose.audio_codec,
    )


def _least_known(a: _N | None, b: _N | None) -> _N | None:
    return b if a is None else a if b is None else min(a, b)


_STRICTNESS = ("pdu", "mime", "base64")


def _strictest(a: object, b: object) -> object:
    return max(cast("str", a), cast("str", b), key=_STRICTNESS.index)


MERGE_RULES: dict[str, Callable[[object, object], object]] = {
    "image.media_types": _common,
    "image.max_long_px": _least,
    "image.max_short_px": _least,
    "image.progressive": _both,
    "image.animated": _both,
    "image.view_long_px": _least,
    "video.formats": _common_video,
    "audio.formats": _common_audio,
    "text.charsets": _common,
    "text.max_chars": _least,
    "text.sms_to_mms_segments": _least,
    "contact.media_type": _first,
    "contact.versions": _common,
    "calendar.versions": _common,
    "smil.accepted": _both,
    "smil.src": _first,
    "max_recipients": _least,
    "max_parts": _least,
    "subject_max_chars": _least,
    "counts": _strictest,
    "content_disposition": _both,
    "group_mms": _both,
    "carrier_transcodes": _either,
    "extra_media_types": _common,
}
# What is left when statements have nothing in common; a receiver that takes MMS at all takes these.
_LAST_RESORT: dict[str, object] = {
    "image.media_types": ("image/jpeg",),
    "video.formats": (),
    "audio.formats": (AudioFormat("audio/amr", "amr-nb"),),
    "text.charsets": ("utf-8", "us-ascii"),
    "contact.versions": ("2.1",),
    "calendar.versions": ("1.0",),
}
_FLOORED = ("image.max_long_px", "image.max_short_px")


def merge(
    layers: Iterable[ProfileLayer], *, max_message_bytes: int | None = None
) -> tuple[dict[str, Statement], tuple[str, ...]]:
    """Combine all that is stated into one statement per field, in any order of the layers.

    Args:
        layers: What device, carrier, class and base state; the carrier's for one route.
        max_message_bytes: The caller's own limit; it replaces limit and target.

    Returns:
        The statement that holds per field, each with its origin, and notes for people.
    """
    ordered = sorted(layers, key=lambda layer: _ORDER[layer.role])
    binding = [layer for layer in ordered if layer.role != "base"]
    base = [layer for layer in ordered if layer.role == "base"]
    merged: dict[str, Statement] = {}
    for field in MERGE_RULES:
        stated = _stated(field, binding)
        statement = merge_field(field, stated) if stated else next((f for b in base if (f := b.statement(field))), None)
        if statement is not None:
            merged[field] = statement
    notes = _byte_limits(merged, binding, base)
    return merged, notes + _callers_limit(merged, max_message_bytes)


def _stated(field: str, layers: list[ProfileLayer]) -> list[Statement]:
    """Statements about a field; a floor gives way to the carrier's own."""
    statements = [(layer, f) for layer in layers if (f := layer.statement(field))]
    carrier = any(layer.role == "carrier" for layer, _ in statements)
    return [f for layer, f in statements if not (layer.floor and field in _FLOORED and carrier)]


def merge_field(field: str, statements: list[Statement]) -> Statement:
    """What all statements leave; the origin is that of the one who had the last word."""
    merged = statements[0]
    for other in statements[1:]:
        value = MERGE_RULES[field](merged.value, other.value)
        if value == () and field in _LAST_RESORT and merged.value and other.value:
            value = _LAST_RESORT[field]
        winner, loser = (other, merged) if value == other.value != merged.value else (merged, other)
        merged = Statement(field, value, _over(winner, loser))
    return merged


def _over(winner: Statement, loser: Statement) -> Origin:
    """The winner's origin, with the loser's statement beside it when it differs."""
    if loser.value == winner.value:
        return winner.origin
    sentence = f"{loser.origin.source}: {format_value(loser.value)}"
    return replace(winner.origin, competing=(*winner.origin.competing, sentence))


def format_value(value: object) -> str:
    """A value as people read it: thousands grouped, formats by name."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple):
        return ", ".join(format_value(v) for v in value) or "none"
    if isinstance(value, VideoFormat):
        bits = (value.codec, value.profile, value.level and f"level {value.level}", value.audio_codec)
        frame = f"{value.max_long_px}×{value.max_short_px}" if value.max_long_px else None
        return f"{value.media_type} ({' '.join(b for b in (*bits, frame) if b)})"
    if isinstance(value, AudioFormat):
        return f"{value.media_type} ({value.codec})"
    return str(value)


# -- bytes -----------------------------------------------------------------------------------------------------


def _byte_limits(
    merged: dict[str, Statement], binding: list[ProfileLayer], base: list[ProfileLayer]
) -> tuple[str, ...]:
    """Set `limit_bytes` and `target_bytes`: the lowest of all, floors raised first, unknown sides assumed."""
    carrier = next((layer for layer in binding if layer.role == "carrier"), None)
    known = any(layer.role in {"carrier", "class"} and layer.statement("limit_bytes") for layer in binding)
    bounding = binding if known else [*binding, *base]
    limits = [_raised(layer, f, carrier) for layer in bounding if (f := layer.statement("limit_bytes"))]
    merged["limit_bytes"] = limit = _lowest("limit_bytes", limits)
    targets = [f for layer in bounding if (f := layer.statement("target_bytes"))]
    notes: tuple[str, ...] = ()
    cautious = carrier and _for_unknown_device(carrier, binding)
    if cautious:
        targets.append(cautious)
    merged["target_bytes"] = target = _lowest(
        "target_bytes", [*targets, Statement("target_bytes", limit.value, limit.origin)]
    )
    if cautious and target.origin.source == cautious.origin.source:
        notes = (
            (
                f"the device is not known and the carrier's number is of {limit.origin.confidence} confidence, so the "
                f"message aims at {UNKNOWN_DEVICE_TARGET_BYTES:,} bytes; name the device to use more"
            ),
        )
    return notes


def _raised(layer: ProfileLayer, statement: Statement, carrier: ProfileLayer | None) -> Statement:
    """A floor, raised to what the carrier lets its own phones send; anything else as it is."""
    handset = carrier.handset_limit if carrier else None
    if not layer.floor or handset is None or cast("int", handset.value) <= cast("int", statement.value):
        return statement
    sentence = f"{statement.origin.source}: {format_value(statement.value)} (a floor)"
    return Statement(
        statement.field, handset.value, replace(handset.origin, competing=(*handset.origin.competing, sentence))
    )


def _lowest(field: str, statements: list[Statement]) -> Statement:
    """The lowest statement, the others beside it; of equal ones the first."""
    winner = min(statements, key=lambda f: cast("int", f.value))
    origin = winner.origin
    for loser in statements:
        if loser is not winner and loser.origin.source != origin.source:
            origin = _over(Statement(field, winner.value, origin), loser)
    return Statement(field, winner.value, origin)


def _for_unknown_device(carrier: ProfileLayer, binding: list[ProfileLayer]) -> Statement | None:
    """The careful target for a phone nobody named, or None when the carrier's number can be trusted."""
    limit = carrier.statement("limit_bytes")
    if limit is None or limit.origin.confidence == "high" or any(layer.role == "device" for layer in binding):
        return None
    return Statement("target_bytes", UNKNOWN_DEVICE_TARGET_BYTES, Origin("unknown device", confidence="medium"))


def _callers_limit(merged: dict[str, Statement], max_message_bytes: int | None) -> tuple[str, ...]:
    """Replace limit and target by the caller's own; a note says so when that is above what the receiver states."""
    if max_message_bytes is None:
        return ()
    limit = merged["limit_bytes"]
    merged["limit_bytes"] = _lowest_said("limit_bytes", max_message_bytes, limit)
    merged["target_bytes"] = _lowest_said("target_bytes", max_message_bytes, merged["target_bytes"])
    if max_message_bytes <= cast("int", limit.value):
        return ()
    return (
        (
            f"the caller's limit of {max_message_bytes:,} bytes is above the {format_value(limit.value)} bytes of "
            f"{limit.origin.source}; the message may be refused"
        ),
    )


def _lowest_said(field: str, value: int, before: Statement) -> Statement:
    origin = Origin("caller", confidence="high", stated=str(value))
    return Statement(field, value, _over(Statement(field, value, origin), before))


def apply_overrides(merged: dict[str, Statement], statements: Iterable[Statement]) -> None:
    """Let the caller's own values replace what is merged; a target is never above the limit."""
    for statement in statements:
        before = merged.get(statement.field)
        merged[statement.field] = replace(statement, origin=_over(statement, before)) if before else statement
    limit, target = merged["limit_bytes"], merged["target_bytes"]
    if cast("int", target.value) > cast("int", limit.value):
        merged["target_bytes"] = Statement("target_bytes", limit.value, _over(limit, target))


# -- the profile -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProfileKeys:
    """What the caller asked for, by key."""

    carrier: str | None = None
    route: str | None = None
    device: str | None = None
    content_class: str | None = None


def build_profile(merged: dict[str, Statement], names: ProfileKeys, notes: tuple[str, ...] = ()) -> Profile:
    """The Profile that the merged statements make; fields nobody states keep their built-in default."""
    return Profile(
        carrier=names.carrier,
        route=names.route,
        device=names.device,
        content_class=names.content_class,
        image=ImageRule(**_section(merged, "image")),
        video=VideoRule(**_section(merged, "video")),
        audio=AudioRule(**_section(merged, "audio")),
        text=TextRule(**_section(merged, "text")),
        contact=ContactRule(**_section(merged, "contact")),
        calendar=CalendarRule(**_section(merged, "calendar")),
        smil=SmilRule(**_section(merged, "smil")),
        notes=notes,
        origins=tuple(
            (name, merged[name].origin) for name in ("limit_bytes", "target_bytes", *MERGE_RULES) if name in merged
        ),
        **_section(merged, ""),
    )


def _section(merged: dict[str, Statement], prefix: str) -> dict[str, Any]:
    dot = f"{prefix}." if prefix else ""
    return {
        name[len(dot) :]: statement.value
        for name, statement in merged.items()
        if name.startswith(dot) and "." not in name[len(dot) :]
    }
