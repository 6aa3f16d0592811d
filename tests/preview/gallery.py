"""Pictures of the page for the documentation: `python -m tests.preview.gallery` writes docs/preview/*.jpg.

Needs Chromium and playwright, as test_browser.py does.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from mmscontent.compose import compose
from mmscontent.preview import filmstrip, preview
from mmscontent.profiles import load_profile
from tests.conftest import ROOT
from tests.preview.messages import MESSAGES
from tests.preview.test_browser import CHROMIUM, FLAGS

FOLDER = ROOT / "docs" / "preview"
MOST_BYTES = 150_000
# Which of the two colour schemes, and where in time each is looked at, ms.
LOOKS = {
    "postcard": ("light", 0),
    "right-to-left": ("light", 0),
    "cjk": ("dark", 0),
    "gif": ("light", 800),
    "video-and-sound": ("dark", 1500),
    "vcard": ("light", 0),
}


def main() -> None:
    """Compose, preview, look and keep."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    profile = load_profile(carrier="us/t-mobile", route="long_code", device="apple/iphone", max_message_bytes=600_000)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in sys.argv[1:] or MESSAGES:
            message = MESSAGES[name]()
            composed = compose(message, profile)
            page_file = Path(folder) / f"{name}.html"
            page_file.write_text(preview(composed, original=message), encoding="utf-8")
            scheme, at = LOOKS[name]
            page = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme=scheme)
            page.goto(page_file.as_uri())
            page.wait_for_selector("html[data-ready]")
            page.locator("#scrub").fill(str(at))
            page.locator("#scrub").blur()
            page.wait_for_timeout(800)
            _keep(name, page.screenshot(full_page=True))
            (FOLDER / f"{name}-film.png").write_bytes(_small_png(filmstrip(composed)))
        browser.close()


def _keep(name: str, shot: bytes) -> None:
    with Image.open(io.BytesIO(shot)) as opened:
        picture = opened.convert("RGB")
    for quality in (88, 82, 76, 70, 60, 50):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= MOST_BYTES:
            break
    (FOLDER / f"{name}.jpg").write_bytes(out.getvalue())


def _small_png(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        out = io.BytesIO()
        opened.convert("RGB").quantize(96).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
