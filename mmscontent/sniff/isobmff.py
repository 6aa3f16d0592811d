"""Reads ISO base media files: MP4, QuickTime and 3GP; stills go on to `heif`. Tracks decide the type as well as brands.

Sources: ISO/IEC 14496-12, 3GPP TS 26.244 section 5, QuickTime File Format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from mmscontent.containers.isobmff import FIRST_KINDS, Box, boxes, child, full_box, meta_boxes, top_boxes
from mmscontent.containers.metadata_words import MetadataWord
from mmscontent.containers.octets import be
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.heif import EXIF_NUMBERS, STILL_BRANDS, read_still
from mmscontent.sniff.reader import SniffInput, bit_rate, frame_rate, milliseconds, printable, unique
from mmscontent.sniff.sample_entries import Coding, read_sample_entry

_MOST_BRANDS = 64
_MOST_RUNS = 20_000
# What a file is by its main brand, with a video track and without (3GPP TS 26.244 5.4 for 3GP and its profiles).
_3GPP = ("video/3gpp", "audio/3gpp")
_BRANDS: dict[bytes, tuple[str, str]] = dict.fromkeys((b"3gp", b"3gr", b"3gs", b"3ge", b"3gg"), _3GPP)
_BRANDS |= {b"qt  ": ("video/quicktime", "audio/mp4"), b"3g2": ("video/3gpp2", "audio/3gpp2")}
_MP4 = ("video/mp4", "audio/mp4")
# ISO/IEC 15444-1 for JPEG 2000; Canon's CR3
_FOREIGN_BRANDS = frozenset((b"jp2 ", b"jpx ", b"jpm ", b"crx "))  # JPEG 2000 and Canon raw share the box syntax
# Codecs that only 3GPP names for MP4: with nothing else in it, an MP4 plays where 3GP does
_3GPP_ONLY = frozenset(("h263", "amr-nb", "amr-wb"))
_MOST_TRACKS = 64
_MOST_FRAGMENTS = 50_000  # of all tracks
# XMP part 3: the extended type of the box that holds it
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# Boxes of the user data (14496-12 8.10.1; `loci`: TS 26.244 8.10) and of the item list, and what each gives away.
_BOX_WORDS: dict[bytes, MetadataWord] = {
    # position: as ISO 6709 text (QuickTime); longitude, latitude and altitude (3GPP)
    b"\xa9xyz": "GPS position",
    b"loci": "GPS position",
    # artist and author (iTunes, QuickTime, 3GPP)
    b"\xa9ART": "author",
    b"\xa9aut": "author",
    b"auth": "author",
    # QuickTime's make, model and comment
    b"\xa9mak": "camera model",
    b"\xa9mod": "camera model",
    b"\xa9cmt": "comment",
    # iTunes' picture; Adobe's XMP in QuickTime files
    b"covr": "cover picture",
    b"XMP_": "XMP",
}
# Keys of QuickTime's metadata (handler `mdta`)
_KEY_WORDS: dict[bytes, MetadataWord] = {
    b"com.apple.quicktime.location.ISO6709": "GPS position",
    b"com.apple.quicktime.author": "author",
    b"com.apple.quicktime.make": "camera model",
    b"com.apple.quicktime.content.identifier": "image id",
    b"com.android.manufacturer": "camera model",
}


@dataclass(frozen=True, slots=True)
class _MovieTrack:
    handler: bytes
    coding: Coding
    number: int = 0
    duration_ms: int | None = None
    samples: int = 0
    timescale: int = 0
    orientation: int | None = 1

    @property
    def fps(self) -> float | None:
        return frame_rate(self.samples, self.duration_ms)


def read(source: SniffInput) -> MediaInfo | None:
    """Any ISO base media file, or a QuickTime file from before `ftyp` existed."""
    data = source.data
    kind = data[4:8]
    if kind == b"ftyp":
        brands = _brands(data)
    # Four letters at octet 4 may be chance; a movie with its header is not.
    elif kind in FIRST_KINDS and any(b.kind == b"moov" and child(data, b, b"mvhd") for b in top_boxes(data)):
        # A file from before `ftyp` existed has no brand.
        brands = (b"qt  ",)
    else:
        return None
    if brands[0] in _FOREIGN_BRANDS:
        return None
    movie = next((b for b in top_boxes(data) if b.kind == b"moov"), None)
    tracks = list(_tracks(data, movie)) if movie is not None else []
    # A still says so by its main brand; one without may still be one when nothing moves.
    if brands[0] in STILL_BRANDS or (movie is None and STILL_BRANDS & set(brands)):
        return read_still(source, brands, _sequence(source, tracks))
    if movie is None:
        raise DamagedMedia(f"a video of brand {printable(brands[0])} has no movie header (moov); it is cut short")
    return _movie(source, brands, movie, tracks)


def _brands(data: bytes) -> tuple[bytes, ...]:
    """Main brand, then the compatible ones (14496-12 4.3: size, `ftyp`, main brand, minor version, brands)."""
    size = min(be(data, 0, 4) or len(data), len(data), 16 + 4 * _MOST_BRANDS)
    # Offset 8: main brand; 12: minor version; 16: compatible brands, four octets each.
    be(data, 8, 4)
    return data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))


def _tracks(data: bytes, movie: Box) -> Iterator[_MovieTrack]:
    # 14496-12 8.3.1: one `trak` a track.
    found = (b for b in boxes(data, movie.start, movie.end) if b.kind == b"trak")
    for box in islice(found, _MOST_TRACKS):
        try:
            track = _track(data, box)
        # One broken track does not spoil the others.
        except DamagedMedia:
            continue
        if track is not None:
            yield track


def _track(data: bytes, box: Box) -> _MovieTrack | None:
    # 14496-12 8.4: the media box holds its header, its handler and the sample tables.
    media = child(data, box, b"mdia")
    handler_box, description = child(data, media, b"hdlr"), child(data, media, b"minf", b"stbl", b"stsd")
    if handler_box is None or description is None:
        return None
    handler = data[handler_box.start + 8 : handler_box.start + 12]  # 8.4.3: version and flags, 0, then the type
    # 8.5.2: version and flags, count, then the entries; of several the first one counts.
    entry = next(boxes(data, description.start + 8, description.end), None)
    if entry is None:
        return None
    # 8.4.2: a track counts in ticks of a timescale of its own.
    timescale, ticks = _header(data, child(data, media, b"mdhd"))
    number, orientation = _track_header(data, child(data, box, b"tkhd"))
    return _MovieTrack(
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
    # 8.2.2 and 8.4.2: creation and modification time, timescale, duration; version 1 has 64 bits for all but the scale.
    if version:
        # Version 1: two times of 64 bits, timescale at 16, duration at 20.
        timescale, ticks, unknown = be(data, at + 16, 4), be(data, at + 20, 8), (1 << 64) - 1
    else:
        # Version 0: two times of 32 bits, timescale at 8, duration at 12.
        timescale, ticks, unknown = be(data, at + 8, 4), be(data, at + 12, 4), (1 << 32) - 1
    # 8.2.2.3: a duration of all ones cannot be determined.
    return timescale, 0 if ticks == unknown else ticks


def _track_header(data: bytes, box: Box | None) -> tuple[int, int | None]:
    """Track number, and its matrix as an EXIF number; None when it shears or turns otherwise."""
    if box is None:
        return 0, 1
    version, _, at = full_box(data, box)
    # 8.3.2: two times, track number, reserved, duration, 8 octets reserved, layer, group, volume, reserved, the matrix.
    number = be(data, at + (16 if version else 8), 4)
    at += 48 if version else 36
    # 8.2.2: the matrix is a b u c d v x y w, 16.16 but for u, v and w.
    a, b, c, d = (_sign(be(data, at + i, 4)) for i in (0, 4, 12, 16))
    return number, EXIF_NUMBERS.get((a, c, b, d))  # the file's matrix multiplies a row from the right


def _sign(fixed: int) -> int:
    """Sign of a 16.16 number: scaling of the picture does not matter here."""
    # Two's complement: the top bit is the sign.
    return 0 if not fixed else -1 if fixed >> 31 else 1


def _samples(data: bytes, table: Box | None) -> int:
    # 8.7.3: version and flags, sample size (or field size), count of samples.
    box = child(data, table, b"stsz") or child(data, table, b"stz2")
    return be(data, box.start + 8, 4) if box is not None else 0


def _sequence(source: SniffInput, tracks: list[_MovieTrack]) -> MediaInfo | None:
    """What the picture track of an image sequence says (23008-12 section 7: handler `pict`)."""
    track = next((t for t in tracks if t.handler == b"pict" and t.samples), None)
    if track is None:
        # A picture whose file also holds a video track is a motion photo, not an image sequence.
        is_motion_photo = any(t.handler == b"vide" for t in tracks)
        return replace(source.info("image/heif"), metadata=("motion photo video",)) if is_motion_photo else None
    return replace(
        source.info("image/heif"),
        width_px=track.coding.width_px,
        height_px=track.coding.height_px,
        frames=track.samples,
        duration_ms=track.duration_ms if track.samples > 1 else None,
        fps=track.fps if track.samples > 1 else None,
        codec=track.coding.codec,
        orientation=track.orientation or 1,
    )


def _movie(source: SniffInput, brands: tuple[bytes, ...], movie: Box, tracks: list[_MovieTrack]) -> MediaInfo:
    data = source.data
    # A video track without sides has nothing to paint and counts as none.
    video = next((t for t in tracks if t.handler == b"vide" and t.coding.width_px), None)
    audio = next((t for t in tracks if t.handler == b"soun"), None)
    if video is None and audio is None:
        raise DamagedMedia("an MP4 file without a video or audio track that can be read")
    # RFC 3839, RFC 4337: a file without a video track is audio, whatever its brand says.
    pair = _types(brands, tracks)
    info = _timed(source.info(pair[0] if video else pair[1]), data, movie, tracks)
    cut = [printable(b.kind) for b in top_boxes(data) if not b.whole]
    notes = [f"its {kind} box announces more than there is, it may be cut short" for kind in cut]
    # Hint, metadata, text and timed-text handlers occur beside video and audio.
    others = unique(printable(t.handler) for t in tracks if t.handler not in (b"vide", b"soun"))
    if others:
        notes.append(f"it also holds tracks of other kinds: {', '.join(others)}")
    if brands[0] == b"qt  " and video is None:
        # No audio type is registered for QuickTime, and the boxes are those of MP4.
        notes.append("a QuickTime file without a picture is named audio/mp4")
    if audio is not None:
        info = _with_audio(info, audio, alone=video is None)
    if video is not None:
        info = _with_video(info, video)
        if video.orientation is None:
            notes.append("its track matrix does more than turn and mirror, it is taken as upright")
    return replace(info, notes=tuple(notes), metadata=_words(data, movie))


def _types(brands: tuple[bytes, ...], tracks: list[_MovieTrack]) -> tuple[str, str]:
    """Names with and without a video track, by main brand and codecs."""
    # A brand of 3GPP ends in the digit of its release, `3gp4` to `3gp9`, so three letters are looked up, too.
    named = _BRANDS.get(brands[0]) or _BRANDS.get(brands[0][:3])
    # TS 26.244 5.4: an MP4 of nothing but 3GPP's codecs, with a brand of 3GPP beside its own, is 3GP.
    if named is not None:
        return named
    codecs = {t.coding.codec for t in tracks if t.handler in (b"vide", b"soun")}
    if codecs and codecs <= _3GPP_ONLY and any(b[:3] == b"3gp" for b in brands):
        return _3GPP
    return _MP4


def _timed(info: MediaInfo, data: bytes, movie: Box, tracks: list[_MovieTrack]) -> MediaInfo:
    timescale, ticks = _header(data, child(data, movie, b"mvhd"))
    length = milliseconds(ticks, timescale) or max((t.duration_ms or 0 for t in tracks), default=0)
    # 8.8.1: `mvex` says that fragments follow, whose length the movie header does not count.
    if not length or child(data, movie, b"mvex") is not None:
        length = max(length, _fragments_ms(data, movie, tracks))
    return replace(info, duration_ms=length or None)


def _with_audio(info: MediaInfo, track: _MovieTrack, *, alone: bool) -> MediaInfo:
    coding = track.coding
    info = replace(info, channels=coding.channels, sample_rate_hz=coding.sample_rate_hz, audio_codec=coding.codec)
    if not alone:
        return info
    # `esds` may state the rate; otherwise all bytes of the file are counted.
    rate = bit_rate(info.size_bytes, info.duration_ms) if coding.bit_rate_bps is None else coding.bit_rate_bps
    return replace(info, codec=coding.codec, profile=coding.profile, level=coding.level, bit_rate_bps=rate)


def _with_video(info: MediaInfo, track: _MovieTrack) -> MediaInfo:
    coding = track.coding
    return replace(
        info,
        width_px=coding.width_px,
        height_px=coding.height_px,
        orientation=track.orientation or 1,
        fps=track.fps,
        codec=coding.codec,
        profile=coding.profile,
        level=coding.level,
        bit_rate_bps=bit_rate(info.size_bytes, info.duration_ms),
    )


def _words(data: bytes, movie: Box) -> tuple[str, ...]:
    """What the file's own description gives away, by the names in its user data and metadata boxes."""
    words: list[str] = []
    for box in boxes(data, movie.start, movie.end):
        # 14496-12 8.10.1: `udta` of the movie; QuickTime's names in it begin with A9, the copyright sign.
        if box.kind == b"udta":
            words += _user_words(data, box)
        elif box.kind == b"meta":
            words += _meta_words(data, box)
    words += ["XMP" for b in top_boxes(data) if b.kind == b"uuid" and data[b.start : b.start + 16] == _XMP_UUID]
    return unique(words)


def _user_words(data: bytes, user_data: Box) -> Iterator[MetadataWord]:
    for box in boxes(data, user_data.start, user_data.end):
        if box.kind in _BOX_WORDS:
            yield _BOX_WORDS[box.kind]
        elif box.kind == b"meta":
            yield from _meta_words(data, box)


def _meta_words(data: bytes, meta: Box) -> Iterator[MetadataWord]:
    for box in meta_boxes(data, meta):
        # iTunes: a box for each name, which holds the value.
        if box.kind == b"ilst":
            yield from (_BOX_WORDS[b.kind] for b in boxes(data, box.start, box.end) if b.kind in _BOX_WORDS)
        # QuickTime: `keys` has the names as texts, `ilst` the values by number; the names are enough here.
        elif box.kind == b"keys":
            names = data[box.start : min(box.end, box.start + 65_536)]
            yield from (word for key, word in _KEY_WORDS.items() if key in names)


def _fragments_ms(data: bytes, movie: Box, tracks: list[_MovieTrack]) -> int:
    """Length of a fragmented video: the latest end of any fragment of any track (14496-12 8.8)."""
    scales = {t.number: t.timescale for t in tracks}
    extends = child(data, movie, b"mvex")
    # 8.8.3: `trex` has version and flags, track number, description index, default duration.
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
            # 8.8.4 and 8.8.6: a `moof` holds one `traf` a track.
            yield from (b for b in boxes(data, fragment.start, fragment.end, _MOST_TRACKS) if b.kind == b"traf")


def _run_end(data: bytes, traf: Box, defaults: dict[int, int], reached: dict[int, int]) -> tuple[int, int]:
    """Track number, and the tick at which this fragment ends."""
    number, step, at = 0, 0, 0
    for box in boxes(data, traf.start, traf.end, 16):
        try:
            if box.kind == b"tfhd":
                number, step = _fragment_header(data, box, defaults)
                # Without `tfdt` a fragment begins where the one before it in the track ended.
                at = reached.get(number, 0)
            elif box.kind == b"tfdt":
                version, _, start = full_box(data, box)  # 8.8.12: decode time of the fragment's first sample
                at = be(data, start, 8 if version else 4)
            elif box.kind == b"trun":
                at += _run_ticks(data, box, step)
        except DamagedMedia:
            break
    return number, at


def _fragment_header(data: bytes, box: Box, defaults: dict[int, int]) -> tuple[int, int]:
    _, flags, at = full_box(data, box)
    # Offset 4: number of the track.
    number = be(data, at, 4)
    # 8.8.7: flag 1 base data offset, 2 description index, 8 default sample duration.
    at += 4 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    return number, be(data, at, 4) if flags & 8 else defaults.get(number, 0)


def _run_ticks(data: bytes, box: Box, step: int) -> int:
    _, flags, at = full_box(data, box)
    # Offset 4: count of samples.
    count = min(be(data, at, 4), _MOST_RUNS)
    # Without durations of their own samples have the default of the track or fragment.
    if not flags & 0x100:
        return count * step
    # 8.8.8: flag 1 data offset, 4 first sample flags; each sample has a field for each of flags 100 to 800 that is set.
    at += 4 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    # 100 duration, 200 size, 400 flags, 800 composition offset, four octets each.
    width = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    return sum(be(data, at + i * width, 4) for i in range(min(count, (box.end - at) // width)))
