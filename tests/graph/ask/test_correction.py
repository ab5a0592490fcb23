"""Corrected rates: which table holds for a graph, and where the columns stay empty."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from radkg.errors import ConfigError
from radkg.extractor import load_extractor
from radkg.graph import Graph
from radkg.graph.ask.correction import ErrorTable, parse_table, read_shipped_tables, read_table
from radkg.graph.ask.queries import run_query
from radkg.graph.load.loader import load
from radkg.metrics.prevalence import ErrorCounts, correct_prevalence
from tests.support.graph.facts import study
from tests.support.runs.extractions import InventedSnapshot

ERROR = ErrorCounts(80, 20, 95, 5)
TABLE = ErrorTable("m", "report", {"effusion": ERROR})
FOUR = [study(n, n, "2020-01-01", "+effusion" if n < 3 else "+edema") for n in range(4)]


def fill(graph: Graph, *snapshots: InventedSnapshot) -> None:
    for snapshot in snapshots:
        load(graph, snapshot)  # type: ignore[arg-type]


def test_a_prevalence_stands_beside_the_raw_rate(graph: Graph) -> None:
    fill(graph, InventedSnapshot(FOUR, archive="alpha"))
    expected = correct_prevalence(3, 4, ERROR)
    assert expected is not None
    answer = run_query(graph, "prevalence", {}, [TABLE])
    assert answer.columns[-3:] == ["corrected", "low", "high"]
    assert answer.rows[0] == ["present", 3, 4, 0.75, *expected]
    assert all(row[-3:] == [None] * 3 for row in answer.rows[1:])  # no prevalence
    top = run_query(graph, "top_findings", {}, [TABLE])
    assert top.rows[0] == ["effusion", 3, 4, 0.75, *expected]
    assert top.rows[1] == ["edema", 1, 4, 0.25, None, None, None]  # never measured
    year = run_query(graph, "trend_by_year", {}, [TABLE])
    assert year.rows == [[2020, 3, 4, 0.75, *expected]]
    none = run_query(graph, "prevalence", {"finding": "edema"}, [TABLE])
    assert all(row[-3:] == [None] * 3 for row in none.rows)


@pytest.mark.parametrize("table", [("other", "report"), ("m", "image")])
def test_a_table_of_another_model_or_condition_does_not_hold(
    graph: Graph, table: tuple[str, str]
) -> None:
    fill(graph, InventedSnapshot(FOUR, archive="alpha"))
    answer = run_query(graph, "prevalence", {}, [ErrorTable(*table, TABLE.findings)])
    assert answer.rows[0] == ["present", 3, 4, 0.75, None, None, None]


def test_two_readers_have_no_table(graph: Graph) -> None:
    """A study counts with the stronger reading; a failed one is no reading."""
    failed = study(9, 9, None, archive="beta", reason="broken", condition="image")
    fill(graph, InventedSnapshot(FOUR, archive="alpha"), InventedSnapshot([failed], archive="beta"))
    assert run_query(graph, "prevalence", {}, [TABLE]).rows[0][-3] is not None
    read = study(9, 9, None, "+edema", archive="beta", condition="image")
    fill(graph, InventedSnapshot([read], archive="beta"))
    assert run_query(graph, "prevalence", {}, [TABLE]).rows[0][-3] is None


@pytest.mark.parametrize("name", ["small", "onepass", "rules"])
def test_a_shipped_extractor_has_its_table(name: str) -> None:
    """Fails where the model changed: `radkg evaluate --extractor NAME --errors FILE` measures."""
    model_id = load_extractor(name).model_id
    (table,) = [table for table in read_shipped_tables() if table.model_id == model_id]
    assert table.condition == "report"
    assert {"effusion", "cardiomegaly"} <= table.findings.keys()
    studies = {error.with_finding + error.without_finding for error in table.findings.values()}
    assert len(studies) == 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", json.dumps({"model_id": "m", "condition": "report", "findings": {"a": {}}})],
)
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "errors.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(f"{path} is no table of errors")):
        read_table(path)


def test_a_table_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="cannot read the table of errors /no/such"):
        read_table(Path("/no/such"))


def test_a_table_is_read_as_it_was_written() -> None:
    error = {"true_positives": 1, "false_negatives": 2, "true_negatives": 3, "false_positives": 4}
    text = json.dumps({"model_id": "m", "condition": "report", "findings": {"a": error}})
    assert parse_table(text, "x") == ErrorTable("m", "report", {"a": ErrorCounts(1, 2, 3, 4)})
