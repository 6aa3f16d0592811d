"""ISO base media files: MP4, QuickTime, 3GP, and the door to HEIF; which one is decided by tracks as well as brands.

A file without a picture track is sound (RFC 3839, RFC 4337), whatever its brand says. A film's `orientation` is its
track matrix as an EXIF number. Sources: ISO/IEC 14496-12, 3GPP TS 26.244 section 5, QuickTime File Format.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from mmscontent.errors import DamagedMedia
from mmscontent.sniff.boxes import Box, boxes, child, full_box, top_boxes
from mmscontent.sniff.heif import STILL_BRANDS, read_still
from mmscontent.sniff.orientation import exif_number
from mmscontent.sniff.reader import be, frame_rate, milliseconds, printable, unique
from mmscontent.sniff.sample_entries import Coding, read_sample_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.message import MediaInfo
    from mmscontent.sniff.reader import Source

__all__ = ["read"]

_QUICKTIME_FIRST = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_MOST_BRANDS = 64
_MOST_RUNS = 20_000
# What a file is by its main brand: with a picture track, without.
_BRANDS: dict[bytes, tuple[str, str]] = {
    b"qt  ": ("video/quicktime", "audio/mp4"),
    b"3gp": ("video/3gpp", "audio/3gpp"),
    b"3gr": ("video/3gpp", "audio/3gpp"),
    b"3gs": ("video/3gpp", "audio/3gpp"),
    b"3ge": ("video/3gpp", "audio/3gpp"),
    b"3gg": ("video/3gpp", "audio/3gpp"),
    b"3g2": ("video/3gpp2", "audio/3gpp2"),
}
_MP4 = ("video/mp4", "audio/mp4")
_FOREIGN_BRANDS = frozenset((b"jp2 ", b"jpx ", b"jpm ", b"crx "))  # JPEG 2000 and Canon raw share the box syntax
_3GPP_ONLY = frozenset(("h263", "amr-nb", "amr-wb"))
_MOST_TRACKS = 64
_MOST_FRAGMENTS = 50_000  # of all tracks
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# Boxes of the user data and item list, and keys of Apple's metadata, and what each gives away.
_BOX_WORDS: dict[bytes, str] = {
    b"\xa9xyz": "GPS position",
    b"loci": "GPS position",
    b"\xa9ART": "author",
    b"\xa9aut": "author",
    b"auth": "author",
    b"\xa9mak": "camera model",
    b"\xa9mod": "camera model",
    b"\xa9cmt": "comment",
    b"covr": "cover picture",
    b"XMP_": "XMP",
}
_KEY_WORDS: dict[bytes, str] = {
    b"com.apple.quicktime.location.ISO6709": "GPS position",
    b"com.apple.quicktime.author": "author",
    b"com.apple.quicktime.make": "camera model",
    b"com.apple.quicktime.content.identifier": "image id",
    b"com.android.manufacturer": "camera model",
}


@dataclass(frozen=True, slots=True)
class _Track:
    handler: bytes
    coding: Coding
    number: int = 0
    duration_ms: int | None = None
    samples: int = 0
    timescale: int = 0
    orientation: int | None = 1


def read(source: Source) -> MediaInfo | None:
    """Any ISO base media file, or a QuickTime file from before `ftyp` existed."""
    data = source.data
    kind = data[4:8]
    if kind == b"ftyp":
        brands = _brands(data)
    elif kind in _QUICKTIME_FIRST and _has_movie(data):
        brands = (b"qt  ",)
    else:
        return None
    if brands[0] in _FOREIGN_BRANDS:
        return None
    movie = next((b for b in top_boxes(data) if b.kind == b"moov"), None)
    tracks = list(_tracks(data, movie)) if movie is not None else []
    if brands[0] in STILL_BRANDS or (movie is None and STILL_BRANDS & set(brands)):
        return read_still(source, brands, _sequence(source, tracks))
    if movie is None:
        raise DamagedMedia(f"a film of brand {printable(brands[0])} has no movie header (moov); it is cut short")
    return _film(source, brands, movie, tracks)


def _brands(data: bytes) -> tuple[bytes, ...]:
    """Main brand, then the compatible ones."""
    size = min(be(data, 0, 4) or len(data), len(data), 16 + 4 * _MOST_BRANDS)
    be(data, 8, 4)
    return data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))


def _has_movie(data: bytes) -> bool:
    return any(b.kind == b"moov" and child(data, b, b"mvhd") for b in top_boxes(data))


def _tracks(data: bytes, movie: Box) -> Iterator[_Track]:
    found = (b for b in boxes(data, movie.start, movie.end) if b.kind == b"trak")
    for box in islice(found, _MOST_TRACKS):
        try:
            track = _track(data, box)
        except DamagedMedia:
            continue
        if track is not None:
            yield track


def _track(data: bytes, box: Box) -> _Track | None:
    media = child(data, box, b"mdia")
    handler_box, description = child(data, media, b"hdlr"), child(data, media, b"minf", b"stbl", b"stsd")
    if handler_box is None or description is None:
        return None
    handler = data[handler_box.start + 8 : handler_box.start + 12]
    entry = next(boxes(data, description.start + 8, description.end), None)
    if entry is None:
        return None
    timescale, ticks = _header(data, child(data, media, b"mdhd"))
    number, orientation = _track_header(data, child(data, box, b"tkhd"))
    return _Track(
        handler,
        read_sample_entry(data, entry, handler),
        number,
        milliseconds(ticks, timescale),
        _samples(data, child(data, media, b"minf", b"stbl")),
        timescale,
        orientation,
    )


def _header(data: bytes, box: Box | None) -> tuple[int, int]:
    """Timescale and duration of a movie or media header."""
    if box is None:
        return 0, 0
    version, _, at = full_box(data, box)
    if version:
        return be(data, at + 16, 4), _known(be(data, at + 20, 8), 64)
    return be(data, at + 8, 4), _known(be(data, at + 12, 4), 32)


def _known(ticks: int, bits: int) -> int:
    return 0 if ticks == (1 << bits) - 1 else ticks  # all ones: not known


def _track_header(data: bytes, box: Box | None) -> tuple[int, int | None]:
    """Track number, and its matrix as an EXIF number; None when it shears or turns otherwise."""
    if box is None:
        return 0, 1
    version, _, at = full_box(data, box)
    number = be(data, at + (16 if version else 8), 4)
    at += 48 if version else 36
    a, b, c, d = (_sign(be(data, at + i, 4)) for i in (0, 4, 12, 16))
    return number, exif_number((a, c, b, d))  # the file's matrix multiplies a row from the right


def _sign(fixed: int) -> int:
    """Sign of a 16.16 number: scaling of the picture does not matter here."""
    return 0 if not fixed else -1 if fixed >> 31 else 1


def _samples(data: bytes, table: Box | None) -> int:
    box = child(data, table, b"stsz") or child(data, table, b"stz2")
    return be(data, box.start + 8, 4) if box is not None else 0


def _sequence(source: Source, tracks: list[_Track]) -> MediaInfo | None:
    """What the picture track of an image sequence says."""
    track = next((t for t in tracks if t.handler == b"pict" and t.samples), None)
    if track is None:
        return _with_film(source, tracks)
    fps = _fps(track)
    return replace(
        source.info("image/heif"),
        width_px=track.coding.width_px,
        height_px=track.coding.height_px,
        frames=track.samples,
        duration_ms=track.duration_ms if track.samples > 1 else None,
        fps=fps if track.samples > 1 else None,
        codec=track.coding.codec,
        orientation=track.orientation or 1,
    )


def _with_film(source: Source, tracks: list[_Track]) -> MediaInfo | None:
    """A picture whose file also holds a film track: a motion photo, not an image sequence."""
    if not any(t.handler == b"vide" for t in tracks):
        return None
    return replace(source.info("image/heif"), metadata=("motion photo video",))


def _fps(track: _Track) -> float | None:
    return frame_rate(track.samples, track.duration_ms)


def _film(source: Source, brands: tuple[bytes, ...], movie: Box, tracks: list[_Track]) -> MediaInfo:
    data = source.data
    picture = next((t for t in tracks if t.handler == b"vide" and t.coding.width_px), None)
    sound = next((t for t in tracks if t.handler == b"soun"), None)
    if picture is None and sound is None:
        raise DamagedMedia("a film without a picture or sound track that can be read")
    pair = _types(brands, tracks)
    info = _timed(source.info(pair[0] if picture else pair[1]), data, movie, tracks)
    notes = [*_cut_notes(data), *_track_notes(tracks)]
    if brands[0] == b"qt  " and picture is None:
        notes.append("a QuickTime file without a picture is named audio/mp4")
    if sound is not None:
        info = _with_sound(info, sound, alone=picture is None)
    if picture is not None:
        info = _with_picture(info, picture)
        if picture.orientation is None:
            notes.append("its track matrix does more than turn and mirror, it is taken as upright")
    return replace(info, notes=tuple(notes), metadata=_words(data, movie))


def _types(brands: tuple[bytes, ...], tracks: list[_Track]) -> tuple[str, str]:
    """Names with and without a picture, by main brand; a film of 3GPP codecs only is 3GP (TS 26.244 5.4)."""
    named = _BRANDS.get(brands[0]) or _BRANDS.get(brands[0][:3])
    if named is not None:
        return named
    codecs = {t.coding.codec for t in tracks if t.handler in (b"vide", b"soun")}
    if codecs and codecs <= _3GPP_ONLY and any(b[:3] == b"3gp" for b in brands):
        return _BRANDS[b"3gp"]
    return _MP4


def _timed(info: MediaInfo, data: bytes, movie: Box, tracks: list[_Track]) -> MediaInfo:
    timescale, ticks = _header(data, child(data, movie, b"mvhd"))
    length = milliseconds(ticks, timescale) or max((t.duration_ms or 0 for t in tracks), default=0)
    if not length or child(data, movie, b"mvex") is not None:
        length = max(length, _fragments_ms(data, movie, tracks))
    return replace(info, duration_ms=length or None)


def _with_sound(info: MediaInfo, track: _Track, *, alone: bool) -> MediaInfo:
    coding = track.coding
    info = replace(info, channels=coding.channels, sample_rate_hz=coding.sample_rate_hz, audio_codec=coding.codec)
    if not alone:
        return info
    rate = coding.bit_rate_bps
    if rate is None and info.duration_ms:
        rate = info.size_bytes * 8000 // info.duration_ms
    return replace(info, codec=coding.codec, profile=coding.profile, level=coding.level, bit_rate_bps=rate)


def _with_picture(info: MediaInfo, track: _Track) -> MediaInfo:
    coding = track.coding
    return replace(
        info,
        width_px=coding.width_px,
        height_px=coding.height_px,
        orientation=track.orientation or 1,
        fps=_fps(track),
        codec=coding.codec,
        profile=coding.profile,
        level=coding.level,
        bit_rate_bps=info.size_bytes * 8000 // info.duration_ms if info.duration_ms else None,
    )


def _cut_notes(data: bytes) -> Iterator[str]:
    for box in top_boxes(data):
        if not box.whole:
            yield f"its {printable(box.kind)} box announces more than there is, it may be cut short"


def _track_notes(tracks: list[_Track]) -> Iterator[str]:
    others = unique([printable(t.handler) for t in tracks if t.handler not in (b"vide", b"soun")])
    if others:
        yield f"it also holds tracks of other kinds: {', '.join(others)}"


def _words(data: bytes, movie: Box) -> tuple[str, ...]:
    """What the film's own description gives away, by the names in its user data and metadata boxes."""
    words: list[str] = []
    for box in boxes(data, movie.start, movie.end):
        if box.kind == b"udta":
            words += _user_words(data, box)
        elif box.kind == b"meta":
            words += _meta_words(data, box)
    words += ["XMP" for b in top_boxes(data) if b.kind == b"uuid" and data[b.start : b.start + 16] == _XMP_UUID]
    return unique(words)


def _user_words(data: bytes, user_data: Box) -> Iterator[str]:
    for box in boxes(data, user_data.start, user_data.end):
        if box.kind in _BOX_WORDS:
            yield _BOX_WORDS[box.kind]
        elif box.kind == b"meta":
            yield from _meta_words(data, box)


def _meta_words(data: bytes, meta: Box) -> Iterator[str]:
    # QUIRK: QuickTime's meta is a plain box, everybody else's has a version in front
    start = meta.start + (0 if data[meta.start + 4 : meta.start + 8] == b"hdlr" else 4)
    for box in boxes(data, start, meta.end):
        if box.kind == b"ilst":
            yield from (_BOX_WORDS[b.kind] for b in boxes(data, box.start, box.end) if b.kind in _BOX_WORDS)
        elif box.kind == b"keys":
            names = data[box.start : min(box.end, box.start + 65_536)]
            yield from (word for key, word in _KEY_WORDS.items() if key in names)


def _fragments_ms(data: bytes, movie: Box, tracks: list[_Track]) -> int:
    """Length of a fragmented film: the latest end of any fragment of any track (14496-12 8.8)."""
    scales = {t.number: t.timescale for t in tracks}
    extends = child(data, movie, b"mvex")
    defaults = {
        be(data, b.start + 4, 4): be(data, b.start + 12, 4)
        for b in (boxes(data, extends.start, extends.end) if extends else ())
        if b.kind == b"trex" and b.end - b.start >= 16
    }
    latest = 0
    reached: dict[int, int] = {}
    for run in islice(_track_fragments(data), _MOST_FRAGMENTS):
        number, end = _run_end(data, run, defaults, reached)
        reached[number] = end
        latest = max(latest, milliseconds(end, scales.get(number, 0)) or 0)
    return latest


def _track_fragments(data: bytes) -> Iterator[Box]:
    for fragment in top_boxes(data):
        if fragment.kind == b"moof":
            yield from (b for b in boxes(data, fragment.start, fragment.end, _MOST_TRACKS) if b.kind == b"traf")


def _run_end(data: bytes, traf: Box, defaults: dict[int, int], reached: dict[int, int]) -> tuple[int, int]:
    """Track number, and the tick at which this fragment ends."""
    number, step, at = 0, 0, 0
    for box in boxes(data, traf.start, traf.end, 16):
        try:
            if box.kind == b"tfhd":
                number, step = _fragment_header(data, box, defaults)
                at = reached.get(number, 0)
            elif box.kind == b"tfdt":
                version, _, start = full_box(data, box)
                at = be(data, start, 8 if version else 4)
            elif box.kind == b"trun":
                at += _run_ticks(data, box, step)
        except DamagedMedia:
            break
    return number, at


def _fragment_header(data: bytes, box: Box, defaults: dict[int, int]) -> tuple[int, int]:
    _, flags, at = full_box(data, box)
    number = be(data, at, 4)
    at += 4 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    return number, be(data, at, 4) if flags & 8 else defaults.get(number, 0)


def _run_ticks(data: bytes, box: Box, step: int) -> int:
    _, flags, at = full_box(data, box)
    count = min(be(data, at, 4), _MOST_RUNS)
    if not flags & 0x100:
        return count * step
    at += 4 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    width = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    return sum(be(data, at + i * width, 4) for i in range(min(count, (box.end - at) // width)))
