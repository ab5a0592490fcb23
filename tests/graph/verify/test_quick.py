"""What quick verification says, on both engines; test_verify.py has what it sees."""

from collections.abc import Iterator

import pytest

from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.loader import load
from radkg.graph.verify.quick import verify_quick
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.rows import row

SNAPSHOT = InventedSnapshot([row("1"), row("2"), row("3")], archive="test")
READING = "MATCH (s:Study {study_id: '2'})-[:HAS_EXTRACTION]->(x {extractor: 'rules'}) "
SAID = {
    "missing": (READING + "DETACH DELETE x", "missing"),
    "digest": (READING + "SET x.digest = 'd'", "digest"),
    "no digest": (READING + "REMOVE x.digest", "digest"),
    "digest that is no text": (READING + "SET x.digest = 1", "digest"),
    "mentions": (
        READING + "MATCH (x)-[:HAS_MENTION]->(m {ordinal: 2}) DETACH DELETE m",
        "mentions (3 of 4)",
    ),
    "findings": (
        READING + "MATCH (c:Concept {name: 'left'}) CREATE (s)-[:HAS_FINDING]->(c)",
        "findings (3 of 2)",
    ),
    "twice": (
        READING + "CREATE (s)-[:HAS_EXTRACTION]->(y:Extraction {key: 'k', extractor: 'rules'})",
        "extraction (2 of 1)",
    ),
}


@pytest.fixture
def loaded(graph: Graph) -> Iterator[Graph]:
    load(graph, SNAPSHOT)
    yield graph
    clear_graph(graph)


@pytest.mark.parametrize("change", SAID)
def test_what_differs_is_said_of_its_study(loaded: Graph, change: str) -> None:
    statement, expected = SAID[change]
    loaded.write(lambda tx: run_statement(tx, statement))
    report = verify_quick(loaded, SNAPSHOT)
    assert list(report.differences) == ["2"]
    assert expected in report.differences["2"]


def test_studies_that_are_not_in_the_snapshot(loaded: Graph) -> None:
    loaded.write(lambda tx: run_statement(tx, "MATCH (s:Study {study_id: '2'}) REMOVE s.key"))
    report = verify_quick(loaded, InventedSnapshot([row("1"), row("2")], archive="test"))
    strange = "not in the snapshot"
    assert report.differences == {"2": "missing", "3": strange, "": strange}


def test_two_readers_of_a_study_are_told_apart(loaded: Graph) -> None:
    other = InventedSnapshot(
        [row("1", extractor="other"), row("2", extractor="other", relations=())],
        archive="test",
        extractor="other",
    )
    load(loaded, other)
    for snapshot in (SNAPSHOT, other):
        report = verify_quick(loaded, snapshot)
        assert report.ok
        said = (
            f"all {snapshot.num_studies} studies equal the snapshot, compared by patients, counts"
        )
        assert str(report).startswith(said)
        assert "a moved OF is found without --quick alone" in str(report)
    gone = "MATCH (s:Study {study_id: '2'})-[f:HAS_FINDING {extractor: 'other'}]->() DELETE f"
    loaded.write(lambda tx: run_statement(tx, gone))
    assert verify_quick(loaded, other).differences == {"2": "findings (0 of 3)"}
    assert verify_quick(loaded, SNAPSHOT).differences == {}


def test_an_empty_graph(graph: Graph) -> None:
    report = verify_quick(graph, SNAPSHOT)
    assert report.differences == dict.fromkeys("123", "missing")
    assert report.problems == ["nothing of test|rules was loaded: load it first"]
