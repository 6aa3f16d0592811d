"""Checks the files of a folder of profiles: each by itself, then the links between them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmscontent.errors import MMSContentError, ProfileError
from mmscontent.media_types import find
from mmscontent.profiles.load import OBSERVED, observed_limit
from mmscontent.profiles.read import chain_of, find_profile, profile_folders, read_toml, toml_keys
from mmscontent.profiles.schema import KINDS, Kind, ProfileFile, parse_profile


@dataclass(frozen=True, slots=True)
class ProfileFinding:
    """One defect of a profile file.

    Attributes:
        severity: An `error` stops loading; a `warning` is probably a mistake.
        key: Dotted key inside the file, or "".
    """

    severity: str
    file: str
    key: str
    message: str


def lint_profiles(profiles: str | os.PathLike[str] | None = None) -> tuple[ProfileFinding, ...]:
    """Check every file of the user's folder, or of the shipped one when there is none."""
    folders = profile_folders(profiles)
    folder = folders[0]
    found = list(_misplaced(folder))
    for kind, name in KINDS.items():
        for key in toml_keys(folder / name):
            found += _check_file(kind, key, folder / name / f"{key}.toml", folders)
    try:
        observed_limit((folder,), "", None)
    except ProfileError as exc:
        found.append(ProfileFinding("error", str(folder / OBSERVED), exc.key, str(exc)))
    return tuple(found)


def _misplaced(folder: Path) -> Iterator[ProfileFinding]:
    """TOML files that no key leads to."""
    right = {folder / name / f"{key}.toml" for name in KINDS.values() for key in toml_keys(folder / name)}
    for file in sorted(folder.rglob("*.toml")):
        if file not in right:
            message = "no key leads to this file; it belongs at carriers/COUNTRY/NAME.toml, devices/… or classes/…"
            yield ProfileFinding("warning", str(file), "", message)


def _check_file(kind: Kind, key: str, file: Path, folders: tuple[Path, ...]) -> Iterator[ProfileFinding]:
    try:
        profile = parse_profile(kind, key, read_toml(file), str(file))
        if find_profile(kind, key, folders) is None:
            yield ProfileFinding("error", str(file), "", "the name is no key; use letters, digits, dots and dashes")
        chain_of(profile, folders)
    except ProfileError as exc:
        yield ProfileFinding("error", exc.file or str(file), exc.key, str(exc))
    except MMSContentError as exc:
        yield ProfileFinding("error", str(file), "", str(exc))
    else:
        yield from _check_values(profile, str(file))


def _check_values(profile: ProfileFile, file: str) -> Iterator[ProfileFinding]:
    """Values that load and are probably a mistake."""
    for statement in profile.statements:
        if statement.field == "image.media_types" and isinstance(statement.value, tuple):
            unknown = [t for t in statement.value if find(str(t)) is None]
            if unknown:
                yield ProfileFinding("warning", file, statement.field, f"unknown media types: {', '.join(unknown)}")
    for rule in (*profile.plmn, *(m.partition(":")[0] for m in profile.mvno)):
        if not (rule.isdigit() and len(rule) in (5, 6)):
            yield ProfileFinding("warning", file, "match", f"{rule!r} is no MCC and MNC of five or six digits")
    for rule in profile.mvno:
        if "=" not in rule.partition(":")[2]:
            message = f"{rule!r} should be a code and a qualifier, as 311480:gid1=BAE1"
            yield ProfileFinding("warning", file, "match.mvno", message)
    if profile.kind == "carrier" and not profile.routes and profile.extends is None:
        yield ProfileFinding("warning", file, "routes", "without a limit or `extends` it cannot be loaded")
