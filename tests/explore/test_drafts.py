"""Drafts beside the report: their sentences, what these claim, and where the image shows it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect

from radkg.explore.drafts import RESEARCH, read_drafts_of
from radkg.graph.load.drafts import load_drafts
from radkg.graph.verify.drafts import verify_drafts
from radkg.run.snapshot import read_snapshot
from radkg.schema.drafts import Claim
from radkg.storage import open_storage
from tests.explore.conftest import TOKEN, opened_page, served
from tests.explore.test_images import IMAGE, write
from tests.page.reading import read_html
from tests.support.runs.drafts import publish_drafts, write_draft
from tests.support.runs.extracting import rows_of


def open_study(app, study_id):
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        client.get("/", params={"token": TOKEN})
        return read_html(client.get("/api/study", params={"study_id": study_id}).text)


def test_each_sentence_shows_its_claims_and_what_the_report_says(explorer):
    (draft,) = open_study(explorer, "CXR1").all("section", "draft")
    assert draft.all("p", "research")[0].text == RESEARCH == "Research, not for diagnosis"
    assert draft.all("span", "badge")[0].text == "verified"
    first, second = (li for li in draft.all("ol", "sentences")[0].children if li.tag == "li")
    assert first.all("p")[0].text == "Large right effusion. retrieved"
    (claim,) = first.all("ul", "claims")[0].all("li")
    said = " ".join(claim.text.split())
    assert said == "effusion present, right pleura, large, confidence 0.75 report: present"
    assert claim.attributes["data-lights"].count("study-entity-") == 2
    one, other = second.all("ul", "claims")[0].all("li")
    assert one.text.endswith("report: absent")
    assert other.text.endswith("report: not mentioned")
    (token,) = draft.all("div", "token")
    assert token.attributes["aria-label"] == (
        "pneumothorax: from 50 to 88 % across and 25 to 75 % down image CXR1_IM-1,"
        " which is not at hand"
    )
    assert token.all("span")[0].attributes["style"] == (
        "left: 50.00%; top: 25.00%; width: 37.50%; height: 50.00%"
    )
    assert not token.all("img")


def test_a_study_without_a_draft_is_as_before(explorer):
    html = open_study(explorer, "CXR2")
    assert not html.all("section", "draft")
    assert not html.all("div", "drafts")


def test_nothing_of_a_hostile_draft_is_markup_and_its_state_is_told(
    embedded_graph, open_explorer, tmp_path
):
    html = open_study(open_explorer(embedded_graph, write(tmp_path, ".png")), "CXR6")
    (draft,) = html.all("section", "draft")
    assert draft.all("span", "badge")[0].text == "unverified"
    notes = [note.text for note in draft.all("p", "note")]
    assert notes[0].startswith("unverified: </script><img src=x onerror=")
    assert notes[1] == "2 sentences were left out."
    (image,) = draft.all("img")  # the place in the image, which is at hand
    assert image.attributes["src"] == f"/api/image?study_id=CXR6&image_id={IMAGE}"
    assert not html.all("script")


def test_two_reporters_an_uncut_text_and_a_claim_in_no_sentence(
    graph, open_explorer, published, tmp_path
):
    app = open_explorer(graph)
    of = rows_of(str(published))[0]
    text = "One text. Not cut."
    plan = (Claim("edema", "present"),)
    made = [
        write_draft(
            of, reporter="other", text=text, plan=plan, status="unverified", reason="not cut"
        )
    ]
    snapshot = read_snapshot(open_storage(str(published)))
    others = publish_drafts(tmp_path / "others", made)
    load_drafts(graph, others, snapshot)
    assert verify_drafts(graph, others, snapshot).ok
    other, plain = open_study(app, of.study_id).all("section", "draft")
    assert " ".join(other.all("h3")[0].text.split()) == "Draft by other unverified"
    assert [p.text for p in other.all("ol", "sentences")[0].all("p")] == [text]
    assert other.all("h4")[0].text == "Planned, in no sentence"
    assert other.all("ul", "claims")[0].text.startswith("edema present")
    assert "Draft by plan" in plain.text
    empty = write_draft(of, reporter="other")
    load_drafts(graph, publish_drafts(tmp_path / "empty", [empty]), snapshot)
    shown, _ = read_drafts_of(graph, of.archive, of.study_id, of.extractor)
    assert (shown.sentences, shown.plan) == ([], [])


@pytest.mark.browser
def test_a_claim_lights_the_finding_in_the_report(page):
    page.goto(page.url.partition("#")[0] + "#/study/CXR1")
    claim = page.locator(".claims li").first
    claim.focus()
    expect(page.locator("mark.on")).to_have_count(2)
    page.locator(".claims li", has_text="mass").focus()
    expect(page.locator("mark.on")).to_have_count(0)
    claim.hover()
    expect(page.locator("mark.on")).to_have_count(2)


@pytest.mark.browser
def test_the_box_lies_on_the_image(chromium, embedded_graph, open_explorer, tmp_path):
    app = open_explorer(embedded_graph, write(tmp_path, ".png"))
    with served(app) as home, opened_page(chromium, home) as page:
        page.goto(f"{home.partition('/?')[0]}/#/study/CXR6")
        image, box = page.locator(".token img"), page.locator(".token span")
        expect(image).to_be_visible()
        image.evaluate("async image => image.decode()")
        outer, inner = image.bounding_box(), box.bounding_box()
        assert abs(inner["x"] - outer["x"] - outer["width"] / 2) < 2
        assert abs(inner["y"] - outer["y"] - outer["height"] / 4) < 2
        assert abs(inner["width"] - 0.375 * outer["width"]) < 5
