"""Writes the results of commands: complete files, one JSON document on standard output, notes on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

import click

from mmscontent import files


class OutputError(click.ClickException):
    """A file cannot be written; wrong usage, because the caller gave the path."""

    exit_code = 2


def write_file(path: Path, data: bytes) -> None:
    """Write a file, complete or not at all.

    Raises:
        OutputError: The folder is missing or not writable.
    """
    try:
        # One command writes few files, so the sync is cheap here; a batch leaves it out.
        files.atomic_write(path, data, fsync=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def write_json(document: object) -> None:
    """Print a JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@contextmanager
def reserved_stdout() -> Iterator[TextIO]:
    """Keep standard output for the lines of the command; what a library prints goes to standard error."""
    stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        yield stdout


def print_status(text: str) -> None:
    """Print a line for people, on standard error."""
    click.echo(text, err=True)
