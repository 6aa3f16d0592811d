"""The bodies of the Messages API, and how each becomes segments of an MMS: the table `BODIES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from gateway_adapter.api.common_fields import InlineContent, as_any_of
from gateway_adapter.api.fields import RequestModel, Url
from gateway_adapter.model import Segment

BodyText = Annotated[str, Field(min_length=1, max_length=4096)]


class TextBody(RequestModel):
    """Text."""

    type: Literal["TEXT"]
    text: BodyText


class MediaBody(RequestModel):
    """An image, a video or a document at a URL, with a line of text."""

    type: Literal["IMAGE", "VIDEO", "DOCUMENT"]
    url: Url
    text: Annotated[str, Field(max_length=4096)] | None = None


class RichLinkBody(RequestModel):
    """An image or video with a link."""

    type: Literal["RICH_LINK"]
    url: Url
    redirect_url: Url
    text: BodyText


class LocationBody(RequestModel):
    """A place."""

    type: Literal["LOCATION"]
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    name: Annotated[str, Field(max_length=1000)] | None = None
    address: Annotated[str, Field(max_length=1000)] | None = None


class ContactBody(RequestModel):
    """A name and a number."""

    type: Literal["CONTACT"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    phone_number: Annotated[str, Field(min_length=1, max_length=50)]


class MixedMedia(RequestModel):
    """One medium of a mixed body."""

    url: Url


class MixedText(RequestModel):
    """One text of a mixed body."""

    text: BodyText


def _media_or_text(value: Any) -> str:  # noqa: ANN401 - whatever the body holds
    if isinstance(value, dict):
        return "MEDIA" if value.get("url") is not None else "TEXT"
    return "MEDIA" if isinstance(value, MixedMedia) else "TEXT"


MixedItem = Annotated[
    Annotated[MixedMedia, Tag("MEDIA")] | Annotated[MixedText, Tag("TEXT")],
    Discriminator(_media_or_text),
    Field(json_schema_extra=as_any_of),
]


class MixedBody(RequestModel):
    """Media and texts in display order."""

    type: Literal["MIXED"]
    items: Annotated[list[MixedItem], Field(min_length=1, max_length=64)]


class CardBody(RequestModel):
    """What stands on a card."""

    url: Url | None = None
    title: Annotated[str, Field(max_length=1000)] | None = None
    text: Annotated[str, Field(max_length=4096)] | None = None


class CarouselCard(RequestModel):
    """One card of a carousel."""

    body: CardBody


class CarouselBody(RequestModel):
    """Cards one after the other."""

    type: Literal["CAROUSEL"]
    text: Annotated[str, Field(max_length=4096)] | None = None
    cards: Annotated[list[CarouselCard], Field(min_length=1, max_length=10)]


class OtherBody(RequestModel):
    """A body that can not be sent as MMS; it is refused by name."""

    type: Literal[
        "AUTHENTICATION_REQUEST", "LIST", "STICKER", "PRODUCT", "FLOW", "TIME_PICKER", "ORDER_REQUEST", "ORDER_STATUS",
        "FORM",
    ]  # fmt: skip


Body = Annotated[
    TextBody | MediaBody | RichLinkBody | LocationBody | ContactBody | MixedBody | CarouselBody | OtherBody,
    Field(discriminator="type"),
]


# --- bodies to segments ---


def text_segments(text: str | None) -> list[Segment]:
    """A text segment, or none for no text."""
    return [Segment("text", media_type="text/plain", text=text)] if text else []


def _link(url: str | None) -> list[Segment]:
    return [Segment("link", url=url)] if url else []


def _mixed(body: MixedBody, _: InlineContent) -> list[Segment]:
    return [
        s
        for item in body.items
        for s in (_link(item.url) if isinstance(item, MixedMedia) else text_segments(item.text))
    ]


def _location(body: LocationBody, _: InlineContent) -> list[Segment]:
    # RFC 5870: a geo URI
    where = f"geo:{body.latitude:.6f},{body.longitude:.6f}"
    return text_segments("\n".join(line for line in (body.name, body.address, where) if line))


_VCARD_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


def _contact(body: ContactBody, inline: InlineContent) -> list[Segment]:
    name = body.name.translate(_VCARD_ESCAPES)
    # TEL holds what a phone dials: digits, +, * and #
    number = "".join(c for c in body.phone_number if c.isdecimal() or c in "+*#")
    vcard = f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name};;;;\r\nFN:{name}\r\nTEL;TYPE=CELL:{number}\r\nEND:VCARD\r\n"
    kept = inline.keep(vcard.encode(), "text/vcard")
    return [Segment("blob", content_id="contact.vcf", media_type="text/vcard", blob=kept, file_name="contact.vcf")]


def _carousel(body: CarouselBody, _: InlineContent) -> list[Segment]:
    cards = [card.body for card in body.cards]
    segments = [s for c in cards for s in (*_link(c.url), *text_segments("\n".join(t for t in (c.title, c.text) if t)))]
    return text_segments(body.text) + segments


# Body -> the function that makes its segments, and whether MMS has this form itself, so that nothing is adapted.
BODIES: Mapping[type[RequestModel], tuple[Callable[[Any, InlineContent], list[Segment]], bool]] = {
    TextBody: (lambda body, _: text_segments(body.text), True),
    MediaBody: (lambda body, _: _link(body.url) + text_segments(body.text), True),
    MixedBody: (_mixed, True),
    RichLinkBody: (lambda body, _: _link(body.url) + text_segments(f"{body.text}\n{body.redirect_url}"), False),
    LocationBody: (_location, False),
    ContactBody: (_contact, False),
    CarouselBody: (_carousel, False),
}
