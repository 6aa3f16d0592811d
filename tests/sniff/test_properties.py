"""Whatever the bytes: our errors or an answer, in bounded time, and the same one each time."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mmscontent.containers.tiff_exif import TiffHeader, read_exif
from mmscontent.errors import SourceError
from mmscontent.media_types import MEDIA_TYPES
from mmscontent.message import MediaInfo
from mmscontent.sniff import sniff
from tests.conftest import ROOT

SAMPLES = sorted(p for p in (ROOT / "fixtures").iterdir() if p.suffix not in (".py", ".md") and p.is_file())
ORIGINALS = [p.read_bytes() for p in SAMPLES]
NAMES = {row.name for row in MEDIA_TYPES}
MODEST = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def answer(data: bytes, name: str | None = None) -> MediaInfo | type[SourceError]:
    """Sniff within a second of processor time; anything but a source error fails the test by itself."""
    start = time.process_time()
    try:
        told: MediaInfo | type[SourceError] = sniff(data, name)
    except SourceError as error:
        told = type(error)
    assert time.process_time() - start < 1
    return told


def holds_together(info: MediaInfo | type[SourceError]) -> bool:
    if not isinstance(info, MediaInfo):
        return True
    numbers = (info.width_px, info.height_px, info.frames, info.duration_ms, info.fps)
    return info.media_type in NAMES and 1 <= info.orientation <= 8 and all(n is None or n > 0 for n in numbers)


@MODEST
@given(st.binary(max_size=3000))
@example(b"\x8c\x82\x89\x40")
@example(b"GIF89a")
@example(b"\xff\xd8\xff")
@example(b"RIFF\0\0\0\0WEBP")
@example(b"\0\0\0\x08ftyp")
def test_random_bytes_meet_an_answer_or_our_error(data: bytes) -> None:
    assert holds_together(answer(data))


@MODEST
@given(st.sampled_from(ORIGINALS), st.data())
def test_a_cut_file_meets_an_answer_or_our_error(original: bytes, draw: st.DataObject) -> None:
    assert holds_together(answer(original[: draw.draw(st.integers(0, len(original)))]))


@MODEST
@given(
    st.sampled_from(ORIGINALS),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
)
def test_a_changed_file_meets_an_answer_or_our_error(original: bytes, changes: list[tuple[int, bytes]]) -> None:
    """Changes fall into the first two thousand bytes, where the headers are."""
    data = bytearray(original)
    for at, piece in changes:
        place = at % (len(data) + 1)
        data[place : place + len(piece)] = piece

    assert holds_together(answer(bytes(data)))


@MODEST
@given(st.sampled_from(ORIGINALS), st.sampled_from(ORIGINALS), st.integers(0, 300))
def test_one_file_glued_to_another_meets_an_answer_or_our_error(head: bytes, tail: bytes, at: int) -> None:
    assert holds_together(answer(head[:at] + tail))


@MODEST
@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"Exif\0\0II*\0", b""]), st.binary(max_size=600))
def test_an_exif_block_never_raises(head: bytes, body: bytes) -> None:
    header = read_exif(head + body)

    assert isinstance(header, TiffHeader)
    assert header.orientation in (None, *range(1, 9))


@MODEST
@given(st.binary(min_size=1, max_size=500), st.text(max_size=20), st.text(max_size=20))
def test_name_and_declaration_never_change_an_answer_of_strong_magic(body: bytes, name: str, declared: str) -> None:
    data = b"#!AMR\n" + b"\x3c" + bytes(31) + body

    assert sniff(data, name, declared).media_type == "audio/amr"


@MODEST
@given(st.sampled_from(ORIGINALS))
def test_the_same_bytes_give_the_same_answer(original: bytes) -> None:
    assert answer(original) == answer(original)
