"""Shrinks the photo of a contact: without its metadata, or cropped to a square of one of a few sizes.

An address book shows the photo as a small square or circle. The sizes are a table, the largest first.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from mmscontent.codecs.image.decode import decode
from mmscontent.codecs.image.header import kept_bytes, read_header
from mmscontent.errors import SourceError
from mmscontent.sniff import sniff


@dataclass(frozen=True, slots=True)
class PhotoStep:
    """One size of a photo.

    Attributes:
        side_px: Side of the square; None keeps the photo except for its metadata; 0 leaves it out.
        quality: Quality of the JPEG.
        score: Quality of the contact with this photo, 0 to 100, on the scale that bytes are shared by.
    """

    side_px: int | None
    quality: int
    score: float

    @property
    def label(self) -> str:
        """The step as the ledger names it."""
        if self.side_px is None:
            return "photo unchanged"
        return f"photo at most {self.side_px}×{self.side_px}, q{self.quality}" if self.side_px else "photo left out"


# Address books of phones show 96 to 320 pixels; a contact without its photo is still useful, so it keeps half.
STEPS = (
    PhotoStep(None, 0, 100),
    PhotoStep(480, 82, 98),
    PhotoStep(320, 82, 95),
    PhotoStep(240, 80, 91),
    PhotoStep(160, 78, 85),
    PhotoStep(96, 75, 76),
    PhotoStep(64, 70, 68),
    PhotoStep(0, 0, 50),
)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that can be decoded.

    Attributes:
        square: Its middle as a square, upright, no larger than the largest step.
        clean: The source without its metadata.
        labels: What the metadata held.
    """

    square: Image.Image
    clean: bytes
    labels: tuple[str, ...]
    media_type: str

    def at(self, step: PhotoStep) -> bytes:
        """Return the photo at one step: a square JPEG, the clean source when that is smaller, or nothing."""
        if step.side_px is None:
            return self.clean
        if step.side_px == 0:
            return b""
        side = min(step.side_px, self.square.width)
        target = io.BytesIO()
        small = self.square if side == self.square.width else self.square.resize((side, side), Image.Resampling.LANCZOS)
        small.save(target, "JPEG", quality=step.quality, optimize=True)
        return min(target.getvalue(), self.clean, key=len)

    @property
    def suffix(self) -> str:
        """The TYPE of the clean source: JPEG, PNG and so on."""
        return self.media_type.rpartition("/")[2].upper()


def open_photo(data: bytes) -> Photo | None:
    """Decode a photo; None when it is no picture that can be opened."""
    most = max(step.side_px or 0 for step in STEPS)
    try:
        header = read_header(data, sniff(data).media_type)
        width, height = header.width, header.height
        # Only the short side limits the square, so the box is as much longer as the picture is.
        box = round(most * max(width, height) / min(width, height)), most
        image = Image.fromarray(decode(data, header, box).image.numpy())
    except SourceError:
        return None
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return Photo(square, kept_bytes(data, header), header.metadata, header.media_type)
