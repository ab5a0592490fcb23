"""A load whose studies other processes write: what is read, what is written again, what counts."""

import contextlib
import itertools
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from radkg.errors import ConfigError, GraphError
from radkg.graph import Graph, open_graph
from radkg.graph.load.dispatch import RemoteLoad, WriteResult
from radkg.graph.load.loader import load
from radkg.graph.load.writers import list_locks_of
from radkg.graph.rows.nested import BatchSizes, batch_rows
from radkg.run.retractions import hide_retracted
from radkg.run.snapshot import publish
from radkg.schema.arrow import EXTRACTION_SCHEMA, to_table
from radkg.storage import open_storage
from tests.graph.load.test_loader import assert_exact, counts, few, nights
from tests.support.graph.contents import read_everything
from tests.support.graph.servers import clear_graph
from tests.support.runs.demo_run import radkg
from tests.support.runs.extractions import InventedSnapshot, invent


class Cut(Exception):
    """Stands for the death of the driver."""


@contextlib.contextmanager
def twice(load: RemoteLoad) -> Iterator[tuple[int, Iterator[WriteResult]]]:
    """Have every table written by one writer and, as if that one had died then, by another."""
    writers = [pickle.loads(pickle.dumps(load)) for _ in range(2)]

    def write_twice() -> Iterator[WriteResult]:
        for piece in range(load.num_pieces):
            for rows in load.read(piece):
                first, again = (writer.write(rows) for writer in writers)
                assert first.digests == again.digests
                yield again

    try:
        yield 2, write_twice()
    finally:
        for writer in writers:
            writer._writer.graph.close()


@pytest.fixture
def neo4j(neo4j_uri: str, tmp_path: Path) -> Iterator[Graph]:
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
        yield graph


@pytest.mark.parametrize("whole", [True, False])
def test_each_study_is_read_once_with_its_partition(whole: bool, tmp_path: Path) -> None:
    rows = to_table(invent(200, entities=3, relations=1))
    snapshot = publish(open_storage(str(tmp_path)), rows)
    nothing = EXTRACTION_SCHEMA.empty_table()
    kept = hide_retracted(snapshot)
    sizes = BatchSizes(piece_rows=60)
    after = None if whole else rows
    sent = RemoteLoad("bolt://localhost", kept, False, nothing, after, sizes)
    assert sent.num_pieces == (1 if whole else 4)
    tables = [table for piece in range(sent.num_pieces) for table in sent.read(piece)]
    assert all(len(list_locks_of("x", *batch_rows([table]))) == 1 for table in tables)
    read = [study for table in tables for study in table["study_id"].to_pylist()]
    assert sorted(read) == rows["study_id"].to_pylist()


@pytest.mark.neo4j
def test_what_is_written_again_is_neither_doubled_nor_counted(neo4j: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    load(neo4j, before)
    load(neo4j, after)
    expected = read_everything(neo4j)
    clear_graph(neo4j)
    seen: list[int] = []
    first = load(neo4j, before, lambda done, _: seen.append(done), dispatch=twice)
    assert (*counts(first), first.writers) == (23, 0, 0, 0, 2)
    assert (seen, seen[-1]) == (sorted(seen), 23)
    assert counts(load(neo4j, after, dispatch=twice)) == (1, 3, 4, 16)
    assert_exact(neo4j, after)
    assert read_everything(neo4j) == expected
    assert counts(load(neo4j, after, dispatch=twice, repair=True)) == (0, 20, 0, 0)
    assert_exact(neo4j, after)


@pytest.mark.neo4j
def test_a_load_that_was_cut_off_is_finished(neo4j: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)

    def cut(done: int, total: int) -> None:
        if done > total / 2:
            raise Cut

    with pytest.raises(Cut):
        load(neo4j, before, cut, dispatch=twice)
    (stored,) = neo4j.read("MATCH (x:Extraction) RETURN count(x) AS number")
    assert 0 < stored["number"] < 23
    report = load(neo4j, before, dispatch=twice)
    assert (report.created, report.unchanged) == (23 - stored["number"], stored["number"])
    with pytest.raises(Cut):
        load(neo4j, after, lambda done, total: cut(total, total), dispatch=twice)
    assert load(neo4j, after, dispatch=twice).studies == after.num_studies
    assert_exact(neo4j, after)
    assert neo4j.read("MATCH (k:Lock) RETURN k") == []


@pytest.mark.neo4j
def test_what_does_not_come_back_is_not_taken_for_gone(neo4j: Graph, tmp_path: Path) -> None:
    before, _ = nights(tmp_path)
    load(neo4j, before)

    @contextlib.contextmanager
    def lossy(load: RemoteLoad) -> Iterator[tuple[int, Iterator[WriteResult]]]:
        with twice(load) as (number, results):
            yield number, itertools.islice(results, 2)

    with pytest.raises(GraphError, match=r"23 studies went to the writers and .* came back"):
        load(neo4j, before, repair=True, dispatch=lossy)
    assert neo4j.read("MATCH (x:Extraction) RETURN count(x) AS number") == [{"number": 23}]


@pytest.mark.neo4j
def test_writers_of_a_load_that_is_overtaken_stop(neo4j: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)

    def overtake(done: int, total: int) -> None:
        load(neo4j, after)

    with pytest.raises(GraphError, match=rf"overtaken by .* {after.snapshot_id} .*\(a writer on "):
        load(neo4j, before, overtake, dispatch=twice)
    assert_exact(neo4j, after)


def test_a_machine_with_another_radkg_writes_nothing(tmp_path: Path) -> None:
    snapshot = publish(open_storage(str(tmp_path)), to_table(few()))
    nothing = EXTRACTION_SCHEMA.empty_table()
    sent = RemoteLoad(
        "bolt://127.0.0.1:1", hide_retracted(snapshot), False, nothing, None, format=0
    )
    with pytest.raises(GraphError, match="install the same on every node"):
        sent.write(next(sent.read(0)))


def test_an_embedded_graph_has_one_process_that_writes(
    embedded_graph: Graph, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="embedded graph"):
        load(embedded_graph, InventedSnapshot(few()), dispatch=twice)
    publish(open_storage(str(tmp_path)), to_table(few()))
    refused = radkg("load", "--out", str(tmp_path), "--on-cluster")
    assert refused.returncode == 2
    assert "give --on-cluster the address of a Neo4j server" in refused.stderr
    assert not (tmp_path / "graph").exists()
