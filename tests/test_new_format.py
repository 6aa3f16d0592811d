"""A new still format is three rows and a fixture: farbfeld, plugged in by rows alone, goes all the way to a message."""

from __future__ import annotations

import importlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mmscontent as mms
from mmscontent import media_types
from mmscontent.codecs.image import decode, formats
from mmscontent.codecs.registry import CODECS
from mmscontent.containers.octets import be
from mmscontent.errors import DamagedMedia

if TYPE_CHECKING:
    from mmscontent.sniff.reader import SniffInput

ROW = media_types.MediaType("image/x-farbfeld", "image", (".ff",))


def read_farbfeld(source: SniffInput) -> mms.MediaInfo | None:
    """The header: eight octets of name, then width and height, 32 bits each."""
    if source.data[:8] != b"farbfeld":
        return None
    width, height = be(source.data, 8, 4), be(source.data, 12, 4)
    return replace(source.info(ROW.name), width_px=width, height_px=height, frames=1, profile="16-bit rgb alpha")


def load_farbfeld(data: bytes, sides_px: tuple[int, int], _box_px: tuple[int, int]):
    """The pixels: red, green, blue and alpha, 16 bits each."""
    width, height = sides_px
    if len(data) < 16 + 8 * width * height:
        raise DamagedMedia(f"{ROW.name} ends before its last row")
    pixels = np.frombuffer(data, ">u2", 4 * width * height, 16).reshape(height, width, 4)
    return decode.vips_image((pixels >> 8).astype(np.uint8))


def farbfeld(width: int, height: int) -> bytes:
    """The fixture: a slope from red to blue."""
    pixels = np.full((height, width, 4), 0xFFFF, ">u2")
    pixels[..., 0] = np.linspace(0xFFFF, 0, width)
    pixels[..., 1] = np.linspace(0, 0xFFFF, height)[:, None]
    pixels[..., 2] = np.linspace(0, 0xFFFF, width)
    return b"farbfeld" + struct.pack(">II", width, height) + pixels.tobytes()


@pytest.fixture
def registrations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rows that CONTRIBUTING.md names for a still format; gives what was registered where."""
    sniffing = importlib.import_module("mmscontent.sniff")
    made = []
    # 1. the row of media_types.MEDIA_TYPES; both dicts are made from it
    monkeypatch.setitem(media_types._BY_NAME, ROW.name, ROW)
    monkeypatch.setitem(media_types._BY_SUFFIX, ROW.suffixes[0], ROW)
    made.append("media_types.MEDIA_TYPES")
    # 2. the reader of its header, in the list of sniffing
    monkeypatch.setattr(sniffing, "_READERS", (read_farbfeld, *sniffing._READERS))
    made.append("sniff._READERS")
    # 3. the row of codecs/image/formats
    row = formats.StillFormat(ROW.name, read_farbfeld, load_farbfeld, has_no_metadata=True)
    monkeypatch.setitem(formats.FORMATS, ROW.name, row)
    made.append("codecs.image.formats.FORMATS")
    # The plug is known in this process alone, so the codec runs here and not in a sandbox worker.
    monkeypatch.setitem(CODECS, "image", replace(CODECS["image"], sandboxed=False))
    return made


def test_a_new_still_format_is_sniffed_checked_and_composed(registrations: list[str]) -> None:
    part = mms.Part(farbfeld(320, 240), ROW.name, name="slope.ff")
    message = mms.Message.of([part], text="A slope")
    profile = mms.load_profile(device="apple/iphone", max_message_bytes=30_000)

    info = mms.sniff(part.data, "slope.ff")
    checked = mms.check(message, profile)
    composed = mms.compose(message, profile)

    assert (info.media_type, info.width_px, info.height_px, info.notes) == (ROW.name, 320, 240, ())
    assert checked.fits
    entry = composed.ledger.parts[0]
    assert (entry.decision, entry.source.media_type) == ("transcode", ROW.name)
    assert mms.sniff(composed.content.parts[0].data).media_type in ("image/jpeg", "image/png")
    assert len(registrations) + 1 <= 4  # the rows above, and a fixture with its test


@pytest.mark.usefixtures("registrations")
def test_a_new_still_format_is_held_to_the_limits() -> None:
    with pytest.raises(mms.OverLimits, match="farbfeld"):
        mms.sniff(b"farbfeld" + struct.pack(">II", 100_000, 1))


@pytest.mark.usefixtures("registrations")
def test_a_damaged_file_of_a_new_still_format_is_refused_by_name() -> None:
    part = mms.Part(farbfeld(32, 24)[:-9], ROW.name, name="slope.ff")

    with pytest.raises(mms.DamagedMedia, match="farbfeld"):
        mms.compose(mms.Message.of([part]), mms.load_profile(device="apple/iphone"))
