"""Several writers of one load, on both engines: what they leave is what one leaves."""

import itertools
import json
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from radkg.errors import GraphError
from radkg.graph import Graph, open_graph
from radkg.graph.engine.engines import EMBEDDED, NEO4J
from radkg.graph.load.ledger import read_ledger
from radkg.graph.load.loader import LoadReport
from radkg.graph.load.writers import split_by_writer, write_in_parallel
from radkg.graph.rows.nested import GraphRow, batch_rows
from radkg.run.snapshot import publish
from tests.graph.load.test_loader import assert_exact, at_once, counts, few, nights, read_everything
from tests.support.graph.loading import HookedGraph, load_small
from tests.support.graph.servers import clear_graph
from tests.support.runs.demo_run import radkg
from tests.support.runs.extractions import InventedSnapshot


def test_each_patient_has_one_writer() -> None:
    batch = [row for part in batch_rows(InventedSnapshot(few()).read_tables()) for row in part]
    shares = dict(split_by_writer(batch, 3))
    patients = [{row["patient"]["key"] for row in share} for share in shares.values()]
    assert len(shares) > 1
    assert sum(map(len, patients)) == len(set.union(*patients))
    together = [row["study"]["key"] for share in shares.values() for row in share]
    assert sorted(together) == [row["study"]["key"] for row in batch]


@pytest.mark.parametrize("number", [1, 3])
def test_what_one_writer_cannot_do_stops_all(number: int) -> None:
    stored: list[int] = []

    def store(batch: list[GraphRow]) -> None:
        if batch[0]["n"] == 4:
            raise GraphError("cannot")
        stored.append(batch[0]["n"])

    endless = ((n % number, [{"n": n}]) for n in itertools.count())
    with pytest.raises(GraphError, match="cannot"):
        list(write_in_parallel(endless, store, number))
    assert len(set(stored)) == len(stored) < 50
    assert number > 1 or stored == [0, 1, 2, 3]


def test_several_writers_leave_what_one_leaves(graph: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    found = []
    for writers in (1, 3):
        clear_graph(graph)
        first = load_small(graph, before, writers=writers)
        assert (*counts(first), first.writers) == (23, 0, 0, 0, writers)
        once = read_everything(graph)
        assert counts(load_small(graph, after, writers=writers)) == (1, 3, 4, 16)
        assert_exact(graph, after)
        found.append((once, read_everything(graph)))
    assert found[0] == found[1]
    assert graph.read("MATCH (k:Lock) RETURN k") == []


def test_progress_rises_to_all(embedded_graph: Graph) -> None:
    clear_graph(embedded_graph)
    seen: list[int] = []
    load_small(
        embedded_graph, InventedSnapshot(few()), lambda done, _: seen.append(done), writers=3
    )
    assert len(seen) > 5
    assert (seen, seen[-1]) == (sorted(seen), 23)


def test_two_loaders_of_one_snapshot_with_different_numbers_of_writers(graph: Graph) -> None:
    snapshot = InventedSnapshot(few())
    reports = at_once(*[lambda n=n: load_small(graph, snapshot, writers=n) for n in (1, 2, 3)])
    assert sum(report.created for report in reports) == 23
    assert_exact(graph, snapshot)


def test_who_is_overtaken_stops_with_all_its_writers(graph: Graph) -> None:
    old, new = InventedSnapshot(few()), InventedSnapshot(few(seed=1, model_id="m2")[4:])
    later: list[LoadReport] = []

    def overtake(done: int, total: int) -> None:
        if done >= 5 and not later:
            later.append(load_small(graph, new, writers=3))

    with pytest.raises(GraphError, match=f"overtaken by one of snapshot {new.snapshot_id}"):
        load_small(graph, old, overtake, writers=3)
    assert later
    assert_exact(graph, new)


def test_two_loaders_race_with_several_writers_each(graph: Graph) -> None:
    rivals = [InventedSnapshot(few(seed=n, model_id=f"m{n}")[n:]) for n in range(2)]
    for _ in range(2):
        clear_graph(graph)
        at_once(*[lambda s=s: load_small(graph, s, writers=3) for s in rivals])
        ledger = read_ledger(graph, "invented|rules")
        assert ledger["complete"]
        (winner,) = (s for s in rivals if s.snapshot_id == ledger["snapshot_id"])
        assert_exact(graph, winner)


def test_a_sweep_between_concepts_and_studies_is_met_by_another_try(
    graph: Graph, login: tuple[str, str]
) -> None:
    def sweep() -> None:
        if threading.current_thread() is threading.main_thread():  # which creates the concepts
            found = "MATCH (c:Concept) WHERE NOT (c)--() WITH collect(c) AS found"
            graph.write(lambda t: t.run(f"{found} FOREACH (c IN found | DELETE c)").consume())

    snapshot = InventedSnapshot(few())
    with HookedGraph(graph, login, after=sweep) as swept:
        report = load_small(swept, snapshot, writers=2)
    assert report.retries > 0
    assert_exact(graph, snapshot)


@pytest.mark.neo4j
def test_the_command_says_who_wrote_and_why(neo4j_uri: str, tmp_path: Path) -> None:
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
    before, after = nights(tmp_path)

    def loaded(*options: str) -> dict[str, Any]:
        command = ("load", "--out", str(tmp_path), "--graph", neo4j_uri, "--json", *options)
        return dict(json.loads(radkg(*command).stdout))

    first = loaded("--writers", "2")
    assert (first["created"], first["writers"], first["sink"]) == (20, 2, "bolt")
    assert "--into builds" in first["why"]
    before = publish(before.storage, pa.concat_tables(before.read_tables()))
    again = loaded()
    assert again["writers"] == NEO4J.default_writers
    assert f"7 of 23 studies differ from snapshot {after.snapshot_id}" in again["why"]
    assert "stands complete" in loaded()["why"]


def test_one_writer_on_the_embedded_engine() -> None:
    assert EMBEDDED.default_writers == 1
    assert 1 <= NEO4J.default_writers <= 4
