"""The photo of a card: freed of metadata, or cut square and shrunk to one of a few sizes.

An address book shows it as a small square or circle; the steps are a table, larger ones first.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from mmscontent.codecs.image.decode import decode
from mmscontent.codecs.image.header import read_header
from mmscontent.codecs.image.passthrough import kept_bytes
from mmscontent.errors import SourceError
from mmscontent.sniff import sniff

__all__ = ["STEPS", "Photo", "PhotoStep", "open_photo"]


@dataclass(frozen=True, slots=True)
class PhotoStep:
    """One size of a photo.

    Attributes:
        side_px: Of the square; None sends it as it is, but for its metadata; 0 leaves it out.
        quality: Of the JPEG.
        worth: What the card is worth with it, 0 to 100, on the scale shares are made with.
    """

    side_px: int | None
    quality: int
    worth: float

    @property
    def words(self) -> str:
        """For the ledger."""
        if self.side_px is None:
            return "photo as it is"
        return f"photo at most {self.side_px}×{self.side_px}, q{self.quality}" if self.side_px else "photo left out"


# 96 to 320 pixels is what phones' address books show; a card without its photo still does its work.
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
        square: Cut to its middle, upright, as large as it came but no larger than the largest step.
        clean: As it came but for its metadata.
        labels: What the metadata held.
    """

    square: Image.Image
    clean: bytes
    labels: tuple[str, ...]
    media_type: str

    def at(self, step: PhotoStep) -> bytes:
        """The photo at one step: a square JPEG, the clean source when that is smaller, or nothing."""
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
        """What TYPE calls the clean source: JPEG, PNG and so on."""
        return self.media_type.rpartition("/")[2].upper()


def open_photo(data: bytes) -> Photo | None:
    """The photo, or None when it is no picture we open."""
    most = max(step.side_px or 0 for step in STEPS)
    try:
        header = read_header(data, sniff(data).media_type)
        width, height = header.width, header.height
        # The short side is what remains of it: the box is as wide as the picture is long.
        box = round(most * max(width, height) / min(width, height)), most
        image = Image.fromarray(decode(data, header, box).image.numpy())
    except SourceError:
        return None
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return Photo(square, kept_bytes(data, header), header.labels, header.media_type)
