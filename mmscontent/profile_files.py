"""The only reader of profiles/: keys to files, files to layers, layers to one Profile.

A key is a path: `us/t-mobile` is `carriers/us/t-mobile.toml`. A user's folder of the same shape lies over the
shipped one, file by file. Carriers without numbers of their own are lines of `carriers/inherited.tsv`, phones
known from their UAProf documents lines of `devices/population.tsv`.
"""

from __future__ import annotations

import functools
import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mmscontent.errors import NotAllowed, ProfileError
from mmscontent.layers import Fact, Layer, Names, combine, profile_of
from mmscontent.profile_schema import KINDS, ROUTES, Kind, ProfileFile, RouteLimit, parse_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.profile import Profile

__all__ = ["ENVIRONMENT_VARIABLE", "load_profile", "profile_folders", "read_profile"]

ENVIRONMENT_VARIABLE = "MMSCONTENT_PROFILES"
DEFAULT_CLASS = "generic/portable-300"  # nothing known: what every operator handles
DEFAULT_PHONE = "generic/smartphone"  # the network is known and the phone is not
_ENDED = ("disabled", "discontinued")
_INHERITED = Path("carriers", "inherited.tsv")
_MAX_FILE_BYTES = 200_000
_MAX_EXTENDS = 4


def load_profile(
    carrier: str | None = None,
    route: str | None = None,
    device: str | None = None,
    content_class: str | None = None,
    max_message_bytes: int | None = None,
    *,
    profiles: str | os.PathLike[str] | None = None,
    allow_inactive: bool = False,
) -> Profile:
    """Combine carrier, route, device and class into what one receiver accepts.

    Args:
        carrier: `us/t-mobile` and the like; unknown when None.
        route: `p2p`, `long_code`, `toll_free` or `short_code`; the tightest of the carrier's own when None.
        device: `apple/iphone` and the like; unknown when None.
        content_class: `oma/image-rich`, `generic/us-safe-500` and the like; binds like any other statement.
        max_message_bytes: The caller's own limit; it replaces limit and target.
        profiles: A folder of the same shape as the shipped one, whose files come first; the environment
            variable MMSCONTENT_PROFILES when None.
        allow_inactive: Shape for a network although it has ended or switched off MMS.

    Raises:
        ProfileError: A key, route or file is unknown or wrong; file, key and value say which.
        NotAllowed: The network takes no MMS any more; the message says since when.
    """
    folders = profile_folders(profiles)
    if route is not None and (route not in ROUTES or route == "any"):
        raise ProfileError(
            f"route {route!r} is not known; use one of {', '.join(ROUTES[:-1])}", key="route", value=route
        )
    if max_message_bytes is not None and max_message_bytes < 1:
        raise ProfileError(
            f"max_message_bytes must be 1 or more, got {max_message_bytes}",
            key="max_message_bytes",
            value=str(max_message_bytes),
        )
    layers: list[Layer] = []
    notes: list[str] = []
    if device is not None:
        layers += _device_layers(read_profile("device", device, folders), folders)
    if carrier is not None:
        chain = _chain(read_profile("carrier", carrier, folders), folders)
        notes += _status_notes(chain[0], allow_inactive=allow_inactive)
        layer, more = _carrier_layer(chain, route)
        layers.append(layer)
        notes += more
        if device is None:
            layers.append(_base_layer(DEFAULT_PHONE, folders))
    if content_class is not None:
        layers.append(_class_layer(read_profile("class", content_class, folders), folders))
    layers.append(_base_layer(DEFAULT_CLASS, folders))
    held, more_notes = combine(layers, max_message_bytes=max_message_bytes)
    names = Names(carrier, route, device, content_class)
    return profile_of(held, names, (*notes, *more_notes))


# -- folders and files --------------------------------------------------------------------------------------------


def profile_folders(profiles: str | os.PathLike[str] | None = None) -> tuple[Path, ...]:
    """The folders to look in, the user's first, the shipped one last.

    Raises:
        ProfileError: The user's folder is not there.
    """
    own = profiles if profiles is not None else os.environ.get(ENVIRONMENT_VARIABLE) or None
    if own is None:
        return (_shipped(),)
    folder = Path(own)
    if not folder.is_dir():
        raise ProfileError(
            f"{folder} is not a folder of profiles; it should hold carriers/, devices/ or classes/", file=str(folder)
        )
    return (folder, _shipped())


@functools.cache
def _shipped() -> Path:
    """The folder that came with the package: inside a wheel, or beside the package in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "_profiles", here.parent / "profiles"):
        if (folder / "classes").is_dir():
            return folder
    raise ProfileError(
        f"no profiles are installed with mmscontent at {here}; install the package again", file=str(here)
    )


def read_profile(kind: Kind, key: str, folders: tuple[Path, ...]) -> ProfileFile:
    """Read one profile by its key, from the first folder that has it.

    Raises:
        ProfileError: No folder has it, or its file is wrong.
    """
    if not _is_key(key):
        raise ProfileError(f"{kind} {key!r} is not a key; keys look like {_EXAMPLE[kind]}", key=kind, value=key)
    for folder in folders:
        file = folder / KINDS[kind] / f"{key}.toml"
        if file.is_file():
            return parse_profile(kind, key, _read_toml(file), str(file))
        if kind == "carrier" and (table := _inherited_table(folder, key)):
            return parse_profile(kind, key, table, str(folder / _INHERITED))
    raise ProfileError(f"{kind} {key!r} is not known; {_advice(kind, key, folders)}", key=kind, value=key)


_EXAMPLE: dict[Kind, str] = {"carrier": "us/t-mobile", "device": "apple/iphone", "class": "oma/image-rich"}


def _is_key(key: str) -> bool:
    """Two words of letters, digits, dots and dashes with a slash between: nothing that leaves the folder."""
    left, slash, right = key.partition("/")
    return (
        bool(slash)
        and all(w.replace("-", "").replace(".", "").isalnum() and w[0] != "." for w in (left, right) if w)
        and bool(left and right)
    )


def _read_toml(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise ProfileError(f"{file} cannot be read: {exc.strerror}", file=str(file)) from exc
    if len(data) > _MAX_FILE_BYTES:
        raise ProfileError(f"{file} is larger than {_MAX_FILE_BYTES:,} bytes", file=str(file))
    try:
        return cast("dict[str, object]", tomllib.loads(data.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ProfileError(f"{file} is not TOML: {exc}", file=str(file)) from exc


def _inherited_table(folder: Path, key: str) -> dict[str, object]:
    """The line of a carrier without numbers of its own, as the table its file would hold; empty when it has none."""
    text = read_text(folder / _INHERITED)
    at = text.find(f"\n{key}\t")
    if at < 0:
        return {}
    _, name, country, parent, status, date = text[at + 1 : text.index("\n", at + 1)].split("\t")
    source = next((line for line in text.splitlines()[:9] if line.startswith(f"# source {date}: ")), "")
    said = {"source": source.partition(": ")[2], "date": date}
    table: dict[str, object] = {"name": name, "country": country, "extends": parent, **said}
    if status != "active":
        table["status"] = {"is": status, "confidence": "high" if status == "disabled" else "low"}
    return table


def read_text(file: Path) -> str:
    """A compact table, whole; "" when the folder has none."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ProfileError(f"{file} cannot be read: {exc}", file=str(file)) from exc


def _advice(kind: Kind, key: str, folders: tuple[Path, ...]) -> str:
    """What may have been meant: keys that share the first word, or the list."""
    first = key.partition("/")[0]
    near = sorted({f.stem for folder in folders for f in (folder / KINDS[kind] / first).glob("*.toml")})
    if near:
        return f"under {first}/ there are {', '.join(near[:20])}{' …' if len(near) > 20 else ''}"  # noqa: PLR2004
    return f"keys look like {_EXAMPLE[kind]}, and `mmscontent profiles list` shows all"


def _chain(profile: ProfileFile, folders: tuple[Path, ...]) -> list[ProfileFile]:
    """A profile and those it extends, nearest first."""
    chain = [profile]
    while (parent := chain[-1].extends) is not None:
        if len(chain) > _MAX_EXTENDS:
            raise ProfileError(
                f"{profile.kind} {profile.key} extends more than {_MAX_EXTENDS} others", key="extends", value=parent
            )
        kind: Kind = "carrier" if profile.kind == "carrier" else "class"
        chain.append(read_profile(kind, parent, folders))
    return chain


# -- layers -------------------------------------------------------------------------------------------------------


def _device_layers(profile: ProfileFile, folders: tuple[Path, ...]) -> list[Layer]:
    """What the device states, and as bases what it extends."""
    first, *rest = _chain(profile, folders)
    return [Layer("device", first.key, first.facts, floor=first.floor), *(Layer("base", p.key, p.facts) for p in rest)]


def _class_layer(profile: ProfileFile, folders: tuple[Path, ...]) -> Layer:
    """A named class with what it inherits; all of it binds."""
    return Layer("class", profile.key, _inherited(_chain(profile, folders)))


def _inherited(chain: list[ProfileFile]) -> tuple[Fact, ...]:
    """The facts of a chain, the nearest statement about each field."""
    nearest: dict[str, Fact] = {}
    for profile in chain:
        for fact in profile.facts:
            nearest.setdefault(fact.field, fact)
    return tuple(nearest.values())


def _base_layer(key: str, folders: tuple[Path, ...]) -> Layer:
    facts = _inherited(_chain(read_profile("class", key, folders), folders))
    assumed = tuple(Fact(f.field, f.value, replace(f.origin, source=f"assumed: {f.origin.source}")) for f in facts)
    return Layer("base", key, assumed)


def _carrier_layer(chain: list[ProfileFile], route: str | None) -> tuple[Layer, list[str]]:
    limit, notes = _route_limit(chain, route)
    own = next(_routes(chain, "p2p"), None)
    handset = None
    if own is not None:
        handset = Fact("limit_bytes", own[1].limit_bytes, _named(own[0], own[1]).origin)
    where = _named(*limit)
    facts = (
        Fact("limit_bytes", where.limit_bytes, where.origin),
        Fact("target_bytes", where.target_bytes, where.target_origin),
        Fact("counts", where.counts, where.origin),
        *_inherited(chain),
    )
    return Layer("carrier", chain[0].key, facts, handset_limit=handset), notes


def _routes(chain: list[ProfileFile], name: str) -> Iterator[tuple[ProfileFile, RouteLimit]]:
    """Statements about a route, nearest first; within one file its own name before `any`."""
    for profile in chain:
        limit = profile.route(name) or (None if name == "p2p" else profile.route("any"))
        if limit is not None:
            yield profile, limit


def _named(profile: ProfileFile, limit: RouteLimit) -> RouteLimit:
    """The limit with its origins naming the carrier and the route."""
    source = f"carrier {profile.key} route {limit.route}"
    return replace(
        limit,
        origin=replace(limit.origin, source=source),
        target_origin=replace(limit.target_origin, source=source),
    )


def _route_limit(chain: list[ProfileFile], route: str | None) -> tuple[tuple[ProfileFile, RouteLimit], list[str]]:
    """Which statement holds for a route; without one the tightest of the carrier's own."""
    if route is not None:
        found = next(_routes(chain, route), None)
        if found is None:
            raise ProfileError(
                f"carrier {chain[0].key} and those it extends state no limit for route {route}",
                key="route",
                value=route,
            )
        return _within_own(chain, found), []
    profile = next(p for p in chain if p.routes)
    tightest = min(profile.routes, key=lambda r: (r.target_bytes, r.limit_bytes))
    if len(profile.routes) == 1:
        return (profile, tightest), []
    note = f"no route was named, so the tightest of {profile.key} holds: {tightest.route}; name one to use more"
    return (profile, tightest), [note]


def _within_own(chain: list[ProfileFile], found: tuple[ProfileFile, RouteLimit]) -> tuple[ProfileFile, RouteLimit]:
    """A limit read from a parent never passes what the carrier lets its own phones send."""
    own = chain[0].route("p2p")
    if found[0] is chain[0] or own is None or own.limit_bytes >= found[1].limit_bytes:
        return found
    limit = found[1]
    target = min(limit.target_bytes, own.limit_bytes)
    return chain[0], replace(
        own, target_bytes=target, target_origin=limit.target_origin if target < own.limit_bytes else own.origin
    )


def _status_notes(profile: ProfileFile, *, allow_inactive: bool) -> list[str]:
    """Stop at a network that takes no MMS; say so when its state is in doubt."""
    status, origin = profile.status, profile.status_origin
    if status in {"active", "unknown"} or origin is None:
        return []
    since = f" on {origin.date}" if status == "discontinued" else f" ({origin.date})"
    words = {
        "discontinued": "ended MMS",
        "disabled": "has MMS switched off in the handset configuration",
        "no-mms-apn": "has no MMS access point in the handset configuration",
        "uncertain": f"may have ended MMS: {origin.stated}",
    }
    said = f"carrier {profile.key} {words[status]}{since}"
    if status in _ENDED and not allow_inactive:
        raise NotAllowed(
            f"{said}, says {origin.url}; "
            "send by another channel, or pass allow_inactive=True to shape for it all the same"
        )
    return [said]
