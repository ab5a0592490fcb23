"""A patient's course, two studies side by side, sentence and statement, and the image."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from radkg.graph.ask.queries import run_query
from radkg.graph.load.loader import load
from radkg.population.courses import MOST_STUDIES, describe_course
from radkg.run.retractions import record_retraction
from radkg.storage import open_storage
from tests.explore.conftest import served
from tests.explore.courses import asked, check_barriers, courses, open_courses, opened_view
from tests.explore.test_app import HOSTILE
from tests.support.graph.courses import GAMMA
from tests.support.graph.facts import study
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.populations import invent_patients, make_population

__all__ = ["courses", "open_courses"]


def lanes_of(rows, study_id):
    found = describe_course(make_population(rows), study_id)
    return {
        lane["finding"]: [mark and (mark["state"], mark["change"]) for mark in lane["marks"]]
        for lane in found["lanes"]
    }


def test_a_course_marks_what_is_new_worse_and_resolved():
    said = [("present", None), ("present", "worse"), ("absent", "resolved")]
    assert lanes_of(GAMMA, "s2") == {"effusion": said}
    assert lanes_of(GAMMA, "s5")["effusion"] == [None, ("present", "new")]
    assert lanes_of(GAMMA, "s7") == {"effusion": [("present", None), ("uncertain", None)]}
    again = [study(n, 1, f"2020-0{n}-01", f"{sign}edema") for n, sign in enumerate("+-+-", 1)]
    changes = [None, "resolved", None, "resolved"]
    assert [change for _, change in lanes_of(again, "s1")["edema"]] == changes


def test_studies_without_a_date_and_of_one_day_are_no_steps():
    rows = [
        study(1, 1, "2020-01-01", "+edema", "small > edema"),
        study(2, 1, "2020-01-01", "-edema"),
        study(3, 1, None, "+edema", "large > edema"),
    ]
    states = [("present", None), ("absent", None), ("present", None)]
    assert lanes_of(rows, "s3") == {"edema": states}


def test_a_course_changes_where_the_named_queries_say_so(embedded_graph):
    rows = invent_patients(250)
    clear_graph(embedded_graph)
    load(embedded_graph, InventedSnapshot(rows, archive=rows[0].archive))
    population = make_population(rows)
    of = {row.study_id: row for row in rows}
    first = {row.subject_id: row.study_id for row in rows}
    found = {"new": set(), "worse": set()}
    gone = {}
    for subject, study_id in first.items():
        course = describe_course(population, study_id)
        for lane in course["lanes"]:
            if lane["finding"] != "effusion":
                continue
            for mark, shown in zip(lane["marks"], course["studies"], strict=True):
                day = of[shown["study_id"]].study_date
                if mark and mark["change"] in found:
                    found[mark["change"]].add((day, subject))
                if mark and day and mark["change"] == "resolved":
                    gone[subject] = day
    for change, query in (("new", "new_in_patients"), ("worse", "worse_in_patients")):
        answer = run_query(embedded_graph, query, {"finding": "effusion"})
        assert found[change] == {(row[0], row[2]) for row in answer.rows}, change
    assert found["new"]  # `worse` is by hand above
    answer = run_query(embedded_graph, "resolved_in_patients", {"finding": "effusion"})
    assert {row[2] for row in answer.rows} <= gone.keys()


def test_of_a_patient_without_end_the_studies_around_the_chosen_one_are_shown():
    rows = [
        study(number, 1, str(date.fromordinal(737000 + number)), "+edema")
        for number in range(MOST_STUDIES + 50)
    ]
    population = make_population(rows)
    for chosen in (0, 120, MOST_STUDIES + 49):
        found = describe_course(population, f"s{chosen}")
        shown = [each["study_id"] for each in found["studies"]]
        assert (len(shown), found["of"]) == (MOST_STUDIES, MOST_STUDIES + 50)
        assert f"s{chosen}" in shown


def test_a_patient_is_described_and_who_is_unknown_or_retracted_is_not(
    courses, embedded_graph, open_courses
):
    with asked(open_courses(embedded_graph)) as client:
        found = client.get("/api/patient", params={"study_id": "a3"}).json()
        assert (found["patient"], found["of"]) == ("A", 4)
        assert found["studies"][0]["day"] == "2019-03-02"
        effusion = next(lane for lane in found["lanes"] if lane["finding"] == "effusion")
        assert [mark["change"] for mark in effusion["marks"]] == [None, "worse", "resolved", None]
        assert effusion["marks"][1]["severity"] == "severe"
        for text in HOSTILE:
            assert client.get("/api/patient", params={"study_id": text}).status_code == 404
            shown = {"study_id": "a1", "side": text}
            assert client.get("/api/study", params=shown).status_code == 422
        assert client.get("/api/patient", params={"study_id": "a" * 501}).status_code == 422
        storage = open_storage(str(courses))
        record_retraction(storage, "subject", "A", undo=False)
        gone = client.get("/api/patient", params={"study_id": "a3"}).status_code
        record_retraction(storage, "subject", "A", undo=True)
        assert gone == 404


def test_two_studies_on_one_page_share_no_id(embedded_graph, open_courses):
    with asked(open_courses(embedded_graph)) as client:
        for side in ("study", "beside"):
            html = client.get("/api/study", params={"study_id": "a2", "side": side}).text
            assert f'id="{side}-title"' in html
            assert f'data-lights="{side}-entity-' in html
            assert f'id="{side}-draft-0-title"' in html
            assert '<span class="sentence" tabindex="0">' in html


@pytest.fixture
def page(chromium, embedded_graph, open_courses):
    with (
        served(open_courses(embedded_graph)) as home,
        opened_view(chromium, home, "study/a2") as opened,
    ):
        yield opened


@pytest.mark.browser
def test_from_a_sentence_to_its_statements_a_verdict_and_back(page: Page):
    expect(page.locator("h1")).to_have_text("Patient A")
    sentence = page.locator(".sentence").first
    sentence.focus()
    lit = page.locator("[data-triplet].on")
    assert lit.count() > 0
    page.keyboard.press("Enter")
    expect(lit.first.locator("button").first).to_be_focused()
    expect(page.locator("mark.on")).to_have_count(2)
    page.keyboard.press("a")
    expect(page.locator("#status")).to_contain_text("accept, saved")
    page.keyboard.press("s")
    expect(sentence).to_be_focused()
    page.locator(".claims li").first.hover()
    expect(page.locator(".box.on")).to_have_count(1)


@pytest.mark.browser
def test_a_study_beside_stands_in_the_address_and_axe_finds_nothing(page: Page):
    page.get_by_role("link", name="Compare study a3").click()
    expect(page.locator("#beside-title")).to_have_text("Study a3")
    assert page.url.endswith("#/patient/a2?beside=a3")
    expect(page.locator("#study-title")).to_have_text("Study a2")
    page.get_by_role("button", name="only denied").click()
    check_barriers(page)
    page.get_by_role("link", name="Close study a3").click()
    expect(page.locator("#beside-title")).to_have_count(0)
    page.locator(".course thead a", has_text="2020-01-11").press("Enter")
    expect(page.locator("#study-title")).to_have_text("Study a4")
    page.go_back()
    expect(page.locator("#study-title")).to_have_text("Study a2")


GREY = "canvas => [...canvas.getContext('2d').getImageData(48, 4, 1, 1).data][0]"


@pytest.mark.browser
def test_an_image_has_window_level_and_zoom(page: Page):
    frame, canvas = page.locator(".frame"), page.locator(".frame canvas")
    expect(canvas).to_be_visible()
    before, box = canvas.evaluate(GREY), page.locator(".box").bounding_box()
    frame.scroll_into_view_if_needed()
    at = frame.bounding_box()
    page.mouse.move(at["x"] + 50, at["y"] + 50)
    page.mouse.down()
    page.mouse.move(at["x"] + 50, at["y"] + 150)
    page.mouse.up()
    assert canvas.evaluate(GREY) == before - 50  # the level rose by half a grey value a pixel
    frame.focus()
    page.keyboard.press("+")
    page.mouse.wheel(0, -300)
    wide = canvas.bounding_box()["width"] / at["width"]
    assert wide == pytest.approx(2 * 1.25, rel=0.02)
    zoomed = page.locator(".box").bounding_box()
    assert zoomed["width"] / box["width"] == pytest.approx(wide, rel=0.05)
    page.keyboard.press("0")
    assert canvas.evaluate(GREY) == before
    assert canvas.bounding_box()["width"] == pytest.approx(at["width"], rel=0.01)


@pytest.mark.browser
def test_nothing_hostile_runs_and_an_unknown_study_is_told(page: Page):
    page.goto(page.url.partition("#")[0] + "#/study/b1")
    expect(page.locator(".report")).to_contain_text("document.title='run'")
    assert page.title() == "Study b1 - radkg"
    page.goto(page.url.partition("#")[0] + "#/patient")
    expect(page.locator("main h2")).to_have_text("No study is chosen")
