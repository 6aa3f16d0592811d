"""Finds the folders of profiles and reads their files; every error names the file."""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from mmscontent.errors import ProfileError

ENVIRONMENT_VARIABLE = "MMSCONTENT_PROFILES"
_MAX_FILE_BYTES = 200_000  # the largest shipped file has less than a tenth of it


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


def rows_of(text: str, key: str) -> list[list[str]]:
    """The adjacent lines of a compact table that begin with a key, as cells."""
    found = []
    at = text.find(f"\n{key}\t")
    while at >= 0 and text.startswith(f"{key}\t", at + 1):
        end = text.index("\n", at + 1)
        found.append(text[at + 1 : end].split("\t"))
        at = end
    return found
