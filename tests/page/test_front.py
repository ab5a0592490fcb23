"""The front page in a real browser: its height, its questions by key, its barriers by axe-core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from radkg.graph.ask.queries import list_queries
from radkg.page import Figure, write_page
from tests.page.invented import answer_to, crowded
from tests.support.pages.barriers import find_barriers

pytestmark = pytest.mark.browser

PHONE = 360
DESK = {"width": 1280, "height": 860}
MOST_HEIGHT = 4000  # px, on a desk, before anything is opened


def front_page(num_rows: int) -> str:
    """A page of all named queries, each with rows, and of ten figures."""
    figure = Figure(
        "A figure of a population", "12.3\u00a0%", "11.1 to 13.5\u00a0%, as read by people"
    )
    return write_page(
        "Chest X-ray reports of an archive",
        about="1,000 studies of 900 patients. " * 6,
        figures=[figure] * 10,
        note="What qualifies these figures, in a sentence. " * 3,
        summary={"read by": "small", "snapshot": "0123456789abcdef" * 4},
        answers=[answer_to(query, num_rows) for query in list_queries()],
        studies=[crowded("s1")],
    )


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


Open = Callable[..., Page]


@pytest.fixture
def open_front(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open the front page, with its script or without, for it is read without."""
    pages: list[Page] = []

    def opened(*, num_rows: int = 20, has_script: bool = False) -> Page:
        (tmp_path / "page.html").write_text(front_page(num_rows), encoding="utf-8")
        pages.append(browser.new_page(viewport=DESK, java_script_enabled=has_script))
        pages[-1].goto((tmp_path / "page.html").as_uri())
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


def measure(page: Page, of: str) -> int:
    return int(page.evaluate(f"document.documentElement.{of}"))


@pytest.mark.parametrize("has_script", [False, True])
def test_a_closed_page_is_short_and_as_wide_as_a_phone(open_front: Open, has_script: bool) -> None:
    page = open_front(has_script=has_script)
    assert page.locator("details[open]").count() == 0
    assert 2000 < measure(page, "scrollHeight") < MOST_HEIGHT
    page.set_viewport_size({"width": PHONE, "height": 800})
    assert measure(page, "scrollWidth") == PHONE


def test_a_question_opens_by_key_without_a_script(open_front: Open) -> None:
    question = open_front().locator("#query-severity")
    question.locator("summary").first.focus()
    for is_open in (True, False):
        question.page.keyboard.press("Enter")
        assert question.locator(".bars").is_visible() == is_open
    assert question.locator("summary h3").text_content() == "How severe is effusion?"


def test_axe_finds_nothing_serious(open_front: Open) -> None:
    page = open_front(num_rows=2, has_script=True)
    every = page.get_by_role("button", name="Open all")
    every.click()
    assert page.locator("details:not([open])").count() == 0
    page.locator("g.arc").first.wait_for(state="attached")
    assert find_barriers(page) == []
    page.emulate_media(color_scheme="dark")
    assert find_barriers(page, "color-contrast") == []
    every.click()
    assert page.locator("details[open]").count() == 0
    page.set_viewport_size({"width": PHONE, "height": 800})
    page.locator("h1").evaluate("title => { title.style.color = '#444'; }")
    assert find_barriers(page) == ["color-contrast"]  # only what was just broken
