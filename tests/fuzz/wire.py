"""Mutated messages against the one door, `unpack`: only our own errors may leave it, and nothing may swell.

Runs in the tests with a fixed seed, and for longer by hand:

    python -m tests.fuzz.wire --seconds 600 [--seed N]
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmscontent.errors import MMSContentError
from mmscontent.pack import mm7, pdu
from mmscontent.pack.registry import ENCODINGS, pack, unpack
from tests.conftest import corpus_files
from tests.pack.messages import CONTENTS, ENVELOPES

if TYPE_CHECKING:
    from mmscontent.message import Unpacked

MAX_SEED_BYTES = 6_000  # what is beyond in a real file is media, which the wire reader only copies
INTERESTING = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x1f",
    b"\x1e",
    b"\r\n",
    b"--",
    b"\r\n\r\n",
    b'"',
    b"<",
    b">",
    b"&",
    b"=",
)


def seeds() -> list[bytes]:
    """Real messages cut to their headers and first bodies, and one of each form of our own."""
    real = [case.path.read_bytes()[:MAX_SEED_BYTES] for case in corpus_files("mms-pdu", "mm7", "mm3-mail")]
    ours = [
        pack(content, envelope, encoding).data[:MAX_SEED_BYTES]
        for encoding in ENCODINGS
        for content in CONTENTS.values()
        for envelope in ENVELOPES.values()
    ]
    return real + ours


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The bytes with one to eight small damages."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(found))
        size = min(chance.choice((1, 1, 2, 4, 16, 64)), len(found) - at)
        match chance.randrange(7):
            case 0 if size:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + size] = chance.randbytes(size)
            case 2:
                del found[at : at + size]
            case 3:
                found[at:at] = found[at : at + size] * chance.randint(1, 6)
            case 4:
                found[at : at + 1] = chance.choice(INTERESTING)
            case 5:
                del found[at:]
            case _:
                other = chance.choice(others)
                begin = chance.randint(0, len(other))
                found[at:at] = other[begin : begin + chance.randint(0, 200)]
    return bytes(found)


@dataclass(slots=True)
class Tally:
    """What a run saw."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    failures: list[tuple[bytes, str]] = field(default_factory=list)


def try_one(data: bytes, tally: Tally) -> None:
    """Unpack one input; anything but our errors, and any swelling, is a failure."""
    tally.inputs += 1
    began = time.process_time()
    try:
        read = unpack(data)
    except MMSContentError:
        tally.refused += 1
    except Exception as exc:  # noqa: BLE001  # whatever it is, finding it is the purpose
        tally.failures.append((data, f"{type(exc).__name__}: {exc}"))
    else:
        tally.read += 1
        _pack_again(data, read, tally)
        held = sum(len(part.data) for part in read.content.parts)
        if held > 2 * len(data) + 1000:
            tally.failures.append((data, f"{held:,} bytes of parts out of {len(data):,}"))
    tally.slowest_s = max(tally.slowest_s, time.process_time() - began)


def _write_again(data: bytes) -> str:
    """What the values of a PDU or MM7 message say of reading them again after writing; "" when they are equal."""
    if pdu.is_pdu(data):
        message = pdu.read_pdu(data).pdu
        again = pdu.read_pdu(pdu.write_pdu(message)).pdu
        return "" if again == message else f"written again a PDU differs: {again} {message}"
    if not mm7.is_soap(data):
        return ""
    soap = mm7.read_mm7(data).message
    written = mm7.write_mm7(soap, mm7.DEFAULT_PEER)
    read = mm7.read_mm7(written.data, written.content_type).message
    same = replace(read, version=soap.version, namespace=soap.namespace) == soap
    return "" if same else f"written again an MM7 message differs: {read} {soap}"


def _pack_again(data: bytes, read: Unpacked, tally: Tally) -> None:
    """What was read is packed in some form; a value no form can hold is a ValueError, and nothing else."""
    name = list(ENCODINGS)[tally.inputs % len(ENCODINGS)]
    try:
        packed = pack(read.content, read.envelope, name)
        unpack(packed.data, packed.content_type)
        why = _write_again(data)
    except ValueError:
        return
    except Exception as exc:  # noqa: BLE001  # as in try_one
        why = f"packing as {name}: {type(exc).__name__}: {exc}"
    if why:
        tally.failures.append((data, why))


def run(*, seed: int, inputs: int | None = None, seconds: float | None = None) -> Tally:
    """Fuzz until the number of inputs or the time is reached."""
    chance = random.Random(seed)
    pool = seeds()
    tally = Tally()
    ends = time.monotonic() + seconds if seconds is not None else None
    while (inputs is None or tally.inputs < inputs) and (ends is None or time.monotonic() < ends):
        try_one(mutated(chance.choice(pool), pool, chance), tally)
    return tally


def main() -> int:
    """The command; each failing input is written to out/fuzz under its hash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = run(seed=options.seed, seconds=options.seconds)
    for data, why in tally.failures:
        path = Path("out") / "fuzz" / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sys.stdout.write(f"{path}: {why}\n")
    sys.stdout.write(
        f"{tally.inputs:,} inputs, {tally.read:,} read, {tally.refused:,} refused by name, "
        f"slowest {tally.slowest_s * 1000:.0f} ms, {len(tally.failures)} failures\n"
    )
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
