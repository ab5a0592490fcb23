"""The ledger of loads in the graph: one Load node for an archive and extractor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import radkg
from radkg.graph.engine.client import Graph
from radkg.graph.load.statements import LEDGER, STORED
from radkg.graph.rows.nested import FORMAT, Row
from radkg.run.retractions import Retained


def read_ledger(graph: Graph, key: str) -> Row:
    """Return the properties of a Load node by its key; none where nothing was ever begun."""
    found = graph.read(LEDGER, ledger=key)
    return dict(found[0]["ledger"]) if found else {}


def stored_digests(graph: Graph, kept: Retained) -> dict[str, str]:
    """Return the digests that stand of the archive and extractor of a snapshot, by key of study."""
    found = graph.read(STORED, archive=kept.archive, extractor=kept.extractor)
    return {row["key"]: row["digest"] for row in found}


def finished(snapshot: Retained, counted: Mapping[str, Any]) -> Row:
    """Return what a Load node says when a snapshot was loaded to its end.

    Args:
        snapshot: what was loaded, without what is retracted.
        counted: rows.totals of all its studies, and summing.sums_properties.
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
