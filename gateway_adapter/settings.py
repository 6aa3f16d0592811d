"""Reads the settings, environment variables `MMS_GATEWAY_*`; every error names the variable.

docs/gateway.md lists them in the same words, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gateway_adapter.errors import Misconfigured

PREFIX = "MMS_GATEWAY_"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; each has a default."""

    database_url: str = field(default="", repr=False)  # empty: gateway.db in DATA_DIR
    data_dir: Path = Path("mms-gateway-data")  # media and the SQLite database; shared by all machines
    broker_url: str = field(default="", repr=False)  # redis://… or amqp://…; empty: one process only
    api_keys: str = field(default="", repr=False)  # comma-separated [name:]key or [name:]sha256$<hex>; none: generated
    quotas: str = ""  # comma-separated name:per_second/per_day, 0 for no limit
    carriers: str = ""  # TOML file of operator connections; empty: the loopback operator
    lookup: str = ""  # package.module:function that looks up a number
    public_url: str = ""  # how customers reach this service; empty: http://HOST:PORT
    report_url: str = ""  # where reports go whose request names no URL; empty: they wait to be fetched
    sms_url: str = ""  # where SMS failover texts are posted; empty: nowhere
    webhook_secret: str = field(default="", repr=False)  # signs webhooks; empty: generated in DATA_DIR
    networks: str = ""  # comma-separated private networks that links and webhooks may reach: 10.1.0.0/16
    smtp_url: str = field(default="", repr=False)  # smtp://[user:password@]host[:port] for messages forwarded by e-mail
    mm4_port: int = 0  # port of the SMTP listener for MM4; 0: none
    host: str = "127.0.0.1"  # address to listen on
    port: int = 8080
    synchronous: str = "NORMAL"  # SQLite: commits survive the process (NORMAL) or the machine (FULL)
    max_body_bytes: int = 30_000_000  # largest request body
    max_media_bytes: int = 25_000_000  # largest single part, upload or fetched link
    max_requests: int = 512  # HTTP requests in flight; more are answered 503
    head_s: float = 20.0  # time limit for the head of a request
    lease_s: float = 30.0  # after this long the work of a process that died is due again
    sweep_s: float = 1.0  # interval of housekeeping, which looks for due work
    batch: int = 64  # messages leased at once
    worker_threads: int = 8  # worker threads of one process
    fits: int = 2  # messages fitted at the same time in one process
    give_up_s: float = 48 * 3600.0  # how long delivery of a webhook is attempted
    retry_unit_s: float = 60.0  # retry n of a webhook comes after unit + unit × n²
    link_s: float = 24 * 3600.0  # how long a fetched link is used again
    keep_days: float = 60.0  # how long ended messages and unused media are kept
    loopback_delay_s: float = 1.0  # delay of the loopback operator's delivery report
    proxies: str = ""  # comma-separated proxies whose X-Forwarded-For is trusted
    tls_cert: str = ""  # certificate chain (PEM); with TLS_KEY the gateway serves HTTPS
    tls_key: str = ""  # private key (PEM) of TLS_CERT
    log_level: str = "info"  # debug, info, warning or error

    @property
    def store_url(self) -> str:
        """The database URL in use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'gateway.db'}"


_CHOICES = {"synchronous": ("NORMAL", "FULL"), "log_level": ("debug", "info", "warning", "error")}
_AT_LEAST_ONE = ("batch", "worker_threads", "fits", "lease_s")
_MINIMUM = {"head_s": 0.1, "sweep_s": 0.01, "retry_unit_s": 0.01, **dict.fromkeys(_AT_LEAST_ONE, 1)}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment.

    Raises:
        Misconfigured: A variable has a wrong value, or is no setting.
    """
    defaults = {f.name: f.default for f in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            if name not in defaults:
                raise _wrong(name, text, f"no such setting; there are {', '.join(defaults).upper()}")
            values[name] = _value(name, defaults[name], text)
    return Settings(**values)


def _wrong(name: str, value: str, way_out: str) -> Misconfigured:
    variable = PREFIX + name.upper()
    return Misconfigured(f"{variable} is {value!r}: {way_out}", file=variable, value=value)


def _value(name: str, default: object, text: str) -> object:
    if name in _CHOICES and text not in _CHOICES[name]:
        raise _wrong(name, text, f"it may be {' or '.join(_CHOICES[name])}")
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, str):
        return text
    assert isinstance(default, int | float)
    try:
        number = type(default)(text)
    except ValueError as error:
        raise _wrong(name, text, f"it must be a number such as {default}") from error
    minimum = _MINIMUM.get(name, 0)
    if not number >= minimum:  # nan is not
        raise _wrong(name, text, f"it must be at least {minimum}")
    return number
