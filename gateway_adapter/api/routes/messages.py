"""Endpoints beyond Infobip's API: a message's whole history with its ledger, and cancelling scheduled messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gateway_adapter.api.errors import HttpRefusal
from gateway_adapter.api.fields import RequestModel
from gateway_adapter.api.responses import CancelResponse, MessageResponse, MessagesResponse, Results
from gateway_adapter.api.routes.endpoints import EndpointTable, in_path
from gateway_adapter.api.serializers import message_response
from gateway_adapter.model import MessageView, State

if TYPE_CHECKING:
    from gateway_adapter.api.routes.endpoints import RequestContext

_Word = Annotated[str, Field(max_length=255)]
endpoints = EndpointTable()
_MESSAGE_ID = (in_path("messageId", "Id of the message"),)
_BULK_ID = (in_path("bulkId", "Id of the request"),)


class MessagesQuery(RequestModel):
    """A selection of messages."""

    bulk_id: _Word = ""
    message_id: _Word = ""
    state: State | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


@endpoints.add("GET /messages", "additions", MessagesResponse, query=MessagesQuery)
async def list_messages(context: RequestContext) -> Results:
    """List messages with their history, newest first."""
    query = context.query(MessagesQuery)
    found = await context.service.messages(
        context.account, message_id=query.message_id, bulk_id=query.bulk_id, state=query.state or "", limit=query.limit
    )
    return MessagesResponse(results=[message_response(view, context.base_url) for view in found])


@endpoints.add("GET /messages/{messageId}", "additions", MessageResponse, refusals=(404,), parameters=_MESSAGE_ID)
async def get_message(context: RequestContext) -> MessageResponse:
    """Get one message: state, history, ledger."""
    return message_response(await _find(context), context.base_url)


async def _find(context: RequestContext) -> MessageView:
    view = await context.service.message(context.account, context.path_value("messageId"))
    if view is None:
        raise HttpRefusal(404, "no message has this id")
    return view


@endpoints.add("DELETE /messages/{messageId}", "additions", CancelResponse, refusals=(404, 409), parameters=_MESSAGE_ID)
async def cancel_message(context: RequestContext) -> CancelResponse:
    """Cancel a scheduled message."""
    view = await _find(context)
    count = await context.service.cancel(context.account, message_id=view.log.report.message_id)
    if not count:
        raise HttpRefusal(409, f"the message is {view.state} and no longer scheduled")
    return CancelResponse(cancelled=count)


@endpoints.add("DELETE /bulks/{bulkId}", "additions", CancelResponse, refusals=(404, 409), parameters=_BULK_ID)
async def cancel_bulk(context: RequestContext) -> CancelResponse:
    """Cancel all messages of a bulk that are still scheduled."""
    bulk_id = context.path_value("bulkId")
    if not await context.service.messages(context.account, bulk_id=bulk_id, limit=1):
        raise HttpRefusal(404, "no request has this bulk id")
    count = await context.service.cancel(context.account, bulk_id=bulk_id)
    if not count:
        raise HttpRefusal(409, "none of its messages is still scheduled")
    return CancelResponse(cancelled=count)
