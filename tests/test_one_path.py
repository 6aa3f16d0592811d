"""One path: the library and the command give the same bytes for the same message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import mmscontent as mms
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FIXTURES = ROOT / "fixtures"
FILES = ["heic-*-p3-*orient6*.heic", "png-*receipt*.png", "jpeg-*-exif6-*.jpg"]


def paths() -> list[Path]:
    return [min(FIXTURES.glob(pattern)) for pattern in FILES]


def library_bytes(encoding: str) -> bytes:
    profile = mms.load_profile(carrier="us/att", route="toll_free")
    message = mms.Message.of(mms.read_parts(paths()), text="Two and a receipt", subject="Hi")
    envelope = mms.Envelope(sender="+12065550100", to=("+12065550101",))
    return mms.compose(message, profile, envelope=envelope, encoding=encoding).data


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-m", "mmscontent", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["pdu", "mime"])
def test_library_and_command_give_equal_bytes(encoding: str, tmp_path: Path) -> None:
    words = ["--carrier", "us/att", "--route", "toll_free", "--text", "Two and a receipt", "--subject", "Hi"]
    numbers = ["--from", "+12065550100", "--to", "+12065550101"]

    done = command("compose", *map(str, paths()), *words, *numbers, "--encoding", encoding, "-o", "m.bin", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.bin").read_bytes() == library_bytes(encoding)


def test_the_same_call_gives_the_same_bytes() -> None:
    assert library_bytes("pdu") == library_bytes("pdu")


def test_check_says_what_compose_does() -> None:
    profile = mms.load_profile(max_message_bytes=120_000)
    message = mms.Message.of(mms.read_parts(paths()), text="x")

    checked = mms.check(message, profile)
    composed = mms.compose(message, profile)

    told, done = checked.as_json(), composed.ledger.as_json()
    told.pop("elapsed_ms"), done.pop("elapsed_ms")
    assert told == done
    assert json.loads(composed.ledger.to_json())["packed_bytes"] == len(composed.data)
