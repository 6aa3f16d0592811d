"""What the command writes: files whole or not at all, one JSON document on standard output."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click

__all__ = ["say", "write_json", "write_whole"]


class OutputError(click.ClickException):
    """A file cannot be written; wrong usage, as the path was the caller's."""

    exit_code = 2


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it appears complete or not at all.

    Raises:
        OutputError: The folder is missing or not writable.
    """
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(partial).chmod(0o666 & ~_umask())
        Path(partial).replace(path)
    except OSError as error:
        Path(partial).unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(document: object) -> None:
    """The one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """A word for people, on standard error."""
    click.echo(text, err=True)
