"""Two nights compared: what flipped, its sentences, the gate, and one night alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from radkg.explore.app import make_app
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.run.diff import compare_snapshots
from radkg.run.names import list_nights
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.explore.conftest import served
from tests.explore.courses import (
    TOKEN,
    asked,
    check_barriers,
    courses,
    open_courses,
    opened_view,
)
from tests.explore.test_app import HOSTILE

__all__ = ["courses", "open_courses"]


@pytest.fixture
def ids(courses):
    """The nights, the older one first."""
    return [snapshot_id for snapshot_id, _ in list_nights(open_storage(str(courses)))]


@pytest.fixture
def client(embedded_graph, courses, tmp_path):
    """Nothing is loaded: nights are compared without the graph."""
    reader = SnapshotReader(read_snapshot(open_storage(str(courses))))
    app = make_app(embedded_graph, reader, Verdicts(tmp_path / "review.csv"), TOKEN)
    with asked(app) as client:
        yield client


def compare(client, before, after, **more):
    return client.get("/api/nights/compare", params={"before": before, "after": after, **more})


def test_the_newest_night_comes_first(client, ids):
    found = client.get("/api/nights").json()
    assert [night["night"] for night in found] == ids[::-1]
    assert [night["shown"] for night in found] == [True, False]
    assert found[0]["studies"] == 5


def test_the_numbers_are_those_of_the_comparison(client, ids, courses):
    storage = open_storage(str(courses))
    expected = compare_snapshots(*(read_snapshot(storage, each) for each in ids))
    found = compare(client, *ids).json()
    assert found["studies"] == expected.studies
    assert found["causes"] == expected.causes
    (effusion,) = found["findings"]
    assert effusion["flips"] == {"uncertain to absent": 3, "uncertain to present": 2}
    backward = compare(client, *ids[::-1]).json()["findings"][0]["flips"]
    assert backward == {"absent to uncertain": 3, "present to uncertain": 2}


def test_evidence_has_the_sentence_as_either_night_read_it(client, ids):
    (effusion,) = compare(client, *ids).json()["findings"]
    first = effusion["evidence"][0]
    assert (first["study_id"], first["at_hand"], first["cause"]) == ("a1", True, ["model"])
    assert (first["before"]["state"], first["after"]["state"]) == ("uncertain", "present")
    assert 'class="entity obs-u"' in first["before"]["sentence"]
    assert 'class="entity obs-dp"' in first["after"]["sentence"]
    hostile = next(each for each in effusion["evidence"] if each["study_id"] == "b1")
    assert "<img" not in hostile["after"]["sentence"]
    assert "&lt;img" in hostile["after"]["sentence"]


def test_the_gate_is_shut_by_what_flips_more_often(client, ids):
    gate = compare(client, *ids).json()["gate"]
    assert gate == {"share": 0.05, "min_support": 20, "failing": []}  # five studies are too few
    for share in (-1, 2, "nan", "x"):
        assert compare(client, *ids, gate=share).status_code == 422


def test_who_is_retracted_is_no_evidence(client, ids, courses):
    storage = open_storage(str(courses))
    for kind, which, gone in (("study", "a1", {"a1"}), ("subject", "A", {"a1", "a2", "a3", "a4"})):
        record_retraction(storage, kind, which, undo=False)
        (effusion,) = compare(client, *ids).json()["findings"]
        record_retraction(storage, kind, which, undo=True)
        assert not {each["study_id"] for each in effusion["evidence"]} & gone
    record_retraction(storage, "run", ids[0], undo=False)
    status, standing = compare(client, *ids).status_code, client.get("/api/nights").json()
    record_retraction(storage, "run", ids[0], undo=True)
    assert (status, [night["night"] for night in standing]) == (404, ids[1:])


def test_a_night_that_does_not_exist_is_told(client, ids):
    for name in (*HOSTILE, "", "0123456789abcdef"):
        answer = compare(client, name, ids[1])
        assert answer.status_code in (400, 500), name
        assert "Traceback" not in answer.text


@pytest.fixture
def home(embedded_graph, open_courses):
    with served(open_courses(embedded_graph)) as address:
        yield address


@pytest.mark.browser
def test_from_a_flip_to_the_study_and_by_an_address_to_other_nights(chromium, home, ids):
    with opened_view(chromium, home, "nights") as page:
        expect(page.locator(".verdict h2")).to_have_text("The gate is open")
        expect(page.locator(".evidence").first).to_contain_text("uncertain")
        check_barriers(page)
        page.locator("[name=before]").select_option(ids[1])
        expect(page.locator(".compared")).to_contain_text("the same night")
        assert f"before={ids[1]}" in page.url
        page.goto(f"{home.partition('/?')[0]}/#/nights?before={ids[1]}&after={ids[0]}&gate=0.2")
        expect(page.locator("[name=gate]")).to_have_value("20")
        expect(page.locator(".flip summary").first).to_contain_text("present")
        page.locator(".evidence a").first.press("Enter")
        expect(page.locator("#study-title")).to_have_text("Study a1")


@pytest.mark.browser
def test_one_night_alone_says_how_a_second_one_comes(chromium, home):
    with opened_view(chromium, home, "ask") as page:
        page.route("**/api/nights", lambda route: route.fulfill(json=[NIGHT]))
        page.goto(f"{home.partition('/?')[0]}/#/nights")
        expect(page.locator(".blank")).to_contain_text("radkg nightly")
        check_barriers(page)


NIGHT = {"night": "a" * 16, "day": "2026-01-02", "studies": 5, "reader": "rules", "shown": True}
