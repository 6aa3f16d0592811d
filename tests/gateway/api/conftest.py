"""The customers' side alone: real endpoints over a real store, nothing works on what was accepted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway_adapter.api.routes import install
from gateway_adapter.connectors.base import Connection
from gateway_adapter.errors import Refused
from gateway_adapter.messages.auth import hash_key
from gateway_adapter.messages.rendition_cache import RenditionCache
from gateway_adapter.messages.routing import Router
from gateway_adapter.messages.service import Service
from gateway_adapter.model import Account, Event, InboundMedia, InboundView, Quota
from gateway_adapter.settings import Settings
from gateway_adapter.store import accounts, inbound
from gateway_adapter.store import messages as rows
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.serialization import serialize
from gateway_adapter.store.tables import messages as message_rows
from gateway_adapter.store.transaction_queue import TransactionQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "test-key"
ACCOUNT = Account("a1", "acme")
OTHER = Account("a2", "other", Quota(per_second=1.0))


class Http:
    """Requests to an application in a thread of its own; no socket is opened."""

    def __init__(self, app: Starlette) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        transport = httpx.ASGITransport(app=app)
        headers = {"Authorization": f"App {KEY}"}
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", headers=headers)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._client.request(method, path, **more), self._loop).result(30)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Gateway:
    """A running customers' side."""

    http: Http
    service: Service

    def end(self, message_id: str, *, status: int = 5, error: int = 0) -> None:
        """Let an operator end a message."""
        state = {2: "undeliverable", 3: "delivered", 4: "expired"}[{5: 3, 9: 2, 15: 4}[status]]
        at = time.time_ns() // 1_000_000
        where = message_rows.c.message_id == message_id
        self.service.store.write_now(lambda c: rows.finalize_where(c, where, state, at, status=status, error=error))

    def arrive(self, view: InboundView) -> None:
        """Let a message from a phone wait to be fetched."""
        row = {
            "account": ACCOUNT.id,
            "connection": "loopback",
            "operator_message_id": view.message_id,
            "message_id": view.message_id,
            "pull": "pull",
            "received_at": time.time_ns() // 1_000_000,
            "entity_id": view.entity_id,
            "application_id": view.application_id,
            "body": serialize(view),
        }
        self.service.store.write_now(lambda c: inbound.put_inbound(c, row))


async def _no_link(url: str) -> Any:
    raise Refused(f"{url} is not fetched here", error=15024)


@contextlib.contextmanager
def customers_side(home: Path) -> Iterator[tuple[Starlette, Service]]:
    """The application with all of the customers' paths, and its service."""
    settings = Settings(data_dir=home, max_body_bytes=3_000_000, max_media_bytes=2_000_000)
    store = TransactionQueue(settings.store_url)
    fresh = [(f"fresh-{n}", Account(f"f{n}", f"fresh {n}")) for n in range(20)]
    known = {hash_key(key): account for key, account in ((KEY, ACCOUNT), ("other-key", OTHER), *fresh)}
    store.write_now(lambda c: accounts.set_accounts(c, known))
    media = MediaStore(home / "media")
    renditions = RenditionCache(settings, store, media, _no_link)
    service = Service(
        settings, store, media, router=Router([Connection("loopback", "loopback")]), renditions=renditions
    )
    app = Starlette()
    install(app, service)
    yield app, service
    store.close()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with customers_side(tmp_path_factory.mktemp("gateway")) as (app, service):
        http = Http(app)
        yield Gateway(http, service)
        http.close()


__all__ = ["ACCOUNT", "KEY", "Event", "Gateway", "InboundMedia", "InboundView"]
