"""The writers of a load as actors of a real Ray: what they leave, and what a dead one costs."""

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pytest
import ray

from radkg.cluster.session import join_ray
from radkg.cluster.writers import start_writer_actors
from radkg.errors import SnapshotError
from radkg.graph import open_graph
from radkg.graph.load.loader import LoadReport, load
from radkg.run.snapshot import name_part, publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from tests.graph.load.test_loader import counts
from tests.support.graph.contents import read_everything
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import invent
from tests.support.runs.processes import commands

pytestmark = pytest.mark.ray


def loaded(address: str, out: Path) -> tuple[LoadReport, list[str]]:
    """Load the night in `out` by Ray actors, of which one is killed when the first studies stand.

    A Ray of this process has the login of the server. Returns the report, and what the graph held
    then; in the end, parts are damaged and read.
    """
    storage = open_storage(str(out))
    night = read_snapshot(storage)
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if not killed:
            killed.extend(pid for pid, name in commands().items() if "_WriterActor" in name)
            os.kill(killed[0], signal.SIGKILL)

    with join_ray(), open_graph(address, out) as graph:
        report = load(graph, night, kill, dispatch=start_writer_actors)
        assert killed
        stands = read_everything(graph)
        for part in night.parts:
            storage.write(name_part(part), b"damaged")
        with pytest.raises(SnapshotError, match="was changed after it was written"):
            load(graph, night, repair=True, dispatch=start_writer_actors)
    return report, stands


@pytest.mark.long
@pytest.mark.neo4j
def test_an_actor_dies_and_the_graph_is_what_threads_leave(
    neo4j_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)  # that of the tests' own Ray
    rows = to_table(invent(400, entities=6, relations=4))
    night = publish(open_storage(str(tmp_path)), rows)
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
        load(graph, night)
        expected = read_everything(graph)
        clear_graph(graph)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        report, stands = alone.submit(loaded, neo4j_uri, tmp_path).result(timeout=200)
    assert counts(report) == (400, 0, 0, 0)
    assert stands == expected


class Numbers:
    """A load of two pieces of eight tables, without a graph; the first who writes dies of it."""

    num_pieces = 2

    def __init__(self, died: Path) -> None:
        self._died = died

    def read(self, piece: int) -> Iterator[pa.Table]:
        for number in range(8):
            yield pa.table({"number": [8 * piece + number, 0]})

    def write(self, rows: pa.Table) -> tuple[list[int], int]:
        with contextlib.suppress(FileExistsError):
            self._died.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        return rows["number"].to_pylist(), os.getpid()


def brought(cpus: int, died: Path) -> tuple[int, list[tuple[list[int], int]]]:
    """Bring these on a Ray with so many CPUs, and more actors asked for than it has."""
    ray.init(address="local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
    with start_writer_actors(Numbers(died), 8) as (actors, tables):
        return actors, sorted(tables)


@pytest.mark.parametrize(("cpus", "actors"), [(1, 1), pytest.param(2, 3, marks=pytest.mark.long)])
def test_one_small_pool_writes_all_once_and_replaces_who_dies(
    cpus: int, actors: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    died = tmp_path / "died"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        number, tables = alone.submit(brought, cpus, died).result(timeout=250)
    assert number == actors  # fewer than were asked for: nobody waits for CPUs for ever
    assert [numbers for numbers, _ in tables] == [[number, 0] for number in range(16)]
    assert died.exists()
    # the process that died wrote nothing; another one took its place, and no table has one alone
    assert len({process for _, process in tables}) <= actors
