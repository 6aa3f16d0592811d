"""Decodes animations of every format to changed rectangles with durations, timed as browsers do.

A frame is stored only where it differs from the one before, so a screen recording needs memory only for what moves.
Pillow decodes and applies disposal, blending and offsets; the reader is named by media type, never guessed.
Sources: GIF89a; PNG third edition section 13.2 (APNG); WebP container specification.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageSequence

from mmscontent.codecs.image.decode import decoding
from mmscontent.errors import DamagedMedia

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Mask = NDArray[np.bool_]
    Box = tuple[int, int, int, int]  # left, top, right, bottom

READERS: dict[str, tuple[str, ...]] = {
    "image/gif": ("GIF",),
    "image/png": ("PNG",),
    "image/webp": ("WEBP",),
    "image/avif": ("AVIF",),
}
# Browsers show a frame of less than 20 ms for 100 ms, and every other viewer follows them.
_MIN_FRAME_MS, _REPLACEMENT_MS = 20, 100
# A GIF pixel is opaque or transparent.
_OPAQUE = 128
# Of one animation: about half a gigabyte of memory while it is encoded.
_MAX_CHANGED_PX = 60_000_000


@dataclass(frozen=True, slots=True)
class DirtyRect:
    """The rectangle in which a frame differs from the one before; the first one is the whole canvas.

    Attributes:
        rgba: (height, width, 4); alpha is 0 or 255, and transparent pixels are all zero.
    """

    x: int
    y: int
    rgba: Pixels


@dataclass(frozen=True, slots=True)
class Animation:
    """A decoded animation; *loops* is how often it plays, 0 for ever."""

    width: int
    height: int
    rects: tuple[DirtyRect, ...]
    durations_ms: tuple[int, ...]
    loops: int = 0

    @property
    def duration_ms(self) -> int:
        """Duration of one loop."""
        return sum(self.durations_ms)

    @property
    def changed_px(self) -> int:
        """Number of pixels in all changed rectangles: what an encoder has to process."""
        return sum(p.rgba.shape[0] * p.rgba.shape[1] for p in self.rects)

    def frames(self) -> Iterator[Pixels]:
        """Yield each whole frame as (height, width, 4); the array is valid only until the next one."""
        canvas = np.zeros((self.height, self.width, 4), np.uint8)
        for rect in self.rects:
            height, width = rect.rgba.shape[:2]
            canvas[rect.y : rect.y + height, rect.x : rect.x + width] = rect.rgba
            yield canvas

    def scale(self, width: int, height: int) -> Animation:
        """Scale all frames to other sides, low-pass filtered."""
        if (width, height) == (self.width, self.height):
            return self
        frames = (_resized(frame, (width, height)) for frame in self.frames())
        return animation_from_frames(frames, self.durations_ms, self.loops)

    def drop_frames(self, every: int) -> Animation:
        """Keep only every n-th frame, shown as long as the frames it stands for."""
        if every == 1:
            return self
        frames = (f for i, f in enumerate(self.frames()) if i % every == 0)
        times = [sum(self.durations_ms[i : i + every]) for i in range(0, len(self.durations_ms), every)]
        return animation_from_frames(frames, times, self.loops)


def animation_from_frames(frames: Iterable[Pixels], durations_ms: Iterable[int], loops: int = 0) -> Animation:
    """Build an animation from whole frames; a frame equal to the one before only adds to its duration.

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
        raise DamagedMedia("the animation has no frame that can be decoded; take another copy")
    return Animation(before.shape[1], before.shape[0], tuple(rects), tuple(times), loops)


def _changed(before: Pixels, frame: Pixels) -> Box:
    return bounding_box(before.view(np.uint32)[..., 0] != frame.view(np.uint32)[..., 0])


def bounding_box(mask: Mask) -> Box:
    """Return left, top, right and bottom of the set pixels; all zero when none is set."""
    rows = np.flatnonzero(mask.any(1))
    if not rows.size:
        return 0, 0, 0, 0
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _resized(frame: Pixels, sides: tuple[int, int]) -> Pixels:
    image = Image.fromarray(frame)
    if frame[..., 3].all():
        return np.ascontiguousarray(image.convert("RGB").resize(sides, Image.Resampling.LANCZOS).convert("RGBA"))
    # Premultiplied alpha (RGBa): colours of transparent pixels must not bleed into the edge.
    return _binary_alpha(np.asarray(image.convert("RGBa").resize(sides, Image.Resampling.LANCZOS).convert("RGBA")))


def _binary_alpha(pixels: Pixels) -> Pixels:
    """Make each pixel fully opaque or fully transparent, as GIF requires."""
    opaque = pixels[..., 3] >= _OPAQUE
    settled = np.where(opaque[..., None], pixels, np.uint8(0))
    settled[..., 3] = opaque * np.uint8(255)
    return settled


# --- decoding --------------------------------------------------------------------------------------------------


def decode(data: bytes, media_type: str, box_px: tuple[int, int]) -> Animation:
    """Decode all frames within a box of long and short side, never enlarged.

    Frames after a damaged one are left out.

    Raises:
        DamagedMedia: No frame can be decoded.
    """
    with decoding(media_type, len(data)), Image.open(io.BytesIO(data), formats=READERS[media_type]) as image:
        width, height = image.size
        scale = min(1.0, box_px[0] / max(width, height), box_px[1] / min(width, height))
        frames = getattr(image, "n_frames", 1)
        # Scaled so that all changed pixels fit into memory; only a large animation is counted exactly.
        if frames * width * height * scale**2 > _MAX_CHANGED_PX:
            scale *= min(1.0, (_MAX_CHANGED_PX / max(_changed_px(image) * scale**2, 1)) ** 0.5)
        sides = max(1, round(width * scale)), max(1, round(height * scale))
        times: list[int] = []
        return animation_from_frames(_decoded(image, sides, times), _lazily(times), _loops(image))


def _lazily(times: list[int]) -> Iterator[int]:
    """Yield the durations as they become known: each is read right after its frame."""
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
            return  # a truncated file plays as far as it goes
        asked = int(frame.info.get("duration") or 0)
        times.append(asked if asked >= _MIN_FRAME_MS else _REPLACEMENT_MS)
        yield pixels if sides == image.size else _resized(pixels, sides)


def _changed_px(image: Image.Image) -> int:
    """Count the changed pixels without storing them."""
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
    """Return how often an animation plays; 0 is for ever in all formats."""
    # NETSCAPE2.0 of GIF counts repetitions after the first loop; APNG (acTL num_plays) and WebP (ANIM) count loops.
    if image.format != "GIF":
        return int(image.info.get("loop", 0))
    repeats = image.info.get("loop")
    return 1 if repeats is None else int(repeats) + 1 if repeats else 0
