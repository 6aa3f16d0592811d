"""Finds the profiles of the receivers that rows of a list name; each distinct receiver is looked up once.

us/att toll_free apple/iphone 600000      a carrier, device or class by key, a route, a number of bytes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from mmscontent.batch.items import failure_of
from mmscontent.errors import MMSContentError, ProfileError
from mmscontent.profiles import kinds_of, load_profile
from mmscontent.profiles.model import ROUTES, Profile

if TYPE_CHECKING:
    from mmscontent.batch.model import Failure

COLUMNS = ("profile", "carrier", "route", "device", "class", "max_bytes")
_FIELD_OF = {"carrier": "carrier", "route": "route", "device": "device", "class": "content_class"}


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver, by the keys of its profiles."""

    carrier: str | None = None
    route: str | None = None
    device: str | None = None
    content_class: str | None = None
    max_bytes: int | None = None

    def with_defaults(self, base: Receiver) -> Receiver:
        """This receiver, with the fields it leaves open taken from another."""
        open_ = {f.name: getattr(base, f.name) for f in fields(self) if getattr(self, f.name) is None}
        return replace(self, **open_)


class Receivers:
    """Loads the profiles of receivers and remembers every answer, failures too.

    Args:
        base: The receiver that rows change.
        profiles: The caller's own folder of profiles.
    """

    def __init__(
        self,
        base: Receiver = Receiver(),
        *,
        profiles: str | None = None,
        allow_inactive: bool = False,
        use_observed: bool = False,
    ) -> None:
        self.base = base
        self._profiles = profiles
        self._allow_inactive = allow_inactive
        self._use_observed = use_observed
        # A list has many rows and few receivers, and loading one of them reads several files.
        self._known: dict[Receiver, Profile | Failure] = {}
        self._kinds: dict[str, str] = {}

    def profile(self, receiver: Receiver) -> Profile | Failure:
        """The profile of a receiver, its gaps filled from the base; the failure when there is none."""
        whole = receiver.with_defaults(self.base)
        if whole not in self._known:
            self._known[whole] = self._load(whole)
        return self._known[whole]

    def of_row(self, row: Mapping[str, object]) -> Profile | Failure | None:
        """The profile that a row of a list names; None when it names no receiver.

        Raises:
            ProfileError: A word of the row is no key.
        """
        receiver = self.read(row)
        return None if receiver == Receiver() else self.profile(receiver)

    def read(self, row: Mapping[str, object]) -> Receiver:
        """Read the receiver from the columns of a row.

        Raises:
            ProfileError: A word is neither a key nor a route nor a number.
        """
        stated: dict[str, object] = {}
        named = row.get("profile") or {}
        if isinstance(named, str):
            for word in named.split():
                name, value = self._word(word)
                stated[name] = value
            named = {}
        if not hasattr(named, "items"):
            raise ProfileError(f"profile must be words or an object of {', '.join(COLUMNS[1:])}, got {named!r}")
        for name, value in (*named.items(), *((k, row[k]) for k in COLUMNS[1:] if row.get(k))):
            if name not in COLUMNS[1:]:
                raise ProfileError(f"a receiver has no field {name!r}; it has {', '.join(COLUMNS[1:])}", key=str(name))
            if value:
                stated[_FIELD_OF.get(name, name)] = _number(value) if name == "max_bytes" else str(value)
        return Receiver(**stated)  # type: ignore[arg-type]

    def _word(self, word: str) -> tuple[str, object]:
        if word in ROUTES:
            return "route", word
        if word.isdecimal():
            return "max_bytes", int(word)
        if word not in self._kinds:
            kinds = kinds_of(word, profiles=self._profiles)
            # An unknown key is taken for a carrier: load_profile names the nearest ones.
            self._kinds[word] = _FIELD_OF[kinds[0]] if kinds else "carrier"
        return self._kinds[word], word

    def _load(self, receiver: Receiver) -> Profile | Failure:
        try:
            return load_profile(
                carrier=receiver.carrier,
                route=receiver.route,
                device=receiver.device,
                content_class=receiver.content_class,
                max_message_bytes=receiver.max_bytes,
                profiles=self._profiles,
                allow_inactive=self._allow_inactive,
                use_observed=self._use_observed,
            )
        except MMSContentError as error:
            return failure_of(error)


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError as exc:
        raise ProfileError(f"max_bytes must be a number, got {value!r}", key="max_bytes", value=str(value)) from exc
