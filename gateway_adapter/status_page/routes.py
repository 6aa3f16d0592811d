"""The status page's paths: read only, behind the key, which a browser sends as the password of Basic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

import mmscontent as mms
from gateway_adapter.messages.renditions import read_rendition
from gateway_adapter.status_page.render import STATES, list_page, message_page, missing_page, policy

if TYPE_CHECKING:
    from gateway_adapter.messages.service import Service
    from gateway_adapter.model import Account, MessageView

__all__ = ["router"]

_LIMIT = 100
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The preview is a document of the library's own, whose policy names its style and script by hash; here it is put into
# an origin of its own besides, so that it can not read this one's pages.
_PREVIEW_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def router(service: Service) -> APIRouter:
    """The paths `/status…`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/status")
    async def messages(request: Request) -> HTMLResponse:
        account = service.authenticate(request.headers.get("authorization"))
        if account is None:
            return _unknown()
        state = request.query_params.get("state", "")
        state = state if state in STATES else ""
        views = await service.messages(account, state=state, limit=_LIMIT)
        return _page(list_page(account.name, views, state, _LIMIT))

    @routes.get("/status/message")
    async def message(request: Request) -> HTMLResponse:
        account = service.authenticate(request.headers.get("authorization"))
        if account is None:
            return _unknown()
        view = await _find(service, account, request)
        if view is None:
            return _page(missing_page("No message of yours has this id."), 404)
        return _page(message_page(view))

    @routes.get("/status/preview")
    async def preview(request: Request) -> HTMLResponse:
        account = service.authenticate(request.headers.get("authorization"))
        if account is None:
            return _unknown()
        view = await _find(service, account, request)
        if view is None or not view.rendition:
            return _page(
                missing_page("There is nothing to show: the content was not fitted, or is kept no longer."), 404
            )
        return await asyncio.to_thread(_preview, service, view)

    return routes


async def _find(service: Service, account: Account, request: Request) -> MessageView | None:
    wanted = request.query_params.get("id", "")
    return await service.message(account, wanted) if wanted else None


def _preview(service: Service, view: MessageView) -> HTMLResponse:
    try:
        content = read_rendition(service.media_path(view.rendition).read_bytes())
        shown = mms.preview(content, ledger=view.ledger)
    except (OSError, mms.MMSContentError) as error:
        return _page(missing_page(f"The preview can not be made: {error}"), 404)
    own = {"Content-Security-Policy": _PREVIEW_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(shown, headers={**_HEADERS, **own})


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers={**_HEADERS, "Content-Security-Policy": policy()})


def _unknown() -> HTMLResponse:
    found = _page(missing_page("Sign in with any name, and the API key as password."), 401)
    found.headers["WWW-Authenticate"] = 'Basic realm="mms-gateway", charset="UTF-8"'
    return found
