"""Reads the connections file (TOML): how each operator is reached. Every error names file, key, value and the way out.

[connections.acme]
kind = "mm7"                        # a row of connectors/registry.py
url = "https://mmsc.acme.example/mm7"
carrier = "us/t-mobile"             # keys of mmscontent profiles
route = "short_code"
prefixes = ["1206", "1425"]         # recipients that go here; without it all that no other connection takes
per_second = 20
secret_env = "ACME_SECRET"          # or secret = "…"
inbound_networks = ["192.0.2.0/24"] # or inbound_user and inbound_secret: who may send to us

[connections.acme.options]          # what this kind alone understands
vasp_id = "gateway"
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import mmscontent as mms
from gateway_adapter.connectors.base import Connection
from gateway_adapter.connectors.registry import CONNECTORS, ConnectorKind
from gateway_adapter.errors import Misconfigured

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_KEYS = "kind, url, carrier, route, prefixes, per_second, concurrency, timeout_s, secret, options, inbound_…"
_MOST = {"per_second": 100_000.0, "concurrency": 1000, "timeout_s": 600.0}


def read_connections(path: Path, environment: Mapping[str, str] = os.environ) -> tuple[Connection, ...]:
    """The connections of a file.

    Raises:
        Misconfigured: The file can not be read, is not TOML, or has a value that is not allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise Misconfigured(f"{path} can not be read: {exc}; MMS_GATEWAY_CARRIERS names it", file=str(path)) from exc
    return connections_of(text, str(path), environment)


def connections_of(text: str, file: str, environment: Mapping[str, str] = os.environ) -> tuple[Connection, ...]:
    """The connections of a TOML document; *file* is what errors call it.

    Raises:
        Misconfigured: The document is not TOML, or has a value that is not allowed.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise Misconfigured(f"{file} is not TOML: {exc}", file=file) from exc
    tables = document.pop("connections", None)
    if document or not isinstance(tables, dict) or not tables:
        stray = next(iter(document), "")
        found = f"it has {stray!r}" if stray else "it has none"
        raise Misconfigured(f"{file} holds tables [connections.NAME] and nothing else; {found}", file=file, key=stray)
    connections = tuple(_Row(file, name, table, environment).read() for name, table in tables.items())
    # Two connections with one prefix would share numbers by accident
    _refuse_same_prefix(connections, file)
    return connections


def _refuse_same_prefix(connections: tuple[Connection, ...], file: str) -> None:
    owners: dict[str, str] = {}
    for connection in connections:
        for prefix in connection.prefixes:
            owner = owners.setdefault(prefix, connection.name)
            if owner != connection.name:
                prefix_text = repr(prefix) if prefix else "all other numbers"
                raise Misconfigured(
                    f"{file}: connections.{owner} and connections.{connection.name} both take {prefix_text}; "
                    "give one of them longer prefixes",
                    file=file,
                    key=f"connections.{connection.name}.prefixes",
                    value=prefix,
                )


class _Row:
    """Reads one table of the file; each key read is removed, so what is left at the end is unknown."""

    def __init__(self, file: str, name: str, table: object, environment: Mapping[str, str]) -> None:
        self.file, self.name, self.environment = file, name, environment
        if not isinstance(table, dict):
            raise self.wrong("", table, f"write [connections.{name}] with a kind and a url under it")
        if not _NAME.fullmatch(name):
            raise self.wrong("", name, "a name has small letters, digits, - and _, 63 at most")
        self.left: dict[str, Any] = dict(table)

    def wrong(self, key: str, value: object, way_out: str) -> Misconfigured:
        """The error about a value of this row."""
        dotted = f"connections.{self.name}" + (f".{key}" if key else "")
        hidden = "secret" in key and not key.endswith("_env")
        value_text = "" if hidden else f" is {value!r}"
        text = f"{self.file}: {dotted}{value_text}; {way_out}"
        return Misconfigured(text, file=self.file, key=dotted, value="" if hidden else str(value))

    def read(self) -> Connection:
        """The connection."""
        kind = self.kind()
        connection = Connection(
            self.name,
            kind.name,
            url=self.url(kind),
            carrier=self.text("carrier"),
            route=self.text("route"),
            prefixes=self.prefixes(),
            per_second=self.number("per_second", 0.0),
            concurrency=int(self.number("concurrency", 8)),
            timeout_s=self.number("timeout_s", 30.0),
            secret=self.secret("secret"),
            options=self.options(kind),
            inbound_user=self.text("inbound_user"),
            inbound_secret=self.secret("inbound_secret"),
            inbound_networks=self.networks(),
        )
        for key, value in self.left.items():
            raise self.wrong(key, value, f"no such key; known are {_KEYS}")
        self.check_needs(kind, connection)
        self.check_profile(connection)
        return connection

    def text(self, key: str) -> str:
        """A text, "" when absent."""
        value = self.left.pop(key, "")
        if not isinstance(value, str) or any(c in value for c in "\r\n\0"):
            raise self.wrong(key, value, "write one line of text in quotation marks")
        return value

    def number(self, key: str, default: float) -> float:
        """A number within its bounds."""
        value = self.left.pop(key, default)
        most = _MOST[key]
        least = 0 if key == "per_second" else 1
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise self.wrong(key, value, f"write a number from {least} to {most:g}")
        if key == "concurrency" and value != int(value):
            raise self.wrong(key, value, "write a whole number")
        return value

    def kind(self) -> ConnectorKind:
        """The row of the table of connectors."""
        value = self.left.pop("kind", None)
        found = CONNECTORS.get(value) if isinstance(value, str) else None
        if found is None:
            raise self.wrong("kind", value, f"write one of {', '.join(CONNECTORS)}")
        return found

    def url(self, kind: ConnectorKind) -> str:
        """Where submissions go."""
        value = self.text("url").rstrip("/")
        if not value and kind.inside:
            return ""
        allowed = " or ".join(f"{scheme}://" for scheme in kind.schemes)
        try:
            split = urlsplit(value)
            port_fits = split.port is None or split.port > 0
        except ValueError as exc:
            raise self.wrong("url", value, f"{exc}; write {allowed}host[:port]") from exc
        if split.scheme not in kind.schemes or not split.hostname or not port_fits:
            raise self.wrong("url", value, f"a connection of kind {kind.name} begins with {allowed} and a host")
        # A password in the URL would be logged with it
        if split.username or split.password:
            address = f"{split.scheme}://…@{split.hostname}"
            raise self.wrong("url", address, "put the password into secret or secret_env")
        return value

    def prefixes(self) -> tuple[str, ...]:
        """The beginnings of numbers that go here."""
        value = self.left.pop("prefixes", [""])
        rows = [value] if isinstance(value, str) else value
        if not isinstance(rows, list) or not rows:
            raise self.wrong("prefixes", value, 'write a list such as ["1206", "44"]')
        for row in rows:
            if not isinstance(row, str) or (row and not (row.isascii() and row.isdecimal())):
                raise self.wrong("prefixes", row, "a prefix has digits alone, without a plus")
        return tuple(rows)

    def secret(self, key: str) -> str:
        """A secret, from the file or from the environment variable that `…_env` names."""
        value, variable = self.text(key), self.text(f"{key}_env")
        if value and variable:
            raise self.wrong(f"{key}_env", variable, f"{key} is given too; keep one of them")
        # A missing variable must not become an empty secret
        if variable and not self.environment.get(variable):
            raise self.wrong(f"{key}_env", variable, "no environment variable of that name is set")
        return self.environment[variable] if variable else value

    def networks(self) -> tuple[str, ...]:
        """Where an operator's requests may come from."""
        value = self.left.pop("inbound_networks", [])
        if not isinstance(value, list):
            raise self.wrong("inbound_networks", value, 'write a list such as ["192.0.2.0/24"]')
        for row in value:
            try:
                # A host address with bits beyond its mask is refused, too
                ipaddress.ip_network(row)
            except (ValueError, TypeError) as exc:
                raise self.wrong("inbound_networks", row, "write a network such as 192.0.2.0/24") from exc
        return tuple(value)

    def options(self, kind: ConnectorKind) -> Mapping[str, str]:
        """What this kind alone understands, as texts."""
        table = self.left.pop("options", {})
        if not isinstance(table, dict):
            raise self.wrong("options", table, f"write [connections.{self.name}.options] and rows under it")
        found: dict[str, str] = {}
        for key, value in table.items():
            if key not in kind.options:
                raise self.wrong(f"options.{key}", value, f"kind {kind.name} has {', '.join(kind.options) or 'none'}")
            text = str(value).lower() if isinstance(value, bool) else str(value)
            choices = kind.choices.get(key)
            if isinstance(value, (dict, list)) or any(c in text for c in "\r\n\0"):
                raise self.wrong(f"options.{key}", value, "write one line of text in quotation marks")
            if choices and text not in choices:
                raise self.wrong(f"options.{key}", value, f"write one of {', '.join(choices)}")
            found[key] = text
        return MappingProxyType(found)

    def check_needs(self, kind: ConnectorKind, connection: Connection) -> None:
        """Refuse a connection that lacks what its kind cannot do without."""
        for key in kind.needs:
            if not (connection.secret if key == "secret" else connection.options.get(key)):
                where = key if key == "secret" else f"options.{key}"
                word = kind.options.get(key, "what the operator authorises us by; secret_env names a variable with it")
                raise self.wrong(where, "", f"a connection of kind {kind.name} needs it: {word}")

    def check_profile(self, connection: Connection) -> None:
        """Refuse a carrier or route that no profile is known of."""
        try:
            mms.load_profile(carrier=connection.carrier or None, route=connection.route or None)
        except mms.ProfileError as exc:
            key = "route" if connection.route and "route" in exc.key else "carrier"
            raise self.wrong(key, getattr(connection, key), str(exc)) from exc
