"""WCAG AA of the explorer in a real chromium: contrast of all text, names and keys of all controls.

The drawing is a canvas: its words have the colours --ink on --paper, which are measured in the
charts that hold the same numbers.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.explore.conftest import go
from tests.explore.courses import check_barriers
from tests.support.pages.barriers import find_barriers

pytestmark = pytest.mark.browser

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()

# What a person can use, with the name that a screen reader gives it.
CONTROLS = """() => [...(document.querySelector("dialog[open]") ?? document).querySelectorAll(
  "a[href], button, input, select, summary, [tabindex='0']"
)].filter(node => node.checkVisibility()).map((node, i) => {
  node.dataset.control ??= `${i}`;
  const labelled = (node.getAttribute("aria-labelledby") ?? "").split(" ")
    .map(id => document.getElementById(id)?.textContent ?? "").join(" ");
  const name = node.getAttribute("aria-label") ?? ([...node.labels ?? []]
    .map(label => label.textContent).join(" ") || labelled.trim() || node.textContent);
  return [node.dataset.control, name.trim(), node.outerHTML.slice(0, 80)];
})"""
FOCUSED = "() => document.activeElement.dataset.control ?? null"


def views(page: Page):
    """Bring the page into one view after the other."""
    yield "today"
    page.locator("#text").fill("a")
    expect(page.locator("#search .options li").nth(1)).to_be_visible()
    yield "suggestions"
    page.keyboard.press("Escape")
    page.locator("#text").fill("")
    page.locator("#help").click()
    yield "keys"
    page.keyboard.press("Escape")
    go(page, "/cohort?finding=effusion:present:side=left&confidence=0.5")
    page.locator(".learn summary").click()
    yield "cohort"
    page.get_by_label("What a report says of effusion").select_option("unmentioned")
    page.locator("#add").fill("opacity")
    page.locator("#add").press("Enter")
    expect(page.locator(".chips li")).to_have_count(3)  # confidence is one
    expect(page.locator(".result[aria-busy]")).to_have_count(0)
    yield "small cohort"
    go(page, "/concept")
    yield "concepts"
    go(page, "/concept/effusion")
    page.get_by_role("button", name="Draw its neighbours").click()
    expect(page.locator(".canvas canvas").first).to_be_visible()
    yield "concept"
    page.get_by_role("button", name="Sentences: small effusion").click()
    expect(page.locator(".passage").first).to_be_visible()
    yield "sentences"
    page.keyboard.press("Escape")
    page.goto(page.url.partition("#")[0] + "#/neither/this")
    expect(page.locator("h1")).to_have_text("This cannot be shown")
    yield "refused"
    page.goto(page.url.partition("#")[0] + "#/study/CXR1")
    page.locator("[data-triplet='1'] [data-verdict=accept]").click()
    expect(page.locator("[aria-pressed=true]")).to_have_count(1)
    expect(page.locator(".badge.verified")).to_be_visible()
    yield "study"
    page.goto(page.url.partition("#")[0] + "#/study/CXR6")
    expect(page.locator(".badge.unverified")).to_be_visible()
    yield "unverified draft"
    for question in ("prevalence?finding=effusion", "certainty_mix", "prevalence_by_view"):
        page.goto(f"{page.url.partition('#')[0]}#/ask/{question}")
        expect(page.locator("#answer-of code").first).to_contain_text(question.partition("?")[0])
        page.locator("#answer-of summary").first.click()
        yield question


def test_all_text_stands_out_from_its_ground_in_light_and_dark(page):
    failing, measured = {}, 0
    for view in views(page):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate(CONTRAST)
            measured += found["measured"]
            failing |= {(view, scheme, what): said for what, *said in found["failing"]}
    assert failing == {}
    assert measured > 200


def test_axe_finds_nothing_serious(page):
    for address in ("/today", "/cohort?finding=effusion", "/concept/effusion"):
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        go(page, address)
        page.locator("main details").evaluate_all("all => all.forEach(each => each.open = true)")
        check_barriers(page)
    page.locator("h1").evaluate("title => { title.style.color = '#444'; }")
    assert find_barriers(page, "color-contrast") == ["color-contrast"]  # what was just broken


def test_too_little_contrast_is_noticed(page):
    for colour, is_enough in (("#767676", True), ("#777777", False)):  # on white: 4.54, 4.48
        style = f"background: white; color: {colour}; opacity: 1"
        page.locator("h1").evaluate(
            "(title, css) => { title.style = css; }", f"{style}; font-size: 1rem"
        )
        said = [what for what, *_ in page.evaluate(CONTRAST)["failing"]]
        assert any(what.startswith("H1") for what in said) != is_enough


def test_every_control_has_a_name_and_is_reached_by_tab(page):
    for view in views(page):
        controls = page.evaluate(CONTROLS)
        assert [html for _, name, html in controls if not name] == [], view
        missing = {control for control, *_ in controls}
        page.evaluate("document.activeElement.blur()")
        for _ in range(4 * len(controls) + 20):  # a date has a stop for day, month and year
            page.keyboard.press("Tab")
            missing.discard(page.evaluate(FOCUSED))
            if not missing:
                break
        assert [html for control, _, html in controls if control in missing] == [], view
