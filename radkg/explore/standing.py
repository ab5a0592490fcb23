"""Whether the graph still holds the snapshot that the page shows."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException

from radkg.explore.snapshot_reader import SnapshotReader
from radkg.graph import Graph
from radkg.graph.load.ledger import read_ledger
from radkg.graph.rows.nested import build_ledger_key

_LOADS = "MATCH (load:Load) RETURN count(load) AS number"


def read_standing_ledger(graph: Graph, reader: SnapshotReader) -> dict[str, Any]:
    """Return the ledger of the graph, which must name the snapshot that the page shows.

    Raises:
        HTTPException: it names another one.
    """
    ledger = _read_ledger_of(graph, reader)
    if ledger.get("snapshot_id") != reader.snapshot.snapshot_id:
        raise HTTPException(
            409,
            "another snapshot was loaded into the graph meanwhile: start the explorer again",
        )
    return ledger


def is_alone(graph: Graph, reader: SnapshotReader) -> bool:
    """Tell whether the graph holds the snapshot that the page shows, complete, and no other."""
    ledger = _read_ledger_of(graph, reader)
    is_standing = ledger.get("snapshot_id") == reader.snapshot.snapshot_id
    if not is_standing or not ledger.get("complete"):
        return False
    return bool(graph.read(_LOADS)[0]["number"] == 1)


def _read_ledger_of(graph: Graph, reader: SnapshotReader) -> dict[str, Any]:
    return read_ledger(graph, build_ledger_key(reader.snapshot.archive, reader.snapshot.extractor))
