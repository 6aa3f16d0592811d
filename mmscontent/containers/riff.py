"""Walks the chunks of RIFF files: WebP, WAVE, AVI and others (Microsoft's RIFF; RFC 9649 section 2.3 for WebP)."""

from __future__ import annotations

from collections.abc import Iterator

from mmscontent.containers.octets import Chunk, le

FORM_BYTES = 12  # "RIFF", the size of all that follows, and the form type
_MOST_CHUNKS = 100_000


def chunks(data: bytes, at: int, end: int) -> Iterator[Chunk]:
    """Chunks between *at* and *end*, in their order, at most so many as a file of any use has."""
    for _ in range(_MOST_CHUNKS):
        if at + 8 > end:
            return
        # Four octets of name, four of size, little-endian, then the data.
        size = le(data, at + 4, 4)
        after = at + 8 + size + (size & 1)  # RFC 9649 2.3: an odd size is padded with one octet that it does not count
        yield Chunk(data[at : at + 4], at, at + 8, min(at + 8 + size, end), min(after, end))
        at = after


def webp_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a WebP file; RFC 9649 2.4: decoders ignore what lies behind the announced size."""
    # Offset 4: the size of all that follows, so the file ends at 8 more.
    return chunks(data, FORM_BYTES, min(len(data), 8 + le(data, 4, 4)))


def webp_icc_profile(data: bytes) -> bytes:
    """The embedded colour profile (RFC 9649 2.7.1.4); b"" when there is none."""
    return next((data[c.body : c.end] for c in webp_chunks(data) if c.kind == b"ICCP"), b"")
