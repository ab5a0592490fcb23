"""The pages as a site: built without a warning, searched from disk, with nothing fetched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.page.conftest import chromium
from tests.support.pages.blocks import ROOT

__all__ = ["chromium"]


@pytest.mark.long
@pytest.mark.browser
def test_the_site_is_searched_from_disk_and_fetches_nothing(chromium: str, tmp_path: Path) -> None:
    mkdocs = [str(Path(sys.executable).parent / "mkdocs"), "build", "--strict"]
    done = subprocess.run(
        [*mkdocs, "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    fetched: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.on("request", lambda request: fetched.append(request.url))
        page.goto((tmp_path / "site" / "index.html").as_uri())
        page.locator("[data-md-component=search-query]").press_sequentially("retraction")
        found = page.locator(".md-search-result__article h1", has_text="Privacy").first
        expect(found).to_be_attached(timeout=120_000)
        page.goto((tmp_path / "site" / "guides" / "privacy.html").as_uri())
        expect(page.locator("h1")).to_contain_text("Privacy")
        browser.close()
    assert fetched
    assert all(url.startswith(("file:", "data:", "blob:", "about:")) for url in fetched)
