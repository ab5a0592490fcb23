"""The page to try the service, in a real chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from radkg.service.app import make_app
from radkg.service.server import listen
from radkg.service.settings import ServiceConfig
from tests.page.conftest import chromium

__all__ = ["chromium"]

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-the-tests"
HOSTILE = "<img src=x onerror=alert(1)> \U0001f600 Small left effusion. No pneumothorax."


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    app = make_app(ServiceConfig(extractor="rules"), TOKEN)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


def test_a_report_is_read_on_the_page(chromium: str, home: str):
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(home)
        expect(page.locator(".research").first).to_have_text("Research, not for diagnosis")
        expect(page.locator("#status")).to_contain_text("401: send the token")
        page.locator("#token").fill(TOKEN)
        page.locator("#token").press("Tab")
        expect(page.locator("#about")).to_contain_text("extractor rules, model ")
        expect(page.locator("#of-images")).to_be_hidden()
        page.locator("#report").fill(HOSTILE)
        page.get_by_role("button", name="Extract").click()
        expect(page.locator("mark.obs-da")).to_have_text("pneumothorax")  # offsets are characters
        expect(page.locator("#answer .read")).to_have_text(HOSTILE)
        expect(page.locator("#answer tbody tr").first).to_contain_text("effusion")
        page.locator("#form").select_option("FHIR R4")
        page.get_by_role("button", name="Extract").click()
        expect(page.locator("#answer pre")).to_contain_text('"resourceType": "Bundle"')
        browser.close()
    assert said == []
