"""What may stand in a profile file: every key with its check, and the step from a table to statements.

Pure: tables in, values out; profile_files.py reads the disk. An unknown key or a wrong value is an error that
names file, key and value, so that a slip of the pen never becomes a silent default. Source: docs/profiles.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from mmscontent.errors import ProfileError
from mmscontent.profiles.merge import Statement
from mmscontent.profiles.model import AudioFormat, Origin, VideoFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mmscontent.profiles.model import Confidence

__all__ = ["KINDS", "ROUTES", "Kind", "ProfileFile", "RouteLimit", "Status", "parse_overrides", "parse_profile"]

Kind = Literal["carrier", "device", "class"]
KINDS: dict[Kind, str] = {"carrier": "carriers", "device": "devices", "class": "classes"}
ROUTES = ("p2p", "long_code", "toll_free", "short_code", "any")
Status = Literal["active", "uncertain", "unknown", "no-mms-apn", "disabled", "discontinued"]
_CONFIDENCE = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class RouteLimit:
    """The byte limits of one way into a carrier's network; the origin names no profile yet."""

    route: str
    limit_bytes: int
    target_bytes: int
    counts: str
    origin: Origin
    target_origin: Origin


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """One profile file, checked.

    Attributes:
        extends: Keys of the profiles that fill what this one leaves open, nearest first.
        status: Whether the network still carries MMS, as far as stated; `status_origin` says who says so.
        plmn: MCC and MNC codes that mean this carrier by themselves.
        mvno: Codes that mean it only with a SIM qualifier, `311480:gid1=BAE1`.
        uaprof: Addresses of its device profile documents; `*` stands for anything.
        user_agent: What its User-Agent holds; `*` stands for anything.
    """

    kind: Kind
    key: str
    name: str
    statements: tuple[Statement, ...]
    extends: str | None = None
    routes: tuple[RouteLimit, ...] = ()
    floor: bool = False
    country: str = ""
    status: Status | None = None
    status_origin: Origin = field(default_factory=lambda: Origin(""))
    plmn: tuple[str, ...] = ()
    mvno: tuple[str, ...] = ()
    uaprof: tuple[str, ...] = ()
    user_agent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def route(self, name: str) -> RouteLimit | None:
        """The limits of one route, or None."""
        return next((r for r in self.routes if r.route == name), None)


# -- checks: a value comes back as we keep it, or ValueError says what was wanted --------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004 - the caller turns it into ProfileError
    return value


def _yes_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError("a list of texts")
    return tuple(value)


def _date(value: object) -> str:
    text = _text(value)
    bits = text.split("-")
    if not all(b.isdigit() for b in bits) or [len(b) for b in bits] not in ([4], [4, 2], [4, 2, 2]):
        raise ValueError("a date such as 2026-11-22, 2026-11 or 2026")
    return text


def _one_of(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value)

    return check


def _media_types(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if any(t != t.strip().lower() or t.count("/") != 1 for t in texts):
        raise ValueError("a list of media types such as image/jpeg, in lower case")
    return texts


_VIDEO_KEYS: dict[str, Callable[[object], object]] = {
    "media_type": _text,
    "codec": _text,
    "profile": _text,
    "level": _text,
    "max_long_px": _size,
    "max_short_px": _size,
    "max_fps": _size,
    "max_bit_rate_bps": _size,
    "audio_codec": _text,
}


def _video_formats(value: object) -> tuple[VideoFormat, ...]:
    return tuple(VideoFormat(**cast("dict[str, Any]", row)) for row in _rows(value, _VIDEO_KEYS))


def _audio_formats(value: object) -> tuple[AudioFormat, ...]:
    keys = {"media_type": _text, "codec": _text}
    return tuple(AudioFormat(**cast("dict[str, str]", row)) for row in _rows(value, keys))


def _rows(value: object, keys: Mapping[str, Callable[[object], object]]) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(
        isinstance(row, dict) and {"media_type", "codec"} <= {*row} for row in value
    ):
        raise ValueError("a list of tables, each with media_type and codec")
    unknown = [k for row in value for k in row if k not in keys]
    if unknown:
        raise ValueError(f"rows with the keys {', '.join(keys)}, not {unknown[0]}")
    return [{k: keys[k](v) for k, v in row.items()} for row in value]


# -- the keys ---------------------------------------------------------------------------------------------------

_ORIGIN_KEYS: dict[str, Callable[[object], object]] = {
    "source": _text,
    "date": _date,
    "confidence": _one_of(*_CONFIDENCE),
    "stated": _text,
    "competing": _texts,
}
_SECTIONS: dict[str, dict[str, Callable[[object], object]]] = {
    "image": {
        "media_types": _media_types,
        "max_long_px": _size,
        "max_short_px": _size,
        "progressive": _yes_no,
        "animated": _yes_no,
        "view_long_px": _size,
    },
    "video": {"formats": _video_formats},
    "audio": {"formats": _audio_formats},
    "text": {"charsets": _texts, "max_chars": _size, "sms_to_mms_segments": _size},
    "contact": {"media_type": _text, "versions": _texts},
    "calendar": {"versions": _texts},
    "smil": {"accepted": _yes_no, "src": _one_of("location", "cid")},
    "message": {
        "limit_bytes": _size,
        "target_bytes": _size,
        "counts": _one_of("pdu", "mime", "base64"),
        "max_recipients": _size,
        "max_parts": _size,
        "subject_max_chars": _count,
        "content_disposition": _yes_no,
        "group_mms": _yes_no,
        "carrier_transcodes": _yes_no,
        "extra_media_types": _media_types,
    },
}
_ROUTE_KEYS: dict[str, Callable[[object], object]] = {
    "limit_bytes": _size,
    "target_bytes": _size,
    "target_why": _text,
    "counts": _one_of("pdu", "mime", "base64"),
    **_ORIGIN_KEYS,
}
_STATUS_KEYS: dict[str, Callable[[object], object]] = {
    "is": _one_of("active", "uncertain", "unknown", "no-mms-apn", "disabled", "discontinued"),
    "since": _date,
    **_ORIGIN_KEYS,
}
_MATCH_KEYS: dict[str, Callable[[object], object]] = {
    "plmn": _texts,
    "mvno": _texts,
    "uaprof": _texts,
    "user_agent": _texts,
}
_TOP_KEYS: dict[str, Callable[[object], object]] = {
    "key": _text,
    "name": _text,
    "extends": _text,
    "country": _text,
    "floor": _yes_no,
    "notes": _texts,
    **_ORIGIN_KEYS,
}
_TABLES = {*_SECTIONS, "routes", "status", "match"}


def parse_profile(kind: Kind, key: str, table: Mapping[str, object], file: str) -> ProfileFile:
    """Check one file's table and turn it into statements.

    Raises:
        ProfileError: A key nobody knows, a value of the wrong kind, a number without source or date.
    """
    reader = _Reader(kind, key, file)
    top = reader.values({k: v for k, v in table.items() if k not in _TABLES}, _TOP_KEYS, "")
    if top.get("key", key) != key:
        raise reader.error("key", top["key"], f"{key}, as the file is named")
    reader.top = top
    statements = [f for name in _SECTIONS if name in table for f in reader.statements(name, reader.table(table, name))]
    routes = [reader.route(name, t) for name, t in _tables(reader, table, "routes")]
    match = reader.values(reader.table(table, "match"), _MATCH_KEYS, "match")
    status = reader.values(reader.table(table, "status"), _STATUS_KEYS, "status")
    return ProfileFile(
        kind=kind,
        key=key,
        name=str(top.get("name", key)),
        statements=tuple(statements),
        extends=cast("str | None", top.get("extends")),
        routes=tuple(routes),
        floor=bool(top.get("floor", False)),
        country=str(top.get("country", "")),
        status=cast("Status | None", status.get("is")),
        status_origin=reader.origin(status, str(status.get("since", ""))),
        notes=cast("tuple[str, ...]", top.get("notes", ())),
        **cast("dict[str, tuple[str, ...]]", match),
    )


def parse_overrides(values: Mapping[str, object]) -> tuple[Statement, ...]:
    """Check what a caller sets for one call; names are those of Profile, `image.max_long_px` and `max_recipients`.

    Raises:
        ProfileError: A name nobody knows, or a value of the wrong kind.
    """
    reader = _Reader("class", "caller", "overrides")
    origin = Origin("caller", confidence="high")
    statements = []
    for dotted, value in values.items():
        section, dot, name = dotted.rpartition(".")
        keys = _SECTIONS.get(section if dot else "message", {})
        if name not in keys or section == "message":
            known = ", ".join(f"{s}.{k}" if s != "message" else k for s, rows in _SECTIONS.items() for k in rows)
            raise reader.error(dotted, value, f"one of {known}")
        plain = list(value) if isinstance(value, tuple) else value
        statements.append(Statement(dotted, reader.values({name: plain}, {name: keys[name]}, section)[name], origin))
    return tuple(statements)


class _Reader:
    """Walks one file's tables; knows which file and which key it stands at."""

    def __init__(self, kind: Kind, key: str, file: str) -> None:
        self.source = f"{kind} {key}"
        self.file = file
        self.top: Mapping[str, object] = {}

    def error(self, key: str, value: object, wanted: str) -> ProfileError:
        return ProfileError(
            f"{self.file}: {key} = {value!r} should be {wanted}", file=self.file, key=key, value=str(value)
        )

    def table(self, parent: Mapping[str, object], name: str) -> Mapping[str, object]:
        value = parent.get(name, {})
        if not isinstance(value, dict):
            raise self.error(name, value, "a table")
        return cast("Mapping[str, object]", value)

    def values(
        self, table: Mapping[str, object], keys: Mapping[str, Callable[[object], object]], prefix: str
    ) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in table.items():
            dotted = f"{prefix}.{name}" if prefix else name
            if name not in keys:
                known = ", ".join(keys if prefix else [*keys, *sorted(_TABLES)])
                raise self.error(dotted, value, f"one of the keys {known}")
            try:
                found[name] = keys[name](value)
            except ValueError as exc:
                raise self.error(dotted, value, str(exc)) from exc
        return found

    def origin(self, table: Mapping[str, object], date: str = "") -> Origin:
        """The origin a table states, its gaps filled from the head of the file."""

        def said(key: str, default: str) -> str:
            return str(table.get(key, self.top.get(key, default)))

        return Origin(
            source=self.source,
            url=said("source", ""),
            date=date or said("date", ""),
            confidence=cast("Confidence", said("confidence", "medium")),
            stated=str(table.get("stated", "")),
            competing=cast("tuple[str, ...]", table.get("competing", ())),
        )

    def statements(self, section: str, table: Mapping[str, object]) -> list[Statement]:
        values = self.values(table, {**_SECTIONS[section], **_ORIGIN_KEYS}, section)
        origin = self.origin(values)
        prefix = "" if section == "message" else f"{section}."
        statements = [
            Statement(prefix + name, value, origin) for name, value in values.items() if name not in _ORIGIN_KEYS
        ]
        if statements:
            self.need_source(section, origin)
        return statements

    def route(self, name: str, table: Mapping[str, object]) -> RouteLimit:
        dotted = f"routes.{name}"
        if name not in ROUTES:
            raise self.error(dotted, dict(table), f"one of the routes {', '.join(ROUTES)}")
        values = self.values(table, _ROUTE_KEYS, dotted)
        if "limit_bytes" not in values:
            raise self.error(dotted, dict(table), "a table with limit_bytes")
        origin = self.origin(values)
        self.need_source(dotted, origin)
        limit = cast("int", values["limit_bytes"])
        target = cast("int", values.get("target_bytes", limit))
        if target > limit:
            raise self.error(f"{dotted}.target_bytes", target, f"at most limit_bytes, {limit}")
        why = str(values.get("target_why", ""))
        return RouteLimit(
            route=name,
            limit_bytes=limit,
            target_bytes=target,
            counts=str(values.get("counts", "pdu")),
            origin=origin,
            target_origin=replace(origin, stated=why) if why else origin,
        )

    def need_source(self, key: str, origin: Origin) -> None:
        for word, said in (("source", origin.url), ("date", origin.date)):
            if not said:
                raise self.error(
                    f"{key}.{word}", "", f"given, or stand at the head of the file: a number needs its {word}"
                )


def _tables(reader: _Reader, table: Mapping[str, object], name: str) -> list[tuple[str, Mapping[str, object]]]:
    parent = reader.table(table, name)
    return [(child, reader.table(parent, child)) for child in parent]
