"""Lists the still formats that are opened, one row each: who reads headers, loads pixels and strips metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmscontent.codecs.image import decode, strip_metadata
from mmscontent.containers import jpeg, png, riff
from mmscontent.message import MediaInfo
from mmscontent.sniff import bitmaps, gif, isobmff
from mmscontent.sniff import jpeg as sniff_jpeg
from mmscontent.sniff import png as sniff_png
from mmscontent.sniff import riff as sniff_riff
from mmscontent.sniff.reader import SniffInput

if TYPE_CHECKING:
    from mmscontent.codecs.image.decode import Load


@dataclass(frozen=True, slots=True)
class StillFormat:
    """One still format.

    Attributes:
        read: Reads the header; the reader that sniffing uses.
        load: Loads pixels.
        pillow: The only readers Pillow may use for it, header and pixels; what is not here never reaches Pillow.
        icc_profile: Finds the embedded colour profile in the bytes, where the loader does not hand it over.
        strip: Writes the file without metadata; None where nothing can do so without decoding.
        has_no_metadata: A file passes as it is although nothing strips it.
        is_streamed: Decoded and scaled in one stream, so that decoding again costs no more than the first time.
        may_be_lettering: Screenshots and drawings are sent in it, which need more bits a pixel.
    """

    media_type: str
    read: Callable[[SniffInput], MediaInfo | None]
    load: Load
    pillow: tuple[str, ...] = ()
    icc_profile: Callable[[bytes], bytes] | None = None
    strip: Callable[[bytes], bytes] | None = None
    has_no_metadata: bool = False
    is_streamed: bool = False
    may_be_lettering: bool = False


def _by_pillow(
    media_type: str,
    read: Callable[[SniffInput], MediaInfo | None],
    *readers: str,
    has_no_metadata: bool = False,
    may_be_lettering: bool = False,
) -> StillFormat:
    load = decode.pillow_loader(readers)
    return StillFormat(
        media_type, read, load, readers, has_no_metadata=has_no_metadata, may_be_lettering=may_be_lettering
    )


_ROWS = (
    StillFormat(
        "image/jpeg",
        sniff_jpeg.read,
        decode.load_jpeg,
        icc_profile=jpeg.icc_profile,
        strip=strip_metadata.strip_jpeg,
        is_streamed=True,
    ),
    StillFormat(
        "image/png",
        sniff_png.read,
        decode.load_png,
        icc_profile=png.icc_profile,
        strip=strip_metadata.strip_png,
        may_be_lettering=True,
    ),
    StillFormat(
        "image/gif", gif.read, decode.pillow_loader(("GIF",)), strip=strip_metadata.strip_gif, may_be_lettering=True
    ),
    StillFormat(
        "image/webp",
        sniff_riff.read,
        decode.load_webp,
        icc_profile=riff.webp_icc_profile,
        strip=strip_metadata.strip_webp,
        is_streamed=True,
        may_be_lettering=True,
    ),
    StillFormat("image/heic", isobmff.read, decode.load_heif, ("HEIF",)),
    StillFormat("image/heif", isobmff.read, decode.load_heif, ("HEIF",)),
    _by_pillow("image/avif", isobmff.read, "AVIF"),
    _by_pillow("image/tiff", bitmaps.read_tiff, "TIFF", may_be_lettering=True),
    _by_pillow("image/bmp", bitmaps.read_bmp, "BMP", "DIB", has_no_metadata=True, may_be_lettering=True),
    _by_pillow("image/x-icon", bitmaps.read_ico, "ICO", has_no_metadata=True),
    _by_pillow("image/x-tga", bitmaps.read_tga, "TGA", has_no_metadata=True),
    StillFormat("image/vnd.wap.wbmp", bitmaps.read_wbmp, decode.load_wbmp, has_no_metadata=True, may_be_lettering=True),
)
FORMATS = {row.media_type: row for row in _ROWS}
