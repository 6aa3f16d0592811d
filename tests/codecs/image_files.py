"""Pictures made for the tests of stills, each named for what it is, and the shortest way through the codec."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageDraw

from mmscontent.codecs.image import StillSource, verify
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import ImageRule

if TYPE_CHECKING:
    from mmscontent.codecs.base import Rendition, Survey

pillow_heif.register_heif_opener()

RULE = ImageRule()
SUFFIXES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "TIFF": "image/tiff"}
SUFFIXES |= {"HEIF": "image/heic", "AVIF": "image/avif", "GIF": "image/gif", "BMP": "image/bmp", "TGA": "image/x-tga"}
# Colours of the four corners of the upright picture: top left, top right, bottom left, bottom right.
CORNERS = ((220, 40, 40), (40, 180, 60), (50, 60, 210), (230, 220, 60))


def info_of(data: bytes, media_type: str) -> MediaInfo:
    return MediaInfo(media_type, "image", len(data))


def surveyed(
    data: bytes, media_type: str = "image/jpeg", rule: ImageRule = RULE, effort: str = "fast"
) -> tuple[StillSource, Survey]:
    source = StillSource(data, info_of(data, media_type))
    return source, source.survey(rule, effort)  # type: ignore[arg-type]


def made(data: bytes, media_type: str, limit: int = 300_000, rule: ImageRule = RULE, effort: str = "fast") -> Rendition:
    """A rendition that a second decoder has seen."""
    rendition = surveyed(data, media_type, rule, effort)[0].render(limit)
    verify(rendition.data, rendition.info)
    return rendition


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def corners_picture(width: int = 240, height: int = 160) -> Image.Image:
    """Four quarters of four colours, so that every way of turning it can be told."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for index, colour in enumerate(CORNERS):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        draw.rectangle((left, top, left + width // 2, top + height // 2), fill=colour)
    return image


def corner_colours(image: Image.Image) -> list[tuple[int, int, int]]:
    shown = image.convert("RGB")
    x, y = shown.width // 4, shown.height // 4
    places = ((x, y), (3 * x, y), (x, 3 * y), (3 * x, 3 * y))
    return [shown.getpixel(place) for place in places]  # type: ignore[misc]


def is_near(found: tuple[int, ...], wanted: tuple[int, ...], within: int = 24) -> bool:
    return all(abs(int(a) - int(b)) <= within for a, b in zip(found, wanted, strict=True))


@cache
def photograph(width: int = 900, height: int = 675, seed: int = 7) -> Image.Image:
    """Something with the statistics of a photograph: shading, shapes, and noise at every scale."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for step in (2, 4, 8, 16, 32, 64, 128):
        small = random.normal(0, 1, (height // step + 2, width // step + 2, 3))
        layer = Image.fromarray(((small.clip(-3, 3) + 3) * 42).astype(np.uint8)).resize((width, height), 3)
        total += (np.asarray(layer, float) - 126) * step**0.55 / 9
    return Image.fromarray((118 + total).clip(0, 255).astype(np.uint8))


@cache
def photo_jpeg(quality: int = 92) -> bytes:
    return saved(photograph(), "JPEG", quality=quality)


@cache
def text_page(width: int = 900, height: int = 640) -> Image.Image:
    """A page of black text with one blue line, as a screenshot has it."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for row in range(20, height - 20, 18):
        colour = (20, 60, 200) if row % 90 == 20 else (0, 0, 0)
        draw.text((20, row), f"{row:4d}  Total 12.50  VAT 19 %  thank you for shopping with us  4711-{row}", colour)
    return image


def qr_like(modules: int = 33, size: int = 9) -> Image.Image:
    """Three finder patterns and random modules, as a QR code has them."""
    random = np.random.default_rng(3)
    code = random.integers(0, 2, (modules, modules)).astype(bool)
    for top, left in ((0, 0), (0, modules - 7), (modules - 7, 0)):
        code[max(top - 1, 0) : top + 8, max(left - 1, 0) : left + 8] = False
        code[top : top + 7, left : left + 7] = True
        code[top + 1 : top + 6, left + 1 : left + 6] = False
        code[top + 2 : top + 5, left + 2 : left + 5] = True
    pixels = np.pad(np.where(code, 0, 255), 4, constant_values=255).repeat(size, 0).repeat(size, 1)
    return Image.fromarray(pixels.astype(np.uint8)).convert("RGB")


def display_p3() -> bytes:
    """A Display P3 profile: the primaries of DCI-P3 with the white of D65, adapted to D50, and the curve of sRGB."""
    red, green, blue = (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)
    curve = b"para" + bytes(4) + (3).to_bytes(2, "big") + bytes(2)
    curve += b"".join(_fixed(v) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    tags = {b"desc": _text(b"desc", "P3 test"), b"cprt": _text(b"cprt", "none"), b"wtpt": _xyz((0.9642, 1.0, 0.8249))}
    tags |= {b"rXYZ": _xyz(red), b"gXYZ": _xyz(green), b"bXYZ": _xyz(blue)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        value = tag + bytes(-len(tag) % 4)
        table += name + (at + len(body)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        body += value
    whole = len(tags).to_bytes(4, "big") + table + body
    head = (
        (128 + len(whole)).to_bytes(4, "big") + bytes(4) + b"\x04\0\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    )
    head += _xyz((0.9642, 1.0, 0.8249))[8:]
    return head.ljust(128, b"\0") + whole


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _fixed(value: float) -> bytes:
    return round(value * 65536).to_bytes(4, "big", signed=True)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(v) for v in values)


def _text(_: bytes, words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    head = (1).to_bytes(4, "big") + (12).to_bytes(4, "big") + b"enUS"
    return b"mluc" + bytes(4) + head + len(encoded).to_bytes(4, "big") + (28).to_bytes(4, "big") + encoded
