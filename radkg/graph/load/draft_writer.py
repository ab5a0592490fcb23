"""The transactions of a load of drafts, and the locks that they take."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import radkg
from radkg.errors import GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.retries import Conflict
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load import draft_statements, statements
from radkg.graph.load.writers import name_drafts_lock
from radkg.graph.rows.drafts import build_draft_ledger_key
from radkg.graph.rows.nested import GraphRow, build_ledger_key
from radkg.run.retractions import Retractions, hide_retracted
from radkg.run.snapshot import Snapshot


def delete_drafts_of_gone(
    transaction: Transaction, keys: list[str], retractions: Retractions
) -> None:
    """Delete the drafts of studies that have no reading any more, or that are retracted.

    Args:
        transaction: it holds the lock of the archive's drafts; the readings of the studies are
            deleted, the studies still stand.
        keys: of studies.
        retractions: of the run that the readings were of.
    """
    found = run_statement(
        transaction,
        draft_statements.OF_GONE_STUDIES,
        keys=keys,
        study_ids=sorted(retractions.ids["study"]),
        subject_ids=sorted(retractions.ids["subject"]),
    )
    delete_drafts(transaction, [row["key"] for row in found])


class DraftWriter:
    """Makes the graph hold drafts of one snapshot.

    Args:
        graph: an open graph.
        drafts: the snapshot.
        studies: of the run that the studies were loaded from.
        repair: remove what a hand has put there, in the end.
    """

    def __init__(self, graph: Graph, drafts: Snapshot, studies: Snapshot, repair: bool) -> None:
        self.graph = graph
        self.drafts = drafts
        self.studies = studies
        self.repair = repair
        self._retractions = hide_retracted(studies).retractions.number
        self.reporter = str(drafts.manifest["reporter"])
        self._ledger = build_draft_ledger_key(drafts.archive, self.reporter)
        self._studies = build_ledger_key(studies.archive, studies.extractor)
        self._locks = [name_drafts_lock(drafts.archive)]
        self._complete = {
            "archive": drafts.archive,
            "reporter": self.reporter,
            "model_id": str(drafts.manifest["model_id"]),
            "snapshot_id": drafts.snapshot_id,
            "radkg_version": radkg.__version__,
            "complete": True,
        }

    def is_complete(self) -> bool:
        """Tell whether this snapshot was loaded to its end."""
        found = self.graph.read(draft_statements.LEDGER, ledger=self._ledger)
        return bool(found) and found[0]["ledger"] == {"key": self._ledger, **self._complete}

    def begin(self) -> None:
        """Note what the graph is to hold."""
        self.graph.write(self._begin)

    def write(self, batch: Sequence[GraphRow]) -> set[str]:
        """Write drafts in place of those that stand; return the keys of the studies that stand."""
        return self.graph.write(partial(self._store, batch))

    def mark(self, keys: Sequence[str]) -> None:
        """Note that drafts which stand are of this snapshot, too."""
        self.graph.write(partial(self._mark, keys))

    def remove(self, keys: Sequence[str]) -> None:
        """Remove drafts by their keys."""
        self.graph.write(partial(self._remove, keys))

    def finish(self) -> None:
        """Note that the graph holds all."""
        self.graph.write(self._finish)

    def _begin(self, transaction: Transaction) -> None:
        self._lock(transaction, begins=True)
        self._note(transaction, self._complete | {"complete": False})

    def _lock(self, transaction: Transaction, *, begins: bool = False) -> None:
        """Shut out who removes studies of the archive, or writes drafts, unless overtaken."""
        run_statement(transaction, statements.LOCK, locks=self._locks)
        (state,) = run_statement(
            transaction, draft_statements.STATE, ledger=self._ledger, studies=self._studies
        )
        if state["retractions"] != self._retractions:
            raise GraphError(
                f"{self.graph.address} knows {state['retractions']} retractions and this load of"
                f" drafts {self._retractions}: run it again"
            )
        if not begins and state["snapshot_id"] != self.drafts.snapshot_id:
            raise GraphError(
                f"the load of drafts {self.drafts.snapshot_id} was overtaken by one of"
                f" {state['snapshot_id']} into {self.graph.address}: let that one end"
            )

    def _store(self, batch: Sequence[GraphRow], transaction: Transaction) -> set[str]:
        self._lock(transaction)
        found = run_statement(
            transaction, draft_statements.KNOWN_STUDIES, keys=[row["study"] for row in batch]
        )
        known = {row["key"] for row in found}
        delete_drafts(transaction, [row["draft"]["key"] for row in batch])
        rows = [row for row in batch if row["study"] in known]
        (created,) = run_statement(transaction, draft_statements.CREATE, rows=rows)
        claims = sum(len(row["claims"]) for row in rows)
        if (created["drafts"], created["claims"]) != (len(rows), claims):
            raise Conflict(f"studies vanished from {self.graph.address} meanwhile: try again")
        return known

    def _mark(self, keys: Sequence[str], transaction: Transaction) -> None:
        self._lock(transaction)
        snapshot_id = self.drafts.snapshot_id
        run_statement(
            transaction, draft_statements.SET_SNAPSHOT, keys=keys, snapshot_id=snapshot_id
        )

    def _remove(self, keys: Sequence[str], transaction: Transaction) -> None:
        self._lock(transaction)
        delete_drafts(transaction, keys)

    def _finish(self, transaction: Transaction) -> None:
        self._lock(transaction)
        for statement in draft_statements.SWEEP_STRAYS if self.repair else ():
            run_statement(transaction, statement)
        self._note(transaction, self._complete)
        run_statement(transaction, statements.UNLOCK, locks=self._locks)

    def _note(self, transaction: Transaction, properties: GraphRow) -> None:
        own = {"key": self._ledger, **properties}
        run_statement(transaction, draft_statements.SET_LEDGER, ledger=self._ledger, properties=own)


def delete_drafts(transaction: Transaction, keys: Sequence[str]) -> None:
    """Delete drafts and their claims, by the keys of the drafts."""
    for statement in draft_statements.DELETE if keys else ():
        run_statement(transaction, statement, keys=list(keys))
