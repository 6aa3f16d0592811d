"""The ledger: what became of each part, and why, as JSON, a table and a paragraph.

Its JSON form is the public contract `mmscontent.ledger/1`; more keys may come, none goes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mmscontent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mmscontent.message import MediaInfo
    from mmscontent.profiles.model import Origin, Profile

__all__ = ["Ledger", "Option", "PartEntry", "SlideEntry", "columns", "facts"]

SCHEMA = "mmscontent.ledger/1"
_MOST_TOLD = 12  # parts a paragraph can tell of and still be read


@dataclass(frozen=True, slots=True)
class Option:
    """Something that would make the message fit, and what it would give."""

    do: str
    part: str
    gives: tuple[tuple[str, object], ...]

    def as_json(self) -> dict[str, object]:
        """The ledger's form."""
        return {"do": self.do, "part": self.part or None, "gives": dict(self.gives)}

    @property
    def words(self) -> str:
        """For a person."""
        given = dict(self.gives)
        names = self.part or ", ".join(_texts(given.get("parts")))
        return _WORDS[self.do](names, given) + _rest(given)


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


def _trim_words(names: str, given: Mapping[str, object]) -> str:
    lengths = given.get("durations_ms")
    if isinstance(lengths, dict):
        return "cut " + ", ".join(f"{name} to {ms / 1000:g} s" for name, ms in lengths.items())
    frame = f", {given['width_px']}×{given['height_px']} at best" if "width_px" in given else ""
    why = f"; {given['why']}" if "why" in given else ""
    return f"cut {names} to {_seconds(given)} s{frame}{why}"


def _seconds(given: Mapping[str, object]) -> str:
    length = given["duration_ms"]
    return f"{length / 1000:g}" if isinstance(length, int) else ""


def _split_words(_: str, given: Mapping[str, object]) -> str:
    contents = given["contents"]
    rows = [", ".join(_texts(row)) for row in contents] if isinstance(contents, list) else []
    return f"send {given['messages']} messages ({' | '.join(rows)})"


def _link_words(names: str, given: Mapping[str, object]) -> str:
    if names:
        return f"send a link in place of {names}"
    return f"send links, or allow {given['limit_bytes_needed']:,} bytes where {given['limit_bytes_given']:,} are left"


_WORDS: Mapping[str, Callable[[str, Mapping[str, object]], str]] = {
    "drop": lambda names, _: f"leave out {names}",
    "poster": lambda names, given: f"send a still in place of {names}" + (_bytes(given)),
    "trim": _trim_words,
    "accept_quality": lambda names, given: f"accept quality {given['quality']} for {names}",
    "split": _split_words,
    "link": _link_words,
}


def _bytes(given: Mapping[str, object]) -> str:
    return f" ({given['bytes']:,} bytes)" if "bytes" in given else ""


def _rest(given: Mapping[str, object]) -> str:
    """What would be reached, part by part."""
    qualities = given.get("qualities")
    if not isinstance(qualities, dict) or not qualities:
        return ""
    return ", reaching quality " + ", ".join(f"{quality:.0f} for {name}" for name, quality in qualities.items())


@dataclass(frozen=True, slots=True)
class PartEntry:
    """What became of one part."""

    name: str
    kind: str
    decision: Literal["keep", "transcode", "drop"]
    source: MediaInfo
    content_id: str = ""
    result: MediaInfo | None = None
    reasons: tuple[str, ...] = ()
    share_bytes: int | None = None
    scale: str = ""
    predicted: float | None = None
    measured: float | None = None
    encodes: int = 0
    stripped: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The contract's form."""
        quality = {"scale": self.scale, "predicted": _rounded(self.predicted), "measured": _rounded(self.measured)}
        return {
            "name": self.name,
            "content_id": self.content_id,
            "kind": self.kind,
            "decision": self.decision,
            "reasons": list(self.reasons),
            "source": facts(self.source),
            "result": facts(self.result) if self.result else None,
            "share_bytes": self.share_bytes,
            "quality": quality if self.scale else None,
            "encodes": self.encodes,
            "stripped": list(self.stripped),
            "tries": list(self.tries),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class SlideEntry:
    """One slide as it will be played."""

    parts: tuple[str, ...]
    duration_ms: int
    why: str

    def as_json(self) -> dict[str, object]:
        """The contract's form."""
        return {"parts": list(self.parts), "duration_ms": self.duration_ms, "why": self.why}


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of a message.

    Attributes:
        fits: False for a refusal; then `options` says what would fit.
        counted_as: The wire form whose bytes the limit means; the one written unless the route counts another.
        packed_bytes: Length of the packed message in that form; for a refusal the smallest that was found possible.
        overhead_bytes: What of it is headers, SMIL and transfer encoding, not bodies.
        warnings: What was given up, as sentences.
        notes: What is worth knowing and took nothing away.
        remedy: Of the options, the one that was taken because the caller allowed it; None when it fits by itself.
        number, count: Which of the messages this is, when it was split.
    """

    fits: bool
    encoding: str
    counted_as: str
    profile: Profile
    packed_bytes: int
    overhead_bytes: int
    parts: tuple[PartEntry, ...] = ()
    slides: tuple[SlideEntry, ...] = ()
    warnings: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    error: str = ""
    elapsed_ms: int = 0
    notes: tuple[str, ...] = ()
    remedy: Option | None = None
    number: int = 1
    count: int = 1

    @property
    def utilisation(self) -> float:
        """Packed bytes over target bytes."""
        return round(self.packed_bytes / self.profile.target_bytes, 4)

    def as_json(self) -> dict[str, object]:
        """The contract's form, ready for json.dumps."""
        p = self.profile
        return {
            "schema": SCHEMA,
            "version": __version__,
            "fits": self.fits,
            "encoding": self.encoding,
            "counted_as": self.counted_as,
            "profile": {"carrier": p.carrier, "route": p.route, "device": p.device, "class": p.content_class},
            "limit_bytes": p.limit_bytes,
            "target_bytes": p.target_bytes,
            "limit_source": _origin(p.origin("limit_bytes")),
            "target_source": _origin(p.origin("target_bytes")),
            "packed_bytes": self.packed_bytes,
            "overhead_bytes": self.overhead_bytes,
            "utilisation": self.utilisation,
            "elapsed_ms": self.elapsed_ms,
            "parts": [part.as_json() for part in self.parts],
            "slides": [slide.as_json() for slide in self.slides],
            "message": {"number": self.number, "of": self.count},
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "remedy": self.remedy.as_json() if self.remedy else None,
            "options": [option.as_json() for option in self.options],
            "error": self.error or None,
        }

    def to_json(self) -> str:
        """One JSON document, two blanks of indent, ending in a newline."""
        return json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n"

    def table(self) -> str:
        """One line a part, in columns, for a terminal."""
        rows: list[tuple[str, ...]] = [("part", "decision", "from", "to", "bytes", "share", "quality")]
        rows.extend(_row(part) for part in self.parts)
        return columns(rows)

    def explain(self) -> str:
        """The whole in one paragraph that a support agent can paste into a reply."""
        return " ".join(_sentences(self))

    paragraph = explain  # as it was first called


# --- JSON ------------------------------------------------------------------------------------------------------

# Facts of a medium that the ledger carries, in its order; those that are None are left out.
_FACTS = (
    "width_px",
    "height_px",
    "orientation",
    "frames",
    "duration_ms",
    "fps",
    "codec",
    "profile",
    "level",
    "channels",
    "sample_rate_hz",
    "bit_rate_bps",
    "charset",
)


def facts(info: MediaInfo) -> dict[str, object]:
    """What is known of a medium, in the ledger's keys and order."""
    told: dict[str, object] = {"media_type": info.media_type, "bytes": info.size_bytes}
    for name in _FACTS:
        value = getattr(info, name)
        if value is not None and not (name == "orientation" and info.kind not in ("image", "video")):
            told[name] = value
    return told


def _origin(origin: Origin | None) -> dict[str, object] | None:
    if origin is None:
        return None
    return {
        "from": origin.source,
        "url": origin.url,
        "date": origin.date,
        "confidence": origin.confidence,
        "stated": origin.stated,
        "competing": list(origin.competing),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


# --- words -----------------------------------------------------------------------------------------------------


def _row(part: PartEntry) -> tuple[str, ...]:
    quality = part.measured if part.measured is not None else part.predicted
    return (
        part.name,
        part.decision,
        _shape(part.source),
        _shape(part.result) if part.result else "",
        f"{part.result.size_bytes:,}" if part.result else "",
        f"{part.share_bytes:,}" if part.share_bytes is not None else "",
        f"{quality:.0f}" if quality is not None else "",
    )


def _shape(info: MediaInfo) -> str:
    sides = f" {info.width_px}×{info.height_px}" if info.width_px and info.height_px else ""
    length = f" {info.duration_ms / 1000:.1f} s" if info.duration_ms else ""
    return info.media_type.partition("/")[2] + sides + length


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as text in columns, the first one ruled off."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rule = ["─" * w for w in widths]
    lines = [rows[0], tuple(rule), *rows[1:]]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in lines)


def _sentences(ledger: Ledger) -> list[str]:
    receiver = _receiver(ledger.profile)
    target, limit = ledger.profile.target_bytes, ledger.profile.limit_bytes
    if not ledger.fits:
        said = [f"The message cannot be sent to {receiver} as it is: {ledger.error}."]
        return said + [f"Option: {option.words}." for option in ledger.options]
    sizes = f"{ledger.packed_bytes:,} bytes packed as {ledger.counted_as}, {ledger.utilisation:.0%} of the {target:,}"
    said = [f"The message for {receiver} has {sizes} aimed at (limit {limit:,}{_limit_words(ledger.profile)})."]
    said.extend(_part_words(part) for part in ledger.parts[:_MOST_TOLD])
    if len(ledger.parts) > _MOST_TOLD:
        said.append(f"Of {len(ledger.parts) - _MOST_TOLD} more the table tells.")
    seconds = sum(s.duration_ms for s in ledger.slides) / 1000
    if ledger.slides:
        plural = "slide plays" if len(ledger.slides) == 1 else "slides play"
        said.append(f"{len(ledger.slides)} {plural} for {seconds:.0f} s.")
    return said + [f"Note: {w}." for w in (*ledger.warnings, *ledger.notes)]


def _receiver(profile: Profile) -> str:
    named = [n for n in (profile.carrier, profile.route, profile.device, profile.content_class) if n]
    return " ".join(named) or "any phone"


def _limit_words(profile: Profile) -> str:
    origin = profile.origin("limit_bytes")
    return f", from {origin.source}" + (f", {origin.date}" if origin.date else "") if origin else ""


def _part_words(part: PartEntry) -> str:
    why = f": {'; '.join(part.reasons)}" if part.reasons else ""
    if part.decision == "drop" or part.result is None:
        return f"{part.name} is left out{why}."
    if part.decision == "keep":
        return f"{part.name} goes as it is{why}."
    stripped = f" Taken out: {', '.join(part.stripped)}." if part.stripped else ""
    return f"{part.name} becomes {_shape(part.result)}, {part.result.size_bytes:,} bytes{why}.{stripped}"
