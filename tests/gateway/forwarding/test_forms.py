"""The form with the media inside, and the mail, as other people's parsers read them."""

from __future__ import annotations

import email
import email.policy
import hashlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.formparsers import MultiPartParser
from starlette.requests import Headers

from gateway_adapter.messages.forwarding import render_mail, render_multipart
from gateway_adapter.model import InboundMedia, InboundView

PICTURE = b"\xff\xd8\xff\xe0 picture \r\n--mms-"
SMIL = b"<smil/>"
STORE = {hashlib.sha256(data).hexdigest(): data for data in (PICTURE, SMIL)}


def blob(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


VIEW = InboundView(
    message_id="in-1",
    sender="12065550100",
    to="12345",
    group=("12346",),
    parts=(
        InboundMedia("application/smil", "smil.xml", blob(SMIL), len(SMIL)),
        InboundMedia("image/jpeg", "beach of 2026.jpg", blob(PICTURE), len(PICTURE)),
        InboundMedia("text/plain", "t.txt", text="Grüße 🌊"),
    ),
    subject="Süden",
    user_agent="phone/1",
    received_at_ms=1_795_341_600_123,
    keyword="win",
)


def parsed(content_type: str, body: bytes) -> list[tuple[str, str, str, bytes]]:
    """What the web framework most customers' systems have like makes of it."""
    import asyncio

    async def stream() -> object:
        yield body  # type: ignore[misc]

    async def work() -> list[tuple[str, str, str, bytes]]:
        form = await MultiPartParser(Headers({"content-type": content_type}), stream()).parse()  # type: ignore[arg-type]
        found = []
        for name, value in form.multi_items():
            if isinstance(value, str):
                found.append((name, "", "", value.encode()))
            else:
                found.append((name, value.filename or "", value.content_type or "", await value.read()))
        await form.close()
        return found

    return asyncio.run(work())


def test_the_multipart_form_is_what_single_takes_the_other_way_round() -> None:
    head, smil, picture, text = parsed(*render_multipart(VIEW, STORE.__getitem__))

    assert head[0] == "head"
    assert json.loads(head[3]) == {
        "messageId": "in-1",
        "from": "12065550100",
        "to": "12345",
        "group": ["12346"],
        "subject": "Süden",
        "keyword": "win",
        "receivedAt": "2026-11-22T10:00:00.123+00:00",
        "userAgent": "phone/1",
    }
    assert (smil[0], smil[3]) == ("smil", SMIL)
    assert picture == ("media", "beach_of_2026.jpg", "image/jpeg", PICTURE)
    assert (text[0], text[3].decode()) == ("text", "Grüße 🌊")


def test_the_same_message_has_the_same_form_at_every_try() -> None:
    assert render_multipart(VIEW, STORE.__getitem__) == render_multipart(VIEW, STORE.__getitem__)


@given(st.text(max_size=40), st.text(max_size=40), st.binary(max_size=200), st.text(max_size=40))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_name_type_or_body_breaks_the_form(content_id: str, media_type: str, data: bytes, subject: str) -> None:
    part = InboundMedia(media_type, content_id, "x", len(data))
    view = InboundView("in-1", "1206", "12345", (), (part,), subject, "", 0)

    content_type, body = render_multipart(view, lambda _: data)
    mail = render_mail(view, "ada@example.org", "gw.example", lambda _: data)

    assert [row[3] for row in parsed(content_type, body)][1:] == [data]
    assert len([p for p in email.message_from_bytes(mail).walk() if not p.is_multipart()]) == 1


def test_a_mail_has_the_words_first_the_media_attached_and_no_presentation() -> None:
    message = email.message_from_bytes(
        render_mail(VIEW, "ada@example.org", "gw.example", STORE.__getitem__), policy=email.policy.default
    )
    text, picture = list(message.iter_parts())

    assert (message["From"], message["To"]) == ("12065550100@gw.example", "ada@example.org")
    assert (message["Subject"], message["Message-ID"]) == ("Süden", "<in-1@gw.example>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.timestamp() == 1_795_341_600
    assert (text.get_content_type(), text.get_content().strip()) == ("text/plain", "Grüße 🌊")
    assert (picture.get_content_type(), picture.get_content()) == ("image/jpeg", PICTURE)
    assert message.defects == []


def test_a_mail_without_a_subject_says_whose_message_it_is() -> None:
    view = InboundView("in-1", "12065550100", "12345", (), (), "", "", 0)
    message = email.message_from_bytes(render_mail(view, "ada@example.org", "gw.example", STORE.__getitem__))

    assert message["Subject"] == "MMS from +12065550100 to 12345"
