"""Writes stills again without their metadata; coded pixels stay byte for byte.

What a decoder needs is listed and kept, everything else goes, so that a kind of metadata nobody has heard of goes, too.
"""

from __future__ import annotations

from mmscontent.containers import gif, jpeg, png, riff

# PNG section 11: header, palette, pixels, transparency, colours, background, pixel size; the last three move.
_PNG_KEPT = frozenset(b"IHDR PLTE IDAT IEND tRNS sRGB gAMA cHRM sBIT bKGD pHYs cICP acTL fcTL fdAT".split())
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # application extensions that say how often an animation plays
# RFC 9649 2.7: header, alpha, pixels of either kind, animation and its frames.
_WEBP_KEPT = frozenset((b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"))
_WEBP_ICC, _WEBP_EXIF, _WEBP_XMP = 0x20, 0x08, 0x04  # RFC 9649 2.7: flags of VP8X
# JFIF 1.02: name, version, unit and density; then the sides of a thumbnail, which is left out.
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01"


def strip_jpeg(data: bytes) -> bytes:
    """The first picture of a JPEG file, without application segments and comments."""
    pieces = [b"\xff\xd8"]
    for segment in jpeg.segments(data):
        name = data[segment.body : segment.body + 5]
        if segment.marker == jpeg.APP0:
            if name == b"JFIF\0":
                pieces.append(_JFIF + data[segment.body + 7 : segment.body + 12] + b"\0\0")
        # Adobe TN 5116: APP14 says how the colours are to be read.
        elif (segment.marker == jpeg.APP14 and name == b"Adobe") or not (
            jpeg.APP0 <= segment.marker <= jpeg.APP15 or segment.marker == jpeg.COM
        ):
            pieces.append(data[segment.start : segment.end])
    return b"".join(pieces)


def strip_png(data: bytes) -> bytes:
    """A PNG file without texts, times, profiles, private chunks and what follows its end."""
    kept = (data[c.start : c.after] for c in png.chunks(data) if c.kind in _PNG_KEPT)
    return png.SIGNATURE + b"".join(kept)


def strip_gif(data: bytes) -> bytes:
    """A GIF file without comments, plain texts, foreign application extensions and what follows its end."""
    pieces = [data[: gif.header_bytes(data)]]
    for block in gif.blocks(data):
        is_loop = block.kind == gif.APPLICATION and data[block.body + 1 : block.body + 12] in _GIF_LOOPS
        if is_loop or block.kind in (gif.IMAGE, gif.CONTROL, gif.TRAILER):
            pieces.append(data[block.start : block.after])
    return b"".join(pieces)


def strip_webp(data: bytes) -> bytes:
    """A WebP file without profile, EXIF, XMP, unknown chunks and what follows its announced end."""
    pieces: list[bytes] = []
    for chunk in riff.webp_chunks(data):
        if chunk.kind not in _WEBP_KEPT:
            continue
        piece = bytearray(data[chunk.start : chunk.after])
        if chunk.kind == b"VP8X":
            piece[8] &= ~(_WEBP_ICC | _WEBP_EXIF | _WEBP_XMP) & 0xFF
        pieces.append(bytes(piece))
    body = b"WEBP" + b"".join(pieces)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
