"""The GIFs of the GIF benchmark: made at run time, nothing is copied into the repository.

Three kinds, as people send them: filmed (clips of the corpus turned into GIFs as ffmpeg's palette filters do it, at
several sizes, rates and dithers), drawn (screen recordings, charts, cartoons, stickers, rendered here with Pillow)
and moved photographs (pans and fades over the pictures of scikit-image); and the few real ones of the corpus.
"""

from __future__ import annotations

import io
import math
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from pictures import CORPUS
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Animation", "animations"]


@dataclass(frozen=True, slots=True)
class Animation:
    """One GIF, as bytes; *name* says what it is."""

    name: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Clip:
    file: str
    start_s: float
    length_s: float
    width: int
    fps: int
    dither: str


_CLIPS = (
    _Clip("bbb_480p_30s.mp4", 2, 4, 480, 12, "sierra2_4a"),
    _Clip("bbb_480p_30s.mp4", 14, 3, 400, 15, "bayer:bayer_scale=3"),
    _Clip("bbb_480p_30s.mp4", 22, 5, 320, 10, "none"),
    _Clip("bbb_480p_30s.mp4", 8, 6, 360, 8, "bayer:bayer_scale=5"),
    _Clip("ax_pixel7_videoOnly_cleaned.mp4", 0, 1.2, 480, 15, "sierra2_4a"),
    _Clip("ax_sample_15fps_720p_1s.mp4", 0, 1, 640, 15, "floyd_steinberg"),
    _Clip("ax_sample_with_increasing_timestamps_320w_240h_5s.mp4", 0, 5, 320, 10, "bayer:bayer_scale=3"),
    _Clip("ax_sample_with_increasing_timestamps_320w_240h_5s.mp4", 1, 3, 240, 12, "none"),
    _Clip("mdn_rabbit320.webm", 0, 4, 320, 12, "sierra2_4a"),
    _Clip("mdn_rabbit320.webm", 3, 3, 280, 15, "bayer:bayer_scale=4"),
    _Clip("ax_sample_portrait.mp4", 0, 1, 360, 20, "sierra2_4a"),
    _Clip("ax_bbb_960x540_60fps_vp8.webm", 0, 1, 480, 25, "none"),
)


def _filmed(clip: _Clip) -> Animation:
    graph = f"fps={clip.fps},scale={clip.width}:-2:flags=lanczos,split[a][b];[a]palettegen[p];[b][p]paletteuse="
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-ss", str(clip.start_s)]
    command += ["-t", str(clip.length_s), "-i", str(CORPUS / "video" / clip.file)]
    command += ["-vf", f"{graph}dither={clip.dither}", "-f", "gif", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return Animation(f"{Path(clip.file).stem[:18]}@{clip.width}x{clip.fps}/{clip.dither[:6]}", "filmed", done.stdout)


def _gif(name: str, kind: str, pictures: list[Image.Image], duration_ms: int, *, dither: bool) -> Animation:
    """Saved as most tools do: a palette of its own for each frame, changed rectangles only."""
    how = Image.Dither.FLOYDSTEINBERG if dither else Image.Dither.NONE
    if pictures[0].mode == "RGB":
        pictures = [p.quantize(255, dither=how) for p in pictures]
    target = io.BytesIO()
    pictures[0].save(target, "GIF", save_all=True, append_images=pictures[1:], duration=duration_ms, loop=0, disposal=1)
    return Animation(name, kind, target.getvalue())


# --- drawn -------------------------------------------------------------------------------------------------------

_WORDS = tuple(
    "the budget is shared over all parts where the next byte buys the most and nothing is lost".split()  # noqa: SIM905
)


def _terminal() -> Animation:
    """A recording of a terminal: lines scroll, a bar grows."""
    font = ImageFont.load_default(14)
    lines = [" ".join(_WORDS[(7 * i + j * j) % len(_WORDS)] for j in range(9)) for i in range(120)]
    pictures = []
    for step in range(120):
        picture = Image.new("RGB", (720, 420), (24, 26, 33))
        draw = ImageDraw.Draw(picture)
        for row, line in enumerate(lines[step // 2 : step // 2 + 22]):
            colour = ((120, 220, 120), (220, 220, 220), (230, 190, 90))[(step // 2 + row) % 3]
            draw.text((10, 8 + 18 * row), f"$ {line}", colour, font)
        draw.rectangle((10, 404, 10 + 6 * step, 414), (70, 130, 230))
        pictures.append(picture)
    return _gif("terminal 720x420, 120 frames", "drawn", pictures, 80, dither=False)


def _page(name: str) -> Animation:
    """A recording of a page that is scrolled, with a pointer that moves."""
    page = Image.fromarray(np.dstack([_skimage(name)] * 3) if _skimage(name).ndim == 2 else _skimage(name)[..., :3])
    page = page.resize((640, round(page.height * 640 / page.width)), Image.Resampling.LANCZOS)
    tall = Image.new("RGB", (640, page.height * 4), "white")
    for i in range(4):
        tall.paste(page, (0, i * page.height))
    pictures = []
    for step in range(60):
        top = round((tall.height - 400) * (0.5 - 0.5 * math.cos(step / 59 * math.pi)) * 0.5)
        view = tall.crop((0, top, 640, top + 400))
        x, y = 100 + 7 * step, 200 + 100 * math.sin(step / 6)
        ImageDraw.Draw(view).polygon([(x, y), (x, y + 18), (x + 5, y + 13), (x + 12, y + 13)], "black", "white")
        pictures.append(view)
    return _gif(f"scrolled {name} 640x400", "drawn", pictures, 60, dither=False)


def _cartoon() -> Animation:
    """Flat colours, soft edges, several things that move."""
    pictures = []
    for step in range(48):
        big = Image.new("RGB", (1000, 760), (120, 190, 240))
        draw = ImageDraw.Draw(big)
        draw.rectangle((0, 560, 1000, 760), (90, 170, 80))
        for hill in range(4):
            draw.ellipse(
                (hill * 320 - step * 6 - 200, 420, hill * 320 - step * 6 + 200, 760), (70, 150, 70), (40, 90, 40), 4
            )
        x, y = 100 + 16 * step, 420 - abs(math.sin(step / 4)) * 240
        draw.ellipse((x, y, x + 140, y + 140), (240, 190, 60), (60, 40, 10), 7)
        draw.ellipse((x + 35, y + 40, x + 60, y + 70), "black")
        draw.arc((x + 40, y + 60, x + 110, y + 115), 10, 160, "black", 6)
        draw.ellipse((780, 50, 900, 170), (255, 240, 150))
        pictures.append(big.resize((500, 380), Image.Resampling.LANCZOS))
    return _gif("cartoon 500x380", "drawn", pictures, 60, dither=True)


def _sticker() -> Animation:
    """Transparent around a thing that turns."""
    pictures = []
    for step in range(30):
        big = Image.new("RGBA", (640, 640), (0, 0, 0, 0))
        draw = ImageDraw.Draw(big)
        draw.ellipse((80, 80, 560, 560), (250, 90, 120, 255), (120, 20, 50, 255), 16)
        for ray in range(8):
            angle = ray * math.pi / 4 + step * math.pi / 60
            draw.line((320, 320, 320 + 210 * math.cos(angle), 320 + 210 * math.sin(angle)), (255, 230, 120, 255), 24)
        pictures.append(big.resize((320, 320), Image.Resampling.LANCZOS))
    return _gif("sticker 320x320, transparent", "drawn", pictures, 50, dither=False)


def _chart() -> Animation:
    """A chart whose lines grow, as plotting libraries save it."""
    font = ImageFont.load_default(16)
    series = np.cumsum(np.random.default_rng(3).normal(0.3, 4, (4, 100)), axis=1) + 60
    pictures = []
    for step in range(2, 100, 2):
        big = Image.new("RGB", (1280, 880), "white")
        draw = ImageDraw.Draw(big)
        for tick in range(10):
            draw.line((80, 60 + 80 * tick, 1240, 60 + 80 * tick), (225, 225, 225), 2)
        for row, colour in zip(series, ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40)), strict=True):
            points = [(80 + 11.6 * i, 800 - 5 * v) for i, v in enumerate(row[:step])]
            draw.line(points, colour, 5, "curve")
        view = big.resize((640, 440), Image.Resampling.LANCZOS)
        ImageDraw.Draw(view).text((250, 8), f"messages, day {step}", "black", font)
        pictures.append(view)
    return _gif("chart 640x440", "drawn", pictures, 100, dither=False)


# --- moved photographs ---------------------------------------------------------------------------------------------


@cache
def _skimage(name: str) -> np.ndarray:
    import skimage.data  # noqa: PLC0415 - an extra, wanted here only

    return np.asarray(getattr(skimage.data, name)())


def _pan(name: str, frames: int, width: int, height: int, *, dither: bool) -> Animation:
    """A slow move over a photograph."""
    photo = Image.fromarray(_skimage(name)[..., :3])
    pictures = []
    for step in range(frames):
        along = step / (frames - 1)
        zoom = 0.9 - 0.3 * along
        view_w, view_h = photo.width * zoom, photo.width * zoom * height / width
        left, top = (photo.width - view_w) * along, max(0.0, photo.height - view_h) * (1 - along)
        box = (left, top, left + view_w, min(photo.height, top + view_h))
        pictures.append(photo.resize((width, height), Image.Resampling.BICUBIC, box))
    return _gif(f"pan over {name} {width}x{height}", "photograph", pictures, 80, dither=dither)


def _fade(names: tuple[str, ...], width: int, height: int) -> Animation:
    """Photographs that stand, and fade into each other."""
    photos = [Image.fromarray(_skimage(n)[..., :3]).resize((width, height), Image.Resampling.LANCZOS) for n in names]
    pictures = []
    for one, other in zip(photos, [*photos[1:], photos[0]], strict=True):
        pictures += [one] * 3 + [Image.blend(one, other, k / 8) for k in range(1, 8)]
    return _gif(f"fade of {len(names)} {width}x{height}", "photograph", pictures, 120, dither=True)


@cache
def animations() -> tuple[Animation, ...]:
    """All of them, in a fixed order; those from clips only where the corpus lies beside."""
    filmed = [_filmed(clip) for clip in _CLIPS if (CORPUS / "video" / clip.file).is_file()]
    drawn = [_terminal(), _page("page"), _page("text"), _cartoon(), _sticker(), _chart()]
    photographs = [
        _pan("astronaut", 40, 400, 300, dither=True),
        _pan("chelsea", 30, 360, 240, dither=False),
        _pan("coffee", 50, 320, 240, dither=True),
        _fade(("astronaut", "coffee", "chelsea"), 400, 300),
    ]
    real = [CORPUS / "image" / "pillow" / name for name in ("chi.gif", "iss634.gif")]
    return (*filmed, *drawn, *photographs, *(Animation(p.name, "real", p.read_bytes()) for p in real if p.is_file()))
