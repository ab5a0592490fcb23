"""How Neo4j plans the named queries on 20,000 Zipf studies: it seeks, and scans no mention.

Plans follow the statistics of the graph: what is planned well on eight studies may enter from a
concept that millions mention. The embedded engine shows no such plan; it walks patterns as written.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import pytest

from radkg.graph import Graph, open_graph
from radkg.graph.ask.queries import Query
from radkg.graph.load.knowledge import write_knowledge
from radkg.graph.load.loader import load
from radkg.schema.known import KnownRelation, Term
from tests.support.graph.same_answers import forms
from tests.support.graph.servers import run_neo4j
from tests.support.graph.zipf import NAMES, publish_zipf

pytestmark = [pytest.mark.neo4j, pytest.mark.long]

STUDIES = 20_000
_FAULTS = re.compile(
    r"AllNodesScan|NodeByLabelScan \S+:(Mention|Knowledge)\b"
    r"|\w*Relationships?(Type)?Scan|CartesianProduct"
)


@pytest.fixture(scope="module")
def zipf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """On a server of its own, for the one that the other tests share is emptied again and again."""
    folder = tmp_path_factory.mktemp("zipf")
    snapshot = publish_zipf(folder, STUDIES, entities=9)
    with run_neo4j() as (uri, password, _), pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEO4J_USER", "neo4j")
        patch.setenv("NEO4J_PASSWORD", password)
        with open_graph(uri, folder) as graph:
            load(graph, snapshot)
            write_knowledge(graph, "zipf", everything_known())
            graph.read("CALL db.awaitIndexes(120)")
            yield graph


def everything_known() -> list[KnownRelation]:
    """Return each relation between any two of the frequent concepts."""
    terms = [Term(name, name) for name in NAMES]
    kinds = ("modify", "located_at", "suggestive_of")
    return [KnownRelation(*each, 1) for each in itertools.product(terms, kinds, terms)]


def faults(operators: Sequence[str]) -> list[str]:
    """Return the steps of a plan that go through everything where it should seek."""
    return [operator for operator in operators if _FAULTS.match(operator)]


@pytest.mark.parametrize("query", forms(), ids=lambda query: query.name)
def test_a_named_query_seeks(zipf: Graph, query: Query) -> None:
    values = {parameter.name: None for parameter in query.parameters}
    operators = zipf.plan(query.statement, values).operators
    assert len(operators) > 1
    assert not faults(operators), query.statement


@pytest.mark.parametrize(
    "statement",
    [
        "MATCH (n) WHERE n.key = $x RETURN n.name AS name",
        "MATCH (m:Mention) WHERE m.confidence < 0.1 RETURN m.text AS text",
        "MATCH (:Mention)-[r:SUGGESTIVE_OF]->() RETURN r.confidence AS confidence",
        "MATCH (p:Patient), (s:Study) RETURN p.key AS key, count(s) AS studies",
    ],
)
def test_a_scan_is_refused(zipf: Graph, statement: str) -> None:
    assert faults(zipf.plan(statement, {"x": "x"}).operators)
