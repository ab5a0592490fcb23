"""Studies compared in columns: equal ones are not read again, and nothing else counts as equal."""

from __future__ import annotations

import pytest

from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import BatchSizes, batch_columns, batch_rows, count_columns, make_rows
from radkg.graph.verify import full
from radkg.schema.records import Entity, Relation
from tests.support.runs.extractions import InventedSnapshot, invent
from tests.support.runs.rows import row

SEEN = Entity("edema", "OBS-DP", "edema", None, None, None, "image", 0.5)
ROWS = [
    row("1", relations=(Relation(0, 2, "modify", 0.0), Relation(2, 1, "located_at", 0.25))),
    row("2", entities=(*row("2").entities, SEEN)),
    row("3", status="empty", reason="no entity was found", entities=(), relations=()),
]
SNAPSHOT = InventedSnapshot(ROWS, archive="test")
RELATION = "MATCH (:Extraction {key: 'test/1|rules'})-[:HAS_MENTION]->(m)-[r:MODIFY]->() "


def test_equal_studies_are_not_read_again(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    load(graph, SNAPSHOT)
    many = InventedSnapshot(invent(450, seed=3))
    load(graph, many)
    monkeypatch.setattr(full, "_read", refuse)
    for snapshot in (SNAPSHOT, many):
        assert full.verify(graph, snapshot).ok


@pytest.mark.parametrize("value", [-0.0, 0, "x"])
def test_values_that_python_takes_for_equal_differ(graph: Graph, value: object) -> None:
    load(graph, SNAPSHOT)
    # an engine may write nothing where a value equals the one that stands
    graph.write(lambda tx: run_statement(tx, RELATION + "REMOVE r.confidence"))
    graph.write(lambda tx: run_statement(tx, RELATION + "SET r.confidence = $value", value=value))
    (found,) = graph.read(RELATION + "RETURN r.confidence AS value")
    assert repr(found["value"]) == repr(value)
    assert list(full.verify(graph, SNAPSHOT).differences) == ["1"]


def test_a_relation_to_the_same_place_of_another_study(graph: Graph) -> None:
    load(graph, SNAPSHOT)
    statement = (
        RELATION + "MATCH (:Extraction {key: 'test/2|rules'})-[:HAS_MENTION]->(o {ordinal: 2})"
        " CREATE (m)-[:MODIFY {confidence: 0.0}]->(o) DELETE r"
    )
    graph.write(lambda tx: run_statement(tx, statement))
    assert "study 1: relations" in str(full.verify(graph, SNAPSHOT))


@pytest.mark.parametrize(("studies", "mentions"), [(1, 10_000), (7, 100), (200, 60), (3, 1)])
def test_columns_are_cut_as_rows_are(studies: int, mentions: int) -> None:
    sizes = BatchSizes(studies=studies, mentions=mentions)
    tables = list(InventedSnapshot(invent(40, seed=1)).read_tables())
    found = [list(make_rows(each)) for each in batch_columns(tables, sizes)]
    assert found == list(batch_rows(tables, sizes))
    assert all(len(each) <= studies for each in found)
    counted = [count_columns(each)["num_studies"] for each in batch_columns(tables, sizes)]
    assert sum(counted) == 40
