"""The gateway of one process: builds every object from the settings, starts and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import mmscontent as mms
from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse
from gateway_adapter.connectors.connections_file import read_connections
from gateway_adapter.errors import Unreachable
from gateway_adapter.ingress.operator_callbacks import receive_operator_request
from gateway_adapter.ingress.smtp_server import Mm4Server
from gateway_adapter.messages import renditions
from gateway_adapter.messages.auth import new_key, read_keys
from gateway_adapter.messages.housekeeping import Housekeeping
from gateway_adapter.messages.rendition_cache import RenditionCache
from gateway_adapter.messages.routing import Router, load_lookup
from gateway_adapter.messages.service import Service
from gateway_adapter.messages.submission_worker import SubmissionWorker
from gateway_adapter.messages.wakeups import WEBHOOKS_DUE, WakeupBus
from gateway_adapter.model import Account, AutoReply, InboundMail, Order, Submission
from gateway_adapter.settings import PREFIX, Settings
from gateway_adapter.simulator.operator import OperatorBehaviour, SimulatedOperator
from gateway_adapter.store import accounts
from gateway_adapter.store.blobs import MediaStore
from gateway_adapter.store.content import Link
from gateway_adapter.store.transaction_queue import TransactionQueue
from gateway_adapter.store.webhook_queue import DeliveryBatch
from gateway_adapter.transport.http_fetcher import Fetcher
from gateway_adapter.transport.operator_client import OperatorClient
from gateway_adapter.transport.rate_limits import InflightLimiter, rate_limiter_for
from gateway_adapter.transport.smtp_client import SmtpClient, parse_smarthost
from gateway_adapter.transport.url_policy import UrlPolicy, parse_networks
from gateway_adapter.webhooks.delivery_worker import WebhookWorker, attempt_url
from gateway_adapter.webhooks.payloads import WebhookPayloads

_INSIDE = Connection("loopback", "loopback", concurrency=128)  # used without a connections file
_OK = 200
_SMTP_ACCEPTED = range(200, 300)


class Gateway:
    """Everything that runs in one process; belongs to the event loop it is started in.

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
        self.renditions = RenditionCache(settings, self.store, self.media, self._fetch)
        self.wakeups = WakeupBus(settings.broker_url, self._run, worker_threads=settings.worker_threads)
        self.service = Service(
            settings, self.store, self.media, router=self.router, renditions=self.renditions, wake=self.wakeups.notify
        )
        self.operators = {
            row.name: self._operator(row) for row in connections if row.kind == "loopback" and not row.url
        }
        self.inflight = InflightLimiter()
        self._make_workers()
        self._tasks: list[asyncio.Task[None]] = []

    def _make_workers(self) -> None:
        settings, connections = self.settings, self.router.connections
        self.smtp = SmtpClient()
        inside = {name: operator.submit for name, operator in self.operators.items()}
        self.client = OperatorClient(
            inside=inside, mail=self.smtp.send, wait=rate_limiter_for(settings.broker_url).wait
        )
        self.submissions = SubmissionWorker(
            settings,
            self.store,
            self.renditions,
            self.router,
            self.client,
            report_url=f"{settings.public_url}/operators",
            wake=self._wake_webhooks,
            inflight=self.inflight,
        )
        self.webhooks = WebhookWorker(
            settings,
            self.store,
            secret=settings.webhook_secret or _load_secret(settings.data_dir / "webhook.secret"),
            build=WebhookPayloads(self.store, self.media, settings.public_url).build,
            send=self._send_webhook,
            wake=self._wake_webhooks,
        )
        self.mm4 = Mm4Server(connections, self._receive, self.smtp.send, max_bytes=settings.max_body_bytes)
        names = {row.name for row in connections}
        self.housekeeping = Housekeeping(settings, self.store, self.media, names=names, wake=self.wakeups.notify)

    # --- start and stop ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the workers and housekeeping."""
        await asyncio.to_thread(_warm_up)
        self.wakeups.start()
        self._tasks = [asyncio.ensure_future(self.housekeeping.run())]

    async def listen(self) -> None:
        """Listen for other operators' MM4 mails if MM4_PORT is set; only one process of a machine can."""
        if self.settings.mm4_port:
            await self.mm4.start(self.settings.host, self.settings.mm4_port)

    async def stop(self) -> None:
        """Stop; work in progress becomes due again when its lease ends."""
        for task in self._tasks:
            task.cancel()
        for operator in self.operators.values():
            await operator.close()
        await self.mm4.stop()
        # Stop what starts new work first, then what the work needs, the store last.
        await asyncio.to_thread(self.wakeups.stop)
        await self.webhooks.close()
        await self.client.close()
        await self.smtp.close()
        await self.fetcher.close()
        await self.renditions.close()
        await asyncio.to_thread(self.store.close)

    def _wake_webhooks(self) -> None:
        self.wakeups.notify((WEBHOOKS_DUE,))

    async def _run(self, name: str) -> None:
        if name == WEBHOOKS_DUE:
            await self.webhooks.run()
        else:
            await self.submissions.run(name)

    # --- connections between the parts --------------------------------------------------------------------------

    async def _receive(self, connection: Connection, request: OperatorRequest) -> OperatorResponse:
        return await receive_operator_request(self.service, connection, request, self.fetcher)

    def _operator(self, connection: Connection) -> SimulatedOperator:
        async def report(request: OperatorRequest) -> OperatorResponse:
            return await self._receive(connection, request)

        return SimulatedOperator(
            report, name=connection.name, behaviour=OperatorBehaviour(delay_s=self.settings.loopback_delay_s)
        )

    async def _fetch(self, url: str) -> Link:
        most = self.settings.max_media_bytes
        async with self.fetcher.open(url, max_bytes=most) as opened:
            blob, _ = await self.media.put_stream(opened.chunks, most, url[:200])
            return Link(blob, opened.media_type, opened.file_name)

    async def _send_webhook(self, batch: DeliveryBatch, headers: Mapping[str, str], body: bytes) -> OperatorResponse:
        """Bring a webhook to its destination: a URL, a mailbox or, for a reply to a phone, the service itself."""
        match batch.webhook:
            case AutoReply(order):
                account = Account(batch.account, batch.account)
                # A repeated attempt has the same key, so the reply is sent once.
                submission = Submission((order,), idempotency_key=batch.id, request_digest=batch.id)
                await self.service.submit(account, submission)
                return OperatorResponse(_OK)
            case InboundMail():
                return await self._send_mail(headers, body)
        return await self.fetcher.post(attempt_url(batch), headers, body)

    async def _send_mail(self, headers: Mapping[str, str], body: bytes) -> OperatorResponse:
        if not self.settings.smtp_url:
            raise Unreachable(f"{PREFIX}SMTP_URL is not set; forwarding messages by e-mail needs a mail server")
        server = parse_smarthost(self.settings.smtp_url, f"{PREFIX}SMTP_URL")
        response = await self.smtp.send(OperatorRequest("MAIL", server.url, headers, body), server)
        return OperatorResponse(_OK) if response.status in _SMTP_ACCEPTED else response


def _warm_up() -> None:
    """Load the engines that fitting needs, so that the first message does not wait for them."""
    order = Order("v2", "", (), ())
    with contextlib.suppress(mms.MMSContentError):
        renditions.fit(
            "", order, (renditions.ResolvedSegment("text", text="ready"),), renditions.RenditionTarget(), bytes.fromhex
        )


def prepare_api_keys(settings: Settings, store: TransactionQueue) -> str:
    """Store the API keys of the settings, or generate one at the first start without any; gives the generated key."""
    known, key = read_keys(settings.api_keys, settings.quotas), ""
    if not known:
        if store.read_now(accounts.accounts_by_hash):
            return ""
        key = new_key()
        known = read_keys(key, "")
    store.write_now(lambda t: accounts.set_accounts(t, known))
    return key


def _load_secret(path: Path) -> str:
    """Read the secret of a file that only its owner may read; generate it the first time."""
    try:
        # O_EXCL: of several processes that start at once, one generates the secret and the others read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path.read_text(encoding="ascii")
