"""Build a new Neo4j store from a snapshot by import: the quick way for a whole population.

Tables (import_tables.py), `neo4j-admin database import`, then constraints, indexes and a complete
verification on a server of our own. Only a store that holds the snapshot exactly is put in its
place, by one rename; until then nothing stands there.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radkg.errors import GraphError, GraphUnavailable, StorageError
from radkg.graph.build.import_tables import NODES, RELATIONSHIPS, write_ledger, write_tables
from radkg.graph.engine.neo4j_home import Neo4jHome
from radkg.graph.load.aggregates import build_sums_properties, compute_sums
from radkg.graph.load.ledger import build_finished_ledger
from radkg.graph.load.statements import NUM_NODES
from radkg.graph.migrations.steps import migrate
from radkg.graph.rows.aggregates import build_edges
from radkg.graph.rows.nested import build_ledger_key
from radkg.graph.verify.full import verify
from radkg.private import make_directory
from radkg.progress import Progress
from radkg.run.retractions import hide_retracted
from radkg.run.snapshot import Snapshot

_LOCK = "lock"


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What stands in the new store, and the seconds that each stage took.

    Those of the indexes hold the start of the server, those of the verification its end.
    """

    sink: str
    why: str
    """as LoadReport has them"""
    studies: int
    retracted: int
    nodes: int
    relationships: int
    store_bytes: int
    tables_seconds: float
    import_seconds: float
    index_seconds: float
    verify_seconds: float
    seconds: float


def build_store(
    snapshot: Snapshot,
    into: Path,
    home: Neo4jHome,
    progress: Progress,
    why: str = "--into asks for a new store, which holds this snapshot alone",
) -> BuildReport:
    """Make `into` a data directory of Neo4j whose database `neo4j` holds exactly this snapshot.

    Args:
        snapshot: what was published.
        into: directory that does not exist or is empty; it gets `databases/` and `transactions/`.
            What is unfinished stands beside it meanwhile, as `.<name>.building`.
        home: the installation whose import tool and server are used.
        progress: shows the stages of the work.
        why: what the report says was the reason.

    Raises:
        GraphError: a key is too long for an index, a text is empty, the import failed, or the
            store does not hold the snapshot.
        GraphUnavailable: the server did not start, or another process builds there.
        StorageError: `into` holds something, or the disk is full.
        SnapshotError: published bytes were changed.
    """
    into = into.resolve()
    started = time.monotonic()
    with _translate_errors(into), _open_work_folder(into) as work:
        marks = [time.monotonic()]
        with progress("write tables for the import") as advance:
            tables = work / "tables"
            make_directory(tables)
            kept = hide_retracted(snapshot)
            sums = compute_sums(kept)
            counted = write_tables(
                kept.read_tables(),
                build_edges(sums, kept.archive, kept.extractor),
                tables,
                lambda done: advance(done, kept.num_studies),
            )
            own = {
                "key": build_ledger_key(snapshot.archive, snapshot.extractor),
                "snapshot_id": snapshot.snapshot_id,
            }
            properties = {**counted, **build_sums_properties(sums, kept)}
            write_ledger(own | build_finished_ledger(kept, properties), tables)
        marks.append(time.monotonic())
        with progress("import (neo4j-admin)"):
            nodes, types = (
                {name: tables / f"{name}.parquet" for name in names}
                for names in ((*NODES, "Load"), RELATIONSHIPS)
            )
            home.import_parquet(work, nodes, types)
            shutil.rmtree(tables)
        marks.append(time.monotonic())
        with home.serve(work) as graph:
            with progress("constraints and indexes"):
                migrate(graph)
            marks.append(time.monotonic())
            with progress("verify"):
                report = verify(graph, snapshot)
            if not report.ok:
                raise GraphError(f"the import does not hold the snapshot: {report}")
            num_nodes = graph.read(NUM_NODES)[0]["number"]
            links = graph.read("MATCH ()-[r]->() RETURN count(r) AS number")[0]["number"]
        marks.append(time.monotonic())
        _publish(work / "data", into)
    stages = ("tables_seconds", "import_seconds", "index_seconds", "verify_seconds")
    spent = (round(end - begin, 2) for begin, end in itertools.pairwise(marks))
    return BuildReport(
        sink="import",
        why=why,
        studies=report.num_studies,
        retracted=report.num_retracted,
        nodes=num_nodes,
        relationships=links,
        store_bytes=sum(path.stat().st_size for path in into.rglob("*") if path.is_file()),
        seconds=round(time.monotonic() - started, 2),
        **dict(zip(stages, spent, strict=True)),
    )


@contextlib.contextmanager
def _open_work_folder(into: Path) -> Iterator[Path]:
    """Give an empty directory beside `into`, and remove it in the end."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise StorageError(
            f"{into} holds something: a store is built into a new directory, and a server is"
            " switched to it when it stands"
        )
    work = into.parent / f".{into.name}.building"
    make_directory(work)
    lock = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GraphUnavailable(f"another process builds {into}: wait for it") from None
        for left in work.iterdir():  # by a process that was killed
            if left.name != _LOCK:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(lock)


def _publish(data: Path, into: Path) -> None:
    """Put the store in its place, without the users of the server that built it."""
    for own in ("databases/system", "transactions/system", "dbms"):
        shutil.rmtree(data / own, ignore_errors=True)
    data.rename(into)  # an empty directory gives way


@contextlib.contextmanager
def _translate_errors(into: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot build a graph in {into}: {error.strerror}") from error
