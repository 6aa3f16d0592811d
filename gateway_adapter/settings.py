"""Settings: environment variables `MMS_GATEWAY_*`, read once, each named in an error about it.

docs/gateway.md lists them with the same words; tests/gateway/test_config.py holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_adapter.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFIX", "Settings", "read_settings"]

PREFIX = "MMS_GATEWAY_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; nothing must be."""

    database_url: str = field(default="", repr=False)  # empty: gateway.db in DATA_DIR
    data_dir: Path = Path("mms-gateway-data")  # media, and the embedded store; shared by all machines
    broker_url: str = field(default="", repr=False)  # redis://… or amqp://…; empty: this process alone
    api_keys: str = field(default="", repr=False)  # comma-separated [name:]key or [name:]sha256$<hex>; none: one made
    quotas: str = ""  # comma-separated name:per_second/per_day, 0 for no limit
    carriers: str = ""  # TOML file of connections to operators; empty: one loopback operator inside
    lookup: str = ""  # package.module:function that knows more of a number
    public_url: str = ""  # how customers reach this service; empty: http://HOST:PORT
    report_url: str = ""  # where reports go that name no URL; empty: they wait to be fetched
    sms_url: str = ""  # where a text is posted that falls back to SMS; empty: nowhere
    webhook_secret: str = field(default="", repr=False)  # signs webhooks; empty: one is made and kept in DATA_DIR
    networks: str = ""  # comma-separated, not public, that links and webhooks may lead to all the same: 10.1.0.0/16
    smtp_url: str = field(default="", repr=False)  # smtp://[user:password@]host[:port] for mails to people
    mm4_port: int = 0  # the SMTP listener for other operators' MM4; 0: none
    host: str = "127.0.0.1"  # where to listen
    port: int = 8080
    synchronous: str = "NORMAL"  # SQLite: NORMAL survives the process, FULL also the machine
    max_body_bytes: int = 30_000_000  # largest request body
    max_media_bytes: int = 25_000_000  # largest single part, upload or fetched link
    max_requests: int = 512  # requests under way at once; more are told to come again
    head_s: float = 20.0  # the head of a request must have come after this long
    lease_s: float = 30.0  # a step whose process died is taken up again after this long
    sweep_s: float = 1.0  # how often the store is asked what is due
    batch: int = 64  # rows taken for one step at once
    worker_threads: int = 8  # actors at work at once in one process
    fits: int = 2  # messages fitted at once in one process
    give_up_s: float = 48 * 3600.0  # a webhook is tried for this long
    retry_unit_s: float = 60.0  # retry n comes after unit + unit × n²
    link_s: float = 24 * 3600.0  # a fetched link is used again for this long
    keep_days: float = 60.0  # what ended, and media nobody refers to, is kept for this long
    loopback_delay_s: float = 1.0  # the loopback operator reports delivery after this long
    proxies: str = ""  # addresses of proxies whose X-Forwarded-For is believed, comma-separated
    tls_cert: str = ""  # certificate chain (PEM); with TLS_KEY the service speaks HTTPS
    tls_key: str = ""  # private key (PEM) of TLS_CERT
    log_level: str = "info"  # debug, info, warning or error

    @property
    def store_url(self) -> str:
        """The database in use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'gateway.db'}"


_FALSE = {"", "0", "false", "no", "off"}
_TRUE = {"1", "true", "yes", "on"}
_CHOICES = {"synchronous": ("NORMAL", "FULL"), "log_level": ("debug", "info", "warning", "error")}
_LEAST = {
    "head_s": 0.1,
    "batch": 1,
    "worker_threads": 1,
    "fits": 1,
    "lease_s": 1,
    "sweep_s": 0.01,
    "retry_unit_s": 0.01,
}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings an environment holds.

    Raises:
        Misconfigured: A variable holds what it may not, or no setting has its name.
    """
    known = {f.name: f for f in fields(Settings)}
    said = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    for name, value in said.items():
        if name not in known:
            raise _wrong(name, value, f"no such setting; there are {', '.join(known).upper()}")
    values: dict[str, Any] = {name: _value(name, known[name].default, value) for name, value in said.items()}
    return Settings(**values)


def _wrong(name: str, value: str, way_out: str) -> Misconfigured:
    variable = PREFIX + name.upper()
    return Misconfigured(f"{variable} is {value!r}: {way_out}", file=variable, value=value)


def _value(name: str, default: object, text: str) -> object:
    if name in _CHOICES and text not in _CHOICES[name]:
        raise _wrong(name, text, f"it may be {' or '.join(_CHOICES[name])}")
    if isinstance(default, bool):
        if text.lower() not in _TRUE | _FALSE:
            raise _wrong(name, text, "it may be 1 or 0")
        return text.lower() in _TRUE
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, str):
        return text
    assert isinstance(default, int | float)
    try:
        number = type(default)(text)
    except ValueError as error:
        raise _wrong(name, text, f"it must be a number such as {default}") from error
    least = _LEAST.get(name, 0)
    if not number >= least:
        raise _wrong(name, text, f"it must be at least {least}")
    return number
