"""The client on both engines: values, access modes, errors, repeated transactions."""

import logging
import threading
from datetime import date

import pytest

from radkg.errors import GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import Transaction, run_statement


def test_values_come_back_as_python(graph: Graph) -> None:
    value = {"day": date(2024, 2, 29), "list": [date(1999, 1, 1), 1, 0.1, None, "x"], "end": True}
    assert graph.read("RETURN $value AS value", value=value) == [{"value": value}]
    graph.write(
        lambda tx: run_statement(tx, "CREATE (:Study {key: 'k', study_date: $day})", **value)
    )
    (found,) = graph.read("MATCH (s:Study) RETURN s AS node, s.study_date AS day")
    assert found == {"node": {"key": "k", "study_date": value["day"]}, "day": value["day"]}


def test_reading_changes_nothing(graph: Graph) -> None:
    for statement in ("CREATE (:Study {key: 'k'})", "CREATE (n:Study {key: 'k'}) RETURN n"):
        with pytest.raises(GraphError):
            graph.read(statement)
    assert graph.read("MATCH (n) RETURN count(n) AS number") == [{"number": 0}]


def test_a_wrong_statement_says_where_and_what(graph: Graph) -> None:
    with pytest.raises(GraphError, match=r"bolt://127\.0\.0\.1:\d+ refused a statement: .*CREAT"):
        graph.read("CREAT (n)")
    with pytest.raises(GraphError, match="refused a statement"):
        graph.run_schema("CREATE CONSTRAINT nonsense")


def test_a_failed_transaction_leaves_nothing(graph: Graph) -> None:
    def work(transaction: Transaction) -> None:
        run_statement(transaction, "CREATE (:Study {key: 'k'})")
        raise LookupError

    with pytest.raises(LookupError):
        graph.write(work)
    assert graph.read("MATCH (n) RETURN count(n) AS number") == [{"number": 0}]


def test_conflicting_writers_all_succeed(graph: Graph) -> None:
    graph.run_schema("CREATE CONSTRAINT IF NOT EXISTS FOR (n:Study) REQUIRE n.key IS UNIQUE")
    tries = 0

    def work(transaction: Transaction) -> None:
        nonlocal tries
        tries += 1
        run_statement(transaction, "MERGE (s:Study {key: 'k'}) SET s.n = coalesce(s.n, 0) + 1")

    def write() -> None:
        for _ in range(10):
            graph.write(work)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert graph.read("MATCH (s:Study) RETURN s.n AS n") == [{"n": 40}]
    assert tries >= 40


def test_the_driver_is_silent(graph: Graph, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        graph.read("MATCH (n:NoSuchLabel {nothing: 1}) RETURN n.nothing AS x")
    assert not caplog.records


def test_the_embedded_engine_wants_its_password(embedded_graph: Graph) -> None:
    with pytest.raises(GraphError, match="NEO4J_PASSWORD") as error:
        Graph(embedded_graph.address, "root", "wrong-one")
    assert "wrong-one" not in str(error.value)
