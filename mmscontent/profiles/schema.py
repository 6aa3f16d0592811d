"""What may stand in a profile file: every key with its reader, and the step from a TOML table to statements.

Pure: tables in, values out; read.py reads the disk. An unknown key or a wrong value is an error that names
file, key and value, so that a slip never becomes a silent default. The keys of a profile's own fields come from
model.py; only those of routes, status, match and the head of a file stand here. Source: docs/profiles.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from mmscontent.errors import ProfileError
from mmscontent.profiles.merge import Statement, Statements
from mmscontent.profiles.model import (
    COUNTS,
    FIELD_RULES,
    ROUTES,
    SECTIONS,
    Confidence,
    Origin,
    date,
    flag,
    one_of,
    size,
    text,
    texts,
)

Kind = Literal["carrier", "device", "class"]
KINDS: dict[Kind, str] = {"carrier": "carriers", "device": "devices", "class": "classes"}
_ROUTE_TABLES = (*ROUTES, "any")
Status = Literal["active", "uncertain", "unknown", "no-mms-apn", "disabled", "discontinued"]


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
        extends: Key of the profile that fills what this one leaves open.
        is_lower_bound: The carrier may raise its limits; the key `floor` of the file.
        status: Whether the network still carries MMS; None when no source states it.
        plmn: MCC and MNC codes that identify this carrier by themselves.
        mvno: Codes that identify it only with a SIM qualifier, `311480:gid1=BAE1`.
        uaprof, user_agent: Patterns of its UAProf addresses and User-Agent headers; `*` stands for anything.
    """

    kind: Kind
    key: str
    name: str
    statements: Statements
    extends: str | None = None
    routes: tuple[RouteLimit, ...] = ()
    is_lower_bound: bool = False
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


# -- the keys ---------------------------------------------------------------------------------------------------

Readers = dict[str, "Callable[[object], object]"]
_CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
_STATUSES: tuple[Status, ...] = get_args(Status)
_MESSAGE = "message"  # the table of the fields that Profile has itself
_ORIGIN_KEYS: Readers = {
    "source": text,
    "date": date,
    "confidence": one_of(_CONFIDENCES),
    "stated": text,
    "competing": texts,
}


def _section_keys() -> dict[str, Readers]:
    found: dict[str, Readers] = {name: {} for name in (*SECTIONS, _MESSAGE)}
    for dotted, rule in FIELD_RULES.items():
        section, _, name = dotted.rpartition(".")
        found[section or _MESSAGE][name] = rule.read
    return found


_SECTION_KEYS = _section_keys()
_ROUTE_KEYS: Readers = {
    "limit_bytes": size,
    "target_bytes": size,
    "target_why": text,
    "counts": one_of(COUNTS),
    **_ORIGIN_KEYS,
}
_STATUS_KEYS: Readers = {"is": one_of(_STATUSES), "since": date, **_ORIGIN_KEYS}
_MATCH_KEYS: Readers = {"plmn": texts, "mvno": texts, "uaprof": texts, "user_agent": texts}
_TOP_KEYS: Readers = {
    "key": text,
    "name": text,
    "extends": text,
    "country": text,
    "floor": flag,
    "notes": texts,
    **_ORIGIN_KEYS,
}
_TABLES = {*_SECTION_KEYS, "routes", "status", "match"}


def parse_profile(kind: Kind, key: str, table: Mapping[str, object], file: str) -> ProfileFile:
    """Check one file's table and turn it into statements.

    Raises:
        ProfileError: A key is unknown, a value is of the wrong kind, or a number has no source or date.
    """
    reader = _Reader(kind, key, file)
    top = reader.values({k: v for k, v in table.items() if k not in _TABLES}, _TOP_KEYS, "")
    if top.get("key", key) != key:
        raise reader.error("key", top["key"], f"{key}, as the file is named")
    reader.top = top
    stated = [s for name in _SECTION_KEYS if name in table for s in reader.section(name, reader.table(table, name))]
    routes = reader.table(table, "routes")
    status = reader.values(reader.table(table, "status"), _STATUS_KEYS, "status")
    return ProfileFile(
        kind=kind,
        key=key,
        name=top.get("name", key),
        statements=tuple(stated),
        extends=top.get("extends"),
        routes=tuple(reader.route(name, reader.table(routes, name)) for name in routes),
        is_lower_bound=top.get("floor", False),
        country=top.get("country", ""),
        status=status.get("is"),
        status_origin=reader.origin(status, status.get("since", "")),
        notes=top.get("notes", ()),
        **reader.values(reader.table(table, "match"), _MATCH_KEYS, "match"),
    )


def parse_overrides(values: Mapping[str, object]) -> Statements:
    """Check what a caller sets for one call; names are those of Profile, `image.max_long_px` and `max_recipients`.

    Raises:
        ProfileError: A name is unknown, or a value is of the wrong kind.
    """
    reader = _Reader("class", "caller", "overrides")
    unknown = next((name for name in values if name not in FIELD_RULES), None)
    if unknown is not None:
        raise reader.error(unknown, values[unknown], f"one of {', '.join(FIELD_RULES)}")
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    checked = reader.values(plain, {name: rule.read for name, rule in FIELD_RULES.items()}, "")
    return tuple(Statement(name, value, Origin("caller", confidence="high")) for name, value in checked.items())


class _Reader:
    """Reads the tables of one file; its errors name the file and the key."""

    def __init__(self, kind: Kind, key: str, file: str) -> None:
        self.source = f"{kind} {key}"
        self.file = file
        self.top: Mapping[str, Any] = {}

    def error(self, key: str, value: object, wanted: str) -> ProfileError:
        return ProfileError(
            f"{self.file}: {key} = {value!r} should be {wanted}", file=self.file, key=key, value=str(value)
        )

    def table(self, parent: Mapping[str, object], name: str) -> Mapping[str, object]:
        value = parent.get(name, {})
        if not isinstance(value, dict):
            raise self.error(name, value, "a table")
        return value

    def values(self, table: Mapping[str, object], keys: Readers, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
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

    def origin(self, table: Mapping[str, Any], date: str = "") -> Origin:
        """The origin a table states; what it leaves out is taken from the head of the file."""
        stated = {**self.top, **table}
        return Origin(
            source=self.source,
            url=stated.get("source", ""),
            date=date or stated.get("date", ""),
            confidence=stated.get("confidence", "medium"),
            stated=table.get("stated", ""),
            competing=table.get("competing", ()),
        )

    def section(self, name: str, table: Mapping[str, object]) -> list[Statement[Any]]:
        values = self.values(table, {**_SECTION_KEYS[name], **_ORIGIN_KEYS}, name)
        origin = self.origin(values)
        prefix = "" if name == _MESSAGE else f"{name}."
        stated = [Statement(prefix + key, value, origin) for key, value in values.items() if key not in _ORIGIN_KEYS]
        if stated:
            self.need_source(name, origin)
        return stated

    def route(self, name: str, table: Mapping[str, object]) -> RouteLimit:
        dotted = f"routes.{name}"
        if name not in _ROUTE_TABLES:
            raise self.error(dotted, dict(table), f"one of the routes {', '.join(_ROUTE_TABLES)}")
        values = self.values(table, _ROUTE_KEYS, dotted)
        if "limit_bytes" not in values:
            raise self.error(dotted, dict(table), "a table with limit_bytes")
        origin = self.origin(values)
        self.need_source(dotted, origin)
        limit: int = values["limit_bytes"]
        target: int = values.get("target_bytes", limit)
        if target > limit:
            raise self.error(f"{dotted}.target_bytes", target, f"at most limit_bytes, {limit}")
        why = values.get("target_why")
        return RouteLimit(
            route=name,
            limit_bytes=limit,
            target_bytes=target,
            counts=values.get("counts", "pdu"),
            origin=origin,
            target_origin=replace(origin, stated=why) if why else origin,
        )

    def need_source(self, key: str, origin: Origin) -> None:
        for word, stated in (("source", origin.url), ("date", origin.date)):
            if not stated:
                raise self.error(f"{key}.{word}", "", "given here or at the head of the file; every number needs it")
