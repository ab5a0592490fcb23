"""Whether a snapshot goes into a server, or a new store is built to take that server's place.

By what changes: an import writes every study, whatever stands, in less time than it takes to
replace half of them. It makes a store of this archive and extractor alone, so where the server
holds more, its own store is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from radkg.errors import SnapshotError
from radkg.graph.build.import_tables import NODES
from radkg.graph.engine.client import Graph
from radkg.graph.load.comparison import IMPORT_SHARE, count_stored
from radkg.graph.load.ledger import find_standing_snapshot, read_digests
from radkg.graph.rows.nested import build_ledger_key
from radkg.graph.rows.outlines import select_standing
from radkg.run.changes import Changes, find_changes
from radkg.run.retractions import VisibleSnapshot, hide_retracted
from radkg.run.snapshot import Snapshot

IMPORT_FROM = 20_000
"""studies: for fewer, the programs of an import take longer to start than a load takes"""
_OWN = [*NODES, "Load", "Lock", "SchemaVersion"]  # labels of what a built store has, too

_OTHER_LOADS = "MATCH (l:Load) WHERE l.key <> $ledger RETURN l.key AS key ORDER BY key"
_OTHER_NODES = """
MATCH (n)
WHERE NOT any(label IN labels(n) WHERE label IN $own)
RETURN coalesce(labels(n)[0], 'no label') AS label, count(*) AS number ORDER BY label
"""


@dataclass(frozen=True)
class SinkChoice:
    """Where a snapshot goes."""

    build: bool
    """a new store is built; else the difference is loaded into the server"""
    why: str
    """as LoadReport has it"""
    differ: Changes | None
    """from the snapshot that stands in the server, where it was compared"""


def choose_sink(graph: Graph, snapshot: Snapshot, *, repair: bool = False) -> SinkChoice:
    """Compare a snapshot with what a server holds, and say where it goes.

    Args:
        graph: the server's; nothing is written there.
        snapshot: what was published.
        repair: every study is to be replaced.

    Raises:
        SnapshotError: published bytes were changed.
    """
    kept = hide_retracted(snapshot)
    number, what, differ = _count_changed(graph, kept, repair)
    share = f"{IMPORT_SHARE:.0%}"
    if number < IMPORT_SHARE * kept.num_studies or not number:
        why = f"{what}, less than {share}: the server takes the difference"
        return SinkChoice(False, why, differ)
    others = _list_others(graph, kept)
    if others:
        why = f"{what}, {share} or more, but a new store would lack what the server holds: {others}"
        return SinkChoice(False, why, differ)
    why = (
        f"{what}, {share} or more: a new store is built; {graph.address} is as it was: stop its"
        " server, set server.directories.data to the new directory, and start it"
    )
    return SinkChoice(True, why, differ)


def suggest_import(graph: Graph, snapshot: Snapshot, home: Path | None) -> str | None:
    """Return what to do in place of a first load that an import would do sooner; None: load.

    An import cannot go into a server that runs, and only a person can stop one: so it is said.

    Args:
        graph: the server's.
        snapshot: what was published.
        home: a Neo4j installation on this machine; None: there is none.
    """
    number = snapshot.num_studies
    if home is None or not graph.engine.takes_imports or number < IMPORT_FROM:
        return None
    kept = hide_retracted(snapshot)
    if count_stored(graph, kept) or _list_others(graph, kept):
        return None
    return (
        f"a first load of {number} studies: `radkg load --into DIR` builds a new store by import,"
        f" which is quicker, with the Neo4j in {home}; the studies are loaded now"
    )


def _count_changed(
    graph: Graph, kept: VisibleSnapshot, repair: bool
) -> tuple[int, str, Changes | None]:
    """Return how many studies are to be created or replaced, in words too, and the comparison."""
    of_all = f"of {kept.num_studies} studies"
    if repair:
        return kept.num_studies, f"{kept.num_studies} {of_all} are replaced (--repair)", None
    snapshot = find_standing_snapshot(graph, kept.snapshot)
    if snapshot is not None:
        try:
            differ = find_changes(snapshot, kept.snapshot)
        except SnapshotError:  # a part of that snapshot is damaged; of this one, the load says it
            pass
        else:
            number = kept.keep_visible(differ.after).num_rows
            return number, f"{number} {of_all} differ from snapshot {snapshot.snapshot_id}", differ
    stored = read_digests(graph, kept)
    if not stored:
        return kept.num_studies, f"none {of_all} stands", None
    number = kept.num_studies - select_standing(kept.read_tables(), stored).num_rows
    return number, f"{number} {of_all} do not stand as they are published", None


def _list_others(graph: Graph, kept: VisibleSnapshot) -> str:
    """Return what the graph holds besides this archive and extractor, in words."""
    ledger = build_ledger_key(kept.archive, kept.extractor)
    loads = [row["key"] for row in graph.read(_OTHER_LOADS, ledger=ledger)]
    nodes = graph.read(_OTHER_NODES, own=_OWN)
    return ", ".join([*loads, *(f"{row['number']} {row['label']}" for row in nodes)])
