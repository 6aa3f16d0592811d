"""Fetching over real sockets: what comes, and that a planted server is not asked where the policy says no."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway_adapter.errors import Refused, Unreachable
from gateway_adapter.transport.http_fetcher import Fetcher, OpenedLink
from gateway_adapter.transport.url_policy import UrlPolicy, parse_networks
from tests.gateway.transport.planted import Planted, Serve, planted, text

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

LOOPBACK = parse_networks("127.0.0.0/8, ::1/128", "test")
OPEN = UrlPolicy(networks=LOOPBACK, total_s=5, read_s=2)
PICTURE = b"\xff\xd8\xff picture"
JPEG = "Content-Type: image/jpeg"


class Names:
    """A resolver that answers from a table, one row after the other for the same name."""

    def __init__(self, **rows: list[list[str]]) -> None:
        self.rows, self.asked = rows, 0

    async def __call__(self, host: str, port: int) -> list[str]:  # noqa: ARG002  # the shape is the resolver's
        self.asked += 1
        answers = self.rows.get(host.partition(".")[0])
        if answers is None:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


async def take(fetcher: Fetcher, url: str, **more: Any) -> tuple[OpenedLink, bytes]:
    async with fetcher.open(url, **{"max_bytes": 1000, **more}) as opened:
        return opened, b"".join([piece async for piece in opened.chunks])


def fetched(
    serve: Serve, path: str = "/a.jpg", policy: UrlPolicy = OPEN, **more: Any
) -> tuple[OpenedLink, bytes, Planted]:
    async def work() -> tuple[OpenedLink, bytes, Planted]:
        async with planted(serve) as server:
            fetcher = Fetcher(policy)
            try:
                return *await take(fetcher, f"http://127.0.0.1:{server.port}{path}", **more), server
            finally:
                await fetcher.close()

    found: tuple[OpenedLink, bytes, Planted] = run(work())
    return found


def test_a_link_is_fetched_with_its_type_and_name() -> None:
    found, data, server = fetched(text(PICTURE, "Content-Type: Image/JPEG; q=1"), "/x/beach.jpg?size=1")

    assert data == PICTURE
    assert (found.media_type, found.file_name) == ("image/jpeg", "beach.jpg")
    assert server.heads[0].startswith(b"GET /x/beach.jpg?size=1 HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity\r\n" in server.heads[0]
    assert b"Cookie" not in server.heads[0]


def test_a_name_in_the_head_goes_before_the_paths_and_keeps_no_folder() -> None:
    found, _, _ = fetched(text(PICTURE, JPEG, 'Content-Disposition: attachment; filename="../../etc/b.jpg"'))

    assert found.file_name == "b.jpg"


def test_a_server_that_says_no_type_is_taken() -> None:
    assert fetched(text(PICTURE))[0].media_type == ""


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fetched(text(PICTURE, JPEG))[1] == PICTURE


# --- answers that are not taken ------------------------------------------------------------------------------------

BOMB = gzip.compress(bytes(50_000_000), 9)[:900]
UNFIT: dict[str, tuple[Serve, int, str]] = {
    "too large, and says so": (text(1001 * b"x", JPEG), 15022, "has 1,001 bytes, at most 1,000 are accepted"),
    "a web page": (text(b"<html>", "Content-Type: text/html; charset=utf-8"), 15024, "is text/html"),
    "a program": (text(b"MZ", "Content-Type: application/x-msdownload"), 15024, "is application/x-msdownload"),
    "a gzip bomb": (text(BOMB, JPEG, "Content-Encoding: gzip"), 15024, "Content-Encoding gzip"),
    "brotli": (text(b"x", JPEG, "Content-Encoding: br"), 15024, "Content-Encoding br"),
    "empty": (text(b"", JPEG), 15024, "is empty"),
    "not there": (text(b"x", JPEG, status="404 Not Found"), 15024, "answered 404"),
    "forbidden": (text(b"x", JPEG, status="403 Forbidden"), 15024, "answered 403"),
    "a piece": (text(b"x", JPEG, status="206 Partial Content"), 15024, "answered 206"),
    "a redirect to nowhere": (text(b"", status="302 Found"), 15024, "redirects nowhere"),
}


@pytest.mark.parametrize(("serve", "error", "why"), UNFIT.values(), ids=UNFIT.keys())
def test_an_answer_that_does_not_fit_is_refused_by_name(serve: Serve, error: int, why: str) -> None:
    with pytest.raises(Refused) as caught:
        fetched(serve)

    assert caught.value.error == error
    assert why in str(caught.value)


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow", "408 Late", "100 Continue"])
def test_an_answer_that_may_be_another_later_is_unreachable(status: str) -> None:
    with pytest.raises(Unreachable):
        fetched(text(b"x", JPEG, status=status), policy=UrlPolicy(networks=LOOPBACK, total_s=2, read_s=0.5))


async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + 1024 * b"x" + b"\r\n")
        await writer.drain()


async def lying(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n" + 200_000 * b"x")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("serve", [endless, lying])
def test_an_endless_body_is_cut_at_the_cap(serve: Serve) -> None:
    with pytest.raises(Refused, match="has more bytes, at most 1,000 are accepted") as caught:
        fetched(serve)

    assert caught.value.error == 15022


async def dripping_body(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 900\r\n\r\n")
    for _ in range(900):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def dripping_head(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(900):
        writer.write(f"X-{number}: x\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.05)


async def silent(_: bytes, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(10)


@pytest.mark.parametrize("serve", [dripping_body, dripping_head, silent])
def test_a_slow_server_is_left_when_the_time_is_up(serve: Serve) -> None:
    started = time.monotonic()

    with pytest.raises(Unreachable, match=r"longer than 0\.7 seconds"):
        fetched(serve, policy=UrlPolicy(networks=LOOPBACK, total_s=0.7, read_s=5))

    assert time.monotonic() - started < 3


async def nonsense(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff SSH-2.0-nothing\r\n\r\n")


async def head_bomb(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: " + 300_000 * b"x")


async def cut_off(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 900\r\n\r\nhalf")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("serve", [nonsense, head_bomb, cut_off])
def test_what_is_no_http_is_unreachable(serve: Serve) -> None:
    with pytest.raises(Unreachable):
        fetched(serve)


# --- where it leads ------------------------------------------------------------------------------------------------


def inward(url: str, names: Names | None = None, policy: UrlPolicy | None = None) -> Planted:
    """Try to reach a planted server by a URL with its port; the policy is the ordinary one, its port allowed."""

    async def work() -> Planted:
        async with planted(text(PICTURE, JPEG)) as server:
            chosen = policy or UrlPolicy(ports=(80, server.port), total_s=5)
            fetcher = Fetcher(chosen, names)
            with pytest.raises(Refused):
                await take(fetcher, url.format(port=server.port))
            with pytest.raises(Refused):
                await fetcher.post(url.format(port=server.port), {}, b"{}")
            await fetcher.close()
            return server

    found: Planted = run(work())
    return found


INWARD = [
    "http://127.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::1]:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://localhost:{port}/",
    "http://user:pass@127.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://example.org\\@127.0.0.1:{port}/",
]


@pytest.mark.parametrize("url", INWARD)
def test_nothing_inside_is_asked_however_it_is_written(url: str) -> None:
    assert inward(url).connections == 0


NAMES = {
    "a private name": [["127.0.0.1"]],
    "one private address among public ones": [["8.8.8.8", "127.0.0.1"]],
    "one public address before a mapped one": [["1.1.1.1", "::ffff:127.0.0.1"]],
    "a name for a name": [["0.0.0.0"]],
    "a zone": [["fe80::1%lo"]],
    "no address at all": [["localhost"]],
}


@pytest.mark.parametrize("rows", NAMES.values(), ids=NAMES.keys())
def test_a_name_that_leads_inside_is_refused_and_nothing_is_asked(rows: list[list[str]]) -> None:
    assert inward("http://rebind.example:{port}/", Names(rebind=rows)).connections == 0


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A rebinding name answers a public address first and loopback to whoever asks again: nobody asks again."""
    names = Names(rebind=[["127.0.0.2"], ["127.0.0.1"]])

    async def work() -> tuple[int, int]:
        policy = UrlPolicy(networks=parse_networks("127.0.0.2/32", "test"), total_s=5)  # plays the public address
        async with planted(text(PICTURE, JPEG)) as inside, planted(text(b"public", JPEG), host="127.0.0.2") as outside:
            fetcher = Fetcher(policy, names)
            assert (await take(fetcher, f"http://rebind.example:{outside.port}/"))[1] == b"public"
            with pytest.raises(Refused):
                await take(fetcher, f"http://rebind.example:{inside.port}/")
            await fetcher.close()
            return inside.connections, outside.connections

    assert run(work()) == (0, 1)
    assert names.asked == 2


def redirecting(*locations: str) -> Serve:
    """Sends whoever comes from one place to the next, `{port}` being the server's own."""

    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        step = int(head.split()[1].rpartition(b"/")[2] or b"0")
        port = writer.get_extra_info("sockname")[1]
        if step < len(locations):
            where = locations[step].format(port=port)
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            await text(PICTURE, JPEG)(head, writer)

    return serve


def test_redirects_are_followed_three_times_and_no_more() -> None:
    _, data, server = fetched(redirecting("/1", "2", "http://127.0.0.1:{port}/3"), "/0")

    assert data == PICTURE
    assert len(server.heads) == 4
    with pytest.raises(Refused, match="redirects more than 3 times"):
        fetched(redirecting("/1", "/2", "/3", "/4"), "/0")


INWARD_REDIRECTS = [
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:10.0.0.1]/",
    "http://167772161/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "http://user:pass@127.0.0.1/",
]


@pytest.mark.parametrize("location", INWARD_REDIRECTS)
def test_a_redirect_inward_is_refused(location: str) -> None:
    with pytest.raises(Refused):
        fetched(redirecting(location), "/0")


def test_a_redirect_to_a_planted_server_is_not_followed() -> None:
    async def work() -> int:
        async with planted(text(PICTURE, JPEG)) as inside:
            public = UrlPolicy(networks=parse_networks("127.0.0.2/32", "test"), total_s=5)
            async with planted(redirecting(f"http://127.0.0.1:{inside.port}/"), host="127.0.0.2") as outside:
                fetcher = Fetcher(public)
                with pytest.raises(Refused):
                    await take(fetcher, f"http://127.0.0.2:{outside.port}/0")
                await fetcher.close()
            return inside.connections

    assert run(work()) == 0


def test_what_is_meant_for_one_origin_is_not_shown_to_another() -> None:
    async def work() -> list[bytes]:
        async with (
            planted(text(PICTURE, JPEG)) as other,
            planted(redirecting(f"http://127.0.0.1:{other.port}/")) as first,
        ):
            fetcher = Fetcher(OPEN)
            await take(fetcher, f"http://127.0.0.1:{first.port}/0", headers={"Authorization": "App k"})
            await fetcher.close()
            return [first.heads[0], other.heads[0]]

    first, other = run(work())
    assert b"Authorization: App k" in first
    assert b"Authorization" not in other


def test_tls_asks_for_the_name_while_the_connection_goes_to_the_address() -> None:
    authority = trustme.CA()
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("media.example").configure_cert(server_side)
    authority.configure_trust(client_side)
    names = Names(media=[["127.0.0.1"]], other=[["127.0.0.1"]])

    async def work() -> tuple[list[str | None], list[bytes], int]:
        async with planted(text(PICTURE, JPEG), server_side) as server:
            fetcher = Fetcher(OPEN, names, client_side)
            assert (await take(fetcher, f"https://media.example:{server.port}/a.jpg"))[1] == PICTURE
            with pytest.raises(Unreachable, match="could not be reached"):
                await take(fetcher, f"https://other.example:{server.port}/a.jpg")
            await fetcher.close()
            return server.names, server.heads, server.port

    shown, heads, port = run(work())
    assert shown[0] == "media.example"
    assert f"Host: media.example:{port}".encode() in heads[0]
    assert len(heads) == 1


# --- webhooks ------------------------------------------------------------------------------------------------------


def test_a_webhook_is_posted_with_its_fields_and_connections_are_kept() -> None:
    async def work() -> Planted:
        async with planted(text(b'{"ok":true}', "X-Y: z")) as server:
            fetcher = Fetcher(OPEN)
            for number in range(5):
                url = f"http://127.0.0.1:{server.port}/hook"
                response = await fetcher.post(url, {"X-MMS-Webhook-Id": "1"}, f"{number}".encode())
                assert (response.status, response.headers["x-y"], response.body) == (200, "z", b'{"ok":true}')
            await fetcher.close()
            return server

    server: Planted = run(work())
    assert server.connections == 1
    assert server.bodies == [b"0", b"1", b"2", b"3", b"4"]
    assert b"X-MMS-Webhook-Id: 1\r\n" in server.heads[0]


def test_a_webhooks_redirect_is_an_answer_and_its_endless_one_is_cut() -> None:
    async def posted(serve: Serve) -> tuple[int, int, int]:
        async with planted(serve) as server:
            fetcher = Fetcher(OPEN)
            response = await fetcher.post(f"http://127.0.0.1:{server.port}/0", {}, b"{}")
            await fetcher.close()
            return response.status, len(response.body), len(server.heads)

    assert run(posted(redirecting("/1"))) == (302, 0, 1)
    assert run(posted(endless)) == (200, 65536, 1)


def test_a_webhook_nobody_answers_is_unreachable_in_time() -> None:
    async def work() -> None:
        async with planted(silent) as server:
            fetcher = Fetcher(OPEN)
            with pytest.raises(Unreachable, match=r"longer than 0\.3 seconds"):
                await fetcher.post(f"http://127.0.0.1:{server.port}/", {}, b"", timeout_s=0.3)
            with pytest.raises(Unreachable, match="could not be"):
                await fetcher.post("http://127.0.0.1:9/", {}, b"", timeout_s=2)
            with pytest.raises(Unreachable, match="could not be resolved"):
                await Fetcher(OPEN, Names()).post("http://nobody.example/", {}, b"", timeout_s=2)
            await fetcher.close()

    run(work())
