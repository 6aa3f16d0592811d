"""Prints a SHA-256 of what `compose` makes of ten fixtures in every wire form, one line each.

    python tools/compose_checksums.py [> FILE]

Run it before and after a change that must not change bytes, and compare the two outputs.
Encoders differ between versions and builds, so outputs are comparable only within one environment.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import mmscontent as mms

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
NAMES = (
    "jpeg-480x640-exif6-gps-serial-thumbnail.jpg",
    "heic-320x240-p3-orient6.heic",
    "png-screenshot-receipt-540x870.png",
    "webp-lossless-alpha-64x48.webp",
    "gif-anim-120x90-6-frames-600ms.gif",
    "mov-h264-128x96-orient6-gps.mov",
    "wav-pcm16-8khz-500ms.wav",
    "vcard-21-photo.vcf",
    "icalendar-20.ics",
    "text-windows1252.txt",
)
ENCODINGS = ("pdu", "mime", "mime-binary", "mm7", "mm4")
LIMITS_BYTES = (8_000, 300_000)


def checksums(encodings: tuple[str, ...] = ENCODINGS, limits_bytes: tuple[int, ...] = LIMITS_BYTES) -> list[str]:
    """One line per fixture, limit and wire form: digest, size and names; for a refusal the class of the error."""
    envelope = mms.Envelope(sender="+12065550100", to=("+12065550101",))
    lines = []
    for name in NAMES:
        message = mms.Message.of(mms.read_parts([str(FIXTURES / name)]), text="Two words", subject="Hi")
        for limit in limits_bytes:
            profile = mms.load_profile(max_message_bytes=limit)
            for encoding in encodings:
                try:
                    data = mms.compose(message, profile, envelope=envelope, encoding=encoding).data
                    result = f"{hashlib.sha256(data).hexdigest()} {len(data)}"
                except mms.MMSContentError as error:
                    result = type(error).__name__
                lines.append(f"{result}  {name} {limit} {encoding}")
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(checksums()) + "\n")
