"""`POST /messages-api/1/messages`: the API over all channels, of which this gateway sends MMS.

The table `BODIES` turns each body into segments. With `adaptationMode` (the default) a body MMS has no
form for is adapted: a location or a button becomes a line of text, a contact a vCard. Without it, it is a violation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from gateway_adapter.api.common_fields import (
    InlineContent,
    MessageId,
    Number,
    SingleDestination,
    as_any_of,
    destination_of,
)
from gateway_adapter.api.errors import InvalidRequest, Violation
from gateway_adapter.api.fields import RequestModel, Url, normalize_number
from gateway_adapter.api.mms_v2 import MessageOptions, MessageWebhooks, RequestOptions, message_fields, scheduled
from gateway_adapter.model import Destination, Failover, Order, Segment, Submission

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


class TextLine(RequestModel):
    """A header or footer."""

    text: Annotated[str, Field(max_length=1000)] | None = None


class Button(RequestModel):
    """A button; MMS has none, so it becomes a line of text where it leads to a URL or a number."""

    type: Annotated[str, Field(max_length=50)]
    text: Annotated[str, Field(max_length=200)] | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None
    phone_number: Annotated[str, Field(max_length=50)] | None = None


class MessagesApiContent(RequestModel):
    """What is sent."""

    header: TextLine | None = None
    body: Body
    footer: TextLine | None = None
    buttons: Annotated[list[Button], Field(max_length=20)] | None = None


class ChannelDestination(RequestModel):
    """The recipient on one channel."""

    channel: Annotated[str, Field(min_length=1, max_length=50)]
    to: Number


class ChannelsDestination(RequestModel):
    """The recipient on each channel of a failover."""

    by_channel: Annotated[list[ChannelDestination], Field(min_length=1, max_length=20)]
    message_id: MessageId | None = None


def _channels_or_to(value: Any) -> str:  # noqa: ANN401 - whatever the body holds
    if isinstance(value, dict):
        return "CHANNELS" if value.get("byChannel") is not None else "TO"
    return "CHANNELS" if isinstance(value, ChannelsDestination) else "TO"


MessagesApiDestination = Annotated[
    Annotated[ChannelsDestination, Tag("CHANNELS")] | Annotated[SingleDestination, Tag("TO")],
    Discriminator(_channels_or_to),
    Field(json_schema_extra=as_any_of),
]


class MessagesApiOptions(MessageOptions):
    """How one message is sent."""

    adaptation_mode: bool | None = None


class MessagesApiFailover(RequestModel):
    """A channel to be tried when MMS fails; SMS is the one this gateway knows."""

    channel: Annotated[str, Field(min_length=1, max_length=50)]
    sender: Annotated[str, Field(max_length=50)] | None = None


class MessagesApiMessage(RequestModel):
    """One message to some recipients."""

    channel: Annotated[str, Field(min_length=1, max_length=50, description="`MMS`; others are refused.")]
    sender: Annotated[str, Field(min_length=1, max_length=50)]
    destinations: Annotated[list[MessagesApiDestination], Field(min_length=1, max_length=10_000)]
    content: MessagesApiContent
    options: MessagesApiOptions | None = None
    webhooks: MessageWebhooks | None = None
    failover: Annotated[list[MessagesApiFailover], Field(max_length=10)] | None = None


class MessagesApiRequest(RequestModel):
    """The body of `/messages-api/1/messages`."""

    messages: Annotated[list[MessagesApiMessage], Field(min_length=1, max_length=1000)]
    options: RequestOptions | None = None


@dataclass(slots=True)
class ConversionContext:
    """Collects inline content and violations while a request is read.

    Attributes:
        skippable: What will be adapted or left out; reported by `/validate`.
    """

    now_ms: int
    inline: InlineContent
    violations: list[Violation] = field(default_factory=list)
    skippable: list[Violation] = field(default_factory=list)


def submission_from_channels(request: MessagesApiRequest, conversion: ConversionContext) -> Submission:
    """The request as the service takes it.

    Raises:
        InvalidRequest: A message can not be sent as MMS, or a time makes no sense; every violation is named.
    """

    def orders(send_at_ms: int | None) -> tuple[Order, ...]:
        found = tuple(_order(one, f"messages[{at}]", send_at_ms, conversion) for at, one in enumerate(request.messages))
        if conversion.violations:
            raise InvalidRequest(tuple(conversion.violations))
        return found

    return scheduled(request.options, conversion.now_ms, orders)


def _order(message: MessagesApiMessage, place: str, send_at_ms: int | None, conversion: ConversionContext) -> Order:
    if message.channel != "MMS":
        text = f"{message.channel!r} is not supported; use MMS"
        conversion.violations.append(Violation(f"{place}.channel", text))
    options = message.options or MessagesApiOptions()
    segments = _segments(message.content, f"{place}.content", conversion, adapt=options.adaptation_mode is not False)
    return Order(
        generation="messages",
        sender=normalize_number(message.sender),
        destinations=tuple(
            _destination(one, f"{place}.destinations[{at}]", conversion) for at, one in enumerate(message.destinations)
        ),
        segments=segments,
        title=(message.content.header.text or "") if message.content.header else "",
        send_at_ms=send_at_ms,
        sms_failover=_failover(message, segments, place, conversion),
        **message_fields(options, message.webhooks, place),
    )


def _destination(
    one: ChannelsDestination | SingleDestination, place: str, conversion: ConversionContext
) -> Destination:
    if isinstance(one, SingleDestination):
        return destination_of(one)
    # Failover requests name the recipient for each channel; only MMS counts here
    by_mms = next((each.to for each in one.by_channel if each.channel == "MMS"), None)
    if by_mms is None:
        conversion.violations.append(Violation(f"{place}.byChannel", "no recipient for channel MMS"))
    return Destination(normalize_number(by_mms or ""), one.message_id or "")


def _failover(
    message: MessagesApiMessage, segments: tuple[Segment, ...], place: str, conversion: ConversionContext
) -> Failover | None:
    for at, step in enumerate(message.failover or ()):
        text = " ".join(segment.text for segment in segments if segment.kind == "text")
        if step.channel == "SMS" and text:
            return Failover(text, normalize_number(step.sender or ""))
        reason = "the body has no text for an SMS" if step.channel == "SMS" else f"{step.channel!r} is not served"
        conversion.skippable.append(Violation(f"{place}.failover[{at}]", reason))
    return None


def _segments(
    content: MessagesApiContent, place: str, conversion: ConversionContext, *, adapt: bool
) -> tuple[Segment, ...]:
    body = content.body
    say, native = BODIES.get(type(body), (None, False))
    # adaptationMode false: a body must be sent exactly as it is, or refused
    if say is None or not (native or adapt):
        text = f"a body of type {body.type} can not be sent as MMS"
        conversion.violations.append(Violation(f"{place}.body.type", text if say is None else f"{text} unadapted"))
        return ()
    if not native:
        conversion.skippable.append(Violation(f"{place}.body.type", f"{body.type} is sent as text and media"))
    segments = say(body, conversion.inline)
    for at, button in enumerate(content.buttons or ()):
        segments += _button(button, f"{place}.buttons[{at}]", conversion, adapt=adapt)
    return tuple(segments + text_segments(content.footer.text if content.footer else None))


def _button(button: Button, place: str, conversion: ConversionContext, *, adapt: bool) -> list[Segment]:
    # A button that only replies has no target
    target = button.url or button.phone_number
    if not adapt:
        conversion.violations.append(Violation(place, "MMS has no buttons"))
    elif target:
        conversion.skippable.append(Violation(place, "a button is sent as a line of text"))
        return text_segments(f"{button.text}: {target}" if button.text else target)
    else:
        conversion.skippable.append(Violation(place, f"a button of type {button.type} is left out"))
    return []


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
