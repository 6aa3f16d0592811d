"""Inbound configurations; and beyond Infobip: a message's whole story with its ledger, and taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from gateway_adapter.api.common_fields import invalid_field
from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.fields import RequestModel, format_timestamp, normalize_number, read_json
from gateway_adapter.api.inbound_configurations import ConfigurationRequest, changed, load_group_members
from gateway_adapter.api.responses import CancelAnswer, ConfigurationAnswer, MessageAnswer, MessagesAnswer
from gateway_adapter.api.routes.openapi import EndpointDoc, in_path
from gateway_adapter.api.routes.request_context import RateLimit, json_response, media_type_of
from gateway_adapter.api.serializers import log_v2, report_v2
from gateway_adapter.api.webhook_bodies import JSON
from gateway_adapter.errors import Refused

if TYPE_CHECKING:
    from gateway_adapter.api.routes.openapi import EndpointRegistry
    from gateway_adapter.api.routes.request_context import RequestContext, RequestGate
    from gateway_adapter.model import Configuration, MessageView

__all__ = ["serve"]

_CONFIGURATIONS = "/resource-management/1/inbound-message-configurations"
_READ = RateLimit("configurations read", per_s=2.0, burst=2.0)
_WRITE = RateLimit("configurations write", per_s=2.0, burst=10.0)
_FORGET = RateLimit("configurations delete", per_s=1.0, burst=1.0)
_Word = Annotated[str, Field(max_length=255)]
_Key = Annotated[str, Field(max_length=64)]


class ConfigurationsQuery(RequestModel):
    """Which configurations: of a number, or the one of a key."""

    channel: Literal["MMS"]
    configuration_key: _Key = ""
    number: _Word = ""
    number_key: _Word = ""
    resource: _Word = ""
    resource_key: _Word = ""
    keyword: Annotated[str, Field(max_length=50)] | None = None
    country_code: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class MessagesQuery(RequestModel):
    """Which messages."""

    bulk_id: _Word = ""
    message_id: _Word = ""
    state: (
        Literal["accepted", "ready", "submitted", "delivered", "undeliverable", "expired", "rejected", "cancelled"]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


def serve(registry: EndpointRegistry, gate: RequestGate) -> None:
    """Endpoints that manage."""
    endpoints = _MessageEndpoints(gate)
    configuration = registry.schema(ConfigurationAnswer)
    key = (in_path("configurationKey", "Key of the configuration"),)
    registry.add("GET", _CONFIGURATIONS, gate.guard(endpoints.configurations, _READ), EndpointDoc(
        "What happens with messages to a number", "configurations", query=ConfigurationsQuery, refusals=(400,),
        answers={200: {"description": "Done", "content": {JSON: {"schema": {
            "type": "array", "items": configuration}}}}}))  # fmt: skip
    registry.add("POST", _CONFIGURATIONS, gate.guard(endpoints.configure, _WRITE), EndpointDoc(
        "Say what happens with messages to a number", "configurations", ConfigurationAnswer,
        {JSON: ConfigurationRequest}, refusals=(400, 408, 413, 415)))  # fmt: skip
    registry.add("DELETE", _CONFIGURATIONS + "/{configurationKey}", gate.guard(endpoints.forget, _FORGET), EndpointDoc(
        "Forget a configuration", "configurations", answers={204: {"description": "Forgotten"}}, refusals=(404,),
        parameters=key))  # fmt: skip
    registry.add("GET", "/messages", gate.guard(endpoints.messages), EndpointDoc(
        "Messages with their history, newest first", "additions", MessagesAnswer, query=MessagesQuery,
        refusals=(400,)))  # fmt: skip
    one = (in_path("messageId", "Id of the message"),)
    registry.add("GET", "/messages/{messageId}", gate.guard(endpoints.message), EndpointDoc(
        "One message: state, history, ledger", "additions", MessageAnswer, refusals=(404,),
        parameters=one))  # fmt: skip
    registry.add("DELETE", "/messages/{messageId}", gate.guard(endpoints.cancel_message), EndpointDoc(
        "Take a scheduled message back", "additions", CancelAnswer, refusals=(404, 409), parameters=one))  # fmt: skip
    registry.add("DELETE", "/bulks/{bulkId}", gate.guard(endpoints.cancel_bulk), EndpointDoc(
        "Take all messages of a bulk back that are still scheduled", "additions", CancelAnswer, refusals=(404, 409),
        parameters=(in_path("bulkId", "Id of the request"),)))  # fmt: skip


class _MessageEndpoints:
    def __init__(self, gate: RequestGate) -> None:
        self._door = gate
        self._service = gate.service

    # --- configurations -----------------------------------------------------------------------------------------

    async def configurations(self, context: RequestContext) -> Response:
        """Configurations of a number, or the one of a key."""
        query = context.query(ConfigurationsQuery)
        number = query.number or query.number_key or query.resource or query.resource_key
        if not number and not query.configuration_key:
            raise invalid_field("number", "number, numberKey, resource, resourceKey or configurationKey is needed")
        found = await self._service.configurations(
            context.account, normalize_number(number) if number else None, query.configuration_key or None
        )
        wanted = [one for one in found if query.keyword is None or one.keyword == query.keyword]
        return json_response([load_group_members(one) for one in wanted])

    async def configure(self, context: RequestContext) -> Response:
        """Change the configuration of a number and keyword, or make it."""
        if media_type_of(context.request) not in {"", JSON}:
            raise HttpRefusal(415, f"Content-Type is not taken; use {JSON}")
        async with self._door.held(context.request) as body:
            request = read_json(ConfigurationRequest, body)
        after = changed(request, await self._held(context, request))
        try:
            key = await self._service.put_configuration(context.account, after)
        except Refused as exc:
            raise HttpRefusal(403, str(exc)) from exc
        stored = await self._service.configurations(context.account, None, key)
        return json_response(load_group_members(stored[0]))

    async def _held(self, context: RequestContext, request: ConfigurationRequest) -> Configuration | None:
        """What stands for the number and keyword now."""
        found = await self._service.configurations(context.account, request.the_number(), None)
        return next((one for one in found if one.keyword == (request.keyword or "")), None)

    async def forget(self, context: RequestContext) -> Response:
        """Forget a configuration."""
        key = context.request.path_params["configurationKey"]
        if "\0" in key or not await self._service.delete_configuration(context.account, key):
            raise HttpRefusal(404, "no configuration of this key")
        return Response(status_code=204)

    # --- messages -----------------------------------------------------------------------------------------------

    async def messages(self, context: RequestContext) -> Response:
        """Messages with their history."""
        query = context.query(MessagesQuery)
        found = await self._service.messages(
            context.account,
            message_id=query.message_id,
            bulk_id=query.bulk_id,
            state=query.state or "",
            limit=query.limit,
        )
        base = self._door.base_url(context.request)
        return json_response({"results": [_told(view, base) for view in found]})

    async def message(self, context: RequestContext) -> Response:
        """One message."""
        view = await self._find(context)
        return json_response(_told(view, self._door.base_url(context.request)))

    async def _find(self, context: RequestContext) -> MessageView:
        message_id = context.request.path_params["messageId"]
        view = None if "\0" in message_id else await self._service.message(context.account, message_id)
        if view is None:
            raise HttpRefusal(404, "no message of this id")
        return view

    async def cancel_message(self, context: RequestContext) -> Response:
        """Take a scheduled message back."""
        view = await self._find(context)
        ended = await self._service.cancel(context.account, message_id=view.log.report.message_id)
        if not ended:
            raise HttpRefusal(409, f"the message is {view.state} and not scheduled any more")
        return json_response({"cancelled": ended})

    async def cancel_bulk(self, context: RequestContext) -> Response:
        """Take back what is still scheduled of a bulk."""
        bulk_id = context.request.path_params["bulkId"]
        known = [] if "\0" in bulk_id else await self._service.messages(context.account, bulk_id=bulk_id, limit=1)
        if not known:
            raise HttpRefusal(404, "no request of this bulk id")
        ended = await self._service.cancel(context.account, bulk_id=bulk_id)
        if not ended:
            raise HttpRefusal(409, "none of its messages is scheduled any more")
        return json_response({"cancelled": ended})


def _told(view: MessageView, base_url: str) -> dict[str, Any]:
    content = log_v2(view.log, base_url)["content"]
    members = {
        "report": report_v2(view.log.report),
        "state": view.state,
        "connection": view.connection,
        "attempts": view.attempts,
        "operatorMessageId": view.operator_message_id,
        "sizeBytes": view.size_bytes,
        "dueAt": None if view.due_at_ms is None else format_timestamp(view.due_at_ms),
        "title": view.log.title,
        "segments": content["messageSegments"],
        "steps": [
            {"at": format_timestamp(step.at_ms), "step": step.name, "detail": step.detail} for step in view.steps
        ],
        "ledger": view.ledger,
    }
    return {name: value for name, value in members.items() if value is not None}
