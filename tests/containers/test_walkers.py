"""Walkers of containers are bounded, and every word about metadata stands in the one vocabulary."""

from __future__ import annotations

import struct

import pytest

from mmscontent.codecs.image.strip_metadata import strip_webp
from mmscontent.codecs.strip_location import without_location
from mmscontent.containers import gif, isobmff, jpeg, png
from mmscontent.containers.metadata_words import METADATA_WORDS
from mmscontent.containers.tiff_exif import TAG_WORDS, read_exif
from mmscontent.errors import MMSContentError, OverLimits
from mmscontent.sniff import sniff
from tests.conftest import ROOT, corpus_files

FIXTURES = sorted(p for p in (ROOT / "fixtures").iterdir() if p.is_file() and p.suffix not in (".py", ".md"))


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_every_word_of_the_tables_is_in_the_vocabulary() -> None:
    assert set(TAG_WORDS.values()) <= set(METADATA_WORDS)
    assert len(METADATA_WORDS) == len(set(METADATA_WORDS))


@pytest.mark.parametrize("path", [*FIXTURES, *(f.path for f in corpus_files())], ids=lambda path: path.name)
def test_every_word_about_a_real_file_is_in_the_vocabulary(path) -> None:
    try:
        info = sniff(path.read_bytes(), path.name)
    except MMSContentError:
        return

    assert set(info.metadata) <= set(METADATA_WORDS)


WALKS = [
    ("jpeg", lambda: jpeg.segments(b"\xff\xd8" + b"\xff\xe3\0\2" * 2_100)),
    ("png", lambda: png.chunks(png.SIGNATURE + struct.pack(">I4sI", 0, b"tEXt", 0) * 200_100)),
    ("gif", lambda: gif.blocks(b"GIF89a" + bytes(7) + b"!\xfe" + b"\1\0" * 2_000_100)),
]


@pytest.mark.parametrize("walk", [row[1] for row in WALKS], ids=[row[0] for row in WALKS])
def test_what_is_stripped_has_a_bound_and_says_so(walk) -> None:
    with pytest.raises(OverLimits):
        list(walk())


def test_boxes_nested_without_end_are_walked_to_a_depth() -> None:
    data = b""
    for _ in range(5_000):
        data = box(b"moov", data)

    assert len(list(isobmff.nested_boxes(box(b"ftyp", b"isom\0\0\0\0") + data))) < 20


def test_a_position_behind_a_malformed_box_is_taken_out() -> None:
    """Players step over a `free` box with a size under 8, so what stands behind it counts."""
    data = (
        box(b"ftyp", b"isom\0\0\0\0") + b"\0\0\0\4free" + box(b"moov", box(b"udta", box(b"\xa9xyz", b"+47.6-122.3/")))
    )

    stripped, words = without_location(data)

    assert words == ("GPS position",)
    assert b"+47.6" not in stripped
    assert len(stripped) == len(data)


def test_a_position_in_a_box_with_a_long_size_is_taken_out() -> None:
    place = struct.pack(">I4sQ", 1, b"\xa9xyz", 28) + b"+47.6-122.3/"
    data = box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", box(b"udta", place))

    stripped, _ = without_location(data)

    assert stripped == data.replace(b"\xa9xyz", b"free").replace(b"+47.6-122.3/", bytes(12))


def test_a_webp_keeps_known_chunks_only() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body

    known = chunk(b"VP8L", b"\x2f\0\0\0\0\0")
    whole = b"WEBP" + known + chunk(b"note", b"Ada!")

    assert strip_webp(b"RIFF" + struct.pack("<I", len(whole)) + whole) == b"RIFF\x12\0\0\0WEBP" + known


def test_an_exif_directory_that_is_cut_short_gives_what_can_be_read() -> None:
    entry = struct.pack("<HHII", 0x0112, 3, 1, 6)
    header = read_exif(b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 9) + entry)

    assert header.orientation == 6
    assert header.notes == ("its TIFF directories run past the end, some of the metadata cannot be read",)
