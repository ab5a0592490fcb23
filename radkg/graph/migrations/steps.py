"""The schema of the graph in numbered steps (migrations/), each done exactly once.

`(:SchemaVersion {version})` is the number of the last step that was done; without it none was. It
is of the graph as a whole, its constraints, indexes and ledgers. The shape of a study's rows is
nested.FORMAT: a new one needs no step, for it is part of the digests that the next load compares.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from radkg.errors import GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.packaged import read_packaged_texts
from radkg.graph.rows.model import LABELS

INDEX_TIMEOUT_S = 3600

VERSION = "MATCH (v:SchemaVersion {key: 'schema'}) RETURN v.version AS version"

# Whoever comes second waits here, or loses at its commit and comes again.
LOCK = """
MERGE (v:SchemaVersion {key: 'schema'})
SET v.transactions = coalesce(v.transactions, 0) + 1
RETURN coalesce(v.version, 0) AS version
"""

SET_VERSION = "MATCH (v:SchemaVersion {key: 'schema'}) SET v.version = $version"

_COUNT = "MATCH (n:{label}) RETURN count(n) AS number"
_BOOKS = ("SchemaVersion", "Load", "KnowledgeLoad", "DraftLoad")

_NAME = re.compile(r"(?P<number>\d{3})_(?P<name>\w+)\.cypher")
_SCHEMA = re.compile(r"(CREATE|DROP) (CONSTRAINT|INDEX) ")
_ON = re.compile(r"FOR \(n:(?P<label>\w+)\) (?P<how>REQUIRE|ON) \(?n\.(?P<name>\w+)")

Place = tuple[str, str]
"""label and name of a property"""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step of the schema; `what` is a line for people."""

    number: int
    name: str
    what: str
    statements: tuple[str, ...]

    @property
    def is_schema(self) -> bool:
        """True if it creates or drops constraints and indexes, False if it changes data."""
        return _SCHEMA.match(self.statements[0]) is not None


@functools.cache  # every graph that is opened asks for their number
def list_steps() -> list[Step]:
    """Return every step, in order."""
    return [
        parse_step(name, text)
        for name, text in read_packaged_texts("migrations", ".cypher").items()
    ]


def parse_step(name: str, text: str) -> Step:
    """Return the step in a file NNN_name.cypher.

    Raises:
        ValueError: the name or the text is not of the form that migrations/README.md gives.
    """
    named = _NAME.fullmatch(name)
    first, _, rest = text.partition("\n")
    *statements, tail = (part.strip() for part in rest.split(";\n"))
    if named is None or not first.startswith("// ") or not statements or tail:
        raise ValueError(f"migration {name}: see migrations/README.md for its form")
    if len({bool(_SCHEMA.match(statement)) for statement in statements}) != 1:
        raise ValueError(f"migration {name} changes the schema and data: make two of it")
    return Step(int(named["number"]), named["name"], first.removeprefix("// "), tuple(statements))


def read_schema_version(graph: Graph) -> int:
    """Return the number of the last step that was done; 0 if none was.

    Raises:
        GraphError: it is newer than this program.
    """
    found = graph.read(VERSION)
    version = int(found[0]["version"] or 0) if found else 0
    newest = len(list_steps())
    if version > newest:
        raise GraphError(
            f"the graph at {graph.address} has schema version {version}, and this radkg knows"
            f" versions up to {newest}: install the radkg that made it, or a newer one"
        )
    return version


def list_missing_constraints(graph: Graph) -> list[Place]:
    """Return the unique keys that steps which were done have made, and that are not there."""
    return _list_missing(graph, "REQUIRE", "SHOW CONSTRAINTS")


def list_missing_indexes(graph: Graph) -> list[Place]:
    """Return the other indexes that steps which were done have made, and that are not there."""
    return _list_missing(graph, "ON", "SHOW INDEXES")


def list_other_constraints(graph: Graph, labels: Collection[str]) -> list[tuple[str, str]]:
    """Return name and place of constraints on these labels or types that no step has made."""
    own = {place for place, _ in _list_places(graph)}  # the embedded engine names their types, too
    return [
        (str(row["name"]), f"{on}({', '.join(names)})")
        for row in graph.read("SHOW CONSTRAINTS")
        for names in [row["properties"] or []]
        for on in row["labelsOrTypes"] or []
        if on in labels and not (len(names) == 1 and (on, names[0]) in own)
    ]


def _list_missing(graph: Graph, how: str, statement: str) -> list[Place]:
    standing = {
        (label, name)
        for row in graph.read(statement)
        if how == "ON" or any(sign in row["type"] for sign in ("UNIQUE", "KEY"))
        for label in row["labelsOrTypes"] or []
        for name in row["properties"] or []
    }
    return [place for place, each in _list_places(graph) if each == how and place not in standing]


def _list_places(graph: Graph) -> list[tuple[Place, str]]:
    """Return where steps that were done have made constraints (REQUIRE) and indexes (ON)."""
    done = list_steps()[: read_schema_version(graph)]
    found = [_ON.search(text) for step in done if step.is_schema for text in step.statements]
    return [((on["label"], on["name"]), on["how"]) for on in found if on]


def list_missing_steps(graph: Graph) -> list[Step]:
    """Return the steps that were not yet done, in order; raises as `schema_version`."""
    return list_steps()[read_schema_version(graph) :]


def migrate(graph: Graph, *, repair: bool = False) -> list[Step]:
    """Do the steps that are missing; return them.

    After a kill the same call does the rest; of two at once each step is done by one.

    Args:
        graph: an open graph.
        repair: do steps of the schema also where the graph says that they were done.

    Raises:
        GraphError: the graph is newer than this program, holds nodes of another application under
            radkg's labels, or refuses a statement.
    """
    missing = list_missing_steps(graph)
    if missing == list_steps():
        _check_names_are_free(graph)
    for step in list_steps():
        if step.is_schema and (repair or step in missing):
            for statement in step.statements:
                graph.run_schema(statement)
            if graph.engine.await_indexes:  # or a query may meet an index that is not yet filled
                graph.read(graph.engine.await_indexes, seconds=INDEX_TIMEOUT_S)
        if step in missing:
            statements = () if step.is_schema else step.statements
            graph.write(partial(_advance, step.number, statements))
    return missing


def _check_names_are_free(graph: Graph) -> None:
    """Raise where somebody else's nodes have labels of ours: a load could take them for its own."""
    found = {label: graph.read(_COUNT.format(label=label))[0]["number"] for label in LABELS}
    others = [f"{number} {label}" for label, number in found.items() if number]
    if others and not any(found[label] for label in _BOOKS):
        raise GraphError(
            f"{graph.address} holds {', '.join(others)} that no radkg has loaded, under labels that"
            " are radkg's: give radkg a database of its own"
        )


def _advance(number: int, statements: Sequence[str], transaction: Transaction) -> None:
    """Make a step, unless that was done meanwhile."""
    (record,) = run_statement(transaction, LOCK)
    if record["version"] < number:
        for statement in statements:
            run_statement(transaction, statement)
        run_statement(transaction, SET_VERSION, version=number)
