"""The gateway put together from its settings: what runs in a process, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import mmscontent as mms
from gateway_adapter.connectors.base import Connection, Request, Response
from gateway_adapter.connectors.connections_file import read_connections
from gateway_adapter.errors import Unreachable
from gateway_adapter.ingress.operator_callbacks import receive_operator_request
from gateway_adapter.ingress.smtp_server import Mm4Server
from gateway_adapter.messages import renditions
from gateway_adapter.messages.auth import hash_key, new_key, read_keys
from gateway_adapter.messages.housekeeping import Housekeeping
from gateway_adapter.messages.rendition_cache import RenditionCache
from gateway_adapter.messages.routing import Router, load_lookup
from gateway_adapter.messages.service import Service
from gateway_adapter.messages.submission_worker import SubmissionWorker
from gateway_adapter.messages.wakeups import WEBHOOKS_DUE, WakeupBus
from gateway_adapter.model import Account, Order, Submission
from gateway_adapter.settings import PREFIX
from gateway_adapter.simulator.operator import OperatorBehaviour, SimulatedOperator
from gateway_adapter.store import references
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.references import Link
from gateway_adapter.store.serialization import deserialize
from gateway_adapter.store.transaction_queue import TransactionQueue
from gateway_adapter.transport.http_fetcher import Fetcher
from gateway_adapter.transport.inflight_limiter import InflightLimiter
from gateway_adapter.transport.operator_client import OperatorClient
from gateway_adapter.transport.rate_limits import rate_limiter_for
from gateway_adapter.transport.smtp_client import SmtpClient, parse_smarthost
from gateway_adapter.transport.url_policy import UrlPolicy, parse_networks
from gateway_adapter.webhooks.delivery_worker import WebhookWorker
from gateway_adapter.webhooks.payloads import WebhookPayloads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_adapter.settings import Settings

__all__ = ["Gateway", "prepare_api_keys"]

_INSIDE = Connection("loopback", "loopback", concurrency=128)  # when no file names connections
_OK = 200
_MAIL_TAKEN = range(200, 300)


class Gateway:
    """A gateway; belongs to the event loop it is started in.

    Args:
        settings: With `public_url` filled in.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        connections = read_connections(Path(settings.carriers)) if settings.carriers else (_INSIDE,)
        lookup = load_lookup(settings.lookup) if settings.lookup else None
        self.router = Router(connections, lookup)
        self.store = TransactionQueue(
            settings.store_url, synchronous="FULL" if settings.synchronous == "FULL" else "NORMAL"
        )
        self.media = MediaStore(settings.data_dir / "media", durable=settings.synchronous == "FULL")
        self.generated_key = prepare_api_keys(settings, self.store)
        self.fetcher = Fetcher(UrlPolicy(networks=parse_networks(settings.networks, f"{PREFIX}NETWORKS")))
        self.fitter = RenditionCache(settings, self.store, self.media, self._fetch)
        self.dispatch = WakeupBus(settings.broker_url, self._run, worker_threads=settings.worker_threads)
        self.service = Service(
            settings, self.store, self.media, router=self.router, fitter=self.fitter, wake=self.dispatch.wake
        )
        self.operators = {
            row.name: self._operator(row) for row in connections if row.kind == "loopback" and not row.url
        }
        self.inflight = InflightLimiter()
        self._make_workers()
        self._tasks: list[asyncio.Task[None]] = []

    def _make_workers(self) -> None:
        self.mailer = SmtpClient()
        inside = {name: operator.submit for name, operator in self.operators.items()}
        self.sender = OperatorClient(
            inside=inside, mail=self.mailer.send, wait=rate_limiter_for(self.settings.broker_url).wait
        )
        url = f"{self.settings.public_url}/operators"
        self.outbound = SubmissionWorker(
            self.settings,
            self.store,
            self.fitter,
            self.router,
            self.sender,
            report_url=url,
            wake=self._wake_hooks,
            inflight=self.inflight,
        )
        teller = WebhookPayloads(self.store, self.media, self.settings.public_url)
        secret = self.settings.webhook_secret or _kept_secret(self.settings.data_dir / "webhook.secret")
        self.webhooks = WebhookWorker(
            self.settings, self.store, secret=secret, write=teller.write, post=self._post, wake=self._wake_hooks
        )
        names = [row.name for row in self.router.connections]
        self.mm4 = Mm4Server(
            self.router.connections, self._receive, self.mailer.send, max_bytes=self.settings.max_body_bytes
        )
        self.sweep = Housekeeping(self.settings, self.store, self.media, names=names, wake=self.dispatch.wake)

    # --- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to work."""
        await asyncio.to_thread(_warm_up)
        self.dispatch.start()
        self._tasks = [asyncio.ensure_future(self.sweep.run())]

    async def listen(self) -> None:
        """Take mails of other operators too, where a port is set for it; one process of a machine can."""
        if self.settings.mm4_port:
            await self.mm4.start(self.settings.host, self.settings.mm4_port)

    async def stop(self) -> None:
        """Stop; what is under way is left to its lease."""
        for task in self._tasks:
            task.cancel()
        for operator in self.operators.values():
            await operator.close()
        await self.mm4.stop()
        await asyncio.to_thread(self.dispatch.stop)
        await self.webhooks.close()
        await self.sender.close()
        await self.mailer.close()
        await self.fetcher.close()
        await self.fitter.close()
        await asyncio.to_thread(self.store.close)

    def _wake_hooks(self) -> None:
        self.dispatch.wake((WEBHOOKS_DUE,))

    async def _run(self, name: str) -> None:
        if name == WEBHOOKS_DUE:
            await self.webhooks.run()
        else:
            await self.outbound.run(name)

    # --- the doors ----------------------------------------------------------------------------------------------

    async def _receive(self, connection: Connection, request: Request) -> Response:
        return await receive_operator_request(self.service, connection, request, self.fetcher)

    def _operator(self, connection: Connection) -> SimulatedOperator:
        async def tell(request: Request) -> Response:
            return await self._receive(connection, request)

        return SimulatedOperator(
            tell, name=connection.name, behaviour=OperatorBehaviour(delay_s=self.settings.loopback_delay_s)
        )

    async def _fetch(self, url: str) -> Link:
        most = self.settings.max_media_bytes
        async with self.fetcher.open(url, max_bytes=most) as opened:
            blob, _ = await self.media.put_stream(opened.chunks, most, url[:200])
            return Link(blob, opened.media_type, opened.file_name)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Bring a webhook to where it goes: a URL, a mailbox, or, for an answer to a phone, the service itself."""
        if url == "answer:":
            order = deserialize(Order, body.decode())
            account = Account(headers["account"], headers["account"])
            key = headers["X-MMS-Webhook-Id"]
            await self.service.submit(account, Submission((order,), idempotency_key=key, request_digest=key))
            return Response(_OK)
        if url.startswith("mailto:"):
            return await self._post_mail(headers, body)
        return await self.fetcher.post(url, headers, body)

    async def _post_mail(self, headers: Mapping[str, str], body: bytes) -> Response:
        if not self.settings.smtp_url:
            raise Unreachable(f"{PREFIX}SMTP_URL names no server that takes mail; forwarding by e-mail needs one")
        host = parse_smarthost(self.settings.smtp_url, f"{PREFIX}SMTP_URL")
        response = await self.mailer.send(Request("MAIL", host.url, headers, body), host)
        return Response(_OK) if response.status in _MAIL_TAKEN else response


def _warm_up() -> None:
    """Load what fitting needs, so that the first message does not wait for it."""
    order = Order("v2", "", (), ())
    with contextlib.suppress(mms.MMSContentError):
        renditions.fit(
            order, (renditions.ResolvedSegment("text", text="ready"),), renditions.RenditionTarget(), bytes.fromhex
        )


def prepare_api_keys(settings: Settings, store: TransactionQueue) -> str:
    """Let the keys of the settings in, and no others; gives the key that was made when there was none, else ""."""
    accounts = read_keys(settings.api_keys, settings.quotas)
    if accounts:
        store.write_now(lambda c: references.set_accounts(c, accounts))
        return ""
    if store.read_now(references.accounts_by_hash):
        return ""
    key = new_key()
    hashed = hash_key(key)
    made = {hashed: Account(f"key-{hashed[:12]}", f"key-{hashed[:12]}")}
    store.write_now(lambda c: references.set_accounts(c, made))
    return key


def _kept_secret(path: Path) -> str:
    """A secret that is made once and kept, readable by its owner alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path.read_text(encoding="ascii")
