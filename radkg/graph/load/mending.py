"""What `--repair` removes: what bears radkg's names in the graph, and no load has written.

A name of radkg's (rows/model.py) on a node or a relationship makes it an answer to somebody's
question, so it goes. What another application has put on a node of ours (a label, a property, a
relationship of its own type) is not ours to delete: such a node stays, and verify says what a
person has to do. Of what other runs have loaded nothing is removed that could be theirs.

Two passes: before the studies are written, so that nothing wrong is taken for theirs, and after,
when nothing may be left that no study owns.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load.bookkeeping import read_books
from radkg.graph.load.sum_statements import SWEEP_STRAYS as SWEEP_STRAY_SUMS
from radkg.graph.migrations.steps import list_missing_constraints
from radkg.graph.rows.model import ENDS, HELD, LABELS, OWNED

BATCH = 10_000  # nodes or relationships that one transaction deletes

# What is deleted is collected first, as in statements.py.
_REMOVE = """
WITH n LIMIT $limit
WITH collect(n) AS found
FOREACH (n IN found | {delete} n)
RETURN size(found) AS number
"""
_DELETE, _DETACH = (_REMOVE.format(delete=verb) for verb in ("DELETE", "DETACH DELETE"))

_STRANGE = f"""
MATCH (n:{{label}})
WHERE elementId(n) IN $ids AND size([l IN labels(n) WHERE l IN $labels]) = 1
{_DETACH}
"""

# Of two labels of ours the relationships of a node tell which one is by hand.
_RELABEL = """
MATCH (n:{label})
WHERE size([l IN labels(n) WHERE l IN $labels]) > 1 AND {strange}
WITH collect(n) AS found
FOREACH (n IN found | REMOVE n:{label})
RETURN size(found) AS number
"""
_ALSO_OWNED = "any(l IN labels(n) WHERE l IN $owned)"  # a ledger has no owner

_WRONG_ENDS = f"""
MATCH (a)-[n:{{type}}]->(b)
WHERE NOT (a:{{head}} AND b:{{tail}})
  AND (any(l IN labels(a) WHERE l IN $labels) OR any(l IN labels(b) WHERE l IN $labels))
{_DELETE}
"""

_WRONG_OWNERS = {
    "HAS_STUDY": f"""
    MATCH (p:Patient)-[n:HAS_STUDY]->(s:Study)
    WHERE coalesce(p.archive <> s.archive, true) {_DELETE}
    """,
    "HAS_EXTRACTION": f"""
    MATCH (s:Study)-[n:HAS_EXTRACTION]->(x:Extraction)
    WHERE coalesce(x.key <> s.key + '|' + x.extractor, true) {_DELETE}
    """,
    "HAS_DRAFT": f"""
    MATCH (s:Study)-[n:HAS_DRAFT]->(d:Draft)
    WHERE coalesce(d.key <> s.key + '|' + d.reporter, true) {_DELETE}
    """,
}

# Where the constraint was dropped: the one that most hangs at stays.
_DOUBLED = (
    """
MATCH (n:{label})
WHERE n.{name} IS NOT NULL
WITH n, COUNT {{ (n)--() }} AS held ORDER BY held DESC
WITH n.{name} AS value, collect(n) AS found
WHERE size(found) > 1
UNWIND found[1..] AS n
"""
    + _DETACH
)

_UNOWNED = f"MATCH (n:{{label}}) WHERE NOT {{owned}} AND NOT {HELD} {_DETACH}"


# They go with the nodes that a load replaces.
_ATTACHED = """
MATCH (n:{label})-[r]-()
WHERE NOT type(r) IN $types
RETURN type(r) AS type, count(r) AS number
"""
_KINDS = (
    "CALL db.relationshipTypes() YIELD relationshipType RETURN collect(relationshipType) AS all"
)


def remove_strays(graph: Graph) -> Counter[str]:
    """Remove what no load has written and what could be taken for a study's; return how many.

    By label or relationship type; `Study label` is a label that was taken off a node, and `X at a
    Mention` are relationships of another application's type X at mentions, which the load replaces.
    To be called before constraints are made anew, which doubled keys would forbid.
    """
    removed: Counter[str] = Counter()
    for label in [*OWNED, *(label for label in LABELS if label not in OWNED)]:
        strange = f"NOT {OWNED[label]}" if label in OWNED else _ALSO_OWNED
        statement = _RELABEL.format(label=label, strange=strange)
        removed[f"{label} label"] += _run(graph, statement, labels=LABELS, owned=list(OWNED))
    for label, ids in read_books(graph).strange.items():
        removed[label] += _repeat(graph, _STRANGE.format(label=label), ids=ids, labels=LABELS)
    for label, name in list_missing_constraints(graph):
        removed[label] += _repeat(graph, _DOUBLED.format(label=label, name=name))
    for kind, (head, tail) in ENDS.items():
        statement = _WRONG_ENDS.format(type=kind, head=head, tail=tail)
        removed[kind] += _repeat(graph, statement, labels=LABELS)
    for kind, statement in _WRONG_OWNERS.items():
        removed[kind] += _repeat(graph, statement)
    return +(removed + _count_attached(graph))


def sweep_unowned(transaction: Transaction) -> Counter[str]:
    """Remove what no study owns, and sums of no load; return how many, by label."""
    removed: Counter[str] = Counter()
    run_statement(transaction, SWEEP_STRAY_SUMS)
    # a study takes its extractions, these their mentions; patients and concepts are left alone last
    order = ("Study", "Extraction", "Mention", "Draft", "Claim", "Patient", "Concept")
    for label in order:
        statement = _UNOWNED.format(label=label, owned=OWNED[label])
        scope = {"types": list(ENDS), "limit": BATCH}
        while (found := run_statement(transaction, statement, **scope)[0]["number"]) > 0:
            removed[label] += found
    return removed


def _count_attached(graph: Graph) -> Counter[str]:
    """Return how many relationships of others hang at nodes that this load is to replace."""
    found: Counter[str] = Counter()
    if not set(graph.read(_KINDS)[0]["all"]) <= ENDS.keys():
        for label in ("Extraction", "Mention"):
            for row in graph.read(_ATTACHED.format(label=label), types=list(ENDS)):
                found[f"{row['type']} at a {label}"] += row["number"]
    return found


def _repeat(graph: Graph, statement: str, **parameters: Any) -> int:
    """Run a statement that removes some of what it finds until it finds nothing."""
    removed = 0
    while (found := _run(graph, statement, limit=BATCH, **parameters)) > 0:
        removed += found
    return removed


def _run(graph: Graph, statement: str, **parameters: Any) -> int:
    parameters = {n: list(v) if isinstance(v, tuple) else v for n, v in parameters.items()}
    (row,) = graph.write(partial(_write, statement, parameters))
    return int(row["number"])


def _write(statement: str, parameters: dict[str, Any], transaction: Transaction) -> Any:
    return run_statement(transaction, statement, **parameters)
