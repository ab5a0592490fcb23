"""What a load compares with the graph: all studies, or those that differ from a known snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from radkg.errors import SnapshotError
from radkg.graph.engine.client import Graph
from radkg.graph.load import aggregates, statements
from radkg.graph.load.ledger import (
    find_standing_snapshot,
    is_complete,
    read_digests,
    read_ledger,
)
from radkg.graph.load.transactions import list_keys
from radkg.graph.rows.aggregates import Sums, sum_findings
from radkg.graph.rows.nested import (
    BatchSizes,
    GraphRow,
    batch_rows,
    build_ledger_key,
    count_contents,
)
from radkg.run.changes import Changes, find_changes
from radkg.run.retractions import VisibleSnapshot
from radkg.run.snapshot import Snapshot
from radkg.schema.arrow import EXTRACTION_SCHEMA

IMPORT_SHARE = 0.5  # of the studies: from then on an import is worth to be named


class Comparison(NamedTuple):
    """What a load compares with the graph."""

    after: pa.Table | None
    """rows of the snapshot that are compared; None: all of them"""
    stored: Mapping[str, str]
    """digests that stand in the graph, by key of study: such rows are left"""
    gone: set[str]
    """keys of studies that go, unless they are among the rows"""
    counted: Mapping[str, int]
    """nested.count_contents of the studies that are not compared"""
    unchanged: int
    """studies that are not compared"""
    before: pa.Table
    """rows of studies that differ, as they stand in the graph: such studies are amended"""
    sums: Sums | None
    """of all studies; None: they are yet to be counted, from all rows"""
    standing: Sums | None
    """those that stand, where they are known"""
    why: str
    """as LoadReport has it"""


class StandingSnapshot(NamedTuple):
    """A snapshot that stands complete in the graph."""

    snapshot: Snapshot
    counted: dict[str, int]
    """what the ledger counts in its studies"""
    sums: Sums | None
    """those that stand; None where somebody changed them"""


def find_base(graph: Graph, kept: VisibleSnapshot) -> StandingSnapshot | None:
    """Return the snapshot that stands complete in the graph, if a load can start from it."""
    standing = find_standing_snapshot(graph, kept.snapshot)
    if standing is None:
        return None
    if {standing.snapshot_id, kept.snapshot_id} & kept.retractions.ids["run"]:
        return None  # the rows that both snapshots have do not stand under both
    ledger = read_ledger(graph, build_ledger_key(kept.archive, kept.extractor))
    if ledger["num_studies"] != count_stored(graph, kept) or not has_current_retractions(
        ledger, kept
    ):
        return None
    counted = {name: ledger[name] for name in count_contents([])}
    return StandingSnapshot(standing, counted, aggregates.read_sums(graph, kept))


def compare_all(graph: Graph, kept: VisibleSnapshot, *, repair: bool) -> Comparison:
    """Return what is to be compared where nothing is known of the graph: everything."""
    stored = read_digests(graph, kept)
    if repair:
        why = "every study is replaced: that is what --repair does"
    elif stored:
        why = "digests of all studies are compared: no snapshot that is known stands complete"
    else:
        why = f"every study is created: none stands in the graph{_hint_at_import(graph, 1)}"
    return Comparison(
        after=None,
        stored=stored,
        gone=set(stored),
        counted=count_contents([]),
        unchanged=0,
        before=EXTRACTION_SCHEMA.empty_table(),
        sums=None,
        standing=None,
        why=why,
    )


def compare_with(
    graph: Graph,
    kept: VisibleSnapshot,
    base: StandingSnapshot,
    known: Changes | None,
    sizes: BatchSizes,
) -> Comparison:
    """Return what is to be compared where `base` stands: the rows that differ.

    Args:
        graph: an open graph.
        kept: the snapshot.
        base: what stands in the graph.
        known: the changes between two snapshots, where somebody computed them already.
        sizes: of the batches in which rows become objects.
    """
    standing = base.snapshot
    try:
        known = find_changes(standing, kept.snapshot, known)
    except SnapshotError:  # a part of the base is damaged; of the snapshot, the load says so again
        return compare_all(graph, kept, repair=False)
    before, after = kept.keep_visible(known.before), kept.keep_visible(known.after)
    rest = Counter(base.counted)
    gone: set[str] = set()
    for batch in batch_rows([before], sizes):
        rest.subtract(count_contents(batch))
        gone.update(list_keys(batch))
    why = (
        f"{after.num_rows} of {kept.num_studies} studies differ from snapshot"
        f" {standing.snapshot_id}, which stands complete"
        + _hint_at_import(graph, after.num_rows / max(1, kept.num_studies))
    )
    sums = None
    if base.sums is not None:
        sums = base.sums.add(sum_findings([before]), -1).add(sum_findings([after]))
        if not sums.list_frequent() <= base.sums.list_frequent():
            sums = None  # of what became frequent no pairs stand
    return Comparison(
        after=after,
        stored={},
        gone=gone,
        counted=rest,
        unchanged=kept.num_studies - after.num_rows,
        before=before,
        sums=sums,
        standing=base.sums,
        why=why,
    )


def is_loaded(graph: Graph, kept: VisibleSnapshot, ledger: GraphRow) -> bool:
    """Tell whether this snapshot was loaded to its end and all its studies still stand."""
    return (
        is_complete(ledger)
        and ledger["snapshot_id"] == kept.snapshot_id
        and has_current_retractions(ledger, kept)
        and count_stored(graph, kept) == kept.num_studies
    )


def has_current_retractions(ledger: GraphRow, kept: VisibleSnapshot) -> bool:
    """Tell whether the last load knew the retractions that are known now."""
    return bool(ledger.get("retractions", 0) == kept.retractions.number)


def count_stored(graph: Graph, kept: VisibleSnapshot) -> int:
    """Return how many studies of the archive and extractor stand in the graph."""
    scope = {"archive": kept.archive, "extractor": kept.extractor}
    return int(graph.read(statements.NUM_STORED, **scope)[0]["number"])


def _hint_at_import(graph: Graph, share: float) -> str:
    """Return what is to be said where that share of the studies changes."""
    if share < IMPORT_SHARE or not graph.engine.takes_imports:
        return ""
    return "; for most of a population, --into builds a new store in less time"
