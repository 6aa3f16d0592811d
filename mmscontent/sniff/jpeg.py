"""Reads JPEG: MPO, Ultra HDR and motion photos included (ITU-T T.81 annex B, Adobe TN 5116)."""

from __future__ import annotations

from dataclasses import replace

from mmscontent.containers import jpeg, tiff_exif
from mmscontent.errors import DamagedMedia
from mmscontent.message import MediaInfo
from mmscontent.sniff.reader import SniffInput, unique

# Chroma sampling by the ratio of the first component's factors to the second's, horizontal and vertical.
_SAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1", (4, 2): "4:1:0"}


def read(source: SniffInput) -> MediaInfo | None:
    """A JPEG file."""
    data = source.data
    if data[:3] != b"\xff\xd8\xff":  # T.81 B.2.1: SOI, then the marker of a segment
        return None
    frame = jpeg.frame_header(data)
    if frame is None:
        raise DamagedMedia("image/jpeg has no frame header before its first scan")
    exif, words, adobe, is_whole = tiff_exif.TiffHeader(), list[str](), None, False
    for segment in jpeg.segments(data):
        body = data[segment.body : segment.end] if segment.marker in (jpeg.APP1, jpeg.APP14) else b""
        # Exif 4.7.2: APP1 that begins with "Exif"; the first one that says anything counts.
        if segment.marker == jpeg.APP1 and body[:4] == b"Exif" and not exif.metadata:
            exif = tiff_exif.read_exif(body)
        elif segment.marker == jpeg.APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]  # Adobe TN 5116: the colour transform
        elif segment.marker == jpeg.EOI:
            is_whole = True
            # Viewers stop at EOI, yet all that stands behind it would be sent along.
            words += jpeg.trailer_metadata(data[segment.end :])
        words += jpeg.metadata_of(data, segment)
    # Decoders paint what there is of a picture that is cut short and leave the rest grey.
    notes = () if is_whole else ("it has no end marker, the picture may be cut short",)
    return replace(
        source.info("image/jpeg"),
        width_px=frame.width,
        height_px=frame.height,
        # JPEG has no orientation of its own; viewers turn by the EXIF tag alone.
        orientation=exif.orientation or 1,
        frames=1,
        # The process is `baseline`, `progressive` and so on; the profile reads as `8-bit ycbcr 4:2:0`.
        codec=frame.process,
        profile=_profile(frame, adobe),
        notes=exif.notes + notes,
        metadata=unique([*exif.metadata, *words]),
    )


def _profile(frame: jpeg.FrameHeader, adobe: int | None) -> str:
    """Depth, colour model and chroma sampling of the frame header."""
    # Adobe TN 5116: transform 0 of three components is RGB, 2 of four is YCCK; JFIF knows grey and YCbCr alone.
    colours = {1: "grey", 3: "rgb" if adobe == 0 else "ycbcr", 4: "ycck" if adobe == 2 else "cmyk"}
    profile = f"{frame.bits}-bit {colours.get(frame.components, f'{frame.components} components')}"
    if frame.components == 3 and len(frame.samplings) >= 3:
        luma, chroma = frame.samplings[:2]
        # T.81 B.2.2: horizontal factor in the upper half of the octet, vertical in the lower.
        ratio = (luma >> 4) // max(1, chroma >> 4), (luma & 15) // max(1, chroma & 15)
        profile += f" {_SAMPLINGS.get(ratio, 'unusual sampling')}"
    return profile
