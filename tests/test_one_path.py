"""One path: the library and the command give the same bytes for the same message."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

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


def told(ledger: mms.Ledger) -> dict[str, object]:
    """What check and compose must agree on to the letter."""
    document = ledger.as_json()
    for guess in ("elapsed_ms", "packed_bytes", "overhead_bytes", "utilisation"):
        document.pop(guess)
    parts = [{k: part[k] for k in ("name", "content_id", "kind", "source", "stripped")} for part in document["parts"]]
    slides = [(len(slide["parts"]), slide["duration_ms"], slide["why"]) for slide in document["slides"]]
    return document | {"parts": parts, "slides": slides}


@pytest.mark.parametrize("limit", [30_000, 120_000, 1_000_000])
@pytest.mark.parametrize("encoding", ["pdu", "mime"])
def test_check_says_what_compose_does(encoding: str, limit: int) -> None:
    profile = mms.load_profile(max_message_bytes=limit)
    message = mms.Message.of(mms.read_parts(paths()), text="x")

    checked = mms.check(message, profile, encoding=encoding)
    composed = mms.compose(message, profile, encoding=encoding)

    assert told(checked) == told(composed.ledger)
    assert checked.packed_bytes <= limit
    assert checked.packed_bytes == pytest.approx(composed.ledger.packed_bytes, rel=0.3)
    assert json.loads(composed.ledger.to_json())["packed_bytes"] == len(composed.data)


def test_check_and_compose_refuse_alike() -> None:
    message, profile = mms.Message.of(mms.read_parts(paths()), text="x"), mms.load_profile(max_message_bytes=6_000)

    checked, tried = mms.check(message, profile), mms.attempt(message, profile)

    assert tried.refusal is not None
    assert not checked.fits
    assert [(o.do, o.part) for o in checked.options] == [(o.do, o.part) for o in tried.ledger.options]


def test_check_takes_a_small_part_of_composes_time() -> None:
    picture = Image.effect_noise((3000, 2250), 60).convert("RGB")
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=80)
    message = mms.Message.of([mms.Part(target.getvalue(), "image/jpeg", name="large.jpg")])
    profile = mms.load_profile(max_message_bytes=300_000)
    mms.compose(message, profile)  # a warm worker for both

    checked, composed = (
        min(call() for _ in range(3))
        for call in (
            lambda: mms.check(message, profile).elapsed_ms,
            lambda: mms.compose(message, profile).ledger.elapsed_ms,
        )
    )

    assert checked <= 0.25 * composed  # a tenth on a machine that does nothing else: docs/budget.md
