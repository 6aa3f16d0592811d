"""What sniff promises about evidence, limits, words and weak magic."""

from __future__ import annotations

import contextlib
import struct
import subprocess
import sys
import threading
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from mmscontent.errors import DamagedMedia, MMSContentError, OverLimits, UnknownMedia
from mmscontent.limits import DEFAULT_INPUT_LIMITS, InputLimits
from mmscontent.sniff import libmagic, sniff
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = ROOT / "fixtures"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


DISAGREEMENTS = [
    ("png-named.jpg", None, "image/jpeg", "declared image/jpeg, the bytes are image/png"),
    ("png-named.jpg", "a.jpg", None, "named a.jpg, the bytes are image/png"),
    ("amr-nb-1s.amr", None, "audio/mpeg", "declared audio/mpeg, the bytes are audio/amr"),
    ("text-named.jpg", None, "image/jpeg", "declared image/jpeg, the bytes are text/plain"),
    ("mp4-h264-128x96-1s.mp4", None, "foo/bar", "declared foo/bar, the bytes are video/mp4"),
]
AGREEMENTS = [
    ("png-named.jpg", "a.png", "image/x-png"),
    ("jpeg-64x48-exif1.jpg", "A.JPE", "Image/JPG; name=a.jpg"),
    ("vcard-21-photo.vcf", "ada.vcf", "text/vcard"),
    ("heic-64x48-irot-orient3.heic", None, "image/heif"),
    ("mp4-audio-only-1s.mp4", "a.mp4", "video/mp4"),
    ("3gp-audio-only-amr-1s.3gp", "a.3gp", "video/3gpp"),
    ("smil-bare.smil", "a.smi", "text/plain"),
    ("gif-still-64x48.gif", None, "application/octet-stream"),
    ("gif-still-64x48.gif", None, "image/*"),
]


@pytest.mark.parametrize(("source", "name", "declared", "note"), DISAGREEMENTS)
def test_a_disagreement_with_the_bytes_is_a_note_and_the_bytes_win(
    source: str, name: str | None, declared: str | None, note: str
) -> None:
    info = sniff(fixture(source), name, declared)

    assert note in info.notes
    assert info.media_type == note.rpartition(" ")[2]


@pytest.mark.parametrize(("source", "name", "declared"), AGREEMENTS)
def test_another_name_for_the_same_thing_is_no_disagreement(
    source: str, name: str | None, declared: str | None
) -> None:
    assert sniff(fixture(source), name, declared).notes == ()


def gif_of(frames: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + frame * frames + b"\x3b"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def apng_of(frames: int) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"acTL", struct.pack(">II", frames, 0)) + png_chunk(b"IEND", b"")


def wav_of(seconds: int) -> bytes:
    size = seconds * 10
    head = struct.pack("<HHIIHH", 7, 1, 10, 10, 1, 8)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt \x10\0\0\0"
        + head
        + b"data"
        + struct.pack("<I", size)
        + bytes(size)
    )


LIMITS: list[tuple[str, Callable[[], bytes], InputLimits, str]] = [
    ("bytes", lambda: bytes(1001), InputLimits(max_part_bytes=1000), "1,001 bytes, the limit is 1,000"),
    ("gif frames", lambda: gif_of(51), InputLimits(max_frames=50), "over 50 frames"),
    ("apng frames", lambda: apng_of(4_000_000_000), DEFAULT_INPUT_LIMITS, "4,000,000,000 frames"),
    ("animation pixels", lambda: apng_of(60), InputLimits(max_animation_px=5000), "10 × 10 px in 60 frames"),
    ("pixels", lambda: fixture("bmp-24bit-64x48.bmp"), InputLimits(max_image_px=3000), "64 × 48 px, 3,000 px in all"),
    ("a side", lambda: fixture("bmp-24bit-64x48.bmp"), InputLimits(max_side_px=63), "a side may have 63"),
    ("seconds", lambda: wav_of(61), InputLimits(max_duration_ms=60_000), "lasts 61 s, the limit is 60 s"),
    ("a film's sides", lambda: fixture("webm-vp8-128x96-1s.webm"), InputLimits(max_side_px=127), "128 × 96 px"),
    ("text", lambda: b"words " * 200, InputLimits(max_text_bytes=1000), "1,200 bytes, the limit is 1,000"),
]


@pytest.mark.parametrize(("made", "limits", "text"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_what_passes_a_limit_is_refused_with_both_numbers(
    made: Callable[[], bytes], limits: InputLimits, text: str
) -> None:
    with pytest.raises(OverLimits) as caught:
        sniff(made(), "a.bin", limits=limits)

    assert text in str(caught.value)


def smil_with(front: str) -> bytes:
    return (front + "<smil><body><par><img src='a'/></par></body></smil>").encode()


WORDS: list[tuple[str, bytes, str]] = [
    ("smil, bare", smil_with(""), "application/smil"),
    ("smil, space in front", smil_with("\r\n\t "), "application/smil"),
    ("smil, utf-8 mark", b"\xef\xbb\xbf" + smil_with("<?xml version='1.0'?>"), "application/smil"),
    ("smil, utf-16", smil_with("<?xml version='1.0'?>").decode().encode("utf-16"), "application/smil"),
    ("smil, doctype with subset", smil_with('<!DOCTYPE smil [<!ENTITY a "b">]>'), "application/smil"),
    ("smil, comments", smil_with("<!-- a --><!-- b > -->"), "application/smil"),
    (
        "smil, namespace",
        b'<s:smil xmlns:s="http://www.w3.org/2001/SMIL20/Language"><s:body/></s:smil>',
        "application/smil",
    ),
    ("smil, capitals", b"<SMIL><BODY></BODY></SMIL>", "application/smil"),
    ("svg without declaration", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    ("html fragment", b"<div>hello</div>", "text/html"),
    ("html by document type", b"<!doctype HTML><title>x", "text/html"),
    ("some xml", b"<?xml version='1.0'?><note/>", "application/xml"),
    ("less-than in prose", b"<grin> that is what she said", "text/plain"),
    ("card, lower case", b"begin:vcard\nversion:2.1\nend:vcard", "text/x-vcard"),
    ("card, spaces", b"\n\n  BEGIN : VCARD\r\nVERSION:4.0\r\nEND:VCARD", "text/x-vcard"),
    ("card, utf-16", "BEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD\r\n".encode("utf-16"), "text/x-vcard"),
    ("calendar of version 1", b"BEGIN:VCALENDAR\r\nVERSION:1.0\r\nEND:VCALENDAR", "text/x-vcalendar"),
    ("calendar without version", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR", "text/calendar"),
    ("event alone", b"BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT", "text/calendar"),
    ("prose about a card", b"The file says BEGIN:VCARD somewhere", "text/plain"),
    ("mail", b"From: a@example.org\r\nSubject: x\r\n\r\nhello", "message/rfc822"),
    ("mbox", b"From a@b Fri Jul 3 18:00:00 2026\nReturn-Path: <a@b>\nTo: c@d\n\nx", "message/rfc822"),
    ("one field is no mail", b"Subject: the boat\n\nhello", "text/plain"),
    ("prose with colons", b"Note: this.\nTo: nobody.\nNothing else: really\nplain line\n\n", "text/plain"),
    ("parts without head", b"--b\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--b--", "multipart/related"),
    ("parts without head, plain", b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "multipart/mixed"),
    ("content type and parts", b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n', "multipart/mixed"),
    ("a rule of dashes", b"-----\nhello\n-----\n", "text/plain"),
    (
        "shift-jis card",
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=SHIFT_JIS:\x88\xc0\x93\xa1;;;;\r\nEND:VCARD\r\n",
        "text/x-vcard",
    ),
    ("emoji", "🌊".encode(), "text/plain"),
    ("json", b'{"a": 1}', "text/plain"),
]


@pytest.mark.parametrize(("data", "media_type"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_words_are_told_apart_by_how_they_begin(data: bytes, media_type: str) -> None:
    assert sniff(data).media_type == media_type


CHARSETS: list[tuple[str, bytes, str | None, str | None, str | None]] = [
    ("ascii", b"hello", None, None, "us-ascii"),
    ("utf-8", "Küste".encode(), None, None, "utf-8"),
    ("utf-8 beats a wrong declaration", "Küste".encode(), None, "text/plain; charset=iso-8859-1", "utf-8"),
    ("utf-8, cut inside a letter after 64 KiB", b"a" * 65_535 + "é".encode() + b"b", None, None, "utf-8"),
    ("utf-16, little-endian mark", "Küste".encode("utf-16"), None, None, "utf-16"),
    ("utf-16, big-endian mark", b"\xfe\xff" + "Küste".encode("utf-16-be"), None, None, "utf-16"),
    (
        "ucs-2 without a mark, declared",
        "Küste".encode("utf-16-be"),
        None,
        'text/plain;charset="iso-10646-ucs-2"',
        "utf-16",
    ),
    ("latin letters", "Größe und Küste".encode("cp1252"), None, None, "windows-1252"),
    (
        "russian, declared",
        "Привет, как дела".encode("cp1251"),
        None,
        "text/plain; charset=windows-1251",
        "windows-1251",
    ),
    ("russian, only named", "Привет".encode("cp1251"), "a.txt", None, None),
    (
        "a card that says so",
        "BEGIN:VCARD\nN;CHARSET=SHIFT_JIS:安藤\nEND:VCARD".encode("shift_jis"),
        None,
        None,
        "shift_jis",
    ),
    (
        "xml that says so",
        "<?xml version='1.0' encoding='ISO-8859-2'?><a>Łódź</a>".encode("iso-8859-2"),
        None,
        None,
        "iso-8859-2",
    ),
    ("an unknown declaration", "Größe".encode("cp1252"), None, "text/plain; charset=zlib_codec", "windows-1252"),
    ("escapes, declared", "日本".encode("iso-2022-jp"), None, "text/plain; charset=ISO-2022-JP", "iso-2022-jp"),
    ("ends in a zero", b"<smil><body/></smil>\0", None, None, "us-ascii"),
]


@pytest.mark.parametrize(
    ("data", "name", "declared", "charset"), [r[1:] for r in CHARSETS], ids=[r[0] for r in CHARSETS]
)
def test_a_charset_is_seen_before_it_is_believed(
    data: bytes, name: str | None, declared: str | None, charset: str | None
) -> None:
    info = sniff(data, name, declared)

    assert info.charset == charset
    assert info.kind in ("text", "contact", "presentation", "other")


def test_russian_letters_nobody_claims_are_unknown() -> None:
    with pytest.raises(UnknownMedia):
        sniff("Привет".encode("cp1251"))


def wbmp(width: int, height: int, size: int) -> bytes:
    return bytes([0, 0, width, height]) + bytes(size)


WEAK: list[tuple[str, bytes, str | None, str]] = [
    ("wbmp, size agrees", wbmp(16, 4, 8), None, "image/vnd.wap.wbmp"),
    ("wbmp, one byte over", wbmp(16, 4, 9), None, "UnknownMedia"),
    ("wbmp, one byte over and named", wbmp(16, 4, 9), "a.wbmp", "image/vnd.wap.wbmp"),
    ("zeros", bytes(400), "a.wbmp", "UnknownMedia"),
    (
        "tga, named",
        struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 2, 2, 24, 0) + bytes(12),
        "a.tga",
        "image/x-tga",
    ),
    (
        "tga, not named",
        struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 2, 2, 24, 0) + bytes(12),
        None,
        "UnknownMedia",
    ),
    ("icon that points outside", bytes.fromhex("00000100010010100000010020006804000016000000"), None, "UnknownMedia"),
    ("pdu type without version", b"\x8c\x82\x89\x40", None, "UnknownMedia"),
    ("pdu cut in a value", b"\x8c\x82\x8d\x90\x83http://a", None, "application/vnd.wap.mms-message"),
    ("pdu with an unknown type", b"\x8c\xf0\x8d\x90", None, "UnknownMedia"),
    ("one sync word", b"\xff\xfb\x90\x64" + bytes(40), None, "UnknownMedia"),
    ("jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ", None, "UnknownMedia"),
]


@pytest.mark.parametrize(("data", "name", "expected"), [row[1:] for row in WEAK], ids=[row[0] for row in WEAK])
def test_weak_magic_is_believed_only_with_structure(data: bytes, name: str | None, expected: str) -> None:
    try:
        told = sniff(data, name).media_type
    except MMSContentError as error:
        told = type(error).__name__

    assert told == expected


def test_libmagic_is_asked_where_no_reader_knows_the_bytes() -> None:
    asf = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(64)
    with pytest.raises(UnknownMedia, match="libmagic takes it for video/x-ms-asf"):
        sniff(asf)


def test_sniffing_goes_on_without_libmagic_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """None in sys.modules is how the import system says: not installed."""
    for module in ("pylibmagic", "magic"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(libmagic, "_per_thread", threading.local())

    assert sniff(fixture("png-named.jpg")).media_type == "image/png"
    assert "libmagic is not installed and was not asked" in sniff(b"words", "a.jpg").notes
    with pytest.raises(UnknownMedia, match="libmagic is not installed"):
        sniff(fixture("random-4096-bytes.bin"))


def test_threads_share_no_libmagic_handle() -> None:
    opinions: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: opinions.append(libmagic.libmagic_type(fixture("pdu-m-send-req.mms"))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opinions) == 4
    assert len(set(opinions)) == 1


def test_importing_and_sniffing_a_picture_loads_no_decoder() -> None:
    code = (
        "import sys; from mmscontent.sniff import sniff; import pathlib;"
        f"sniff(pathlib.Path({str(FIXTURES / 'gif-still-64x48.gif')!r}).read_bytes(), 'a.gif');"
        "print([m for m in ('magic', 'PIL', 'numpy', 'lxml') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert out.strip() == "[]"


@pytest.mark.parametrize(
    "front", ["jpeg-64x48-exif1.jpg", "mp4-audio-only-1s.mp4", "webm-vp8-128x96-1s.webm", "wav-pcm16-8khz-500ms.wav"]
)
def test_a_long_tail_costs_next_to_nothing(front: str) -> None:
    data = fixture(front) + bytes(100_000_000)
    start = time.process_time()
    sniff(data)

    assert time.process_time() - start < 0.5


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


HOSTILE: list[tuple[str, Callable[[], bytes]]] = [
    ("png of empty chunks", lambda: apng_of(1)[:33] + png_chunk(b"tEXt", b"") * 800_000),
    ("gif of one-byte blocks", lambda: gif_of(1)[:-3] + b"\1\0" * 5_000_000),
    ("film of tiny boxes", lambda: box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", box(b"free", b"") * 1_000_000)),
    (
        "film of tracks in tracks",
        lambda: (
            box(b"ftyp", b"isom\0\0\0\0isom")
            + box(b"moov", box(b"trak", box(b"mdia", box(b"free", b"") * 50)) * 20_000)
        ),
    ),
    (
        "fragments without end",
        lambda: (
            box(b"ftyp", b"isom\0\0\0\0isom")
            + box(b"moov", box(b"mvex", b""))
            + box(b"moof", box(b"traf", b"") * 50) * 20_000
        ),
    ),
    ("a card of empty lines", lambda: b"BEGIN:VCARD\r\n" + b"\n" * 500_000),
    ("a tag of openings", lambda: b"<!DOCTYPE a [" + b"]" * 400_000),
    ("comments without end", lambda: b"<!--" * 200_000),
    ("headers without end", lambda: b"Subject: x\r\n" * 80_000),
    ("all sync words", lambda: b"\xff\xfb\x90\x04" * 500_000),
    (
        "tiff that points at itself",
        lambda: b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + bytes(65535 * 12) + b"\x08\0\0\0",
    ),
    (
        "heif of many items",
        lambda: (
            box(b"ftyp", b"heic\0\0\0\0heic")
            + box(b"meta", bytes(4) + box(b"iinf", bytes(6) + box(b"infe", b"\2\0\0\0\0\1\0\0hvc1\0") * 60_000))
        ),
    ),
    (
        "midi of nothing but notes",
        lambda: b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + struct.pack(">I", 3_000_000) + b"\0\x90\x40" * 1_000_000,
    ),
    ("amr of two hours", lambda: b"#!AMR\n" + b"\x7c" * 720_000),
    ("matroska of empty elements", lambda: fixture("webm-vp8-128x96-1s.webm")[:60] + b"\xec\x80" * 1_000_000),
]


@pytest.mark.parametrize("made", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_structure_ends_within_two_seconds(made: Callable[[], bytes]) -> None:
    data = made()
    start = time.process_time()
    with contextlib.suppress(MMSContentError):
        sniff(data)

    assert time.process_time() - start < 2


def test_a_sampling_rate_of_next_to_nothing_is_over_the_limit() -> None:
    data = bytearray(fixture("caf-alac-1s.caf"))
    data[20:28] = struct.pack(">d", 5e-324)

    with pytest.raises(OverLimits, match="lasts"):
        sniff(bytes(data))


def test_an_empty_input_is_damaged_whatever_is_claimed() -> None:
    with pytest.raises(DamagedMedia, match=r"the input is empty"):
        sniff(b"", None, "image/jpeg")


def test_a_film_beside_a_heif_picture_is_a_motion_photo_not_an_animation() -> None:
    film = fixture("mp4-h264-128x96-1s.mp4")
    movie = film[film.index(b"moov") - 4 :]

    info = sniff(fixture("heic-64x48-irot-orient3.heic") + movie)

    assert (info.media_type, info.frames, info.duration_ms) == ("image/heic", 1, None)
    assert (info.width_px, info.height_px, info.orientation) == (64, 48, 3)
    assert "motion photo video" in info.metadata


def test_the_exif_orientation_of_a_heif_is_only_told() -> None:
    """ISO/IEC 23008-12: what turns the picture are its item properties."""
    info = sniff(fixture("heic-64x48-irot-orient3.heic").replace(b"irot", b"free"))

    assert info.orientation == 1
    assert info.notes == ("EXIF orientation 3 is informational in HEIF, the picture is stored upright",)


def test_an_mp4_without_video_or_audio_is_damaged() -> None:
    with pytest.raises(DamagedMedia, match="without a video or audio track"):
        sniff(fixture("mp4-h264-128x96-1s.mp4").replace(b"trak", b"free"))
