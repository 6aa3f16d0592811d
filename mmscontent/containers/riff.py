"""Walks the chunks of RIFF files (WebP, WAVE, AVI; RFC 9649 section 2.3) and of their relatives AIFF and CAF."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mmscontent.containers.octets import Chunk, le

FORM_BYTES = 12  # "RIFF", the size of all that follows, and the form type
_MOST_CHUNKS = 100_000


def chunks(
    data: bytes, at: int, end: int, *, number: Callable[[bytes, int, int], int] = le, width: int = 4, even: bool = True
) -> Iterator[Chunk]:
    """Chunks between *at* and *end*, at most so many as a file of any use has; their sizes have *width* octets."""
    for _ in range(_MOST_CHUNKS):
        body = at + 4 + width
        if body > end:
            return
        # Four octets of name, then the size: four octets, little-endian in RIFF, big-endian in AIFF, eight in CAF.
        size = number(data, at + 4, width)
        # RFC 9649 2.3: an odd size is padded with one octet that it does not count; AIFF does the same, CAF does not.
        after = body + size + (size & 1 if even else 0)
        yield Chunk(data[at : at + 4], at, body, min(body + size, end), min(after, end))
        at = after


def webp_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a WebP file; RFC 9649 2.4: decoders ignore what lies behind the announced size."""
    # Offset 4: the size of all that follows, so the file ends at 8 more.
    return chunks(data, FORM_BYTES, min(len(data), 8 + le(data, 4, 4)))


def webp_icc_profile(data: bytes) -> bytes:
    """The embedded colour profile (RFC 9649 2.7.1.4); b"" when there is none."""
    return next((data[c.body : c.end] for c in webp_chunks(data) if c.kind == b"ICCP"), b"")
