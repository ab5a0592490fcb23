"""Loading, on both engines: what it leaves is exactly the snapshot, whatever happened before."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radkg.errors import GraphError, SnapshotError
from radkg.graph import Graph, open_graph
from radkg.graph.load.loader import LoadReport, load
from radkg.graph.verify.full import verify
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.schema.records import Entity, Extraction, Relation
from radkg.storage import open_storage
from tests.support.graph.contents import read_everything
from tests.support.graph.loading import HookedGraph, load_small
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot, invent
from tests.support.runs.processes import children, commands
from tests.support.runs.rows import row

KINDS = ("created", "replaced", "removed", "unchanged")


def few(**arguments: Any) -> list[Extraction]:
    return invent(23, entities=6, relations=4, vocabulary=20, **arguments)


def counts(report: LoadReport) -> tuple[int, ...]:
    return tuple(getattr(report, kind) for kind in KINDS)


def assert_exact(graph: Graph, *snapshots: InventedSnapshot) -> None:
    for snapshot in snapshots:
        report = verify(graph, snapshot)
        assert report.ok, str(report)


def test_once_and_twice(graph: Graph) -> None:
    snapshot = InventedSnapshot(few(), rows_per_table=7)
    seen: list[tuple[int, int]] = []
    first = load_small(graph, snapshot, lambda done, total: seen.append((done, total)))
    assert counts(first) == (23, 0, 0, 0)
    assert seen == [(5, 23), (10, 23), (15, 23), (20, 23), (23, 23)]
    assert_exact(graph, snapshot)
    once = read_everything(graph)
    nodes = graph.read("MATCH (n) RETURN count(n) AS n")[0]["n"]
    assert (first.studies, first.nodes) == (23, nodes)
    second = load_small(graph, snapshot)
    assert counts(second) == (0, 0, 0, 23)
    assert (second.nodes, second.relationships) == (first.nodes, first.relationships)
    assert read_everything(graph) == once


def test_equal_rows_in_another_snapshot_are_skipped(graph: Graph) -> None:
    extractions = few()
    load_small(graph, InventedSnapshot(extractions))
    more = InventedSnapshot([*extractions, *few(seed=1, archive="invented")[:0]], rows_per_table=3)
    again = InventedSnapshot([*extractions, row("z", archive="invented")])
    assert more.snapshot_id != again.snapshot_id
    assert counts(load_small(graph, again)) == (1, 0, 0, 23)
    assert_exact(graph, again)


def test_a_new_model_replaces_and_the_missing_are_retracted(graph: Graph) -> None:
    old = few()
    load_small(graph, InventedSnapshot(old))
    new = InventedSnapshot(few(seed=1, model_id="m2")[4:21])
    assert counts(load_small(graph, new)) == (0, 17, 6, 0)
    assert_exact(graph, new)
    replaced = read_everything(graph)
    clear_graph(graph)
    load_small(graph, new)
    assert read_everything(graph) == replaced


def test_one_changed_study_replaces_one(graph: Graph) -> None:
    old = few()
    load_small(graph, InventedSnapshot(old))
    changed = dataclasses.replace(old[3], subject_id="somebody else", study_date=None)
    new = InventedSnapshot([*old[:3], changed, *old[4:]])
    assert counts(load_small(graph, new)) == (0, 1, 0, 22)
    assert_exact(graph, new)


def test_replacing_leaves_no_relationship(graph: Graph) -> None:
    # The embedded engine left some standing when it deleted what it walked, 200 studies at a time.
    load(graph, InventedSnapshot(invent(400)))
    new = InventedSnapshot(invent(400, model_id="m2")[40:])
    assert counts(load(graph, new)) == (0, 360, 40, 0)
    assert_exact(graph, new)


def test_two_archives_and_two_extractors_share_a_graph(graph: Graph) -> None:
    a = InventedSnapshot(few())
    b = InventedSnapshot(few(archive="other", seed=1), archive="other")
    c = InventedSnapshot(few(extractor="onepass", seed=2), extractor="onepass")
    for snapshot in (a, b, c):
        assert counts(load_small(graph, snapshot)) == (23, 0, 0, 0)
    assert_exact(graph, a, b, c)
    assert graph.read("MATCH (s:Study) RETURN count(s) AS n") == [{"n": 46}]
    fewer = InventedSnapshot(few()[:2])
    assert counts(load_small(graph, fewer)) == (0, 0, 21, 2)
    assert_exact(graph, fewer, b, c)
    assert graph.read("MATCH (s:Study) RETURN count(s) AS n") == [{"n": 46}]
    last = InventedSnapshot(few(extractor="onepass", seed=2)[:1], extractor="onepass")
    load_small(graph, last)
    assert_exact(graph, fewer, b, last)
    assert graph.read("MATCH (s:Study) RETURN count(s) AS n") == [{"n": 25}]


def test_empty_failed_undated_and_image_studies(graph: Graph) -> None:
    none: dict[str, Any] = {"entities": (), "relations": ()}
    image = Entity("edema", "OBS-U", "edema", None, None, None, "image", 0.25)
    snapshot = InventedSnapshot(
        [
            row("1", status="empty", **none),
            row("2", status="failed", reason="the report is not text", **none),
            row("3", study_date=None),
            row("4", condition="image", entities=(image,), relations=()),
        ],
        archive="test",
    )
    assert counts(load_small(graph, snapshot)) == (4, 0, 0, 0)
    assert_exact(graph, snapshot)
    assert graph.read(
        "MATCH (s:Study)-[:HAS_EXTRACTION]->(x) RETURN s.study_id AS study_id, x.status AS status,"
        " x.reason AS reason, s.study_date IS NULL AS undated ORDER BY study_id"
    ) == [
        {"study_id": "1", "status": "empty", "reason": None, "undated": False},
        {"study_id": "2", "status": "failed", "reason": "the report is not text", "undated": False},
        {"study_id": "3", "status": "ok", "reason": None, "undated": True},
        {"study_id": "4", "status": "ok", "reason": None, "undated": False},
    ]
    nothing = InventedSnapshot([row("1", status="empty", **none)], archive="test")
    assert counts(load_small(graph, nothing)) == (0, 0, 3, 1)
    assert_exact(graph, nothing)
    assert graph.read("MATCH (c:Concept) RETURN count(c) AS n") == [{"n": 0}]


HOSTILE = ["`", "'", '"', "\n", "'}) DETACH DELETE n //", "\\", "$x", "{a}", "\0", "\u202e", "é💥"]


def test_hostile_words_are_values(graph: Graph) -> None:
    long = "x" * 10**6
    snapshot = InventedSnapshot(
        [
            row(
                f"{word} {number}",
                subject_id=word,
                model_id=word,
                entities=(
                    Entity(f"{word}!", "OBS-DP", f"c {word}", 0, 3, word),
                    Entity(long, "OBS-DP", "long", 0, len(long), None),
                ),
                relations=(Relation(1, 0, "modify"),),
            )
            for number, word in enumerate(HOSTILE)
        ],
        archive="test",
    )
    load_small(graph, snapshot)
    assert_exact(graph, snapshot)
    texts = {r["t"] for r in graph.read("MATCH (m:Mention {ordinal: 0}) RETURN m.text AS t")}
    assert texts == {f"{word}!" for word in HOSTILE}
    denied = [
        dataclasses.replace(
            each,
            entities=(dataclasses.replace(each.entities[0], label="OBS-DA"), each.entities[1]),
        )
        for each in snapshot.extractions
    ]
    load_small(graph, InventedSnapshot(denied, archive="test"))  # sums are found by these words
    assert_exact(graph, InventedSnapshot(denied, archive="test"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(TEXT, TEXT, st.floats(0, 1)), unique_by=lambda each: each[0]))
def test_any_text_comes_back(embedded_graph: Graph, drawn: list[tuple[str, str, float]]) -> None:
    snapshot = InventedSnapshot(
        [
            row(
                study_id,
                entities=(Entity(f"{word}.", "OBS-DP", word, 0, 1, word, confidence=confidence),),
                relations=(),
            )
            for study_id, word, confidence in drawn
        ]
        or [row("1")],
        archive="test",
    )
    clear_graph(embedded_graph)
    load_small(embedded_graph, snapshot)
    assert_exact(embedded_graph, snapshot)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run the works in threads of their own; return what they gave or raised."""
    results: list[Any] = [None] * len(works)

    def run(index: int) -> None:
        try:
            results[index] = works[index]()
        except GraphError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_three_loaders_of_one_snapshot_at_once(graph: Graph) -> None:
    snapshot = InventedSnapshot(few())
    reports = at_once(*[lambda: load_small(graph, snapshot)] * 3)
    assert sum(report.created for report in reports) == 23
    assert_exact(graph, snapshot)


def test_loaders_of_three_archives_at_once(graph: Graph) -> None:
    names = ("a", "b", "c")
    old = [InventedSnapshot(few(archive=name), archive=name) for name in names]
    new = [InventedSnapshot(few(archive=name, seed=1)[3:], archive=name) for name in names]
    for snapshots in (old, new):
        reports = at_once(*[lambda s=s: load_small(graph, s) for s in snapshots])
        assert all(isinstance(report, LoadReport) for report in reports), reports
        assert_exact(graph, *snapshots)


def test_a_load_that_is_overtaken_stops(graph: Graph) -> None:
    old, new = InventedSnapshot(few()), InventedSnapshot(few(seed=1, model_id="m2"))

    def overtake(done: int, total: int) -> None:
        if done == 10:
            load_small(graph, new)

    with pytest.raises(GraphError, match=f"overtaken by one of snapshot {new.snapshot_id}"):
        load_small(graph, old, overtake)
    assert_exact(graph, new)


class Stopped(Exception):
    """Raised by a progress function in the middle of a load."""


def test_a_load_that_stops_in_the_middle_goes_on(graph: Graph) -> None:
    def stop(done: int, total: int) -> None:
        if done == 15:
            raise Stopped

    old, new = InventedSnapshot(few()), InventedSnapshot(few(seed=1, model_id="m2")[5:])
    with pytest.raises(Stopped):
        load_small(graph, old, stop)
    report = verify(graph, old)
    assert len(report.differences) == 8
    assert "did not end" in str(report)
    assert counts(load_small(graph, old)) == (8, 0, 0, 15)
    assert_exact(graph, old)
    with pytest.raises(Stopped):
        load_small(graph, new, stop)
    assert counts(load_small(graph, new)) == (0, 3, 5, 15)
    assert_exact(graph, new)
    load_small(graph, old)  # a complete load of another snapshot came between
    assert_exact(graph, old)


def nights(place: Path) -> tuple[Snapshot, Snapshot]:
    """Publish two nights: four studies go, three differ, one comes."""
    old = few()
    storage = open_storage(str(place))
    before = publish(storage, to_table(old))
    changed = [dataclasses.replace(each, subject_id="somebody else") for each in old[4:6]]
    emptied = dataclasses.replace(old[6], status="empty", entities=(), relations=())
    rows = [*changed, emptied, *old[7:], row("z", archive="invented")]
    return before, publish(storage, to_table(rows))


def test_the_night_after_looks_at_what_differs(graph: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    load_small(graph, before)
    # what a hand changes in a study that did not change is not looked at: repair does
    stain = "MATCH (x:Extraction {key: 'invented/s0000009|rules'}) SET x.digest = $digest"
    (was,) = graph.read(
        "MATCH (x:Extraction {key: 'invented/s0000009|rules'}) RETURN x.digest AS d"
    )
    graph.write(lambda t: t.run(stain, digest="stained").consume())
    seen: list[tuple[int, int]] = []
    report = load_small(graph, after, lambda done, total: seen.append((done, total)))
    assert counts(report) == (1, 3, 4, 16)
    assert seen == [(20, 20)]
    assert list(verify(graph, after).differences) == ["s0000009"]
    graph.write(lambda t: t.run(stain, digest=was["d"]).consume())
    assert_exact(graph, after)
    step_by_step = read_everything(graph)
    clear_graph(graph)
    load_small(graph, after)
    assert read_everything(graph) == step_by_step


def test_a_night_that_did_not_end_or_was_pruned_is_no_base(graph: Graph, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped

    before, after = nights(tmp_path)
    load_small(graph, before)
    with pytest.raises(Stopped):
        load_small(graph, after, stop)
    load_small(graph, before)
    assert_exact(graph, before)
    (tmp_path / f"snapshot/manifest-{before.snapshot_id}.json").unlink()
    assert counts(load_small(graph, after)) == (1, 3, 4, 16)
    assert_exact(graph, after)


def test_a_night_that_another_loader_replaces_meanwhile_is_no_base(
    graph: Graph, login: tuple[str, str], tmp_path: Path
) -> None:
    before, after = nights(tmp_path)
    load_small(graph, before)
    other = InventedSnapshot(few(seed=1, model_id="m2"))

    def replace(number: int) -> None:
        if number == 0:  # what stands was read, and the load is about to begin
            load_small(graph, other)

    with HookedGraph(graph, login, replace) as late:
        load_small(late, after)
    assert_exact(graph, after)


LOADER = """
import os, sys
from pathlib import Path
from radkg.graph import open_graph
from tests.support.graph.loading import HookedGraph, load_small
from tests.support.runs.extractions import InventedSnapshot, invent
snapshot = InventedSnapshot(invent(23, entities=6, relations=4, vocabulary=20))
def die(done, total):
    if done == 10:
        os.kill(os.getpid(), 9)
with open_graph(sys.argv[1], Path(sys.argv[2])) as graph:
    load_small(graph, snapshot, die)
"""


def test_a_killed_loader(where: tuple[str, Path]) -> None:
    arguments = [sys.executable, "-c", LOADER, *map(str, where)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    snapshot = InventedSnapshot(few())
    with open_graph(*where) as graph:
        assert counts(load_small(graph, snapshot)) == (13, 0, 0, 10)
        assert_exact(graph, snapshot)


@pytest.mark.long
def test_a_killed_server(tmp_path: Path) -> None:
    snapshot = InventedSnapshot(few())

    def kill(done: int, total: int) -> None:
        if done == 10:
            (server,) = (p for p in children(os.getpid()) if str(tmp_path) in commands()[p])
            os.kill(server, signal.SIGKILL)

    with open_graph("embedded", tmp_path) as graph, pytest.raises(GraphError):
        load_small(graph, snapshot, kill)
    with open_graph("embedded", tmp_path) as graph:
        assert counts(load_small(graph, snapshot)) == (13, 0, 0, 10)
        assert_exact(graph, snapshot)


def test_a_key_that_is_too_long_is_told_before_anything_of_its_batch(graph: Graph) -> None:
    long = dataclasses.replace(few()[0], study_id="x" * 5000)
    with pytest.raises(GraphError, match="more than 1000 bytes"):
        load_small(graph, InventedSnapshot([long]))
    assert graph.read("MATCH (s:Study) RETURN count(s) AS n") == [{"n": 0}]


def test_changed_bytes_of_a_snapshot_stop_the_load(embedded_graph: Graph) -> None:
    class Broken(InventedSnapshot):
        def read_tables(self, columns: Any = None) -> Iterator[Any]:
            yield from super().read_tables(columns)
            raise SnapshotError("changed")

        snapshot_id = "broken"

    clear_graph(embedded_graph)
    with pytest.raises(SnapshotError):
        load_small(embedded_graph, Broken(few()))
    (ledger,) = embedded_graph.read("MATCH (l:Load) RETURN l.complete AS complete")
    assert ledger == {"complete": False}
