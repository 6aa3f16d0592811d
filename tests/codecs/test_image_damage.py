"""Hostile and broken pictures end in one of our errors, by name, and soon."""

from __future__ import annotations

import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscontent.errors import DamagedMedia, MMSContentError, OverLimits, SourceError, UnknownMedia
from tests.codecs import image_files as files

PHOTO = files.photograph(320, 240)
WHOLE = {
    "image/jpeg": files.saved(PHOTO, "JPEG", quality=85),
    "image/png": files.saved(PHOTO, "PNG"),
    "image/webp": files.saved(PHOTO, "WEBP", quality=80),
    "image/gif": files.saved(PHOTO.quantize(64), "GIF"),
    "image/bmp": files.saved(PHOTO, "BMP"),
    "image/tiff": files.saved(PHOTO, "TIFF"),
    "image/heic": files.saved(PHOTO, "HEIF", quality=70),
    "image/avif": files.saved(PHOTO, "AVIF", quality=60),
    "image/x-tga": files.saved(PHOTO, "TGA"),
    "image/vnd.wap.wbmp": b"\0\0\x82\x40\x60" + bytes(40 * 96),
}


def png_head(width: int, height: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + body
    return b"\x89PNG\r\n\x1a\n" + len(body).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")


def bmp_head(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


BOMBS = {
    "png 50,000 × 50,000": (png_head(50_000, 50_000) + bytes(64), "image/png"),
    "bmp 60,000 × 60,000": (bmp_head(60_000, 60_000), "image/bmp"),
    "gif 65,535 × 65,535": (b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", "image/gif"),
    "jpeg 65,535 × 65,535": (b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + bytes(9) + b"\xff\xd9", "image/jpeg"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_its_header(name: str) -> None:
    started = time.perf_counter()
    with pytest.raises(OverLimits, match="pixels"):
        files.surveyed(*BOMBS[name])

    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("media_type", WHOLE)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_picture_is_damaged(media_type: str, share: float) -> None:
    data = WHOLE[media_type]

    with pytest.raises(DamagedMedia, match=media_type.split("/")[1].replace(".", "\\.")):
        files.surveyed(data[: int(len(data) * share)], media_type)


@pytest.mark.parametrize("media_type", WHOLE)
def test_another_type_than_was_stated_is_damaged_or_read_as_stated(media_type: str) -> None:
    other = WHOLE["image/png" if media_type != "image/png" else "image/jpeg"]

    with pytest.raises(SourceError):
        files.surveyed(other, media_type)


@pytest.mark.parametrize("media_type", ["image/svg+xml", "application/postscript", "image/x-unheard-of"])
def test_what_we_do_not_open_is_unknown(media_type: str) -> None:
    with pytest.raises(UnknownMedia, match="save it as"):
        files.surveyed(b"<svg xmlns='http://www.w3.org/2000/svg'/>", media_type)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"])
def test_no_sides_is_damaged(media_type: str) -> None:
    empty = {
        "image/png": png_head(0, 10),
        "image/bmp": bmp_head(0, 0),
        "image/gif": b"GIF89a\0\0\0\0\0\0\0;",
        "image/jpeg": b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0\x03" + bytes(9) + b"\xff\xd9",
        "image/webp": b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0",
    }

    with pytest.raises(DamagedMedia):
        files.surveyed(empty[media_type], media_type)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 4000), st.binary(min_size=1, max_size=12))
def test_only_our_errors_leave(media_type: str, at: int, garbage: bytes) -> None:
    data = WHOLE[media_type]
    at %= len(data)
    broken = data[:at] + garbage + data[at + len(garbage) :]

    try:
        source, survey = files.surveyed(broken, media_type)
        if survey.keep_bytes is not None:
            source.keep()
    except MMSContentError as error:
        said = str(error)
    else:
        said = ""
    assert len(said) < 400


def test_harmless_oddities_pass() -> None:
    jpeg = WHOLE["image/jpeg"]
    odd = {
        "trailing bytes": jpeg + b"\0" * 500,
        "fill bytes before a marker": jpeg[:2] + b"\xff\xff\xff" + jpeg[2:],
        "a broken EXIF block": jpeg[:2] + b"\xff\xe1\0\x0eExif\0\0II*\0\xff\xff" + jpeg[2:],
    }
    for data in odd.values():
        assert files.surveyed(data)[1].keep_bytes == len(jpeg)
