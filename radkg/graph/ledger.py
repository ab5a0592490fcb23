"""The ledger of loads in the graph: one Load node for an archive and extractor."""

from __future__ import annotations

from radkg.graph.client import Graph
from radkg.graph.rows import Row
from radkg.graph.statements import LEDGER


def read_ledger(graph: Graph, key: str) -> Row:
    """Return the properties of a Load node by its key; none where nothing was ever begun."""
    found = graph.read(LEDGER, ledger=key)
    return dict(found[0]["ledger"]) if found else {}
