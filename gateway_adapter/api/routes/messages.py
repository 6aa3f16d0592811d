"""Inbound configurations; and beyond Infobip: a message's whole story with its ledger, and taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from gateway_adapter.api.common_fields import bad
from gateway_adapter.api.errors import Denied
from gateway_adapter.api.fields import Wire, digits, moment_text, read_json
from gateway_adapter.api.inbound_configurations import ConfigurationRequest, changed, members_of
from gateway_adapter.api.responses import CancelAnswer, ConfigurationAnswer, MessageAnswer, MessagesAnswer
from gateway_adapter.api.routes.openapi import Doc, in_path
from gateway_adapter.api.routes.request_context import Rate, json_response, media_type_of
from gateway_adapter.api.serializers import log_v2, report_v2
from gateway_adapter.api.webhook_bodies import JSON
from gateway_adapter.errors import Refused

if TYPE_CHECKING:
    from gateway_adapter.api.routes.openapi import Book
    from gateway_adapter.api.routes.request_context import Call, Door
    from gateway_adapter.model import Configuration, MessageView

__all__ = ["serve"]

_CONFIGURATIONS = "/resource-management/1/inbound-message-configurations"
_READ = Rate("configurations read", per_s=2.0, burst=2.0)
_WRITE = Rate("configurations write", per_s=2.0, burst=10.0)
_FORGET = Rate("configurations delete", per_s=1.0, burst=1.0)
_Word = Annotated[str, Field(max_length=255)]
_Key = Annotated[str, Field(max_length=64)]


class ConfigurationsQuery(Wire):
    """Which configurations: of a number, or the one of a key."""

    channel: Literal["MMS"]
    configuration_key: _Key = ""
    number: _Word = ""
    number_key: _Word = ""
    resource: _Word = ""
    resource_key: _Word = ""
    keyword: Annotated[str, Field(max_length=50)] | None = None
    country_code: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class MessagesQuery(Wire):
    """Which messages."""

    bulk_id: _Word = ""
    message_id: _Word = ""
    state: (
        Literal["accepted", "ready", "submitted", "delivered", "undeliverable", "expired", "rejected", "cancelled"]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


def serve(book: Book, door: Door) -> None:
    """Endpoints that manage."""
    ends = _Endpoints(door)
    configuration = book.schema(ConfigurationAnswer)
    key = (in_path("configurationKey", "Key of the configuration"),)
    book.add("GET", _CONFIGURATIONS, door.guard(ends.configurations, _READ), Doc(
        "What happens with messages to a number", "configurations", query=ConfigurationsQuery, refusals=(400,),
        answers={200: {"description": "Done", "content": {JSON: {"schema": {
            "type": "array", "items": configuration}}}}}))  # fmt: skip
    book.add("POST", _CONFIGURATIONS, door.guard(ends.configure, _WRITE), Doc(
        "Say what happens with messages to a number", "configurations", ConfigurationAnswer,
        {JSON: ConfigurationRequest}, refusals=(400, 408, 413, 415)))  # fmt: skip
    book.add("DELETE", _CONFIGURATIONS + "/{configurationKey}", door.guard(ends.forget, _FORGET), Doc(
        "Forget a configuration", "configurations", answers={204: {"description": "Forgotten"}}, refusals=(404,),
        parameters=key))  # fmt: skip
    book.add("GET", "/messages", door.guard(ends.messages), Doc(
        "Messages with their history, newest first", "additions", MessagesAnswer, query=MessagesQuery,
        refusals=(400,)))  # fmt: skip
    one = (in_path("messageId", "Id of the message"),)
    book.add("GET", "/messages/{messageId}", door.guard(ends.message), Doc(
        "One message: state, history, ledger", "additions", MessageAnswer, refusals=(404,),
        parameters=one))  # fmt: skip
    book.add("DELETE", "/messages/{messageId}", door.guard(ends.cancel_message), Doc(
        "Take a scheduled message back", "additions", CancelAnswer, refusals=(404, 409), parameters=one))  # fmt: skip
    book.add("DELETE", "/bulks/{bulkId}", door.guard(ends.cancel_bulk), Doc(
        "Take all messages of a bulk back that are still scheduled", "additions", CancelAnswer, refusals=(404, 409),
        parameters=(in_path("bulkId", "Id of the request"),)))  # fmt: skip


class _Endpoints:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._service = door.service

    # --- configurations -----------------------------------------------------------------------------------------

    async def configurations(self, call: Call) -> Response:
        """Configurations of a number, or the one of a key."""
        query = call.query(ConfigurationsQuery)
        number = query.number or query.number_key or query.resource or query.resource_key
        if not number and not query.configuration_key:
            raise bad("number", "number, numberKey, resource, resourceKey or configurationKey is needed")
        found = await self._service.configurations(
            call.account, digits(number) if number else None, query.configuration_key or None
        )
        wanted = [one for one in found if query.keyword is None or one.keyword == query.keyword]
        return json_response([members_of(one) for one in wanted])

    async def configure(self, call: Call) -> Response:
        """Change the configuration of a number and keyword, or make it."""
        if media_type_of(call.request) not in {"", JSON}:
            raise Denied(415, f"Content-Type is not taken; use {JSON}")
        async with self._door.held(call.request) as body:
            request = read_json(ConfigurationRequest, body)
        after = changed(request, await self._held(call, request))
        try:
            key = await self._service.put_configuration(call.account, after)
        except Refused as exc:
            raise Denied(403, str(exc)) from exc
        stored = await self._service.configurations(call.account, None, key)
        return json_response(members_of(stored[0]))

    async def _held(self, call: Call, request: ConfigurationRequest) -> Configuration | None:
        """What stands for the number and keyword now."""
        found = await self._service.configurations(call.account, request.the_number(), None)
        return next((one for one in found if one.keyword == (request.keyword or "")), None)

    async def forget(self, call: Call) -> Response:
        """Forget a configuration."""
        key = call.request.path_params["configurationKey"]
        if "\0" in key or not await self._service.delete_configuration(call.account, key):
            raise Denied(404, "no configuration of this key")
        return Response(status_code=204)

    # --- messages -----------------------------------------------------------------------------------------------

    async def messages(self, call: Call) -> Response:
        """Messages with their history."""
        query = call.query(MessagesQuery)
        found = await self._service.messages(
            call.account,
            message_id=query.message_id,
            bulk_id=query.bulk_id,
            state=query.state or "",
            limit=query.limit,
        )
        base = self._door.base_url(call.request)
        return json_response({"results": [_told(view, base) for view in found]})

    async def message(self, call: Call) -> Response:
        """One message."""
        view = await self._find(call)
        return json_response(_told(view, self._door.base_url(call.request)))

    async def _find(self, call: Call) -> MessageView:
        message_id = call.request.path_params["messageId"]
        view = None if "\0" in message_id else await self._service.message(call.account, message_id)
        if view is None:
            raise Denied(404, "no message of this id")
        return view

    async def cancel_message(self, call: Call) -> Response:
        """Take a scheduled message back."""
        view = await self._find(call)
        ended = await self._service.cancel(call.account, message_id=view.log.report.message_id)
        if not ended:
            raise Denied(409, f"the message is {view.state} and not scheduled any more")
        return json_response({"cancelled": ended})

    async def cancel_bulk(self, call: Call) -> Response:
        """Take back what is still scheduled of a bulk."""
        bulk_id = call.request.path_params["bulkId"]
        known = [] if "\0" in bulk_id else await self._service.messages(call.account, bulk_id=bulk_id, limit=1)
        if not known:
            raise Denied(404, "no request of this bulk id")
        ended = await self._service.cancel(call.account, bulk_id=bulk_id)
        if not ended:
            raise Denied(409, "none of its messages is scheduled any more")
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
        "dueAt": None if view.due_at_ms is None else moment_text(view.due_at_ms),
        "title": view.log.title,
        "segments": content["messageSegments"],
        "steps": [{"at": moment_text(step.at_ms), "step": step.name, "detail": step.detail} for step in view.steps],
        "ledger": view.ledger,
    }
    return {name: value for name, value in members.items() if value is not None}
