"""Free Cypher on both engines: what reads is answered, what writes is refused."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from radkg.errors import ConfigError, GraphError
from radkg.graph import Graph, open_graph
from radkg.graph.ask.free_cypher import check_reading, run_cypher
from radkg.graph.ask.queries import list_queries, run_query
from radkg.graph.load.loader import load
from tests.support.graph.facts import study
from tests.support.graph.hostile import payloads
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot

STUDIES = [study(n, n, "2020-01-01", "+effusion", "left > effusion") for n in range(5)]

WRITING = [
    "CREATE (n:X)",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n) DELETE n",
    "MATCH (n) SET n.x = 1",
    "MATCH (n) REMOVE n.key",
    "MERGE (n:X {key: 1}) RETURN n",
    "UNWIND [1] AS x FOREACH (y IN [x] | CREATE (:X))",
    "RETURN 1 AS x UNION CREATE (n:X) RETURN 1 AS x",
    "CALL { CREATE (:X) } RETURN 1",
    "MATCH (n) CALL { WITH n SET n.x = 1 } IN TRANSACTIONS RETURN 1",
    "/* harmless */ MATCH (n) // nothing\nset n.x = 1",
    "MATCH (n) WHERE n.key = 'it''s' SET n.x = 1",
    "MATCH (n) WHERE n.key = '\\'' SET n.x = 1 //'",
    "MATCH (n) WHERE n.`a``b` = '' SET n.x = 1 //`",
    "CREATE INDEX x FOR (n:X) ON (n.y)",
    "DROP CONSTRAINT x",
    "SHOW USERS",
    "CREATE USER x SET PASSWORD 'abcdefgh1'",
    "EXPLAIN MATCH (n) RETURN n",
    "PROFILE MATCH (n) RETURN n",
    "CYPHER 5 MATCH (n) RETURN n",
    "LOAD CSV FROM 'file:///etc/passwd' AS x RETURN x",
    "MATCH (n) LOAD CSV FROM 'file:///etc/passwd' AS x RETURN x",
    "CALL dbms.listConfig()",
    "CALL db.createLabel('X')",
    "CALL `db`.`createLabel`('X')",
    "MATCH (n) CALL apoc.create.node(['X'], {}) YIELD node RETURN node",
    "MATCH (n) RETURN n.key AS key; MATCH (n) DETACH DELETE n",
    "MATCH (n) \\u0053ET n.x = 1",
    "RETURN 'x",
    "",
    "// nothing",
]


@pytest.mark.parametrize("statement", WRITING)
def test_what_does_more_than_read_is_refused_by_its_text(statement: str) -> None:
    with pytest.raises(GraphError):
        check_reading(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "RETURN 'CREATE (n) SET' AS x",
        'RETURN "DELETE // it" AS x // DELETE',
        "MATCH (n) /* SET */ RETURN n.`set` AS `DELETE`",
        "match (n:Study) with n return count(n) as created",
        "CALL { MATCH (n) RETURN n } RETURN count(n) AS n",
        "CALL db.labels() YIELD label RETURN label",
        "RETURN $set AS x",
        "RETURN 1 AS x;",
        *(query.statement for query in list_queries()),
    ],
)
def test_what_reads_is_let_through(statement: str) -> None:
    check_reading(statement)


def test_an_answer(graph: Graph) -> None:
    load(graph, InventedSnapshot(STUDIES, archive="alpha"))  # type: ignore[arg-type]
    answer, is_cut = run_cypher(
        graph,
        """
        // who has it?
        MATCH (c:Concept {name: $name})<-[:HAS_FINDING]-(s:Study)
        WHERE s.study_id IN $ids
        RETURN s.study_id AS study_id, s.study_date AS day, c AS concept, [1, null] AS list
        ORDER BY study_id
        """,
        {"name": "effusion", "ids": ["s1", "s3", "s9"]},
    )
    assert answer.columns == ["study_id", "day", "concept", "list"]
    assert [row[:2] for row in answer.rows] == [["s1", date(2020, 1, 1)], ["s3", date(2020, 1, 1)]]
    assert json.loads(str(answer.rows[0][2]))["key"] == "observation:effusion"
    assert answer.rows[0][3] == "[1, null]"
    assert answer.parameters == {"name": "effusion", "ids": '["s1", "s3", "s9"]'}
    assert not is_cut


def test_an_empty_answer(graph: Graph) -> None:
    answer, _ = run_cypher(graph, "MATCH (n:Study) RETURN n.key AS key", {})
    assert answer.rows == []
    assert answer.columns == (["key"] if graph.engine.name == "neo4j" else [])


def test_rows_are_capped(graph: Graph) -> None:
    def count(limit: int) -> tuple[int, bool]:
        answer, is_cut = run_cypher(graph, "UNWIND range(1, 9) AS x RETURN x", {}, max_rows=limit)
        return len(answer.rows), is_cut

    assert (count(8), count(9), count(10)) == ((8, True), (9, False), (9, False))


@pytest.mark.parametrize("limits", [{"timeout_s": 0.0}, {"timeout_s": -1.0}, {"max_rows": 0}])
def test_limits_are_checked(graph: Graph, limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="--timeout is more than 0 and --max-rows at least 1"):
        run_cypher(graph, "RETURN 1 AS x", {}, **limits)


def test_a_wrong_statement_says_what(graph: Graph) -> None:
    with pytest.raises(GraphError, match="refused a statement"):
        run_cypher(graph, "MATCH (n RETURN n", {})


def test_what_writes_changes_nothing(graph: Graph) -> None:
    load(graph, InventedSnapshot(STUDIES, archive="alpha"))  # type: ignore[arg-type]
    before = counts(graph)
    for statement in WRITING:
        with pytest.raises(GraphError):
            run_cypher(graph, statement, {})
    assert counts(graph) == before


def test_the_client_refuses_what_the_text_hides(graph: Graph) -> None:
    """The last fence alone: nothing is committed."""
    before = counts(graph)
    with pytest.raises(GraphError):
        graph.read_some("CREATE (n:X) RETURN n", {}, timeout_s=10, limit=1)
    assert counts(graph) == before


@pytest.mark.parametrize("engine", ["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def test_a_statement_that_takes_too_long_is_stopped(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """On a connection, and for the embedded engine a store, of its own: it is closed by that."""
    where = request.getfixturevalue("neo4j_uri") if engine == "neo4j" else "embedded"
    slow = "UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b RETURN sum(a * b) AS x"
    with (
        open_graph(where, tmp_path / "store") as graph,
        pytest.raises(GraphError, match="stopped after 1 s"),
    ):
        run_cypher(graph, slow, {}, timeout_s=1)


@pytest.mark.parametrize(
    "number", [100, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1500)])]
)
def test_no_value_becomes_a_part_of_a_statement(graph: Graph, number: int) -> None:
    """As parameters of named queries and of free Cypher, and as names of queries and parameters."""
    load(graph, InventedSnapshot(STUDIES, archive="alpha"))  # type: ignore[arg-type]
    before = counts(graph)
    asked = itertools.cycle((q, p) for q in list_queries() for p in q.parameters)
    needed = {"subject_id": "nobody", "study_id": "none"}
    answered = 0
    for payload, (query, parameter) in zip(payloads(number), asked, strict=False):
        values = {p.name: needed[p.name] for p in query.parameters if p.default is None}
        try:
            answer = run_query(graph, query.name, values | {parameter.name: payload})
            answered += 1
            assert payload == answer.parameters[parameter.name] or parameter.type == "concept"
        except ConfigError:
            assert parameter.type not in ("string", "concept") or not is_text(payload)
        for wrong in ((payload, {}), (query.name, {payload: "x"})):
            with pytest.raises(ConfigError):
                run_query(graph, *wrong)
        if is_text(payload):
            free, _ = run_cypher(graph, "RETURN $value AS value", {"value": payload})
            assert free.rows == [[payload]]
    assert answered > number / 4
    assert counts(graph) == before
    assert run_query(graph, "prevalence", {}).rows[0][:3] == ["present", 5, 5]


def is_text(payload: str) -> bool:
    """Tell whether it can be sent at all: half of a surrogate pair cannot."""
    return not any(0xD800 <= ord(character) < 0xE000 for character in payload)


def counts(graph: Graph) -> list[Any]:
    """Return how many nodes, relationships and properties there are, and which labels."""
    statements = (
        "MATCH (n) RETURN count(n) AS number, sum(size(keys(n))) AS properties",
        "MATCH ()-[r]->() RETURN count(r) AS number, sum(size(keys(r))) AS properties",
        "MATCH (n) RETURN DISTINCT labels(n) AS labels ORDER BY labels",
    )
    return [graph.read(statement) for statement in statements]


def test_an_emptied_graph_counts_as_one(graph: Graph) -> None:
    """`counts` sees what it is for."""
    load(graph, InventedSnapshot(STUDIES, archive="alpha"))  # type: ignore[arg-type]
    before = counts(graph)
    clear_graph(graph)
    assert counts(graph) != before
