"""The transactions of one writer of a load over studies, and the locks that they take."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Set
from functools import partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load import statements
from radkg.graph.load.storing import store_studies
from radkg.graph.load.writers import list_locks_of, name_concepts_lock
from radkg.graph.rows.nested import (
    BatchSizes,
    GraphRow,
    batch_rows,
    build_concept,
    build_ledger_key,
)
from radkg.run.retractions import VisibleSnapshot


class WriteCounts(NamedTuple):
    """What became of studies that were compared: their number, and how many were written."""

    studies: int = 0
    created: int = 0
    replaced: int = 0
    retries: int = 0


class Writer:
    """Makes the graph hold studies of a snapshot; used from one thread or several.

    Args:
        graph: an open graph in which a load of this snapshot was begun.
        kept: the snapshot, without what was retracted when the load began.
        repair: replace studies whose digest is right, too.
        sizes: of the batches that are written.
    """

    def __init__(
        self, graph: Graph, kept: VisibleSnapshot, repair: bool, sizes: BatchSizes
    ) -> None:
        self.graph = graph
        self.kept = kept
        self.repair = repair
        self.sizes = sizes
        self.ledger = build_ledger_key(kept.archive, kept.extractor)
        # That this writer has seen committed. Of two threads that change it at once, one may be in
        # vain: its concepts are merged once more then.
        self.concepts: frozenset[str] = frozenset()

    def write(
        self, batch: list[GraphRow], stored: Mapping[str, str], before: pa.Table
    ) -> WriteCounts:
        """Make the graph hold these studies, in one transaction if any differs.

        Args:
            batch: what one transaction takes.
            stored: digests that are known to stand, by key of study: such rows are left.
            before: rows as an earlier load left them, where they are known: such studies are
                amended.
        """
        changed = self.select_differing(batch, stored)
        if not changed:
            return WriteCounts(len(batch))
        known = _select_rows(before, changed)
        tries = itertools.count()
        created, replaced = self.graph.write(
            lambda t: self._store(changed, known, next(tries) > 0, t)
        )
        self.concepts |= _list_concepts(changed)
        return WriteCounts(len(batch), created, replaced, next(tries) - 1)

    def select_differing(self, batch: list[GraphRow], digests: Mapping[str, str]) -> list[GraphRow]:
        """Return the rows whose digest is not among these, by key of study; to repair, all."""
        return [
            row
            for row in batch
            if self.repair or digests.get(row["study"]["key"]) != row["extraction"]["digest"]
        ]

    def create_concepts(self, batch: list[GraphRow]) -> None:
        """Create the concepts of a batch ahead of its writers, which then only look them up.

        One thread does so, in key order: writers that created them would wait for each other.
        """
        needed = _list_concepts(batch)
        if not needed <= self.concepts:
            self.graph.write(partial(self._merge_concepts, needed - self.concepts))
            self.concepts |= needed

    def read_state(self, transaction: Transaction, keys: list[str]) -> GraphRow:
        """Take these locks; return what the ledger says only then."""
        run_statement(transaction, statements.LOCK, locks=keys)
        (state,) = run_statement(transaction, statements.STATE, ledger=self.ledger)
        return state

    def lock(self, transaction: Transaction, keys: list[str]) -> None:
        """Take these locks, unless this load is overtaken."""
        state = self.read_state(transaction, keys)
        if state["snapshot_id"] != self.kept.snapshot_id:
            raise GraphError(
                f"the load of snapshot {self.kept.snapshot_id} was overtaken by one of snapshot"
                f" {state['snapshot_id']} into {self.graph.address}: let that one end"
            )
        if state["retractions"] != self.kept.retractions.number:
            raise self.explain_outdated(state)

    def explain_outdated(self, state: GraphRow) -> GraphError:
        """Return the error of a load and a graph that know different numbers of retractions."""
        return GraphError(
            f"{self.graph.address} knows {state['retractions']} retractions and this load"
            f" {self.kept.retractions.number}: run it again; if they were made in another --out,"
            " make them in this one too"
        )

    def _merge_concepts(self, keys: Set[str], transaction: Transaction) -> None:
        self.lock(transaction, [name_concepts_lock(self.ledger)])
        _merge(transaction, keys)

    def _store(
        self,
        batch: list[GraphRow],
        before: Mapping[str, GraphRow],
        again: bool,
        transaction: Transaction,
    ) -> tuple[int, int]:
        """Create or replace the studies of a batch; return the numbers of both.

        Where a study stands as `before` says, it is amended. `again`: not for the first time.
        """
        self.lock(transaction, list_locks_of(self.ledger, batch))
        extractor = self.kept.extractor
        found = run_statement(
            transaction, statements.STANDING, keys=list_keys(batch), extractor=extractor
        )
        standing = {row["key"]: row for row in found}
        # another loader may have been here meanwhile
        batch = self.select_differing(batch, {key: row["digest"] for key, row in standing.items()})
        # another load's sweep may have been here too
        unknown = _list_concepts(batch) - (frozenset() if again else self.concepts)
        if unknown:
            _merge(transaction, unknown)
        store_studies(transaction, batch, extractor, standing, before, repair=self.repair)
        read = {key for key, row in standing.items() if row["extraction"] is not None}
        replaced = len(read & set(list_keys(batch)))
        return len(batch) - replaced, replaced


def list_keys(batch: list[GraphRow]) -> list[str]:
    """Return the keys of the studies of a batch."""
    return [row["study"]["key"] for row in batch]


def _list_concepts(batch: list[GraphRow]) -> frozenset[str]:
    return frozenset(mention["concept"] for row in batch for mention in row["mentions"])


def _merge(transaction: Transaction, keys: Set[str]) -> None:
    """Create those of these concepts that are not there, in key order, as everybody locks them."""
    run_statement(
        transaction, statements.CONCEPTS, concepts=[build_concept(key) for key in sorted(keys)]
    )


def _select_rows(table: pa.Table, batch: list[GraphRow]) -> dict[str, GraphRow]:
    """Return the rows that the table holds of the studies of a batch, by key."""
    if not table.num_rows:
        return {}
    ids = pa.array([row["study"]["study_id"] for row in batch], pa.string())
    found = table.filter(pc.is_in(table["study_id"], ids))
    return {row["study"]["key"]: row for part in batch_rows([found]) for row in part}
