"""Load a published snapshot into the graph, so that twice, or after any kill, is the same as once.

One row is one study, in nested form. A transaction takes up to 200 studies and holds all that they
change, ledger included:

- It first writes `(:Load {key: "<archive>|<extractor>", snapshot_id, complete, ...})`. That is its
  lock: loaders of one archive and extractor take turns, and one whose snapshot was overtaken stops.
- `Extraction.digest` (rows.digest) is the ledger of a study. If it is equal, the study is skipped;
  if not, what stands of the study under this extractor is deleted and created anew.
- `Load.complete` is set in the last transaction, with the sweep of patients and concepts that have
  lost their last study or mention. Until then the next load compares all digests.
- What is retracted (run/retractions.py) is no part of a snapshot. `Load.retractions` is the number
  of records that a load knew: one that knows fewer stops, and brings nothing back.
- Where a snapshot stands complete in the graph and its manifest beside the new one, only the rows
  that differ between the two are looked at.

So a transaction that was committed, but whose acknowledgement got lost, finds its own digests and
does nothing; where an engine locks only at commit, the unique keys refuse a second copy. Mentions
have no key: they are created, never merged, which is what makes loading fast.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pyarrow as pa

from radkg.errors import GraphError, SnapshotError
from radkg.graph import statements
from radkg.graph.client import Conflict, Graph, Transaction, rows
from radkg.graph.ledger import finished, read_ledger
from radkg.graph.migrating import migrate
from radkg.graph.rows import (
    BATCH_STUDIES,
    FORMAT,
    RELATION_TYPES,
    Row,
    batches,
    concept,
    ledger_key,
    totals,
)
from radkg.run.changes import Changes, changes
from radkg.run.retractions import retained
from radkg.run.snapshot import Snapshot, read_snapshot, snapshot_ids

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Numbers of studies; of all nodes of the graph, and of the relationships that loads wrote."""

    studies: int
    created: int
    replaced: int
    removed: int
    unchanged: int
    retracted: int
    nodes: int
    relationships: int
    seconds: float


def load(
    graph: Graph,
    snapshot: Snapshot,
    progress: Progress | None = None,
    *,
    repair: bool = False,
    differ: Changes | None = None,
) -> LoadReport:
    """Make the graph hold exactly this snapshot for its archive and extractor.

    What is retracted in its run is left out, or taken out.

    Args:
        graph: an open graph; what other archives and extractors have there stays.
        snapshot: what was published.
        progress: called with the number of studies done and the number of all.
        repair: trust no digest that stands in the graph, replace every study, and remove what no
            study owns (after somebody changed the graph by hand).
        differ: from the night that stands in the graph, where somebody knows it already.

    Raises:
        GraphError: a key is too long for an index, another load has overtaken this one, or the
            graph's schema is newer than this program.
        SnapshotError: published bytes were changed.
    """
    started = time.monotonic()
    migrate(graph, repair=repair)
    loading = _Loading(graph, snapshot, repair, differ)
    progress = progress or (lambda done, total: None)
    created = replaced = removed = 0
    if loading.is_done():
        progress(loading.kept.num_studies, loading.kept.num_studies)
    else:
        created, replaced, removed = loading.run(progress)
    (nodes,) = graph.read(statements.NUM_NODES)
    return LoadReport(
        studies=loading.kept.num_studies,
        created=created,
        replaced=replaced,
        removed=removed,
        unchanged=loading.kept.num_studies - created - replaced,
        retracted=loading.kept.num_retracted,
        nodes=nodes["number"],
        relationships=sum(graph.read(s)[0]["number"] for s in statements.NUM_RELATIONSHIPS),
        seconds=time.monotonic() - started,
    )


def standing_night(graph: Graph, snapshot: Snapshot) -> Snapshot | None:
    """Return the night that the graph holds for the archive and extractor of a snapshot.

    None where nothing was loaded to its end, or where that night no longer stands beside this one.
    """
    ledger = read_ledger(graph, ledger_key(snapshot.archive, snapshot.extractor))
    if not _is_whole(ledger) or ledger["snapshot_id"] not in snapshot_ids(snapshot.storage):
        return None
    try:
        return read_snapshot(snapshot.storage, ledger["snapshot_id"])
    except SnapshotError:  # pruned meanwhile, or damaged
        return None


def judged_night(graph: Graph, snapshot: Snapshot) -> str | None:
    """Return the id of the night that was loaded last to its end, as `standing_night` does.

    Also where a load was begun since and did not end; None where none ever was.
    """
    ledger = read_ledger(graph, ledger_key(snapshot.archive, snapshot.extractor))
    return ledger.get("last_complete")


def verified_night(graph: Graph, snapshot: Snapshot) -> str | None:
    """Return the id of the night that was compared with the graph last, and equal."""
    ledger = read_ledger(graph, ledger_key(snapshot.archive, snapshot.extractor))
    return ledger.get("verified")


def set_verified(graph: Graph, snapshot: Snapshot) -> None:
    """Write down that the graph equals this night."""
    ledger = ledger_key(snapshot.archive, snapshot.extractor)
    snapshot_id = snapshot.snapshot_id
    graph.write(lambda t: rows(t, statements.SET_VERIFIED, ledger=ledger, snapshot_id=snapshot_id))


class _Work(NamedTuple):
    """What a load compares with the graph."""

    tables: Iterable[pa.Table]
    """rows of the snapshot"""
    stored: Mapping[str, str]
    """digests that stand in the graph, by key of study: such rows are left"""
    gone: set[str]
    """keys of studies that go, unless they are among the rows"""
    counted: Mapping[str, int]
    """totals of the studies that are not compared"""
    unchanged: int
    """studies that are not compared"""


class _Loading:
    """One load: what it loads where, and its transactions."""

    def __init__(
        self, graph: Graph, snapshot: Snapshot, repair: bool, differ: Changes | None = None
    ) -> None:
        self.graph = graph
        self.snapshot = snapshot
        self.kept = retained(snapshot)
        self.repair = repair
        self.differ = differ
        self.scope = {"archive": snapshot.archive, "extractor": snapshot.extractor}
        self.ledger = ledger_key(snapshot.archive, snapshot.extractor)

    def is_done(self) -> bool:
        """Tell whether this snapshot was loaded to its end and all its studies still stand."""
        if self.repair:
            return False
        ledger = read_ledger(self.graph, self.ledger)
        return (
            _is_whole(ledger)
            and ledger["snapshot_id"] == self.snapshot.snapshot_id
            and self._knows_retractions(ledger)
            and self._num_stored() == self.kept.num_studies
        )

    def run(self, progress: Progress) -> tuple[int, int, int]:
        """Bring the graph up to the snapshot; return studies created, replaced and removed."""
        night = None if self.repair else self._standing()
        stands = self.graph.write(partial(self._begin, night and night[0].snapshot_id))
        work = self._difference(*night) if night and stands else self._all()
        gone = set(work.gone)
        counted = Counter(work.counted)
        created = replaced = done = 0
        for batch in batches(work.tables):
            changed = self._differing(batch, work.stored)
            if changed:
                news = self.graph.write(partial(self._store, changed))
                created, replaced = created + news[0], replaced + news[1]
            gone.difference_update(_keys(batch))
            counted.update(totals(batch))  # adding would drop the zeros
            done += len(batch)
            progress(work.unchanged + done, self.kept.num_studies)
        keys = sorted(map(str, gone))  # a key that a hand removed is no string
        for at in range(0, len(keys), BATCH_STUDIES):
            self.graph.write(partial(self._retract, keys[at : at + BATCH_STUDIES]))
        self.graph.write(partial(self._finish, dict(counted)))
        return created, replaced, len(gone)

    def _all(self) -> _Work:
        """Return what is to be compared where nothing is known of the graph: everything."""
        stored = self._stored()
        return _Work(self.kept.tables(), stored, set(stored), totals([]), 0)

    def _difference(self, night: Snapshot, counted: Mapping[str, int]) -> _Work:
        """Return what is to be compared where this night stands in the graph."""
        differ = self.differ
        try:
            if differ is None or differ.nights != (night.snapshot_id, self.snapshot.snapshot_id):
                differ = changes(night, self.snapshot)
        except SnapshotError:  # a part of that night is damaged; of this one, all says it again
            return self._all()
        before, after = self.kept.retain(differ.before), self.kept.retain(differ.after)
        rest = Counter(counted)
        gone: set[str] = set()
        for batch in batches([before]):
            rest.subtract(totals(batch))
            gone.update(_keys(batch))
        unchanged = self.kept.num_studies - after.num_rows
        return _Work([after], {}, gone, rest, unchanged)

    def _standing(self) -> tuple[Snapshot, dict[str, int]] | None:
        """Return the night that stands whole in the graph, and what the ledger counts of it."""
        night = standing_night(self.graph, self.snapshot)
        if night is None:
            return None
        if {night.snapshot_id, self.snapshot.snapshot_id} & self.kept.retractions.ids["run"]:
            return None  # the rows that both nights have do not stand under both
        ledger = read_ledger(self.graph, self.ledger)
        if ledger["num_studies"] != self._num_stored() or not self._knows_retractions(ledger):
            return None
        return night, {name: ledger[name] for name in totals([])}

    def _knows_retractions(self, ledger: Row) -> bool:
        return bool(ledger.get("retractions", 0) == self.kept.retractions.number)

    def _differing(self, batch: list[Row], digests: Mapping[str, str]) -> list[Row]:
        return [
            row
            for row in batch
            if self.repair or digests.get(row["study"]["key"]) != row["extraction"]["digest"]
        ]

    def _stored(self) -> dict[str, str]:
        return {
            row["key"]: row["digest"] for row in self.graph.read(statements.STORED, **self.scope)
        }

    def _num_stored(self) -> int:
        return int(self.graph.read(statements.NUM_STORED, **self.scope)[0]["number"])

    def _begin(self, night: str | None, transaction: Transaction) -> bool:
        """Begin; tell whether this night still stands complete."""
        (lock,) = rows(transaction, statements.LOCK, ledger=self.ledger)
        if lock["retractions"] > self.kept.retractions.number:
            raise self._outdated(lock)
        rows(
            transaction,
            statements.BEGIN,
            ledger=self.ledger,
            snapshot_id=self.snapshot.snapshot_id,
            retractions=self.kept.retractions.number,
        )
        return (lock["snapshot_id"], lock["complete"]) == (night, True)

    def _lock(self, transaction: Transaction) -> None:
        (lock,) = rows(transaction, statements.LOCK, ledger=self.ledger)
        if lock["snapshot_id"] != self.snapshot.snapshot_id:
            raise GraphError(
                f"the load of snapshot {self.snapshot.snapshot_id} was overtaken by one of snapshot"
                f" {lock['snapshot_id']} into {self.graph.address}: let that one end"
            )

        if lock["retractions"] != self.kept.retractions.number:
            raise self._outdated(lock)

    def _outdated(self, lock: Row) -> GraphError:
        return GraphError(
            f"{self.graph.address} knows {lock['retractions']} retractions and this load"
            f" {self.kept.retractions.number}: run it again; if they were made in another --out,"
            " make them in this one too"
        )

    def _store(self, batch: list[Row], transaction: Transaction) -> tuple[int, int]:
        """Create or replace the studies of a batch; return the numbers of both."""
        self._lock(transaction)
        extractor = self.snapshot.extractor
        found = rows(transaction, statements.STANDING, keys=_keys(batch), extractor=extractor)
        standing = {row["key"]: row["digest"] for row in found}
        batch = self._differing(batch, standing)  # another loader may have been here meanwhile
        keys = _keys(batch)
        strays = statements.DELETE_STRAYS if self.repair else ()
        for statement in (*statements.DELETE, *strays, statements.LEAVE_PATIENT):
            rows(transaction, statement, keys=keys, extractor=extractor)
        rows(transaction, statements.CONCEPTS, concepts=_concepts(batch))
        (total,) = rows(transaction, statements.CREATE, rows=[_by_type(row) for row in batch])
        if (total["mentions"] or 0) != sum(len(row["mentions"]) for row in batch):
            # Where an engine locks only at commit, another load's sweep may just have come between.
            raise Conflict(
                f"concepts vanished from {self.graph.address} during the load: try again"
            )
        replaced = len(standing.keys() & set(keys))
        return len(keys) - replaced, replaced

    def _retract(self, keys: list[str], transaction: Transaction) -> None:
        self._lock(transaction)
        for statement in (*statements.DELETE, statements.DELETE_STUDY):
            rows(transaction, statement, keys=keys, extractor=self.snapshot.extractor)

    def _finish(self, counted: dict[str, int], transaction: Transaction) -> None:
        self._lock(transaction)
        strays = statements.SWEEP_STRAYS if self.repair else ()
        for statement in (statements.LOCK_ALL, *strays, *statements.SWEEP):
            rows(transaction, statement)
        properties = finished(self.kept, counted)
        rows(transaction, statements.FINISH, ledger=self.ledger, properties=properties)


def _is_whole(ledger: Row) -> bool:
    """Tell whether the last load came to its end, in the shape that graphs have now."""
    return ledger.get("complete") is True and ledger.get("format") == FORMAT


def _keys(batch: list[Row]) -> list[str]:
    return [row["study"]["key"] for row in batch]


def _concepts(batch: list[Row]) -> list[Row]:
    """Return the concepts of a batch in key order."""
    keys = {mention["concept"] for row in batch for mention in row["mentions"]}
    return [concept(key) for key in sorted(keys)]


def _by_type(row: Row) -> Row:
    """Return the row as CREATE takes it: a relationship type cannot be a parameter."""
    by_type = {
        name: [relation for relation in row["relations"] if relation["type"] == name]
        for name in RELATION_TYPES
    }
    return {**row, **by_type}
