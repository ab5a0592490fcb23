"""What goes into a server and what into a new store, on Neo4j: by the change, and by what is lost.

That the new store is then built, test_building.py shows.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from radkg.graph import Graph, open_graph
from radkg.graph.build import sink
from radkg.graph.build.sink import choose_sink, suggest_import
from radkg.graph.load.knowledge import write_knowledge
from radkg.graph.load.loader import load
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from radkg.verbs.load import LoadConfig
from radkg.verbs.load import load as run_load
from tests.graph.load.test_knowledge import TABLE
from tests.graph.load.test_loader import few, nights
from tests.support.graph.servers import clear_graph
from tests.support.runs.demo_run import radkg
from tests.support.runs.extractions import InventedSnapshot

pytestmark = pytest.mark.neo4j


@pytest.fixture
def server(neo4j_uri: str, tmp_path: Path) -> Iterator[Graph]:
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
        yield graph


def test_half_of_the_studies_make_a_new_store(server: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    first = choose_sink(server, before)
    assert first.build
    assert first.why.startswith("none of 23 studies stands, 50% or more: a new store is built")
    assert f"{server.address} is as it was" in first.why
    load(server, before)
    small = choose_sink(server, after)
    assert not small.build
    assert f"4 of 20 studies differ from snapshot {before.snapshot_id}, less than 50%" in small.why
    assert load(server, after, differ=small.differ).replaced == 3
    assert choose_sink(server, after).why.startswith("0 of 20 studies differ")
    assert choose_sink(server, after, repair=True).build
    model = publish(after.storage, to_table(few(seed=1, model_id="m2")))
    assert choose_sink(server, model).build


def test_digests_are_compared_where_no_night_is_known(server: Graph, tmp_path: Path) -> None:
    load(server, InventedSnapshot(few()[:11]))  # not published beside the other
    half = publish(open_storage(str(tmp_path)), to_table(few()))
    chosen = choose_sink(server, half)
    assert chosen.build
    assert "12 of 23 studies do not stand as they are published" in chosen.why
    record_retraction(half.storage, "study", "s0000011", undo=False)
    record_retraction(half.storage, "study", "s0000012", undo=False)
    chosen = choose_sink(server, half)
    assert not chosen.build
    assert "10 of 21 studies do not stand" in chosen.why


def test_nothing_that_the_server_holds_besides_is_left_behind(
    server: Graph, tmp_path: Path
) -> None:
    night = publish(open_storage(str(tmp_path)), to_table(few()))
    load(server, InventedSnapshot(few(archive="other"), archive="other"))
    write_knowledge(server, "t", TABLE[:1])
    server.write(lambda t: t.run("CREATE (:Mine), ()").consume())
    chosen = choose_sink(server, night)
    assert not chosen.build
    assert (
        "a new store would lack what the server holds: other|rules, 2 Knowledge, 1 KnowledgeLoad,"
        " 1 Mine, 1 no label"
    ) in chosen.why


def test_a_large_first_load_is_told_of_the_import(
    server: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = nights(tmp_path)
    assert suggest_import(server, before, tmp_path) is None  # too few
    monkeypatch.setattr(sink, "IMPORT_FROM", 20)
    assert suggest_import(server, before, None) is None
    config = LoadConfig(out=str(tmp_path), graph=server.address, neo4j_home=tmp_path)
    run_load(config)
    assert "a first load of 20 studies: `radkg load --into DIR` builds a new store" in caplog.text
    assert suggest_import(server, after, tmp_path) is None  # it stands
    clear_graph(server)
    load(server, InventedSnapshot(few(archive="other"), archive="other"))
    assert suggest_import(server, before, tmp_path) is None  # a new store would lack the other


def test_the_command_loads_a_small_difference_and_builds_nothing(
    server: Graph, neo4j_home: Path, tmp_path: Path
) -> None:
    before, _ = nights(tmp_path)
    load(server, before)
    into = tmp_path / "new"
    command = ("load", "--out", str(tmp_path), "--graph", server.address, "--into", str(into))
    done = radkg(*command, "--json", NEO4J_HOME=str(neo4j_home))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["sink"], report["created"], report["replaced"]) == ("bolt", 1, 3)
    assert report["why"].endswith("less than 50%: the server takes the difference")
    assert not into.exists()
