"""Settings: environment variables `MMS_GATEWAY_*`, read once, each named in an error about it.

docs/gateway.md lists them with the same words; tests/gateway/test_config.py holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmscontent as mms

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFIX", "Settings", "SettingsError", "read_settings"]

PREFIX = "MMS_GATEWAY_"


class SettingsError(mms.MMSContentError):
    """A setting is wrong; the message names the variable, what it holds and what it may hold."""

    code = "settings"


def _words(words: str) -> dict[str, str]:
    return {"words": words}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; the words beside each field are those of the documentation."""

    database_url: str = field(
        default="", repr=False, metadata=_words("where the store is; empty: gateway.db in DATA_DIR")
    )
    data_dir: Path = field(
        default=Path("mms-gateway-data"), metadata=_words("media, and the embedded store; shared by all machines")
    )
    broker_url: str = field(
        default="",
        repr=False,
        metadata=_words("redis://… or amqp://… shares work among processes; empty: this process"),
    )
    api_keys: str = field(
        default="",
        repr=False,
        metadata=_words("comma-separated `[name:]key` or `[name:]sha256$<hex>`; none: one is made"),
    )
    quotas: str = field(default="", metadata=_words("comma-separated `name:per_second/per_day`, 0 for no limit"))
    carriers: str = field(
        default="", metadata=_words("TOML file of connections to operators; empty: one loopback operator")
    )
    public_url: str = field(
        default="", metadata=_words("how customers and operators reach this service; empty: http://HOST:PORT")
    )
    report_url: str = field(
        default="", metadata=_words("where reports go that name no URL; empty: they wait to be fetched")
    )
    sms_url: str = field(default="", metadata=_words("where a text is posted that falls back to SMS; empty: nowhere"))
    webhook_secret: str = field(
        default="", repr=False, metadata=_words("signs webhooks; empty: one is made and kept in DATA_DIR")
    )
    allow_private: bool = field(
        default=False, metadata=_words("links and webhooks may lead to private addresses: for tests alone")
    )
    synchronous: str = field(
        default="NORMAL", metadata=_words("SQLite: NORMAL survives the process, FULL also the machine")
    )
    max_body_bytes: int = field(default=30_000_000, metadata=_words("largest request body"))
    max_media_bytes: int = field(default=25_000_000, metadata=_words("largest single part, upload or fetched link"))
    max_held_bytes: int = field(
        default=100_000_000, metadata=_words("request bodies that may be on their way in at once")
    )
    lease_s: float = field(default=30.0, metadata=_words("a step whose process died is taken up again after this long"))
    sweep_s: float = field(default=1.0, metadata=_words("how often the store is asked what is due"))
    batch: int = field(default=64, metadata=_words("rows taken for one step at once"))
    worker_threads: int = field(default=8, metadata=_words("actors at work at once in one process"))
    fits: int = field(default=2, metadata=_words("messages fitted at once in one process"))
    give_up_s: float = field(default=48 * 3600.0, metadata=_words("a webhook is tried for this long"))
    retry_unit_s: float = field(default=60.0, metadata=_words("retry n comes after unit + unit × n²"))
    link_days: float = field(default=1.0, metadata=_words("a fetched link is used again for this long"))
    keep_days: float = field(
        default=60.0, metadata=_words("messages that ended, and media nobody refers to, are kept for this long")
    )
    loopback_delay_s: float = field(
        default=1.0, metadata=_words("the loopback operator reports delivery after this long")
    )
    loopback: bool = field(default=False, metadata=_words("POST /loopback/… is open, to play phone and operator"))
    tls_cert: str = field(default="", metadata=_words("certificate chain (PEM); with TLS_KEY the service speaks HTTPS"))
    tls_key: str = field(default="", metadata=_words("private key (PEM) of TLS_CERT"))
    log_level: str = field(default="info", metadata=_words("debug, info, warning or error"))

    @property
    def store_url(self) -> str:
        """The database in use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'gateway.db'}"


_FALSE = {"", "0", "false", "no", "off"}
_TRUE = {"1", "true", "yes", "on"}
_CHOICES = {"synchronous": ("NORMAL", "FULL"), "log_level": ("debug", "info", "warning", "error")}
_LEAST = {"batch": 1, "worker_threads": 1, "fits": 1, "lease_s": 1, "sweep_s": 0.01, "retry_unit_s": 0.01}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings an environment holds.

    Raises:
        SettingsError: A variable holds what it may not, or no setting has its name.
    """
    known = {f.name: f for f in fields(Settings)}
    said = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    for name in said:
        if name not in known:
            raise SettingsError(f"{PREFIX}{name.upper()} is no setting; there are {', '.join(known).upper()}")
    values: dict[str, Any] = {name: _value(name, known[name].default, value) for name, value in said.items()}
    return Settings(**values)


def _value(name: str, default: object, text: str) -> object:
    variable = PREFIX + name.upper()
    if name in _CHOICES and text not in _CHOICES[name]:
        raise SettingsError(f"{variable} is {text!r}; it may be {' or '.join(_CHOICES[name])}")
    if isinstance(default, bool):
        if text.lower() not in _TRUE | _FALSE:
            raise SettingsError(f"{variable} is {text!r}; it may be 1 or 0")
        return text.lower() in _TRUE
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, str):
        return text
    assert isinstance(default, int | float)
    try:
        number = type(default)(text)
    except ValueError as error:
        raise SettingsError(f"{variable} is {text!r}; it must be a number such as {default}") from error
    least = _LEAST.get(name, 0)
    if not number >= least:
        raise SettingsError(f"{variable} is {text}; it must be at least {least}")
    return number
