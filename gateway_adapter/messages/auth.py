"""Who asks: keys, their four forms of header, and how much a key may do.

Keys are kept as SHA-256 (they are long and random, so a slow hash would protect nothing) and compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING

from gateway_adapter.errors import Misconfigured, Throttled
from gateway_adapter.model import Account, Quota
from gateway_adapter.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ApiKeys", "Buckets", "hash_key", "new_key", "read_keys"]

_HASHED = "sha256$"


def hash_key(key: str) -> str:
    """How a key is kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def new_key() -> str:
    """A key nobody can guess."""
    return secrets.token_hex(24)


def read_keys(text: str, quotas: str) -> dict[str, Account]:
    """Accounts by the hash of their key, from the settings API_KEYS and QUOTAS.

    Raises:
        Misconfigured: A key is shorter than 8 characters, or a quota is not two numbers.
    """
    allowed = _quotas(quotas)
    found: dict[str, Account] = {}
    for entry in filter(None, (one.strip() for one in text.split(","))):
        name, colon, key = entry.rpartition(":")
        if len(key) < 8:  # noqa: PLR2004 - a key anybody would type by accident
            raise Misconfigured(f"{PREFIX}API_KEYS has a key of {len(key)} characters; a key needs at least 8")
        hashed = key.removeprefix(_HASHED) if key.startswith(_HASHED) else hash_key(key)
        identity = name if colon and name else f"key-{hashed[:12]}"
        found[hashed] = Account(identity, identity, allowed.get(identity, Quota()))
    return found


def _quotas(text: str) -> dict[str, Quota]:
    found: dict[str, Quota] = {}
    for entry in filter(None, (one.strip() for one in text.split(","))):
        name, _, limits = entry.rpartition(":")
        per_second, _, per_day = limits.partition("/")
        try:
            found[name] = Quota(float(per_second or 0), int(per_day or 0))
        except ValueError as error:
            raise Misconfigured(
                f"{PREFIX}QUOTAS has {entry!r}; it is name:per_second/per_day, as acme:50/100000"
            ) from error
    return found


class ApiKeys:
    """The keys that are let in."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = dict(accounts)

    @property
    def owner(self) -> str:
        """Whose messages are to numbers nobody has a configuration for: the only account's, if there is but one."""
        ids = {account.id for account in self._accounts.values()}
        return ids.pop() if len(ids) == 1 else ""

    def find(self, header: str) -> Account | None:
        """Whose an `Authorization` header is: `App`, `IBSSO` or `Bearer` with the key, `Basic` with it as password."""
        scheme, _, said = header.strip().partition(" ")
        reader = _FORMS.get(scheme.lower())
        key = reader(said.strip()) if reader else ""
        if not key:
            return None
        hashed, found = hash_key(key), None
        for known, account in self._accounts.items():
            if hmac.compare_digest(known, hashed):
                found = account
        return found


def _basic(said: str) -> str:
    try:
        pair = base64.b64decode(said, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


_FORMS: Mapping[str, Callable[[str], str]] = {"app": str, "ibsso": str, "bearer": str, "basic": _basic}


class Buckets:
    """Messages a second, for each account: a bucket that holds two seconds' worth and fills steadily."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, account: Account, amount: int) -> None:
        """Count messages.

        Raises:
            Throttled: The account's rate is passed; `after_s` is when there is room again.
        """
        rate = account.quota.per_second
        if not rate:
            return
        now = self._clock()
        level, at = self._levels.get(account.id, (2 * rate, now))
        level = min(2 * rate, level + (now - at) * rate)
        if level < min(amount, 2 * rate):  # a bulk larger than the bucket may go when it is full
            wait = (min(amount, 2 * rate) - level) / rate
            raise Throttled(
                f"{account.name} may send {rate:g} messages a second; try again in {wait:.1f} s", after_s=wait
            )
        self._levels[account.id] = (level - amount, now)
