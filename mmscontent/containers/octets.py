"""Reads numbers out of bytes; each read is checked against the end of the data."""

from __future__ import annotations

from typing import NamedTuple

from mmscontent.errors import DamagedMedia


class Chunk(NamedTuple):
    """One chunk or block of a file: `data[body:end]` is its payload; every offset is clipped to the data."""

    kind: bytes
    start: int  # of its own header
    body: int
    end: int
    after: int  # where the next one begins, behind padding and checksum


def be(data: bytes, at: int, size: int) -> int:
    """Read a big-endian unsigned number of *size* octets; DamagedMedia when the bytes end before it does."""
    return int.from_bytes(_octets(data, at, size), "big")


def le(data: bytes, at: int, size: int) -> int:
    """Read a little-endian unsigned number of *size* octets; raises like `be`."""
    return int.from_bytes(_octets(data, at, size), "little")


def has_data(data: bytes, at: int) -> bool:
    """Whether anything but zeros, which are padding, stands from *at* to the end."""
    rest = data[at:]
    return rest != bytes(len(rest))


def _octets(data: bytes, at: int, size: int) -> bytes:
    # A slice past the end would come back short and be read as a smaller number.
    if at < 0 or at + size > len(data):
        raise DamagedMedia(f"ends at byte {len(data):,} where {size} bytes at {at:,} were announced; it is cut short")
    return data[at : at + size]
