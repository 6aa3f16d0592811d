"""A filmstrip: every slide of a message side by side in one PNG, for chat tools and tickets.

Pictures are decoded in the sandbox (views.py); this module pastes them and draws text with the fonts installed here.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mmscontent.ledger import Ledger
from mmscontent.message import Content
from mmscontent.preview.markup import plural
from mmscontent.preview.view_model import (
    PartView,
    PreviewModel,
    PreviewSlide,
    SlideItem,
    as_mapping,
    build_preview_model,
)
from mmscontent.preview.views import picture_view, poster_view
from mmscontent.smil.model import Region
from mmscontent.smil.timing import guess_language

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    from mmscontent.compose import Composed

_FRAME = (216, 384)  # a phone of 9:16
_GAP, _HEAD, _FOOT = 18, 56, 46
_MOST_FRAMES = 12
_VIEW_PX = 400
_PAPER, _INK, _SOFT, _LINE, _SCREEN = "#f4f1ea", "#23201b", "#625c50", "#cfc7b6", "#ffffff"
_MIDDLE_GREY = 128
_WHOLE = Region("")
# Fonts for scripts that Pillow's own does not hold, by their names on Debian, Windows and macOS; the first one here.
_WIDE = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial Unicode.ttf")
_EAST = ("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc")
_FONTS: dict[str, tuple[str, ...]] = {
    "arabic": ("NotoNaskhArabic-Regular.ttf", *_WIDE),
    "cyrillic": _WIDE,
    "han": (*_EAST, "msyh.ttc", "PingFang.ttc"),
    "hangul": (*_EAST, "malgun.ttf", "AppleSDGothicNeo.ttc"),
    "hebrew": _WIDE,
    "ja": (*_EAST, "msgothic.ttc", "Hiragino Sans GB.ttc"),
    "unspaced": ("NotoSansThai-Regular.ttf", "Garuda.ttf", "tahoma.ttf"),
}


def filmstrip(subject: Content | Composed, *, ledger: Ledger | Mapping[str, object] | None = None) -> bytes:
    """All slides of a message as one PNG; without slides, its parts in the order they come.

    Args:
        subject: A composed message, or any content.
        ledger: What became of each part; a composed message brings its own.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415 - an engine

    if isinstance(subject, Content):
        content = subject
    else:
        content, ledger = subject.content, ledger if ledger is not None else subject.ledger
    model = build_preview_model(content, as_mapping(ledger))
    # a strip of more frames is too wide for a ticket
    frames = list(_frames(model))[:_MOST_FRAMES]
    # never narrower than its heading
    width = max(_GAP + (_FRAME[0] + _GAP) * max(len(frames), 1), 420)
    strip = Image.new("RGB", (width, _HEAD + _FRAME[1] + _FOOT), _PAPER)
    draw = ImageDraw.Draw(strip)
    heading = content.subject or "A message without a subject"
    draw.text((_GAP, 16), _cut(heading, width // 12), fill=_INK, font=_font(heading, 20))
    for number, (still, caption) in enumerate(frames):
        left = _GAP + number * (_FRAME[0] + _GAP)
        strip.paste(_frame(still, model), (left, _HEAD))
        draw.rectangle((left - 1, _HEAD - 1, left + _FRAME[0], _HEAD + _FRAME[1]), outline=_LINE)
        draw.text((left, _HEAD + _FRAME[1] + 12), _cut(caption, 34), fill=_SOFT, font=_font(caption, 13))
    if not frames:
        draw.text((_GAP, _HEAD + 20), "nothing to show", fill=_SOFT, font=_font("", 15))
    out = io.BytesIO()
    strip.save(out, "PNG", optimize=True)
    return out.getvalue()


def _frames(model: PreviewModel) -> Iterator[tuple[PreviewSlide | PartView, str]]:
    hidden = len(model.slides) - _MOST_FRAMES
    for number, still in enumerate(model.slides, start=1):
        more = f", {plural(hidden, 'slide')} more" if number == _MOST_FRAMES and hidden > 0 else ""
        yield still, f"{number} · {still.duration_ms / 1000:.1f} s{more}"
    if not model.slides:
        for view in model.parts:
            yield view, view.label


def _frame(subject: PreviewSlide | PartView, model: PreviewModel) -> Image.Image:
    from PIL import Image, ImageDraw  # noqa: PLC0415

    frame = Image.new("RGB", _FRAME, model.background or _SCREEN)
    draw = ImageDraw.Draw(frame)
    # without slides the parts are shown by themselves
    if isinstance(subject, PartView):
        _draw_part(frame, draw, subject, _WHOLE)
        return frame
    for item in subject.items:
        if item.element not in ("audio", "ref"):
            region = next((r for r in model.regions if r.id == item.region), _WHOLE)
            _draw_item(frame, draw, item, model, region)
    for number, item in enumerate(i for i in subject.items if i.element == "audio"):
        _draw_sound(draw, model.parts[item.part].label if item.part is not None else item.src, number)
    return frame


def _draw_item(
    frame: Image.Image, draw: ImageDraw.ImageDraw, item: SlideItem, model: PreviewModel, region: Region
) -> None:
    if item.part is None:
        _draw_words(draw, f"no part is called {item.src}", region, _SOFT, _SCREEN)
        return
    _draw_part(frame, draw, model.parts[item.part], region, model.background or _SCREEN)


def _draw_part(
    frame: Image.Image, draw: ImageDraw.ImageDraw, view: PartView, region: Region, ground: str = _SCREEN
) -> None:
    maker = {"image": picture_view, "video": poster_view}.get(view.kind)
    picture = maker(view.part, _VIEW_PX) if maker is not None else None
    if picture is not None:
        _paste(frame, picture.data, _box(region))
        if view.kind == "video":
            _draw_clip(draw, view, region)
    elif view.kind == "text":
        _draw_words(draw, view.text, region, _readable_on(ground), ground)
    elif view.kind == "video":
        draw.rectangle(_box(region), fill="#d9d2c3")
        _draw_clip(draw, view, region)
    else:
        _draw_words(draw, f"{view.text or view.label}\n{view.detail}", region, _SOFT, ground)


def _paste(frame: Image.Image, view: bytes, box: tuple[int, int, int, int]) -> None:
    from PIL import Image, ImageOps  # noqa: PLC0415

    size = (max(1, box[2] - box[0]), max(1, box[3] - box[1]))
    # only what our own encoders wrote is opened in this process
    with Image.open(io.BytesIO(view), formats=["JPEG", "PNG", "GIF"]) as opened:
        picture = ImageOps.contain(opened.convert("RGB"), size)
    frame.paste(picture, (box[0] + (size[0] - picture.width) // 2, box[1] + (size[1] - picture.height) // 2))


def _draw_clip(draw: ImageDraw.ImageDraw, view: PartView, region: Region) -> None:
    left, top, right, bottom = _box(region)
    x, y = (left + right) // 2, (top + bottom) // 2
    draw.ellipse((x - 26, y - 26, x + 26, y + 26), fill="#23201b")
    draw.polygon([(x - 8, y - 14), (x - 8, y + 14), (x + 16, y)], fill="#ffffff")
    draw.text((left + 10, bottom - 24), _cut(view.label, 26), fill=_SOFT, font=_font(view.label, 13))


def _draw_sound(draw: ImageDraw.ImageDraw, label: str, number: int) -> None:
    y = 10 + 30 * number
    draw.rounded_rectangle((10, y, _FRAME[0] - 10, y + 25), radius=12, fill="#23201b")
    for n, tall in enumerate((6, 13, 9)):
        draw.rectangle((22 + 5 * n, y + 19 - tall, 24 + 5 * n, y + 19), fill="#ffb48f")
    draw.text((44, y + 5), _cut(label, 24), fill="#ffffff", font=_font(label, 13))


def _draw_words(draw: ImageDraw.ImageDraw, text: str, region: Region, ink: str, ground: str) -> None:
    left, top, right, bottom = _box(region)
    draw.rectangle((left, top, right, bottom), fill=ground)
    font = _font(text, 15)
    to_right = _is_right_to_left(text)
    for number, line in enumerate(_lines(text, font, right - left - 20)):
        y = top + 10 + number * 20
        if y + 18 > bottom:
            break
        x = right - 10 - font.getlength(line) if to_right else left + 10
        draw.text((x, y), line, fill=ink, font=font)


def _lines(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> Iterator[str]:
    """Wrapped at blanks, or anywhere where a word is wider than the line, as scripts without blanks need it."""
    for paragraph in text[:2000].split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= width:
                line = longer
                continue
            if line:
                yield line
            line = ""
            # Thai, Lao, Khmer and Han have no blanks, so a line may end anywhere
            for c in word:
                if line and font.getlength(line + c) > width:
                    yield line
                    line = ""
                line += c
        yield line


def _box(region: Region) -> tuple[int, int, int, int]:
    width, height = _FRAME
    return (
        round(region.left * width / 100),
        round(region.top * height / 100),
        min(width, round(region.right * width / 100)),
        min(height, round(region.bottom * height / 100)),
    )


def _font(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont  # noqa: PLC0415

    # Pillow's own font has Latin letters only
    for name in _FONTS.get(guess_language(text), ()):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _is_right_to_left(text: str) -> bool:
    # Unicode UAX 9 rule P2: the first strong letter decides
    return next((b for c in text if (b := unicodedata.bidirectional(c)) in ("L", "R", "AL")), "L") != "L"


def _readable_on(ground: str) -> str:
    red, green, blue = (int(ground[i : i + 2], 16) for i in (1, 3, 5))
    # ITU-R BT.601 luma
    return _INK if red * 0.299 + green * 0.587 + blue * 0.114 > _MIDDLE_GREY else "#ffffff"


def _cut(text: str, characters: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= characters else f"{flat[: characters - 1]}…"
