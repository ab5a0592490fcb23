"""Load a published snapshot into the graph, so that twice, or after any kill, is the same as once.

One row is one study, in nested form. A transaction takes up to 200 studies and holds all that they
change, ledger included:

- It first takes the locks of its patients' partitions (writers.py), then reads the ledger,
  `(:Load {key: "<archive>|<extractor>", snapshot_id, complete, ...})`. Who begins a load takes all
  locks before it writes there. So no transaction of a load that was overtaken is under way when the
  next one has begun, and none comes after: it stops. Within one load, writers of different patients
  write at the same time, here or in other processes (dispatch.py); over the same patients, all take
  turns.
- `Extraction.digest` (digests.py) is the ledger of a study. If it is equal, the study is skipped;
  if not, what stands of the study under this extractor is deleted and created anew, or, where the
  row that stands is known, changed by what differs (amending.py).
- `Load.complete` is set in the last transaction, with the sweep of patients and concepts that have
  lost their last study or mention. Until then the next load compares all digests.
- What is retracted (run/retractions.py) is no part of a snapshot. `Load.retractions` is the number
  of records that a load knew: one that knows fewer stops, and writes nothing back.
- A study that leaves the graph takes its drafts (drafts.py) with it.
- The sums of its findings (aggregates.py) are written when all studies are, before the load is
  complete: what a load that was killed has left of them is not asked.
- Where a snapshot stands complete in the graph and its manifest beside the new one, only the rows
  that differ between the two are looked at (comparison.py).

So a transaction that was committed, but whose acknowledgement got lost, finds its own digests and
does nothing; where an engine locks only at commit, the unique keys refuse a second copy. Mentions
have no key: they are created, never merged, which is what makes loading fast.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import ConfigError, GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load import aggregates, statements
from radkg.graph.load.comparison import (
    Comparison,
    compare_all,
    compare_with,
    find_base,
    is_loaded,
)
from radkg.graph.load.dispatch import Dispatch, RemoteLoad
from radkg.graph.load.draft_writer import delete_drafts_of_gone
from radkg.graph.load.ledger import build_finished_ledger, read_ledger
from radkg.graph.load.mending import remove_strays, sweep_unowned
from radkg.graph.load.transactions import WriteCounts, Writer, list_keys
from radkg.graph.load.writers import (
    list_locks,
    name_drafts_lock,
    split_by_writer,
    write_in_parallel,
)
from radkg.graph.migrations.steps import migrate
from radkg.graph.rows.nested import BatchSizes, GraphRow, batch_rows, count_contents
from radkg.graph.rows.outlines import count_outlined, select_standing
from radkg.progress import Advance, ignore
from radkg.run.changes import Changes
from radkg.run.retractions import hide_retracted
from radkg.run.snapshot import Snapshot

logger = logging.getLogger(__name__)


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
    strays: dict[str, int]
    """what `repair` removed that no load had written, by label or type"""
    seconds: float


def load(
    graph: Graph,
    snapshot: Snapshot,
    progress: Advance = ignore,
    *,
    repair: bool = False,
    differ: Changes | None = None,
    writers: int = 1,
    dispatch: Dispatch | None = None,
    sizes: BatchSizes | None = None,
) -> LoadReport:
    """Make the graph hold exactly this snapshot for its archive and extractor.

    What is retracted in its run is left out, or taken out.

    Args:
        graph: an open graph; what other archives and extractors have there stays.
        snapshot: what was published.
        progress: called with the number of studies done and the number of all.
        repair: trust no digest that stands in the graph, replace every study, and remove what bears
            radkg's names and no load has written (mending.py): after a change by hand.
        differ: the changes from the snapshot that stands in the graph, where they are known.
        writers: how many write at the same time, 1 to writers.PARTITIONS.
        dispatch: has the studies written by other processes, in place of `writers` here; what is
            done once, from the begin to the finish, stays here.
        sizes: of what one transaction takes.

    Raises:
        ConfigError: other processes were to write, and the engine takes one process alone.
        GraphError: a key is too long for an index, another load has overtaken this one, the
            graph's schema is newer than this program, or `dispatch` lost studies.
        SnapshotError: published bytes were changed.
    """
    if dispatch and not graph.engine.takes_many_processes:
        raise ConfigError(
            f"{graph.address} is an {graph.engine} graph, which several processes cannot write side"
            " by side: load it without --on-cluster, or give the address of a Neo4j server"
        )
    started = time.monotonic()
    loading = _Loading(graph, snapshot, repair, differ, writers, dispatch, sizes or BatchSizes())
    strays = remove_strays(graph) if repair else Counter[str]()
    migrate(graph, repair=repair)
    num_studies = loading.kept.num_studies
    done, removed, why = WriteCounts(), 0, "this snapshot stands complete in the graph"
    if loading.is_done():
        progress(num_studies, num_studies)
    else:
        done, removed, why = loading.run(progress)
    if done.retries:
        logger.info("%d transactions were run again: %d writers", done.retries, loading.writers)
    (nodes,) = graph.read(statements.NUM_NODES)
    return LoadReport(
        studies=num_studies,
        created=done.created,
        replaced=done.replaced,
        removed=removed,
        unchanged=num_studies - done.created - done.replaced,
        retracted=loading.kept.num_retracted,
        nodes=nodes["number"],
        relationships=sum(graph.read(s)[0]["number"] for s in statements.NUM_RELATIONSHIPS),
        sink=graph.engine.sink,
        why=why,
        writers=loading.writers,
        retries=done.retries,
        strays=dict(strays + loading.strays),
        seconds=time.monotonic() - started,
    )


class _Loading:
    """One load: it begins, has the studies written, and ends."""

    def __init__(
        self,
        graph: Graph,
        snapshot: Snapshot,
        repair: bool,
        differ: Changes | None,
        writers: int,
        dispatch: Dispatch | None,
        sizes: BatchSizes,
    ) -> None:
        self.graph = graph
        self.kept = hide_retracted(snapshot)
        self.repair = repair
        self.writer = Writer(graph, self.kept, repair, sizes)
        self.ledger = self.writer.ledger
        self.differ = differ
        self.writers = writers
        self.dispatch = dispatch
        self.sizes = sizes
        self.strays: Counter[str] = Counter()

    def is_done(self) -> bool:
        """Tell whether this snapshot was loaded to its end and all its studies still stand."""
        if self.repair:
            return False
        return is_loaded(self.graph, self.kept, read_ledger(self.graph, self.ledger))

    def run(self, progress: Advance) -> tuple[WriteCounts, int, str]:
        """Make the graph hold the snapshot; return what was written, how many removed, and why."""
        base = None if self.repair else find_base(self.graph, self.kept)
        stands = self.graph.write(partial(self._begin, base and base.snapshot.snapshot_id))
        if base and stands:
            comparison = compare_with(self.graph, self.kept, base, self.differ, self.sizes)
        else:
            comparison = compare_all(self.graph, self.kept, repair=self.repair)
        logger.info("%s", comparison.why)
        gone = set(comparison.gone)
        counted = Counter(comparison.counted)
        done = WriteCounts()
        write = self._write_elsewhere if self.dispatch else self._write_here
        with contextlib.closing(write(comparison, gone, counted)) as written:
            for news in written:
                done = WriteCounts(*map(sum, zip(done, news, strict=True)))
                progress(comparison.unchanged + done.studies, self.kept.num_studies)
        keys = sorted(map(str, gone))  # a key that somebody removed is no text
        for at in range(0, len(keys), self.sizes.studies):
            self.graph.write(partial(self._remove, keys[at : at + self.sizes.studies]))
        sums = comparison.sums or aggregates.compute_sums(self.kept)
        # before the sweep, which leaves a concept that has any relationship
        aggregates.write_sums(
            self.graph, self.kept, sums, self._lock_all, comparison.standing, self.sizes.edges
        )
        properties = {**counted, **aggregates.build_sums_properties(sums, self.kept)}
        self.graph.write(partial(self._finish, properties))
        return done, len(gone), comparison.why

    def _write_here(
        self, comparison: Comparison, gone: set[str], counted: Counter[str]
    ) -> Generator[WriteCounts]:
        """Write the studies in threads; take them from `gone`, and add what they hold."""
        tables = self.kept.read_tables() if comparison.after is None else [comparison.after]
        if comparison.stored and not self.repair:  # what stands becomes no row
            same = select_standing(self.kept.read_tables(), comparison.stored)
            tables = (_remove_rows(table, same["study_id"]) for table in tables)
            gone.difference_update(same["key"].to_pylist())
            counted.update(count_outlined(same))
            yield WriteCounts(same.num_rows)

        def split() -> Iterator[tuple[int, list[GraphRow]]]:
            for batch in batch_rows(tables, self.sizes):
                gone.difference_update(list_keys(batch))
                counted.update(count_contents(batch))  # adding would drop the zeros
                if self.writers > 1:
                    self.writer.create_concepts(
                        self.writer.select_differing(batch, comparison.stored)
                    )
                yield from split_by_writer(batch, self.writers)

        def write(batch: list[GraphRow]) -> WriteCounts:
            return self.writer.write(batch, comparison.stored, comparison.before)

        yield from write_in_parallel(split(), write, self.writers)

    def _write_elsewhere(
        self, comparison: Comparison, gone: set[str], counted: Counter[str]
    ) -> Generator[WriteCounts]:
        """Have the studies written by other processes; otherwise as `_write_here`.

        A study counts as created or replaced by what stood when this load began, for who stores it
        a second time finds it unchanged.
        """
        assert self.dispatch is not None
        before, after = comparison.before, comparison.after
        load = RemoteLoad(self.graph.address, self.kept, self.repair, before, after, self.sizes)
        if not load.num_pieces:
            return
        seen = 0
        expected = self.kept.num_studies if after is None else after.num_rows
        with self.dispatch(load) as (self.writers, results):
            for result in results:
                digests = result.digests
                standing = digests.keys() & comparison.gone
                replaced = sum(
                    self.repair or comparison.stored.get(key) != digests[key] for key in standing
                )
                gone.difference_update(standing)
                counted.update(result.counted)
                number = len(digests)
                seen += number
                yield WriteCounts(number, number - len(standing), replaced, result.retries)
        if seen != expected:  # what did not come back would be taken for gone
            raise GraphError(
                f"{expected} studies went to the writers and {seen} came back: nothing was removed,"
                " run the same command again"
            )

    def _begin(self, base_id: str | None, transaction: Transaction) -> bool:
        """Begin; tell whether the snapshot with this id still stands complete."""
        state = self.writer.read_state(transaction, list_locks(self.ledger))
        if state["retractions"] > self.kept.retractions.number:
            raise self.writer.explain_outdated(state)
        run_statement(
            transaction,
            statements.BEGIN,
            ledger=self.ledger,
            snapshot_id=self.kept.snapshot_id,
            retractions=self.kept.retractions.number,
        )
        return (state["snapshot_id"], state["complete"]) == (base_id, True)

    def _remove(self, keys: list[str], transaction: Transaction) -> None:
        self.writer.lock(transaction, self._list_locks())
        for statement in statements.DELETE:
            run_statement(transaction, statement, keys=keys, extractor=self.kept.extractor)
        delete_drafts_of_gone(transaction, keys, self.kept.retractions)
        run_statement(transaction, statements.DELETE_STUDY, keys=keys)

    def _lock_all(self, transaction: Transaction) -> None:
        self.writer.lock(transaction, list_locks(self.ledger))

    def _finish(self, counted: GraphRow, transaction: Transaction) -> None:
        run_statement(transaction, statements.LOCK_ALL)
        self._lock_all(transaction)
        self.strays = sweep_unowned(transaction) if self.repair else Counter()
        for statement in statements.SWEEP:
            run_statement(transaction, statement)
        properties = build_finished_ledger(self.kept, counted)
        finish = statements.FINISH
        if self.repair:
            finish = statements.FINISH_ANEW
            properties |= {"key": self.ledger, "snapshot_id": self.kept.snapshot_id}
        run_statement(transaction, finish, ledger=self.ledger, properties=properties)
        run_statement(transaction, statements.UNLOCK, locks=self._list_locks())

    def _list_locks(self) -> list[str]:
        """Return the keys of all locks that this load takes."""
        return [*list_locks(self.ledger), name_drafts_lock(self.kept.archive)]


def _remove_rows(table: pa.Table, study_ids: pa.ChunkedArray) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table["study_id"], study_ids.combine_chunks())))
