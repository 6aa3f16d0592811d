"""A picture that may pass as it is passes byte for byte but for what tells about its owner."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mmscontent.codecs.image import verify
from mmscontent.containers.tiff_exif import read_exif
from mmscontent.profiles.model import ImageRule
from tests.codecs import image_files as files

SMALL = files.photograph(320, 240)


def told_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0110], exif[0x013B], exif[0x0132] = "Camera 3000", "Ada Lovelace", "2026:11:22 10:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 36.0, 22.0), 3: "W", 4: (122.0, 19.0, 59.0)})
    exif.get_ifd(0x8769).update({0xA431: "SN-0815", 0x927C: b"maker"})
    return exif


TOLD = {"GPS position", "author", "camera model", "date taken", "maker note", "serial number"}


def jpeg_with_all() -> bytes:
    data = files.saved(SMALL, "JPEG", quality=85, exif=told_exif(), comment=b"hello", icc_profile=files.srgb())
    return data + b"\0\0\0\x18ftypmp42" + bytes(400)


def png_with_all() -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "hello")
    return files.saved(SMALL, "PNG", exif=told_exif(), pnginfo=words, icc_profile=files.srgb())


def webp_with_all() -> bytes:
    return files.saved(SMALL, "WEBP", quality=80, exif=told_exif().tobytes(), xmp=b"<x:xmpmeta/>")


def gif_with_all() -> bytes:
    frames = [SMALL.quantize(32), SMALL.rotate(180).quantize(32)]
    return files.saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0, comment=b"me")


CASES = {
    "image/jpeg": (jpeg_with_all, TOLD | {"comment", "motion photo video"}),
    "image/png": (png_with_all, TOLD | {"comment"}),
    "image/webp": (webp_with_all, TOLD | {"XMP"}),
    "image/gif": (gif_with_all, {"comment"}),
}


@pytest.mark.parametrize("media_type", CASES)
def test_metadata_is_taken_out_and_listed_and_pixels_stay(media_type: str) -> None:
    write, told = CASES[media_type]
    data = write()
    source, survey = files.surveyed(data, media_type, ImageRule(media_types=(media_type, "image/jpeg")))
    rendition = source.keep()

    assert survey.reasons == ()
    assert survey.keep_bytes == len(rendition.data) < len(data)
    assert set(survey.stripped) == told == set(rendition.stripped)
    assert rendition.encodes == 0
    before, after = files.opened(data), files.opened(rendition.data)
    assert np.array_equal(np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB")))
    for secret in (b"Ada", b"SN-0815", b"hello", b"xmpmeta", b"ftyp"):
        assert secret not in rendition.data
    assert (
        files.surveyed(rendition.data, media_type, ImageRule(media_types=(media_type, "image/png")))[1].stripped == ()
    )


def test_coded_pixels_are_not_touched() -> None:
    plain = files.saved(SMALL, "JPEG", quality=85)
    told = files.saved(SMALL, "JPEG", quality=85, exif=told_exif(), comment=b"hello")

    assert files.surveyed(told)[0].keep().data == plain


def test_a_png_of_many_chunks_passes_whole_but_for_what_it_tells() -> None:
    plain = files.saved(SMALL, "PNG")
    at = plain.index(b"IDAT") - 4
    end = at + 12 + int.from_bytes(plain[at : at + 4], "big")
    pieces = [plain[at + 8 : end - 4][start : start + 500] for start in range(0, end - at - 12, 500)]
    chunks = b"".join(
        len(p).to_bytes(4, "big") + b"IDAT" + p + zlib.crc32(b"IDAT" + p).to_bytes(4, "big") for p in pieces
    )
    secret = b"\0\0\0\x05tEXtab\0cd" + zlib.crc32(b"tEXtab\0cd").to_bytes(4, "big")
    source, survey = files.surveyed(plain[:at] + secret + chunks + plain[end:], "image/png")

    assert survey.stripped == ("comment",)
    assert source.keep().data == plain[:at] + chunks + plain[end:]


def test_an_animation_that_may_move_keeps_its_frames_and_its_loop() -> None:
    source, survey = files.surveyed(gif_with_all(), "image/gif")
    rendition = source.keep()

    assert survey.info.frames == 2
    assert verify(rendition.data, rendition.info).frames == 2
    assert b"NETSCAPE2.0" in rendition.data


@pytest.mark.parametrize(
    ("data", "media_type", "rule", "reason"),
    [
        (files.photo_jpeg(), "image/jpeg", files.RULE, "over the receiver's 640×480"),
        (files.saved(SMALL, "JPEG", progressive=True), "image/jpeg", files.RULE, "not baseline"),
        (files.saved(SMALL, "BMP"), "image/bmp", files.RULE, "image/bmp is not among"),
        (files.saved(SMALL, "PNG", icc_profile=files.display_p3()), "image/png", files.RULE, "not sRGB"),
        (files.saved(SMALL.convert("CMYK"), "JPEG"), "image/jpeg", files.RULE, "CMYK"),
    ],
    ids=["too large", "progressive", "other type", "wide colours", "cmyk"],
)
def test_why_a_picture_may_not_pass_is_noted(data: bytes, media_type: str, rule: ImageRule, reason: str) -> None:
    survey = files.surveyed(data, media_type, rule)[1]

    assert survey.keep_bytes is None
    assert any(reason in said for said in survey.reasons)


def test_a_turned_picture_may_not_pass() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    survey = files.surveyed(files.saved(SMALL, "JPEG", exif=exif))[1]

    assert survey.keep_bytes is None
    assert survey.info.orientation == 6
    assert any("EXIF orientation 6" in said for said in survey.reasons)


def test_progressive_passes_where_it_is_shown() -> None:
    data = files.saved(SMALL, "JPEG", progressive=True)
    source, survey = files.surveyed(data, rule=ImageRule(progressive=True))

    assert survey.keep_bytes == len(source.keep().data)


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\1" * 40])
def test_damaged_exif_says_nothing_and_breaks_nothing(block: bytes) -> None:
    assert read_exif(block).orientation is None
