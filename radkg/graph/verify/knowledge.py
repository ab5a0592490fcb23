"""What can be wrong with tables of relations from elsewhere, as their ledgers say."""

from __future__ import annotations

from collections.abc import Sequence

from radkg.graph.engine.client import Graph
from radkg.graph.load.knowledge import build_term, digest_relations
from radkg.graph.rows.nested import GraphRow
from radkg.schema.known import Term

_NUM_TERMS = "MATCH (k:Knowledge {table: $table}) RETURN count(k) AS number"
_ALL_TERMS = "MATCH (k:Knowledge) RETURN properties(k) AS term"
_ALL_RELATIONS = "MATCH ()-[k:KNOWN]->() RETURN count(k) AS number"
_OF_TABLE = """
MATCH (head:Knowledge {table: $table})-[known:KNOWN]->(tail)
RETURN head.key AS head, properties(known) AS known, tail.key AS tail
"""


def find_knowledge_problems(graph: Graph, ledgers: Sequence[GraphRow]) -> list[str]:
    """Return what is wrong with the tables in the graph: at most one line a table, and unexpected.

    No file is needed: a table whose import ended has the terms and relations that its ledger names.

    Args:
        graph: an open graph.
        ledgers: properties of the KnowledgeLoads of the tables.
    """
    problems = []
    for ledger in ledgers:
        table = ledger["key"]
        if ledger.get("complete") is not True:
            problems.append(
                f"the import of table {table} did not end: import it again, or remove it"
            )
        elif not _is_as_imported(graph, ledger):
            problems.append(
                f"table {table} is not as it was imported: remove it and import it again"
            )
    if not problems and ledgers:
        relations = sum(ledger["relations"] for ledger in ledgers)
        found = graph.read(_ALL_RELATIONS)[0]["number"]
        if found != relations:
            problems.append(f"{found} KNOWN in the graph, {relations} expected")
    tables = {ledger["key"] for ledger in ledgers}
    terms = [row["term"] for row in graph.read(_ALL_TERMS)]
    unexpected = sum(not _is_term(term, tables) for term in terms)
    if unexpected:
        problems.append(
            f"{unexpected} Knowledge that are no terms of an imported table: import it, or delete"
            " them"
        )
    return problems


def _is_as_imported(graph: Graph, ledger: GraphRow) -> bool:
    table = ledger["key"]
    terms = graph.read(_NUM_TERMS, table=table)[0]["number"]
    found = digest_relations(graph.read(_OF_TABLE, table=table))
    return (found, terms) == (ledger["digest"], ledger["terms"])


def _is_term(term: GraphRow, tables: set[str]) -> bool:
    table = term.get("table")
    named = Term(str(term.get("code")), str(term.get("name")))
    return table in tables and term == build_term(str(table), named)
