"""Statements inside a transaction, and values as the driver gives and takes them."""

from __future__ import annotations

from typing import Any

import neo4j

Transaction = neo4j.ManagedTransaction

_PLAIN = frozenset((str, int, float, bool, type(None)))


def run_statement(
    transaction: Transaction, statement: str, **parameters: Any
) -> list[dict[str, Any]]:
    """Return the rows of one statement inside a transaction; dates come as `datetime.date`."""
    values = {n: _Unlogged(v) if type(v) is list else v for n, v in parameters.items()}
    return [to_native(dict(record)) for record in transaction.run(statement, values)]


class _Unlogged(list[Any]):
    """A list whose items are not written out for a log.

    The driver makes the text of all parameters, whether its log is on or not: a fifth of what a
    load asks of the client. The parameters are also words of reports, which belong in no log.
    """

    def __repr__(self) -> str:
        return f"[{len(self)} values]"


def to_native(value: Any) -> Any:
    """Return `value` with Python's dates, and nodes and relationships as their properties."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {name: to_native(item) for name, item in value.items()}
    if kind is list:
        return [to_native(item) for item in value]
    if kind in (neo4j.time.Date, neo4j.time.DateTime, neo4j.time.Time):
        return value.to_native()
    if isinstance(value, neo4j.graph.Entity):
        return dict(value.items())
    return value
