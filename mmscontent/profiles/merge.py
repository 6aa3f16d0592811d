"""What one source states about a receiver, and how the statements of several sources are merged into a Profile.

Pure arithmetic. model.py has the merge rule of each field; this module applies it, remembers who decided, and
combines the byte limits. A layer of *lower bounds* is a device whose document understates it, so that the carrier's
handset configuration may raise it; the *base* only fills what no source states. Source: docs/profiles.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from mmscontent.profiles.model import FIELD_RULES, SECTIONS, AudioFormat, FieldRule, Origin, Profile, VideoFormat

# A phone nobody named gets at most this unless the carrier's number is of high confidence: 28 % of 3,121 device
# documents declare 600,000 bytes or more, and gateways call 600 KB safe on every US route.
UNKNOWN_DEVICE_TARGET_BYTES = 600_000

T = TypeVar("T")
Role = Literal["device", "carrier", "class", "base"]
# Of equal statements the first is named as the origin; the order has no other effect.
_ORDER: dict[Role, int] = {"device": 0, "carrier": 1, "class": 2, "base": 3}


@dataclass(frozen=True, slots=True)
class Statement(Generic[T]):
    """One value as a source states it: the field of Profile it is for, and where it was read."""

    field: str
    value: T
    origin: Origin

    def against(self, other: Statement[T]) -> Statement[T]:
        """This statement, with the other one noted beside it when it differs."""
        return self if other.value == self.value else self.noting(f"{other.origin.source}: {format_value(other.value)}")

    def noting(self, *sentences: str) -> Statement[T]:
        """This statement, with sentences about others that lost against it."""
        return replace(self, origin=replace(self.origin, competing=(*self.origin.competing, *sentences)))


Statements = tuple[Statement[Any], ...]
Merged = dict[str, Statement[Any]]


@dataclass(frozen=True, slots=True)
class ProfileLayer:
    """All that one source states.

    Attributes:
        role: The base only fills; the others all bind.
        is_lower_bound: The carrier's handset configuration may raise its byte limit and picture box.
        handset_limit: The byte limit that the carrier sets for its own phones.
    """

    role: Role
    key: str
    statements: Statements
    is_lower_bound: bool = False
    handset_limit: Statement[int] | None = None

    def find(self, field: str) -> Statement[Any] | None:
        """The statement about one field, or None."""
        return next((s for s in self.statements if s.field == field), None)


def merge(layers: Iterable[ProfileLayer], *, max_message_bytes: int | None = None) -> tuple[Merged, tuple[str, ...]]:
    """Merge all layers into one statement per field; their order does not matter.

    Args:
        layers: What device, carrier, class and base state; the carrier's for one route.
        max_message_bytes: The caller's own limit; it replaces limit and target.

    Returns:
        The statement that holds per field, each with its origin, and notes for people.
    """
    ordered = sorted(layers, key=lambda layer: _ORDER[layer.role])
    binding = [layer for layer in ordered if layer.role != "base"]
    base = [layer for layer in ordered if layer.role == "base"]
    merged: Merged = {}
    for field, rule in FIELD_RULES.items():
        stated = _find_binding(field, rule, binding)
        if rule.merge is None:
            continue
        one = merge_field(rule, stated) if stated else next((s for b in base if (s := b.find(field))), None)
        if one is not None:
            merged[field] = one
    notes = _merge_byte_limits(merged, binding, base)
    return merged, notes + _apply_callers_limit(merged, max_message_bytes)


def _find_binding(field: str, rule: FieldRule[Any], layers: list[ProfileLayer]) -> list[Statement[Any]]:
    """Statements that bind for a field; a lower bound yields to the carrier's value where the rule says so."""
    found = [(layer, s) for layer in layers if (s := layer.find(field))]
    yields = rule.carrier_raises and any(layer.role == "carrier" for layer, _ in found)
    return [s for layer, s in found if not (yields and layer.is_lower_bound)]


def merge_field(rule: FieldRule[T], stated: list[Statement[T]]) -> Statement[T]:
    """Merge the statements about one field; the origin is that of the statement which decided."""
    assert rule.merge is not None
    merged = stated[0]
    for other in stated[1:]:
        value = rule.merge(merged.value, other.value)
        # An empty list says "nothing of the kind"; the fallback is only for lists that miss each other.
        if value == () and rule.fallback is not None and merged.value and other.value:
            value = rule.fallback
        winner, loser = (other, merged) if value == other.value != merged.value else (merged, other)
        merged = replace(winner.against(loser), value=value)
    return merged


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


# -- byte limits -----------------------------------------------------------------------------------------------------


def _merge_byte_limits(merged: Merged, binding: list[ProfileLayer], base: list[ProfileLayer]) -> tuple[str, ...]:
    """Set `limit_bytes` and `target_bytes` to the lowest of all; lower bounds are raised before."""
    carrier = next((layer for layer in binding if layer.role == "carrier"), None)
    # What is assumed of an unknown receiver bounds it only where neither network nor class has a number.
    known = any(layer.role in {"carrier", "class"} and layer.find("limit_bytes") for layer in binding)
    bounding = binding if known else [*binding, *base]
    limits = [_raised(layer, s, carrier) for layer in bounding if (s := layer.find("limit_bytes"))]
    merged["limit_bytes"] = limit = _lowest(limits)
    targets: list[Statement[int]] = [s for layer in bounding if (s := layer.find("target_bytes"))]
    cautious = carrier and _target_for_unknown_device(carrier, binding)
    if cautious:
        targets.append(cautious)
    targets.append(replace(limit, field="target_bytes"))
    merged["target_bytes"] = target = _lowest(targets)
    if not cautious or target.origin.source != cautious.origin.source:
        return ()
    words = (
        f"the device is not known and the carrier's number is of {limit.origin.confidence} confidence, so the message"
        f" aims at {UNKNOWN_DEVICE_TARGET_BYTES:,} bytes; name the device to use more"
    )
    return (words,)


def _raised(layer: ProfileLayer, stated: Statement[int], carrier: ProfileLayer | None) -> Statement[int]:
    """Raise a lower bound to what the carrier lets its own phones send; leave any other statement as it is."""
    handset = carrier.handset_limit if carrier else None
    if not layer.is_lower_bound or handset is None or handset.value <= stated.value:
        return stated
    return handset.noting(f"{stated.origin.source}: {format_value(stated.value)} (a lower bound)")


def _lowest(stated: list[Statement[int]]) -> Statement[int]:
    """The lowest statement, the others beside it; of equal ones the first."""
    lowest = winner = min(stated, key=lambda s: s.value)
    for loser in stated:
        if loser is not winner and loser.origin.source != winner.origin.source:
            lowest = lowest.against(loser)
    return lowest


def _target_for_unknown_device(carrier: ProfileLayer, binding: list[ProfileLayer]) -> Statement[int] | None:
    """The careful target for a device nobody named, or None when the carrier's number can be trusted."""
    limit = carrier.find("limit_bytes")
    if limit is None or limit.origin.confidence == "high" or any(layer.role == "device" for layer in binding):
        return None
    return Statement("target_bytes", UNKNOWN_DEVICE_TARGET_BYTES, Origin("unknown device", confidence="medium"))


def _apply_callers_limit(merged: Merged, max_message_bytes: int | None) -> tuple[str, ...]:
    """Replace limit and target by the caller's own; a note says when that is above what the receiver states."""
    if max_message_bytes is None:
        return ()
    limit: Statement[int] = merged["limit_bytes"]
    origin = Origin("caller", confidence="high", stated=str(max_message_bytes))
    for field in ("limit_bytes", "target_bytes"):
        merged[field] = Statement(field, max_message_bytes, origin).against(merged[field])
    if max_message_bytes <= limit.value:
        return ()
    words = (
        f"the caller's limit of {max_message_bytes:,} bytes is above the {limit.value:,} bytes of"
        f" {limit.origin.source}; the message may be refused"
    )
    return (words,)


def apply_overrides(merged: Merged, overrides: Iterable[Statement[Any]]) -> None:
    """Let the caller's own values replace what was merged; a target is never above the limit."""
    for own in overrides:
        before = merged.get(own.field)
        merged[own.field] = own.against(before) if before else own
    limit, target = merged["limit_bytes"], merged["target_bytes"]
    if target.value > limit.value:
        merged["target_bytes"] = replace(limit, field="target_bytes").against(target)


# -- the profile -----------------------------------------------------------------------------------------------------


def build_profile(merged: Merged, notes: tuple[str, ...] = (), **keys: str | None) -> Profile:
    """Build the Profile of merged statements; fields that no source states keep their built-in default.

    The keys are those that the caller asked for: carrier, route, device and content_class.
    """
    values: dict[str, dict[str, Any]] = {section: {} for section in ("", *SECTIONS)}
    for field, one in merged.items():
        section, _, name = field.rpartition(".")
        values[section][name] = one.value
    return Profile(
        notes=notes,
        origins=tuple((field, merged[field].origin) for field in FIELD_RULES if field in merged),
        **{section: rule(**values[section]) for section, rule in SECTIONS.items()},
        **(values[""] | keys),
    )
