"""Computes how long a Standard MIDI File plays: its tracks' events summed over its tempo changes (SMF 1.0)."""

from __future__ import annotations

from collections.abc import Iterator

from mmscontent.containers.octets import be
from mmscontent.errors import DamagedMedia

_MOST_EVENTS = 200_000
# SMF 1.0: meta events FF 51 (set tempo) and FF 2F (end of track)
_META, _TEMPO, _END_OF_TRACK = 0xFF, 0x51, 0x2F
# MIDI 1.0: data octets by the upper half of the status octet
_ARGUMENTS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}


def midi_milliseconds(data: bytes) -> int | None:
    """Length in milliseconds, or None when its header does not say."""
    division = be(data, 12, 2)
    # SMF 1.0: ticks a quarter note; with the top bit set frames a second, negative, and ticks a frame.
    if not division or division & 0x8000:
        return _smpte(data, division)
    tempos: dict[int, int] = {0: 500_000}  # microseconds a quarter: 120 beats a minute unless said
    last = 0
    for tick, tempo in _events(data):
        last = max(last, tick)
        if tempo:
            # A tempo counts for all tracks, whichever it stands in; of several at one tick the last.
            tempos[tick] = tempo
    total_us, changes = 0, sorted(tempos.items())
    # A tempo holds from its own tick to the next change, the last one to the last event.
    for (start, tempo), (end, _) in zip(changes, [*changes[1:], (last, 0)], strict=True):
        total_us += (end - start) * tempo
    return round(total_us / division / 1000) or None


def _smpte(data: bytes, division: int) -> int | None:
    # Upper octet: minus 24, 25, 29 or 30 frames a second in two's complement; lower octet: ticks a frame.
    per_second = (256 - (division >> 8)) * (division & 0xFF)
    last = max((tick for tick, _ in _events(data)), default=0)
    return round(last * 1000 / per_second) or None if per_second > 0 else None


def _events(data: bytes) -> Iterator[tuple[int, int]]:
    """Tick of every event of every track, with the tempo when it sets one; a broken track ends quietly."""
    # "MThd", a size of 6, format, count of tracks and division take 14 octets.
    at, left = 14, _MOST_EVENTS
    while at + 8 <= len(data) and left > 0:
        # Name and size, four octets each; SMF 1.0 asks readers to step over chunks they do not know.
        size = be(data, at + 4, 4)
        if data[at : at + 4] == b"MTrk":
            try:
                for event in _track(data, at + 8, min(at + 8 + size, len(data))):
                    yield event
                    left -= 1
                    if left <= 0:
                        return
            except DamagedMedia:
                pass
        at += 8 + size


def _track(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    tick, status = 0, 0
    while at < end:
        # SMF 1.0: delta time, then an event; the status octet may be left out when it is the same as before.
        delta, at = _quantity(data, at)
        tick += delta
        first = be(data, at, 1)
        if first & 0x80:
            status, at = first, at + 1
        if status == _META:
            kind = be(data, at, 1)
            # FF, type, length, data.
            size, at = _quantity(data, at + 1)
            yield tick, be(data, at, 3) if kind == _TEMPO and size >= 3 else 0  # the tempo's octets
            if kind == _END_OF_TRACK:
                return
            at += size
        # SMF 1.0: F0 and F7 are followed by a length.
        elif status >= 0xF0:  # system exclusive
            size, at = _quantity(data, at)
            at += size
        # A channel message: one or two data octets, with or without its status octet in front.
        elif status:
            at += _ARGUMENTS[status >> 4]
            yield tick, 0
        # A data octet before any status octet: the track is broken.
        else:
            return


def _quantity(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length quantity of at most four octets."""
    value = 0
    for _ in range(4):
        # Most significant seven bits first; the top bit says that another octet follows.
        octet = be(data, at, 1)
        value, at = value << 7 | octet & 0x7F, at + 1
        if not octet & 0x80:
            break
    return value, at
