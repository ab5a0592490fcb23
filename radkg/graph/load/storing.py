"""Bring the studies of a batch to what they are to be, in a transaction that holds their locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from radkg.graph.engine.client import Conflict, Transaction, rows
from radkg.graph.load import statements
from radkg.graph.load.amending import amend, amendment, is_amendable
from radkg.graph.rows.nested import RELATION_TYPES, Row


def store(
    transaction: Transaction,
    batch: list[Row],
    extractor: str,
    standing: Mapping[str, Row],
    before: Mapping[str, Row],
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
        repair: take away what a hand left, too.

    Raises:
        Conflict: a concept is missing: another load's sweep came between.
    """
    amendments, others = [], []
    for row in batch:
        key = row["study"]["key"]
        if is_amendable(standing.get(key), before.get(key), row):
            amendments.append(amendment(before[key], row))
        else:
            others.append(_by_type(row))
    created = amend(transaction, amendments, extractor)
    created += _create(transaction, others, extractor, standing, repair)
    if created != _to_create([*amendments, *others]):
        raise Conflict("concepts vanished from the graph during the load: try again")


def _create(
    transaction: Transaction,
    batch: list[Row],
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
            rows(transaction, statement, keys=deleted, extractor=extractor)
    (created,) = rows(transaction, statements.CREATE, rows=batch)
    return Counter(created)


def _to_create(batch: list[Row]) -> Counter[str]:
    """Return the numbers of mentions and relations that are created with these rows."""
    kinds = {"mentions": ("mentions",), "relations": RELATION_TYPES}
    return Counter({k: sum(len(row[n]) for row in batch for n in kinds[k]) for k in kinds})


def _by_type(row: Row) -> Row:
    """Return the row as CREATE takes it: a relationship type cannot be a parameter."""
    by_type = {
        name: [relation for relation in row["relations"] if relation["type"] == name]
        for name in RELATION_TYPES
    }
    return {**row, **by_type}
