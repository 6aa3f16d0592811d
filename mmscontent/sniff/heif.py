"""Reads HEIF (HEIC, AVIF and their sequences) by the item properties of the primary picture.

Sources: ISO/IEC 23008-12, ISO/IEC 14496-12 section 8.11, AV1-AVIF 1.1, Apple's HDR gain map, Google's Motion Photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mmscontent.containers.isobmff import Box, boxes, child, full_box, top_boxes
from mmscontent.containers.octets import be
from mmscontent.containers.tiff_exif import TiffHeader, read_exif
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, unique

# Brands of ISO/IEC 23008-12, stills and sequences, of HEVC and of any coding; then those of AV1-AVIF.
STILL_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"))
# `avis` is the sequence, `avio` of intra frames alone.
STILL_BRANDS |= {b"avif", b"avis", b"avio"}
_MOST_ITEMS = 5_000
_MOST_EXIF_BYTES = 4_000_000
# Item types of coded pictures (23008-12, AV1-AVIF)
_CODECS = {b"hvc1": "hevc", b"lhv1": "hevc", b"av01": "av1", b"avc1": "h264", b"jpeg": "jpeg", b"j2k1": "jpeg2000"}
_TYPES = {"hevc": "image/heic", "av1": "image/avif"}
# A turn is a matrix (a, b, c, d) over coordinates with y downwards: x' = ax + by, y' = cx + dy.
Turn = tuple[int, int, int, int]
# EXIF 2.32 table 6: what has to be done to the stored picture to see it upright
EXIF_NUMBERS: dict[Turn, int] = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, -1, 1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, 1, -1, 0): 8,
}
# 23008-12 6.5.10, `irot`: 0, 90, 180 and 270 degrees against the clock
_QUARTERS: tuple[Turn, ...] = ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))
# 23008-12 6.5.12, `imir`, as corrected in 2019: axis 0 swaps top and bottom, 1 swaps left and right
_MIRRORS: tuple[Turn, ...] = ((1, 0, 0, -1), (-1, 0, 0, 1))
# Auxiliary types of Apple and of ISO 21496-1
_GAIN_MAP = (b"hdrgainmap", b"urn:iso:std:iso:ts:21496")


@dataclass(slots=True)
class _ItemTables:
    """Tables of one meta box (14496-12 8.11), by item number."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    properties: list[Box] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    references: dict[tuple[bytes, int], list[int]] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)


def read_still(source: SniffInput, brands: tuple[bytes, ...], sequence: MediaInfo | None) -> MediaInfo:
    """A file of the HEIF family; *sequence* is what its video track says, when it has one."""
    data = source.data
    top = {b.kind: b for b in top_boxes(data)}
    info = sequence or source.info(_type_of(brands, ""))
    meta = _read_meta(data, top[b"meta"]) if b"meta" in top else None
    if meta is not None:
        info = _still(info, data, meta, brands)
    if info.width_px is None:
        raise DamagedMedia(f"{_type_of(brands, '')} says nowhere how large its picture is; its meta box cannot be read")
    # Google's Motion Photo puts its video into a box `mpvd` behind the picture.
    words = [*info.metadata, *(["motion photo video"] if b"mpvd" in top else [])]
    media_type = _type_of(brands, info.codec or "")
    return replace(info, media_type=media_type, kind="image", metadata=unique(words), frames=info.frames or 1)


def _type_of(brands: tuple[bytes, ...], codec: str) -> str:
    """By the coding of the picture; by the brands when that is not known."""
    if codec in _TYPES:
        return _TYPES[codec]
    # AV1: `avif`, `avis`, `avio`; HEVC: `heic`, `heix`, `hevc`, `hevx` and the layered ones.
    for brand in brands:
        if brand[:3] == b"avi":
            return "image/avif"
        if brand[:3] in (b"hei", b"hev"):
            return "image/heic"
    return "image/heif"


def _still(info: MediaInfo, data: bytes, meta: _ItemTables, brands: tuple[bytes, ...]) -> MediaInfo:
    # 23008-12 6.5: properties are numbered from 1 in `ipco`; `ipma` lists those of an item in the order they apply.
    mine = [meta.properties[i - 1] for i in meta.associations.get(meta.primary, ()) if 0 < i <= len(meta.properties)]
    # `ispe` counts the rows and columns that fill up coding blocks, `clap` cuts them off.
    sides = next((_clap(data, b) for b in mine if b.kind == b"clap"), None)
    # 23008-12 6.5.3, `ispe`: version and flags, then width and height as coded, four octets each.
    sides = sides or next(
        ((be(data, b.start + 4, 4), be(data, b.start + 8, 4)) for b in mine if b.kind == b"ispe"), None
    )
    exif = _exif(data, meta)
    # Orientation is what `irot` and `imir` say. When neither is there, the EXIF tag is only informational: libheif and
    # phones ignore it, and a note states it.
    turn, turned = _turn(data, mine)
    notes = exif.notes
    if exif.orientation not in (None, 1, turn) and not turned:
        notes += (f"EXIF orientation {exif.orientation} is informational in HEIF, the picture is stored upright",)
    # 23008-12 6.5.6: version and flags, count of channels, bits of each.
    depth = next((be(data, b.start + 5, 1) for b in mine if b.kind == b"pixi" and b.end - b.start > 5), None)
    return replace(
        info,
        width_px=sides[0] if sides else info.width_px,
        height_px=sides[1] if sides else info.height_px,
        orientation=turn,
        codec=_codec(meta) or info.codec or _TYPES_BACK.get(_type_of(brands, "")),
        profile=f"{depth}-bit" if depth else info.profile,
        notes=info.notes + notes,
        metadata=unique([*exif.metadata, *_words(data, meta), *info.metadata]),
    )


_TYPES_BACK = {media_type: codec for codec, media_type in _TYPES.items()}


def _codec(meta: _ItemTables) -> str | None:
    """Coding of the primary item, or of the tiles it is derived from."""
    # 23008-12 6.6: a grid refers to its tiles by `dimg`, "derived from".
    sources = [meta.primary, *meta.references.get((b"dimg", meta.primary), ())]
    return next((_CODECS[meta.kinds[i]] for i in sources if meta.kinds.get(i) in _CODECS), None)


def _clap(data: bytes, box: Box) -> tuple[int, int] | None:
    """Sides of the clean aperture, which cuts the coded picture down before it is turned (14496-12 12.1.4)."""
    # 14496-12 12.1.4: width, height and two offsets, each a numerator and a denominator.
    over, under = [be(data, box.start + i, 4) for i in (0, 8)], [be(data, box.start + i, 4) for i in (4, 12)]
    if not all((*over, *under)):
        return None
    # The offsets move the aperture and do not change its sides.
    return over[0] // under[0], over[1] // under[1]


def _turn(data: bytes, properties: list[Box]) -> tuple[int, bool]:
    """EXIF number of the turns and mirrors in their order, and whether there are any."""
    turn = _QUARTERS[0]
    # 23008-12 6.5.10 and 6.5.12: one octet each, a count of quarters and an axis.
    steps = [b for b in properties if b.kind in (b"irot", b"imir")]
    for box in steps:
        value = be(data, box.start, 1)
        # The product step × turn: first what was there, then the step.
        (a, b, c, d), (e, f, g, h) = _QUARTERS[value & 3] if box.kind == b"irot" else _MIRRORS[value & 1], turn
        turn = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
    # Turns by quarters and mirrors compose to one of the eight EXIF numbers.
    return EXIF_NUMBERS[turn], bool(steps)


def _exif(data: bytes, meta: _ItemTables) -> TiffHeader:
    # 23008-12 annex A: EXIF is an item of type `Exif`, which `iloc` finds.
    item = next((i for i, kind in meta.kinds.items() if kind == b"Exif" and i in meta.places), None)
    if item is None:
        return TiffHeader()
    at, size = meta.places[item]
    if at + 4 > len(data):
        return TiffHeader(notes=("its EXIF block lies past the end",))
    skip = 4 + be(data, at, 4)  # 23008-12 annex A: offset to the TIFF header
    return read_exif(data[at + min(skip, size) : at + min(size, _MOST_EXIF_BYTES)])


def _words(data: bytes, meta: _ItemTables) -> list[str]:
    words = []
    # 23008-12 annex A: XMP is an item of type `mime` with the content type application/rdf+xml.
    if any(kind == b"mime" and b"rdf+xml" in meta.contents.get(i, b"") for i, kind in meta.kinds.items()):
        words.append("XMP")
    # 23008-12 6.4: a thumbnail refers to its picture by `thmb`.
    if any(kind == b"thmb" for kind, _ in meta.references):
        words.append("thumbnail")
    # 23008-12 6.5.8: the type of an auxiliary picture is a URN or URI; 2 is the depth map of MPEG's own URN.
    auxiliary = [data[b.start : min(b.end, b.start + 200)] for b in meta.properties if b.kind == b"auxC"]
    # ISO 21496-1: a tone map is an item derived from the picture and its gain map.
    if b"tmap" in meta.kinds.values() or any(word in aux for aux in auxiliary for word in _GAIN_MAP):
        words.append("gain map")
    if any(b"depth" in aux or b"auxid:2" in aux for aux in auxiliary):
        words.append("depth map")
    return words


def _read_meta(data: bytes, box: Box) -> _ItemTables | None:
    meta = _ItemTables()
    try:
        # `meta` is a full box: version and flags stand in front of the inner boxes.
        for inner in boxes(data, box.start + 4, box.end):
            if inner.kind in _TABLES:
                _TABLES[inner.kind](data, inner, meta)
    except DamagedMedia:
        return None
    return meta


def _pitm(data: bytes, box: Box, meta: _ItemTables) -> None:
    """The primary item (8.11.4)."""
    version, _, at = full_box(data, box)
    # Version 0 has item numbers of 16 bits, version 1 of 32.
    meta.primary = be(data, at, 4 if version else 2)


def _iinf(data: bytes, box: Box, meta: _ItemTables) -> None:
    """Type of each item, and content type of those that have one (8.11.6)."""
    version, _, at = full_box(data, box)
    # Count of entries, two octets, four from version 1 on; then a box `infe` each.
    for entry in boxes(data, at + (4 if version else 2), box.end, _MOST_ITEMS):
        kind_version, _, start = full_box(data, entry)
        if entry.kind != b"infe" or kind_version < 2:  # item types came with version 2
            continue
        # 8.11.6.2: item number, protection index, type, then name and content type as texts.
        width = 2 if kind_version == 2 else 4
        item = be(data, start, width)
        meta.kinds[item] = data[start + width + 2 : start + width + 6]
        meta.contents[item] = data[start + width + 6 : min(entry.end, start + width + 200)]


def _iprp(data: bytes, box: Box, meta: _ItemTables) -> None:
    """The properties, and which item has which (23008-12 9.3)."""
    store = child(data, box, b"ipco")
    if store is not None:
        meta.properties += boxes(data, store.start, store.end, _MOST_ITEMS)
    for inner in boxes(data, box.start, box.end):
        if inner.kind == b"ipma":
            meta.associations.update(_ipma(data, inner))


def _ipma(data: bytes, box: Box) -> Iterator[tuple[int, list[int]]]:
    version, flags, at = full_box(data, box)
    # Count of entries; of each the item, the count of its associations, then those.
    # Flag bit 0: associations of two octets, for more than 127 properties.
    count, at = min(be(data, at, 4), _MOST_ITEMS), at + 4
    # 23008-12 9.3.2: the top bit of an association says "essential", the rest is the number of the property.
    width, bits = (4 if version else 2), (2 if flags & 1 else 1)
    for _ in range(count):
        item, number = be(data, at, width), be(data, at + width, 1)
        at += width + 1
        yield item, [be(data, at + i * bits, bits) & (0x7FFF if bits == 2 else 0x7F) for i in range(number)]
        at += number * bits


def _iref(data: bytes, box: Box, meta: _ItemTables) -> None:
    """References from items to items by their kind (8.11.12)."""
    version, _, at = full_box(data, box)
    width = 4 if version else 2
    for inner in boxes(data, at, box.end, _MOST_ITEMS):
        # 8.11.12.2: from item, count, then the items it refers to; the kind of reference is the type of the box.
        origin, count = be(data, inner.start, width), be(data, inner.start + width, 2)
        start = inner.start + width + 2
        meta.references[inner.kind, origin] = [be(data, start + i * width, width) for i in range(count)]


def _iloc(data: bytes, box: Box, meta: _ItemTables) -> None:
    """Where each item's first extent lies in the file (8.11.3); items built of others are left out."""
    version, _, at = full_box(data, box)
    # 8.11.3.2: four bits each say how wide offsets, lengths, base offsets and, from version 1, extent indices are.
    sizes = be(data, at, 2)
    offset_size, length_size, base_size, index_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
    wide = 4 if version == 2 else 2
    count, at = min(be(data, at + 2, wide), _MOST_ITEMS), at + 2 + wide
    for _ in range(count):
        item, at = be(data, at, wide), at + wide
        # Method 0 is an offset into the file, 1 into `idat`, 2 into another item; then two octets of data reference.
        method = be(data, at, 2) & 15 if version else 0  # 0: the offset is into the file
        at += 4 if version else 2
        base, extents, at = be(data, at, base_size), be(data, at + base_size, 2), at + base_size + 2
        # The extents: index, offset and length each.
        step = (index_size if version else 0) + offset_size + length_size
        if extents and not method:
            where = at + step - offset_size - length_size
            meta.places[item] = (base + be(data, where, offset_size), be(data, where + offset_size, length_size))
        at += extents * step


_TABLES = {b"pitm": _pitm, b"iinf": _iinf, b"iprp": _iprp, b"iref": _iref, b"iloc": _iloc}
