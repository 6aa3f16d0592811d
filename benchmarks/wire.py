"""How quick are the wire forms? `python benchmarks/wire.py [--quick]`.

A message of SMIL, three pictures and a text, 300 KB and 1 MB, is packed and unpacked in every form; the standard
library's email and python-messaging's decoder read and write the same message in the same run, and a bare join of the
same bytes says what the copying alone costs. Times are the best of many rounds, turned into messages and megabytes a
second; results are printed and written to results/wire.json.

Bars: unpacking a PDU at least 5 times as quick as python-messaging, writing one at most 3 times a bare join of ready
pieces. `pack` on top of that names the parts and makes the fields out of the envelope; its ratio is shown as well.
python-messaging is needed for this benchmark alone: `pip install python-messaging`; without it its row is left out.
"""

from __future__ import annotations

import argparse
import email
import json
import logging
import platform
import random
import sys
import time
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from mmscontent.message import Content, Envelope, Part
from mmscontent.pack import pdu
from mmscontent.pack.common import with_wire_names
from mmscontent.pack.pdu.multipart import names_of, part_headers
from mmscontent.pack.registry import ENCODINGS, pack, size, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"
SIZES = {"300 KB": 300_000, "1 MB": 1_000_000}
SMIL = b'<smil><head><layout/></head><body><par dur="5000ms"><img src="a.jpg" region="Image"/></par></body></smil>'
ENVELOPE = Envelope(sender="+12065550100", to=("+12065550101",), transaction_id="T1", date_s=1_700_000_000)
MAX_JOIN = 3.0
MIN_PEER = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing."""

    size: str
    what: str
    bytes: int
    best_s: float


def message(total: int) -> Content:
    """Three pictures that share the size, and a caption."""
    chance = random.Random(1)
    pictures = tuple(
        Part(chance.randbytes(total // 3), "image/jpeg", content_id=name, content_location=f"{name}.jpg")
        for name in "abc"
    )
    text = Part(b"Greetings from the beach", "text/plain", content_id="t", content_location="t.txt", charset="utf-8")
    smil = Part(SMIL, "application/smil", content_id="smil", content_location="smil.smil", charset="utf-8")
    return with_wire_names(Content((*pictures, text), smil, "Greetings"))


def best(work: Callable[[], object], seconds: float) -> float:
    """The quickest of the rounds that fit into the time, at least five."""
    quickest = float("inf")
    ends = time.perf_counter() + seconds
    rounds = 0
    while rounds < 5 or time.perf_counter() < ends:
        began = time.perf_counter()
        work()
        quickest = min(quickest, time.perf_counter() - began)
        rounds += 1
    return quickest


def join_of(content: Content) -> list[bytes]:
    """The bytes of the packed message as ready pieces, bodies whole: what any packer must at least copy."""
    entries = ((content.presentation,) if content.presentation else ()) + content.parts
    return [piece for part in entries for piece in (*part_headers(names_of(part)), part.data)]


def stdlib_write(content: Content) -> bytes:
    """The same message by the standard library."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = "+12065550100@mms.invalid", "+12065550101@mms.invalid", content.subject
    mail.make_related()
    for part in ((content.presentation,) if content.presentation else ()) + content.parts:
        kind, subtype = part.media_type.split("/")
        mail.add_related(part.data, kind, subtype, cid=f"<{part.content_id}>", filename=part.name)
    return mail.as_bytes()


def stdlib_read(data: bytes) -> list[object]:
    """The standard library's way to the same parts."""
    mail = email.message_from_bytes(data, policy=policy.default)
    return [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]


def peer_read() -> Callable[[bytes], object] | None:
    """python-messaging's decoder, or None when it is not installed."""
    logging.disable(logging.CRITICAL)
    try:
        from messaging.mms.message import MMSMessage  # noqa: PLC0415  # only this benchmark, and only when it is there
    except ImportError:
        return None
    return lambda data: [part.data for part in MMSMessage.from_data(data).data_parts]


def measure(label: str, total: int, seconds: float) -> list[Row]:
    """Every row of one size."""
    content = message(total)
    whole = pack(content, ENVELOPE, "pdu").data
    pieces = join_of(content)
    rows = [Row(label, "join: bare b''.join of the pieces", len(whole), best(lambda: b"".join(pieces), seconds))]
    bare = pdu.pdu_of(content, ENVELOPE)
    rows.append(Row(label, "write_pdu: a Pdu made before", len(whole), best(lambda: pdu.write_pdu(bare), seconds)))
    for name in ENCODINGS:
        packed = pack(content, ENVELOPE, name)

        def unpacked(data: bytes = packed.data, content_type: str = packed.content_type) -> object:
            return unpack(data, content_type)

        length = len(packed.data)
        rows.append(Row(label, f"pack {name}", length, best(lambda name=name: pack(content, ENVELOPE, name), seconds)))
        rows.append(Row(label, f"unpack {name}", length, best(unpacked, seconds)))
        rows.append(Row(label, f"size {name}", length, best(lambda name=name: size(content, ENVELOPE, name), seconds)))
    mail = stdlib_write(content)
    rows.append(Row(label, "email (stdlib): write", len(mail), best(lambda: stdlib_write(content), seconds)))
    rows.append(Row(label, "email (stdlib): read", len(mail), best(lambda: stdlib_read(mail), seconds)))
    read = peer_read()
    if read is not None:
        rows.append(Row(label, "python-messaging: read pdu", len(whole), best(lambda: read(whole), seconds)))
    return rows


def bars(rows: list[Row]) -> dict[str, float]:
    """The ratios the bars are about, by name and size."""
    times = {(row.size, row.what): row.best_s for row in rows}
    found = {}
    for label in SIZES:
        join = times[label, "join: bare b''.join of the pieces"]
        found[f"write_pdu ÷ join, {label}"] = times[label, "write_pdu: a Pdu made before"] / join
        found[f"pack pdu ÷ join, {label}"] = times[label, "pack pdu"] / join
        peer = times.get((label, "python-messaging: read pdu"))
        if peer is not None:
            found[f"python-messaging ÷ unpack pdu, {label}"] = peer / times[label, "unpack pdu"]
        found[f"stdlib read ÷ unpack mime, {label}"] = (
            times[label, "email (stdlib): read"] / times[label, "unpack mime"]
        )
        found[f"stdlib write ÷ pack mime, {label}"] = times[label, "email (stdlib): write"] / times[label, "pack mime"]
    return found


def missed(ratios: dict[str, float]) -> list[str]:
    """The bars that were not reached."""
    over = [name for name, ratio in ratios.items() if name.startswith("write_pdu") and ratio > MAX_JOIN]
    return over + [name for name, ratio in ratios.items() if name.startswith("python") and ratio < MIN_PEER]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    seconds = 0.1 if parser.parse_args().quick else 1.0
    rows = [row for label, total in SIZES.items() for row in measure(label, total, seconds)]
    for row in rows:
        print(
            f"{row.size:>7}  {row.what:36} {row.best_s * 1e3:9.3f} ms {1 / row.best_s:11,.0f} messages/s "
            f"{row.bytes / row.best_s / 1e6:9,.0f} MB/s"
        )
    ratios = bars(rows)
    for name, ratio in ratios.items():
        print(f"{ratio:9.2f} ×  {name}")
    RESULTS.mkdir(exist_ok=True)
    document = {
        "command": "python benchmarks/wire.py",
        "python": platform.python_version(),
        "rows": [{"size": r.size, "what": r.what, "bytes": r.bytes, "best_s": r.best_s} for r in rows],
        "ratios": ratios,
        "bars": {"write_pdu ÷ join at most": MAX_JOIN, "python-messaging ÷ unpack pdu at least": MIN_PEER},
        "missed": missed(ratios),
    }
    (RESULTS / "wire.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name in document["missed"]:
        print(f"missed: {name}")
    return 1 if document["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
