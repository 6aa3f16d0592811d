"""The status page in a real browser: it asks for nothing but its own, shows the preview, and can be read by all.

Needs Chromium, which `.ci/run` installs; skipped without, because no package of an index carries a browser.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python import async_playwright as axe
from playwright import async_api as playwright

from tests.gateway.flow.gateway_fixture import KEY, World, world
from tests.gateway.flow.test_operators import PHONE, picture

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
if CHROMIUM is None:
    pytest.skip(
        "no Chromium here (.ci/run installs it where it may): the status page was not looked at in a browser",
        allow_module_level=True,
    )

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"]


async def looked_at(w: World, scheme: str) -> dict[str, Any]:
    """What a browser saw on the way from the list to a message."""
    asked: list[str] = []
    said: list[str] = []
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        credentials = {"username": "anybody", "password": KEY}
        context = await browser.new_context(http_credentials=credentials, color_scheme=scheme)
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(f"{w.url}/status")
        judged = [(await axe.Axe().run(page)).response]
        await page.click("td a")
        await page.wait_for_selector("iframe")
        frame = page.frames[-1]
        await frame.wait_for_selector("html[data-ready=yes]")
        judged.append((await axe.Axe().run(page)).response)
        words = await frame.inner_text("body")
        origin = await frame.evaluate("self.origin")
        await browser.close()
    faults = [fault["id"] for one in judged for fault in one["violations"]]
    passes = [len(one["passes"]) for one in judged]
    return {"asked": asked, "said": said, "words": words, "origin": origin, "faults": faults, "passes": passes}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_shows_a_message_and_asks_for_nothing_else(tmp_path: Path, scheme: str) -> None:
    async def work() -> tuple[dict[str, Any], str]:
        async with world(tmp_path) as w:
            w.customer.files["beach.jpg"] = picture()
            await w.until(await w.send(PHONE), "submitted")
            return await looked_at(w, scheme), w.url

    seen, url = asyncio.run(asyncio.wait_for(work(), 60))
    assert all(address.startswith((f"{url}/status", "data:")) for address in seen["asked"])
    assert "Hello from the flow" in seen["words"]
    assert seen["origin"] == "null"
    assert seen["said"] == []
    assert seen["faults"] == []
    assert min(seen["passes"]) >= 10
