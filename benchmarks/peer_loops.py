"""How others fit a still into a limit, told again in our words from the constants of their sources.

One encoder for all, Pillow's, so that only the loop differs. Each takes an upright sRGB picture, the size of its
source, the limit and the box of the receiver, and returns bytes, or None where the peer gives up or sends too much.
Sources and constants: the projects named at each function, as of autumn 2026.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    Box = tuple[int, int]
    Loop = Callable[[Image.Image, int, int, Box], bytes | None]

__all__ = ["LOOPS", "jpeg"]


def jpeg(picture: Image.Image, quality: int) -> bytes:
    """Pillow's encoder as people call it."""
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


def _boxed(picture: Image.Image, box: Box) -> Image.Image:
    scale = min(1.0, box[0] / max(picture.size), box[1] / min(picture.size))
    return _scaled(picture, scale) if scale < 1 else picture


def _scaled(picture: Image.Image, scale: float, how: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    sides = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(sides, how)


def aosp(picture: Image.Image, _source_bytes: int, limit: int, box: Box) -> bytes | None:
    """AOSP Messaging, ImageUtils: quality first, then three quarters by nearest neighbour, then half; six tries."""
    sample, scale, quality = 1, 1.0, 95
    while max(picture.size) / sample > box[0] or min(picture.size) / sample > box[1]:
        sample *= 2
    for _ in range(6):
        shown = picture.reduce(sample) if sample > 1 else picture
        shown = _scaled(shown, scale, Image.Resampling.NEAREST) if scale < 1 else shown
        data = jpeg(shown, quality)
        if len(data) <= limit - 1024:
            return data
        if quality > 50:
            quality = max(50, int(quality * min(0.85, math.sqrt(limit / len(data)))))
        elif scale > 0.5:
            quality, scale = 95, scale * 0.75
        else:
            quality, scale, sample = 95, 1.0, sample * 2
    return None


def quik(picture: Image.Image, source_bytes: int, limit: int, box: Box) -> bytes | None:
    """QUIK: the area in proportion to the bytes, a fifth less each try, quality 90; then it is left out."""
    boxed = _boxed(picture, box)
    for attempt in range(5):
        area = (0.9 - 0.2 * attempt) * min(1.0, limit / source_bytes)
        data = jpeg(_scaled(picture, min(math.sqrt(area), boxed.width / picture.width)), 90)
        if len(data) <= limit:
            return data
    return None


def fossify(picture: Image.Image, source_bytes: int, limit: int, box: Box) -> bytes | None:
    """Fossify Messages: quality by the ratio, then 0.6 of the sides by powers of two, from its own last output."""
    shown, size, wish = _boxed(picture, box), source_bytes, 1.0
    for _ in range(12):
        quality = max(30, min(100, round(100 * limit / size)))
        sample = 2 ** int(math.log2(1 / wish))
        data = jpeg(shown.reduce(sample) if sample > 1 else shown, quality)
        if len(data) <= limit:
            return data
        wish = wish * 0.6 if sample == 1 else 0.6
        shown, size = Image.open(io.BytesIO(data)).convert("RGB"), len(data)
    return None


def signal_mms(picture: Image.Image, _source_bytes: int, limit: int, box: Box) -> bytes | None:
    """Signal, when it still sent MMS: quality 70 at the carrier's side, then half, four times."""
    side = max(1024, box[0])
    for halving in range(4):
        data = jpeg(_boxed(picture, (side >> halving, side >> halving)), 70)
        if len(data) <= limit:
            return data
    return None


def mms_engine(picture: Image.Image, _source_bytes: int, limit: int, box: Box) -> bytes | None:
    """Sailfish mms-engine: a half, a third, a quarter of the sides … at quality 90."""
    for divisor in range(1, 20):
        shown = _scaled(picture, 1 / divisor, Image.Resampling.BOX)
        if max(shown.size) <= box[0] and min(shown.size) <= box[1]:
            data = jpeg(shown, 90)
            if len(data) <= limit:
                return data
    return None


def thumbor(picture: Image.Image, _source_bytes: int, limit: int, box: Box) -> bytes | None:
    """Of thumbor, `max_bytes`: three quarters of the quality down to ten, never smaller; else it sends too much."""
    shown, quality = _boxed(picture, box), 80
    while quality >= 10:
        data = jpeg(shown, quality)
        if len(data) <= limit:
            return data
        quality = int(quality * 0.75)
    return None


def imgproxy(picture: Image.Image, _source_bytes: int, limit: int, box: Box) -> bytes | None:
    """Of imgproxy, `max_bytes`: a quarter, half or three quarters of the quality by how far over, down to ten."""
    shown, quality = _boxed(picture, box), 80
    while quality > 10:
        data = jpeg(shown, quality)
        if len(data) <= limit:
            return data
        over = len(data) / limit
        quality = int(quality * (0.25 if over > 3 else 0.5 if over > 1.5 else 0.75))
    return None


def bisection(picture: Image.Image, _source_bytes: int, limit: int, box: Box) -> bytes | None:
    """What everybody writes first: the picture in the box, its quality by bisection."""
    shown, low, high, best = _boxed(picture, box), 1, 95, None
    while low <= high:
        middle = (low + high) // 2
        data = jpeg(shown, middle)
        if len(data) <= limit:
            low, best = middle + 1, data
        else:
            high = middle - 1
    return best


LOOPS: dict[str, Loop] = {
    "AOSP": aosp,
    "QUIK": quik,
    "Fossify": fossify,
    "Signal MMS": signal_mms,
    "mms-engine": mms_engine,
    "thumbor": thumbor,
    "imgproxy": imgproxy,
    "naive bisection": bisection,
}
