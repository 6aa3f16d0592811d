"""What a batch is made of: folders, patterns and lists on the disk become items, every one named and named once.

A list is JSON lines or CSV, one message a row. Its relative paths are relative to the list itself. A row that cannot
be read stops the batch before anything is made; a row that cannot be *made* is an item with a fault.
"""

from __future__ import annotations

import csv
import glob
import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mmscontent.batch.model import Failure, Item
from mmscontent.batch.receivers import COLUMNS, Receivers
from mmscontent.errors import BatchError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["InputDefaults", "read_inputs", "read_rows"]

_LISTS = (".csv", ".jsonl", ".ndjson")
_OWN = ("name", "files", "text", "subject", "recipient")


@dataclass(frozen=True, slots=True)
class InputDefaults:
    """What holds for items that do not say it themselves.

    Attributes:
        outputs: A folder whose files are never inputs.
        taken: Names no item may have.
    """

    receivers: Receivers
    text: str = ""
    subject: str = ""
    outputs: Path | None = None
    taken: tuple[str, ...] = ()


def read_inputs(inputs: Sequence[str], lists: InputDefaults) -> tuple[Item, ...]:
    """Items in the order of the inputs; files of a folder by name.

    Raises:
        BatchError: An input is not there, a pattern fits nothing, or a list cannot be read; file and line say where.
    """
    taken = {name.lower() for name in lists.taken}
    return tuple(_once(item, taken) for given in inputs for item in _items(given, lists))


def _once(item: Item, taken: set[str]) -> Item:
    """The item under a name nobody has; names differ in more than capitals, as some disks tell no more apart."""
    name, number = item.name, 2
    while name.lower() in taken:
        name, number = f"{item.name}-{number}", number + 1
    taken.add(name.lower())
    return replace(item, name=name)


def _items(given: str, lists: InputDefaults) -> Iterator[Item]:
    path = Path(given)
    if path.is_dir():
        files = [f for f in sorted(path.rglob("*")) if _is_wanted(f, path, lists.outputs)]
        if not files:
            raise BatchError(f"{given} holds no files; give a folder, a pattern or a list that names some", file=given)
        yield from (_of_file(f, f.relative_to(path).as_posix(), lists) for f in files)
    elif path.is_file() and path.suffix.lower() in _LISTS:
        yield from _of_list(path, lists)
    elif path.is_file():
        yield _of_file(path, path.name, lists)
    else:
        found = [Path(p) for p in sorted(glob.glob(given, recursive=True))]  # noqa: PTH207 - also absolute patterns
        files = [f for f in found if f.is_file() and not _under(f, lists.outputs)]
        if not files:
            raise BatchError(f"{given} is no file or folder, and as a pattern it fits nothing", file=given)
        yield from (_of_file(f, f.name, lists) for f in files)


def _is_wanted(file: Path, folder: Path, outputs: Path | None) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and not _under(file, outputs)


def _under(file: Path, folder: Path | None) -> bool:
    return folder is not None and file.resolve().is_relative_to(folder.resolve())


def _of_file(file: Path, name: str, lists: InputDefaults) -> Item:
    return Item(name, (file,), lists.text, lists.subject)


# --- lists -----------------------------------------------------------------------------------------------------


def _of_list(path: Path, lists: InputDefaults) -> Iterator[Item]:
    known = (*_OWN, *COLUMNS)
    for line, row in read_rows(path):
        unknown = [k for k in row if k not in known]
        if unknown:
            raise BatchError(
                f"{path} line {line} has {', '.join(map(repr, unknown))}; a row has {', '.join(known)}",
                file=str(path),
                line=line,
            )
        yield _of_row(path, line, row, lists)


def _of_row(path: Path, line: int, row: Mapping[str, object], lists: InputDefaults) -> Item:
    try:
        profile = lists.receivers.of_row(row)
    except ProfileError as error:
        raise BatchError(f"{path} line {line}: {error}", file=str(path), line=line) from error
    files = tuple(path.parent / name for name in _names(row.get("files"), path, line))
    text = _text(row, "text", path, line) or lists.text
    if not files and not text:
        raise BatchError(f"{path} line {line} names no files and no text; give it one", file=str(path), line=line)
    item = Item(
        _item_name(_text(row, "name", path, line), path, line),
        files,
        text,
        _one_line(_text(row, "subject", path, line) or lists.subject, path, line),
        _one_line(_text(row, "recipient", path, line), path, line),
    )
    return replace(item, fault=profile) if isinstance(profile, Failure) else replace(item, profile=profile)


def _item_name(given: str, path: Path, line: int) -> str:
    if not given:
        return f"{path.stem}-{line:05d}"
    parts = PurePosixPath(given.replace("\\", "/")).parts
    if given.startswith("/") or ".." in parts or any(c < " " for c in given) or not parts:
        raise BatchError(
            f"{path} line {line}: {given!r} is no name for an output; use a relative name without ..",
            file=str(path),
            line=line,
        )
    return "/".join(parts)


def _names(value: object, path: Path, line: int) -> Iterable[str]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return [name.strip() for name in value.split(";") if name.strip()]
    if isinstance(value, list) and all(isinstance(v, str) and v for v in value):
        return value
    raise BatchError(
        f"{path} line {line}: files must be names in a list, or joined by semicolons, got {value!r}",
        file=str(path),
        line=line,
    )


def _text(row: Mapping[str, object], key: str, path: Path, line: int) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise BatchError(f"{path} line {line}: {key} must be text, got {value!r}", file=str(path), line=line)
    return str(value)


def _one_line(value: str, path: Path, line: int) -> str:
    if any(c in value for c in "\r\n\0"):
        raise BatchError(f"{path} line {line}: {value!r} must be one line", file=str(path), line=line)
    return value


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """The rows of a list with the line each begins on; empty lines are passed over.

    Raises:
        BatchError: It cannot be read, or a row is no row; file and line say where.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _csv_rows(path, lines) if path.suffix.lower() == ".csv" else _json_rows(path, lines)
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(f"{path} cannot be read as UTF-8: {error}", file=str(path)) from error


def _csv_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(lines, strict=True, skipinitialspace=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise BatchError(
                    f"{path} line {reader.line_num} has not as many cells as the first line has names"
                    f" ({len(reader.fieldnames or ())})",
                    file=str(path),
                    line=reader.line_num,
                )
            yield reader.line_num, {k.strip(): v for k, v in row.items()}
    except csv.Error as error:
        raise BatchError(f"{path} line {reader.line_num}: {error}", file=str(path), line=reader.line_num) from error


def _json_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BatchError(f"{path} line {number} is no JSON: {error}", file=str(path), line=number) from error
        if not isinstance(row, dict):
            raise BatchError(f"{path} line {number} must be one object", file=str(path), line=number)
        yield number, row
