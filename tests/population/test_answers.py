"""The columns answer named queries with the rows of the graph, on both engines."""

from __future__ import annotations

import re

import pytest

from radkg.graph import Graph
from radkg.graph.ask.correction import ErrorTable
from radkg.graph.ask.queries import find_query, run_query
from radkg.graph.load.loader import load
from radkg.metrics.prevalence import ErrorCounts
from radkg.population.answers import NAMED
from radkg.population.asking import resolve_name, run_named
from radkg.population.population import Population
from radkg.population.wording import SEVERITY_WORDS, SIDE_WORDS
from tests.graph.ask.test_queries import ALPHA
from tests.support.graph.courses import GAMMA
from tests.support.graph.same_answers import sample_values, variations
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.populations import invent_patients, make_population

ERRORS = ErrorTable("m1", "report", {"effusion": ErrorCounts(90, 10, 880, 20)})
INVENTED = invent_patients(250)


@pytest.mark.parametrize("rows", [ALPHA, GAMMA, INVENTED], ids=["by hand", "over time", "invented"])
def test_the_columns_answer_with_the_rows_of_the_graph(graph: Graph, rows):
    if graph.engine.name == "neo4j" and rows is not ALPHA:
        pytest.skip("other tests hold the answers of both engines equal: one set is enough")
    load(graph, InventedSnapshot(rows, archive=rows[0].archive))  # type: ignore[arg-type]
    population = make_population(rows)
    samples = {name: [*values[:2], values[-1]] for name, values in sample_values(graph).items()}
    compared = 0
    for name in NAMED:
        for values in variations(find_query(name), samples):
            expected = run_query(graph, name, values, [ERRORS])
            found = run_named(population, name, values, [ERRORS])
            assert found == expected, f"{name} {values}"
            assert [list(map(type, row)) for row in found.rows] == [
                list(map(type, row)) for row in expected.rows
            ], f"types: {name} {values}"
            compared += bool(found.rows)
    assert compared > 2 * len(NAMED)


def test_severity_and_sides_have_the_words_of_the_named_queries():
    statement = find_query("severity").statement
    listed = [
        re.findall(r"'([^']+)'", line) for line in statement.splitlines() if "word IN" in line
    ]
    assert [tuple(words) for words in listed] == [*SEVERITY_WORDS.values()][::-1]
    sides = re.findall(r"'(\w+)' IN words OR '(\w+)' IN words", find_query("laterality").statement)
    assert sides == [*SIDE_WORDS.values()]


def test_a_name_is_resolved_as_the_readers_read_it():
    population = make_population(INVENTED)
    assert resolve_name(population, " Effusion") == "effusion"
    assert resolve_name(population, "hydrothorax") == "effusion"
    assert resolve_name(population, "PTX") == "pneumothorax"
    assert resolve_name(population, "no such thing") == "no such thing"


def test_an_empty_population_has_no_prevalence():
    rows = [row for row in INVENTED if row.status != "ok"]
    population: Population = make_population(rows)
    assert run_named(population, "prevalence", {}).rows[0][:4] == ["present", 0, 0, None]
    assert run_named(population, "top_findings", {}).rows == []
    assert run_named(population, "trend_by_year", {}).rows == []
