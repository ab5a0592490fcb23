"""The explorer over a published run with invented, partly hostile reports, on either engine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page, expect, sync_playwright

from radkg.explore.app import make_app
from radkg.explore.guard import make_address
from radkg.explore.server import listen, make_server_config, read_loaded_snapshot
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.graph import Graph
from radkg.graph.load.drafts import load_drafts
from radkg.graph.load.loader import load
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.schema.drafts import Claim
from radkg.storage import open_storage
from tests.page.conftest import chromium
from tests.review.conftest import NASTY, published
from tests.support.graph.servers import clear_graph
from tests.support.runs.drafts import publish_drafts, write_draft
from tests.support.runs.extracting import rows_of

__all__ = ["chromium", "explorer", "open_explorer", "published"]

TOKEN = "only-for-tests"

expect.set_options(timeout=60_000)  # of a loaded machine


class OpenExplorer(Protocol):
    """Loads the run alone into a graph, and gives the application over it."""

    def __call__(self, graph: Graph, images: Path | None = None) -> FastAPI: ...


@pytest.fixture
def review(tmp_path: Path) -> Path:
    return tmp_path / "review.csv"


@pytest.fixture
def drafts(published: Path, tmp_path: Path) -> Snapshot:
    """Drafts of CXR1, whose image is not at hand, and of CXR6, with a hostile text."""
    rows = {row.study_id: row for row in rows_of(str(published))}
    box = (0.5, 0.25, 0.875, 0.75)
    told = [
        ("Large right effusion.", [Claim("effusion", "present", "pleura", "right", "large", 0.75)]),
        (
            "No pneumothorax, no mass.",
            [
                Claim("pneumothorax", "absent", confidence=0.9, image_id="CXR1_IM-1", box=box),
                Claim("mass", "absent", confidence=0.5),
            ],
        ),
    ]
    hostile = (NASTY, [Claim(NASTY[:40], "uncertain", image_id="CXR6_IM-1", box=box)])
    unverified = {"status": "unverified", "reason": NASTY, "dropped": 2}
    made = [write_draft(rows["CXR1"], *told), write_draft(rows["CXR6"], hostile, **unverified)]
    return publish_drafts(tmp_path / "drafts", made)


@pytest.fixture
def open_explorer(published: Path, drafts: Snapshot, review: Path) -> OpenExplorer:
    def opened(graph: Graph, images: Path | None = None) -> FastAPI:
        storage = open_storage(str(published))
        clear_graph(graph)
        snapshot = read_snapshot(storage)
        load(graph, snapshot)
        load_drafts(graph, drafts, snapshot)
        reader = SnapshotReader(read_loaded_snapshot(graph, storage), images=images and str(images))
        return make_app(graph, reader, Verdicts(review), TOKEN)

    return opened


@pytest.fixture
def explorer(graph: Graph, open_explorer: OpenExplorer) -> FastAPI:
    return open_explorer(graph)


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an explorer that is served."""
    server = uvicorn.Server(make_server_config(app))
    with listen(0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield make_address(listening.getsockname()[1], TOKEN)
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def opened_page(chromium: str, home: str) -> Iterator[Page]:
    """The page as an address opens it; what it says in the console fails the test."""
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page()
        opened.set_default_timeout(60_000)
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.goto(home)
        settle(opened)
        yield opened
        browser.close()
    assert said == []


@pytest.fixture
def page(chromium: str, embedded_graph: Graph, open_explorer: OpenExplorer) -> Iterator[Page]:
    """The page over the embedded engine."""
    with served(open_explorer(embedded_graph)) as home, opened_page(chromium, home) as opened:
        yield opened


def settle(page: Page) -> None:
    """Wait until the view that the address names is there."""
    expect(page.locator("#main > section:not([aria-busy]) h1, #study-title")).not_to_have_count(0)


def go(page: Page, address: str) -> None:
    """Open what stands behind the # of an address, and wait for it."""
    page.goto(f"{page.url.partition('#')[0]}#{address}")
    settle(page)


def find_effusion(page: Page) -> None:
    """With the keyboard alone: search, choose, arrive at the concept."""
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("effus")
    expect(page.locator("#search .options li").first).to_contain_text("effusion")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("effusion")
    expect(page.locator("h1")).to_be_focused()
