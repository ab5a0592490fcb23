"""What the explorer answers over HTTP: who may ask, hostile values, edges, sentences, verdicts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest
from fastapi.testclient import TestClient

from radkg.errors import ConfigError, GraphError
from radkg.explore.evidence import EdgeType, Filters, read_passages
from radkg.explore.server import read_loaded_snapshot
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.study import write_study_html
from radkg.explore.verdicts import Verdicts
from radkg.explore.warm import warm_up
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.review import score_sheets
from radkg.review.sheet import read_csv
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.explore.conftest import TOKEN
from tests.page.invented import extraction_of, study_of
from tests.support.graph.facts import study
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot

HOME = "http://127.0.0.1:8000"
EFFUSION = "observation:effusion"
HOSTILE = (
    "'",
    "\\",
    "'})-[]-() DETACH DELETE c //",
    "$text",
    "%",
    "\x00",
    "<script>",
    "\u202e",
    "`",
)


@pytest.fixture
def client(explorer):
    with TestClient(explorer, base_url=HOME, follow_redirects=False) as client:
        assert client.get("/", params={"token": TOKEN}).status_code == 303
        yield client


def test_only_who_has_the_token_may_ask_under_a_name_of_this_machine(client):
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"host": "evil.example:8000"}).status_code == 400
    assert client.get("/", headers={"host": "127.0.0.1.evil.example"}).status_code == 400
    assert client.get("/api/about", headers={"origin": "http://127.0.0.1:9"}).status_code == 403
    client.cookies.clear()
    for path in ("/", "/?token=wrong", "/api/about", "/static/app.js"):
        assert client.get(path).status_code == 403, path
    assert client.post("/api/verdict", json={}).status_code == 403


def test_the_page_may_load_nothing_from_elsewhere(client):
    answer = client.get("/")
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert answer.headers["cache-control"] == "no-store"
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    modules = [f"/static/{path}" for path in ("cytoscape.min.js", "views/today.js", "charts.js")]
    assert {client.get(path).status_code for path in [*loaded, *modules]} == {200}


def test_a_name_of_the_readers_is_answered_and_said(client):
    answer = client.get("/api/answer/prevalence", params={"finding": "hydrothorax"}).text
    assert "finding &#x27;hydrothorax&#x27; is &#x27;effusion&#x27; in the graph" in answer


def test_what_is_retracted_is_shown_no_more(client, published):
    asked = {"study_id": "CXR6"}
    assert client.get("/api/study", params=asked).status_code == 200
    storage = open_storage(str(published))  # which other tests share
    record_retraction(storage, "study", "CXR6", undo=False)
    gone = client.get("/api/study", params=asked).status_code
    record_retraction(storage, "study", "CXR6", undo=True)
    assert (gone, client.get("/api/study", params=asked).status_code) == (404, 200)


def test_hostile_values_find_nothing_and_change_nothing(client):
    before = client.get("/api/population/concept", params={"name": "effusion"}).json()
    for value in HOSTILE:
        for path, asked in (
            ("evidence", {"head": value, "relation": "modify", "tail": value}),
            ("population/concept", {"name": value}),
            ("study", {"study_id": value}),
            ("image", {"study_id": "CXR6", "image_id": value}),
        ):
            answer = client.get(f"/api/{path}", params=asked)
            if path == "evidence":
                assert answer.json() == {"passages": [], "next": None}, value
            else:
                assert answer.status_code == 404, (path, value)
    assert client.get("/api/population/concept", params={"name": "effusion"}).json() == before


def test_a_filter_that_does_not_exist_is_refused(client):
    for name, value in (
        ("label", "OBS"),
        ("relation", "HAS_STUDY"),
        ("confidence", "nan"),
        ("confidence", "1.1"),
        ("since", "yesterday"),
        ("skip", "-1"),
        ("cypher", "MATCH (n) RETURN n"),
    ):
        asked = {"head": EFFUSION, "relation": "modify", "tail": EFFUSION, name: value}
        answer = client.get("/api/evidence", params=asked)
        assert answer.status_code == 422, asked
        assert name in answer.text


def test_sentences_stand_behind_what_a_concept_counts(client):
    found = client.get("/api/population/concept", params={"name": "effusion"}).json()
    edges = [
        (f"observation:{each['word']}", "modify", EFFUSION, each["studies"])
        for each in found["described"]
    ] + [
        (EFFUSION, "located_at", f"anatomy:{each['site']}", each["studies"])
        for each in found["located"]
    ]
    assert len(edges) >= 2
    for head, relation, tail, studies in edges:
        ends = {"head": head, "relation": relation, "tail": tail, "label": ["OBS-DP", "ANAT-DP"]}
        passages = client.get("/api/evidence", params=ends).json()["passages"]
        assert len({p["study_id"] for p in passages}) == studies
        assert all("<mark" in s for p in passages for s in p["sentences"])
    modify = {"head": "observation:small", "relation": "modify", "tail": EFFUSION}
    (sentence, *_) = client.get("/api/evidence", params=modify).json()["passages"][0]["sentences"]
    assert re.sub(r"<[^>]+>", "", sentence) == "Small left effusion"


def test_findings_co_occur_and_filters_take_sentences_away(client):
    found = client.get("/api/population/concept", params={"name": "opacity"}).json()
    (other,) = found["occurs_with"]
    ends = {"head": "observation:opacity", "tail": f"observation:{other['finding']}"}
    asked = ends | {"relation": "co_occurs"}
    (passage,) = client.get("/api/evidence", params=asked).json()["passages"]
    assert passage["at_hand"]
    assert passage["sentences"][0].count("<mark") == 2
    for none in ({"confidence": 1.0}, {"since": "2100-01-01"}, {"label": "OBS-DA"}):
        assert client.get("/api/evidence", params=asked | none).json()["passages"] == []


def test_studies_of_another_archive_count_and_are_said_to_have_no_report_here(client, graph):
    theirs = study(1, 1, None, "small > effusion", archive="elsewhere")
    load(graph, InventedSnapshot([theirs], archive="elsewhere"))  # type: ignore[arg-type]
    ends = {"head": "observation:small", "relation": "modify", "tail": EFFUSION}
    found = client.get("/api/evidence", params=ends).json()["passages"]
    (other,) = (passage for passage in found if passage["archive"] == "elsewhere")
    assert (other["study_id"], other["at_hand"], other["sentences"]) == ("s1", False, [])
    assert other["problem"] == "this run does not have its report: the study is of elsewhere"
    assert [p["at_hand"] for p in found].count(True) == len(found) - 1
    assert client.get("/api/study", params={"study_id": "s1"}).status_code == 404


def test_a_report_that_is_gone_is_told(graph, open_explorer):
    gone = study(99, 1, None, "small > effusion", archive="openi", extractor="other")
    app = open_explorer(graph)
    load(graph, InventedSnapshot([gone], archive="openi", extractor="other"))  # type: ignore[arg-type]
    with TestClient(app, base_url=HOME) as client:
        client.get("/", params={"token": TOKEN})
        ends = {"head": "observation:small", "relation": "modify", "tail": EFFUSION}
        found = client.get("/api/evidence", params=ends).json()["passages"]
    (problem,) = (p["problem"] for p in found if p["study_id"] == "s99")
    assert problem == "openi no longer has its report, or it cannot be read"


def test_the_start_asks_once_what_the_page_asks(graph, published, open_explorer, monkeypatch):
    open_explorer(graph)
    reader = SnapshotReader(read_loaded_snapshot(graph, open_storage(str(published))))
    asked = []
    read = graph.read
    with monkeypatch.context() as watched:
        watched.setattr(graph, "read", lambda query, **v: asked.append(query) or read(query, **v))
        warm_up(graph, reader)
        before = set(asked)
        for relation in get_args(EdgeType):
            read_passages(graph, reader, ("observation:small", relation, EFFUSION), Filters(), 0, 5)
    assert set(asked) == before  # an engine plans a statement by its text
    clear_graph(graph)
    warm_up(graph, reader)


def test_a_study_shows_its_origin_and_no_markup_of_its_own(client, published):
    html = client.get("/api/study", params={"study_id": "CXR6"}).text
    snapshot = read_snapshot(open_storage(str(published)))
    assert snapshot.snapshot_id in html
    assert str(snapshot.manifest["model_id"]) in html
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;/script&gt;" in html
    assert client.get("/api/study", params={"study_id": "CXR99"}).status_code == 404


@pytest.mark.parametrize(
    ("age", "shown"), [(54, "<dt>age</dt><dd>54</dd>"), (90, "<dt>age</dt><dd>90 or more</dd>")]
)
def test_a_study_shows_age_and_sex_where_they_are_known(age, shown):
    unknown = study_of(("findings", "effusion"))
    found = extraction_of(unknown)
    assert "<dt>age" not in write_study_html(unknown, found, {}, {})
    html = write_study_html(replace(unknown, age=age, sex="female"), found, {}, {})
    assert shown in html
    assert "<dt>sex</dt><dd>female</dd>" in html


def test_verdicts_are_a_sheet_that_can_be_scored_and_taken_back(client, review):
    for number, verdict in ((1, "accept"), (2, "reject"), (2, "unsure"), (1, None), (1, "accept")):
        said = {"study_id": "CXR1", "triplet": number, "verdict": verdict}
        assert client.post("/api/verdict", json=said).status_code == 200
    report = score_sheets([review])["sheets"][0]
    assert (report["rows"], report["accept"], report["unsure"], report["reject"]) == (2, 1, 1, 0)
    assert 'data-verdict="accept" aria-pressed="true"' in client.get(
        "/api/study", params={"study_id": "CXR1"}
    ).text.replace("\n", " ")
    for wrong in ({"triplet": 99}, {"verdict": "maybe"}, {"study_id": "CXR99"}):
        assert client.post("/api/verdict", json=said | wrong).status_code in (400, 404, 422)
    assert len(read_csv(review.read_text("utf-8-sig"), "review")) == 2


def test_a_named_query_is_answered_as_a_table(client):
    html = client.get("/api/answer/top_findings", params={"limit": "3"}).text
    assert "<table>" in html
    assert "effusion" in html
    assert client.get("/api/answer/none").status_code == 400
    assert client.get("/api/answer/top_findings", params={"limit": "x"}).status_code == 400


def test_looking_leaves_the_graph_as_it_was(client, graph, published):
    client.get("/api/evidence", params={"head": EFFUSION, "relation": "modify", "tail": EFFUSION})
    client.get("/api/study", params={"study_id": "CXR1"})
    assert verify(graph, read_snapshot(open_storage(str(published)))).ok


def test_a_graph_without_the_run_is_told(graph, published):
    with pytest.raises(GraphError, match="radkg load --out"):
        read_loaded_snapshot(graph, open_storage(str(published)))


def test_a_sheet_with_other_columns_is_left_alone(review):
    review.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="--review"):
        Verdicts(review)
