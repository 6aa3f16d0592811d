"""The commands `sniff` and `unpack`: report what files are, and what a message contains."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from mmscontent.cli.message_input import open_message
from mmscontent.cli.options import json_option
from mmscontent.cli.output import print_status, write_file, write_json
from mmscontent.errors import MMSContentError
from mmscontent.files import read_file
from mmscontent.ledger import facts
from mmscontent.message import MediaInfo, Part, Unpacked
from mmscontent.part_names import assign_part_names
from mmscontent.smil.resolve import message_of
from mmscontent.sniff import sniff

INPUT_AT_FAULT = 3


@click.command("sniff")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def sniff_command(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Report the type and properties of files, read from their content."""
    documents: list[dict[str, object]] = []
    failed = False
    for path in files:
        try:
            info = sniff(read_file(path), name=path.name)
        except MMSContentError as error:
            failed = True
            documents.append({"file": str(path), "error": {"code": error.code, "message": str(error)}})
            print_status(f"mmscontent: {error}")
            continue
        documents.append({"file": str(path), **_info_json(info)})
        if not as_json:
            click.echo(f"{path}: {_words(info)}")
    if as_json:
        write_json(documents)
    return INPUT_AT_FAULT if failed else 0


def _info_json(info: MediaInfo) -> dict[str, object]:
    return {"kind": info.kind, **facts(info), "metadata": list(info.metadata), "notes": list(info.notes)}


def _words(info: MediaInfo) -> str:
    known = [(key, value) for key, value in facts(info).items() if key != "media_type"]
    words = ", ".join(f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}" for key, value in known)
    return f"{info.media_type} ({words})" + "".join(f"; {note}" for note in info.notes)


@click.command("unpack")
@click.argument("message", metavar="MESSAGE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for the parts.")
@json_option
def unpack_command(message: Path, output: Path | None, *, as_json: bool) -> int:
    """Print the contents of a message in any wire form; with -o write its parts under safe names."""
    unpacked = open_message(message)
    names = _safe_names(unpacked)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for part, name in names:
            write_file(output / name, part.data)
    if as_json:
        write_json(_unpacked_json(unpacked, names))
    else:
        _print_message(unpacked, names)
    return 0


def _safe_names(unpacked: Unpacked) -> list[tuple[Part, str]]:
    """Give every part a safe file name: no path, no blank, each once."""
    content = unpacked.content
    named = assign_part_names(content.parts, ("presentation.smil",))
    shown = [(content.presentation, "presentation.smil")] if content.presentation else []
    return shown + [(part, safe.content_location) for part, safe in zip(content.parts, named, strict=True)]


def _unpacked_json(unpacked: Unpacked, names: list[tuple[Part, str]]) -> dict[str, object]:
    envelope = unpacked.envelope
    return {
        "encoding": unpacked.encoding,
        "message_type": envelope.message_type,
        "from": envelope.sender,
        "to": list(envelope.to),
        "cc": list(envelope.cc),
        "bcc": list(envelope.bcc),
        "subject": unpacked.content.subject,
        "transaction_id": envelope.transaction_id,
        "message_id": envelope.message_id,
        "date_s": envelope.date_s,
        "headers": [list(pair) for pair in unpacked.headers],
        "parts": [_part_json(part, name) for part, name in names],
        "slides": _slides(unpacked, names),
        "notes": list(unpacked.notes),
    }


def _slides(unpacked: Unpacked, names: list[tuple[Part, str]]) -> list[dict[str, object]]:
    """The slides in the order in which they are played, with the file names of their parts."""
    name_of = {id(part.data): name for part, name in names}
    return [
        {"parts": [name_of[id(part.data)] for part in slide.parts], "duration_ms": slide.duration_ms}
        for slide in message_of(unpacked.content).slides
    ]


def _part_json(part: Part, name: str) -> dict[str, object]:
    return {
        "file": name,
        "media_type": part.media_type,
        "bytes": len(part.data),
        "name": part.name,
        "content_id": part.content_id,
        "content_location": part.content_location,
        "charset": part.charset or None,
    }


def _print_message(unpacked: Unpacked, names: list[tuple[Part, str]]) -> None:
    envelope = unpacked.envelope
    click.echo(f"{unpacked.encoding} {envelope.message_type}")
    for label, value in (
        ("from", envelope.sender),
        ("to", ", ".join(envelope.to)),
        ("cc", ", ".join(envelope.cc)),
        ("subject", unpacked.content.subject),
    ):
        if value:
            click.echo(f"{label}: {value}")
    for part, name in names:
        click.echo(f"  {part.media_type}  {len(part.data):,} bytes  {name}")
    for number, slide in enumerate(_slides(unpacked, names), 1):
        click.echo(f"  slide {number}: {', '.join(cast('list[str]', slide['parts']))}")
    for note in unpacked.notes:
        print_status(f"note: {note}")
