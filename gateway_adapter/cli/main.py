"""mms-gateway: serve, worker, demo, loopback. Settings are environment variables; docs/gateway.md lists them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import click

import mmscontent as mms
from gateway_adapter.app import make_app, make_server
from gateway_adapter.cli.demo import run_demo
from gateway_adapter.gateway import Gateway
from gateway_adapter.logging import configure, logger
from gateway_adapter.settings import PREFIX, Settings, read_settings
from gateway_adapter.simulator.app import make_operator_app
from gateway_adapter.simulator.operator import OperatorBehaviour


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mms.__version__, prog_name="mms-gateway")
def cli() -> None:
    """Accept MMS over HTTPS, send them to operators, and report back."""


def _settings(host: str | None = None, port: int | None = None) -> Settings:
    try:
        settings = read_settings(os.environ)
    except mms.MMSContentError as error:
        raise click.ClickException(str(error)) from error
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    # Links to hosted media in webhooks begin with this URL.
    scheme = "https" if settings.tls_cert else "http"
    url = settings.public_url.rstrip("/") or f"{scheme}://{_bracketed(settings.host)}:{settings.port}"
    configure(settings.log_level)
    return replace(settings, public_url=url)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _gateway(settings: Settings) -> Gateway:
    try:
        return Gateway(settings)
    except mms.MMSContentError as error:
        raise click.ClickException(str(error)) from error


@cli.command()
@click.option("--host", help="Where to listen.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: 8080]")
def serve(host: str | None, port: int | None) -> None:
    """Run everything in one process."""
    settings = _settings(host, port)
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.tls_cert:
        logger.warning("serving plain HTTP", hint=f"set {PREFIX}TLS_CERT and {PREFIX}TLS_KEY, or use a TLS proxy")
    gateway = _gateway(settings)
    if gateway.generated_key:
        click.echo(f"{PREFIX}API_KEYS is not set; generated this API key:  {gateway.generated_key}", err=True)
    click.echo(f"mms-gateway {mms.__version__} on {settings.public_url}, API reference at /docs", err=True)
    make_server(make_app(gateway), settings).run()


@cli.command()
def worker() -> None:
    """Send what `serve` accepts on another machine; both share DATABASE_URL, DATA_DIR and BROKER_URL."""
    gateway = _gateway(replace(_settings(), mm4_port=0))  # only `serve` listens for MM4 mails

    async def work() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await gateway.start()
        click.echo(f"mms-gateway {mms.__version__} worker", err=True)
        await stop.wait()
        await gateway.stop()

    asyncio.run(work())


@cli.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--delay", default=1.0, show_default=True, help="Seconds until the operator reports delivery.")
def demo(files: tuple[Path, ...], delay: float) -> None:
    """Send one message through the loopback operator and show each of the nine steps as it happens."""
    configure("error")
    sys.exit(asyncio.run(run_demo(files, delay, click.echo)))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True)
@click.option("--gateway", "gateway_url", default="http://127.0.0.1:8080", show_default=True, help="Whom to report to.")
@click.option("--connection", default="loopback", show_default=True, help="The connection's name there.")
@click.option("--user", default="", help="inbound_user of the connection.")
@click.option("--secret", default="", envvar="MMS_LOOPBACK_SECRET", help="inbound_secret of the connection.")
@click.option("--delay", default=1.0, show_default=True, help="Seconds until delivery is reported.")
def loopback(host: str, port: int, gateway_url: str, connection: str, user: str, secret: str, delay: float) -> None:
    """Run the loopback operator, for tests, as a process of its own."""
    configure("info")
    app = make_operator_app(gateway_url, connection, user, secret, OperatorBehaviour(delay_s=delay))
    click.echo(f"loopback operator on http://{_bracketed(host)}:{port}, reports to {gateway_url}", err=True)
    make_server(app, replace(Settings(), host=host, port=port, max_requests=4096)).run()


def main() -> None:
    """The command."""
    cli()
