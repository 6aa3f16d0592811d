"""Whole flows between a customer, the gateway, an MM7 operator and an MM4 peer, over sockets of this machine."""

from __future__ import annotations

import asyncio
import email
import json
from typing import TYPE_CHECKING, Any

import mmscontent as mms
from tests.conftest import ROOT
from tests.gateway.flow.gateway_fixture import PATIENCE_S, World, world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

PHONE = "12065550101"


def run(folder: Path, work: Callable[[World], Awaitable[None]], **changes: Any) -> None:
    async def whole() -> None:
        async with world(folder, **changes) as standing:
            await work(standing)

    asyncio.run(asyncio.wait_for(whole(), 90))


def picture() -> tuple[str, bytes]:
    return "image/jpeg", (ROOT / "fixtures" / "jpeg-480x640-exif6-gps-serial-thumbnail.jpg").read_bytes()


def test_out_over_mm7_and_the_report_back(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["beach.jpg"] = picture()
        message_id = await w.send(PHONE)
        seen = await w.until(message_id, "submitted", "delivered", "rejected")
        (submission,) = w.mmsc.submissions

        status, answer = await w.mmsc.report("Retrieved")
        again, _ = await w.mmsc.report("Retrieved")
        told = await w.customer.next_result()
        ended = await w.until(message_id, "delivered")

        assert seen["operatorMessageId"] == f"op-{submission.transaction_id}"
        assert submission.content is not None
        assert {part.media_type for part in submission.content.parts} == {"image/jpeg", "text/plain"}
        assert b"GPS" not in submission.content.parts[0].data
        assert submission.get("Subject") == "Flow"
        assert w.mmsc.authorizations == ["Basic bWU6"]
        assert (status, again) == (200, 200)
        assert answer is not None
        assert (answer.operation, answer.transaction_id) == ("DeliveryReportRsp", "OP-1")
        assert (told["messageId"], told["status"]["id"], told["to"]) == (message_id, 5, PHONE)
        assert ended["report"]["status"]["id"] == 5
        assert w.customer.got.empty()

    run(tmp_path, work)


def test_a_report_finds_its_message_however_the_operator_writes_the_number(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        for written in ("2065550101", "+1 (206) 555-0101", f"{PHONE}@mms.acme.example"):
            message_id = await w.send(PHONE)
            await w.until(message_id, "submitted")
            await w.mmsc.report("Retrieved", written)
            assert (await w.customer.next_result())["messageId"] == message_id

    run(tmp_path, work)


def test_a_size_refusal_is_fitted_smaller_once_and_remembered(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["big.jpg"] = "image/jpeg", _noise()
        w.mmsc.answers = [(2004, "Message size exceeds the limit of 100 KB")]
        first = await w.until(await w.send(PHONE), "submitted", "rejected", "undeliverable")
        second = await w.until(await w.send("12065550102"), "submitted", "rejected", "undeliverable")

        assert (first["state"], second["state"]) == ("submitted", "submitted")
        refused, fitted, remembered = w.mmsc.sizes
        assert refused > 102_400
        assert fitted <= 102_400
        assert remembered <= 102_400
        assert w.mmsc.submissions[0].transaction_id == w.mmsc.submissions[1].transaction_id
        assert w.customer.fetched == 1

    run(tmp_path, work)


def test_an_operator_that_is_busy_is_asked_again_with_the_same_transaction(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.mmsc.answers = [(4006, "Service unavailable"), (3000, "Server error")]
        await w.until(await w.send(PHONE), "submitted")

        assert len(w.mmsc.submissions) == 3
        assert len({submission.transaction_id for submission in w.mmsc.submissions}) == 1

    run(tmp_path, work)


def test_a_final_refusal_is_told_with_its_error(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.mmsc.answers = [(2003, "Address not found")]
        message_id = await w.send(PHONE)
        told = await w.customer.next_result()

        assert (told["messageId"], told["status"]["id"], told["error"]["id"]) == (message_id, 52, 15009)

    run(tmp_path, work)


def test_only_the_operator_speaks_for_its_connection(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        message_id = await w.send(PHONE)
        await w.until(message_id, "submitted")
        forged = mms.mm7.Mm7(
            "DeliveryReportReq",
            "X",
            (("MessageID", f"op-{w.mmsc.submissions[0].transaction_id}"), ("MMStatus", "Rejected")),
        )
        statuses = [(await w.mmsc.say(forged, user))[0] for user in ("", "acme:guess", "acme:", "other:theirs")]

        assert statuses == [403, 403, 403, 403]
        assert (await w.until(message_id, "submitted"))["state"] == "submitted"
        assert (await w.mmsc.say(mms.mm7.Mm7("CancelReq", "X")))[0] == 500

    run(tmp_path, work)


def deliver(text: str, transaction_id: str = "OP-9") -> mms.mm7.Mm7:
    media_type, data = picture()
    content = mms.Content((mms.Part(data, media_type, name="p.jpg"), mms.Part.of_text(text, name="t.txt")))
    fields = (
        ("Sender", mms.mm7.Address("Number", f"+{PHONE}")),
        ("Recipients", (mms.mm7.Recipient("To", mms.mm7.Address("ShortCode", "12345")),)),
        ("LinkedID", transaction_id),
        ("Subject", "From a phone"),
    )
    return mms.mm7.Mm7("DeliverReq", transaction_id, fields, content)


async def configure(w: World, **said: Any) -> None:
    path = "/resource-management/1/inbound-message-configurations"
    answer = await w.client.post(path, json={"channel": "MMS", "number": "12345", **said})
    assert answer.status_code < 300, answer.text


def test_a_phones_message_goes_by_number_and_keyword_in_three_forms_and_as_a_mail(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        def url(name: str) -> str:
            return f"{w.customer_url}/hooks/{name}"

        await configure(w, forwarding={"type": "HTTP_FORWARD", "url": url("json")})
        await configure(
            w, keyword="parts", forwarding={"type": "HTTP_FORWARD", "url": url("parts"), "format": "MULTIPART"}
        )
        await configure(w, keyword="xml", forwarding={"type": "HTTP_FORWARD", "url": url("xml"), "format": "XML"})
        await configure(w, keyword="mail", forwarding={"type": "EMAIL", "address": "ada@example.org"})

        status, answer = await w.mmsc.say(deliver("Hello", "OP-1"))
        await w.mmsc.say(deliver("Hello", "OP-1"))
        what, _, body = await w.customer.next()
        (result,) = json.loads(body)["results"]
        assert (status, what) == (200, "json")
        assert answer is not None
        assert answer.operation == "DeliverRsp"
        assert (result["from"], result["to"]) == (PHONE, "12345")
        values = [part["value"] for part in result["message"] if "value" in part]
        (link,) = [part["url"] for part in result["message"] if "url" in part]
        assert values == ["Hello"]
        assert (await w.client.get(link)).content == picture()[1]

        await w.mmsc.say(deliver("PARTS please", "OP-2"))
        what, headers, body = await w.customer.next()
        assert (what, headers["content-type"].partition(";")[0]) == ("parts", "multipart/form-data")
        assert picture()[1] in body

        await w.mmsc.say(deliver("xml", "OP-3"))
        what, headers, body = await w.customer.next()
        assert (what, headers["content-type"]) == ("xml", "application/xml")
        assert b"<from>12065550101</from>" in body

        await w.mmsc.say(deliver("mail", "OP-4"))
        await asyncio.wait_for(w.peer.arrived.wait(), PATIENCE_S)
        ((_, recipients, mail),) = w.peer.mails
        found = email.message_from_bytes(mail)
        assert (recipients, found["Subject"]) == (["ada@example.org"], "From a phone")
        assert [part.get_payload(decode=True) for part in found.walk()][2] == picture()[1]
        assert w.customer.got.empty()

    run(tmp_path, work)


def test_an_auto_response_and_a_block_list(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        await configure(
            w, keyword="info", autoResponse={"message": "Thank you for asking"}, forwarding={"type": "NO_ACTION"}
        )
        await configure(
            w,
            keyword="stop",
            blockListConfiguration={"type": "BLOCK", "level": "FROM_SENDER"},
            forwarding={"type": "NO_ACTION"},
        )
        await w.mmsc.say(deliver("Info!", "OP-1"))
        await asyncio.wait_for(w.mmsc.arrived.wait(), PATIENCE_S)
        (response,) = w.mmsc.submissions
        assert response.content is not None
        assert [part.data for part in response.content.parts] == [b"Thank you for asking"]
        (recipient,) = response.get("Recipients")  # type: ignore[misc]
        assert recipient.address.value == f"+{PHONE}"  # type: ignore[union-attr]

        await w.mmsc.say(deliver("STOP", "OP-2"))
        message = {
            "sender": "12345",
            "destinations": [{"to": PHONE}],
            "content": {"messageSegments": [{"type": "TEXT", "text": "x"}]},
        }
        answer = (await w.client.post("/mms/2/messages", json={"messages": [message]})).json()
        assert answer["messages"][0]["status"]["id"] == 14

    run(tmp_path, work)


def _noise() -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


# --- MM4 -----------------------------------------------------------------------------------------------------------

MM4_PHONE = "447700900123"


def mm4_mail(
    message_type: str, message_id: str, *fields: tuple[str, str | bool], content: mms.Content | None = None
) -> bytes:
    rows = (("X-Mms-Transaction-ID", "PEER-T"), ("X-Mms-Message-ID", message_id), ("X-Mms-Ack-Request", True))
    system = ("X-Mms-Originator-System", "mmsc@mms.mnc002.mcc001.gprs")
    sender = f"+{MM4_PHONE}/TYPE=PLMN@mms.mnc002.mcc001.gprs"
    to = ("12345/TYPE=PLMN@mms.mnc001.mcc001.gprs",)
    return mms.mm4.write_mm4(mms.mm4.Mm4(message_type, sender, to, fields=(*rows, system, *fields), content=content))


async def mails(w: World, count: int) -> list[mms.mm4.Mm4]:
    async with asyncio.timeout(PATIENCE_S):
        while len(w.peer.mails) < count:
            w.peer.arrived.clear()
            await w.peer.arrived.wait()
    return [mms.mm4.read_mm4(mail).message for _, _, mail in w.peer.mails]


def test_out_over_mm4_its_later_answer_and_the_report_back(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        message_id = await w.send(MM4_PHONE)
        seen = await w.until(message_id, "submitted")
        (forward,) = await mails(w, 1)
        named = str(forward.get("X-Mms-Message-ID"))

        await w.mail(mm4_mail("MM4_forward.RES", named, ("X-Mms-Request-Status-Code", "Ok")))
        await w.mail(mm4_mail("MM4_delivery_report.REQ", named, ("X-Mms-MM-Status-Code", "Retrieved")))
        told = await w.customer.next_result()
        *_, answer = await mails(w, 2)

        assert seen["operatorMessageId"] == named
        assert forward.message_type == "MM4_forward.REQ"
        assert w.peer.mails[0][1] == [f"+{MM4_PHONE}/TYPE=PLMN@mms.mnc002.mcc001.gprs"]
        assert (told["messageId"], told["status"]["id"]) == (message_id, 5)
        assert (answer.message_type, answer.get("X-Mms-Transaction-ID")) == ("MM4_delivery_report.RES", "PEER-T")
        assert answer.get("X-Mms-Request-Status-Code") == "Ok"

    run(tmp_path, work)


def test_a_refusal_that_comes_later_ends_the_message(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        message_id = await w.send(MM4_PHONE)
        (forward,) = await mails(w, 1)
        named = str(forward.get("X-Mms-Message-ID"))
        await w.until(message_id, "submitted")
        await w.mail(
            mm4_mail("MM4_forward.RES", named, ("X-Mms-Request-Status-Code", "Error-sending-address-unresolved"))
        )
        told = await w.customer.next_result()

        assert (told["status"]["id"], told["error"]["id"]) == (52, 15009)

    run(tmp_path, work)


def test_a_refusal_by_size_that_comes_later_is_fitted_smaller_once(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["big.jpg"] = "image/jpeg", _noise()
        message_id = await w.send(MM4_PHONE)
        (forward,) = await mails(w, 1)
        named = str(forward.get("X-Mms-Message-ID"))
        await w.until(message_id, "submitted")
        refusal = ("X-Mms-Request-Status-Code", "Error-content-not-accepted")
        await w.mail(mm4_mail("MM4_forward.RES", named, refusal, ("X-Mms-Status-Text", "size over 100 KB")))
        first, second = await mails(w, 2)
        await w.until(message_id, "submitted")
        await w.mail(mm4_mail("MM4_forward.RES", named, refusal, ("X-Mms-Status-Text", "size over 100 KB")))
        told = await w.customer.next_result()

        sizes = [len(mail) for _, _, mail in w.peer.mails]
        assert sizes[0] > 102_400 >= sizes[1]
        assert first.get("X-Mms-Transaction-ID") == second.get("X-Mms-Transaction-ID")
        assert told["error"]["id"] == 15026

    run(tmp_path, work)


def test_a_refusal_that_may_pass_is_put_off_and_not_final(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        message_id = await w.send(MM4_PHONE)
        (forward,) = await mails(w, 1)
        named = str(forward.get("X-Mms-Message-ID"))
        await w.until(message_id, "submitted")
        await w.mail(mm4_mail("MM4_forward.RES", named, ("X-Mms-Request-Status-Code", "Error-network-problem")))
        seen = await w.until(message_id, "ready", "rejected")

        assert seen["state"] == "ready"
        assert w.customer.got.empty()

    run(tmp_path, work)


def test_another_operators_message_reaches_the_customer_and_is_answered(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        await configure(w, forwarding={"type": "HTTP_FORWARD", "url": f"{w.customer_url}/hooks/mo"})
        media_type, data = picture()
        content = mms.Content((mms.Part(data, media_type, name="p.jpg"), mms.Part.of_text("Grüße", name="t.txt")))
        for _ in range(2):  # a RES that got lost is asked for again, with the same message
            await w.mail(mm4_mail("MM4_forward.REQ", "in-1@mms.mnc002.mcc001.gprs", content=content))
        result = await w.customer.next_result()
        answers = await mails(w, 2)

        assert (result["from"], result["to"]) == (MM4_PHONE, "12345")
        assert [part["value"] for part in result["message"] if "value" in part] == ["Grüße"]
        assert [answer.message_type for answer in answers] == ["MM4_forward.RES", "MM4_forward.RES"]
        assert w.customer.got.empty()

    run(tmp_path, work)


# --- an aggregator -------------------------------------------------------------------------------------------------

FRENCH = "33612345678"


def test_out_to_an_aggregator_with_uploads_and_its_reports_back(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["beach.jpg"] = picture()
        w.aggregator.upload_statuses = [503]
        message_id = await w.send(FRENCH)
        await w.until(message_id, "submitted", "rejected")
        (message,) = w.aggregator.messages
        ((headers, data),) = w.aggregator.uploads
        (to,) = message["destinations"]
        segments = {segment["type"]: segment for segment in message["content"]["messageSegments"]}
        report = {"messageId": to["messageId"], "to": FRENCH, "status": {"groupId": 3, "id": 5}, "error": {"id": 0}}
        status = await w.aggregator.say(report)
        told = await w.customer.next_result()

        assert headers["authorization"] == "App our-key"
        assert headers["x-media-type"] == "image/jpeg"
        assert data.startswith(b"\xff\xd8")
        assert segments["UPLOADED_REFERENCE"]["uploadedContentId"] == "UP1"
        assert segments["TEXT"]["text"] == "Hello from the flow"
        assert segments["UPLOADED_REFERENCE"]["contentId"] in segments["SMIL"]["smil"]
        assert "webhooks" not in message
        assert (status, told["messageId"], told["status"]["id"]) == (200, message_id, 5)

        await w.until(await w.send("33612345679"), "submitted")
        assert len(w.aggregator.uploads) == 1

    run(tmp_path, work)


def test_an_upload_that_is_too_large_there_is_fitted_smaller(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["big.jpg"] = "image/jpeg", _noise()
        w.aggregator.upload_statuses = [413]
        seen = await w.until(await w.send(FRENCH), "submitted", "rejected")

        assert seen["state"] == "submitted"
        assert len(w.aggregator.uploads) == 1

    run(tmp_path, work)


def test_an_aggregators_media_are_fetched_under_the_policy(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        await configure(w, forwarding={"type": "HTTP_FORWARD", "url": f"{w.customer_url}/hooks/mo"})
        w.customer.files["mo.jpg"] = picture()
        parts = [
            {"contentType": "text/plain", "value": "Look"},
            {"contentType": "image/jpeg", "url": f"{w.customer_url}/files/mo.jpg"},
            {"contentType": "image/jpeg", "url": "http://10.0.0.1/inside.jpg"},
        ]
        row = {"from": FRENCH, "to": "12345", "messageId": "MO-1", "message": parts}
        first, again = await w.aggregator.say(row), await w.aggregator.say(row)
        result = await w.customer.next_result()
        text, picture_part, left_out = result["message"]

        assert (first, again) == (200, 200)
        assert text["value"] == "Look"
        assert (await w.client.get(picture_part["url"])).content == picture()[1]
        assert "10.0.0.1, which is not a public address" in left_out["value"]
        assert w.customer.got.empty()

    run(tmp_path, work)


# --- strangers' URLs -----------------------------------------------------------------------------------------------


def test_no_link_and_no_webhook_leads_inside_when_no_network_is_opened(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["beach.jpg"] = picture()
        inward = [f"{w.customer_url}/files/beach.jpg", "http://2130706433/x.jpg", "http://[::ffff:127.0.0.1]/x.jpg"]
        ids = []
        for url in inward:
            segments = [{"type": "LINK", "contentUrl": url, "contentType": "image/jpeg"}]
            hook = {"delivery": {"url": f"{w.customer_url}/hooks/reports"}}
            message = {"sender": "12345", "destinations": [{"to": PHONE}], "content": {"messageSegments": segments}}
            answer = await w.client.post("/mms/2/messages", json={"messages": [{**message, "webhooks": hook}]})
            ids.append(answer.json()["messages"][0]["messageId"])
        seen = [await w.until(message_id, "rejected") for message_id in ids]

        assert [row["report"]["error"]["id"] for row in seen] == [15024, 15024, 15024]
        assert w.mmsc.submissions == []
        await asyncio.sleep(1)  # long enough for a webhook and its first repeat
        assert (w.customer.fetched, w.customer.got.empty()) == (0, True)

    run(tmp_path, work, networks="")


# --- looked at -----------------------------------------------------------------------------------------------------


def test_the_status_page_shows_it_behind_the_key(tmp_path: Path) -> None:
    async def work(w: World) -> None:
        w.customer.files["beach.jpg"] = picture()
        message_id = await w.send(PHONE)
        await w.until(message_id, "submitted")
        auth = ("anybody", w.client.headers["Authorization"].removeprefix("App "))
        strange = await w.client.get("/status", headers={"Authorization": ""})
        listed = await w.client.get("/status", auth=auth)
        one = await w.client.get("/status/message", params={"id": message_id}, auth=auth)
        preview = await w.client.get("/status/preview", params={"id": message_id}, auth=auth)
        missing = await w.client.get("/status/message", params={"id": "nobody's"}, auth=auth)

        assert (strange.status_code, strange.headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")
        assert message_id not in strange.text
        assert message_id in listed.text
        assert "submitted" in one.text
        assert "Ledger" in one.text
        assert preview.headers["x-frame-options"] == "SAMEORIGIN"
        assert preview.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
        assert "Hello from the flow" in preview.text
        assert missing.status_code == 404
        assert "default-src 'none'" in listed.headers["content-security-policy"]

    run(tmp_path, work)
