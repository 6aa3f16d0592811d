"""Pixels come out upright, in sRGB, opaque and smoothly scaled, whatever they came in as."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmscontent.codecs.image.decode import decode
from mmscontent.codecs.image.header import read_header
from tests.codecs import image_files as files

# EXIF value → what turns the upright picture into what such a camera stores.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(form: str, orientation: int) -> bytes:
    picture = files.corners_picture()
    how = STORED[orientation]
    stored = picture if how is None else picture.transpose(how)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return files.saved(stored, form, exif=exif)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_orientation_of_every_container_is_laid_upright(form: str, orientation: int) -> None:
    rendition = files.made(turned(form, orientation), files.SUFFIXES[form])

    image = files.opened(rendition.data)
    assert image.width > image.height
    assert all(files.is_near(a, b, within=45) for a, b in zip(files.corner_colours(image), files.CORNERS, strict=True))
    assert image.getexif().get(0x0112, 1) == 1


def test_display_p3_becomes_srgb() -> None:
    data = files.saved(Image.new("RGB", (64, 64), (200, 120, 60)), "PNG", icc_profile=files.display_p3())

    decoded = decode(data, read_header(data, "image/png"), (640, 480))

    # By the matrices of IEC 61966-2-1 and SMPTE EG 432-1: more red, less blue than in P3.
    assert files.is_near(tuple(decoded.image.numpy()[5, 5]), (212, 117, 45), within=4)
    assert decoded.notes == ("colours converted to sRGB by the embedded profile",)


def test_an_srgb_profile_changes_nothing() -> None:
    picture = files.corners_picture()
    data = files.saved(picture, "PNG", icc_profile=files.srgb())

    decoded = decode(data, read_header(data, "image/png"), (640, 480))

    assert np.array_equal(decoded.image.numpy(), np.asarray(picture))


def test_a_broken_profile_is_noted_and_not_used() -> None:
    data = files.saved(files.corners_picture(), "JPEG", icc_profile=b"\0" * 200)

    rendition = files.made(data, "image/jpeg", 2_000)

    assert "the embedded colour profile is broken and was not used" in rendition.notes
    assert all(map(files.is_near, files.corner_colours(files.opened(rendition.data)), files.CORNERS))


def test_cmyk_comes_out_in_its_colours() -> None:
    data = files.saved(files.corners_picture().convert("CMYK"), "JPEG", quality=95)

    rendition = files.made(data, "image/jpeg")

    colours = files.corner_colours(files.opened(rendition.data))
    assert [int(np.argmax(c)) for c in colours[:3]] == [0, 1, 2]  # red, green, blue are still that
    assert "colours converted from CMYK" in rendition.notes


def test_sixteen_bits_become_eight() -> None:
    ramp = (np.linspace(0, 65535, 256)[None, :].repeat(64, 0)).astype(np.uint16)
    for form in ("PNG", "TIFF"):
        data = files.saved(Image.fromarray(ramp), form)
        image = decode(data, read_header(data, files.SUFFIXES[form]), (640, 480)).image

        assert np.abs(image.numpy()[10, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    ("visible", "edge", "expected"),
    [
        ((30, 30, 30), None, (255, 255, 255)),  # a dark drawing on nothing: white
        ((250, 250, 250), None, (0, 0, 0)),  # a white drawing on nothing: would vanish on white
        ((30, 30, 30), (10, 90, 160), (10, 90, 160)),  # an opaque frame: carried on
    ],
)
def test_transparency_is_laid_on_what_the_edge_suggests(
    visible: tuple[int, int, int], edge: tuple[int, int, int] | None, expected: tuple[int, int, int]
) -> None:
    pixels = np.zeros((80, 80, 4), np.uint8)
    pixels[..., :3] = (255, 0, 255)  # what stands under full transparency must never show
    pixels[30:50, 30:50] = (*visible, 255)
    if edge is not None:
        pixels[:8], pixels[-8:] = (*edge, 255), (*edge, 255)
        pixels[:, :8], pixels[:, -8:] = (*edge, 255), (*edge, 255)
    data = files.saved(Image.fromarray(pixels), "PNG")

    decoded = decode(data, read_header(data, "image/png"), (640, 480))

    assert decoded.background == expected
    assert tuple(decoded.image.numpy()[20, 20]) == expected
    assert tuple(decoded.image.numpy()[40, 40]) == visible


def test_opaque_alpha_is_not_called_transparency() -> None:
    data = files.saved(files.corners_picture().convert("RGBA"), "PNG")

    assert decode(data, read_header(data, "image/png"), (640, 480)).background is None


def test_scaling_down_averages_and_does_not_pick_pixels() -> None:
    # Lines one pixel wide: picking pixels gives black, white or stripes, averaging gives grey.
    stripes = np.zeros((960, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    for form in ("PNG", "JPEG"):
        data = files.saved(Image.fromarray(stripes), form)
        small = decode(data, read_header(data, files.SUFFIXES[form]), (400, 300)).image.numpy()

        assert small[20:-20, 20:-20].min() > 100
        assert small[20:-20, 20:-20].max() < 155


@pytest.mark.parametrize(
    ("sides", "expected"),
    [((1600, 1200), (640, 480)), ((1200, 1600), (480, 640)), ((2000, 500), (640, 160)), ((300, 200), (300, 200))],
)
def test_the_box_holds_whichever_way_the_picture_lies(sides: tuple[int, int], expected: tuple[int, int]) -> None:
    data = files.saved(Image.new("RGB", sides, "grey"), "JPEG")

    image = decode(data, read_header(data, "image/jpeg"), (640, 480)).image

    assert (image.width, image.height) == expected


def test_a_wbmp_is_read() -> None:
    bits = np.zeros((16, 20), np.uint8)
    bits[:, 10:] = 1
    data = b"\0\0" + bytes([20, 16]) + np.packbits(bits, axis=1).tobytes()

    image = decode(data, read_header(data, "image/vnd.wap.wbmp"), (640, 480)).image.numpy()

    assert image.shape == (16, 20, 3)
    assert (image[:, :10] == 0).all()
    assert (image[:, 10:] == 255).all()
