"""Free Cypher from an analyst, read only: what writes is refused before and after it runs.

Four fences, for no single one stands on both engines. The text may hold reading clauses alone, and
of procedures those of PROCEDURES (the embedded engine knows no access modes, and executes what
changes the schema even under EXPLAIN). EXPLAIN must plan it, as reading where the engine says so.
It runs in a transaction that is told to read and is never committed. Its counters must be zero.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from radkg.errors import ConfigError, GraphError
from radkg.graph.engine.client import Graph
from radkg.schema.answer import Answer, Cell

PROCEDURES = frozenset({"db.labels", "db.propertykeys", "db.relationshiptypes"})

_BEGINNINGS = frozenset({"MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL"})
_WRITING = frozenset(
    {"CREATE", "DELETE", "DETACH", "DROP", "FOREACH", "INSERT", "LOAD", "MERGE", "REMOVE", "SET"}
)
# Text, quoted names and comments first: what stands in them is no clause.
_TOKEN = re.compile(
    r"""(?P<skipped>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/)
    |(?P<quoted>`(?:``|[^`])*`)
    |(?P<word>\$?\w+)
    |(?P<sign>\S)""",
    re.VERBOSE | re.DOTALL,
)


def run_cypher(
    graph: Graph,
    statement: str,
    parameters: Mapping[str, Any],
    *,
    timeout_s: float = 60.0,
    max_rows: int = 10_000,
) -> tuple[Answer, bool]:
    """Return the answer of a reading statement, and whether it was cut off at `max_rows`.

    Lists, maps, nodes and whatever else is no plain value come as JSON text. The embedded engine
    names no columns where there is no row.

    Args:
        graph: an open graph; it cannot be used any more after a timeout.
        statement: one Cypher statement.
        parameters: values for its $parameters.
        timeout_s: seconds it may take, more than 0.
        max_rows: most rows to return, 1 at least.

    Raises:
        ConfigError: a limit is no such number.
        GraphError: the statement would write, is wrong, or takes too long.
    """
    if not timeout_s > 0 or max_rows < 1:
        raise ConfigError(
            f"--timeout is more than 0 and --max-rows at least 1, not {timeout_s} and {max_rows}"
        )
    check_reading(statement)
    plan = graph.plan(statement, parameters)
    if plan.kind not in ("r", None) or any("LoadCSV" in name for name in plan.operators):
        raise GraphError("the statement does more than read the graph: refused")
    columns, rows = graph.read_some(statement, parameters, timeout_s=timeout_s, limit=max_rows + 1)
    cells = [[_to_cell(value) for value in row] for row in rows[:max_rows]]
    given = {name: _to_cell(value) for name, value in parameters.items()}
    return Answer("cypher", "Free Cypher", given, columns, cells), len(rows) > max_rows


def check_reading(statement: str) -> None:
    """Check that the statement consists of reading clauses alone.

    Raises:
        GraphError: it does not; the message says which word.
    """
    if "\\u" in statement or "\\U" in statement:  # engines read them before they read the clauses
        raise GraphError("the statement has a \\u escape: write the character itself")
    tokens = [match for match in _TOKEN.finditer(statement) if match["skipped"] is None]
    first = tokens[0][0].upper() if tokens else ""
    if first not in _BEGINNINGS:
        raise GraphError(
            f"the statement begins with {first or 'nothing'!r}: a reading one begins with MATCH,"
            " OPTIONAL MATCH, WITH, UNWIND, RETURN or CALL"
        )
    for at, token in enumerate(tokens):
        word = (token["word"] or "").upper()
        if token["sign"] in ("'", '"', "`"):
            raise GraphError("the statement has a quotation mark that nothing closes")
        if token["sign"] == ";" and at + 1 < len(tokens):
            raise GraphError("the file holds more than one statement")
        if word in _WRITING:
            raise GraphError(
                f"the statement holds {word}, and only reading is allowed: a name that is spelt so"
                " stands in backticks"
            )
        if word == "CALL":
            _check_call([t[0] for t in tokens[at + 1 : at + 10]])


def _check_call(following: list[str]) -> None:
    """Check what CALL calls: a subquery, or a procedure that is known to read."""
    if following[:1] in (["{"], ["("]):
        return
    name = "".join(following).partition("(")[0]
    if name.lower() not in PROCEDURES:
        raise GraphError(f"procedure {name} is none of {', '.join(sorted(PROCEDURES))}: refused")


def _to_cell(value: Any) -> Cell:
    if value is None or isinstance(value, str | int | float | date):
        return value
    return json.dumps(value, default=str, ensure_ascii=False)
