"""The ledger of loads in the graph: one Load node for an archive and extractor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import radkg
from radkg.errors import SnapshotError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.statements import LEDGER, SET_VERIFIED, STORED
from radkg.graph.rows.nested import FORMAT, GraphRow, build_ledger_key
from radkg.run.retractions import VisibleSnapshot
from radkg.run.snapshot import Snapshot, list_snapshot_ids, read_snapshot

SUMS_VERSION = 2  # of the sums that a complete load leaves (aggregates.py), as Load.sums


def read_ledger(graph: Graph, key: str) -> GraphRow:
    """Return the properties of a Load node by its key; none where nothing was ever begun."""
    found = graph.read(LEDGER, ledger=key)
    return dict(found[0]["ledger"]) if found else {}


def is_complete(ledger: GraphRow) -> bool:
    """Tell whether the last load came to its end, in the shape that graphs have now."""
    shape = {"complete": True, "format": FORMAT, "sums": SUMS_VERSION}
    return all(ledger.get(name) == value for name, value in shape.items())


def find_standing_snapshot(graph: Graph, snapshot: Snapshot) -> Snapshot | None:
    """Return the snapshot that the graph holds for the archive and extractor of another one.

    None where nothing was loaded to its end, or where what was loaded is no longer published beside
    `snapshot`.
    """
    ledger = _read_ledger_of(graph, snapshot)
    if not is_complete(ledger) or ledger["snapshot_id"] not in list_snapshot_ids(snapshot.storage):
        return None
    try:
        return read_snapshot(snapshot.storage, ledger["snapshot_id"])
    except SnapshotError:  # pruned meanwhile, or damaged
        return None


def read_last_complete(graph: Graph, snapshot: Snapshot) -> str | None:
    """Return the id of the snapshot that was loaded last to its end, as `find_standing_snapshot`.

    Also where a load was begun since and did not end; None where none ever was.
    """
    return _read_ledger_of(graph, snapshot).get("last_complete")


def read_verified(graph: Graph, snapshot: Snapshot) -> str | None:
    """Return the id of the snapshot that was compared with the graph last, and equal."""
    return _read_ledger_of(graph, snapshot).get("verified")


def set_verified(graph: Graph, snapshot: Snapshot) -> None:
    """Write down that the graph equals this snapshot."""
    scope = {
        "ledger": build_ledger_key(snapshot.archive, snapshot.extractor),
        "snapshot_id": snapshot.snapshot_id,
    }
    graph.write(lambda t: run_statement(t, SET_VERIFIED, **scope))


def read_digests(graph: Graph, kept: VisibleSnapshot) -> dict[str, str]:
    """Return the digests that stand of the archive and extractor of a snapshot, by key of study."""
    scope = {"archive": kept.archive, "extractor": kept.extractor}
    (found,) = graph.read_unchanged(STORED, **scope)
    return dict(found["stored"])


def build_finished_ledger(snapshot: VisibleSnapshot, counted: Mapping[str, Any]) -> GraphRow:
    """Return what a Load node says when a snapshot was loaded to its end.

    Args:
        snapshot: what was loaded, without what is retracted.
        counted: nested.count_contents of all its studies, and aggregates.build_sums_properties.
    """
    return {
        "archive": snapshot.archive,
        "extractor": snapshot.extractor,
        "retractions": snapshot.retractions.number,
        **counted,
        "format": FORMAT,
        "complete": True,
        "last_complete": snapshot.snapshot_id,
        "radkg_version": radkg.__version__,
        "loaded_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read_ledger_of(graph: Graph, snapshot: Snapshot) -> GraphRow:
    return read_ledger(graph, build_ledger_key(snapshot.archive, snapshot.extractor))
