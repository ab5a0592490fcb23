"""`radkg.graph.query` on both engines, as a notebook calls it."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from radkg.errors import ConfigError, GraphError
from radkg.graph import Graph, query
from radkg.graph.load.loader import load
from tests.support.graph.facts import study
from tests.support.runs.extractions import InventedSnapshot

STUDIES = [
    study(1, 1, "2020-01-01", "+effusion", "+edema"),
    study(2, 2, None, "+effusion", confidence=0.5),
]


@pytest.fixture
def filled(graph: Graph) -> Graph:
    load(graph, InventedSnapshot(STUDIES, archive="alpha"))  # type: ignore[arg-type]
    return graph


def test_a_named_query_as_pandas(filled: Graph) -> None:
    frame = query("studies_with_finding", filled, finding="effusion", since=None, limit=5)
    assert list(frame["study_id"]) == ["s1", "s2"]
    assert list(frame["study_date"]) == [date(2020, 1, 1), None]
    assert list(frame["confidence"]) == [1.0, 0.5]
    assert frame.attrs["question"].startswith("In which studies")
    assert frame.attrs["parameters"]["limit"] == 5


def test_a_named_query_as_arrow(filled: Graph) -> None:
    table = query("studies_with_finding", filled, form="arrow", since=date(2019, 12, 31))
    assert table["study_date"].to_pylist() == [date(2020, 1, 1)]
    assert table.schema.field("study_date").type == pa.date32()
    assert table.schema.field("mentions").type == pa.int64()
    assert table.schema.metadata[b"parameter.since"] == b"2019-12-31"


def test_an_empty_answer_has_its_columns(filled: Graph) -> None:
    assert list(query("failed_studies", filled).columns) == [
        *("archive", "study_id", "extractor", "reason")
    ]
    assert query("failed_studies", filled, form="arrow").num_columns == 4


def test_cypher_with_parameters(filled: Graph) -> None:
    statement = "MATCH (s:Study) WHERE s.study_id IN $ids RETURN s.study_id AS id ORDER BY id"
    assert list(query(statement, filled, ids=["s1", "s2", "s3"])["id"]) == ["s1", "s2"]
    with pytest.raises(ConfigError, match="more than max_rows=1 rows"):
        query(statement, filled, max_rows=1, ids=["s1", "s2"])
    with pytest.raises(GraphError, match="holds DETACH"):
        query("MATCH (n) DETACH DELETE n", filled)


def test_a_directory(embedded_graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"no graph at .*/nowhere/graph: run `radkg load --out"):
        query("archives", tmp_path / "nowhere")
    (tmp_path / "graph").mkdir()
    assert query("archives", tmp_path, form="arrow").num_rows == 0  # opened and closed


def test_an_address(filled: Graph) -> None:
    with pytest.raises(ConfigError, match="holds a login"):
        query("archives", "bolt://a:b@localhost:7687")
    if filled.engine.name == "neo4j":
        assert list(query("archives", filled.address)["studies"]) == [2]


def test_what_cannot_be_given(filled: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="neither pandas nor arrow"):
        query("archives", filled, form="polars")  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="no query 'archive': did you mean 'archives'"):
        query("archive", filled)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        query("archives", filled)
