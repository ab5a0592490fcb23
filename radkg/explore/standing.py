"""Whether the graph still holds the snapshot that the page shows."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException

from radkg.explore.snapshot_reader import SnapshotReader
from radkg.graph import Graph
from radkg.graph.load.ledger import read_ledger
from radkg.graph.rows.nested import build_ledger_key

_LOADS = """
MATCH (load:Load)
RETURN load.key AS key, load.snapshot_id AS snapshot_id, load.complete AS complete
"""


def read_standing_ledger(graph: Graph, reader: SnapshotReader) -> dict[str, Any]:
    """Return the ledger of the graph, which must name the snapshot that the page shows.

    Raises:
        HTTPException: it names another one.
    """
    ledger = read_ledger(graph, _build_key(reader))
    if ledger.get("snapshot_id") != reader.snapshot.snapshot_id:
        raise HTTPException(
            409,
            "another snapshot was loaded into the graph meanwhile: start the explorer again",
        )
    return ledger


def is_alone(graph: Graph, reader: SnapshotReader) -> bool:
    """Tell whether the graph holds the snapshot that the page shows, complete, and no other."""
    shown = {"key": _build_key(reader), "snapshot_id": reader.snapshot.snapshot_id}
    return bool(graph.read(_LOADS) == [shown | {"complete": True}])


def _build_key(reader: SnapshotReader) -> str:
    return build_ledger_key(reader.snapshot.archive, reader.snapshot.extractor)
