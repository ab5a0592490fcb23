"""Remove all drafts of one reporter from a graph: of one that was given up, or named anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from radkg.errors import ConfigError, GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load import draft_statements, statements
from radkg.graph.load.draft_writer import delete_drafts
from radkg.graph.load.writers import name_drafts_lock
from radkg.graph.rows.drafts import build_draft_ledger_key
from radkg.graph.rows.nested import BatchSizes

_REMOVED = "removed"  # stands in the ledger where a load has its snapshot


def remove_drafts(
    graph: Graph, archive: str, reporter: str, sizes: BatchSizes | None = None
) -> int:
    """Remove every draft of a reporter, with the ledger of its loads; return how many there were.

    A removal that was killed goes on when it is called again. A load that begins meanwhile stops
    the removal.

    Raises:
        ConfigError: the graph has no draft of this reporter.
        GraphError: a load of this reporter's drafts began meanwhile.
    """
    standing = graph.read(draft_statements.STANDING, archive=archive, reporter=reporter)
    keys = sorted(row["key"] for row in standing)
    ledger = build_draft_ledger_key(archive, reporter)
    if not keys and not graph.read(draft_statements.LEDGER, ledger=ledger):
        found = graph.read(draft_statements.REPORTERS, archive=archive)
        known = ", ".join(row["reporter"] for row in found) or "nobody"
        raise ConfigError(
            f"{graph.address} has no drafts of reporter {reporter!r}: it has those of {known}"
        )
    removal = _Removal(graph, ledger, name_drafts_lock(archive))
    graph.write(removal.begin)
    size = (sizes or BatchSizes()).studies
    for at in range(0, len(keys), size):
        graph.write(partial(removal.remove, keys[at : at + size]))
    graph.write(removal.finish)
    return len(keys)


class _Removal:
    """The transactions of a removal."""

    def __init__(self, graph: Graph, ledger: str, lock: str) -> None:
        self._address = graph.address
        self._ledger = ledger
        self._locks = [lock]

    def begin(self, transaction: Transaction) -> None:
        run_statement(transaction, statements.LOCK, locks=self._locks)
        properties = {"key": self._ledger, "snapshot_id": _REMOVED, "complete": False}
        run_statement(
            transaction, draft_statements.BEGIN, ledger=self._ledger, properties=properties
        )

    def remove(self, keys: Sequence[str], transaction: Transaction) -> None:
        self._check(transaction)
        delete_drafts(transaction, keys)

    def finish(self, transaction: Transaction) -> None:
        self._check(transaction)
        run_statement(transaction, draft_statements.DELETE_LEDGER, ledger=self._ledger)
        run_statement(transaction, statements.UNLOCK, locks=self._locks)

    def _check(self, transaction: Transaction) -> None:
        run_statement(transaction, statements.LOCK, locks=self._locks)
        found = run_statement(transaction, draft_statements.LEDGER, ledger=self._ledger)
        if [row["ledger"].get("snapshot_id") for row in found] != [_REMOVED]:
            raise GraphError(
                f"a load of drafts into {self._address} began while they were removed: let that"
                " load end, then remove them again"
            )
