"""Mails over real sockets: what is handed over, what replies mean, and what a listener takes and answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiosmtplib
import pytest

import mmscontent as mms
from gateway_adapter.connectors import mm4
from gateway_adapter.connectors.base import Connection, OperatorRequest, OperatorResponse
from gateway_adapter.errors import Misconfigured, Refused, Unreachable
from gateway_adapter.ingress.smtp_server import Mm4Server
from gateway_adapter.transport.smtp_client import SmtpClient, parse_smarthost
from tests.gateway.connectors.rows import CONNECTIONS, SUBMIT
from tests.gateway.mail.peer import Peer, standing

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway_adapter.model import Event

OTHER = replace(CONNECTIONS["mm4"], inbound_networks=("127.0.0.1/32",), timeout_s=5)


def at(peer: Peer) -> Connection:
    return replace(OTHER, url=f"smtp://127.0.0.1:{peer.port}")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


# --- out -----------------------------------------------------------------------------------------------------------


def sent(
    replies: dict[str, str], request: OperatorRequest | None = None, size_limit: int = 1_000_000
) -> tuple[OperatorResponse, Peer]:
    async def work() -> tuple[OperatorResponse, Peer]:
        async with standing(size_limit) as peer:
            peer.replies = replies
            mailer = SmtpClient()
            try:
                return await mailer.send(request or mm4.write_submit(SUBMIT, at(peer)), at(peer)), peer
            finally:
                await mailer.close()

    found: tuple[OperatorResponse, Peer] = run(work())
    return found


def test_a_submission_arrives_octet_for_octet() -> None:
    response, peer = sent({})

    assert (response.status, response.headers["message-id"]) == (250, "T-0001@mms.mnc001.mcc001.gprs")
    ((sender, recipients, mail),) = peer.mails
    assert sender == "system@mms.mnc001.mcc001.gprs"
    assert recipients == ["+12065550100/TYPE=PLMN@mms.mnc002.mcc001.gprs"]
    assert mail == mm4.write_submit(SUBMIT, OTHER).body


REPLIES = {
    "MAIL": ("553 5.1.7 bad sender", "refused"),
    "RCPT": ("550 5.1.1 no such user", "refused"),
    "DATA": ("552 5.3.4 at most 307200 bytes", "too_large"),
}


@pytest.mark.parametrize(("step", "meaning"), REPLIES.items())
def test_a_refusal_at_any_step_is_the_answer(step: str, meaning: tuple[str, str]) -> None:
    response, peer = sent({step: meaning[0]})

    assert peer.mails == []
    assert mm4.read_answer(response, OTHER).outcome == meaning[1]


def test_a_server_that_is_busy_is_tried_again() -> None:
    assert mm4.read_answer(sent({"DATA": "451 4.3.0 later"})[0], OTHER).outcome == "again"
    assert mm4.read_answer(sent({"MAIL": "421 4.3.2 closing"})[0], OTHER).outcome == "again"


def test_a_server_that_announces_a_size_is_not_sent_more() -> None:
    response, peer = sent({}, size_limit=400)
    answer = mm4.read_answer(response, OTHER)

    assert peer.mails == []
    assert (answer.outcome, answer.error) == ("too_large", 15026)


def test_a_recipient_that_is_refused_is_left_out_unless_all_are() -> None:
    request = OperatorRequest(
        "MAIL", "", {"from": "a@b.example", "to": "c@d.example,e@f.example"}, b"Subject: x\r\n\r\ny\r\n"
    )

    some, peer = sent({"c@d.example": "550 5.1.1 no"}, request)
    none, _ = sent({"RCPT": "550 5.1.1 no"}, request)

    assert (some.status, peer.mails[0][1]) == (250, ["e@f.example"])
    assert none.status == 550


def test_a_session_is_used_again_and_one_that_died_is_replaced() -> None:
    async def work() -> tuple[int, int]:
        async with standing() as peer:
            mailer = SmtpClient()
            for _ in range(3):
                assert (await mailer.send(mm4.write_submit(SUBMIT, at(peer)), at(peer))).status == 250
            kept = peer.sessions
            for sessions in mailer._idle.values():
                sessions[0][0].close()
            assert (await mailer.send(mm4.write_submit(SUBMIT, at(peer)), at(peer))).status == 250
            await mailer.close()
            return kept, peer.sessions

    assert run(work()) == (1, 2)


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no session with the mail server"):
        run(SmtpClient().send(mm4.write_submit(SUBMIT, OTHER), replace(OTHER, url="smtp://127.0.0.1:9")))


def test_what_is_no_mail_server_is_unreachable_in_time() -> None:
    async def work() -> None:
        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(3)
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        started = time.monotonic()
        with pytest.raises(Unreachable):
            await SmtpClient().send(
                mm4.write_submit(SUBMIT, OTHER), replace(OTHER, url=f"smtp://127.0.0.1:{port}", timeout_s=1)
            )
        assert time.monotonic() - started < 3
        server.close()
        await asyncio.sleep(2.1)

    run(work())


def test_a_server_without_tls_is_not_spoken_with_when_tls_is_asked_for() -> None:
    async def work() -> int:
        async with standing() as peer:
            connection = replace(at(peer), options={**OTHER.options, "starttls": "true"})
            with pytest.raises(Unreachable):
                await SmtpClient().send(mm4.write_submit(SUBMIT, connection), connection)
            return len(peer.mails)

    assert run(work()) == 0


HOSTS = {
    "smtp://mail.example": ("smtp://mail.example:25", {}, ""),
    "smtp://u%40x:p@mail.example:587?starttls=true": (
        "smtp://mail.example:587",
        {"user": "u@x", "starttls": "true"},
        "p",
    ),
    "smtp://[::1]:2525": ("smtp://[::1]:2525", {}, ""),
}


@pytest.mark.parametrize(("url", "parts"), HOSTS.items())
def test_the_mail_server_for_people_is_a_setting(url: str, parts: tuple[str, dict[str, str], str]) -> None:
    found = parse_smarthost(url, "MMS_GATEWAY_SMTP_URL")

    assert (found.url, dict(found.options), found.secret) == parts


@pytest.mark.parametrize("url", ["", "mail.example", "https://mail.example", "smtp://", "smtp://a:99999", "smtp://["])
def test_a_setting_that_is_no_mail_server_is_a_named_error(url: str) -> None:
    with pytest.raises(Misconfigured, match="MMS_GATEWAY_SMTP_URL must be smtp"):
        parse_smarthost(url, "MMS_GATEWAY_SMTP_URL")


# --- in ------------------------------------------------------------------------------------------------------------


class Taken:
    """Stands where the service will: keeps events, or fails as told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.events: list[tuple[str, Event]] = []
        self.failure = failure

    async def receive(self, connection: Connection, request: OperatorRequest) -> OperatorResponse:
        try:
            events = mm4.read_events(request, connection)
        except Refused as error:
            return mm4.write_event_answer((), str(error), connection)
        if self.failure is not None:
            raise self.failure
        self.events += [(connection.name, event) for event in events]
        return mm4.write_event_answer(events, "", connection)


async def told(
    taken: Taken, mail: bytes, connection: Connection, sender: str, max_bytes: int = 30_000
) -> tuple[int, str]:
    """Send a mail to a listener as another operator's server does; gives its reply."""
    mailer = SmtpClient()
    server = Mm4Server([connection], taken.receive, mailer.send, max_bytes=max_bytes)
    port = await server.start("127.0.0.1", 0)
    try:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=5) as client:
            try:
                await client.sendmail(sender, ["12345/TYPE=PLMN@mms.mnc001.mcc001.gprs"], mail)
            except aiosmtplib.SMTPRecipientsRefused as error:
                return error.recipients[0].code, error.recipients[0].message
            except aiosmtplib.SMTPResponseException as error:
                return error.code, error.message
        return 250, ""
    finally:
        await server.stop()
        await mailer.close()


SENDER = "+12065550100/TYPE=PLMN@mms.mnc002.mcc001.gprs"
FORWARD = mm4.write_submit(replace(SUBMIT, sender="12065550100", to=("12345",)), OTHER).body.replace(
    b"X-Mms-Originator-System: system@mms.mnc001.mcc001.gprs", b"X-Mms-Originator-System: mmsc@mms.mnc002.mcc001.gprs"
)


def test_a_message_is_taken_and_the_res_goes_to_the_originator_system() -> None:
    async def work() -> tuple[Taken, Peer]:
        async with standing() as peer:
            taken = Taken()
            assert (await told(taken, FORWARD, at(peer), SENDER))[0] == 250
            await asyncio.wait_for(peer.arrived.wait(), 5)
            return taken, peer

    taken, peer = run(work())
    ((name, event),) = taken.events
    ((sender, recipients, mail),) = peer.mails
    assert (name, event.kind, event.sender, event.text) == ("mm4", "inbound", "12065550100", "Grüße")
    assert (sender, recipients) == ("system@mms.mnc001.mcc001.gprs", ["mmsc@mms.mnc002.mcc001.gprs"])
    answer = mms.mm4.read_mm4(mail).message
    assert (answer.message_type, answer.get("X-Mms-Request-Status-Code")) == ("MM4_forward.RES", "Ok")
    assert answer.get("X-Mms-Transaction-ID") == "T-0001"


def test_a_res_that_nobody_takes_changes_nothing() -> None:
    taken = Taken()

    assert run(told(taken, FORWARD, replace(OTHER, url="smtp://127.0.0.1:9"), SENDER))[0] == 250
    assert len(taken.events) == 1


def test_what_could_not_be_stored_is_to_come_again() -> None:
    assert run(told(Taken(RuntimeError("the store is gone")), FORWARD, OTHER, SENDER))[0] == 451


def test_what_is_no_mm4_is_refused_for_good() -> None:
    code, text = run(told(Taken(), b"Subject: hello\r\n\r\nx\r\n", OTHER, SENDER))

    assert code == 554
    assert "not an MM4 message" in text


def test_strangers_are_refused_before_they_send_anything() -> None:
    taken = Taken()

    for networks in (("192.0.2.0/24",), ()):
        with pytest.raises(aiosmtplib.SMTPConnectResponseError, match="no connection takes mails from here"):
            run(told(taken, FORWARD, replace(OTHER, inbound_networks=networks), SENDER))
    assert taken.events == []


def test_more_sessions_than_there_is_room_for_are_told_to_come_again() -> None:
    async def work() -> tuple[list[bytes], bytes]:
        server = Mm4Server([OTHER], Taken().receive, SmtpClient().send)
        port = await server.start("127.0.0.1", 0)
        greeted = []
        writers = []
        for _ in range(66):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            greeted.append(await reader.readline())
            writers.append(writer)
        for writer in writers:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        again = await reader.readline()
        writer.close()
        await server.stop()
        return greeted, again

    greeted, again = run(work())
    assert [line[:3] for line in greeted] == 64 * [b"220"] + 2 * [b"421"]
    assert again.startswith(b"220")


def test_a_mail_over_the_cap_is_refused_by_its_size() -> None:
    taken = Taken()

    assert run(told(taken, FORWARD + 40_000 * b"x" + b"\r\n", OTHER, SENDER, 30_000))[0] == 552
    assert taken.events == []


def test_connections_of_one_network_are_told_apart_by_the_senders_domain() -> None:
    first = OTHER
    second = replace(OTHER, name="second", options={**OTHER.options, "domain": "mms.mnc003.mcc001.gprs"})
    server = Mm4Server([first, second, CONNECTIONS["mm7"]], Taken().receive, SmtpClient().send)

    def named(sender: str, address: str = "127.0.0.1") -> str:
        found = server.connection_of(address, sender)
        return found.name if found else ""

    assert named("mmsc@MMS.mnc003.mcc001.gprs") == "second"
    assert named("mmsc@mms.mnc002.mcc001.gprs") == "mm4"
    assert named("PostMaster") == "mm4"
    assert named("mmsc@mms.mnc003.mcc001.gprs", "::ffff:127.0.0.1") == "second"
    assert named("mmsc@mms.mnc003.mcc001.gprs", "10.0.0.1") == ""
    assert named("mmsc@mms.mnc003.mcc001.gprs", "") == ""
