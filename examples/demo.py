"""A real message end to end: a phone's HEIC, a 12-megapixel JPEG, a receipt and a caption become an MMS.

    python examples/demo.py OUTDIR

Writes demo.mms (binary PDU), demo.eml (multipart/related) and demo.json (ledger), and prints the ledger.
The pictures are made by fixtures/make.py; it says what each is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mmscontent as mms

ROOT = Path(__file__).resolve().parent.parent


def main(out: Path) -> None:
    """Make the input, compose it twice, write what came out."""
    sources = out / "input"
    sources.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, ROOT / "fixtures" / "make.py", "demo", sources], check=True)  # noqa: S603
    files = sorted(sources.iterdir())

    profile = mms.load_profile(carrier="us/t-mobile", route="long_code", device="apple/iphone")
    message = mms.Message.of(
        mms.read_parts(files), text="Back from the coast. The receipt is for the boat.", subject="Holiday"
    )
    envelope = mms.Envelope(sender="+12065550100", to=("+12065550101",))
    pdu = mms.compose(message, profile, envelope=envelope, encoding="pdu")
    mail = mms.compose(message, profile, envelope=envelope, encoding="mime")

    (out / "demo.mms").write_bytes(pdu.data)
    (out / "demo.eml").write_bytes(mail.data)
    (out / "demo.json").write_text(pdu.ledger.to_json(), encoding="utf-8")
    (out / "demo.html").write_text(mms.preview(pdu), encoding="utf-8")
    print(pdu.ledger.table())
    print()
    print(pdu.ledger.explain())
    print()
    print(f"wrote {out}/demo.mms, demo.eml, demo.json and demo.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
