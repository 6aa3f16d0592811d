"""Finds the folders of profiles and reads one profile by its key: a TOML file, or a line of a compact table.

The first folder that has the key wins. Every error names the file.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mmscontent.errors import ProfileError
from mmscontent.profiles.device_capabilities import DeviceCapabilities, device_profile
from mmscontent.profiles.schema import KINDS, Kind, ProfileFile, parse_profile
from mmscontent.profiles.uaprof_vocabulary import types_for

if TYPE_CHECKING:
    from mmscontent.profiles.merge import Statements

ENVIRONMENT_VARIABLE = "MMSCONTENT_PROFILES"
_MAX_FILE_BYTES = 200_000  # the largest shipped file has less than a tenth of it
INHERITED = Path("carriers", "inherited.tsv")
POPULATION = Path("devices", "population.tsv")
EXAMPLES: dict[Kind, str] = {"carrier": "us/t-mobile", "device": "apple/iphone", "class": "oma/image-rich"}
# A key becomes a path, so no word of it begins with a dot: `..` would lead out of the folder.
_KEY = re.compile(r"[\w-][\w.+-]{0,79}/[\w-][\w.+-]{0,79}(?:@[0-9a-f]{16})?")
# Profiles that extend each other end here instead of never.
_MAX_EXTENDS = 5
# An error that lists more keys is not read to its end.
_NEIGHBOURS = 20


# -- folders and files ----------------------------------------------------------------------------------------------


def profile_folders(profiles: str | os.PathLike[str] | None = None) -> tuple[Path, ...]:
    """The folders to search, the user's first, the shipped one last.

    Raises:
        ProfileError: The user's folder does not exist.
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
    """The folder of the package: inside a wheel, or beside the package in a checkout."""
    here = Path(__file__).resolve().parent.parent
    for folder in (here / "_profiles", here.parent / "profiles"):
        if (folder / "classes").is_dir():
            return folder
    raise ProfileError(f"the profiles of mmscontent are missing at {here}; install the package again", file=str(here))


def read_toml(file: Path) -> dict[str, object]:
    """Read one TOML file."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise ProfileError(f"{file} cannot be read: {exc.strerror}", file=str(file)) from exc
    if len(data) > _MAX_FILE_BYTES:
        raise ProfileError(f"{file} is larger than {_MAX_FILE_BYTES:,} bytes", file=str(file))
    try:
        return cast("dict[str, object]", tomllib.loads(data.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ProfileError(f"{file} is not TOML: {exc}", file=str(file)) from exc


def toml_keys(folder: Path) -> Iterator[str]:
    """The keys of all TOML files under `carriers/`, `devices/` or `classes/`, sorted."""
    for file in sorted(folder.glob("*/*.toml")):
        yield f"{file.parent.name}/{file.stem}"


def table_text(file: Path) -> str:
    """The text of a compact table; "" when the folder has none."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ProfileError(f"{file} cannot be read: {exc}", file=str(file)) from exc


# -- profiles by key -------------------------------------------------------------------------------------------------


def read_profile(kind: Kind, key: str, folders: tuple[Path, ...]) -> ProfileFile:
    """Read one profile by its key.

    Raises:
        ProfileError: No folder has it, or its file is damaged.
    """
    profile = find_profile(kind, key, folders)
    if profile is None:
        raise ProfileError(f"{kind} {key!r} is not known; {_advice(kind, key, folders)}", key=kind, value=key)
    return profile


def find_profile(kind: Kind, key: str, folders: tuple[Path, ...]) -> ProfileFile | None:
    """Read one profile by its key, or None when no folder has it; a damaged file is still an error."""
    if not _KEY.fullmatch(key):
        return None
    for folder in folders:
        file = folder / KINDS[kind] / f"{key}.toml"
        if file.is_file():
            return parse_profile(kind, key, read_toml(file), str(file))
        if kind == "device" and (phone := _phone(folder, key)):
            return phone
        if kind == "carrier" and (table := _inherited(folder, key)):
            return parse_profile(kind, key, table, str(folder / INHERITED))
    return None


def chain_of(profile: ProfileFile, folders: tuple[Path, ...]) -> list[ProfileFile]:
    """A profile and those it extends, nearest first; a file that extends its own key extends the one it hides."""
    chain = [profile]
    while (parent := chain[-1].extends) is not None:
        if len(chain) > _MAX_EXTENDS:
            raise ProfileError(
                f"{profile.kind} {profile.key} extends more than {_MAX_EXTENDS} others", key="extends", value=parent
            )
        if parent == chain[-1].key:
            folders = folders[1:]
        kind: Kind = "class" if profile.kind == "device" and parent != chain[-1].key else profile.kind
        chain.append(read_profile(kind, parent, folders))
    return chain


def _advice(kind: Kind, key: str, folders: tuple[Path, ...]) -> str:
    """A hint for an unknown key: known keys with the same first word, or the form of a key."""
    first = key.partition("/")[0]
    similar = sorted({k for f in folders for k in toml_keys(f / KINDS[kind]) if k.startswith(f"{first}/")})
    if similar:
        return f"similar keys are {', '.join(similar[:_NEIGHBOURS])}{' …' if len(similar) > _NEIGHBOURS else ''}"
    return f"keys look like {EXAMPLES[kind]}, and `mmscontent profiles list` shows all"


# -- lines of the compact tables ---------------------------------------------------------------------------------------


def _inherited(folder: Path, key: str) -> dict[str, object]:
    """The line of a carrier without numbers of its own, as the table of a file; empty when there is no such line."""
    text = table_text(folder / INHERITED)
    rows = rows_of(text, key)
    if not rows:
        return {}
    _, name, country, parent, status, date = rows[0]
    source = next((line for line in text.splitlines()[:9] if line.startswith(f"# source {date}: ")), "")
    origin = {"source": source.partition(": ")[2], "date": date}
    table: dict[str, object] = {"name": name, "country": country, "extends": parent, **origin}
    if status not in {"active", "unknown"}:
        table["status"] = {"is": status, "confidence": "high" if status == "disabled" else "low"}
    return table


def _phone(folder: Path, key: str) -> ProfileFile | None:
    """A phone of the population; of several builds the one with the lowest limit, or the build named after an @."""
    model, _, digest = key.partition("@")
    text = table_text(folder / POPULATION)
    rows = [row for row in rows_of(text, model) if not digest or row[1] == digest]
    if not rows:
        return None
    # Builds without a stated size sort last: a number that is stated binds.
    chosen = min(rows, key=lambda row: (not row[4], int(row[4] or 0)))
    source = f"github.com/GodsDev/uaprof-data@56714d6905cb, address digest {chosen[1]}"
    profile = device_profile(_document(text, chosen), source, "2015")
    return replace(profile, key=key, statements=_with_builds(profile.statements, chosen, rows))


def _document(text: str, row: list[str]) -> DeviceCapabilities:
    """A line of the population, as the document that it stands for."""
    _, _, vendor, model, size, image, screen, number = row
    _, words, levels, charsets, classes = rows_of(text, f"={number}")[0]
    return DeviceCapabilities(
        vendor=vendor,
        model=model,
        screen_px=_pair(screen),
        max_message_bytes=int(size) if size else None,
        max_message_stated=size,
        max_image_px=_pair(image),
        content_classes=tuple(classes.split()),
        accepts=types_for(words.split()),
        charsets=tuple(charsets.split()),
        levels=tuple(levels.split("|")) if levels else (),
    )


def _pair(text: str) -> tuple[int, int] | None:
    width, cross, height = text.partition("x")
    return (int(width), int(height)) if cross else None


def _with_builds(statements: Statements, chosen: list[str], rows: list[list[str]]) -> Statements:
    """Note the limits of the model's other builds beside the limit that holds."""
    origin = tuple(
        f"another build declares {int(row[4]):,} bytes (address digest {row[1]})"
        for row in rows
        if row[4] and row[4] != chosen[4]
    )
    return tuple(
        replace(f, origin=replace(f.origin, competing=origin)) if f.field == "limit_bytes" else f for f in statements
    )


def rows_of(text: str, key: str) -> list[list[str]]:
    """The adjacent lines of a compact table that begin with a key, as cells."""
    found = []
    at = text.find(f"\n{key}\t")
    while at >= 0 and text.startswith(f"{key}\t", at + 1):
        end = text.index("\n", at + 1)
        found.append(text[at + 1 : end].split("\t"))
        at = end
    return found
