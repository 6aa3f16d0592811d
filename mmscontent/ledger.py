"""The ledger: what became of each part, and why, as JSON, a table and a paragraph; and what would fit when nothing did.

Its JSON form is the public contract `mmscontent.ledger/1`: keys may be added, none is removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from mmscontent.message import MediaInfo
from mmscontent.profiles.model import Origin, Profile
from mmscontent.version import __version__

SCHEMA = "mmscontent.ledger/1"
_MOST_EXPLAINED = 12  # parts; a paragraph about more is not read to its end


@dataclass(frozen=True, slots=True)
class RemedyOption:
    """Something that would make the message fit; one subclass per remedy."""

    do: ClassVar[str] = ""
    # Names of the parts it changes.
    parts: tuple[str, ...]
    # Predicted quality of every part that is then sent.
    qualities: Mapping[str, float]

    @property
    def part(self) -> str:
        """The part it changes when that is one, else empty."""
        return self.parts[0] if len(self.parts) == 1 else ""

    @property
    def action(self) -> str:
        """What to do, as an imperative without a full stop."""
        return self._action()

    @property
    def text(self) -> str:
        """What to do, what it is computed from, and what quality is reached."""
        reached = ", ".join(f"{quality:.0f} for {name}" for name, quality in self.qualities.items())
        return self.action + self._details() + (f", reaching quality {reached}" if reached else "")

    def as_json(self) -> dict[str, object]:
        """The contract's form."""
        # `part` names one part; several are listed under `gives`, as the contract had it.
        several = {"parts": list(self.parts)} if len(self.parts) > 1 else {}
        return {"do": self.do, "part": self.part or None, "gives": several | self._gives()}

    def _names(self) -> str:
        return ", ".join(self.parts)

    def _gives(self) -> dict[str, object]:
        """What it would give, in the contract's keys and order."""
        raise NotImplementedError

    def _action(self) -> str:
        raise NotImplementedError

    def _details(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class DropOption(RemedyOption):
    """Leave parts out; *size_bytes* is the size of the other bodies."""

    do = "drop"
    size_bytes: int

    def _gives(self) -> dict[str, object]:
        return {"qualities": dict(self.qualities), "bytes": self.size_bytes}

    def _action(self) -> str:
        return f"leave out {self._names()}"


@dataclass(frozen=True, slots=True)
class PosterOption(RemedyOption):
    """Send stills in place of parts that move; size and quality are those of the still when it is one."""

    do = "poster"
    size_bytes: int
    quality: float

    def _gives(self) -> dict[str, object]:
        one = {"bytes": self.size_bytes, "quality": self.quality} if self.part else {}
        return {**one, "qualities": dict(self.qualities)}

    def _action(self) -> str:
        size = f" ({self.size_bytes:,} bytes)" if self.part else ""
        return f"send a still in place of {self._names()}{size}"


@dataclass(frozen=True, slots=True)
class TrimOption(RemedyOption):
    """Cut videos and audio to their first seconds."""

    do = "trim"
    # New length of each part.
    durations_ms: Mapping[str, int]
    # Of the part when it is one.
    quality: float
    # Largest frame, when it is one video; *why* is the arithmetic as a sentence.
    frame: tuple[int, int] | None = None
    why: str = ""

    def _gives(self) -> dict[str, object]:
        if not self.part:
            return {"durations_ms": dict(self.durations_ms), "qualities": dict(self.qualities)}
        video: dict[str, object] = {}
        if self.frame:
            video = {"width_px": self.frame[0], "height_px": self.frame[1], "why": self.why}
        quality = {"quality": self.quality, "qualities": dict(self.qualities)}
        return {"duration_ms": self.durations_ms[self.part], **video, **quality}

    def _action(self) -> str:
        return "cut " + ", ".join(f"{name} to {ms / 1000:g} s" for name, ms in self.durations_ms.items())

    def _details(self) -> str:
        return f", {self.frame[0]}×{self.frame[1]} at best; {self.why}" if self.frame else ""


@dataclass(frozen=True, slots=True)
class AcceptQualityOption(RemedyOption):
    """Send everything below the minimum quality of its kind; the part named is the one that falls furthest short."""

    do = "accept_quality"

    def _gives(self) -> dict[str, object]:
        return {"quality": self.qualities[self.part], "qualities": dict(self.qualities)}

    def _action(self) -> str:
        return f"accept quality {self.qualities[self.part]} for {self.part}"


@dataclass(frozen=True, slots=True)
class SplitOption(RemedyOption):
    """Send several messages; *contents* names the parts of each."""

    do = "split"
    contents: tuple[tuple[str, ...], ...]

    def _gives(self) -> dict[str, object]:
        contents = [list(names) for names in self.contents]
        return {"messages": len(contents), "contents": contents, "qualities": dict(self.qualities)}

    def _action(self) -> str:
        return f"send {len(self.contents)} messages ({' | '.join(', '.join(names) for names in self.contents)})"


@dataclass(frozen=True, slots=True)
class LinkOption(RemedyOption):
    """Send a text with an address in place of a part; for a caller that can host a file."""

    do = "link"
    # Size of that text; None when one link is not enough.
    link_bytes: int | None
    # What the bodies need at least.
    needed_bytes: int
    # What they may have.
    available_bytes: int

    def _gives(self) -> dict[str, object]:
        if self.link_bytes is not None:
            return {"bytes_of_link": self.link_bytes, "qualities": dict(self.qualities)}
        return {"limit_bytes_needed": self.needed_bytes, "limit_bytes_given": self.available_bytes}

    def _action(self) -> str:
        # With a name one link is enough; without, even all other parts do not fit.
        if self.part:
            return f"send a link in place of {self.part}"
        return f"send links, or allow {self.needed_bytes:,} bytes where {self.available_bytes:,} are available"


Option = DropOption | PosterOption | TrimOption | AcceptQualityOption | SplitOption | LinkOption


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
    """One slide of the presentation."""

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
        notes: What is worth knowing although nothing was given up.
        options: Remedies that would make a refused message fit, the one that keeps most of it first.
        remedy: The option that was applied because the caller allowed it; None when the message fits by itself.
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
        """Everything in one paragraph that a support agent can paste into a reply."""
        return " ".join(_sentences(self))


# --- JSON ------------------------------------------------------------------------------------------------------

# The ledger carries the facts of a medium in the order of MediaInfo; those that are None and these are left out.
_NO_FACTS = {"media_type", "kind", "size_bytes", "notes", "metadata", "audio_codec"}


def facts(info: MediaInfo) -> dict[str, object]:
    """The facts of a medium in the ledger's keys and order."""
    known: dict[str, object] = {"media_type": info.media_type, "bytes": info.size_bytes}
    for name in (field.name for field in fields(info) if field.name not in _NO_FACTS):
        value = getattr(info, name)
        # Orientation 1 is the default of every medium and says nothing about audio or text.
        if value is not None and not (name == "orientation" and info.kind not in ("image", "video")):
            known[name] = value
    return known


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


# --- text -----------------------------------------------------------------------------------------------------


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
        refused = f"The message cannot be sent to {receiver} as it is: {ledger.error}."
        return [refused, *(f"Option: {option.text}." for option in ledger.options)]
    size = f"{ledger.packed_bytes:,} bytes packed as {ledger.counted_as}"
    share = f"{ledger.utilisation:.0%} of the target of {target:,} (limit {limit:,}{_limit_source(ledger.profile)})"
    sentences = [f"The message for {receiver} has {size}, {share}."]
    sentences.extend(_part_sentence(part) for part in ledger.parts[:_MOST_EXPLAINED])
    more = len(ledger.parts) - _MOST_EXPLAINED
    if more > 0:
        sentences.append(f"{more} more {'part is' if more == 1 else 'parts are'} listed in the table.")
    if ledger.slides:
        seconds = sum(slide.duration_ms for slide in ledger.slides) / 1000
        slides = "slide plays" if len(ledger.slides) == 1 else "slides play"
        sentences.append(f"{len(ledger.slides)} {slides} for {seconds:.0f} s.")
    return sentences + [f"Note: {note}." for note in (*ledger.warnings, *ledger.notes)]


def _receiver(profile: Profile) -> str:
    named = [n for n in (profile.carrier, profile.route, profile.device, profile.content_class) if n]
    return " ".join(named) or "any phone"


def _limit_source(profile: Profile) -> str:
    origin = profile.origin("limit_bytes")
    return f", from {origin.source}" + (f", {origin.date}" if origin.date else "") if origin else ""


def _part_sentence(part: PartEntry) -> str:
    why = f": {'; '.join(part.reasons)}" if part.reasons else ""
    if part.decision == "drop" or part.result is None:
        return f"{part.name} is left out{why}."
    if part.decision == "keep":
        return f"{part.name} is sent as it is{why}."
    stripped = f" Removed: {', '.join(part.stripped)}." if part.stripped else ""
    return f"{part.name} becomes {_shape(part.result)}, {part.result.size_bytes:,} bytes{why}.{stripped}"
