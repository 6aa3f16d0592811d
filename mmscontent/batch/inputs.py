"""Reads the inputs of a batch: folders, patterns and lists become items, each with a unique name.

A list is JSON lines or CSV, one message a row. Its relative paths are relative to the list itself. A row that cannot
be read stops the batch before anything is made; a row that cannot be *composed* is an item with a fault.
"""

from __future__ import annotations

import csv
import glob
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from mmscontent.batch.model import Failure, Item
from mmscontent.batch.receivers import COLUMNS, Receivers
from mmscontent.errors import BatchError, ProfileError

_LISTS = (".csv", ".jsonl", ".ndjson")
_OWN = ("name", "files", "text", "subject", "recipient")


@dataclass(frozen=True, slots=True)
class InputDefaults:
    """Values for items that state none of their own.

    Attributes:
        outputs: A folder whose files are never inputs.
        reserved_names: Names that no item may have.
    """

    receivers: Receivers
    text: str = ""
    subject: str = ""
    outputs: Path | None = None
    reserved_names: tuple[str, ...] = ()


def read_inputs(inputs: Sequence[str], defaults: InputDefaults) -> tuple[Item, ...]:
    """Items in the order of the inputs; files of a folder by name.

    Raises:
        BatchError: An input is not there, a pattern matches nothing, or a list cannot be read; file and line say where.
    """
    # Output files are named after items, so no item may take the name of the journal or the contact sheet.
    names = {name.lower() for name in defaults.reserved_names}
    return tuple(_uniquely_named(item, names) for given in inputs for item in _items(given, defaults))


def _uniquely_named(item: Item, names: set[str]) -> Item:
    """Give the item a name that is free; names differ in more than case, because some file systems ignore case."""
    name, number = item.name, 2
    while name.lower() in names:
        name, number = f"{item.name}-{number}", number + 1
    names.add(name.lower())
    return replace(item, name=name)


def _items(given: str, defaults: InputDefaults) -> Iterator[Item]:
    path = Path(given)
    if path.is_dir():
        files = [f for f in sorted(path.rglob("*")) if _is_wanted(f, path, defaults.outputs)]
        if not files:
            raise BatchError(f"{given} holds no files; give a folder, a pattern or a list that names some", file=given)
        yield from (_file_item(f, f.relative_to(path).as_posix(), defaults) for f in files)
    elif path.is_file() and path.suffix.lower() in _LISTS:
        yield from _list_items(path, defaults)
    elif path.is_file():
        yield _file_item(path, path.name, defaults)
    else:
        found = [Path(p) for p in sorted(glob.glob(given, recursive=True))]  # noqa: PTH207 - also absolute patterns
        files = [f for f in found if f.is_file() and not _under(f, defaults.outputs)]
        if not files:
            raise BatchError(f"{given} is no file or folder, and as a pattern it matches nothing", file=given)
        yield from (_file_item(f, f.name, defaults) for f in files)


def _is_wanted(file: Path, folder: Path, outputs: Path | None) -> bool:
    # Hidden files and folders belong to programs (.git, .DS_Store), not to a message.
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and not _under(file, outputs)


def _under(file: Path, folder: Path | None) -> bool:
    return folder is not None and file.resolve().is_relative_to(folder.resolve())


def _file_item(file: Path, name: str, defaults: InputDefaults) -> Item:
    return Item(name, (file,), defaults.text, defaults.subject)


# --- lists -----------------------------------------------------------------------------------------------------


def _list_error(path: Path, line: int, defect: str) -> BatchError:
    return BatchError(f"{path} line {line}{defect}", file=str(path), line=line)


def _list_items(path: Path, defaults: InputDefaults) -> Iterator[Item]:
    known = (*_OWN, *COLUMNS)
    for line, row in read_rows(path):
        unknown = [k for k in row if k not in known]
        if unknown:
            raise _list_error(path, line, f" has {', '.join(map(repr, unknown))}; a row has {', '.join(known)}")
        yield _row_item(path, line, row, defaults)


def _row_item(path: Path, line: int, row: Mapping[str, object], defaults: InputDefaults) -> Item:
    try:
        profile = defaults.receivers.of_row(row)
    except ProfileError as error:
        raise _list_error(path, line, f": {error}") from error
    files = tuple(path.parent / name for name in _names(row.get("files"), path, line))
    text = _text(row, "text", path, line) or defaults.text
    if not files and not text:
        raise _list_error(path, line, " names no files and no text; give it one")
    item = Item(
        _item_name(_text(row, "name", path, line), path, line),
        files,
        text,
        _one_line(_text(row, "subject", path, line) or defaults.subject, path, line),
        _one_line(_text(row, "recipient", path, line), path, line),
    )
    return replace(item, fault=profile) if isinstance(profile, Failure) else replace(item, profile=profile)


def _item_name(given: str, path: Path, line: int) -> str:
    if not given:
        return f"{path.stem}-{line:05d}"
    # The name becomes a path below the output folder and must not lead out of it, on Windows either.
    parts = PurePosixPath(given.replace("\\", "/")).parts
    if given.startswith("/") or ".." in parts or any(c < " " for c in given) or not parts:
        raise _list_error(path, line, f": {given!r} cannot name an output; use a relative name without ..")
    return "/".join(parts)


def _names(value: object, path: Path, line: int) -> Iterable[str]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return [name.strip() for name in value.split(";") if name.strip()]
    if isinstance(value, list) and all(isinstance(v, str) and v for v in value):
        return value
    raise _list_error(path, line, f": files must be names in a list, or joined by semicolons, got {value!r}")


def _text(row: Mapping[str, object], key: str, path: Path, line: int) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise _list_error(path, line, f": {key} must be text, got {value!r}")
    return str(value)


def _one_line(value: str, path: Path, line: int) -> str:
    if any(c in value for c in "\r\n\0"):
        raise _list_error(path, line, f": {value!r} must be one line")
    return value


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Read the rows of a list, each with its line number; empty lines are skipped.

    Raises:
        BatchError: The file cannot be read, or a row is damaged; file and line say where.
    """
    try:
        # Spreadsheet programs write a byte-order mark, which utf-8-sig removes.
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _csv_rows(path, lines) if path.suffix.lower() == ".csv" else _json_rows(path, lines)
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(f"{path} cannot be read as UTF-8: {error}", file=str(path)) from error


def _csv_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(lines, strict=True, skipinitialspace=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise _list_error(
                    path,
                    reader.line_num,
                    f" does not have as many cells as the first line has names ({len(reader.fieldnames or ())})",
                )
            yield reader.line_num, {k.strip(): v for k, v in row.items()}
    except csv.Error as error:
        raise _list_error(path, reader.line_num, f": {error}") from error


def _json_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _list_error(path, number, f" is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise _list_error(path, number, " must be one JSON object")
        yield number, row
