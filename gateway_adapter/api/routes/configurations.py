"""Endpoints of inbound configurations: what happens with messages to a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from gateway_adapter.api.errors import HttpRefusal, invalid_field
from gateway_adapter.api.fields import RequestModel, normalize_number, read_json
from gateway_adapter.api.inbound_configurations import (
    ConfigurationRequest,
    ConfigurationResponse,
    apply_change,
    configuration_response,
)
from gateway_adapter.api.routes.endpoints import EndpointTable, RateLimit, in_path
from gateway_adapter.api.routes.http_responses import json_response, one_media_type_of
from gateway_adapter.api.webhook_bodies import JSON
from gateway_adapter.errors import Refused

if TYPE_CHECKING:
    from gateway_adapter.api.routes.endpoints import RequestContext

_PATH = "/resource-management/1/inbound-message-configurations"
_READ = RateLimit("configurations read", per_s=2.0, burst=2.0)
_WRITE = RateLimit("configurations write", per_s=2.0, burst=10.0)
_DELETE = RateLimit("configurations delete", per_s=1.0, burst=1.0)
_Word = Annotated[str, Field(max_length=255)]
endpoints = EndpointTable()


class ConfigurationsQuery(RequestModel):
    """The configurations of a number, or the one of a key."""

    channel: Literal["MMS"]
    configuration_key: Annotated[str, Field(max_length=64)] = ""
    number: _Word = ""
    number_key: _Word = ""
    resource: _Word = ""
    resource_key: _Word = ""
    keyword: Annotated[str, Field(max_length=50)] | None = None
    country_code: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


@endpoints.add(f"GET {_PATH}", "configurations", list[ConfigurationResponse], query=ConfigurationsQuery, rate=_READ)
async def list_configurations(context: RequestContext) -> Response:
    """List what happens with messages to a number."""
    query = context.query(ConfigurationsQuery)
    number = query.number or query.number_key or query.resource or query.resource_key
    if not number and not query.configuration_key:
        raise invalid_field("number", "number, numberKey, resource, resourceKey or configurationKey is required")
    found = await context.service.configurations(
        context.account, normalize_number(number) if number else None, query.configuration_key or None
    )
    wanted = [one for one in found if query.keyword is None or one.keyword == query.keyword]
    return json_response([configuration_response(one) for one in wanted], list[ConfigurationResponse])


@endpoints.add(
    f"POST {_PATH}", "configurations", ConfigurationResponse, bodies={JSON: ConfigurationRequest}, rate=_WRITE
)
async def configure(context: RequestContext) -> ConfigurationResponse:
    """Set what happens with messages to a number."""
    one_media_type_of(context.request, JSON)
    async with context.bodies.buffered(context.request) as body:
        request = read_json(ConfigurationRequest, body)
    existing = await context.service.configurations(context.account, request.the_number(), None)
    before = next((one for one in existing if one.keyword == (request.keyword or "")), None)
    try:
        key = await context.service.put_configuration(context.account, apply_change(request, before))
    # The number belongs to another account
    except Refused as exc:
        raise HttpRefusal(403, str(exc)) from exc
    stored = await context.service.configurations(context.account, None, key)
    return configuration_response(stored[0])


@endpoints.add(
    f"DELETE {_PATH}/{{configurationKey}}",
    "configurations",
    responses={204: {"description": "Deleted"}},
    refusals=(404,),
    parameters=(in_path("configurationKey", "Key of the configuration"),),
    rate=_DELETE,
)
async def delete_configuration(context: RequestContext) -> Response:
    """Delete a configuration."""
    if not await context.service.delete_configuration(context.account, context.path_value("configurationKey")):
        raise HttpRefusal(404, "no configuration has this key")
    return Response(status_code=204)
