"""Schema steps on both engines: what is missing is done, once, and nothing newer is touched."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.errors import GraphError
from radkg.graph import Graph, open_graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.ledger import find_standing_snapshot, read_last_complete
from radkg.graph.load.loader import load
from radkg.graph.migrations import steps as migrating
from radkg.graph.migrations.steps import (
    Step,
    list_missing_steps,
    list_steps,
    migrate,
    parse_step,
    read_schema_version,
)
from radkg.graph.verify.full import verify
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from tests.support.graph.bolt_faults import Fault
from tests.support.graph.fault_proxy import FaultProxy
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import invent

KNOWN = list_steps()
COUNTING = "MATCH (l:Load) SET l.n = coalesce(l.n, 0) + 1"  # not the same once and twice
COUNT = Step(len(KNOWN) + 1, "count", "counts", (COUNTING,))


@pytest.fixture
def graph(graph: Graph) -> Iterator[Graph]:
    """An empty graph on each engine, and empty again: others would find it newer than the code."""
    yield graph
    clear_graph(graph)


@pytest.fixture
def night(tmp_path: Path) -> Snapshot:
    return publish(open_storage(str(tmp_path)), to_table(invent(7, entities=6, relations=4)))


def set_version(graph: Graph, version: int | None) -> None:
    statement = "MERGE (v:SchemaVersion {key: 'schema'}) SET v.version = $version"
    graph.write(lambda t: run_statement(t, statement, version=version))


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [step.number for step in list_steps()] == list(range(1, len(list_steps()) + 1))
    assert all(step.what and step.statements for step in list_steps())
    for step in list_steps():
        if step.is_schema:
            assert all("IF NOT EXISTS" in s or "IF EXISTS" in s for s in step.statements)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("1_a.cypher", "// a\nMATCH (n) SET n.x = 1;\n", "for its form"),
        ("001_a.cypher", "MATCH (n) SET n.x = 1;\n", "for its form"),
        ("001_a.cypher", "// a\nMATCH (n) SET n.x = 1\n", "for its form"),
        ("001_a.cypher", "// a\nDROP INDEX a IF EXISTS;\nMATCH (n) SET n.x = 1;\n", "make two"),
    ],
)
def test_a_file_of_another_form_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_step(name, text)


def test_an_empty_graph_gets_every_step_with_its_first_load(graph: Graph, night: Snapshot) -> None:
    assert read_schema_version(graph) == 0
    assert list_missing_steps(graph) == list_steps()
    load(graph, night)
    assert read_schema_version(graph) == len(list_steps())
    assert list_missing_steps(graph) == migrate(graph) == []
    assert verify(graph, night).ok


def test_a_graph_of_the_first_radkg_is_brought_up_to_date(graph: Graph, night: Snapshot) -> None:
    load(graph, night)
    for old in (
        "MATCH (l:Load) REMOVE l.format, l.last_complete, l.retractions",
        "MATCH (v:SchemaVersion) DELETE v",
    ):
        graph.write(lambda t, old=old: run_statement(t, old))
    assert find_standing_snapshot(graph, night) is None
    assert read_last_complete(graph, night) is None
    assert migrate(graph) == list_steps()
    assert read_last_complete(graph, night) == night.snapshot_id
    assert find_standing_snapshot(graph, night) is None  # its rows are of the first format
    assert load(graph, night).unchanged == night.num_studies
    assert find_standing_snapshot(graph, night) == night
    report = verify(graph, night)
    assert report.ok, str(report)


def test_a_load_that_did_not_end_stays_so(graph: Graph) -> None:
    graph.write(
        lambda t: run_statement(t, "CREATE (:Load {key: 'a|b', snapshot_id: 'x', complete: false})")
    )
    migrate(graph)
    assert graph.read("MATCH (l:Load) RETURN l.last_complete AS last, l.format AS format") == [
        {"last": None, "format": None}
    ]


@pytest.mark.parametrize("kind", ["unanswered", "late"])
def test_a_step_is_done_once_whatever_becomes_of_its_commit(
    graph: Graph, login: tuple[str, str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    graph.write(lambda t: run_statement(t, "CREATE (:Load {key: 'a|b'})"))
    migrate(graph)
    monkeypatch.setattr(migrating, "list_steps", lambda: [*KNOWN, COUNT])
    with FaultProxy(graph.address) as proxy, Graph(proxy.address, *login) as far:
        proxy.disturb([Fault(kind, "COMMIT", 0)])
        migrate(far)
        assert len(proxy.delivered) == 1
    migrate(graph)
    assert graph.read("MATCH (l:Load) RETURN l.n AS n") == [{"n": 1}]
    assert read_schema_version(graph) == COUNT.number


KILLED = """
import os, sys
from pathlib import Path
from radkg.graph.migrations import steps as migrating
from radkg.graph import open_graph
from tests.graph.migrations.test_steps import COUNT, COUNTING, KNOWN
migrating.list_steps = lambda: [*KNOWN, COUNT]
def die(transaction, statement, **parameters):
    found = run(transaction, statement, **parameters)
    if statement == COUNTING:
        os.kill(os.getpid(), 9)
    return found
run, migrating.run_statement = migrating.run_statement, die
with open_graph(sys.argv[1], Path(sys.argv[2])) as graph:
    migrating.migrate(graph)
"""


def test_a_step_is_done_once_where_it_was_killed_in_the_middle(
    where: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_graph(*where) as graph:
        graph.write(lambda t: run_statement(t, "CREATE (:Load {key: 'a|b'})"))
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, where)], check=False)
    assert killed.returncode == -9
    monkeypatch.setattr(migrating, "list_steps", lambda: [*KNOWN, COUNT])
    with open_graph(*where) as graph:
        assert read_schema_version(graph) == COUNT.number - 1
        assert migrate(graph) == [COUNT]
        assert graph.read("MATCH (l:Load) RETURN l.n AS n") == [{"n": 1}]
        clear_graph(graph)


def test_a_newer_graph_is_refused_at_every_door(
    graph: Graph, night: Snapshot, tmp_path: Path
) -> None:
    load(graph, night)
    set_version(graph, 99)
    with pytest.raises(GraphError, match="schema version 99, and this radkg knows versions up to"):
        load(graph, night)
    if graph.engine.name == "neo4j":  # where another connection can be opened
        from radkg.cli.app import app

        for verb in (["load"], ["verify"], ["query", "archives"], ["migrate", "--dry-run"]):
            ended = CliRunner().invoke(
                app, [*verb, "--out", str(tmp_path), "--graph", graph.address]
            )
            assert isinstance(ended.exception, GraphError), ended.output
            assert "99" in str(ended.exception)
