"""Load a published snapshot into the graph, so that twice, or after any kill, is the same as once.

One row is one study, in nested form. A transaction takes up to 200 studies and holds all that they
change, ledger included:

- It first takes the locks of its patients' partitions (writers.py), then reads the ledger,
  `(:Load {key: "<archive>|<extractor>", snapshot_id, complete, ...})`. Who begins a load takes all
  locks before it writes there. So no transaction of a load that was overtaken is under way when the
  next one has begun, and none comes after: it stops. Within one load, writers of different patients
  go side by side, here or in other processes (remote.py); over the same patients, all take turns.
- `Extraction.digest` (digests.py) is the ledger of a study. If it is equal, the study is skipped;
  if not, what stands of the study under this extractor is deleted and created anew, or, where the
  row that stands is known, changed by what differs (amending.py).
- `Load.complete` is set in the last transaction, with the sweep of patients and concepts that have
  lost their last study or mention. Until then the next load compares all digests.
- What is retracted (run/retractions.py) is no part of a snapshot. `Load.retractions` is the number
  of records that a load knew: one that knows fewer stops, and brings nothing back.
- The sums of its findings (summing.py) are written when all studies are, before the load is
  complete: what a load that was killed has left of them is not asked.
- Where a snapshot stands complete in the graph and its manifest beside the new one, only the rows
  that differ between the two are looked at.

So a transaction that was committed, but whose acknowledgement got lost, finds its own digests and
does nothing; where an engine locks only at commit, the unique keys refuse a second copy. Mentions
have no key: they are created, never merged, which is what makes loading fast.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import ConfigError, GraphError, SnapshotError
from radkg.graph.engine.client import Graph, Transaction, rows
from radkg.graph.load import aggregates as summing
from radkg.graph.load import statements
from radkg.graph.load.dispatch import RemoteLoad, Spread
from radkg.graph.load.ledger import finished, read_ledger, stored_digests
from radkg.graph.load.transactions import Stored, Writer, keys_of
from radkg.graph.load.writers import deal, locks, side_by_side
from radkg.graph.migrations.steps import migrate
from radkg.graph.rows.aggregates import Sums, summed
from radkg.graph.rows.nested import BATCH_STUDIES, FORMAT, Row, batches, ledger_key, totals
from radkg.graph.rows.outlines import outlined_totals, standing_outlines
from radkg.run.changes import Changes, changes
from radkg.run.retractions import retained
from radkg.run.snapshot import Snapshot, read_snapshot, snapshot_ids
from radkg.schema.arrow import EXTRACTION_SCHEMA

logger = logging.getLogger(__name__)

IMPORT_SHARE = 0.5  # of the studies: from then on an import is worth to be named

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
    sink: str
    """bolt or embedded: who executes the statements"""
    why: str
    """what was compared with the graph, and for what reason"""
    writers: int
    retries: int
    """transactions over studies that were run again, after a deadlock or a conflict"""
    seconds: float


def load(
    graph: Graph,
    snapshot: Snapshot,
    progress: Progress | None = None,
    *,
    repair: bool = False,
    differ: Changes | None = None,
    writers: int = 1,
    spread: Spread | None = None,
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
        writers: how many write side by side, 1 to writers.PARTITIONS.
        spread: has the studies brought by writers in other processes, in place of those; what is
            done once, from the begin to the finish, stays here.

    Raises:
        ConfigError: writers in other processes were asked for, on the embedded engine.
        GraphError: a key is too long for an index, another load has overtaken this one, the
            graph's schema is newer than this program, or `spread` lost studies.
        SnapshotError: published bytes were changed.
    """
    if spread and graph.engine == "embedded":
        raise ConfigError(
            f"{graph.address} is an embedded graph, which several processes cannot write side by"
            " side: load it without --on-cluster, or give the address of a Neo4j server"
        )
    started = time.monotonic()
    migrate(graph, repair=repair)
    loading = _Loading(graph, snapshot, repair, differ, writers, spread)
    progress = progress or (lambda done, total: None)
    done, removed, why = Stored(), 0, "this night stands complete in the graph"
    if loading.is_done():
        progress(loading.kept.num_studies, loading.kept.num_studies)
    else:
        done, removed, why = loading.run(progress)
    if done.retries:
        logger.info("%d transactions were run again: %d writers", done.retries, loading.writers)
    (nodes,) = graph.read(statements.NUM_NODES)
    return LoadReport(
        studies=loading.kept.num_studies,
        created=done.created,
        replaced=done.replaced,
        removed=removed,
        unchanged=loading.kept.num_studies - done.created - done.replaced,
        retracted=loading.kept.num_retracted,
        nodes=nodes["number"],
        relationships=sum(graph.read(s)[0]["number"] for s in statements.NUM_RELATIONSHIPS),
        sink="embedded" if graph.engine == "embedded" else "bolt",
        why=why,
        writers=loading.writers,
        retries=done.retries,
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

    after: pa.Table | None
    """rows of the snapshot that are compared; None: all of them"""
    stored: Mapping[str, str]
    """digests that stand in the graph, by key of study: such rows are left"""
    gone: set[str]
    """keys of studies that go, unless they are among the rows"""
    counted: Mapping[str, int]
    """totals of the studies that are not compared"""
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


class _Loading(Writer):
    """One load: what it loads where; it begins and ends, and is a writer itself."""

    def __init__(
        self,
        graph: Graph,
        snapshot: Snapshot,
        repair: bool,
        differ: Changes | None = None,
        writers: int = 1,
        spread: Spread | None = None,
    ) -> None:
        super().__init__(graph, retained(snapshot), repair)
        self.snapshot = snapshot
        self.differ = differ
        self.writers = writers
        self.spread = spread

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

    def run(self, progress: Progress) -> tuple[Stored, int, str]:
        """Bring the graph up to the snapshot; return what was stored, how many removed, and why."""
        night = None if self.repair else self._standing()
        stands = self.graph.write(partial(self._begin, night and night[0].snapshot_id))
        work = self._difference(*night) if night and stands else self._all()
        logger.info("%s", work.why)
        gone = set(work.gone)
        counted = Counter(work.counted)
        done = Stored()
        bringing = self._elsewhere if self.spread else self._here
        with contextlib.closing(bringing(work, gone, counted)) as stored:
            for news in stored:
                done = Stored(*map(sum, zip(done, news, strict=True)))
                progress(work.unchanged + done.studies, self.kept.num_studies)
        keys = sorted(map(str, gone))  # a key that a hand removed is no string
        for at in range(0, len(keys), BATCH_STUDIES):
            self.graph.write(partial(self._retract, keys[at : at + BATCH_STUDIES]))
        sums = work.sums or summing.wanted_sums(self.kept)
        # before the sweep, which leaves a concept that has any relationship
        summing.write_sums(self.graph, self.kept, sums, self._lock_all, work.standing)
        properties = {**counted, **summing.sums_properties(sums, self.kept)}
        self.graph.write(partial(self._finish, properties))
        return done, len(gone), work.why

    def _here(self, work: _Work, gone: set[str], counted: Counter[str]) -> Generator[Stored]:
        """Bring the studies by threads; take them from `gone`, and add what they hold."""
        tables = self.kept.tables() if work.after is None else [work.after]
        if work.stored and not self.repair:  # what stands becomes no row
            same = standing_outlines(self.kept.tables(), work.stored)
            tables = (_without(table, same["study_id"]) for table in tables)
            gone.difference_update(same["key"].to_pylist())
            counted.update(outlined_totals(same))
            yield Stored(same.num_rows)

        def dealt() -> Iterator[tuple[int, list[Row]]]:
            for batch in batches(tables):
                gone.difference_update(keys_of(batch))
                counted.update(totals(batch))  # adding would drop the zeros
                if self.writers > 1:
                    self.create_concepts(self.differing(batch, work.stored))
                yield from deal(batch, self.writers)

        def bring(batch: list[Row]) -> Stored:
            return self.bring(batch, work.stored, work.before)

        yield from side_by_side(dealt(), bring, self.writers)

    def _elsewhere(self, work: _Work, gone: set[str], counted: Counter[str]) -> Generator[Stored]:
        """Bring the studies by writers in other processes; otherwise as `_here`.

        A study counts as created or replaced by what stood when this load began, for who stores it
        a second time finds it unchanged.
        """
        assert self.spread is not None
        load = RemoteLoad(self.graph.address, self.kept, self.repair, work.before, work.after)
        if not load.num_pieces:
            return
        seen = 0
        expected = self.kept.num_studies if work.after is None else work.after.num_rows
        with self.spread(load) as (self.writers, all_brought):
            for brought in all_brought:
                standing = brought.digests.keys() & work.gone
                replaced = sum(
                    self.repair or work.stored.get(key) != brought.digests[key] for key in standing
                )
                gone.difference_update(standing)
                counted.update(brought.totals)
                number = len(brought.digests)
                seen += number
                yield Stored(number, number - len(standing), replaced, brought.retries)
        if seen != expected:  # what did not come back would be taken for gone
            raise GraphError(
                f"{expected} studies went to the writers and {seen} came back: nothing was removed,"
                " run the same command again"
            )

    def _all(self) -> _Work:
        """Return what is to be compared where nothing is known of the graph: everything."""
        stored = stored_digests(self.graph, self.kept)
        nothing = EXTRACTION_SCHEMA.empty_table()
        if self.repair:
            why = "every study is replaced: that is what --repair does"
        elif stored:
            why = "digests of all studies are compared: no night that is known stands complete"
        else:
            why = f"every study is created: none stands in the graph{self._hint(1)}"
        return _Work(None, stored, set(stored), totals([]), 0, nothing, None, None, why)

    def _difference(
        self, night: Snapshot, counted: Mapping[str, int], standing: Sums | None
    ) -> _Work:
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
            gone.update(keys_of(batch))
        unchanged = self.kept.num_studies - after.num_rows
        why = (
            f"{after.num_rows} of {self.kept.num_studies} studies differ from night"
            f" {night.snapshot_id}, which stands complete"
        )
        why += self._hint(after.num_rows / max(1, self.kept.num_studies))
        sums = None
        if standing is not None:
            sums = standing.plus(summed([before]), -1).plus(summed([after]))
            if not sums.frequent() <= standing.frequent():
                sums = None  # of what became frequent no pairs stand
        return _Work(after, {}, gone, rest, unchanged, before, sums, standing, why)

    def _hint(self, share: float) -> str:
        """Return what is to be said where that share of the studies changes."""
        if share < IMPORT_SHARE or self.graph.engine == "embedded":
            return ""
        return "; for most of a population, --into builds a new store in less time"

    def _standing(self) -> tuple[Snapshot, dict[str, int], Sums | None] | None:
        """Return the night that stands whole in the graph, what the ledger counts, and its sums."""
        night = standing_night(self.graph, self.snapshot)
        if night is None:
            return None
        if {night.snapshot_id, self.snapshot.snapshot_id} & self.kept.retractions.ids["run"]:
            return None  # the rows that both nights have do not stand under both
        ledger = read_ledger(self.graph, self.ledger)
        if ledger["num_studies"] != self._num_stored() or not self._knows_retractions(ledger):
            return None
        counted = {name: ledger[name] for name in totals([])}
        return night, counted, summing.standing_sums(self.graph, self.kept)

    def _knows_retractions(self, ledger: Row) -> bool:
        return bool(ledger.get("retractions", 0) == self.kept.retractions.number)

    def _num_stored(self) -> int:
        scope = {"archive": self.kept.archive, "extractor": self.kept.extractor}
        return int(self.graph.read(statements.NUM_STORED, **scope)[0]["number"])

    def _begin(self, night: str | None, transaction: Transaction) -> bool:
        """Begin; tell whether this night still stands complete."""
        state = self._state(transaction, locks(self.ledger))
        if state["retractions"] > self.kept.retractions.number:
            raise self._outdated(state)
        rows(
            transaction,
            statements.BEGIN,
            ledger=self.ledger,
            snapshot_id=self.snapshot.snapshot_id,
            retractions=self.kept.retractions.number,
        )
        return (state["snapshot_id"], state["complete"]) == (night, True)

    def _retract(self, keys: list[str], transaction: Transaction) -> None:
        self._lock_all(transaction)
        for statement in (*statements.DELETE, statements.DELETE_STUDY):
            rows(transaction, statement, keys=keys, extractor=self.snapshot.extractor)

    def _lock_all(self, transaction: Transaction) -> None:
        self._lock(transaction, locks(self.ledger))

    def _finish(self, counted: Row, transaction: Transaction) -> None:
        rows(transaction, statements.LOCK_ALL)
        self._lock_all(transaction)
        strays = (summing.SWEEP_STRAYS, *statements.SWEEP_STRAYS) if self.repair else ()
        for statement in (*strays, *statements.SWEEP):
            rows(transaction, statement)
        properties = finished(self.kept, counted)
        rows(transaction, statements.FINISH, ledger=self.ledger, properties=properties)
        rows(transaction, statements.UNLOCK, locks=locks(self.ledger))


def _is_whole(ledger: Row) -> bool:
    """Tell whether the last load came to its end, in the shape that graphs have now."""
    shape = {"complete": True, "format": FORMAT, "sums": summing.VERSION}
    return all(ledger.get(name) == value for name, value in shape.items())


def _without(table: pa.Table, study_ids: pa.ChunkedArray) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table["study_id"], study_ids.combine_chunks())))
