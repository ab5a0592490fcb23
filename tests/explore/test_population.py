"""What the page is answered about the population: start, cohort, concept, choices, saved names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from radkg.errors import ConfigError
from radkg.explore.population import make_population_router
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.population.nights import Nights
from radkg.run.audit import AuditLog
from radkg.run.retractions import record_retraction
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.storage import LocalStorage, Storage
from tests.explore.conftest import TOKEN, OpenExplorer
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs.populations import invent_patients

HOME = "http://127.0.0.1:8000"
PATHS = ("start", "cohort", "cohort.csv", "cohort.cypher", "cohorts", "concept", "choices")
HOSTILE = ("'", "\\", "'})-[]-() DETACH DELETE c //", "%", "\x00", "<script>", "\u202e", "=1+1")
ROWS = invent_patients(150)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """A run with two nights; in the second, a study is empty and another has come."""
    place = tmp_path_factory.mktemp("population")
    uri = str(write_tar(place / "a.tgz", make_studies(1)))
    found = LocalStorage(place / "out")
    save_config(ExtractConfig(archive=uri, out=found.uri), found, uri)
    read = next(row for row in ROWS if row.status == "ok")
    empty = replace(read, status="empty", entities=(), relations=())
    later = [empty if row is read else row for row in ROWS]
    later.append(replace(ROWS[-1], study_id="t1", status="failed", reason="it needs more memory"))
    later[-1] = replace(later[-1], entities=(), relations=())
    for rows in (ROWS, later):
        snapshot = publish(found, to_table(rows))
        AuditLog(found).record("extract", {"snapshot_id": snapshot.snapshot_id})
    return found


@pytest.fixture(scope="module")
def client(storage: Storage) -> Iterator[TestClient]:
    """The router alone: the whole page stands in the tests beside this one."""
    snapshot = read_snapshot(storage)
    app = FastAPI()
    nights = Nights(storage, snapshot.snapshot_id)
    app.include_router(make_population_router(SnapshotReader(snapshot), nights))

    with TestClient(app, base_url=HOME) as found:
        yield found


def ask(client: TestClient, path: str, **parameters: Any) -> Any:
    answer = client.get(f"/api/population/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_start_counts_the_population_and_what_changed_last_night(client, storage):
    start = ask(client, "start")
    assert start["studies"] == len(ROWS) + 1 == start["read"] + start["empty"] + start["failed"]
    first, second = start["nights"][1], start["nights"][0]
    assert second["current"]
    assert second["in_graph"]
    assert not first["in_graph"]
    assert start["changes"]["before"]["snapshot_id"] == first["snapshot_id"]
    assert start["changes"]["studies"] == {
        **{"added": 1, "removed": 0, "read_differently": 1, "same": len(ROWS) - 1}
    }
    assert start["changes"]["statuses"] == {"ok to empty": 1}
    over_time = start["over_time"]
    assert over_time["unit"] == "year"
    dated = sum(row["studies"] for row in over_time["rows"])
    assert dated + over_time["undated"] == start["read"]
    finding = start["findings"][0]
    assert finding["present"] + finding["uncertain"] + finding["absent"] == finding["mentioned"]
    assert {"corrected", "low", "high"} < finding.keys()
    failed = {row["reason"]: row["studies"] for row in start["quality"]["failed"]}
    assert failed["memory"] == 1
    assert sum(failed.values()) == start["failed"]
    assert sum(row["studies"] for row in start["ages"]) == start["read"]
    earlier = ask(client, "start", night=first["snapshot_id"])
    assert earlier["night"]["snapshot_id"] == first["snapshot_id"]
    assert earlier["changes"] is None


def test_what_start_shows_can_be_clicked(client):
    start = ask(client, "start")
    for row in start["over_time"]["rows"]:
        cohort = ask(client, "cohort", since=row["since"], until=row["until"], charts=False)
        assert cohort["studies"] == row["studies"]
    for row in start["ages"][:-1]:
        ages = {name: row[name] for name in ("age_from", "age_to") if row[name] is not None}
        assert ask(client, "cohort", charts=False, **ages)["studies"] == row["studies"]
    for name, rows in (("sex", start["sexes"]), ("view", start["views"])):
        for row in rows:
            cohort = ask(client, "cohort", charts=False, **{name: row[name]})
            assert cohort["studies"] == row["studies"]
    for row in start["findings"][:3]:
        for state in ("present", "uncertain", "absent", "mentioned"):
            found = ask(client, "cohort", finding=f"{row['finding']}:{state}", charts=False)
            assert found["studies"] == row[state]


def test_a_cohort_has_an_address_a_list_and_downloads(client):
    given = {"finding": ["effusion", "PTX:without"], "age_from": 40}
    first = ask(client, "cohort", limit=4, **given)
    assert first["query"] == (
        "finding=effusion%3Apresent&finding=pneumothorax%3Awithout&age_from=40"
    )
    assert first["words"] == "effusion present; no pneumothorax; 40 years and older"
    assert any("'pneumothorax' in the graph" in note for note in first["notes"])
    assert [each["parameter"] for each in first["criteria"]] == ["finding", "finding", "age_from"]
    listed, skip = list(first["list"]), first["next"]
    while skip is not None:
        page = ask(client, "cohort", limit=4, skip=skip, charts=False, **given)
        assert "charts" not in page
        listed, skip = listed + page["list"], page["next"]
    assert len(listed) == first["studies"] > 4
    assert len({each["subject_id"] for each in listed}) == first["patients"]
    assert min(each["age"] for each in listed) >= 40
    answer = client.get(f"/api/population/cohort.csv?{first['query']}")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["study_id"] for row in rows] == [each["study_id"] for each in listed]
    answer = client.get(f"/api/population/cohort.cypher?{first['query']}")
    assert answer.text == first["cypher"]
    assert first["command"].startswith("radkg cohort --out RUN --finding effusion:present")


def test_a_cohort_of_another_night_is_of_that_night(client):
    nights = ask(client, "start")["nights"]
    numbers = [
        ask(client, "cohort", night=each["snapshot_id"], charts=False)["of"] for each in nights
    ]
    assert numbers[1] == numbers[0] + 1
    with pytest.raises(ConfigError, match="no snapshot"):
        client.get("/api/population/cohort", params={"night": "ffff"})


def test_a_concept_says_who_has_it_and_who_denies_it(client):
    concept = ask(client, "concept", name="Hydrothorax", limit=5)
    assert concept["name"] == "effusion"
    assert concept["notes"] == ["'hydrothorax' is 'effusion' in the graph"]
    certainty = concept["certainty"]
    counted = ("present", "uncertain", "absent", "not_mentioned")
    assert sum(certainty[name] for name in counted) == certainty["of"]
    assert concept["mentioned"] >= certainty["mentioned"] > certainty["present"] > 0
    for row in concept["occurs_with"]:
        assert row["low"] <= row["lift"] <= row["high"]
    assert len(concept["occurs_with"]) == 5
    assert concept["described"]
    assert concept["located"]
    assert concept["suggests"]
    assert concept["suggested_by"]
    assert {row["severity"] for row in concept["severity"]} >= {"unstated", "mild"}
    assert sum(row["of"] for row in concept["ages"]) == certainty["of"]
    site = ask(client, "concept", name="lung")
    assert site["is_site"]
    assert site["findings_there"]
    missing = client.get("/api/population/concept", params={"name": "concept 99x"})
    assert missing.status_code == 404
    assert "did you mean 'concept " in missing.json()["detail"]


def test_choices_complete_a_name(client):
    assert ask(client, "choices", kind="finding", text="cardiom")[0]["name"] == "cardiomegaly"
    assert ask(client, "choices", kind="side")[0] == {
        **{"name": "unstated", "studies": None, "note": None}
    }
    assert client.get("/api/population/choices", params={"kind": "colour"}).status_code == 422


def test_a_cohort_is_saved_shared_and_removed(client):
    path = "/api/population/cohorts"
    body = {"name": "old effusions", "query": "age_from=65&finding=effusion"}
    saved = client.post(path, json=body).json()
    assert saved == ask(client, "cohorts")
    assert saved[0]["query"] == "finding=effusion%3Apresent&age_from=65"
    shared = client.get(f"/api/population/cohort?{saved[0]['query']}").json()
    assert shared["query"] == saved[0]["query"]
    assert client.delete(path, params={"name": "old effusions"}).json() == []
    assert client.delete(path, params={"name": "old effusions"}).status_code == 404
    assert client.post(path, json=body | {"more": 1}).status_code == 422


def test_what_is_retracted_is_gone_at_once(client, storage):
    before = ask(client, "cohort", charts=False)
    gone = before["list"][0]["study_id"]
    record_retraction(storage, "study", gone, undo=False)
    after = ask(client, "cohort", charts=False)
    assert after["studies"] == before["studies"] - 1
    assert ask(client, "start")["retracted"] == 1
    assert gone not in client.get("/api/population/cohort.csv").text
    record_retraction(storage, "study", gone, undo=True)
    assert ask(client, "cohort", charts=False)["studies"] == before["studies"]


def test_the_page_answers_only_who_has_the_token_and_explains_what_is_wrong(
    embedded_graph, open_explorer: OpenExplorer
):
    app = open_explorer(embedded_graph)
    with TestClient(app, base_url=HOME, follow_redirects=False) as client:
        for path in PATHS:
            assert client.get(f"/api/population/{path}").status_code == 403
        client.get("/", params={"token": TOKEN})
        assert ask(client, "start")["read"] == 6
        answer = client.get("/api/population/cohort", params={"finding": "a:severity=huge"})
        assert answer.status_code == 400
        assert "none of unstated" in answer.json()["detail"]
        for value in HOSTILE:
            found = client.get("/api/population/cohort", params={"finding": value, "view": value})
            assert found.status_code in (200, 400)
            assert client.get("/api/population/concept", params={"name": value}).status_code == 404
            choices = client.get(
                "/api/population/choices", params={"kind": "finding", "text": value}
            )
            assert choices.status_code == 200
        assert re.search(r"/(tmp|root|work|home)/", ask(client, "start").__str__()) is None
