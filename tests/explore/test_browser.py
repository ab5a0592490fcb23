"""The explorer in a real chromium, with real clicks and keys."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Page, Route, expect, sync_playwright

from radkg.explore.guard import address
from radkg.explore.server import listen
from radkg.review.sheet import read_csv
from tests.explore.conftest import TOKEN

pytestmark = pytest.mark.browser

expect.set_options(timeout=60_000)  # of a loaded machine


@pytest.fixture
def home(embedded_graph, open_explorer) -> Iterator[str]:
    """The address of an explorer that is served."""
    server = uvicorn.Server(uvicorn.Config(open_explorer(embedded_graph), log_level="warning"))
    with listen(0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield address(listening.getsockname()[1], TOKEN)
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(chromium: str, home: str) -> Iterator[Page]:
    """The page as the printed address opens it; what it says in the console fails the test."""
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
        expect(opened.locator("#labels input")).to_have_count(4)
        yield opened
        browser.close()
    assert said == []


def find_effusion(page: Page) -> None:
    """With the keyboard alone: search, choose, arrive at the edges."""
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("effus")
    expect(page.locator("#options li").first).to_contain_text("effusion")
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("effusion (observation)")


def test_from_a_search_to_the_sentence_and_a_verdict_by_keys(page, review):
    find_effusion(page)
    assert "token" not in page.url
    expect(page.locator("#canvas canvas").first).to_be_visible()
    page.get_by_role("button", name="Read: small modify effusion").press("Enter")
    expect(page.locator("#evidence")).to_be_focused()
    expect(page.locator(".passage p").first).to_have_text("Small left effusion")
    page.locator(".passage a").first.press("Enter")
    expect(page.locator("#study-title")).to_be_focused()
    accept = page.locator("[data-triplet='1'] [data-verdict=accept]")
    accept.focus()
    expect(page.locator("#study mark.on")).to_have_count(2)
    page.keyboard.press("a")
    expect(accept).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status")).to_contain_text("Triplet 1: accept")
    (row,) = read_csv(review.read_text("utf-8-sig"), "review")
    assert (row.verdict, row.key[2]) == ("accept", 1)
    page.get_by_role("button", name="Back").click()
    expect(page.locator("#edges")).to_be_visible()


def test_filters_take_edges_away_and_say_so(page):
    find_effusion(page)
    before = page.locator("#edges tbody tr").count()
    page.locator("input[value=modify]").uncheck()
    expect(page.locator("#edges .modify")).to_have_count(0)
    assert 0 < page.locator("#edges tbody tr").count() < before
    for label in page.locator("#labels input").all():
        label.uncheck()
    expect(page.locator("#status")).to_have_class("failed")


def test_an_answer_that_comes_late_overwrites_nothing(page):
    find_effusion(page)
    late: list[Route] = []
    page.route("**/api/neighbourhood?*", lambda route: late.append(route))
    page.locator("input[value=modify]").uncheck()
    for relation in page.locator("#relations input").all():
        relation.uncheck()
    expect(page.locator("#status")).to_have_class("failed")
    assert len(late) == 3  # none of the three boxes but the last leaves nothing to ask for
    for route in late:
        with page.expect_response("**/api/neighbourhood?*"):
            route.continue_()
    page.wait_for_timeout(200)
    expect(page.locator("#status")).to_have_class("failed")
    expect(page.locator("#edges .modify").first).to_be_visible()
    page.unroute("**/api/neighbourhood?*")
    page.locator("input[value=located_at]").check()
    expect(page.locator("#edges .modify")).to_have_count(0)


def test_a_question_is_answered_with_its_bars(page):
    page.get_by_role("link", name="Questions").click()
    page.locator("#question").select_option("top_findings")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#answer")).to_be_visible()
    widths = page.locator(".bars .bar").evaluate_all("bars => bars.map(bar => bar.offsetWidth)")
    assert min(widths) > 0


def test_nothing_hostile_runs_and_a_wrong_study_is_told(page):
    page.goto(re.sub(r"/\?.*|/#.*|/$", "", page.url) + "/#/study/CXR6")
    expect(page.locator("#study article")).to_contain_text("document.title='run'")
    assert page.title() == "radkg explore"
    assert page.locator("#study img").count() == 0


def test_a_narrow_dark_page_needs_no_sideways_scrolling(page):
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 780})
    find_effusion(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", ground))) < 3 * 128
