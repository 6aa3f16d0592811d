"""Lists all profiles, one line each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from mmscontent.profiles.read import (
    INHERITED,
    POPULATION,
    find_profile,
    profile_folders,
    read_toml,
    table_text,
    toml_keys,
)
from mmscontent.profiles.schema import KINDS, Kind, ProfileFile, parse_profile


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One line of the catalogue.

    Attributes:
        status: `active` unless the profile states another.
        limit_bytes: The lowest limit that the profile states itself; None when it only inherits.
        routes: The routes that it states limits for.
        confidence: Of that limit; "" without one.
    """

    kind: Kind
    key: str
    name: str
    country: str = ""
    status: str = "active"
    limit_bytes: int | None = None
    routes: tuple[str, ...] = ()
    confidence: str = ""
    date: str = ""


def list_profiles(
    kind: Kind | None = None, *, profiles: str | os.PathLike[str] | None = None, population: bool = False
) -> tuple[ProfileSummary, ...]:
    """List every profile, by kind and key; a user's profile replaces the shipped one of the same key.

    Args:
        kind: Only `carrier`, `device` or `class`.
        profiles: The user's folder, as for `load_profile`.
        population: Also the phones known only from their UAProf documents, more than 2,000.
    """
    found: dict[tuple[Kind, str], ProfileSummary] = {}
    for folder in profile_folders(profiles):
        for summary in _summaries(folder, population=population):
            if kind in (None, summary.kind):
                found.setdefault((summary.kind, summary.key), summary)
    return tuple(found[name] for name in sorted(found))


def kinds_of(key: str, *, profiles: str | os.PathLike[str] | None = None) -> tuple[Kind, ...]:
    """The kinds of profiles that have a key; empty when none has it."""
    folders = profile_folders(profiles)
    return tuple(kind for kind in KINDS if find_profile(kind, key, folders) is not None)


def _summaries(folder: Path, *, population: bool) -> Iterator[ProfileSummary]:
    for kind, name in KINDS.items():
        for key in toml_keys(folder / name):
            file = folder / name / f"{key}.toml"
            yield _summary(parse_profile(kind, key, read_toml(file), str(file)))
    for cells in _cells(folder / INHERITED):
        key, title, country, _, status, date = cells
        yield ProfileSummary("carrier", key, title, country, status, date=date)
    for cells in _cells(folder / POPULATION) if population else ():
        # All lines come from one collection of documents, so one date and confidence hold for them.
        size = int(cells[4]) if cells[4] else None
        yield ProfileSummary(
            "device", cells[0], f"{cells[2]} {cells[3]}", limit_bytes=size, confidence="high", date="2015"
        )


def _cells(file: Path) -> Iterator[list[str]]:
    for line in table_text(file).splitlines():
        if line[:1] not in ("#", "=", ""):
            yield line.split("\t")


def _summary(profile: ProfileFile) -> ProfileSummary:
    statement = next((f for f in profile.statements if f.field == "limit_bytes"), None)
    # A carrier states its limits by route, devices and classes state one.
    lowest = min(profile.routes, key=lambda r: r.limit_bytes, default=None)
    origin = lowest.origin if lowest else statement.origin if statement else None
    return ProfileSummary(
        kind=profile.kind,
        key=profile.key,
        name=profile.name,
        country=profile.country,
        status=profile.status or "active",
        limit_bytes=lowest.limit_bytes if lowest else cast("int | None", statement.value if statement else None),
        routes=tuple(r.route for r in profile.routes),
        confidence=origin.confidence if origin else "",
        date=origin.date if origin else "",
    )
