"""Tables of relations from elsewhere, beside the population: (:Knowledge)-[:KNOWN]->(:Knowledge).

A Knowledge node is a term of one table in one spelling; terms with one code are one thing. Nothing
links it to a Concept: a query joins the two by their name, which is indexed. A link would go stale
when a study comes or goes, and would keep concepts that no mention has any more.

`(:KnowledgeLoad)` is the ledger of a table. A transaction reads there what is next, does it (remove
some terms of the table that stood there, write some relations) and notes that it did: so killed in
the middle and run again, run twice, or by two at once, each relation stands once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from radkg.errors import ConfigError, GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.retries import Conflict
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.migrations.steps import migrate
from radkg.graph.rows.nested import GraphRow
from radkg.progress import Advance, ignore
from radkg.schema.known import KnownRelation, Term

BATCH_RELATIONS = 2000
BATCH_TERMS = 200  # a term may have a thousand relations
LABELS = ("Knowledge", "KnowledgeLoad", "KNOWN")

_LOCK = """
MERGE (l:KnowledgeLoad {key: $table})
SET l.transactions = coalesce(l.transactions, 0) + 1
RETURN l.digest AS digest, l.emptied AS emptied, l.done AS done
"""

_SET = """
MATCH (l:KnowledgeLoad {key: $table})
SET l += $properties
"""

_FORGET = """
MATCH (l:KnowledgeLoad {key: $table})
DELETE l
"""

# What is deleted is collected first, as in statements.py.
_DELETE = """
MATCH (k:Knowledge {table: $table})
WITH k LIMIT $limit
WITH collect(k) AS found
FOREACH (k IN found | DETACH DELETE k)
RETURN size(found) AS number
"""

_TERMS = """
UNWIND $terms AS term
MERGE (k:Knowledge {key: term.key})
SET k = term
"""

_RELATIONS = """
UNWIND $relations AS row
MATCH (head:Knowledge {key: row.head})
MATCH (tail:Knowledge {key: row.tail})
CREATE (head)-[:KNOWN {relation: row.known.relation, count: row.known.count}]->(tail)
RETURN count(*) AS number
"""

_LEDGERS = "MATCH (l:KnowledgeLoad) RETURN properties(l) AS ledger ORDER BY l.key"
_SHARED = """
MATCH (k:Knowledge {table: $table})
WITH DISTINCT k.name AS name
MATCH (c:Concept {name: name})
RETURN count(c) AS number
"""


@dataclass(frozen=True, kw_only=True)
class KnowledgeReport:
    """What stands of a table, and what this call did, in numbers of terms and relations."""

    table: str
    digest: str
    """of its relations, in whatever order"""
    terms: int
    relations: int
    concepts: int
    """of the population that have the name of a term"""
    written: int
    """relations that were written; 0: all stood there"""
    removed: int
    """terms that went with the table that stood there before"""


def write_knowledge(
    graph: Graph, table: str, known: Sequence[KnownRelation], progress: Advance = ignore
) -> KnowledgeReport:
    """Make the graph hold exactly these relations for a table, in place of what it held of it.

    Args:
        graph: an open graph.
        table: name of the table: letters, digits, `.`, `_` and `-`, 100 at most.
        known: each relation once; none: the table is removed.
        progress: called with the number of relations written and the number of all.

    Raises:
        ConfigError: the name is none; or there is no such table to remove.
        GraphError: another call writes another content of the table meanwhile, or the graph is
            newer than this program.
    """
    if not re.fullmatch(r"[\w.-]{1,100}", table):
        raise ConfigError(
            f"{table!r} is no name of a table: give letters, digits, '.', '_' and '-' with --name"
        )
    tables = [str(ledger.get("key")) for ledger in read_knowledge_ledgers(graph)]
    if not known and table not in tables:
        there = ", ".join(tables) or "none"
        raise ConfigError(f"{graph.address} has no table {table!r}: there is {there}")
    migrate(graph)
    writing = _Writing(graph, table, known)
    written, removed = writing.run(progress)
    return KnowledgeReport(
        table=table,
        digest=writing.digest,
        terms=len(writing.terms),
        relations=len(known),
        concepts=graph.read(_SHARED, table=table)[0]["number"],
        written=written,
        removed=removed,
    )


class _Step(NamedTuple):
    """What one transaction did."""

    written: int = 0
    removed: int = 0
    done: int = 0
    is_last: bool = False


class _Writing:
    """One table on its way into the graph, or out of it."""

    def __init__(self, graph: Graph, table: str, known: Sequence[KnownRelation]) -> None:
        self.graph = graph
        self.table = table
        self.relations = sorted((_build_row(table, each) for each in known), key=_write_line)
        self.digest = digest_relations(self.relations)
        self.terms = {_build_key(table, term): term for k in known for term in (k.head, k.tail)}

    def run(self, progress: Advance) -> tuple[int, int]:
        """Take step after step; return the numbers of relations written and terms removed."""
        self.graph.write(self._begin)
        written = removed = 0
        while True:
            step = self.graph.write(self._step)
            written, removed = written + step.written, removed + step.removed
            progress(step.done, len(self.relations))
            if step.is_last:
                return written, removed

    def _begin(self, transaction: Transaction) -> None:
        """Note what the table is to hold, unless that is noted already."""
        (ledger,) = run_statement(transaction, _LOCK, table=self.table)
        if ledger["digest"] != self.digest:
            self._note(
                transaction,
                digest=self.digest,
                terms=len(self.terms),
                relations=len(self.relations),
                emptied=False,
                done=0,
                complete=False,
            )

    def _step(self, transaction: Transaction) -> _Step:
        (ledger,) = run_statement(transaction, _LOCK, table=self.table)
        if ledger["digest"] != self.digest:
            raise GraphError(
                f"another import into {self.graph.address} has replaced what this one writes of"
                f" {self.table}: let it end, then run this one again"
            )
        if not ledger["emptied"]:
            (gone,) = run_statement(transaction, _DELETE, table=self.table, limit=BATCH_TERMS)
            if not gone["number"]:
                self._note(transaction, emptied=True)
            return _Step(removed=gone["number"])
        at = ledger["done"]
        batch = self.relations[at : at + BATCH_RELATIONS]
        if batch:
            self._write(batch, transaction)
        done = at + len(batch)
        is_last = done == len(self.relations)
        if self.relations:
            self._note(transaction, done=done, complete=is_last)
        else:
            run_statement(transaction, _FORGET, table=self.table)
        return _Step(len(batch), 0, done, is_last)

    def _write(self, batch: Sequence[GraphRow], transaction: Transaction) -> None:
        keys = {row[end] for row in batch for end in ("head", "tail")}
        terms = [build_term(self.table, self.terms[key]) for key in sorted(keys)]
        run_statement(transaction, _TERMS, terms=terms)
        (created,) = run_statement(transaction, _RELATIONS, relations=batch)
        if created["number"] != len(batch):
            raise Conflict(f"terms vanished from {self.graph.address} meanwhile: try again")

    def _note(self, transaction: Transaction, **properties: Any) -> None:
        run_statement(transaction, _SET, table=self.table, properties=properties)


def read_knowledge_ledgers(graph: Graph) -> list[GraphRow]:
    """Return the properties of the KnowledgeLoad of each table, sorted by its name."""
    return [row["ledger"] for row in graph.read(_LEDGERS)]


def _build_key(table: str, term: Term) -> str:
    return "\t".join((table, *term))  # which none of them holds


def build_term(table: str, term: Term) -> dict[str, str]:
    """Return the properties of the Knowledge node of a term."""
    return {"key": _build_key(table, term), "table": table, "code": term.code, "name": term.name}


def _build_row(table: str, known: KnownRelation) -> GraphRow:
    """Return a relation as the graph gives it back: head and tail are keys of terms."""
    stated = {"relation": known.relation, "count": known.count}
    return {
        "head": _build_key(table, known.head),
        "known": stated,
        "tail": _build_key(table, known.tail),
    }


def _write_line(row: GraphRow) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def digest_relations(relations: Iterable[GraphRow]) -> str:
    """Return the digest of relations as the graph gives them back, in whatever order."""
    text = "\n".join(sorted(map(_write_line, relations)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
