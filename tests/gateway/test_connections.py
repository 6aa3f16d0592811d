"""The connections file and the choice of a connection: what is read, and that each error says where and what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_adapter.connectors.connections_file import connections_of, read_connections
from gateway_adapter.errors import Misconfigured, Refused
from gateway_adapter.messages.routing import Known, Router, load_lookup
from gateway_adapter.model import Destination, Order

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
[connections.acme]
kind = "mm7"
url = "https://mmsc.acme.example/mm7/"
carrier = "us/t-mobile"
route = "short_code"
prefixes = ["1206", "1"]
per_second = 2.5
concurrency = 4
timeout_s = 10
secret_env = "ACME_SECRET"
inbound_user = "acme"
inbound_secret = "theirs"
inbound_networks = ["192.0.2.0/24", "2001:db8::/32"]
[connections.acme.options]
peer = "nokia"
binary = true
vasp_id = "me"

[connections.roaming]
kind = "mm4"
url = "smtp://mmsc.other.example:2525"
prefixes = ["12065"]
[connections.roaming.options]
domain = "mms.mnc002.mcc001.gprs"
from_domain = "mms.mnc001.mcc001.gprs"
"""


def one(body: str, options: str = "") -> str:
    return f"[connections.acme]\n{body}\n[connections.acme.options]\n{options}\n"


HTTP = 'kind = "mm7"\nurl = "https://m.example"\n'
BAD = {
    "no TOML": ("[connections", "", "is not TOML"),
    "nothing": ("", "", "it has none"),
    "a stray key": ("port = 1\n" + one(HTTP), "port", "it has 'port'"),
    "no table": ("[connections]\nacme = 1", "connections.acme", "is 1"),
    "a name": ("[connections.'A B']\n" + HTTP, "connections.A B", "small letters"),
    "no kind": (one('url = "https://m.example"'), "connections.acme.kind", "write one of mm7, mm4"),
    "another kind": (one('kind = "smpp"'), "connections.acme.kind", "is 'smpp'"),
    "another scheme": (one('kind = "mm4"\nurl = "https://m.example"'), "connections.acme.url", "smtp://"),
    "no host": (one('kind = "mm7"\nurl = "https:///x"'), "connections.acme.url", "and a host"),
    "a port": (one('kind = "mm7"\nurl = "https://m:99999"'), "connections.acme.url", "host[:port]"),
    "a password": (one('kind = "mm7"\nurl = "https://u:hush@m"'), "connections.acme.url", "secret_env"),
    "a plus": (one(HTTP + 'prefixes = ["+1"]'), "connections.acme.prefixes", "is '+1'; a prefix has digits alone"),
    "no prefixes": (one(HTTP + "prefixes = []"), "connections.acme.prefixes", "is []"),
    "a rate": (one(HTTP + "per_second = -1"), "connections.acme.per_second", "is -1; write a number from 0"),
    "half a worker": (one(HTTP + "concurrency = 1.5"), "connections.acme.concurrency", "whole number"),
    "a time-out": (one(HTTP + "timeout_s = true"), "connections.acme.timeout_s", "is True"),
    "an unknown key": (one(HTTP + "colour = 3"), "connections.acme.colour", "known are kind, url"),
    "an unknown option": (one(HTTP, "domain = 'x'"), "connections.acme.options.domain", "kind mm7 has peer"),
    "another peer": (one(HTTP, "peer = 'siemens'"), "connections.acme.options.peer", "rel5"),
    "two lines": (one(HTTP, 'vasp_id = "a\\nb"'), "connections.acme.options.vasp_id", "one line"),
    "no secret": (one(HTTP + 'secret_env = "NOBODY"'), "connections.acme.secret_env", "'NOBODY'"),
    "two secrets": (one(HTTP + 'secret = "a"\nsecret_env = "B"'), "connections.acme.secret_env", "keep one"),
    "a network": (one(HTTP + 'inbound_networks = ["10/33"]'), "connections.acme.inbound_networks", "'10/33'"),
    "a carrier": (one(HTTP + 'carrier = "us/nobody"'), "connections.acme.carrier", "us/nobody"),
    "a need": (one('kind = "mm4"\nurl = "smtp://m"'), "connections.acme.options.domain", "needs it"),
    "an account": (one('kind = "infobip"\nurl = "https://x.example"'), "connections.acme.secret", "secret_env"),
}


def test_a_file_is_read_to_the_field(tmp_path: Path) -> None:
    file = tmp_path / "carriers.toml"
    file.write_text(GOOD, encoding="utf-8")

    acme, roaming = read_connections(file, {"ACME_SECRET": "hush"})

    assert (acme.name, acme.kind, acme.url) == ("acme", "mm7", "https://mmsc.acme.example/mm7")
    assert (acme.carrier, acme.route, acme.prefixes) == ("us/t-mobile", "short_code", ("1206", "1"))
    assert (acme.per_second, acme.concurrency, acme.timeout_s) == (2.5, 4, 10)
    assert (acme.secret, acme.inbound_user, acme.inbound_secret) == ("hush", "acme", "theirs")
    assert acme.inbound_networks == ("192.0.2.0/24", "2001:db8::/32")
    assert dict(acme.options) == {"peer": "nokia", "binary": "true", "vasp_id": "me"}
    assert roaming.options["domain"] == "mms.mnc002.mcc001.gprs"
    assert "hush" not in repr(acme)
    assert "theirs" not in repr(acme)


@pytest.mark.parametrize(("text", "key", "said"), BAD.values(), ids=BAD.keys())
def test_each_error_names_file_key_value_and_the_way_out(text: str, key: str, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        connections_of(text, "carriers.toml", {})

    assert caught.value.file == "carriers.toml"
    assert caught.value.key == key
    assert str(caught.value).startswith("carriers.toml")
    assert said in str(caught.value)


def test_a_secret_is_never_in_an_error() -> None:
    with pytest.raises(Misconfigured) as caught:
        connections_of(one(HTTP + 'secret = "hu\\nsh"'), "f", {})

    assert "hu" not in f"{caught.value} {caught.value.value}"


def test_two_connections_for_the_same_numbers_are_refused_by_name() -> None:
    other = GOOD.replace('["12065"]', '["1206"]')

    with pytest.raises(Misconfigured, match=r"acme and connections\.roaming both take '1206'"):
        connections_of(other, "f", {"ACME_SECRET": "x"})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="MMS_GATEWAY_CARRIERS"):
        read_connections(tmp_path / "none.toml")


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(Misconfigured):
        assert connections_of("[connections.a]\n" + text, "f", {})


# --- routing -------------------------------------------------------------------------------------------------------

CONNECTIONS = connections_of(GOOD, "f", {"ACME_SECRET": "x"})
ROUTED = {"12065550100": "roaming", "12064440100": "acme", "14255550100": "acme", "1": "acme", "449999": None, "": None}


@pytest.mark.parametrize(("number", "name"), ROUTED.items())
def test_the_longest_prefix_wins(number: str, name: str | None) -> None:
    found = Router(CONNECTIONS).find_connection(number)

    assert (found.name if found else None) == name


@given(st.dictionaries(st.text("0123456789", max_size=5), st.just(None), min_size=1), st.text("0123456789", max_size=9))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_longest_prefix_is_what_a_plain_search_finds(prefixes: dict[str, None], number: str) -> None:
    text = "".join(
        f"[connections.c{i}]\nkind='mm7'\nurl='http://h'\nprefixes=['{prefix}']\n" for i, prefix in enumerate(prefixes)
    )
    router = Router(connections_of(text, "f", {}))
    fitting = [prefix for prefix in prefixes if number.startswith(prefix)]

    found = router.find_connection(number)

    assert (found.prefixes[0] if found else None) == (max(fitting, key=len) if fitting else None)


def test_a_number_nobody_takes_is_refused_with_its_error() -> None:
    with pytest.raises(Refused) as caught:
        Router(CONNECTIONS).route("449999")

    assert (caught.value.error, caught.value.field) == (15023, "to")


def test_an_order_goes_before_the_lookup_and_the_lookup_before_the_file() -> None:
    known = {"12065550100": Known("acme", carrier="us/att", device="apple/iphone")}
    router = Router(CONNECTIONS, known.get)
    order = Order("v2", "12345", (Destination("12065550100"),), (), carrier="us/verizon")

    by_file, by_lookup = router.route("14255550100"), router.route("12065550100")
    by_order = router.route("12065550100", order)

    assert (by_file.connection.name, by_file.carrier, by_file.route) == ("acme", "us/t-mobile", "short_code")
    assert (by_lookup.connection.name, by_lookup.carrier, by_lookup.device) == ("acme", "us/att", "apple/iphone")
    assert (by_order.carrier, by_order.device, by_order.route) == ("us/verizon", "apple/iphone", "short_code")


def test_a_lookup_that_names_no_connection_is_a_named_error() -> None:
    router = Router(CONNECTIONS, lambda _: Known("elsewhere"))

    with pytest.raises(Refused, match=r"'elsewhere'; known are acme, roaming"):
        router.route("12065550100")


def test_a_lookup_is_loaded_by_name() -> None:
    assert load_lookup("posixpath:basename")("a/b") == "b"


@pytest.mark.parametrize(
    "name", ["", "posixpath", "posixpath:", "posixpath:nothing", "no_such_module:f", "string:digits"]
)
def test_a_lookup_that_is_not_there_is_a_named_error(name: str) -> None:
    with pytest.raises(Misconfigured, match="write package"):
        load_lookup(name)
