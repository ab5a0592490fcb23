"""The explorer in a real chromium, with real clicks and keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from radkg.review.sheet import read_csv
from tests.explore.conftest import find_effusion, go, settle
from tests.review.conftest import NASTY

pytestmark = pytest.mark.browser


def test_from_a_search_to_the_sentence_and_a_verdict_by_keys(page, review):
    find_effusion(page)
    assert "token" not in page.url
    assert page.title() == "effusion - radkg"
    button = page.get_by_role("button", name="Sentences: small effusion")
    button.press("Enter")
    expect(page.locator(".passage p").first).to_have_text("Small left effusion")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.locator(".passage a").first.press("Enter")
    accept = page.locator("[data-triplet='1'] [data-verdict=accept]")
    accept.focus()
    expect(page.locator("mark.on")).to_have_count(2)
    page.keyboard.press("a")
    expect(accept).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status")).to_contain_text("1: accept")
    (row,) = read_csv(review.read_text("utf-8-sig"), "review")
    assert (row.verdict, row.key[2]) == ("accept", 1)
    page.go_back()
    expect(page.locator("h1")).to_have_text("effusion")


def test_a_number_of_the_first_page_leads_to_the_studies_that_it_counts(page):
    expect(page.locator("nav [aria-current]")).to_have_text("Today")
    row = page.locator(".findings tr", has_text="effusion")
    expect(row.locator("td.number").nth(1)).to_have_text("0")  # not sure
    row.get_by_role("link", name="5").click()
    expect(page.locator(".count")).to_have_text("5 studies")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator(".result tbody tr")).to_have_count(5)
    assert page.locator(".result tbody a").first.get_attribute("href") == "#/patient/CXR1"


def test_a_cohort_is_counted_while_one_picks_and_has_an_address(page):
    go(page, "/cohort")
    expect(page.locator(".count")).to_have_text("6 studies")
    page.locator("#add").fill("hydrothorax")  # the readers call an effusion so
    expect(page.locator(".filters .options li").first).to_contain_text("effusion")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("5 studies")
    page.get_by_label("What a report says of effusion").select_option("without")
    expect(page.locator(".count")).to_have_text("1 study")
    assert page.url.endswith("#/cohort?finding=effusion%3Awithout")
    shared = page.url
    page.locator(".learn summary").click()
    expect(page.locator("pre").first).to_have_text(
        "radkg cohort --out RUN --finding effusion:without"
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Studies as CSV").click()
    assert "CXR6" in download.value.path().read_text()
    page.get_by_label("Name of the cohort").fill(NASTY)
    page.get_by_label("Name of the cohort").press("Enter")
    expect(page.locator(".saved a")).to_have_text(NASTY)
    page.get_by_role("link", name="Without the criterion: no effusion").click()
    expect(page.locator(".count")).to_have_text("6 studies")
    expect(page.locator(".findings-picked li")).to_have_count(0)
    page.goto(shared)
    expect(page.locator(".count")).to_have_text("1 study")
    page.reload()
    expect(page.get_by_label("What a report says of effusion")).to_have_value("without")
    page.get_by_role("button", name="Forget").click()
    expect(page.locator(".saved a")).to_have_count(0)
    page.get_by_role("button", name="Remove effusion").press("Enter")
    expect(page.locator("#add")).to_be_focused()
    page.locator("[type=range]").fill("0.95")  # the rules are not so sure of anything
    page.locator("#add").fill("effusion")
    page.locator("#add").press("Enter")
    expect(page.locator(".count")).to_have_text("0 studies")
    expect(page.locator(".result > .status")).to_contain_text("No study is like this")


def test_an_answer_that_comes_late_overwrites_nothing(page):
    go(page, "/cohort?finding=effusion")
    states = page.get_by_label("What a report says of effusion")
    late: list[Route] = []
    page.route("**/api/population/cohort?*without*", lambda route: late.append(route))
    states.select_option("without")
    states.select_option("mentioned")
    expect(page.locator(".chips li")).to_contain_text("mentioned")
    (route,) = late
    with page.expect_response("**/api/population/cohort?*without*"):
        route.continue_()
    page.wait_for_timeout(200)
    expect(page.locator(".count")).to_have_text("5 studies")
    assert "mentioned" in page.url


def test_neighbours_are_drawn_when_asked(page):
    go(page, "/concept/observation%3Aeffusion")  # an address of before
    page.get_by_role("button", name="Draw its neighbours").click()
    expect(page.locator(".canvas canvas").first).to_be_visible()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator(".canvas canvas").first).to_be_visible()


def test_keys_and_the_choice_of_dark(page):
    page.keyboard.press("2")
    expect(page.locator("nav [aria-current]")).to_have_text("Cohort")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.locator("#shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.keyboard.press("/")
    expect(page.locator("nav [aria-current]")).to_have_text("Cohort")
    expect(page.locator("#text")).not_to_be_focused()
    assert not is_dark(page)
    page.emulate_media(color_scheme="dark")
    assert is_dark(page)
    page.get_by_role("button", name="Dark").click()
    assert not is_dark(page)
    page.reload()
    settle(page)
    assert not is_dark(page)
    page.get_by_role("button", name="Dark").click()
    page.emulate_media(color_scheme="light")  # what the system says is not remembered
    assert not is_dark(page)


def is_dark(page) -> bool:
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", ground))) < 3 * 128


def test_a_question_is_answered_with_its_bars(page):
    page.get_by_role("link", name="Ask").click()
    page.get_by_role("link", name="What is found most often?").click()
    expect(page.locator("#answer")).to_be_visible()
    widths = page.locator(".bars .bar").evaluate_all("bars => bars.map(bar => bar.offsetWidth)")
    assert min(widths) > 0


def test_nothing_hostile_runs(page):
    go(page, "/study/CXR6")
    expect(page.locator("article")).to_contain_text("document.title='run'")
    assert "run" not in page.title()
    assert page.locator("#main img").count() == 0
    go(page, "/%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D'run'%3E")
    expect(page.locator("h1")).to_have_text("This cannot be shown")
    assert page.title() == "Not shown - radkg"
    assert page.locator("#main img").count() == 0
    go(page, "/concept/%E0%A4%A")  # no address at all
    expect(page.locator("h1")).to_have_text("This cannot be shown")


def test_a_narrow_page_needs_no_sideways_scrolling(page):
    page.set_viewport_size({"width": 360, "height": 780})
    for address in ("/today", "/cohort?finding=effusion", "/concept/effusion"):
        go(page, address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
    expect(page.locator("header nav")).not_to_be_visible()
    page.locator("#menu summary").click()
    page.get_by_role("link", name="Concepts").click()
    expect(page.locator("h1")).to_have_text("Concepts")
    expect(page.locator("header nav")).not_to_be_visible()
