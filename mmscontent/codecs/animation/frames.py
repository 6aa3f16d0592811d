"""Animations of every kind as one thing: a film of patches, composited right, with browsers' timing.

A frame is held only where it differs from the one before, so a screen recording of minutes costs what moves in it.
Pillow decodes and applies disposal, blending and offsets; the reader is always named by us, never guessed.
Sources: GIF89a; PNG third edition section 13.2 (APNG); WebP container specification.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageSequence

from mmscontent.codecs.image.header import decoding
from mmscontent.errors import DamagedMedia

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Mask = NDArray[np.bool_]
    Box = tuple[int, int, int, int]  # left, top, right, bottom

__all__ = ["READERS", "Animation", "DirtyRect", "animation_from_frames", "bounding_box", "decode"]

READERS: dict[str, tuple[str, ...]] = {
    "image/gif": ("GIF",),
    "image/png": ("PNG",),
    "image/webp": ("WEBP",),
    "image/avif": ("AVIF",),
}
# Browsers play a frame that asks for less than 20 ms as 100 ms; so does everybody after them.
_LEAST_MS, _INSTEAD_MS = 20, 100
_OPAQUE = 128  # GIF knows no half transparency
_HELD_PX = 60_000_000  # changed pixels a film may hold: about half a gigabyte while it is worked on


@dataclass(frozen=True, slots=True)
class DirtyRect:
    """Where a frame differs from the one before it; the first patch of a film is its whole canvas.

    Attributes:
        x, y: Of its left upper corner.
        rgba: (height, width, 4); alpha is 0 or 255, and what is transparent is all zero.
    """

    x: int
    y: int
    rgba: Pixels


@dataclass(frozen=True, slots=True)
class Animation:
    """An animation, decoded.

    Attributes:
        loops: How often it plays; 0 is for ever.
    """

    width: int
    height: int
    rects: tuple[DirtyRect, ...]
    durations_ms: tuple[int, ...]
    loops: int = 0

    @property
    def duration_ms(self) -> int:
        """Of one round."""
        return sum(self.durations_ms)

    @property
    def changed_px(self) -> int:
        """What an encoder has to look at."""
        return sum(p.rgba.shape[0] * p.rgba.shape[1] for p in self.rects)

    def frames(self) -> Iterator[Pixels]:
        """Each frame whole, as (height, width, 4); the array is only good until the next one."""
        canvas = np.zeros((self.height, self.width, 4), np.uint8)
        for rect in self.rects:
            height, width = rect.rgba.shape[:2]
            canvas[rect.y : rect.y + height, rect.x : rect.x + width] = rect.rgba
            yield canvas

    def scale(self, width: int, height: int) -> Animation:
        """The same with other sides, low-pass filtered."""
        if (width, height) == (self.width, self.height):
            return self
        frames = (_resized(frame, (width, height)) for frame in self.frames())
        return animation_from_frames(frames, self.durations_ms, self.loops)

    def drop_frames(self, every: int) -> Animation:
        """Only every n-th frame, each shown as long as those it stands for."""
        if every == 1:
            return self
        frames = (f for i, f in enumerate(self.frames()) if i % every == 0)
        times = [sum(self.durations_ms[i : i + every]) for i in range(0, len(self.durations_ms), every)]
        return animation_from_frames(frames, times, self.loops)


def animation_from_frames(frames: Iterable[Pixels], durations_ms: Iterable[int], loops: int = 0) -> Animation:
    """A film from whole frames; frames equal to the one before only lengthen it.

    Raises:
        DamagedMedia: There is no frame.
    """
    rects: list[DirtyRect] = []
    times: list[int] = []
    before: Pixels | None = None
    for frame, duration in zip(frames, durations_ms, strict=False):
        left, top, right, bottom = (0, 0, frame.shape[1], frame.shape[0]) if before is None else _changed(before, frame)
        if right == 0:
            times[-1] += duration
            continue
        rects.append(DirtyRect(left, top, frame[top:bottom, left:right].copy()))
        times.append(duration)
        before = frame.copy()
    if before is None:
        raise DamagedMedia("the animation holds no frame that can be decoded; take another copy")
    return Animation(before.shape[1], before.shape[0], tuple(rects), tuple(times), loops)


def _changed(before: Pixels, frame: Pixels) -> Box:
    return bounding_box(before.view(np.uint32)[..., 0] != frame.view(np.uint32)[..., 0])


def bounding_box(mask: Mask) -> Box:
    """Left, top, right and bottom of what is set; all zero when nothing is."""
    rows = np.flatnonzero(mask.any(1))
    if not rows.size:
        return 0, 0, 0, 0
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _resized(frame: Pixels, sides: tuple[int, int]) -> Pixels:
    image = Image.fromarray(frame)
    if frame[..., 3].all():
        return np.ascontiguousarray(image.convert("RGB").resize(sides, Image.Resampling.LANCZOS).convert("RGBA"))
    # Colours under transparency must not bleed into the edge: weigh them by what is seen.
    return _binary_alpha(np.asarray(image.convert("RGBa").resize(sides, Image.Resampling.LANCZOS).convert("RGBA")))


def _binary_alpha(pixels: Pixels) -> Pixels:
    """Half transparency made all or nothing, as GIF wants it."""
    opaque = pixels[..., 3] >= _OPAQUE
    settled = np.where(opaque[..., None], pixels, np.uint8(0))
    settled[..., 3] = opaque * np.uint8(255)
    return settled


# --- decoding --------------------------------------------------------------------------------------------------


def _open(data: bytes, media_type: str) -> Image.Image:
    """Opened by the one reader of its type; no frame is decoded yet."""
    return Image.open(io.BytesIO(data), formats=READERS[media_type])


def decode(data: bytes, media_type: str, box_px: tuple[int, int]) -> Animation:
    """All frames, no larger than a box of long and short side, and never enlarged.

    Raises:
        DamagedMedia: No frame can be decoded; frames behind a damaged one are left out.
    """
    with decoding(media_type, len(data)), _open(data, media_type) as image:
        width, height = image.size
        scale = min(1.0, box_px[0] / max(width, height), box_px[1] / min(width, height))
        frames = getattr(image, "n_frames", 1)
        if frames * width * height * scale**2 > _HELD_PX:
            scale *= min(1.0, (_HELD_PX / max(_changed_px(image) * scale**2, 1)) ** 0.5)
        sides = max(1, round(width * scale)), max(1, round(height * scale))
        times: list[int] = []
        return animation_from_frames(_decoded(image, sides, times), _lazily(times), _loops(image))


def _lazily(times: list[int]) -> Iterator[int]:
    """The durations as they become known: each is asked for right after its frame."""
    at = 0
    while True:
        yield times[at]
        at += 1


def _decoded(image: Image.Image, sides: tuple[int, int], times: list[int]) -> Iterator[Pixels]:
    frames = ImageSequence.Iterator(image)
    while True:
        try:
            frame = next(frames)
            pixels = _binary_alpha(np.asarray(frame.convert("RGBA")))
        except StopIteration:
            return
        except (OSError, EOFError, ValueError, SyntaxError) as exc:
            if not times:
                raise DamagedMedia(f"the first frame of the animation cannot be decoded ({exc})") from exc
            return  # a cut file plays as far as it goes
        asked = int(frame.info.get("duration") or 0)
        times.append(asked if asked >= _LEAST_MS else _INSTEAD_MS)
        yield pixels if sides == image.size else _resized(pixels, sides)


def _changed_px(image: Image.Image) -> int:
    """How much moves, without holding it."""
    before: Pixels | None = None
    total = 0
    for frame in ImageSequence.Iterator(image):
        pixels = np.asarray(frame.convert("RGBA"))
        left, top, right, bottom = (0, 0, *image.size) if before is None else _changed(before, pixels)
        total += (right - left) * (bottom - top)
        before = pixels
    image.seek(0)
    return total


def _loops(image: Image.Image) -> int:
    """GIF counts repetitions after the first round, the others count rounds; 0 is for ever in all of them."""
    if image.format != "GIF":
        return int(image.info.get("loop", 0))
    repeats = image.info.get("loop")
    return 1 if repeats is None else int(repeats) + 1 if repeats else 0
