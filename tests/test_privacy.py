"""What leaves with a source and does not go on: nothing of it is in the result, all of it is told."""

from __future__ import annotations

import pytest

import mmscontent as mms
from tests.conftest import ROOT, corpus_files

FIXTURES = ROOT / "fixtures"
MOST_BYTES = 3_000_000
REAL = [
    f
    for f in corpus_files("image")
    if ("phones" in f.name or "heif" in f.name) and f.path.is_file() and f.path.stat().st_size < MOST_BYTES
]

TOLD = [
    # fixture, what must be told of it
    ("jpeg-480x640-exif6-gps-serial-thumbnail.jpg", {"GPS position", "serial number", "thumbnail", "author"}),
    ("jpeg-160x120-ultrahdr-gainmap.jpg", {"gain map"}),
    ("jpeg-160x120-motion-photo.jpg", {"motion photo video"}),
    ("jpeg-160x120-mpo-2-pictures.jpg", {"further pictures"}),
    ("mov-h264-128x96-orient6-gps.mov", {"GPS position"}),
]


def sent(part: mms.Part) -> tuple[mms.PartEntry, mms.MediaInfo]:
    profile = mms.load_profile(device="apple/iphone", max_message_bytes=60_000)
    composed = mms.compose(mms.Message.of([part]), profile)
    return composed.ledger.parts[0], mms.sniff(composed.content.parts[0].data)


@pytest.mark.parametrize(("name", "told"), TOLD)
def test_what_tells_about_its_owner_is_taken_out_and_told(name: str, told: set[str]) -> None:
    entry, result = sent(mms.read_parts([FIXTURES / name])[0])

    assert told <= set(entry.stripped)
    assert result.metadata == ()
    assert told <= set(entry.as_json()["stripped"])


def test_names_in_an_mp3_that_goes_as_it_is_are_taken_out() -> None:
    plain = mms.read_parts([FIXTURES / "mp3-cbr-1s.mp3"])[0]
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x15TPE1\x00\x00\x00\x0b\x00\x00\x03Ada Lovela"
    tagged = mms.Part(tag + plain.data + b"TAG" + b"Ada".ljust(125, b"\0"), "audio/mpeg", name="song.mp3")

    entry, result = sent(tagged)

    assert (entry.decision, entry.stripped) == ("keep", ("ID3 tag",))
    assert result.size_bytes == len(plain.data)


@pytest.mark.parametrize("file", REAL, ids=lambda f: f.name)
def test_real_pictures_go_on_without_what_they_carried(file) -> None:
    try:
        part = mms.read_parts([file.path])[0]
        entry, result = sent(part)
    except mms.MMSContentError:
        return

    assert result.metadata == ()
    kinds = ("GPS position", "serial number", "thumbnail", "gain map", "depth map", "author")
    assert {label for label in mms.sniff(part.data).metadata if label in kinds} <= set(entry.stripped)
