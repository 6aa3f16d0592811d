"""Messages: how parts become slides, and what cannot be made."""

from __future__ import annotations

import pytest

from mmscontent.message import Envelope, Message, Part, Slide, replace_parts

TYPES = {
    "i": "image/jpeg",
    "v": "video/mp4",
    "a": "audio/amr",
    "t": "text/plain",
    "c": "text/x-vcard",
    "d": "text/calendar",
    "o": "application/pdf",
}

LAYOUTS = [
    # parts in, caption, slides out (as kinds), attachments out
    ("i", "", ["i"], ""),
    ("ii", "", ["i", "i"], ""),
    ("ia", "", ["ia"], ""),
    ("iaa", "", ["ia", "a"], ""),
    ("it", "", ["it"], ""),
    ("iti", "", ["it", "i"], ""),
    ("vic", "", ["v", "i"], "c"),
    ("cd", "hello", ["t"], "cd"),
    ("ii", "hello", ["it", "i"], ""),
    ("iti", "hello", ["it", "it"], ""),
    ("ai", "hello", ["a", "it"], ""),
    ("o", "", [], "o"),
]


@pytest.mark.parametrize(("kinds", "caption", "slides", "attachments"), LAYOUTS)
def test_parts_become_the_slides_a_person_would_choose(
    kinds: str, caption: str, slides: list[str], attachments: str
) -> None:
    letter = {v: k for k, v in TYPES.items()}
    message = Message.of([Part(b"x", TYPES[k]) for k in kinds], text=caption)

    assert ["".join(letter[p.media_type] for p in s.parts) for s in message.slides] == slides
    assert "".join(letter[p.media_type] for p in message.attachments) == attachments


IMPOSSIBLE = [
    Slide,
    lambda: Slide(image=Part(b"", "image/png"), video=Part(b"", "video/mp4")),
    lambda: Slide(image=Part(b"", "image/png"), duration_ms=0),
    lambda: Part(b"", "IMAGE/PNG"),
    lambda: Part(b"", "png"),
    lambda: Part(b"", "image/png", content_id="a\r\nBcc: everyone"),
    lambda: Message(subject="a\nb"),
    lambda: Envelope(to=("+1\r\nX: y",)),
]


@pytest.mark.parametrize("make", IMPOSSIBLE)
def test_what_would_be_illegal_on_the_wire_cannot_be_made(make) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()


def test_parts_are_put_back_where_they_were() -> None:
    picture, clip, words, card = (
        Part(b"1", t, name=n)
        for t, n in (("image/png", "p"), ("video/mp4", "v"), ("text/plain", "t"), ("text/x-vcard", "c"))
    )
    message = Message((Slide(text=words, image=picture), Slide(video=clip)), (card,))

    again = replace_parts(message, message.parts)

    assert again == message
    assert [p.name for p in message.parts] == ["p", "t", "v", "c"]
