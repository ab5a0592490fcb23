"""Tables beside the population, on both engines: once, whole, replaced, removed, checked."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from radkg.errors import ConfigError, GraphError
from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.knowledge import _Writing, write_knowledge
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.schema.known import KnownRelation, Term
from tests.graph.load.test_loader import read_everything
from tests.support.graph.facts import TABLE
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.rows import row

SNAPSHOT = InventedSnapshot([row("1"), row("2")], archive="test")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radkg.graph.load.knowledge.BATCH_RELATIONS", 2)
    monkeypatch.setattr("radkg.graph.load.knowledge.BATCH_TERMS", 2)


def problems(graph: Graph) -> str:
    report = verify(graph, SNAPSHOT)  # type: ignore[arg-type]
    return "\n".join([*report.problems, *report.by_hand])


def known(graph: Graph) -> list[tuple[str, str, str, int]]:
    found = graph.read(
        "MATCH (h)-[k:KNOWN]->(t)"
        " RETURN h.name AS head, k.relation AS relation, t.name AS tail, k.count AS count"
    )
    return sorted(tuple(row.values()) for row in found)


def test_a_table_stands_once_beside_the_population_until_it_is_removed(graph: Graph) -> None:
    load(graph, SNAPSHOT)  # type: ignore[arg-type]
    before = read_everything(graph)
    seen: list[tuple[int, int]] = []
    first = write_knowledge(graph, "t", TABLE, lambda done, total: seen.append((done, total)))
    assert (first.terms, first.relations, first.written, first.removed) == (8, 6, 6, 0)
    assert first.concepts == 2  # effusion and small
    assert seen[-3:] == [(2, 6), (4, 6), (6, 6)]
    whole = read_everything(graph)
    again = write_knowledge(graph, "t", TABLE[::-1])
    assert again == dataclasses.replace(first, written=0)
    assert read_everything(graph) != before
    assert known(graph) == sorted((k.head.name, k.relation, k.tail.name, k.count) for k in TABLE)
    assert problems(graph) == ""
    write_knowledge(graph, "other", TABLE[:1])
    load(graph, InventedSnapshot([row("1")], archive="test"))  # type: ignore[arg-type]
    load(graph, SNAPSHOT, repair=True)  # type: ignore[arg-type]
    assert problems(graph) == ""
    gone = write_knowledge(graph, "other", [])
    assert (gone.relations, gone.written, gone.removed) == (0, 0, 2)
    assert len(read_everything(graph)) == len(whole)
    write_knowledge(graph, "t", [])
    assert read_everything(graph) == before
    assert problems(graph) == ""
    with pytest.raises(ConfigError, match="has no table 't': there is none"):
        write_knowledge(graph, "t", [])


def test_a_changed_table_replaces_what_it_brought_before(graph: Graph) -> None:
    write_knowledge(graph, "t", TABLE)
    report = write_knowledge(graph, "t", TABLE[2:4])
    assert (report.written, report.removed) == (2, 8)
    replaced = known(graph)
    write_knowledge(graph, "t", [])
    write_knowledge(graph, "t", TABLE[2:4])
    assert known(graph) == replaced


def test_killed_in_the_middle_the_same_call_does_the_rest(graph: Graph) -> None:
    class Killed(Exception):
        pass

    def killed(content: list[KnownRelation], at: int) -> None:
        def kill(done: int, total: int) -> None:
            if done == at:
                raise Killed

        with pytest.raises(Killed):
            write_knowledge(graph, "t", content, kill)
        assert problems(graph) == "the import of table t did not end: import it again, or remove it"

    load(graph, SNAPSHOT)  # type: ignore[arg-type]
    write_knowledge(graph, "t", TABLE[3:])
    killed(TABLE, 0)  # when terms of the other content are gone
    killed(TABLE, 2)
    assert write_knowledge(graph, "t", TABLE).written == len(TABLE) - 2
    assert problems(graph) == ""
    killed([], 0)
    write_knowledge(graph, "t", [])
    assert problems(graph) == ""
    assert known(graph) == []


def test_two_at_once_write_each_relation_once(graph: Graph) -> None:
    load(graph, SNAPSHOT)  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: write_knowledge(graph, "t", TABLE), range(2)))
    assert sum(report.written for report in reports) == len(TABLE)
    assert problems(graph) == ""


def test_an_import_that_was_overtaken_stops(graph: Graph) -> None:
    load(graph, SNAPSHOT)  # type: ignore[arg-type]
    writing = _Writing(graph, "t", TABLE)

    def overtake(done: int, total: int) -> None:
        if done == 4:
            write_knowledge(graph, "t", TABLE[:1])

    write_knowledge(graph, "t", [KnownRelation(Term("a", "a"), "is_a", Term("b", "b"), 1)])
    with pytest.raises(GraphError, match="another import"):
        writing.run(overtake)
    assert known(graph) == [("effusion", "located_at", "pleural", 100)]
    assert problems(graph) == ""


CHANGES = {
    "count": ("MATCH ()-[k:KNOWN {count: 9}]->() SET k.count = 10", "table t is not as it was"),
    "property": ("MATCH ()-[k:KNOWN {count: 9}]->() SET k.by = 'me'", "table t is not as it was"),
    "twice": (
        "MATCH (h)-[k:KNOWN {count: 9}]->(t) CREATE (h)-[:KNOWN {relation: k.relation, count: 9}]"
        "->(t)",
        "table t is not as it was",
    ),
    "gone": ("MATCH ()-[k:KNOWN {count: 9}]->() DELETE k", "table t is not as it was"),
    "renamed": ("MATCH (k:Knowledge {name: 'pleura'}) SET k.name = 'x'", "1 Knowledge that are no"),
    "elsewhere": ("MATCH (k:Knowledge {name: 'pleura'}) SET k.table = 'x'", "table t is not as it"),
    "stray term": ("CREATE (:Knowledge {key: 'x'})", "1 Knowledge that are no terms"),
    "stray relation": (
        "MATCH (c:Concept {name: 'small'}), (k:Knowledge {name: 'small'})"
        " CREATE (c)-[:KNOWN {relation: 'is', count: 1}]->(k)",
        "7 KNOWN in the graph, 6 expected",
    ),
    "ledger": ("MATCH (l:KnowledgeLoad) DELETE l", "8 Knowledge that are no terms"),
}


@pytest.mark.parametrize("graph", ["embedded"], indirect=True)
def test_no_change_by_hand_stays_unnoticed(graph: Graph) -> None:
    load(graph, SNAPSHOT)  # type: ignore[arg-type]
    for statement, message in CHANGES.values():
        write_knowledge(graph, "t", TABLE)
        assert problems(graph) == ""
        graph.write(lambda t, statement=statement: run_statement(t, statement))
        assert message in problems(graph), statement
        graph.write(lambda t: run_statement(t, "MATCH (k:Knowledge) DETACH DELETE k"))
        graph.write(lambda t: run_statement(t, "MATCH (k:KnowledgeLoad) DELETE k"))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 101])
def test_a_name_that_is_none(embedded_graph: Graph, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name of a table"):
        write_knowledge(embedded_graph, name, TABLE)
