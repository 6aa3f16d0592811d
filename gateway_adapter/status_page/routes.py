"""The status page's paths: read only, behind the API key, which a browser sends as the password of Basic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.routing import Route

import mmscontent as mms
from gateway_adapter.messages.renditions import read_rendition
from gateway_adapter.model import Account, MessageView
from gateway_adapter.status_page.render import STATES, list_page, message_page, missing_page, policy

if TYPE_CHECKING:
    from starlette.requests import Request

    from gateway_adapter.messages.service import Service

    Page = Callable[[Service, Account, Request], Awaitable[HTMLResponse]]

_LIMIT = 100
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The preview is the library's own document. The sandbox gives it an origin of its own, so that its script can not read
# this one's pages.
_PREVIEW_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def status_page_routes(service: Service) -> list[Route]:
    """The paths `/status…`."""
    pages: tuple[tuple[str, Page], ...] = (
        ("/status", _messages),
        ("/status/message", _message),
        ("/status/preview", _message_preview),
    )
    return [Route(path, _signed_in(service, page)) for path, page in pages]


def _signed_in(service: Service, page: Page) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def handle(request: Request) -> HTMLResponse:
        account = service.authenticate(request.headers.get("authorization"))
        return _unknown() if account is None else await page(service, account, request)

    return handle


async def _messages(service: Service, account: Account, request: Request) -> HTMLResponse:
    state = request.query_params.get("state", "")
    state = state if state in STATES else ""
    views = await service.messages(account, state=state, limit=_LIMIT)
    return _page(list_page(account.name, views, state, _LIMIT))


async def _message(service: Service, account: Account, request: Request) -> HTMLResponse:
    view = await _find(service, account, request)
    if view is None:
        return _page(missing_page("None of your messages has this id."), 404)
    return _page(message_page(view))


async def _message_preview(service: Service, account: Account, request: Request) -> HTMLResponse:
    view = await _find(service, account, request)
    if view is None or not view.rendition:
        text = "There is no preview: the content has not been fitted yet, or is no longer stored."
        return _page(missing_page(text), 404)
    return await asyncio.to_thread(_preview, service, view)


async def _find(service: Service, account: Account, request: Request) -> MessageView | None:
    wanted = request.query_params.get("id", "")
    return await service.message(account, wanted) if wanted else None


def _preview(service: Service, view: MessageView) -> HTMLResponse:
    try:
        content = read_rendition(service.media_path(view.rendition).read_bytes())
        preview = mms.preview(content, ledger=view.ledger)
    except (OSError, mms.MMSContentError) as error:
        return _page(missing_page(f"The preview can not be rendered: {error}"), 404)
    own = {"Content-Security-Policy": _PREVIEW_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(preview, headers={**_HEADERS, **own})


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers={**_HEADERS, "Content-Security-Policy": policy()})


def _unknown() -> HTMLResponse:
    found = _page(missing_page("Sign in with any name and the API key as the password."), 401)
    found.headers["WWW-Authenticate"] = 'Basic realm="mms-gateway", charset="UTF-8"'
    return found
