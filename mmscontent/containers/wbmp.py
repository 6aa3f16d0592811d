"""Reads the header of a wireless bitmap (WAP-237-WAEMT section 6), which has no magic number."""

from __future__ import annotations

from typing import NamedTuple

from mmscontent.containers.octets import be

_MOST_OCTETS = 3  # of one side: 21 bits, far over any side that is opened


class WbmpHeader(NamedTuple):
    """Sides, and where the pixels begin: one bit each, every row padded to whole octets."""

    width: int
    height: int
    pixels_at: int

    @property
    def pixel_bytes(self) -> int:
        """What all rows take."""
        return -(-self.width // 8) * self.height


def read_header(data: bytes) -> WbmpHeader | None:
    """Read a header of type 0, the only type there is; DamagedMedia when the data ends before it does."""
    # WAEMT 6: type 0, then a fixed header octet of 0.
    if data[:2] != b"\0\0":
        return None
    # Width and height as multi-byte integers, then the rows; neither a palette nor a length.
    width, at = _multi_byte_integer(data, 2)
    height, at = _multi_byte_integer(data, at)
    return WbmpHeader(width, height, at) if width and height else None


def _multi_byte_integer(data: bytes, at: int) -> tuple[int, int]:
    """Seven bits an octet, the top bit says that another one follows; 0 for one that is too long."""
    value = 0
    for _ in range(_MOST_OCTETS):
        octet = be(data, at, 1)
        # Most significant seven bits first; the top bit says that another octet follows.
        value, at = value << 7 | octet & 0x7F, at + 1
        if not octet & 0x80:
            return value, at
    return 0, at
