"""Take studies, a patient or a snapshot out of the graph; no later load writes them again.

The record (run/retractions.py) comes first and lasts; the graph follows it by the usual load of the
snapshot that stands there, without what is retracted. So after a kill the same command does the
rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from radkg.errors import ConfigError, SnapshotError
from radkg.graph.engine.client import Graph
from radkg.graph.load.ledger import read_ledger
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import build_ledger_key
from radkg.progress import Advance, ignore
from radkg.run.retractions import Retractable, hide_retracted, read_retractions, record_retraction
from radkg.run.snapshot import Snapshot, list_snapshot_ids, read_snapshot
from radkg.storage import Storage

_COLUMNS = {"study": "study_id", "subject": "subject_id"}

_ELSEWHERE = {
    "study": """
    MATCH (s:Study {key: $key})-[:HAS_EXTRACTION]->(x)
    RETURN DISTINCT x.extractor AS extractor ORDER BY extractor
    """,
    "subject": """
    MATCH (p:Patient {key: $key})-[:HAS_STUDY]->(s)-[:HAS_EXTRACTION]->(x)
    RETURN DISTINCT x.extractor AS extractor ORDER BY extractor
    """,
}


@dataclass(frozen=True, kw_only=True)
class RetractReport:
    """What a retraction did, in numbers of studies."""

    recorded: bool
    """False: the same was recorded before, and the graph was only compared"""
    has_graph: bool
    """False: there is no graph yet; every later load leaves out what was retracted"""
    removed: int
    restored: int
    retracted: int
    """of the snapshot in the graph, now and in all"""
    elsewhere: list[str]
    """other extractors whose reading of the same study or patient still stands in the graph"""


def retract(
    graph: Graph | None,
    storage: Storage,
    kind: Retractable,
    which: str,
    *,
    undo: bool = False,
    progress: Advance = ignore,
) -> RetractReport:
    """Record a retraction, and make the graph obey it.

    Args:
        graph: an open graph; None: there is none yet, the record is all that there is to do.
        storage: of the run whose published snapshots hold the study.
        kind: what `which` is the id of.
        which: a study_id, a subject_id, or the id of a snapshot.
        undo: let it stand in the graph again.
        progress: called with the number of studies done and the number of all.

    Raises:
        ConfigError: no snapshot that stands holds it; or to undo, it is not retracted.
        SnapshotError: nothing is published, or the graph holds a snapshot that is not published any
            more: the retraction is recorded all the same.
        GraphError: as `load`.
    """
    current = read_snapshot(storage)
    _check(current, kind, which, undo)
    recorded = record_retraction(storage, kind, which, undo=undo)
    key = build_ledger_key(current.archive, current.extractor)
    ledger = {} if graph is None else read_ledger(graph, key)
    if graph is None or not ledger:
        return RetractReport(
            recorded=recorded,
            has_graph=graph is not None,
            removed=0,
            restored=0,
            retracted=hide_retracted(current).num_retracted,
            elsewhere=[]
            if graph is None
            else _find_other_extractors(graph, current.archive, kind, which),
        )
    try:
        snapshot = read_snapshot(storage, ledger["snapshot_id"])
    except SnapshotError as error:
        raise SnapshotError(
            f"{kind} {which!r} is retracted, but still in the graph: {error}; `radkg load` brings"
            " the published snapshot, without it"
        ) from error
    report = load(graph, snapshot, progress)
    return RetractReport(
        recorded=recorded,
        has_graph=True,
        removed=report.removed,
        restored=report.created,
        retracted=report.retracted,
        elsewhere=_find_other_extractors(graph, current.archive, kind, which) if not undo else [],
    )


def _check(current: Snapshot, kind: Retractable, which: str, undo: bool) -> None:
    """Raise ConfigError for an id that no study has: a mistyped id would protect nobody."""
    storage = current.storage
    if which in read_retractions(storage).ids[kind]:
        return
    if undo:
        raise ConfigError(f"{kind} {which!r} is not retracted under {storage.uri}")
    if kind == "run":
        read_snapshot(storage, which)
    elif not any(
        _holds(read_snapshot(storage, i), kind, which) for i in list_snapshot_ids(storage)
    ):
        raise ConfigError(f"no {kind} {which!r} in any snapshot published in {storage.uri}")


def _holds(snapshot: Snapshot, kind: Retractable, which: str) -> bool:
    column = _COLUMNS[kind]
    return any(which in table[column].to_pylist() for table in snapshot.read_tables([column]))


def _find_other_extractors(graph: Graph, archive: str, kind: Retractable, which: str) -> list[str]:
    if kind == "run":
        return []
    found = graph.read(_ELSEWHERE[kind], key=f"{archive}/{which}")
    return [row["extractor"] for row in found]
