"""Wireshark as a judge: messages go into HTTP conversations of a capture file, its dissectors say what they see.

The capture is written by hand (libpcap format, raw IPv4), so nothing is sent anywhere.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

WHY_NOT = "tshark is not installed: Wireshark did not judge these messages (apt-get install tshark)"
_CLIENT, _SERVER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
_SYN, _ACK, _PUSH = 0x02, 0x10, 0x08
_SEGMENT = 1400
_RAW_IP = 101
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def installed() -> bool:
    """Whether the judge is here."""
    return shutil.which("tshark") is not None


def _packet(to_server: bool, port: int, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:  # noqa: FBT001
    ports = (port, 80) if to_server else (80, port)
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 65535, 0, 0) + payload
    ends = (_CLIENT, _SERVER) if to_server else (_SERVER, _CLIENT)
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *ends) + tcp


def _conversation(request: bytes, port: int) -> Iterable[bytes]:
    """A connection in which the client posts and the server says 200."""
    yield _packet(True, port, 0, 0, _SYN)
    yield _packet(False, port, 0, 1, _SYN | _ACK)
    yield _packet(True, port, 1, 1, _ACK)
    at = 1
    for begin in range(0, len(request), _SEGMENT):
        chunk = request[begin : begin + _SEGMENT]
        yield _packet(True, port, at, 1, _PUSH | _ACK, chunk)
        at += len(chunk)
        yield _packet(False, port, 1, at, _ACK)
    yield _packet(False, port, 1, at, _PUSH | _ACK, _ANSWER)
    yield _packet(True, port, at, 1 + len(_ANSWER), _ACK)


def capture(path: Path, posts: Sequence[tuple[bytes, str]]) -> None:
    """Write one conversation per (body, content type); the client's port is 2000 plus its number."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP))
        for number, (body, content_type) in enumerate(posts):
            about = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            head = f"POST /mms HTTP/1.1\r\nHost: mmsc\r\n{about}\r\n"
            for packet in _conversation(head.encode("ascii") + body, 2000 + number):
                out.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


def _run(*arguments: str) -> bytes:
    # the first warning of every run, "c is NULL!", is Wireshark's own and says nothing of the capture
    done = subprocess.run(["tshark", "-n", *arguments], capture_output=True, check=True, timeout=120)
    return done.stdout


def complaints(path: Path) -> list[str]:
    """Every malformed packet and every expert item of severity warning or above, with the conversation's number."""
    fields = ("-T", "fields", "-e", "tcp.srcport", "-e", "_ws.expert.message")
    out = _run("-r", str(path), "-Y", "_ws.malformed || _ws.expert.severity >= 0x00600000", *fields)
    return out.decode("utf-8", "replace").splitlines()


def trees(path: Path, protocol: str) -> dict[int, etree._Element]:
    """The dissected packets that hold that protocol, by conversation number."""
    out = _run("-r", str(path), "-Y", protocol, "-T", "pdml")
    found = {}
    # Wireshark 4.0 writes the octets of a UTF-8 subject as they are not; the rest of its document is sound
    for packet in etree.fromstring(out, etree.XMLParser(recover=True, huge_tree=True)).iter("packet"):
        port = next(f.get("show") for f in packet.iter("field") if f.get("name") == "tcp.srcport")
        found[int(port or 0) - 2000] = packet
    return found


def values(tree: etree._Element, name: str) -> list[str]:
    """What is shown of every field of that name."""
    return [field.get("show") or "" for field in tree.iter("field") if field.get("name") == name]
