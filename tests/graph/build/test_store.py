"""Building a Neo4j store by import: the same graph as a load, verified, and nothing in between."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radkg.errors import ConfigError, GraphError, SnapshotError, StorageError
from radkg.graph import Graph, open_graph
from radkg.graph.build.store import build_store
from radkg.graph.engine.neo4j_home import Neo4jHome
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.progress import say_nothing
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.schema.records import Entity, Extraction, Relation
from radkg.storage import open_storage
from tests.graph.load.test_loader import HOSTILE
from tests.support.graph.contents import read_everything
from tests.support.graph.servers import clear_graph, run_neo4j
from tests.support.runs.demo_run import radkg
from tests.support.runs.extractions import InventedSnapshot, invent
from tests.support.runs.rows import row

pytestmark = pytest.mark.neo4j


@contextlib.contextmanager
def served(store: Path) -> Iterator[Graph]:
    """The graph of a server that was switched to the store."""
    with (
        run_neo4j(store) as (address, password, _),
        Graph(address, "neo4j", password) as graph,
    ):
        yield graph


def mixed() -> list[Extraction]:
    """Usual studies, hostile words, and what has no mention, no date, no text or no place."""
    none: dict[str, Any] = {"entities": (), "relations": ()}
    image = Entity("edema", "OBS-U", "edema", None, None, None, "image", 0.25)
    hostile = [
        row(
            f"{word} {number}",
            archive="invented",
            subject_id=word,
            entities=(
                Entity(f"{word}!", "OBS-DP", f"c {word}", 0, 3, word),
                Entity("long", "OBS-DP", "long", 0, 7, None),
            ),
            relations=(Relation(0, 1, "modify"),),
        )
        for number, word in enumerate([*HOSTILE, "7", "true", "2020-01-01", "a;b", " a ", "\t"])
    ]
    return [
        *invent(200, vocabulary=40),
        *hostile,
        row("1", archive="invented", status="empty", **none),
        row("2", archive="invented", status="failed", reason="not text", **none),
        row("3", archive="invented", study_date=None),
        row("4", archive="invented", condition="image", entities=(image,), relations=()),
        row("5", archive="invented", view_positions=("AP", "L;'\"", "LATERAL"), age=0, sex="other"),
        row("6", archive="invented", view_positions=("PA",), age=90, sex="male"),
    ]


def test_the_import_is_the_load(neo4j_home: Path, neo4j_uri: str, tmp_path: Path) -> None:
    published = tmp_path / "out"
    snapshot = publish(open_storage(str(published)), to_table(mixed()))
    command = ("load", "--out", str(published), "--into", str(tmp_path / "store"))
    refused = radkg(*command, NEO4J_HOME="")
    assert refused.returncode == 2
    assert "--neo4j-home" in refused.stderr
    with open_graph(neo4j_uri, tmp_path) as server:
        clear_graph(server)
        # an empty server needs every study, so the store is built, and the server left alone
        chosen = (*command, "--graph", neo4j_uri, "--json")
        done = radkg(*chosen, NEO4J_HOME=str(neo4j_home))
        assert done.returncode == 0, done.stderr
        assert read_everything(server) == []
    report = json.loads(done.stdout)
    assert report["sink"] == "import"
    assert f"none of {snapshot.num_studies} studies stands, 50% or more" in report["why"]
    assert {path.name for path in tmp_path.iterdir()} == {"out", "store"}
    with open_graph(neo4j_uri, tmp_path) as loaded:
        clear_graph(loaded)
        by_load = load(loaded, snapshot)
        expected = read_everything(loaded)
        ledger = loaded.read("MATCH (l:Load) RETURN properties(l) AS p")[0]["p"]
        schema = "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties"
        constraints = loaded.read(schema)
    assert report["nodes"] == by_load.nodes
    assert report["relationships"] == by_load.relationships
    with served(tmp_path / "store") as graph:
        assert read_everything(graph) == expected
        found = graph.read("MATCH (l:Load) RETURN properties(l) AS p")[0]["p"]
        own = {"loaded_at"}
        assert {k: v for k, v in found.items() if k not in own} == {
            k: v for k, v in ledger.items() if k not in own
        }
        by_key = str
        assert sorted(graph.read(schema), key=by_key) == sorted(constraints, key=by_key)
        assert load(graph, snapshot).unchanged == snapshot.num_studies
        # and the nights after come by Bolt
        after = publish(snapshot.storage, to_table(mixed()[5:]))
        assert load(graph, after).removed == 5
        assert verify(graph, after).ok


@pytest.mark.long
def test_a_store_that_differs_is_not_put_in_place(
    neo4j_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "radkg.graph.build.import_tables.build_concept", lambda key: {"key": key, "name": "x"}
    )
    with pytest.raises(GraphError, match="concepts whose key is not their kind and name"):
        build_store(
            InventedSnapshot(invent(3)), tmp_path / "store", Neo4jHome(neo4j_home), say_nothing
        )
    assert not list(tmp_path.iterdir())


def test_an_empty_text_is_refused(neo4j_home: Path, tmp_path: Path) -> None:
    silent = row("1", entities=(Entity("", "OBS-DP", "edema", 0, 0, None),), relations=())
    with pytest.raises(GraphError, match="the text of a Mention is an empty text"):
        build_store(
            InventedSnapshot([silent]), tmp_path / "store", Neo4jHome(neo4j_home), say_nothing
        )
    assert not list(tmp_path.iterdir())


def test_what_stands_is_not_touched(neo4j_home: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "note").write_text("mine")
    with pytest.raises(StorageError, match="holds something"):
        build_store(
            InventedSnapshot(invent(3)), tmp_path / "store", Neo4jHome(neo4j_home), say_nothing
        )
    assert (tmp_path / "store" / "note").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_part_leaves_nothing(neo4j_home: Path, tmp_path: Path) -> None:
    class Damaged(InventedSnapshot):
        def read_tables(self, columns: Any = None) -> Iterator[Any]:
            raise SnapshotError("damaged")

    with pytest.raises(SnapshotError):
        build_store(Damaged(invent(3)), tmp_path / "store", Neo4jHome(neo4j_home), say_nothing)
    assert not list(tmp_path.iterdir())


def test_no_installation(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no Neo4j in .*--neo4j-home"):
        Neo4jHome(tmp_path)
