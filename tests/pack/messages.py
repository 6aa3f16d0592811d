"""Messages the wire tests share: plain, rich, and the ones that are hard to carry."""

from __future__ import annotations

import random

from hypothesis import settings

from mmscontent.message import Content, Envelope, Part

# Properties run the same examples every time, so that a failure stays until it is mended.
steady = settings(max_examples=60, deadline=None, derandomize=True)

SMIL = Part(
    b'<smil><head><layout/></head><body><par><img src="beach.jpg"/></par></body></smil>',
    "application/smil",
    content_id="smil",
    content_location="smil.smil",
    charset="utf-8",
)


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that no encoding shortens, the same for the same seed."""
    return random.Random(seed).randbytes(size)


RICH = Content(
    (
        Part(noise(5000), "image/jpeg", content_id="beach", content_location="beach.jpg"),
        Part.of_text("Grüße aus Kiel, schöne Tage, süße Brötchen und Möwen überall"),
        Part(b"Hello\nworld", "text/plain", charset="us-ascii"),
        Part(b"Hello\r\nworld", "text/plain", charset="us-ascii"),
        Part(b"", "image/gif"),
        Part(b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Ada\r\nEND:VCARD\r\n", "text/x-vcard", name="Ada Lovelace.vcf"),
        Part(noise(700, 2), "audio/amr", name="memo.amr"),
    ),
    SMIL,
    "Happy birthday – a subject with accents: ünïcödé, long enough for two encoded words",
)
DEFAULT_POLICY = Content((Part.of_text("Hi"),))
EMPTY = Content(())
CONTENTS = {"rich": RICH, "plain": DEFAULT_POLICY, "empty": EMPTY}

FULL = Envelope(
    sender="+12065550100",
    to=("+12065550101", "ada@example.org", "12345"),
    cc=("+12065550102",),
    bcc=("+12065550103",),
    message_class="informational",
    priority="high",
    expiry_s=86_400,
    delivery_report=True,
    read_report=True,
    transaction_id="T1",
    date_s=1_700_000_000,
)
ENVELOPES = {"full": FULL, "empty": Envelope(), "one": Envelope(sender="+12065550100", to=("+12065550101",))}
