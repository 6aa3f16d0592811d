"""Reads a message from disk: a file in any wire form, a SMIL document, or a folder of parts."""

from __future__ import annotations

from pathlib import Path

from mmscontent.errors import SourceError
from mmscontent.files import read_file, read_parts
from mmscontent.limits import DEFAULT_INPUT_LIMITS
from mmscontent.message import Content, Envelope, Part, Unpacked
from mmscontent.pack.registry import unpack


def open_message(path: Path) -> Unpacked:
    """Read a message.

    A folder holds one message: its parts, and its presentation if it has one; hidden files are skipped.

    Raises:
        SourceError: The file cannot be read, or is no message.
    """
    if path.is_dir():
        return _from_files(sorted(path.iterdir()), path)
    return unpack(read_file(path))


def _from_files(files: list[Path], folder: Path) -> Unpacked:
    wanted = [f for f in files if f.is_file() and not f.name.startswith(".")]
    if not wanted or len(wanted) > DEFAULT_INPUT_LIMITS.max_parts:
        raise SourceError(
            f"{folder} holds {len(wanted)} files, a message has 1 to {DEFAULT_INPUT_LIMITS.max_parts};"
            " give the folder of one message"
        )
    parts = read_parts(wanted)
    shows = [p for p in parts if p.kind == "presentation"]
    others = tuple(_located(p) for p in parts if p.kind != "presentation")
    return Unpacked(Envelope(), Content(others, shows[0] if shows else None), encoding="folder")


def _located(part: Part) -> Part:
    """Name the part as its file is named, because the SMIL in the folder refers to it by that name."""
    stem = Path(part.name).stem
    return Part(part.data, part.media_type, part.name, stem, part.name, part.charset)
