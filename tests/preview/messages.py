"""Six messages to look at: drawn and sounded here, so that no file has to be kept.

`scale` makes the pictures smaller where only their presence matters.
"""

from __future__ import annotations

import io
import math
import subprocess
import wave
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mmscontent.message import Message, Part, Slide

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MESSAGES", "clip", "picture"]

Colour = tuple[int, int, int]


def _sky(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    t = np.linspace(0, 1, height)[:, None, None]
    rows = np.array(top) * (1 - t) + np.array(bottom) * t
    return Image.fromarray(np.broadcast_to(rows, (height, width, 3)).astype("uint8"), "RGB")


@cache
def picture(
    name: str, size: tuple[int, int], top: Colour, bottom: Colour, sun: Colour, hills: tuple[Colour, ...]
) -> bytes:
    """A landscape: sky, sun and hills, with a little grain so that it weighs what a photograph weighs."""
    width, height = size
    image = _sky(width, height, top, bottom)
    glow = Image.new("RGB", size)
    x, y, r = int(width * 0.66), int(height * 0.38), int(min(size) * 0.13)
    ImageDraw.Draw(glow).ellipse((x - r, y - r, x + r, y + r), fill=sun)
    image = Image.fromarray(np.maximum(np.asarray(image), np.asarray(glow.filter(ImageFilter.GaussianBlur(r // 9)))))
    draw = ImageDraw.Draw(image)
    for number, colour in enumerate(hills):
        base = height * (0.55 + 0.13 * number)
        ridge = [
            (px, base + height * 0.06 * math.sin(px / width * (5 + 3 * number) + 1.7 * number + len(name)))
            for px in range(0, width + 9, 8)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=colour)
    grain = np.random.default_rng(7).normal(0, 5, (height, width, 1))
    image = Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype("uint8"))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    return out.getvalue()


DUSK = ((38, 44, 92), (246, 166, 110), (255, 226, 160), ((88, 66, 108), (58, 46, 86), (30, 28, 56)))
NOON = ((92, 164, 222), (226, 240, 248), (255, 250, 214), ((120, 170, 130), (74, 132, 96), (40, 92, 72)))
DAWN = ((240, 180, 190), (255, 236, 206), (255, 214, 150), ((170, 120, 140), (126, 88, 120), (84, 62, 98)))


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return round(width * scale), round(height * scale)


def _part(data: bytes, media_type: str, name: str, alt: str = "") -> Part:
    return Part(data, media_type, name=name, alt=alt)


@cache
def animation() -> bytes:
    """A ball that bounces, as a GIF of 24 frames."""
    frames = []
    for number in range(24):
        frame = Image.new("P", (240, 240), 0)
        frame.putpalette([252, 236, 205, 214, 84, 40, 120, 70, 50, 255, 255, 255] + [0] * 756)
        draw = ImageDraw.Draw(frame)
        y = 190 - int(150 * abs(math.sin(number / 24 * math.pi)))
        draw.ellipse((80, 205, 160, 217), fill=2)
        draw.ellipse((90, y - 30, 150, y + 30), fill=1)
        draw.ellipse((104, y - 20, 116, y - 8), fill=3)
        frames.append(frame)
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    return out.getvalue()


@cache
def sound() -> bytes:
    """Three seconds of a falling chime, as WAV."""
    rate = 16_000
    t = np.arange(3 * rate) / rate
    tones = sum(
        np.sin(2 * np.pi * f * (t - s)) * np.exp(-3 * (t - s)) * (t >= s)
        for f, s in ((880, 0), (660, 0.6), (550, 1.2), (440, 1.8))
    )
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((tones * 6000).astype("<i2").tobytes())
    return out.getvalue()


@cache
def clip() -> bytes:
    """Four seconds of a moon crossing the sky, H.264 in MP4."""
    import imageio_ffmpeg

    width, height, fps = 320, 240, 15
    sky = np.asarray(_sky(width, height, (12, 16, 44), (70, 60, 110)))
    y, x = np.mgrid[:height, :width]
    frames = bytearray()
    for number in range(4 * fps):
        frame = sky.copy()
        at = 20 + number * 280 / (4 * fps)
        frame[(x - at) ** 2 + (y - 80 + 30 * math.sin(number / 20)) ** 2 < 20**2] = (245, 240, 214)
        frames += frame.tobytes()
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    into = ["-s", f"{width}x{height}", "-r", str(fps), "-i", "-", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    out = ["-profile:v", "baseline", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-"]
    return subprocess.run([*ffmpeg, *into, *out], input=bytes(frames), capture_output=True, check=True).stdout


CARD = (
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lovelace;Ada\r\nFN:Ada Lovelace\r\nTEL;CELL:+442079460123\r\n"
    b"EMAIL:ada@example.com\r\nEND:VCARD\r\n"
)


def postcard(scale: float = 1.0) -> Message:
    """Two pictures with captions, one right after the other."""
    lake = _part(
        picture("lake", _scaled(1600, 2000, scale), *DUSK), "image/jpeg", "lake.jpg", "Hills over a lake at dusk"
    )
    hills = _part(picture("hills", _scaled(2000, 1500, scale), *NOON), "image/jpeg", "hills.jpg", "Green hills at noon")
    return Message(
        (
            Slide(image=lake, text=Part.of_text("We made it to the lake just before sunset. Wish you were here!")),
            Slide(image=hills, text=Part.of_text("And this is the way back, 14 km on foot. Photos: example.com/trip")),
        ),
        subject="Greetings from the hills",
    )


def right_to_left(scale: float = 1.0) -> Message:
    """Hebrew and Arabic, each under a picture."""
    one = _part(picture("sea", _scaled(1200, 1500, scale), *DAWN), "image/jpeg", "sea.jpg", "זריחה")
    return Message(
        (
            Slide(image=one, text=Part.of_text("יום הולדת שמח! נתראה בשבת בשעה 20:00 אצל סבתא, אל תשכחו את העוגה.")),
            Slide(text=Part.of_text("عيد ميلاد سعيد! نراكم يوم السبت في الساعة الثامنة مساءً.")),
        ),
        subject="יום הולדת שמח",
    )


def cjk(scale: float = 1.0) -> Message:
    """Japanese, Chinese and Korean."""
    one = _part(picture("fuji", _scaled(1500, 1500, scale), *DAWN), "image/jpeg", "fuji.jpg", "朝の山")
    return Message(
        (
            Slide(image=one, text=Part.of_text("今日はとても良い天気ですね。山の上から写真を送ります。")),
            Slide(text=Part.of_text("生日快乐！祝你身体健康，万事如意。周六晚上八点见。")),
            Slide(text=Part.of_text("생일 축하합니다! 토요일 저녁에 만나요.")),
        ),
        subject="お誕生日おめでとう",
    )


def moving(scale: float = 1.0) -> Message:  # noqa: ARG001 - as its siblings are called
    """An animated GIF with words."""
    ball = _part(animation(), "image/gif", "ball.gif", "A ball that bounces")
    return Message((Slide(image=ball, text=Part.of_text("Match moved to 7 pm. Same place!")),), subject="Training")


def film(scale: float = 1.0) -> Message:
    """A clip, then a sound under a picture."""
    moon = _part(clip(), "video/mp4", "moon.mp4", "The moon crosses the sky")
    night = _part(picture("night", _scaled(1200, 1200, scale), *DUSK), "image/jpeg", "night.jpg", "The garden at dusk")
    chime = _part(sound(), "audio/wav", "chime.wav")
    return Message(
        (
            Slide(video=moon, text=Part.of_text("Look what I saw last night")),
            Slide(image=night, audio=chime, text=Part.of_text("…and listen to the chimes in the garden.")),
        ),
        subject="Last night",
    )


def contact(scale: float = 1.0) -> Message:  # noqa: ARG001 - as its siblings are called
    """A card beside words."""
    card = _part(CARD, "text/x-vcard", "ada.vcf")
    return Message(
        (Slide(text=Part.of_text("Here is Ada, she knows all about the engine. Call her before 6 pm.")),),
        (card,),
        subject="Ada's number",
    )


MESSAGES: dict[str, Callable[..., Message]] = {
    "postcard": postcard,
    "right-to-left": right_to_left,
    "cjk": cjk,
    "gif": moving,
    "video-and-sound": film,
    "vcard": contact,
}
