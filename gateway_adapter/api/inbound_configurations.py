"""`/resource-management/1/inbound-message-configurations`: what happens with messages to a number, by keyword.

A POST changes the configuration of its number and keyword: first what `unset` names is removed, then what the body
gives is set; everything else stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway_adapter.api.common_fields import Platform, window_of, wire_window
from gateway_adapter.api.errors import invalid_field
from gateway_adapter.api.fields import DeliveryWindow, RequestModel, Url, normalize_number
from gateway_adapter.api.responses import ResponseBody, adapter_of
from gateway_adapter.model import AutoResponse, Configuration, Forwarding, ForwardingType


class HttpForwarding(RequestModel):
    """Posted to a URL: JSON with hosted media, MIME parts in the body, or XML."""

    type: Literal["HTTP_FORWARD"]
    url: Url
    format: Literal["MO_MMS_2", "MULTIPART", "XML"] | None = None
    description: Annotated[str, Field(max_length=1000)] | None = None


class PullForwarding(RequestModel):
    """Kept for the inbox."""

    type: Literal["PULL"]
    description: Annotated[str, Field(max_length=1000)] | None = None


class EmailForwarding(RequestModel):
    """Mailed, media attached; an addition of this gateway."""

    type: Literal["EMAIL"]
    address: Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$")]
    description: Annotated[str, Field(max_length=1000)] | None = None


class NoForwarding(RequestModel):
    """Seen in the store alone; an addition of this gateway."""

    type: Literal["NO_ACTION"]
    description: Annotated[str, Field(max_length=1000)] | None = None


AnyForwarding = Annotated[HttpForwarding | PullForwarding | EmailForwarding | NoForwarding, Field(discriminator="type")]


class ResponseText(RequestModel):
    """A text that answers the sender."""

    message: Annotated[str, Field(min_length=1, max_length=1080)]
    sender: Annotated[str, Field(max_length=50)] | None = None
    delivery_time_window: DeliveryWindow | None = None


class BlockList(RequestModel):
    """The sender goes on the block list, or comes off it."""

    type: Literal["BLOCK", "UNBLOCK"]
    level: Literal["FROM_SENDER", "FROM_ANY_SENDER"]


Unset = Literal[
    "USERNAME", "PLATFORM", "FORWARDING", "CONVERSATIONS", "ANSWERS", "AUTORESPONSE", "BLOCKLISTCONFIGURATION"
]


class ConfigurationRequest(RequestModel):
    """The body of a POST. `numberKey` is read as the number: this gateway has no other key for it."""

    channel: Literal["MMS"]
    number: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    number_key: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    country_code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    keyword: Annotated[str, Field(max_length=50)] | None = None
    username: Annotated[str, Field(max_length=255)] | None = None
    platform: Platform | None = None
    forwarding: AnyForwarding | None = None
    auto_response: ResponseText | None = None
    block_list_configuration: BlockList | None = None
    callback_data: Annotated[str, Field(max_length=4000)] | None = None
    unset: Annotated[list[Unset], Field(max_length=20)] | None = None

    def the_number(self) -> str:
        """Which number it is about.

        Raises:
            InvalidRequest: None is given, or it is not a number.
        """
        named = self.number or self.number_key
        if not named:
            raise invalid_field("number", "number or numberKey is required")
        bare = normalize_number(named)
        if not (bare.isascii() and bare.isdecimal()):
            raise invalid_field("number", f"{named!r} is not a number of digits")
        return bare


# Type on the wire -> type in the model, and the member that holds its target.
_FORWARDINGS: dict[str, tuple[ForwardingType, str]] = {
    "HTTP_FORWARD": ("http", "url"),
    "EMAIL": ("email", "address"),
    "PULL": ("pull", ""),
    "NO_ACTION": ("none", ""),
}


def _forwarding(wire: HttpForwarding | PullForwarding | EmailForwarding | NoForwarding) -> Forwarding:
    kind, target = _FORWARDINGS[wire.type]
    renderer = getattr(wire, "format", None) or "MO_MMS_2"
    return Forwarding(kind, getattr(wire, target, ""), renderer, wire.description or "")


_UNSETS: dict[str, dict[str, Any]] = {
    "USERNAME": {"username": ""},
    "PLATFORM": {"entity_id": "", "application_id": ""},
    "FORWARDING": {"forwarding": None},
    "AUTORESPONSE": {"auto_response": None},
    "BLOCKLISTCONFIGURATION": {"block": ""},
}


def apply_change(request: ConfigurationRequest, before: Configuration | None) -> Configuration:
    """The configuration as it stands after a POST.

    Raises:
        InvalidRequest: No number is named, or a window makes no sense.
    """
    configuration = before or Configuration(request.the_number(), keyword=request.keyword or "")
    for name in request.unset or ():
        configuration = replace(configuration, **_UNSETS.get(name, {}))
    given: dict[str, Any] = {
        "country": request.country_code,
        "username": request.username,
        "callback_data": request.callback_data,
        "entity_id": request.platform.entity_id if request.platform else None,
        "application_id": request.platform.application_id if request.platform else None,
        "forwarding": _forwarding(request.forwarding) if request.forwarding else None,
        "auto_response": _auto_response(request.auto_response),
        "block": _block(request.block_list_configuration),
    }
    return replace(configuration, **{name: value for name, value in given.items() if value is not None})


def _auto_response(wire: ResponseText | None) -> AutoResponse | None:
    if wire is None:
        return None
    window = window_of(wire.delivery_time_window, "autoResponse.deliveryTimeWindow")
    return AutoResponse(wire.message, normalize_number(wire.sender or ""), window)


def _block(wire: BlockList | None) -> str | None:
    if wire is None:
        return None
    return f"{'unblock_' if wire.type == 'UNBLOCK' else ''}{wire.level.lower()}"


# --- responses -----------------------------------------------------------------------------------------------------


class ConfigurationResponse(ResponseBody):
    """What happens with messages to a number; a list of them is a bare array."""

    configuration_key: str
    channel: Literal["MMS"]
    number: str
    number_key: str
    country_code: str | None = None
    keyword: str | None = None
    username: str | None = None
    platform: Platform | None = None
    forwarding: AnyForwarding | None = None
    auto_response: ResponseText | None = None
    block_list_configuration: BlockList | None = None
    callback_data: str | None = None


def configuration_response(configuration: Configuration) -> ConfigurationResponse:
    """Fill the response from a configuration."""
    platform = Platform(entity_id=configuration.entity_id or None, application_id=configuration.application_id or None)
    return ConfigurationResponse.of(
        configuration,
        configuration_key=configuration.key,
        channel="MMS",
        number_key=configuration.number,
        country_code=configuration.country or None,
        platform=platform if configuration.entity_id or configuration.application_id else None,
        forwarding=_forwarding_response(configuration.forwarding),
        auto_response=_auto_response_text(configuration.auto_response),
        block_list_configuration=_block_list(configuration.block),
    )


def _forwarding_response(forwarding: Forwarding | None) -> AnyForwarding | None:
    if forwarding is None:
        return None
    wire_type, target = next((wire, target) for wire, (kind, target) in _FORWARDINGS.items() if kind == forwarding.type)
    members = {"type": wire_type, "description": forwarding.description or None}
    if target:
        members[target] = forwarding.target
    if forwarding.type == "http":
        members["format"] = forwarding.renderer
    wire: AnyForwarding = adapter_of(AnyForwarding).validate_python(members)
    return wire


def _auto_response_text(response: AutoResponse | None) -> ResponseText | None:
    if response is None:
        return None
    return ResponseText(
        message=response.text, sender=response.sender or None, delivery_time_window=wire_window(response.window)
    )


def _block_list(block: str) -> BlockList | None:
    if not block:
        return None
    members = {"type": "UNBLOCK" if block.startswith("unblock_") else "BLOCK"}
    return BlockList.model_validate({**members, "level": block.removeprefix("unblock_").upper()})
