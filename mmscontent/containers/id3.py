"""Finds the ID3 tags in front of and behind the frames of an MP3 or ADTS file (ID3v2.4 section 3, ID3v1)."""

from __future__ import annotations

# ID3v2.4 3.1: "ID3", version, flags and size; ID3v1: "TAG" and fields of fixed length
_HEADER_BYTES, _V1_BYTES = 10, 128


def has_tag(data: bytes) -> bool:
    """Whether a tag stands in front or behind."""
    return data[:3] == b"ID3" or _has_v1(data)


def frames_range(data: bytes) -> tuple[int, int]:
    """Where the frames begin and end; a tag may announce more than there is, then the beginning is past the end."""
    # Offset 0: "ID3"; 3: version and revision; 5: flags; 6: size, four octets.
    start = 0
    if data[:3] == b"ID3" and len(data) > _HEADER_BYTES:
        # Section 3.1: the size has four octets of seven bits, and counts neither header nor footer.
        size = 0
        for octet in data[6:10]:
            size = size << 7 | octet & 0x7F
        # Section 3.4: flag bit 4 announces a footer, a copy of the header.
        start = _HEADER_BYTES + size + (_HEADER_BYTES if data[5] & 0x10 else 0)
    # ID3v1 is title, artist, album, year, comment and genre, 128 octets at the very end.
    return start, len(data) - (_V1_BYTES if _has_v1(data) else 0)


def _has_v1(data: bytes) -> bool:
    return data[-_V1_BYTES:][:3] == b"TAG"  # ID3v1: the last 128 octets begin with it
