"""Write the studies of a batch, in a transaction that holds their locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from radkg.graph.engine.retries import Conflict
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load import statements
from radkg.graph.load.amending import amend_studies, build_amendment, is_amendable
from radkg.graph.rows.nested import RELATION_TYPES, GraphRow


def store_studies(
    transaction: Transaction,
    batch: list[GraphRow],
    extractor: str,
    standing: Mapping[str, GraphRow],
    before: Mapping[str, GraphRow],
    *,
    repair: bool,
) -> None:
    """Amend the studies that stand as `before` says; create the others, or replace them.

    Args:
        transaction: the concepts of all mentions stand in it.
        batch: rows of studies that differ from what stands.
        extractor: whose readings they are.
        standing: rows of statements.STANDING, by key of study.
        before: rows as an earlier load left them, by key, where they are known.
        repair: delete what somebody put there by hand, too.

    Raises:
        Conflict: a concept is missing: another load's sweep came between.
    """
    amendments, others = [], []
    for row in batch:
        key = row["study"]["key"]
        if is_amendable(standing.get(key), before.get(key), row):
            amendments.append(build_amendment(before[key], row))
        else:
            others.append(_group_by_type(row))
    created = amend_studies(transaction, amendments, extractor)
    created += _create(transaction, others, extractor, standing, repair)
    if created != _count_to_create([*amendments, *others]):
        raise Conflict("concepts vanished from the graph during the load: try again")


def _create(
    transaction: Transaction,
    batch: list[GraphRow],
    extractor: str,
    standing: Collection[str],
    repair: bool,
) -> Counter[str]:
    """Create studies, in place of those that stand; return as `amend`."""
    if not batch:
        return Counter()
    keys = [row["study"]["key"] for row in batch]
    deleted = keys if repair else [key for key in keys if key in standing]
    strays = statements.DELETE_STRAYS if repair else ()
    for statement in (*statements.DELETE, *strays, statements.LEAVE_PATIENT):
        if deleted:
            run_statement(transaction, statement, keys=deleted, extractor=extractor)
    (created,) = run_statement(transaction, statements.CREATE, rows=batch)
    return Counter(created)


def _count_to_create(batch: list[GraphRow]) -> Counter[str]:
    """Return the numbers of mentions and relations that are created with these rows."""
    kinds = {"mentions": ("mentions",), "relations": RELATION_TYPES}
    return Counter({k: sum(len(row[n]) for row in batch for n in kinds[k]) for k in kinds})


def _group_by_type(row: GraphRow) -> GraphRow:
    """Return the row as CREATE takes it: a relationship type cannot be a parameter."""
    by_type = {
        name: [relation for relation in row["relations"] if relation["type"] == name]
        for name in RELATION_TYPES
    }
    return {**row, **by_type}
