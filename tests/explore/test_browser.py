"""The explorer in a real chromium, with real clicks and keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from radkg.graph.engine.values import run_statement
from radkg.review.sheet import read_csv
from tests.explore.conftest import find_effusion

pytestmark = pytest.mark.browser


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
    expect(page.locator("#edges .located_at").first).to_be_visible()  # the later part is there
    assert 0 < page.locator("#edges tbody tr").count() < before
    for label in page.locator("#labels input").all():
        label.uncheck()
    expect(page.locator("#status")).to_have_class("failed")


@pytest.fixture
def dated(embedded_graph, page):
    """Of the studies, which have no date, one is given one."""

    def said(change: str) -> None:
        statement = f"MATCH (s:Study {{study_id: 'CXR3'}}) {change}"
        embedded_graph.write(lambda transaction: run_statement(transaction, statement))

    said("SET s.study_date = date('2014-03-01')")
    yield
    said("REMOVE s.study_date")


def test_a_period_and_a_confidence_leave_out_what_they_say(page, dated):
    find_effusion(page)
    small = page.locator("#edges tbody tr", has_text="small").first
    expect(small).to_contain_text("5 of 5")
    page.locator("[name=since]").fill("2014-03-01")
    expect(small).to_contain_text("1 of 1")
    small.get_by_role("button").click()
    expect(page.locator(".passage a")).to_have_text("Study CXR3 (2014-03-01)")
    page.locator("[name=until]").fill("2014-02-28")
    expect(page.locator("#edges tbody tr")).to_have_count(0)
    for name in ("since", "until"):
        page.locator(f"[name={name}]").fill("")
    expect(small).to_contain_text("5 of 5")
    confidence = page.locator("[name=confidence]")
    for value, edges in (("0.95", 0), ("0.9", 1)):  # the rules are as sure of everything
        confidence.fill(value)
        confidence.press("Tab")
        expect(page.locator("#edges tbody tr", has_text="small")).to_have_count(edges)
    confidence.fill("2")
    confidence.press("Tab")
    assert not page.locator("#filters").evaluate("form => form.checkValidity()")
    expect(small).to_contain_text("5 of 5")  # what is no confidence asks nothing


def test_an_answer_that_comes_late_overwrites_nothing(page):
    find_effusion(page)
    late: list[Route] = []
    page.route("**/api/neighbourhood?*", lambda route: late.append(route))
    page.locator("input[value=modify]").uncheck()
    for relation in page.locator("#relations input").all():
        relation.uncheck()
    expect(page.locator("#status")).to_have_class("failed")
    # what co-occurs is asked for by itself; the last box leaves nothing to ask for
    assert len(late) == 2 + 1 + 1
    for route in late:
        with page.expect_response("**/api/neighbourhood?*"):
            route.continue_()
    page.wait_for_timeout(200)
    expect(page.locator("#status")).to_have_class("failed")
    expect(page.locator("#edges .modify").first).to_be_visible()
    page.unroute("**/api/neighbourhood?*")
    page.locator("input[value=located_at]").check()
    expect(page.locator("#edges .modify")).to_have_count(0)


def test_what_co_occurs_is_read_while_relations_are_still_counted(page):
    late: list[Route] = []
    related = re.compile(r"/api/neighbourhood\?.*relation=modify")
    page.route(related, lambda route: late.append(route))
    page.locator("[name=normal]").check()
    find_effusion(page, whole=False)
    expect(page.locator("#edges .co_occurs").first).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Looking for related")
    assert page.locator("#edges .modify").count() == 0
    page.locator("#edges button").first.press("Enter")
    expect(page.locator("#evidence")).to_be_focused()
    sentences = page.locator(".passage p").all_text_contents()
    with page.expect_response(related):
        late[0].continue_()
    expect(page.locator("#edges .modify").first).to_be_visible()
    expect(page.locator("#evidence")).to_be_focused()
    assert page.locator(".passage p").all_text_contents() == sentences != []


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
