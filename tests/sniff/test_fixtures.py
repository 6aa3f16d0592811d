"""Every fixture is recognised, with the facts its name states."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pillow_heif
import pytest
from PIL import Image

from mmscontent.errors import DamagedMedia, MMSContentError, OverLimits, UnknownMedia
from mmscontent.sniff import sniff
from tests.conftest import ROOT

if TYPE_CHECKING:
    from mmscontent.message import MediaInfo

FIXTURES = ROOT / "fixtures"
Facts = dict[str, object]


def still(media_type: str, width: int, height: int, **more: object) -> Facts:
    return {"media_type": media_type, "kind": "image", "width_px": width, "height_px": height, "frames": 1} | more


def sound(media_type: str, milliseconds: int, codec: str, **more: object) -> Facts:
    return {"media_type": media_type, "kind": "audio", "duration_ms": milliseconds, "codec": codec} | more


def film(media_type: str, codec: str, audio_codec: str, **more: object) -> Facts:
    facts: Facts = {"media_type": media_type, "kind": "video", "codec": codec, "audio_codec": audio_codec}
    return facts | {"width_px": 128, "height_px": 96} | more


def words(media_type: str, charset: str | None = "us-ascii", **more: object) -> Facts:
    return {"media_type": media_type, "charset": charset} | more


CASES: dict[str, Facts] = {
    **{f"jpeg-64x48-exif{n}.jpg": still("image/jpeg", 64, 48, orientation=n) for n in (1, 2, 3, 4)},
    **{f"jpeg-64x48-exif{n}.jpg": still("image/jpeg", 48, 64, orientation=n) for n in (5, 6, 7, 8)},
    "heic-64x48-irot-orient3.heic": still("image/heic", 64, 48, orientation=3, codec="hevc"),
    "heic-64x48-irot-orient5.heic": still("image/heic", 48, 64, orientation=5),
    "heic-64x48-irot-orient8.heic": still("image/heic", 48, 64, orientation=8),
    "jpeg-480x640-exif6-gps-serial-thumbnail.jpg": still(
        "image/jpeg",
        480,
        640,
        orientation=6,
        metadata=("camera model", "date taken", "GPS position", "maker note", "author", "serial number", "thumbnail"),
    ),
    "jpeg-320x240-progressive.jpg": still("image/jpeg", 320, 240, codec="progressive", metadata=()),
    "jpeg-160x120-grey.jpg": still("image/jpeg", 160, 120, codec="baseline", profile="8-bit grey"),
    "jpeg-160x120-cmyk.jpg": still("image/jpeg", 160, 120, profile="8-bit cmyk"),
    "jpeg-160x120-444.jpg": still("image/jpeg", 160, 120, profile="8-bit ycbcr 4:4:4", metadata=("comment",)),
    "jpeg-160x120-mpo-2-pictures.jpg": still("image/jpeg", 160, 120, metadata=("further pictures",)),
    "jpeg-160x120-ultrahdr-gainmap.jpg": still(
        "image/jpeg", 160, 120, metadata=("further pictures", "XMP", "gain map")
    ),
    "jpeg-160x120-motion-photo.jpg": still("image/jpeg", 160, 120, metadata=("motion photo video",)),
    "png-screenshot-receipt-540x870.png": still("image/png", 540, 870, profile="8-bit rgb"),
    "png-64x48-exif8.png": still("image/png", 48, 64, orientation=8),
    "png-palette-alpha-64x64.png": still("image/png", 64, 64, profile="2-bit palette"),
    "png-16bit-grey-64x64.png": still("image/png", 64, 64, profile="16-bit grey"),
    "png-anim-120x90-4-frames-800ms.png": still("image/png", 120, 90, frames=4, duration_ms=800, fps=5.0, codec="apng"),
    "gif-anim-120x90-6-frames-600ms.gif": still("image/gif", 120, 90, frames=6, duration_ms=600, fps=10.0),
    "gif-still-64x48.gif": still("image/gif", 64, 48, duration_ms=None),
    "webp-lossy-320x240.webp": still("image/webp", 320, 240, codec="vp8", profile="lossy"),
    "webp-lossless-alpha-64x48.webp": still("image/webp", 64, 48, codec="vp8l"),
    "webp-64x48-exif6.webp": still("image/webp", 48, 64, orientation=6),
    "webp-anim-120x90-4-frames-400ms.webp": still("image/webp", 120, 90, frames=4, duration_ms=400, fps=10.0),
    "heic-320x240-p3-orient6.heic": still("image/heic", 320, 240, orientation=6, notes=()),
    "avif-64x48-irot-orient6.avif": still("image/avif", 48, 64, orientation=6, codec="av1"),
    "avif-anim-120x90-3-frames.avif": still("image/avif", 120, 90, frames=3, duration_ms=300),
    "bmp-24bit-64x48.bmp": still("image/bmp", 64, 48, profile="24-bit"),
    "tiff-lzw-64x48-exif3.tif": still("image/tiff", 64, 48, orientation=3, codec="lzw"),
    "tiff-2-pages-64x48.tif": still("image/tiff", 64, 48, frames=2),
    "ico-32x32.ico": still("image/x-icon", 32, 32),
    "wbmp-100x60.wbmp": still("image/vnd.wap.wbmp", 100, 60),
    "tga-rle-64x48.tga": still("image/x-tga", 64, 48, codec="rle"),
    "svg-10x10.svg": words("image/svg+xml", kind="image"),
    "amr-nb-1s.amr": sound("audio/amr", 1020, "amr-nb", channels=1, sample_rate_hz=8000, bit_rate_bps=12200),
    "amr-wb-1s.awb": sound("audio/amr-wb", 1000, "amr-wb", sample_rate_hz=16000),
    "mp3-cbr-1s.mp3": sound("audio/mpeg", 1152, "mp3", channels=1, sample_rate_hz=8000, metadata=("ID3 tag",)),
    "mp3-behind-20000-bytes-of-garbage.mp3": sound("audio/mpeg", 1152, "mp3", bit_rate_bps=16000),
    "aac-adts-1s.aac": sound("audio/aac", 1152, "aac", profile="lc", channels=1, sample_rate_hz=8000),
    "m4a-aac-1s.m4a": sound("audio/mp4", 1000, "aac", profile="lc", channels=1, sample_rate_hz=8000),
    "mp4-audio-only-1s.mp4": sound("audio/mp4", 1000, "aac", notes=()),
    "3gp-audio-only-amr-1s.3gp": sound("audio/3gpp", 1000, "amr-nb", notes=()),
    "ogg-opus-1s.ogg": sound("audio/ogg", 1000, "opus", channels=1, sample_rate_hz=48000),
    "ogg-vorbis-1s.ogg": sound("audio/ogg", 1000, "vorbis", sample_rate_hz=22050),
    "flac-1s.flac": sound("audio/flac", 1000, "flac", profile="16-bit"),
    "wav-pcm16-8khz-500ms.wav": sound("audio/wav", 500, "pcm", profile="16-bit", bit_rate_bps=128_000),
    "aiff-pcm16-500ms.aiff": sound("audio/aiff", 500, "pcm", sample_rate_hz=8000),
    "caf-alac-1s.caf": sound("audio/x-caf", 1000, "alac"),
    "au-ulaw-500ms.au": sound("audio/basic", 500, "ulaw"),
    "qcelp-1s.qcp": sound("audio/qcelp", 1000, "qcelp"),
    "midi-6s.mid": sound("audio/midi", 6000, "midi"),
    "imelody.imy": words("audio/imelody", kind="audio"),
    "mp4-h264-128x96-1s.mp4": film(
        "video/mp4", "h264", "aac", profile="constrained baseline", level="1.1", fps=10.0, duration_ms=1000
    ),
    "mov-h264-128x96-orient6-gps.mov": film(
        "video/quicktime", "h264", "aac", orientation=6, metadata=("GPS position",)
    ),
    "mp4-fragmented-128x96-1s.mp4": film("video/mp4", "h264", "aac", duration_ms=1128),
    "3gp-h263-176x144-1s.3gp": film(
        "video/3gpp", "h263", "amr-nb", width_px=176, height_px=144, profile="0", level="10", sample_rate_hz=8000
    ),
    "webm-vp8-128x96-1s.webm": film("video/webm", "vp8", "opus", fps=10.0),
    "mkv-audio-only-1s.mka": sound("audio/x-matroska", 1012, "vorbis"),
    "avi-mjpeg-128x96-1s.avi": film("video/x-msvideo", "mjpeg", "pcm", fps=5.0, duration_ms=1000),
    "ts-h264-128x96-1s.ts": film("video/mp2t", "h264", "aac", width_px=None, height_px=None),
    "mpeg-ps-128x96-1s.mpg": {"media_type": "video/mpeg", "codec": "mpeg1", "width_px": 128, "fps": 25.0},
    "flv-128x96-1s.flv": film("video/x-flv", "h263", "mp3", fps=10.0),
    "ogv-theora-128x96-1s.ogv": film("video/ogg", "theora", "vorbis", duration_ms=1000, fps=10.0),
    "vcard-21-photo.vcf": words("text/x-vcard", kind="contact", profile="2.1"),
    "vcard-30-lower-case-bom.vcf": words("text/x-vcard", "utf-8", profile="3.0"),
    "icalendar-20.ics": words("text/calendar", kind="calendar", profile="2.0"),
    "vcalendar-10.vcs": words("text/x-vcalendar", kind="calendar", profile="1.0"),
    "smil-bare.smil": words("application/smil", kind="presentation"),
    "smil-declaration-doctype.smil": words("application/smil"),
    "smil-doctype-only.smil": words("application/smil"),
    "text-utf8.txt": words("text/plain", "utf-8", kind="text", notes=()),
    "text-utf16-bom.txt": words("text/plain", "utf-16"),
    "text-windows1252.txt": words("text/plain", "windows-1252"),
    "mail-two-parts.eml": words("message/rfc822", None, kind="message"),
    "mm7-submit-with-http-head.http": words("multipart/related", None, kind="message"),
    "mm7-soap-alone.xml": words("application/xml"),
    "uaprof.rdf": words("application/rdf+xml"),
    "pdu-m-send-req.mms": {"media_type": "application/vnd.wap.mms-message", "profile": "m-send-req", "notes": ()},
    "pdu-m-notification-ind.mms": {"media_type": "application/vnd.wap.mms-message", "profile": "m-notification-ind"},
    "page.html": words("text/html", kind="other"),
    "paper.pdf": {"media_type": "application/pdf", "kind": "other"},
    "truncated.jpg": still("image/jpeg", 160, 120, notes=("it has no end marker, the picture may be cut short",)),
    "text-named.jpg": words("text/plain", notes=("named text-named.jpg, the bytes are text/plain",)),
    "png-named.jpg": still("image/png", 32, 32, notes=("named png-named.jpg, the bytes are image/png",)),
    "html-named.gif": words("text/html", notes=("named html-named.gif, the bytes are text/html",)),
    "playlist-named.mp4": words("text/plain", notes=("named playlist-named.mp4, the bytes are text/plain",)),
}

REFUSED: dict[str, tuple[type[MMSContentError], str]] = {
    "empty.jpg": (DamagedMedia, "empty.jpg is empty"),
    "header-50000x50000.png": (OverLimits, "50,000 × 50,000 px, 210,000,000 px in all are opened"),
    "canvas-bomb-16000x13000-6-frames.gif": (OverLimits, "16,000 × 13,000 px in 6 frames"),
    "zero-dimension.jpg": (DamagedMedia, "16 × 0 px"),
    "zero-dimension.png": (DamagedMedia, "0 × 10 px"),
    "truncated-in-header.jpg": (DamagedMedia, "no frame header"),
    "truncated.heic": (DamagedMedia, "how large its picture is"),
    "truncated.mp4": (DamagedMedia, "no movie header"),
    "random-4096-bytes.bin": (UnknownMedia, "no media type we know"),
}


def facts_of(info: MediaInfo, names: Facts) -> Facts:
    return {field.name: getattr(info, field.name) for field in fields(info) if field.name in names}


@pytest.mark.parametrize("name", CASES)
def test_a_fixture_is_what_its_name_says(name: str) -> None:
    assert facts_of(sniff((FIXTURES / name).read_bytes(), name), CASES[name]) == CASES[name]


@pytest.mark.parametrize("name", CASES)
def test_the_type_comes_from_the_bytes_alone(name: str) -> None:
    assert sniff((FIXTURES / name).read_bytes()).media_type == CASES[name]["media_type"]


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_by_name(name: str) -> None:
    error, words_of_it = REFUSED[name]

    with pytest.raises(error) as caught:
        sniff((FIXTURES / name).read_bytes(), name)

    assert type(caught.value) is error
    assert words_of_it in str(caught.value)
    assert str(caught.value).startswith(name)
    assert caught.value.part == name


def test_every_fixture_has_a_case_and_the_folder_stays_small() -> None:
    made = {p.name: p.stat().st_size for p in FIXTURES.iterdir() if p.suffix not in (".py", ".md") and p.is_file()}
    ours = {name: made[name] for name in (*CASES, *REFUSED)}
    listed = {line.split("`")[1] for line in (FIXTURES / "README.md").read_text("utf-8").splitlines() if "| `" in line}

    assert listed == set(ours)
    assert max(ours.values()) <= 60_000
    assert sum(made.values()) <= 600_000


@dataclass(frozen=True)
class Corner:
    at: tuple[int, int]
    colour: str


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
CORNERS = (Corner((8, 8), "red"), Corner((56, 8), "green"), Corner((56, 40), "blue"), Corner((8, 40), "white"))


def colour_of(pixel: tuple[int, int, int]) -> str:
    red, green, blue = pixel
    if min(pixel) > 180:
        return "white"
    return "red" if red > max(green, blue) else "green" if green > blue else "blue"


ORIENTED = [name for name in CASES if "64x48" in name and ("exif" in name or "orient" in name)]


@pytest.mark.parametrize("name", ORIENTED)
def test_turning_the_stored_picture_by_our_orientation_shows_it_upright(name: str) -> None:
    """The number is held against pixels: of a decoder that turns by itself, or of ours turned by it."""
    pillow_heif.register_heif_opener()
    data = (FIXTURES / name).read_bytes()
    info = sniff(data, name)
    picture = Image.open(io.BytesIO(data))
    if picture.format not in ("HEIF", "TIFF"):  # those are turned by their decoders
        assert picture.size == (info.width_px, info.height_px)
        picture = picture.transpose(TURNS[info.orientation]) if info.orientation > 1 else picture

    assert picture.size == (64, 48)
    picture = picture.convert("RGB")
    assert [colour_of(picture.getpixel(c.at)) for c in CORNERS] == [c.colour for c in CORNERS]


def test_what_is_drawn_octet_by_octet_is_made_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders may change with their versions; what our own code writes may not."""
    monkeypatch.syspath_prepend(str(FIXTURES))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import sounds
    import words as wire

    made = {
        "wav-pcm16-8khz-500ms.wav": sounds.wav(8000, 500),
        "qcelp-1s.qcp": sounds.qcelp(1000),
        "midi-6s.mid": sounds.midi(),
        "pdu-m-send-req.mms": wire.pdu_send_req(),
        "mm7-submit-with-http-head.http": wire.mm7_request(),
    }

    assert {name: (FIXTURES / name).read_bytes() for name in made} == made
