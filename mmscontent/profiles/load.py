"""Loads one Profile from the keys of a carrier, a route, a device and a content class."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmscontent.errors import NotAllowed, ProfileError
from mmscontent.profiles.merge import ProfileLayer, Statement, Statements, apply_overrides, build_profile, merge
from mmscontent.profiles.model import ROUTES, Origin, Profile
from mmscontent.profiles.read import chain_of, profile_folders, read_profile, table_text
from mmscontent.profiles.schema import ProfileFile, RouteLimit, parse_overrides

DEFAULT_CLASS = "generic/portable-300"  # nothing known: what every operator handles
DEFAULT_PHONE = "generic/smartphone"  # the network is known and the phone is not
OBSERVED = "observed.tsv"
_ENDED = ("disabled", "discontinued")
_STATUS_WORDS = {
    "discontinued": "ended MMS",
    "disabled": "has MMS switched off in the handset configuration",
    "no-mms-apn": "has no MMS access point in the handset configuration",
    "uncertain": "may have ended MMS",
}


def load_profile(  # noqa: PLR0913 - the public signature: one argument a thing that is known
    carrier: str | None = None,
    route: str | None = None,
    device: str | ProfileFile | None = None,
    content_class: str | None = None,
    max_message_bytes: int | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    profiles: str | os.PathLike[str] | None = None,
    allow_inactive: bool = False,
    use_observed: bool = False,
) -> Profile:
    """Combine carrier, route, device and class into what one receiver accepts.

    Args:
        carrier: `us/t-mobile` and the like; unknown when None.
        route: `p2p`, `long_code`, `toll_free` or `short_code`; the tightest of the carrier's own when None.
        device: `apple/iphone` and the like, or what `device_profile` made of a document; unknown when None.
        content_class: `oma/image-rich`, `generic/us-safe-500` and the like; binds like any other one.
        max_message_bytes: The caller's own limit; it replaces limit and target.
        overrides: Values for this call alone, by the names of Profile: `{"image.max_long_px": 800}`.
        profiles: A folder of the same shape as the shipped one, whose files come first; the environment
            variable MMSCONTENT_PROFILES when None.
        allow_inactive: Load the profile of a network although it has ended or switched off MMS.
        use_observed: Let sizes the network was seen to refuse lower the limit (`observe`).

    Raises:
        ProfileError: A key, route or file is unknown or wrong; file, key and value say which.
        NotAllowed: The network has ended MMS; the message says since when.
    """
    _check(route, max_message_bytes)
    folders = profile_folders(profiles)
    layers: list[ProfileLayer] = []
    notes: list[str] = []
    if device is not None:
        phone = device if isinstance(device, ProfileFile) else read_profile("device", device, folders)
        layers += _device_layers(phone, folders)
    if carrier is not None:
        chain = chain_of(read_profile("carrier", carrier, folders), folders)
        notes += _status_notes(chain, allow_inactive=allow_inactive)
        layer, more = _carrier_layer(chain, route)
        observed = observed_limit(folders, carrier, route)
        layers.append(_with_observed(layer, observed, use_observed=use_observed) if observed else layer)
        notes += more
        if device is None:
            # Most phones are smartphones, so that class fills gaps before the portable one does.
            layers.append(_base_layer(DEFAULT_PHONE, folders))
    elif route is not None:
        notes.append(f"route {route} has no effect without a carrier; name the carrier")
    if content_class is not None:
        stated = _inherited(chain_of(read_profile("class", content_class, folders), folders))
        layers.append(ProfileLayer("class", content_class, stated))
    layers.append(_base_layer(DEFAULT_CLASS, folders))
    merged, more_notes = merge(layers, max_message_bytes=max_message_bytes)
    apply_overrides(merged, parse_overrides(overrides or {}))
    key = device.key if isinstance(device, ProfileFile) else device
    notes += more_notes
    return build_profile(merged, tuple(notes), carrier=carrier, route=route, device=key, content_class=content_class)


def _check(route: str | None, max_message_bytes: int | None) -> None:
    if route is not None and route not in ROUTES:
        raise ProfileError(f"route {route!r} is not known; use {', '.join(ROUTES)}", key="route", value=route)
    if max_message_bytes is not None and max_message_bytes < 1:
        given = str(max_message_bytes)
        raise ProfileError(f"max_message_bytes must be 1 or more, got {given}", key="max_message_bytes", value=given)


# -- device and class ---------------------------------------------------------------------------------------------


def _device_layers(profile: ProfileFile, folders: tuple[Path, ...]) -> list[ProfileLayer]:
    """The layer of the device, and the classes it extends as layers that only fill gaps."""
    chain = chain_of(profile, folders)
    own = [p for p in chain if p.kind == "device"]
    classes = [p for p in chain if p.kind == "class"]
    return [
        ProfileLayer("device", profile.key, _inherited(own), own[-1].is_lower_bound or own[0].is_lower_bound),
        *(ProfileLayer("base", p.key, _assumed(p.statements)) for p in classes),
    ]


def _base_layer(key: str, folders: tuple[Path, ...]) -> ProfileLayer:
    return ProfileLayer("base", key, _assumed(_inherited(chain_of(read_profile("class", key, folders), folders))))


def _inherited(chain: list[ProfileFile]) -> Statements:
    """The statements of a chain, the nearest one about each field."""
    nearest: dict[str, Statement[Any]] = {}
    for profile in chain:
        for one in profile.statements:
            nearest.setdefault(one.field, one)
    return tuple(nearest.values())


def _assumed(statements: Statements) -> Statements:
    """The same statements, marked in their origins as assumed: no source states them for this receiver."""
    return tuple(replace(s, origin=replace(s.origin, source=f"assumed: {s.origin.source}")) for s in statements)


# -- carrier and route ----------------------------------------------------------------------------------------------


def _carrier_layer(chain: list[ProfileFile], route: str | None) -> tuple[ProfileLayer, list[str]]:
    limit, notes = _route_limit(chain, route)
    own = next(_routes(chain, "p2p"), None)
    handset = Statement("limit_bytes", own.limit_bytes, own.origin) if own else None
    statements: Statements = (
        Statement("limit_bytes", limit.limit_bytes, limit.origin),
        Statement("target_bytes", limit.target_bytes, limit.target_origin),
        # What competes with a route's number says nothing about how it is counted.
        Statement("counts", limit.counts, replace(limit.origin, competing=())),
        *_inherited(chain),
    )
    return ProfileLayer("carrier", chain[0].key, statements, handset_limit=handset), notes


def _own(chain: list[ProfileFile]) -> list[ProfileFile]:
    """The files of the carrier itself: the user's, and the shipped one that it extends."""
    return [p for p in chain if p.key == chain[0].key]


def _routes(chain: list[ProfileFile], name: str) -> Iterator[RouteLimit]:
    """Statements about a route, nearest first; within one file its own name before `any`."""
    for profile in chain:
        limit = profile.route(name) or (None if name == "p2p" else profile.route("any"))
        if limit is not None:
            yield _named(profile, limit)


def _named(profile: ProfileFile, limit: RouteLimit) -> RouteLimit:
    """The limit with its origins naming the carrier and the route."""
    source = f"carrier {profile.key} route {limit.route}"
    return replace(
        limit, origin=replace(limit.origin, source=source), target_origin=replace(limit.target_origin, source=source)
    )


def _route_limit(chain: list[ProfileFile], route: str | None) -> tuple[RouteLimit, list[str]]:
    """The limit that holds for a route; when no route is named, the tightest of the carrier's own."""
    if route is not None:
        found = next(_routes(chain, route), None)
        if found is None:
            raise ProfileError(
                f"carrier {chain[0].key} and those it extends state no limit for route {route}; "
                f"add routes.{route} to its file",
                key="route",
                value=route,
            )
        return _within_own(chain, found), []
    return _tightest(chain)


def _tightest(chain: list[ProfileFile]) -> tuple[RouteLimit, list[str]]:
    own = _own(chain)
    # The routes of a parent are the country's numbers; they count only where the carrier states none.
    stated = own if any(p.routes for p in own) else chain
    names = dict.fromkeys(r.route for p in stated for r in p.routes)
    limits = [limit for name in names if (limit := next(_routes(stated, name), None))]
    tightest = min(limits, key=lambda r: (r.target_bytes, r.limit_bytes))
    if len(limits) == 1:
        return tightest, []
    words = f"no route was named, so the tightest of {chain[0].key} holds: {tightest.route}; name the route to use more"
    return tightest, [words]


def _within_own(chain: list[ProfileFile], found: RouteLimit) -> RouteLimit:
    """Bound a limit that comes from a parent by what the carrier lets its own phones send."""
    stated_here = any(p.route(found.route) for p in _own(chain))
    own = next(_routes(_own(chain), "p2p"), None)
    if stated_here or own is None or own.limit_bytes >= found.limit_bytes:
        return found
    # The parent is the country's number; a carrier that accepts less from its own phones accepts no more here.
    target = min(found.target_bytes, own.limit_bytes)
    origin: Origin = found.target_origin if target < own.limit_bytes else own.origin
    return replace(own, target_bytes=target, target_origin=origin)


def _with_observed(layer: ProfileLayer, observed: Statement[int], *, use_observed: bool) -> ProfileLayer:
    """Note a refused size beside the carrier's limit, or put it in its place when the caller asks for that."""
    sentence = f"{observed.origin.source}: {observed.origin.stated}"

    def adjust(one: Statement[Any]) -> Statement[Any]:
        if one.field not in {"limit_bytes", "target_bytes"}:
            return one
        if use_observed and observed.value < one.value:
            return replace(observed, field=one.field).noting(f"{one.origin.source}: {one.value:,}")
        return one.noting(sentence)

    return replace(layer, statements=tuple(map(adjust, layer.statements)))


def _status_notes(chain: list[ProfileFile], *, allow_inactive: bool) -> list[str]:
    """Refuse a network that has ended MMS; note it when that is in doubt."""
    stated = next((p for p in _own(chain) if p.status is not None), None)
    if stated is None or stated.status is None or stated.status not in _STATUS_WORDS:
        return []
    origin = stated.status_origin
    since = f" on {origin.date}" if stated.status == "discontinued" else f" (as of {origin.date})"
    sentence = f"carrier {stated.key} {_STATUS_WORDS[stated.status]}{since}"
    if stated.status in _ENDED and not allow_inactive:
        raise NotAllowed(
            f"{sentence}, according to {origin.url}; "
            "send by another channel, or pass allow_inactive=True to fit the message all the same"
        )
    return [f"{sentence}: {origin.stated}" if origin.stated else sentence]


# -- sizes that a network refused ----------------------------------------------------------------------------------
# Each line of observed.tsv in the user's folder is one refusal: carrier, route, bytes, ISO date. The table lowers a
# limit only when the caller asks for that; otherwise it is noted beside the published number.


def observe(profiles: str | os.PathLike[str], carrier: str, route: str | None, refused_bytes: int, date: str) -> None:
    """Append one refusal to the user's folder.

    Args:
        profiles: The user's folder of profiles; created when it is missing.
        carrier: Key of the network that refused.
        route: The route of the message, or None when it is unknown.
        refused_bytes: Packed size of the refused message.
        date: ISO date of the refusal; no clock is read here.

    Raises:
        ProfileError: A value would make the line unreadable, or the file cannot be written.
    """
    line = "\t".join((carrier, route or "", str(refused_bytes), date))
    _parse(line, "the observation")
    folder = Path(profiles)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / OBSERVED).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as exc:
        raise ProfileError(f"{folder / OBSERVED} cannot be written: {exc}", file=str(folder / OBSERVED)) from exc


def observed_limit(folders: tuple[Path, ...], carrier: str, route: str | None) -> Statement[int] | None:
    """One byte less than the smallest refused size; None when no refusal is recorded."""
    refusals = [
        (size, date)
        for folder in folders
        for key, line_route, size, date in _lines(folder / OBSERVED)
        if key == carrier and (route is None or line_route in ("", route))
    ]
    if not refusals:
        return None
    size, date = min(refusals)
    times = f", {len(refusals)} refusals in all" if len(refusals) > 1 else ""
    stated = f"refused at {size:,} bytes on {date}{times}"
    return Statement("limit_bytes", size - 1, Origin(f"observed at {carrier}", OBSERVED, date, "medium", stated))


def _lines(file: Path) -> list[tuple[str, str, int, str]]:
    lines = table_text(file).splitlines()
    return [_parse(line, f"{file} line {n}") for n, line in enumerate(lines, 1) if line and not line.startswith("#")]


def _parse(line: str, where: str) -> tuple[str, str, int, str]:
    match = re.fullmatch(r"([^\t\n]+)\t([a-z_0-9]*)\t([1-9][0-9]{1,11})\t([0-9]{4}(?:-[0-9]{2}){0,2})", line)
    if match is None:
        raise ProfileError(
            f"{where} should be carrier, route, bytes and date with tabs between, got {line!r}",
            file=OBSERVED,
            value=line,
        )
    return match[1], match[2], int(match[3]), match[4]
