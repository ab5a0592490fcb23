"""Named questions by gallery and address, from the columns or the graph, and free Cypher."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from radkg.explore import ask
from radkg.explore.ask import list_questions
from radkg.graph.ask.queries import list_queries, run_query
from radkg.graph.engine.client import Graph
from radkg.graph.load.loader import load
from radkg.page.answer import write_answer
from tests.explore.conftest import served
from tests.explore.courses import asked, check_barriers, courses, open_courses, opened_view
from tests.explore.test_app import HOSTILE
from tests.support.graph.facts import study
from tests.support.runs.extractions import InventedSnapshot

__all__ = ["courses", "open_courses"]

COUNT = "MATCH (n) RETURN count(n) AS number"
WRITING = (
    "CREATE (n:Made) RETURN n",
    "MATCH (n:Study) SET n.made = 1",
    "MATCH (n) DETACH DELETE n",
    "MERGE (n:Made)",
    "CALL db.index.fulltext.queryNodes('a', 'b')",
    "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
    "RETURN 1; MATCH (n) DELETE n",
    "MATCH (n) REMOVE n:Study",
    "",
)


def test_the_gallery_has_every_named_query_once():
    groups = list_questions()
    names = [each["name"] for group in groups for each in group["questions"]]
    assert sorted(names) == [query.name for query in list_queries()]
    assert all(each["heading"] for group in groups for each in group["questions"])


def run(client, statement, **values):
    return client.post("/api/cypher", json={"statement": statement, "parameters": values})


def test_free_cypher_reads_and_what_writes_is_refused(graph, open_courses):
    with asked(open_courses(graph)) as client:
        before = graph.read(COUNT)
        for statement in WRITING:
            answer = run(client, statement)
            assert answer.status_code == 400, statement
            assert graph.address not in answer.text
        assert graph.read(COUNT) == before
        wrong = run(client, "MATCH (n RETURN n")
        assert wrong.status_code == 400
        assert "bolt://" not in wrong.text
        found = run(
            client, "MATCH (c:Concept {name: $name}) RETURN c.name AS name", name="effusion"
        )
        assert "<td>effusion</td>" in found.text
        for value in HOSTILE:
            shown = run(client, "RETURN $value AS value", value=value)
            assert shown.status_code == 200, value
            assert "<script>" not in shown.text


def test_free_cypher_has_a_limit_of_rows_and_of_time(embedded_graph, open_courses, monkeypatch):
    with asked(open_courses(embedded_graph)) as client:
        many = run(client, f"UNWIND range(1, {ask.MOST_ROWS + 1}) AS n RETURN n")
        assert "These are the first 1,000 rows" in many.text
        assert many.text.count("<tr>") == 1 + ask.MOST_ROWS
        monkeypatch.setattr(ask, "TIMEOUT_S", 0.01)
        monkeypatch.setattr(Graph, "read_some", _sleep)
        assert run(client, "RETURN 1").status_code == 400
        monkeypatch.undo()
        assert run(client, "RETURN 1 AS one").status_code == 200  # the page's own connection stands
        assert client.get("/api/answer/top_findings").status_code == 200


def _sleep(self, *_, **__):
    """As `read_some` where the time is over: it closes its connection."""
    self.close()
    raise ask.GraphError("the statement was stopped")


def test_the_columns_answer_only_for_a_graph_that_holds_this_load_alone(
    embedded_graph, open_courses, monkeypatch
):
    by_columns = []
    named = ask.run_named
    monkeypatch.setattr(ask, "run_named", lambda *a: by_columns.append(a[1]) or named(*a))
    with asked(open_courses(embedded_graph)) as client:
        told = client.get("/api/answer/top_findings", params={"limit": "3"}).text
        assert by_columns == ["top_findings"]
        expected = run_query(embedded_graph, "top_findings", {"limit": "3"})
        assert told == write_answer(expected, "answer")
        other = study(1, 1, None, "+mass", archive="elsewhere")
        load(embedded_graph, InventedSnapshot([other], archive="elsewhere"))
        assert "mass" in client.get("/api/answer/top_findings").text
        assert by_columns == ["top_findings"]
        for value in HOSTILE:
            answer = client.get("/api/answer/prevalence", params={"finding": value})
            assert answer.status_code in (200, 400), value
            assert "<script>" not in answer.text
        assert client.get("/api/answer/prevalence", params={"x": "1"}).status_code == 400


@pytest.fixture
def home(embedded_graph, open_courses):
    with served(open_courses(embedded_graph)) as address:
        yield address


@pytest.mark.browser
def test_a_question_is_found_asked_and_shared(chromium, home):
    with opened_view(chromium, home, "ask") as page:
        check_barriers(page)
        page.locator("#find-question").fill("BOTH sides")
        links = page.locator(".gallery a:visible")
        expect(links).to_have_count(1)
        page.locator("#find-question").fill("nothing like this")
        expect(page.locator(".note[role=status]")).to_contain_text("No question")
        page.locator("#find-question").fill("without")
        links.filter(has_text="Which studies").press("Enter")
        expect(page.locator("h1")).to_have_text("Which studies with effusion are without edema?")
        page.locator("#parameter-finding").fill("cardio")
        expect(page.locator("[role=option]").first).to_contain_text("cardiomegaly")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("with cardiomegaly are")
        assert page.url.endswith("#/ask/cohort_studies?finding=cardiomegaly")
        page.reload()
        expect(page.locator("#answer-of tbody tr")).to_have_count(3)
        check_barriers(page)
        page.locator("#answer-of tbody a").first.click()
        expect(page.locator("#study-title")).to_have_text(re.compile("Study a"))


@pytest.mark.browser
def test_a_statement_stands_in_its_address_and_runs_by_a_click(chromium, home):
    statement = "MATCH%20(s%3AStudy)%20RETURN%20count(s)%20AS%20studies"
    with opened_view(chromium, home, f"ask/cypher?statement={statement}") as page:
        expect(page.locator("#statement")).to_be_visible()
        expect(page.locator(".cypher table")).to_have_count(0)
        page.get_by_role("button", name="Run").click()
        expect(page.locator(".cypher td")).to_have_text("5")
        check_barriers(page)
        page.locator("#values").fill("{")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".cypher .failed")).to_contain_text("no JSON")
