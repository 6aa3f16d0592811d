"""API keys: their four forms of the Authorization header, and the quota of each.

Keys are stored as SHA-256 (they are long and random, so a slow hash would protect nothing) and compared in constant
time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping

from gateway_adapter.errors import Misconfigured, Throttled
from gateway_adapter.model import Account, Quota
from gateway_adapter.schedule import TokenBuckets
from gateway_adapter.settings import PREFIX

_HASHED = "sha256$"
_MIN_KEY = 8  # characters


def hash_key(key: str) -> str:
    """The form in which a key is stored."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def new_key() -> str:
    """A random key."""
    return secrets.token_hex(24)


def read_keys(text: str, quotas: str) -> dict[str, Account]:
    """Accounts by the hash of their key, from the settings API_KEYS and QUOTAS.

    Raises:
        Misconfigured: A key is shorter than 8 characters, or a quota is not two numbers.
    """
    allowed = _quotas(quotas)
    found: dict[str, Account] = {}
    for entry in filter(None, (one.strip() for one in text.split(","))):
        # The last colon separates: a name may hold colons, a key may not.
        name, colon, key = entry.rpartition(":")
        if len(key) < _MIN_KEY:
            raise Misconfigured(f"{PREFIX}API_KEYS has a key of {len(key)} characters; a key needs at least {_MIN_KEY}")
        # A hashed key in the settings lets the key itself stay with the customer.
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
    """The API keys that may use the gateway."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = dict(accounts)

    @property
    def owner(self) -> str:
        """The account that owns messages to numbers without a configuration: the only one there is, else ""."""
        ids = {account.id for account in self._accounts.values()}
        return ids.pop() if len(ids) == 1 else ""

    def find(self, header: str) -> Account | None:
        """The account of an `Authorization` header: the key of `App`, `IBSSO` or `Bearer`, the password of `Basic`."""
        scheme, _, credential = header.strip().partition(" ")
        read = _SCHEMES.get(scheme.lower())
        key = read(credential.strip()) if read else ""
        if not key:
            return None
        hashed, found = hash_key(key), None
        # Compare with every key, so that the time taken does not depend on which one matches.
        for known, account in self._accounts.items():
            if hmac.compare_digest(known, hashed):
                found = account
        return found


def _basic_password(credential: str) -> str:
    try:
        # RFC 7617: base64 of user ":" password; the user part is for people and not checked.
        pair = base64.b64decode(credential, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


_SCHEMES: Mapping[str, Callable[[str], str]] = {"app": str, "ibsso": str, "bearer": str, "basic": _basic_password}


def take_quota(buckets: TokenBuckets, account: Account, amount: int) -> None:
    """Count messages against an account's rate; twice the rate may go at once.

    Raises:
        Throttled: The rate is used up; `after_s` is when there is capacity again.
    """
    # A burst of twice the rate: a customer that collects a second's messages is not refused.
    rate = account.quota.per_second
    wait_s = buckets.take(account.id, amount, rate, 2 * rate) if rate else 0
    if wait_s:
        text = f"{account.name} may send {rate:g} messages a second; try again in {wait_s:.1f} s"
        raise Throttled(text, after_s=wait_s)
